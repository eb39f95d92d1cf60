"""From a path, bytes, a file object, a PIL image or an array to a :class:`Picture`."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

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
from colorful.images import metadata, png, profiles, tiff
from colorful.images.log import naming
from colorful.images.metadata import Metadata
from colorful.images.picture import Decoded, Kind, Picture, Pixels, bands

logger = logging.getLogger(__name__)

Source: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | npt.NDArray[Any]
)

MAX_PIXELS = 178_956_970
"""The default limit, where Pillow, too, stops taking a file for a photo. 13,377 pixels square."""

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
"""Pillow's names of the formats that are read, besides HEIF, which needs pillow-heif."""

# The format of a result where the source has another: a GIF's 256 colors are too few for a photo.
_RESULT_FORMATS = {"MPO": "JPEG", "GIF": "PNG", "JPEG2000": "PNG", "PPM": "PNG", "DIB": "BMP"}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def read(source: Source, *, max_pixels: int | None = MAX_PIXELS) -> Picture:
    """Read a photo from whatever holds it.

    Args:
        source: A path, the bytes of a file, a binary file object (read from where it stands), a PIL image,
            or an array of shape ``(H, W)`` or ``(H, W, C)`` with C from 1 to 4: grey, grey and alpha, RGB, or
            RGBA; bool, uint8, uint16, or floats in [0, 1].
        max_pixels: Refuse files and PIL images that have more, before they are decoded. None takes any size.

    Returns:
        The photo, upright and in sRGB. PNG and TIFF files of 16 bits, PIL images of mode I;16 and uint16
        arrays keep 16 bits, floats stay floats; everything else has 8 bits.

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
        with _guarding("image"):
            return _from_image(source, max_pixels, kind="image")
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        raise ImageNotFoundError(
            f"{source}: expected a file; addresses are not fetched, so download it first"
        )
    if isinstance(source, str | os.PathLike):
        return _from_path(Path(source), max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_file(io.BytesIO(source), "bytes", max_pixels)
    if callable(getattr(source, "read", None)):
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


def read_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Read a photo's size off its header, without decoding it.

    Args:
        path: A file.

    Returns:
        Height and width in pixels as stored, before the EXIF turn.

    Raises:
        ImageError: If the file cannot be opened, or has no header that Pillow knows.
    """
    with _guarding(Path(path).name), Path(path).open("rb") as file:
        image = _open(file)
        return image.height, image.width


def _from_array(array: npt.NDArray[Any]) -> Picture:
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        raise ShapeError(f"array: expected shape (H, W) or (H, W, C) with C from 1 to 4, got {array.shape}")
    if array.size == 0:
        raise ShapeError(f"array: expected at least one pixel, got shape {array.shape}")
    dtype = array.dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize <= 8:
        low, high = array.min(), array.max()
        if not (low >= 0 and high <= 1):  # NaN is neither
            raise RangeError(f"array: expected floats in [0, 1], got {low} to {high}")
    elif dtype == np.bool_:
        array, dtype = array * np.uint8(255), np.dtype(np.uint8)
    elif dtype not in (np.uint8, np.uint16):
        raise KindError(f"array: expected bool, uint8, uint16, or floats in [0, 1], got {array.dtype}")
    alpha = None
    if array.ndim == 3:
        if array.shape[2] in (2, 4):
            array, alpha = array[..., :-1], np.array(array[..., -1], dtype)
        if array.shape[2] == 1:
            array = array[..., 0]
    inner = np.dtype(np.float32) if dtype.kind == "f" else dtype
    return Picture(np.require(array, inner, ["C", "W", "E"]), alpha, dtype=dtype)


def _from_path(path: Path, max_pixels: int | None) -> Picture:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise ImageNotFoundError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageError(f"{path}: {reason}") from error
    with file:
        return _from_file(file if file.seekable() else io.BytesIO(file.read()), path.name, max_pixels)


def _from_file(file: IO[bytes], name: str, max_pixels: int | None) -> Picture:
    with _guarding(name):
        head = file.read(32)
        file.seek(0)
        if not head:
            raise ImageError("expected a picture, got an empty file")
        if size := png.size_if_deep(head):
            _check_size(size, max_pixels)
            decoded, carrier = png.decode(file.read())
            about, orientation = metadata.from_image(carrier)
            return _finish(decoded, about, orientation, carrier.info, "PNG")
        if head.startswith(tiff.MAGIC):
            return _from_tiff(file, name, max_pixels)
        # Some AVIF files begin like HEIC and name AVIF only among the compatible brands.
        heif = head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS and b"avif" not in head
        image = _open_heif(file) if heif else _open(file)
        _log_frames(getattr(image, "is_animated", False), name)
        return _from_image(image, max_pixels)


def _from_tiff(file: IO[bytes], name: str, max_pixels: int | None) -> Picture:
    tags, more = tiff.read_tags(file)
    if tiff.is_raw(tags):
        raise ImageError("a camera's raw file: expected it developed, as a TIFF or JPEG")
    _log_frames(more, name)
    size = tiff.size(tags)
    _check_size(size, max_pixels)
    if not tiff.is_beyond_pillow(tags):
        try:
            image = _open(file)
        except SyntaxError:  # channels that Pillow has no mode for
            image = None
        if image is not None:
            return _from_image(image, max_pixels)
    # The deepest photo, RGBA of floats, has 16 bytes a pixel.
    decoded = tiff.decode(file, max_bytes=None if max_pixels is None else 16 * max_pixels)
    about, orientation = metadata.from_tags(tags)
    return _finish(decoded, about, orientation, {"icc_profile": tags.get(34675)}, "TIFF")


def _open(file: IO[bytes]) -> Image.Image:
    # Not Image.open(), which warns or refuses by Pillow's own limit before ours is asked.
    Image.init()
    file.seek(0)
    head = file.read(16)
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        accepted = accept(head) if accept else False
        if isinstance(accepted, str):
            raise ImageError(accepted)
        if factory and accepted:
            file.seek(0)
            return factory(file, "")
    raise ImageError(f"not a picture, or not in a format that is read: {', '.join(FORMATS)}, HEIF")


def _open_heif(file: IO[bytes]) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise MissingExtraError("heif") from None
    image: Image.Image = HeifImageFile(file, "")  # type: ignore[no-untyped-call]
    return image


def _log_frames(more: bool, name: str) -> None:
    if more:
        logger.info("%s: has more than one picture; the first is taken", name)


def _check_size(size: tuple[int, int], max_pixels: int | None) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"expected at least one pixel, got {width} x {height}")
    if max_pixels is not None and width * height > max_pixels:
        raise ImageTooLargeError(f"expected at most {max_pixels:,} pixels, got {width:,} x {height:,}")


def _from_image(image: Image.Image, max_pixels: int | None, *, kind: Kind = "file") -> Picture:
    _check_size(image.size, max_pixels)
    about, orientation = metadata.from_image(image)
    info = image.info if image.mode != "LAB" else {}  # a profile cannot add to what Lab says
    return _finish(_decoded(image), about, orientation, info, image.format, kind=kind)


def _decoded(image: Image.Image) -> Decoded:
    mode, transparent = image.mode, image.info.get("transparency")
    if mode.startswith("I;16"):
        values = _to_array(image, mode).astype(np.uint16, copy=False)
        alpha = (
            np.where(values == transparent, 0, 65535).astype(np.uint16) if transparent is not None else None
        )
        return Decoded(values[..., np.newaxis], alpha, "gray")
    if mode in ("I", "F"):
        return Decoded(_in_range(_to_array(image, mode), mode)[..., np.newaxis], None, "gray")
    if mode == "CMYK":
        return Decoded(_to_array(image, mode), None, "cmyk")
    gray = mode in ("1", "L", "LA", "La")
    has_alpha = image.has_transparency_data
    values = _to_array(image, ("L" if gray else "RGB") + ("A" if has_alpha else ""))
    values = values.reshape(*values.shape[:2], -1)
    space: Literal["gray", "rgb"] = "gray" if gray else "rgb"
    if not has_alpha:
        return Decoded(values, None, space)
    return Decoded(values[..., :-1], np.ascontiguousarray(values[..., -1]), space)


def _to_array(image: Image.Image, mode: str) -> Pixels:
    # Band by band: Pillow has four bytes a pixel where the array needs three.
    corner = np.asarray(image.crop((0, 0, 1, 1)).convert(mode))
    values = np.empty((image.height, image.width, *corner.shape[2:]), corner.dtype)
    for rows in bands(values.shape):
        band = image.crop((0, rows.start, image.width, rows.stop))
        values[rows] = np.asarray(band if band.mode == mode else band.convert(mode))
    return values


def _in_range(values: Pixels, mode: str) -> Pixels:
    # Modes I and F have no white of their own: the largest value tells which of the usual ones it is.
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 65535):
        raise RangeError(f"image of mode {mode}: expected values in 0..65535, got {low} to {high}")
    if mode == "I":
        return values.astype(np.uint8 if high <= 255 else np.uint16)
    values /= np.float32(1 if high <= 1 else 255 if high <= 255 else 65535)
    return values


def _finish(
    decoded: Decoded,
    about: Metadata,
    orientation: int,
    info: dict[Any, Any],
    format: str | None,
    *,
    kind: Kind = "file",
) -> Picture:
    pixels = _to_srgb(decoded, info)
    pixels = np.require(_turn(pixels, orientation), requirements=["C", "W"])
    alpha = None if decoded.alpha is None else np.ascontiguousarray(_turn(decoded.alpha, orientation))
    return Picture(pixels, alpha, about, _RESULT_FORMATS.get(format or "", format), kind)


def _to_srgb(decoded: Decoded, info: dict[Any, Any]) -> Pixels:
    values = decoded.values[..., 0] if decoded.space == "gray" else decoded.values
    profile, gamma = info.get("icc_profile"), info.get("gamma")
    if isinstance(profile, bytes) and profile:
        converted = profiles.to_srgb(values, decoded.space, profile)
        if converted is not None:
            return converted
    elif (
        isinstance(gamma, float) and "srgb" not in info and 0.01 < gamma < 10 and abs(2.2 * gamma - 1) > 0.05
    ):
        return profiles.from_gamma(values, gamma)
    return profiles.cmyk_to_rgb(values) if decoded.space == "cmyk" else values


def _turn(values: Pixels, orientation: int) -> Pixels:
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


class _Quiet:
    """Keep the decoders' warnings and remarks on broken files from the user's terminal.

    ``warnings.catch_warnings`` is not made for threads: each would put back the filters it found, in any
    order. So the first one in changes them, and the last one out puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                for name in ("PIL", "tifffile", "imagecodecs"):  # a handler of their own; added once only
                    logging.getLogger(name).addHandler(_SILENT)
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"(PIL|tifffile|imagecodecs|pillow_heif)\b")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)


_SILENT = logging.NullHandler()
_QUIET = _Quiet()


@contextlib.contextmanager
def _guarding(name: str) -> Iterator[None]:
    """Turn whatever a decoder throws at broken input into an :class:`ImageError` that names the photo."""
    try:
        with _QUIET, naming(name):
            yield
    except ImageError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
    except ColorfulError:
        raise
    except MemoryError as error:
        raise ImageTooLargeError(f"{name}: does not fit into memory") from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(f"{name}: truncated, corrupt, or no picture ({reason})") from error
