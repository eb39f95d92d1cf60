"""JPEGs that are sound but odd, and what stands behind their pixels."""

from __future__ import annotations

import io
import random
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import sample_files as samples
import skimage.data
from PIL import Image, ImageFile

from colorful import images
from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images.log import collecting

DATA = samples.save(Image.fromarray(samples.photo()), "JPEG", quality=95)
PIXELS = np.asarray(Image.open(io.BytesIO(DATA)))
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:a="http://example.org/" a:b="Müller{}"/></rdf:RDF></x:xmpmeta>'
)


def segment(marker: int, body: bytes) -> bytes:
    """Pack a segment."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def read(data: bytes) -> tuple[images.Picture, str]:
    """Read a photo; give it with its warnings."""
    with collecting() as warnings:
        return images.read(data), " ".join(warnings)


@pytest.mark.parametrize("progressive", [False, True])
def test_without_its_end_mark_a_photo_is_whole_or_refused(progressive: bool) -> None:
    """Where only the mark at the end is missing all pixels are read; where pixels are, it is truncated."""
    data = samples.save(Image.fromarray(samples.photo()), "JPEG", quality=95, progressive=progressive)
    for cut in (data[:-2], data[:-1]):
        picture, said = read(cut)
        np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(data))))
        assert "the mark at its end is missing" in said
    for cut in (data[: len(data) * 2 // 3], data[:-30]):
        with pytest.raises(ImageError, match="truncated"):
            images.read(cut)


SAVINGS: dict[str, dict[str, object]] = {
    "plain": {},
    "own tables": {"optimize": True},
    "restarts": {"restart_marker_rows": 1},
    "grey": {"mode": "L"},
    "inks": {"mode": "CMYK"},
}


@pytest.mark.parametrize("saving", SAVINGS)
def test_a_part_that_is_lost_is_never_passed_off_as_picture(saving: str) -> None:
    """Card readers and rescue programs leave zeros for the rest, or cut it off and put an end mark there."""
    options = dict(SAVINGS[saving])
    image = Image.fromarray(skimage.data.coffee()[:200, :300]).convert(str(options.pop("mode", "RGB")))
    data = samples.save(image, "JPEG", **options)
    half = data[: len(data) // 2]
    for lost in (half + b"\xff\xd9", half + bytes(len(half)), half + b"\xff" * 500, half):
        for opened in (images.read, lambda data: images.read_rgb(data, min_side=40)):
            with pytest.raises(ImageError, match="truncated"):
                opened(lost)
    for whole in (data, data + bytes(500), data[:-2] + bytes(500), data[:-2]):
        assert images.read(whole).size == (200, 300)


@pytest.mark.parametrize("saving", [{"level": 95}, {"lossless": True}], ids=repr)
def test_a_deep_photo_that_lost_a_part_is_refused(saving: dict[str, object]) -> None:
    """Photos of 12 bits and lossless ones are no exception."""
    deep = samples.sixteen(samples.gray()) >> 4
    data = bytes(imagecodecs.jpeg_encode(deep, bitspersample=12, **saving))
    half = data[: len(data) // 2]
    for lost in (half + b"\xff\xd9", half + bytes(len(half)), half):
        with pytest.raises(ImageError, match="truncated"):
            images.read(lost)
    for whole in (data, data + bytes(500), data[:-2]):
        np.testing.assert_array_equal(images.read(whole).pixels >> 4, imagecodecs.jpeg_decode(data))


@pytest.mark.parametrize("last", [0, 128, 255])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_photo_that_is_even_at_its_end_is_whole(last: int, progressive: bool) -> None:
    """Borders of scans are one color; nothing is missing there."""
    pixels = np.full((120, 90, 3), last, np.uint8)
    pixels[:60] = samples.photo()[:30, :45].repeat(2, axis=0).repeat(2, axis=1)
    data = samples.save(Image.fromarray(pixels), "JPEG", progressive=progressive)
    picture, said = read(data)
    np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(data))))
    assert not said


def test_missing_scans_are_a_warning() -> None:
    """A progressive photo that lacks its last scans is only less sharp, which is said."""
    image = Image.fromarray(skimage.data.coffee()[:200, :300])
    data = samples.save(image, "JPEG", progressive=True)
    assert not read(data)[1]
    scans = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    for cut in scans[1:]:
        picture, said = read(data[:cut] + b"\xff\xd9")
        assert picture.size == (200, 300)
        assert said == "its last scans are missing: it is less sharp than it was"


def test_scans_without_end_are_refused() -> None:
    """Each scan of a progressive photo is work on all of it: a file of thousands is no photo."""
    data = samples.save(Image.fromarray(samples.photo()), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert images.read(data[:-2] + last * 100 + data[-2:]).size == samples.photo().shape[:2]
    with pytest.raises(ImageUnsupportedError, match="a JPEG of 3,010 scans is not supported"):
        images.read(data[:-2] + last * 3000 + data[-2:])


def test_a_height_that_is_told_behind_the_pixels_is_found() -> None:
    """A JPEG may have a height of 0 in its head and the true one behind its first scan (DNL)."""
    place = DATA.index(b"\xff\xc0") + 5
    late = segment(0xDC, struct.pack(">H", samples.HEIGHT))
    data = DATA[:place] + b"\0\0" + DATA[place + 2 : -2] + late + DATA[-2:]
    np.testing.assert_array_equal(images.read(data).pixels, PIXELS)


def test_jpeg_ls_is_not_supported() -> None:
    """JPEG-LS is sound and of another kind, also behind other segments."""
    data = imagecodecs.jpegls_encode(samples.gray())
    for odd in (data, data[:2] + segment(0xE5, b"hello") + data[2:]):
        with pytest.raises(ImageUnsupportedError, match="JPEG-LS"):
            images.read(odd)


def test_what_is_lost_behind_and_beside_the_pixels_is_named() -> None:
    """The film behind a moving photo and its content credentials are dropped with a warning."""
    assert "9,008 bytes behind the picture" in read(DATA + b"....ftyp" + b"x" * 9000)[1]
    assert not read(DATA + bytes(9000))[1]
    assert "C2PA" in read(DATA[:2] + segment(0xEB, b"JP\0\1" + bytes(40)) + DATA[2:])[1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    ("sign", "tail"), [("", ""), (" & Söhne", ""), ("\x0b", ""), ("", " \0\0garbage")], ids=repr
)
def test_xmp_of_any_encoding_is_read(encoding: str, sign: str, tail: str) -> None:
    """XMP may be in any encoding of Unicode, and is read with the faults that programs leave in it."""
    head = b"http://ns.adobe.com/xap/1.0/\0"
    packet = (XMP.format(sign) + tail).encode(encoding)
    picture, said = read(DATA[:2] + segment(0xE1, head + packet) + DATA[2:])
    assert "Müller" in picture.metadata.xmp.decode()
    assert not said


def test_many_segments_cost_time_in_proportion() -> None:
    """Thousands of comments, captions and packets of XMP are read in less than a moment."""
    packet = b"http://ns.adobe.com/xap/1.0/\0" + XMP.format("").encode()
    resource = b"Photoshop 3.0\0" + b"8BIM\x04\x05\0\0" + struct.pack(">I", 20_000) + bytes(20_000)
    many = segment(0xFE, b"c" * 500) * 8000 + segment(0xE1, packet) * 3000 + segment(0xED, resource) * 1000
    start = time.process_time()
    picture, said = read(DATA[:2] + many + DATA[2:])
    assert time.process_time() - start < 5  # 100 where each was joined with those before it
    assert "3,000 packets" in said
    assert len(picture.metadata.text["Comment"]) == 8000 * 501 - 1


def test_text_of_windows_keeps_its_signs() -> None:
    """Text that is no UTF-8 is read with the quotation marks and dashes of Windows, as exiftool does."""
    picture = images.read(DATA[:2] + segment(0xFE, b"It\x92s 5 \x80 \x96 M\xfcller") + DATA[2:])
    assert picture.metadata.text["Comment"] == "It\u2019s 5 \u20ac \u2013 M\u00fcller"


@pytest.mark.parametrize("marker", [0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE])
def test_processes_that_nobody_decodes_are_named(marker: int) -> None:
    """By ITU-T T.81, table B.1, these are hierarchical or lossless: not broken, but not read."""
    frame = DATA.index(b"\xff\xc0")
    with pytest.raises(ImageUnsupportedError, match="hierarchical"):
        images.read(DATA[: frame + 1] + bytes([marker]) + DATA[frame + 2 :])


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="there is no exiftool to ask")
def test_exif_of_more_than_a_segment_is_read(tmp_path: Path) -> None:
    """EXIF of more than 64 KB, which exiftool spreads over segments, is read with all of its captions."""
    source, comment = tmp_path / "a.jpg", tmp_path / "comment.txt"
    source.write_bytes(DATA)
    comment.write_text("a long story " * 6000)
    arguments = [f"-EXIF:XPComment<={comment}", "-EXIF:Artist=Anna", "-EXIF:XPTitle=Garden"]
    run = ["exiftool", "-q", "-overwrite_original", *arguments, source]
    subprocess.run(run, check=True, capture_output=True)
    assert source.read_bytes().count(b"Exif\0\0") > 1
    target = images.write(images.read(source), tmp_path / "b.png")
    asked = ["exiftool", "-s3", "-XPTitle", "-Artist", "-XPComment"]
    found = [subprocess.run([*asked, path], capture_output=True, check=True) for path in (source, target)]
    assert found[0].stdout == found[1].stdout


def test_a_second_exif_is_named() -> None:
    """Of two blocks of EXIF the first counts, and a warning says that the second is lost."""
    first, second = samples.exif(), samples.exif(3).replace(b"Agfa", b"Leic")
    picture, said = read(DATA[:2] + segment(0xE1, first) + segment(0xE1, second) + DATA[2:])
    assert b"Agfa" in picture.metadata.exif
    assert "second EXIF" in said


RESTARTS: list[dict[str, object]] = [
    {"restart_marker_blocks": 3},
    {"restart_marker_rows": 1},
    {"restart_marker_rows": 1, "subsampling": 2},
    {"restart_marker_blocks": 5, "subsampling": 1, "progressive": True},
    {"restart_marker_rows": 1, "subsampling": 2, "progressive": True},
    {"restart_marker_blocks": 2, "mode": "L"},
    {"restart_marker_blocks": 4, "mode": "CMYK"},
]


@pytest.mark.parametrize("saving", RESTARTS, ids=repr)
@pytest.mark.parametrize("size", [(64, 48), (65, 49), (7, 90), (129, 17), (1, 1)], ids=repr)
def test_sound_restart_marks_are_no_warning(saving: dict[str, Any], size: tuple[int, int]) -> None:
    """Marks that libjpeg writes between the stretches of a scan are all there, at any size and sampling."""
    options = dict(saving)
    photo = Image.fromarray(samples.photo()).resize(size).convert(options.pop("mode", "RGB"))
    assert read(samples.save(photo, "JPEG", **options))[1] == ""


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("count", [1, 7, 8])
def test_stretches_that_are_lost_inside_of_a_photo_are_a_warning(progressive: bool, count: int) -> None:
    """What is missing between two restart marks is made up by the decoder, so a warning says so."""
    photo = Image.fromarray(np.tile(samples.photo(), (3, 3, 1)))
    data = samples.save(photo, "JPEG", restart_marker_blocks=2, progressive=progressive)
    places = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", data)]
    try:
        said = read(data[: places[3]] + data[places[3 + count] :])[1]
    except ImageError as error:  # where the end is even, as what a decoder makes up
        said = str(error) if "truncated" in str(error) else ""
    assert said


@pytest.mark.skipif(shutil.which("djpeg") is None, reason="needs djpeg of libjpeg-turbo")
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_damage_that_libjpeg_warns_of_is_a_warning(mode: str, progressive: bool) -> None:
    """Bits that have turned are told of where djpeg tells of them, and in one scan only there.

    Of several scans FFmpeg's decoder, which sees their bits, finds more.
    """
    chance = random.Random(19)
    image = Image.fromarray(skimage.data.coffee()[:200, :300]).convert(mode)
    data = samples.save(image, "JPEG", quality=90, progressive=progressive)
    start = data.index(b"\xff\xda") + 14
    told = 0
    for _ in range(60):
        broken = bytearray(data)
        broken[chance.randrange(start, len(data) - 2)] ^= 1 << chance.randrange(8)
        by_others = subprocess.run(["djpeg"], input=broken, capture_output=True, check=False).stderr
        try:
            said = read(bytes(broken))[1]
        except ImageError as error:
            said = str(error)
        if progressive:
            assert said or not by_others
        elif not by_others or b"extraneous bytes" in by_others:
            assert bool(said) == bool(by_others), (said, by_others)
        told += bool(said) and bool(by_others)
    assert told > 5


@pytest.mark.skipif(shutil.which("cjpeg") is None, reason="needs cjpeg of libjpeg-turbo")
@pytest.mark.parametrize("progressive", [False, True])
def test_arithmetic_code_is_read_whatever_its_length(progressive: bool) -> None:
    """Photos in arithmetic code have the pixels of djpeg, also beyond what Pillow reads at once."""
    pnm = samples.save(Image.fromarray(skimage.data.astronaut()), "PPM")
    command = ["cjpeg", "-quality", "100", "-arithmetic", *(["-progressive"] if progressive else [])]
    data = subprocess.run(command, input=pnm, capture_output=True, check=True).stdout
    assert len(data) > ImageFile.MAXBLOCK
    by_others = subprocess.run(["djpeg"], input=data, capture_output=True, check=True).stdout
    picture, said = read(data)
    assert not said
    np.testing.assert_array_equal(picture.pixels, np.asarray(Image.open(io.BytesIO(by_others))))
