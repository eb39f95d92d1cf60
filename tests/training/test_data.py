"""Samples and batches."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from colorful.errors import PhotosError
from colorful.photos import Photo, find_photos
from colorful.training.data import Batches, CropOptions, Crops, loader, survey


@pytest.fixture
def photos(photo_folder: Path) -> list[Photo]:
    """Give the photos of the folder."""
    return find_photos(photo_folder)


def test_grey_toned_and_broken_photos_are_counted_out(tmp_path: Path) -> None:
    """The survey keeps color photos alone and says how many of the others there were."""
    grey = Image.fromarray(data.camera()[::4, ::4])
    grey.save(tmp_path / "grey.png")
    np_grey = np.asarray(grey, np.float32)[..., None]
    Image.fromarray((np_grey * [1, 0.85, 0.6]).astype(np.uint8)).save(tmp_path / "sepia.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    Image.fromarray(data.coffee()[::4, ::4]).save(tmp_path / "coffee.png")

    found = survey(find_photos(tmp_path))

    assert [photo.name for photo in found.usable] == ["coffee.png"]
    assert found.skipped == {"grey": 1, "toned": 1, "broken": 1}
    assert found.counts.sum() == 64 * 64


def test_without_color_there_is_nothing_to_learn(tmp_path: Path) -> None:
    """A folder of grey photos is an error that says what was found."""
    Image.fromarray(data.camera()[::4, ::4]).save(tmp_path / "grey.png")
    with pytest.raises(PhotosError, match="color photos to learn from, got 1 grey"):
        survey(find_photos(tmp_path))


def test_a_sample_is_a_function_of_its_number_and_the_seed(photos: list[Photo]) -> None:
    """The same number gives the same sample, whatever was made before; another seed gives another."""
    options = CropOptions(hinted=0.5)
    crops = Crops(photos, options, stride=4, seed=3)
    expected = crops[(7, 32)]
    for number in (0, 40, 100):
        _ = crops[(number, 32)]
    for ours, theirs in zip(crops[(7, 32)], expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert not torch.equal(Crops(photos, options, stride=4, seed=4)[(7, 32)][0], expected[0])


def test_every_photo_is_seen_once_an_epoch(photos: list[Photo]) -> None:
    """Samples go through the photos in a new order each epoch."""
    crops = Crops(photos, CropOptions(), stride=4, seed=0)
    seen: list[bytes] = []
    for number in range(2 * len(photos)):
        seen.append(crops._pixels(number, 32).tobytes())
    first, second = seen[: len(photos)], seen[len(photos) :]
    assert set(first) == set(second)
    assert len(set(first)) == len(photos)
    assert first != second


def test_light_and_color_of_a_crop_are_those_of_the_photo(tmp_path: Path) -> None:
    """L and ab, the latter averaged over the cells of the network, are scikit-image's."""
    Image.fromarray(data.coffee()[:64, :64]).save(tmp_path / "a.png")
    options = CropOptions(aged=0, least_scale=1)
    crop = Crops(find_photos(tmp_path), options, stride=4, seed=0)
    crop._cut = lambda pixels, size, random: (pixels / 255).astype(np.float32)  # type: ignore[method-assign]
    light, ab, hinted, mask = crop[(0, 64)]
    lab = rgb2lab(data.coffee()[:64, :64])
    np.testing.assert_allclose(light[0], lab[..., 0], atol=0.02)
    cells = lab[..., 1:].reshape(16, 4, 16, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(ab.movedim(0, -1), cells, atol=0.02)
    assert not hinted.any()
    assert not mask.any()


def test_large_photos_are_decoded_no_larger_than_crops_need(tmp_path: Path) -> None:
    """A crop of a camera's JPEG is the same, but for what no crop shows, as from all of its pixels."""
    Image.fromarray(data.astronaut()).resize((2048, 2048)).save(tmp_path / "a.jpg", quality=95)
    crops = Crops(find_photos(tmp_path), CropOptions(aged=0, least_scale=0.5), stride=1, seed=0)
    assert crops._pixels(0, 64).shape == (256, 256, 3)
    small = crops[(0, 64)]
    crops._pixels = lambda number, size: crops.photos[0].load()  # type: ignore[method-assign]
    for ours, theirs in zip(small[:2], crops[(0, 64)], strict=False):
        assert (ours - theirs).abs().mean() < 1


def test_only_light_is_aged(photos: list[Photo]) -> None:
    """Aging disturbs what the network sees, not the colors it shall find."""
    plain, aged = (Crops(photos, CropOptions(aged=share), stride=4, seed=0)[(3, 64)] for share in (0.0, 1.0))
    assert not torch.equal(plain[0], aged[0])
    torch.testing.assert_close(plain[1], aged[1], rtol=0, atol=0)


def test_processes_share_the_samples_of_one() -> None:
    """Two processes with batches of 8 go through the samples of one process with batches of 16."""
    options = CropOptions(size=32, large_size=64, large_share=0.0)
    one = itertools.islice(Batches(options, batch_size=16, seed=0), 4)
    two = zip(
        *(Batches(options, batch_size=8, seed=0, rank=rank, processes=2) for rank in (0, 1)), strict=True
    )
    assert list(one) == [first + second for first, second in itertools.islice(two, 4)]


def test_batches_go_on_where_they_stopped() -> None:
    """Batches from step 5 on are those of a run that came to step 5."""
    options = CropOptions(large_share=0.5)
    whole = list(itertools.islice(Batches(options, batch_size=8, seed=1), 12))
    rest = list(itertools.islice(Batches(options, batch_size=8, seed=1, first_step=5), 7))
    assert whole[5:] == rest
    sizes = {len(batch): batch[0][1] for batch in whole}
    assert sizes == {8: 128, 4: 192}


def test_a_photo_that_goes_missing_is_replaced(photos: list[Photo], tmp_path: Path) -> None:
    """A photo that can no longer be read does not end the run: the next one takes its place."""
    gone = Photo("gone.png", tmp_path / "gone.png")
    crops = Crops([gone, photos[0]], CropOptions(), stride=4, seed=0)
    assert crops[(0, 32)][0].shape == crops[(1, 32)][0].shape == (1, 32, 32)


def test_workers_make_the_same_batches(photos: list[Photo]) -> None:
    """Batches do not depend on how many processes make them."""
    options = CropOptions(size=32)
    made = []
    for workers in (0, 1):
        batches = Batches(options, batch_size=2, seed=0)
        stream = iter(loader(Crops(photos, options, stride=4, seed=0), batches, workers=workers))
        made.append([next(stream) for _ in range(2)])
        del stream
    for first, second in zip(*made, strict=True):
        for ours, theirs in zip(first, second, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
