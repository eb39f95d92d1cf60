"""Color a film from file to file, or from a pipe to a pipe."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Unpack

import av
import torch

from colorful import __version__, files
from colorful.colorizer import Colorizer
from colorful.errors import (
    KindError,
    OptionError,
    OutputError,
    OutputExistsError,
    VideoError,
    check_choice,
)
from colorful.hints import Hint
from colorful.host import unaffected
from colorful.lab.steady import Trail
from colorful.loaded import Precision
from colorful.look import check_number
from colorful.models.abilities import unsupported
from colorful.video.chroma import Chroma, Palette
from colorful.video.coding import Coded, Coding, Encoder, Plan, plan_coding
from colorful.video.film import Film, Frame, Source, other_packets
from colorful.video.hints import TimedHint, place_hints
from colorful.video.muxing import Muxer, join, provenance
from colorful.video.parts import Parts, signature_of_file
from colorful.video.stages import BATCH, ROOM, WINDOWS, Crew, Scene, Settling, Wait, stages

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], object]

STEADY = 0.97
"""How steady colors are, unless a caller says otherwise."""


@dataclass(frozen=True)
class VideoSummary:
    """What became of a film.

    Attributes:
        frames: How many are colored, those of an earlier run included.
        resumed: How many of them an earlier run had done.
        damaged: What of the film could not be read, in words.
        seconds: How long this run took.
    """

    frames: int
    resumed: int
    damaged: list[str]
    seconds: float


def colorize_video(
    source: Source,
    target: str | os.PathLike[str] | IO[bytes],
    *,
    colorizer: Colorizer | None = None,
    steady: float = STEADY,
    wait: Wait | None = None,
    hints: Sequence[TimedHint] = (),
    deinterlace: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    **coding: Unpack[Coding],
) -> VideoSummary:
    """Color a film: its luma, time stamps, sound and subtitles stay as they are.

    The result is written completely or not at all. If a run was stopped, or even killed, call it again with
    the same options to go on: finished parts of the film are kept in a hidden folder beside *target*.

    Args:
        source: A path, or a binary file that is read to its end, such as a pipe.
        target: A path, or a binary file, such as a pipe, which takes Matroska or WebM.
        colorizer: The model; by default the one that comes with the library, in the number type that is
            faster on this machine.
        steady: How steady colors are over time, in [0, 1]: which share of its weight the past keeps after a
            25th of a second. 0 colors each frame by itself.
        wait: How long a frame waits for later ones, which count, too: ``"short"``, for up to 14, or
            ``"long"``, for up to 38, which is steadier. By default long from file to file, short in a pipe.
        hints: Known colors of spots at certain times, each for its whole shot; not with a pipe.
        deinterlace: Whether to make whole frames from interlaced ones, by FFmpeg's filter ``bwdif``.
        overwrite: Whether *target* is replaced if it exists. The film itself is never overwritten.
        progress: Called after each frame with the number of frames done and that of all, 0 if unknown.
        **coding: How the result is encoded.

    Returns:
        What became of the film.

    Raises:
        VideoError: If *source* is no film, or cannot be written as asked.
        OutputExistsError: If *target* is there and *overwrite* is not set, or it is the film itself.
        OutputError: If it cannot be written.
        ColorfulError: If an option has no meaning.
    """
    started = time.monotonic()
    is_stream = not isinstance(source, str | os.PathLike) or files.is_own_pipe(source)  # to be read once
    out = Path(os.fspath(target)) if isinstance(target, str | os.PathLike) else None
    piped = out is None or is_stream
    check_number("steady", steady, most=1)
    if wait is not None:
        check_choice("wait", wait, WINDOWS)
    _check_hints(hints)
    if hints and piped:
        raise OptionError("hints: expected none for a pipe, since each is followed to both ends of its shot")
    if out is not None:
        _check_target(source, out, overwrite)
    colorizer = colorizer or default_colorizer()
    if hints and not colorizer.takes_hints:
        raise unsupported("hints", colorizer.architecture)
    others: deque[Any] = deque()
    with (
        _opened(source) as stream,
        Film(stream, deinterlace=deinterlace, others=others.append if piped else None) as film,
    ):
        plan = plan_coding(film, "-" if out is None else str(out), coding)
        if film.facts.interlaced and not deinterlace:
            logger.warning("%s: interlaced; deinterlace=True makes whole frames from its fields", film.name)
        note = provenance(colorizer.name) if coding.get("provenance", True) else None
        if out is not None:
            Muxer(None, film, plan, note=note).close()  # what it cannot hold is told before the work
        work = _Work(film, colorizer, plan, steady, wait or ("short" if piped else "long"), note)
        if out is None:
            frames, resumed = work.through_pipe(target, others, progress), 0
        elif piped:
            with _writing(out, overwrite) as place:
                frames, resumed = work.through_pipe(place, others, progress), 0
        else:
            signature = {
                "film": signature_of_file(Path(film.name)),
                "deinterlace": deinterlace,
                "hints": [[timed.time, timed.hint.to_json()] for timed in hints],
            }
            placed = _placed(film.name, deinterlace, work, hints)
            frames, resumed = work.to_file(out, signature, placed, progress, overwrite)
        return VideoSummary(frames, resumed, film.damaged, time.monotonic() - started)


class _Work:
    """A film being colored."""

    def __init__(
        self, film: Film, colorizer: Colorizer, plan: Plan, steady: float, wait: Wait, note: str | None
    ) -> None:
        self._film, self._colorizer, self._plan = film, colorizer, plan
        self._steady, self._wait, self._note = steady, wait, note
        facts = film.facts
        self.size = colorizer.input_size(facts.upright_shape)
        self.stride = colorizer.runner.description.stride
        self.palette = Palette(facts.color, facts.depth, plan.subsampling, colorizer.settings)

    def to_file(
        self,
        target: Path,
        signature: dict[str, Any],
        hints: Mapping[int, Sequence[Hint]],
        progress: Progress | None,
        overwrite: bool,
    ) -> tuple[int, int]:
        """Color part after part, then join them: gives the number of frames, and of those done before."""
        film = self._film
        files.make_folder(target.absolute().parent)
        with Parts(target, signature | self._signature()) as parts:
            resumed = parts.frames
            if resumed:
                logger.warning("%s: continuing after frame %d of an earlier run", target, resumed)
            settling = self._settling(start=resumed, trail=parts.trail())
            encoder = Encoder(film.facts, self._plan)
            count = 0
            try:
                first = BATCH * (max(0, resumed - 1) // BATCH)  # its batch, and the frame before it
                for scene, chroma in self._painted(settling, hints, first=first):
                    if scene.starts_part and count:
                        self._finish(parts, encoder, count, scene.trail)
                        encoder, count = Encoder(film.facts, self._plan), 0
                    for coded in encoder.encode(scene.source, chroma):
                        parts.add(coded)
                    count += 1
                    if progress is not None:
                        progress(parts.frames + count, film.facts.frames)
                if count:
                    self._finish(parts, encoder, count, None)
            except OutputError:
                raise
            except OSError as error:
                raise OutputError(f"{target}: cannot be written: {files.in_words(error)}") from error
            if not parts.frames:
                raise VideoError(f"{film.name}: expected a film, found no frame that can be read")
            self._join(target, parts, overwrite)
            parts.remove()
            return parts.frames, resumed

    def through_pipe(self, target: Any, others: deque[Any], progress: Progress | None) -> int:
        """Color a film as it comes, and send it on: gives the number of frames."""
        film, count = self._film, 0
        muxer = Muxer(target, film, self._plan, note=self._note)
        encoder = Encoder(film.facts, self._plan)
        step = film.facts.step

        def send(packets: Iterable[Coded]) -> None:
            for coded in packets:
                muxer.picture(coded, coded.due, step)
            while others:
                muxer.other(others.popleft())

        try:
            for scene, chroma in self._painted(self._settling(), {}, first=0):
                send(encoder.encode(scene.source, chroma))
                count += 1
                if progress is not None:
                    progress(count, film.facts.frames)
            send(encoder.close())
        except BaseException:
            with suppress(Exception):  # the first error is the one that tells what happened
                muxer.close()
            raise
        muxer.close()
        return count

    def lights(self, frames: Iterable[Frame]) -> Iterator[Scene[Frame]]:
        """Begin with L."""
        facts, before = self._film.facts, 0
        size = self.size[::-1] if facts.turns % 2 else self.size
        for frame in frames:
            light = torch.rot90(self.palette.light(frame.luma, size), facts.turns, (2, 3)).contiguous()
            seconds = float((frame.stamp - before) * facts.time_base)
            before = frame.stamp
            yield Scene(frame, frame.number, seconds, light)

    def _painted(
        self, settling: Settling[Frame], hints: Mapping[int, Sequence[Hint]], *, first: int
    ) -> Iterator[tuple[Scene[Frame], Chroma]]:
        """Run all stages but the encoder, each on a thread of its own."""
        facts = self._film.facts
        wanted = (frame for frame in self._film.frames() if frame.number >= first)

        def paint(scenes: Iterable[Scene[Frame]]) -> Iterator[tuple[Scene[Frame], Chroma]]:
            for scene in scenes:
                ab = torch.rot90(scene.ab, -facts.turns, (1, 2))
                guide = torch.rot90(scene.light, -facts.turns, (2, 3))
                yield scene, self.palette.paint(scene.source.luma, ab, guide)

        with Crew(self._film.stopped) as team:
            scenes = stages(
                self.lights(wanted),
                self._colorizer,
                settling,
                size=facts.upright_size,
                hints=hints,
                ahead=team.ahead,
            )
            yield from team.ahead(paint(scenes), room=ROOM)

    def _settling(self, *, start: int = 0, trail: Trail | None = None) -> Settling[Frame]:
        return Settling(steady=self._steady, wait=self._wait, start=start, trail=trail)

    def _finish(self, parts: Parts, encoder: Encoder, frames: int, trail: Trail | None) -> None:
        for coded in encoder.close():
            parts.add(coded)
        parts.finish(frames, encoder.extradata, trail)

    def _join(self, target: Path, parts: Parts, overwrite: bool) -> None:
        film = self._film
        stamps = [packet[0] for part in parts.finished for packet in part.packets]
        with _writing(target, overwrite) as place:
            muxer = Muxer(place, film, self._plan, note=self._note)
            if any(part.extradata != muxer.extradata.hex() for part in parts.finished):
                raise VideoError(f"{self._plan.encoder}: expected parts that begin alike, got two kinds")
            join(muxer, other_packets(film), parts.coded(), stamps, film.facts)
            muxer.close()
            if lost := muxer.lost(place):
                logger.warning(
                    "%s: left out, because %s has no place for it: %s", film.name, self._plan.container, lost
                )

    def _signature(self) -> dict[str, Any]:
        """Say what the result depends on beside the film and its hints."""
        colorizer = self._colorizer
        ramp = torch.linspace(0, 100, math.prod(self.size), dtype=torch.float32, device="cpu")
        answer = colorizer.answer(ramp.reshape(1, 1, *self.size))[0][0]
        return {
            "version": __version__,
            "coding": asdict(self._plan),
            "note": self._note,
            "steady": [self._steady, self._wait],
            "colorizer": colorizer.digest,
            # Two networks are told apart by what they say of one picture.
            "network": hashlib.sha256(answer.float().cpu().contiguous().numpy().tobytes()).hexdigest(),
        }


def _placed(name: str, deinterlace: bool, work: _Work, hints: Sequence[TimedHint]) -> dict[int, list[Hint]]:
    """Follow hints through a film, in a pass of its own that ends where no hint reaches."""
    if not hints:
        return {}
    with Film(name, deinterlace=deinterlace) as film:
        facts = film.facts
        frames = work.lights(film.frames())

        def times() -> Iterator[tuple[int, float, torch.Tensor]]:
            seconds = 0.0
            for scene in frames:
                seconds += scene.seconds if scene.number else 0
                yield scene.number, seconds, scene.light

        return place_hints(hints, times(), facts.upright_size, work.stride)


def default_colorizer() -> Colorizer:
    """Load the model that comes with the library, in the precision that is faster on this machine."""
    return Colorizer.from_pretrained(dtype=faster_precision())


@unaffected()
def faster_precision() -> Precision:
    """Time a product in both precisions: only some processors have instructions for bfloat16."""

    def seconds(dtype: torch.dtype) -> float:
        matrix, times = torch.ones(512, 512, dtype=dtype, device="cpu"), []
        for _ in range(5):
            start = time.perf_counter()
            matrix @ matrix
            times.append(time.perf_counter() - start)
        return min(times)

    return "bfloat16" if seconds(torch.bfloat16) < seconds(torch.float32) / 1.3 else "float32"


def _opened(source: Source) -> AbstractContextManager[Source]:
    """Open a pipe that a shell has made, which can be read once; all else is opened where it is read."""
    if isinstance(source, str | os.PathLike) and files.is_own_pipe(source):
        return Path(source).open("rb", buffering=0)
    return nullcontext(source)


def _check_hints(hints: object) -> None:
    if not isinstance(hints, Sequence) or not all(isinstance(hint, TimedHint) for hint in hints):
        raise KindError(f"hints: expected a sequence of TimedHint, got {type(hints).__name__}")


def _check_target(source: Source, target: Path, overwrite: bool) -> None:
    its = Path(source) if isinstance(source, str | os.PathLike) else None
    if its is not None and its.exists() and target.exists() and target.samefile(its):
        raise OutputExistsError(f"target: expected another file than the film, got {str(target)!r}")
    files.check_target(target, overwrite=overwrite)


@contextmanager
def _writing(target: Path, overwrite: bool) -> Iterator[str]:
    """Give the name of a file that becomes *target* once it is whole.

    By a name: to bring the index of an MP4 to its front, FFmpeg opens the file again.
    """
    files.make_folder(target.absolute().parent)
    with files.writing(target, overwrite=overwrite) as file:
        try:
            yield file.name if files.is_text(file.name) else f"/dev/fd/{file.fileno()}"
        except av.error.FFmpegError as error:  # not all of which are errors of the system, too
            if isinstance(error, OSError):
                raise
            raise OutputError(f"{target}: cannot be written: {error.strerror}") from error
