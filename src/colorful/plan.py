"""Which photo becomes which file: a plan, as data, before any photo is opened."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Unpack

from colorful import images
from colorful.colorizer import FileOptions
from colorful.errors import OptionError, PhotosError
from colorful.photos import Source, expand, walk

PREFIX = "colorized_"
"""What the name of a result begins with."""

Existing = Literal["refuse", "skip", "replace"]


@dataclass(frozen=True)
class Job:
    """A photo to color.

    Attributes:
        source: The photo.
        target: Where the result goes.
        named: Whether a person chose that name, so that the result can have no other.
    """

    source: Path
    target: Path
    named: bool = False


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
class Plan:
    """What is to be done; made by :func:`make_plan`. It pickles, whole or job by job.

    Attributes:
        jobs: The photos and their targets; no target twice, none of them a photo of the plan.
        problems: What cannot be done: sources that are not there, folders that cannot be listed, results
            whose names would be too long.
        existing: What becomes of a photo whose result is there: it fails, is left out, or is colored again.
        options: Which pages are colored, and how the results are encoded.
    """

    jobs: list[Job]
    problems: list[Outcome] = field(default_factory=list)
    existing: Existing = "refuse"
    options: FileOptions = field(default_factory=FileOptions)


def make_plan(
    sources: Source | Iterable[Source],
    out: Source | None = None,
    *,
    recursive: bool = False,
    existing: Existing = "refuse",
    progress: Callable[[int], object] | None = None,
    **options: Unpack[FileOptions],
) -> Plan:
    """Find photos and choose the name of each result, without opening one.

    Args:
        sources: As for :func:`colorful.colorize_folder`, like all that follow.
        out: The folder of the results.
        recursive: Look into the folders inside a folder, too.
        existing: What becomes of a photo whose result is there.
        progress: Called with the number of photos found so far.
        **options: Which pages are colored, and how the results are encoded.

    Returns:
        The photos, each with a target of its own, in the order of their paths.

    Raises:
        PhotosError: If there is nothing to color.
        OptionError: If the format cannot be written.
    """
    format = options.get("format")
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
            if progress is not None:
                progress(len(found))
    photos = [found[path] for path in sorted(found)]
    if len(photos) > 1:
        photos = [pair for pair in photos if not pair[0].name.startswith(PREFIX)]
        if not photos:
            raise PhotosError(f"photos: expected some, got only results of earlier runs ({PREFIX}...)")
    if not photos and not problems:
        where = ", ".join(repr(str(source)) for source in given) or "an empty list"
        hint = "" if recursive else "; folders inside are looked into only with recursive=True"
        raise PhotosError(f"photos: expected some, got none in {where}{hint}")
    jobs = _name_targets(photos, ending, problems)
    return Plan(jobs, problems, existing, options)


def _expand(source: Path, problems: list[Outcome]) -> list[Path]:
    found = expand(source)
    if not found:
        problems.append(Outcome(source, None, "failed", "no such file or folder"))
    elif source.exists() and not source.is_file() and not source.is_dir():  # would wait for ever
        problems.append(Outcome(source, None, "failed", "expected a file or folder, got something else"))
        return []
    return found


def _name_targets(photos: list[tuple[Path, Path]], ending: str | None, problems: list[Outcome]) -> list[Job]:
    """Give each photo, paired with the folder of its result, a target that nothing else has."""
    files = _Files()
    plain = [folder / f"{PREFIX}{photo.stem}{ending or _own_ending(photo)}" for photo, folder in photos]
    names = [files.identity(target) for target in plain]
    endings: dict[str, set[str]] = {}
    for (photo, _), name in zip(photos, names, strict=True):
        endings.setdefault(name, set()).add(photo.suffix.lower())
    taken = {files.identity(photo) for photo, _ in photos}
    numbers: Counter[str] = Counter()  # how many of a name were given away: so each is tried once
    jobs = []
    for (photo, _), target, name in zip(photos, plain, names, strict=True):
        if len(endings[name]) > 1:  # a.jpg and a.tif, both to be PNG
            target = target.with_stem(f"{target.stem}_{photo.suffix[1:]}")
            name = files.identity(target)
        first, stem, free = name, target.stem, name
        while free in taken:
            numbers[first] += 1
            target = target.with_stem(f"{stem}-{numbers[first] + 1}")
            free = files.identity(target)
        taken.add(free)
        if files.is_too_long(target):
            error = f"the name of its result is too long for this file system: {target.name}"
            problems.append(Outcome(photo, target, "failed", error))
        else:
            jobs.append(Job(photo, target))
    return jobs


class _Files:
    """What file systems say of paths, asked once for each folder."""

    def __init__(self) -> None:
        self._folders: dict[Path, str] = {}
        self._longest: dict[Path, int] = {}

    def identity(self, path: Path) -> str:
        """Spell a path so that two that may be one file on any system are equal."""
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], path.name)  # noqa: PTH118 (many times faster)
        if os.path.islink(real):  # noqa: PTH114
            real = os.path.realpath(real)
        return unicodedata.normalize("NFC", real).casefold()

    def is_too_long(self, path: Path) -> bool:
        """Tell whether a name is longer than the file system of its folder, or of the one above it, takes."""
        folder = path.parent
        if folder not in self._longest:
            self._longest[folder] = _longest_name(folder)
        return len(os.fsencode(path.name)) > self._longest[folder]


def identity(path: Path) -> str:
    """Spell a path so that two that may be one file on any system are equal."""
    return _Files().identity(path)


def is_too_long(path: Path) -> bool:
    """Tell whether a name is longer than the file system of its folder, or of the one above it, takes."""
    return _Files().is_too_long(path)


def _longest_name(folder: Path) -> int:
    for there in (folder, *folder.absolute().parents):
        try:
            return os.pathconf(there, "PC_NAME_MAX")
        except FileNotFoundError:
            continue
        except (OSError, AttributeError, ValueError):  # Windows has no pathconf
            break
    return 255


def _own_ending(photo: Path) -> str:
    suffix = photo.suffix.lower()
    return photo.suffix if suffix in images.EXTENSIONS and suffix != ".gif" else ".png"


def _ending(format: str) -> str:
    ending = f".{format.lower().lstrip('.')}"
    if ending not in images.EXTENSIONS:
        known = ", ".join(name[1:] for name in images.EXTENSIONS)
        raise OptionError(f"format: expected one of {known}, got {format!r}")
    return ending
