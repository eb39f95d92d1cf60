"""Simulated hints."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from colorful.errors import OptionError
from colorful.training.hints import recolor, simulate


@pytest.fixture
def ab() -> torch.Tensor:
    """Give colors that differ from pixel to pixel."""
    return torch.from_numpy(np.random.default_rng(0).uniform(-80, 80, (1, 2, 64, 96)).astype(np.float32))


def randoms(*seeds: int) -> list[np.random.Generator]:
    """Give a generator for each sample."""
    return [np.random.default_rng(seed) for seed in seeds]


def test_a_hint_is_the_mean_color_of_its_patch(ab: torch.Tensor) -> None:
    """One hint reveals the mean of the pixels under its mask, and nothing elsewhere."""
    hinted, mask = simulate(ab.expand(5, -1, -1, -1), randoms(*range(5)), counts=[1] * 5)
    for sample in range(5):
        inside = mask[sample, 0] == 1
        assert 1 <= inside.sum() <= 81
        expected = ab[0, :, inside].mean(dim=1)
        assert (hinted[sample, :, inside] - expected[:, None]).abs().max() < 1e-3
        assert hinted[sample, :, ~inside].abs().max() == 0


def test_of_patches_that_overlap_the_last_counts(ab: torch.Tensor) -> None:
    """Many patches in a small picture cover each other; each pixel has the color of one patch as a whole."""
    hinted, mask = simulate(ab, randoms(3), counts=[60])
    colors = hinted[0, :, mask[0, 0] == 1].T
    assert 2 <= len(colors.unique(dim=0)) <= 60
    assert mask.mean() > 0.03


def test_the_number_of_points_is_geometric(ab: torch.Tensor) -> None:
    """Points are added with a chance of 7 in 8 each, so there are none in 1 of 8 samples."""
    masks = simulate(ab.expand(1500, -1, -1, -1), randoms(*range(1500)))[1]
    covered = masks.mean(dim=(1, 2, 3))
    none, all_of_it = (covered == 0).float().mean(), (covered == 1).float().mean()
    assert none == pytest.approx(1 / 8, abs=0.03)
    assert all_of_it == pytest.approx(0.01, abs=0.008)


def test_the_patch_grows_with_the_picture() -> None:
    """A patch has 1 to 9 pixels a side at 176 pixels, and as much of any other size."""
    masks = simulate(torch.zeros(120, 2, 352, 352), randoms(*range(120)), counts=[1] * 120)[1]
    assert {round(float(mask.sum()) ** 0.5) for mask in masks} == set(range(2, 19, 2))


def test_the_first_hint_covers_the_place_asked_for(ab: torch.Tensor) -> None:
    """The first patch lies where it is wanted, at the border too; a sample without a wish has its own."""
    places = [(0, 0), (63, 95), (30, 40), None]
    masks = simulate(ab.expand(4, -1, -1, -1), randoms(4, 5, 6, 7), counts=[1] * 4, first=places)[1]
    for mask, place in zip(masks, places, strict=True):
        assert place is None or mask[(0, *place)] == 1
        assert mask.any()


def test_recoloring_changes_one_region_alone() -> None:
    """One region around the hinted pixel gets another color, as one piece and evenly; the rest stays."""
    light = torch.from_numpy((data.camera()[::4, ::4] / 2.55).astype(np.float32)).expand(20, -1, -1)
    ab = torch.zeros(20, 2, *light.shape[1:])
    changed, places = recolor(light, ab, randoms(*range(20)))
    assert not ab.any()
    for sample, place in enumerate(places):
        moved = np.hypot(*changed[sample].numpy())
        if place is None:
            assert not moved.any()
            continue
        parts, _ = ndimage.label(moved > 1e-3)
        assert parts[place] > 0
        assert (moved[parts == parts[place]]).sum() > 0.95 * moved.sum()
        assert 0.01 < (moved > 0.5 * moved.max()).mean() < 0.4
        np.testing.assert_allclose(moved[place], moved.max(), rtol=0.6)
    assert sum(place is not None for place in places) > 10


def test_a_picture_of_one_tone_is_not_recolored() -> None:
    """Where no region is smaller than a third of the picture, nothing is changed."""
    light, ab = torch.full((1, 32, 32), 50.0), torch.zeros(1, 2, 32, 32)
    changed, places = recolor(light, ab, randoms(0))
    assert places == [None]
    torch.testing.assert_close(changed, ab, rtol=0, atol=0)


def test_a_negative_count_is_refused(ab: torch.Tensor) -> None:
    """There are no fewer than 0 hints."""
    with pytest.raises(OptionError, match="count: expected"):
        simulate(ab, randoms(0), counts=[-1])
