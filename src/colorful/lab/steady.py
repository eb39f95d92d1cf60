"""Keep colors steady from frame to frame: their mean, taken along the motion.

Where a film shows the same thing for a while, a network gives it other colors in each frame. Their mean is
steadier than any one of them, and its squared error is at most the mean of theirs (Jensen's inequality). It
must be taken along the motion: otherwise the colors of a thing stay behind where it was. And it must be of
colors that are alike: where a frame is far from what came before, either the motion is wrong, or the network
now takes the thing for another. The mean of both would be greyish, and late; so what came before counts less.
A frame in which the network hesitates between many colors counts less, too.

All functions are pure and work on maps ``(C, h, w)``: ab, or others if *tolerance* is in their units.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from colorful.errors import RangeError, ShapeError


class Trail(NamedTuple):
    """The colors of the frames up to now, brought to where things are in the latest one.

    Attributes:
        mean: Weighted mean of their maps, shape ``(C, h, w)``.
        weight: How many sure frames it is worth, shape ``(h, w)``, float32.
    """

    mean: Tensor
    weight: Tensor


def follow(
    trail: Trail | None,
    cells: Tensor,
    motion: Tensor,
    trust: Tensor,
    *,
    sure: Tensor | float = 1.0,
    memory: float = 0.97,
    tolerance: float = 10.0,
) -> Trail:
    """Carry a trail on to the next frame.

    The trail moves with the motion, loses weight, and takes in the new frame:
    ``weight = sure + memory trust alike weight'`` and ``mean = mean' + (cells - mean') sure / weight``, with
    ``'`` for what was moved. So the first frame of a shot rules, and one of many counts little. *alike* is
    Cauchy's weight ``1 / (1 + (distance / tolerance)^2)`` of the distance between *cells* and ``mean'``.

    Args:
        trail: Up to the frame before; None at the start of a shot.
        cells: The colors of this frame, shape ``(C, h, w)``.
        motion: Where each cell was in the frame before: steps to the right and down, in cells, ``(2, h, w)``.
        trust: How sure that is, in [0, 1], ``(h, w)``: 0 where something new has come into sight.
        sure: How much this frame counts, above 0, ``(h, w)`` or for all cells alike; 1 is a frame in full.
        memory: Share of a trail's weight that it keeps from one frame to the next, in [0, 1].
        tolerance: Distance at which half of that is let go, above 0, in units of *cells*; infinite for the
            plain mean.

    Returns:
        The trail up to this frame; dtype and device of *cells*.

    Raises:
        ShapeError: If the maps do not fit together.
        RangeError: If *memory* is outside [0, 1], or *tolerance* is not above 0.

    References:
        Holland, Welsch. Robust Regression Using Iteratively Reweighted Least-Squares. 1977 (Cauchy's weight).
    """
    if not 0 <= memory <= 1:
        raise RangeError(f"memory: expected a number in [0, 1], got {memory}")
    if not tolerance > 0:
        raise RangeError(f"tolerance: expected a distance above 0, got {tolerance}")
    if trail is None:
        return Trail(cells, torch.ones(cells.shape[-2:], dtype=torch.float32, device=cells.device) * sure)
    if trail.mean.shape != cells.shape or trust.shape != cells.shape[-2:]:
        raise ShapeError(
            f"trail, trust: expected shapes {tuple(cells.shape)} and {tuple(cells.shape[-2:])}, "
            f"got {tuple(trail.mean.shape)} and {tuple(trust.shape)}"
        )
    # Where weights differ a lot from cell to cell, bicubic ones could fall below 0.
    before = warp(trail.weight[None], motion, smooth=False)[0]
    moved = warp(trail.mean, motion)
    alike = 1 / (1 + ((cells - moved).float() / tolerance).square().sum(0))
    weight = sure + memory * trust * alike * before
    return Trail(moved.lerp_(cells, (sure / weight).to(cells.dtype)), weight)


def join(past: Trail, future: Trail, cells: Tensor, *, sure: Tensor | float = 1.0) -> Tensor:
    """Join what came before and after a frame.

    Args:
        past: The trail that came forward to this frame.
        future: The trail that came backward to it.
        cells: The colors of the frame itself, which are in both: shape ``(C, h, w)``.
        sure: How much they count, as for :func:`follow`.

    Returns:
        The mean over all of them, shape ``(C, h, w)``; dtype and device of *cells*.
    """
    whole = past.weight + future.weight - sure
    mean = past.mean * (past.weight / whole).to(cells.dtype)
    mean += future.mean * (future.weight / whole).to(cells.dtype)
    mean -= cells * (sure / whole).to(cells.dtype)
    return mean


def go_over(trail: Trail, other: Trail, share: float) -> Trail:
    """Go over from one trail to another that ends at the same frame.

    Args:
        trail: For a share of 0.
        other: For a share of 1.
        share: Between the two, in [0, 1].

    Returns:
        A trail that holds so much of the frames in each, so that one of few counts little beside one of many.
    """
    weight = trail.weight.lerp(other.weight, share)
    return Trail(trail.mean.lerp(other.mean, (share * other.weight / weight).to(other.mean.dtype)), weight)


def warp(cells: Tensor, motion: Tensor, *, smooth: bool = True) -> Tensor:
    """Move cells along the motion.

    Args:
        cells: Of the frame before, shape ``(C, h, w)``.
        motion: Where each cell of the result was: steps to the right and down, in cells, ``(2, h, w)``.
        smooth: Whether to interpolate by Keys' cubic, which keeps edges sharp through hundreds of frames,
            or linearly, which stays between the values that are there.

    Returns:
        Shape ``(C, h, w)``, dtype and device of *cells*; beyond the border the nearest cell counts.

    Raises:
        ShapeError: If *motion* is not of the size of *cells*.

    References:
        Keys. Cubic Convolution Interpolation for Digital Image Processing. 1981, eq. 15.
    """
    if cells.dim() != 3 or motion.shape != (2, *cells.shape[1:]):
        raise ShapeError(
            f"cells, motion: expected shapes (C, h, w) and (2, h, w), "
            f"got {tuple(cells.shape)} and {tuple(motion.shape)}"
        )
    channels, height, width = cells.shape
    columns, column_weights = _taps(motion[0], torch.arange(width, device=motion.device), width, smooth)
    rows, row_weights = _taps(motion[1], torch.arange(height, device=motion.device)[:, None], height, smooth)
    places = rows[:, None] * width + columns[None]  # (K, K, h, w)
    weights = row_weights[:, None] * column_weights[None]
    taps = places.shape[0] ** 2
    # A bag is a weighted sum of rows: each cell of the result is one of its neighbors' channels.
    bags = functional.embedding_bag(
        places.reshape(taps, -1).T.contiguous(),
        cells.movedim(0, -1).reshape(-1, channels),  # (h w, C)
        per_sample_weights=weights.reshape(taps, -1).T.contiguous().to(cells.dtype),
        mode="sum",
    )
    return bags.reshape(height, width, channels).movedim(-1, 0)


def _taps(step: Tensor, place: Tensor, length: int, smooth: bool) -> tuple[Tensor, Tensor]:
    """Give the cells on one axis that each result is made of, and their weights, both ``(K, h, w)``."""
    at = (place + step).clamp(0, length - 1)
    first = at.floor()
    x = at - first
    if smooth:
        weights = torch.stack(
            (
                ((-0.5 * x + 1) * x - 0.5) * x,
                (1.5 * x - 2.5) * x * x + 1,
                ((-1.5 * x + 2) * x + 0.5) * x,
                (0.5 * x - 0.5) * x * x,
            )
        )
        offsets = torch.arange(-1, 3, device=step.device)
    else:
        weights, offsets = torch.stack((1 - x, x)), torch.arange(2, device=step.device)
    cells = (first.long() + offsets[:, None, None]).clamp(0, length - 1)
    return cells, weights
