"""TIFF files: which of their pictures is the photo, what they say of it, and writing them, page by page."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images import exif, strips
from colorful.images.log import warn
from colorful.images.metadata import Metadata, SideData, tiff_tags
from colorful.images.picture import Decoded
from colorful.images.profiles import srgb_profile
from colorful.images.tags import LONG, UNDEFINED, Directory, DirectoryReader, Tag, number_of, pack, short_tag

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 259, 262
_PAGE_NUMBER, _SUBDIRECTORIES, _DNG_VERSION = 297, 330, 50706
_REDUCED, _PAGE, _MASK, _OLD_REDUCED = 1, 2, 4, 2
_IS_MASK, _RAW = 4, (32803, 34892)  # of the photometric interpretation
_ICC = 34675
_RESOLUTION = (exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.UNIT)
_OFFSETS, _COUNTS = 273, 279
_MOST_PAGES = 100_000
_STRIP = 1 << 18  # bytes
_CLASSIC = 1 << 32

_Packed: TypeAlias = tuple[Directory, memoryview, list[int]]


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
            seen.add(offset)
            try:
                tags, following = self._reader.read(offset)
            except ImageError:
                if not chain:
                    raise
                break  # what follows the last whole page
            chain.append(Page(offset, tags))
            offset = following
        if not chain:
            raise ImageError("truncated: there is no page")
        if len(chain) > 1 and chain[0].is_aside:
            chain[1] = replace(chain[1], around=chain[0].tags)
        families = [[page, *self._inner(page, seen)] for page in chain]
        if _DNG_VERSION in chain[0].tags or any(
            number_of(page.tags, _PHOTOMETRIC, -1) in _RAW for family in families for page in family
        ):
            raise ImageUnsupportedError("a camera's raw file: expected it developed, as a TIFF or JPEG")
        best = [largest(family) for family in families]
        self.pages = [page for page in best if not page.is_aside] or best[:1]
        self._masked = {
            page.offset
            for page, family, behind in zip(best, families, [*families[1:], []], strict=True)
            if any(each.is_mask for each in (*family, *behind[:1])) and not page.is_mask
        }

    @property
    def photo(self) -> Page:
        """The picture that is taken of all: the first that is about as large as the largest."""
        photo: Page = largest(self.pages)
        return photo

    def decode(self, page: Page, *, max_bytes: int | None) -> Decoded | Image.Image:
        """Decode a page, whose size has been checked.

        Args:
            page: One of :attr:`pages`.
            max_bytes: Refuse a page that needs more, decoded.

        Raises:
            ImageUnsupportedError: If it may be sound but is of a kind that is not read.
            ImageError: If it is truncated or corrupt.
            ImageTooLargeError: If it needs more bytes.
        """
        return strips.decode(self._file, page.offset, max_bytes=max_bytes)

    def side_data(self, page: Page) -> SideData:
        """Collect all that stands beside the pixels of a page, and around it for what that lacks."""
        if page.offset in self._masked:
            warn("a mask, which tells what of the photo shows, is left out")
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


def encode(pages: Iterable[tuple[npt.NDArray[Any], bool, Metadata]]) -> bytes:
    """Encode a TIFF of one or more pages, deflated with a predictor and tagged sRGB.

    Args:
        pages: For each page its values, grey or RGB with alpha last, shape ``(H, W)`` or ``(H, W, C)``,
            uint8, uint16 or float32; whether the last channel is alpha, straight and not premultiplied; and
            what goes into its tags.

    Raises:
        ValueError: If the file would have 4 GB or more.
    """
    packed = [_strips(*page) for page in pages]
    if len(packed) > 1:
        for number, (tags, _, _) in enumerate(packed):
            tags |= {_SUBFILE_TYPE: _longs([_PAGE]), _PAGE_NUMBER: short_tag(number, len(packed))}
    return _lay_out(packed)


def _strips(values: npt.NDArray[Any], alpha: bool, about: Metadata) -> _Packed:
    """Give the tags of a page, its strips one behind the other, and where in them each begins."""
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values,
        bigtiff=False,
        byteorder="<",
        photometric="rgb" if values.ndim == 3 and values.shape[2] >= 3 else "minisblack",
        planarconfig="contig" if values.ndim == 3 else None,
        extrasamples=["unassalpha"] if alpha else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=max(1, _STRIP // (values[0].nbytes or 1)),
        software=False,
        metadata=None,
    )
    buffer.seek(0)
    with tifffile.TiffFile(buffer) as file:
        starts, counts = file.pages.first.dataoffsets, file.pages.first.databytecounts
    reader = DirectoryReader(buffer)
    tags = reader.read(reader.first)[0]
    tags |= tiff_tags(about)
    tags[_ICC] = Tag(UNDEFINED, srgb_profile())
    tags[_COUNTS] = _longs(counts)
    first = min(starts)
    return tags, buffer.getbuffer()[first:], [start - first for start in starts]


def _lay_out(pages: list[_Packed]) -> bytes:
    parts: list[bytes | memoryview] = [b"II*\0\x08\0\0\0"]
    at = 8
    for number, (tags, data, offsets) in enumerate(pages, start=1):
        tags[_OFFSETS] = _longs(offsets)
        behind = at + len(pack(tags, at))
        tags[_OFFSETS] = _longs([behind + offset for offset in offsets])
        end = behind + len(data) + len(data) % 2
        if end >= _CLASSIC:
            raise ValueError("it would have 4 GB or more, which is beyond a classic TIFF")
        parts += [pack(tags, at, end if number < len(pages) else 0), data, b"\0" * (len(data) % 2)]
        at = end
    return b"".join(parts)


def _longs(numbers: Iterable[int]) -> Tag:
    return Tag(LONG, np.asarray(list(numbers), "<u4").tobytes())
