"""TIFF files: which of their pictures is the photo, what they say of it, and writing them, page by page."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import IO, Any, TypeAlias

import numpy as np

from colorful.crew import beside
from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images import exif
from colorful.images.log import warn
from colorful.images.metadata import Metadata, SideData, tiff_tags
from colorful.images.picture import Picture
from colorful.images.profiles import srgb_profile
from colorful.images.tags import LONG, UNDEFINED, Directory, DirectoryReader, Tag, number_of, pack, short_tag

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 259, 262
_BITS, _SAMPLES, _PAGE_NUMBER, _SUBDIRECTORIES, _DNG_VERSION = 258, 277, 297, 330, 50706
_REDUCED, _PAGE, _MASK, _OLD_REDUCED = 1, 2, 4, 2
_IS_MASK, _RAW = 4, (32803, 34892)  # of the photometric interpretation
_ICC = 34675
_RESOLUTION = (exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.UNIT)
_OFFSETS, _ROWS, _COUNTS, _LAYOUT, _PREDICTOR, _EXTRA, _SAMPLE_FORMAT = 273, 278, 279, 284, 317, 338, 339
_DEFLATE, _IS_GRAY, _IS_RGB, _OF_INTEGERS, _OF_FLOATS, _STRAIGHT = 8, 1, 2, 2, 3, 2
_MOST_PAGES = 100_000
_STRIP = 1 << 18  # bytes
_CLASSIC = 1 << 32

_Packed: TypeAlias = tuple[Directory, list[bytes]]


@dataclass(frozen=True)
class Page:
    """A picture in a TIFF.

    Attributes:
        offset: Of its directory.
        tags: The directory, without groups.
        around: That of a thumbnail before it, or of the page that it is inside of, which may have the
            caption for both.
    """

    offset: int
    tags: Directory
    around: Directory = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return int(number_of(self.tags, _WIDTH, 0)), int(number_of(self.tags, _HEIGHT, 0))

    @property
    def is_aside(self) -> bool:
        """Whether the file itself calls it a smaller copy of another picture, or a mask."""
        marks = int(number_of(self.tags, _SUBFILE_TYPE, 0))
        reduced = marks & _REDUCED or number_of(self.tags, _OLD_SUBFILE_TYPE, 0) == _OLD_REDUCED
        return bool(reduced) or self.is_mask

    @property
    def is_mask(self) -> bool:
        """Whether the file itself says that it tells which parts of another picture show."""
        marks = int(number_of(self.tags, _SUBFILE_TYPE, 0))
        return bool(marks & _MASK) or number_of(self.tags, _PHOTOMETRIC, -1) == _IS_MASK


class File:
    """A TIFF taken apart.

    Args:
        file: Seekable; the TIFF begins at its start.

    Attributes:
        pages: Its photos, in the order of the file: no thumbnails, no masks.

    Raises:
        ImageError: If its directories are broken.
        ImageUnsupportedError: If it is a camera's raw file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._reader = DirectoryReader(file)
        chain: list[Page] = []
        offset, seen = self._reader.first, set[int]()
        while offset and offset not in seen and len(chain) < _MOST_PAGES:
            try:
                tags, following = self._reader.read(offset)
            except ImageError:
                if not chain:
                    raise
                break  # what follows the last whole page
            seen.add(offset)
            chain.append(Page(offset, tags))
            offset = following
        if not chain:
            raise ImageError("truncated: there is no page")
        self._is_cut = offset != 0 and offset not in seen
        if len(chain) > 1 and chain[0].is_aside:
            chain[1] = replace(chain[1], around=chain[0].tags)
        families = [[page, *self._inner(page, seen)] for page in chain]
        if _DNG_VERSION in chain[0].tags or any(
            number_of(page.tags, _PHOTOMETRIC, -1) in _RAW for family in families for page in family
        ):
            raise ImageUnsupportedError("a camera's raw file: expected it developed, as a TIFF or JPEG")
        self._told = _told(chain[0], len(chain), self._reader.size)
        best = [largest(family) for family in families]
        self.pages = [page for page in best if not page.is_aside] or best[:1]
        self._masked = {
            page.offset
            for page, family, behind in zip(best, families, [*families[1:], []], strict=True)
            if any(each.is_mask for each in (*family, *behind[:1])) and not page.is_mask
        }

    def side_data(self, page: Page) -> SideData:
        """Collect all that stands beside the pixels of a page, and around it for what that lacks."""
        if page.offset in self._masked:
            warn("a mask, which tells what of the photo shows, is left out")
        if self._is_cut and page is self.pages[0]:
            warn("cut off or broken behind a page: those that follow are lost")
        if self._told:
            warn(f"holds {self._told} pictures as its description says, but a directory for the first only")
        around = {tag: value for tag, value in page.around.items() if tag not in _RESOLUTION}
        return SideData(exif=exif.with_groups(self._reader, around | page.tags))

    def _inner(self, page: Page, seen: set[int]) -> list[Page]:
        inner = []
        for offset in self._reader.offsets(page.tags, _SUBDIRECTORIES):
            if offset not in seen:
                seen.add(offset)
                try:
                    inner.append(Page(offset, self._reader.read(offset)[0], page.tags))
                except ImageError:
                    continue
        return inner


def _told(first: Page, pages: int, size: int) -> int:
    """Tell how many pictures lie behind each other without directories of their own; 0 where none do.

    ImageJ and tifffile write such files, and say so in the description only.
    """
    text = exif.text(first.tags, exif.DESCRIPTION)
    width, height = first.size
    samples = int(number_of(first.tags, _SAMPLES, 1))
    bits = int(number_of(first.tags, _BITS, 1))
    count = 0
    if text.startswith("ImageJ=") and (found := re.search(r"^images=(\d{1,9})\s*$", text, re.MULTILINE)):
        count = int(found[1])
    elif found := re.match(r'\{"shape": \[([\d, ]{1,100})\]', text):
        count = math.prod(map(int, found[1].split(","))) // max(1, width * height * samples)
    is_plain = number_of(first.tags, _COMPRESSION, 1) == 1
    is_there = count * (width * height * samples * bits // 8) <= size
    return count if count > pages == 1 and is_plain and is_there else 0


def largest(pages: list[Any]) -> Any:
    """Choose the picture that others are thumbnails, masks or parts of.

    Args:
        pages: In the order of the file, each with ``size`` and, maybe, ``is_aside``.

    Returns:
        The first that has at least half the pixels of the largest, of those that are not set aside.
    """
    full = [page for page in pages if not getattr(page, "is_aside", False) and 0 not in page.size] or pages
    areas = [page.size[0] * page.size[1] for page in full]
    return next(page for page, area in zip(full, areas, strict=True) if 2 * area >= max(areas))


def encode(pages: Iterable[tuple[Picture, Metadata]]) -> bytes:
    """Encode a TIFF of one or more pages, deflated with a predictor and tagged sRGB.

    Args:
        pages: Each with what goes into its tags.

    Raises:
        ValueError: If the file would have 4 GB or more.
    """
    packed = [_pack(*page) for page in pages]
    if len(packed) > 1:
        for number, (tags, _) in enumerate(packed):
            tags |= {_SUBFILE_TYPE: _longs([_PAGE]), _PAGE_NUMBER: short_tag(number, len(packed))}
    return _lay_out(packed)


def _pack(picture: Picture, about: Metadata) -> _Packed:
    """Give the tags of a page, and its strips, made one by one: all together would be a second photo."""
    import tifffile

    pixels, alpha = picture.pixels, picture.alpha
    depth = pixels.dtype.newbyteorder("<")
    colors = 1 if pixels.ndim == 2 else 3
    samples = colors + (alpha is not None)
    is_float = depth.kind == "f"
    predictor = _OF_FLOATS if is_float else _OF_INTEGERS
    differences, deflate = tifffile.TIFF.PREDICTORS[predictor], tifffile.TIFF.COMPRESSORS[_DEFLATE]
    rows = max(1, _STRIP // (picture.width * samples * depth.itemsize))

    def encoded(top: int) -> bytes:
        band = slice(top, top + rows)
        part = replace(picture, pixels=pixels[band], alpha=None if alpha is None else alpha[band])
        strip = part.channels(pixels.dtype).reshape(-1, picture.width, samples).astype(depth, copy=False)
        return bytes(deflate(differences(strip, axis=-2)))

    tops = range(0, picture.height, rows)
    strips = [b""] * len(tops)
    rest = iter(enumerate(tops))  # the threads share it

    def encode() -> None:
        for number, top in rest:
            strips[number] = encoded(top)

    beside(encode, max(1, min(len(tops), (os.cpu_count() or 1) // 2)))
    tags = tiff_tags(about) | {
        _SUBFILE_TYPE: _longs([0]),
        _WIDTH: _longs([picture.width]),
        _HEIGHT: _longs([picture.height]),
        _BITS: short_tag(*[8 * depth.itemsize] * samples),
        _COMPRESSION: short_tag(_DEFLATE),
        _PHOTOMETRIC: short_tag(_IS_GRAY if colors == 1 else _IS_RGB),
        _SAMPLES: short_tag(samples),
        _ROWS: _longs([min(rows, picture.height)]),
        _COUNTS: _longs(map(len, strips)),
        _LAYOUT: short_tag(1),
        _PREDICTOR: short_tag(predictor),
        _SAMPLE_FORMAT: short_tag(*[3 if is_float else 1] * samples),
        _ICC: Tag(UNDEFINED, srgb_profile()),
    }
    if alpha is not None:
        tags[_EXTRA] = short_tag(_STRAIGHT)
    return tags, strips


def _lay_out(pages: list[_Packed]) -> bytes:
    file = io.BytesIO()
    file.write(b"II*\0\x08\0\0\0")
    for number, (tags, parts) in enumerate(pages, start=1):
        at = file.tell()
        tags[_OFFSETS] = _longs([0] * len(parts))
        offsets = list(accumulate(map(len, parts), initial=at + len(pack(tags, at))))
        end = offsets[-1] + offsets[-1] % 2
        if end >= _CLASSIC:
            raise ValueError("it would have 4 GB or more, which is beyond a classic TIFF")
        tags[_OFFSETS] = _longs(offsets[:-1])
        file.write(pack(tags, at, end if number < len(pages) else 0))
        for index, part in enumerate(parts):
            file.write(part)
            parts[index] = b""  # so that there is not all of it twice
        file.write(bytes(end - offsets[-1]))
    return file.getvalue()


def _longs(numbers: Iterable[int]) -> Tag:
    return Tag(LONG, np.asarray(list(numbers), "<u4").tobytes())
