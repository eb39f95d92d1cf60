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

from colorful import metrics
from colorful.errors import KindError, OptionError, RangeError, ShapeError
from colorful.lab import rgb_to_lab

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


def test_ssim_of_even_pictures_is_that_of_their_means() -> None:
    """Where nothing varies, equation 13 of the paper leaves (2 x y + C1) / (x^2 + y^2 + C1)."""
    levels = torch.tensor([40, 100, 200, 255], dtype=torch.uint8)
    pictures = levels[:, None, None, None].expand(4, 3, 16, 11)
    x, c1 = levels.double(), (0.01 * 255) ** 2
    expected = (2 * x * 100 + c1) / (x**2 + 100**2 + c1)
    torch.testing.assert_close(metrics.ssim(pictures, pictures[1:2]), expected.float())


def test_ssim_weighs_each_window_by_the_gaussian_of_the_paper(pair: tuple[Pixels, Pixels]) -> None:
    """On a picture of one window SSIM is equation 13, with weights and moments as in equations 14 to 16."""
    x, y = (pixels[30:41, 50:61].astype(float) for pixels in pair)
    distance = np.arange(-5, 6)
    window = np.exp(-(distance**2) / (2 * 1.5**2))
    weights = np.outer(window, window)[..., None] / window.sum() ** 2
    mean_x, mean_y = ((weights * each).sum(axis=(0, 1)) for each in (x, y))
    variance_x, variance_y, covariance = (
        (weights * one * other).sum(axis=(0, 1))
        for one, other in ((x - mean_x, x - mean_x), (y - mean_y, y - mean_y), (x - mean_x, y - mean_y))
    )
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    index = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    index /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    found = metrics.ssim(*(batch(each.astype(np.uint8)) for each in (x, y)))
    assert found.item() == pytest.approx(index.mean(), abs=1e-6)


def test_colorfulness_of_two_colors_is_the_one_computed_by_hand() -> None:
    """Half red, half blue: rg is 255 and 0, yb 127.5 and -255; abs() changes mean and spread of yb."""
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[:, :3, 0] = picture[:, 3:, 2] = 255
    spread, mean = (127.5**2 + 191.25**2) ** 0.5, (127.5**2 + 63.75**2) ** 0.5
    assert metrics.colorfulness(batch(picture)).item() == pytest.approx(spread + 0.3 * mean, rel=1e-5)
    spread, mean = (127.5**2 + 63.75**2) ** 0.5, (127.5**2 + 191.25**2) ** 0.5
    found = metrics.colorfulness(batch(picture) / 255, form="absolute").item()
    assert found == pytest.approx(spread + 0.3 * mean, rel=1e-5)
    assert metrics.colorfulness(batch(np.full((3, 3, 3), 77, np.uint8))).item() == pytest.approx(0, abs=1e-4)


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


def test_vivid_and_wrong_is_a_share_of_all_pixels() -> None:
    """Only pixels that are both count: a vivid truth, a calm mistake and a small one do not."""
    ab = torch.tensor([[30.0, 30.0, 24.0, 30.0], [0.0, 0.0, 0.0, 0.0]]).reshape(1, 2, 1, 4)
    real = torch.tensor([[-11.0, 30.0, -60.0, -9.0], [0.0, 0.0, 0.0, 0.0]]).reshape(1, 2, 1, 4)
    torch.testing.assert_close(metrics.vivid_and_wrong(ab, real), torch.tensor([0.25]))
    with pytest.raises(ShapeError):
        metrics.vivid_and_wrong(ab, real[..., :3])
