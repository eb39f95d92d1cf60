"""Find which cells of a photo share a color, and where one hint tells most.

A distribution for each cell does not say which cells belong together: a shirt is red or blue, but all of it
has the same color. The kinship of two cells is higher the more alike the distributions that the network
predicts for them, the more equal their L, and the nearer they are to each other. It serves as the covariance
of a Gaussian process: when the color of one cell becomes known, the share ``1 - kinship**2`` of another
cell's variance is left.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from colorful.lab.reweight import pool

_FINEST = 24
"""Cells along the side of a square photo, at most: all pairs of cells are compared."""
_FAR = 0.25
"""Distance at which kinship has faded, in sides of a square of the photo's area."""
_LIGHTER = 20.0
"""Difference in L, likewise."""
_SHADE = 12.0
"""Difference in L at which two cells mostly belong to two things."""
_UNLIKE = 6
"""Power of the likeness of two cells' colors, as the network predicts them, that speaks for one thing."""
_GAP = 1.0
"""The same for their distance, if other cells lie between; in sides of a square of the photo's area."""
_NEXT = 1.5
"""Distance up to which no cell lies between, in cells."""
_NO_MORE = 0.01
"""Gain of likelihood by one more step that ends the search for the best way from cell to cell."""
_SAME = 1
"""How much less a place counts if another one of its thing was chosen: a power of the odds against one thing.
With 0.5, more photos are asked about one thing twice; with 2 hardly fewer, and three colors help less."""
_BESIDE = 0.18
"""Distance at which two questions still crowd each other, whatever lies there, in the same unit."""


class Kinship(NamedTuple):
    """Cells on a coarse grid, compared with each other.

    Attributes:
        shares: Probability of each bin, shape ``(Q, h, w)``.
        variance: Expected squared distance of a color from the mean, CIELAB units squared, ``(h, w)``.
        light: L in 0..100, ``(h, w)``.
        pairs: How much two cells are kin, in [0, 1], shape ``(h w, h w)``.
        steps: How likely two cells belong to one thing, judged by these two alone, in the same shape.
        step: Side of one of these cells, in cells of the logits.
    """

    shares: Tensor
    variance: Tensor
    light: Tensor
    pairs: Tensor
    steps: Tensor
    step: int


class Spot(NamedTuple):
    """A cell whose color would tell much about others.

    Attributes:
        row: Of the coarse grid, counted from 0.
        column: Likewise.
        share: Of the photo's variance that its color would settle, in [0, 1].
        region: How much each cell is kin to it, in [0, 1], shape ``(h, w)``.
    """

    row: int
    column: int
    share: float
    region: Tensor


def variance(logits: Tensor, bins: Tensor) -> Tensor:
    """Measure how far the colors of each cell are spread.

    Args:
        logits: Unnormalized scores, shape ``(Q, h, w)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.

    Returns:
        Expected squared distance from the mean color, CIELAB units squared, shape ``(h, w)``.
    """
    return _variance(logits.softmax(dim=0), bins)


def compare(logits: Tensor, bins: Tensor, light: Tensor) -> Kinship:
    """Compare all cells of a photo with each other.

    Args:
        logits: Unnormalized scores, shape ``(Q, h, w)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.
        light: L in 0..100, shape ``(1, H, W)``.

    Returns:
        The comparison, on a grid of at most about 32 x 32 cells.

    References:
        Bhattacharyya. On a measure of divergence between two statistical populations. 1943.
    """
    rows, columns = logits.shape[1:]
    step = math.ceil(math.sqrt(rows * columns) / _FINEST)
    shares = pool(logits.movedim(0, -1).softmax(dim=-1).movedim(-1, 0), step)  # (Q, h, w)
    height, width = shares.shape[1:]
    lightness = functional.interpolate(light[None].to(shares), (height, width), mode="area")[0, 0]
    # Four bins that lie side by side are taken as one: a third of the products, and hardly a difference.
    tiles = (bins / 20).floor() @ bins.new_tensor([16.0, 1.0])  # (Q,), a number for each
    kinds = tiles.new_tensor(sorted(set(tiles.tolist())))
    members = (kinds[:, None] == tiles).to(shares)  # (K, Q)
    roots = (members @ shares.flatten(1)).sqrt()  # (K, h w)
    alike = (roots.mT @ roots).clamp(max=1)  # seldom small, hence its powers below
    sides = (torch.arange(side, device=bins.device).float() for side in (height, width))
    spots = torch.cartesian_prod(*sides)
    far = torch.cdist(spots, spots)  # in cells
    area = height * width
    lighter = (lightness.flatten()[:, None] - lightness.flatten()).square()
    fading = far.square() / (2 * _FAR**2 * area) + lighter / (2 * _LIGHTER**2)
    pairs = alike.square().square() * (-fading).exp()
    gap = (far - _NEXT).clamp(min=0).square() / (2 * _GAP**2 * area)
    steps = alike.pow(_UNLIKE) * (-gap - lighter / (2 * _SHADE**2)).exp()
    return Kinship(shares, _variance(shares, bins), lightness, pairs, steps, step)


def telling(kinship: Kinship, count: int, *, power: int = 2) -> list[Spot]:
    """Find the cells whose colors would settle most of the variance, each after those before it are known.

    Args:
        kinship: What :func:`compare` gave.
        count: How many, at least 1.
        power: Of the kinship that is the share of a cell's variance that another one's color settles: 2 in a
            Gaussian process, more where a color counts for its close kin only.

    Returns:
        At most as many as there are cells; the one that settles most comes first.
    """
    height, width = kinship.variance.shape
    left = kinship.variance.flatten()
    total = left.sum().clamp(min=1e-6)
    settles = kinship.pairs.pow(power)
    free = torch.ones_like(left)
    spots = []
    while True:
        told = settles @ left * free
        best = int(told.argmax())
        region = kinship.pairs[best].reshape(height, width)
        row, column = divmod(best, width)
        spots.append(Spot(row, column, float(told[best] / total), region))
        if len(spots) == min(count, len(left)):
            return spots
        left = left * (1 - settles[best])
        # Nobody wants to be asked about the same thing twice, even if the answer leaves much of it open. Nor
        # side by side, even if two things meet there: hints gain more if they are apart.
        free = free * (1 - _thing(kinship.steps, best)).pow(_SAME) * (1 - _beside(row, column, region))


def _thing(steps: Tensor, cell: int) -> Tensor:
    """Tell how likely it is that each cell is of the same thing as one of them, shape ``(P,)``.

    A thing has shades, and its far ends may have little in common. So the best way from cell to cell counts:
    a product of steps, in which many small ones cost less than a large one.
    """
    thing = steps[cell]
    while True:
        further = (steps * thing).amax(dim=1)
        if (further - thing).max() < _NO_MORE:
            return further
        thing = further


def _beside(row: int, column: int, region: Tensor) -> Tensor:
    """Tell how near each cell of a grid is to one of them, in [0, 1], 1 for itself, shape ``(P,)``."""
    height, width = region.shape
    down, across = (torch.arange(side, device=region.device) for side in (height, width))
    squares = (down - row).square()[:, None] + (across - column).square()
    return (squares.to(region) / (-2 * _BESIDE**2 * height * width)).exp().flatten()


def _variance(shares: Tensor, bins: Tensor) -> Tensor:
    moments = torch.cat((bins, bins.square().sum(dim=1, keepdim=True)), dim=1)  # (Q, 3)
    a, b, squares = torch.tensordot(moments, shares, dims=([0], [0]))  # each (h, w)
    spread: Tensor = squares - a.square() - b.square()
    return spread.clamp(min=0)
