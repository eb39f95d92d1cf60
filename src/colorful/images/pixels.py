"""Arrays of pixels: their ranges and turns, and work on some pixels at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

_PIECE = 1 << 18  # pixels


def rescale(values: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Bring values from the range of their dtype to that of another: uint8, uint16, or a float in [0, 1]."""
    if values.dtype == dtype:
        return values
    if values.dtype.kind == dtype.kind == "f":
        with np.errstate(under="ignore"):  # what is too dark for the type is black
            return values.astype(dtype)
    scale = white(dtype) / white(values.dtype)

    def change(piece: Pixels) -> Pixels:
        scaled = piece.astype(np.float64) * scale
        return scaled if dtype.kind == "f" else np.rint(scaled)

    return by_pieces(change, values, dtype=dtype, channels=values.shape[2:])


def widen(values: Pixels, bits: int) -> Pixels:
    """Scale integers of 1 to 16 bits to the full range of 8 bits, or of 16 if they have more than 8."""
    if bits in (8, 16):
        return values
    dtype = np.dtype(np.uint8 if bits < 8 else np.uint16)
    table = np.arange(1 << bits, dtype=np.uint32) * white(dtype) // ((1 << bits) - 1)
    return np.asarray(table.astype(dtype).take(values, mode="clip"))


def turn(values: Pixels, orientation: int) -> Pixels:
    """Turn pixels upright that are stored the way EXIF calls *orientation*."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


def white(dtype: np.dtype[Any]) -> int:
    """Return the value that stands for full intensity: 1 for floats, the largest for integers."""
    return 1 if dtype.kind == "f" else int(np.iinfo(dtype).max)


def by_pieces(
    change: Callable[..., Pixels], *arrays: Pixels, dtype: npt.DTypeLike, channels: tuple[int, ...] = ()
) -> Pixels:
    """Compute pixels from pixels, some at a time: a large photo must not become floats in full.

    Pieces are of pixels, not of rows: a photo may have all of its pixels in one row, or one in each.

    Args:
        change: Takes arrays ``(P, ...)``, one for each of *arrays*, and returns ``(P, *channels)``.
        *arrays: Shape ``(H, W)`` or ``(H, W, C)``.
        dtype: Of the result.
        channels: Shape of a pixel of the result.

    Returns:
        Shape ``(H, W, *channels)``.
    """
    height, width = arrays[0].shape[:2]
    flat = [array.reshape(height * width, *array.shape[2:]) for array in arrays]
    result = np.empty((height * width, *channels), dtype)
    for start in range(0, height * width, _PIECE):
        piece = slice(start, start + _PIECE)
        result[piece] = change(*(array[piece] for array in flat))
    return result.reshape(height, width, *channels)


def bands(shape: tuple[int, ...]) -> list[slice]:
    """Cut the rows of an array into bands of about a million elements, at least one row each."""
    rows = max(1, (1 << 20) * shape[0] // max(1, int(np.prod(shape, dtype=np.int64))))
    return [slice(top, min(top + rows, shape[0])) for top in range(0, shape[0], rows)]
