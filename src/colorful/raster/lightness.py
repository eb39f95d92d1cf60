"""Take L out of a photo's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.host import unaffected
from colorful.lab.upsample import resize
from colorful.raster import planes
from colorful.raster.axis import Axis
from colorful.raster.bands import Band, check_pixels, scratch_of_thread, share_out

LONG = 256
"""Pixels to a cell of the network, along an axis, that are told apart.

Of a photo that has more, some in a row count as one, both for L and for color: nobody can see the difference,
and the kernel of a single cell would be a thousand pixels long or more.
"""


@unaffected()
def light(pixels: npt.NDArray[Any], size: tuple[int, int] | None = None) -> Tensor:
    """Take L out of a photo.

    Args:
        pixels: sRGB-encoded grey ``(H, W)`` or RGB ``(H, W, 3)``; uint8, uint16, or float32 in [0, 1].
        size: Height and width wanted, in pixels: bicubic, antialiased. None keeps the photo's own.

    Returns:
        L in 0..100, shape ``(1, 1, H, W)`` or ``(1, 1, *size)``, float32.

    Raises:
        KindError: If *pixels* is not an array of one of these types.
        ShapeError: If *pixels* has another shape, or no pixel.
    """
    check_pixels(pixels)
    own = pixels.shape[:2]
    size = own if size is None else size
    means = [max(1, there // (wanted * LONG)) for there, wanted in zip(own, size, strict=True)]
    if max(means) > 1:
        roots = _mean_roots(pixels, (means[0], means[1]))
    elif size[0] < own[0]:
        roots = _roots_in_rows(pixels, size[0])
    else:
        roots = _roots(pixels)
    whole = torch.from_numpy(roots)[None, None]
    # What shrinks does so first: a long side times one that grows is more than the photo.
    for step in (tuple(map(min, whole.shape[2:], size)), size):
        if whole.shape[2:] != step:
            whole = resize(whole, (step[0], step[1]))
    return whole.mul_(planes.TO_LIGHT).sub_(16).clamp_(0, 100)


def _roots(pixels: npt.NDArray[Any]) -> planes.Plane:
    """Give f(Y) of every pixel."""
    height, width = pixels.shape[:2]
    roots = np.empty((height, width), np.float32)

    def take(bands: Iterator[Band]) -> None:
        for band in bands:
            roots[band.place] = _root(pixels, band)

    share_out((height, width), take)
    return roots


def _roots_in_rows(pixels: npt.NDArray[Any], rows: int) -> planes.Plane:
    """Give f(Y) in fewer *rows*: they are added up at once, the columns can wait until few rows are left."""
    height, width = pixels.shape[:2]
    axis = Axis(rows, height, "cubic")
    sums = np.zeros((rows, width), np.float32)

    def add_up(bands: Iterator[Band]) -> list[tuple[Band, planes.Plane]]:
        parts = []
        for band in bands:
            outputs = axis.outputs(band.rows)
            part = np.empty((len(outputs), len(band.columns)), np.float32)
            axis.resize(_root(pixels, band), band.rows, outputs, part)
            parts.append((Band(outputs, band.columns), part))
        return parts

    # In the order of the rows, so that the sum does not depend on who was first.
    parts = [part for parts in share_out((height, width), add_up) for part in parts]
    for band, part in sorted(parts, key=lambda part: part[0].rows.start):
        sums[band.place] += part
    return sums


def _mean_roots(pixels: npt.NDArray[Any], means: tuple[int, int]) -> planes.Plane:
    """Give the mean f(Y) of so many rows and columns at a time, the last ones of what is left."""
    height, width = pixels.shape[:2]
    small = np.empty((-(-height // means[0]), -(-width // means[1])), np.float32)

    def take(bands: Iterator[Band]) -> None:
        for band in bands:
            part = _root(pixels, band)
            for axis, count in enumerate(means):
                starts = np.arange(0, part.shape[axis], count)
                counts = np.diff(starts, append=part.shape[axis]).astype(np.float32)
                part = np.add.reduceat(part, starts, axis)
                part /= np.expand_dims(counts, 1 - axis)
            top, left = band.rows.start // means[0], band.columns.start // means[1]
            small[top : top + part.shape[0], left : left + part.shape[1]] = part

    share_out((height, width), take, whole=means)
    return small


def _root(pixels: npt.NDArray[Any], band: Band) -> planes.Plane:
    scratch = scratch_of_thread()
    root = scratch.plane("roots", band.size)
    planes.luminance_root(pixels[band.place], root.reshape(-1), scratch)
    return root
