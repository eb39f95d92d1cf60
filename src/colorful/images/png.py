"""PNG: its chunks sorted into pixels and side data, so that broken side data never costs the pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import PngImagePlugin

from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images import exif
from colorful.images.log import warn
from colorful.images.metadata import SideData
from colorful.images.modes import rows
from colorful.images.others import BRIGHTER, CREDENTIALS, GAMMAS, HDR, warn_of_rest
from colorful.images.picture import Decoded
from colorful.images.tags import decode_text

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
_ABOUT_PIXELS = (*_PIXELS, b"sBIT", b"bKGD", b"hIST")
_SIDE = (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"pHYs", b"gAMA", b"sRGB", b"acTL", b"cICP", b"caBX")
# By the type of color: samples a pixel, and bytes of the color that is clear.
_CHANNELS, _CLEAR = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}, {0: 2, 2: 6, 3: 1}
_PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
_MOST_TEXT = 32 << 20  # bytes that all compressed text and the profile may have together
LONGEST_DEEP_SIDE = 1_000_000
"""The most pixels a side of a PNG with 16 bits: libpng takes no more."""

_PER_INCH = 0.0254


class File:
    """A PNG taken apart.

    Args:
        data: All of its bytes.

    Raises:
        ImageError: If the header is broken.
        ImageUnsupportedError: If it is Apple's own kind.
    """

    def __init__(self, data: bytes) -> None:
        self._pixels: list[tuple[bytes, bytes]] = []
        self._side: list[tuple[bytes, bytes]] = []
        end, is_frame = len(SIGNATURE), False
        for name, body, is_sound in _chunks(data):
            end += 12 + len(body)
            if name == b"CgBI":
                raise ImageUnsupportedError("PNG in Apple's own form (CgBI) is not supported")
            if name in _PIXELS and (is_sound or name != b"tRNS"):
                if not is_sound and name != b"IEND":
                    raise ImageError(f"corrupt: wrong checksum in {name.decode()}")
                self._pixels.append((name, body))
            elif name in (*_SIDE, b"tRNS"):
                if is_sound:
                    self._side.append((name, body))
                else:
                    warn(f"{name.decode()} dropped: wrong checksum")
            elif name == b"fcTL":  # before the pixels it says that they, too, are of the animation
                is_frame = is_frame or all(each != b"IDAT" for each, _ in self._pixels)
        self._data, self._end = data, end
        if not self._pixels or self._pixels[0][0] != b"IHDR" or len(self._pixels[0][1]) != 13:
            raise ImageError("corrupt: no header")
        header = self._pixels[0][1]
        self.width, self.height, depth, color = struct.unpack(">IIBB", header[:10])
        self.is_deep = depth == 16
        self._bits, self._is_interlaced = depth * _CHANNELS.get(color, 1), header[12] == 1
        if color == 3 and not any(name == b"PLTE" for name, _ in self._pixels):
            raise ImageError("corrupt: no palette")
        for chunk in [chunk for chunk in self._pixels if chunk[0] == b"tRNS"]:
            if len(chunk[1]) < _CLEAR.get(color, len(chunk[1]) + 1):
                self._pixels.remove(chunk)
                warn("tRNS dropped: it fits no color of this kind")
            elif color == 0 and depth < 8:  # Pillow looks for it among the pixels of 8 bits that it makes
                most = (1 << depth) - 1
                clear = (chunk[1][1] & most) * 255 // most
                self._pixels[self._pixels.index(chunk)] = (b"tRNS", bytes([0, clear]))
        frames = next((int.from_bytes(body[:4], "big") for name, body in self._side if name == b"acTL"), 0)
        self.frames = max(1, frames + (not is_frame))

    def decode(self) -> Decoded | PngImagePlugin.PngImageFile:
        """Decode the pixels, whose size has been checked: by libpng at 16 bits, else as a PIL image."""
        if not any(name == b"IDAT" for name, _ in self._pixels):
            raise ImageError("truncated: no pixels")
        chunks = self._pixels if self._pixels[-1][0] == b"IEND" else [*self._pixels, (b"IEND", b"")]
        is_deep = self.is_deep and max(self.width, self.height) <= LONGEST_DEEP_SIDE
        if self.is_deep and not is_deep:
            warn(f"read with 8 of its 16 bits: more than {LONGEST_DEEP_SIDE:,} pixels a side")
        read = _read_deep if is_deep else _read_by_pillow
        try:
            found = read(_join(chunks))
        except MemoryError:
            raise
        except Exception:
            unpacked = self._unpacked()
            if unpacked is None:
                raise
        else:
            # Where rows are missing Pillow leaves zeros, and says nothing.
            is_dark = (
                not isinstance(found, Decoded) and not rows(found, self.height - 1, self.height).getbbox()
            )
            if (is_dark or self._is_interlaced) and self._unpacked() is None:
                raise ImageError("truncated: pixels are missing at its end")
            return found
        warn("the checksum of its pixels is wrong or missing: some may be damaged")
        others = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
        return read(_join([*others[:-1], (b"IDAT", zlib.compress(unpacked, 1)), others[-1]]))

    def _unpacked(self) -> bytes | None:
        """Unpack the pixels, whatever the checksum behind them says; None if some are missing."""
        packed = b"".join(body for name, body in self._pixels if name == b"IDAT")
        passes = _PASSES if self._is_interlaced else ((0, 1, 0, 1),)
        sizes = [
            (max(0, -(-(self.width - x) // dx)), max(0, -(-(self.height - y) // dy)))
            for x, dx, y, dy in passes
        ]
        needed = sum(height * (1 + (width * self._bits + 7) // 8) for width, height in sizes if width)
        try:
            raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed[2:], needed)
        except zlib.error:
            return None
        return raw if len(raw) >= needed else None

    def side_data(self) -> SideData:
        """Collect all that stands beside the pixels."""
        side, inflate, texts = SideData(), _Inflater(_MOST_TEXT), dict[str, list[str]]()
        has_gamma = not any(name in (b"sRGB", b"cICP") for name, _ in self._side)
        for name, body in self._side:
            try:
                if name in (b"tEXt", b"zTXt", b"iTXt"):
                    _add_text(side, texts, *_text(name, body, inflate))
                elif name == b"eXIf":
                    side.exif = side.exif or exif.parse(body)
                elif name == b"iCCP":
                    side.profile = inflate(body.partition(b"\0")[2][1:])
                elif name == b"pHYs" and len(body) == 9:
                    side.density = struct.unpack(">II", body[:8])
                    side.dpi = tuple(count * _PER_INCH for count in side.density) if body[8] == 1 else None
                elif name == b"gAMA" and len(body) == 4 and has_gamma:
                    side.gamma = struct.unpack(">I", body)[0] / 100_000
                elif name == b"cICP" and len(body) == 4:
                    side.gamma = GAMMAS.get(body[1])
                    if body[1] in BRIGHTER:
                        warn(HDR)
                elif name == b"caBX":
                    warn(CREDENTIALS)
            except (ValueError, IndexError, zlib.error) as error:
                warn(f"{name.decode()} dropped: {error}")
        side.text = {key: "\n".join(values) for key, values in texts.items()}
        warn_of_rest(self._data, self._end)
        return side


def _read_deep(data: bytes) -> Decoded:
    import imagecodecs

    return Decoded.of(imagecodecs.png_decode(data))  # which turns tRNS into alpha


def _read_by_pillow(data: bytes) -> PngImagePlugin.PngImageFile:
    image = PngImagePlugin.PngImageFile(io.BytesIO(data))
    image.load()
    return image


class _Inflater:
    """Inflate as long as the results together stay within a limit: small files can hold much."""

    def __init__(self, most: int) -> None:
        self._left = most

    def __call__(self, data: bytes) -> bytes:
        expander = zlib.decompressobj()
        result = expander.decompress(data, self._left + 1)
        if len(result) > self._left:
            raise ValueError(f"inflated it has more than {self._left:,} bytes")
        self._left -= len(result)
        return result


def encode(values: npt.NDArray[Any], about: bytes) -> bytes:
    """Encode pixels of 16 bits.

    Args:
        values: Grey, grey and alpha, RGB or RGBA; shape ``(H, W)`` or ``(H, W, C)``, uint16.
        about: Any PNG; the result takes its metadata.
    """
    import imagecodecs

    encoded = bytes(imagecodecs.png_encode(np.ascontiguousarray(values), level=4))
    header, *pixels = ((name, body) for name, body, _ in _chunks(encoded))
    extra = [(name, body) for name, body, _ in _chunks(about) if name not in _ABOUT_PIXELS]
    return _join([header, *extra, *pixels])


def _text(name: bytes, body: bytes, inflate: _Inflater) -> tuple[str, bytes]:
    """Give the keyword and the text of a chunk, the latter in UTF-8."""
    key, _, rest = body.partition(b"\0")
    keyword = key.decode("latin-1")
    if name == b"tEXt":
        return keyword, decode_text(rest).encode()  # Latin-1 says the standard, UTF-8 do many programs
    if name == b"zTXt":
        return keyword, decode_text(inflate(rest[1:])).encode()
    is_compressed = rest[:1] == b"\1"
    text = rest[2:].split(b"\0", 2)[2]
    return keyword, inflate(text) if is_compressed else text


def _add_text(side: SideData, texts: dict[str, list[str]], key: str, text: bytes) -> None:
    if key == "XML:com.adobe.xmp":
        side.xmp.append(text)
    elif key.startswith("Raw profile type "):
        kind, data = key[17:].lower(), _raw_profile(text)
        if kind in ("exif", "app1") and data.startswith((b"Exif\0\0", b"II", b"MM")):
            side.exif = side.exif or exif.parse(data)
        elif kind in ("xmp", "app1"):
            side.xmp.append(data.removeprefix(b"http://ns.adobe.com/xap/1.0/\0"))
        elif kind in ("iptc", "8bim"):
            side.take_resources(data)
            side.iptc = side.iptc or (data if data[:1] == b"\x1c" else b"")
        elif kind in ("icc", "icm"):
            side.profile = side.profile or data
    else:
        texts.setdefault(key, []).append(text.decode("utf-8", "replace"))


def _raw_profile(text: bytes) -> bytes:
    """Read what ImageMagick and exiftool write: lines of the name, the length, and hexadecimal digits."""
    _, length, digits = text.lstrip(b"\n").split(b"\n", 2)
    return bytes.fromhex(digits.decode("ascii"))[: int(length)]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Give name, body and whether its checksum is right of each chunk that is whole."""
    offset = len(SIGNATURE)
    view = memoryview(data)
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        end = offset + 8 + length
        name = bytes(view[offset + 4 : offset + 8])
        body = bytes(view[offset + 8 : end])
        if end + 4 > len(data):
            if name == b"IDAT":  # a photo cut short: let the decoder say so
                yield name, body, True
            return
        yield name, body, zlib.crc32(view[offset + 4 : end]) == struct.unpack_from(">I", data, end)[0]
        if name == b"IEND":
            return
        offset = end + 4


def _join(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [SIGNATURE]
    for name, body in chunks:
        checksum = zlib.crc32(body, zlib.crc32(name))
        parts += [struct.pack(">I", len(body)), name, body, struct.pack(">I", checksum)]
    return b"".join(parts)
