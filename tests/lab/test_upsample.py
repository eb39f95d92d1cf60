"""Resizing ab, against torch's resizing and the guided filter written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from colorful.errors import ShapeError
from colorful.lab.upsample import guided_coefficients, guided_upsample, upsample


def test_bilinear_is_the_published_resizing() -> None:
    """The plain way is torch's bilinear without aligned corners."""
    ab = torch.randn(2, 2, 7, 9)
    expected = functional.interpolate(ab, size=(31, 40), mode="bilinear", align_corners=False)
    torch.testing.assert_close(upsample(ab, (31, 40)), expected)


def test_coefficients_are_those_of_the_guided_filter() -> None:
    """Slopes are the least squares of every window by the share they explain, averaged; offsets follow."""
    generator = np.random.default_rng(3)
    light, ab = generator.random((6, 8)) * 100, generator.normal(0, 20, (2, 6, 8))
    padded = np.pad(light, 1, mode="edge")
    padded_ab = np.pad(ab, ((0, 0), (1, 1), (1, 1)), mode="edge")
    slopes, offsets = np.zeros((2, 6, 8)), np.zeros((2, 6, 8))
    for i in range(6):
        for j in range(8):
            window = padded[i : i + 3, j : j + 3].ravel()
            of_ab = padded_ab[:, i : i + 3, j : j + 3].reshape(2, -1)
            joint = np.cov(window, of_ab, bias=True)
            explained = (joint[0, 1:] ** 2).sum() / ((joint[0, 0] + 1) * (np.trace(joint[1:, 1:]) + 1))
            slopes[:, i, j] = explained * joint[0, 1:] / (joint[0, 0] + 30.0)
            offsets[:, i, j] = of_ab.mean(1) - slopes[:, i, j] * window.mean()

    def averaged(values: np.ndarray) -> np.ndarray:
        around = np.pad(values, ((0, 0), (1, 1), (1, 1)), mode="edge")
        return sum(around[:, i : i + 6, j : j + 8] for i in range(3) for j in range(3)) / 9

    slope = averaged(slopes)
    offset = 7 / 8 * (ab - slope * light) + averaged(offsets) / 8
    got_slope, got_offset = guided_coefficients(
        torch.from_numpy(ab)[None], torch.from_numpy(light)[None, None], radius=1, epsilon=30.0
    )
    np.testing.assert_allclose(got_slope[0], slope, atol=1e-9)
    np.testing.assert_allclose(got_offset[0], offset, atol=1e-8)


def test_color_follows_an_edge_that_the_cells_cannot_show() -> None:
    """A sharp edge of L through a cell stays sharp in ab, where bilinear smears it over its neighbors."""
    light = torch.full((1, 1, 160, 160), 20.0)
    light[..., 83:] = 80.0
    truth = torch.zeros(1, 2, 160, 160)
    truth[:, 0, :, 83:] = 50.0
    small = functional.interpolate(truth, size=(16, 16), mode="area")
    guided = (guided_upsample(small, light) - truth).abs()
    plain = (upsample(small, (160, 160)) - truth).abs()
    assert guided[..., 73:93].mean() < plain[..., 73:93].mean() / 3


def test_flat_light_gives_smooth_color() -> None:
    """Where L says nothing the result is the bicubic resizing of ab, an eighth of it averaged."""
    ab = torch.randn(1, 2, 9, 9) * 20
    around = ab
    for _ in range(2):
        padded = functional.pad(around, (1, 1, 1, 1), mode="replicate")
        around = sum(padded[..., i : i + 9, j : j + 9] for i in range(3) for j in range(3)) / 9
    cells = 7 / 8 * ab + around / 8
    expected = functional.interpolate(cells, size=(50, 60), mode="bicubic", antialias=True)
    flat = torch.full((1, 1, 50, 60), 40.0)
    torch.testing.assert_close(guided_upsample(ab, flat), expected, atol=1e-3, rtol=0)


def test_grey_stays_grey_under_any_light() -> None:
    """No color in the cells is no color in the photo."""
    light = torch.rand(1, 1, 64, 48) * 100
    assert guided_upsample(torch.zeros(1, 2, 8, 8), light).abs().max() == 0


@pytest.mark.parametrize("shape", [(2, 4, 4), (1, 3, 4, 4)])
def test_misshapen_ab_is_refused(shape: tuple[int, ...]) -> None:
    """The error names ab and the shape it should have."""
    with pytest.raises(ShapeError, match=r"^ab: expected shape"):
        upsample(torch.zeros(shape), (8, 8))
