"""From a path, bytes, a file object, a PIL image or an array to a :class:`Picture`."""

from __future__ import annotations

import io
import logging
import os
import threading
import warnings
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from colorful.errors import (
    ColorfulError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    KindError,
    MissingExtraError,
    RangeError,
    ShapeError,
)
from colorful.images import deep, metadata, profiles
from colorful.images.metadata import Metadata
from colorful.images.picture import Picture, bands

logger = logging.getLogger(__name__)

Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | npt.NDArray[Any]"
)

MAX_PIXELS = 178_956_970
"""The default limit: where Pillow too stops believing that a file is a photo; 13,377 pixels square."""

FORMATS = ("JPEG", "MPO", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
"""Pillow's names of the formats that are read; HEIF comes on top where pillow-heif is installed."""

# What a result is written as by default. A GIF's 256 colors are too few for a photo.
_RESULT_FORMATS = {name: name for name in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "AVIF", "HEIF")} | {
    "MPO": "JPEG"
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read(source: Source, *, max_pixels: int | None = MAX_PIXELS) -> Picture:
    """Read a photo from whatever holds it.

    Args:
        source: A path, the bytes of a file, a binary file object (read from where it stands), a PIL image
            or an array of shape ``(H, W)`` or ``(H, W, C)`` with C from 1 to 4: gray, gray and alpha, RGB or
            RGBA; bool, uint8, uint16, or floats in [0, 1].
        max_pixels: Refuse files and PIL images with more, before they are decoded. None allows any size.

    Returns:
        The photo, upright and in sRGB. 16-bit PNG and TIFF files, PIL images of mode I;16 and uint16 arrays
        keep 16 bits, floats stay floats; everything else has 8.

    Raises:
        ImageNotFoundError: If there is no such file.
        ImageTooLargeError: If there are more than *max_pixels* pixels.
        ImageError: If a file is empty, truncated, corrupt, or no picture.
        ShapeError: If an array is empty or of another shape.
        RangeError: If values are NaN, infinite, or out of range.
        KindError: If *source* is of another type, or an array of another dtype.
        MissingExtraError: If a HEIC file needs ``pillow-heif`` and it is not installed.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        _check_size(source.width, source.height, max_pixels)
        with _Guard("image"):
            return _from_image(source.copy(), kind="image")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        try:
            with path.open("rb") as file:
                return _from_file(file, path.name, max_pixels)
        except FileNotFoundError:
            raise ImageNotFoundError(f"{path}: no such file") from None
        except OSError as error:
            if isinstance(error, ColorfulError):
                raise
            raise ImageError(f"{path}: {error.strerror or error}") from error
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_file(io.BytesIO(source), "bytes", max_pixels)
    if hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise KindError(
                f"source: expected a file opened in binary mode, got {type(data).__name__} from it"
            )
        return _from_file(io.BytesIO(data), str(getattr(source, "name", "file")), max_pixels)
    raise KindError(
        "source: expected a path, bytes, a binary file object, a PIL image or a NumPy array, "
        f"got {type(source).__name__}"
    )


def _from_array(array: npt.NDArray[Any]) -> Picture:
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        raise ShapeError(f"array: expected shape (H, W) or (H, W, C) with C from 1 to 4, got {array.shape}")
    if 0 in array.shape:
        raise ShapeError(f"array: expected at least one pixel, got shape {array.shape}")
    dtype = array.dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize <= 8:
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):
            raise RangeError(f"array: expected floats in [0, 1], got {low} to {high}")
    elif dtype not in (np.bool_, np.uint8, np.uint16):
        raise KindError(f"array: expected bool, uint8, uint16, or floats in [0, 1], got {array.dtype}")
    array = np.asarray(array)
    if dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
        dtype = array.dtype
    alpha = None
    if array.ndim == 3:
        if array.shape[2] in (2, 4):
            alpha = array[..., -1].astype(dtype)
            array = array[..., :-1]
        if array.shape[2] == 1:
            array = array[..., 0]
    pixels = np.require(array, np.float32 if dtype.kind == "f" else dtype, ["C", "W", "E"])
    return Picture(pixels, alpha, dtype=dtype)


def _from_file(file: IO[bytes], name: str, max_pixels: int | None) -> Picture:
    head = file.read(32)
    file.seek(0)
    if not head:
        raise ImageError(f"{name}: expected a picture, got an empty file")
    with _Guard(name):
        if deep.is_deep_png(head):
            data = file.read()
            _check_size(int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), max_pixels)
            decoded, carrier = deep.read_png(data)
            about, orientation = metadata.from_image(carrier)
            return _finish(decoded, about, orientation, "PNG", carrier.info)
        if head.startswith(_TIFF_MAGIC):
            found = deep.read_tiff(file, lambda width, height: _check_size(width, height, max_pixels))
            if found is not None:
                exif = deep.tiff_exif(file)
                about, orientation = metadata.from_exif(exif)
                return _finish(found, about, orientation, "TIFF", {"icc_profile": exif.get(34675)})
            file.seek(0)
        if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
            image = _open_heif(file, max_pixels)
        else:
            image = _open(file)
            _check_size(image.width, image.height, max_pixels)
        if getattr(image, "is_animated", False):
            logger.info("%s: more than one frame; the first is taken", name)
        return _from_image(image, kind="file")


def _open(file: IO[bytes]) -> ImageFile.ImageFile:
    # Not Image.open(), which would warn or refuse by Pillow's limit before ours is asked.
    Image.init()
    head = file.read(16)
    for format in FORMATS:
        if format not in Image.OPEN:
            continue
        factory, accept = Image.OPEN[format]
        accepted = accept(head) if accept else True
        if accepted and not isinstance(accepted, str):
            file.seek(0)
            try:
                return factory(file, "")
            except (SyntaxError, IndexError, TypeError) as error:
                raise ImageError(f"broken {format} header: {error}") from error
    raise ImageError("not a picture, or not of a format read here: " + ", ".join(FORMATS))


def _open_heif(file: IO[bytes], max_pixels: int | None) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtraError("heic") from None
    heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=True)
    _check_size(*heif.size, max_pixels)
    image: Image.Image = heif.to_pillow()
    image.format = "HEIF"
    return image


def _check_size(width: int, height: int, max_pixels: int | None) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"expected at least one pixel, got {width} x {height}")
    if max_pixels is not None and width * height > max_pixels:
        raise ImageTooLargeError(f"expected at most {max_pixels:,} pixels, got {width:,} x {height:,}")


def _from_image(image: Image.Image, *, kind: Any) -> Picture:
    format = image.format
    image.load()
    about, orientation = metadata.from_image(image)
    return _finish(_decode(image), about, orientation, format, image.info, kind=kind)


def _decode(image: Image.Image) -> deep.Deep:
    mode = image.mode
    transparent = image.info.get("transparency")
    if mode.startswith("I;16"):
        values = _to_array(image, mode).astype(np.uint16, copy=False)
        alpha = None if transparent is None else np.where(values == transparent, 0, 65535).astype(np.uint16)
        return deep.Deep(values[..., None], alpha, "gray")
    if mode in ("I", "F"):
        return deep.Deep(_unscaled(_to_array(image, mode), mode)[..., None], None, "gray")
    if mode == "CMYK" and image.info.get("icc_profile"):
        return deep.Deep(_to_array(image, "CMYK"), None, "cmyk")
    if mode in ("1", "L"):
        target = "L" if transparent is None else "LA"
    elif mode in ("LA", "La"):
        target = "LA"
    elif mode in ("PA", "RGBA", "RGBa") or transparent is not None:
        target = "RGBA"
    else:
        target = "RGB"
    values = _to_array(image, target)
    values = values.reshape(*values.shape[:2], -1)
    alpha = np.ascontiguousarray(values[..., -1]) if target.endswith("A") else None
    colors = 1 if target.startswith("L") else 3
    return deep.Deep(values[..., :colors], alpha, "gray" if colors == 1 else "rgb")


def _to_array(image: Image.Image, mode: str) -> npt.NDArray[Any]:
    first = np.asarray(image.crop((0, 0, 1, 1)).convert(mode))
    result = np.empty((image.height, image.width, *first.shape[2:]), first.dtype)
    for rows in bands(result.shape):
        band = image.crop((0, rows.start, image.width, rows.stop))
        result[rows] = band if band.mode == mode else band.convert(mode)
    return result


def _unscaled(values: npt.NDArray[Any], mode: str) -> npt.NDArray[Any]:
    # Modes I and F have no white of their own; the largest value tells which of the usual ones is meant.
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 65535):
        raise RangeError(f"image of mode {mode}: expected values in 0..65535, got {low} to {high}")
    if mode == "I":
        return values.astype(np.uint8 if high <= 255 else np.uint16)
    white = 1 if high <= 1 else 255 if high <= 255 else 65535
    values /= np.float32(white)
    return values


def _finish(
    decoded: deep.Deep,
    about: Metadata,
    orientation: int,
    format: str | None,
    info: dict[Any, Any],
    *,
    kind: Any = "file",
) -> Picture:
    values, alpha = decoded.values, decoded.alpha
    converted = None
    profile = info.get("icc_profile")
    if decoded.space == "gray":
        values = values[..., 0]
    if isinstance(profile, bytes) and profile:
        converted = profiles.to_srgb(values, decoded.space, profile)
    elif "srgb" not in info and isinstance(gamma := info.get("gamma"), float) and 0.01 < gamma < 10:
        if abs(gamma * 2.2 - 1) > 0.05 and values.dtype.kind == "u":
            converted = profiles.apply_gamma(values, gamma)
    if converted is None:
        converted = _cmyk_to_rgb(values) if decoded.space == "cmyk" else values
    pixels = np.require(_turn(converted, orientation), requirements=["C", "W"])
    if alpha is not None:
        alpha = np.ascontiguousarray(_turn(alpha, orientation))
    return Picture(pixels, alpha, about, _RESULT_FORMATS.get(format or "", "PNG") if format else None, kind)


def _cmyk_to_rgb(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    # Without a profile there is no telling the inks; Pillow's formula, in the depth at hand.
    white = 1 if values.dtype.kind == "f" else int(np.iinfo(values.dtype).max)
    result = np.empty((*values.shape[:2], 3), values.dtype)
    for rows in bands(values.shape):
        inks = 1 - values[rows] / np.float32(white)
        band = inks[..., :3] * inks[..., 3:] * white
        result[rows] = band if values.dtype.kind == "f" else np.rint(band)
    return result


def _turn(values: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


class _Guard:
    """Turn whatever a decoder throws at broken input into an :class:`ImageError`, and keep its warnings in.

    ``warnings.catch_warnings`` alone is not for threads: each restores the filters it found, in any order.
    So the first guard in changes them and the last one out restores them.
    """

    _lock = threading.Lock()
    _inside = 0
    _filters: warnings.catch_warnings[None]

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        with _Guard._lock:
            if _Guard._inside == 0:
                _Guard._filters = warnings.catch_warnings()
                _Guard._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            _Guard._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _Guard._lock:
            _Guard._inside -= 1
            if _Guard._inside == 0:
                _Guard._filters.__exit__(None, None, None)
        if isinstance(error, ImageError) and type(error) in (ImageError, ImageTooLargeError):
            raise type(error)(f"{self._name}: {error}") from error.__cause__
        if isinstance(error, Exception) and not isinstance(error, ColorfulError):
            raise ImageError(
                f"{self._name}: corrupt or truncated ({error or type(error).__name__})"
            ) from error
