"""Aged L."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import laplace
from skimage import data

from colorful.training.aging import DEGRADATIONS, age


@pytest.fixture(scope="module")
def light() -> np.ndarray:
    """Give L of a photo, 96 x 128 pixels."""
    return (data.camera()[100:388:3, 60:444:3] / 2.55).astype(np.float32)


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_a_degradation_gives_a_picture_of_the_same_kind(
    light: np.ndarray, name: str, strength: float
) -> None:
    """Each degradation changes L, keeps its shape, type and range, and is the same for the same seed."""
    before = light.copy()
    aged = DEGRADATIONS[name](light, np.random.default_rng(7), strength)
    assert aged.shape == light.shape
    assert aged.dtype == np.float32
    assert aged.min() >= -1e-3
    assert aged.max() <= 100 + 1e-3
    assert np.abs(aged - light).mean() > 0.05
    np.testing.assert_array_equal(light, before)
    np.testing.assert_array_equal(aged, DEGRADATIONS[name](light, np.random.default_rng(7), strength))


def test_fading_lifts_the_blacks_and_dulls_the_whites(light: np.ndarray) -> None:
    """A faded print has neither black nor white."""
    aged = DEGRADATIONS["fade"](light, np.random.default_rng(0), 1.0)
    assert aged.min() > light.min() + 5
    assert np.ptp(aged) < np.ptp(light) * 0.9


def test_blur_takes_detail_and_grain_adds_it(light: np.ndarray) -> None:
    """Blur lowers the energy of the Laplacian, grain raises it."""
    energy = {
        name: np.square(laplace(DEGRADATIONS[name](light, np.random.default_rng(1), 1.0))).mean()
        for name in ("blur", "grain")
    }
    plain = np.square(laplace(light)).mean()
    assert energy["blur"] < plain < energy["grain"]


def test_age_leaves_the_original_alone_and_depends_on_the_seed(light: np.ndarray) -> None:
    """Aging is drawn anew for every seed."""
    first, again, other = (age(light, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.5
