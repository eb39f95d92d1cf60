"""L out of a photo, against full-size conversions in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from raster_samples import WHITES, lightness, photo

from colorful.raster import bands, light


@pytest.mark.parametrize("dtype", WHITES)
@pytest.mark.parametrize("channels", [1, 3])
def test_light_is_the_l_of_scikit_image(dtype: str, channels: int) -> None:
    """L of every kind of pixels is within 0.02 of scikit-image's."""
    pixels = photo(61, 83, dtype, channels)
    result = light(pixels)
    assert result.shape == (1, 1, 61, 83)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result[0, 0], lightness(pixels), atol=0.02)


@pytest.mark.parametrize("size", [(16, 20), (61, 20), (200, 300), (1, 1), (61, 83)])
def test_light_is_resized_as_pillow_does(size: tuple[int, int]) -> None:
    """Smaller or larger, L is what Pillow's antialiased bicubic makes of the full-size L."""
    pixels = photo(61, 83)
    full = Image.fromarray(lightness(pixels).astype(np.float32))
    expected = np.asarray(full.resize(size[::-1], Image.BICUBIC)).clip(0, 100)
    np.testing.assert_allclose(light(pixels, size)[0, 0], expected, atol=0.03)


def test_light_does_not_depend_on_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """However a photo is cut into bands, the small L is the same."""
    pixels = photo(301, 57)
    whole = light(pixels, (20, 30))
    monkeypatch.setattr(bands, "_PIXELS", 57 * 7)
    torch.testing.assert_close(light(pixels, (20, 30)), whole, atol=1e-4, rtol=0)
