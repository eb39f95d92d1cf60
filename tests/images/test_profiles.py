from __future__ import annotations

import io
import struct
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import sample_files as samples
from PIL import Image, ImageCms

from colorful import images

SRGB = ImageCms.ImageCmsProfile(
    io.BytesIO(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
)


def by_pillow(image: Image.Image, profile: bytes, *, exact: bool = False) -> npt.NDArray[Any]:
    """Convert an image to sRGB by Pillow, on request without shortcuts that cost up to ten steps."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    flags = ImageCms.Flags.NOOPTIMIZE if exact else ImageCms.Flags.NONE
    converted = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB", flags=flags)
    assert converted is not None
    return np.asarray(converted)


def cmyk_profile() -> bytes:
    """Make a small profile of a press: inks to Lab by a table of two points an axis."""
    grid = np.array(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij")).reshape(4, -1).T
    rgb = (1 - 0.9 * grid[:, :3]) * (1 - 0.85 * grid[:, 3:])
    light = rgb.mean(axis=1)
    ab = np.stack((rgb[:, 0] - rgb[:, 1], rgb[:, 1] - rgb[:, 2]), axis=1)
    table = np.column_stack((light, 0.5 + ab / 4)) * 255
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = (
        b"mft1\0\0\0\0\x04\x03\x02\0"
        + matrix
        + ramp * 4
        + table.round().astype(np.uint8).tobytes()
        + ramp * 3
    )
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 6) + b"press\0" + b"\0" * 79,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"A2B0": lut,
    }
    directory, body, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + b"\0" * (-len(data) % 4)
        directory += struct.pack(">4sII", name, offset + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"test", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head + b"\0" * (128 - len(head)) + directory + body


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_an_rgb_profile_is_applied(format: str) -> None:
    """Adobe RGB becomes sRGB bit by bit as Pillow's ImageCms converts it."""
    data = samples.save(Image.fromarray(samples.photo()), format, icc_profile=samples.ADOBE_RGB)
    stored = Image.open(io.BytesIO(data))
    np.testing.assert_array_equal(images.read(data).pixels, by_pillow(stored, samples.ADOBE_RGB))


def test_a_cmyk_profile_is_applied() -> None:
    """A CMYK JPEG and TIFF come as ImageCms converts them: Adobe's inverted inks are not taken for paper."""
    profile = cmyk_profile()
    inks = Image.fromarray(samples.photo()).convert("CMYK")
    for format in ("JPEG", "TIFF"):
        data = samples.save(inks, format, icc_profile=profile)
        stored = Image.open(io.BytesIO(data))
        assert stored.mode == "CMYK"
        picture = images.read(data)
        np.testing.assert_array_equal(picture.pixels, by_pillow(stored, profile))
        assert np.corrcoef(picture.pixels.mean(axis=2).ravel(), samples.gray().ravel())[0, 1] > 0.9
    deep = np.asarray(inks).astype(np.uint16) * 257
    data = samples.save_tiff(deep, photometric="separated", iccprofile=profile)
    difference = images.read(data).pixels / 257 - by_pillow(inks, profile)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.4])
def test_a_gray_profile_is_applied(gamma: float) -> None:
    """A gray profile gives gray, as ImageCms converts it, within a step of 8 bits."""
    profile = imagecodecs.cms_profile("gray", gamma=gamma)
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = images.read(samples.save(Image.fromarray(ramp), "PNG", icc_profile=profile))
    assert picture.pixels.shape == (16, 16)
    expected = by_pillow(Image.fromarray(ramp), profile, exact=True)[..., 1].astype(int)
    assert np.abs(picture.pixels - expected).max() <= 1


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.4])
def test_a_gray_profile_is_exact_at_16_bits(gamma: float) -> None:
    """With 16 bits, and with floats, a gray profile follows its formula to a 2000th of white."""
    profile = imagecodecs.cms_profile("gray", gamma=gamma)
    stored = np.arange(0, 65536, 5, dtype=np.uint16).reshape(4, -1)
    light = (stored / 65535) ** gamma
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    deep = images.read(samples.save_tiff(stored, photometric="minisblack", iccprofile=profile))
    floats = (stored / 65535).astype(np.float32)
    floating = images.read(samples.save_tiff(floats, photometric="minisblack", iccprofile=profile))
    assert deep.pixels.dtype == np.uint16
    assert floating.pixels.dtype == np.float32
    np.testing.assert_allclose(deep.pixels / 65535, srgb, atol=1 / 2000)
    np.testing.assert_allclose(floating.pixels, srgb, atol=1 / 2000)


def test_an_rgb_profile_is_exact_at_16_bits() -> None:
    """16-bit Adobe RGB agrees with ImageCms at 8 bits, and keeps its low bytes."""
    deep = samples.sixteen(samples.photo())
    picture = images.read(samples.save_tiff(deep, photometric="rgb", iccprofile=samples.ADOBE_RGB))
    expected = by_pillow(Image.fromarray(np.rint(deep / 257).astype(np.uint8)), samples.ADOBE_RGB)
    assert picture.pixels.dtype == np.uint16
    assert np.abs(picture.pixels / 257 - expected).max() < 2.5  # 8 bits in, the dark end is steep
    assert len(np.unique(picture.pixels)) > 1000


def test_a_gray_file_with_an_rgb_profile_takes_its_curve() -> None:
    """Gray left with the profile of its color original is what R = G = B is in that profile."""
    data = samples.save(Image.fromarray(samples.gray()), "PNG", icc_profile=samples.ADOBE_RGB)
    picture = images.read(data)
    expected = by_pillow(Image.fromarray(np.dstack([samples.gray()] * 3)), samples.ADOBE_RGB)[..., 1]
    assert picture.pixels.ndim == 2
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 1


def test_srgb_by_another_name_changes_nothing() -> None:
    """A photo tagged sRGB, by whatever profile, keeps its pixels bit by bit."""
    twin = imagecodecs.cms_profile("srgb")
    for profile in (twin, SRGB.tobytes()):
        data = samples.save(Image.fromarray(samples.photo()), "PNG", icc_profile=profile)
        np.testing.assert_array_equal(images.read(data).pixels, samples.photo())


def test_broken_profiles_are_ignored_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """A profile that is cut, or made for other channels, leaves the pixels, and the log says so."""
    for profile in (samples.ADOBE_RGB[:300], samples.GRAY_GAMMA_18, b"nonsense"):
        caplog.clear()
        data = samples.save(Image.fromarray(samples.photo()), "PNG", icc_profile=profile)
        np.testing.assert_array_equal(images.read(data).pixels, samples.photo())
        assert "bytes: ICC profile ignored" in caplog.text


@pytest.mark.parametrize("gamma", [0.25, 1.0])
@pytest.mark.parametrize("deep", [False, True])
def test_the_gamma_of_a_png_is_applied(gamma: float, deep: bool) -> None:
    """A PNG with gAMA and no profile is re-encoded for gamma 2.2, at 8 and 16 bits; with sRGB it is not."""
    values = samples.sixteen(samples.gray()) if deep else samples.gray()
    full = 65535 if deep else 255
    plain = imagecodecs.png_encode(values)
    chunk = (b"gAMA", round(gamma * 100000).to_bytes(4))
    expected = (values / full) ** (1 / gamma / 2.2) * full
    picture = images.read(samples.png_with(plain, chunk))
    assert picture.pixels.dtype == values.dtype
    assert np.abs(picture.pixels - expected).max() <= 0.501
    for unchanged in (samples.png_with(plain, (b"sRGB", b"\0"), chunk), plain):
        np.testing.assert_array_equal(images.read(unchanged).pixels, values)


def test_results_are_tagged_srgb() -> None:
    """Every format that can carry a profile carries sRGB's, the same bytes always; a PIL image does too."""
    picture = images.read(samples.photo())
    found = set()
    for format in ("jpeg", "png", "tiff", "webp", "avif"):
        found.add(Image.open(io.BytesIO(images.encode(picture, format))).info["icc_profile"])
    import pillow_heif

    found.add(pillow_heif.open_heif(io.BytesIO(images.encode(picture, "heif"))).info["icc_profile"])
    deep = images.encode(images.read(samples.sixteen(samples.photo())), "png")
    found.add(Image.open(io.BytesIO(deep)).info["icc_profile"])
    result = images.read(Image.fromarray(samples.photo())).unwrap()
    assert isinstance(result, Image.Image)
    found.add(result.info["icc_profile"])
    assert len(found) == 1
    profile = ImageCms.ImageCmsProfile(io.BytesIO(found.pop()))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    grid = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    converted = ImageCms.profileToProfile(Image.fromarray(grid), profile, SRGB)
    np.testing.assert_array_equal(np.asarray(converted), grid)
