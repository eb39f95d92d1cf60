"""From a path, bytes, a file object, a PIL image or an array to a :class:`Picture`."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorful.errors import (
    ColorfulError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImageUnsupportedError,
    KindError,
    RangeError,
    ShapeError,
)
from colorful.files import in_words, open_regular
from colorful.images import jpeg, jpeg2000, metadata, modes, png, pnm, profiles, tiff
from colorful.images.log import naming, warn
from colorful.images.metadata import SideData
from colorful.images.others import open_image, profile_of_bmp, warn_of_depth
from colorful.images.picture import Decoded, Kind, Picture
from colorful.images.pixels import Pixels, turn

Source: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | npt.NDArray[Any]
)

MAX_PIXELS = 178_956_970
"""The default limit, where Pillow, too, stops taking a file for a photo. 13,377 pixels square."""

# The format of a result where the source has another: a GIF's 256 colors are too few for a photo.
_RESULT_FORMATS = {"MPO": "JPEG", "GIF": "PNG", "JPEG2000": "PNG", "PPM": "PNG", "DIB": "BMP", "ICO": "PNG"}
_SAYS_UNSUPPORTED = re.compile(
    r"unsupported|not (?:yet )?(?:supported|implemented)|cannot handle|unrecognized|"
    r"unknown (?:raw |image )?(?:mode|compression|pixel)",
    re.IGNORECASE,
)


def read(source: Source, *, max_pixels: int | None = MAX_PIXELS) -> Picture:
    """Read a photo from whatever holds it.

    Of a file with several pictures the first that has at least half the pixels of the largest is taken, so
    neither a thumbnail nor a mask; the log warns of what is left out.

    Args:
        source: A path, the bytes of a file, a binary file object (read from where it stands), a PIL image,
            or an array of shape ``(H, W)`` or ``(H, W, C)`` with C from 1 to 4: grey, grey and alpha, RGB, or
            RGBA; bool, uint8, uint16, or floats in [0, 1].
        max_pixels: Refuse files and PIL images that have more, before they are decoded. None takes any size.

    Returns:
        The photo, upright and in sRGB. PNG, TIFF, JPEG 2000, PGM and PPM files of 16 bits, PIL images of mode
        I;16 and uint16 arrays keep 16 bits, floats stay floats; everything else has 8 bits.

    Raises:
        ImageNotFoundError: If there is no such file.
        ImageTooLargeError: If there are more than *max_pixels* pixels.
        ImageUnsupportedError: If a file may be sound, but is of a kind that is not read.
        ImageError: If a file is empty, truncated, corrupt, or no picture; or a pipe or a device.
        ShapeError: If an array is empty or of another shape.
        RangeError: If values are NaN, infinite, or out of range.
        KindError: If *source* is of another type, or an array of another dtype, or a masked one.
        MissingExtraError: If a HEIC file needs ``pillow-heif`` and it is not installed.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        with _guarding("image"):
            _check_size(source.size, max_pixels)
            side = metadata.from_image(source)
            return _finish(modes.decode(source), side, source.format, kind="image")
    with _opened(source) as (file, name), _guarding(name):
        shots, format = _shots(file, max_pixels)
        shot = tiff.largest(shots)
        count = sum(each.frames for each in shots)
        if count > 1:
            warn(
                f"has more than one picture ({count}): number {shots.index(shot) + 1} is taken, "
                "the others are left out"
            )
        return _shoot(shot, format, max_pixels)


def read_pages(source: Source, *, max_pixels: int | None = MAX_PIXELS) -> Iterator[Picture]:
    """Read the photos of a TIFF of several pages one by one; of anything else what :func:`read` gives.

    Args:
        source: As for :func:`read`.
        max_pixels: Of each page.

    Yields:
        The pages in the order of the file, without thumbnails and masks.

    Raises:
        ColorfulError: As :func:`read`; pages before a broken one have been yielded.
    """
    if isinstance(source, np.ndarray | Image.Image):
        yield read(source, max_pixels=max_pixels)
        return
    with _opened(source) as (file, name):
        with _guarding(name):
            is_tiff = file.read(4) in tiff.MAGIC
            file.seek(0)
            shots, format = _shots(file, max_pixels) if is_tiff else ([], "")
        if not is_tiff:
            yield read(_Named(file.read(), name), max_pixels=max_pixels)
        for shot in shots:
            with _guarding(name):
                picture = _shoot(shot, format, max_pixels)
            yield picture


def read_size(source: str | os.PathLike[str] | bytes) -> tuple[int, int]:
    """Read the size of the photo that :func:`read` takes off its header, without decoding it.

    Args:
        source: A file, or its bytes.

    Returns:
        Height and width in pixels as stored, before the EXIF turn.

    Raises:
        ImageError: If the file cannot be opened, or is no picture that is read.
    """
    with _opened(source) as (file, name), _guarding(name):
        head = file.read(32)
        file.seek(0)
        if head.startswith((png.SIGNATURE, jpeg.MAGIC)):
            with contextlib.suppress(Exception):  # as a whole it may be understood
                width, height = open_image(file).size
                return height, width
            file.seek(0)
        width, height = tiff.largest(_shots(file)[0]).size
        return height, width


@dataclass(frozen=True)
class _Shot:
    """One of the pictures in a file: its width and height, and how to get at it."""

    size: tuple[int, int]
    decode: Callable[[], Decoded | Image.Image]
    side_data: Callable[[], SideData]
    frames: int = 1


class _Named(io.BytesIO):
    """Bytes with the name of the file they came from."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _from_array(array: npt.NDArray[Any]) -> Picture:
    if isinstance(array, np.ma.MaskedArray):
        raise KindError("array: expected one without a mask, got a masked array; array.filled(0) gives black")
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        raise ShapeError(f"array: expected shape (H, W) or (H, W, C) with C from 1 to 4, got {array.shape}")
    if array.size == 0:
        raise ShapeError(f"array: expected at least one pixel, got shape {array.shape}")
    array = np.asarray(array)
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
    with np.errstate(under="ignore"):  # what is too dark for float32 is black
        return Picture(np.require(array, inner, ["C", "W", "E"]), alpha, dtype=dtype)


@contextlib.contextmanager
def _opened(source: Any) -> Iterator[tuple[IO[bytes], str]]:
    """Give a seekable file that begins with the picture, and its name."""
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        raise ImageNotFoundError(
            f"{source}: expected a file; addresses are not fetched, so download it first"
        )
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        with _open_path(path) as file:
            yield file if file.seekable() else io.BytesIO(file.read()), path.name
    elif isinstance(source, bytes | bytearray | memoryview):
        yield io.BytesIO(source), "bytes"
    elif callable(getattr(source, "read", None)):
        data = source.read()
        if not isinstance(data, bytes):
            raise KindError(
                f"source: expected a file opened in binary mode, got {type(data).__name__} from it"
            )
        yield io.BytesIO(data), str(getattr(source, "name", "file"))
    else:
        raise KindError(
            "source: expected a path, bytes, a binary file object, a PIL image or a NumPy array, "
            f"got {type(source).__name__}"
        )


def _open_path(path: Path) -> IO[bytes]:
    try:
        return open_regular(path)
    except FileNotFoundError:
        raise ImageNotFoundError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: {in_words(error)}") from error


def _shots(file: IO[bytes], max_pixels: int | None = None) -> tuple[list[_Shot], str]:
    """Give the pictures of a file, and its format."""
    head = file.read(32)
    file.seek(0)
    if not head:
        raise ImageError("expected a picture, got an empty file")
    if head.startswith(tiff.MAGIC) and head[8:10] != b"CR":  # Canon's raw files are TIFFs of previews
        return _tiff_shots(file, max_pixels), "TIFF"
    if head.startswith(jpeg.MAGIC):
        parts = jpeg.pictures(file.read())
        return [_Shot((part.width, part.height), part.decode, part.side_data) for part in parts], "JPEG"
    if head.startswith(png.SIGNATURE):
        part = png.File(file.read())
        return [_Shot((part.width, part.height), part.decode, part.side_data, part.frames)], "PNG"
    if head.startswith(jpeg2000.MAGIC):
        box = jpeg2000.File(file.read())
        return [_Shot((box.width, box.height), box.decode, box.side_data)], "JPEG2000"
    if header := pnm.header_if_deep(file):
        deep = pnm.File(file, header)
        return [_Shot((deep.width, deep.height), deep.decode, deep.side_data, 1 + pnm.has_more(file))], "PPM"
    file.seek(0)
    image = open_image(file)
    return _frames(image, file), image.format or ""


def _tiff_shots(file: IO[bytes], max_pixels: int | None) -> list[_Shot]:
    parts = tiff.File(file)
    # The deepest photo, RGBA of floats, has 16 bytes a pixel.
    most = None if max_pixels is None else 16 * max_pixels
    return [
        _Shot(page.size, partial(parts.decode, page, max_bytes=most), partial(parts.side_data, page))
        for page in parts.pages
    ]


def _frames(image: Image.Image, file: IO[bytes]) -> list[_Shot]:
    """Give the pictures of a file that Pillow reads: the one it opens with first."""
    count, first = getattr(image, "n_frames", 1), image.tell()
    if image.format == "PPM":
        count += pnm.has_more(file)

    def at(number: int) -> Image.Image:
        if number != image.tell():
            image.seek(number)
        return image

    def side_data(number: int) -> SideData:
        side = metadata.from_image(at(number))
        if image.format == "BMP":
            side.profile = profile_of_bmp(file)
        elif image.format == "PPM":
            side.text = pnm.comment(file)
        elif image.format in ("AVIF", "HEIF"):
            warn_of_depth(file)
        return side

    if image.format not in ("HEIF", "AVIF"):
        return [_Shot(image.size, lambda: image, partial(side_data, first), count)]
    numbers = [first, *(number for number in range(count) if number != first)]
    shots = [_Shot(at(number).size, partial(at, number), partial(side_data, number)) for number in numbers]
    at(first)
    return shots


def _shoot(shot: _Shot, format: str, max_pixels: int | None) -> Picture:
    _check_size(shot.size, max_pixels)
    side = shot.side_data()
    decoded = shot.decode()
    return _finish(modes.decode(decoded) if isinstance(decoded, Image.Image) else decoded, side, format)


def _check_size(size: tuple[int, int], max_pixels: int | None) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"expected at least one pixel, got {width} x {height}")
    if max_pixels is not None and width * height > max_pixels:
        raise ImageTooLargeError(f"expected at most {max_pixels:,} pixels, got {width:,} x {height:,}")


def _finish(decoded: Decoded, side: SideData, format: str | None, *, kind: Kind = "file") -> Picture:
    about, orientation = side.settle(decoded.values.shape[:2])
    pixels = np.require(turn(_to_srgb(decoded, side), orientation), requirements=["C", "W"])
    alpha = None if decoded.alpha is None else np.ascontiguousarray(turn(decoded.alpha, orientation))
    return Picture(pixels, alpha, about, _RESULT_FORMATS.get(format or "", format), kind)


def _to_srgb(decoded: Decoded, side: SideData) -> Pixels:
    values = decoded.values[..., 0] if decoded.space == "gray" else decoded.values
    if decoded.is_srgb:
        return values
    if side.profile:
        converted = profiles.to_srgb(values, decoded.space, side.profile)
        if converted is not None:
            return converted
    elif side.gamma and 0.01 < side.gamma < 10 and abs(2.2 * side.gamma - 1) > 0.05:
        return profiles.from_gamma(values, side.gamma)
    return profiles.cmyk_to_rgb(values) if decoded.space == "cmyk" else values


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
        if isinstance(error, NotImplementedError) or _SAYS_UNSUPPORTED.search(reason):
            raise ImageUnsupportedError(f"{name}: of a kind that is not supported ({reason})") from error
        raise ImageError(f"{name}: truncated, corrupt, or no picture ({reason})") from error
