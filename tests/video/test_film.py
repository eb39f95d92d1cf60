"""Films with odd names, in odd places, and with more in them than is kept."""

from __future__ import annotations

import gc
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from video.conftest import pan, read_film, write_film

from colorful import Colorizer
from colorful.errors import HintError, VideoError
from colorful.video import colorize_video, evaluate_film, load_timed_hints, preview_video
from colorful.video.film import Film

unix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")


@unix
def test_a_named_pipe_is_refused(tmp_path: Path, colorizer: Colorizer) -> None:
    """Nothing waits for a program at the other end of a pipe: it is no film, and no file of hints."""
    os.mkfifo(tmp_path / "a.mp4")
    for work in (
        lambda: colorize_video(tmp_path / "a.mp4", tmp_path / "b.mp4", colorizer=colorizer),
        lambda: preview_video(tmp_path / "a.mp4", colorizer=colorizer),
        lambda: evaluate_film(tmp_path / "a.mp4", colorizer=colorizer),
    ):
        with pytest.raises(VideoError, match="expected a file, got a named pipe"):
            work()
    with pytest.raises(HintError, match="expected a file, got a named pipe"):
        load_timed_hints(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.ico", "a.avif", "a.mp4"])
def test_a_photo_is_no_film(name: str, tmp_path: Path, colorizer: Colorizer) -> None:
    """A photo, whatever its name, is refused with the command for photos, and how frames become a film."""
    form = {".mp4": "png"}.get(Path(name).suffix)
    Image.fromarray(pan("coffee", 1)[0]).save(tmp_path / name, form)
    for work in (
        lambda: colorize_video(tmp_path / name, tmp_path / "b.mkv", colorizer=colorizer),
        lambda: preview_video(tmp_path / name, colorizer=colorizer),
        lambda: evaluate_film(tmp_path / name, colorizer=colorizer),
    ):
        with pytest.raises(VideoError, match="got a photo: `colorful PHOTO` colors photos, and ffmpeg -fram"):
            work()


def test_frames_in_files_become_a_film(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern and a folder of frames are answered with a command, which makes a film of them."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg here")
    monkeypatch.chdir(tmp_path)
    for number, frame in enumerate(pan("coffee", 3), start=1):
        Image.fromarray(frame).save(f"frame{number:04d}.png")
    for name in ("frame%04d.png", tmp_path):
        with pytest.raises(VideoError, match="makes a film of frames in files") as caught:
            colorize_video(name, "new.mkv", colorizer=colorizer, overwrite=True)
        command = re.search(r"ffmpeg .* film\.mkv", str(caught.value))
        assert command is not None
        subprocess.run(["sh", "-c", f"{command[0]} -y -v error"], check=True)
        assert colorize_video("film.mkv", "new.mkv", colorizer=colorizer, overwrite=True).frames == 3


@pytest.mark.parametrize("name", ["12:30.mkv", "file:a.mkv", "%03d.mkv", "a?b#c.mkv", "-.mkv", " .mkv"])
def test_names_mean_nothing(
    name: str, tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that FFmpeg would read as a protocol, a pattern or an address is that of a file."""
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    monkeypatch.chdir(tmp_path)
    write_film(tmp_path / "a.mkv", pan("coffee", 3)).rename(tmp_path / name)
    summary = colorize_video(name, f"new {name}", colorizer=colorizer)
    assert summary.frames == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, f"new {name}"])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_name_that_is_no_text(ending: str, tmp_path: Path, colorizer: Colorizer) -> None:
    """Bytes that are no UTF-8, in the names of film, result and folder, are names like any other."""
    folder = tmp_path / os.fsdecode(b"alb\xffm")
    folder.mkdir()
    film = write_film(tmp_path / f"a.{ending}", pan("coffee", 3), sound="aac")
    film = film.rename(folder / os.fsdecode(b"f\xfflm." + ending.encode()))
    target = folder / os.fsdecode(b"n\xffw." + ending.encode())
    assert colorize_video(film, target, colorizer=colorizer).frames == 3
    assert {path.name for path in folder.iterdir()} == {film.name, target.name}
    frames = list(read_film(target.rename(tmp_path / f"b.{ending}")))
    assert len(frames) == 3
    assert np.ptp(frames[0].to_ndarray(format="rgb24"), axis=2).max() > 5


@pytest.mark.parametrize("length", [84, 82])
def test_a_long_name(length: int, tmp_path: Path, colorizer: Colorizer) -> None:
    """A name as long as the file system takes is enough: what lies beside it has a shorter one."""
    film = write_film(tmp_path / "a.mkv", pan("coffee", 3))
    target = tmp_path / ("影" * (length - 2) + "a.mkv")
    assert colorize_video(film, target, colorizer=colorizer).frames == 3


@unix
def test_a_pipe_of_the_shell_is_read_once(tmp_path: Path) -> None:
    """``colorful video <(cat film)`` colors what comes through the pipe; a preview would need it twice."""
    film = write_film(tmp_path / "a.mkv", pan("coffee", 3))
    command = f"'{sys.executable}' -m colorful video <(cat '{film}')"
    for more, status in ((f"'{tmp_path}/b.mkv'", 0), (f"'{tmp_path}/c.mkv' --preview '{tmp_path}/c.png'", 2)):
        run = subprocess.run(["bash", "-c", f"{command} {more}"], capture_output=True, text=True, check=False)
        assert run.returncode == status, run.stderr
    assert "read only once" in run.stderr
    assert len(list(read_film(tmp_path / "b.mkv"))) == 3


def test_alpha_that_is_left_out_is_named(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """A film that one can see through is colored without its alpha, and a warning says so; else none does."""
    for codec, pixels, alpha, is_lost in (
        ("ffv1", "yuva420p", 255, False),
        ("ffv1", "yuva420p", 200, True),
        ("ffv1", "bgra", 0, True),
        ("prores_ks", "yuva444p10le", 128, True),
        ("ffv1", "yuv420p", 0, False),
        ("ffv1", "gray", 0, False),
        ("gif", "bgr8", 0, False),
    ):
        ending = {"ffv1": "mkv", "prores_ks": "mov", "gif": "gif"}[codec]
        film = tmp_path / f"{pixels} {alpha}.{ending}"
        with av.open(str(film), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
            for number, rgb in enumerate(pan("coffee", 3)):
                rgba = np.dstack((rgb, np.full(rgb.shape[:2], 255, np.uint8)))
                rgba[:8, :8, 3] = alpha if number else 255  # not yet in the first frame
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
            container.mux(stream.encode(None))
        caplog.clear()
        colorize_video(film, tmp_path / f"new {film.name}.mkv", colorizer=colorizer)
        assert caplog.text.count("alpha is left out") == is_lost, film.name


@pytest.mark.parametrize("ending", ["avi", "mkv", "mp4"])
def test_titles_in_another_encoding_are_kept(ending: str, tmp_path: Path, colorizer: Colorizer) -> None:
    """A title in Latin-1, as old films have it, is no reason to refuse the film, and is one in UTF-8 then."""
    film = write_film(tmp_path / f"a.{ending}", pan("coffee", 3))
    data = film.read_bytes()
    assert data.count(b"A walk") == 1
    film.write_bytes(data.replace(b"A walk", "À pied".encode("latin-1")))
    colorize_video(film, tmp_path / f"b.{ending}", colorizer=colorizer)
    with av.open(str(tmp_path / f"b.{ending}")) as container:
        assert container.metadata["title"] == "À pied"


def test_pixels_of_any_shape_make_a_preview(tmp_path: Path) -> None:
    """However wide pixels are said to be, a glance at a film has as many as its frames."""
    with Film(write_film(tmp_path / "a.mp4", pan("coffee", 3))) as opened:
        opened.facts = replace(opened.facts, aspect=Fraction(200, 1))
        ((_, glance),) = opened.glances(1)
    assert glance.width / glance.height > 200
    assert glance.width * glance.height <= 1.2 * 64 * 48


def test_captions_inside_pictures_are_named(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """Captions of television, which lie in the pictures' own data, are lost with a warning."""
    film = write_film(
        tmp_path / "a.mpg",
        pan("coffee", 3),
        codec="mpeg2video",
        time_base=Fraction(1, 25),
        options={"g": "1", "b": "4M"},
    )
    # By ATSC A/53, part 4: user data of a picture, before its first slice.
    captions = b"\0\0\1\xb2GA94\x03\x41\xff\xfc\x94\x2c\xff"
    raw = tmp_path / "a.m2v"
    with av.open(str(film)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0)]
    raw.write_bytes(b"".join(packet.replace(b"\0\0\1\1", captions + b"\0\0\1\1", 1) for packet in packets))
    for source, is_lost in ((film, False), (raw, True)):
        caplog.clear()
        colorize_video(source, tmp_path / f"{source.suffix[1:]}.mkv", colorizer=colorizer)
        assert ("CEA-608" in caplog.text) == is_lost


def test_frames_that_were_read_are_let_go(tmp_path: Path) -> None:
    """The planes of a frame are free again once it is read, before Python searches for cycles."""
    alive = []
    gc.collect()
    gc.disable()
    try:
        with Film(write_film(tmp_path / "a.mp4", pan("coffee", 30))) as film:
            for _ in film.frames():
                alive.append(sum(type(thing) is av.VideoFrame for thing in gc.get_objects()))
    finally:
        gc.enable()
    assert len(alive) == 30
    assert 0 < max(alive) < 10


def test_what_a_container_has_no_place_for_is_named(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """Notes on the film that MP4 has no place for are lost with a warning; in Matroska all are kept."""
    film = tmp_path / "a.mkv"
    write_film(film, pan("coffee", 3))
    noted = tmp_path / "b.mkv"
    with av.open(str(film)) as old, av.open(str(noted), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        new.metadata.update(title="A walk", projectionist="Anna")
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    for ending, is_lost in (("mkv", False), ("mp4", True)):
        caplog.clear()
        colorize_video(noted, tmp_path / f"c.{ending}", colorizer=colorizer)
        assert ("no place for it" in caplog.text) == is_lost
        assert ("projectionist" in caplog.text.lower()) == is_lost
