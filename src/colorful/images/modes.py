"""Pixels of PIL images, whatever their mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from colorful.errors import RangeError
from colorful.images.log import warn
from colorful.images.picture import Decoded
from colorful.images.pixels import Pixels, bands

LACKS_COLORS = "its palette lacks colors of some pixels: there the photo is black"


def decode(image: Image.Image) -> Decoded:
    """Take the pixels out of a PIL image.

    Raises:
        RangeError: If the mode is I or F and a value is negative, not finite, or above 65535.
    """
    mode, transparent = image.mode, image.info.get("transparency")
    if mode.startswith("I;16"):
        values = _to_array(image, mode).astype(np.uint16, copy=False)
        alpha = (
            np.where(values == transparent, 0, 65535).astype(np.uint16) if transparent is not None else None
        )
        return Decoded(values[..., np.newaxis], alpha, "gray")
    if mode in ("I", "F"):
        return Decoded(_in_range(_to_array(image, mode), image)[..., np.newaxis], None, "gray")
    if mode == "CMYK":
        return Decoded(_to_array(image, mode), None, "cmyk")
    if mode == "P" and image.format and 3 * int(np.asarray(image).max()) >= len(image.getpalette() or ()):
        warn(LACKS_COLORS)
    color = "L" if mode in ("1", "L", "LA", "La") else "RGB"
    decoded = Decoded.of(_to_array(image, color + "A" * image.has_transparency_data))
    # Programs leave the fourth byte of a BMP or of an icon at 0 where they mean no transparency.
    if image.format in ("BMP", "DIB", "ICO") and decoded.alpha is not None and not decoded.alpha.any():
        return replace(decoded, alpha=None)
    return decoded


def rows(image: Image.Image, start: int, stop: int) -> Image.Image:
    """Cut rows out of an image without a palette.

    Not by ``crop``, which refuses what is above the limit that a host program has set for files of its own.
    """
    band = Image.new(image.mode, (image.width, stop - start), None)
    band.paste(image, (0, -start))
    return band


def _to_array(image: Image.Image, mode: str) -> Pixels:
    # Band by band: Pillow has four bytes a pixel where the array needs three.
    image = image if image.mode == mode else image.convert(mode)
    pixel = np.asarray(Image.new(mode, (1, 1)))
    values = np.empty((image.height, image.width, *pixel.shape[2:]), pixel.dtype)
    for band in bands(values.shape):
        values[band] = np.asarray(rows(image, band.start, band.stop))
    return values


def _in_range(values: Pixels, image: Image.Image) -> Pixels:
    # Modes I and F have no white of their own: the largest value tells which of the usual ones it is. Only of
    # a PGM in words Pillow has brought the white to 65535.
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 65535):
        raise RangeError(f"image of mode {image.mode}: expected values in 0..65535, got {low} to {high}")
    if image.mode == "I":
        return values.astype(np.uint8 if high <= 255 and image.format != "PPM" else np.uint16)
    values /= np.float32(1 if high <= 1 else 255 if high <= 255 else 65535)
    return values
