"""Simulate the hints a user would give, so that a network learns to follow them.

References:
    Zhang, Zhu, Isola, Geng, Lin, Yu, Efros. Real-Time User-Guided Image Colorization. SIGGRAPH 2017,
    section 3.2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from colorful.errors import OptionError

Array = npt.NDArray[np.float32]

_STOP = 1 / 8  # chance to stop after each point
_REFERENCE_SIDE = 176  # crops were of this side where patches had sides of 1 to 9


def simulate(
    ab: Array, random: np.random.Generator, *, count: int | None = None, first: tuple[int, int] | None = None
) -> tuple[Array, Array]:
    """Reveal the true color in a few small patches.

    Args:
        ab: True colors in CIELAB units, shape ``(2, H, W)``.
        random: Where all choices come from.
        count: How many points; by default a geometric number (at least one where *first* is given), and for
            one sample in a hundred the whole picture.
        first: Row and column that the first patch must cover.

    Returns:
        Hinted ab, shape ``(2, H, W)``, 0 outside the hints, and the 0/1 mask, shape ``(1, H, W)``; float32.

    Raises:
        OptionError: If *count* is negative.
    """
    if count is not None and count < 0:
        raise OptionError(f"count: expected a number of at least 0, got {count}")
    height, width = ab.shape[1:]
    hinted, mask = np.zeros_like(ab), np.zeros((1, height, width), np.float32)
    if count is None:
        if random.random() < 0.01:
            return ab.copy(), np.ones_like(mask)
        count = max(int(random.geometric(_STOP)) - 1, first is not None)
    for number in range(count):
        side = max(1, round(int(random.integers(1, 10)) * min(height, width) / _REFERENCE_SIDE))
        if number == 0 and first is not None:
            top, left = first[0] - side // 2, first[1] - side // 2
        else:
            top = random.normal((height - side + 1) / 2, (height - side + 1) / 4)
            left = random.normal((width - side + 1) / 2, (width - side + 1) / 4)
        top, left = int(np.clip(top, 0, height - side)), int(np.clip(left, 0, width - side))
        patch = np.s_[:, top : top + side, left : left + side]
        hinted[patch] = ab[patch].mean(axis=(1, 2), keepdims=True)
        mask[patch] = 1
    return hinted, mask


def recolor(light: Array, ab: Array, random: np.random.Generator) -> tuple[Array, tuple[int, int] | None]:
    """Give one region another color, as a user might wish.

    A hint that only ever confirms what the network believes anyway teaches it little. On such a sample only
    the hint can tell, and it holds for its own region alone: what hangs together around a pixel and looks
    like it, at most a third of the picture.

    Args:
        light: L in 0..100, shape ``(H, W)``.
        ab: True colors in CIELAB units, shape ``(2, H, W)``.
        random: Where all choices come from.

    Returns:
        The changed ab, and the row and column of a pixel inside, which must be hinted; None if no region was
        found, and nothing is changed.
    """
    # More or less smoothed, with more or less of the shading; else only plain surfaces would make regions.
    width, shading = np.exp(random.uniform(np.log(0.8), np.log(3.5))), random.uniform(0.3, 1)
    lab = np.stack([ndimage.gaussian_filter(channel, width) for channel in (shading * light, *ab)])
    for _ in range(6):
        row, column = int(random.integers(ab.shape[1])), int(random.integers(ab.shape[2]))
        reach = random.uniform(8, 20)
        far = np.sqrt(((lab - lab[:, row, column][:, None, None]) ** 2).sum(axis=0)) / reach
        parts, _ = ndimage.label(far < 1)
        region = parts == parts[row, column]
        # The changed color ends softly, as the true one does in a photo. The hint is not for a thin spur.
        share = ndimage.gaussian_filter(ndimage.binary_closing(region).astype(np.float32), 0.7)
        if 0.01 < region.mean() < 0.33 and share[row, column] > 0.5:
            break
    else:
        return ab, None
    hue, chroma = random.uniform(0, 2 * np.pi), random.uniform(10, 65)
    new = np.array([np.cos(hue), np.sin(hue)], np.float32) * np.float32(chroma)
    shift = new - ab[:, region].mean(axis=1)
    return ab + share * shift[:, None, None], (row, column)
