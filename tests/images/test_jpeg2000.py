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
