"""Many photos from disk to disk: planned first, then decoded, colored and encoded side by side."""

from __future__ import annotations

import logging
import os
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Unpack, cast

from colorful import files, images, parallel
from colorful.colorizer import Colorizer, FileOptions
from colorful.errors import (
    ColorfulError,
    ImageError,
    OptionError,
    OutputExistsError,
    PhotosError,
)
from colorful.hints import Hint
from colorful.images import Saving
from colorful.images.log import collecting
from colorful.photos import expand, walk
from colorful.prediction import Mask

logger = logging.getLogger(__name__)

Source = str | os.PathLike[str]

PREFIX = "colorized_"
"""What the name of a result begins with."""

Progress = Callable[["Outcome", int, int], object]

# Photos being worked on have at most this many pixels together, unless it is one alone: about 1.5 GB.
_PIXELS_IN_FLIGHT = 128_000_000


@dataclass(frozen=True)
class Job:
    """A photo to color.

    Attributes:
        source: The photo.
        target: Where the result goes.
    """

    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        source: The photo, or the folder that could not be listed.
        target: Where the result is or would be.
        status: ``"done"``, ``"skipped"`` (the result was there already) or ``"failed"``.
        error: What went wrong, if it failed.
        warnings: What of the photo the result lacks, such as further pages or a caption.
    """

    source: Path
    target: Path | None
    status: Literal["done", "skipped", "failed"]
    error: str | None = None
    warnings: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Plan:
    """What is to be done, before any photo is opened; made by :func:`plan_jobs`.

    Attributes:
        jobs: The photos and their targets; no target twice, none of them a photo of the plan.
        problems: Sources that are not there and folders that cannot be listed.
    """

    jobs: list[Job]
    problems: list[Outcome]

    def run(
        self,
        colorizer: Colorizer,
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        skip_existing: bool = False,
        overwrite: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
        **options: Unpack[FileOptions],
    ) -> Summary:
        """Do it; see :func:`colorize_folder` for what an interrupt and a broken photo do.

        Args:
            colorizer: The model.
            hints: Colors of spots, for a plan of one photo.
            keep: Where that photo stays as it is.
            skip_existing: Leave out photos whose result is there.
            overwrite: Replace results that are there.
            workers: Photos at work at a time.
            progress: Called after each photo.
            **options: Which pages are colored, and how the results are encoded.

        Raises:
            ColorfulError: If an option has no meaning.
        """
        if skip_existing and overwrite:
            raise OptionError("skip_existing, overwrite: expected at most one of them, got both")
        # One more would wait for the lock of the interpreter rather than for the disk: a tenth slower.
        workers = parallel.threads() if workers is None else workers
        if workers < 1:
            raise OptionError(f"workers: expected at least 1, got {workers}")
        workers = max(1, min(workers, len(self.jobs)))
        budget = _Budget(_PIXELS_IN_FLIGHT)
        pages = options.pop("pages", "first")
        saving = cast("Saving", options)

        def work(job: Job) -> Outcome:
            with collecting() as warnings:
                outcome = attempt(job)
            return replace(outcome, warnings=tuple(dict.fromkeys(warnings)))

        def attempt(job: Job) -> Outcome:
            try:
                if os.path.lexists(job.target):
                    if skip_existing:
                        return Outcome(job.source, job.target, "skipped")
                    if _identity(job.target) == _identity(job.source):
                        raise OutputExistsError(f"{str(job.target)!r} is the photo itself")
                    if not overwrite:
                        raise OutputExistsError(
                            f"{str(job.target)!r} exists already; "
                            "skip_existing=True leaves it, overwrite=True replaces it"
                        )
                with budget.take(_count_pixels(job.source)):
                    colored = colorizer.color_pages(job.source, hints=hints, keep=keep, pages=pages)
                    files.make_folder(job.target.parent)
                    images.write(colored, job.target, overwrite=overwrite, **saving)
            except OptionError:
                raise  # what has no meaning here has none for the other photos either
            except ColorfulError as error:
                return Outcome(job.source, job.target, "failed", str(error))
            except Exception as error:
                logger.debug("%s: unexpected failure", job.source, exc_info=True)
                return Outcome(job.source, job.target, "failed", f"{type(error).__name__}: {error}")
            return Outcome(job.source, job.target, "done")

        start = time.monotonic()
        counts: Counter[str] = Counter()
        failed = list(self.problems)
        warned: list[Outcome] = []

        def report(outcome: Outcome) -> None:
            counts[outcome.status] += 1
            if outcome.status == "failed":
                failed.append(outcome)
            elif outcome.warnings:
                warned.append(outcome)
            if progress is not None:
                progress(outcome, counts.total(), len(self.jobs))

        parallel.finish(work, self.jobs, workers=workers, report=report)
        return Summary(counts["done"], counts["skipped"], failed, time.monotonic() - start, warned)


def plan_jobs(
    sources: Source | Iterable[Source],
    out: Source | None = None,
    *,
    recursive: bool = False,
    format: str | None = None,
) -> Plan:
    """Find photos and choose the name of each result, without opening one.

    Args:
        sources: As for :func:`colorize_folder`, like all that follow.
        out: The folder of the results.
        recursive: Look into the folders inside a folder, too.
        format: Of the results.

    Raises:
        PhotosError: If there is nothing to color.
        OptionError: If *format* cannot be written.
    """
    ending = None if format is None else _ending(format)
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    problems: list[Outcome] = []

    def fail(error: OSError) -> None:
        problems.append(Outcome(Path(error.filename), None, "failed", f"cannot be listed: {error.strerror}"))

    roots = [root for source in given for root in _expand(Path(source), problems)]
    several = sum(root.is_dir() for root in roots) > 1
    found: dict[Path, tuple[Path, Path]] = {}  # by absolute path: each photo, and the folder of its result
    for root in roots:
        if not root.is_dir():
            found.setdefault(root.absolute(), (root, root.parent if out is None else Path(out)))
            continue
        top = root if out is None else Path(out, root.resolve().name) if several else Path(out)
        for photo in walk(root, recursive=recursive, leave_out=out, fail=fail):
            found.setdefault(photo.absolute(), (photo, top / photo.parent.relative_to(root)))
    photos = [found[path] for path in sorted(found)]
    if len(photos) > 1:
        photos = [pair for pair in photos if not pair[0].name.startswith(PREFIX)]
        if not photos:
            raise PhotosError(f"photos: expected some, got only results of earlier runs ({PREFIX}...)")
    if not photos and not problems:
        where = ", ".join(repr(str(source)) for source in given) or "an empty list"
        hint = "" if recursive else "; folders inside are looked into only with recursive=True"
        raise PhotosError(f"photos: expected some, got none in {where}{hint}")
    return Plan(_name_targets(photos, ending), problems)


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
    interrupted, even killed, goes on with *skip_existing*. An interrupt (Ctrl-C) is raised on after the
    photos at work are finished.

    Args:
        sources: Folders, photos or glob patterns. Results of earlier runs among them are passed over.
        out: The folder of the results, where the tree below each source is kept; beside the photos if None.
        colorizer: The model, with its look (:meth:`Colorizer.tuned`); the default one if None.
        recursive: Look into the folders inside a folder, too. Links to folders are not followed.
        skip_existing: Leave out photos whose result is there.
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
    plan = plan_jobs(sources, out, recursive=recursive, format=options.pop("format", None))
    if not plan.jobs:
        missing = "; ".join(f"{problem.source}: {problem.error}" for problem in plan.problems)
        raise PhotosError(f"photos: expected some, got none: {missing}")
    return plan.run(
        colorizer or Colorizer.from_pretrained(),
        skip_existing=skip_existing,
        overwrite=overwrite,
        workers=workers,
        progress=progress,
        **options,
    )


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


def _expand(source: Path, problems: list[Outcome]) -> list[Path]:
    found = expand(source)
    if not found:
        problems.append(Outcome(source, None, "failed", "no such file or folder"))
    elif source.exists() and not source.is_file() and not source.is_dir():  # would wait for ever
        problems.append(Outcome(source, None, "failed", "expected a file or folder, got something else"))
        return []
    return found


def _name_targets(photos: list[tuple[Path, Path]], ending: str | None) -> list[Job]:
    """Give each photo, paired with the folder of its result, a target that nothing else has."""
    plain = [folder / f"{PREFIX}{photo.stem}{ending or _own_ending(photo)}" for photo, folder in photos]
    endings: dict[str, set[str]] = {}
    for (photo, _), target in zip(photos, plain, strict=True):
        endings.setdefault(_identity(target), set()).add(photo.suffix.lower())
    taken = {_identity(photo) for photo, _ in photos}
    jobs = []
    for (photo, _), target in zip(photos, plain, strict=True):
        if len(endings[_identity(target)]) > 1:  # a.jpg and a.tif, both to be PNG
            target = target.with_stem(f"{target.stem}_{photo.suffix[1:]}")
        stem, number = target.stem, 1
        while _identity(target) in taken:
            number += 1
            target = target.with_stem(f"{stem}-{number}")
        taken.add(_identity(target))
        jobs.append(Job(photo, target))
    return jobs


def _identity(path: Path) -> str:
    """Spell a path so that two that may be one file on any system are equal."""
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def _own_ending(photo: Path) -> str:
    suffix = photo.suffix.lower()
    return photo.suffix if suffix in images.EXTENSIONS and suffix != ".gif" else ".png"


def _ending(format: str) -> str:
    ending = f".{format.lower().lstrip('.')}"
    if ending not in images.EXTENSIONS:
        known = ", ".join(name[1:] for name in images.EXTENSIONS)
        raise OptionError(f"format: expected one of {known}, got {format!r}")
    return ending


def _count_pixels(path: Path) -> int:
    try:
        height, width = images.read_size(path)
    except ImageError:  # reading it will say why
        return 0
    return height * width
