"""Captions and keywords, wherever and however a file carries them; exiftool is the oracle."""

from __future__ import annotations

import json
import logging
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_files as samples
import tifffile
from PIL import Image, PngImagePlugin

from colorful import images
from colorful.images.log import collecting

pytestmark = pytest.mark.skipif(shutil.which("exiftool") is None, reason="there is no exiftool to ask")

CAPTION, KEYWORDS = "Großmutter im Garten, 1931", ["Łódź", "garden"]
FORMATS = ["jpg", "png", "tif", "webp", "avif", "heic"]
FIELDS = ["Description", "Caption-Abstract", "Subject", "Keywords", "ImageDescription", "UserComment"]
FIELDS += ["XPComment", "XPKeywords", "Comment"]
ARGUMENTS = {
    "IPTC": [
        "-codedcharacterset=utf8",
        f"-IPTC:Caption-Abstract={CAPTION}",
        *(f"-IPTC:Keywords={word}" for word in KEYWORDS),
    ],
    "IPTC in Latin-1": ["-IPTC:Caption-Abstract=Großmutter", "-charset", "iptc=latin"],
    "XMP": [f"-XMP-dc:Description={CAPTION}", *(f"-XMP-dc:Subject={k}" for k in KEYWORDS)],
    "EXIF": [
        *("-charset", "exif=utf8"),
        *(f"-EXIF:ImageDescription={CAPTION}", f"-EXIF:XPKeywords={';'.join(KEYWORDS)}"),
    ],
    "comment in EXIF": [f"-EXIF:UserComment={CAPTION}", f"-EXIF:XPComment={CAPTION}"],
}


def exiftool(*arguments: Any) -> str:
    """Run exiftool."""
    command = ["exiftool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def facts(*files: Path) -> dict[str, set[str]]:
    """Give what exiftool finds in the fields of captions and keywords, and its complaints, for each file."""
    names = [f"-{name}" for name in (*FIELDS, "Warning", "Error")]
    found: dict[str, set[str]] = {}
    for entry in json.loads(exiftool("-j", "-a", "-G4", "-charset", "exif=utf8", *names, *files)):
        words: set[str] = set()
        for key, value in entry.items():
            if key != "SourceFile":
                prefix = "complaint: " if key.endswith(("Warning", "Error")) else ""
                parts = (
                    value
                    if isinstance(value, list)
                    else str(value).split(";")
                    if "Keywords" in key
                    else [value]
                )
                words |= {prefix + str(part) for part in parts}
        found[Path(entry["SourceFile"]).name] = words
    return found


def results_of(source: Path) -> list[Path]:
    """Color a file into every format that has metadata."""
    picture = images.read(source)
    colored = picture.colored(picture.pixels if picture.pixels.ndim == 3 else np.dstack([picture.pixels] * 3))
    return [images.write(colored, source.parent / f"result.{ending}") for ending in FORMATS]


def check(source: Path) -> None:
    """See that exiftool finds in every result what it finds in the source, and complains of nothing."""
    all_facts = facts(source, *results_of(source))
    expected = all_facts.pop(source.name)
    assert expected, "exiftool finds nothing in the source: the test shows nothing"
    expected = {fact for fact in expected if not fact.startswith("complaint")}
    for name, found in all_facts.items():
        assert expected <= found, f"{name}: {expected - found} is lost; there is {found}"
        assert not [fact for fact in found if fact.startswith("complaint")], f"{name}: {found}"


@pytest.mark.parametrize("carrier", ARGUMENTS)
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "be.tif"])
def test_captions_and_keywords_are_kept(ending: str, carrier: str, tmp_path: Path) -> None:
    """What exiftool writes as IPTC, XMP or EXIF, in either byte order, it finds in each result."""
    source = tmp_path / f"source.{ending}"
    if ending.endswith("tif"):
        order = ">" if ending == "be.tif" else "<"
        tifffile.imwrite(source, samples.gray(), photometric="minisblack", byteorder=order, metadata=None)
    else:
        Image.fromarray(samples.gray()).save(source)
    exiftool("-q", "-overwrite_original", *ARGUMENTS[carrier], source)
    check(source)


def _records() -> bytes:
    parts = [(1, 90, b"\x1b%G"), (2, 120, CAPTION.encode()), *((2, 25, word.encode()) for word in KEYWORDS)]
    return b"".join(struct.pack(">BBBH", 0x1C, r, number, len(data)) + data for r, number, data in parts)


def _longs(data: bytes, order: str) -> tuple[str, int, tuple[int, ...]]:
    data += b"\0" * (-len(data) % 4)
    return "I", len(data) // 4, struct.unpack(f"{order}{len(data) // 4}I", data)


def _resources(data: bytes) -> bytes:
    return b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)


PACKET = samples.XMP.replace(
    b'dc:source="album 7"/>',
    b"><dc:description><rdf:Alt><rdf:li xml:lang='x-default'>"
    + CAPTION.encode()
    + b"</rdf:li></rdf:Alt></dc:description></rdf:Description>",
)
UNDEFINED = 7


def _tag(code: int, kind: str | int, data: bytes) -> tuple[int, Any, int, Any]:
    return code, kind, 0 if kind == "s" else len(data), data


SHAPES: dict[str, Callable[[str], tuple[int, Any, int, Any]]] = {
    "IPTC as longs": lambda order: (33723, *_longs(_records(), order)),
    "IPTC as longs turned around": lambda order: (33723, *_longs(_records(), ">" if order == "<" else "<")),
    "IPTC as bytes": lambda order: _tag(33723, "B", _records()),
    "IPTC as undefined": lambda order: _tag(33723, UNDEFINED, _records()),
    "IPTC in Photoshop's resources": lambda order: _tag(34377, "B", _resources(_records())),
    "XMP as bytes": lambda order: _tag(700, "B", PACKET),
    "XMP as undefined": lambda order: _tag(700, UNDEFINED, PACKET),
    "description as undefined": lambda order: _tag(270, UNDEFINED, CAPTION.encode()),
    "description with a zero": lambda order: _tag(270, "s", CAPTION.encode() + b"\0\0"),
    "Windows' comment as undefined": lambda order: _tag(40092, UNDEFINED, CAPTION.encode("utf-16-le")),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_any_type_of_a_tiffs_tag_is_understood(order: str, shape: str, big: bool, tmp_path: Path) -> None:
    """Captions in a TIFF are kept whatever type and byte order the tag has."""
    source = tmp_path / "source.tif"
    tag = (*SHAPES[shape](order), True)
    tifffile.imwrite(
        source,
        samples.gray(),
        photometric="minisblack",
        byteorder=order,
        bigtiff=big,
        metadata=None,
        extratags=[tag],
    )
    check(source)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("order", ["II", "MM"])
def test_comments_in_either_order_of_utf_16_are_kept(order: str, codec: str, tmp_path: Path) -> None:
    """EXIF's user comment in UTF-16 is kept in both byte orders, also if it is not that of the file."""
    mark = "<" if order == "II" else ">"
    comment = b"UNICODE\0" + CAPTION.encode(codec)
    inner = struct.pack(f"{mark}HHHIII", 1, 37510, 7, len(comment), 44, 0) + comment
    outer = struct.pack(f"{mark}HHHIII", 1, 34665, 4, 1, 26, 0)
    header = order.encode() + struct.pack(f"{mark}HI", 42, 8)
    block = b"Exif\0\0" + header + outer + inner
    source = tmp_path / "source.jpg"
    Image.fromarray(samples.gray()).save(source, exif=block)
    check(source)


def test_xmp_in_two_parts_is_joined(tmp_path: Path) -> None:
    """Extended XMP, which a JPEG has in segments of its own, is read with the rest."""
    extended = PACKET + b" " * 70_000
    owner = b"0123456789ABCDEF0123456789ABCDEF"
    pieces = [extended[start : start + 60_000] for start in range(0, len(extended), 60_000)]
    extra = b""
    for number, piece in enumerate(pieces):
        body = (
            b"http://ns.adobe.com/xmp/extension/\0"
            + owner
            + struct.pack(">II", len(extended), number * 60_000)
        )
        extra += b"\xff\xe1" + struct.pack(">H", 2 + len(body) + len(piece)) + body + piece
    note = b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="' + owner + b'" dc:source'
    source = tmp_path / "source.jpg"
    Image.fromarray(samples.gray()).save(source, xmp=samples.XMP.replace(b"dc:source", note), extra=extra)
    result = images.write(images.read(source), tmp_path / "result.jpg")
    assert CAPTION in facts(result)["result.jpg"]
    assert b"HasExtendedXMP" not in result.read_bytes()


def test_text_of_a_png_finds_a_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Title, description, author and comment of a PNG go where others have them; the rest is named."""
    source = tmp_path / "source.png"
    text = {"Title": "Attic", "Description": CAPTION, "Author": "Anna", "Comment": "box 7", "workflow": "{}"}
    exiftool("-q", "-overwrite_original", source)
    data = samples.save(Image.fromarray(samples.gray()), "PNG")
    chunks = [(b"iTXt", key.encode() + b"\0\0\0\0\0" + value.encode()) for key, value in text.items()]
    source.write_bytes(samples.png_with(data, *chunks))
    for ending in FORMATS:
        caplog.clear()
        result = images.write(images.read(source), tmp_path / f"result.{ending}")
        names = [
            "-Title",
            "-Description",
            "-ImageDescription",
            "-Artist",
            "-Author",
            "-Comment",
            "-UserComment",
        ]
        found = exiftool("-s3", "-charset", "exif=utf8", *names, result)
        assert all(value in found for key, value in text.items() if key != "workflow"), f"{ending}: {found}"
        assert ("workflow" in caplog.text) == (ending != "png")


@pytest.mark.parametrize("ending", ["bmp", "gif"])
def test_formats_without_a_place_say_what_is_lost(
    ending: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """BMP and GIF hold no captions: a warning names what was dropped."""
    source = samples.save(Image.fromarray(samples.gray()), "JPEG", xmp=PACKET, exif=samples.exif())
    with caplog.at_level(logging.WARNING):
        images.write(images.read(source), tmp_path / f"result.{ending}")
    assert "EXIF, XMP dropped: the format has no place for it" in caplog.text


XMP_NAMES = ["DateCreated", "Urgency", "CountryCode", "Subject", "Description", "Marked", "WebStatement"]


def xmp(file: Path) -> dict[str, Any]:
    """Give what exiftool finds in the XMP of a file."""
    (found,) = json.loads(exiftool("-j", "-G", "-n", *(f"-XMP:{name}" for name in XMP_NAMES), file))
    return {key.removeprefix("XMP:"): value for key, value in found.items() if key != "SourceFile"}


def test_iptc_goes_into_xmp_or_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where IPTC has no place its dates and keywords join those of XMP; what XMP cannot take is named."""
    source = tmp_path / "source.jpg"
    Image.fromarray(samples.gray()).save(source)
    iptc = {
        "DateCreated": "1931:05:00",
        "TimeCreated": "12:30:00+01:00",
        "Urgency": "3",
        "Keywords": "garden",
    }
    iptc |= {"Country-PrimaryLocationCode": "CHE", "Caption-Abstract": CAPTION, "FixtureIdentifier": "roll 7"}
    ours = ["-XMP-dc:Subject=Anna", "-XMP-dc:Subject=garden party", "-XMP-dc:Description=In the garden"]
    exiftool(
        "-q", "-codedcharacterset=utf8", *(f"-IPTC:{name}={text}" for name, text in iptc.items()), source
    )
    exiftool("-q", "-overwrite_original", *ours, source)
    picture = images.read(source)
    assert not caplog.text
    found = xmp(images.write(picture, tmp_path / "result.png"))
    assert found == {
        "Urgency": 3,
        "CountryCode": "CHE",
        "Description": "In the garden",
        "DateCreated": "1931:05",
        "Subject": ["Anna", "garden party", "garden"],
    }
    assert caplog.text.count("2:22, dc:description") == 1
    exiftool("-q", "-overwrite_original", "-IPTC:DateCreated=1931:05:17", source)
    found = xmp(images.write(images.read(source), tmp_path / "day.webp"))
    assert found["DateCreated"] == "1931:05:17 12:30:00+01:00"


@pytest.mark.parametrize("ending", ["jpg", "tif"])
def test_rights_in_photoshops_resources_are_kept(ending: str, tmp_path: Path) -> None:
    """The copyright mark and address that old versions of Photoshop wrote are in every result."""
    source = tmp_path / f"source.{ending}"
    Image.fromarray(samples.gray()).save(source)
    exiftool("-q", "-n", "-Photoshop:CopyrightFlag=1", "-Photoshop:URL=https://example.org/anna", source)
    for result in results_of(source):
        assert xmp(result) == {"Marked": True, "WebStatement": "https://example.org/anna"}, result.name


@pytest.mark.parametrize("text", ["second", "first", "Größe"])
@pytest.mark.parametrize("key", ["Comment", "Description", "Author", "Title"])
def test_two_texts_for_one_place_are_both_kept_or_named(key: str, text: str, tmp_path: Path) -> None:
    """Where EXIF or XMP say something else than the text of a PNG, both are kept, or a warning names it."""
    source = tmp_path / "source.png"
    about = PngImagePlugin.PngInfo()
    about.add_itxt(key, text)
    Image.fromarray(samples.photo()).save(source, pnginfo=about)
    names = {"Comment": "UserComment", "Description": "ImageDescription", "Author": "Artist"}
    place = "-XMP-dc:Title" if key == "Title" else f"-EXIF:{names[key]}"
    exiftool("-q", "-overwrite_original", f"{place}=first", source)
    picture = images.read(source)
    for ending in FORMATS:
        result = tmp_path / f"result.{ending}"
        with collecting() as warnings:
            images.write(picture.colored(picture.pixels), result)
        found = exiftool("-charset", "exif=utf8", "-a", "-G1", result)
        assert "first" in found
        assert (text in found) != any(key in warning for warning in warnings), (ending, warnings)


def test_a_blank_description_of_a_camera_gives_way() -> None:
    """Cameras write a description of spaces; that of a PNG's text takes its place."""
    about = PngImagePlugin.PngInfo()
    about.add_text("Description", CAPTION)
    exif = Image.Exif()
    exif[270] = " " * 31
    data = samples.save(Image.fromarray(samples.photo()), "PNG", pnginfo=about, exif=exif)
    result = images.encode(images.read(data), "jpeg")
    assert CAPTION.encode() in result


@pytest.mark.parametrize("format", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("by", ["Photoshop", "PhotoStudio"])
def test_captions_in_segments_of_programs_are_kept(by: str, format: str, tmp_path: Path) -> None:
    """Photoshop's "Save for Web" and PhotoStudio have segments of their own for them in a JPEG."""
    source = tmp_path / "a.jpg"
    data = samples.save(Image.fromarray(samples.gray()), "JPEG")
    if by == "PhotoStudio":
        body = b"UNICODE\0" + CAPTION.encode("utf-16-be")
        data = data[:2] + b"\xff\xea" + struct.pack(">H", 2 + len(body)) + body + data[2:]
    source.write_bytes(data)
    if by == "Photoshop":
        exiftool("-overwrite_original", f"-Ducky:Comment={CAPTION}", "-Ducky:Copyright=© Łódź", source)
    result = images.write(images.read(source), tmp_path / f"b.{format}")
    fields = ("-s3", "-a", "-Comment", "-UserComment", "-Copyright")
    before, after = (set(exiftool(*fields, file).split("\n")) for file in (source, result))
    assert CAPTION in before
    assert before <= after


def test_groups_of_exif_that_point_in_a_circle_do_not_come_through(tmp_path: Path) -> None:
    """exiftool, which complains of a photo whose EXIF points to itself, has no complaint of the result."""
    block = bytearray(samples.exif())
    entry = block.index(struct.pack(">HHI", 0x8769, 4, 1))
    block[entry + 8 : entry + 12] = struct.pack(">I", 8)
    source = tmp_path / "a.jpg"
    source.write_bytes(samples.save(Image.fromarray(samples.gray()), "JPEG", exif=bytes(block)))
    result = images.write(images.read(source), tmp_path / "b.jpg")
    before, after = (exiftool("-s3", "-a", "-Warning", "-Error", file) for file in (source, result))
    assert before
    assert not after
