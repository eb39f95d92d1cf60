from __future__ import annotations

import io
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
import sample_files as samples
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from colorful import images
from colorful.errors import (
    ColorfulError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    KindError,
    MissingExtraError,
    RangeError,
    ShapeError,
)

HEIGHT, WIDTH = samples.HEIGHT, samples.WIDTH
DTYPES = [np.bool_, np.uint8, np.uint16, np.float16, np.float32, np.float64, np.dtype(">u2"), np.dtype(">f4")]


def array_of(dtype: npt.DTypeLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Give random values over the whole range of a dtype."""
    dtype = np.dtype(dtype)
    values = np.random.default_rng(4).random(shape)
    if dtype.kind == "b":
        return values > 0.5
    if dtype.kind == "f":
        return values.astype(dtype)
    return (values * (np.iinfo(dtype).max + 1)).astype(dtype)


def color(picture: images.Picture) -> images.Picture:
    """Put colors in, as a model would: the gray for red and green, its negative for blue."""
    pixels = picture.pixels if picture.pixels.ndim == 2 else picture.pixels[..., 0]
    full = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    return picture.colored(np.dstack((pixels, pixels, full - pixels)).astype(pixels.dtype))


def full_range(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Bring values to [0, 1]."""
    full = 1 if values.dtype.kind in "fb" else np.iinfo(values.dtype).max
    return np.asarray(values / np.float64(full))


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_an_array_comes_back_as_a_color_array_of_its_dtype(
    dtype: npt.DTypeLike, channels: int | None
) -> None:
    """Every dtype and shape gives RGB, or RGBA with the alpha bit by bit; bool gives uint8."""
    array = array_of(dtype, (5, 7) if channels is None else (5, 7, channels))
    picture = images.read(array)
    result = color(picture).unwrap()
    has_alpha = channels in (2, 4)
    assert isinstance(result, np.ndarray)
    assert result.shape == (5, 7, 4 if has_alpha else 3)
    assert result.dtype == (np.uint8 if dtype is np.bool_ else np.dtype(dtype).newbyteorder("="))
    assert picture.pixels.shape == ((5, 7, 3) if channels in (3, 4) else (5, 7))
    first = array.reshape(5, 7, -1)[..., 0]
    np.testing.assert_allclose(
        full_range(picture.pixels.reshape(5, 7, -1)[..., 0]), full_range(first), rtol=1e-6
    )
    if has_alpha:
        opacity = array[..., -1] if dtype is not np.bool_ else array[..., -1] * np.uint8(255)
        np.testing.assert_array_equal(result[..., 3], opacity)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_strides_and_locks_do_not_matter(dtype: npt.DTypeLike) -> None:
    """Sliced, flipped, transposed, Fortran-ordered and read-only arrays are read, and left as they were."""
    base = array_of(dtype, (12, 14, 4))
    locked = base.copy()
    locked.flags.writeable = False
    broadcast = np.broadcast_to(base[:1], base.shape)
    for array in (base[::2, ::-3], base.transpose(1, 0, 2), np.asfortranarray(base), locked, broadcast):
        before = array.copy()
        picture = images.read(array)
        assert picture.pixels.flags.c_contiguous
        assert picture.pixels.flags.writeable
        np.testing.assert_array_equal(picture.pixels, array[..., :3])
        np.testing.assert_array_equal(picture.alpha, array[..., 3])
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("array", "error"),
    [
        (np.zeros((4, 4), np.int64), KindError),
        (np.zeros((4, 4), np.complex64), KindError),
        (np.zeros((4, 4), np.uint32), KindError),
        (np.zeros((4, 4), object), KindError),
        (np.ma.masked_less(np.zeros((4, 4)), 1), KindError),
        (np.ma.array(np.zeros((4, 4), np.uint8)), KindError),
        (np.full((4, 4), np.nan), RangeError),
        (np.full((4, 4), np.inf), RangeError),
        (np.full((4, 4), 1.5), RangeError),
        (np.full((4, 4), -0.1, np.float16), RangeError),
        (np.dstack((np.zeros((4, 4)), np.full((4, 4), np.nan))), RangeError),
        (np.zeros(4), ShapeError),
        (np.zeros((4, 4, 5)), ShapeError),
        (np.zeros((4, 4, 0)), ShapeError),
        (np.zeros((1, 4, 4, 3)), ShapeError),
        (np.zeros((0, 4)), ShapeError),
        (np.zeros((4, 0, 3), np.uint8), ShapeError),
    ],
)
def test_arrays_that_are_no_photo_are_refused(array: npt.NDArray[Any], error: type[ColorfulError]) -> None:
    """NaN, infinity, values out of range, other dtypes or ranks and empty arrays say what was expected."""
    with pytest.raises(error, match=r"^array: expected .*, got "):
        images.read(array)


def test_channels_first_are_told_how_to_be_last() -> None:
    """An array or tensor in the order of networks is refused with what puts its channels last."""
    with pytest.raises(ShapeError, match=r"got \(3, 9, 8\); np\.moveaxis\(array, 0, -1\)"):
        images.read(np.zeros((3, 9, 8)))
    with pytest.raises(KindError, match=r"got Tensor; tensor\.permute\(1, 2, 0\)\.numpy\(\)"):
        images.read(torch.zeros(3, 9, 8))  # type: ignore[arg-type]


@pytest.mark.parametrize("source", [None, 7, [[1, 2]], io.StringIO("text"), object()])
def test_other_types_are_refused(source: Any) -> None:
    """What is neither path, bytes, file, image nor array is a KindError, and so is a file opened as text."""
    with pytest.raises(KindError, match=r"^source: expected "):
        images.read(source)


MODES = ["1", "L", "LA", "La", "P", "PA", "I;16", "I;16B", "I", "F", "RGB", "RGBA", "RGBa", "RGBX", "CMYK"]


@pytest.mark.parametrize("mode", [*MODES, "YCbCr", "HSV"])
def test_every_mode_of_pillow_is_read(mode: str) -> None:
    """A PIL image of any mode gives the pixels of Pillow's own conversion, and an 8-bit image back."""
    source = Image.fromarray(np.dstack((samples.photo(), samples.alpha())))
    straight = source.convert("RGB") if mode not in ("LA", "La", "PA", "RGBA", "RGBa") else source
    if mode in ("I;16", "I;16B"):
        values = samples.sixteen(samples.gray())
        image = Image.frombytes(
            mode, (WIDTH, HEIGHT), values.astype(">u2" if mode.endswith("B") else "<u2").tobytes()
        )
        expected = values / 65535
    elif mode == "PA":
        image = straight.convert("P").convert("PA")
        image.putalpha(straight.getchannel("A"))
        expected = np.asarray(image.convert("RGB")) / 255
    else:
        step = {"La": "LA", "RGBa": "RGBA", "F": "L", "I": "L"}.get(mode, mode)
        image = straight.convert(step).convert(mode)
        target = "L" if mode in ("1", "L", "LA", "La", "I", "F") else "RGB"
        back = image.convert({"La": "LA", "RGBa": "RGBA"}.get(mode, mode))
        expected = np.asarray(back.convert(target)) / 255
    assert image.mode == mode
    before = image.tobytes()
    picture = images.read(image)
    np.testing.assert_allclose(
        full_range(picture.pixels), expected, atol=0.51 / 255 if mode == "CMYK" else 1e-6
    )
    assert (picture.alpha is not None) == (mode in ("LA", "La", "PA", "RGBA", "RGBa"))
    if picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, samples.alpha())
    result = color(picture).unwrap()
    assert isinstance(result, Image.Image)
    assert result.mode == ("RGB" if picture.alpha is None else "RGBA")
    assert result.size == image.size
    assert image.tobytes() == before


def test_lab_images_are_read() -> None:
    """A PIL image of mode LAB comes within a rounding of the RGB it was made from."""
    image = Image.open(io.BytesIO(samples.every_file()["tiff lab"]))
    assert image.mode == "LAB"
    difference = images.read(image).pixels.astype(int) - samples.photo()
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize(("white", "dtype"), [(1, np.float32), (255, np.float32), (65535, np.float32)])
def test_mode_f_is_scaled_by_its_largest_value(white: float, dtype: npt.DTypeLike) -> None:
    """Mode F may go up to 1, 255 or 65535."""
    unit = np.linspace(0, 1, 35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_allclose(images.read(Image.fromarray(unit * np.float32(white))).pixels, unit, atol=1e-6)


def test_mode_i_is_8_or_16_bits_by_its_largest_value() -> None:
    """Mode I is taken as 8 bits up to 255, as 16 bits up to 65535; more and less are refused."""
    assert images.read(Image.fromarray(np.array([[0, 255]], np.int32))).pixels.tolist() == [[0, 255]]
    deep = images.read(Image.fromarray(np.array([[0, 256]], np.int32)))
    assert (deep.pixels.dtype, deep.pixels.tolist()) == (np.uint16, [[0, 256]])
    for bad in (-1, 65536):
        with pytest.raises(RangeError, match=r"0\.\.65535"):
            images.read(Image.fromarray(np.array([[0, bad]], np.int32)))
    with pytest.raises(RangeError, match="nan"):
        images.read(Image.fromarray(np.array([[0, np.nan]], np.float32)))


def test_i16_image_gives_8_bit_rgb() -> None:
    """A PIL image of mode I;16 is read with 16 bits and comes back as 8-bit RGB, rounded and not cut."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    picture = images.read(Image.fromarray(values))
    np.testing.assert_array_equal(picture.pixels, values)
    result = picture.colored(np.dstack([values] * 3)).unwrap()
    np.testing.assert_array_equal(np.asarray(result)[..., 0], np.rint(values / 257))


def test_a_palette_with_transparent_entries_has_alpha() -> None:
    """Transparency of a palette, as one index or as bytes, becomes alpha, and Pillow's warning stays in."""
    palette = Image.fromarray(samples.photo()).quantize(16)
    for transparency in (3, bytes(range(0, 256, 16))):
        palette.info["transparency"] = transparency
        opacity = images.read(palette).alpha
        index = np.asarray(palette)
        expected = np.where(index == 3, 0, 255) if transparency == 3 else index.astype(int) * 16
        np.testing.assert_array_equal(opacity, expected)


@pytest.mark.parametrize("name", samples.every_file())
def test_every_kind_of_file_is_read(name: str, tmp_path: Path) -> None:
    """A photo comes the same from a path, bytes and a file object, close to the original, with its depth."""
    data = samples.every_file()[name]
    path = tmp_path / "photo"
    path.write_bytes(data)
    with path.open("rb") as file:
        pictures = [images.read(source) for source in (path, str(path), data, bytearray(data), file)]
    for picture in pictures[1:]:
        np.testing.assert_array_equal(picture.pixels, pictures[0].pixels)
    picture = pictures[0]
    upright = samples.photo() if picture.pixels.ndim == 3 else samples.gray()
    assert picture.kind == "file"
    transparent = {*(f"{kind} rgba" for kind in ("png", "png 16", "tiff", "tiff 16", "avif", "heif"))}
    transparent |= {
        "png la",
        "png 16 la",
        "tiff 16 la",
        "png palette",
        "png trns",
        "gif animated",
        "webp lossless",
    }
    assert (picture.alpha is not None) == (name in transparent)
    deep = "16" in name or "float" in name
    assert picture.pixels.dtype == (np.uint8 if not deep else np.float32 if "float" in name else np.uint16)
    if picture.size == (HEIGHT, WIDTH) and "adobe" not in name:
        error = np.abs(full_range(picture.pixels) * 255 - upright)
        assert error.mean() < (90 if "bilevel" in name or "group 4" in name or name == "jpeg gray" else 12)
    assert picture.format in images.EXTENSIONS.values()


@pytest.mark.parametrize("name", samples.every_file())
def test_pixels_alone_are_those_of_the_whole_photo(name: str, tmp_path: Path) -> None:
    """What only looks at pixels sees the same: upright, in sRGB, in 8 bits, in three channels."""
    data = samples.every_file()[name]
    (tmp_path / "photo").write_bytes(data)
    picture = images.read(data)
    expected = np.rint(full_range(picture.pixels) * 255).reshape(*picture.size, -1)
    for source in (data, tmp_path / "photo"):
        pixels = images.read_rgb(source)
        np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))
        assert pixels.dtype == np.uint8
        assert pixels.flags.writeable
        assert images.read_size(source, upright=True) == picture.size == pixels.shape[:2]
    fewer = 4 if name == "mpo" or name.split()[0] == "jpeg" else 1
    assert images.read_rgb(data, min_side=9).shape[:2] == tuple(side // fewer for side in picture.size)


def test_pixels_alone_are_not_warned_of_what_is_beside_them(caplog: pytest.LogCaptureFixture) -> None:
    """Captions are of no account where only pixels are looked at; pixels that are left out are."""
    broken = samples.png_with(samples.every_file()["png"], (b"zTXt", b"Comment\0\0no zlib"))
    images.read_rgb(broken)
    assert not caplog.messages
    images.read_rgb(samples.every_file()["tiff pages"], name="album/scan.tif")
    assert caplog.messages[0].startswith("album/scan.tif: has more than one picture (2)")


@pytest.mark.parametrize(
    "name", [name for name in samples.every_file() if "tiff 16" in name or "tiff fl" in name]
)
def test_deep_tiffs_are_read_bit_by_bit(name: str) -> None:
    """16-bit and float TIFFs of any layout and compression give the numbers that tifffile gives."""
    data = samples.every_file()[name]
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        expected = file.asarray()
    if "planes" in name:
        expected = np.moveaxis(expected, 0, 2)
    if "white is zero" in name:
        expected = 65535 - expected
    picture = images.read(data)
    if picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, expected[..., -1])
        expected = expected[..., :-1].squeeze()
    assert picture.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(picture.pixels, expected)


def test_deep_pngs_are_read_bit_by_bit() -> None:
    """16-bit PNGs, gray or RGB, with alpha or a transparent color, keep every bit."""
    files = samples.every_file()
    gray, rgb = samples.sixteen(samples.gray()), samples.sixteen(samples.photo())
    opacity = samples.sixteen(samples.alpha())
    for name, pixels in (("gray", gray), ("la", gray), ("rgb", rgb), ("rgba", rgb)):
        picture = images.read(files[f"png 16 {name}"])
        np.testing.assert_array_equal(picture.pixels, pixels)
        if name.endswith("a"):
            np.testing.assert_array_equal(picture.alpha, opacity)
    clear = samples.png_with(files["png 16 rgb"], (b"tRNS", rgb[3, 4].astype(">u2").tobytes()))
    picture = images.read(clear)
    np.testing.assert_array_equal(picture.alpha == 0, (rgb == rgb[3, 4]).all(axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "png 16", "tiff 16"])
def test_the_exif_turn_is_applied(format: str, orientation: int) -> None:
    """All eight EXIF turns come upright, as Pillow's exif_transpose puts them, and alpha with them."""
    upright = np.dstack((samples.photo(), samples.alpha()))
    exif = samples.exif(orientation)
    if "16" in format:
        stored = samples.turned(samples.sixteen(upright), orientation)
        if format == "png 16":
            chunk = (b"eXIf", exif.removeprefix(b"Exif\0\0"))
            data = samples.png_with(imagecodecs.png_encode(stored), chunk)
        else:
            tag = [(274, "H", 1, orientation, True)]
            data = samples.save_tiff(stored, photometric="rgb", extrasamples=["unassalpha"], extratags=tag)
        expected = samples.sixteen(upright)
    else:
        stored = samples.turned(upright, orientation)
        image = Image.fromarray(stored if format != "JPEG" else np.ascontiguousarray(stored[..., :3]))
        options: dict[str, Any] = {"lossless": True, "exact": True} if format == "WEBP" else {}
        if format == "HEIF":
            data = samples.save_heic(image, exif=exif)
            expected = np.asarray(pillow_heif.open_heif(io.BytesIO(data)).to_pillow())
            assert expected.shape == upright.shape
        else:
            data = samples.save(image, format, exif=exif, **options)
            expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    picture = images.read(data)
    np.testing.assert_array_equal(picture.pixels, expected[..., :3])
    if picture.alpha is not None:
        np.testing.assert_array_equal(picture.alpha, expected[..., 3])
        np.testing.assert_array_equal(picture.alpha.shape, (HEIGHT, WIDTH))
    written = Image.open(io.BytesIO(images.encode(picture, "png")))
    assert written.getexif().get(274, 1) == 1


@pytest.mark.parametrize("name", ["tiff pages", "webp animated", "gif animated", "png animated", "mpo"])
def test_pictures_that_are_left_out_are_a_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Of several pages, frames or views one is taken, and the log warns that there are more."""
    assert images.read(samples.every_file()[name]).size == (HEIGHT, WIDTH)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "more than one picture (2)" in caplog.text


@pytest.mark.parametrize("kind", ["tiff", "tiff marked", "tiff inside", "mpo", "heif"])
def test_a_thumbnail_that_comes_first_is_not_the_photo(kind: str) -> None:
    """The photo is the largest picture in full resolution, whatever the order, and thumbnails are no loss."""
    rgb = samples.photo()
    small = np.ascontiguousarray(rgb[::4, ::4])
    if kind.startswith("tiff"):
        buffer = io.BytesIO()
        with tifffile.TiffWriter(buffer) as tiff:
            inside = {"subifds": 1} if kind == "tiff inside" else {}
            reduced = {} if kind == "tiff" else {"subfiletype": 1}
            tiff.write(small, photometric="rgb", **reduced, **inside)
            tiff.write(rgb, photometric="rgb")
        data = buffer.getvalue()
    elif kind == "heif":
        heif = pillow_heif.from_pillow(Image.fromarray(small))
        heif.add_from_pillow(Image.fromarray(rgb))
        buffer = io.BytesIO()
        heif.save(buffer, quality=-1, primary_index=0)
        data = buffer.getvalue()
    else:
        first = Image.fromarray(small)
        data = samples.save(first, "MPO", save_all=True, append_images=[Image.fromarray(rgb)], quality=95)
    assert np.abs(images.read(data).pixels.astype(int) - rgb).mean() < 6


def test_pages_are_read_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    """Read one by one, the pages of a TIFF come without thumbnails and masks, and nothing is left out."""
    pages = [np.roll(samples.sixteen(samples.gray()), shift, 1) for shift in range(3)]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as tiff:
        for page in pages:
            tiff.write(page, photometric="minisblack", metadata=None)
            tiff.write((page[::3, ::3] >> 8).astype(np.uint8), photometric="minisblack", subfiletype=1)
        tiff.write(pages[0] > 9, photometric="mask", subfiletype=4)
    pictures = list(images.read_pages(buffer.getvalue()))
    np.testing.assert_array_equal([picture.pixels for picture in pictures], pages)
    assert not caplog.records
    (single,) = images.read_pages(samples.every_file()["png"])
    np.testing.assert_array_equal(single.pixels, images.read(samples.every_file()["png"]).pixels)


@given(st.integers(1, 40), st.integers(1, 40))
def test_any_size_is_read(height: int, width: int) -> None:
    """A file of any size comes back in that size."""
    picture = images.read(samples.save(Image.new("L", (width, height), 99), "PNG"))
    assert (picture.size, picture.pixels.min()) == ((height, width), 99)


@pytest.mark.parametrize("size", [(1, 65535), (65535, 1), (1, 1), (1, 3_000_000), (3_000_000, 1)])
def test_extreme_ratios_are_read(size: tuple[int, int]) -> None:
    """One row of three million pixels is a picture, and so is one column."""
    picture = images.read(samples.save(Image.new("L", size, 7), "PNG"))
    assert picture.size == size[::-1]


def test_bombs_are_refused_before_they_are_decoded() -> None:
    """A header that claims too much is refused at once, by our limit alone, in every format and depth."""
    png = samples.every_file()["png"]
    deep = samples.every_file()["png 16 rgb"]
    for data in (png, deep):
        header = b"IHDR" + (65000).to_bytes(4) * 2 + data[24:29]
        bomb = data[:12] + header + zlib.crc32(header).to_bytes(4) + data[33:]
        with pytest.raises(ImageTooLargeError, match=r"65,000 x 65,000"):
            images.read(bomb)
    for name, data in samples.every_file().items():
        with pytest.raises(ImageTooLargeError, match="expected at most 1,000 pixels"):
            images.read(data, max_pixels=1000)
        assert images.read(data, max_pixels=HEIGHT * WIDTH).pixels.size, name
        images.read(data, max_pixels=None)


def test_an_icon_whose_list_lies_is_refused() -> None:
    """The picture in an icon may be larger than the list of an icon's pictures can say."""
    png = samples.save(Image.new("RGB", (900, 700)), "PNG")
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(png), 22)
    icon = struct.pack("<HHH", 0, 1, 1) + entry + png
    assert images.read(icon).size == (700, 900)
    with pytest.raises(ImageTooLargeError, match="at most 10,000 pixels, got 900 x 700"):
        images.read(icon, max_pixels=10_000)


def test_a_tiff_with_huge_tiles_is_refused() -> None:
    """A tile that is larger than any photo counts as one, though the photo itself is small."""
    data = bytearray(samples.every_file()["tiff 16 tiles"])
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        places = [tags[code].valueoffset for code in (322, 323)]
        width = {3: 2, 4: 4}[int(tags[322].dtype)]
    for place in places:
        data[place : place + width] = (2 ** (8 * width) - 16).to_bytes(width, "little")
    with pytest.raises(ImageError):
        images.read(bytes(data))


@pytest.mark.parametrize("name", samples.every_file())
def test_truncated_files_are_refused(name: str) -> None:
    """A file cut short is an ImageError that names it; only what follows the first picture may be missing."""
    data = samples.every_file()[name]
    lengths = (
        [1, 20] if name in ("mpo", "tiff pages", "gif animated", "png animated") else [1, 20, len(data) // 2]
    )
    for length in lengths:
        with pytest.raises(ImageError, match=r"^bytes: "):
            images.read(data[:length])


def test_errors_name_the_file_and_the_reason(tmp_path: Path) -> None:
    """Missing, empty, foreign and unreadable files each say what they are, in one line."""
    cases: list[tuple[str, bytes, str]] = [
        ("empty.jpg", b"", "expected a picture, got an empty file"),
        ("text.png", b"hello, world", "not a picture, or not in a format that is read"),
        ("page.html", b"<!doctype html><p>Sorry", "expected a picture, got a web page"),
        (
            "icon.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "SVG is not supported",
        ),
        ("print.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript is not supported"),
        ("cut.jpg", samples.every_file()["jpeg"][:900], "truncated"),
    ]
    for name, data, reason in cases:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(ImageError) as caught:
            images.read(path)
        assert str(caught.value).startswith(f"{name}: ")
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError) as missing:
        images.read(tmp_path / "nowhere.png")
    assert isinstance(missing.value, ImageNotFoundError)
    assert "no such file" in str(missing.value)
    with pytest.raises(ImageNotFoundError, match=r"^https://example\.org/a\.jpg: .* not fetched"):
        images.read("https://example.org/a.jpg")
    for path in (tmp_path, tmp_path / "a\0b"):
        with pytest.raises(ImageError):
            images.read(path)


@pytest.mark.parametrize("read", [images.read, images.read_size, lambda path: next(images.read_pages(path))])
def test_pipes_and_devices_are_refused(read: Callable[[Path], Any], tmp_path: Path) -> None:
    """A named pipe, a socket, a device or a folder is refused in words; nobody waits for its other end."""
    pipe = tmp_path / "photo.jpg"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        cases = {pipe: "a named pipe", tmp_path / "s": "a socket", Path("/dev/zero"): "a device"}
        for path, words in {**cases, tmp_path: "a folder"}.items():
            with pytest.raises(ImageError, match=f"expected a file, got {words}"):
                read(path)


def test_the_pipe_of_a_shell_is_read() -> None:
    """What a shell gives for `<(program)` is read to its end."""
    near, far = os.pipe()
    os.write(far, samples.every_file()["png gray"])
    os.close(far)
    assert images.read(f"/dev/fd/{near}").size == (HEIGHT, WIDTH)
    os.close(near)


def test_a_file_object_is_read_from_where_it_stands() -> None:
    """Bytes before the position of a file object do not matter."""
    file = io.BytesIO(b"preface" + samples.every_file()["bmp"])
    file.seek(7)
    np.testing.assert_array_equal(images.read(file).pixels, samples.photo())


def test_heic_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pillow-heif a HEIC file, read or to be written, says what to install."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'colorful-colorization\[heif\]'"):
        images.read(samples.every_file()["heif"])
    with pytest.raises(MissingExtraError, match="heif"):
        images.encode(images.read(samples.photo()), "heic")


def test_an_avif_that_begins_like_heic_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """An AVIF whose major brand is mif1 is read by Pillow."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = samples.every_file()["avif rgba"]
    assert data[8:12] == b"avif"
    generic = data[:8] + b"mif1" + data[12:]
    np.testing.assert_array_equal(images.read(generic).pixels, images.read(data).pixels)


def test_threads_read_without_touching_the_warning_filters() -> None:
    """Many threads at once leave Python's warning filters as they found them."""
    data = [samples.every_file()[name] for name in ("jpeg", "tiff", "png palette", "tiff 16")] * 12
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda d=d: images.read(d)) for d in data]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_a_picture_can_be_sent_to_another_process() -> None:
    """Pictures can be pickled."""
    picture = images.read(samples.every_file()["png 16 rgba"])
    copy = pickle.loads(pickle.dumps(picture))
    np.testing.assert_array_equal(copy.pixels, picture.pixels)
    assert copy.metadata == picture.metadata


def test_a_colored_picture_must_fit() -> None:
    """Colors of another size or dtype are refused."""
    picture = images.read(samples.gray())
    with pytest.raises(ShapeError, match=r"^rgb: expected shape \(36, 48, 3\), got"):
        picture.colored(np.zeros((36, 47, 3), np.uint8))
    with pytest.raises(KindError, match=r"^rgb: expected uint8, got float32"):
        picture.colored(np.zeros((36, 48, 3), np.float32))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures as Linux can")
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_50_megapixels_never_become_floats_in_full(format: str, tmp_path: Path) -> None:
    """Reading a 50-megapixel 8-bit photo takes at most 10 bytes a pixel: Pillow's 4, ours 3, and slack."""
    path = tmp_path / f"large.{format.lower()}"
    tile = Image.fromarray(np.tile(samples.photo(), (24, 24, 1)))
    large = Image.new("RGB", (8192, 6104))
    for top in range(0, large.height, tile.height):
        for left in range(0, large.width, tile.width):
            large.paste(tile, (left, top))
    large.save(path, format, **({"compress_level": 1} if format == "PNG" else {}))
    script = (
        "import re, sys; from pathlib import Path; from colorful import images\n"
        "def kilobytes(field):\n"
        "    return int(re.search(field + r':\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "images.read(sys.argv[2])\n"
        "before = kilobytes('VmRSS')\n"
        "Path('/proc/self/clear_refs').write_text('5')  # sets the peak back to the present\n"
        "picture = images.read(sys.argv[1])\n"
        "grown = (kilobytes('VmHWM') - before) * 1024 / (picture.height * picture.width)\n"
        "print(picture.size, grown)"
    )
    small = tmp_path / "small.png"
    small.write_bytes(samples.every_file()["png"])
    out = subprocess.run(
        [sys.executable, "-c", script, str(path), str(small)], capture_output=True, text=True, check=True
    ).stdout
    assert out.startswith("(6104, 8192)")
    assert 3 <= float(out.split()[-1]) < 10


@pytest.mark.parametrize(
    ("bits", "dtype"), [(8, np.uint16), (12, np.uint16), (14, np.uint16), (16, np.uint32), (8, np.uint64)]
)
def test_values_of_fewer_bits_than_the_format_says_are_a_warning(
    bits: int, dtype: type[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A scanner's 12 or 14 bits in a TIFF of 16 are dark to every reader, which is said."""
    gray = samples.gray()
    values = (gray / gray.max() * (2**bits - 1)).astype(dtype)
    tifffile.imwrite(tmp_path / "dark.tif", values, photometric="minisblack")
    share = images.read(tmp_path / "dark.tif").pixels.max() / (65535 if dtype == np.uint16 else 1)
    if dtype == np.uint16:
        with Image.open(tmp_path / "dark.tif") as other:
            assert share == np.asarray(other).max() / 65535
    assert caplog.text.count("dark: its lightest value is") == 1
    assert "dark.tif" in caplog.text
    caplog.clear()
    full = np.iinfo(dtype).max
    tifffile.imwrite(
        tmp_path / "light.tif", np.where(gray > 9, full, 0).astype(dtype), photometric="minisblack"
    )
    images.read(tmp_path / "light.tif")
    assert not caplog.text
