"""Pictures inside the strips of a TIFF, and the sizes that they claim."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from colorful import images
from colorful.errors import ImageError
from colorful.images import inside

CODECS: dict[str, Callable[[npt.NDArray[Any]], bytes]] = {
    "jpeg": imagecodecs.jpeg_encode,
    "png": imagecodecs.png_encode,
    "jpeg2000": imagecodecs.jpeg2k_encode,
    "webp": lambda pixels: imagecodecs.webp_encode(pixels, lossless=True),
    "webp lossy": lambda pixels: imagecodecs.webp_encode(pixels, level=80),
    "jpegxl": imagecodecs.jpegxl_encode,
    "jpegxl box": lambda pixels: imagecodecs.jpegxl_encode(pixels, usecontainer=True),
    "jpegxr": imagecodecs.jpegxr_encode,
    "lerc": lambda pixels: imagecodecs.lerc_encode(pixels[..., 0].astype(np.float32)),
}


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_tells_its_size(codec: str) -> None:
    """Width and height are found at the head of what each codec writes, whatever its own way to say them."""
    for height, width in ((300, 517), (256, 256), (108, 192), (1100, 16), (8, 8), (33, 9000)):
        data = bytes(CODECS[codec](np.zeros((height, width, 3), np.uint8)))
        assert inside.size(data[: inside.HEAD]) == (width, height)
        for end in range(40):  # cut anywhere it is no failure
            inside.size(data[:end])


@pytest.mark.parametrize("codec", ["jpeg", "png", "jpeg2000", "webp", "jpegxl", "jpegxr"])
def test_a_tile_that_is_larger_than_its_page_is_refused(codec: str) -> None:
    """A small page whose tile unfolds to gigabytes is found before it does."""
    tile = bytes(CODECS[codec](np.zeros((1100, 1100, 3), np.uint8)))
    shape: dict[str, Any] = {"shape": (64, 64, 3), "dtype": np.uint8, "tile": (64, 64)}
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, iter([tile]), compression=codec, photometric="rgb", **shape)
    with pytest.raises(ImageError, match="says that it has 1,100 x 1,100 pixels"):
        images.read(buffer.getvalue())
