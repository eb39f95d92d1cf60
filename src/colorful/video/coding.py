"""Write a film: frames to packets of a codec, and packets of all streams into a file."""

from __future__ import annotations

import contextlib
import heapq
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, NamedTuple, TypedDict, get_args

import av
import numpy as np

from colorful import __version__
from colorful.errors import KindError, OptionError, RangeError, VideoError, brief, check_choice, is_whole
from colorful.images.tags import decode_text
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
    if not _holds(container, encoder):
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
        _set_up(context, facts, plan)
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
            with _same_priority():
                packets = self._context.encode(picture)
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"{self._plan.encoder}: cannot encode the film: {error}") from error
        for packet in packets:
            yield Coded(packet.pts, packet.dts, packet.is_keyframe, bytes(packet))


@contextlib.contextmanager
def _same_priority() -> Iterator[None]:
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


def _set_up(context: Any, facts: Facts, plan: Plan) -> None:
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


class Muxer:
    """Put a film's new pictures beside its own sound and subtitles.

    Args:
        target: A path, or a binary file, which may be a pipe.
        film: Whose other streams, name and notes are taken over.
        plan: How the pictures are encoded.
        note: What the metadata say of the colors; None for nothing.

    Raises:
        VideoError: If the container cannot hold the film's sound.
    """

    def __init__(self, target: str | IO[bytes], film: Film, plan: Plan, *, note: str | None) -> None:
        self._facts = facts = film.facts
        options = {"movflags": "+faststart"} if plan.container == "mp4" and isinstance(target, str) else {}
        self._container: Any = av.open(target, "w", format=plan.container, container_options=options)
        pictures: Any = self._container.add_stream(plan.encoder, rate=facts.rate)
        _set_up(pictures.codec_context, facts, plan)
        pictures.time_base = facts.time_base
        if facts.matrix is not None:
            pictures.set_display_matrix(facts.matrix)
        self._pictures = pictures
        self._others = {}
        for stream in film.container.streams:
            if stream.index == film.stream.index:
                continue
            copy = self._copy(stream, plan.container, film.name)
            if copy is not None:
                self._others[stream.index] = copy
        self._pictures.metadata.update(_kept(film.stream.metadata))
        self._container.metadata.update(_kept(film.container.metadata))
        if note:
            comment = self._container.metadata.get("comment")
            self._container.metadata["comment"] = f"{comment}\n{note}" if comment else note
        if chapters := film.container.chapters():
            for chapter in chapters:
                chapter["metadata"] = {key: _as_text(its) for key, its in chapter["metadata"].items()}
            self._container.set_chapters(chapters)
        with _same_priority():
            self._container.start_encoding()
        self.extradata = bytes(self._pictures.codec_context.extradata or b"")

    def picture(self, coded: Coded, due: int, duration: int) -> None:
        """Write a packet of pictures.

        Args:
            coded: The packet.
            due: When it is to be decoded, in units of the film's time base.
            duration: How long its frame is shown, likewise.
        """
        packet: Any = av.Packet(coded.data)
        packet.stream, packet.time_base = self._pictures, self._facts.time_base
        packet.pts, packet.dts, packet.duration = coded.stamp, due, duration
        packet.is_keyframe = coded.is_key
        self._container.mux_one(packet)

    def other(self, packet: Any) -> None:
        """Write a packet of another stream, if that is taken over."""
        copy = self._others.get(packet.stream_index)
        if copy is not None:
            packet.stream = copy
            self._container.mux_one(packet)

    def close(self) -> None:
        """Write what ends the file."""
        self._wanted = dict(self._container.metadata)
        self._container.close()

    def lost(self, place: str) -> str:
        """Name what the film says of itself that is not in the file that was written.

        Args:
            place: Of the file.
        """
        with av.open(place, metadata_errors="surrogateescape") as made:
            there = {key.lower() for key in made.metadata}
            aspect = made.streams.video[0].sample_aspect_ratio
        names = sorted(key for key in self._wanted if key.lower() not in there)
        if self._facts.aspect not in (1, aspect):
            names.append("the shape of its pixels")  # PyAV sets it in the pictures only, and not all hold it
        return ", ".join(names)

    def _copy(self, stream: Any, container: str, name: str) -> Any:
        """Add a stream like one of the film's; None if it has no packets or has to be left out."""
        if stream.type == "attachment" and container == "matroska":
            self._container.add_attachment(stream.name or "file", stream.mimetype or "", stream.data)
            return None
        codec = stream.codec_context.codec.name if stream.codec_context else stream.type
        if stream.type not in ("audio", "subtitle") or not _holds(container, codec):
            if stream.type == "video":
                logger.warning("%s: left out, because one picture at a time is colored: %s", name, codec)
            else:
                logger.warning("%s: left out, because %s cannot hold it: %s", name, container, codec)
            return None
        copy = self._container.add_stream_from_template(stream)
        copy.metadata.update(_kept(stream.metadata))
        copy.disposition = stream.disposition
        return copy


def _check_sound(film: Film, container: str) -> None:
    for stream in film.container.streams.audio:
        codec = stream.codec_context.codec.name if stream.codec_context else "of an unknown kind"
        if not _holds(container, codec):
            helps = "a file whose name ends in .mkv can"
            if not _holds("matroska", codec):
                helps = "have FFmpeg turn it first: ffmpeg -i FILM -c:v copy -c:a flac NEW.mkv"
            raise VideoError(f"{film.name}: its sound is {codec}, which {container} cannot hold; {helps}")


def join(
    muxer: Muxer, others: Iterable[Any], coded: Iterable[Coded], stamps: list[int], facts: Facts
) -> None:
    """Write a whole film: packets of pictures, among those of its other streams.

    Args:
        muxer: Where they go.
        others: Packets of the film's other streams, in their order.
        coded: All packets of pictures, in the order in which they are decoded.
        stamps: When their frames are shown, in the same order.
        facts: What the film is.
    """
    times = decoding_times(stamps)
    shown = sorted(stamps)
    durations = dict(zip(shown, [*(b - a for a, b in pairwise(shown)), facts.step], strict=True))
    pictures = ((due * facts.time_base, due, packet) for packet, due in zip(coded, times, strict=True))
    its_others = ((packet.dts * packet.time_base, None, packet) for packet in others)
    for _, due, packet in heapq.merge(pictures, its_others, key=itemgetter(0)):
        if due is None:
            muxer.other(packet)
        else:
            muxer.picture(packet, due, durations[packet.stamp])


def decoding_times(stamps: list[int]) -> list[int]:
    """Choose when packets are decoded, from when their frames are shown.

    Each part of a film is encoded as if it were alone, and its encoder counts back from its first frame: at
    the seams of a film of variable rate that can be earlier than the packet before. So all are set anew: a
    packet is decoded when the frame is shown that comes as many places earlier as the codec reorders by.

    Args:
        stamps: In the order in which the packets are decoded.

    Returns:
        Growing times, none later than its frame's; before the first frame, steps of the shortest length.
    """
    shown = sorted(stamps)
    place = {stamp: number for number, stamp in enumerate(shown)}
    delay = max((number - place[stamp] for number, stamp in enumerate(stamps)), default=0)
    step = min((b - a for a, b in pairwise(shown)), default=1)
    early = [shown[0] - step * (delay - number) for number in range(min(delay, len(shown)))]
    return (early + shown)[: len(shown)]


def provenance(model: str) -> str:
    """Word the note that says where the colors are from."""
    return f"colorful {__version__} (colors made by the model {model})"


def _holds(container: str, codec: str) -> bool:
    """Tell whether a container can hold what a codec makes or reads."""
    names = {codec}
    for mode in ("r", "w"):
        with contextlib.suppress(ValueError):  # it is none that this FFmpeg has
            names.add(av.Codec(codec, mode).canonical_name)
    with av.open(_Nowhere(), "w", format=container) as nowhere:
        return bool(names & nowhere.supported_codecs)


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, data: bytes) -> int:
        return len(data)

    def seek(self, *_where: int) -> int:
        return 0

    def tell(self) -> int:
        return 0


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    """Leave out the notes that describe how the old file was made rather than the film."""
    own = ("encoder", "major_brand", "minor_version", "compatible_brands", "handler_name", "vendor_id")
    return {
        key: _as_text(value)
        for key, value in metadata.items()
        if key.lower() not in own and not key.startswith(("DURATION", "NUMBER_OF", "BPS", "_STATISTICS"))
    }


def _as_text(value: str) -> str:
    """Decode what a film says in another encoding than UTF-8."""
    return decode_text(value.encode("utf-8", "surrogateescape"))
