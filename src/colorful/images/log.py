"""Warnings that name the photo they are about, in whatever thread it is read or written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)

_photo: ContextVar[tuple[str, set[str]]] = ContextVar("photo")
_is_silent: ContextVar[bool] = ContextVar("is_silent", default=False)
_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


@contextmanager
def naming(photo: str) -> Iterator[None]:
    """Begin the warnings within by the name of a photo; each is given once."""
    before = _photo.set((photo, set()))
    try:
        yield
    finally:
        _photo.reset(before)


@contextmanager
def collecting() -> Iterator[list[str]]:
    """Give a list to which the warnings within are added, without the photo's name, besides being logged."""
    warnings: list[str] = []
    before = _collected.set(warnings)
    try:
        yield warnings
    finally:
        _collected.reset(before)


@contextmanager
def silent() -> Iterator[None]:
    """Give no warnings within: of what the caller does not want."""
    before = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(before)


def is_heard() -> bool:
    """Tell whether warnings are given, so that nobody looks for what will not be told."""
    return not _is_silent.get()


def warn(message: str) -> None:
    """Log what is lost of the photo at hand."""
    photo, said = _photo.get(("", set()))
    if message in said or not is_heard():
        return
    said.add(message)
    collected = _collected.get()
    if collected is not None:
        collected.append(message)
    logger.warning("%s", f"{photo}: {message}" if photo else message)
