from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from video.conftest import pan, planes_of, read_film, write_film

from colorful import Colorizer, Hint
from colorful.errors import HintError, KindError, OptionError, UnsupportedOptionError
from colorful.models import ECCV16
from colorful.video import TimedHint, colorize_video, load_timed_hints
from colorful.video.hints import place_hints


def lights(frames: np.ndarray) -> list[tuple[int, float, torch.Tensor]]:
    """Give number, seconds and L as hints are placed by."""
    grey = torch.from_numpy(frames.mean(-1).astype(np.float32)) / 2.55
    return [(number, number / 25, light[None, None]) for number, light in enumerate(grey)]


def test_a_hint_follows_what_it_lies_on() -> None:
    """A spot that moves by two pixels a frame has its hint on it, before the hint's time and after it."""
    frames = pan("coffee", 20, height=96, width=128, step=2)
    hint = Hint(x=70, y=50, color="#c03020", radius=5)
    found = place_hints([TimedHint(10 / 25, hint)], lights(frames), (96, 128), 4)
    assert sorted(found) == list(range(20))
    for number, (placed,) in found.items():
        assert placed.x == pytest.approx(70 - 2 * (number - 10), abs=0.7)
        assert placed.y == pytest.approx(50, abs=0.7)
        assert (placed.color, placed.radius) == ("#c03020", 5)


def test_a_hint_ends_at_cuts_and_at_the_border() -> None:
    """A hint is on the frames of its shot alone, and ends where its spot leaves the frame."""
    frames = np.concatenate(
        [pan(name, 12, height=96, width=128, step=4) for name in ("astronaut", "coffee", "rocket")]
    )
    found = place_hints([TimedHint(18 / 25, Hint(90, 40, "red"))], lights(frames), (96, 128), 4)
    assert sorted(found) == list(range(12, 24))
    found = place_hints([TimedHint(12 / 25, Hint(14, 40, "red"))], lights(frames), (96, 128), 4)
    assert min(found) == 12
    assert max(found) < 18


@pytest.mark.parametrize("grain", [0, 8])
def test_a_hint_comes_back_with_its_spot(grain: int) -> None:
    """A hint is gone while something passes in front of its spot, and is on it again afterward."""
    frames = pan("coffee", 24, height=96, width=128, step=0)
    random = np.random.default_rng(5)
    for number, frame in enumerate(frames):
        left = 6 * number - 40
        frame[:, max(left, 0) : max(left + 30, 0)] = (40, 60, 90)
        frame[:] = (frame + random.normal(0, grain, frame.shape)).clip(0, 255)
    found = place_hints([TimedHint(0, Hint(60, 50, "red"))], lights(frames), (96, 128), 4)
    hidden = {number for number in range(24) if 6 * number - 40 <= 60 < 6 * number - 10}
    assert not hidden & set(found)
    assert {*range(8), *range(22, 24)} <= set(found)
    for (hint,) in found.values():
        assert (hint.x, hint.y) == pytest.approx((60, 50), abs=2)


@pytest.mark.parametrize("given", [0, 35])
def test_a_hint_passes_behind_a_thing_while_the_camera_moves(given: int) -> None:
    """A spot behind a post for 20 frames, while the camera moves on by 80 pixels, gets its hint again."""
    frames = pan("astronaut", 36, height=96, width=320, step=4)
    frames[:, :, 120:200] = (40, 60, 90)
    hint = Hint(222 - 4 * given, 75, "red")
    found = place_hints([TimedHint(given / 25, hint)], lights(frames), (96, 320), 4)
    for number, (placed,) in found.items():
        assert (placed.x, placed.y) == pytest.approx((222 - 4 * number, 75), abs=2)
    assert {*range(4), *range(30, 36)} <= set(found)
    assert not {*range(9, 23)} & set(found)


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_hints_do_not_stay_on_what_passes_in_front(name: str) -> None:
    """Of twelve spots that go behind a post, at most one in twenty is ever taken to be on the post."""
    frames = pan(name, 36, height=96, width=320, step=4)
    frames[:, :, 120:200] = (40, 60, 90)
    points = [(x, y) for x in (215, 222, 230, 240) for y in (20, 50, 75)]
    found = place_hints([TimedHint(0, Hint(x, y, "red")) for x, y in points], lights(frames), (96, 320), 4)
    behind = sum(120 <= x - 4 * number < 200 for number in range(36) for x, _ in points)
    assert behind > 200
    assert sum(120 <= hint.x < 200 for hints in found.values() for hint in hints) < behind / 20


def test_a_hint_leaves_the_picture_and_comes_back() -> None:
    """Where the camera turns away by 80 pixels and back, the hint is on its spot again and nowhere else."""
    frames = pan("coffee", 24, height=96, width=128, step=4)
    frames = np.concatenate([frames, frames[::-1]])
    found = place_hints([TimedHint(0, Hint(12, 50, "red"))], lights(frames), (96, 128), 4)
    assert all(abs(placed.x - (12 - 4 * min(n, 47 - n))) < 2 for n, (placed,) in found.items())
    assert {0, 1, 46, 47} <= set(found)
    assert not {*range(4, 44)} & set(found)


def test_a_hint_holds_on_a_plain_surface() -> None:
    """Where nothing can be followed, as in a sky, a hint stays on what looks the same."""
    frames = pan("coffee", 16, height=96, width=128, step=1)
    sky = np.linspace(170, 190, 128)[:, None]
    for number, frame in enumerate(frames):
        frame[:60] = sky + np.random.default_rng(number).normal(0, 2, (60, 128, 1))
    found = place_hints([TimedHint(8 / 25, Hint(90, 28, "blue"))], lights(frames), (96, 128), 4)
    assert sorted(found) == list(range(16))
    assert all(np.hypot(hint.x - 90, hint.y - 28) < 16 for (hint,) in found.values())


def test_hints_act_through_their_shot_and_not_beyond(tmp_path: Path, colorizer: Colorizer) -> None:
    """Where a red hint lies, the shot turns red in its first frame and its last; the next shot does not."""
    frames = np.concatenate([pan("coffee", 16), pan("astronaut", 8)])
    film = write_film(tmp_path / "a.mkv", frames)
    for name, hints in (("b", []), ("c", [TimedHint(0.3, Hint(32, 24, "#ff2020", radius=20))])):
        colorize_video(film, tmp_path / f"{name}.mkv", colorizer=colorizer, codec="ffv1", hints=hints)
    plain, hinted = (
        [planes_of(frame)[2].astype(int) for frame in read_film(tmp_path / f"{name}.mkv")] for name in "bc"
    )
    change = [float((new - old)[8:16, 12:20].mean()) for new, old in zip(hinted, plain, strict=True)]
    assert min(change[:16]) > 8
    assert max(map(abs, change[16:])) < 1


def test_hints_from_a_file(tmp_path: Path) -> None:
    """The file of --hints is an array of hints with a time; what is wrong with it is said with its number."""
    path = tmp_path / "hints.json"
    path.write_text(json.dumps([{"time": 1.5, "x": 3, "y": 4, "color": "#010203", "radius": 2}]))
    assert load_timed_hints(path) == [TimedHint(1.5, Hint(3, 4, "#010203", 2))]
    for text, words in (
        ("{}", "expected a JSON array, got dict"),
        ("nonsense", "expected a JSON array"),
        ('[{"x": 1, "y": 1, "color": "red"}]', "hint 1 of 1: expected an object with time"),
        ('[{"time": -1, "x": 1, "y": 1, "color": "red"}]', "time: expected seconds, at least 0"),
        ('[{"time": 1, "x": 1, "y": 1, "color": "no"}]', "hint 1 of 1: color: expected a color"),
    ):
        path.write_text(text)
        with pytest.raises(HintError, match=words):
            load_timed_hints(path)


def test_hints_that_cannot_be_are_named(tmp_path: Path, colorizer: Colorizer) -> None:
    """Places and times outside the film, a network without hints, a pipe: errors before the work."""
    film = write_film(tmp_path / "a.mkv", pan("coffee", 4))
    blind = Colorizer(ECCV16())
    inside = TimedHint(0, Hint(1, 1, "red"))
    for hints, model, error, words in (
        ([TimedHint(0, Hint(99, 1, "red"))], colorizer, HintError, "inside the frame of 64 x 48"),
        ([TimedHint(9, Hint(1, 1, "red"))], colorizer, HintError, "times within the film"),
        ([inside], blind, UnsupportedOptionError, "takes no hints"),
        ([Hint(1, 1, "red")], colorizer, KindError, "sequence of TimedHint"),
    ):
        with pytest.raises(error, match=words):
            colorize_video(film, tmp_path / "b.mkv", colorizer=model, hints=hints)  # type: ignore[arg-type]
    with film.open("rb") as pipe, pytest.raises(OptionError, match="hints: expected none for a pipe"):
        colorize_video(pipe, tmp_path / "b.mkv", colorizer=colorizer, hints=[inside])
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]
