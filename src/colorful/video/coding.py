"""Write a film: frames to packets of a codec, and packets of all streams into a file."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, get_args

import av
import numpy as np

from colorful.errors import KindError, OptionError, RangeError, VideoError, brief, check_choice, is_whole
from colorful.video.chroma import Chroma, Subsampling
from colorful.video.facts import Facts
from colorful.video.film import Film, Frame, Luma

logger = logging.getLogger(__name__)

# By the name that is offered: FFmpeg's encoder, the lowest and highest of its quality numbers, its default.
_CODECS: dict[str, tuple[str, int, int, int | None]] = {
    "h264": ("libx264", 0, 51, 18),
    "h265": ("libx265", 0, 51, 20),
    "vp9": ("libvpx-vp9", 0, 63, 24),
    "av1": ("libsvtav1", 1, 63, 24),
    "ffv1": ("ffv1", 0, 0, None),
}
CODECS = tuple(_CODECS)
"""Names of the codecs that films can be written with; ``ffv1`` loses nothing."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
"""What ``preset`` takes, of H.264 and H.265."""

# By ending: FFmpeg's name of the container.
FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
"""Endings of films that can be written, with FFmpeg's names of their containers."""

# FFmpeg's flag of containers that keep what decoders need beforehand in one place.
_GLOBAL_HEADER = 0x40

_STREAMED = {"matroska", "webm"}
"""Containers that can go into a pipe."""


class Coding(TypedDict, total=False):
    """How a film is encoded.

    Attributes:
        codec: One of ``CODECS``; ``"h264"`` by default, in WebM ``"vp9"``.
        crf: Constant quality as the codec counts it, a lower number for a better picture; by default one that
            can hardly be told from the original.
        preset: One of ``PRESETS``: how long H.264 and H.265 search for a smaller file; ``"medium"`` by
            default.
        subsampling: ``"420"`` (the default: colors at half the width and height, which every player shows),
            ``"422"`` or ``"444"``.
        format: FFmpeg's name of the container; by the ending of the file by default.
        provenance: Whether the metadata say that a model made the colors; true by default.
    """

    codec: str
    crf: int
    preset: str
    subsampling: Subsampling
    format: str
    provenance: bool


@dataclass(frozen=True)
class Plan:
    """How one film is encoded, checked.

    Attributes:
        encoder: FFmpeg's name.
        options: Of the encoder.
        container: FFmpeg's name.
        subsampling: Of chroma.
        pixels: FFmpeg's name of the pixel format.
    """

    encoder: str
    options: dict[str, str]
    container: str
    subsampling: Subsampling
    pixels: str


def plan_coding(film: Film, target: str, coding: Coding) -> Plan:
    """Check how a film is to be encoded, before the work.

    Args:
        film: The film.
        target: Name of the file, or ``"-"`` for a pipe.
        coding: As a caller gave it.

    Raises:
        OptionError: If a value is not one of those offered, or two do not fit together.
        RangeError: If *crf* is out of its codec's range.
        VideoError: If the container cannot hold the film's sound.
    """
    facts = film.facts
    ending = Path(target).suffix.lower()
    container = coding.get("format") or ("matroska" if target == "-" else FORMATS.get(ending))
    if container is None or container not in FORMATS.values():
        asked = f"{container!r}" if container else f"the ending of {target!r}"
        raise OptionError(
            f"format: expected one of {', '.join(dict.fromkeys(FORMATS.values()))}, got {asked}"
        )
    if target == "-" and container not in _STREAMED:
        raise OptionError(f"format: expected matroska or webm for a pipe, got {container!r}")
    codec = coding.get("codec") or ("vp9" if container == "webm" else "h264")
    check_choice("codec", codec, CODECS)
    encoder, low, high, default = _CODECS[codec]
    if not holds(container, encoder):
        raise OptionError(f"codec: expected one that {container} can hold, got {codec!r}")
    crf = coding.get("crf", default)
    if crf is not None and not is_whole(crf):
        raise KindError(f"crf: expected an integer, got {brief(crf)}")
    if crf is not None and default is None:
        raise OptionError(f"crf: expected none, since {codec} loses nothing, got {brief(crf)}")
    if crf is not None and not low <= crf <= high:
        raise RangeError(f"crf: expected {low}..{high} for {codec}, got {brief(crf)}")
    preset = coding.get("preset")
    if preset is not None:
        check_choice("preset", preset, PRESETS)
        if codec not in ("h264", "h265"):
            raise OptionError(f"preset: expected none for {codec}, got {preset!r}")
    subsampling: Subsampling = coding.get("subsampling") or "420"
    check_choice("subsampling", subsampling, get_args(Subsampling))
    if codec == "h264" and subsampling != "444" and (facts.width % 2 or facts.height % 2):
        subsampling = "444"
        logger.warning("the film has an odd width or height, so H.264 is written with subsampling 444")
    _check_sound(film, container)
    options = {} if crf is None else {"crf": str(crf)}
    if codec in ("h264", "h265"):
        options["preset"] = preset or "medium"
    if codec == "h264":
        # With AVX-512, x264 otherwise makes other packets in each run, also in one that goes on.
        options["x264-params"] = "cpu-independent=1"
        if preset is None:
            # The 40 frames that x264 would look ahead take 5 bytes a pixel each; the file is no smaller.
            options["x264-params"] += ":rc-lookahead=20:sync-lookahead=0"
        if container == "avi":
            options["x264-params"] += ":bframes=0"  # AVI tells when a frame is decoded, not when it is shown
    if codec == "h265":
        options["x265-params"] = "log-level=error"
    if codec == "vp9":
        options |= {"b": "0", "row-mt": "1", "deadline": "good", "cpu-used": "4"}
    pixels = f"yuv{subsampling}p" + ("" if facts.depth == 8 else f"{facts.depth}le")
    if pixels not in {kind.name for kind in av.Codec(encoder, "w").video_formats or ()}:
        raise OptionError(
            f"codec: expected one that can write {facts.depth} bits in {subsampling}, got {codec!r}"
        )
    return Plan(encoder, options, container, subsampling, pixels)


class Coded(NamedTuple):
    """A packet as an encoder gave it.

    Attributes:
        stamp: When its frame is shown, in units of the film's time base.
        due: When it is to be decoded, as the encoder has it.
        is_key: Whether a player can start here.
        data: The packet.
    """

    stamp: int
    due: int
    is_key: bool
    data: bytes


class Encoder:
    """Turn frames into packets; one of these makes one part of a film, or all of it.

    Args:
        facts: What the film is.
        plan: How it is encoded.
    """

    def __init__(self, facts: Facts, plan: Plan) -> None:
        self._facts, self._plan = facts, plan
        context: Any = av.CodecContext.create(plan.encoder, "w")
        set_up(context, facts, plan)
        self._context = context

    @property
    def extradata(self) -> bytes:
        """What decoders need beforehand; there once a packet is."""
        return bytes(self._context.extradata or b"")

    def encode(self, frame: Frame, chroma: Chroma) -> Iterator[Coded]:
        """Take in the next frame, and give the packets that are ready."""
        picture = av.VideoFrame(self._facts.width, self._facts.height, self._plan.pixels)
        for plane, values in zip(picture.planes, (frame.luma, *chroma), strict=True):
            _fill(plane, values)
        picture.pts, picture.time_base = frame.stamp, self._facts.time_base
        return self._packets(picture)

    def close(self) -> Iterator[Coded]:
        """Give the packets that are left."""
        return self._packets(None)

    def _packets(self, picture: av.VideoFrame | None) -> Iterator[Coded]:
        try:
            with same_priority():
                packets = self._context.encode(picture)
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"{self._plan.encoder}: cannot encode the film: {error}") from error
        for packet in packets:
            yield Coded(packet.pts, packet.dts, packet.is_keyframe, bytes(packet))


@contextlib.contextmanager
def same_priority() -> Iterator[None]:
    """Keep this thread's priority: where root opens SVT-AV1, that makes it a real-time one."""
    if not hasattr(os, "sched_getscheduler"):  # not Linux
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


def set_up(context: Any, facts: Facts, plan: Plan) -> None:
    """Tell an encoder what it is to encode, and how."""
    context.width, context.height, context.pix_fmt = facts.width, facts.height, plan.pixels
    context.time_base, context.framerate = facts.time_base, facts.rate
    context.sample_aspect_ratio = facts.aspect
    context.colorspace, context.color_primaries, context.color_trc, context.color_range = facts.color
    context.options = dict(plan.options)
    if av.ContainerFormat(plan.container, "w").flags & _GLOBAL_HEADER:
        context.flags |= av.codec.context.Flags.global_header.value


def _fill(plane: Any, values: Luma) -> None:
    kind = values.dtype
    rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    rows[:, : values.shape[1]] = values


def _check_sound(film: Film, container: str) -> None:
    for stream in film.container.streams.audio:
        codec = stream.codec_context.codec.name if stream.codec_context else "of an unknown kind"
        if not holds(container, codec):
            helps = "a file whose name ends in .mkv can"
            if not holds("matroska", codec):
                helps = "have FFmpeg turn it first: ffmpeg -i FILM -c:v copy -c:a flac NEW.mkv"
            raise VideoError(f"{film.name}: its sound is {codec}, which {container} cannot hold; {helps}")


def holds(container: str, codec: str) -> bool:
    """Tell whether a container can hold what a codec makes or reads."""
    names = {codec}
    for mode in ("r", "w"):
        with contextlib.suppress(ValueError):  # it is none that this FFmpeg has
            names.add(av.Codec(codec, mode).canonical_name)
    with av.open(os.devnull, "w", format=container) as nowhere:
        return bool(names & nowhere.supported_codecs)
