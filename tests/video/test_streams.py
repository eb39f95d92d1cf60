from __future__ import annotations

import errno
import io
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from video.conftest import packets_of, pan, planes_of, read_film, write_film

from colorful import Colorizer
from colorful.errors import OptionError, OutputExistsError, RangeError, VideoError, VideoNotFoundError
from colorful.video import colorize_video
from colorful.video import film as video_film


def probe(path: Path) -> dict[str, object]:
    """Ask ffprobe, which is not ours, about a film's pictures."""
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed")
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_streams", "-of", "json", str(path)]
    streams: list[dict[str, object]] = json.loads(subprocess.check_output(command))["streams"]
    return streams[0]


@pytest.mark.parametrize(
    ("pixels", "range_"), [("yuv420p", 1), ("yuv420p10le", 1), ("yuv420p", 2), ("yuv444p", 1), ("gray", 2)]
)
def test_luma_is_passed_on(tmp_path: Path, colorizer: Colorizer, pixels: str, range_: int) -> None:
    """Each code of a film's luma is in the result, to the last bit; chroma is new."""
    codec = "ffv1" if pixels == "gray" else "libx264"
    options = {"color_range": range_} if codec == "libx264" else {"options": {"crf": "0"}}
    if codec == "ffv1":
        options = {"options": {}}
    film = write_film(tmp_path / "a.mkv", pan("coffee", 4), pixels=pixels, codec=codec, **options)
    colorize_video(film, tmp_path / "b.mkv", colorizer=colorizer, codec="ffv1")
    before, after = list(read_film(film)), list(read_film(tmp_path / "b.mkv"))
    assert len(after) == len(before) == 4
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(planes_of(old)[0], planes_of(new)[0])
        assert new.color_range == range_
        middle = 128 if planes_of(new)[1].dtype == np.uint8 else 512
        assert np.ptp(planes_of(new)[1]) > 0
        assert abs(planes_of(new)[2].mean() - middle) < middle / 2
    assert after[0].format.name == ("yuv420p10le" if "10" in pixels else "yuv420p")


@pytest.mark.parametrize(
    ("pixels", "codec", "ending", "place"), [("uyvy422", "rawvideo", "avi", 1), ("ya8", "png", "mov", 0)]
)
def test_luma_among_other_codes_is_passed_on(
    tmp_path: Path, colorizer: Colorizer, pixels: str, codec: str, ending: str, place: int
) -> None:
    """Luma that is stored between chroma or alpha stays as it is, too."""
    film = write_film(tmp_path / f"a.{ending}", pan("coffee", 2), codec=codec, pixels=pixels)
    colorize_video(film, tmp_path / "b.mkv", colorizer=colorizer, codec="ffv1")
    for old, new in zip(read_film(film), read_film(tmp_path / "b.mkv"), strict=True):
        stored = np.frombuffer(old.planes[0], np.uint8).reshape(48, -1)[:, place:128:2]
        assert np.array_equal(planes_of(new)[0], stored)


def test_shape_of_pixels_that_is_lost_is_named(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a file does not tell the shape of pixels, as ffprobe reads it, a warning says so."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 2), sample_aspect_ratio=Fraction(16, 11))
    for codec, ending in (("vp9", "webm"), ("ffv1", "mkv"), ("vp9", "mp4"), ("h264", "mkv")):
        caplog.clear()
        made = tmp_path / f"{codec}.{ending}"
        colorize_video(film, made, colorizer=colorizer, codec=codec)
        is_kept = probe(made).get("sample_aspect_ratio") == "16:11"
        assert ("shape of its pixels" in caplog.text) == (not is_kept), made
        assert is_kept == (ending == "mp4" or codec == "h264")


def test_times_of_a_variable_rate_are_kept(tmp_path: Path, colorizer: Colorizer) -> None:
    """Frames that are shown for different times have the same time stamps in the result."""
    stamps = [0, 40, 50, 170, 171, 500, 1000, 1003, 1500, 1600]
    film = write_film(tmp_path / "a.mp4", pan("coffee", 10), stamps=stamps)
    colorize_video(film, tmp_path / "b.mp4", colorizer=colorizer)
    times = [frame.time for frame in read_film(tmp_path / "b.mp4")]
    assert times == [frame.time for frame in read_film(film)] == [stamp / 1000 for stamp in stamps]
    assert probe(tmp_path / "b.mp4")["nb_frames"] == "10"


def test_parts_of_a_variable_rate_fit_together(tmp_path: Path, colorizer: Colorizer) -> None:
    """Where a quick shot is followed by a slow one, no time stamp changes at the seam."""
    frames = np.concatenate([pan("coffee", 110), pan("astronaut", 20)])
    stamps = [*range(0, 1100, 10), *range(1100, 1100 + 20 * 400, 400)]
    film = write_film(tmp_path / "a.mp4", frames, stamps=stamps)
    colorize_video(film, tmp_path / "b.mp4", colorizer=colorizer)
    assert [frame.time for frame in read_film(tmp_path / "b.mp4")] == [stamp / 1000 for stamp in stamps]
    with av.open(str(tmp_path / "b.mp4")) as container:
        due = [packet.dts for packet in container.demux(video=0) if packet.dts is not None]
    assert due == sorted(set(due))


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_times_in_avi(tmp_path: Path, colorizer: Colorizer, codec: str) -> None:
    """AVI knows only when packets are decoded: frames of both directions keep their times, from and to it."""
    frames = pan("coffee", 25, height=96, width=128, step=3)
    film = write_film(tmp_path / "a.avi", frames, codec=codec, time_base=Fraction(1, 25), max_b_frames=2)
    assert {int(frame.pict_type) for frame in read_film(film)} == {1, 2, 3}
    data = bytearray(film.read_bytes())
    with av.open(str(film)) as container:
        second = [packet for packet in container.demux(video=0) if packet.size][1]
    data[second.pos : second.pos + second.size] = bytes(second.size)
    (tmp_path / "damaged.avi").write_bytes(data)
    for source, ending, lost in (("a", "mkv", 0), ("a", "avi", 0), ("damaged", "mkv", 1)):
        result = tmp_path / f"{source} new.{ending}"
        summary = colorize_video(tmp_path / f"{source}.avi", result, colorizer=colorizer)
        shown = list(read_film(result))
        # FFmpeg guesses when a frame of AVI is shown; its packets are decoded as they come.
        times = [frame.dts / 25 if ending == "avi" else frame.time for frame in shown]
        assert ending != "avi" or {int(frame.pict_type) for frame in shown} == {1, 2}
        assert times[-15 if lost else 0 :] == [number / 25 for number in range(25)][-15 if lost else 0 :]
        assert bool(summary.damaged) == bool(lost)
        assert "Errno" not in str(summary.damaged)


def test_time_codes_are_kept(tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture) -> None:
    """What a camera's clock said when a film began is in the result, and no warning says otherwise."""
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        container.metadata["timecode"] = "01:02:03:04"
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = 48, 64
        for rgb in pan("coffee", 3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    for ending in ("mov", "mp4", "mkv", "avi"):
        colorize_video(tmp_path / "a.mov", tmp_path / f"b.{ending}", colorizer=colorizer)
        with av.open(str(tmp_path / f"b.{ending}")) as container:
            notes = [container.metadata, *(stream.metadata for stream in container.streams)]
        assert "01:02:03:04" in [its[key] for its in notes for key in its if key.lower() == "timecode"]
        assert not caplog.text, ending


@pytest.mark.parametrize(("ending", "sound"), [("mp4", "aac"), ("mkv", "flac"), ("mov", "pcm_s16le")])
def test_sound_is_copied(tmp_path: Path, colorizer: Colorizer, ending: str, sound: str) -> None:
    """The packets of sound are the film's own, byte by byte, at the same times."""
    film = write_film(tmp_path / f"a.{ending}", pan("coffee", 25), sound=sound)
    colorize_video(film, tmp_path / f"b.{ending}", colorizer=colorizer)
    assert packets_of(tmp_path / f"b.{ending}", "audio") == packets_of(film, "audio")


def test_sound_that_cannot_be_read_to_its_end_is_no_success(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a share fails while sound is copied, there is no result with half of it; the next run goes on."""
    film, target = write_film(tmp_path / "a.mkv", pan("coffee", 25), sound="flac"), tmp_path / "b.mkv"
    demux, reading = video_film._packets, count()

    def packets(container: Any) -> Iterator[Any]:
        is_second = next(reading) == 1
        for number, packet in enumerate(demux(container)):
            if is_second and number == 9:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            yield packet

    monkeypatch.setattr(video_film, "_packets", packets)
    with pytest.raises(VideoError, match=r"sound cannot be read: Input/output error"):
        colorize_video(film, target, colorizer=colorizer)
    assert not target.exists()
    monkeypatch.undo()
    assert colorize_video(film, target, colorizer=colorizer).resumed == 25
    assert packets_of(target, "audio") == packets_of(film, "audio")


def test_subtitles_notes_and_chapters_are_copied(tmp_path: Path, colorizer: Colorizer) -> None:
    """Subtitles keep their words and times, the film its title; a note says that a model made the colors."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    (tmp_path / "a.srt").write_text("1\n00:00:00,100 --> 00:00:00,500\nHello.\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text(
        ";FFMETADATA1\ntitle=A walk\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=Out\n",
        encoding="utf-8",
    )
    write_film(tmp_path / "a.mp4", pan("coffee", 25), sound="aac")
    inputs = [argument for name in ("a.mp4", "a.srt", "a.txt") for argument in ("-i", str(tmp_path / name))]
    film = tmp_path / "b.mkv"
    command = ["ffmpeg", "-v", "error", *inputs, "-map_metadata", "2", "-c", "copy", "-map", "0", "-map", "1"]
    subprocess.run([*command, str(film)], check=True)
    result = tmp_path / "c.mkv"
    colorize_video(film, result, colorizer=colorizer)
    assert packets_of(result, "subtitle") == packets_of(film, "subtitle")
    with av.open(str(result)) as container:
        metadata = {key.lower(): value for key, value in container.metadata.items()}
        assert metadata["title"] == "A walk"
        assert "colors made by the model lite" in metadata["comment"]
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Out"]
    colorize_video(film, result, colorizer=colorizer, overwrite=True, provenance=False)
    with av.open(str(result)) as container:
        assert "comment" not in {key.lower() for key in container.metadata}


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_turned_film_stays_turned(tmp_path: Path, colorizer: Colorizer, degrees: int) -> None:
    """The turn that players make is kept, and the network sees the film upright, like one not turned."""
    upright = pan("astronaut", 3, height=64, width=64)
    lying = np.ascontiguousarray(np.rot90(upright, -degrees // 90, (1, 2)))
    options = {"codec": "libx264", "options": {"crf": "0"}, "pixels": "yuv444p"}
    turned = write_film(tmp_path / "a.mp4", lying, rotation=degrees, **options)
    straight = write_film(tmp_path / "b.mp4", upright, **options)
    for name in ("a", "b"):
        colorize_video(
            tmp_path / f"{name}.mp4",
            tmp_path / f"{name}.mkv",
            colorizer=colorizer,
            codec="ffv1",
            subsampling="444",
        )
    assert next(read_film(tmp_path / "a.mkv")).rotation == next(read_film(turned)).rotation
    assert next(read_film(straight)).rotation == 0
    for old, new in zip(read_film(tmp_path / "b.mkv"), read_film(tmp_path / "a.mkv"), strict=True):
        for expected, got in zip(planes_of(old), planes_of(new), strict=True):
            assert np.abs(np.rot90(got, degrees // 90).astype(int) - expected).max() <= 2


def test_shape_of_pixels_and_kind_of_color_are_kept(tmp_path: Path, colorizer: Colorizer) -> None:
    """Aspect, matrix, primaries and transfer of the film are those of the result, as ffprobe reads them."""
    film = write_film(
        tmp_path / "a.mp4",
        pan("coffee", 3),
        sample_aspect_ratio=Fraction(16, 11),
        colorspace=5,
        color_primaries=5,
        color_trc=1,
        color_range=1,
    )
    colorize_video(film, tmp_path / "b.mp4", colorizer=colorizer)
    before, after = probe(film), probe(tmp_path / "b.mp4")
    for key in ("sample_aspect_ratio", "color_space", "color_primaries", "color_transfer", "color_range"):
        assert after[key] == before[key], key
    assert after["sample_aspect_ratio"] == "16:11"


def writes(encoder: str, pixels: str) -> bool:
    """Ask FFmpeg whether its encoder, as it was built, takes a pixel format."""
    return pixels in {kind.name for kind in av.Codec(encoder, "w").video_formats or ()}


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "av1", "ffv1"])
def test_codecs(tmp_path: Path, colorizer: Colorizer, codec: str) -> None:
    """A film can be written with each codec that is offered, of 8 and of 10 bits, at the same priority."""
    policy = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None
    for pixels in ("yuv420p", "yuv420p10le"):
        film = write_film(tmp_path / "a.mp4", pan("coffee", 3), pixels=pixels)
        if codec == "vp9" and "10" in pixels and not writes("libvpx-vp9", pixels):
            with pytest.raises(OptionError, match="codec: expected one that can write 10 bits in 420"):
                colorize_video(film, tmp_path / "c.mkv", colorizer=colorizer, codec=codec)
            continue
        colorize_video(film, tmp_path / "b.mkv", colorizer=colorizer, codec=codec, overwrite=True)
        frames = list(read_film(tmp_path / "b.mkv"))
        assert len(frames) == 3
        assert frames[0].format.components[0].bits == (10 if "10" in pixels else 8)
        assert policy is None or os.sched_getscheduler(0) == policy


def test_an_odd_size_stays(tmp_path: Path, colorizer: Colorizer) -> None:
    """A film of 63 x 47 pixels keeps that size, also in H.264, whose usual form cannot have it."""
    film = write_film(
        tmp_path / "a.mkv",
        pan("coffee", 3, height=47, width=63),
        codec="ffv1",
        options={"crf": "0"},
        pixels="yuv444p",
    )
    for name, codec in (("b.mkv", "h264"), ("c.mkv", "ffv1")):
        colorize_video(film, tmp_path / name, colorizer=colorizer, codec=codec)
        frame = next(read_film(tmp_path / name))
        assert (frame.width, frame.height) == (63, 47)
        assert frame.format.name == ("yuv444p" if codec == "h264" else "yuv420p")


def test_through_a_pipe(tmp_path: Path, colorizer: Colorizer) -> None:
    """A film goes from a stream that cannot be sought to one, with its times and its sound."""

    class Pipe(io.RawIOBase):
        def __init__(self, data: bytes = b"") -> None:
            self.data = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def writable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self.data.read(size)

        def write(self, data: bytes) -> int:  # type: ignore[override]
            return self.data.write(data)

    film = write_film(tmp_path / "a.mkv", pan("coffee", 30), sound="aac")
    out = Pipe()
    summary = colorize_video(Pipe(film.read_bytes()), out, colorizer=colorizer)
    (tmp_path / "b.mkv").write_bytes(out.data.getvalue())
    assert summary.frames == 30
    assert [f.time for f in read_film(tmp_path / "b.mkv")] == [f.time for f in read_film(film)]
    assert packets_of(tmp_path / "b.mkv", "audio") == packets_of(film, "audio")


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_whoever_reads_a_pipe_may_go(tmp_path: Path, colorizer: Colorizer, taken: int) -> None:
    """A reader that goes away early is that error, and no other; ``colorful video`` ends quietly then."""

    class Leaving(io.RawIOBase):
        left = taken

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.left -= 1
            if self.left < 0:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            return len(data)

    film = write_film(tmp_path / "a.mkv", pan("coffee", 24, height=96, width=128))
    with pytest.raises(BrokenPipeError):
        colorize_video(film, Leaving(), colorizer=colorizer, codec="ffv1")


def test_a_film_that_no_pipe_can_send_is_refused_as_such(
    tmp_path: Path, colorizer: Colorizer, caplog: pytest.LogCaptureFixture
) -> None:
    """An MP4 whose index stands at its end is no damaged film: the one message says what helps."""
    data = write_film(tmp_path / "a.mp4", pan("coffee", 9)).read_bytes()
    index, gap = data.rindex(b"moov") - 4, 6_000_000  # more than FFmpeg keeps
    film = tmp_path / "late.mp4"
    film.write_bytes(data[:index] + struct.pack(">I4s", gap, b"free") + bytes(gap - 8) + data[index:])
    assert len(list(read_film(film))) == 9
    process = subprocess.Popen(["cat", film], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with (
        process.stdout as pipe,
        pytest.raises(VideoError, match=r"cannot come from a pipe, so give the file$"),
    ):
        colorize_video(pipe, tmp_path / "b.mp4", colorizer=colorizer)
    process.kill()
    process.wait()
    assert not caplog.records


def test_from_a_pipe_to_a_file(tmp_path: Path, colorizer: Colorizer) -> None:
    """A film from a stream goes whole or not at all into a file, which is replaced only if that is wanted."""
    film = write_film(tmp_path / "a.mkv", pan("coffee", 9))
    target = tmp_path / "b.mp4"
    target.write_bytes(b"precious")
    with film.open("rb") as stream, pytest.raises(OutputExistsError, match="exists already"):
        colorize_video(stream, target, colorizer=colorizer)
    assert target.read_bytes() == b"precious"

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with film.open("rb") as stream, pytest.raises(KeyboardInterrupt):
        colorize_video(stream, target, colorizer=colorizer, overwrite=True, progress=stop)
    assert target.read_bytes() == b"precious"
    with film.open("rb") as stream:
        colorize_video(stream, target, colorizer=colorizer, overwrite=True)
    assert len(list(read_film(target))) == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mkv", "b.mp4"]


def test_what_is_no_film_is_refused(tmp_path: Path, colorizer: Colorizer) -> None:
    """No file, an empty one, a text, sound alone: each is named, and nothing is left behind."""
    with pytest.raises(VideoNotFoundError, match="no such file"):
        colorize_video(tmp_path / "none.mp4", tmp_path / "b.mp4", colorizer=colorizer)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("Not a film.", encoding="utf-8")
    write_film(tmp_path / "c.mp4", pan("coffee", 25), sound="aac")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container, av.open(str(tmp_path / "c.mp4")) as film:
        copy = container.add_stream_from_template(film.streams.audio[0])
        for packet in film.demux(audio=0):
            if packet.dts is not None:
                packet.stream = copy
                container.mux(packet)
    before = sorted(path.name for path in tmp_path.iterdir())
    for name, reason in (("empty", "cannot be read"), ("text", "cannot be read"), ("sound", "audio only")):
        with pytest.raises(VideoError, match=reason):
            colorize_video(tmp_path / f"{name}.mp4", tmp_path / "b.mp4", colorizer=colorizer)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_cannot_be_written_is_said_first(tmp_path: Path, colorizer: Colorizer) -> None:
    """Options that do not fit, and sound that the container cannot hold, are errors before the work."""
    film = write_film(tmp_path / "a.mkv", pan("coffee", 3), sound="pcm_s16le")
    calls: list[int] = []
    for target, options, error, words in (
        ("b.txt", {}, OptionError, "format: expected one of"),
        ("b.webm", {"codec": "h264"}, OptionError, "codec: expected one that webm can hold"),
        ("b.mkv", {"crf": 99}, RangeError, "crf: expected 0..51"),
        ("b.mkv", {"codec": "ffv1", "crf": 3}, OptionError, "loses nothing"),
        ("b.mkv", {"codec": "vp9", "preset": "slow"}, OptionError, "preset: expected none"),
        (
            "b.mov",
            {"codec": "vp9"},
            VideoError,
            "mov cannot hold it with pictures by libvpx-vp9; a file whose",
        ),
        ("b.mkv", {"steady": 1.5}, RangeError, "steady: expected a number in"),
        ("b.webm", {}, VideoError, "its sound is pcm_s16le, which webm cannot hold"),
        ("a.mkv", {"overwrite": True}, OutputExistsError, "another file than the film"),
    ):
        with pytest.raises(error, match=words):
            colorize_video(
                film,
                tmp_path / target,
                colorizer=colorizer,
                progress=lambda *frames: calls.extend(frames),
                **options,  # type: ignore[arg-type]
            )
    assert not calls
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_the_advice_about_sound_that_no_container_takes_helps(tmp_path: Path, colorizer: Colorizer) -> None:
    """Sound of old cameras and of Windows Media needs another form first, which the message says."""
    film = write_film(tmp_path / "a.mov", pan("coffee", 3), sound="pcm_mulaw")
    with pytest.raises(VideoError, match="pcm_mulaw, which matroska cannot hold; have FFmpeg") as raised:
        colorize_video(film, tmp_path / "b.mkv", colorizer=colorizer)
    advice = str(raised.value).rpartition(": ")[2]
    command = advice.replace("FILM", str(film)).replace("NEW", str(tmp_path / "c")).split()
    subprocess.run(command, check=True, capture_output=True)
    colorize_video(tmp_path / "c.mkv", tmp_path / "b.mkv", colorizer=colorizer)
    assert packets_of(tmp_path / "b.mkv", "audio") == packets_of(tmp_path / "c.mkv", "audio")


def test_hdr_is_refused(tmp_path: Path, colorizer: Colorizer) -> None:
    """A film for screens of high dynamic range is named as such, since its codes mean another lightness."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 3), pixels="yuv420p10le", color_trc=16)
    with pytest.raises(VideoError, match="PQ"):
        colorize_video(film, tmp_path / "b.mp4", colorizer=colorizer)


def test_two_runs_have_the_same_packets(tmp_path: Path, colorizer: Colorizer) -> None:
    """The encoder, too, makes the same of the same frames each time."""
    frames = pan("coffee", 80, height=180, width=320, step=2)
    frames = (frames * np.linspace(0.5, 1, 80)[:, None, None, None]).astype(np.uint8)
    film = write_film(tmp_path / "a.mp4", frames)
    made = []
    for number in range(4):
        colorize_video(film, tmp_path / f"{number}.mp4", colorizer=colorizer)
        made.append(packets_of(tmp_path / f"{number}.mp4", "video"))
    assert made == 4 * made[:1]
