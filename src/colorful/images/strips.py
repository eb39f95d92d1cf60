"""Pixels of one page of a TIFF, of any depth and layout: by tifffile, or else by Pillow."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

from colorful.errors import ColorfulError, ImageError, ImageTooLargeError, ImageUnsupportedError
from colorful.images import inside, jpeg, modes, old_jpeg
from colorful.images.log import is_heard, warn
from colorful.images.picture import Decoded, Space
from colorful.images.pixels import by_pieces, gathered, turn, white, widen
from colorful.images.profiles import lab_to_rgb

_UNSIGNED, _SIGNED, _FLOAT, _VOID = 1, 2, 3, 4
_WHITE_IS_ZERO, _PALETTE, _YCBCR, _LAB, _ICC_LAB = 0, 3, 6, 8, 9
_ASSOCIATED, _STRAIGHT = 1, 2
_SPACES: dict[int, tuple[Space, int]] = {
    0: ("gray", 1),
    1: ("gray", 1),
    2: ("rgb", 3),
    3: ("gray", 1),
    5: ("cmyk", 4),
    6: ("rgb", 3),
    8: ("rgb", 3),
    9: ("rgb", 3),
}
_PHOTOMETRIC, _COEFFICIENTS, _SUBSAMPLING, _RANGES, _INK_SET = 262, 529, 530, 532, 332
_JPEG = 7
_FAX = (2, 3, 4, 32771)
_PLAIN = {1, 5, 8, 32773, 32946}  # not packed, LZW, deflate, PackBits
_SLACK = 1 << 20  # pixels by which a part may be larger than its page: blocks are whole
_UNTURNED = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
# Compressions whose decoders give RGB for YCbCr: JPEG and its kin, WebP, JPEG XL.
_GIVE_RGB = {6, 7, 99, 34892, 33007, 34927, 50001, 50002, 52546}


def decode(file: IO[bytes], offset: int, *, max_bytes: int | None) -> Decoded:
    """Decode the page whose directory is at *offset*, with the depth it has.

    Args:
        file: Seekable; the TIFF begins at its start.
        offset: Where the directory is.
        max_bytes: Refuse a page that needs more, decoded.

    Returns:
        The pixels, not turned: uint8, uint16 (for 9 to 16 bits) or float32 (for more, and for floats).

    Raises:
        ImageUnsupportedError: If it may be sound but is of a kind that is not read.
        ImageError: If it is truncated or corrupt.
        ImageTooLargeError: If it needs more bytes.
    """
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        tiff.filehandle.seek(offset)
        page = tifffile.TiffPage(tiff, index=0)
        try:
            return _interpret(page, _values(page, max_bytes))
        except (ImageError, MemoryError):
            raise
        except Exception as error:  # tifffile and the codecs raise nearly anything
            first: Exception = error.with_traceback(None)  # whose frames hold the pixels
        is_known = int(page.compression) == 1 or int(page.compression) in tifffile.TIFF.DECOMPRESSORS
    # What the installation or the codecs lack says nothing against the file.
    is_lacking = (
        not is_known or isinstance(first, NotImplementedError | ImportError) or "not supported" in str(first)
    )
    try:
        decoded = _by_pillow(file, offset)
        if not is_lacking:  # libtiff passes over what it cannot decode
            warn(f"a part of its pixels may be lost: one of two decoders cannot read them ({first})")
        return decoded
    except (ColorfulError, MemoryError):
        raise
    except Exception as second:
        if is_lacking:
            raise ImageUnsupportedError(f"a TIFF of a kind that is not supported ({first})") from second
        raise ImageError(f"truncated or corrupt ({first})") from second


def _values(page: Any, max_bytes: int | None) -> npt.NDArray[Any]:
    """Give the samples as they are stored, shape ``(H, W, C)``."""
    shape = page.imagelength, page.imagewidth
    samples = page.samplesperpixel
    if min(*shape, samples) < 1:
        raise ImageError(f"expected at least one pixel, got {shape[1]} x {shape[0]} of {samples} channels")
    if page.dtype is None or page.imagedepth != 1:
        kind = (
            "of a volume" if page.imagedepth != 1 else f"of {page.bitspersample} bits and this sample format"
        )
        raise ImageUnsupportedError(f"a TIFF {kind} is not supported")
    tile = page.tilewidth * page.tilelength if page.is_tiled else 0
    needed = max(shape[0] * shape[1], tile) * samples * page.dtype.itemsize
    if max_bytes is not None and needed > max_bytes:
        raise ImageTooLargeError(f"expected at most {max_bytes:,} bytes of pixels in a TIFF, got {needed:,}")
    _settle_places(page)
    _look_inside(page, max(shape[0] * shape[1], tile))
    if whole := old_jpeg.joined(page):
        return _by_one_jpeg(whole, *shape)
    if page.is_subsampled and int(page.compression) not in _GIVE_RGB:
        return _subsampled(page)
    values: npt.NDArray[Any] = page.asarray(maxworkers=1)
    if page.planarconfig == 2:
        return np.moveaxis(values.reshape(samples, *shape), 0, -1)
    return values.reshape(*shape, samples)


def _by_one_jpeg(data: bytes, height: int, width: int) -> npt.NDArray[Any]:
    part = jpeg.File(data)
    if part.height < height or part.width < width or part.height * part.width > height * width + _SLACK:
        raise ImageError(f"corrupt: its JPEG says that it has {part.width:,} x {part.height:,} pixels")
    decoded = part.decode()
    decoded = modes.decode(decoded) if isinstance(decoded, Image.Image) else decoded
    return decoded.values[:height, :width]


def _settle_places(page: Any) -> None:
    """See that all strips are there, and find the length of those that do not tell it."""
    size = page.parent.filehandle.size
    page.rowsperstrip = page.rowsperstrip or page.imagelength  # 0 stands for all in one
    starts = [int(start) for start in page.dataoffsets]
    counts = [int(count) for count in page.databytecounts]
    if not starts:
        raise ImageError("truncated: it does not say where its pixels are")
    counts += [0] * (len(starts) - len(counts))
    if not all(counts[: len(starts)]):
        ends = sorted({*starts, size})
        after = dict(pairwise(ends))
        plain = _plain_length(page) if int(page.compression) == 1 else None
        for index, (start, count) in enumerate(zip(starts, counts, strict=False)):
            if not count and start:
                left = after.get(start, start) - start
                counts[index] = left if plain is None else min(plain, left)
        page.databytecounts = tuple(counts)
    if any(start + count > size for start, count in zip(starts, counts, strict=False)):
        raise ImageError("truncated: pixels are missing at its end")
    if not any(counts):
        raise ImageError("truncated: there are no pixels")
    if not all(counts[: len(starts)]) or _lacks_some(page, counts[: len(starts)]):
        warn("parts of the photo are not in the file; they are black")


def _look_inside(page: Any, pixels: int) -> None:
    """Refuse strips and tiles that are pictures themselves and say that they are larger than the page."""
    if int(page.compression) in _PLAIN:
        return
    file, tables = page.parent.filehandle, page.jpegtables
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(start)
        found = inside.size(file.read(min(count, inside.HEAD)))
        if found is not None and found[0] * found[1] > pixels + _SLACK:
            raise ImageError(f"corrupt: a part of it says that it has {found[0]:,} x {found[1]:,} pixels")
        if int(page.compression) == _JPEG and count > 1 and is_heard():
            file.seek(start)
            part = file.read(count)  # of which a decoder makes up what is missing, and says nothing
            jpeg.look_through(part if tables is None else tables[:-2] + part[2:])


def _lacks_some(page: Any, counts: list[int]) -> bool:
    """Tell whether there are fewer strips or tiles than a page needs, or fewer bytes if it is not packed."""
    planes = 1 if page.planarconfig == 1 else int(page.samplesperpixel)
    high, wide = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    needed = -(-page.imagelength // int(high or 1)) * -(-page.imagewidth // int(wide or 1)) * planes
    if len(counts) < int(needed):
        return True
    if int(page.compression) != 1 or page.is_tiled or page.is_subsampled:
        return False
    rows = int(page.imagelength)
    return sum(counts) < _plain_length(page) // min(int(page.rowsperstrip), rows) * rows * planes


def _plain_length(page: Any) -> int:
    """Count the bytes of a strip or tile that is not compressed."""
    rows, width = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    channels = page.samplesperpixel if page.planarconfig == 1 else 1
    bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    return int(min(int(rows), page.imagelength) * ((width * channels * bits + 7) // 8))


def _subsampled(page: Any) -> npt.NDArray[Any]:
    """Read YCbCr that shares chroma among neighbors and is not a JPEG: unit by unit, as in TIFF 6.0."""
    import tifffile

    across, down = (int(number) for number in page.tags.valueof(_SUBSAMPLING, (2, 2)))
    if page.planarconfig != 1 or page.is_tiled or page.bitspersample != 8 or page.predictor != 1:
        raise NotImplementedError("subsampled YCbCr in planes, tiles or with a predictor")
    if page.samplesperpixel != 3 or not {across, down} <= {1, 2, 4}:
        raise NotImplementedError("subsampled YCbCr of an odd kind")
    expand = None if int(page.compression) == 1 else tifffile.TIFF.DECOMPRESSORS[page.compression]
    height, width = page.imagelength, page.imagewidth
    result = np.zeros((height, width, 3), np.uint8)
    columns, top = -(-width // across), 0
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        page.parent.filehandle.seek(start)
        data = page.parent.filehandle.read(count)
        data = data if expand is None else expand(data)
        rows = min(int(page.rowsperstrip), height - top)
        units = np.frombuffer(data, np.uint8)[: -(-rows // down) * columns * (across * down + 2)]
        units = units.reshape(-(-rows // down), columns, across * down + 2)
        luma = (
            units[..., :-2]
            .reshape(-1, columns, down, across)
            .transpose(0, 2, 1, 3)
            .reshape(-1, columns * across)
        )
        result[top : top + rows, :, 0] = luma[:rows, :width]
        for channel in (1, 2):
            chroma = units[..., channel - 3].repeat(across, axis=1)[:, :width]
            result[top : top + rows, :, channel] = chroma.repeat(down, axis=0)[:rows]
        top += rows
    return result


def _interpret(page: Any, values: npt.NDArray[Any]) -> Decoded:
    bits, kind = page.bitspersample, int(page.sampleformat or _UNSIGNED)
    photometric = page.tags.valueof(_PHOTOMETRIC)
    photometric = _guess(page) if photometric is None else int(photometric)
    if photometric not in _SPACES or values.shape[2] < _SPACES[photometric][1]:
        kind_of_color = getattr(page.photometric, "name", page.photometric)
        raise ImageUnsupportedError(
            f"a TIFF of {values.shape[2]} channels as {kind_of_color} is not supported"
        )
    space, colors = _SPACES[photometric]
    if space == "cmyk" and page.tags.valueof(_INK_SET, 1) != 1:
        raise ImageUnsupportedError("a TIFF of other inks than CMYK is not supported")
    extra = [int(kind) for kind in page.extrasamples][: values.shape[2] - colors]
    place = next((index for index, kind in enumerate(extra) if kind in (_ASSOCIATED, _STRAIGHT)), None)
    alpha = None
    if place is not None:
        alpha = _to_full_range(values[..., [colors + place]], bits, kind)[..., 0]
    if (left := values.shape[2] - colors - (place is not None)) > 0:
        warn(f"{left} of its {values.shape[2]} channels left out: the photo needs no more")
    values = values[..., :colors]
    if photometric == _PALETTE:
        values, space = _by_palette(page, values), "rgb"
    elif photometric in (_LAB, _ICC_LAB):
        values = _lab(values, photometric, kind)
    else:
        values = _to_full_range(values, bits, kind)
    if photometric == _YCBCR and (int(page.compression) not in _GIVE_RGB or page.planarconfig == 2):
        values = _ycbcr_to_rgb(page, values)
    if space == "cmyk" and values.dtype.kind == "f":
        values = by_pieces(
            lambda inks: np.rint(inks * np.float32(65535)), values, dtype=np.uint16, channels=(4,)
        )
    if photometric == _WHITE_IS_ZERO:
        values = white(values.dtype) - values
    if alpha is not None and place is not None and extra[place] == _ASSOCIATED:
        values = _straighten(values, alpha)
    if alpha is not None and alpha.dtype != values.dtype:
        alpha = (alpha // 257).astype(np.uint8) if values.dtype == np.uint8 else alpha
    return Decoded(values, alpha, space, is_srgb=photometric in (_LAB, _ICC_LAB))


def _guess(page: Any) -> int:
    """Take pixels that do not say what they are as libtiff does: faxes are black on white."""
    if page.samplesperpixel - len(page.extrasamples) >= 3:
        return 2
    return 0 if int(page.compression) in _FAX else 1


def _to_full_range(values: npt.NDArray[Any], bits: int, kind: int) -> npt.NDArray[Any]:
    if values.dtype == np.bool_:
        return values * np.uint8(255)
    if kind == _FLOAT or values.dtype.kind == "f":
        low, high = values.min(), values.max()
        if not (low >= 0 and high <= 1):
            raise ImageUnsupportedError(f"a TIFF of floats: expected values in [0, 1], got {low} to {high}")
        return gathered(values, np.float32)
    if kind not in (_UNSIGNED, _VOID) or values.dtype.kind != "u" or not isinstance(bits, int):
        raise ImageUnsupportedError(
            "a TIFF of signed or complex numbers, or of channels of several depths, is not supported"
        )
    if bits <= 16:
        return widen(values, bits)
    return gathered(values, np.float32, lambda piece: piece / (2**bits - 1))


def _by_palette(page: Any, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if page.colormap is None:
        raise ImageError("corrupt: no palette")
    colors = np.asarray(page.colormap)
    if colors.max(initial=0) > 255:  # 16 bits; some programs write 8
        colors = colors >> 8
    if (lacking := int(values[..., 0].max()) + 1 - colors.shape[1]) > 0:
        warn(modes.LACKS_COLORS)
        colors = np.pad(colors, ((0, 0), (0, lacking)))
    result: npt.NDArray[np.uint8] = colors.astype(np.uint8).T.take(values[..., 0], axis=0, mode="clip")
    return result


def _lab(values: npt.NDArray[Any], photometric: int, kind: int) -> npt.NDArray[Any]:
    """Convert L to the largest value and signed a, b, or those of an ICC profile, 8 or 16 bits each."""
    depth = values.dtype.itemsize
    if values.dtype.kind not in "ui" or depth > 2:
        raise ImageUnsupportedError(f"a TIFF of CIELAB as {values.dtype} is not supported")
    wide = np.empty(values.shape, np.uint16)
    own = values.view(f"u{depth}") if values.flags.c_contiguous else values.astype(f"u{depth}")
    wide[...] = own if depth == 2 else own.astype(np.uint16) << 8
    if photometric == _ICC_LAB:
        wide[..., 1:] ^= 0x8000  # zero is in the middle
    if depth == 1:
        wide[..., 0] |= wide[..., 0] >> 8
    elif photometric == _ICC_LAB:  # L of 100 is 0xFF00
        wide[..., 0] = np.minimum(wide[..., 0].astype(np.uint32) * 65535 // 65280, 65535)
    rgb = lab_to_rgb(wide)
    return (rgb // 257).astype(np.uint8) if depth == 1 else rgb


def _ycbcr_to_rgb(page: Any, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind == "f":
        raise ImageUnsupportedError(f"a TIFF of YCbCr as {values.dtype} is not supported")
    red, green, blue = (
        float(part) for part in _fractions(page.tags.valueof(_COEFFICIENTS), (0.299, 0.587, 0.114))
    )
    full = white(values.dtype)
    usual = (0, full, (full + 1) / 2, full, (full + 1) / 2, full)
    blacks = np.array(_fractions(page.tags.valueof(_RANGES), usual), np.float32).reshape(3, 2)
    low, high = blacks[:, 0], blacks[:, 1]
    # What is stored as white is full, what is stored as the end of a chroma half of that.
    scale = np.array([full, (full - 1) / 2, (full - 1) / 2], np.float32) / np.where(high > low, high - low, 1)

    def to_rgb(piece: npt.NDArray[Any]) -> npt.NDArray[Any]:
        luma, cb, cr = ((piece - low) * scale).T
        r = luma + (2 - 2 * red) * cr
        b = luma + (2 - 2 * blue) * cb
        g = (luma - red * r - blue * b) / green
        return np.asarray(np.rint(np.stack((r, g, b), axis=-1)).clip(0, full))

    return by_pieces(to_rgb, values, dtype=values.dtype, channels=(3,))


def _fractions(value: Any, usual: tuple[float, ...]) -> tuple[float, ...]:
    """Read what tifffile gives for rationals: numerators and denominators in turn."""
    if value is None:
        return usual
    numbers = [float(number) for number in np.ravel(value)]
    if len(numbers) == 2 * len(usual):
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        numbers = [above / below if below else 0.0 for above, below in pairs]
    return tuple(numbers) if len(numbers) == len(usual) else usual


def _straighten(values: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> npt.NDArray[Any]:
    full = white(values.dtype)

    def divide(colors: npt.NDArray[Any], opacity: npt.NDArray[Any]) -> npt.NDArray[Any]:
        gain = np.divide(full, opacity, out=np.zeros(opacity.shape), where=opacity > 0)
        straight = np.minimum(colors * gain[:, np.newaxis], full)
        return np.asarray(straight if full == 1 else np.rint(straight))

    return by_pieces(divide, values, alpha, dtype=values.dtype, channels=values.shape[2:])


def _by_pillow(file: IO[bytes], offset: int) -> Decoded:
    # To Pillow the page is the first one, wherever it is: another directory in the header.
    file.seek(0)
    data = bytearray(file.read())
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2)[0] == 43:
        struct.pack_into(order + "Q", data, 8, offset)
    else:
        struct.pack_into(order + "I", data, 4, offset)
    image: Image.Image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    stored = image.tag_v2.get(274, 1)  # type: ignore[attr-defined]
    image.load()  # which turns it upright
    decoded = modes.decode(image)
    back = _UNTURNED.get(stored, 1)
    alpha = None if decoded.alpha is None else turn(decoded.alpha, back)
    return Decoded(turn(decoded.values, back), alpha, decoded.space)
