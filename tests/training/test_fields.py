"""Batches of planes against scipy, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from colorful.training.fields import gaussian, grow, noise


def test_each_sample_is_blurred_by_its_own_width() -> None:
    """It is scipy's Gaussian filter; a width of 0 leaves the plane as it is."""
    planes = torch.from_numpy(data.coffee()[:60, :80].copy()).movedim(-1, 0).float()
    widths = [0.0, 1.1, 2.7]
    blurred = gaussian(planes[:, None], widths)[:, 0]
    torch.testing.assert_close(blurred[0], planes[0])
    for plane, width, ours in zip(planes[1:], widths[1:], blurred[1:], strict=True):
        radius = int(np.ceil(3 * width))
        expected = ndimage.gaussian_filter(plane.numpy(), width, mode="nearest", radius=radius)
        np.testing.assert_allclose(ours, expected, atol=0.02)


def test_noise_depends_on_its_key_alone() -> None:
    """Mean, variance and kurtosis are nearly normal; samples have nothing to do with each other."""
    made = noise([1, 2, 0xFFFFFFFF], (100, 120), torch.device("cpu"))
    assert made.shape == (3, 100, 120)
    assert made.mean() == pytest.approx(0, abs=0.01)
    assert made.std() == pytest.approx(1, abs=0.01)
    assert (made**4).mean() == pytest.approx(3, abs=0.4)  # four added bytes have thinner tails
    torch.testing.assert_close(noise([2], (100, 120), torch.device("cpu"))[0], made[1], rtol=0, atol=0)
    correlation = torch.corrcoef(torch.cat((made.flatten(1), made.roll(1, dims=2).flatten(1))))
    assert (correlation - torch.eye(6)).abs().max() < 0.04


def test_a_region_grows_to_all_that_hangs_together() -> None:
    """On shapes with few bends it is what scipy labels as one part."""
    allowed = torch.from_numpy((data.coins()[:150, :200] > 110).astype(np.float32))
    seed = torch.zeros_like(allowed)
    seed[40, 40] = 1
    labels, _ = ndimage.label(allowed.numpy())
    assert labels[40, 40] > 0
    grown = grow(seed[None], allowed[None])[0]
    np.testing.assert_array_equal(grown, (labels == labels[40, 40]).astype(np.float32))
    assert not grow(seed[None], torch.zeros(1, 150, 200)).any()
