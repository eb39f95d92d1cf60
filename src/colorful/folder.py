"""Many photos from disk to disk: planned first, then decoded, colored and encoded side by side."""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Literal, Self, Unpack

import numpy.typing as npt

from colorful import files, images, parallel, storage
from colorful.colorizer import Colorizer, FileOptions, saving_of
from colorful.errors import (
    ColorfulError,
    ImageError,
    KindError,
    OptionError,
    OutputExistsError,
    PhotosError,
)
from colorful.hints import Hint
from colorful.host import unaffected
from colorful.hub.weights import sha256
from colorful.images.log import collecting
from colorful.images.reading import count_pixels
from colorful.look import check_count
from colorful.naming import identity, is_too_long
from colorful.outcomes import Format, Record
from colorful.photos import Source
from colorful.plan import Choice, Existing, Job, Outcome, Plan, make_plan
from colorful.prediction import Mask
from colorful.raster import light
from colorful.storage import URL, Location

logger = logging.getLogger(__name__)

Progress = Callable[[Outcome, int, int], object]

# Photos being worked on have at most this many pixels together, unless it is one alone: about 1.5 GB.
_PIXELS_IN_FLIGHT = 128_000_000
# A result has the L of its photo. The mean L of each of 32 x 32 parts changes by 5.4 at most, in a JPEG of
# quality 5; between two pages of print it differs by 14 somewhere.
_LIKE = 7.0
_PARTS, _LEAST_PART = 32, 8
_NO_FILE = (None, errno.ENOENT, errno.ELOOP, errno.EINVAL)


@dataclass(frozen=True)
class Summary:
    """What became of all photos.

    Attributes:
        done: How many were colored.
        skipped: How many had a result already.
        failed: Those that failed, each with its reason.
        seconds: How long it took.
        warned: Those that lack something of their photo.
    """

    done: int
    skipped: int
    failed: list[Outcome]
    seconds: float
    warned: list[Outcome] = field(default_factory=list)


def colorize_folder(
    sources: Source | URL | Iterable[Source | URL],
    out: Source | URL | None = None,
    *,
    colorizer: Colorizer | None = None,
    skip_existing: bool = False,
    shard: tuple[int, int] | None = None,
    outcomes: Format | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    **choice: Unpack[Choice],
) -> Summary:
    """Color the photos of folders, and go on after a broken one.

    Each result is called ``colorized_<stem>.<ending>`` and is written completely or not at all. So a run that
    was interrupted, or even killed, can be continued with *skip_existing*, also several times at once. After
    an interrupt (Ctrl-C), the photos that are being colored are finished, then the interrupt is raised.

    Args:
        sources: Folders, photos or glob patterns, or URLs of stores such as ``s3://``. Results of earlier
            runs in them are not colored again.
        out: The folder for the results, with the same folders in it as in each source. If None, results are
            written beside the photos.
        colorizer: The model with its options (:meth:`Colorizer.tuned`); if None, the default model.
        skip_existing: Leave out photos that have a result. A result is recognized by its L, which is the same
            as in the photo. If the name is taken by the result of another photo, a new name is used.
        shard: ``(i, n)`` does only the i-th of n parts, counted from 1, so that n machines share the work;
            see :meth:`Plan.shard`.
        outcomes: Keep a record of each photo beside the results, as ``"jsonl"`` or ``"parquet"``, and go on
            from records that are there; see :mod:`colorful.outcomes`. This includes *skip_existing*.
        workers: How many photos are colored at the same time, each on its share of the processor. If None, as
            many as torch has threads. If the disk is slow, one more may help.
        progress: Called after each photo with its outcome, the number of finished photos and the total.
        **choice: Which photos are taken, and how the results are encoded. Without *format*, each result has
            the format of its photo.

    Returns:
        What became of each photo.

    Raises:
        PhotosError: If there is nothing to color.
        ColorfulError: If an option has no meaning; what happens to a single photo is in the summary.
    """
    if skip_existing and choice.get("overwrite"):
        raise OptionError("skip_existing, overwrite: expected at most one of them, got both")
    plan = make_plan(sources, out, existing="skip" if skip_existing or outcomes else "refuse", **choice)
    if not plan.jobs:
        missing = "; ".join(f"{problem.source}: {problem.error}" for problem in plan.problems)
        raise PhotosError(f"photos: expected some, got none: {missing}")
    if shard is not None:
        if not isinstance(shard, tuple | list) or len(shard) != 2:
            raise OptionError(f"shard: expected a pair of integers, got {shard!r}")
        plan = plan.shard(*shard)
    colorizer = Colorizer.from_pretrained() if colorizer is None else colorizer
    return run(plan, colorizer, outcomes=outcomes, workers=workers, progress=progress)


def run(
    plan: Plan,
    colorizer: Colorizer,
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    outcomes: Format | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Do what a plan says; see :func:`colorize_folder` for what an interrupt and a broken photo do.

    Args:
        plan: The photos and their targets.
        colorizer: The model.
        hints: Colors of spots, for a plan of one photo.
        keep: Where that photo stays as it is.
        outcomes: As for :func:`colorize_folder`.
        workers: Photos at work at a time.
        progress: Called after each photo.

    Returns:
        What became of each photo.

    Raises:
        KindError: If *colorizer* is none.
        OutputError: If the folder of the results cannot be made.
        ColorfulError: If an option has no meaning.
    """
    # One more would wait for the lock of the interpreter rather than for the disk: a tenth slower.
    workers = parallel.threads() if workers is None else workers
    check_count("workers", workers)
    if not isinstance(colorizer, Colorizer):
        raise KindError(f"colorizer: expected a Colorizer, got {type(colorizer).__name__}")
    if isinstance(plan.out, Path):
        files.make_folder(plan.out)
    workers = max(1, min(workers, len(plan.jobs)))
    budget = _Budget(_PIXELS_IN_FLIGHT)

    def work(job: Job) -> Outcome:
        def room(photo: Path | bytes) -> AbstractContextManager[None]:
            return budget.take(count_pixels(photo))

        return color(
            job, colorizer, existing=plan.existing, hints=hints, keep=keep, room=room, **plan.options
        )

    agreed = plan if outcomes is None else plan.agreed(colorizer)
    with Tally(agreed, outcomes, progress) as tally:
        parallel.finish(work, tally.jobs, workers=workers, report=tally.report)
    return tally.summary()


class Tally:
    """Count what becomes of the photos of a plan, tell of each, and keep it beside the results.

    Args:
        plan: What is done, with its agreement.
        outcomes: As for :func:`colorize_folder`.
        progress: Called after each photo.

    Attributes:
        jobs: What earlier runs have left to do.

    Raises:
        ColorfulError: If outcomes cannot be kept, or those kept are of another model.
    """

    def __init__(self, plan: Plan, outcomes: Format | None, progress: Progress | None) -> None:
        self._start = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._failed = list(plan.problems)
        self._warned: list[Outcome] = []
        self._total = len(plan.jobs)
        self._progress = progress
        self._record = None if outcomes is None else Record(plan, outcomes)
        self.jobs = plan.jobs if self._record is None else self._record.remaining()
        self._counts["skipped"] = self._total - len(self.jobs)

    def report(self, outcome: Outcome) -> None:
        """Take in what became of one photo."""
        self._counts[outcome.status] += 1
        if outcome.status == "failed":
            self._failed.append(outcome)
        elif outcome.warnings:
            self._warned.append(outcome)
        if self._record is not None:
            self._record.add(outcome)
        if self._progress is not None:
            self._progress(outcome, self._counts.total(), self._total)

    def summary(self) -> Summary:
        """Give what became of all."""
        counts, seconds = self._counts, time.monotonic() - self._start
        return Summary(counts["done"], counts["skipped"], self._failed, seconds, self._warned)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._record is not None:
            self._record.close()


def color(
    job: Job,
    colorizer: Colorizer,
    *,
    existing: Existing = "refuse",
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    room: Callable[[Path | bytes], AbstractContextManager[None]] = lambda photo: nullcontext(),
    **options: Unpack[FileOptions],
) -> Outcome:
    """Color one photo of a plan.

    Args:
        job: The photo.
        colorizer: The model.
        existing: What becomes of a photo whose result is there.
        hints: Colors of spots.
        keep: Where the photo stays as it is.
        room: Gives a context that is held while the photo, a file or its bytes, is in memory.
        **options: Which pages are colored, and how the result is encoded.

    Returns:
        What became of it; a broken photo is an outcome, too.

    Raises:
        OptionError: If an option has no meaning, which it then has for no photo.
    """
    with unaffected(), collecting() as warnings:
        try:
            outcome = _attempt(job, colorizer, existing, hints, keep, room, options)
        except OptionError:
            raise
        except ColorfulError as error:
            outcome = Outcome(job.source, job.target, "failed", str(error))
        except MemoryError:
            outcome = Outcome(job.source, job.target, "failed", "the result does not fit into memory")
        except Exception as error:
            logger.debug("%s: unexpected failure", job.source, exc_info=True)
            outcome = Outcome(job.source, job.target, "failed", f"{type(error).__name__}: {error}")
    return replace(outcome, warnings=tuple(dict.fromkeys(warnings)))


def _attempt(
    job: Job,
    colorizer: Colorizer,
    existing: Existing,
    hints: Sequence[Hint],
    keep: Mask | None,
    room: Callable[[Path | bytes], AbstractContextManager[None]],
    options: FileOptions,
) -> Outcome:
    source, target = job.source, job.target
    if existing != "skip" and storage.exists(target):
        if identity(target) == identity(source):
            raise OutputExistsError(f"{str(target)!r} is the photo itself")
        if existing == "refuse":
            raise OutputExistsError(
                f"{str(target)!r} exists already; skip_existing=True leaves it, overwrite=True replaces it"
            )
    most, pages = colorizer.settings["max_pixels"], options.get("pages", "first")
    names = _names(job) if existing == "skip" else iter([target])
    photo = storage.fetch(source)
    for target in names:
        if existing != "skip" or not storage.exists(target):
            with room(photo):
                colored = colorizer.color_pages(
                    photo if isinstance(photo, Path) else _named(photo, source.name),
                    hints=hints,
                    keep=keep,
                    pages=pages,
                )
                data = images.encode_as(colored, target.name, **saving_of(options))
                try:
                    storage.put(target, data, overwrite=existing == "replace")
                    return Outcome(source, target, "done", digest=_sha256(data))
                except OutputExistsError:  # another run made it meanwhile
                    if existing != "skip":
                        raise
        result = storage.fetch(target)
        with room(photo):
            if shows(result, photo, max_pixels=most, pages=pages):
                return Outcome(source, target, "skipped", digest=_sha256(result))
    raise OutputExistsError(f"{str(job.target)!r} exists already, and is no whole result of this photo")


def _names(job: Job) -> Iterator[Location]:
    """Give the names that a result may have, the same ones in every run."""
    target = job.target
    yield target
    if job.named:
        return
    folder = job.source.absolute().parent
    by_folder = target.with_stem(f"{target.stem}_{folder.name}")
    if not is_too_long(by_folder):
        yield by_folder
    digest = hashlib.sha256(os.fsencode(str(folder))).hexdigest()[:8]
    yield target.with_stem(f"{target.stem}_{digest}")


def _named(data: bytes, name: str) -> IO[bytes]:
    """Give bytes as a file with a name, which messages then tell."""
    file = io.BytesIO(data)
    file.name = name
    return file


def _sha256(content: Path | bytes) -> str:
    return sha256(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()


def shows(
    result: Path | bytes,
    photo: Path | bytes,
    *,
    max_pixels: int | None,
    pages: Literal["first", "all"] = "first",
) -> bool:
    """Tell whether a picture shows the same photo: it is as large, and has its L everywhere.

    Args:
        result: What may be a colored photo: a file, or its bytes.
        photo: What it may have been made of.
        max_pixels: As in :class:`~colorful.look.Settings`.
        pages: Whether all pages are to be there.

    Returns:
        False also if one of them is broken, or no file.

    Raises:
        ImageError: If the disk or the network fails.
    """
    try:
        # Height and width may be swapped before the photo is turned upright.
        size = images.read_size(photo)
        if sorted(images.read_size(result)) != sorted(size):
            return False
        parts = max(1, min(_PARTS, min(size) // _LEAST_PART))
        if pages == "first" and isinstance(result, Path) and isinstance(photo, Path):
            with suppress(ImageError):  # a glance at a JPEG is quick
                ours, theirs = (
                    images.read_rgb(path, min_side=_PARTS, max_pixels=max_pixels) for path in (result, photo)
                )
                if _alike(ours, theirs, parts):
                    return True
        pairs = zip_longest(_pages(result, max_pixels, pages), _pages(photo, max_pixels, pages))
        return all(mine is not None and its is not None and _alike(mine, its, parts) for mine, its in pairs)
    except ImageError as error:
        # A disk or a share that fails for a moment: to color the photo again would leave two results of it.
        if getattr(error.__cause__, "errno", None) not in _NO_FILE:
            raise
        return False


def _pages(
    source: Path | bytes, max_pixels: int | None, pages: Literal["first", "all"]
) -> Iterator[npt.NDArray[Any]]:
    if pages == "first":
        yield images.read(source, max_pixels=max_pixels).pixels
        return
    for page in images.read_pages(source, max_pixels=max_pixels):
        yield page.pixels


def _alike(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], parts: int) -> bool:
    size = (parts, parts)
    return float((light(ours, size) - light(theirs, size)).abs().max()) < _LIKE


class _Budget:
    """Let photos in, one after the other, as long as their pixels together stay within a limit."""

    def __init__(self, pixels: int) -> None:
        self._pixels = self._free = pixels
        self._turn, self._changed = threading.Lock(), threading.Condition()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Wait until there is room; a photo above the whole limit waits to be alone."""
        pixels = min(pixels, self._pixels)
        with self._turn, self._changed:  # so that small ones do not pass by a large one for ever
            self._changed.wait_for(lambda: self._free >= pixels)
            self._free -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._free += pixels
                self._changed.notify_all()
