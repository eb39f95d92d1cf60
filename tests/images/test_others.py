"""Formats that Pillow reads, and those that nobody reads here."""

from __future__ import annotations

import base64
import io
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import sample_files as samples
from PIL import Image

from colorful import images
from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images.log import collecting


@pytest.mark.parametrize("format", ["TGA", "PCX", "SGI", "DDS", "ICNS", "QOI", "XBM", "PDF", "EPS"])
def test_sound_pictures_of_other_formats_are_not_called_broken(format: str) -> None:
    """What Pillow writes in a format that is not read here is not supported, by name."""
    photo = Image.fromarray(samples.photo())
    data = samples.save(photo.convert("1") if format == "XBM" else photo, format)
    with pytest.raises(ImageUnsupportedError, match="is not supported"):
        images.read(data)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\0\0\0\x18ftypmp42", "a film"),
        (b"\0\0\0\x18ftypcrx ", "raw file"),
        (b"FOVb", "raw file"),
        (b"\x8bJNG\r\n\x1a\n", "JNG"),
        (b"/* XPM */\nstatic char *a[] = {", "XPM"),
        (b"<!DOCTYPE HTML>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"PK\3\4", "an archive"),
        (b"7z\xbc\xaf\x27\x1c", "an archive"),
        (bytes(128) + b"DICM\2\0", "DICOM"),
        (b"\x1aE\xdf\xa3", "a film"),
        (b"RIFF\0\0\0\0AVI LIST", "a film"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "beside a file"),
        (b"<?xpacket begin=''?>", "XMP"),
        (base64.b64encode(b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1"), "base64"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "base64"),
        (b"\x89PNG\r\n\x1a\n".replace(b"\r\n", b"\n"), "sent as text"),
        (b"\xff\xd8\xff\xe0".decode("utf-8", "replace").encode(), "took for text"),
        (bytes(1000), "zeros"),
        (b"hello", "not a picture"),
    ],
)
def test_what_is_no_picture_is_named(head: bytes, words: str) -> None:
    """A film, a raw file, a web page or an archive is called what it is."""
    with pytest.raises(ImageError, match=words):
        images.read(head + bytes(50))


def test_the_profile_of_a_bmp_is_honored() -> None:
    """A BMP with an ICC profile gives the colors of a PNG with the same pixels and profile."""
    photo = samples.photo()
    pixels = photo[::-1, :, ::-1].tobytes()
    header = struct.pack(
        "<IiiHHIIiiII", 124, samples.WIDTH, samples.HEIGHT, 1, 24, 0, len(pixels), 0, 0, 0, 0
    )
    header += bytes(16) + b"DEBM" + bytes(48)
    header += struct.pack("<IIII", 4, 124 + len(pixels), len(samples.ADOBE_RGB), 0)
    data = b"BM" + struct.pack("<IHHI", 0, 0, 0, 138) + header + pixels + samples.ADOBE_RGB
    expected = images.read(samples.save(Image.fromarray(photo), "PNG", icc_profile=samples.ADOBE_RGB)).pixels
    assert (expected != photo).any()
    np.testing.assert_array_equal(images.read(data).pixels, expected)


def test_depth_that_is_not_read_is_a_warning() -> None:
    """AVIF and HEIC of more than 8 bits are read with 8, and a warning says so."""
    deep = samples.photo().astype(np.uint16)
    heif = io.BytesIO()
    whole = (deep * 257).tobytes()
    pillow_heif.from_bytes("RGB;16", (samples.WIDTH, samples.HEIGHT), whole).save(heif, bit_depth=10)
    avif = bytes(imagecodecs.avif_encode(deep << 2, bitspersample=10, level=90))
    for data in (heif.getvalue(), avif):
        with collecting() as warnings:
            images.read(data)
        assert warnings == ["read with 8 of its 10 bits"]
    with collecting() as warnings:
        images.read(samples.every_file()["avif"])
    assert not warnings


@pytest.mark.parametrize(("transfer", "is_said"), [(16, True), (18, True), (13, False)])
def test_light_beyond_white_is_a_warning(transfer: int, is_said: bool) -> None:
    """AVIF and HEIC of HDR, by PQ or HLG, look pale where that is not understood, and a warning says why."""
    avif = bytes(imagecodecs.avif_encode(samples.photo(), primaries=9, transfer=transfer, matrix=9))
    with collecting() as warnings:
        images.read(avif)
    assert warnings == ["its light goes beyond white (HDR), and is taken for that of sRGB"] * is_said


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "HEIF", "JPEG2000"])
def test_a_hole_in_a_file_is_a_warning(format: str) -> None:
    """A broken download, or a disk that fails, leaves zeros, which decoders take for picture: a warning."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (250, 300, 3), np.uint8))
    data = samples.save_heic(noise, quality=95) if format == "HEIF" else samples.save(noise, format)
    place, size = len(data) // 2, 20_000 if format == "JPEG" else 5_000
    for broken, is_said in ((data, False), (data[:place] + bytes(size) + data[place + size :], True)):
        with collecting() as warnings:
            images.read(broken)
        assert (
            "a part of the file is nothing but zeros: a part of the photo may be lost" in warnings
        ) == is_said
    with collecting() as warnings:
        images.read((data if format in ("JPEG", "WEBP") else samples.every_file()["gif"]) + bytes(20_000))
    assert not warnings, "what is behind a photo is no part of it"


def test_color_spaces_of_jpeg_2000_that_are_not_read_are_named() -> None:
    """A JPEG 2000 in CIELAB is not supported, and is not read as if it were RGB."""
    data: Any = imagecodecs.jpeg2k_encode(samples.photo(), level=0, codecformat="jp2")
    place = data.index(b"colr") + 7
    with pytest.raises(ImageUnsupportedError, match="color space 14"):
        images.read(data[:place] + struct.pack(">I", 14) + data[place + 4 :])


def test_jpeg_2000_of_many_channels_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of channels fit into some bytes; more than four are no photo."""
    data: Any = imagecodecs.jpeg2k_encode(np.zeros((20, 30, 6), np.uint16), planar=False, level=0)
    monkeypatch.setattr(imagecodecs, "jpeg2k_decode", None)
    with pytest.raises(ImageUnsupportedError, match="JPEG 2000 of 6 channels of 16 bits"):
        images.read(bytes(data))


@pytest.mark.parametrize("white", [255, 65535])
def test_the_comment_of_a_pgm_is_kept(white: int) -> None:
    """A comment in the header of a PGM is text of the result; one among its words is passed over."""
    words = b" ".join(b"%d" % (value * (white // 255)) for value in samples.gray().ravel().tolist())
    head = b"P2\n# Anna, 1931\n%d %d\n%d\n" % (samples.WIDTH, samples.HEIGHT, white)
    picture = images.read(head + b"# the rows\n" + words)
    assert picture.metadata.text["Comment"].startswith("Anna, 1931")
    unit = picture.pixels / np.float64(np.iinfo(picture.pixels.dtype).max)
    np.testing.assert_allclose(unit * 255, samples.gray(), atol=1e-9)


def test_light_of_an_avif_is_that_of_its_curve() -> None:
    """Linear pixels (H.273, transfer function 8) mean in an AVIF what they mean in a PNG with gAMA 1."""
    linear = np.dstack([samples.gray()] * 3)
    avif = images.read(imagecodecs.avif_encode(linear, level=100, transfer=8))
    png = samples.png_with(
        samples.save(Image.fromarray(linear), "PNG"), (b"gAMA", (100_000).to_bytes(4, "big"))
    )
    assert np.abs(avif.pixels.astype(int) - images.read(png).pixels).max() <= 2
    assert avif.pixels.mean() > linear.mean() + 20


def test_what_a_program_said_of_the_old_profile_is_no_text() -> None:
    """ImageMagick copies the words of a profile into the text of a PNG; the result has another profile."""
    png = samples.png_with(
        samples.save(Image.fromarray(samples.gray()), "PNG"), (b"tEXt", b"icc:description\0Dot")
    )
    assert images.read(png).metadata.text == {}


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_file_tells_the_turn_of_an_avif_and_not_its_xmp(format: str, orientation: int) -> None:
    """HEIC and AVIF are turned by what stands in their boxes; an orientation in XMP turns nothing again."""
    photo = Image.fromarray(samples.photo())
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    exif = Image.Exif()
    exif[274] = orientation
    # pillow-heif writes the boxes after what XMP says, so another number is put into the finished file.
    data = samples.save(photo, format, exif=exif.tobytes(), xmp=packet.format(orientation).encode())
    data = data.replace(f'Orientation="{orientation}"'.encode(), b'Orientation="8"')
    assert b'Orientation="8"' in data
    expected = samples.save(photo, format, exif=exif.tobytes())
    np.testing.assert_array_equal(images.read(data).pixels, images.read(expected).pixels)
    assert images.read_size(data, upright=True) == images.read(expected).size


@pytest.mark.parametrize("format", ["AVIF", "HEIF", "WEBP", "PNG", "JPEG"])
def test_what_stands_behind_a_picture_is_named(format: str) -> None:
    """A film that a telephone puts behind its photo is lost, and a warning says so; a box of none is not."""
    data = samples.save(Image.fromarray(samples.photo()), format)
    with collecting() as warnings:
        images.read(data)
    assert not warnings
    with collecting() as warnings:
        images.read(data + b"\0\0\x20\0mpvd" + b"x" * 8184)
    assert "bytes behind the picture dropped" in warnings[0]


def test_a_gray_heic_of_10_bits_is_read_whole() -> None:
    """Where all bits of a HEIC are read, no warning says otherwise."""
    deep = samples.gray().astype("<u2") * 257
    buffer = io.BytesIO()
    pillow_heif.from_bytes("L;16", deep.shape[::-1], deep.tobytes()).save(buffer, quality=-1)
    with collecting() as warnings:
        picture = images.read(buffer.getvalue())
    assert not warnings
    assert picture.pixels.dtype == np.uint16
    assert np.abs(picture.pixels.astype(int) - deep).max() <= 256


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """Make a WebP of its chunks."""
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="there is no exiftool to ask")
@pytest.mark.parametrize("header", [None, b"\0"], ids=["no header", "a header that tells nothing"])
@pytest.mark.parametrize("name", [b"EXIF", b"XMP "])
def test_what_the_header_of_a_webp_does_not_tell_of_is_kept(
    tmp_path: Path, name: bytes, header: bytes | None
) -> None:
    """What exiftool finds in a WebP it finds in the result; the photo is turned as Pillow turns it: not."""
    pixels = samples.save(Image.fromarray(samples.photo()), "WEBP", lossless=True)[20:]
    content = samples.exif(6) if name == b"EXIF" else samples.XMP
    size = struct.pack("<I", samples.WIDTH - 1)[:3] + struct.pack("<I", samples.HEIGHT - 1)[:3]
    head = [] if header is None else [(b"VP8X", header + bytes(3) + size)]
    source = tmp_path / "a.webp"
    source.write_bytes(riff(*head, (b"VP8L", pixels), (name, content)))
    target = images.write(images.read(source), tmp_path / "b.jpg")
    found = [
        subprocess.run(
            ["exiftool", "-s3", "-Artist", "-XMP-dc:Source", path],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for path in (source, target)
    ]
    assert found[0].strip(), "exiftool finds nothing in the source"
    assert found[0] == found[1]
    np.testing.assert_array_equal(images.read(source).pixels, samples.photo())


def test_content_credentials_of_a_webp_are_named() -> None:
    """They vouch for the file that they came in, and are lost with a word, as those of a JPEG."""
    pixels = samples.save(Image.fromarray(samples.photo()), "WEBP", lossless=True)[20:]
    with collecting() as warnings:
        images.read(riff((b"VP8L", pixels), (b"C2PA", bytes(40))))
    assert ["C2PA" in warning for warning in warnings] == [True]
