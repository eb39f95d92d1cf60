"""Operations on batches of planes, with different parameters for each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_SWEEPS = 8  # how often rows and columns are filled in turn; a region with more bends stays incomplete


def gaussian(planes: Tensor, widths: Sequence[float]) -> Tensor:
    """Blur each sample by a Gaussian of its own width; borders are continued.

    Args:
        planes: Shape ``(N, C, H, W)``.
        widths: Standard deviation for each sample in pixels, at least 0.

    Returns:
        Same shape.
    """
    n, channels, height, width = planes.shape
    radius = min(max(1, math.ceil(3 * max(widths, default=0))), height - 1, width - 1)
    steps = torch.arange(-radius, radius + 1, dtype=torch.float32)
    sigma = torch.tensor(widths, dtype=torch.float32).clamp(min=1e-3)[:, None]
    weights = -0.5 * (steps / sigma).square()
    # Each kernel ends at its own radius, so that no sample depends on the others of its batch.
    weights = weights.masked_fill(steps.abs() > (3 * sigma).ceil(), -torch.inf)
    kernel = torch.softmax(weights, dim=1).to(planes.device)  # (N, K)
    kernel = kernel.repeat_interleave(channels, dim=0)[:, None]
    flat = F.pad(planes, (radius,) * 4, mode="replicate").reshape(1, n * channels, height + 2 * radius, -1)
    flat = F.conv2d(flat, kernel[..., None], groups=n * channels)
    return F.conv2d(flat, kernel[:, :, None], groups=n * channels).reshape(n, channels, height, width)


def noise(keys: Sequence[int], shape: Sequence[int], device: torch.device) -> Tensor:
    """Make nearly normal noise that depends on the key of each sample alone: on every device the same.

    Args:
        keys: One of 32 bits for each sample.
        shape: Height and width of the planes.
        device: Where they are made.

    Returns:
        Mean 0, variance 1, shape ``(N, height, width)``.
    """
    places = torch.arange(math.prod(shape), device=device)
    bits = _mix(_mix(places) ^ torch.tensor(keys, device=device)[:, None])
    total = torch.stack([(bits >> shift) & 255 for shift in (0, 8, 16, 24)]).sum(dim=0)
    spread = math.sqrt(4 * (256**2 - 1) / 12)  # four numbers of a byte, added, are normal but for the tails
    return ((total - 510).float() / spread).reshape(-1, *shape)


def grow(seeds: Tensor, allowed: Tensor) -> Tensor:
    """Find what hangs together with some seeds, along rows and columns.

    Args:
        seeds: 0/1, shape ``(N, H, W)``.
        allowed: Where the region may be, 0/1, same shape.

    Returns:
        0/1, float32, same shape.
    """
    # A run is a stretch of allowed pixels in a row. If one pixel of a run is in, all are.
    runs = [(allowed == 0).long().cumsum(dim=axis) for axis in (2, 1)]
    region = seeds * allowed
    for _ in range(_SWEEPS):
        for axis, run in zip((2, 1), runs, strict=True):
            shape = [*region.shape]
            shape[axis] += 1
            filled = region.new_zeros(shape).scatter_reduce_(axis, run, region, "amax")
            region = filled.gather(axis, run) * allowed
    return region


def _mix(numbers: Tensor) -> Tensor:
    """Scatter 32-bit numbers, held in int64, over all 32-bit numbers."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        numbers = ((numbers ^ (numbers >> shift)) * factor) & 0xFFFFFFFF
    return numbers ^ (numbers >> 16)
