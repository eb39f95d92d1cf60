"""What stands around the frames of a GIF; exiftool and ImageMagick are the oracles."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import sample_files as samples
from PIL import Image, ImageCms

from colorful import images

needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="there is no exiftool to ask")
CAPTION = "Großmutter im Garten, 1931"


def gif() -> bytes:
    """Give a gray photo as a GIF."""
    return samples.save(Image.fromarray(samples.gray()), "GIF")


@needs_exiftool
def test_captions_in_xmp_are_kept(tmp_path: Path) -> None:
    """A caption that exiftool writes into a GIF, it finds in the PNG that becomes of it."""
    source = tmp_path / "a.gif"
    source.write_bytes(gif())
    write = ["exiftool", "-q", "-overwrite_original", f"-XMP-dc:Description={CAPTION}", source]
    subprocess.run(write, check=True, capture_output=True)
    target = images.write(images.read(source), tmp_path / "b.png")
    read = ["exiftool", "-s3", "-XMP-dc:Description", target]
    found = subprocess.run(read, check=True, capture_output=True, text=True).stdout
    assert found.strip() == CAPTION


def test_a_comment_behind_the_picture_is_kept() -> None:
    """Comments count wherever they stand, as in ImageMagick's `%c`, which joins them."""
    comment = b"\x21\xfe\x05attic\x00"
    data = gif()
    assert data.endswith(b";")
    text = images.read(data[:-1] + comment + comment.replace(b"attic", b"lower") + b";").metadata.text
    assert text["Comment"] == "attic\nlower"


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_profile_counts(mode: str) -> None:
    """Pixels with a profile of gamma 1.8 mean what Little CMS says, be they grey or in a palette of greys."""
    image = Image.fromarray(samples.gray())
    image = image if mode == "L" else image.convert("RGB").quantize(256)
    data = samples.save(image, "GIF")
    profile = samples.GRAY_GAMMA_18
    blocks = [profile[start : start + 255] for start in range(0, len(profile), 255)]
    extension = b"\x21\xff\x0bICCRGBG1012" + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"
    flags = data[10]
    head = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    picture = images.read(data[:head] + extension + data[head:])
    stored = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    expected = imagecodecs.cms_transform(stored, profile, srgb, colorspace="gray", outcolorspace="rgb")[
        ..., 1
    ]
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 1
    assert np.abs(stored.astype(int) - expected).max() > 5


@needs_exiftool
def test_a_profile_of_exiftool_is_found(tmp_path: Path) -> None:
    """The profile that exiftool puts into a GIF means what it means in a PNG."""
    profile, source = tmp_path / "gray.icc", tmp_path / "a.gif"
    profile.write_bytes(samples.GRAY_GAMMA_18)
    source.write_bytes(gif())
    write = ["exiftool", "-q", "-overwrite_original", f"-ICC_Profile<={profile}", source]
    subprocess.run(write, check=True, capture_output=True)
    assert source.read_bytes() != gif()
    png = samples.save(Image.fromarray(samples.gray()), "PNG", icc_profile=samples.GRAY_GAMMA_18)
    np.testing.assert_array_equal(images.read(source).pixels, images.read(png).pixels)


def test_broken_blocks_cost_no_pixels() -> None:
    """Whatever a GIF is cut to or holds behind its picture, what is read of it is read."""
    data = gif()
    pixels = images.read(data).pixels
    for rest in (
        b"",
        b"\x21",
        b"\x21\xff",
        b"\x21\xff\x0bXMP DataXMP",
        b"\x21\xfe\x50attic",
        b"\0\0\0",
        b"x",
    ):
        np.testing.assert_array_equal(images.read(data[:-1] + rest).pixels, pixels)
    huge = b"\x21\xfe" + b"".join(b"\xff" + bytes([65 + n % 26]) * 255 for n in range(4000)) + b"\0"
    assert len(images.read(data[:-1] + huge + b";").metadata.text["Comment"]) == 4000 * 255


def test_other_extensions_are_passed_over() -> None:
    """Control blocks and applications of others are no text."""
    control = b"\x21\xf9\x04\0\0\0\0\0" + b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", 0) + b"\0"
    assert images.read(gif()[:-1] + control + b";").metadata.text == {}
