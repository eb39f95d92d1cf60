"""Put a film together: packets of pictures beside its own sound and subtitles."""

from __future__ import annotations

import contextlib
import heapq
import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from operator import itemgetter
from typing import IO, Any

import av

from colorful import __version__
from colorful.errors import VideoError
from colorful.images.tags import decode_text
from colorful.video.coding import Coded, Plan, holds, same_priority, set_up
from colorful.video.facts import Facts
from colorful.video.film import Film

logger = logging.getLogger(__name__)

# FFmpeg's flag of containers in which times may be equal.
_MAY_STAND = 0x20000


class Muxer:
    """Put a film's new pictures beside its own sound and subtitles.

    Args:
        target: A path, or a binary file, which may be a pipe. None, before a path: to tell what cannot be
            written.
        film: Whose other streams, name and notes are taken over.
        plan: How the pictures are encoded.
        note: What the metadata say of the colors; None for nothing.

    Raises:
        VideoError: If the container cannot hold the film.
    """

    def __init__(self, target: str | IO[bytes] | None, film: Film, plan: Plan, *, note: str | None) -> None:
        self._facts = facts = film.facts
        to_file = isinstance(target, str)
        options = {"movflags": "+faststart"} if plan.container == "mp4" and to_file else {}
        place = target or os.devnull
        self._container: Any = av.open(place, "w", format=plan.container, container_options=options)
        pictures: Any = self._container.add_stream(plan.encoder, rate=facts.rate)
        set_up(pictures.codec_context, facts, plan)
        pictures.time_base = facts.time_base
        if facts.matrix is not None:
            pictures.set_display_matrix(facts.matrix)
        pictures.disposition = film.stream.disposition
        self._pictures, self._name, self._plan = pictures, film.name, plan
        self._others, self._last = {}, dict[int, int]()
        for stream in film.container.streams:
            if stream.index == film.stream.index:
                continue
            copy = self._copy(stream, plan.container, logger.debug if to_file else logger.warning)
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
        with self._said(), same_priority():
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
        with self._said():
            self._container.mux_one(packet)

    def other(self, packet: Any) -> None:
        """Write a packet of another stream, if that is taken over."""
        copy = self._others.get(packet.stream_index)
        if copy is not None:
            packet.dts, packet.pts = self._after_last(packet, copy)
            packet.stream = copy
            with self._said():
                self._container.mux_one(packet)

    def close(self) -> None:
        """Write what ends the file."""
        self._wanted = dict(self._container.metadata)
        with self._said():
            self._container.close()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Say what FFmpeg refuses; a file that cannot be written is an :class:`OSError`."""
        try:
            yield
        except ValueError as error:
            raise VideoError(
                f"{self._name}: {self._plan.container} cannot hold it with pictures by {self._plan.encoder}; "
                "a file whose name ends in .mkv may"
            ) from error

    def lost(self, place: str) -> str:
        """Name what the film says of itself that is not in the file that was written.

        Args:
            place: Of the file.
        """
        with av.open(place, metadata_errors="surrogateescape") as made:
            its = [made.metadata, *(stream.metadata for stream in made.streams)]
            there = {key.lower() for metadata in its for key in metadata}
            aspect = made.streams.video[0].sample_aspect_ratio
        names = sorted(key for key in self._wanted if key.lower() not in there)
        if self._facts.aspect not in (1, aspect):
            names.append("the shape of its pixels")  # PyAV sets it in the pictures only, and not all hold it
        return ", ".join(names)

    def _after_last(self, packet: Any, copy: Any) -> tuple[int, int]:
        """Give a packet's times, as FFmpeg has them: one that stands or goes back would be refused."""
        may_stand = self._container.format.flags & _MAY_STAND or copy.type == "subtitle"
        step = 0 if may_stand else math.ceil(copy.time_base / packet.time_base)
        least = self._last.get(packet.stream_index, packet.dts - step) + step
        self._last[packet.stream_index] = dts = max(packet.dts, least)
        return dts, dts if packet.pts is None else max(packet.pts, dts)

    def _copy(self, stream: Any, container: str, tell: Callable[..., None]) -> Any:
        """Add a stream like one of the film's; None if it has no packets or has to be left out."""
        if stream.type == "attachment" and container == "matroska":
            self._container.add_attachment(stream.name or "file", stream.mimetype or "", stream.data)
            return None
        codec = stream.codec_context.codec.name if stream.codec_context else stream.type
        if stream.type == "data" and "timecode" in stream.metadata:
            self._container.metadata["timecode"] = stream.metadata["timecode"]  # FFmpeg makes its track anew
            return None
        if stream.type not in ("audio", "subtitle") or not holds(container, codec):
            one = stream.type == "video"
            why = "one picture at a time is colored" if one else f"{container} cannot hold it"
            tell("%s: left out, because %s: %s", self._name, why, codec)
            return None
        copy = self._container.add_stream_from_template(stream)
        copy.metadata.update(_kept(stream.metadata))
        copy.disposition = stream.disposition
        return copy


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


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    """Leave out the notes that describe how the old file was made rather than the film."""
    own = {"encoder", "software", "major_brand", "minor_version", "compatible_brands"}
    own |= {"handler_name", "vendor_id"}
    return {
        key: _as_text(value)
        for key, value in metadata.items()
        if key.lower() not in own and not key.startswith(("DURATION", "NUMBER_OF", "BPS", "_STATISTICS"))
    }


def _as_text(value: str) -> str:
    """Decode what a film says in another encoding than UTF-8."""
    return decode_text(value.encode("utf-8", "surrogateescape"))
