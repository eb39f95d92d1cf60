"""PGM and PPM of 16 bits, which Pillow would cut to 8 or scale by their largest value."""

from __future__ import annotations

import re
from typing import IO

import numpy as np

from colorful.errors import ImageError
from colorful.images.metadata import SideData
from colorful.images.picture import Decoded
from colorful.images.pixels import Pixels, by_pieces
from colorful.images.tags import decode_text

_GAP = rb"\s(?:\s|#[^\n\r]*[\n\r])*"
_HEADER = re.compile(rb"(P[2356])" + (_GAP + rb"(\d+)") * 3 + rb"\s")
_BILEVEL_HEADER = re.compile(rb"(P[14])" + (_GAP + rb"(\d+)") * 2 + rb"\s")
_COMMENT = re.compile(rb"#[^\n\r]*")
_LONGEST_HEADER = 4096


class File:
    """A PGM or PPM of more than 8 bits, in binary or in words.

    Args:
        file: Seekable; the picture begins at its start.
        header: What :func:`header_if_deep` gave.
    """

    def __init__(self, file: IO[bytes], header: re.Match[bytes]) -> None:
        self._file, self._start = file, header.end()
        self.width, self.height, self._most = (int(number) for number in header.groups()[1:])
        self._channels = 3 if header[1] in (b"P3", b"P6") else 1
        self._is_text = header[1] in (b"P2", b"P3")

    def decode(self) -> Decoded:
        """Decode the pixels, whose size has been checked, so that the maxval of the file is white."""
        self._file.seek(self._start)
        count = self.height * self.width * self._channels
        if self._is_text:
            numbers = np.fromstring(_COMMENT.sub(b"", self._file.read()), np.uint16, count, sep=" ")
        else:
            data = self._file.read(2 * count)
            numbers = np.frombuffer(data[: len(data) // 2 * 2], ">u2")
        if len(numbers) < count:
            raise ImageError("truncated: pixels are missing at its end")
        stored = numbers.reshape(self.height, self.width, self._channels)
        most = self._most

        def scale(piece: Pixels) -> Pixels:
            return (piece.astype(np.uint32).clip(0, most) * 65535 + most // 2) // most

        values = by_pieces(scale, stored, dtype=np.uint16, channels=(self._channels,))
        return Decoded(values, None, "gray" if self._channels == 1 else "rgb")

    def side_data(self) -> SideData:
        """Collect what stands beside the pixels: a comment."""
        return SideData(text=comment(self._file))


def comment(file: IO[bytes]) -> dict[str, str]:
    """Give the comment in the header of a PBM, PGM or PPM, as text of that name."""
    file.seek(0)
    head = file.read(_LONGEST_HEADER)
    header = _BILEVEL_HEADER.match(head) or _HEADER.match(head)
    lines = _COMMENT.findall(header[0]) if header else []
    text = "\n".join(decode_text(line[1:]).strip() for line in lines)
    return {"Comment": text} if text else {}


def has_more(file: IO[bytes]) -> bool:
    """Tell whether another picture follows the first of a binary PBM, PGM or PPM."""
    file.seek(0)
    head = file.read(_LONGEST_HEADER)
    header = _BILEVEL_HEADER.match(head) or _HEADER.match(head)
    if not header or header[1] in (b"P1", b"P2", b"P3"):
        return False
    width, height = int(header[2]), int(header[3])
    if header[1] == b"P4":
        row = (width + 7) // 8
    else:
        row = width * (3 if header[1] == b"P6" else 1) * (2 if int(header[4]) > 255 else 1)
    file.seek(header.end() + row * height)
    return re.match(rb"\s*P[1-7]\s", file.read(64)) is not None


def header_if_deep(file: IO[bytes]) -> re.Match[bytes] | None:
    """Return the header of a file if it is a PGM or PPM of more than 8 bits."""
    file.seek(0)
    header = _HEADER.match(file.read(_LONGEST_HEADER))
    return header if header and 255 < int(header[4]) <= 65535 else None
