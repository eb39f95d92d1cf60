"""TIFF: what Pillow would cut to 8 bits or cannot read, and writing at any depth, both by tifffile."""

from __future__ import annotations

import io
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from colorful.errors import ImageError, ImageTooLargeError
from colorful.images.metadata import Metadata, exact
from colorful.images.picture import Decoded, white
from colorful.images.profiles import lab_to_rgb, srgb_profile

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_GROUPS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR, _SAMPLE_FORMAT = 256, 257, 258, 262, 277, 284, 339
_SUBFILE_TYPE, _SUBDIRECTORIES, _DNG_VERSION = 254, 330, 50706
_REDUCED = 1
_UNSIGNED, _FLOAT = 1, 3
_WHITE_IS_ZERO, _LAB = 0, 8
_ASSOCIATED, _STRAIGHT = 1, 2
_SPACES: dict[int, tuple[Literal["gray", "rgb", "cmyk"], int]]
_SPACES = {0: ("gray", 1), 1: ("gray", 1), 2: ("rgb", 3), 5: ("cmyk", 4)}
_STRIP_OFFSETS, _XMP, _IPTC = 273, 700, 33723
_BYTES = 1
_STRIP = 1 << 18  # bytes


def read_tags(file: IO[bytes]) -> tuple[Image.Exif, bool]:
    """Read the first directory of a TIFF, classic or big, whatever its pixels are.

    Returns:
        Its tags, and whether more pages follow.
    """
    file.seek(0)
    head = file.read(8)
    if head[2:4] in (b"+\0", b"\0+"):  # a BigTIFF: offsets of 64 bits
        head += file.read(8)
    directory = ImageFileDirectory_v2(head)
    file.seek(directory.next)
    directory.load(file)
    tags = Image.Exif()
    for tag in directory:
        value = directory[tag]
        value = value[0] if isinstance(value, tuple) and len(value) == 1 else value
        if tag in _GROUPS:
            group = ImageFileDirectory_v2(head, group=tag)
            file.seek(value)
            group.load(file)
            value = {key: v[0] if isinstance(v, tuple) and len(v) == 1 else v for key, v in group.items()}
        tags[tag] = value
    return tags, directory.next != 0


def size(tags: Image.Exif) -> tuple[int, int]:
    """Return the width and height of the page."""
    return int(tags[_WIDTH]), int(tags[_HEIGHT])


def is_raw(tags: Image.Exif) -> bool:
    """Tell whether this is a camera's raw file, whose first page is but a thumbnail."""
    return _DNG_VERSION in tags or bool(tags.get(_SUBFILE_TYPE, 0) == _REDUCED and _SUBDIRECTORIES in tags)


def is_beyond_pillow(tags: Image.Exif) -> bool:
    """Tell whether the page has more than 8 bits a channel, floats, or grey and alpha in planes."""
    deep = np.max(tags.get(_BITS, 1)) > 8 or np.max(tags.get(_SAMPLE_FORMAT, 1)) == _FLOAT
    planes = tags.get(_PLANAR, 1) == 2 and tags.get(_PHOTOMETRIC, 2) <= 1 and tags.get(_SAMPLES, 1) > 1
    return bool(deep or planes)


def decode(file: IO[bytes], *, max_bytes: int | None) -> Decoded:
    """Decode the first page of a TIFF with the depth it has.

    Args:
        file: The file, seekable.
        max_bytes: Refuse a page that needs more, decoded.

    Returns:
        The pixels: uint8, uint16 (for 9 to 16 bits) or float32 (for more, and for floats).
    """
    import tifffile

    file.seek(0)
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        shape = page.imagelength, page.imagewidth
        samples = page.samplesperpixel
        if page.dtype is None or page.imagedepth != 1 or not 1 <= samples <= 8 or min(shape) < 1:
            raise ImageError("a TIFF of a kind that is not read")
        tile = page.tilewidth * page.tilelength if page.is_tiled else 0
        needed = max(shape[0] * shape[1], tile) * samples * page.dtype.itemsize
        if max_bytes is not None and needed > max_bytes:
            raise ImageTooLargeError(
                f"expected at most {max_bytes:,} bytes of pixels in a TIFF, got {needed:,}"
            )
        strips = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        end = max((start + count for start, count in strips), default=0)
        if not strips or not all(count for _, count in strips) or end > tiff.filehandle.size:
            raise ImageError("truncated, or pixels missing")
        values = page.asarray(maxworkers=1)
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
            values = np.moveaxis(values.reshape(samples, *shape), 0, -1)
        return _interpret(page, values.reshape(*shape, samples))


def encode(values: npt.NDArray[Any], *, alpha: bool, about: Metadata) -> bytes:
    """Encode a TIFF, deflated with a predictor and tagged sRGB.

    Args:
        values: Grey or RGB, alpha last; shape ``(H, W)`` or ``(H, W, C)``, uint8, uint16 or float32.
        alpha: Whether the last channel is alpha, straight and not premultiplied.
        about: What goes into the tags.
    """
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values,
        bigtiff=False,
        byteorder="<",
        photometric="rgb" if values.ndim == 3 and values.shape[2] >= 3 else "minisblack",
        planarconfig="contig" if values.ndim == 3 else None,
        extrasamples=["unassalpha"] if alpha else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=max(1, _STRIP // (values[0].nbytes or 1)),
        iccprofile=srgb_profile(),
        resolution=about.dpi or (1, 1),
        resolutionunit="INCH" if about.dpi else "NONE",
        software=False,
        metadata=None,
    )
    return _with_tags(buffer, about)


def _with_tags(buffer: io.BytesIO, about: Metadata) -> bytes:
    # tifffile writes no directories within directories, where EXIF lives. Pillow does: so the directory is
    # written anew, with the same strips behind it.
    buffer.seek(0)
    written = ImageFileDirectory_v2(buffer.read(8))
    buffer.seek(written.next)
    written.load(buffer)
    directory = ImageFileDirectory_v2()
    directory.tagtype.update(written.tagtype)
    directory.update(written)
    starts = directory[_STRIP_OFFSETS]
    directory[_STRIP_OFFSETS] = tuple(start - min(starts) for start in starts)
    exif = Image.Exif()
    exif.load(about.exif)
    for tag in exif:
        directory[tag] = dict(exif.get_ifd(tag)) if tag in _GROUPS else exact(exif[tag])
    for tag, data in ((_XMP, about.xmp), (_IPTC, about.iptc)):
        if data:
            directory.tagtype[tag] = _BYTES
            directory[tag] = data
    return b"".join((b"II*\0\x08\0\0\0", directory.tobytes(8), buffer.getbuffer()[min(starts) :]))


def _interpret(page: Any, values: npt.NDArray[Any]) -> Decoded:
    photometric, bits = int(page.photometric), page.bitspersample
    if photometric == _LAB and bits == 16 and values.shape[2] == 3:
        return Decoded(lab_to_rgb(values), None, "rgb")
    if photometric not in _SPACES or values.shape[2] < _SPACES[photometric][1]:
        raise ImageError(f"a TIFF of {bits} bits as {page.photometric!r} is not read")
    space, colors = _SPACES[photometric]
    values = _to_full_range(values, bits, page.sampleformat or _UNSIGNED)
    if space == "cmyk" and values.dtype.kind == "f":
        values = np.rint(values * np.float32(65535)).astype(np.uint16)
    if photometric == _WHITE_IS_ZERO:
        values[..., 0] = white(values.dtype) - values[..., 0]
    extra = [int(kind) for kind in page.extrasamples][: values.shape[2] - colors]
    place = next((index for index, kind in enumerate(extra) if kind in (_ASSOCIATED, _STRAIGHT)), None)
    alpha = None if place is None else np.ascontiguousarray(values[..., colors + place])
    values = values[..., :colors]
    if alpha is not None and place is not None and extra[place] == _ASSOCIATED:
        values = _straighten(values, alpha)
    return Decoded(values, alpha, space)


def _to_full_range(values: npt.NDArray[Any], bits: int, kind: int) -> npt.NDArray[Any]:
    if kind == _FLOAT:
        low, high = values.min(), values.max()
        if not (low >= 0 and high <= 1):
            raise ImageError(f"TIFF of floats: expected values in [0, 1], got {low} to {high}")
        return values.astype(np.float32, copy=False)
    if kind != _UNSIGNED:
        raise ImageError("TIFF: expected unsigned integers or floats, got signed or complex numbers")
    if bits in (8, 16):
        return values
    if bits < 16:
        return np.asarray(values.astype(np.uint32) * 65535 // (2**bits - 1), np.uint16)
    return np.asarray(values / (2**bits - 1), np.float32)


def _straighten(values: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> npt.NDArray[Any]:
    full = white(values.dtype)
    result = np.empty_like(values)
    for row, opacity in enumerate(alpha):
        gain = np.divide(full, opacity, out=np.zeros(opacity.shape), where=opacity > 0)
        straight = np.minimum(values[row] * gain[:, np.newaxis], full)
        result[row] = straight if full == 1 else np.rint(straight)
    return result
