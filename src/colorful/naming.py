"""What results are called: no name twice, none of them a photo's, the same names in every run.

Photos and folders are text here: paths take five times the memory, and there may be millions.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from colorful import images
from colorful.storage import Location

PREFIX = "colorized_"
"""What the name of a result begins with."""


def name_results(photos: list[tuple[str, str]], ending: str | None) -> Iterator[tuple[str, bool]]:
    """Give the result of each photo a name that nothing else has in its folder.

    Args:
        photos: Each photo, and the folder of its result.
        ending: That of all results; each photo's own if None.

    Yields:
        For each photo the name of its result, and whether the file system takes one so long.
    """
    files = _Files()

    def plain(photo: str) -> str:
        stem, suffix = _split(os.path.basename(photo))  # noqa: PTH119 (many times faster)
        return f"{PREFIX}{stem}{ending or images.result_ending(suffix)}"

    names = [files.identity(folder, plain(photo)) for photo, folder in photos]
    several = "/"
    endings: dict[str, str] = {}  # of the photos whose results would have one name
    for (photo, _), name in zip(photos, names, strict=True):
        suffix = sys.intern(_split(photo)[1].lower())
        if endings.setdefault(name, suffix) != suffix:
            endings[name] = several
    taken = {files.identity(*os.path.split(photo)) for photo, _ in photos}
    numbers: Counter[str] = Counter()  # how many of a name were given away: so each is tried once
    for (photo, folder), name in zip(photos, names, strict=True):
        target = plain(photo)
        if endings[name] == several:  # a.jpg and a.tif, both to be PNG
            target = _with_mark(target, f"_{_split(photo)[1][1:]}")
            name = files.identity(folder, target)
        first, candidate, free = name, target, name
        while free in taken:
            numbers[first] += 1
            candidate = _with_mark(target, f"-{numbers[first] + 1}")
            free = files.identity(folder, candidate)
        taken.add(free)
        yield candidate, not files.is_too_long(folder, candidate)


class _Files:
    """What file systems say of paths, asked once for each folder."""

    def __init__(self) -> None:
        self._folders: dict[str, tuple[str, bool]] = {}
        self._longest: dict[str, int] = {}

    def identity(self, folder: str, name: str) -> str:
        """Spell a path so that two that may be one file on any system are equal."""
        if "://" in folder:
            return f"{folder}/{name}"  # an object has one spelling
        if folder not in self._folders:
            real = os.path.realpath(folder)
            self._folders[folder] = real, os.path.isdir(real)  # noqa: PTH112
        top, is_there = self._folders[folder]
        real = os.path.join(top, name)  # noqa: PTH118 (many times faster)
        if is_there and os.path.islink(real):  # noqa: PTH114
            real = os.path.realpath(real)
        return real.casefold() if real.isascii() else unicodedata.normalize("NFC", real).casefold()

    def is_too_long(self, folder: str, name: str) -> bool:
        """Tell whether a name is longer than the file system of its folder, or of the one above it, takes."""
        if folder not in self._longest:
            # S3 and its like take 1,024 bytes for all of a key.
            self._longest[folder] = 900 if "://" in folder else _longest_name(Path(folder))
        return len(os.fsencode(name)) > self._longest[folder]


def identity(path: Location) -> str:
    """Spell a place so that two that may be one file on any system are equal."""
    return _Files().identity(str(path.parent), path.name)


def is_too_long(path: Location) -> bool:
    """Tell whether a name is longer than the file system of its folder, or of the one above it, takes."""
    return _Files().is_too_long(str(path.parent), path.name)


def _split(name: str) -> tuple[str, str]:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    return (stem, suffix) if suffix != "." else (name, "")


def _with_mark(name: str, mark: str) -> str:
    stem, suffix = _split(name)
    return f"{stem}{mark}{suffix}"


def _longest_name(folder: Path) -> int:
    for there in (folder, *folder.absolute().parents):
        try:
            return os.pathconf(there, "PC_NAME_MAX")
        except FileNotFoundError:
            continue
        except (OSError, AttributeError, ValueError):  # Windows has no pathconf
            break
    return 255
