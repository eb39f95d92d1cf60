from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from torch import Tensor

from colorful.errors import RangeError, ShapeError
from colorful.lab import AbBins, annealed_mean, mode

BINS = AbBins().centers
temperatures = st.floats(0, 1)
seeds = st.integers(0, 2**31)


def random_logits(seed: int, spread: float = 5.0) -> Tensor:
    """Give logits of shape (2, 313, 3, 4)."""
    return torch.randn(2, 313, 3, 4, generator=torch.Generator().manual_seed(seed)) * spread


@given(seeds, temperatures, st.floats(0, 1000))
def test_decoding_stays_in_the_hull_of_the_bins(seed: int, temperature: float, spread: float) -> None:
    """Whatever the logits and the temperature, ab is finite and inside the convex hull of the centers."""
    ab = annealed_mean(random_logits(seed, spread), BINS, temperature=temperature)
    assert ab.shape == (2, 2, 3, 4)
    points = ab.movedim(1, -1).reshape(-1, 2).double().numpy()
    sides = ConvexHull(BINS.double().numpy()).equations  # normal and offset, negative inside
    assert (points @ sides[:, :2].T + sides[:, 2]).max() <= 1e-3


@given(seeds)
def test_temperature_1_is_the_mean(seed: int) -> None:
    """At temperature 1 the decoding is the expectation of the distribution."""
    logits = random_logits(seed).double()
    shares = np.exp(logits.numpy())
    expected = np.einsum("nqhw,qc->nchw", shares / shares.sum(axis=1, keepdims=True), BINS.double().numpy())
    np.testing.assert_allclose(annealed_mean(logits, BINS, temperature=1).numpy(), expected, atol=1e-9)


@given(seeds, st.sampled_from([0.0, 5e-324, 1e-40, 1e-9, 1e-4]))
def test_towards_temperature_0_decoding_is_the_mode(seed: int, temperature: float) -> None:
    """As the temperature falls to 0, decoding becomes the center of the likeliest bin."""
    logits = random_logits(seed)
    logits.scatter_add_(
        1, logits.argmax(dim=1, keepdim=True), torch.full((2, 1, 3, 4), 0.1)
    )  # a clear winner
    expected = BINS[logits.argmax(dim=1)].movedim(-1, 1)
    torch.testing.assert_close(annealed_mean(logits, BINS, temperature=temperature), expected)
    torch.testing.assert_close(mode(logits, BINS), expected)


@given(seeds, temperatures, st.floats(-1e4, 1e4))
def test_a_constant_added_to_all_logits_changes_nothing(seed: int, temperature: float, shift: float) -> None:
    """Logits have no zero point: only their differences count."""
    logits = random_logits(seed).double()
    torch.testing.assert_close(
        annealed_mean(logits + shift, BINS, temperature=temperature),
        annealed_mean(logits, BINS, temperature=temperature),
        atol=1e-3,
        rtol=0,
    )


def test_colder_is_more_vivid() -> None:
    """For a distribution of one hue, chroma grows as the temperature falls."""
    logits = -((BINS - torch.tensor([60.0, 40.0])) ** 2).sum(dim=1) / 2000
    chroma = [
        math.hypot(*annealed_mean(logits[:, None, None], BINS, temperature=t).flatten().tolist())
        for t in (1, 0.7, 0.38, 0.1, 0)
    ]
    assert chroma == sorted(chroma)
    assert chroma[-1] > chroma[0] + 5


def test_one_bin_alone_decodes_to_its_center() -> None:
    """Each bin, given all the probability, decodes to its own center."""
    logits = torch.full((313, 313), -1e9).fill_diagonal_(0)[:, :, None, None]
    torch.testing.assert_close(annealed_mean(logits, BINS)[:, :, 0, 0], BINS)


def test_dtype_and_leading_axes_are_kept() -> None:
    """float64 stays float64, and any number of leading axes is taken, none included."""
    for shape in ((313, 2, 3), (4, 313, 2, 3), (4, 5, 313, 2, 3)):
        for decode in (annealed_mean, mode):
            ab = decode(torch.zeros(shape, dtype=torch.float64), BINS)
            assert ab.shape == (*shape[:-3], 2, 2, 3)
            assert ab.dtype == torch.float64


def test_gradients_flow_through_the_mean() -> None:
    """The annealed mean can be trained through."""
    logits = random_logits(0).double()[:1, :, :1, :1].requires_grad_()
    assert torch.autograd.gradcheck(lambda t: annealed_mean(t, BINS), (logits,))


@pytest.mark.parametrize("temperature", [-0.1, 1.1, math.nan, math.inf])
def test_wrong_temperature_is_named(temperature: float) -> None:
    """A temperature outside [0, 1] is refused."""
    with pytest.raises(RangeError, match=r"temperature: expected a number in \[0, 1\], got"):
        annealed_mean(torch.zeros(313, 1, 1), BINS, temperature=temperature)


@pytest.mark.parametrize("decode", [annealed_mean, mode])
def test_wrong_shape_is_named(decode: object) -> None:
    """Logits over another number of bins are refused."""
    assert callable(decode)
    with pytest.raises(ShapeError, match=r"logits: expected shape \(\*, 313, h, w\), got \(312, 1, 1\)"):
        decode(torch.zeros(312, 1, 1), BINS)
