"""The 313 ab bins: which colors sRGB can show, on a grid of step 10, and a distribution over them."""

from __future__ import annotations

import torch
from torch import Tensor

from colorful.errors import RangeError, ShapeError

STEP = 10
"""Side of a bin in CIELAB units."""

# One row of the grid for each a: the run of b, without a gap, whose colors count as in gamut.
_ROWS = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100), -40: (-40, 100),
    -30: (-50, 100), -20: (-50, 100), -10: (-60, 100), 0: (-70, 100), 10: (-80, 90), 20: (-80, 90),
    30: (-90, 90), 40: (-100, 90), 50: (-100, 80), 60: (-110, 80), 70: (-110, 80), 80: (-110, 70),
    90: (-110, 70), 100: (-90, 0),
}  # fmt: skip

# The square grid that holds all centers reaches this many steps to each side; its border has none of them.
_REACH = 12

# Cells of the look-up of nearest bins: their side, and how many of them lie along each axis.
_CELL, _CELLS = 5, 52


class AbBins:
    """The quantized ab plane of Zhang et al. in the official order (by a, then by b).

    Args:
        device: Where the tables live.

    Attributes:
        centers: Bin centers in CIELAB units, float32, shape ``(313, 2)``.

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, section 2.1 and fig. 3a.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        points = [(a, b) for a, (low, high) in _ROWS.items() for b in range(low, high + 1, STEP)]
        self.centers: Tensor = torch.tensor(points, dtype=torch.float32, device=device)
        self._tables: dict[int, Tensor] = {}
        a, b = (self.centers.long() // STEP + _REACH).unbind(1)
        self._grid = torch.full(((2 * _REACH + 1) ** 2,), -1, device=device)
        self._grid[a * (2 * _REACH + 1) + b] = torch.arange(len(self), device=device)

    def __len__(self) -> int:
        return self.centers.shape[0]

    def nearest(self, ab: Tensor) -> Tensor:
        """Find the nearest bin of each value.

        Args:
            ab: CIELAB units, shape ``(*, 2, H, W)``.

        Returns:
            Bin numbers, int64, shape ``(*, H, W)``.

        Raises:
            ShapeError: If axis -3 of *ab* is not 2 long.
        """
        _check_ab(ab)
        # On a complete grid the nearest center is the rounded value. A search is needed only where the set
        # has no such center, outside its border.
        a, b = (ab / STEP).round().clamp(-_REACH, _REACH).long().unbind(-3)
        found = self._grid[(a + _REACH) * (2 * _REACH + 1) + b + _REACH]
        missing = found < 0
        if missing.any():
            points = ab.movedim(-3, -1)[missing].T[..., None]  # (*, 2, H, W) -> (2, P, 1)
            found[missing] = self.soft_encode(points, neighbors=1)[0].flatten()
        return found

    def soft_encode(self, ab: Tensor, *, neighbors: int = 5, sigma: float = 5.0) -> tuple[Tensor, Tensor]:
        """Spread each value over its nearest bins, weighted by a Gaussian of the distance.

        Args:
            ab: CIELAB units, shape ``(*, 2, H, W)``.
            neighbors: How many bins share a value: 5 in the paper, 10 in the released Caffe layer.
            sigma: Width of the Gaussian in CIELAB units.

        Returns:
            Bin numbers (int64) and weights that sum to 1 (dtype of *ab*), each of shape
            ``(*, neighbors, H, W)``, nearest first.

        Raises:
            ShapeError: If axis -3 of *ab* is not 2 long.
            RangeError: If *neighbors* is not in 1..313 or *sigma* is not positive.

        References:
            Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, section 2.1.
        """
        _check_ab(ab)
        if not 1 <= neighbors <= len(self):
            raise RangeError(f"neighbors: expected 1 to {len(self)}, got {neighbors}")
        if not sigma > 0:
            raise RangeError(f"sigma: expected a positive number, got {sigma}")
        points = ab.movedim(-3, -1)  # (*, 2, H, W) -> (*, H, W, 2)
        flat = points.reshape(-1, 2)  # -> (P, 2)
        candidates = self._candidates(flat, neighbors)  # -> (P, K)
        distances = (self.centers.to(flat)[candidates] - flat[:, None]).square().sum(dim=-1)  # -> (P, K)
        nearest, order = distances.topk(neighbors, dim=-1, largest=False)  # -> (P, neighbors)
        weights = torch.softmax(-nearest / (2 * sigma**2), dim=-1)
        shape = (*points.shape[:-1], neighbors)
        bins = candidates.gather(-1, order)
        return bins.reshape(shape).movedim(-1, -3), weights.reshape(shape).movedim(-1, -3)

    def _candidates(self, flat: Tensor, neighbors: int) -> Tensor:
        """Name a few bins for each point, the nearest *neighbors* always among them: (P, 2) -> (P, K)."""
        cell = (flat / _CELL).floor().long() + _CELLS // 2
        if ((cell < 0) | (cell >= _CELLS)).any():  # no 8-bit color comes here
            return torch.arange(len(self), device=flat.device).expand(flat.shape[0], -1)
        return self._table(neighbors).to(flat.device)[cell[:, 0] * _CELLS + cell[:, 1]]

    def _table(self, neighbors: int) -> Tensor:
        # Comparing every pixel with all 313 centers is what makes soft encoding slow. The plane is cut into
        # cells, each with the bins that can be among the nearest of any point in it. Exact: a bin is left
        # out only when even its least distance to the cell exceeds the greatest distance of others enough.
        if neighbors not in self._tables:
            low = (torch.arange(_CELLS, device=self.centers.device) - _CELLS // 2) * _CELL
            corner = torch.cartesian_prod(low, low)[:, None]  # (cells, 1, 2)
            below, above = corner - self.centers, self.centers - corner - _CELL  # (cells, Q, 2)
            least = torch.maximum(below, above).clamp(min=0).square().sum(dim=-1)  # -> (cells, Q)
            most = torch.minimum(below, above).square().sum(dim=-1)
            bound = most.kthvalue(neighbors, dim=-1, keepdim=True).values
            width = int((least <= bound).sum(dim=-1).max())
            self._tables[neighbors] = least.topk(width, dim=-1, largest=False).indices
        return self._tables[neighbors]


def _check_ab(ab: Tensor) -> None:
    if ab.dim() < 3 or ab.shape[-3] != 2:
        raise ShapeError(f"ab: expected shape (*, 2, H, W), got {tuple(ab.shape)}")


def smooth_prior(counts: Tensor, *, sigma: float = 5.0) -> Tensor:
    """Turn counts of bins into a probability, smoothed over the ab plane.

    Args:
        counts: How often each bin occurs in photos, shape ``(Q,)`` with Q = 313, not negative.
        sigma: Width of the smoothing Gaussian in CIELAB units.

    Returns:
        Probabilities that sum to 1, float32, shape ``(Q,)``.

    Raises:
        ShapeError: If *counts* is not Q long.
        RangeError: If a count is negative, all are 0, or *sigma* is not positive.

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, section 2.2.
    """
    centers = AbBins(counts.device).centers
    if counts.shape != centers.shape[:1]:
        raise ShapeError(f"counts: expected shape ({len(centers)},), got {tuple(counts.shape)}")
    if (counts < 0).any() or not counts.sum() > 0:
        raise RangeError("counts: expected numbers of at least 0, not all 0")
    if not sigma > 0:
        raise RangeError(f"sigma: expected a positive number, got {sigma}")
    # Not by products of matrices, here and below: a program around us may have these in half precision.
    kernel = torch.exp((centers[:, None] - centers).square().sum(dim=-1) / (-2 * sigma**2))
    # Each bin gives away all it has, at the border of the set too, so that nothing is lost.
    spread = ((counts.to(kernel) / kernel.sum(dim=0))[:, None] * kernel).sum(dim=0)
    return spread / spread.sum()


def rebalancing_weights(prior: Tensor, *, uniform: float = 0.5) -> Tensor:
    """Weigh rare colors up: ``w ~ 1 / ((1 - uniform) prior + uniform / Q)`` with ``sum(prior * w) = 1``.

    Args:
        prior: Probability of each bin, shape ``(Q,)``, sum 1.
        uniform: Share of the uniform distribution that is mixed in (lambda of the paper), in [0, 1]; at 1
            all weights are equal.

    Returns:
        Weights, shape and dtype of *prior*.

    Raises:
        RangeError: If *uniform* is outside [0, 1], or it is 0 and a bin of *prior* is 0.

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, eq. 4.
    """
    if not 0 <= uniform <= 1:
        raise RangeError(f"uniform: expected a number in [0, 1], got {uniform}")
    mixed = (1 - uniform) * prior + uniform / prior.shape[0]
    if not (mixed > 0).all():
        raise RangeError("prior: expected every bin above 0 where uniform is 0")
    weights = 1 / mixed
    return weights / (prior * weights).sum()
