"""What is kept for a visitor: the photo as it came, its results, and what each result was to be."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from colorful.errors import ImageError
from colorful.images import Picture
from colorful.web.edit import Edit
from colorful.web.pictures import Predictions, weight
from colorful.web.store import EVERYBODY, Owner

TYPES: Mapping[str, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp"}

Layout = Literal["single", "pair"]


class NoPhotoError(ImageError):
    """A form came without a photo."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a full-size result is to be.

    Args:
        edit: How the photo is colored.
        format: ``png``, ``jpeg`` or ``webp``; None takes what came, or PNG for other kinds.
        layout: ``single``, or ``pair`` for the photo as it came and the result side by side.
    """

    edit: Edit
    format: str | None = None
    layout: Layout = "single"

    @property
    def key(self) -> str:
        """A short text that is the same for equal wishes only: strokes may be long."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


@dataclass(eq=False)
class Upload:
    """A photo as it came, and what is needed to answer quickly while somebody edits it."""

    data: bytes = field(repr=False)
    stem: str
    format: str
    size: tuple[int, int]
    animated: bool
    warnings: tuple[str, ...]  # what of the file is lost
    preview: Picture = field(repr=False)
    kept_as: str | None
    owner: Owner = EVERYBODY
    made: dict[str, str] = field(default_factory=dict)  # what the store calls what came of it, by what it is
    forgotten: bool = False
    predictions: Predictions = field(default_factory=Predictions, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def bytes(self) -> int:
        """What it takes in memory, beside predictions, of which there are few at any time."""
        return len(self.data) + weight(self.preview)

    @property
    def pixels(self) -> int:
        """Of the whole photo."""
        return self.size[0] * self.size[1]


@dataclass(frozen=True, eq=False)
class Result:
    """A colored photo, encoded."""

    data: bytes = field(repr=False)
    format: str
    filename: str
    size: tuple[int, int]
    model: str

    @property
    def type(self) -> str:
        """Its media type."""
        return TYPES[self.format]


def clean_stem(filename: str | None) -> str:
    """Make what a client calls its file into a harmless stem for the name of the download.

    It never becomes a path; this is for those who save the download: no separators, no control characters, no
    leading dots, a bounded length.
    """
    name = re.split(r"[/\\]", filename or "")[-1]
    stem = name.rpartition(".")[0] or name
    stem = "".join(c if c.isalnum() or c in " ._-()+,'" else "_" for c in stem if c.isprintable())
    return stem.strip(" .")[:80] or "photo"


def is_animated(data: bytes) -> bool:
    """Tell whether a file holds several frames, of which only the first is colored."""
    with suppress(Exception):  # some photos are read here that Pillow does not open
        image = Image.open(io.BytesIO(data))
        return bool(getattr(image, "is_animated", False))
    return False


def extension_of(format: str) -> str:
    """Give the ending of a file of some format."""
    return EXTENSIONS.get(format) or re.sub(r"[^a-z0-9]", "", format)[:8] or "bin"
