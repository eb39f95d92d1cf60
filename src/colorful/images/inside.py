"""How large the pictures are that strips and tiles of a TIFF hold: some megabytes may claim gigabytes."""

from __future__ import annotations

import io
import struct

from colorful.images import jpeg, jpeg2000, png
from colorful.images.tags import DirectoryReader, number_of

HEAD = 1 << 16
"""How many bytes at the beginning are enough."""

_JXL, _JXL_BOX, _JXR, _LERC = b"\xff\x0a", b"\0\0\0\x0cJXL ", b"II\xbc\x01", b"Lerc2 "
_WIDTH, _HEIGHT = 0xBC80, 0xBC81  # tags of JPEG XR
# Of JPEG XL: how many bits a side has, and the width as a share of the height.
_SIDES = (9, 13, 18, 30)
_SHARES = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def size(head: bytes) -> tuple[int, int] | None:
    """Tell width and height of a coded picture.

    Args:
        head: Its first :data:`HEAD` bytes.

    Returns:
        None where it is of no format that is known here, or does not tell.
    """
    try:
        if head.startswith(jpeg.MAGIC):
            return jpeg.size(head)
        if head.startswith(png.SIGNATURE):
            width, height = struct.unpack_from(">II", head, 16)
            return width, height
        if head.startswith(jpeg2000.MAGIC):
            box = jpeg2000.File(head)
            return box.width, box.height
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head[12:16], head[20:])
        if head.startswith(_JXR):
            reader = DirectoryReader(io.BytesIO(head))
            tags = reader.read(reader.first)[0]
            return int(number_of(tags, _WIDTH, 0)), int(number_of(tags, _HEIGHT, 0))
        if head.startswith(_LERC):
            (version,) = struct.unpack_from("<i", head, 6)
            height, width = struct.unpack_from("<ii", head, 14 if version >= 3 else 10)
            return width, height
        if head.startswith((_JXL, _JXL_BOX)):
            start = head.find(_JXL, 0 if head.startswith(_JXL) else len(_JXL_BOX))
            return None if start < 0 else _jxl(int.from_bytes(head[start + 2 : start + 14], "little"))
    except (ValueError, IndexError, struct.error):
        return None
    return None


def _webp(kind: bytes, body: bytes) -> tuple[int, int] | None:
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jxl(bits: int) -> tuple[int, int]:
    def take(count: int) -> int:
        nonlocal bits
        number = bits & ((1 << count) - 1)
        bits >>= count
        return number

    is_small = take(1)

    def side() -> int:
        return 8 * (1 + take(5)) if is_small else 1 + take(_SIDES[take(2)])

    height = side()
    share = take(3)
    if share == 0:
        return side(), height
    above, below = _SHARES[share - 1]
    return height * above // below, height
