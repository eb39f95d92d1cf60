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


def gathered(
    values: Pixels, dtype: npt.DTypeLike, change: Callable[[Pixels], Pixels] | None = None
) -> Pixels:
    """Bring some channels of an array together, in its own memory where that is possible.

    What was beside them is lost: a second array of a large photo would be too much.

    Args:
        values: Shape ``(H, W, C)``, all of an array or its first channels; nobody else reads that array.
        dtype: Of the result.
        change: Takes pixels ``(P, C)`` and returns as many; by default they are only converted.

    Returns:
        Shape ``(H, W, C)``, contiguous.
    """
    dtype = np.dtype(dtype)
    if values.flags.c_contiguous and values.dtype == dtype and change is None:
        return values
    change = change or (lambda piece: piece)
    height, width, channels = values.shape
    whole = values if values.base is None else values.base
    total = values.strides[1] // values.itemsize
    packed = (width * total * values.itemsize, total * values.itemsize, values.itemsize)
    if (
        not (isinstance(whole, np.ndarray) and whole.flags.c_contiguous and whole.flags.writeable)
        or whole.dtype != values.dtype
        or values.strides != packed
        or values.ctypes.data != whole.ctypes.data
        or dtype.itemsize > values.itemsize
    ):
        return by_pieces(change, values, dtype=dtype, channels=(channels,))
    pixels = values.reshape(height * width, channels)
    result = whole.reshape(-1).view(dtype)[: pixels.size].reshape(pixels.shape)
    for start in range(0, len(pixels), _PIECE):
        piece = slice(start, start + _PIECE)
        # What is read lies behind what is written; within a piece a copy keeps them apart.
        result[piece] = change(pixels[piece].copy())
    return result.reshape(height, width, channels)


def bands(shape: tuple[int, ...]) -> list[slice]:
    """Cut the rows of an array into bands of about a million elements, at least one row each."""
    rows = max(1, (1 << 20) * shape[0] // max(1, int(np.prod(shape, dtype=np.int64))))
    return [slice(top, min(top + rows, shape[0])) for top in range(0, shape[0], rows)]
