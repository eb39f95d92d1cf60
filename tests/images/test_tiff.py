from __future__ import annotations

import io
import random
import re
import shutil
import struct
import subprocess
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sample_files as samples
import skimage.color
import skimage.data
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from colorful import images
from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images.log import collecting

HEIGHT, WIDTH = samples.HEIGHT, samples.WIDTH


def packed_tiff(values: npt.NDArray[np.uint16], bits: int) -> bytes:
    """Make a gray TIFF of 9 to 15 bits, packed without gaps in a row."""
    places = np.arange(bits - 1, -1, -1)
    rows = np.packbits(((values[..., None] >> places) & 1).astype(np.uint8).reshape(len(values), -1), axis=1)
    directory = ImageFileDirectory_v2(b"MM\0*\0\0\0\x08")
    height, width = values.shape
    for tag, value in ((256, width), (257, height), (258, bits), (259, 1), (262, 1), (277, 1), (278, height)):
        directory[tag] = value
    directory[273], directory[279] = 0, rows.nbytes
    return b"MM\0*\0\0\0\x08" + directory.tobytes(8) + rows.tobytes()


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_odd_depths_are_widened_to_16_bits(bits: int) -> None:
    """Scanners' 10, 12 and 14 bits keep every level and reach white."""
    levels = np.linspace(0, 2**bits - 1, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    picture = images.read(packed_tiff(levels, bits))
    assert picture.pixels.dtype == np.uint16
    assert (picture.pixels.min(), picture.pixels.max()) == (0, 65535)
    np.testing.assert_array_equal(picture.pixels, levels.astype(int) * 65535 // (2**bits - 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_premultiplied_alpha_is_taken_out_of_the_colors(dtype: type[Any]) -> None:
    """A TIFF with associated alpha comes with straight colors, and with its alpha bit by bit."""
    full = 1 if dtype is np.float32 else np.iinfo(dtype).max
    straight, alpha = samples.photo() / 255, np.maximum(samples.alpha(), 40) / 255
    stored = np.dstack((straight * alpha[..., None], alpha)) * full
    stored = stored.astype(dtype) if full == 1 else np.rint(stored).astype(dtype)
    data = samples.save_tiff(stored, photometric="rgb", extrasamples=["assocalpha"])
    picture = images.read(data)
    np.testing.assert_array_equal(picture.alpha, stored[..., 3])
    steps = np.abs(picture.pixels / full - straight) * (alpha[..., None] * 255)
    assert steps.max() <= 1.6  # steps of 8 bits as they were stored


def test_clear_premultiplied_pixels_are_black() -> None:
    """Where associated alpha is 0 nothing is divided by it."""
    stored = np.zeros((4, 4, 4), np.uint16)
    picture = images.read(samples.save_tiff(stored, photometric="rgb", extrasamples=["assocalpha"]))
    assert picture.pixels.max() == 0


def test_16_bit_lab_is_read() -> None:
    """16-bit CIELAB, as Photoshop saves it, comes within a step of 8 bits of the RGB it was made from."""
    rgb = samples.photo() / 255
    lab = skimage.color.xyz2lab(_to_d50(skimage.color.rgb2xyz(rgb)), illuminant="D50")
    light = np.rint(lab[..., :1] * 655.35).astype(np.uint16)
    ab = np.rint(lab[..., 1:] * 256).astype(np.int16).view(np.uint16)
    data = samples.save_tiff(np.concatenate((light, ab), axis=2), photometric="cielab")
    picture = images.read(data)
    assert picture.pixels.dtype == np.uint16
    assert np.abs(picture.pixels / 65535 - rgb).max() * 255 < 1.5


def test_32_bit_integers_become_floats() -> None:
    """A TIFF of 32-bit integers keeps what a float can hold."""
    values = np.linspace(0, 2**32 - 1, HEIGHT * WIDTH).astype(np.uint32).reshape(HEIGHT, WIDTH)
    picture = images.read(samples.save_tiff(values, photometric="minisblack"))
    assert picture.pixels.dtype == np.float32
    np.testing.assert_allclose(picture.pixels, values / (2**32 - 1), atol=1e-7)


def test_channels_that_pillow_has_no_mode_for_are_read() -> None:
    """8-bit gray with alpha in planes, and RGB with a fifth channel, are read though Pillow cannot."""
    gray, opacity = samples.gray(), samples.alpha()
    planes = samples.save_tiff(
        np.stack((gray, opacity)),
        photometric="minisblack",
        planarconfig="separate",
        extrasamples=["unassalpha"],
    )
    picture = images.read(planes)
    np.testing.assert_array_equal(picture.pixels, gray)
    np.testing.assert_array_equal(picture.alpha, opacity)
    five = np.dstack((samples.photo(), gray, opacity))
    mixed = samples.save_tiff(five, photometric="rgb", extrasamples=["unspecified", "unassalpha"])
    picture = images.read(mixed)
    np.testing.assert_array_equal(picture.pixels, samples.photo())
    np.testing.assert_array_equal(picture.alpha, opacity)


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (np.zeros((9, 9), np.int16), {"photometric": "minisblack"}, "signed or complex"),
        (np.zeros((9, 9), np.complex64), {"photometric": "minisblack"}, "signed or complex"),
        (np.full((9, 9), 2, np.float32), {"photometric": "minisblack"}, "expected values in"),
        (np.full((9, 9), np.nan, np.float32), {"photometric": "minisblack"}, "expected values in"),
        (
            np.zeros((4, 9, 9), np.uint16),
            {"photometric": "minisblack", "volumetric": True, "tile": (4, 16, 16)},
            "not supported",
        ),
        (
            np.zeros((9, 9), np.uint8),
            {"photometric": "minisblack", "extratags": [(50706, "B", 4, (1, 4, 0, 0), True)]},
            "raw file",
        ),
    ],
)
def test_tiffs_that_are_no_photo_are_refused(values: npt.NDArray[Any], options: Any, reason: str) -> None:
    """Signed and complex numbers, floats out of range, volumes and raw files say what they are."""
    with pytest.raises(ImageError, match=reason):
        images.read(samples.save_tiff(values, **options))


def _with_counts(data: bytes, change: Callable[[npt.NDArray[Any]], object]) -> bytes:
    """Change the byte counts of the strips of a TIFF."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tag = file.pages.first.tags[279]
        counts = np.frombuffer(
            data, f"<u{tag.valuebytecount // tag.count}", tag.count, tag.valueoffset
        ).copy()
    change(counts)
    return data[: tag.valueoffset] + counts.tobytes() + data[tag.valueoffset + counts.nbytes :]


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_strips_that_do_not_tell_their_length_are_read(compression: str | None) -> None:
    """A TIFF whose byte counts are 0, as some old programs write it, is read as libtiff reads it."""
    deep = samples.sixteen(samples.gray())
    data = samples.save_tiff(deep, photometric="minisblack", rowsperstrip=9, compression=compression)
    np.testing.assert_array_equal(images.read(_with_counts(data, lambda counts: counts.fill(0))).pixels, deep)


def test_strips_beyond_the_end_are_refused() -> None:
    """A TIFF that says of its strips that they go on behind the end of the file is truncated."""
    data = samples.save_tiff(samples.sixteen(samples.gray()), photometric="minisblack", rowsperstrip=9)
    with pytest.raises(ImageError, match="truncated"):
        images.read(_with_counts(data, lambda counts: counts.put(-1, 30_000)))


def test_pillow_reads_what_we_write_at_8_bits() -> None:
    """An 8-bit TIFF of ours, larger than a strip, is what Pillow's libtiff reads."""
    rgb = np.tile(samples.photo(), (10, 20, 1))
    data = images.encode(images.read(rgb), "tiff")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), rgb)


def _to_d50(xyz: npt.NDArray[Any]) -> npt.NDArray[Any]:
    # Bradford, as in the sRGB profile.
    matrix = [
        [1.0478112, 0.0228866, -0.0501270],
        [0.0295424, 0.9904844, -0.0170491],
        [-0.0092345, 0.0150436, 0.7521316],
    ]
    return np.asarray(xyz @ np.array(matrix).T)


def without(data: bytes, tag: int) -> bytes:
    """Take a tag out of the only directory of a little-endian TIFF."""
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    entries = [data[place + 2 + 12 * n : place + 14 + 12 * n] for n in range(count)]
    left = [entry for entry in entries if struct.unpack_from("<H", entry)[0] != tag]
    table = struct.pack("<H", len(left)) + b"".join(left) + bytes(4)
    return data[:place] + table.ljust(2 + 12 * count + 4, b"\0") + data[place + 6 + 12 * count :]


@pytest.mark.parametrize("kind", ["gray", "rgb", "fax"])
def test_pixels_that_do_not_say_what_they_are_are_read_as_libtiff_does(kind: str) -> None:
    """Without a photometric interpretation a channel is gray, three are RGB, a fax is black on white."""
    if kind == "fax":
        bilevel = Image.fromarray(samples.gray() > 128)
        data = samples.save(bilevel, "TIFF", compression="group4")
        expected = np.asarray(bilevel) * np.uint8(255)
        if Image.open(io.BytesIO(data)).tag_v2[262] == 1:  # type: ignore[attr-defined]
            expected = 255 - expected
    else:
        expected = samples.gray() if kind == "gray" else samples.photo()
        data = samples.save(Image.fromarray(expected), "TIFF")
    np.testing.assert_array_equal(images.read(without(data, 262)).pixels, expected)


def test_rows_that_are_not_in_the_file_are_a_warning() -> None:
    """A TIFF with fewer strips or bytes than rows is read with a warning; IM and tifffile say nothing."""
    data = samples.save_tiff(samples.gray(), rowsperstrip=samples.HEIGHT)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tag = file.pages.first.tags[279]  # type: ignore[union-attr]
    short = data[: tag.valueoffset] + struct.pack("<I", 500) + data[tag.valueoffset + 4 :]
    for odd, is_whole in ((data, True), (short, False)):
        with collecting() as warnings:
            picture = images.read(odd)
        assert any("are black" in warning for warning in warnings) != is_whole
        assert picture.pixels[:9].tobytes() == samples.gray()[:9].tobytes()


def test_0_rows_a_strip_are_all_in_one() -> None:
    """A strip that says so has the whole photo, and no warning tells that rows are missing."""
    data = bytearray(samples.save_tiff(samples.gray(), photometric="minisblack"))
    entry = data.index(struct.pack("<H", 278))
    assert data[entry + 4 : entry + 10] == struct.pack("<IH", 1, HEIGHT)
    data[entry + 8 : entry + 12] = bytes(4)
    with collecting() as warnings:
        np.testing.assert_array_equal(images.read(bytes(data)).pixels, samples.gray())
    assert warnings == []


def _with_half_a_palette(data: bytes, format: str) -> bytes:
    if format == "PNG":
        start = data.index(b"PLTE")
        end = start + 4 + int.from_bytes(data[start - 4 : start], "big")
        palette = data[start : start + 304]
        checksum = struct.pack(">I", zlib.crc32(palette))
        return data[: start - 4] + struct.pack(">I", 300) + palette + checksum + data[end + 4 :]
    if format == "BMP":  # in the header it is told how many colors there are
        return data[:46] + struct.pack("<I", 100) + data[50:]
    place = data.index(struct.pack("<HH", 320, 3)) + 4
    return data[:place] + struct.pack("<I", 300) + data[place + 4 :]


@pytest.mark.parametrize("format", ["TIFF", "BMP", "PNG"])
def test_a_palette_that_lacks_colors_is_a_warning(format: str) -> None:
    """A photo whose pixels name colors that are not there, of which ImageMagick complains, is no success."""
    whole = samples.save(Image.fromarray(samples.photo()).quantize(200), format)
    for data, lacks in ((whole, False), (_with_half_a_palette(whole, format), True)):
        with collecting() as warnings:
            images.read(data)
        assert ["palette lacks colors" in warning for warning in warnings] == [True] * lacks
        if magick := shutil.which("convert"):
            ran = subprocess.run([magick, "-", "png:-"], input=data, capture_output=True, check=False)
            assert bool(ran.stderr) == lacks


def test_a_tiff_of_palette_colors_without_a_palette_is_corrupt() -> None:
    """The words are those for a PNG."""
    data = samples.save(Image.fromarray(samples.photo()).quantize(200), "TIFF")
    with pytest.raises(ImageError, match="corrupt: no palette"):
        images.read(without(data, 320))


def test_a_mask_and_the_caption_of_a_thumbnail_are_not_lost_in_silence() -> None:
    """The caption beside a thumbnail is the photo's; a mask is left out with a warning."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        small = np.zeros((9, 12), np.uint8)
        writer.write(small, subfiletype=1, description="Anna", resolution=(9, 9), metadata=None)
        writer.write(samples.gray(), metadata=None, resolution=(300, 300), resolutionunit="INCH")
        writer.write(samples.gray() > 99, subfiletype=4, photometric="minisblack", metadata=None)
    with collecting() as warnings:
        picture = images.read(file.getvalue())
    assert picture.size == (samples.HEIGHT, samples.WIDTH)
    assert b"Anna\0" in picture.metadata.exif
    assert picture.metadata.dpi == (300, 300)
    assert warnings == ["a mask, which tells what of the photo shows, is left out"]


def test_tags_that_claim_the_whole_file_do_not_fill_the_memory() -> None:
    """Thousands of tags may each claim all bytes of a file; they are read up to a limit together."""
    gray = samples.gray()
    extra = [(50_000 + number, 7, 4, b"abcd", True) for number in range(2000)]
    data = bytearray(samples.save_tiff(gray, extratags=extra, metadata=None) + bytes(8 << 20))
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for start in range(place + 2, place + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, start)[0] >= 50_000:
            struct.pack_into("<II", data, start + 4, len(data) - 100, 50)
    tracemalloc.start()
    picture = images.read(bytes(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(picture.pixels, gray)
    assert peak < 200 << 20  # 16 GB


def stack(**options: Any) -> bytes:
    """Give five pictures, one behind the other, of which only the description tells."""
    frames = np.stack([np.roll(samples.gray(), 3 * number, 1) for number in range(5)])
    return samples.save_tiff(frames, photometric="minisblack", **options)


@pytest.mark.parametrize("pages", ["first", "all"])
@pytest.mark.parametrize(
    "data",
    [
        lambda: stack(metadata={"axes": "QYX"}, contiguous=True, truncate=True),
        lambda: _only_first(stack(imagej=True)),
    ],
    ids=["tifffile", "ImageJ"],
)
def test_pictures_without_a_directory_are_named(data: Callable[[], bytes], pages: str) -> None:
    """Of five pictures that tifffile reads, where one has a page, the first is read; a warning names all."""
    file = data()
    read = tifffile.imread(io.BytesIO(file))
    assert read.shape == (5, HEIGHT, WIDTH)
    with collecting() as warnings:
        found = images.read(file) if pages == "first" else next(iter(images.read_pages(file)))
    np.testing.assert_array_equal(found.pixels, read[0])
    assert "5 pictures" in " ".join(warnings)


def _only_first(data: bytes) -> bytes:
    """Cut the chain of directories after the first, as ImageJ writes large files."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        place = file.pages.first.offset
    order = "<" if data[:2] == b"II" else ">"
    (count,) = struct.unpack_from(order + "H", data, place)
    end = place + 2 + 12 * count
    return data[:end] + bytes(4) + data[end + 4 :]


@pytest.mark.parametrize("pages", ["first", "all"])
def test_pages_behind_the_end_of_a_file_are_a_warning(pages: str) -> None:
    """Of a TIFF that was cut, whose first page is whole, the loss of the others is said."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((5, HEIGHT, WIDTH), np.uint8), metadata=None)
    whole = buffer.getvalue()
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        assert len(file.pages) == 5
        end = file.pages[1].dataoffsets[0]

    def read(data: bytes) -> tuple[int, str]:
        with collecting() as warnings:
            found = [images.read(data)] if pages == "first" else list(images.read_pages(data))
        return len(found), " ".join(warnings)

    count, said = read(whole[:end])
    assert count == 1
    assert said == "cut off or broken behind a page: those that follow are lost"
    count, said = read(whole)
    assert (count, "cut off" in said) == (1 if pages == "first" else 5, False)


def test_a_stale_count_is_no_warning() -> None:
    """Where the file is too small for the pictures that its description tells of, one is all there is."""
    text = "ImageJ=1.53\nimages=500\nslices=500\n"
    file = samples.save_tiff(samples.gray(), photometric="minisblack", description=text, metadata=None)
    with collecting() as warnings:
        images.read(file)
    assert not [said for said in warnings if "pictures" in said]


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_channels_that_are_left_out_are_a_warning(planar: str) -> None:
    """Where a photo has more channels than color and alpha, a warning says how many are lost."""
    channels = [samples.gray()] * 5
    values = np.stack(channels, axis=-1 if planar == "contig" else 0)
    data = samples.save_tiff(values, photometric="minisblack", planarconfig=planar)
    with collecting() as warnings:
        picture = images.read(data)
    np.testing.assert_array_equal(
        picture.pixels, tifffile.imread(io.BytesIO(data)).take(0, -1 if planar == "contig" else 0)
    )
    assert "4 of its 5 channels left out" in " ".join(warnings)


@pytest.mark.parametrize("layout", [{"rowsperstrip": 16}, {"tile": (32, 32)}], ids=repr)
def test_a_jpeg_in_a_tiff_that_lost_its_end_is_a_warning(layout: dict[str, Any]) -> None:
    """Zeros in place of the rest of a strip or tile, as a failing disk leaves them, are told."""
    data = bytearray(samples.save_tiff(np.tile(samples.photo(), (2, 2, 1)), compression="jpeg", **layout))
    with collecting() as warnings:
        images.read(bytes(data))
    assert not warnings
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        start, count = tiff.pages[0].dataoffsets[1], tiff.pages[0].databytecounts[1]
    data[start + count // 2 : start + count] = bytes(count - count // 2)
    with collecting() as warnings:
        images.read(bytes(data))
    assert "may be lost" in " ".join(warnings)


@pytest.mark.skipif(shutil.which("djpeg") is None, reason="needs djpeg of libjpeg-turbo")
@pytest.mark.parametrize("writer", ["tifffile", "libtiff"])
def test_damage_in_a_jpeg_in_a_tiff_is_a_warning(writer: str) -> None:
    """Turned bits are told of mostly where djpeg does so, and only there; libtiff keeps tables apart."""
    chance = random.Random(4)
    photo = skimage.data.coffee()[:200, :300]
    if writer == "tifffile":
        data = samples.save_tiff(photo, compression="jpeg", rowsperstrip=64)
    else:
        data = samples.save(Image.fromarray(photo), "TIFF", compression="jpeg", quality=85)
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        strips, tables = list(zip(page.dataoffsets, page.databytecounts, strict=True)), page.jpegtables
    assert (tables is None) == (writer == "tifffile")
    told = known = 0
    for _ in range(60):
        start, count = chance.choice(strips)
        broken = bytearray(data)
        broken[chance.randrange(start + count // 8, start + count - 2)] ^= 1 << chance.randrange(8)
        strip = bytes(broken[start : start + count])
        strip = strip if tables is None else tables[:-2] + strip[2:]
        by_others = subprocess.run(["djpeg"], input=strip, capture_output=True, check=False).stderr
        with collecting() as warnings:
            images.read(bytes(broken))
        assert by_others or not warnings
        known += bool(by_others)
        told += bool(warnings)
    assert told > 5
    assert told > 0.6 * known


def old_jpeg(photo: npt.NDArray[np.uint8], kind: str, *, strips: bool) -> tuple[bytes, npt.NDArray[np.uint8]]:
    """Make a TIFF of a JPEG as TIFF 6.0 has it, and give the pixels that the JPEG has by itself."""
    shared, high = (0, 2) if photo.ndim == 2 else (2, 1)
    rows = {"restart_marker_rows": high} if strips else {}
    whole = samples.save(Image.fromarray(photo), "JPEG", quality=95, subsampling=shared, **rows)
    quanta, codes, place = list[bytes](), dict[int, bytes](), 2
    while whole[place + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", whole, place + 2)
        body = whole[place + 4 : place + 2 + length]
        if whole[place + 1] == 0xDB:
            quanta += [body[start + 1 : start + 65] for start in range(0, len(body), 65)]
        if whole[place + 1] == 0xC4:
            codes[body[0]] = body[1:]
        place += 2 + length
    place += 2 + struct.unpack_from(">H", whole, place + 2)[0]
    scans = re.split(rb"\xff[\xd0-\xd7]", whole[place:-2])
    channels = 1 if photo.ndim == 2 else 3
    tags: dict[int, Any] = {256: WIDTH, 257: HEIGHT, 258: (8,) * channels, 259: 6, 277: channels, 512: 1}
    tags |= {262: 6, 530: (2, 2)} if channels == 3 else {262: 1}
    tags[278] = 16 if strips else HEIGHT
    # 16 KB are room enough for the directory.
    data, start = b"", 8 + (1 << 14)
    if kind == "tables":
        tables = [list[int]() for _ in range(3)]
        for number in range(channels):
            several = (quanta, [codes[0], codes.get(1, b"")], [codes[16], codes.get(17, b"")])
            for places, table in zip(tables, several, strict=True):
                places.append(start + len(data))
                data += table[min(number, 1)]
        tags |= dict(zip((519, 520, 521), map(tuple, tables), strict=True))
    else:
        data = whole if kind == "whole" else whole[:place]
        tags |= {513: start, 514: len(data)}
        data += bytes(5)
    ends = np.cumsum([len(scan) + (2 if kind == "whole" else 0) for scan in scans])
    first = start + (place if kind == "whole" else len(data))
    tags[273] = tuple(first + int(end) for end in (0, *ends[:-1]))
    tags[279] = tuple(map(len, scans))
    entries, values, at = [], b"", 8 + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        numbers = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f">{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            values, packed = values + packed, struct.pack(">I", at + len(values))
        entries.append(struct.pack(">HHI", tag, 4, len(numbers)) + packed)
    head = b"MM\0*\0\0\0\x08" + struct.pack(">H", len(tags)) + b"".join(entries) + bytes(4) + values
    data += b"" if kind == "whole" else b"".join(scans)
    return head.ljust(start, b"\0") + data, np.asarray(Image.open(io.BytesIO(whole)))


@pytest.mark.parametrize("strips", [False, True])
@pytest.mark.parametrize("kind", ["whole", "head", "tables"])
@pytest.mark.parametrize("photo", [samples.gray(), samples.photo()], ids=["gray", "color"])
def test_jpegs_of_tiff_6_are_read(photo: npt.NDArray[np.uint8], kind: str, strips: bool) -> None:
    """Scanners point to a JPEG and into its middle, or keep its head or its tables apart from the strips."""
    data, expected = old_jpeg(photo, kind, strips=strips)
    with collecting() as warnings:
        np.testing.assert_array_equal(images.read(data).pixels, expected)
    assert warnings == []
    # ImageMagick leaves YCbCr as it is here, and misreads a last strip that is shorter than the others.
    if photo.ndim == 2 and not strips and (magick := shutil.which("convert")):
        png = subprocess.run([magick, "-", "png:-"], input=data, capture_output=True, check=False).stdout
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), expected)


def test_an_old_jpeg_that_does_not_fit_its_page_is_refused() -> None:
    """A head that tells another size than the page, and tables that are missing, are no success."""
    data, _ = old_jpeg(samples.gray(), "head", strips=False)
    place = data.index(b"\xff\xc0") + 5
    with pytest.raises(ImageError, match="corrupt: its JPEG says"):
        images.read(data[:place] + struct.pack(">HH", 60_000, 60_000) + data[place + 4 :])
    tables, _ = old_jpeg(samples.gray(), "tables", strips=False)
    entry = tables.index(struct.pack(">HH", 520, 4))
    with pytest.raises(ImageUnsupportedError, match="without its tables"):
        images.read(tables[:entry] + struct.pack(">H", 522) + tables[entry + 2 :])


def test_what_only_one_decoder_reads_is_a_warning() -> None:
    """Where tifffile finds a strip broken, libtiff reads what it can and says nothing; we do."""
    file = io.BytesIO()
    tifffile.imwrite(file, skimage.data.camera(), compression="packbits", rowsperstrip=50)
    data, place = file.getvalue(), len(file.getvalue()) // 2
    broken = data[:place] + b"\xff" * 200 + data[place + 200 :]
    with pytest.raises(Exception, match="packbits_decode"):
        tifffile.imread(io.BytesIO(broken))
    for content, is_said in ((data, False), (broken, True)):
        with collecting() as warnings:
            assert images.read(content).size == (512, 512)
        assert any("one of two decoders cannot read them" in said for said in warnings) == is_said
