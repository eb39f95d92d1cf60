"""From a path, bytes, a file object, a PIL image or an array to a :class:`Picture`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorful.errors import ColorfulError, ImageError, KindError, RangeError, ShapeError
from colorful.images import exif, gif, jpeg, jpeg2000, metadata, modes, png, pnm, profiles, strips, tiff
from colorful.images.guard import guarding
from colorful.images.log import silent, warn
from colorful.images.metadata import SideData
from colorful.images.others import (
    HEAD,
    light_of,
    open_image,
    profile_of_bmp,
    warn_of_credentials,
    warn_of_holes,
    warn_of_rest,
    webp_chunks,
)
from colorful.images.picture import Decoded, Kind, Picture
from colorful.images.pixels import Pixels, rescale, turn
from colorful.images.sources import MAX_PIXELS, MOST_A_PIXEL, check_size, opened, whole
from colorful.images.tags import short_tag

Source: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | npt.NDArray[Any]
)

# The format of a result where the source has another: a GIF's 256 colors are too few for a photo.
_RESULT_FORMATS = {"MPO": "JPEG", "GIF": "PNG", "JPEG2000": "PNG", "PPM": "PNG", "DIB": "BMP", "ICO": "PNG"}

_DARK = 1 / 4  # of white: what 14 bits reach where 16 are expected


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
        with guarding("image", whole=False):  # as its owner wants it
            check_size(source.size, max_pixels)
            side = metadata.from_image(source)
            return _finish(modes.decode(source), side, source.format, kind="image")
    with opened(source, max_pixels) as (file, name), guarding(name):
        _warn_of_sidecar(source)
        shots, format = _shots(file, max_pixels)
        return _shoot(_choose(shots), format, max_pixels)


def read_rgb(
    source: str | os.PathLike[str] | bytes,
    *,
    min_side: int | None = None,
    name: str | None = None,
    max_pixels: int | None = MAX_PIXELS,
) -> npt.NDArray[np.uint8]:
    """Read only the pixels of the photo that :func:`read` takes, in 8 bits, as for looking at many photos.

    Args:
        source: A file, or its bytes.
        min_side: Allow a JPEG to be decoded at 1/2, 1/4 or 1/8 of its size, much faster, as long as its
            shorter side keeps at least this many pixels. By default every pixel is decoded.
        name: What errors call the photo, if not by its file.
        max_pixels: As for :func:`read`.

    Returns:
        Upright sRGB, shape ``(H, W, 3)``; grey has three equal channels, alpha is left out.

    Raises:
        ColorfulError: As :func:`read`.
    """
    with opened(source, max_pixels) as (file, file_name), guarding(name or file_name):
        shot = _choose(_shots(file, max_pixels)[0])
        check_size(shot.size, max_pixels)
        with silent():  # what is lost beside the pixels is of no account here
            side = shot.side_data()
            orientation = side.orientation
        decoded = shot.decode() if min_side is None or shot.smaller is None else shot.smaller(min_side)
        decoded = modes.decode(decoded) if isinstance(decoded, Image.Image) else decoded
        values = turn(rescale(_to_srgb(decoded, side), np.dtype(np.uint8)), orientation)
        return np.ascontiguousarray(values if values.ndim == 3 else np.stack([values] * 3, axis=-1))


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
    with opened(source, max_pixels) as (file, name):
        with guarding(name):
            is_tiff = file.read(4) in tiff.MAGIC
            file.seek(0)
            shots, format = _shots(file, max_pixels)
            shots = shots if is_tiff else [_choose(shots)]
            _warn_of_sidecar(source)
        for shot in shots:
            with guarding(name):
                picture = _shoot(shot, format, max_pixels)
            yield picture


def read_size(source: str | os.PathLike[str] | bytes, *, upright: bool = False) -> tuple[int, int]:
    """Read the size of the photo that :func:`read` takes off its header, without decoding it.

    Args:
        source: A file, or its bytes.
        upright: Whether to tell the size after the turn that EXIF or XMP ask for, and not as stored.

    Returns:
        Height and width in pixels.

    Raises:
        ImageError: If the file cannot be opened, or is no picture that is read.
    """
    with opened(source, None) as (file, name), guarding(name):
        head = file.read(HEAD)
        file.seek(0)
        if not upright and head.startswith((png.SIGNATURE, jpeg.MAGIC)):
            with contextlib.suppress(Exception):  # as a whole it may be understood
                width, height = open_image(file).size
                return height, width
            file.seek(0)
        shot = tiff.largest(_shots(file)[0])
        width, height = shot.size
        if upright:
            with silent():
                is_turned = shot.side_data().orientation >= 5
            return (width, height) if is_turned else (height, width)
        return height, width


def count_pixels(source: str | os.PathLike[str] | bytes) -> int:
    """Count the pixels of a photo by its header; 0 where it has none, and reading will say why."""
    try:
        height, width = read_size(source)
    except ColorfulError:
        return 0
    return height * width


@dataclass(frozen=True)
class _Shot:
    """One of the pictures in a file: its width and height, and how to get at it."""

    size: tuple[int, int]
    decode: Callable[[], Decoded | Image.Image]
    side_data: Callable[[], SideData]
    frames: int = 1
    smaller: Callable[[int], Decoded | Image.Image] | None = None


def _warn_of_sidecar(source: object) -> None:
    """Warn of captions that a program keeps in an XMP file beside the photo, which the result has not."""
    if not isinstance(source, str | os.PathLike):
        return
    path = Path(os.fsdecode(source))
    for ending in (path.suffix + ".xmp", ".xmp"):  # as darktable and as Adobe name them
        with contextlib.suppress(OSError, ValueError):  # of names that are too long or odd for such a file
            if (beside := path.with_suffix(ending)).is_file():
                warn(f"{beside.name} beside it left out: what it says of the photo is not in the result")


def _from_array(array: npt.NDArray[Any]) -> Picture:
    if isinstance(array, np.ma.MaskedArray):
        raise KindError("array: expected one without a mask, got a masked array; array.filled(0) gives black")
    if array.ndim not in (2, 3) or (array.ndim == 3 and not 1 <= array.shape[2] <= 4):
        turned = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        raise ShapeError(
            "array: expected one photo of shape (H, W) or (H, W, C) with C from 1 to 4, "
            f"got {array.shape}" + "; np.moveaxis(array, 0, -1) puts its channels last" * turned
        )
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


def _shots(file: IO[bytes], max_pixels: int | None = None) -> tuple[list[_Shot], str]:
    """Give the pictures of a file, and its format."""
    head = file.read(HEAD)
    file.seek(0)
    if not head:
        raise ImageError("expected a picture, got an empty file")
    if head.startswith(tiff.MAGIC) and head[8:10] != b"CR":  # Canon's raw files are TIFFs of previews
        return _tiff_shots(file, max_pixels), "TIFF"
    if head.startswith(jpeg.MAGIC):
        parts = jpeg.pictures(whole(file, max_pixels))
        return [
            _Shot((part.width, part.height), part.decode, part.side_data, smaller=part.decode)
            for part in parts
        ], "JPEG"
    if head.startswith(png.SIGNATURE):
        part = png.File(whole(file, max_pixels))
        return [_Shot((part.width, part.height), part.decode, part.side_data, part.frames)], "PNG"
    if head.startswith(jpeg2000.MAGIC):
        box = jpeg2000.File(whole(file, max_pixels))
        return [_Shot((box.width, box.height), box.decode, box.side_data, box.pictures)], "JPEG2000"
    if header := pnm.header_if_deep(file):
        deep = pnm.File(file, header)
        return [_Shot((deep.width, deep.height), deep.decode, deep.side_data, 1 + pnm.has_more(file))], "PPM"
    file.seek(0)
    image = open_image(file)
    return _frames(image, file), image.format or ""


def _tiff_shots(file: IO[bytes], max_pixels: int | None) -> list[_Shot]:
    parts = tiff.File(file)
    most = None if max_pixels is None else MOST_A_PIXEL * max_pixels
    return [
        _Shot(
            page.size,
            partial(strips.decode, file, page.offset, max_bytes=most),
            partial(parts.side_data, page),
        )
        for page in parts.pages
    ]


def _frames(image: Image.Image, file: IO[bytes]) -> list[_Shot]:
    """Give the pictures of a file that Pillow reads: the one it opens with first."""
    first = image.tell()
    try:
        count = getattr(image, "n_frames", 1)
    except Exception:  # the first picture may be whole
        file.seek(0)
        image, count = open_image(file), 1
        warn("what follows the first picture is broken")
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
        elif image.format == "GIF":
            file.seek(0)
            found = gif.beside(file.read())
            side.text = {"Comment": found.comment} if found.comment else {}
            side.xmp, side.profile = [found.xmp] if found.xmp else [], found.profile
        elif image.format == "PPM":
            side.text = pnm.comment(file)
        if image.format in ("AVIF", "HEIF"):
            side.gamma = light_of(file, is_deep=image.mode.startswith("I"))
            # The file itself tells the turn, which both readers put into its EXIF. XMP does not count.
            with silent():
                told = exif.parse(image.info.get("exif") or b"")
            side.exif[exif.ORIENTATION] = told.get(exif.ORIENTATION, short_tag(1))
        if image.format in ("AVIF", "HEIF", "WEBP"):
            file.seek(0)
            data = file.read()
            if image.format == "WEBP":
                _add_untold(side, webp_chunks(data))
            warn_of_credentials(data)
            warn_of_holes(data)
            warn_of_rest(data)
        return side

    if image.format not in ("HEIF", "AVIF"):
        size = image.size
        if image.format == "ICO":  # whose list of pictures may say other sizes than they do
            size = cast("Any", image).ico.getimage(size).size
        return [_Shot(size, lambda: image, partial(side_data, first), count)]
    numbers = [first, *(number for number in range(count) if number != first)]
    shots = [_Shot(at(number).size, partial(at, number), partial(side_data, number)) for number in numbers]
    at(first)
    return shots


def _add_untold(side: SideData, chunks: dict[bytes, bytes]) -> None:
    """Add what a WebP has and its header does not tell of: programs do not look there for the turn."""
    if b"EXIF" in chunks and not side.exif:
        side.exif = exif.parse(chunks[b"EXIF"]) | {exif.ORIENTATION: short_tag(1)}
    if b"XMP " in chunks and not side.xmp:
        side.xmp = [chunks[b"XMP "]]
        side.exif.setdefault(exif.ORIENTATION, short_tag(1))


def _choose(shots: list[_Shot]) -> _Shot:
    """Choose the picture that is the photo, and warn of those that are left out."""
    shot: _Shot = tiff.largest(shots)
    count = sum(each.frames for each in shots)
    if count > 1:
        warn(
            f"has more than one picture ({count}): number {shots.index(shot) + 1} is taken, "
            "the others are left out"
        )
    return shot


def _shoot(shot: _Shot, format: str, max_pixels: int | None) -> Picture:
    check_size(shot.size, max_pixels)
    side = shot.side_data()
    decoded = shot.decode()
    return _finish(modes.decode(decoded) if isinstance(decoded, Image.Image) else decoded, side, format)


def _finish(decoded: Decoded, side: SideData, format: str | None, *, kind: Kind = "file") -> Picture:
    about, orientation = side.settle(decoded.values.shape[:2])
    pixels = np.require(turn(_to_srgb(decoded, side), orientation), requirements=["C", "W"])
    alpha = None if decoded.alpha is None else np.ascontiguousarray(turn(decoded.alpha, orientation))
    if pixels.dtype != np.uint8:
        share = float(pixels.max()) / (65535 if pixels.dtype == np.uint16 else 1)
        if 0 < share < _DARK:
            warn(
                f"dark: its lightest value is {100 * share:.2g} % of white; "
                "if its values have fewer bits than its format says, spread them first"
            )
    return Picture(pixels, alpha, about, _RESULT_FORMATS.get(format or "", format), kind)


def _to_srgb(decoded: Decoded, side: SideData) -> Pixels:
    if decoded.space == "rgb" and side.profile[16:20] == b"GRAY" and _is_gray(decoded.values):
        decoded = replace(decoded, values=decoded.values[..., :1], space="gray")  # of a palette of greys
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


def _is_gray(values: Pixels) -> bool:
    return all(np.array_equal(values[..., 0], values[..., channel]) for channel in (1, 2))
