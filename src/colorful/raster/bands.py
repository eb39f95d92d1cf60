"""Work on a photo in bands of rows that fit the cache, side by side on threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from colorful import parallel
from colorful.errors import KindError, ShapeError
from colorful.raster import planes

T = TypeVar("T")

_BAND = 1 << 18
"""Pixels in a band: its ten planes stay in the cache, and its loops last long beside Python's share.

With fewer, threads that wait for the interpreter's lock take more time than the smaller planes save.
"""

_TALLEST = 1024
"""Rows in a band: the weights that resize it stay small for a photo that is narrow, too."""

_OWN = threading.local()


def scratch_of_thread(width: int) -> planes.Scratch:
    """Give this thread's own: fresh memory for each photo of a folder would cost a tenth of its time."""
    if width > _BAND:  # a band is one row, whose planes are too large to be kept
        return planes.Scratch()
    if not hasattr(_OWN, "scratch"):
        _OWN.scratch = planes.Scratch()
    scratch: planes.Scratch = _OWN.scratch
    return scratch


def share_out(height: int, width: int, work: Callable[[Iterator[range]], T]) -> list[T]:
    """Have every thread run *work* on the bands that it gets hold of."""
    rows = max(1, min(_BAND // width, _TALLEST))
    bands = [range(top, min(top + rows, height)) for top in range(0, height, rows)]
    rest = iter(bands)  # the threads share it: a list's iterator hands out each band once

    def paint() -> T:
        with np.errstate(all="ignore"):  # not what the host program may have set
            return work(rest)

    return parallel.beside(paint, min(parallel.threads(), len(bands)))


def check_pixels(pixels: npt.NDArray[Any]) -> None:
    """Refuse what is no photo, in words, before a loop stumbles over it.

    Args:
        pixels: sRGB-encoded grey ``(H, W)`` or RGB ``(H, W, 3)``; uint8, uint16, or float32.

    Raises:
        KindError: If *pixels* is not an array of one of these types.
        ShapeError: If *pixels* has another shape, or no pixel.
    """
    if not isinstance(pixels, np.ndarray) or pixels.dtype.name not in ("uint8", "uint16", "float32"):
        kind = pixels.dtype if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise KindError(f"pixels: expected an array of uint8, uint16 or float32, got {kind}")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or 0 in pixels.shape:
        raise ShapeError(f"pixels: expected shape (H, W) or (H, W, 3), got {pixels.shape}")
