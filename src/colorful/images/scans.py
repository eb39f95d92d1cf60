"""The scans of a JPEG, and what stands between and behind them."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

SCAN, END, LINES, INTERVAL = 0xDA, 0xD9, 0xDC, 0xDD
# Markers but the restarts, which a scan is full of. A first byte that is plain is found 80 times as fast.
_IN_SCAN = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
_RESTARTS = re.compile(rb"\xff[\xd0-\xd7]")
_STUFFED = 16  # so many zeros at the end of a file may still be pixels


class Stretches(NamedTuple):
    """The marks of a scan between which it can be decoded anew.

    Attributes:
        marks: Their numbers, 0 to 7 in turn.
        interval: How many units lie between them, where it is told behind the first scan; else 0.
    """

    marks: list[int]
    interval: int


class Rest(NamedTuple):
    """What stands behind the head of the first scan.

    Attributes:
        end: The place behind the end of the picture; 0 where there is no end.
        lines: The height that is told there, or 0.
        scans: The heads of further scans.
        stretches: Of each scan that ends.
    """

    end: int
    lines: int
    scans: list[bytes]
    stretches: list[Stretches]


def look_behind(data: bytes, offset: int) -> Rest:
    """Look through what follows the head of the first scan, which ends at *offset*."""
    lines, scans, stretches = 0, list[bytes](), list[Stretches]()
    start: int | None = offset
    interval = 0
    while found := _IN_SCAN.search(data, offset):
        marker, offset = found[1][0], found.end()
        if start is not None:
            marks = [mark[1] & 7 for mark in _RESTARTS.findall(data, start, found.start())]
            stretches.append(Stretches(marks, interval))
            start = None
        if marker == END:
            return Rest(offset, lines, scans, stretches)
        if offset + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, offset)
        if marker == SCAN:
            scans.append(data[offset + 2 : offset + length])
            start = offset + length
        if marker == LINES and length == 4 and offset + 4 <= len(data):
            (lines,) = struct.unpack_from(">H", data, offset + 2)
        if marker == INTERVAL and length == 4 and offset + 4 <= len(data):
            (interval,) = struct.unpack_from(">H", data, offset + 2)
        offset += length
    return Rest(0, lines, scans, stretches)


def end_of_data(data: bytes) -> int:
    """Give the place behind the pixels of a picture without an end; disks that fail leave zeros there."""
    end = len(data.rstrip(b"\xff"))
    without = len(data.rstrip(b"\0\xff"))
    return without if end - without > _STUFFED else end
