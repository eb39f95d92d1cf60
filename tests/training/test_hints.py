"""Simulated hints."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from colorful.errors import OptionError
from colorful.training.hints import recolor, simulate


@pytest.fixture
def ab() -> np.ndarray:
    """Give colors that differ from pixel to pixel."""
    return np.random.default_rng(0).uniform(-80, 80, (2, 64, 96)).astype(np.float32)


def test_a_hint_is_the_mean_color_of_its_patch(ab: np.ndarray) -> None:
    """One hint reveals the mean of the pixels under its mask, and nothing elsewhere."""
    hinted, mask = simulate(ab, np.random.default_rng(1), count=1)
    inside = mask[0] == 1
    assert 1 <= inside.sum() <= 81
    expected = ab[:, inside].mean(axis=1)
    np.testing.assert_allclose(hinted[:, inside], np.repeat(expected[:, None], inside.sum(), 1), rtol=1e-5)
    assert np.abs(hinted[:, ~inside]).max() == 0


def test_the_number_of_points_is_geometric(ab: np.ndarray) -> None:
    """Points are added with a chance of 7 in 8 each, so there are none in 1 of 8 samples."""
    random = np.random.default_rng(2)
    covered = np.array([simulate(ab, random)[1].mean() for _ in range(2000)])
    none, all_of_it = (covered == 0).mean(), (covered == 1).mean()
    assert none == pytest.approx(1 / 8, abs=0.03)
    assert all_of_it == pytest.approx(0.01, abs=0.008)


def test_the_patch_grows_with_the_picture() -> None:
    """A patch has 1 to 9 pixels a side at 176 pixels, and as much of any other size."""
    ab, random = np.zeros((2, 352, 352), np.float32), np.random.default_rng(3)
    sides = {round(float(simulate(ab, random, count=1)[1].sum()) ** 0.5) for _ in range(400)}
    assert sides == set(range(2, 19, 2))


def test_the_first_hint_covers_the_place_asked_for(ab: np.ndarray) -> None:
    """The first patch lies where it is wanted, at the border too."""
    for place in ((0, 0), (63, 95), (30, 40)):
        _, mask = simulate(ab, np.random.default_rng(4), count=1, first=place)
        assert mask[(0, *place)] == 1


def test_recoloring_changes_one_region_alone() -> None:
    """One region around the hinted pixel gets another color, as one piece and evenly; the rest stays."""
    light = (data.camera()[::4, ::4] / 2.55).astype(np.float32)
    ab = np.zeros((2, *light.shape), np.float32)
    changes = 0
    for seed in range(20):
        changed, place = recolor(light, ab, np.random.default_rng(seed))
        if place is None:
            continue
        changes += 1
        moved = np.hypot(*changed)
        parts, _ = ndimage.label(moved > 1e-3)
        assert parts[place] > 0
        assert (moved[parts == parts[place]]).sum() > 0.95 * moved.sum()
        assert 0.01 < (moved > 0.5 * moved.max()).mean() < 0.4
        np.testing.assert_allclose(moved[place], moved.max(), rtol=0.6)
    assert changes > 10


def test_a_picture_of_one_tone_is_not_recolored() -> None:
    """Where no region is smaller than a third of the picture, nothing is changed."""
    light, ab = np.full((32, 32), 50, np.float32), np.zeros((2, 32, 32), np.float32)
    changed, place = recolor(light, ab, np.random.default_rng(0))
    assert place is None
    np.testing.assert_array_equal(changed, ab)


def test_a_negative_count_is_refused(ab: np.ndarray) -> None:
    """There are no fewer than 0 hints."""
    with pytest.raises(OptionError, match="count: expected"):
        simulate(ab, np.random.default_rng(0), count=-1)
