"""PNG of 16 bits a channel, which Pillow would cut to 8: libpng for the pixels, Pillow for all else."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

from colorful.images.picture import Decoded

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ABOUT_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sBIT", b"bKGD", b"hIST")


def size_if_deep(head: bytes) -> tuple[int, int] | None:
    """Return width and height if a file that begins with *head* is a PNG of 16 bits a channel."""
    if not head.startswith(_SIGNATURE) or head[12:16] != b"IHDR" or head[24:25] != b"\x10":
        return None
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def decode(data: bytes) -> tuple[Decoded, Image.Image]:
    """Decode a PNG of 16 bits a channel whose size has been checked.

    Returns:
        The pixels, and an image of one pixel that carries the file's metadata the way Pillow reads them.
    """
    import imagecodecs

    values = imagecodecs.png_decode(data)  # which turns tRNS into alpha
    values = values.reshape(*values.shape[:2], -1)
    alpha = np.ascontiguousarray(values[..., -1]) if values.shape[2] in (2, 4) else None
    colors = values[..., :-1] if alpha is not None else values
    return Decoded(colors, alpha, "gray" if colors.shape[2] == 1 else "rgb"), _about(data)


def encode(values: npt.NDArray[Any], about: bytes) -> bytes:
    """Encode 16-bit pixels.

    Args:
        values: Grey, grey and alpha, RGB or RGBA; shape ``(H, W)`` or ``(H, W, C)``, uint16.
        about: Any PNG; the result takes its metadata.
    """
    import imagecodecs

    header, *pixels = _chunks(bytes(imagecodecs.png_encode(np.ascontiguousarray(values), level=6)))
    extra = [chunk for chunk in _chunks(about) if chunk[0] not in _ABOUT_PIXELS]
    return _join([header, *extra, *pixels])


def _about(data: bytes) -> Image.Image:
    # The same chunks around a single pixel: so Pillow reads them without decoding the photo a second time.
    before: list[tuple[bytes, bytes]] = []
    after: list[tuple[bytes, bytes]] = []
    target = before
    for name, body in _chunks(data):
        if name == b"IDAT":
            target = after
        elif name not in _ABOUT_PIXELS:
            target.append((name, body))
    header = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixel = (b"IDAT", zlib.compress(b"\0\0"))
    image = PngImagePlugin.PngImageFile(io.BytesIO(_join([header, *before, pixel, *after, (b"IEND", b"")])))
    image.load()
    return image


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = len(_SIGNATURE)
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        yield data[offset + 4 : offset + 8], data[offset + 8 : offset + 8 + length]
        offset += 12 + length


def _join(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [_SIGNATURE]
    for name, body in chunks:
        parts += [
            struct.pack(">I", len(body)),
            name,
            body,
            struct.pack(">I", zlib.crc32(body, zlib.crc32(name))),
        ]
    return b"".join(parts)
