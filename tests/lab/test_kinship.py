from __future__ import annotations

import math

import pytest
import torch

from colorful.lab import AbBins
from colorful.lab.kinship import compare, telling, variance

BINS = AbBins().centers


def halves(rows: int = 24, columns: int = 24) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give a photo whose left half hesitates between two colors, and the right one between two others."""
    logits = torch.full((len(BINS), rows, columns), -30.0)
    for color in ((50.0, 30.0), (0.0, -40.0)):
        logits[(torch.tensor(color) == BINS).all(dim=1), :, : columns // 2] = 0
    for color in ((-30.0, 30.0), (20.0, -20.0)):
        logits[(torch.tensor(color) == BINS).all(dim=1), :, columns // 2 :] = 0
    return logits, BINS, torch.full((1, rows * 4, columns * 4), 50.0)


def test_variance_is_that_of_the_distribution() -> None:
    """Two equally likely colors 2 d apart have variance d squared; one color has none."""
    logits = torch.full((len(BINS), 1, 2), -200.0)
    ends = (torch.tensor([20.0, 0.0]) == BINS).all(dim=1) | (torch.tensor([-20.0, 0.0]) == BINS).all(dim=1)
    logits[ends, 0, 0] = 0
    logits[7, 0, 1] = 0
    torch.testing.assert_close(variance(logits, BINS), torch.tensor([[400.0, 0.0]]), atol=1e-2, rtol=0)


def test_kinship_is_symmetric_and_whole_with_oneself() -> None:
    """Cells are kin to each other equally, and each to itself wholly."""
    pairs = compare(*halves()).pairs
    torch.testing.assert_close(pairs, pairs.mT)
    torch.testing.assert_close(pairs.diagonal(), torch.ones(len(pairs)), atol=1e-3, rtol=0)


def test_two_places_lie_on_two_things() -> None:
    """After a place on one thing, the next one is on the other."""
    kinship = compare(*halves())
    first, second = telling(kinship, 2)
    half = kinship.variance.shape[1] / 2
    assert (first.column < half) != (second.column < half)
    assert first.share == pytest.approx(second.share, rel=0.9)
    left = first if first.column < half else second
    assert left.region[:, : int(half)].mean() > 5 * left.region[:, int(half) :].mean()


def test_a_thing_may_have_shades() -> None:
    """A second place is not on the first one's thing, though that goes from dark to light; it has a side."""
    logits, bins, light = halves()
    light[:] = torch.linspace(20, 80, light.shape[1])[:, None]
    first, second = telling(compare(logits, bins, light), 2)
    assert (first.column < 12) != (second.column < 12)


def test_a_thing_goes_on_behind_another() -> None:
    """Two ends of a sky, with a mast between them, are one thing: the second place is on the mast."""
    logits, bins, light = halves()
    left, right = logits[:, :, :1].clone(), logits[:, :, -1:].clone()
    logits[:] = left
    logits[:, :, 10:14] = right
    light[..., 40:56] = 20
    first, second = telling(compare(logits, bins, light), 2)
    assert (10 <= first.column < 14) != (10 <= second.column < 14)


def test_places_are_not_side_by_side() -> None:
    """The second place is away from the first, though most of what is left to know lies right beside it."""
    logits, bins, light = halves()
    certain = torch.full_like(logits[:, :1, :1], -30.0)
    certain[3] = 0
    small, other = logits[:, :4, 8:16].clone(), logits[:, :4, 12:15].clone()
    logits[:] = certain
    logits[:, 10:14, 4:12] = small
    logits[:, 20:24, 20:23] = other
    first, second = telling(compare(logits, bins, light), 2)
    assert math.hypot(first.row - second.row, first.column - second.column) > 8


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (7, 2), (128, 96)])
def test_any_size_can_be_asked(size: tuple[int, int]) -> None:
    """Places lie inside the grid, whatever its size, and there are as many as asked for or as cells."""
    logits = torch.randn(len(BINS), *size)
    kinship = compare(logits, BINS, torch.rand(1, 4 * size[0], 4 * size[1]) * 100)
    spots = telling(kinship, 5)
    height, width = kinship.variance.shape
    assert len(spots) == min(5, height * width)
    assert len({(spot.row, spot.column) for spot in spots}) == len(spots)
    assert all(0 <= spot.row < height and 0 <= spot.column < width for spot in spots)
