from __future__ import annotations

import math

import pytest
import torch

from colorful.lab import AbBins, annealed_mean
from colorful.lab.decode import Decoder
from colorful.lab.reweight import borrow, histogram, lean, mix, tilt

BINS = AbBins().centers


def logits_of(*shape: int, sharpness: float = 3.0) -> torch.Tensor:
    """Draw logits that are smooth over the ab plane, so that they have a few likely colors each."""
    noise = torch.randn(len(BINS), *shape)
    near = (-torch.cdist(BINS, BINS).square() / (2 * 20**2)).exp()
    return sharpness * torch.tensordot(near, noise, dims=([1], [0])) / near.sum(dim=1).mean().sqrt()


def test_a_histogram_has_the_mean_of_its_colors() -> None:
    """Counting softly keeps the mean color of what lies inside the bins."""
    ab = torch.rand(2, 20, 30) * 60 - 30
    shares = histogram(ab, BINS)
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(shares @ BINS, ab.mean(dim=(1, 2)), atol=0.5, rtol=0)


def test_a_tilt_brings_the_whole_photo_to_the_histogram() -> None:
    """With amount 1 the decoded colors come much nearer to the histogram wanted; with 0 they stay."""
    logits = logits_of(24, 24)
    target = histogram(torch.tensor([20.0, 30.0])[:, None, None] + 8 * torch.randn(2, 30, 30), BINS)
    near = (-torch.cdist(BINS, BINS).square() / (2 * 10**2)).exp()
    near = near / near.sum(dim=1, keepdim=True)

    def apart(some: torch.Tensor) -> float:
        found = histogram(annealed_mean(some, BINS, temperature=0.7), BINS)
        return float(((found - target) @ near).abs().sum())

    before = apart(logits)
    assert apart(tilt(logits, Decoder(BINS, 0.7), target, amount=1)) < 0.4 * before
    assert apart(tilt(logits, Decoder(BINS, 0.7), target, amount=0)) == pytest.approx(before, rel=1e-2)


def test_a_tilt_leaves_cells_that_are_sure() -> None:
    """A cell with one color alone keeps it, whatever the histogram says."""
    logits = torch.full((len(BINS), 8, 8), -50.0)
    logits[17] = 50
    target = histogram(torch.tensor([60.0, 30.0])[:, None, None].expand(2, 4, 4), BINS)
    toned = tilt(logits, Decoder(BINS, 0.5), target, amount=0.5)
    torch.testing.assert_close(annealed_mean(toned, BINS), annealed_mean(logits, BINS))


def test_the_same_scene_gives_its_own_colors() -> None:
    """Matched with itself a photo finds its true colors and trusts them; with another it does not."""
    features, logits = torch.randn(112, 14, 14), logits_of(28, 28)  # with fewer channels chance is alike, too
    ab = 40 * torch.randn(2, 4, 4).clamp(-1, 1).repeat_interleave(7, dim=1).repeat_interleave(7, dim=2)
    found = borrow(logits, features, logits, features, ab, BINS)
    colors = torch.tensordot(BINS, found.shares, dims=([0], [0]))
    assert found.trust.mean() > 0.9
    assert (colors - ab).norm(dim=0).mean() < 0.4 * ab.norm(dim=0).mean()
    other = borrow(logits, features, logits_of(28, 28), torch.randn(112, 14, 14), ab, BINS)
    assert other.trust.max() < 0.2


def test_mixing_is_a_mean_of_distributions() -> None:
    """A mixture's distribution lies between the two, by the trust."""
    logits, shares = logits_of(3, 4), logits_of(3, 4).softmax(dim=0)
    trust = torch.rand(3, 4)
    mixed = mix(logits, shares, trust).softmax(dim=0)
    expected = (1 - trust) * logits.softmax(dim=0) + trust * shares
    torch.testing.assert_close(mixed, expected, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("temperature", [0.38, 0.8])
def test_leanings_go_to_different_sides_and_not_too_far(temperature: float) -> None:
    """Opposite angles move colors to opposite sides; few cells go far."""
    logits, regions = logits_of(24, 30), torch.rand(3, 12, 15)
    there, back = lean(logits, Decoder(BINS, temperature), regions, step=2, angles=[0, math.pi])
    plain = annealed_mean(logits, BINS, temperature=temperature)
    one, other = (annealed_mean(it.logits, BINS, temperature=temperature) - plain for it in (there, back))
    assert (one.mean(dim=(1, 2)) * other.mean(dim=(1, 2))).sum() < 0
    for moved in (one, other):
        assert 3 < moved.norm(dim=0).mean() < 13
        assert moved.norm(dim=0).quantile(0.95) < 40
    assert there.ab.shape == (2, 12, 15)


@pytest.mark.parametrize("apart", [30, 90])
def test_leanings_go_as_far_whether_colors_give_way_easily_or_not(apart: float) -> None:
    """Cells that hesitate between two colors, near or far from each other, are moved by the same distance."""
    middle = torch.tensor([0.0, apart / 2])
    shares = sum((-(BINS - color).square().sum(dim=1) / 50).exp() for color in (middle, -middle)) + 1e-6
    logits = shares.log()[:, None, None] + 0.1 * torch.randn(len(BINS), 16, 16)
    leaning = lean(logits, Decoder(BINS, 0.57), torch.rand(2, 16, 16), step=1, angles=[0.0])[0]
    moved = leaning.ab - annealed_mean(logits, BINS, temperature=0.57)
    assert moved.norm(dim=0).mean() == pytest.approx(7.8, abs=0.5)


def test_what_is_sure_does_not_lean() -> None:
    """A cell that is sure of its color keeps it in every variant, though others move."""
    logits = logits_of(24, 24)
    logits[:, :12] = -40
    logits[100, :12] = 40
    leaning = lean(logits, Decoder(BINS, 0.5), torch.rand(2, 12, 12), step=2, angles=[0.3])[0]
    moved = annealed_mean(leaning.logits, BINS) - annealed_mean(logits, BINS)
    assert moved[:, :10].abs().max() < 0.5
    assert moved[:, 14:].norm(dim=0).mean() > 3
