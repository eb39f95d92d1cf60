from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import sample_files as samples
import tifffile
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from colorful import __version__, images
from colorful.images.iptc import segment
from colorful.images.log import collecting

DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
WITH_EXIF = ["jpeg", "png", "tiff", "webp", "avif", "heif"]
NOTE = f"colorful {__version__} (colors made by a model)"


def original(orientation: int = 1, **more: Any) -> bytes:
    """Give a JPEG with EXIF, XMP, a comment, IPTC and 300 x 200 dpi."""
    records = b"\x1c\x02\x78\x00\x0bSummer 1931\x1c\x02\x50\x00\x04Anna"
    resource = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4) + records + b"\0" * (len(records) % 2)
    body = b"Photoshop 3.0\0" + resource
    extra = b"\xff\xed" + (len(body) + 2).to_bytes(2) + body
    options: dict[str, Any] = {"xmp": samples.XMP, "dpi": (300, 200), "comment": "Dachboden, März".encode()}
    options |= {"exif": samples.exif(orientation), "extra": extra, **more}
    return samples.save(Image.fromarray(samples.photo()), "JPEG", **options)


def colored(data: bytes) -> images.Picture:
    """Read a file and mark it as colored."""
    picture = images.read(data)
    return picture.colored(picture.pixels if picture.pixels.ndim == 3 else np.dstack([picture.pixels] * 3))


def opened(data: bytes) -> Image.Image:
    """Open a file by Pillow, or by pillow-heif."""
    if data[4:8] == b"ftyp" and data[8:12] == b"heic":
        return pillow_heif.open_heif(io.BytesIO(data)).to_pillow()
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def xmp_of(image: Image.Image) -> bytes:
    """Give the XMP packet of an image."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or image.getexif().get(700, b"")
    return packet.encode() if isinstance(packet, str) else packet


def source_types(packet: bytes) -> list[str]:
    """Give the digital source types that an XMP packet states."""
    tree = ET.fromstring(packet.decode().partition("?>")[2] if packet[:2] == b"<?" else packet)
    return [d.attrib[SOURCE_TYPE] for d in tree.iter(DESCRIPTION) if SOURCE_TYPE in d.attrib]


@pytest.mark.parametrize("format", WITH_EXIF)
def test_exif_is_kept_and_its_turn_reset(format: str) -> None:
    """Strings in UTF-8, dates, numbers and the place it was taken come through every format with EXIF."""
    image = opened(images.encode(colored(original(6)), format))
    exif = image.getexif()
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif[ExifTags.Base.Make] == "Agfa"
    assert exif[ExifTags.Base.Artist].encode("latin-1") == "Anna Łódź 相片".encode()
    group = exif.get_ifd(ExifTags.IFD.Exif)
    assert group[ExifTags.Base.DateTimeOriginal] == "1931:05:02 10:00:00"
    assert group[ExifTags.Base.ISOSpeedRatings] == 25
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert (place[1], [float(part) for part in place[2]]) == ("N", [51.0, 46.0, 12.5])
    assert (group[ExifTags.Base.ExifImageWidth], group[ExifTags.Base.ExifImageHeight]) == image.size
    assert image.size == (samples.HEIGHT, samples.WIDTH)


def avif_of_anna() -> bytes:
    """Give an AVIF that its boxes turn, with a name in UTF-8 in its EXIF."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Artist] = 6, "Anna ____"
    data = samples.save(Image.fromarray(samples.photo()), "AVIF", exif=exif.tobytes())
    return data.replace(b"Anna ____", "Anna 相b".encode())


def test_letters_stay_in_an_avif_that_its_boxes_turn() -> None:
    """A name that is not ASCII stays in an AVIF that lies on its side, from a file or opened by Pillow."""
    data = avif_of_anna()
    for picture in (images.read(data), images.read(Image.open(io.BytesIO(data)))):
        assert picture.size == (samples.WIDTH, samples.HEIGHT)
        artist = opened(images.encode(picture, "tiff")).getexif()[ExifTags.Base.Artist]
        assert artist.encode("latin-1") == "Anna 相b".encode()


def test_an_avif_of_broken_exif_is_read() -> None:
    """EXIF whose first bytes are lost is left out of an AVIF, and a warning says so; the photo stays."""
    data = avif_of_anna()
    at = data.index(b"MM\0*")
    with collecting() as warnings:
        picture = images.read(data[:at] + b"\0\0\0\0" + data[at + 4 :])
    np.testing.assert_array_equal(picture.pixels, images.read(data).pixels)
    assert warnings == ["EXIF dropped: expected the header of a TIFF"]
    assert not picture.metadata.exif


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("format", [*WITH_EXIF, "bmp"])
def test_resolution_is_kept_and_turned(format: str, orientation: int) -> None:
    """300 x 200 dpi stay so in every format but GIF, and are swapped when the photo lay on its side."""
    dpi = images.read(images.encode(colored(original(orientation)), format)).metadata.dpi
    np.testing.assert_allclose(dpi, (200, 300) if orientation == 6 else (300, 200), rtol=1e-4)


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
def test_resolution_in_exif_alone_is_read(format: str) -> None:
    """A resolution that only EXIF tells, in centimeters, comes out in inches."""
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = 100.0, 50.0, 3
    dpi = images.read(
        samples.save(Image.fromarray(samples.photo()), format, exif=exif.tobytes())
    ).metadata.dpi
    np.testing.assert_allclose(dpi, (254, 127))


def test_text_and_comments_are_kept() -> None:
    """PNG text stays, international or not; a JPEG's or GIF's comment stays, and becomes text in a PNG."""
    text = opened(images.encode(colored(samples.every_file()["png"]), "png")).text  # type: ignore[attr-defined]
    assert (text["Title"], text["Description"]) == ("Coffee", "一杯咖啡")
    deep = opened(images.encode(colored(samples.every_file()["png 16 rgb"]), "png"))
    assert deep.text["Title"] == "Coffee"  # type: ignore[attr-defined]
    picture = colored(original())
    assert opened(images.encode(picture, "jpeg")).info["comment"].decode() == "Dachboden, März"
    assert opened(images.encode(picture, "gif")).info["comment"].decode() == "Dachboden, März"
    assert opened(images.encode(picture, "png")).info["Comment"] == "Dachboden, März"
    exif = opened(images.encode(colored(samples.every_file()["png"]), "jpeg")).getexif()
    assert exif[ExifTags.Base.ImageDescription].encode("latin-1").decode() == "一杯咖啡"


def test_iptc_is_kept() -> None:
    """Captions in IPTC records go from JPEG to JPEG and TIFF, and from TIFF to JPEG."""
    caption = b"\x1c\x02\x78\x00\x0bSummer 1931"
    picture = colored(original())
    again = images.encode(picture, "jpeg")
    assert caption in opened(again).info["photoshop"][0x0404]
    tiff = images.encode(picture, "tiff")
    with tifffile.TiffFile(io.BytesIO(tiff)) as file:
        assert caption in bytes(file.pages.first.tags[33723].value)
    assert caption in opened(images.encode(colored(tiff), "jpeg")).info["photoshop"][0x0404]


@pytest.mark.parametrize("format", WITH_EXIF)
def test_xmp_is_kept_and_says_who_made_the_colors(format: str) -> None:
    """XMP keeps what it said, and says beside it that trained algorithmic media were composed in."""
    packet = xmp_of(opened(images.encode(colored(original()), format)))
    assert b'dc:source="album 7"' in packet
    assert source_types(packet) == [COMPOSITE]


@pytest.mark.parametrize("format", WITH_EXIF)
def test_provenance_can_be_left_out(format: str) -> None:
    """With provenance=False, or for a picture no model colored, nothing is added; pixels never differ."""
    picture = colored(original())
    marked = images.encode(picture, format)
    for data in (
        images.encode(picture, format, provenance=False),
        images.encode(images.read(original()), format),
    ):
        image = opened(data)
        assert source_types(xmp_of(image)) == []
        assert ExifTags.Base.Software not in image.getexif()
        assert "Software" not in image.info
        assert b"colorful" not in data
        np.testing.assert_array_equal(np.asarray(image), np.asarray(opened(marked)))


def test_software_is_added_to_what_was_there() -> None:
    """The scanner's name stays in EXIF Software and PNG text, ours follows it, and only once."""
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = "ScanWizard 2"
    picture = colored(original(exif=exif.tobytes()))
    for format in ("jpeg", "png", "tiff"):
        once = images.encode(picture, format)
        twice = images.encode(colored(once), format)
        for data in (once, twice):
            assert opened(data).getexif()[ExifTags.Base.Software] == f"ScanWizard 2; {NOTE}"
    assert opened(images.encode(picture, "png")).info["Software"] == f"ScanWizard 2; {NOTE}"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"not xml at all",
        b"\xff\xfe<\0x\0",
        samples.XMP.replace(b'rdf:about=""', b'rdf:about="uuid:7"'),
        samples.XMP.replace(
            b"dc:source", b"tiff:Orientation='6' xmlns:tiff='http://ns.adobe.com/tiff/1.0/' dc:source"
        ),
        samples.XMP.replace(
            b"</rdf:RDF>",
            b"<rdf:Description rdf:about='' xmlns:Iptc4xmpExt='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'>"
            b"<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/negativeFilm"
            b"</Iptc4xmpExt:DigitalSourceType></rdf:Description></rdf:RDF>",
        ),
    ],
)
def test_xmp_of_any_kind_ends_as_xml_with_one_source_type(packet: bytes) -> None:
    """No XMP, broken XMP and XMP that names another source end as XML that names ours, and no turn."""
    data = samples.save(Image.fromarray(samples.photo()), "WEBP", **({"xmp": packet} if packet else {}))
    result = xmp_of(opened(images.encode(colored(data), "webp")))
    assert source_types(result) == [COMPOSITE]
    assert b"negativeFilm" not in result
    assert b"Orientation='6'" not in result


def test_thumbnails_do_not_survive() -> None:
    """The thumbnail in EXIF, which would go on showing the gray photo, is dropped."""
    thumbnail = samples.save(Image.fromarray(samples.gray()), "JPEG")
    head = b"II*\0\x08\0\0\0"
    first, second = ImageFileDirectory_v2(head), ImageFileDirectory_v2(head)
    first[271] = "Agfa"
    block = bytearray(first.tobytes(8))
    block[14:18] = (len(block) + 8).to_bytes(4, "little")
    second[513], second[514] = 0, len(thumbnail)
    second[513] = 8 + len(block) + len(second.tobytes(8))
    exif = b"Exif\0\0" + head + bytes(block) + second.tobytes(8 + len(block)) + thumbnail
    data = original(exif=exif)
    assert opened(data).getexif().get_ifd(ExifTags.IFD.IFD1)[514] == len(thumbnail)
    exif_after = opened(images.encode(colored(data), "jpeg")).getexif()
    assert exif_after[271] == "Agfa"
    assert not exif_after.get_ifd(ExifTags.IFD.IFD1)


def test_an_imagemagick_png_is_not_turned_twice() -> None:
    """EXIF that ImageMagick left as text is applied once, and is gone from the text."""
    block = samples.exif(6)
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    data = samples.png_with(
        samples.save(Image.fromarray(samples.photo()), "PNG"), (b"tEXt", b"Raw profile type exif\0" + text)
    )
    once = images.read(data)
    assert once.size == (samples.WIDTH, samples.HEIGHT)
    assert images.read(images.encode(once, "png")).size == once.size


def test_a_turn_that_only_xmp_tells_is_applied_and_reset() -> None:
    """Programs that write the turn into XMP alone are understood, in both of its spellings."""
    for words in (
        samples.XMP.replace(
            b"dc:source", b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" dc:source'
        ),
        samples.XMP.replace(
            b"</rdf:RDF>",
            b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/">'
            b"<tiff:Orientation>6</tiff:Orientation></rdf:Description></rdf:RDF>",
        ),
    ):
        once = images.read(samples.save(Image.fromarray(samples.photo()), "WEBP", xmp=words))
        assert once.size == (samples.WIDTH, samples.HEIGHT)
        assert images.read(images.encode(once, "webp")).size == once.size


def test_corrupt_exif_costs_only_itself() -> None:
    """A photo whose EXIF is broken is read, in any container, and written again."""
    for block in (b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0nonsense", samples.exif(6)[:40]):
        for format in ("JPEG", "PNG", "WEBP"):
            data = samples.save(Image.fromarray(samples.photo()), format, exif=block)
            assert images.read(images.encode(colored(data), "jpeg")).pixels.shape[2] == 3


def test_too_much_for_a_jpeg_is_left_out_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """EXIF and XMP beyond 64 KB, which no JPEG holds, are dropped and the log says so."""
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 70000
    image = Image.fromarray(samples.photo())
    big = samples.XMP.replace(b"album 7", b"album 7" * 20000)
    picture = colored(samples.save(image, "WEBP", exif=exif.tobytes(), xmp=big))
    opened(images.encode(picture, "jpeg"))
    assert "EXIF dropped" in caplog.text
    assert "XMP dropped" in caplog.text


@pytest.mark.parametrize("shape", [(2, 1), (1, 1)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_pixels_that_are_not_square_are_a_warning(format: str, shape: tuple[int, int]) -> None:
    """Stills of old films say a ratio in place of pixels per inch, which formats cannot all hold."""
    across, down = shape
    if format == "TIFF":
        data = samples.save_tiff(samples.gray(), resolution=shape, resolutionunit="NONE")
        told: Any = tuple(Image.open(io.BytesIO(data)).getexif()[tag] for tag in (282, 283))
    elif format == "PNG":
        ratio = across.to_bytes(4) + down.to_bytes(4) + b"\0"
        data = samples.png_with(samples.save(Image.fromarray(samples.gray()), "PNG"), (b"pHYs", ratio))
        told = Image.open(io.BytesIO(data)).info["aspect"]
    else:
        data = samples.save(Image.fromarray(samples.gray()), "JPEG")
        data = data[:13] + b"\0" + across.to_bytes(2) + down.to_bytes(2) + data[18:]
        told = Image.open(io.BytesIO(data)).info["jfif_density"]
    assert told == shape
    with collecting() as warnings:
        assert images.read(data).metadata.dpi is None
    assert ["not square" in warning for warning in warnings] == [True] * (across != down)


@pytest.mark.parametrize("source", ["png 16 rgb", "tiff 16", "tiff float"])
def test_deep_files_keep_metadata(source: str) -> None:
    """16-bit and float results carry EXIF, XMP, text, resolution and the note like any other."""
    if source.startswith("png"):
        chunk = (b"eXIf", samples.exif(6).removeprefix(b"Exif\0\0"))
        pixels = imagecodecs.png_encode(samples.sixteen(samples.photo()))
        data = samples.png_with(pixels, chunk, (b"pHYs", (11811).to_bytes(4) + (7874).to_bytes(4) + b"\1"))
    else:
        deep = samples.sixteen(samples.photo())
        values = np.float32(deep / 65535) if "float" in source else deep
        tags = [
            (271, "s", 0, "Agfa", True),
            (274, "H", 1, 6, True),
            (700, "B", len(samples.XMP), samples.XMP, True),
        ]
        data = samples.save_tiff(
            values,
            photometric="rgb",
            resolution=(300, 200),
            resolutionunit="INCH",
            extratags=tags,
            software=False,
        )
    picture = colored(data)
    assert picture.size == (samples.WIDTH, samples.HEIGHT)
    again = images.read(images.encode(picture, source.split()[0]))
    assert again.pixels.dtype == picture.pixels.dtype
    np.testing.assert_array_equal(again.pixels, picture.pixels)
    np.testing.assert_allclose(again.metadata.dpi, (200, 300), rtol=1e-4)
    exif = Image.Exif()
    exif.load(again.metadata.exif)
    assert (exif[271], exif[305]) == ("Agfa", NOTE)
    assert source_types(again.metadata.xmp) == [COMPOSITE]


def test_pil_results_carry_metadata_in_info() -> None:
    """The info of a PIL result has EXIF, XMP, resolution, text and profile, ready for Image.save."""
    result = colored(original(6)).unwrap()
    assert isinstance(result, Image.Image)
    assert {"exif", "xmp", "dpi", "icc_profile", "Comment", "Software"} <= set(result.info)
    saved = opened(samples.save(result, "JPEG", exif=result.info["exif"]))
    assert saved.getexif()[ExifTags.Base.Make] == "Agfa"
    assert saved.getexif()[ExifTags.Base.Software] == NOTE


def test_iptc_that_is_false_of_the_result_is_left_behind() -> None:
    """The kind of colors, a preview and records of the pixels go; captions stay."""
    sets = [(1, 90, b"\x1b%G"), (1, 20, b"\0\x0b"), (2, 120, b"Anna"), (2, 130, b"1W"), (2, 202, b"preview")]
    packed = [bytes([0x1C, record, number, 0, len(value)]) + value for record, number, value in sets]
    whole = b"".join(packed) + bytes([0x1C, 3, 60, 0, 2]) + b"\0\1"
    source = samples.save(Image.fromarray(samples.gray()), "JPEG", extra=segment(whole))
    assert images.read(source).metadata.iptc == packed[0] + packed[2]


def test_places_in_the_picture_are_false_once_it_is_turned(caplog: pytest.LogCaptureFixture) -> None:
    """The faces that XMP marks stay where the photo is not turned; where it is they go, with a warning."""
    packet = samples.XMP.replace(
        b"dc:source",
        b'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" mwg-rs:Regions="x" dc:source',
    )
    for turn in (1, 6):
        source = samples.save(Image.fromarray(samples.gray()), "JPEG", exif=samples.exif(turn), xmp=packet)
        kept = images.read(source).metadata.xmp
        assert b"album 7" in kept
        assert (b"mwg-rs:Regions" in kept) == (turn == 1) == ("faces" not in caplog.text)


@pytest.mark.parametrize("name", ["photo.xmp", "photo.tif.xmp"])
def test_captions_in_a_file_beside_the_photo_are_named(name: str, tmp_path: Path) -> None:
    """What Lightroom or darktable keep in an XMP file beside the photo is not lost in silence."""
    path = tmp_path / "photo.tif"
    path.write_bytes(samples.save_tiff(samples.gray()))
    for reader in (images.read, lambda photo: list(images.read_pages(photo))):
        (tmp_path / name).unlink(missing_ok=True)
        with collecting() as warnings:
            reader(path)
        assert not warnings
        (tmp_path / name).write_text("<x/>")
        with collecting() as warnings:
            reader(str(path))
        assert warnings == [f"{name} beside it left out: what it says of the photo is not in the result"]
