"""Many photos from disk to disk: planned first, then decoded, colored and encoded side by side."""

from __future__ import annotations

import hashlib
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
from typing import Any, Literal, Unpack, cast

import numpy.typing as npt

from colorful import files, images, parallel
from colorful.colorizer import Colorizer, FileOptions
from colorful.errors import ColorfulError, ImageError, OptionError, OutputExistsError, PhotosError
from colorful.hints import Hint
from colorful.host import unaffected
from colorful.images import Saving
from colorful.images.log import collecting
from colorful.photos import Photo, Source
from colorful.plan import Existing, Job, Outcome, Plan, identity, is_too_long, make_plan
from colorful.prediction import Mask
from colorful.raster import light

logger = logging.getLogger(__name__)

Progress = Callable[[Outcome, int, int], object]

# Photos being worked on have at most this many pixels together, unless it is one alone: about 1.5 GB.
_PIXELS_IN_FLIGHT = 128_000_000
# A result has the L of its photo. The mean L of each of 32 x 32 parts changes by 5.4 at most, in a JPEG of
# quality 5; between two pages of print it differs by 14 somewhere.
_LIKE = 7.0
_PARTS, _LEAST_PART = 32, 8


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
    sources: Source | Iterable[Source],
    out: Source | None = None,
    *,
    colorizer: Colorizer | None = None,
    recursive: bool = False,
    skip_existing: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[FileOptions],
) -> Summary:
    """Color the photos of folders, and go on after a broken one.

    Each result is named ``colorized_<stem>.<ending>`` and appears whole or not at all, so that a run that was
    interrupted, even killed, goes on with *skip_existing*; several may do so at once. An interrupt (Ctrl-C)
    is raised on after the photos at work are finished.

    Args:
        sources: Folders, photos or glob patterns. Results of earlier runs among them are passed over.
        out: The folder of the results, where the tree below each source is kept; beside the photos if None.
        colorizer: The model, with its look (:meth:`Colorizer.tuned`); the default one if None.
        recursive: Look into the folders inside a folder, too. Links to folders are not followed.
        skip_existing: Leave out photos whose result is there. It is known by its L, which is the photo's.
            Where its name belongs to the result of another photo, this one's gets another name.
        overwrite: Replace results that are there. A photo of *sources* is never overwritten.
        workers: Photos at work at a time, each on its share of the processor; if None, as many as torch has
            threads. Where the disk is slow, one more may help.
        progress: Called after each photo with what became of it, the number of photos finished and the
            number of all.
        **options: Which pages are colored, and how the results are encoded. Without *format* each keeps its
            photo's own.

    Returns:
        What became of each photo.

    Raises:
        PhotosError: If there is nothing to color.
        ColorfulError: If an option has no meaning; what happens to a single photo is in the summary.
    """
    if skip_existing and overwrite:
        raise OptionError("skip_existing, overwrite: expected at most one of them, got both")
    existing: Existing = "skip" if skip_existing else "replace" if overwrite else "refuse"
    plan = make_plan(sources, out, recursive=recursive, existing=existing, **options)
    if not plan.jobs:
        missing = "; ".join(f"{problem.source}: {problem.error}" for problem in plan.problems)
        raise PhotosError(f"photos: expected some, got none: {missing}")
    return run(plan, colorizer or Colorizer.from_pretrained(), workers=workers, progress=progress)


def run(
    plan: Plan,
    colorizer: Colorizer,
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Do what a plan says; see :func:`colorize_folder` for what an interrupt and a broken photo do.

    Args:
        plan: The photos and their targets.
        colorizer: The model.
        hints: Colors of spots, for a plan of one photo.
        keep: Where that photo stays as it is.
        workers: Photos at work at a time.
        progress: Called after each photo.

    Returns:
        What became of each photo.

    Raises:
        ColorfulError: If an option has no meaning.
    """
    # One more would wait for the lock of the interpreter rather than for the disk: a tenth slower.
    workers = parallel.threads() if workers is None else workers
    if workers < 1:
        raise OptionError(f"workers: expected at least 1, got {workers}")
    workers = max(1, min(workers, len(plan.jobs)))
    budget = _Budget(_PIXELS_IN_FLIGHT)

    def work(job: Job) -> Outcome:
        def room() -> AbstractContextManager[None]:
            return budget.take(_count_pixels(job.source))

        return color(
            job, colorizer, existing=plan.existing, hints=hints, keep=keep, room=room, **plan.options
        )

    start = time.monotonic()
    counts: Counter[str] = Counter()
    failed = list(plan.problems)
    warned: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        counts[outcome.status] += 1
        if outcome.status == "failed":
            failed.append(outcome)
        elif outcome.warnings:
            warned.append(outcome)
        if progress is not None:
            progress(outcome, counts.total(), len(plan.jobs))

    parallel.finish(work, plan.jobs, workers=workers, report=report)
    return Summary(counts["done"], counts["skipped"], failed, time.monotonic() - start, warned)


def color(
    job: Job,
    colorizer: Colorizer,
    *,
    existing: Existing = "refuse",
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    room: Callable[[], AbstractContextManager[None]] = nullcontext,
    **options: Unpack[FileOptions],
) -> Outcome:
    """Color one photo of a plan.

    Args:
        job: The photo.
        colorizer: The model.
        existing: What becomes of a photo whose result is there.
        hints: Colors of spots.
        keep: Where the photo stays as it is.
        room: Gives what is held while the photo is in memory.
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
    room: Callable[[], AbstractContextManager[None]],
    options: FileOptions,
) -> Outcome:
    target = job.target
    if os.path.lexists(target) and existing != "skip":
        if identity(target) == identity(job.source):
            raise OutputExistsError(f"{str(target)!r} is the photo itself")
        if existing == "refuse":
            raise OutputExistsError(
                f"{str(target)!r} exists already; skip_existing=True leaves it, overwrite=True replaces it"
            )
    most, pages = colorizer.settings["max_pixels"], options.get("pages", "first")
    names = _names(job) if existing == "skip" else iter([target])
    saving = cast("Saving", {key: value for key, value in options.items() if key != "pages"})
    for target in names:
        if existing == "skip" and os.path.lexists(target):
            with room():
                same = shows(target, job.source, max_pixels=most, pages=pages)
            if same:
                return Outcome(job.source, target, "skipped")
            continue
        with room():
            colored = colorizer.color_pages(job.source, hints=hints, keep=keep, pages=pages)
            files.make_folder(target.parent)
            try:
                images.write(colored, target, overwrite=existing == "replace", **saving)
            except OutputExistsError:  # another run made it meanwhile
                if existing != "skip":
                    raise
                if shows(target, job.source, max_pixels=most, pages=pages):
                    return Outcome(job.source, target, "skipped")
                continue
        return Outcome(job.source, target, "done")
    raise OutputExistsError(f"{str(job.target)!r} exists already, and is no whole result of this photo")


def _names(job: Job) -> Iterator[Path]:
    """Give the names that a result may have, the same ones in every run."""
    yield job.target
    if job.named:
        return
    folder = job.source.absolute().parent
    by_folder = job.target.with_stem(f"{job.target.stem}_{folder.name}")
    if not is_too_long(by_folder):
        yield by_folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    yield job.target.with_stem(f"{job.target.stem}_{digest}")


def shows(
    result: Path, photo: Path | bytes, *, max_pixels: int | None, pages: Literal["first", "all"] = "first"
) -> bool:
    """Tell whether a picture shows the same photo: it is as large, and has its L everywhere.

    Args:
        result: What may be a colored photo.
        photo: What it may have been made of.
        max_pixels: As in :class:`~colorful.look.Settings`.
        pages: Whether all pages are to be there.

    Returns:
        False also if one of them cannot be read.
    """
    try:
        # Which side is the longer may be another thing before the photo is turned upright.
        size = images.read_size(photo)
        if sorted(images.read_size(result)) != sorted(size):
            return False
        parts = max(1, min(_PARTS, min(size) // _LEAST_PART))
        if pages == "first" and isinstance(photo, Path):
            with suppress(ImageError):  # a glance at a JPEG is quick, but leaves its ICC profile unread
                ours, theirs = (Photo("", path).load(min_side=_PARTS) for path in (result, photo))
                if _alike(ours, theirs, parts):
                    return True
        pairs = zip_longest(_pages(result, max_pixels, pages), _pages(photo, max_pixels, pages))
        return all(mine is not None and its is not None and _alike(mine, its, parts) for mine, its in pairs)
    except ImageError:
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
    """Let photos in as long as their pixels together stay within a limit."""

    def __init__(self, pixels: int) -> None:
        self._pixels = self._free = pixels
        self._changed = threading.Condition()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Wait until there is room; a photo above the whole limit waits to be alone."""
        pixels = min(pixels, self._pixels)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= pixels)
            self._free -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._free += pixels
                self._changed.notify_all()


def _count_pixels(path: Path) -> int:
    try:
        height, width = images.read_size(path)
    except ImageError:  # reading it will say why
        return 0
    return height * width
