from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import integrate, linalg

from colorful import metrics
from colorful.errors import PhotosError, RangeError, ShapeError
from colorful.lab import AbBins


@pytest.mark.parametrize("error", [0.0, 3.0, 75.0, 150.0, 200.0])
def test_a_constant_error_gives_its_share_of_the_area(error: float) -> None:
    """If every pixel is off by e, both areas are 100 (1 - e / 150), but not below 0."""
    real = torch.from_numpy(np.random.default_rng(0).uniform(-60, 60, (3, 2, 20, 30))).float()
    predicted = real + error * torch.tensor([0.6, -0.8])[:, None, None]
    errors = metrics.AbErrors()
    errors.update(real[:2], predicted[:2])
    errors.update(real[2:], predicted[2:])
    expected = 100 * max(0.0, 1 - error / 150)
    assert errors.auc() == pytest.approx([expected], abs=1e-3)
    assert errors.rebalanced_auc() == pytest.approx([expected], abs=1e-3)
    assert len(errors) == 3


def test_bins_of_unequal_frequency_weigh_the_same() -> None:
    """Nine pixels of grey that are right and one of red that is off by 75: 95 % of area, 75 % rebalanced."""
    real = torch.zeros(1, 2, 2, 5)
    real[0, 0, 0, 0] = 60
    predicted = torch.zeros_like(real)
    predicted[0, 0, 0, 0] = -15
    errors = metrics.AbErrors(2)
    errors.update(real, predicted, real)
    assert errors.auc() == pytest.approx([95, 100], abs=1e-4)
    assert errors.rebalanced_auc() == pytest.approx([75, 100], abs=1e-4)
    assert sorted(errors.bin_counts()[errors.bin_counts() > 0]) == [1, 9]


def test_the_areas_agree_with_their_definition_step_by_step() -> None:
    """The areas are those under the weighted curves of the cumulative error, integrated numerically."""
    random = np.random.default_rng(3)
    real, predicted = random.normal(0, 30, (2, 4, 2, 16, 16)).astype(np.float32)
    errors = metrics.AbErrors()
    for one, other in zip(real, predicted, strict=True):
        errors.update(torch.from_numpy(one[None]), torch.from_numpy(other[None]))
    distance = np.linalg.norm(real - predicted, axis=1).ravel()
    centers = AbBins().centers.numpy()
    nearest = ((real.transpose(0, 2, 3, 1).reshape(-1, 1, 2) - centers) ** 2).sum(axis=2).argmin(axis=1)
    weights = 1 / np.bincount(nearest, minlength=313)[nearest]
    thresholds = np.linspace(0, 150, 3001)
    for found, weight in ((errors.auc(), np.ones_like(weights)), (errors.rebalanced_auc(), weights)):
        curve = [weight[distance <= threshold].sum() / weight.sum() for threshold in thresholds]
        assert found == pytest.approx([100 * integrate.trapezoid(curve, thresholds) / 150], abs=0.02)


def test_what_is_kept_of_a_photo_does_not_grow_with_its_pixels() -> None:
    """A photo of 256 x 256 pixels leaves a few numbers for each bin that it occupies."""
    errors = metrics.AbErrors(3)
    real = torch.from_numpy(np.random.default_rng(0).normal(0, 20, (1, 2, 256, 256))).float()
    errors.update(real, real, real, real)
    assert len(pickle.dumps(errors)) <= (2 + 4 * 4) * 313 + 500


def test_accumulators_of_parts_of_a_set_merge_into_that_of_the_whole() -> None:
    """Photos may be measured apart, and the areas are those of one pass."""
    random = torch.Generator().manual_seed(4)
    real, one, two = (torch.randn(6, 2, 8, 9, generator=random) * 30 for _ in range(3))
    whole, merged, part = metrics.AbErrors(2), metrics.AbErrors(2), metrics.AbErrors(2)
    whole.update(real, one, two)
    merged.update(real[:2], one[:2], two[:2])
    part.update(real[2:], one[2:], two[2:])
    merged.merge(part)
    assert len(merged) == 6
    assert merged.auc() == whole.auc()
    assert merged.rebalanced_auc() == whole.rebalanced_auc()
    assert (merged.bin_counts() == whole.bin_counts()).all()
    with pytest.raises(ShapeError, match="expected 2 ways, got 1"):
        whole.merge(metrics.AbErrors())


def test_the_frechet_distance_is_that_of_the_two_gaussians() -> None:
    """Batch by batch the distance is the closed form with SciPy's matrix root; equal sets are 0 apart."""
    random = np.random.default_rng(5)
    one, other = random.normal(0.4, 0.1, (40, 3, 2, 1)), random.uniform(0, 1, (40, 3, 2, 1))
    distance = metrics.FrechetDistance(lambda rgb: rgb.flatten(1))
    same = metrics.FrechetDistance(lambda rgb: rgb.flatten(1))
    for part in (slice(0, 7), slice(7, 40)):
        distance.update(torch.from_numpy(one[part]), torch.from_numpy(other[part]))
        same.update(torch.from_numpy(one[part]), torch.from_numpy(one[part]))
    x, y = one.reshape(40, -1), other.reshape(40, -1)
    first, second = np.cov(x.T), np.cov(y.T)
    root = linalg.sqrtm(first @ second).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert distance.value() == pytest.approx(expected, rel=1e-6)
    assert same.value() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("features", "error", "words"),
    [
        (lambda rgb: rgb.mean((2, 3)) / 0, RangeError, "expected finite numbers"),
        (lambda rgb: rgb, ShapeError, r"expected shape \(2, F\), got \(2, 3, 8, 8\)"),
        (lambda rgb: rgb.flatten(), ShapeError, r"expected shape \(2, F\), got \(384,\)"),
    ],
)
def test_features_that_have_no_distance_are_named_at_once(
    features: Callable[[torch.Tensor], torch.Tensor], error: type[Exception], words: str
) -> None:
    """Features that are not finite, or not one row for a photo, are errors at the first photo."""
    with pytest.raises(error, match=words):
        metrics.FrechetDistance(features).update(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8))


def test_bootstrap_spreads_as_the_mean_of_a_sample_does() -> None:
    """Resampled means vary by the standard error, columns together, and the same with the same seed."""
    values = np.random.default_rng(0).normal(5, 2, 400)
    means = metrics.bootstrap(np.stack([values, 2 * values], axis=1), resamples=2000)
    assert means[:, 0].std() == pytest.approx(values.std() / 20, rel=0.1)
    assert means[:, 0].mean() == pytest.approx(values.mean(), abs=0.02)
    np.testing.assert_allclose(means[:, 1], 2 * means[:, 0])
    np.testing.assert_array_equal(
        means, metrics.bootstrap(np.stack([values, 2 * values], axis=1), resamples=2000)
    )


def test_what_no_set_has_a_measure_of_is_said_in_words() -> None:
    """Empty sets and a wrong number of predictions end in errors of ours that name them."""
    ab = torch.zeros(1, 2, 16, 16)
    with pytest.raises(ShapeError, match="predicted: expected 2 tensors, got 1"):
        metrics.AbErrors(2).update(ab, ab)
    with pytest.raises(PhotosError, match="AuC"):
        metrics.AbErrors().auc()
    with pytest.raises(PhotosError, match="at least two photos, got 0"):
        metrics.FrechetDistance(lambda pictures: pictures).value()
    with pytest.raises(ShapeError, match="numbers"):
        metrics.bootstrap(np.zeros((0, 3)))
    with pytest.raises(RangeError, match="resamples"):
        metrics.bootstrap(np.zeros((2, 3)), resamples=0)
