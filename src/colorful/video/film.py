"""Read a film: what it is, and its frames one after the other, with what is broken named and passed over."""

from __future__ import annotations

import contextlib
import logging
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import IO, Any, NamedTuple, Self, cast

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.sidedata.sidedata import Type as SideData
from PIL import Image

from colorful.errors import VideoError, VideoNotFoundError
from colorful.files import in_words

logger = logging.getLogger(__name__)

Source = str | os.PathLike[str] | IO[bytes]
Packet = Any
"""A packet of PyAV, whose class takes a parameter for type checkers only."""
Luma = npt.NDArray[Any]
"""Codes of one plane: uint8, or uint16 of which 10 bits are used."""

FULL_RANGE = 2
"""What FFmpeg calls a film whose grey goes from 0 to the highest code."""

BT709 = 1
_BT601 = 6
_UNSPECIFIED = 2

LUMA_SHARES = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""What red and blue give to luma, by FFmpeg's number of the matrix (that of ITU-T H.273, table 4)."""

# By H.273, table 3: curves of films that are graded for screens of far more than 100 candela.
_HDR = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}

# What comes first in the frames of these formats is luma, one code a pixel, in the low bits.
_WITH_LUMA = ("yuv4", "yuvj4", "gray", "nv1", "nv2", "yuva4")
_MOST_NAMED = 5


class Color(NamedTuple):
    """How the codes of a film become color: FFmpeg's numbers, which are those of ITU-T H.273.

    Attributes:
        matrix: Of luma and chroma; one of :data:`LUMA_SHARES`.
        primaries: Of red, green and blue.
        transfer: From codes to light.
        range: :data:`FULL_RANGE`, or 1 where black is 16 and white 235 of 255.
    """

    matrix: int
    primaries: int
    transfer: int
    range: int


@dataclass(frozen=True)
class Facts:
    """What a film is.

    Attributes:
        width: Of its frames as they are stored, in pixels.
        height: Likewise.
        depth: Bits of a code that are kept: 8 or 10.
        color: How its codes become color.
        time_base: Unit of its time stamps, in seconds.
        rate: Frames a second on average; 25 where the film does not say.
        aspect: Width of a pixel by its height.
        matrix: How a player turns the frames, nine integers as FFmpeg has them; None if it does not.
        turns: Quarter turns to the left that bring a frame upright.
        interlaced: Whether its frames are two fields, taken one after the other.
        frames: How many there are, as far as the file says; 0 if it does not.
    """

    width: int
    height: int
    depth: int
    color: Color
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    matrix: tuple[int, ...] | None
    turns: int
    interlaced: bool
    frames: int

    @property
    def step(self) -> int:
        """How long a frame is shown on average, in units of the time base, at least 1."""
        return max(1, round(1 / (self.rate * self.time_base)))

    @property
    def upright_size(self) -> tuple[int, int]:
        """Height and width of a frame that is turned upright."""
        return (self.width, self.height) if self.turns % 2 else (self.height, self.width)

    @property
    def upright_shape(self) -> tuple[int, int]:
        """Height and width that a player shows it in, which differ where pixels are not square."""
        height, width = self.height, max(1, round(self.width * self.aspect))
        return (width, height) if self.turns % 2 else (height, width)


class Frame(NamedTuple):
    """A frame as it is stored.

    Attributes:
        number: From 0.
        stamp: When it is shown, in units of the film's time base.
        luma: Its codes of luma, ``(H, W)``.
    """

    number: int
    stamp: int
    luma: Luma


class Film:
    """A film that is open for reading.

    Args:
        source: A path, or a binary file, which may be a pipe.
        deinterlace: Whether to make whole frames of fields, by FFmpeg's ``bwdif``.
        others: Called with each packet of the film's other streams, as they come; not at all if None.

    Attributes:
        name: For messages.
        facts: What the film is.

    Raises:
        VideoNotFoundError: If there is no such file.
        VideoError: If it is no film, or none of its frames can be read.
    """

    def __init__(
        self,
        source: Source,
        *,
        deinterlace: bool = False,
        others: Callable[[Packet], object] | None = None,
    ) -> None:
        self.name = os.fspath(source) if isinstance(source, str | os.PathLike) else "standard input"
        self.container = _open(source, self.name)
        self._others = others
        self._deinterlace = deinterlace
        self._damaged: list[str] = []
        try:
            self.stream = _picture_stream(self.container, self.name)
            self.stream.thread_type = "AUTO"
            # One frame is read ahead: only frames know how the film is to be turned, and what it really is.
            self._decoded = self._decode()
            self._first = next(self._decoded, None)
            if self._first is None:
                raise VideoError(f"{self.name}: expected a film, found no frame that can be read")
            self.facts = _facts(self.stream, self._first, self.name)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    @property
    def damaged(self) -> list[str]:
        """What could not be read, in words."""
        return self._damaged

    def frames(self) -> Iterator[Frame]:
        """Give the frames, once, in the order in which they are shown.

        Stamps always grow: one that does not is moved to right after the one before it.
        """
        facts, last = self.facts, None
        first, self._first = self._first, None

        def all_of_them() -> Iterator[av.VideoFrame]:
            if first is not None:
                yield first
            yield from self._decoded

        frames = all_of_them()
        whole = _deinterlaced(frames, self.stream) if self._deinterlace else frames
        for number, frame in enumerate(whole):
            if (frame.width, frame.height) != (facts.width, facts.height):
                raise VideoError(
                    f"{self.name}: expected frames of {facts.width} x {facts.height}, "
                    f"got one of {frame.width} x {frame.height}"
                )
            stamp = self._stamp(frame)
            if stamp is None:
                stamp = 0 if last is None else last + facts.step
            if last is not None and stamp <= last:
                stamp = last + 1
            last = stamp
            yield Frame(number, stamp, _luma(frame, facts))

    def glances(self, count: int) -> Iterator[tuple[float, Image.Image]]:
        """Give a few frames in grey and upright, with their seconds, evenly spaced over the film.

        For a film that is read for nothing else: frames before and after are sought.
        """
        facts, stream = self.facts, self.stream
        length = stream.duration or round(facts.frames / facts.rate / facts.time_base)
        first = stream.start_time or 0
        last: int | None = None
        for number in range(count):
            wanted = first + int(length * (number + 0.5) / count)
            with contextlib.suppress(av.error.FFmpegError, OSError):  # what cannot be sought is read on
                self.container.seek(wanted, stream=stream)
                self._decoded = self._decode()
            frame = next((f for f in self._decoded if f.pts is None or f.pts >= wanted), self._first)
            if frame is None or frame.pts == last:
                continue
            last = frame.pts
            luma = _luma(frame, facts)
            grey = Image.fromarray((luma >> (facts.depth - 8)).astype(np.uint8))
            if facts.color.range != FULL_RANGE:
                grey = grey.point([min(255, max(0, round((code - 16) * 255 / 219))) for code in range(256)])
            height, width = facts.upright_shape
            grey = grey.rotate(90 * facts.turns, expand=True).resize((width, height))
            yield float(((frame.pts or first) - first) * facts.time_base), grey

    def _stamp(self, frame: av.VideoFrame) -> int | None:
        if frame.pts is None:
            return None
        if frame.time_base in (None, self.facts.time_base):
            return frame.pts
        return round(frame.pts * frame.time_base / self.facts.time_base)

    def _decode(self) -> Iterator[av.VideoFrame]:
        packets = self.container.demux() if self._others else self.container.demux(self.stream)
        packets = iter(packets)
        fed = False
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError, ValueError) as error:
                self._note(None, f"the file ends early or is damaged: {_reason(error)}")
                if fed:
                    yield from self._drain()
                return
            if packet.stream_index != self.stream.index:
                if self._others and packet.dts is not None:
                    self._others(packet)
                continue
            fed = True
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError) as error:
                self._note(packet.pts, _reason(error))
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._note(frame.pts, "only parts of the frame can be read")
                yield frame

    def _drain(self) -> Iterator[av.VideoFrame]:
        try:
            yield from self.stream.decode(None)
        except (av.error.FFmpegError, ValueError):
            return

    def _note(self, stamp: int | None, reason: str) -> None:
        where = "" if stamp is None else f" at {float(stamp * (self.stream.time_base or 0)):.2f} s"
        self._damaged.append(f"frame{where}: {reason}" if where else reason)
        if len(self._damaged) <= _MOST_NAMED:
            logger.warning("%s: damaged%s: %s; the rest is colored", self.name, where, reason)


def other_packets(name: str, pictures: int) -> Iterator[Packet]:
    """Give the packets of a film's other streams, without decoding anything, as far as they can be read.

    Args:
        name: Path of the film.
        pictures: Index of the stream to leave out.
    """
    with _open(name, name) as container:
        streams = [
            stream
            for stream in container.streams
            if stream.index != pictures and stream.type in ("audio", "subtitle")
        ]
        packets = container.demux(streams) if streams else iter(())
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError, ValueError):
                return
            if packet is None:
                return
            if packet.dts is not None:
                yield packet


def _open(source: Source, name: str) -> Any:
    try:
        if isinstance(source, str | os.PathLike):
            return av.open(os.fspath(source))
        return av.open(source, "r")
    except FileNotFoundError:
        raise VideoNotFoundError(f"{name}: there is no such file") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(f"{name}: cannot be read as a film: {_reason(error)}") from error


def _picture_stream(container: Any, name: str) -> av.VideoStream:
    """Choose the stream of pictures: the first that is neither a cover nor a thumbnail."""
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & still and stream.codec_context is not None:
            return cast("av.VideoStream", stream)
    kinds = sorted({stream.type for stream in container.streams})
    raise VideoError(f"{name}: expected a film, found {', '.join(kinds) or 'no streams'} only")


def _facts(stream: av.VideoStream, frame: av.VideoFrame, name: str) -> Facts:
    format = frame.format
    depth = format.components[0].bits
    if depth > 10:
        logger.warning("%s: its %d bits are reduced to 10", name, depth)
    if frame.color_trc in _HDR:
        raise VideoError(
            f"{name}: expected a film for usual screens, got one in {_HDR[frame.color_trc]}; "
            "have FFmpeg's zscale and tonemap filters turn it into BT.709 first"
        )
    full = frame.color_range == FULL_RANGE or format.name.startswith("yuvj")
    if format.name.startswith("gray") and frame.color_range == 0:
        full = True  # as FFmpeg takes grey that does not say
    matrix = frame.colorspace
    if not _has_luma(format):
        matrix, full = BT709, False
    if matrix not in LUMA_SHARES:
        # What players assume: old standards for small pictures, new ones for large.
        matrix = BT709 if frame.width >= 1280 or frame.height > 576 else _BT601
    turn = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]
    # Those of BT.2020 would make the colors that are about to be chosen for sRGB more vivid.
    primaries = frame.color_primaries if frame.color_primaries != 9 else 1
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    if not seconds and stream.container.duration:  # type: ignore[attr-defined]
        seconds = stream.container.duration / av.time_base  # type: ignore[attr-defined]
    rate = Fraction(25) if not rate or not 0 < rate <= 1000 else rate
    return Facts(
        width=frame.width,
        height=frame.height,
        depth=8 if depth <= 8 else 10,
        color=Color(matrix, primaries, frame.color_trc, FULL_RANGE if full else 1),
        time_base=stream.time_base or 1 / rate,
        rate=rate,
        aspect=stream.sample_aspect_ratio or Fraction(1),
        matrix=struct.unpack("=9i", bytes(turn)[:36]) if turn is not None else None,
        turns=round(frame.rotation / 90) % 4,
        interlaced=bool(frame.interlaced_frame),
        frames=stream.frames or round(seconds * rate),
    )


def _has_luma(format: av.VideoFormat) -> bool:
    return format.name.startswith(_WITH_LUMA) and not format.name.endswith("be")


def _luma(frame: av.VideoFrame, facts: Facts) -> Luma:
    """Take the codes of luma as they are; only of films that have none, such as those in RGB, make some."""
    if not _has_luma(frame.format):
        wanted = "yuv444p" if facts.depth == 8 else "yuv444p10le"
        frame = frame.reformat(format=wanted, dst_colorspace=BT709, dst_color_range=1)
    plane: Any = frame.planes[0]
    bits = frame.format.components[0].bits
    kind = np.dtype(np.uint8 if bits <= 8 else "<u2")
    stored = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    luma: Luma = stored[:, : plane.width].astype(kind.newbyteorder("="))  # a copy: decoders use theirs again
    if bits > 10:
        luma >>= bits - 10
    return luma


def _deinterlaced(frames: Iterator[av.VideoFrame], stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Make a whole frame of each two fields."""
    graph = Graph()
    inlet, outlet = graph.add_buffer(template=stream, time_base=stream.time_base), graph.add("buffersink")
    graph.link_nodes(inlet, graph.add("bwdif", "mode=send_frame:deint=all"), outlet).configure()
    for frame in frames:
        graph.push(frame)
        yield from _pull(graph)
    graph.push(None)
    yield from _pull(graph)


def _pull(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield cast("av.VideoFrame", graph.pull())
        except (BlockingIOError, EOFError, av.error.EOFError):
            return


def _reason(error: BaseException) -> str:
    return in_words(error) if isinstance(error, OSError) else str(error)
