"""What a file says about its photo, kept while the pixels change, and the note that a model made the colors."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

from PIL import ExifTags, Image

logger = logging.getLogger(__name__)

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_XMP_KEY = "XML:com.adobe.xmp"

# IFD0 tags that describe how a file lays out its pixels, not the photo; the result has its own. Resolution,
# XMP, IPTC and ICC travel separately. 513 and 514 point to a thumbnail, which would show the old gray.
_LAYOUT = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283),
    *(284, 288, 289, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332),
    *(334, 336, 338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
    *(700, 33723, 34377, 34675, 37724),
}


@dataclass(frozen=True)
class Metadata:
    """EXIF, XMP, IPTC, text and resolution of a photo that stands upright.

    Attributes:
        exif: A TIFF block without orientation, layout and thumbnail, as Pillow takes it; may be empty.
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
        """Add that a model made the colors: EXIF Software, PNG text, IPTC's digital source type in XMP."""
        note = f"colorful {version('colorful-colorization')} (colors made by a model)"
        exif = Image.Exif()
        exif.load(self.exif)
        software = str(exif.get(ExifTags.Base.Software, self.text.get("Software", ""))).strip("\0 ")
        if note not in software:
            software = f"{software}; {note}" if software else note
        exif[ExifTags.Base.Software] = software
        return replace(
            self,
            exif=exif.tobytes(),
            xmp=_with_source_type(self.xmp),
            text={**self.text, "Software": software},
        )

    def info(self) -> dict[str, Any]:
        """Return it under the names of Pillow's ``Image.info``."""
        entries: dict[str, Any] = dict(self.text)
        entries.update(exif=self.exif, xmp=self.xmp, dpi=self.dpi)
        return {name: entry for name, entry in entries.items() if entry}


def from_image(image: Image.Image) -> tuple[Metadata, int]:
    """Collect the metadata of a PIL image whose pixels are loaded.

    Returns:
        The metadata of the photo when upright, and the EXIF orientation that brings it there (1 to 8).
    """
    try:
        exif = image.getexif()
    except Exception as error:
        logger.warning("EXIF ignored: %s", error)
        exif = Image.Exif()
    info = image.info
    text = {key: str(value) for key, value in getattr(image, "text", {}).items() if key != _XMP_KEY}
    if isinstance(comment := info.get("comment"), bytes | str):
        text.setdefault(
            "Comment", comment if isinstance(comment, str) else comment.decode("utf-8", "replace")
        )
    resources = info.get("photoshop")
    iptc = resources.get(0x0404, b"") if isinstance(resources, dict) else b""
    return from_exif(
        exif, xmp=info.get("xmp") or info.get(_XMP_KEY), iptc=iptc, text=text, dpi=info.get("dpi")
    )


def from_exif(
    exif: Image.Exif,
    *,
    xmp: bytes | str | None = None,
    iptc: bytes = b"",
    text: Mapping[str, str] | None = None,
    dpi: Any = None,
) -> tuple[Metadata, int]:
    """Collect metadata from EXIF (for a TIFF: from its first directory) and what else was found.

    Returns:
        As :func:`from_image`.
    """
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    orientation = orientation if orientation in range(1, 9) else 1
    if not iptc and isinstance(exif.get(33723), bytes):
        iptc = exif[33723]
    xmp = xmp or exif.get(700) or b""
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp) if isinstance(xmp, bytes) else b""
    xmp = re.sub(rb'(tiff:Orientation(?:="|>))[2-8]', rb"\g<1>1", xmp)
    resolution = _dpi(dpi) or _dpi_of(exif)
    if resolution and orientation >= 5:
        resolution = resolution[::-1]
    return Metadata(_upright(exif), xmp, iptc, dict(text or {}), resolution), orientation


def _upright(exif: Image.Exif) -> bytes:
    kept = Image.Exif()
    for tag in exif:
        if tag in _LAYOUT:
            continue
        single = Image.Exif()
        try:
            single[tag] = dict(exif.get_ifd(tag)) if tag in (0x8769, 0x8825) else exif[tag]
            single.tobytes()
        except Exception as error:
            logger.warning("EXIF tag %s ignored: %s", tag, error)
        else:
            kept[tag] = single[tag]
    return kept.tobytes() if len(kept) else b""


def _dpi_of(exif: Image.Exif) -> tuple[float, float] | None:
    scale = {2: 1.0, 3: 2.54}.get(exif.get(296, 2))
    resolution = _dpi((exif.get(282), exif.get(283)))
    return (resolution[0] * scale, resolution[1] * scale) if resolution and scale else None


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (x, y) if 0.5 <= x <= 65535 and 0.5 <= y <= 65535 else None  # NaN fails too


def _with_source_type(xmp: bytes) -> bytes:
    text = xmp.decode("utf-8", "replace").strip("\0")
    if "</rdf:RDF>" not in text:
        if text:
            logger.warning("XMP ignored: no rdf:RDF in it")
        text = _PACKET
    text = re.sub(r'\s*Iptc4xmpExt:DigitalSourceType="[^"]*"', "", text)
    text = re.sub(r"<Iptc4xmpExt:DigitalSourceType>.*?</Iptc4xmpExt:DigitalSourceType>", "", text, flags=re.S)
    about = re.search(r'rdf:about="([^"]*)"', text)
    statement = (
        f'<rdf:Description rdf:about="{about[1] if about else ""}" xmlns:Iptc4xmpExt="{_IPTC_EXT}"'
        f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
    )
    head, _, tail = text.rpartition("</rdf:RDF>")
    return f"{head}{statement}</rdf:RDF>{tail}".encode()
