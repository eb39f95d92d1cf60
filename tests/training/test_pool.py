"""Photos in memory, and crops of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from colorful.errors import TrainingError
from colorful.photos import find_photos
from colorful.training import pool as module
from colorful.training.pool import Box, Pool, read


def pool_of(tmp_path: Path, *photos: np.ndarray, side: int = 10_000) -> Pool:
    """Write photos and read them."""
    for number, photo in enumerate(photos):
        Image.fromarray(photo).save(tmp_path / f"{number}.png")
    return read(find_photos(tmp_path), side=side)[0]


def test_photos_are_kept_as_they_are_unless_they_are_large(tmp_path: Path) -> None:
    """Small photos keep every pixel; of larger ones the shorter side is brought to the one asked for."""
    small, large = data.coffee()[:50, :70], data.chelsea()
    pool = pool_of(tmp_path, small, large, side=100)
    assert len(pool) == 2
    np.testing.assert_array_equal(pool.photo(0), small)
    assert pool.photo(1).shape == (100, 150, 3)
    scaled = np.asarray(Image.fromarray(large).resize((150, 100), Image.Resampling.BOX), float)
    assert np.abs(scaled - pool.photo(1)).mean() < 2


def test_a_turned_photo_stands_upright(tmp_path: Path) -> None:
    """EXIF's orientation is followed, for the size as well."""
    image = Image.fromarray(data.coffee()[:50, :70])
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif)
    pool, _ = read(find_photos(tmp_path), side=1000)
    np.testing.assert_array_equal(pool.photo(0), np.rot90(data.coffee()[:50, :70], 3))


def test_coarse_grey_is_smoothed(tmp_path: Path) -> None:
    """The blocks of a JPEG with a coarse first table are softened; one of good quality is left alone."""
    image = Image.fromarray(data.astronaut()[:128, 100:260])
    steps = {}
    for quality in (15, 90):
        image.save(tmp_path / "a.jpg", quality=quality)
        (photo,) = find_photos(tmp_path)
        pixels = read([photo], side=1000)[0].photo(0).astype(float)
        as_stored = photo.load().astype(float)
        # Between blocks, in the middle of a flat background.
        steps[quality] = tuple(np.abs(np.diff(p, axis=1))[:, 7::8].mean() for p in (pixels, as_stored))
    assert steps[15][0] < 0.8 * steps[15][1]
    assert steps[90][0] == steps[90][1]


def test_a_crop_is_what_interpolation_gives(tmp_path: Path) -> None:
    """A box is sampled as torch does it, mirrored where asked for; boxes of several photos are one batch."""
    pool = pool_of(tmp_path, data.coffee()[:80, :90], data.chelsea()[:60, :60])
    boxes = [Box(10, 5, 40, 60, False), Box(0, 0, 60, 60, True)]
    cut = pool.cut([0, 1], boxes, 50)
    assert cut.shape == (2, 3, 50, 50)
    first, second = (
        torch.from_numpy(pool.photo(number).copy()).movedim(-1, 0).float() / 255 for number in (0, 1)
    )
    y, x = ((torch.arange(50) + 0.5) / 50 * length + start for start, length in ((10, 40), (5, 60)))
    grid = torch.stack(torch.meshgrid(y / 80, x / 90, indexing="ij")[::-1], dim=-1)[None] * 2 - 1
    expected = torch.nn.functional.grid_sample(first[None], grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(cut[0], expected[0], atol=1e-4, rtol=0)
    expected = torch.nn.functional.interpolate(second[None], (50, 50), mode="bilinear", align_corners=False)
    torch.testing.assert_close(cut[1], expected[0].flip(-1), atol=1e-4, rtol=0)


def test_a_large_box_is_averaged_not_skipped_over(tmp_path: Path) -> None:
    """A fine pattern in a box much larger than the crop becomes its mean, not some of its pixels."""
    checks = np.indices((128, 128)).sum(axis=0) % 2 * 255
    pool = pool_of(tmp_path, np.repeat(checks[..., None], 3, axis=2).astype(np.uint8))
    cut = pool.cut([0], [Box(0, 0, 128, 128, False)], 32)
    assert (cut - 0.5).abs().max() < 0.02


def test_too_many_photos_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory does not suffice, the error says how much is needed and which option lowers it."""

    def full(*args: object, **kwargs: object) -> None:
        raise RuntimeError("not enough memory")

    monkeypatch.setattr(module.torch, "empty", full)
    with pytest.raises(TrainingError, match=r"photo_side: 1 photos of 50 pixels take 0\.0 GB"):
        pool_of(tmp_path, data.coffee()[:80, :90], side=50)
