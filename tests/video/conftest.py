"""Small films, made on the fly: photos panned in front of the camera, with sound and subtitles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from skimage import data
from skimage.transform import resize

pytest.importorskip("av")
pytest.importorskip("cv2")

import av

from colorful import Colorizer

Frames = npt.NDArray[np.uint8]


@pytest.fixture(scope="session")
def colorizer() -> Colorizer:
    """The bundled model, looking at little: films are many frames."""
    return Colorizer.from_pretrained("lite", network_size=96)


def pan(name: str, count: int, *, height: int = 48, width: int = 64, step: float = 1) -> Frames:
    """Move over a photo: ``(N, H, W, 3)``."""
    photo = getattr(data, name)()
    photo = np.repeat(photo[..., None], 3, 2) if photo.ndim == 2 else photo
    wide = width + int(step * count) + 1
    small = resize(photo, (height, wide), anti_aliasing=True)
    frames = [small[:, int(step * number) : int(step * number) + width] for number in range(count)]
    return np.stack([np.rint(frame * 255).astype(np.uint8) for frame in frames])


def write_film(
    path: Path,
    frames: Frames,
    *,
    stamps: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    rate: int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = None,
    subtitles: str | None = None,
    **more: Any,
) -> Path:
    """Encode frames as a film.

    Args:
        path: Its ending says the container.
        frames: RGB, ``(N, H, W, 3)``.
        stamps: Of the frames, in units of *time_base*; evenly spaced by default.
        time_base: Unit of the stamps.
        rate: Frames a second.
        codec: FFmpeg's name of the encoder.
        pixels: FFmpeg's name of the pixel format.
        sound: FFmpeg's name of an encoder of sound; none by default.
        subtitles: Like sound.
        more: Attributes of the codec's context, ``rotation`` in degrees, ``options`` of the encoder.
    """
    rotation, options = more.pop("rotation", 0), more.pop("options", {})
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(
            codec, rate=rate, options=({"crf": "10"} if codec == "libx264" else {}) | options
        )
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        context = stream.codec_context
        context.time_base = stream.time_base = time_base
        for name, value in more.items():
            setattr(context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        ears: Any = container.add_stream(sound, rate=48000) if sound else None
        words: Any = container.add_stream(subtitles) if subtitles else None
        if words is not None:
            words.codec_context.subtitle_header = b"[Script Info]\n"
        container.metadata["title"] = "A walk"
        if ears is not None:
            _sing(container, ears, len(frames) / rate)
        for number, rgb in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            options_of_color = {"dst_colorspace": 1, "dst_color_range": more.get("color_range", 1)}
            picture = picture.reformat(format=pixels, **options_of_color)
            picture.pts = round(number / rate / time_base) if stamps is None else stamps[number]
            picture.time_base = time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def _sing(container: Any, stream: Any, seconds: float) -> None:
    wave = np.sin(np.arange(int(48000 * seconds)) * 0.05).astype(np.float32)[None]
    kind = "s16" if stream.codec_context.name.startswith(("pcm", "flac")) else "fltp"
    for start in range(0, wave.shape[1] - 1023, 1024):
        piece = wave[:, start : start + 1024]
        piece = (piece * 20000).astype(np.int16) if kind == "s16" else piece
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format=kind, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def read_film(path: Path) -> Iterator[av.VideoFrame]:
    """Decode the pictures of a film."""
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def planes_of(frame: av.VideoFrame) -> list[npt.NDArray[Any]]:
    """Give the codes of a frame's planes."""
    found = []
    for plane in frame.planes:
        kind = np.dtype(np.uint8 if frame.format.components[0].bits == 8 else "<u2")
        rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)  # type: ignore[call-overload]
        found.append(rows[:, : plane.width].copy())
    return found


def packets_of(path: Path, kind: str) -> list[tuple[int | None, bytes]]:
    """Give stamp and bytes of each packet of a film's first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [(packet.pts, bytes(packet)) for packet in container.demux(stream) if packet.size]
