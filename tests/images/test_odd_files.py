"""Odd but sound TIFF and PNG files: a seeded slice on every run, 2,000 in the nox session fuzz.

They are made by tifffile, imagecodecs and Pillow, and what tifffile and imagecodecs read must come out.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import subprocess
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import sample_files as samples
import skimage.io
import tifffile
from PIL import Image

from colorful import images
from colorful.errors import ImageUnsupportedError

Array = npt.NDArray[Any]

COLORS = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4, "palette": 1, "cielab": 3, "ycbcr": 3}
COMPRESSIONS = [
    None,
    None,
    None,
    "zlib",
    "lzw",
    "packbits",
    "zstd",
    "lzma",
    "jpeg",
    "webp",
    "jpeg2000",
    "jpegxl",
]
COMPRESSIONS += ["png", "lerc", "jpegxr", "deflate"]
DEPTHS = [1, 2, 4, 8, 8, 8, 10, 12, 14, 16, 16, 24, 32, "f2", "f4", "f8", "i1", "i2"]
PER_SLICE = 50


def values(chance: random.Random, shape: tuple[int, ...], depth: int | str) -> Array:
    """Make a smooth picture with some noise that fills the range of a depth."""
    noise = np.random.default_rng(chance.randrange(1 << 30)).random(shape)
    rows = np.linspace(0, 0.7, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    unit = np.clip(rows + 0.3 * noise, 0, 1)
    if isinstance(depth, str):
        return unit.astype(depth) if depth[0] == "f" else (unit * 99).astype(depth)
    return np.rint(unit * (2**depth - 1)).astype(f"u{1 if depth <= 8 else 2 if depth <= 16 else 4}")


def make_tiff(chance: random.Random) -> tuple[str, bytes]:
    """Make a TIFF that tifffile can write, and say of what kind it is."""
    while True:
        photometric = chance.choice(["minisblack", "miniswhite", "rgb", "rgb", *COLORS])
        depth = chance.choice(DEPTHS if photometric != "palette" else [1, 2, 4, 8, 16])
        extra = chance.choice([[], [], [], ["unassalpha"], ["assocalpha"], ["unspecified"], [0, 0, 2]])
        height, width = chance.randint(1, 40), chance.randint(1, 40)
        channels = COLORS[photometric] + len(extra)
        data = values(chance, (height, width, channels), depth)
        planar = chance.choice(["contig", "contig", "separate"]) if channels > 1 else None
        options: dict[str, Any] = {
            "photometric": photometric,
            "planarconfig": planar,
            "extrasamples": extra or None,
            "compression": chance.choice(COMPRESSIONS),
            "predictor": chance.choice([None, None, True]),
            "byteorder": chance.choice("<>"),
            "bigtiff": chance.random() < 0.2,
            "metadata": None if chance.random() < 0.5 else {},
        }
        if isinstance(depth, int) and depth not in (8, 16, 32):
            options["bitspersample"] = depth
        if chance.random() < 0.2:
            options["tile"] = (16 * chance.randint(1, 3), 16 * chance.randint(1, 3))
        elif chance.random() < 0.6:
            options["rowsperstrip"] = chance.randint(1, height)
        if photometric == "palette":
            colors = np.random.default_rng(chance.randrange(99)).integers(0, 256, (3, 2**depth))  # type: ignore[operator]
            options["colormap"] = (colors * 257).astype(np.uint16)
        if photometric == "ycbcr":
            options["subsampling"] = chance.choice([(1, 1), (2, 2), (2, 1)])
        if depth == 1:
            data = data.astype(bool)
        pages = chance.choice([1, 1, 1, 2, 3])
        order = "thumbnail first" if chance.random() < 0.1 else ""
        file = io.BytesIO()
        kind = f"{depth} {extra} {height}x{width} x{pages} {order} {options}".replace("\n", "")
        stored = np.moveaxis(data, -1, 0) if planar == "separate" else data[..., 0] if channels == 1 else data
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with tifffile.TiffWriter(
                    file, byteorder=options.pop("byteorder"), bigtiff=options.pop("bigtiff")
                ) as tiff:
                    if order:
                        small = np.zeros((max(1, height // 4), max(1, width // 4)), np.uint8)
                        tiff.write(small, photometric="minisblack", subfiletype=1, metadata=None)
                    for number in range(pages):
                        tiff.write(np.roll(stored, number, 0), **options)
            page, written = main_page(file.getvalue())
            # It turns the bytes of big-endian JPEG 2000 around before it encodes them.
            if isinstance(depth, int) and written.max() > max(1, 2**page.bitspersample - 1):
                continue
        except Exception:  # a combination that is none, or that tifffile writes and cannot read
            continue
        return kind, file.getvalue()


def main_page(data: bytes) -> tuple[Any, Array]:
    """Give the first page that is no thumbnail, and its samples as tifffile reads them, ``(H, W, C)``."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = next(page for page in file.pages if not page.is_reduced)
        samples_ = page.asarray(maxworkers=1)
        shape = page.imagelength, page.imagewidth
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            return page, np.moveaxis(samples_.reshape(page.samplesperpixel, *shape), 0, -1)
        return page, samples_.reshape(*shape, -1)


def expected_of_tiff(data: bytes) -> tuple[Array | None, Array | None]:
    """Give color and alpha in [0, 1] as they follow from tifffile's samples; None where this cannot tell."""
    page, stored = main_page(data)
    name = page.photometric.name.lower()
    if name not in ("minisblack", "miniswhite", "rgb", "palette") or stored.dtype.kind in "ic":
        return None, None
    full = 1 if stored.dtype.kind in "fb" else 2**page.bitspersample - 1
    unit = stored.astype(np.float64) / full
    colors = {"rgb": 3}.get(name, 1)
    kinds = [int(kind) for kind in page.extrasamples]
    alpha = next((unit[..., colors + place] for place, kind in enumerate(kinds) if kind in (1, 2)), None)
    color = unit[..., :colors]
    if name == "palette":
        color = (page.colormap >> 8).T[stored[..., 0].astype(int)] / 255
    if name == "miniswhite":
        color = 1 - color
    if any(kind == 1 for kind in kinds):
        return None, alpha
    return color.squeeze(-1) if color.shape[-1] == 1 else color, alpha


def make_png(chance: random.Random) -> tuple[str, bytes]:
    """Make a PNG, with broken or large side data around sound pixels."""
    height, width = chance.randint(1, 40), chance.randint(1, 40)
    channels, depth = chance.choice([1, 2, 3, 4]), chance.choice([1, 2, 4, 8, 8, 16, 16])
    buffer = io.BytesIO()
    if depth >= 8 and chance.random() < 0.7:
        data = bytes(
            imagecodecs.png_encode(
                values(chance, (height, width, channels), depth).squeeze()
                if min(height, width) > 1 and channels == 1
                else values(chance, (height, width, channels), depth)
            )
        )
        kind = f"png {depth} x {channels}"
    else:
        gray = Image.fromarray(values(chance, (height, width), 8))
        if chance.random() < 0.5:
            picture = gray.convert("P", palette=Image.Palette.ADAPTIVE, colors=2 ** min(depth, 8))
            picture.save(buffer, "PNG", bits=min(depth, 8), transparency=0 if chance.random() < 0.3 else None)
        else:
            picture = gray.convert(chance.choice(["1", "L", "LA", "RGB", "RGBA"]))
            picture.save(buffer, "PNG")
        data, kind = buffer.getvalue(), f"png {picture.mode} {depth}"
    chunks = [
        (b"tEXt", b"Title\0Coffee"),
        (b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 2_000_000)),
        (b"iCCP", b"icc\0\0" + zlib.compress(b"no profile")),
        (b"iTXt", b"Comment\0\1\0\0\0not compressed"),
        (b"eXIf", b"II*\0\xff\xff\xff\xff"),
        (b"tIME", b"odd"),
        (b"pHYs", b"short"),
    ]
    for chunk in chance.sample(chunks, chance.randint(0, 3)):
        data = samples.png_with(data, chunk)
        kind += f" {chunk[0].decode()}"
        if chance.random() < 0.4:
            end = 33 + 8 + len(chunk[1])
            data = data[:end] + struct.pack(">I", 7) + data[end + 4 :]
            kind += "!"
    return kind, data


def expected_of_png(data: bytes) -> tuple[Array, Array | None]:
    """Give color and alpha in [0, 1] as libpng reads the pixels without all else."""
    parts, offset = [data[:8]], 8
    while offset < len(data):
        length = int.from_bytes(data[offset : offset + 4], "big") + 12
        if data[offset + 4 : offset + 8] in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            parts.append(data[offset : offset + length])
        offset += length
    stored = imagecodecs.png_decode(b"".join(parts))
    stored = stored.reshape(*stored.shape[:2], -1)
    unit = stored / np.float64(np.iinfo(stored.dtype).max)
    colors = stored.shape[2] - (stored.shape[2] in (2, 4))
    color = unit[..., :colors].squeeze(-1) if colors == 1 else unit[..., :colors]
    return color, unit[..., -1] if colors < stored.shape[2] else None


def in_unit(stored: Array) -> Array:
    """Bring values to [0, 1]."""
    return np.asarray(stored / np.float64(1 if stored.dtype.kind == "f" else np.iinfo(stored.dtype).max))


def check_picture(picture: images.Picture, color: Array | None, alpha: Array | None) -> None:
    """Compare a picture with what is expected; a grey palette may be RGB."""
    if color is not None:
        pixels = in_unit(picture.pixels)
        assert pixels.shape[:2] == color.shape[:2]
        if pixels.ndim != color.ndim:
            color = np.dstack([color] * 3) if color.ndim == 2 else color
            pixels = np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels
        step = 1 / 255 if picture.pixels.dtype == np.uint8 else 1 / 65535
        np.testing.assert_allclose(pixels, color, atol=1.01 * step, rtol=0)
    if alpha is not None:
        assert picture.alpha is not None
        np.testing.assert_allclose(in_unit(picture.alpha), alpha, atol=1.01 / 255, rtol=0)


def check_result(result: Path, picture: images.Picture) -> None:
    """Open a result by tifffile, scikit-image and Pillow, which must not complain."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if result.suffix == ".tif":
            with tifffile.TiffFile(result) as file:
                stored = file.asarray()
            np.testing.assert_array_equal(stored[..., :3], picture.pixels)
            assert skimage.io.imread(result).shape[:2] == picture.size
        if picture.pixels.dtype == np.uint8 or result.suffix == ".png":
            with Image.open(result) as image:
                image.load()
            assert image.size == picture.size[::-1]


def run(first: int, last: int, folder: Path, caplog: pytest.LogCaptureFixture) -> Counter[str]:
    """Read the files of some cases, color and write them, and have others open what was written."""
    counts: Counter[str] = Counter()
    for case in range(first, last):
        chance = random.Random(case)
        is_tiff = chance.random() < 0.7
        kind, data = make_tiff(chance) if is_tiff else make_png(chance)
        try:
            try:
                picture = images.read(data)
            except ImageUnsupportedError:
                counts["not supported"] += 1
                counts[f"not supported, {'png' if not is_tiff else kind.split()[0]}"] += 1
                continue
            check_picture(picture, *(expected_of_tiff(data) if is_tiff else expected_of_png(data)))
            pixels = picture.pixels if picture.pixels.ndim == 3 else np.dstack([picture.pixels] * 3)
            colored = picture.colored(pixels)
            result = images.write(colored, folder / f"{case}.{'tif' if is_tiff else 'png'}")
            caplog.clear()
            check_result(result, colored)
            assert not caplog.records, caplog.text
        except Exception as error:
            raise AssertionError(f"case {case}, {kind}: {error!r}") from error
        counts["read"] += 1
    written = sorted(map(str, folder.iterdir()))
    if shutil.which("exiftool"):
        command = ["exiftool", "-q", "-a", "-warning", "-error", "-validate", *written]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        # EXIF's own table of compressions ends before Deflate, which TIFF has had since 2002.
        complaints = {
            line.split(":", 1)[1].strip() for line in said.stdout.splitlines() if "Warning  " in line
        }
        assert complaints <= {"Invalid value for IFD0 tag 0x0103 Compression"}, complaints
        assert "Error" not in said.stdout + said.stderr, said.stdout[-2000:] + said.stderr[-2000:]
    if shutil.which("identify"):
        said = subprocess.run(["identify", "-quiet", *written], capture_output=True, text=True, check=False)
        assert len(said.stdout.splitlines()) >= len(written), said.stderr[-2000:]
    return counts


@pytest.mark.parametrize("first", [0, PER_SLICE])
def test_odd_files_are_read_as_others_read_them(
    first: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A TIFF that tifffile reads, a PNG with broken side data: the same pixels, or clearly not supported."""
    counts = run(first, first + PER_SLICE, tmp_path, caplog)
    assert counts["read"] > PER_SLICE / 2


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(0, int(os.environ.get("COLORFUL_ODD_FILES", "2000")), 200))
def test_many_odd_files_are_read_as_others_read_them(
    first: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """2,000 odd files, or COLORFUL_ODD_FILES of them, give the same pixels or are not supported."""
    print(dict(run(first, first + 200, tmp_path, caplog)))
