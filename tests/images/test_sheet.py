"""Pictures on one sheet."""

from __future__ import annotations

import numpy as np
from PIL import Image

from colorful.images.sheet import lay_out


def test_pictures_keep_their_pixels_and_order() -> None:
    """Each picture lies right of the one before or below the row above, with a white gap between."""
    wide, high, small = (
        Image.fromarray(np.full((*size, 3), shade, np.uint8))
        for size, shade in (((2, 5), 1), ((4, 3), 2), ((1, 1), 3))
    )
    sheet = np.asarray(lay_out([[wide, high], [small]], gap=2))
    assert sheet.shape == (4 + 2 + 1, 5 + 2 + 3, 3)
    expected = np.full(sheet.shape, 255)
    expected[:2, :5], expected[:4, 7:], expected[6, 0] = 1, 2, 3
    np.testing.assert_array_equal(sheet, expected)
