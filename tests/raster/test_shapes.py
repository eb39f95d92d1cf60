"""Photos of any shape: memory and time go with the pixels, not with a side."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from raster_samples import lightness, random_ab
from skimage import color

from colorful.raster import light, render

PIXELS = 2_000_000
# A photo's shape, and that of the input that a network of 256 pixels would get.
SHAPES = [
    ((PIXELS, 1), (1024, 64)),
    ((1, PIXELS), (64, 1024)),
    ((PIXELS // 8, 8), (1024, 64)),
    ((8, PIXELS // 8), (64, 1024)),
    ((300, PIXELS // 300), (64, 1024)),
    ((1, PIXELS), (256, 256)),
    ((PIXELS, 1), (2048, 2048)),
]


def long_photo(shape: tuple[int, int], channels: int, seed: int = 0) -> np.ndarray:
    """Noise around a slow wave along the longer side, as 8-bit codes."""
    rng = np.random.default_rng(seed)
    phases = np.linspace(0, 40, shape[0])[:, None] + np.linspace(0, 40, shape[1])
    codes = 128 + 90 * np.sin(phases)[..., None] + rng.normal(0, 8, (*shape, channels))
    pixels = codes.clip(0, 255).astype(np.uint8)
    return pixels if channels == 3 else pixels[..., 0]


def resident(*, peak_from_now: bool = False) -> int:
    """Bytes of this process that are in memory; by default the most there ever were."""
    if peak_from_now:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("shape", "size"), SHAPES, ids=str)
def test_memory_goes_with_the_pixels(shape: tuple[int, int], size: tuple[int, int], channels: int) -> None:
    """However long and narrow a photo is, less than 24 bytes a pixel and 60 MB more are held at any time."""
    pixels = long_photo(shape, channels)
    ab = random_ab(size[0] // 4, size[1] // 4, 15)
    render(pixels[:100, :100], ab)  # makes the tables
    before = resident(peak_from_now=True)
    render(pixels, ab, guide=light(pixels, size))
    assert resident() - before <= 24 * PIXELS + 60e6


@pytest.mark.parametrize(("shape", "size"), SHAPES, ids=str)
def test_time_goes_with_the_pixels(shape: tuple[int, int], size: tuple[int, int]) -> None:
    """A long and narrow photo takes at most a few times as long as a square one of as many pixels."""

    def seconds(shape: tuple[int, int], size: tuple[int, int]) -> float:
        pixels, ab = long_photo(shape, 1), random_ab(size[0] // 4, size[1] // 4, 15)
        took = []
        for _ in range(3):
            start = time.thread_time()
            render(pixels, ab, guide=light(pixels, size))
            took.append(time.thread_time() - start)
        return min(took)

    # Ten times: the machine of a test has other work. Where a side counts, it is hundreds.
    assert seconds(shape, size) <= 10 * seconds((1000, 2000), (256, 256))


@pytest.mark.parametrize("turned", [False, True])
def test_a_very_long_photo_is_seen_as_its_small_copy(turned: bool) -> None:
    """L of a photo thousands of pixels long to each one wanted is that of the photo averaged first."""
    pixels = long_photo((3, 300_000), 1)
    means = lightness(pixels).reshape(3, 3000, 100).mean(2)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(means)[None, None], size=(8, 64), mode="bicubic", antialias=True
    )[0, 0].clamp(0, 100)
    seen = light(np.ascontiguousarray(pixels.T), (64, 8))[0, 0].T if turned else light(pixels, (8, 64))[0, 0]
    np.testing.assert_allclose(seen, expected, atol=0.3)


@pytest.mark.parametrize("turned", [False, True])
def test_a_very_long_photo_is_colored_as_others(turned: bool) -> None:
    """Its L stays, and its ab is the network's, widened as ab of any photo is."""
    pixels = long_photo((4, 200_000), 1)
    ab = np.zeros((2, 1, 64), np.float32)
    ab[0], ab[1] = np.linspace(-20, 20, 64), 15 * np.sin(np.linspace(0, 12, 64))
    if turned:
        result = render(np.ascontiguousarray(pixels.T), ab.transpose(0, 2, 1), upsample="bilinear")
        result = result.transpose(1, 0, 2)
    else:
        result = render(pixels, ab, upsample="bilinear")
    lab = color.rgb2lab(result)
    np.testing.assert_allclose(lab[..., 0], lightness(pixels), atol=0.5)
    wide = torch.nn.functional.interpolate(torch.from_numpy(ab)[None], size=pixels.shape, mode="bilinear")[0]
    inside = (lab[..., 0] > 35) & (lab[..., 0] < 75)  # where sRGB has these colors
    difference = np.abs(lab[..., 1:] - wide.numpy().transpose(1, 2, 0))[inside]
    assert difference.max() <= 2  # 8-bit codes alone are off by up to 1.5
    assert difference.mean() <= 0.5
