from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from video.conftest import packets_of, pan, planes_of, read_film, write_film

from colorful import Colorizer
from colorful.errors import ColorfulError
from colorful.video import colorize_video


def left_behind(folder: Path, *expected: str) -> set[str]:
    """Name what lies in a folder beside what should."""
    return {path.name for path in folder.iterdir()} - set(expected)


def test_half_a_film_is_colored_as_far_as_it_goes(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a file that ends in the middle, what is there becomes a film, and the end is named."""
    whole = write_film(tmp_path / "a.mkv", pan("coffee", 40), options={"g": "5"})
    broken = tmp_path / "b.mkv"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    summary = colorize_video(broken, tmp_path / "c.mkv", colorizer=colorizer)
    assert 15 < summary.frames < 40
    assert len(list(read_film(tmp_path / "c.mkv"))) == summary.frames
    assert not left_behind(tmp_path, "a.mkv", "b.mkv", "c.mkv")


def test_a_damaged_frame_is_named_and_bridged(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """A frame that cannot be decoded is named with its time; the others keep their times and their colors."""
    options = {"slicecrc": "1", "g": "1"}
    film = write_film(tmp_path / "a.mkv", pan("coffee", 20), codec="ffv1", options=options)
    data = bytearray(film.read_bytes())
    packet = packets_of(film, "video")[9][1]
    place = data.find(packet) + 20
    data[place : place + len(packet) - 40] = bytes(len(packet) - 40)
    (tmp_path / "b.mkv").write_bytes(data)
    summary = colorize_video(tmp_path / "b.mkv", tmp_path / "c.mkv", colorizer=colorizer)
    assert summary.damaged
    assert " s: " in summary.damaged[0]
    assert any("damaged" in record.message for record in caplog.records)
    old = {round(frame.time or 0, 3) for frame in read_film(film)}
    new = [round(frame.time or 0, 3) for frame in read_film(tmp_path / "c.mkv")]
    assert len(new) >= 18
    assert set(new) <= old


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_mutations(tmp_path: Path, colorizer: Colorizer, ending: str) -> None:
    """Fifty films with bytes flipped, cut off or repeated become a film or an error of ours, and no rest."""
    film = write_film(tmp_path / f"a.{ending}", pan("coffee", 10), sound="aac")
    whole, dice = film.read_bytes(), random.Random(0)
    outcomes = {"film": 0, "error": 0}
    for number in range(50):
        data = bytearray(whole)
        for _ in range(dice.choice((1, 3, 30))):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        if number % 5 == 0:
            data = data[: dice.randrange(len(data))]
        if number % 7 == 0:
            data[200:200] = data[100 : 100 + dice.randrange(400)]
        film.write_bytes(data)
        target = tmp_path / "b.mkv"
        try:
            summary = colorize_video(film, target, colorizer=colorizer, preset="ultrafast")
        except ColorfulError:
            outcomes["error"] += 1
            assert not target.exists()
        else:
            outcomes["film"] += 1
            assert len(list(read_film(target))) == summary.frames > 0
            target.unlink()
        assert not left_behind(tmp_path, film.name), number
    assert min(outcomes.values()) > 3


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize("deinterlace", [False, True])
def test_a_size_that_changes(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture, deinterlace: bool
) -> None:
    """Frames of another size than the first are scaled to it as by FFmpeg, and named with sizes and time."""
    frames = pan("coffee", 10, height=96, width=128)
    parts = [
        write_film(tmp_path / f"{number}.h264", each, options={"bf": "0"})
        for number, each in enumerate((frames, frames[:, ::2, ::2]))
    ]
    joined, film, wanted = tmp_path / "a.h264", tmp_path / "a.ts", tmp_path / "a.yuv"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    made = ["-fflags", "+genpts", "-r", "25", "-i", joined, "-c", "copy", film]  # begins at 1.4 s
    scaled = ["-i", film, "-vf", "scale=128:96:flags=bicubic", wanted]
    for command in (made, scaled):
        subprocess.run(["ffmpeg", "-v", "error", *command], check=True)
    summary = colorize_video(
        film, tmp_path / "b.mkv", colorizer=colorizer, codec="ffv1", deinterlace=deinterlace
    )
    ours = np.stack([planes_of(frame)[0] for frame in read_film(tmp_path / "b.mkv")])
    assert summary.frames == len(ours) == 20
    luma = np.fromfile(wanted, np.uint8).reshape(20, -1)[:, : 96 * 128].reshape(ours.shape)
    assert np.abs(ours - luma.astype(float)).mean() < (2 if deinterlace else 0.5)
    named = [record.getMessage() for record in caplog.records if "expected frames" in record.message]
    words = "expected frames of 128 x 96 as at its start, got 64 x 48 at 0.40 s; such frames are scaled"
    assert named == [f"{film}: {words}"]


def test_interlaced_films_are_named_and_made_whole(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """An interlaced film is named; with ``deinterlace`` its combs are gone, and its times are the same."""
    smooth = pan("page", 24, height=64, width=96, step=4)
    frames = smooth[::2].copy()
    frames[:, 1::2] = smooth[1::2, 1::2]  # the lower field is taken half a frame later
    film = write_film(
        tmp_path / "a.mkv",
        frames,
        options={"flags": "+ildct+ilme", "x264-params": "tff=1"},
    )
    colorize_video(film, tmp_path / "b.mkv", colorizer=colorizer, codec="ffv1")
    assert any("interlaced" in record.message for record in caplog.records)
    colorize_video(film, tmp_path / "c.mkv", colorizer=colorizer, codec="ffv1", deinterlace=True)
    old, combed, whole = (
        [f.to_ndarray(format="gray") for f in read_film(tmp_path / f"{n}.mkv")] for n in "abc"
    )

    def combs(pictures: list[np.ndarray]) -> float:
        middle = np.stack(pictures[3:9]).astype(float)
        return float(np.abs(2 * middle[:, 1:-1] - middle[:, :-2] - middle[:, 2:]).mean())

    assert combs(whole) < combs(combed) / 1.5
    assert len(whole) == len(old)
    assert [f.time for f in read_film(tmp_path / "c.mkv")] == [f.time for f in read_film(film)]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize("formats", [("yuv420p", "yuv420p10le"), ("yuv420p10le", "yuv420p")])
def test_a_format_that_changes(tmp_path: Path, colorizer: Colorizer, formats: tuple[str, str]) -> None:
    """Where the depth changes in the middle, grey stays as FFmpeg shows it, and times go on."""
    film, frames = tmp_path / "a.ts", pan("coffee", 5)
    parts = [write_film(tmp_path / f"{pixels}.ts", frames, pixels=pixels) for pixels in formats]
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert colorize_video(film, tmp_path / "b.mkv", colorizer=colorizer, codec="ffv1").frames == 10

    def grey(path: Path) -> np.ndarray:
        wanted = ["-vf", "scale=out_range=full,format=gray", "-f", "rawvideo", "-"]
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-fps_mode", "passthrough", *wanted]
        return np.frombuffer(subprocess.check_output(command), np.uint8).astype(int)

    expected = np.concatenate([grey(part) for part in parts])
    assert np.abs(grey(tmp_path / "b.mkv") - expected).max() <= 2
    times = [frame.time or 0 for frame in read_film(tmp_path / "b.mkv")]
    assert np.allclose(np.diff(times), 0.04, atol=0.002)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize("ending", ["ts", "vob"])
@pytest.mark.parametrize("is_piped", [False, True])
def test_times_that_begin_late_and_anew(
    tmp_path: Path, colorizer: Colorizer, ending: str, is_piped: bool
) -> None:
    """Of a recording that begins at 14 hours and then anew, pictures and sound go on from 0, together."""
    whole = write_film(tmp_path / "a.mp4", pan("coffee", 25), sound="aac")
    part, film, made = tmp_path / f"b.{ending}", tmp_path / f"c.{ending}", tmp_path / "d.mkv"
    codecs = ["-c:v", "mpeg2video", "-c:a", "mp2"]
    command = ["ffmpeg", "-v", "error", "-i", str(whole), *codecs, "-output_ts_offset", "50000", str(part)]
    subprocess.run(command, check=True)
    film.write_bytes(2 * part.read_bytes())
    with film.open("rb", buffering=0) as file:
        assert colorize_video(file if is_piped else film, made, colorizer=colorizer).frames == 50
    times = [frame.time or 0 for frame in read_film(made)]
    assert times[0] < 0.1
    assert np.allclose(np.diff(times), 0.04, atol=0.03)
    sound = packets_of(made, "audio")
    assert [data for _, data in sound] == 2 * [data for _, data in packets_of(part, "audio")]
    assert abs((sound[-1][0] or 0) / 1000 - times[-1]) < 0.1


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_a_film_that_ends_within_a_frame(tmp_path: Path, colorizer: Colorizer, ending: str) -> None:
    """Of a download that broke off, all whole frames are colored, and the one that is cut is named."""
    film = tmp_path / f"b.{ending}"
    command = ["ffmpeg", "-v", "error", "-i", str(write_film(tmp_path / "a.mp4", pan("coffee", 40)))]
    subprocess.run([*command, "-c", "copy", "-movflags", "+faststart", str(film)], check=True)
    with av.open(str(film)) as container:
        last = [packet for packet in container.demux(video=0) if packet.size][29]
        end = (last.pos or 0) + last.size // 2 + 8  # AVI has eight bytes before each
    film.write_bytes(film.read_bytes()[:end])
    summary = colorize_video(film, tmp_path / "c.mkv", colorizer=colorizer)
    assert summary.frames == 29
    assert len(summary.damaged) == 1
    assert "the file ends within the frame" in summary.damaged[0]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_sound_whose_times_go_back_is_copied(tmp_path: Path, colorizer: Colorizer, ending: str) -> None:
    """Where a stream was put together with 50 ms of sound twice, all of it is there, hardly moved."""
    whole = write_film(tmp_path / "a.mp4", pan("coffee", 25), sound="aac")
    film, made, parts = tmp_path / "c.ts", tmp_path / f"d.{ending}", []
    for offset in ("0", "1.02"):
        part = tmp_path / f"{offset}.ts"
        command = ["ffmpeg", "-v", "error", "-i", str(whole), "-c", "copy", "-output_ts_offset", offset]
        subprocess.run([*command, str(part)], check=True)
        parts.append(part)
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    stamps = [stamp or 0 for stamp, _ in packets_of(film, "audio")]
    assert -0.1 * 90000 < min(np.diff(stamps)) < 0
    assert colorize_video(film, made, colorizer=colorizer).frames == 50
    assert len(packets_of(made, "audio")) == len(stamps)
    with av.open(str(made)) as container:
        times = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.pts is not None]
    assert min(np.diff(times)) >= 0
    assert abs(times[-1] - (stamps[-1] - stamps[0]) / 90000) < 0.03


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_repeated_frames_are_no_damage(tmp_path: Path, colorizer: Colorizer) -> None:
    """A packet of no bytes, by which Theora shows a frame again, is not told as damage."""
    film = tmp_path / "a.ogv"
    source = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.4"]
    subprocess.run(["ffmpeg", "-v", "error", *source, "-c:v", "libtheora", str(film)], check=True)
    with av.open(str(film)) as container:
        assert any(not p.size and p.pts is not None for p in container.demux(video=0))
    assert not colorize_video(film, tmp_path / "b.mkv", colorizer=colorizer).damaged
