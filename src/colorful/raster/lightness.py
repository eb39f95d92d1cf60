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
from colorful.raster.bands import check_pixels, scratch_of_thread, share_out


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
    height, width = pixels.shape[:2]
    whole = size is None or tuple(size) == (height, width)
    # Rows are added up into rows of the size wanted at once; the columns can wait until few rows are left.
    rows = height if size is None else size[0]
    axis = Axis(rows, height, "cubic")
    sums = np.zeros((rows, width), np.float32)

    def add_up(bands: Iterator[range]) -> list[tuple[range, planes.Plane]]:
        scratch = scratch_of_thread(width)
        parts = []
        for band in bands:
            root = scratch.plane("roots", (len(band), width))
            planes.luminance_root(pixels[band.start : band.stop], root.reshape(-1), scratch)
            if whole:
                sums[band.start : band.stop] = root
                continue
            outputs = axis.outputs(band)
            part = np.empty((len(outputs), width), np.float32)
            parts.append((outputs, axis.resize(root, band, outputs, part)))
        return parts

    # In the order of the rows, so that the sum does not depend on who was first.
    for outputs, part in sorted(
        (part for parts in share_out(height, width, add_up) for part in parts),
        key=lambda part: part[0].start,
    ):
        sums[outputs.start : outputs.stop] += part
    roots = torch.from_numpy(sums)[None, None]
    if size is not None and not whole:
        roots = resize(roots, size)
    return roots.mul_(planes.TO_LIGHT).sub_(16).clamp_(0, 100)
