"""Work on a photo in bands that fit the cache, side by side on threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from colorful import parallel
from colorful.crew import beside
from colorful.errors import KindError, ShapeError
from colorful.raster import planes

T = TypeVar("T")

_PIXELS = 1 << 18
"""Pixels of a band: few enough for its ten planes to stay in the cache.

With fewer pixels NumPy's loops get so short that threads mostly wait for the interpreter's lock.
"""

_OWN = threading.local()


class Band(NamedTuple):
    """A part of a photo: some whole rows of it, or a stretch of a row that is longer than a band.

    Attributes:
        rows: Which rows.
        columns: Which columns.
    """

    rows: range
    columns: range

    @property
    def place(self) -> tuple[slice, slice]:
        """The part, as an index into the photo."""
        return slice(self.rows.start, self.rows.stop), slice(self.columns.start, self.columns.stop)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return len(self.rows), len(self.columns)

    def moved(self, down: int, right: int) -> Band:
        """Give the band so many pixels further down and to the right."""
        rows, columns = self
        return Band(
            range(rows.start + down, rows.stop + down), range(columns.start + right, columns.stop + right)
        )


def scratch_of_thread() -> planes.Scratch:
    """Give this thread's scratch planes. New ones for each photo would cost a tenth of a folder's time."""
    if not hasattr(_OWN, "scratch"):
        _OWN.scratch = planes.Scratch()
    scratch: planes.Scratch = _OWN.scratch
    return scratch


def share_out(
    size: tuple[int, int], work: Callable[[Iterator[Band]], T], *, whole: tuple[int, int] = (1, 1)
) -> list[T]:
    """Divide a photo into bands, and have several threads work on them.

    Args:
        size: Height and width of the photo.
        work: Called once in each thread.
        whole: Bands begin at multiples of so many rows and columns.

    Returns:
        What each call gave.
    """
    height, width = size
    long = min(width, max(_PIXELS // whole[1], 1) * whole[1])
    high = max(_PIXELS // (long * whole[0]), 1) * whole[0]
    bands = [
        Band(range(top, min(top + high, height)), range(left, min(left + long, width)))
        for top in range(0, height, high)
        for left in range(0, width, long)
    ]
    rest = iter(bands)  # the threads share it: a list's iterator hands out each band once

    def paint() -> T:
        with np.errstate(all="ignore"):  # not what the host program may have set
            return work(rest)

    return beside(paint, min(parallel.threads(), len(bands)))


def check_pixels(pixels: npt.NDArray[Any]) -> None:
    """Check the type and shape of a photo.

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
