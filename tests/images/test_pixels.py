"""Pixels rearranged: what is kept of large arrays, and how much memory that takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from colorful.images.pixels import gathered


@pytest.mark.parametrize("source", [np.float32, np.float64, np.uint32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_are_gathered(source: type, channels: int) -> None:
    """The first channels of an array come together as they were, in its own memory."""
    values = np.random.default_rng(0).random((700, 500, 4)) * 1000
    whole = values.astype(source)
    result = gathered(whole[..., :channels], np.float32)
    np.testing.assert_array_equal(result, values.astype(source)[..., :channels].astype(np.float32))
    assert result.flags.c_contiguous
    assert np.shares_memory(result, whole)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1, :, :3],
        lambda a: a[..., 1:],
        lambda a: a[:, 5:, :3],
        lambda a: np.moveaxis(a, 0, 1)[..., :3],
        lambda a: np.moveaxis(a, -1, 0)[:3, :, :4],
    ],
)
def test_other_views_are_copied(view: object) -> None:
    """Where pixels do not lie one behind the other the array itself stays as it was."""
    whole = np.random.default_rng(0).random((60, 50, 4)).astype(np.float32)
    before = whole.copy()
    part = view(whole)  # type: ignore[operator]
    expected = part.copy()
    np.testing.assert_array_equal(gathered(part, np.float32), expected)
    np.testing.assert_array_equal(whole, before)


MEMORY = """
import re, sys
from pathlib import Path
import numpy as np
from colorful import Colorizer, images

colorizer = Colorizer.from_pretrained("lite", device="cpu")
colorizer.colorize(np.zeros((64, 64, 4), np.float32))
images.encode(images.read(np.zeros((64, 64, 4), np.float32)), "tiff")
images.read(sys.argv[2])

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

Path("/proc/self/clear_refs").write_text("5")
before = peak()
colorizer.colorize_file(sys.argv[1], sys.argv[3])
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_memory_of_the_deepest_pixels(compression: str | None, tmp_path: Path) -> None:
    """RGBA of floats takes at most 24 bytes a pixel and 60 MB, from file to file."""
    side = 2000
    ramp = np.add.outer(np.arange(side), np.arange(side)).astype(np.float32) / (2 * side)
    photo = np.round(np.dstack((ramp, ramp * 0.9, ramp * 0.8, np.ones_like(ramp))) * 64) / 64
    for name, values in (("photo.tif", photo), ("small.tif", photo[:64, :64])):
        tifffile.imwrite(
            tmp_path / name, values, photometric="rgb", extrasamples=["unassalpha"], compression=compression
        )
    paths = [tmp_path / name for name in ("photo.tif", "small.tif", "result.tif")]
    run = [sys.executable, "-c", MEMORY, *paths]
    used = int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    assert used <= 24 * side * side + 60e6
    result = tifffile.imread(paths[2])
    assert result.shape == (side, side, 4)
    np.testing.assert_array_equal(result[..., 3], 1)
