"""Samples and batches."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from colorful.errors import PhotosError
from colorful.photos import Photo, find_photos
from colorful.training.data import Batch, CropOptions, Crops, Plan, plans, sources_of, survey

CLEAN = CropOptions(aged=0, old_film=0)


@pytest.fixture(scope="module")
def photos(photo_folder: Path) -> list[Photo]:
    """Give the photos of the folder."""
    return find_photos(photo_folder)


def crops_of(photos: list[Photo], options: CropOptions = CLEAN, *, stride: int = 4, seed: int = 0) -> Crops:
    """Read photos and make crops of them."""
    return Crops(survey(photos, side=options.photo_side).pool, options, stride=stride, seed=seed)


def plan(*numbers: int, size: int = 32, hinted: bool = False) -> Plan:
    """Plan a batch of consecutive samples."""
    return Plan(range(numbers[0], numbers[-1] + 1), size, hinted)


def assert_same(ours: Batch, theirs: Batch) -> None:
    """Compare batches to the bit."""
    for mine, yours in zip(ours, theirs, strict=True):
        assert (mine is None) == (yours is None)
        if mine is not None:
            torch.testing.assert_close(mine, yours, rtol=0, atol=0)


def test_grey_toned_and_broken_photos_are_counted_out(tmp_path: Path) -> None:
    """The survey keeps color photos alone and says how many of the others there were."""
    grey = Image.fromarray(data.camera()[::4, ::4])
    grey.save(tmp_path / "grey.png")
    np_grey = np.asarray(grey, np.float32)[..., None]
    Image.fromarray((np_grey * [1, 0.85, 0.6]).astype(np.uint8)).save(tmp_path / "sepia.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    Image.fromarray(data.coffee()[::4, ::4]).save(tmp_path / "coffee.png")

    found = survey(find_photos(tmp_path), side=256)

    assert [photo.name for photo in found.usable] == ["coffee.png"]
    assert found.skipped == {"grey": 1, "toned": 1, "broken": 1}
    assert found.counts.sum() == 64 * 64
    np.testing.assert_array_equal(found.pool.photo(0), data.coffee()[::4, ::4])


def test_without_color_there_is_nothing_to_learn(tmp_path: Path) -> None:
    """A folder of grey photos is an error that says what was found."""
    Image.fromarray(data.camera()[::4, ::4]).save(tmp_path / "grey.png")
    with pytest.raises(PhotosError, match="color photos to learn from, got 1 grey"):
        survey(find_photos(tmp_path), side=256)


def test_a_sample_is_a_function_of_its_number_and_the_seed(photos: list[Photo]) -> None:
    """The same number gives the same sample, whatever was made before and beside it."""
    options = CropOptions(aged=0.6, old_film=0.5, hinted=1, recolored=0.8)
    crops = crops_of(photos, options, seed=3)
    together = crops.batch(plan(0, 7, hinted=True))
    for number in (5, 0, 7):
        alone = crops.batch(plan(number, hinted=True))
        for whole, single in zip(together, alone, strict=True):
            assert whole is not None
            assert single is not None
            torch.testing.assert_close(whole[number : number + 1], single, rtol=1e-5, atol=1e-3)
    assert_same(crops_of(photos, options, seed=3).batch(plan(0, 7, hinted=True)), together)
    other = crops_of(photos, options, seed=4).batch(plan(0, 7, hinted=True))
    assert not torch.equal(other.light, together.light)


def test_every_photo_is_seen_once_an_epoch(photos: list[Photo]) -> None:
    """Samples go through the photos in a new order each epoch."""
    crops = crops_of(photos)
    seen = [crops.photo(number) for number in range(2 * len(photos))]
    first, second = seen[: len(photos)], seen[len(photos) :]
    assert sorted(first) == sorted(second) == list(range(len(photos)))
    assert first != second


@pytest.mark.parametrize(("balance", "share"), [(1.0, 1 / 4), (0.5, 1 / (1 + 3**0.5)), (0.0, 1 / 2)])
def test_no_source_rules(photos: list[Photo], balance: float, share: float) -> None:
    """Sources of 6 and 18 photos share the samples by the power of their sizes that was asked for."""
    sources = ["small"] * 6 + ["large"] * 18
    pool = survey(photos, side=32).pool
    crops = Crops(pool, replace(CLEAN, balance=balance), stride=4, seed=0, sources=sources)
    seen = Counter(sources[crops.photo(number)] for number in range(100 * len(photos)))
    assert seen["small"] / seen.total() == pytest.approx(share, abs=0.01)


def test_a_source_is_a_folder_or_a_set_of_shards() -> None:
    """Shards that differ in their number alone are one source; so is what lies in one folder."""
    names = ["street-000/000001.jpg", "street-012/000001.jpg", "street/a/b.jpg", "c.jpg"]
    assert sources_of([Photo(name, Path(name)) for name in names]) == ["street", "street", "street", ""]


def test_light_and_color_of_a_crop_are_those_of_the_photo(tmp_path: Path) -> None:
    """L and ab, the latter averaged over the cells of the network, are scikit-image's."""
    Image.fromarray(data.astronaut()[300:364, 150:214]).save(tmp_path / "a.png")
    crops = crops_of(find_photos(tmp_path), replace(CLEAN, least_scale=1))
    whole = crops._box(0, np.random.default_rng(0))._replace(top=0, left=0, height=64, width=64)
    crops._box = lambda photo, random: whole  # type: ignore[method-assign]
    batch = crops.batch(plan(0, size=64))
    lab = rgb2lab(data.astronaut()[300:364, 150:214])
    lab = lab[:, ::-1] if whole.mirrored else lab
    np.testing.assert_allclose(batch.light[0, 0], lab[..., 0], atol=0.02)
    cells = lab[..., 1:].reshape(16, 4, 16, 4, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(batch.target[0].movedim(0, -1), cells, atol=0.02)
    assert batch.ab is None
    assert batch.mask is None


def test_only_light_is_aged(photos: list[Photo]) -> None:
    """Aging and old film disturb what the network sees, not the colors it shall find."""
    plain = crops_of(photos).batch(plan(3, 6, size=64))
    for changes in ({"aged": 1.0}, {"old_film": 1.0}):
        aged = crops_of(photos, replace(CLEAN, **changes)).batch(plan(3, 6, size=64))
        assert ((plain.light - aged.light).abs().mean(dim=(1, 2, 3)) > 0.1).all()
        torch.testing.assert_close(plain.target, aged.target, rtol=0, atol=0)


def test_processes_share_the_samples_of_one() -> None:
    """Two processes with batches of 8 go through the samples of one process with batches of 16."""
    options = CropOptions(size=32, large_size=64, large_share=0.0, hinted=0.5)
    one = itertools.islice(plans(options, batch_size=16, seed=0), 4)
    two = zip(*(plans(options, batch_size=8, seed=0, rank=rank, processes=2) for rank in (0, 1)), strict=True)
    for whole, (first, second) in zip(one, two, strict=False):
        assert [*whole.numbers] == [*first.numbers, *second.numbers]
        assert whole.hinted == first.hinted == second.hinted


def test_batches_go_on_where_they_stopped() -> None:
    """Batches from step 5 on are those of a run that came to step 5."""
    options = CropOptions(large_share=0.5, hinted=0.5)
    whole = list(itertools.islice(plans(options, batch_size=8, seed=1), 12))
    rest = list(itertools.islice(plans(options, batch_size=8, seed=1, first_step=5), 7))
    assert whole[5:] == rest
    assert {(len(made.numbers), made.size) for made in whole} == {(8, 128), (4, 192)}
    assert {made.hinted for made in whole} == {False, True}
