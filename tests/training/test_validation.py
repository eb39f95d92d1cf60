"""Scores and calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.color import lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from colorful.errors import PhotosError
from colorful.lab import AbBins, rebalancing_weights, rgb_to_lab, smooth_prior
from colorful.models.lite import Lite
from colorful.photos import find_photos
from colorful.training.validation import Validation, apply, calibrate


@pytest.fixture(scope="module")
def validation(photo_folder: Path) -> Validation:
    """Give eight photos of 32 pixels."""
    return Validation(find_photos(photo_folder), size=32, limit=8)


def true_ab(validation: Validation) -> Tensor:
    """Give the colors that the photos have."""
    return rgb_to_lab(validation.pixels / 255)[:, 1:]


def test_grey_has_no_margin_and_the_truth_all(validation: Validation) -> None:
    """Grey scores 0 over itself; the true colors have the AuC that was missing, and the real colorfulness."""
    real = true_ab(validation)
    grey = validation.margins(torch.zeros_like(real))
    assert grey["auc"] == grey["auc_rebalanced"] == grey["psnr"] == grey["vivid_and_wrong"] == 0
    assert grey["colorfulness"] < 0.01
    truth = validation.margins(real)
    assert truth["colorfulness"] == pytest.approx(1, abs=0.01)
    assert truth["vivid_and_wrong"] == 0
    assert validation.margins(-real)["vivid_and_wrong"] > 1
    assert truth["auc_rebalanced"] > truth["auc"] > 1
    assert truth["psnr"] > 20


def test_psnr_is_that_of_the_pictures(validation: Validation) -> None:
    """By how many dB one coloring is nearer to the photo than another is as scikit-image says."""
    margins, expected = [], []
    for share in (0.3, 0.8):
        drawn = []
        for pixels in validation.pixels.movedim(1, -1).numpy():
            lab = rgb2lab(pixels) * (1, share, share)
            drawn.append(peak_signal_noise_ratio(pixels, (lab2rgb(lab) * 255).round().astype(np.uint8)))
        margins.append(validation.margins(true_ab(validation) * share)["psnr"])
        expected.append(np.mean(drawn))
    assert margins[1] - margins[0] == pytest.approx(expected[1] - expected[0], abs=0.02)


def test_no_photos_are_an_error() -> None:
    """Validation needs photos."""
    with pytest.raises(PhotosError, match="validation: expected color photos"):
        Validation([])


def test_calibration_finds_the_balance_that_was_put_off(validation: Validation) -> None:
    """A bias toward vivid colors that spoils a good network is found and taken back."""
    ab, bins = true_ab(validation), AbBins()
    weights = rebalancing_weights(smooth_prior(torch.bincount(bins.nearest(ab).flatten(), minlength=313)))
    nearest = bins.nearest(F.avg_pool2d(ab, 4))
    network = _Oracle(validation, F.one_hot(nearest, 313).movedim(-1, 1) * 5.0)
    network.head.bias.data = 1.5 * weights.log()
    before = validation.score(network)

    found = calibrate(network, validation, weights)
    apply(network, found, weights)

    after = validation.score(network)
    for name, value in found.margins.items():
        assert after[name] == pytest.approx(value, abs=0.1)
    assert found.balance < 0
    assert after["auc"] > before["auc"] + 1
    assert network.config.temperature == pytest.approx(found.temperature, abs=1e-3)


class _Oracle(Lite):
    """Says what it was told for each photo, plus the bias of its head."""

    def __init__(self, validation: Validation, logits: Tensor) -> None:
        super().__init__()
        self.lights, self.logits = rgb_to_lab(validation.pixels / 255)[:, :1], logits
        self.eval()

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Look the photos up by their L."""
        places = [int((self.lights - each).abs().amax(dim=(1, 2, 3)).argmin()) for each in light]
        return self.logits[places] + self.head.bias[:, None, None]


def test_a_sheet_shows_each_photo_below_its_coloring(validation: Validation) -> None:
    """The lower half of a tile is the real photo."""
    sheet = np.asarray(validation.sheet(Lite().eval(), count=4, columns=2))
    assert sheet.shape == (2 * 64, 2 * 32, 3)
    np.testing.assert_array_equal(sheet[32:64, 32:64], validation.pixels[1].movedim(0, -1))
