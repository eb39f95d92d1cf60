"""Resize one axis of a picture, a stretch of it at a time."""

from __future__ import annotations

import numpy as np

from colorful.lab.upsample import Kernel
from colorful.raster.planes import Plane, product


class Axis:
    """One axis of :func:`colorful.lab.upsample.resize`, for a stretch of it at a time.

    Args:
        length: Cells after resizing.
        source: Cells before.
        kernel: As for :func:`colorful.lab.upsample.resize`.
    """

    def __init__(self, length: int, source: int, kernel: Kernel) -> None:
        scale = source / length
        wide = max(scale, 1)  # antialiased: the kernel is as wide as a cell wanted
        half = {"cubic": 2, "linear": 1}[kernel] * wide
        center = (np.arange(length) + 0.5) * scale
        # Of each cell wanted, the first of those that take part, and the weights of it and the ones after.
        self._first = np.ceil(center - half - 0.5).astype(np.intp)
        cells = self._first[:, None] + np.arange(int(2 * half) + 1)
        x = np.abs(cells + 0.5 - center[:, None]) / wide
        if kernel == "linear":
            weights = np.clip(1 - x, 0, None)
        else:
            near = (1.5 * x - 2.5) * x * x + 1
            far = ((-0.5 * x + 2.5) * x - 4) * x + 2
            weights = np.where(x < 1, near, np.where(x < 2, far, 0))
        weights[(cells < 0) | (cells >= source)] = 0
        self._weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
        self._source = source
        self._step = 8 if source > length else 32

    def inputs(self, outputs: range) -> range:
        """Tell which cells some of those wanted are made of."""
        last = self._first[outputs.stop - 1] + self._weights.shape[1]
        return range(max(0, int(self._first[outputs.start])), min(int(last), self._source))

    def outputs(self, inputs: range) -> range:
        """Tell which of the cells wanted some take part in."""
        start = np.searchsorted(self._first + self._weights.shape[1], inputs.start, "right")
        return range(int(start), int(np.searchsorted(self._first, inputs.stop)))

    def resize(self, cells: Plane, inputs: range, outputs: range, out: Plane) -> Plane:
        """Make *outputs* of as many of their cells as are among *inputs*.

        Args:
            cells: Those *inputs*, shape ``(*, len(inputs), W)``.
            inputs: Where they are on the axis.
            outputs: The cells wanted; each must have some of its own in *inputs*.
            out: Where they go, ``(*, len(outputs), W)``.

        Returns:
            *out*.
        """
        weights = self._weights[outputs.start : outputs.stop]
        count, taps = weights.shape
        width = len(inputs) + 2 * taps  # with room for cells on either side of *inputs*
        matrix = np.zeros(count * width, np.float32)
        start = self._first[outputs.start : outputs.stop] - inputs.start + taps
        matrix[(start + np.arange(0, count * width, width))[:, None] + np.arange(taps)] = weights
        matrix = matrix.reshape(count, width)[:, taps:-taps]
        # The matrix is 0 but for a band along its diagonal: cut into steps, most of that is left out.
        for top in range(0, count, self._step):
            rows = slice(top, top + self._step)
            first, last = start[rows][[0, -1]] - taps
            columns = slice(max(0, first), last + taps)
            product(matrix[rows, columns], cells[..., columns, :], out[..., rows, :])
        return out
