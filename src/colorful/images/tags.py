"""TIFF directories: the tags of a TIFF or of EXIF, each with the type and the bytes that it came with."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Literal, TypeAlias

import numpy as np

from colorful.errors import ImageError

Order = Literal["<", ">"]

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
EXIF_GROUP, GPS_GROUP = 34665, 34853

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_SIZES |= {16: 8, 17: 8, 18: 8, 129: 1}
_CODES |= {16: "Q", 17: "q", 18: "Q"}
_RATIONALS = {5: "I", 10: "i"}
_UTF8 = 129  # a type of EXIF 3.0 that older programs do not know
# Where strips and tiles lie, which may be millions of numbers: the decoder reads them itself. Photoshop's
# layers, which nobody reads here, may be larger than the photo.
_UNREAD = {273, 279, 324, 325, 37724}
_MOST_VALUES = 64 << 20  # bytes of a directory: each of its tags may claim the whole file


@dataclass(frozen=True)
class Tag:
    """The value of a tag.

    Attributes:
        kind: Its type in TIFF's numbers: 2 for text, 3 for 16-bit integers ...
        data: The bytes as they stand in the file.
        order: Their byte order.
    """

    kind: int
    data: bytes
    order: Order = "<"

    @property
    def little(self) -> bytes:
        """The bytes in little-endian order."""
        unit = _SIZES[self.kind] // (2 if self.kind in _RATIONALS else 1)
        if self.order == "<" or unit == 1:
            return self.data
        return np.frombuffer(self.data, f"u{unit}").byteswap().tobytes()

    @property
    def numbers(self) -> tuple[float, ...]:
        """The value as numbers; none for text, and a rational without a value is left out."""
        if code := _RATIONALS.get(self.kind):
            parts = struct.unpack(f"{self.order}{len(self.data) // 4}{code}", self.data)
            return tuple(above / below for above, below in zip(parts[::2], parts[1::2], strict=True) if below)
        code = _CODES.get(self.kind, "")
        count = len(self.data) // _SIZES[self.kind]
        return struct.unpack(f"{self.order}{count}{code}", self.data) if code else ()

    @property
    def text(self) -> str:
        """The value as text, whatever the type: see :func:`decode_text`, up to the zero at its end."""
        return decode_text(self.data.rstrip(b"\0"))


Directory: TypeAlias = dict[int, "Tag | Directory"]


def decode_text(data: bytes) -> str:
    """Decode bytes of an unknown encoding: UTF-8 if they are that, else Latin-1 with the signs of Windows.

    Where Latin-1 has control codes, Windows has quotation marks, dashes and the euro.
    """
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def ascii_tag(text: str) -> Tag:
    """Make a tag of text, in UTF-8 as nearly all programs do."""
    return Tag(ASCII, text.replace("\0", " ").encode("utf-8", "replace") + b"\0")


def short_tag(*numbers: int) -> Tag:
    """Make a tag of 16-bit integers."""
    return Tag(SHORT, struct.pack(f"<{len(numbers)}H", *numbers))


def rational_tag(number: float) -> Tag:
    """Make a tag of one fraction."""
    below = 1 if float(number).is_integer() else 10000
    return Tag(RATIONAL, struct.pack("<II", round(number * below), below))


def number_of(directory: Mapping[int, Tag | Directory], tag: int, default: float) -> float:
    """Return the first number of a tag, or *default* where there is none."""
    value = directory.get(tag)
    numbers = value.numbers if isinstance(value, Tag) else ()
    return numbers[0] if numbers else default


class DirectoryReader:
    """Read the directories of a TIFF, classic or big, in either byte order.

    Args:
        file: Seekable; the TIFF begins at its start.

    Attributes:
        order: Of bytes.
        is_big: Whether places have 8 bytes.
        first: Where the first directory is.
        size: Bytes of the file.

    Raises:
        ImageError: If the file does not begin like a TIFF.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        head = self._at(0, 16)
        self.order: Order = "<" if head[:2] == b"II" else ">"
        if head[:2] not in (b"II", b"MM") or len(head) < 8:
            raise ImageError("expected the header of a TIFF")
        self.is_big = struct.unpack(self.order + "H", head[2:4])[0] == 43
        self._word = "Q" if self.is_big else "I"
        self.first = int(self._numbers(head[8:16] if self.is_big else head[4:8], self._word)[0])

    def read(self, offset: int) -> tuple[Directory, int]:
        """Read the directory at *offset*, without those it points to.

        A tag of an unknown type, or whose value lies beyond the end of the file, is left out.

        Returns:
            The directory, and the offset of the next one, 0 after the last.

        Raises:
            ImageError: If there is no directory.
        """
        width, head, entry = (8, 8, 20) if self.is_big else (4, 2, 12)
        count = self._at(offset, head)
        if len(count) < head or offset < 8:
            raise ImageError("truncated: a directory of tags is missing")
        (entries,) = self._numbers(count, "Q" if self.is_big else "H")
        entries = min(entries, 65535, (self.size - offset) // entry)
        table = self._at(offset + head, entries * entry)
        directory: Directory = {}
        left = _MOST_VALUES
        for start in range(0, len(table) - entry + 1, entry):
            tag, kind = self._numbers(table[start : start + 4], "H")
            (number,) = self._numbers(table[start + 4 : start + 4 + width], self._word)
            if tag in _UNREAD or kind not in _SIZES or tag in directory:
                continue
            size = number * _SIZES[kind]
            inline = table[start + 4 + width : start + entry]
            if size > width:
                place = int(self._numbers(inline, self._word)[0])
                if place + size > self.size or size > left:
                    continue
                inline = self._at(place, size)
                left -= size
            directory[tag] = Tag(kind, inline[:size], self.order)
        following = self._at(offset + head + entries * entry, width)
        next_offset = self._numbers(following, self._word)[0] if len(following) == width else 0
        return directory, int(next_offset)

    def group(self, directory: Directory, tag: int) -> Directory | None:
        """Read the directory that a tag points to; None where the pointer leads nowhere."""
        offsets = self.offsets(directory, tag)
        try:
            return self.read(offsets[0])[0] if offsets else None
        except ImageError:
            return None

    def offsets(self, directory: Directory, tag: int) -> list[int]:
        """Return the places of other directories that a tag names."""
        pointer = directory.get(tag)
        if not isinstance(pointer, Tag) or pointer.kind not in (3, 4, 13, 16, 18):
            return []
        return [int(number) for number in pointer.numbers]

    def _at(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)

    def _numbers(self, data: bytes, code: str) -> tuple[int, ...]:
        return struct.unpack(f"{self.order}{len(data) // struct.calcsize('<' + code)}{code}", data)


def pack(directory: Mapping[int, Tag | Directory], at: int, next_offset: int = 0) -> bytes:
    """Lay out a directory with its values and the directories inside it, little-endian.

    Args:
        directory: Tags; a directory in place of a value is written too, and pointed to.
        at: The offset that it will have in the file.
        next_offset: The offset of the directory that follows it.
    """
    entries, values = [], b""
    start = at + 2 + 12 * len(directory) + 4
    for code in sorted(directory):
        value = directory[code]
        place = start + len(values)
        if isinstance(value, Mapping):
            values += pack(value, place)
            kind, count, field = LONG, 1, struct.pack("<I", place)
        else:
            data = value.little
            kind, count = ASCII if value.kind == _UTF8 else value.kind, len(data) // _SIZES[value.kind]
            field = data.ljust(4, b"\0")
            if len(data) > 4:
                field = struct.pack("<I", place)
                values += data + b"\0" * (len(data) % 2)
        entries.append(struct.pack("<HHI", code, kind, count) + field)
    return b"".join((struct.pack("<H", len(entries)), *entries, struct.pack("<I", next_offset), values))
