from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab
from video.conftest import pan, write_film

from colorful import Colorizer, colorize_frames
from colorful.errors import KindError, OptionError, RangeError, ShapeError
from colorful.models import SIGGRAPH17
from colorful.video import evaluate_film, preview_video
from colorful.video.motion import Motion
from colorful.video.stages import Crew, Scene, Settling, Wait


def flicker(frames: list[np.ndarray]) -> float:
    """Measure how far ab of the middle is from the frame before, on average."""
    ab = [rgb2lab(frame)[..., 1:] for frame in frames]
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(ab)]))


def shaking(count: int) -> list[np.ndarray]:
    """Film one photo with heavy grain: what is seen stays where it is."""
    random = np.random.default_rng(0)
    grey = pan("coffee", 1, height=96, width=128)[0].mean(-1) / 255
    return [np.clip(grey + random.normal(0, 0.06, grey.shape), 0, 1).astype(np.float32) for _ in range(count)]


def test_alone_each_frame_is_a_photo(colorizer: Colorizer) -> None:
    """With ``steady=0`` frames are what ``colorize`` makes of each, of their type and with their L."""
    frames = [frame.mean(-1).astype(np.uint8) for frame in pan("coffee", 3)]
    for frame, rgb in zip(frames, colorize_frames(frames, colorizer=colorizer, steady=0), strict=True):
        single = colorizer.colorize(frame)
        assert isinstance(rgb, np.ndarray)
        assert rgb.dtype == np.uint8
        assert np.abs(rgb.astype(int) - single).max() <= 1
    images = [Image.fromarray(frame) for frame in frames]
    assert all(isinstance(image, Image.Image) for image in colorize_frames(images, colorizer=colorizer))


def test_frames_follow_an_example(colorizer: Colorizer) -> None:
    """With one frame in color as the example, the others come much nearer to their true colors."""
    real = pan("coffee", 6, height=96, width=128, step=2)
    frames = [frame.mean(-1).astype(np.uint8) for frame in real]
    follower = colorizer.liking(real[0])
    ways = [
        np.stack(list(colorize_frames(frames, colorizer=each))).astype(float)
        for each in (colorizer, follower)
    ]
    plain, followed = (np.square(way - real).mean() for way in ways)
    assert followed < 0.5 * plain


@pytest.mark.parametrize("wait", ["short", "long"])
def test_colors_are_steady(colorizer: Colorizer, wait: Wait) -> None:
    """Where nothing moves colors flicker at most half as much as frame by frame, and are as vivid."""
    frames = shaking(60)
    alone = list(colorize_frames(frames, colorizer=colorizer, steady=0))
    steady = list(colorize_frames(frames, colorizer=colorizer, wait=wait))
    assert len(steady) == 60
    assert flicker(steady[8:]) < flicker(alone[8:]) / 2
    chroma = [np.hypot(*rgb2lab(np.stack(f))[..., 1:].transpose(3, 0, 1, 2)).mean() for f in (steady, alone)]
    assert chroma[0] > 0.85 * chroma[1]


@pytest.mark.parametrize(("wait", "joints"), [("short", range(31, 72, 4)), ("long", [31, 47, 63])])
def test_windows_do_not_show(wait: Wait, joints: Sequence[int]) -> None:
    """Colors change no more where a window of frames ends than elsewhere."""
    random = torch.Generator().manual_seed(0)
    still, sure = torch.zeros(2, 8, 8), torch.ones(8, 8)
    settling = Settling[None](steady=0.97, wait=wait)

    def scenes() -> Iterator[Scene[None]]:
        for number in range(112):
            motion = Motion(still, sure, still, sure, is_cut=False) if number else None
            ab = torch.randn(2, 8, 8, generator=random)
            yield Scene(None, number, 1 / 25, torch.empty(0), motion, ab)

    ab = torch.stack([scene.ab for scene in settling.run(scenes())])
    change = (ab[1:] - ab[:-1]).norm(dim=1).mean(dim=(1, 2))  # change[n]: from frame n to n + 1
    assert change[[*joints]].max() < 2 * change[24:72].median()


@pytest.mark.parametrize(("wait", "most"), [("short", 14), ("long", 38)])
def test_frames_wait_no_longer_than_they_say(colorizer: Colorizer, wait: Wait, most: int) -> None:
    """Some frame waits for as many later ones as the docs say, and none for more."""
    given = 0

    def frames() -> Iterator[np.ndarray]:
        nonlocal given
        for frame in shaking(100):
            given += 1
            yield frame

    later = [
        given - number
        for number, _ in enumerate(colorize_frames(frames(), colorizer=colorizer, wait=wait), 1)
    ]
    assert max(later) == most


def test_a_cut_begins_afresh(colorizer: Colorizer) -> None:
    """What came before a cut does not color what comes after, nor the other way round."""
    first, second = (
        [f.mean(-1).astype(np.uint8) for f in pan(n, 12, step=2)] for n in ("coffee", "astronaut")
    )
    together = list(colorize_frames([*first, *second], colorizer=colorizer, wait="long"))
    apart = [
        *colorize_frames(first, colorizer=colorizer, wait="long"),
        *colorize_frames(second, colorizer=colorizer, wait="long"),
    ]
    for one, other in zip(together, apart, strict=True):
        assert np.abs(np.asarray(one, int) - np.asarray(other, int)).max() <= 2


def test_a_regression_is_steadied_too() -> None:
    """Of a network that says ab itself, ab is averaged along the motion."""
    torch.manual_seed(0)
    colorizer = Colorizer(SIGGRAPH17(), network_size=64)
    frames = shaking(16)
    alone, steady = (list(colorize_frames(frames, colorizer=colorizer, steady=s)) for s in (0, 0.97))
    assert flicker(steady) < flicker(alone)


def test_frames_are_read_as_they_are_needed(colorizer: Colorizer) -> None:
    """Eight frames are enough to get the first one."""
    taken = []

    def camera() -> object:
        for number in range(100):
            taken.append(number)
            yield np.full((48, 64), number, np.uint8)

    next(iter(colorize_frames(camera(), colorizer=colorizer)))  # type: ignore[arg-type]
    assert len(taken) == 8


def test_mistakes_are_named(colorizer: Colorizer) -> None:
    """Frames of two sizes, a single frame, and numbers out of range are errors of ours."""
    grey = np.zeros((48, 64), np.uint8)
    with pytest.raises(ShapeError, match="64 x 48 pixels like the first, got 32 x 48 in frame 1"):
        list(colorize_frames([grey, grey[:, :32]], colorizer=colorizer))
    with pytest.raises(KindError, match="expected several"):
        colorize_frames(grey, colorizer=colorizer)
    with pytest.raises(RangeError, match="rate: expected"):
        colorize_frames([grey], rate=0)
    with pytest.raises(RangeError, match="steady: expected"):
        colorize_frames([grey], steady=-1)
    with pytest.raises(OptionError, match="wait: expected one of short, long, got 'soon'"):
        colorize_frames([], colorizer=colorizer, wait="soon")  # type: ignore[arg-type]


def test_a_preview_shows_the_whole_film(tmp_path: Path, colorizer: Colorizer) -> None:
    """A sheet has frames from the beginning to the end, upright and in color."""
    frames = np.concatenate([pan("coffee", 20), pan("astronaut", 20)])
    film = write_film(tmp_path / "a.mp4", np.ascontiguousarray(np.rot90(frames, 1, (1, 2))), rotation=-90)
    sheet = preview_video(film, colorizer=colorizer, count=4)
    assert sheet.size == (4 * 64, 48)
    tiles = np.asarray(sheet).reshape(48, 4, 64, 3).astype(float)
    assert np.ptp(tiles[:, 0], axis=-1).max() > 30
    same = np.abs(tiles[:, 0] - tiles[:, 1])[:28].mean()
    other = np.abs(tiles[:, 1] - tiles[:, 2])[:28].mean()
    assert same < other
    with pytest.raises(OptionError, match="count: expected"):
        preview_video(film, colorizer=colorizer, count=0)


def test_films_are_scored(tmp_path: Path, colorizer: Colorizer) -> None:
    """Steady colors have a lower warp error than frame by frame; the film's own have no error of light."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 12, height=96, width=128, step=2), pixels="yuv444p")
    scores = {score.way: score for score in evaluate_film(film, colorizer=colorizer, frames=10)}
    assert list(scores) == ["film", "frame by frame", "short wait", "long wait"]
    alone, short, long = (scores[way] for way in ("frame by frame", "short wait", "long wait"))
    assert long.warp_error < short.warp_error < alone.warp_error
    assert scores["film"].psnr == np.inf
    assert 10 < long.psnr < 50
    assert long.colorfulness > 0.8 * alone.colorfulness


def test_damaged_and_tiny_films_are_scored(tmp_path: Path, colorizer: Colorizer) -> None:
    """A damaged frame is passed over, as where the film is colored; a film of few pixels has figures, too."""
    film = write_film(tmp_path / "a.mkv", pan("coffee", 6, height=64, width=64), codec="mpeg4")
    with av.open(str(film)) as container:
        third = [packet for packet in container.demux(video=0) if packet.size][2]
    data = film.read_bytes()
    film.write_bytes(data.replace(bytes(third), bytes(third.size)))
    tiny = write_film(tmp_path / "b.mkv", pan("coffee", 3, height=6, width=6), codec="ffv1")
    for name in (film, tiny):
        for score in evaluate_film(name, colorizer=colorizer)[1:]:
            assert 5 < score.psnr < 60


def test_a_film_without_times_has_a_preview(tmp_path: Path, colorizer: Colorizer) -> None:
    """A bare stream of H.264, which has neither times nor a length, is shown by its first frame at least."""
    film = write_film(tmp_path / "a.h264", pan("coffee", 9))
    assert preview_video(film, colorizer=colorizer).size >= (64, 48)


def test_a_film_is_aged_once(tmp_path: Path, colorizer: Colorizer) -> None:
    """All ways color the same grain: without any memory they have the same errors."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 4, height=96, width=128), pixels="yuv444p")
    random = np.random.default_rng(0)

    def age(rgb: np.ndarray) -> np.ndarray:
        return np.clip(rgb + random.normal(0, 0.1, rgb.shape), 0, 1).astype(np.float32)

    scores = evaluate_film(film, colorizer=colorizer, steady=0, age=age)
    assert len({score.psnr for score in scores[1:]}) == 1


def test_an_error_in_a_stage_is_raised_and_no_thread_stays() -> None:
    """What goes wrong on a stage's thread is raised where its items are taken."""

    def broken() -> object:
        yield 1
        raise ZeroDivisionError

    with Crew(threading.Event()) as team:
        items = team.ahead(broken(), room=2)  # type: ignore[arg-type, var-annotated]
        assert next(items) == 1
        with pytest.raises(ZeroDivisionError):
            next(items)
    assert not any(thread.is_alive() for thread in team._threads)


def test_torch_has_all_its_threads_after_a_film() -> None:
    """The stages compute with one thread each; later threads of the program have as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with Crew(threading.Event()) as team:
            items: Iterator[int] = iter(range(9))
            for _ in range(4):
                items = team.ahead((torch.get_num_threads() for _ in items), room=2)
            assert set(items) == {1}
        with ThreadPoolExecutor(1) as new:
            assert new.submit(torch.get_num_threads).result() == torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)
