"""Formats that are left to Pillow, what it does not say of their files, and the names of those not read."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from typing import IO, Any

from PIL import Image

from colorful.errors import ImageError, ImageUnsupportedError, MissingExtraError
from colorful.images import exif
from colorful.images.log import warn
from colorful.images.tags import short_tag

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "ICO")
"""Pillow's names of the formats that are read, besides HEIF, which needs pillow-heif."""

HEAD = 132
"""How many bytes at the beginning of a file tell its format."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
# Pictures in formats that are not read: said by name, so that nobody takes a sound file for a broken one.
_RAW, _FILM = (
    "a camera's raw file, which needs to be developed to TIFF or JPEG first,",
    "a film, which `colorful video` takes,",
)
_UNSUPPORTED = {
    b"8BPS": "Photoshop (PSD)",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"II\xbc": "JPEG XR",
    b"v/1\x01": "OpenEXR",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"gimp xcf": "GIMP (XCF)",
    b"#?RADIANCE": "Radiance HDR",
    b"#?RGBE": "Radiance HDR",
    b"DDS ": "DDS",
    b"AT&TFORM": "DjVu",
    b"\x01\xda": "SGI",
    b"P7\n": "PAM",
    b"PF\n": "PFM in color",
    b"SIMPLE  =": "FITS",
    b"\x8aMNG": "MNG",
    b"\x8bJNG": "JNG",
    b"BPG\xfb": "BPG",
    b"FLIF": "FLIF",
    b"/* XPM": "XPM",
    b"BA": "an array of OS/2 bitmaps",
    b"\0\0\2\0": "a cursor (CUR) or Targa (TGA)",
    b"<svg": "SVG",
    b"<?xml": "SVG or other XML",
    b"FUJIFILMCCD-RAW": _RAW,
    b"IIU\0": _RAW,
    b"IIRO": _RAW,
    b"FOVb": _RAW,
    b"\0MRM": _RAW,
    b"\x1a\x45\xdf\xa3": _FILM,
    b"\0\0\1\xba": _FILM,
    b"FLV\1": _FILM,
}
_NO_PICTURES = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "the pointer that Git LFS leaves in place of a file; run git lfs pull",
    b"pk\x03\x04": "an archive",
    b"rar!": "an archive",
    b"7z\xbc\xaf": "an archive",
    b"\x1f\x8b": "something packed by gzip",
    b"\0\5\x16\7": "what macOS keeps beside a file (._ before its name); take the file itself",
    b"\x89png\n": "a PNG that was sent as text, which damages it; send it as binary",
    b"\xef\xbf\xbd": "what is left of a file that a program took for text",
    **dict.fromkeys((b"/9j/", b"ivborw0kggo", b"data:image"), "a picture as text (base64); decode it first"),
    b"<?xpacket": "XMP; it stands beside a photo",
}
# Of a file of boxes: how many bits a sample has.
_LITTLE = 1024  # bytes behind a picture that some programs leave there
_CURVE = re.compile(rb"colrnclx..\0(.)", re.DOTALL)
BRIGHTER = (16, 18)
"""Numbers of transfer functions for light beyond the white of a screen, in PNG and in files of boxes."""

GAMMAS = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0}
"""Numbers of other transfer functions there: what gAMA of a PNG would say."""

CREDENTIALS = "content credentials (C2PA) dropped: they vouch for the file that they came in"
_CREDENTIALS_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")

HDR = "its light goes beyond white (HDR), and is taken for that of sRGB"
_BOXES = (b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"wide", b"uuid", b"idat", b"sidx", b"moof")
_EXIF_ITEM = re.compile(rb"(infe[\2\3].{7})Exif", re.DOTALL)
_DEPTH = re.compile(rb"pixi\0\0\0\0[\x01-\x04](.)", re.DOTALL)


def open_image(file: IO[bytes]) -> Image.Image:
    """Open a file by the reader of its format.

    Raises:
        ColorfulError: As :func:`reader_of`.
    """
    # Not Image.open(), which warns or refuses by Pillow's own limit before ours is asked.
    factory = reader_of(file.read(HEAD))
    file.seek(0)
    try:
        return factory(file, "")
    except ValueError as error:  # of an AVIF, which is whole but for this
        if "Exif payload" not in str(error):
            raise
        warn("EXIF dropped: expected the header of a TIFF")
        file.seek(0)
        return factory(io.BytesIO(_EXIF_ITEM.sub(rb"\1free", file.read())), "")


def reader_of(head: bytes) -> Callable[[IO[bytes], str], Image.Image]:
    """Find what reads a file.

    Args:
        head: Its first :data:`HEAD` bytes.

    Raises:
        ImageUnsupportedError: If it is of a format that is not read.
        ImageError: If it is no picture.
        MissingExtraError: If it is HEIC, and there is no reader.
    """
    brands = {head[8:12], *(head[place : place + 4] for place in range(16, 32, 4))}
    if head[4:8] == b"ftyp" and not brands & {b"avif", b"avis"} and not brands.isdisjoint(_HEIF_BRANDS):
        return _reader_of_heif()
    Image.init()
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        accepted = accept(head[:16]) if accept else False
        if isinstance(accepted, str):
            raise ImageError(accepted)
        if factory and accepted:
            return factory
    raise _refusal(head)


def exif_of_avif(image: Any, now: Image.Exif) -> bytes:
    """Give the EXIF of an AVIF with the turn that its boxes tell.

    Args:
        image: Where Pillow wrote that turn, it put question marks for all that is not ASCII.
        now: What it made of the EXIF.
    """
    tags = exif.parse(image._decoder.get_info()[4] or b"")  # noqa: SLF001 (nothing else has it as it came)
    return exif.build(tags | {exif.ORIENTATION: short_tag(now.get(exif.ORIENTATION, 1))})


def profile_of_bmp(file: IO[bytes]) -> bytes:
    """Give the ICC profile of a bitmap, which Pillow passes over; or nothing."""
    file.seek(14)
    head = file.read(124)
    if len(head) < 124 or head[:4] != b"\x7c\0\0\0" or head[56:60] != b"DEBM":
        return b""
    place, size = struct.unpack_from("<II", head, 112)
    file.seek(14 + place)
    return file.read(min(size, 16 << 20))


def light_of(file: IO[bytes], *, is_deep: bool = False) -> float | None:
    """Warn if a HEIC or AVIF has more bits than are read, or light beyond white.

    Args:
        file: Seekable.
        is_deep: Whether all bits are read.

    Returns:
        The exponent by which light is stored, as in PNG; None where it does not say, or a profile does.
    """
    file.seek(0)
    head = file.read(1 << 16)
    found = _DEPTH.search(head)
    if found and found[1][0] > 8 and not is_deep:
        warn(f"read with 8 of its {found[1][0]} bits")
    curve = _CURVE.search(head)
    if curve is None or b"colrprof" in head:
        return None
    if curve[1][0] in BRIGHTER:
        warn(HDR)
    return GAMMAS.get(curve[1][0])


def webp_chunks(data: bytes) -> dict[bytes, bytes]:
    """Give the chunks of a WebP, the first of each name."""
    found: dict[bytes, bytes] = {}
    place = 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        found.setdefault(name, data[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    return found


def warn_of_credentials(data: bytes) -> None:
    """Warn if a WebP, HEIC or AVIF has content credentials, which the result has not."""
    if b"C2PA" in webp_chunks(data) if data.startswith(b"RIFF") else _CREDENTIALS_BOX in data:
        warn(CREDENTIALS)


def warn_of_holes(data: bytes, start: int = 0, *, size: int = 4 << 10) -> None:
    """Warn if packed pixels have a stretch of zeros, as disks and broken downloads leave behind.

    Decoders take it for picture. Only a large even area could be packed like that.

    Args:
        data: The file.
        start: Where its pixels begin.
        size: Of the smallest stretch, in bytes. Arithmetic codes hardly have a dozen zeros.
    """
    end = 8 + int.from_bytes(data[4:8], "little") if data.startswith(b"RIFF") else len(data)
    if data.find(bytes(size), start, end) >= 0:
        warn("a part of the file is nothing but zeros: a part of the photo may be lost")


def warn_of_rest(data: bytes, end: int | None = None) -> None:
    """Warn if something stands behind a picture, which the result has not.

    Args:
        data: The file.
        end: Where the picture ends; by default what a WebP says, or the first box of a HEIC or AVIF that is
            no part of one.
    """
    if end is None:
        end = 8 + int.from_bytes(data[4:8], "little") if data.startswith(b"RIFF") else _end_of_boxes(data)
    if (behind := len(data[end:].strip(b"\0\xff"))) > _LITTLE:
        warn(f"{behind:,} bytes behind the picture dropped, such as the film of a moving photo")


def _end_of_boxes(data: bytes) -> int:
    place = 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        if data[place + 4 : place + 8] not in _BOXES:
            break
        if size < 8:  # up to the end
            return len(data)
        place += size
    return place


def _refusal(head: bytes) -> ImageError:
    readable = f"these are: {', '.join(FORMATS)}, HEIF"
    if head[4:8] == b"ftyp":
        kind = _RAW if head[8:12] == b"crx " else f"{_FILM} or another such file"
        return ImageUnsupportedError(f"{kind} is not supported here; {readable}")
    if head[128:132] == b"DICM":
        return ImageUnsupportedError(f"DICOM is not supported; {readable}")
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return ImageUnsupportedError(f"{_FILM} is not supported here; {readable}")
    if not head.strip(b"\0"):
        return ImageError(
            "expected a picture, got a file that begins with zeros: its content is lost, or not downloaded"
        )
    for magic, name in _UNSUPPORTED.items():
        if head.startswith(magic):
            return ImageUnsupportedError(f"{name} is not supported; {readable}")
    for magic, name in _NO_PICTURES.items():
        if head.lstrip().lower().startswith(magic):
            return ImageError(f"expected a picture, got {name}")
    for name, (_, accept) in Image.OPEN.items():
        if name not in FORMATS and accept is not None and accept(head[:16]) is True:
            return ImageUnsupportedError(f"{name} is not supported; {readable}")
    return ImageError(f"not a picture, or not in a format that is read: {', '.join(FORMATS)}, HEIF")


def _reader_of_heif() -> Callable[[IO[bytes], str], Image.Image]:
    try:
        from pillow_heif import HeifImageFile
    except ModuleNotFoundError:
        raise MissingExtraError("heif") from None
    return HeifImageFile
