"""Which photo becomes which file: a plan, as data, before any photo is opened."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Unpack, cast

from colorful import __version__, images, storage
from colorful.colorizer import Colorizer, FileOptions
from colorful.errors import OptionError, PhotosError, brief, refuse_unknown
from colorful.files import in_words
from colorful.look import check_count
from colorful.naming import PREFIX, name_results
from colorful.photos import Source, as_list, expand, is_hidden, walk
from colorful.storage import URL, Location, location

logger = logging.getLogger(__name__)

Existing = Literal["refuse", "skip", "replace"]


@dataclass(slots=True, unsafe_hash=True)
class Job:
    """A photo to color. A plan may hold millions of these, so they hold text: paths would take more memory.

    Attributes:
        photo: Path or URL of the photo.
        result: Path or URL of the result.
        named: Whether a person chose the name of the result, so that it can have no other.
    """

    photo: str
    result: str
    named: bool = False

    @property
    def source(self) -> Location:
        """The photo."""
        return location(self.photo)

    @property
    def target(self) -> Location:
        """Where the result goes."""
        return location(self.result)


@dataclass(frozen=True)
class Outcome:
    """What happened to one photo.

    Attributes:
        source: The photo, or the folder that could not be listed.
        target: Where the result is or would be.
        status: ``"done"``, ``"skipped"`` (the result was there already) or ``"failed"``.
        error: What went wrong, if it failed.
        warnings: What the result lacks of the photo, such as further pages or a caption.
        digest: SHA-256 of the result in hex, if this run wrote or read it.
    """

    source: Location
    target: Location | None
    status: Literal["done", "skipped", "failed"]
    error: str | None = None
    warnings: tuple[str, ...] = ()
    digest: str | None = None

    def row(self) -> dict[str, Any]:
        """Give it as plain data, with places as text, as JSON has it."""
        return {
            "source": str(self.source),
            "target": None if self.target is None else str(self.target),
            "status": self.status,
            "error": self.error,
            "warnings": list(self.warnings),
            "digest": self.digest,
        }

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Outcome:
        """Read what :meth:`row` gives.

        Args:
            row: Plain data, such as an engine has carried.

        Returns:
            The outcome.
        """
        return cls(
            location(row["source"]),
            None if row["target"] is None else location(row["target"]),
            row["status"],
            row["error"],
            tuple(row["warnings"]),
            row["digest"],
        )


class Choice(FileOptions, total=False):
    """Which photos are taken, what becomes of results that are there, and how results are encoded.

    Attributes:
        recursive: Look into the folders inside a folder, too. Links to folders are not followed.
        listed: The sources are names of photos, not patterns or folders. A photo is not opened before its
            turn. Below the folder of the results, each result keeps the folders of its photo.
        overwrite: Replace results that are there. A photo of the sources is never overwritten.
    """

    recursive: bool
    listed: bool
    overwrite: bool


@dataclass(frozen=True)
class Plan:
    """What is to be done; made by :func:`make_plan`. It pickles, whole or job by job.

    Attributes:
        jobs: The photos and their targets; no target twice, none of them a photo of the plan.
        problems: What cannot be done: sources that are not there, folders that cannot be listed, results
            whose names would be too long.
        existing: What becomes of a photo whose result is there: it fails, is left out, or is colored again.
        options: Which pages are colored, and how the results are encoded.
        out: The folder of the results, if there is one.
        agreement: Digest of all that decides what a result looks like: the model with its look and settings,
            the options, the version of colorful. Machines whose agreement is another do not share a plan.
    """

    jobs: list[Job]
    problems: list[Outcome] = field(default_factory=list)
    existing: Existing = "refuse"
    options: FileOptions = field(default_factory=FileOptions)
    out: Location | None = None
    agreement: str = ""

    def agreed(self, colorizer: Colorizer) -> Plan:
        """Give the plan with its agreement.

        Args:
            colorizer: The model that will run it.

        Returns:
            The same plan, whose results shall be those of that model.
        """
        said = [__version__, colorizer.digest, sorted(self.options.items())]
        return replace(self, agreement=hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16])

    def shard(self, number: int, count: int) -> Plan:
        """Give one of several parts of equal size, which together are the whole.

        Every machine makes the whole plan, so that all agree on the names, and takes its part.

        Args:
            number: Which, from 1 to *count*.
            count: How many parts there are.

        Returns:
            Each *count*-th photo; the problems are in the first part.

        Raises:
            OptionError: If there is no such part.
        """
        if check_count("shard", number) > check_count("shard", count):
            raise OptionError(f"shard: expected I/N with I from 1 to N, got {brief(number)}/{brief(count)}")
        problems = self.problems if number == 1 else []
        return replace(self, jobs=self.jobs[number - 1 :: count], problems=problems)


def make_plan(
    sources: Source | URL | Iterable[Source | URL],
    out: Source | URL | None = None,
    *,
    existing: Existing = "refuse",
    progress: Callable[[int], object] | None = None,
    **choice: Unpack[Choice],
) -> Plan:
    """Find photos and choose the name of each result, without opening one.

    Args:
        sources: As for :func:`colorful.colorize_folder`, like all that follow.
        out: The folder of the results.
        existing: What becomes of a photo whose result is there, unless *overwrite* says so.
        progress: Called with the number of photos found so far.
        **choice: Which photos are taken, and how the results are encoded.

    Returns:
        The photos, each with a target of its own, in the order of their paths.

    Raises:
        PhotosError: If there is nothing to color.
        OptionError: If the format cannot be written.
        KindError: If a source is of a type that names no photo.
        TypeError: If there is no option of that name.
    """
    refuse_unknown(choice, Choice)
    recursive, listed = choice.pop("recursive", False), choice.pop("listed", False)
    if choice.pop("overwrite", False):
        existing = "replace"
    options = cast("FileOptions", choice)
    format = options.get("format")
    ending = None if format is None else _ending(format)
    given = as_list(sources)
    folder = None if out is None else location(out)
    problems: list[Outcome] = []
    if listed:
        found = _listed(given, folder, problems, progress)
    else:
        found = _found(given, folder, recursive, problems, progress)
    photos = _in_order(found)
    if len(photos) > 1:
        everything, photos = photos, [pair for pair in photos if not _name(pair[0]).startswith(PREFIX)]
        if not photos:
            raise PhotosError(f"photos: expected some, got only results of earlier runs ({PREFIX}...)")
        if results := len(everything) - len(photos):
            logger.warning("results of earlier runs (%s...) are not colored again: %s", PREFIX, results)
    if not photos and not problems:
        where = ", ".join(repr(str(source)) for source in given) or "an empty list"
        hint = "" if recursive else "; folders inside are looked into only with recursive=True"
        raise PhotosError(f"photos: expected some, got none in {where}{hint}")
    jobs = []
    for (photo, its_folder), (name, fits) in zip(photos, name_results(photos, ending), strict=True):
        target = os.path.join(its_folder, name)  # noqa: PTH118 (many times faster)
        if fits:
            jobs.append(Job(photo, target))
        else:
            error = f"the name of its result is too long for this file system: {name}"
            problems.append(Outcome(location(photo), location(target), "failed", error))
    return Plan(jobs, problems, existing, options, folder)


# While a plan is made, photos and folders are their names: paths take five times the memory.
_Found = tuple[str, str]
"""A photo, and the folder of its result."""


def _found(
    given: list[Source | URL],
    out: Location | None,
    recursive: bool,
    problems: list[Outcome],
    progress: Callable[[int], object] | None,
) -> list[_Found]:
    """Look for photos in folders, stores and what patterns match."""
    roots = [root for source in given for root in _expand(location(source), problems)]
    several = sum(map(_is_folder, roots)) > 1
    found: list[_Found] = []
    for root in roots:
        if not _is_folder(root):
            found.append((str(root), str(root.parent if out is None else out)))
            continue
        top = root if out is None else out / _last_name(root) if several else out
        for photo, inside in _inside(root, out, recursive, problems):
            found.append((photo, str(top / inside) if inside else str(top)))
            if progress is not None:
                progress(len(found))
    return found


def _inside(
    root: Location, out: Location | None, recursive: bool, problems: list[Outcome]
) -> Iterator[tuple[str, str]]:
    """Give the photos of a folder, and in which folder of it each is."""

    def fail(error: OSError) -> None:
        failed = location(error.filename or str(root))
        problems.append(Outcome(failed, None, "failed", f"cannot be listed: {error.strerror or error}"))

    if isinstance(root, Path):
        closed = out if isinstance(out, Path) else None
        for photo in walk(root, recursive=recursive, leave_out=closed, fail=fail):
            inside = str(photo.parent.relative_to(root))
            yield str(photo), "" if inside == "." else inside
        return
    start = len(root.text.rstrip("/")) + 1
    closed_text = f"{out}/" if isinstance(out, URL) else None
    try:
        for object in storage.find(root, recursive=recursive):
            parts = object.text[start:].split("/")
            if object.suffix.lower() not in images.ENDINGS or is_hidden(*parts):
                continue
            if closed_text is None or not object.text.startswith(closed_text):
                yield object.text, "/".join(parts[:-1])
    except OSError as error:
        fail(error)


def _listed(
    given: list[Source | URL],
    out: Location | None,
    problems: list[Outcome],
    progress: Callable[[int], object] | None,
) -> list[_Found]:
    """Take names of photos as they are; below *out* each has the folders that it has in its name."""
    found: list[_Found] = []
    folders: dict[str, str | None] = {}
    for source in given:
        photo = source if isinstance(source, str) and "://" not in source else str(location(source))
        parent = photo[: len(photo) - len(_name(photo))]
        if parent not in folders:
            folders[parent] = _folder_below(parent, out)
        folder = folders[parent]
        if folder is None:
            error = f"leads out of the folder of the results: {photo}"
            problems.append(Outcome(location(photo), None, "failed", error))
            continue
        found.append((photo, folder))
        if progress is not None:
            progress(len(found))
    return found


def _folder_below(parent: str, out: Location | None) -> str | None:
    if out is None:
        return parent
    where = location(parent)
    inside = where.text.partition("://")[2] if isinstance(where, URL) else os.path.splitdrive(parent)[1]
    inside = os.path.normpath(inside.strip("/" + os.sep) or ".")
    if Path(inside).parts[:1] == (os.pardir,):
        return None
    return str(out) if inside == "." else str(out / inside)


def _name(photo: str) -> str:
    return os.path.basename(photo)  # noqa: PTH119


def _expand(source: Location, problems: list[Outcome]) -> list[Location]:
    if isinstance(source, URL):
        return [source]
    found = expand(source)
    if not found:
        reason = "no such file or folder"
        try:
            source.lstat()
        except PermissionError as error:  # in a folder that may not be entered
            reason = in_words(error)
        except (OSError, ValueError):
            pass
        problems.append(Outcome(source, None, "failed", reason))
    elif source.exists() and not source.is_file() and not source.is_dir():  # would wait for ever
        problems.append(Outcome(source, None, "failed", "expected a file or folder, got something else"))
        return []
    return list(found)


def _is_folder(root: Location) -> bool:
    """Tell folders from photos. No store is asked: there, what has the ending of a photo is one."""
    if isinstance(root, Path):
        return root.is_dir()
    return root.suffix.lower() not in images.ENDINGS or any(sign in root.text for sign in "*?[")


def _last_name(root: Location) -> str:
    return root.resolve().name if isinstance(root, Path) else root.text.rstrip("/").rpartition("/")[2]


def _in_order(found: list[_Found]) -> list[_Found]:
    """Sort photos as paths are sorted, part by part, and take each once."""
    here = ""
    with suppress(FileNotFoundError):  # of a folder that is gone nothing is wanted but its name
        here = os.getcwd()  # noqa: PTH109

    def absolute(photo: str) -> str:
        if "://" in photo:
            return photo
        # As `find .` prints it, too. What ".." means only the file system knows.
        return os.path.join(here, photo).replace(f"{os.sep}.{os.sep}", os.sep)  # noqa: PTH118 (many times faster)

    found.sort(key=lambda pair: absolute(pair[0]).replace(os.sep, "\0"))
    last = None
    once = []
    for pair in found:
        current = absolute(pair[0])
        if current != last:
            once.append(pair)
        last = current
    return once


def _ending(format: str) -> str:
    ending = f".{format.lower().lstrip('.')}"
    if ending not in images.EXTENSIONS:
        known = ", ".join(name[1:] for name in images.EXTENSIONS)
        raise OptionError(f"format: expected one of {known}, got {format!r}")
    return ending
