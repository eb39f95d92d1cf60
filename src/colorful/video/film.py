"""Read a film: what it is, and its frames one after the other, with what is broken named and passed over."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import select
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideData
from av.video.frame import PictureType
from PIL import Image

from colorful.errors import VideoError, VideoNotFoundError
from colorful.files import check_regular, in_words, is_text
from colorful.images import EXTENSIONS
from colorful.video.facts import BT709, FULL_RANGE, Facts, facts_of, has_luma, is_full, is_photo, is_rgb

logger = logging.getLogger(__name__)

Source = str | os.PathLike[str] | IO[bytes]
Packet = Any
"""A packet of PyAV, whose class takes a parameter for type checkers only."""
Luma = npt.NDArray[Any]
"""Codes of one plane: uint8, or uint16 of which 10 bits are used."""

_MOST_NAMED = 5

_OF_PHOTOS = "ffmpeg -framerate 25 -i frame%04d.png -c:v ffv1 film.mkv makes a film of frames in files"

# FFmpeg's flag of containers whose times may begin anywhere, and anew: those of broadcasts and discs.
_JUMPS = 0x200
_LONGEST_GAP, _LONGEST_WAY_BACK = 10, Fraction(1, 10)  # seconds, as in FFmpeg


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
        damaged: What could not be read up to now, in words.
        stopped: To be set where frames are read on another thread, before it is waited for: a pipe that the
            source is, as an unbuffered file, ends then, also while nothing comes.

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
        self.name = name_of(source)
        self.stopped = threading.Event()
        if isinstance(source, io.FileIO) and not source.seekable() and os.name != "nt":
            source = _Pipe(source.fileno(), self.stopped)
        self.container = open_container(source)
        self._others = others
        self._deinterlace = deinterlace
        self.damaged: list[str] = []
        self._has_frames = False
        self._has_captions = self._has_alpha = False
        try:
            self.stream = _picture_stream(self.container, self.name)
            self.stream.thread_type = "AUTO"
            # What is taken off its times, and when it begins then.
            self._early = round(_begin(self.container) / (self.stream.time_base or 1))
            self._start = (self.stream.start_time or 0) - self._early
            # One frame is read ahead: only frames know how the film is to be turned, and what it really is.
            self._decoded = self._decode()
            self._first = next(self._decoded, None)
            if self._first is None:
                words = f"{self.name}: expected a film, found no frame that can be read"
                if "mp4" in self.container.format.name and not isinstance(source, str | os.PathLike):
                    words += (
                        "; an MP4 whose index stands at its end cannot come from a pipe, so give the file"
                    )
                raise VideoError(words)
            self._has_frames = True
            self._kind = _kind(self._first)
            for what in self.damaged[:_MOST_NAMED]:
                self._warn(what)
            self.facts = facts_of(self.stream, self._first, self.name)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Give the frames as they are decoded, once."""
        first, self._first = self._first, None
        return self._of_one_kind(chain(() if first is None else (first,), self._decoded))

    def frames(self) -> Iterator[Frame]:
        """Give the frames, once, in the order in which they are shown.

        Stamps always grow: one that does not is moved to right after the one before it.
        """
        facts, last = self.facts, None
        whole = _deinterlaced(self.pictures(), self.stream) if self._deinterlace else self.pictures()
        for number, frame in enumerate(whole):
            # Not the frame's own side_data: each would hold the other, and the planes of hundreds of frames
            # would wait for Python's search for cycles. PyAV's annotations do not tell of the argument.
            side_data = SideDataContainer(frame)  # type: ignore[call-arg]
            if not self._has_captions and SideData.A53_CC in side_data:
                self._has_captions = True
                logger.warning("%s: the captions inside its pictures (CEA-608) are left out", self.name)
            if not self._has_alpha and _hides(frame):
                self._has_alpha = True
                logger.warning("%s: its alpha is left out", self.name)
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
        first = self._start
        last: int | None = first - 1
        for number in range(count):
            wanted = first + int(length * (number + 0.5) / count)
            with contextlib.suppress(av.error.FFmpegError, OSError):  # what cannot be sought is read on
                self.container.seek(wanted + self._early, stream=stream)
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
            # Pixels may be said to be thousands of times as wide as high.
            shrink = min(1.0, (facts.width * facts.height / (width * height)) ** 0.5)
            width, height = (max(1, round(side * shrink)) for side in (width, height))
            grey = grey.rotate(90 * facts.turns, expand=True).resize((width, height))
            yield float(((frame.pts or first) - first) * facts.time_base), grey

    def _of_one_kind(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """Make all frames like the first in size, format and range, as FFmpeg does; another size is named."""
        width, height, format, full = self._kind
        range_, is_named = None if is_rgb(av.VideoFormat(format)) else FULL_RANGE if full else 1, False
        for frame in frames:
            if _kind(frame) == self._kind:
                yield frame
                continue
            got = frame.width, frame.height
            if got != (width, height) and not is_named:
                is_named = True
                logger.warning(
                    "%s: expected frames of %d x %d as at its start, got %d x %d%s; such frames are scaled",
                    *(self.name, width, height, *got, self._when(frame.pts)),
                )
            yield frame.reformat(width, height, format, interpolation="BICUBIC", dst_color_range=range_)

    def _when(self, stamp: int | None) -> str:
        """Say at what time of the film something is, as players show it, which begin at 0."""
        if stamp is None:
            return ""
        since = stamp - self._start
        return f" at {float(since * (self.stream.time_base or 0)):.2f} s"

    def _stamp(self, frame: av.VideoFrame) -> int | None:
        if frame.pts is None:
            return None
        if frame.time_base in (None, self.facts.time_base):
            return frame.pts
        return round(frame.pts * frame.time_base / self.facts.time_base)

    def _decode(self) -> Iterator[av.VideoFrame]:
        packets, fed = _packets(self.container), False
        # AVI tells only when packets are decoded: frames are shown at these times, in the order they come in.
        due: list[int] | None = [] if self.container.format.name == "avi" else None
        newest = 0
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError, ValueError) as error:
                self._note(None, f"the file ends early or is damaged: {_reason(error)}")
                if fed:
                    with contextlib.suppress(av.error.FFmpegError, ValueError):
                        yield from self.stream.decode(None)
                return
            if packet.stream.index != self.stream.index:  # an empty one, at the end, says it there only
                if self._others and packet.dts is not None:
                    self._others(packet)
                continue
            if not packet.size and packet.pts is not None:
                continue  # the frame before is shown on
            fed = True
            if packet.is_corrupt and not self.container.format.flags & _JUMPS:
                # The end of the file cuts it off. On threads, decoders would lose the frames before it, too.
                self._note(packet.pts, "the file ends within the frame")
                continue
            if due is not None and packet.dts is not None:
                packet.pts = packet.dts
                heappush(due, packet.dts)
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError) as error:
                self._note(packet.pts, _reason(error))
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._note(frame.pts, "only parts of the frame can be read")
                if due is not None and frame.pts is not None:
                    newest = max(newest, frame.pts)
                    # What is decoded before a frame that needs no later one is shown before it, or is lost.
                    while due and due[0] < newest and frame.pict_type != PictureType.B:
                        heappop(due)
                    frame.pts = heappop(due) if due else None
                yield frame

    def _note(self, stamp: int | None, reason: str) -> None:
        self.damaged.append(reason if stamp is None else f"frame{self._when(stamp)}: {reason}")
        if self._has_frames and len(self.damaged) <= _MOST_NAMED:
            self._warn(self.damaged[-1])

    def _warn(self, what: str) -> None:
        logger.warning("%s: damaged: %s; the rest is colored", self.name, what)


class _Pipe(io.FileIO):
    """A pipe that can be stopped while whoever writes to it pauses."""

    def __init__(self, number: int, stopped: threading.Event) -> None:
        super().__init__(number, closefd=False)
        self._stopped, self._ready = stopped, select.poll()
        self._ready.register(number, select.POLLIN)

    def read(self, size: int | None = -1) -> bytes:
        while not self._stopped.is_set():
            if self._ready.poll(100):  # ms
                return super().read(size)
        return b""


def other_packets(film: Film) -> Iterator[Packet]:
    """Give the packets of a film's other streams, without decoding anything.

    Args:
        film: A file, whose pictures have been gone through. If they were damaged, what follows is left out.

    Raises:
        VideoError: If the film cannot be read now, as when a share fails.
    """
    with open_container(film.name) as container:
        packets = _packets(container)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError, ValueError) as error:
                if film.damaged:
                    return
                raise VideoError(f"{film.name}: its sound cannot be read: {_reason(error)}") from error
            if packet is None:
                return
            of = packet.stream
            if packet.dts is not None and of.index != film.stream.index and of.type in ("audio", "subtitle"):
                yield packet


def _begin(container: Any) -> Fraction:
    """Tell at how many seconds a film begins whose container lets it begin anywhere; 0 of others."""
    return Fraction((container.format.flags & _JUMPS and container.start_time) or 0, av.time_base)


def _packets(container: Any) -> Iterator[Packet]:
    """Give all packets; where times begin anywhere, or anew in the middle, they go from 0 on as in FFmpeg."""
    early, last = _begin(container), dict[int, tuple[Fraction, Fraction]]()
    for packet in container.demux():
        stamp = packet.pts if packet.dts is None else packet.dts
        if container.format.flags & _JUMPS and stamp is not None:
            index, base = packet.stream_index, packet.time_base
            seconds = stamp * base - early
            if packet.stream.type in ("audio", "video"):
                before, step = last.get(index, (seconds, Fraction(0)))
                off = seconds - before - step
                if not -_LONGEST_WAY_BACK <= off <= _LONGEST_GAP:
                    early, seconds = early + off, seconds - off
                last[index] = seconds, packet.duration * base if packet.duration else seconds - before
            ticks = round(early / base)
            packet.dts = None if packet.dts is None else packet.dts - ticks
            packet.pts = None if packet.pts is None else packet.pts - ticks
        yield packet


def open_container(source: Source) -> Any:
    """Open a film, of which nothing is read yet.

    Args:
        source: A path, or a binary file, which may be a pipe.

    Raises:
        VideoNotFoundError: If there is no such file.
        VideoError: If it is no film.
    """
    name = name_of(source)
    try:
        if isinstance(source, str | os.PathLike):
            check_regular(source)
            # Absolute: FFmpeg would take what stands before a colon for a protocol.
            path = Path(source).absolute()
            # A name that is no text cannot be given to PyAV.
            if not is_text(path):
                with path.open("rb") as file:
                    return av.open(f"/dev/fd/{file.fileno()}", "r", metadata_errors="surrogateescape")
            source = str(path)
        # Old films have titles in whatever encoding: these bytes come through as they are.
        container = av.open(source, "r", metadata_errors="surrogateescape")
    except FileNotFoundError:
        help_ = f"; {_OF_PHOTOS}" if Path(name).suffix.lower() in EXTENSIONS else ""
        raise VideoNotFoundError(f"{name}: there is no such file{help_}") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        help_ = f"; {_OF_PHOTOS}" if Path(name).is_dir() else ""
        raise VideoError(f"{name}: cannot be read as a film: {_reason(error)}{help_}") from error
    if isinstance(source, str) and is_photo(container):  # a pipe may bring many, one behind the other
        container.close()
        raise VideoError(
            f"{name}: expected a film, got a photo: `colorful PHOTO` colors photos, and {_OF_PHOTOS}"
        )
    return container


def name_of(source: Source) -> str:
    """Name a film for messages."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else "standard input"


def _picture_stream(container: Any, name: str) -> av.VideoStream:
    """Choose the stream of pictures: the first that is neither a cover nor a thumbnail."""
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & still and stream.codec_context is not None:
            return cast("av.VideoStream", stream)
    kinds = sorted({stream.type for stream in container.streams})
    raise VideoError(f"{name}: expected a film, found {', '.join(kinds) or 'no streams'} only")


def _kind(frame: av.VideoFrame) -> tuple[int, int, str, bool]:
    return frame.width, frame.height, frame.format.name, is_full(frame)


def _luma(frame: av.VideoFrame, facts: Facts) -> Luma:
    """Take the codes of luma as they are; only of films that have none, such as those in RGB, make some."""
    if not has_luma(frame.format):
        wanted = "yuv422p" if facts.depth == 8 else "yuv422p10le"
        range_ = facts.color.range
        if is_rgb(frame.format):
            frame = frame.reformat(format=wanted, dst_colorspace=BT709, dst_color_range=range_)
        else:  # among the chroma, or with its bytes turned around
            frame = frame.reformat(format=wanted, src_color_range=range_, dst_color_range=range_)
    plane: Any = frame.planes[0]
    bits = frame.format.components[0].bits
    kind = np.dtype(np.uint8 if bits <= 8 else "<u2")
    stored = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    luma: Luma = stored[:, : plane.width].astype(kind.newbyteorder("="))  # a copy: decoders use theirs again
    if bits > 10:
        luma >>= bits - 10
    return luma


def _hides(frame: av.VideoFrame) -> bool:
    """Tell whether a frame has alpha that is not opaque throughout."""
    has_alpha = any(part.is_alpha for part in frame.format.components)
    return has_alpha and bool(frame.to_ndarray(format="rgba")[..., 3].min() < 255)


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
    return in_words(error) if isinstance(error, OSError) else getattr(error, "strerror", "") or str(error)
