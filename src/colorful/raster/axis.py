"""Resize one axis of a picture, a stretch of it at a time."""

from __future__ import annotations

import functools
import math

import numpy as np

from colorful.lab.upsample import Kernel
from colorful.raster.planes import Plane, product

_KEPT_CELLS = 4096
"""Cells of a table of weights that is kept for the next photo of the same size, or frame of the same film."""


class Axis:
    """One axis of :func:`colorful.lab.upsample.resize`, for a stretch of it at a time.

    Weights are made where they are used, a few cells wanted at a time: a table of them would be four times
    as long as the axis, which may be the whole of a photo.

    Args:
        length: Cells after resizing.
        source: Cells before.
        kernel: As for :func:`colorful.lab.upsample.resize`.
    """

    def __init__(self, length: int, source: int, kernel: Kernel) -> None:
        self._length, self._source, self._kernel = length, source, kernel
        self._scale = source / length
        self._half = {"cubic": 2, "linear": 1}[kernel] * max(self._scale, 1)
        # Weights are 0 but along the diagonal: many cells at a time waste work on zeros, few on calls.
        self._step = math.ceil(max(32, 4 / self._scale) if self._scale < 1 else max(8, 64 / self._scale))

    def inputs(self, outputs: range) -> range:
        """Tell which cells some of those wanted are made of."""
        first = math.ceil((outputs.start + 0.5) * self._scale - self._half - 0.5)
        last = math.floor((outputs.stop - 0.5) * self._scale + self._half - 0.5)
        return range(max(first, 0), min(last + 1, self._source))

    def outputs(self, inputs: range) -> range:
        """Tell which of the cells wanted some take part in."""
        first = math.ceil((inputs.start + 0.5 - self._half) / self._scale - 0.5)
        last = math.floor((inputs.stop - 0.5 + self._half) / self._scale - 0.5)
        return range(max(first, 0), min(last + 1, self._length))

    def resize(self, cells: Plane, inputs: range, outputs: range, out: Plane) -> Plane:
        """Make *outputs* of as many of their cells as are among *inputs*.

        Args:
            cells: Those *inputs*, shape ``(*, len(inputs), W)``.
            inputs: Where they are on the axis.
            outputs: The cells wanted.
            out: Where they go, ``(*, len(outputs), W)``.

        Returns:
            *out*.
        """
        for start in range(0, len(outputs), self._step):
            some = outputs[start : start + self._step]
            own = self.inputs(some)
            used = range(max(own.start, inputs.start), min(own.stop, inputs.stop))
            make = _weights if len(some) * len(own) <= _KEPT_CELLS else _weights.__wrapped__
            weights = make(self._scale, self._kernel, some, own)
            weights = weights[:, used.start - own.start : used.stop - own.start]
            there = cells[..., used.start - inputs.start : used.stop - inputs.start, :]
            product(weights, there, out[..., start : start + len(some), :])
        return out


@functools.lru_cache(512)
def _weights(scale: float, kernel: Kernel, outputs: range, inputs: range) -> Plane:
    """Give the weight of each of all the *inputs* that some *outputs* have, ``(outputs, inputs)``."""
    wide = max(scale, 1)  # antialiased: the kernel is as wide as a cell wanted
    center = (np.arange(outputs.start, outputs.stop) + 0.5) * scale
    x = np.abs(np.arange(inputs.start, inputs.stop) + 0.5 - center[:, None]) / wide
    if kernel == "linear":
        weights = np.clip(1 - x, 0, None)
    else:
        near = (1.5 * x - 2.5) * x * x + 1
        far = ((-0.5 * x + 2.5) * x - 4) * x + 2
        weights = np.where(x < 1, near, np.where(x < 2, far, 0))
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)
