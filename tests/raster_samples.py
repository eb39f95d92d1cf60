"""Photos and colors for the tests of the fast forms."""

from __future__ import annotations

import numpy as np
from PIL import Image
from skimage import color

WHITES = {"uint8": 255, "uint16": 65535, "float32": 1}


def photo(height: int, width: int, dtype: str = "uint8", channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth patches with edges and noise."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8))
    patches = patches.resize((width, height), Image.NEAREST)
    rgb = np.clip(np.asarray(patches) / 255 + rng.normal(0, 0.02, (height, width, 3)), 0, 1)
    values = np.rint(rgb * WHITES[dtype]) if dtype != "float32" else rgb
    return values.astype(dtype) if channels == 3 else values[..., 0].astype(dtype)


def lightness(pixels: np.ndarray) -> np.ndarray:
    """L as scikit-image has it."""
    unit = pixels / WHITES[pixels.dtype.name]
    return color.rgb2lab(unit if unit.ndim == 3 else np.repeat(unit[..., None], 3, 2))[..., 0]


def random_ab(height: int, width: int, spread: float, seed: int = 0) -> np.ndarray:
    """Cells of noise."""
    return np.random.default_rng(seed).normal(0, spread, (2, height, width)).astype(np.float32)
