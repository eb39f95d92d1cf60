from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sample_files as samples
import skimage.data
from PIL import Image, ImageCms, ImageOps

from colorful.errors import ImageError, KindError, PhotosError, RangeError, ShapeError
from colorful.photos import Photo, color_kind, find_photos, split_photos

Pixels = npt.NDArray[np.uint8]
HELD = {"test": 0.2, "validation": 0.2}


def encoded(pixels: Pixels, format: str = "png", **options: object) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def patch(number: int, side: int = 24) -> Pixels:
    """A colorful picture that is like no other."""
    return np.random.default_rng(number).integers(0, 256, (side, side + 8, 3), np.uint8)


def write_tar(path: Path, members: dict[str, bytes]) -> None:
    """Make a shard."""
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with photos, a folder in it, a shard, and what is to be passed over."""
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for number, name in enumerate(("b.png", "a.PNG", "sub/c.png", ".hidden/d.png", "._e.png")):
        (tmp_path / name).write_bytes(encoded(patch(number)))
    (tmp_path / "notes.txt").write_text("no photo")
    write_tar(
        tmp_path / "shard.tar",
        {"set/000002.png": encoded(patch(12)), "set/000001.png": encoded(patch(11)), "set/list.txt": b"1 2"},
    )
    return tmp_path


def test_a_folder_gives_its_photos_and_those_of_its_shards_by_name(album: Path) -> None:
    """Folders are gone through, shards opened; hidden files and other endings passed over."""
    names = ["a.PNG", "b.png", "set/000001.png", "set/000002.png", "sub/c.png"]
    assert [photo.name for photo in find_photos(album)] == names
    assert [photo.name for photo in find_photos([album], recursive=False)] == names[:-1]


def test_members_of_a_shard_are_read_in_any_order(album: Path) -> None:
    """A member is found by its place in the archive, also by a photo that was sent to another process."""
    one, two = find_photos(album / "shard.tar")
    assert (two.load() == patch(12)).all()
    assert (pickle.loads(pickle.dumps(one)).load() == patch(11)).all()
    assert one.read() == encoded(patch(11))


def test_files_globs_and_overlapping_sources_give_each_photo_once(album: Path) -> None:
    """Sources may overlap; names come from the folder, or from the part of a pattern that is fixed."""
    assert [photo.name for photo in find_photos(str(album / "**" / "*.png"))] == ["b.png", "sub/c.png"]
    assert len(find_photos([album, album / "b.png", str(album / "*.tar")])) == 5
    odd = album / "odd [1]*?.png"
    odd.write_bytes(encoded(patch(3)))
    assert [photo.name for photo in find_photos(odd)] == ["odd [1]*?.png"]
    plain = album / "photo.without-ending"
    plain.write_bytes(encoded(patch(4)))
    assert (find_photos(plain)[0].load() == patch(4)).all()


def test_equal_names_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    """Where two sources have a photo of the same name, both go by their path."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(encoded(patch(1)))
    write_tar(tmp_path / "s.tar", {"a.png": encoded(patch(2)), "b.png": encoded(patch(3))})
    names = [photo.name for photo in find_photos([tmp_path / "one", tmp_path / "two", tmp_path / "s.tar"])]
    root = tmp_path.as_posix()
    assert names == sorted([f"{root}/one/a.png", f"{root}/two/a.png", f"{root}/s.tar/a.png", "b.png"])


def test_a_member_that_was_added_again_replaces_the_first(tmp_path: Path) -> None:
    """Of two members of one name in a shard the last counts, as for tar itself."""
    write_tar(tmp_path / "s.tar", {"a.png": encoded(patch(1)), "b.png": b""})
    with tarfile.open(tmp_path / "s.tar", "a") as archive:
        info = tarfile.TarInfo("a.png")
        info.size = len(encoded(patch(2)))
        archive.addfile(info, io.BytesIO(encoded(patch(2))))
    first, empty = find_photos(tmp_path)
    assert (first.load() == patch(2)).all()
    with pytest.raises(ImageError, match=r"b\.png: expected a picture, got an empty file"):
        empty.load()


def test_what_cannot_be_found_is_said_in_words(tmp_path: Path) -> None:
    """Missing paths, empty folders and broken shards are errors that name them."""
    with pytest.raises(PhotosError, match=r"no such file or folder.*nowhere"):
        find_photos(tmp_path / "nowhere")
    with pytest.raises(PhotosError, match="got none in"):
        find_photos(tmp_path)
    with pytest.raises(PhotosError, match="an empty list"):
        find_photos([])
    (tmp_path / "broken.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(PhotosError, match=r"broken\.tar.* no readable uncompressed tar"):
        find_photos(tmp_path)


@pytest.mark.parametrize("locked", ["album", "inside"])
def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: str
) -> None:
    """A folder without permission is named: to pass it over would mean to train or to measure on less."""
    (tmp_path / "album" / "inside").mkdir(parents=True)
    for name in ("a.png", "inside/b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / "album" / name)
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(PhotosError, match=rf"{locked}: cannot be listed: Permission denied"):
        find_photos(tmp_path / "album")


def test_pixels_come_upright_and_in_rgb(tmp_path: Path) -> None:
    """The EXIF turn is applied, and palettes, grey and alpha become plain RGB."""
    image = Image.fromarray(patch(1))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    image.convert("P").save(tmp_path / "palette.png")
    image.convert("RGBA").save(tmp_path / "alpha.png")
    photos = {photo.name: photo for photo in find_photos(tmp_path)}
    with Image.open(tmp_path / "turned.png") as turned:
        assert (photos["turned.png"].load() == np.asarray(ImageOps.exif_transpose(turned))).all()
    assert photos["turned.png"].load().shape == (32, 24, 3)
    assert photos["palette.png"].load().shape == (24, 32, 3)
    assert (photos["alpha.png"].load() == patch(1)).all()


def test_pixels_come_in_srgb_and_in_8_bits(tmp_path: Path) -> None:
    """Colors are those that the profile of the photo means, deep greys are no white, inks are no light."""
    rgb = Image.fromarray(skimage.data.coffee()[:40, :60])
    wide = ImageCms.ImageCmsProfile(io.BytesIO(samples.ADOBE_RGB))
    srgb = ImageCms.createProfile("sRGB")
    adobe = ImageCms.profileToProfile(rgb, srgb, wide)
    assert isinstance(adobe, Image.Image)
    adobe.save(tmp_path / "adobe.png", icc_profile=samples.ADOBE_RGB)
    grey = np.add.outer(np.arange(40), np.arange(60)) * 500
    Image.fromarray(grey.astype(np.uint16)).save(tmp_path / "deep.png")
    rgb.convert("CMYK").save(tmp_path / "inks.jpg", quality=95)
    found = {photo.name: photo.load().astype(int) for photo in find_photos(tmp_path)}
    np.testing.assert_allclose(found["adobe.png"], np.asarray(rgb), atol=3)
    np.testing.assert_array_equal(found["deep.png"][..., 1], np.rint(grey / 257))
    assert np.abs(found["inks.jpg"] - np.asarray(rgb)).mean() < 5


def test_a_large_jpeg_can_be_decoded_small(tmp_path: Path) -> None:
    """With ``min_side`` a JPEG comes at a half, quarter or eighth, its shorter side no smaller than that."""
    (tmp_path / "large.jpg").write_bytes(encoded(skimage.data.astronaut()[:, :400], "jpeg"))
    (photo,) = find_photos(tmp_path)
    assert photo.load().shape == (512, 400, 3)
    assert photo.load(min_side=100).shape == (128, 100, 3)
    assert photo.load(min_side=101).shape == (256, 200, 3)


def test_a_photo_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """Junk, cut-off data and a file that is gone are ImageErrors that name the photo."""
    (tmp_path / "junk.png").write_bytes(b"junk")
    (tmp_path / "cut.png").write_bytes(encoded(patch(1, 200))[:3000])
    cut, junk = find_photos(tmp_path)
    with pytest.raises(ImageError, match=r"junk\.png: not a picture"):
        junk.load()
    with pytest.raises(ImageError, match=r"cut\.png: truncated"):
        cut.load()
    junk.path.unlink()
    with pytest.raises(ImageError, match=r"junk\.png: cannot be read"):
        junk.read()


def test_color_grey_and_toned_photos_are_told_apart() -> None:
    """Photos have color of their own; tints that follow the tone do not count, nor does noise."""
    color = skimage.data.coffee()
    light = np.asarray(Image.fromarray(color).convert("L"), np.float64)
    noisy = light[..., None] + np.random.default_rng(0).normal(0, 4, color.shape)
    tint = light[..., None] * (1.0, 0.92, 0.72)
    for pixels, kind in (
        (color, "color"),
        (skimage.data.chelsea(), "color"),
        (noisy, "grey"),
        (tint, "toned"),
    ):
        rgb = np.clip(pixels, 0, 255).astype(np.uint8)
        for quality in (95, 60):
            with Image.open(io.BytesIO(encoded(rgb, "jpeg", quality=quality))) as image:
                assert color_kind(np.asarray(image)) == kind
    blue = np.asarray(
        ImageOps.colorize(Image.fromarray(light.astype(np.uint8)), (0, 20, 70), (235, 240, 255))
    )
    assert color_kind(blue) == "toned"
    assert color_kind(np.zeros((1, 1, 3), np.uint8)) == "grey"
    with pytest.raises(KindError, match="rgb: expected an array of uint8, got float64"):
        color_kind(np.zeros((4, 4, 3)))  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="rgb"):
        color_kind(np.zeros((4, 4), np.uint8))


@pytest.fixture
def many(tmp_path: Path) -> list[Photo]:
    """A shard of 60 photos that are alike in nothing."""
    write_tar(
        tmp_path / "many.tar", {f"many/{number:06d}.png": encoded(patch(number)) for number in range(60)}
    )
    return find_photos(tmp_path)


def by_digest(photos: list[Photo]) -> list[Photo]:
    """Sort by the SHA-256 of the name, in its hexadecimal form."""
    return sorted(photos, key=lambda photo: hashlib.sha256(photo.name.encode()).hexdigest())


def test_the_split_goes_by_the_digests_of_the_names(many: list[Photo]) -> None:
    """The SHA-256 of a name as a fraction of 1 says its part, in whatever order photos come."""
    split = split_photos(many[::-1], test=0.25, validation=0.125)
    assert (*split.test, *split.validation, *split.train) == tuple(by_digest(many))
    # An eighth is 32 of the 256 values of the first byte.
    firsts = [[hashlib.sha256(photo.name.encode()).digest()[0] for photo in part] for part in split]
    assert all(firsts)
    assert max(firsts[0]) < 64 <= min(firsts[1])
    assert max(firsts[1]) < 96 <= min(firsts[2])
    assert [len(part) for part in split_photos(many, test=0, validation=0)] == [0, 0, 60]


def test_a_photo_stays_in_its_part_when_others_join(many: list[Photo]) -> None:
    """A test photo is one for good: photos that are added do not push it into training."""
    few, all_of_them = (
        split_photos(many[:30], test=0.2, validation=0.2),
        split_photos(many, test=0.2, validation=0.2),
    )
    for before, after in zip(few, all_of_them, strict=True):
        assert set(before) <= set(after)
    assert len(few.test) < len(all_of_them.test)


def test_near_duplicates_across_the_border_go_to_training(many: list[Photo], tmp_path: Path) -> None:
    """A held-out photo like one of another part trains, and so does a held-out one that is like that one."""
    split = split_photos(many, **HELD)
    test, validation, train = split.test[:3], split.validation[0], split.train[0]
    smooth, other, third = (
        np.asarray(Image.fromarray(patch(seed, 9)).resize((160, 128), Image.Resampling.BICUBIC))
        for seed in (99, 98, 97)
    )
    mirrored = np.ascontiguousarray(np.asarray(Image.fromarray(smooth).resize((100, 80)))[:, ::-1])
    members = {photo.name: photo.read() for photo in many}
    # The test photo is the mirror image of a training photo; another pair stays, both being test photos.
    members |= {test[0].name: encoded(smooth), train.name: encoded(mirrored), validation.name: encoded(other)}
    members |= {
        test[1].name: encoded(third, "jpeg", quality=95),
        test[2].name: encoded(third, "jpeg", quality=80),
    }
    write_tar(tmp_path / "many.tar", members)
    found = split_photos(find_photos(tmp_path), **HELD)
    names = [{photo.name for photo in part} for part in found]
    assert test[0].name in names[2]
    assert {test[1].name, test[2].name} <= names[0]
    assert validation.name in names[1]
    # Now the second of that pair is like the training photo, too: both leave the test set.
    members[train.name] = encoded(third, "jpeg", quality=60)
    write_tar(tmp_path / "many.tar", members)
    names = [{photo.name for photo in part} for part in split_photos(find_photos(tmp_path), **HELD)]
    assert {test[1].name, test[2].name} <= names[2]
    assert test[0].name in names[0]


def test_unreadable_photos_are_split_like_others(many: list[Photo], tmp_path: Path) -> None:
    """A broken photo stays where its name puts it and is like no other."""
    broken = {many[0].name: b"junk", many[1].name: b"junk"}
    write_tar(tmp_path / "many.tar", {photo.name: photo.read() for photo in many} | broken)
    found = split_photos(find_photos(tmp_path), **HELD)
    assert [photo.name for photo in (*found.test, *found.validation, *found.train)] == [
        photo.name for photo in by_digest(many)
    ]


def test_names_that_are_no_utf8_are_split_by_their_bytes(tmp_path: Path) -> None:
    """Old albums have names in other encodings; the split goes by the bytes of a name, as it always does."""
    for number in range(10):
        name = b"\xe9t\xe9-%d.png" % number
        (tmp_path / os.fsdecode(name)).write_bytes(encoded(patch(number)))
    split = split_photos(find_photos(tmp_path), **HELD)
    digests = [hashlib.sha256(os.fsencode(photo.name)).digest() for part in split for photo in part]
    assert digests == sorted(digests)
    assert sum(len(part) for part in split) == 10


def test_a_split_needs_names_and_shares_that_make_sense(many: list[Photo]) -> None:
    """Equal names and shares that are none are refused."""
    with pytest.raises(PhotosError, match="unique names"):
        split_photos([*many, many[0]])
    with pytest.raises(RangeError, match="validation"):
        split_photos(many, validation=-1)
    with pytest.raises(RangeError, match=r"expected shares of 1, got 0\.7, 0\.6"):
        split_photos(many, test=0.7, validation=0.6)


def test_what_is_no_file_is_passed_over(album: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A named pipe with the ending of a photo is left alone, and refused when it is given by name."""
    os.mkfifo(album / "pipe.jpg")
    os.mkfifo(album / "pipe.tar")
    before = find_photos(album)
    assert not any("pipe" in photo.name for photo in before)
    assert f"{album / 'pipe.jpg'}: left out, because it is not a regular file" in caplog.messages
    assert [photo.name for photo in find_photos(str(album / "*.*[gG]"))] == ["a.PNG", "b.png"]
    with pytest.raises(PhotosError, match=r"neither a file nor a folder: .*pipe\.jpg"):
        find_photos(album / "pipe.jpg")
    with pytest.raises(ImageError, match=r"x: cannot be read: expected a file, got a "):
        Photo("x", album / "pipe.jpg").read()


def test_a_share_that_fails_for_a_moment_loses_no_photo(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo whose kind cannot be told is not taken for a pipe: reading it says what is wrong with it."""
    whole, failed, ask = find_photos(album), set[str](), os.stat

    def stat(path: object, **options: bool) -> os.stat_result:
        if str(path).endswith("g") and str(path) not in failed:
            failed.add(str(path))
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return ask(path, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(os, "stat", stat)
    assert find_photos(album) == whole
    assert str(album / "b.png") in failed


def test_pictures_that_are_not_read_are_counted(album: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Raw files and drawings among photos are passed over, and a warning says how many of which."""
    for name in ("a.dng", "b.DNG", "sub/c.psd", ".hidden/d.psd", "film.mp4"):
        (album / name).touch()
    assert len(find_photos(album)) == 5
    assert caplog.messages == [
        f"{album}: pictures in formats that are not read are passed over: 2 .dng, 1 .psd"
    ]


def test_every_photo_of_a_camera_is_found(tmp_path: Path) -> None:
    """Photos are found by any ending that programs give the formats that are read."""
    endings = ("mpo", "hif", "j2k", "jpx", "jpf", "pbm", "dib", "apng", "JPE", "avifs")
    names = sorted(f"a.{ending}" for ending in endings)
    for name in names:
        (tmp_path / name).touch()
    assert sorted(photo.name for photo in find_photos(tmp_path)) == sorted(names)


def test_a_pattern_that_matches_folders_looks_into_them(album: Path) -> None:
    """A pattern gives what the same names, spelled out by a shell, would give."""
    assert [photo.name for photo in find_photos(str(album / "s*"))] == [
        "set/000001.png",
        "set/000002.png",
        "sub/c.png",
    ]


def test_a_phones_photo_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEIC needs pillow-heif; without it the message names the extra."""
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(skimage.data.coffee())).save(tmp_path / "a.heic", quality=100)
    (photo,) = find_photos(tmp_path)
    assert abs(photo.load().astype(int) - skimage.data.coffee()).mean() < 2
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"a\.heic: .*colorful-colorization\[heif\]"):
        photo.load()
