"""Measures of how colors change from frame to frame, on tensors."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor
from torch.nn import functional

from colorful.errors import ShapeError
from colorful.metrics.pictures import check_rank

_STEPS = (1, 2, 4)
_STILL = 0.25
_SAME_LIGHT = 1.0


def warp_error(ab: Tensor, before: Tensor, back: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor]:
    """Measure how far colors are from those of the frame before, along the motion.

    The mean distance in ab between each pixel and the place that it came from, over the pixels that can be
    followed: where the way back and ahead again misses its start by little, they are not hidden in one of the
    frames. It is the published measure on ab in place of RGB, since a film's light is its own; lower is
    steadier. A grey film has 0, so never judge by this measure alone.

    Args:
        ab: Of a frame, shape ``(1, 2, H, W)``, CIELAB units.
        before: Of the frame before, likewise.
        back: Where each pixel was in the frame before: steps to the right and down, ``(1, 2, H, W)``.
        ahead: Where each pixel of the frame before is in this one, likewise.

    Returns:
        The error, in CIELAB units, and the share of the pixels that can be followed; both without axes. The
        error is 0 where none can.

    Raises:
        ShapeError: If a tensor has another shape.

    References:
        Lai et al. Learning Blind Video Temporal Consistency. ECCV 2018, section 4.2 (warping error).
        Ruder, Dosovitskiy, Brox. Artistic Style Transfer for Videos. GCPR 2016, eq. 5 (what can be followed).
    """
    for name, tensor in (("ab", ab), ("before", before), ("back", back), ("ahead", ahead)):
        check_rank(tensor, 2, name)
        if tensor.shape != ab.shape:
            raise ShapeError(f"{name}: expected shape {tuple(ab.shape)}, got {tuple(tensor.shape)}")
    returned = _moved(ahead, back)
    missed = (back + returned).square().sum(1)
    ways = back.square().sum(1) + returned.square().sum(1)
    followed = missed <= 0.01 * ways + 0.5  # (1, H, W)
    distance = (ab - _moved(before, back)).norm(dim=1)
    count = followed.sum()
    return (distance * followed).sum() / count.clamp(min=1), count / followed.numel()


def static_flicker(ab: Tensor, before: Tensor, back: Tensor, light: Tensor, light_before: Tensor) -> Tensor:
    """Measure how much colors change where nothing else does.

    The mean distance in ab from frame to frame, over the pixels that move by less than a quarter of a pixel
    and change by less than 1 in L: what is seen there is flicker.

    Args:
        ab: Of a frame, shape ``(1, 2, H, W)``, CIELAB units.
        before: Of the frame before, likewise.
        back: Where each pixel was in the frame before, likewise.
        light: L of the frame, shape ``(1, 1, H, W)``, 0..100.
        light_before: L of the frame before.

    Returns:
        In CIELAB units, without axes; NaN if no pixel keeps still.
    """
    still = (back.norm(dim=1) < _STILL) & ((light - light_before).abs()[:, 0] < _SAME_LIGHT)
    flicker: Tensor = (ab - before).norm(dim=1)[still].mean()
    return flicker


class ColorConsistency:
    """CDC: how much the distribution of colors changes from frame to frame.

    The Jensen-Shannon divergence, in bits, between the histograms of frames that are 1, 2 and 4 apart: its
    mean over red, green and blue, over the frames, then over the three distances. Lower is steadier. It knows
    no motion: a film that was averaged to grey has a low value, and flicker in one place hardly raises it.

    References:
        Liu et al. Temporally Consistent Video Colorization with Deep Feature Propagation and
        Self-regularization Learning. 2021, arXiv:2110.04562, section 4.1.
    """

    def __init__(self) -> None:
        self._recent: deque[Tensor] = deque(maxlen=max(_STEPS))
        self._sums = dict.fromkeys(_STEPS, 0.0)
        self._counts = dict.fromkeys(_STEPS, 0)

    def update(self, rgb: Tensor) -> None:
        """Take in the next frame.

        Args:
            rgb: Shape ``(1, 3, H, W)``, uint8.
        """
        check_rank(rgb, 3, "rgb")
        counts = torch.stack([channel.flatten().bincount(minlength=256) for channel in rgb[0].long()])
        now = counts / counts.sum(1, keepdim=True)  # (3, 256)
        for step in _STEPS:
            if len(self._recent) >= step:
                self._sums[step] += _divergence(now, self._recent[-step])
                self._counts[step] += 1
        self._recent.append(now)

    def value(self) -> float:
        """Give the measure; NaN with fewer than five frames."""
        if not all(self._counts.values()):
            return float("nan")
        return sum(self._sums[step] / self._counts[step] for step in _STEPS) / len(_STEPS)


def _divergence(first: Tensor, second: Tensor) -> float:
    middle = (first + second) / 2
    halves = [torch.xlogy(part, part / middle.clamp(min=1e-12)).nansum(1) / 2 for part in (first, second)]
    return float(sum(half.mean() for half in halves) / torch.log(torch.tensor(2.0)))


def _moved(maps: Tensor, flow: Tensor) -> Tensor:
    """Take from *maps* what lies where *flow* points, beyond the border what is nearest."""
    height, width = flow.shape[2:]
    rows = torch.arange(height, dtype=flow.dtype)[:, None] + flow[:, 1]
    columns = torch.arange(width, dtype=flow.dtype) + flow[:, 0]
    grid = torch.stack((2 * (columns + 0.5) / width - 1, 2 * (rows + 0.5) / height - 1), dim=3)
    return functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
