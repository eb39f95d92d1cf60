"""JPEG 2000: the boxes around its codestream, where the profile, the depth and captions are."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, Jpeg2KImagePlugin

from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images import exif
from colorful.images.log import warn
from colorful.images.metadata import SideData
from colorful.images.others import warn_of_holes
from colorful.images.picture import Decoded, Space
from colorful.images.pixels import widen

MAGIC = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
# As exiftool has it and as Adobe's plugin wrote it, like EXIF.
_IPTC = (
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"),
    bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"),
)
_RESOURCES = bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb")
_EXIF = (b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e"))
_OTHERS = {b"mjp2": "Motion JPEG 2000, a film,", b"jpm ": "JPM, pages of layers,"}
_BY_NUMBER, _BY_PROFILE = 1, (2, 3)
_CMYK, _SRGB, _GRAY, _SYCC = 12, 16, 17, 18
_ALPHA = (1, 2)  # of the types of a channel, straight and premultiplied
_SPACES: dict[int, Space] = {1: "gray", 3: "rgb", 4: "cmyk"}
_MOST_CHANNELS, _MOST_BITS = 4, 16
_PER_INCH = 0.0254


class File:
    """A JPEG 2000 taken apart.

    Args:
        data: All of its bytes.

    Attributes:
        pictures: How many there are; the first is read.

    Raises:
        ImageError: If there is no codestream in it.
        ImageUnsupportedError: If it is of a kin that is not read.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._boxes = list(_boxes(data)) if not data.startswith(MAGIC[1]) else [(b"jp2c", data)]
        streams = [body for name, body in self._boxes if name == b"jp2c"]
        self.pictures = max(1, len(streams))
        self._stream = stream = streams[0] if streams else b""
        brand = next((body[:4] for name, body in self._boxes if name == b"ftyp"), b"")
        if not streams and brand in _OTHERS:
            raise ImageUnsupportedError(f"{_OTHERS[brand]} is not supported")
        if stream[:4] != MAGIC[1] or len(stream) < 42:
            raise ImageError("truncated or corrupt: there are no pixels")
        right, lower, left, top = struct.unpack_from(">IIII", stream, 8)
        self.width, self.height = right - left, lower - top
        (count,) = struct.unpack_from(">H", stream, 40)
        self._channels = count
        components = {stream[place : place + 3] for place in range(42, 42 + 3 * count, 3)}
        depths = {component[:1] for component in components}
        self._is_odd = len(components) != 1 or stream[43:45] != b"\1\1"  # of several depths or sizes
        if palette := next((body for name, body in self._boxes if name == b"pclr"), b""):
            depths = {palette[place : place + 1] for place in range(3, 3 + palette[2])}
            self._is_odd = self._is_odd or len(depths) != 1
        self._bits = 1 + (max(depths)[0] & 127)
        self._space, self._profile = self._color()

    def decode(self) -> Decoded | Image.Image:
        """Decode the pixels, whose size has been checked: by OpenJPEG itself, where it can.

        Pillow passes over the order of channels, small palettes, and that white has fewer than 8 bits.
        """
        if self._space not in (0, _CMYK, _SRGB, _GRAY, _SYCC):
            raise ImageUnsupportedError(f"a JPEG 2000 of color space {self._space} is not supported")
        warn_of_holes(self._data)
        if self._is_odd and self._bits <= 8:
            return Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(self._data))
        if self._is_odd or self._bits > _MOST_BITS or self._channels > _MOST_CHANNELS:
            raise ImageUnsupportedError(
                f"a JPEG 2000 of {self._channels} channels of {self._bits} bits of this kind is not supported"
            )
        import imagecodecs

        values: npt.NDArray[Any] = imagecodecs.jpeg2k_decode(self._plain())
        if values.dtype.kind == "i":  # zero is in the middle
            values = values.view(f"u{values.itemsize}")
            values += 1 << self._bits - 1
        values = widen(values.reshape(*values.shape[:2], -1), self._bits)
        has_alpha = values.shape[2] in (2, 4) and (self._has_alpha() or self._space != _CMYK)
        colors = values.shape[2] - has_alpha
        if colors not in _SPACES:
            raise ImageUnsupportedError(f"a JPEG 2000 of {values.shape[2]} channels is not supported")
        alpha = np.ascontiguousarray(values[..., -1]) if has_alpha else None
        return Decoded(values[..., :colors], alpha, _SPACES[colors])

    def _plain(self) -> bytes:
        """Give the codestream with what tells its channels, and no profile, which OpenJPEG would apply."""
        names = (b"ihdr", b"bpcc", b"pclr", b"cmap", b"cdef", *[b"colr"] * (self._space == _SYCC))
        header = b"".join(_box(name, body) for name, body in self._boxes if name in names)
        if b"ihdr" not in header:
            return self._stream
        kind = _box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
        return MAGIC[0] + kind + _box(b"jp2h", header) + _box(b"jp2c", self._stream)

    def side_data(self) -> SideData:
        """Collect all that stands beside the pixels."""
        side = SideData(profile=self._profile)
        for name, body in self._boxes:
            kind, inside = body[:16], body[16:]
            if name == b"uuid" and kind == _XMP:
                side.xmp.append(inside)
            elif name == b"uuid" and kind in _IPTC:
                side.iptc = side.iptc or inside
            elif name == b"uuid" and kind in _EXIF:
                side.exif = side.exif or exif.parse(inside)
            elif name == b"uuid" and kind == _RESOURCES:
                side.take_resources(inside)
            elif name in (b"xml ", b"jp2i"):
                if b"RDF" in body:
                    side.xmp.append(body)
                else:
                    warn("a box of XML dropped, which is no XMP")
            elif name in (b"resc", b"resd") and len(body) >= 10:
                up, under, across, below, ups, acrosses = struct.unpack(">HHHHbb", body[:10])
                if under and below and (name == b"resc" or side.dpi is None):  # as it was scanned, not shown
                    side.dpi = across / below * 10.0**acrosses * _PER_INCH, up / under * 10.0**ups * _PER_INCH
        return side

    def _color(self) -> tuple[int, bytes]:
        """Give the number of the color space, or 0, and the profile."""
        for name, body in self._boxes:
            if name == b"colr" and len(body) > 3:
                if body[0] == _BY_NUMBER and len(body) >= 7:
                    return int.from_bytes(body[3:7], "big"), b""
                if body[0] in _BY_PROFILE:
                    return 0, body[3:]
        return 0, b""

    def _has_alpha(self) -> bool:
        for name, body in self._boxes:
            if name == b"cdef":
                return any(
                    kind in _ALPHA
                    for _, kind, _ in struct.iter_unpack(">HHH", body[2 : len(body) // 6 * 6 + 2])
                )
        return False


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give name and body of each box, those inside the header's too."""
    offset = 0
    while offset + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, offset)
        head = 8
        if length == 1 and offset + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, offset + 8)
            head = 16
        end = len(data) if length == 0 else offset + length
        if end < offset + head:
            return
        body = data[offset + head : end]
        if name in (b"jp2h", b"res "):
            yield from _boxes(body)
        else:
            yield name, body
        offset = end
