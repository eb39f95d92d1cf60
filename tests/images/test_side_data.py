"""Side data that is broken, or true of the source and false of the result."""

from __future__ import annotations

import base64
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import sample_files as samples
import skimage.io
import tifffile
from PIL import Image

from colorful import images

HEAD = b"II*\0\x08\0\0\0"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def colored(data: bytes) -> images.Picture:
    """Read a file and mark it as colored."""
    picture = images.read(data)
    return picture.colored(picture.pixels if picture.pixels.ndim == 3 else np.dstack([picture.pixels] * 3))


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    """Pack an entry of a TIFF directory."""
    return struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")


def jpeg_with(*segments: tuple[int, bytes], **options: Any) -> bytes:
    """Make a gray JPEG with segments after its first marker."""
    data = samples.save(Image.fromarray(samples.gray()), "JPEG", quality=95, **options)
    extra = b"".join(
        bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body for marker, body in segments
    )
    return data[:2] + extra + data[2:]


BROKEN_SEGMENTS = {
    "EXIF of nothing": (0xE1, b"Exif\0\0"),
    "EXIF of noise": (0xE1, b"Exif\0\0II*\0\xff\xff\xff\x7f"),
    "a pointer of text": (0xE1, b"Exif\0\0" + HEAD + b"\1\0" + entry(34665, 2, 4, b"none") + b"\0\0\0\0"),
    "a pointer to itself": (0xE1, b"Exif\0\0" + HEAD + b"\1\0" + entry(34665, 4, 1, b"\x08") + b"\0\0\0\0"),
    "a value beyond the end": (0xE1, b"Exif\0\0" + HEAD + b"\1\0" + entry(270, 2, 99, b"\xff") + b"\0\0\0\0"),
    "a rational by zero": (0xE1, b"Exif\0\0" + HEAD + b"\1\0" + entry(282, 5, 1, b"\x16") + bytes(16)),
    "a type that is none": (0xE1, b"Exif\0\0" + HEAD + b"\1\0" + entry(270, 77, 1, b"x") + b"\0\0\0\0"),
    "XMP of noise": (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta"),
    "half of the extended XMP": (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"7" * 32 + bytes(8) + b"<"),
    "a profile of noise": (0xE2, b"ICC_PROFILE\0\1\1" + bytes(200)),
    "a second part of a profile": (0xE2, b"ICC_PROFILE\0\2\2" + bytes(20)),
    "a list of pictures of noise": (0xE2, b"MPF\0II*\0\x08\0\0\0\xff\xff"),
    "resources of noise": (0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\xff"),
    "a JFIF cut short": (0xE0, b"JFIF\0"),
    "an Adobe segment cut short": (0xEE, b"Ado"),
}


@pytest.mark.parametrize("name", BROKEN_SEGMENTS)
def test_broken_segments_of_a_jpeg_cost_only_themselves(name: str) -> None:
    """Whatever stands in the segments of a JPEG, its pixels are read, and the result can be written."""
    expected = np.asarray(Image.open(io.BytesIO(jpeg_with())))
    data = jpeg_with(BROKEN_SEGMENTS[name])
    np.testing.assert_array_equal(images.read(data).pixels, expected)
    for format in ("jpeg", "png", "tiff"):
        assert images.read(images.encode(colored(data), format)).size == expected.shape


BROKEN_TAGS: dict[str, list[tuple[int, Any, int, Any, bool]]] = {
    "EXIF pointer of text": [(34665, "s", 0, "none", True)],
    "EXIF pointer beyond the end": [(34665, "I", 1, 2**31, True)],
    "EXIF pointer to the head": [(34665, "I", 1, 0, True)],
    "GPS pointer as a float": [(34853, "f", 1, 8.0, True)],
    "XMP that is none": [(700, "B", 4, b"none", True)],
    "profile that is none": [(34675, 7, 4, b"none", True)],
    "IPTC that is none": [(33723, "I", 1, 7, True)],
    "orientation of text": [(274, "s", 0, "top", True)],
    "orientation of 9": [(274, "H", 1, 9, True)],
    "resolution of nothing": [(282, "2I", 1, (0, 0), True)],
}


@pytest.mark.parametrize("name", BROKEN_TAGS)
@pytest.mark.parametrize("order", "<>")
def test_broken_tags_of_a_tiff_cost_only_themselves(name: str, order: str) -> None:
    """Whatever stands in the tags of a TIFF that are not about its pixels, these are read."""
    for pixels in (samples.gray(), samples.sixteen(samples.gray())):
        data = samples.save_tiff(
            pixels, photometric="minisblack", byteorder=order, metadata=None, extratags=BROKEN_TAGS[name]
        )
        np.testing.assert_array_equal(images.read(data).pixels, pixels)
        again = images.encode(colored(data), "tiff")
        assert images.read(again).size == pixels.shape


@pytest.mark.parametrize("depth", [8, 16])
def test_broken_chunks_of_a_png_cost_only_themselves(depth: int, caplog: pytest.LogCaptureFixture) -> None:
    """Text with a wrong checksum or of many megabytes is dropped with a warning, the pixels are read."""
    pixels = samples.gray() if depth == 8 else samples.sixteen(samples.gray())
    plain = bytes(imagecodecs.png_encode(pixels))
    wrong = bytearray(samples.png_with(plain, (b"tEXt", b"Title\0Coffee")))
    wrong[33 + 8 + 12] ^= 1
    bomb = samples.png_with(plain, (b"zTXt", b"workflow\0\0" + zlib.compress(bytes(60 << 20), 9)))
    for data in (bytes(wrong), bomb, plain[:-12]):
        np.testing.assert_array_equal(images.read(data).pixels, pixels)
    assert "tEXt dropped: wrong checksum" in caplog.text
    assert "zTXt dropped: inflated it has more than" in caplog.text
    large = samples.png_with(plain, (b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 3_000_000)))
    assert len(images.read(large).metadata.text["workflow"]) == 3_000_000


def test_xmp_expands_no_entities(caplog: pytest.LogCaptureFixture) -> None:
    """XMP with a DOCTYPE, the way to entities that grow or read files, is dropped; so is what is too deep."""
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x><rdf:RDF xmlns:rdf="{RDF}">&a9;</rdf:RDF></x>'
    file = f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><rdf:RDF xmlns:rdf="{RDF}">&f;</rdf:RDF>'
    deep = f'<rdf:RDF xmlns:rdf="{RDF}">{"<a>" * 5000}{"</a>" * 5000}</rdf:RDF>'
    many = f'<rdf:RDF xmlns:rdf="{RDF}">{"<a/>" * 200_000}</rdf:RDF>'
    for packet in (bomb, file, deep, many):
        caplog.clear()
        data = samples.save(Image.fromarray(samples.photo()), "WEBP", xmp=packet.encode())
        assert images.read(data).metadata.xmp == b""
        assert "XMP dropped" in caplog.text


def test_xmp_that_is_false_of_the_result_is_left_behind() -> None:
    """Thumbnail, color mode, profile, gain map, raw settings go, as attribute or element; all else stays."""
    thumbnail = base64.b64encode(samples.save(Image.fromarray(samples.gray()), "JPEG")).decode()
    packet = f"""<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'
     ><rdf:RDF xmlns:rdf='{RDF}'><rdf:Description rdf:about='uuid:7' xmlns:dc='http://purl.org/dc/elements/1.1/'
      xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:g='http://ns.adobe.com/xap/1.0/g/img/'
      xmlns:p='http://ns.adobe.com/photoshop/1.0/' xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/'
      xmlns:crs='http://ns.adobe.com/camera-raw-settings/1.0/' xmlns:tiff='http://ns.adobe.com/tiff/1.0/'
      p:ColorMode='1' p:City='Wien' hdrgm:Version='1.0' crs:ConvertToGrayscale='True' tiff:Make='Agfa'
      tiff:SamplesPerPixel='1'><p:ICCProfile>Dot Gain 20%</p:ICCProfile><xmp:Rating>4</xmp:Rating>
      <xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'><g:image>{thumbnail}</g:image></rdf:li>
      </rdf:Alt></xmp:Thumbnails></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>{" " * 2000}"""
    for format in ("JPEG", "WEBP"):
        data = samples.save(Image.fromarray(samples.gray()).convert("RGB"), format, xmp=packet.encode())
        result = images.encode(colored(data), format.lower())
        kept = images.read(result).metadata.xmp
        for word in (b"Wien", b"Agfa", b"Rating>4", b'about="uuid:7"'):
            assert word in kept
        for word in (b"ColorMode", b"Dot Gain", b"g:image", b"hdrgm", b"crs:", b"SamplesPerPixel"):
            assert word not in result


def _imagej() -> bytes:
    file = io.BytesIO()
    stack = np.stack([samples.gray()] * 6).reshape(3, 2, samples.HEIGHT, samples.WIDTH)
    tifffile.imwrite(file, stack, imagej=True, metadata={"axes": "ZCYX", "Labels": ["a"] * 6})
    return file.getvalue()


def _ome() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, np.stack([samples.gray()] * 3), ome=True, metadata={"axes": "ZYX"})
    return file.getvalue()


def _described(text: str) -> Callable[[], bytes]:
    return lambda: samples.save_tiff(
        samples.gray(), photometric="minisblack", description=text, metadata=None
    )


FOREIGN: dict[str, Callable[[], bytes]] = {
    "ImageJ": _imagej,
    "OME": _ome,
    "shaped": lambda: samples.save_tiff(np.stack([samples.gray()] * 4), photometric="minisblack"),
    "Aperio": _described("Aperio Image Library v10\r\n46000x32914 [0,100 46000x32814] (256x256) J2K"),
    "ScanImage": _described("state.configPath = 'x'\nstate.software.version = 3.8"),
    "StackHeader": _described("[Acquisition Parameters]\nFrames=3"),
    "GDAL": lambda: samples.save_tiff(
        samples.gray(),
        photometric="minisblack",
        metadata=None,
        extratags=[(42113, "s", 0, "-9999", True), (33550, "d", 3, (1.0, 1.0, 0.0), True)],
    ),
    "page of a fax": lambda: samples.save_tiff(
        samples.gray(), photometric="minisblack", metadata=None, extratags=[(297, "H", 2, (4, 9), True)]
    ),
    "STK": lambda: samples.save_tiff(
        samples.gray(), photometric="minisblack", metadata=None, extratags=[(33629, "2I", 3, (0,) * 6, True)]
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_results_of_foreign_tiffs_open_everywhere(name: str, tmp_path: Path) -> None:
    """What programs wrote about the layout of their own files does not mislead readers of the result."""
    picture = colored(FOREIGN[name]())
    path = images.write(picture, tmp_path / "result.tif")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with tifffile.TiffFile(path) as file:
            assert not {"imagej", "ome", "shaped", "stk", "svs", "scanimage"} & file.flags
            assert file.series[0].shape == (*picture.size, 3)
            np.testing.assert_array_equal(file.asarray(), picture.pixels)
        np.testing.assert_array_equal(skimage.io.imread(path), picture.pixels)
        with Image.open(path) as image:
            assert (image.size, image.n_frames) == (picture.size[::-1], 1)


def test_what_one_xmp_packet_states_a_second_does_not_state_again() -> None:
    """Of two packets the properties are joined; one that both have is stated once, as the first has it."""
    packet = samples.XMP.replace(
        b'dc:source="album 7"', b'dc:source="album 8" dc:format="x" dc:coverage="Wien"'
    )
    second = (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    first = (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + samples.XMP)
    kept = images.read(jpeg_with(first, second)).metadata.xmp
    assert kept.count(b"dc:source") == 1
    assert b"album 7" in kept
    assert b'dc:coverage="Wien"' in kept


def test_a_bmp_with_alpha_0_everywhere_is_opaque() -> None:
    """The fourth byte of a BMP is 0 where a program means no alpha; one that is not 0 everywhere is alpha."""
    rgb = samples.photo()
    for opacity in (np.zeros(rgb.shape[:2], np.uint8), samples.alpha()):
        rows = np.dstack((rgb[..., ::-1], opacity))[::-1].tobytes()
        size = struct.pack("<ii", samples.WIDTH, samples.HEIGHT)
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        header = (
            struct.pack("<I", 108) + size + struct.pack("<HHIIiiII", 1, 32, 3, len(rows), 0, 0, 0, 0) + masks
        )
        header = header.ljust(108, b"\0")
        data = b"BM" + struct.pack("<IHHI", 14 + 108 + len(rows), 0, 0, 14 + 108) + header + rows
        picture = images.read(data)
        np.testing.assert_array_equal(picture.pixels, rgb)
        assert (picture.alpha is not None) == bool(opacity.any())


def jp2_with(boxes: bytes, pixels: Any) -> bytes:
    """Make a JPEG 2000 whose color is told by the boxes given."""
    data = bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="jp2"))
    start = data.index(b"colr") - 4
    length = int.from_bytes(data[start : start + 4], "big")
    header = data.index(b"jp2h") - 4
    size = int.from_bytes(data[header : header + 4], "big") + len(boxes) - length
    data = data[:start] + boxes + data[start + length :]
    return data[:header] + struct.pack(">I", size) + data[header + 4 :]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("color", [False, True])
def test_the_profile_of_a_jpeg_2000_is_honored(color: bool, dtype: type[Any]) -> None:
    """A JPEG 2000 with an ICC profile gives the colors of a PNG with the same pixels and profile."""
    profile = samples.ADOBE_RGB if color else samples.GRAY_GAMMA_18
    pixels = samples.photo() if color else samples.gray()
    pixels = pixels if dtype == np.uint8 else samples.sixteen(pixels)
    body = b"\2\0\0" + profile
    boxed = struct.pack(">I", 8 + len(body)) + b"colr" + body
    png = samples.png_with(
        bytes(imagecodecs.png_encode(pixels)), (b"iCCP", b"p\0\0" + zlib.compress(profile))
    )
    result, expected = images.read(jp2_with(boxed, pixels)), images.read(png)
    assert result.pixels.dtype == dtype
    np.testing.assert_array_equal(result.pixels, expected.pixels)
    assert not np.array_equal(result.pixels, pixels)


@pytest.mark.parametrize("magic", ["P4", "P5", "P6", "P5 of 16 bits"])
def test_pictures_that_follow_in_a_pnm_are_a_warning(magic: str, caplog: pytest.LogCaptureFixture) -> None:
    """A PBM, PGM or PPM may be followed by others, which are left out with a warning."""
    image = Image.fromarray(samples.photo()).convert({"P4": "1", "P6": "RGB"}.get(magic, "L"))
    data = samples.save(image, "PPM")
    if "16" in magic:
        data = data.replace(b"255", b"999") + bytes(samples.HEIGHT * samples.WIDTH)
    assert images.read(data).size == (samples.HEIGHT, samples.WIDTH)
    assert not caplog.records
    assert images.read(data + b"\n" + data).size == (samples.HEIGHT, samples.WIDTH)
    assert "more than one picture" in caplog.text


@pytest.mark.parametrize("magic", ["P2", "P3", "P5", "P6"])
@pytest.mark.parametrize("white", [300, 1023, 4095, 65535])
def test_the_maxval_of_a_pgm_is_white(magic: str, white: int) -> None:
    """A PGM or PPM of any maxval above 255 is scaled by it, not by its largest value, and keeps 16 bits."""
    channels = 3 if magic in ("P3", "P6") else 1
    top = white // 2 + 1
    values = np.linspace(0, top, 6 * 8 * channels).astype(np.uint16).reshape(6, 8, channels)
    body = (
        values.astype(">u2").tobytes() if magic in ("P5", "P6") else " ".join(map(str, values.flat)).encode()
    )
    data = magic.encode() + b"\n# a comment 1 2\n8 6\n" + str(white).encode() + b"\n" + body
    picture = images.read(data)
    assert picture.pixels.dtype == np.uint16
    np.testing.assert_allclose(picture.pixels.reshape(values.shape) / 65535, values / white, atol=1 / 65535)
