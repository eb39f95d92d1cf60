from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import skimage.color
import skimage.data
import skimage.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, linalg

from colorful import metrics
from colorful.errors import KindError, OptionError, PhotosError, RangeError, ShapeError
from colorful.lab import AbBins, rgb_to_lab

# Sharma, Wu, Dalal 2005, table 1: L a b of both colors and Delta E00.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""

Pixels = npt.NDArray[np.uint8]


def batch(*pictures: npt.NDArray[np.generic]) -> torch.Tensor:
    """Stack arrays (H, W, C) as a tensor (N, C, H, W)."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)


@pytest.fixture
def pair() -> tuple[Pixels, Pixels]:
    """A photo, and the same with noise and a wrong hue in a part of it."""
    real = skimage.data.astronaut()[:96, 100:240]
    noise = np.random.default_rng(1).normal(0, 9, real.shape)
    other = np.clip(real + noise, 0, 255).astype(np.uint8)
    other[:40] = other[:40, :, ::-1]
    return other, real


@pytest.mark.parametrize("swapped", [False, True])
def test_ciede2000_gives_the_published_differences(swapped: bool) -> None:
    """CIEDE2000 agrees with Sharma's 34 pairs to 1e-4, in either order."""
    rows = torch.from_numpy(np.loadtxt(SHARMA.strip().split("\n")))
    assert rows.shape == (34, 7)
    first, second = (rows[:, start : start + 3].T[:, :, None] for start in (0, 3))  # -> (3, 34, 1)
    if swapped:
        first, second = second, first
    found = metrics.ciede2000(first, second)[:, 0]
    torch.testing.assert_close(found, rows[:, 6], atol=1e-4, rtol=0)


def test_ciede2000_agrees_with_scikit_image_on_a_photo(pair: tuple[Pixels, Pixels]) -> None:
    """On photos, grey against color included, CIEDE2000 is scikit-image's."""
    lab, real = (skimage.color.rgb2lab(pixels) for pixels in pair)
    for one in (lab, lab * (1, 0, 0)):
        expected = skimage.color.deltaE_ciede2000(one, real)
        np.testing.assert_allclose(metrics.ciede2000(batch(one), batch(real))[0], expected, atol=1e-6)
        single = metrics.ciede2000(batch(one).float(), batch(real).float())
        assert single.mean() == pytest.approx(expected.mean(), abs=1e-4)


@given(st.lists(st.floats(-110, 110), min_size=4, max_size=4), st.floats(0, 100), st.floats(0, 100))
def test_ciede2000_is_symmetric_and_finite(ab: list[float], light: float, other: float) -> None:
    """The difference does not depend on the order, and is 0 for equal colors."""
    one = torch.tensor([light, *ab[:2]], dtype=torch.float64)[:, None, None]
    two = torch.tensor([other, *ab[2:]], dtype=torch.float64)[:, None, None]
    there = metrics.ciede2000(one, two)
    assert torch.isfinite(there).all()
    torch.testing.assert_close(there, metrics.ciede2000(two, one))
    assert metrics.ciede2000(one, one).item() == pytest.approx(0, abs=1e-6)


def test_psnr_is_that_of_scikit_image(pair: tuple[Pixels, Pixels]) -> None:
    """PSNR on 8-bit RGB is scikit-image's to 1e-4, from bytes and from floats."""
    expected = skimage.metrics.peak_signal_noise_ratio(pair[1], pair[0], data_range=255)
    rgb, real = map(batch, pair)
    assert metrics.psnr(rgb, real).item() == pytest.approx(expected, abs=1e-4)
    assert metrics.psnr(rgb / 255, real).item() == pytest.approx(expected, abs=1e-4)
    assert metrics.psnr(real, real).item() == float("inf")


def test_psnr_on_ab_is_about_a_range_of_255() -> None:
    """An error of 25.5 in every value of ab is 20 dB."""
    real = torch.zeros(1, 2, 5, 7)
    assert metrics.psnr_ab(real + 25.5, real).item() == pytest.approx(20, abs=1e-4)


def test_ssim_is_that_of_scikit_image(pair: tuple[Pixels, Pixels]) -> None:
    """SSIM with Gaussian windows is scikit-image's to 1e-4, for each photo of a batch."""
    rgb, real = pair
    dark = (real // 8).astype(np.uint8)
    expected = [
        skimage.metrics.structural_similarity(
            one,
            real,
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for one in (rgb, dark, real)
    ]
    found = metrics.ssim(batch(rgb, dark, real), batch(real, real, real))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_colorfulness_of_two_colors_is_the_one_computed_by_hand() -> None:
    """Half red, half blue: rg is 255 and 0, yb 127.5 and -255; abs() changes mean and spread of yb."""
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:, :3, 0] = picture[:, 3:, 2] = 255
    spread, mean = (127.5**2 + 191.25**2) ** 0.5, (127.5**2 + 63.75**2) ** 0.5
    assert metrics.colorfulness(batch(picture)).item() == pytest.approx(spread + 0.3 * mean, rel=1e-5)
    spread, mean = (127.5**2 + 63.75**2) ** 0.5, (127.5**2 + 191.25**2) ** 0.5
    found = metrics.colorfulness(batch(picture) / 255, form="absolute").item()
    assert found == pytest.approx(spread + 0.3 * mean, rel=1e-5)
    assert metrics.colorfulness_by_form(batch(picture) / 255)["absolute"].item() == found
    assert metrics.colorfulness(batch(np.full((3, 3, 3), 77, np.uint8))).item() == pytest.approx(0, abs=1e-4)


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
    """A photo of 256 x 256 pixels leaves at most a few hundred numbers, its occupied bins and their sums."""
    errors = metrics.AbErrors(3)
    real = torch.from_numpy(np.random.default_rng(0).normal(0, 20, (1, 2, 256, 256))).float()
    errors.update(real, real, real, real)
    held = [errors._occupied, errors._counts, *errors._sums, errors._lengths]
    assert sum(len(each) for each in held) <= 5 * 313 + 1


def test_one_real_photo_will_do_for_a_batch(pair: tuple[Pixels, Pixels]) -> None:
    """Several pictures of one photo are measured at once, as each would be alone."""
    rgb, real = pair
    pictures, truth = batch(rgb, real, rgb[::-1].copy()), batch(real)
    for measure in (metrics.psnr, metrics.ssim):
        alone = torch.cat([measure(picture[None], truth) for picture in pictures])
        torch.testing.assert_close(measure(pictures, truth), alone)
    ab, true_ab = pictures[:, 1:].float(), truth[:, 1:].float()
    alone = torch.cat([metrics.psnr_ab(one[None], true_ab) for one in ab])
    torch.testing.assert_close(metrics.psnr_ab(ab, true_ab), alone)
    lab, true_lab = rgb_to_lab(pictures / 255), rgb_to_lab(truth / 255)
    alone = torch.cat([metrics.ciede2000(one[None], true_lab) for one in lab])
    torch.testing.assert_close(metrics.ciede2000(lab, true_lab), alone)
    with pytest.raises(ShapeError, match="real: expected the shape of rgb"):
        metrics.ssim(pictures, pictures[:2])


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


def test_top_one_counts_what_the_classifier_names_right() -> None:
    """The share of photos whose best score is at the true class, in percent."""
    brightest = metrics.TopOne(lambda rgb: rgb.mean(dim=(2, 3)))
    photos = torch.zeros(4, 3, 2, 2, dtype=torch.uint8)
    photos[range(4), [0, 1, 2, 2]] = 255
    assert brightest.update(photos, torch.tensor([0, 1, 2, 0])).tolist() == [True, True, True, False]
    assert brightest.value() == 75


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


def test_arrays_are_refused_with_the_way_to_make_a_tensor_of_them(pair: tuple[Pixels, Pixels]) -> None:
    """An array, which other libraries take, ends in an error that tells how to turn it into a tensor."""
    rgb, real = pair
    for measure in (metrics.psnr, metrics.ssim, metrics.ciede2000):
        with pytest.raises(
            KindError, match=r"expected a torch tensor, got ndarray; torch.from_numpy\(array\)"
        ):
            measure(rgb, real)  # type: ignore[arg-type]
        with pytest.raises(KindError, match="expected a torch tensor, got"):
            measure(batch(rgb) / 255, real)  # type: ignore[arg-type]
    with pytest.raises(KindError, match="rgb: expected a torch tensor, got list"):
        metrics.colorfulness([])  # type: ignore[arg-type]
    tensors = [torch.from_numpy(array).permute(2, 0, 1)[None] for array in pair]
    assert metrics.psnr(*tensors).isfinite()


def test_pictures_that_a_network_made_can_be_measured_in_half_precision(pair: tuple[Pixels, Pixels]) -> None:
    """Neither a recorded gradient nor bfloat16 keeps SSIM and CIEDE2000 from measuring, to its precision."""
    rgb, real = (batch(pixels) / 255 for pixels in pair)
    recorded = rgb.clone().requires_grad_()
    assert metrics.ssim(recorded, real).equal(metrics.ssim(rgb, real))
    assert metrics.ssim(rgb.bfloat16(), real).item() == pytest.approx(
        metrics.ssim(rgb, real).item(), abs=0.02
    )
    lab, true_lab = rgb_to_lab(rgb), rgb_to_lab(real)
    found = metrics.ciede2000(lab.bfloat16().requires_grad_(), true_lab)
    assert found.dtype == torch.bfloat16
    exact = metrics.ciede2000(lab, true_lab)
    assert found.float().mean().item() == pytest.approx(exact.mean().item(), rel=0.05)


def test_what_cannot_be_measured_is_said_in_words() -> None:
    """Wrong shapes, kinds and empty sets end in errors of ours that name the argument."""
    rgb, ab = torch.zeros(1, 3, 16, 16), torch.zeros(1, 2, 16, 16)
    with pytest.raises(ShapeError, match="rgb: expected shape"):
        metrics.psnr(ab, ab)
    with pytest.raises(ShapeError, match="real: expected the shape of rgb"):
        metrics.psnr(rgb, rgb[..., 1:])
    with pytest.raises(ShapeError, match="at least 11 pixels"):
        metrics.ssim(rgb[..., :8], rgb[..., :8])
    with pytest.raises(ShapeError, match="lab, real"):
        metrics.ciede2000(ab, ab)
    with pytest.raises(KindError, match="floats in"):
        metrics.psnr(rgb.long(), rgb.long())
    with pytest.raises(RangeError, match=r"rgb: expected floats in \[0, 1\], got 0 to 200"):
        metrics.colorfulness(rgb + torch.tensor([0, 100, 200])[:, None, None])
    with pytest.raises(RangeError, match="nan"):
        metrics.ssim(rgb * torch.nan, rgb)
    with pytest.raises(OptionError, match="form"):
        metrics.colorfulness(rgb, form="other")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="predicted: expected 2 tensors, got 1"):
        metrics.AbErrors(2).update(ab, ab)
    with pytest.raises(PhotosError, match="AuC"):
        metrics.AbErrors().auc()
    with pytest.raises(PhotosError, match="top-1"):
        metrics.TopOne(lambda pictures: pictures).value()
    with pytest.raises(PhotosError, match="at least two photos, got 0"):
        metrics.FrechetDistance(lambda pictures: pictures).value()
    with pytest.raises(ShapeError, match="numbers"):
        metrics.bootstrap(np.zeros((0, 3)))
    with pytest.raises(RangeError, match="resamples"):
        metrics.bootstrap(np.zeros((2, 3)), resamples=0)
