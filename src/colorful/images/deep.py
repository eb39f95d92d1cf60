"""Files with more than 8 bits a channel, which Pillow would cut to 8: PNG by libpng, TIFF by tifffile."""

from __future__ import annotations

import functools
import io
import logging
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

from colorful.errors import ImageError

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TIFF_TYPES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}


@dataclass(frozen=True)
class Deep:
    """Decoded pixels as the file has them: gray, RGB, CMYK or Lab in the order of the file.

    Attributes:
        values: Shape ``(H, W, C)`` without alpha; uint16 or float32 in [0, 1].
        alpha: Shape ``(H, W)``, or None.
        space: ``gray``, ``rgb``, ``cmyk`` or ``lab`` (ICC encoding).
    """

    values: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None
    space: str


def is_deep_png(head: bytes) -> bool:
    """Tell from the first 25 bytes whether a file is a PNG of 16 bits a channel."""
    return head.startswith(_PNG_SIGNATURE) and head[12:16] == b"IHDR" and head[24:25] == b"\x10"


def read_png(data: bytes) -> tuple[Deep, Image.Image]:
    """Decode a PNG of 16 bits a channel whose size has been checked.

    Returns:
        The pixels, and an image of one pixel that carries the file's metadata the way Pillow reads them.
    """
    values = _codecs().png_decode(data)  # expands tRNS to alpha
    values = values.reshape(*values.shape[:2], -1)
    colors = values.shape[2] - (values.shape[2] % 2 == 0)
    alpha = np.ascontiguousarray(values[..., -1]) if values.shape[2] > colors else None
    deep = Deep(values[..., :colors], alpha, "gray" if colors == 1 else "rgb")
    return deep, _png_metadata(data)


def write_png(values: npt.NDArray[np.uint16], like: bytes) -> bytes:
    """Encode 16-bit pixels.

    Args:
        values: Gray, gray and alpha, RGB or RGBA, shape ``(H, W)`` or ``(H, W, C)``.
        like: A PNG whose metadata the result takes.
    """
    encoded = _codecs().png_encode(np.ascontiguousarray(values), level=6)
    chunks = list(_png_chunks(encoded))
    extra = [chunk for chunk in _png_chunks(like) if chunk[0] not in (b"IHDR", b"IDAT", b"IEND")]
    return _PNG_SIGNATURE + b"".join(_png_chunk(*chunk) for chunk in (chunks[0], *extra, *chunks[1:]))


def _png_metadata(data: bytes) -> Image.Image:
    # The same chunks around a single pixel: so Pillow reads them without decoding the photo again.
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))]
    pixel = (b"IDAT", zlib.compress(b"\0\0"))
    for name, body in _png_chunks(data):
        if name == b"IDAT" and pixel not in chunks:
            chunks.append(pixel)
        elif name not in (b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"sBIT", b"bKGD", b"hIST"):
            chunks.append((name, body))
    chunks.append((b"IEND", b""))
    image = Image.open(io.BytesIO(_PNG_SIGNATURE + b"".join(_png_chunk(*c) for c in chunks)), formats=["PNG"])
    image.load()
    return image


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = len(_PNG_SIGNATURE)
    while offset + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        yield data[offset + 4 : offset + 8], data[offset + 8 : offset + 8 + length]
        offset += 12 + length


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def read_tiff(file: IO[bytes], check_size: Any) -> Deep | None:
    """Decode the first page of a TIFF if it has more than 8 bits a channel, or floats.

    Args:
        file: At its start.
        check_size: Called with width and height before anything is decoded; raises if that is too much.

    Returns:
        The pixels, or None for a page that Pillow decodes without loss.
    """
    import tifffile

    _codecs()
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        if not isinstance(page, tifffile.TiffPage):
            raise ImageError("no page in it")
        bits, kind = int(page.bitspersample), int(page.sampleformat or 1)
        if bits <= 8 and kind == 1:
            return None
        check_size(page.imagewidth, page.imagelength)
        samples = int(page.samplesperpixel)
        if page.imagedepth != 1 or not 1 <= samples <= 8 or page.dtype is None:
            raise ImageError(f"TIFF of {samples} samples of {bits} bits is not one of those read here")
        end = max(o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True))
        if end > tiff.filehandle.size:
            raise ImageError("truncated")
        values = page.asarray(maxworkers=1)
        shape = page.imagelength, page.imagewidth
        if page.planarconfig == 2 and samples > 1:
            values = np.moveaxis(values.reshape(samples, *shape), 0, -1)
        values = values.reshape(*shape, samples)
        return _interpret(page, values, bits, kind)


def write_tiff(
    values: npt.NDArray[Any],
    *,
    alpha: bool,
    icc: bytes,
    exif: bytes = b"",
    xmp: bytes = b"",
    iptc: bytes = b"",
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Encode a TIFF, deflate with predictor.

    Args:
        values: Gray or RGB, alpha last, shape ``(H, W)`` or ``(H, W, C)``; uint8, uint16 or float32.
        alpha: Whether the last channel is alpha (straight, not premultiplied).
        icc: The profile to embed.
        exif: As in :class:`~colorful.images.Metadata`; likewise *xmp*, *iptc*, *dpi*.
    """
    import tifffile

    _codecs()
    tags, groups = _tiff_tags(exif)
    tags += [(code, "B", len(data), data, True) for code, data in ((700, xmp), (33723, iptc)) if data]
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values,
        photometric="rgb" if values.ndim == 3 and values.shape[2] >= 3 else "minisblack",
        planarconfig="contig" if values.ndim == 3 else None,
        extrasamples=["unassalpha"] if alpha else None,
        compression="zlib",
        predictor=True,
        iccprofile=icc,
        resolution=dpi or (1, 1),
        resolutionunit="INCH" if dpi else "NONE",
        software=False,
        metadata=None,
        extratags=tags,
    )
    for code, group in groups.items():
        _append_group(buffer, code, group)
    return buffer.getvalue()


def _tiff_tags(exif: bytes) -> tuple[list[tuple[int, str, int, Any, bool]], dict[int, dict[int, Any]]]:
    block = Image.Exif()
    block.load(exif)
    types = TiffImagePlugin.ImageFileDirectory_v2()
    tags: list[tuple[int, str, int, Any, bool]] = []
    groups: dict[int, dict[int, Any]] = {}
    for code in block:
        if code in (0x8769, 0x8825):
            groups[code] = dict(block.get_ifd(code))
            tags.append((code, "I", 1, 0, True))  # where the group is: known when it has been appended
            continue
        types[code] = block[code]
    for code in types:
        raw, kind = types[code], types.tagtype[code]
        values = raw if isinstance(raw, tuple) else (raw,)
        if kind == 2:
            tags.append((code, "s", 0, values[0], True))
        elif kind in (1, 6, 7) and isinstance(values[0], bytes):
            tags.append((code, "B", len(values[0]), values[0], True))
        elif kind in (5, 10):
            pairs = [part for value in values for part in (value.numerator, value.denominator)]
            tags.append((code, "2I" if kind == 5 else "2i", len(values), tuple(pairs), True))
        elif kind in _TIFF_TYPES:
            tags.append((code, _TIFF_TYPES[kind], len(values), values, True))
    return tags, groups


def _append_group(buffer: io.BytesIO, code: int, group: dict[int, Any]) -> None:
    import tifffile

    with tifffile.TiffFile(buffer) as tiff:
        order, big = tiff.byteorder, tiff.is_bigtiff
        entry = tiff.pages.first.tags[code].valueoffset
    if big:
        return  # a TIFF beyond 4 GB: Pillow's directories do not reach so far
    directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0" if order == "<" else b"MM\0*\0\0\0\0")
    for tag, value in group.items():
        directory[tag] = value
    buffer.seek(0, io.SEEK_END)
    buffer.write(b"\0" * (buffer.tell() % 2))
    offset = buffer.tell()
    buffer.write(directory.tobytes(offset))
    buffer.seek(entry)
    buffer.write(struct.pack(order + "I", offset))


def _interpret(page: Any, values: npt.NDArray[Any], bits: int, kind: int) -> Deep:
    photometric = int(page.photometric)
    spaces = {0: ("gray", 1), 1: ("gray", 1), 2: ("rgb", 3), 5: ("cmyk", 4)}
    if photometric not in spaces:
        raise ImageError(f"TIFF with photometric interpretation {page.photometric.name} at {bits} bits")
    space, colors = spaces[photometric]
    if values.shape[2] < colors:
        raise ImageError(f"TIFF with {values.shape[2]} samples, expected {colors}")
    values = _to_full_range(values, bits, kind)
    if photometric == 0:
        values = (1 if values.dtype.kind == "f" else np.iinfo(values.dtype).max) - values
    alpha = None
    extra = [int(sample) for sample in page.extrasamples]
    for index, sample in enumerate(extra):
        if sample in (1, 2) and colors + index < values.shape[2]:
            alpha = np.ascontiguousarray(values[..., colors + index])
            break
    color = values[..., :colors]
    if alpha is not None and 1 in extra:
        color = _unassociate(color, alpha)
    return Deep(color, alpha, space)


def _to_full_range(values: npt.NDArray[Any], bits: int, kind: int) -> npt.NDArray[Any]:
    if kind == 3:
        values = values.astype(np.float32, copy=False)
        low, high = values.min(), values.max()
        if not (low >= 0 and high <= 1):
            raise ImageError(f"TIFF of floats: expected values in [0, 1], got {low} to {high}")
        return values
    if kind != 1:
        raise ImageError("TIFF of signed or complex numbers: expected unsigned integers or floats")
    if bits == 16:
        return values.astype(np.uint16, copy=False)
    if bits < 16:
        return (values.astype(np.uint32) * 65535 // (2**bits - 1)).astype(np.uint16)
    return (values / np.float64(2**bits - 1)).astype(np.float32)


def _unassociate(color: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> npt.NDArray[Any]:
    white = 1 if color.dtype.kind == "f" else np.iinfo(color.dtype).max
    result = np.empty_like(color)
    for row in range(len(color)):
        opacity = np.maximum(alpha[row, :, None], np.finfo(np.float32).tiny) / np.float64(white)
        straight = np.minimum(color[row] / opacity, white)
        result[row] = straight if color.dtype.kind == "f" else np.rint(straight)
    return result


def tiff_exif(file: IO[bytes]) -> Image.Exif:
    """Read the tags of a TIFF's first directory, classic or big, whatever its pixels are."""
    file.seek(0)
    head = file.read(8)
    if head[2:4] in (b"+\0", b"\0+"):  # a BigTIFF, whose offsets have 64 bits
        head += file.read(8)
    exif = Image.Exif()
    directory = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(directory.next)
    directory.load(file)
    for tag in directory:
        value = directory[tag]
        if tag in (0x8769, 0x8825):
            group = TiffImagePlugin.ImageFileDirectory_v2(head, group=tag)
            file.seek(value if isinstance(value, int) else value[0])
            group.load(file)
            value = dict(group)
        exif[tag] = value[0] if isinstance(value, tuple) and len(value) == 1 else value
    return exif


@functools.cache
def _codecs() -> ModuleType:
    # Without a handler of their own the decoders' remarks on broken files would land on the user's terminal.
    for name in ("tifffile", "imagecodecs"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    import imagecodecs

    return imagecodecs  # type: ignore[no-any-return]
