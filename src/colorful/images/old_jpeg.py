"""JPEGs as TIFF 6.0 had them, and scanners still write them: head or tables stand apart from the strips."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from colorful.errors import ImageUnsupportedError
from colorful.images import jpeg

_OLD_JPEG = 6
_WHOLE, _LENGTH, _RESTARTS, _STEPS, _DC, _AC, _SUBSAMPLING = 513, 514, 515, 519, 520, 521, 530
_QUANTA, _CODES, _FRAME, _SCAN, _INTERVAL = 0xDB, 0xC4, 0xC1, 0xDA, 0xDD
_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"


def joined(page: Any) -> bytes:
    """Put the JPEG of a page together.

    Args:
        page: Of tifffile, its places settled.

    Returns:
        The JPEG; empty where the page has none of the old kind, or strips that are JPEGs by themselves.

    Raises:
        ImageUnsupportedError: If its tables are missing, or it is in tiles or planes.
    """
    file = page.parent.filehandle

    def at(place: int, size: int = -1) -> bytes:
        file.seek(place)
        return bytes(file.read(size))

    starts = [int(start) for start in page.dataoffsets]
    if int(page.compression) != _OLD_JPEG or at(starts[0], 2) == _BEGIN:
        return b""
    if page.is_tiled or (page.planarconfig != 1 and page.samplesperpixel > 1):
        raise ImageUnsupportedError("a TIFF of old JPEGs in tiles or planes is not supported")
    place, size = _numbers(page, _WHOLE, 0)[0], _numbers(page, _LENGTH, 0)[0] or -1
    whole = at(place, size) if place else b""
    head = jpeg.head(whole) if whole.startswith(jpeg.MAGIC) else _head(page, at)
    if place <= starts[0] <= place + len(head) < place + len(whole):  # the scan follows
        return whole
    parts = [at(start, int(count)) for start, count in zip(starts, page.databytecounts, strict=False)]
    marks = [bytes([0xFF, 0xD0 + number % 8]) for number in range(len(parts))]
    return head + b"".join(part + mark for part, mark in zip(parts, [*marks[:-1], _END], strict=True))


def _head(page: Any, at: Any) -> bytes:
    """Write what comes before the scan from the tables that the tags tell of."""
    count = int(page.samplesperpixel)
    steps, dc, ac = (_numbers(page, tag) for tag in (_STEPS, _DC, _AC))
    if min(map(len, (steps, dc, ac))) < count:
        raise ImageUnsupportedError("a TIFF of an old JPEG without its tables is not supported")
    across, down = _numbers(page, _SUBSAMPLING, 2, 2) if count == 3 else (1, 1)
    parts, channels, uses = [_BEGIN], b"", b""
    for number in range(count):
        parts.append(_segment(_QUANTA, bytes([number]) + at(steps[number], 64)))
        for kind, place in ((0, dc[number]), (16, ac[number])):
            lengths = at(place, 16)
            parts.append(_segment(_CODES, bytes([kind + number]) + lengths + at(place + 16, sum(lengths))))
        channels += bytes([1 + number, 16 * across + down if number == 0 else 17, number])
        uses += bytes([1 + number, 17 * number])
    rows, width, height = int(page.rowsperstrip), int(page.imagewidth), int(page.imagelength)
    interval = _numbers(page, _RESTARTS, 0)[0]
    if rows < height:  # each strip begins anew
        interval = -(-width // (8 * across)) * (rows // (8 * down))
    parts.append(_segment(_INTERVAL, struct.pack(">H", interval)))
    parts.append(_segment(_FRAME, struct.pack(">BHHB", 8, height, width, count) + channels))
    parts.append(_segment(_SCAN, bytes([count]) + uses + b"\0\x3f\0"))
    return b"".join(parts)


def _numbers(page: Any, tag: int, *usual: int) -> list[int]:
    return [int(number) for number in np.ravel(page.tags.valueof(tag, usual))]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body
