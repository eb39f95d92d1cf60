"""Boxes of JPEG 2000; exiftool is the oracle."""

from __future__ import annotations

import logging
import shutil
import struct
import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import sample_files as samples

from colorful import images
from colorful.errors import ImageUnsupportedError

CAPTION = "Großmutter im Garten, 1931"
RECORDS = b"".join(
    struct.pack(">BBBH", 0x1C, record, number, len(data)) + data
    for record, number, data in ((1, 90, b"\x1b%G"), (2, 120, CAPTION.encode()))
)
XMP = samples.XMP.replace(
    b'dc:source="album 7"/>',
    b"><dc:description><rdf:Alt><rdf:li xml:lang='x-default'>"
    + CAPTION.encode()
    + b"</rdf:li></rdf:Alt></dc:description></rdf:Description>",
)


def jp2() -> bytes:
    """Give a gray photo with boxes."""
    return bytes(imagecodecs.jpeg2k_encode(samples.gray(), level=0, codecformat="jp2"))


def box(name: bytes, body: bytes) -> bytes:
    """Make a box."""
    return struct.pack(">I", 8 + len(body)) + name + body


def file(stream: bytes, *boxes: bytes, gray: bool = True) -> bytes:
    """Make a file around a codestream, with boxes that tell of its channels."""
    height, width = samples.gray().shape
    (channels,) = struct.unpack_from(">H", stream, 40)
    head = box(b"ihdr", struct.pack(">IIHBBBB", height, width, channels, stream[42], 7, 0, 0))
    head += box(b"colr", b"\1\0\0" + struct.pack(">I", 17 if gray else 16))
    return jp2()[:32] + box(b"jp2h", head + b"".join(boxes)) + box(b"jp2c", stream)


def stream(values: np.ndarray, bits: int | None = None) -> bytes:
    """Encode values without boxes."""
    return bytes(imagecodecs.jpeg2k_encode(values, level=0, codecformat="j2k", bitspersample=bits))


def order(*places: int) -> bytes:
    """Say which color each channel is, from 1 on; 0 is alpha."""
    rows = [struct.pack(">HHH", at, not place, place) for at, place in enumerate(places)]
    return box(b"cdef", struct.pack(">H", len(rows)) + b"".join(rows))


def table(colors: np.ndarray) -> bytes:
    """Make a palette and say that the channels come from it."""
    bits = 8 * colors.itemsize
    body = struct.pack(">HB", *colors.shape) + bytes([bits - 1]) * colors.shape[1]
    body += colors.astype(colors.dtype.newbyteorder(">")).tobytes()
    uses = b"".join(struct.pack(">HBB", 0, 1, column) for column in range(colors.shape[1]))
    return box(b"pclr", body) + box(b"cmap", uses)


GRAYS = np.arange(0, 256, 17, dtype=np.uint8)[:, np.newaxis]
COLORS = np.hstack((GRAYS, GRAYS[::-1], GRAYS))
SIGNED = (samples.gray().astype(np.int16) - 128).astype(np.int8)
FEW = samples.gray() // 16
RGBA = np.dstack((samples.photo(), samples.gray()))
# A file, and the pixels that it holds by the standard.
CHANNELS = {
    "1 bit": (file(stream(samples.gray() // 128, 1)), samples.gray() // 128 * 255),
    "4 bits": (file(stream(FEW, 4)), GRAYS[FEW][..., 0]),
    "4 bits by a palette": (file(stream(FEW, 4), table(COLORS), gray=False), COLORS[FEW]),
    "a palette of grays": (file(stream(FEW), table(GRAYS)), GRAYS[FEW][..., 0]),
    "a palette of 16 bits": (
        file(stream(FEW), table(COLORS * np.uint16(257)), gray=False),
        COLORS[FEW] * np.uint16(257),
    ),
    "blue first": (
        file(stream(np.ascontiguousarray(samples.photo()[..., ::-1])), order(3, 2, 1), gray=False),
        samples.photo(),
    ),
    "alpha first": (
        file(stream(np.roll(RGBA, 1, axis=-1)), order(0, 1, 2, 3), gray=False),
        RGBA,
    ),
    "signed numbers": (file(stream(SIGNED)), samples.gray()),
    "the header behind the pixels": (
        jp2()[:32] + file(stream(samples.gray()))[-len(stream(samples.gray())) - 8 :] + jp2()[32:77],
        samples.gray(),
    ),
}

BOXES = {
    "IPTC": box(b"uuid", bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + RECORDS),
    "IPTC by Adobe": box(b"uuid", bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f") + RECORDS),
    "XMP": box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP),
    "intellectual property": box(b"jp2i", XMP),
    "XML": box(b"xml ", XMP),
    "EXIF": box(b"uuid", b"JpgTiffExif->JP2" + samples.exif()[6:]),
    "EXIF with its head": box(b"uuid", b"JpgTiffExif->JP2" + samples.exif()),
    "EXIF by Adobe": box(b"uuid", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e") + samples.exif()[6:]),
}


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="there is no exiftool to ask")
@pytest.mark.parametrize("name", BOXES)
def test_captions_of_every_box_are_kept(name: str, tmp_path: Path) -> None:
    """What exiftool finds in a box, it finds in the result."""
    source = tmp_path / "a.jp2"
    source.write_bytes(jp2() + BOXES[name])
    target = images.write(images.read(source), tmp_path / "b.jpg")
    tags = ["-s3", "-Description", "-Caption-Abstract", "-Artist"]
    found = [
        subprocess.run(["exiftool", *tags, path], capture_output=True, text=True, check=False).stdout
        for path in (source, target)
    ]
    assert found[0].strip(), "exiftool finds nothing in the source"
    assert found[0].strip() in found[1]


@pytest.mark.parametrize("name", CHANNELS)
def test_channels_are_what_the_boxes_say(name: str) -> None:
    """Palettes, the order of channels, few bits and signed numbers are read as the standard has them."""
    data, expected = CHANNELS[name]
    picture = images.read(data)
    found = picture.pixels if picture.alpha is None else np.dstack((picture.pixels, picture.alpha))
    np.testing.assert_array_equal(found, expected)


def test_the_resolution_of_the_scan_counts() -> None:
    """Of two resolutions it is not that for a screen which the result has."""
    for_screen, of_scan = (
        box(name, struct.pack(">HHHHbb", per_meter, 1, per_meter, 1, 0, 0))
        for name, per_meter in ((b"resd", 2835), (b"resc", 11811))
    )
    for both in (for_screen + of_scan, of_scan + for_screen):
        dpi = images.read(file(stream(samples.gray()), box(b"res ", both))).metadata.dpi
        assert dpi == pytest.approx((300, 300), rel=1e-3)


def test_xml_that_is_no_xmp_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """Other XML has no place in a result, and a warning says that it is lost."""
    images.read(jp2() + box(b"xml ", b"<photo><title>Garden</title></photo>"))
    assert "XML dropped" in caplog.text


def test_further_pictures_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """Of two codestreams the first is read, and a warning says that there is another."""
    data = jp2()
    stream = data[data.index(b"jp2c") + 4 :]
    with caplog.at_level(logging.WARNING):
        picture = images.read(data + box(b"jp2c", stream))
    np.testing.assert_array_equal(picture.pixels, samples.gray())
    assert "more than one picture (2)" in caplog.text


def test_films_are_named() -> None:
    """Motion JPEG 2000 begins like a photo, and is no broken one."""
    head = jp2()[:12] + box(b"ftyp", b"mjp2\0\0\0\0mjp2") + box(b"mdat", bytes(100))
    with pytest.raises(ImageUnsupportedError, match="Motion JPEG 2000"):
        images.read(head)
