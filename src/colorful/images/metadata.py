"""What a file says about its photo, kept while the pixels change; and the note who made the colors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import ExifTags, Image

from colorful import __version__
from colorful.images.log import warn

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)

_XMP, _IPTC, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 700, 33723, 282, 283, 296
_GROUPS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# Tags of the first directory that say how a file lays out its pixels: the result has its own. Resolution,
# XMP, IPTC and profile travel separately; 513 and 514 are a thumbnail, which would show the old grey.
_LAYOUT = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283),
    *(284, 288, 289, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332),
    *(334, 336, 338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
    *(700, 33723, 34377, 34675, 37724),
}
_NOT_TEXT = ("XML:com.adobe.xmp", "Raw profile type exif", "Raw profile type APP1")
# Text of a PNG that has a place in EXIF, for the formats without text.
_TEXT_TAGS = {"Description": 270, "Author": 315, "Copyright": 33432}


@dataclass(frozen=True)
class Metadata:
    """EXIF, XMP, IPTC, text and resolution of a photo that stands upright.

    Attributes:
        exif: A TIFF block as Pillow takes it, without orientation, layout and thumbnail; may be empty.
        xmp: The XMP packet; may be empty.
        iptc: IPTC-IIM records; may be empty.
        text: Keyword to text, as in PNG; the comment of a JPEG or GIF is under ``Comment``.
        dpi: Pixels per inch, (horizontal, vertical), or None.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    text: Mapping[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None

    def stamped(self) -> Metadata:
        """Return it with the note that a model made the colors.

        It stands in EXIF and PNG text as Software, after what was there, and in XMP as IPTC's digital source
        type, with the term for a composite with trained algorithmic media.
        """
        note = f"colorful {__version__} (colors made by a model)"
        exif = _load(self.exif)
        before = exif.get(ExifTags.Base.Software) or self.text.get("Software", "")
        before = (before.decode("latin-1") if isinstance(before, bytes) else str(before)).strip("\0 ")
        software = before if note in before else f"{before}; {note}" if before else note
        exif[ExifTags.Base.Software] = exact(software)
        text = {**self.text, "Software": software}
        return replace(self, exif=exif.tobytes(), xmp=_with_source_type(self.xmp), text=text)

    def for_exif(self) -> Metadata:
        """Return it with resolution and text in EXIF too, for formats that have no other place for them."""
        exif = _load(self.exif)
        for key, tag in _TEXT_TAGS.items():
            if key in self.text and tag not in exif:
                text = self.text[key]
                exif[tag] = text if text.isascii() else text.encode()
        if self.dpi:
            exif[_X_RESOLUTION], exif[_Y_RESOLUTION] = self.dpi
            exif[_UNIT] = 2
        return replace(self, exif=exif.tobytes()) if len(exif) else self

    def info(self) -> dict[str, Any]:
        """Return it under the names of Pillow's ``Image.info``."""
        entries: dict[str, Any] = {**self.text, "exif": self.exif, "xmp": self.xmp, "dpi": self.dpi}
        return {name: entry for name, entry in entries.items() if entry}


def from_image(image: Image.Image) -> tuple[Metadata, int]:
    """Load a PIL image and collect its metadata.

    Returns:
        The metadata of the photo when upright, and the EXIF orientation (1 to 8) its pixels still have.
    """
    turned = _orientation(_exif(image)) if image.format == "TIFF" else 1
    image.load()  # which turns a TIFF upright, and finds what stands behind the pixels of a PNG
    exif = _exif(image)
    info = image.info
    text = {key: str(value) for key, value in getattr(image, "text", {}).items() if key not in _NOT_TEXT}
    comment = info.get("comment")
    if comment and isinstance(comment, bytes | str):
        text.setdefault("Comment", _text(comment))
    resources = info.get("photoshop")
    metadata = from_exif(
        exif,
        orientation=max(turned, _orientation(exif)),
        xmp=info.get("xmp") or info.get("XML:com.adobe.xmp"),
        iptc=resources.get(0x0404) if isinstance(resources, dict) else None,
        text=text,
        dpi=info.get("dpi"),
    )
    return metadata, _orientation(exif)


def from_tags(tags: Image.Exif) -> tuple[Metadata, int]:
    """Collect metadata from the first directory of a TIFF; returns what :func:`from_image` does."""
    return from_exif(tags, orientation=_orientation(tags)), _orientation(tags)


def from_exif(
    exif: Image.Exif,
    *,
    orientation: int,
    xmp: Any = None,
    iptc: Any = None,
    text: Mapping[str, str] | None = None,
    dpi: Any = None,
) -> Metadata:
    """Join EXIF with what was found elsewhere in a file, for a photo turned by *orientation*."""
    xmp = xmp or exif.get(_XMP)
    xmp = xmp.encode() if isinstance(xmp, str) else xmp if isinstance(xmp, bytes) else b""
    xmp = re.sub(rb'(tiff:Orientation\s*(?:=\s*["\']|>)\s*)[2-8]', rb"\g<1>1", xmp)
    iptc = iptc or exif.get(_IPTC)
    resolution = _dpi(dpi) or _dpi_of(exif)
    if orientation >= 5:
        resolution = resolution and (resolution[1], resolution[0])
    return Metadata(
        _upright(exif, swap=orientation >= 5),
        xmp,
        iptc if isinstance(iptc, bytes) else b"",
        text or {},
        resolution,
    )


def _exif(image: Image.Image) -> Image.Exif:
    try:
        exif = image.getexif()
        for tag in exif:
            exif[tag]
    except Exception as error:
        warn(f"EXIF ignored: {error}")
        return Image.Exif()
    return exif


def _load(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    for tag in exif:
        value = exif.get_ifd(tag) if tag in _GROUPS else exif[tag]
        exif[tag] = exact(value)
    return exif


def _upright(exif: Image.Exif, *, swap: bool) -> bytes:
    kept = Image.Exif()
    for tag in set(exif) - _LAYOUT:
        single = Image.Exif()
        try:
            value = exif[tag]
            if tag in _GROUPS:
                value = dict(value if isinstance(value, dict) else exif.get_ifd(tag))
                interop = ExifTags.IFD.Interop
                if interop in value and not isinstance(value[interop], dict):
                    value[interop] = dict(exif.get_ifd(interop))
                width, height = ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight
                if swap and width in value and height in value:
                    value[width], value[height] = value[height], value[width]
            single[tag] = exact(value)
            single.tobytes()
        except Exception as error:
            warn(f"EXIF tag {tag} ignored: {error}")
        else:
            kept[tag] = single[tag]
    return kept.tobytes() if len(kept) else b""


def exact(value: Any) -> Any:
    """Give the value of an EXIF tag in the form that Pillow writes unchanged.

    It reads strings as Latin-1 but writes them as ASCII, with question marks for the rest. As bytes they keep
    the encoding they had, which mostly is UTF-8.
    """
    if isinstance(value, Mapping):
        return {key: exact(entry) for key, entry in value.items()}
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def _text(comment: bytes | str) -> str:
    if isinstance(comment, str):
        return comment
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _orientation(exif: Image.Exif) -> int:
    value = exif.get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _dpi_of(exif: Image.Exif) -> tuple[float, float] | None:
    resolution = _dpi((exif.get(_X_RESOLUTION), exif.get(_Y_RESOLUTION)))
    if resolution is None or exif.get(_UNIT, 2) not in (2, 3):
        return None
    inches = 2.54 if exif.get(_UNIT) == 3 else 1.0
    return resolution[0] * inches, resolution[1] * inches


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (x, y) if 1 < x <= 65535 and 1 < y <= 65535 else None  # 1 says nothing, and NaN is neither


def _with_source_type(xmp: bytes) -> bytes:
    text = xmp.decode("utf-8", "replace").strip("\0")
    if "</rdf:RDF>" not in text:
        if text:
            warn("XMP ignored: no rdf:RDF in it")
        text = _PACKET
    text = re.sub(r'\s*Iptc4xmpExt:DigitalSourceType\s*=\s*("[^"]*"|\'[^\']*\')', "", text)
    text = re.sub(r"<Iptc4xmpExt:DigitalSourceType>[^<]*</Iptc4xmpExt:DigitalSourceType>", "", text)
    about = re.search(r'rdf:about="([^"]*)"', text)
    statement = (
        f'<rdf:Description rdf:about="{about[1] if about else ""}" xmlns:Iptc4xmpExt="{_EXTENSION}"'
        f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
    )
    head, _, tail = text.rpartition("</rdf:RDF>")
    return f"{head}{statement}</rdf:RDF>{tail}".encode()
