"""The losses against dense references of torch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from colorful.lab import AbBins, rebalancing_weights, smooth_prior
from colorful.training.loss import (
    RebalancedCrossEntropy,
    class_cross_entropy,
    harm,
    patchy,
    smooth_l1,
    vividly_wrong,
)


def _dense(ab: torch.Tensor) -> torch.Tensor:
    bins, shares = AbBins().soft_encode(ab)
    return torch.zeros(ab.shape[0], 313, *ab.shape[2:]).scatter_(1, bins, shares)


def test_it_is_the_cross_entropy_with_a_dense_target_times_the_weight() -> None:
    """The few bins that are looked up give what a dense soft target gives, weighted by its likeliest bin."""
    ab = torch.rand(2, 2, 4, 6) * 120 - 60
    logits = torch.randn(2, 313, 4, 6) * 3
    weights = rebalancing_weights(smooth_prior(torch.rand(313) ** 8))
    target = _dense(ab)
    each = F.cross_entropy(logits, target, reduction="none")
    expected = (each * weights[target.argmax(dim=1)]).mean()
    loss, _ = RebalancedCrossEntropy(weights)(logits, ab)
    torch.testing.assert_close(loss, expected)


def test_its_floor_is_the_entropy_of_the_target() -> None:
    """Where the logits are the target itself, nothing is left to learn."""
    ab = torch.rand(1, 2, 8, 8) * 100 - 50
    logits = _dense(ab).clamp(min=1e-30).log()
    _, excess = RebalancedCrossEntropy(torch.ones(313))(logits, ab)
    assert excess == pytest.approx(0, abs=1e-4)


def test_smooth_l1_is_hubers() -> None:
    """It is torch's Huber loss in units of 110, with a corner at one CIELAB unit."""
    ab, target = torch.randn(2, 2, 5, 5) * 20, torch.randn(2, 2, 5, 5) * 20
    expected = 2 * F.huber_loss(ab / 110, target / 110, delta=1 / 110) * 110
    torch.testing.assert_close(smooth_l1(ab, target), expected)


def test_harm_is_what_hints_make_worse() -> None:
    """A cell that a hint helps or leaves costs nothing, one that it spoils as much as it is further off."""
    target = torch.zeros(1, 2, 1, 3)
    plain = torch.tensor([[3.0, 30.0, 3.0], [4.0, 40.0, 4.0]]).reshape(1, 2, 1, 3)
    hinted = torch.tensor([[3.0, 6.0, 9.0], [4.0, 8.0, 12.0]]).reshape(1, 2, 1, 3).requires_grad_()

    cost = harm(hinted, plain, target)  # the distances go from 5, 50, 5 to 5, 10, 15
    cost.backward()

    torch.testing.assert_close(cost, torch.tensor(10 / 3))
    assert hinted.grad is not None
    torch.testing.assert_close(hinted.grad[0, :, 0, 2], torch.tensor([0.6, 0.8]) / 3)
    assert not hinted.grad[..., 1].any()


def test_the_class_of_a_color_is_the_square_it_lies_in() -> None:
    """Logits that are sure of the right of the 529 classes cost nothing."""
    target = torch.zeros(1, 2, 4, 4)
    target[:, 0], target[:, 1] = -34, 78
    logits = torch.zeros(1, 529, 1, 1)
    logits[0, 8 * 23 + 19] = 50  # a of -30 and b of 80 are at 8 and 19 from -110
    assert class_cross_entropy(logits, target) == pytest.approx(0, abs=1e-5)


def test_only_what_is_vivid_and_wrong_costs() -> None:
    """A vivid color that is right, a calm one that is wrong and one on its way to calm are told apart."""
    target = torch.tensor([[60.0, 60.0, -40.0, -40.0], [0.0, 0.0, 0.0, 0.0]]).reshape(1, 2, 1, 4)
    ab = torch.tensor([[60.0, 0.0, 40.0, 30.0], [0.0, 0.0, 0.0, 0.0]]).reshape(1, 2, 1, 4).requires_grad_()
    each = [float(vividly_wrong(ab.detach()[..., i : i + 1], target[..., i : i + 1])) for i in range(4)]
    assert each[:2] == [0, 0]
    # (chroma - 20) (distance - 25) / 25 by hand: 20 * 55 / 25 and 10 * 45 / 25.
    assert each[2:] == pytest.approx([44, 18], rel=1e-3)
    vividly_wrong(ab, target).backward()
    assert ab.grad is not None
    assert (ab.grad[0, 0, 0, 2:] > 0).all(), "descending makes them calmer"


def test_a_cell_weighs_what_its_nearest_bin_does() -> None:
    """The weight of a cell is that of the bin nearest to its true color."""
    weights = torch.rand(313)
    ab = torch.rand(2, 2, 3, 5) * 100 - 50
    found = RebalancedCrossEntropy(weights).weigh(ab)
    nearest = (ab.movedim(1, -1)[..., None, :] - AbBins().centers).square().sum(dim=-1).argmin(dim=-1)
    torch.testing.assert_close(found, weights[nearest])


def test_a_patch_costs_and_another_color_of_the_whole_does_not() -> None:
    """A thing in one wrong color is not patchy, nor is one with the true pattern or with less than it has."""
    target = torch.zeros(1, 2, 16, 16)
    target[:, 0, :, 8:] = 30
    green = torch.tensor([-40.0, 20.0])[:, None, None]
    for ab in (target, target + green, target * 0.5, -target, torch.zeros_like(target)):
        assert patchy(ab, target) == pytest.approx(0, abs=1e-6)
    patch = target.clone()
    patch[:, 1, 4:8, 2:6] = 50
    # By hand, for all pairs of cells that lie 1, 2, 4 or 8 apart in a row or a column.
    inside = [[4 <= y < 8 and 2 <= x < 6 for x in range(16)] for y in range(16)]
    means = []
    for apart in (1, 2, 4, 8):
        for down, right in ((apart, 0), (0, apart)):
            excess = []
            for y in range(16 - down):
                for x in range(16 - right):
                    true = 30.0 * ((x < 8) != (x + right < 8))
                    other = 50.0 * (inside[y][x] != inside[y + down][x + right])
                    excess.append((true**2 + other**2) ** 0.5 - true)
            means.append(sum(excess) / len(excess))
    assert patchy(patch, target) == pytest.approx(sum(means) / 8, rel=1e-3)


def test_descending_from_a_patch_takes_it_away() -> None:
    """The gradient draws a patch and its surroundings together, whatever the true color is."""
    target = torch.full((1, 2, 8, 8), 25.0)
    ab = torch.zeros(1, 2, 8, 8)
    ab[:, 0, 3:5, 3:5] = 40
    ab.requires_grad_()
    patchy(ab, target).backward()
    assert ab.grad is not None
    assert (ab.grad[0, 0, 3:5, 3:5] > 0).all()
    assert ab.grad[0, 0, 2, 3] < 0
    assert not ab.grad[0, 0, 7, 0], "no patch in its row or column"
