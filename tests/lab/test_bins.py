from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from colorful.errors import RangeError, ShapeError
from colorful.lab import AbBins, rebalancing_weights, rgb_to_lab, smooth_prior

BINS = AbBins()
coordinate = st.floats(-200, 200, width=32)


def brute_force(ab: Tensor, neighbors: int, sigma: float) -> Tensor:
    """Encode densely by comparing with every center: (P, 2) -> (P, 313) weights."""
    centers = BINS.centers.double().numpy()
    encoded = np.zeros((len(ab), len(centers)))
    for row, point in zip(encoded, ab.double().numpy(), strict=True):
        distances = ((centers - point) ** 2).sum(axis=1)
        order = np.argsort(distances, kind="stable")[:neighbors]
        # Taking the least off scales all weights alike; without it they vanish far outside the bins.
        weights = np.exp(-(distances[order] - distances[order[0]]) / (2 * sigma**2))
        row[order] = weights / weights.sum()
    return torch.from_numpy(encoded)


def dense(ab: Tensor, neighbors: int, sigma: float) -> Tensor:
    """Encode with the code under test: (P, 2) -> (P, 313) weights."""
    bins, weights = BINS.soft_encode(ab.T[:, :, None], neighbors=neighbors, sigma=sigma)
    assert bins.shape == weights.shape == (neighbors, len(ab), 1)
    encoded = torch.zeros(len(ab), 313, dtype=ab.dtype)
    return encoded.scatter_add(1, bins[:, :, 0].T, weights[:, :, 0].T)


def test_centers_are_the_official_ones() -> None:
    """The 313 centers, in order, are those of the published file, by its checksum."""
    centers = BINS.centers.numpy().astype("<i8")
    assert centers.shape == (313, 2)
    digest = hashlib.sha256(centers.tobytes()).hexdigest()
    assert digest == "2a39983ed60d5b52b717842d56d5f766982289e6d5a609582155f437cecc1045"


@pytest.mark.parametrize(("neighbors", "sigma"), [(1, 5.0), (5, 5.0), (10, 5.0), (313, 30.0)])
def test_soft_encoding_equals_brute_force(neighbors: int, sigma: float) -> None:
    """Weights equal a comparison with all 313 centers, in the gamut and far outside."""
    generator = torch.Generator().manual_seed(2)
    near = (torch.rand(400, 2, generator=generator, dtype=torch.float64) - 0.5) * 240
    far = (torch.rand(40, 2, generator=generator, dtype=torch.float64) - 0.5) * 600
    for points in (near, torch.cat((near, far))):  # the second takes the way without the table
        torch.testing.assert_close(
            dense(points, neighbors, sigma), brute_force(points, neighbors, sigma), atol=1e-9, rtol=0
        )


@given(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=8))
def test_soft_encoding_finds_the_nearest_bins(points: list[tuple[float, float]]) -> None:
    """The bins found are as near as the nearest there are, come nearest first, and share a sum of 1."""
    ab = torch.tensor(points, dtype=torch.float32).T.reshape(1, 2, 1, -1)
    bins, weights = BINS.soft_encode(ab)
    found = torch.linalg.vector_norm(BINS.centers[bins[0, :, 0]] - ab[0, :, 0].T, dim=-1).T
    nearest = (
        torch.cdist(ab[0, :, 0].T, BINS.centers, compute_mode="donot_use_mm_for_euclid_dist").sort().values
    )
    torch.testing.assert_close(found, nearest[:, :5], atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(1, 1, len(points)))
    assert (weights.diff(dim=1) <= 1e-6).all()


def test_a_center_is_its_own_nearest_bin() -> None:
    """Each of the 313 centers encodes to its own number."""
    assert torch.equal(BINS.nearest(BINS.centers.T[:, :, None])[:, 0], torch.arange(313))


def test_every_8_bit_color_is_near_a_bin() -> None:
    """No color of sRGB is further from its nearest bin than half the diagonal of a bin and a margin."""
    levels = torch.arange(0, 256, 15) / 255
    rgb = torch.cartesian_prod(levels, levels, levels).T[:, :, None]
    ab = rgb_to_lab(rgb)[1:]
    distances = (BINS.centers[BINS.nearest(ab)].movedim(-1, 0) - ab).norm(dim=0)
    assert distances.max() < 10


@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 2, 3, 4), (2, 3, 2, 1, 1), (1, 2, 0, 4)])
def test_shapes(shape: tuple[int, ...]) -> None:
    """Leading axes, height and width are kept; the channel axis becomes the neighbors."""
    bins, weights = BINS.soft_encode(torch.zeros(shape, dtype=torch.float64))
    assert bins.shape == weights.shape == (*shape[:-3], 5, *shape[-2:])
    assert (bins.dtype, weights.dtype) == (torch.int64, torch.float64)
    assert BINS.nearest(torch.zeros(shape)).shape == (*shape[:-3], *shape[-2:])


def test_smoothing_equals_a_direct_computation() -> None:
    """Each bin's count is spread over the bins by a Gaussian that sums to 1, then normalized."""
    counts = torch.randint(0, 1000, (313,), generator=torch.Generator().manual_seed(3))
    centers = BINS.centers.double().numpy()
    expected = np.zeros(313)
    for center, count in zip(centers, counts.tolist(), strict=True):
        kernel = np.exp(-((centers - center) ** 2).sum(axis=1) / (2 * 7.0**2))
        expected += count * kernel / kernel.sum()
    expected /= expected.sum()
    np.testing.assert_allclose(smooth_prior(counts, sigma=7.0).numpy(), expected, rtol=1e-4)


def test_smoothing_reaches_bins_that_were_never_seen() -> None:
    """A prior from one color alone is largest there, falls off around it, and sums to 1."""
    counts = torch.zeros(313)
    counts[100] = 7
    prior = smooth_prior(counts)
    assert prior.argmax() == 100
    assert (prior > 0).sum() > 9
    torch.testing.assert_close(prior.sum(), torch.tensor(1.0))


@given(st.floats(0.01, 1), st.integers(0, 2**31))
def test_weights_average_to_one_and_favor_the_rare(uniform: float, seed: int) -> None:
    """The mean weight under the prior is 1, and a rarer bin never weighs less than a more frequent one."""
    prior = torch.rand(313, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) ** 4
    prior /= prior.sum()
    weights = rebalancing_weights(prior, uniform=uniform)
    assert (prior * weights).sum().item() == pytest.approx(1)
    assert (weights[prior.argsort()].diff() <= 1e-12).all()


def test_weights_are_those_of_the_formula() -> None:
    """For two bins of 0.9 and 0.1, half mixed with uniform: 1 / 0.7 and 1 / 0.3, scaled to a mean of 1."""
    weights = rebalancing_weights(torch.tensor([0.9, 0.1], dtype=torch.float64))
    mean = 0.9 / 0.7 + 0.1 / 0.3
    torch.testing.assert_close(weights, torch.tensor([1 / 0.7 / mean, 1 / 0.3 / mean], dtype=torch.float64))
    assert torch.equal(rebalancing_weights(torch.tensor([0.75, 0.25]), uniform=1), torch.ones(2))


def test_wrong_input_is_named() -> None:
    """Shapes and ranges that make no sense are refused by name."""
    ab, ones = torch.zeros(2, 1, 1), torch.ones(313)
    with pytest.raises(ShapeError, match=r"ab: expected shape \(\*, 2, H, W\), got \(3, 1, 1\)"):
        BINS.nearest(torch.zeros(3, 1, 1))
    with pytest.raises(RangeError, match="neighbors: expected 1 to 313, got 0"):
        BINS.soft_encode(ab, neighbors=0)
    with pytest.raises(RangeError, match="sigma: expected a positive number, got 0"):
        BINS.soft_encode(ab, sigma=0)
    with pytest.raises(ShapeError, match=r"counts: expected shape \(313,\), got \(312,\)"):
        smooth_prior(ones[1:])
    for counts in (-ones, 0 * ones):
        with pytest.raises(RangeError, match="counts: expected numbers of at least 0, not all 0"):
            smooth_prior(counts)
    with pytest.raises(RangeError, match="sigma: expected a positive number, got -1"):
        smooth_prior(ones, sigma=-1)
    with pytest.raises(RangeError, match=r"uniform: expected a number in \[0, 1\], got 2"):
        rebalancing_weights(ones / 313, uniform=2)
    with pytest.raises(RangeError, match="prior: expected every bin above 0 where uniform is 0"):
        rebalancing_weights(torch.tensor([1.0, 0.0]), uniform=0)
