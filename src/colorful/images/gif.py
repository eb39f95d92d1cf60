"""GIF: the blocks around its frames. Pillow passes over XMP, profiles, and comments behind a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from colorful.images.tags import decode_text

_IMAGE, _EXTENSION = 0x2C, 0x21
_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP, _PROFILE = b"\x0bXMP DataXMP", b"\x0bICCRGBG1012"
_TRAILER = b"\x01\xff\xfe\xfd"
"""Bytes behind XMP. A program that takes the text for blocks is led to its end by them."""


@dataclass
class Beside:
    """What a GIF says beside its pixels.

    Attributes:
        comment: All comments, a line for each.
        xmp: The packet; may be empty.
        profile: An ICC profile; may be empty.
    """

    comment: str = ""
    xmp: bytes = b""
    profile: bytes = b""


def beside(data: bytes) -> Beside:
    """Collect what stands beside the pixels.

    Args:
        data: All bytes of the file. What is broken ends the search.
    """
    found, comments = Beside(), list[str]()
    for label, start, end in _extensions(data):
        if label == _COMMENT:
            comments.append(decode_text(_joined(data, start, end)).strip("\0"))
        elif label == _APPLICATION:
            name, inside = data[start : start + 12], start + 12
            if name == _XMP:
                packet = data[inside:end]
                found.xmp = found.xmp or packet[: packet.rfind(_TRAILER)]
            elif name == _PROFILE:
                found.profile = found.profile or _joined(data, inside, end)
    found.comment = "\n".join(filter(None, comments))
    return found


def _extensions(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Give label, and place and end of the blocks, of each extension."""
    offset = 13 + _table(data, 10)
    while offset + 1 < len(data):
        if data[offset] == _IMAGE:
            offset = _end(data, offset + 10 + _table(data, offset + 9) + 1)
        elif data[offset] == _EXTENSION:
            end = _end(data, offset + 2)
            yield data[offset + 1], offset + 2, end
            offset = end
        elif data[offset] == 0:  # what some programs put between blocks
            offset += 1
        else:
            return


def _table(data: bytes, place: int) -> int:
    """Give the length of the table of colors that the flags at *place* tell of."""
    flags = data[place] if place < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end(data: bytes, offset: int) -> int:
    while offset < len(data) and data[offset]:
        offset += 1 + data[offset]
    return offset + 1


def _joined(data: bytes, offset: int, end: int) -> bytes:
    parts = []
    while offset < min(end, len(data)) and data[offset]:
        parts.append(data[offset + 1 : offset + 1 + data[offset]])
        offset += 1 + data[offset]
    return b"".join(parts)
