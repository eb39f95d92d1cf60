"""Where photos and results are: on the disks of this machine, or in a store that a URL names.

A store is what ``fsspec`` opens: S3, Google's and Azure's, HDFS, memory and more. A file of this machine
never goes through it. What is written appears whole or not at all: a file by renaming, an object by one
request.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from colorful import files
from colorful.errors import (
    ImageError,
    ImageNotFoundError,
    MissingExtraError,
    OptionError,
    OutputError,
    OutputExistsError,
)

logger = logging.getLogger(__name__)

Out = TypeVar("Out")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# Pages of the web are not fetched, and cannot be listed or written.
_NO_STORES = ("http", "https")
_PAUSES = (0.2, 1.0)
"""Seconds before a second and a third try: stores refuse a request now and then."""
_FINAL = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError)


@dataclass(frozen=True, order=True, slots=True)
class URL:
    """A place in a store. It has those parts of a path that are used here.

    Attributes:
        text: Such as ``s3://bucket/album/a.jpg``.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """What stands after the last slash."""
        return self.text.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return os.path.splitext(self.name)[0]  # noqa: PTH122 (no path)

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return os.path.splitext(self.name)[1]  # noqa: PTH122

    @property
    def parent(self) -> URL:
        """What stands before the last slash."""
        return URL(self.text.rpartition("/")[0])

    def absolute(self) -> URL:
        """Give the URL itself, which depends on no current folder."""
        return self

    def with_stem(self, stem: str) -> URL:
        """Give the URL with another name of the same ending.

        Args:
            stem: The name without its ending.

        Returns:
            The other URL.
        """
        return self.parent / f"{stem}{self.suffix}"

    def __truediv__(self, name: str) -> URL:
        return URL(f"{self.text.rstrip('/')}/{name}")


Location = Path | URL


def location(given: str | os.PathLike[str] | URL) -> Location:
    """Tell a URL of a store from a path.

    Args:
        given: Either; ``file://`` is a path.

    Returns:
        The place. An address of the web is taken for a path, since nothing is fetched from there.
    """
    if isinstance(given, URL):
        return given
    text = os.fspath(given)
    found = _URL.match(text)
    if found is None or found[1].lower() in _NO_STORES:
        return Path(text)
    if found[1].lower() in ("file", "local"):
        return Path(unquote(text[found.end() :]))
    return URL(text)


def exists(where: Location) -> bool:
    """Tell whether something has this name, be it a link to nowhere.

    Args:
        where: The place.

    Returns:
        Whether something is there.

    Raises:
        ImageError: If the store does not tell.
    """
    if isinstance(where, Path):
        return os.path.lexists(where)
    store, key = _open(where)
    try:
        return bool(_insist(lambda: store.exists(key)))
    except Exception as error:
        raise ImageError(f"{where}: the store does not answer: {_said(error)}") from error


def fetch(where: Location) -> Path | bytes:
    """Give what a photo can be read from.

    Args:
        where: The place.

    Returns:
        The path of a file, the bytes of an object.

    Raises:
        ImageNotFoundError: If there is no such object.
        ImageError: If it cannot be read.
    """
    if isinstance(where, Path):
        return where
    store, key = _open(where)
    try:
        return bytes(_insist(lambda: store.cat_file(key)))
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"{where}: no such object") from error
    except Exception as error:
        raise ImageError(f"{where}: cannot be read: {_said(error)}") from error


def put(where: Location, data: bytes, *, overwrite: bool = False) -> None:
    """Write a file with the folders above it, or an object.

    Args:
        where: The place.
        data: Its content.
        overwrite: Whether something that is there may be replaced.

    Raises:
        OutputExistsError: If something is there and *overwrite* is false.
        OutputError: If it cannot be written.
    """
    if isinstance(where, Path):
        files.make_folder(where.parent)
        files.write(where, data, overwrite=overwrite)
        return
    store, key = _open(where)
    mode = "overwrite" if overwrite else "create"
    try:
        _insist(lambda: store.pipe_file(key, data, mode=mode))
    except FileExistsError:
        # A request may have been done although its answer was an error.
        if fetch(where) != data:
            raise OutputExistsError(f"{where}: exists already; overwrite=True replaces it") from None
    except Exception as error:
        raise OutputError(f"{where}: cannot be written: {_said(error)}") from error


def find(where: URL, *, recursive: bool = True) -> Iterator[URL]:
    """List the objects below a URL, or those that a pattern matches, in order.

    Args:
        where: What is a folder in other places, or a pattern with ``*``.
        recursive: Whether to go into what is a folder inside.

    Yields:
        The objects.

    Raises:
        OSError: If it cannot be listed.
    """
    store, top = _open(where)
    try:
        if any(sign in where.text for sign in "*?["):
            keys = _insist(lambda: store.glob(top))
            end = where.text.index("://") + 3
            for key in sorted(keys):
                yield URL(where.text[:end] + key.lstrip("/"))
            return
        keys = _insist(lambda: store.find(top, maxdepth=None if recursive else 1))
    except OSError:
        raise
    except Exception as error:  # each store has errors of its own
        raise OSError(0, _said(error), where.text) from error
    start = len(top.rstrip("/"))
    for key in sorted(keys):
        rest = key[start:].lstrip("/")
        yield where / rest if rest else where


def _open(where: URL) -> tuple[Any, str]:
    """Give the store of a URL, one for each in a process, and what it calls the place."""
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise MissingExtraError("cluster") from error
    try:
        store, key = fsspec.url_to_fs(where.text)
    except (ImportError, ValueError) as error:  # no such store, or its package is not installed
        raise OptionError(f"{where}: expected a store that fsspec can open here: {error}") from error
    return store, key


def _insist(request: Callable[[], Out]) -> Out:
    for pause in _PAUSES:
        try:
            return request()
        except _FINAL:
            raise
        except Exception as error:
            logger.info("the store refused a request, trying again: %s", _said(error))
            time.sleep(pause)
    return request()


def _said(error: BaseException) -> str:
    return files.in_words(error) or type(error).__name__
