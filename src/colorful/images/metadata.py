"""What a file says about its photo, kept while the pixels change; and the note who made the colors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from PIL import Image

from colorful import __version__
from colorful.images import exif, iptc
from colorful.images.log import warn
from colorful.images.others import exif_of_avif
from colorful.images.tags import BYTE, EXIF_GROUP, UNDEFINED, Directory, Tag, ascii_tag, decode_text
from colorful.images.xmp import Packet

_DC = "http://purl.org/dc/elements/1.1/"
_XMP_TAG, _IPTC_TAG, _RESOURCES_TAG, _PROFILE_TAG = 700, 33723, 34377, 34675
_USER_COMMENT = 37510
# Text of a PNG that has a place in EXIF or XMP, for the formats without text.
_IN_EXIF = {"Description": exif.DESCRIPTION, "Author": exif.ARTIST, "Copyright": exif.COPYRIGHT}
_IN_XMP = {"Title": "title"}
_ELSEWHERE = {*_IN_EXIF, *_IN_XMP, "Software", "Comment"}
# Text that is no text, or by which ImageMagick and file managers tell of the file that was.
_NOT_TEXT = ("XML:com.adobe.xmp", "Raw profile type ", "exif:", "png:", "Thumb::", "xmp:", "date:", "icc:")
_MOST_TEXT = 60_000


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
        tags = exif.parse(self.exif)
        before = exif.text(tags, exif.SOFTWARE) or self.text.get("Software", "").strip()
        software = before if note in before else f"{before}; {note}" if before else note
        tags[exif.SOFTWARE] = ascii_tag(software)
        packet = Packet([self.xmp] if self.xmp else [])
        packet.mark_as_made_by_a_model()
        text = {**self.text, "Software": software}
        return replace(self, exif=exif.build(tags), xmp=packet.to_bytes(), text=text)

    def for_exif(self, *, with_comment: bool = True) -> Metadata:
        """Return it with resolution and text in EXIF and XMP too, for formats with no other place for them.

        Args:
            with_comment: False for a format that has a place for the comment.

        Returns:
            The same metadata, more of them in EXIF and XMP.
        """
        tags = exif.parse(self.exif)
        lost = set(self.text.keys() - _ELSEWHERE)
        for key, tag in _IN_EXIF.items():
            if key not in self.text:
                continue
            said = exif.text(tags, tag)
            if not said:
                tags[tag] = ascii_tag(self.text[key][:_MOST_TEXT])
            elif not said.startswith(self.text[key][:_MOST_TEXT].strip()):  # EXIF says something else
                lost.add(key)
        if self.dpi:
            exif.set_resolution(tags, self.dpi)
        if with_comment and "Comment" in self.text:
            group = tags.get(EXIF_GROUP)
            group = dict(group) if isinstance(group, dict) else {}
            text = self.text["Comment"][:_MOST_TEXT]
            comment = Tag(UNDEFINED, b"UNICODE\0" + text.encode("utf-16-le", "replace"))
            said_there = group.setdefault(_USER_COMMENT, comment)
            if said_there not in (comment, Tag(UNDEFINED, b"ASCII\0\0\0" + text.encode("utf-8", "replace"))):
                lost.add("Comment")
            tags[EXIF_GROUP] = group
        xmp = self.xmp
        if any(key in self.text for key in _IN_XMP):
            packet = Packet([xmp] if xmp else [])
            for key in _IN_XMP.keys() & self.text.keys():
                if not packet.add(_DC, "dc", _IN_XMP[key], [self.text[key]], kind="Alt"):
                    lost.add(key)
            xmp = packet.to_bytes()
        if lost:
            warn(f"text dropped, for which the format has no place: {', '.join(sorted(lost))}")
        return replace(self, exif=exif.build(tags), xmp=xmp)

    def for_xmp(self) -> Metadata:
        """Return it with what IPTC records say in XMP, for formats that have no place for the records."""
        if not self.iptc:
            return self
        packet = Packet([self.xmp] if self.xmp else [])
        iptc.add_to_xmp(self.iptc, packet)
        return replace(self, xmp=packet.to_bytes(), iptc=b"")

    def parts(self) -> list[str]:
        """Name what there is."""
        text = [f"text ({', '.join(sorted(self.text))})"] if self.text else []
        named = {"EXIF": self.exif, "XMP": self.xmp, "IPTC": self.iptc}
        return [name for name, data in named.items() if data] + text

    def info(self) -> dict[str, Any]:
        """Return it under the names of Pillow's ``Image.info``, which has no place for IPTC but XMP."""
        own = self.for_xmp()
        entries: dict[str, Any] = {**own.text, "exif": own.exif, "xmp": own.xmp, "dpi": own.dpi}
        return {name: entry for name, entry in entries.items() if entry}


@dataclass
class SideData:
    """What stands beside the pixels in a file, as it came.

    Attributes:
        exif: Tags, with their groups.
        xmp: Packets, the main one first.
        iptc: Records, as they came.
        text: Keyword to text.
        dpi: Pixels per inch, (horizontal, vertical), or None.
        density: Pixels per no unit that is told, (horizontal, vertical); tells whether they are square.
        profile: An ICC profile, or empty.
        gamma: The exponent of a PNG that has no profile.
    """

    exif: Directory = field(default_factory=dict)
    xmp: list[bytes] = field(default_factory=list)
    iptc: bytes = b""
    text: dict[str, str] = field(default_factory=dict)
    dpi: Any = None
    density: tuple[float, ...] = ()
    profile: bytes = b""
    gamma: float | None = None

    def settle(self, size: tuple[int, int]) -> tuple[Metadata, int]:
        """Choose what stays true of the photo when it stands upright.

        Args:
            size: Height and width as stored.

        Returns:
            The metadata, and the orientation (1 to 8) that the pixels have.
        """
        turn, packet = self.orientation, self._packet
        packet.drop_false(is_turned=turn != 1)
        dpi = _dpi(self.dpi) or _dpi(exif.resolution(self.exif))
        density = {float(each) for each in self.density or exif.density(self.exif)}
        if dpi is None and len(density - {0}) > 1:
            warn("its pixels are not square, and the result does not say so: programs show it stretched")
        if turn >= 5:
            size = size[::-1]
            dpi = dpi and dpi[::-1]
        kept = exif.kept(self.exif, turn=turn, size=size)
        text = {key: value for key, value in self.text.items() if not key.startswith(_NOT_TEXT)}
        return Metadata(exif.build(kept), packet.to_bytes(), iptc.sound(self.iptc), text, dpi), turn

    @cached_property
    def orientation(self) -> int:
        """How the stored pixels are turned, 1 to 8, as in EXIF. Ask for it once all has been collected."""
        self._open_up_tags()
        return exif.orientation(self.exif) or self._packet.orientation or 1

    def take_resources(self, resources: bytes) -> None:
        """Take in Photoshop's resources, where nothing else has said the same."""
        records, packets = iptc.from_resources(resources)
        self.iptc = self.iptc or records
        self.xmp += [packet for packet in packets if packet not in self.xmp]

    @cached_property
    def _packet(self) -> Packet:
        return Packet(self.xmp)

    def _open_up_tags(self) -> None:
        # A TIFF has all of it in its first directory; some programs write it there in a JPEG's EXIF, too.
        values = {tag: value.data for tag, value in self.exif.items() if isinstance(value, Tag)}
        self.iptc = self.iptc or values.get(_IPTC_TAG, b"")
        if (packet := values.get(_XMP_TAG)) and packet not in self.xmp:
            self.xmp.append(packet)
        self.take_resources(values.get(_RESOURCES_TAG, b""))
        self.profile = self.profile or values.get(_PROFILE_TAG, b"")


def from_image(image: Image.Image) -> SideData:
    """Collect what a PIL image carries; *image* is loaded by it."""
    turned = _orientation(image) if image.format == "TIFF" else 1
    image.load()  # which turns a TIFF upright
    info = image.info
    side = SideData(dpi=info.get("dpi"))
    if block := _exif_block(image):
        side.exif = exif.parse(block)
    if turned >= 5 and side.dpi:
        side.dpi = side.dpi[::-1]
    for name in ("xmp", "XML:com.adobe.xmp"):
        packet = info.get(name)
        packet = packet.encode() if isinstance(packet, str) else packet
        if isinstance(packet, bytes) and packet and packet not in side.xmp:
            side.xmp.append(packet)
    resources = info.get("photoshop")
    if isinstance(resources, dict) and isinstance(resources.get(0x0404), bytes):
        side.iptc = resources[0x0404]
    side.text = {key: str(value) for key, value in getattr(image, "text", {}).items()}
    comment = info.get("comment")
    if comment and isinstance(comment, bytes | str):
        side.text.setdefault("Comment", comment if isinstance(comment, str) else decode_text(comment))
    if isinstance(info.get("icc_profile"), bytes) and image.mode != "LAB":  # which says already what Lab is
        side.profile = info["icc_profile"]
    if isinstance(info.get("gamma"), float) and "srgb" not in info:
        side.gamma = info["gamma"]
    return side


def tiff_tags(about: Metadata) -> Directory:
    """Give the tags of a TIFF that carry metadata."""
    tags = exif.parse(about.exif)
    exif.set_resolution(tags, about.dpi)
    tags |= {tag: Tag(BYTE, data) for tag, data in ((_XMP_TAG, about.xmp), (_IPTC_TAG, about.iptc)) if data}
    return tags


def _exif_block(image: Image.Image) -> bytes:
    """Give the EXIF of an image: as it came, or what its owner made of it since."""
    raw = image.info.get("exif")
    raw = raw if isinstance(raw, bytes) else b""
    try:
        now = image.getexif()
        if raw and image.format != "TIFF":
            came = Image.Exif()
            came.load(raw)
            if dict(came) == dict(now):
                return exif_of_avif(image, now) if image.format == "AVIF" else raw
        for tag in now:
            now[tag] = _exact(now[tag])
        return now.tobytes() if len(now) else b""
    except Exception as error:  # Pillow raises nearly anything on broken EXIF
        if not raw:
            warn(f"EXIF dropped: {error}")
        return raw


def _exact(value: Any) -> Any:
    # Pillow reads strings as Latin-1 but writes them as ASCII, with question marks for the rest. As bytes
    # they keep the encoding they had, which mostly is UTF-8.
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(exif.ORIENTATION, 1)
    except Exception:  # as above
        return 1
    return value if value in range(1, 9) else 1


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        x, y = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (x, y) if 1 < x <= 65535 and 1 < y <= 65535 else None  # 1 says nothing, and NaN is neither
