"""IPTC-IIM captions and keywords, and the Photoshop resources that carry them."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from colorful.images.log import warn
from colorful.images.tags import decode_text
from colorful.images.xmp import Packet

_HEAD = b"Photoshop 3.0\0"
_RECORDS, _MARKED, _ADDRESS, _XMP = 0x0404, 0x040A, 0x040B, 0x0424
_SIGNATURES = (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR")
_UTF8 = b"\x1b%G"
# The format of the file, the kind of its colors, which side is up, and a preview. The records behind
# the second are of the pixels as they were, or hold a picture.
_FALSE = {(1, 20), (1, 22), (2, 130), (2, 131), (2, 200), (2, 201), (2, 202)}
_DC, _PHOTOSHOP = "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/photoshop/1.0/"
_CORE, _RIGHTS = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "http://ns.adobe.com/xap/1.0/rights/"
_VERSION, _DATE, _TIME = 0, 55, 60
# Where XMP has the datasets of the application record, by IPTC's own mapping.
_PROPERTIES = {
    5: (_DC, "dc", "title", "Alt"),
    10: (_PHOTOSHOP, "photoshop", "Urgency", ""),
    15: (_PHOTOSHOP, "photoshop", "Category", ""),
    20: (_PHOTOSHOP, "photoshop", "SupplementalCategories", "Bag"),
    25: (_DC, "dc", "subject", "Bag"),
    40: (_PHOTOSHOP, "photoshop", "Instructions", ""),
    _DATE: (_PHOTOSHOP, "photoshop", "DateCreated", ""),
    80: (_DC, "dc", "creator", "Seq"),
    85: (_PHOTOSHOP, "photoshop", "AuthorsPosition", ""),
    90: (_PHOTOSHOP, "photoshop", "City", ""),
    92: (_CORE, "Iptc4xmpCore", "Location", ""),
    95: (_PHOTOSHOP, "photoshop", "State", ""),
    100: (_CORE, "Iptc4xmpCore", "CountryCode", ""),
    101: (_PHOTOSHOP, "photoshop", "Country", ""),
    103: (_PHOTOSHOP, "photoshop", "TransmissionReference", ""),
    105: (_PHOTOSHOP, "photoshop", "Headline", ""),
    110: (_PHOTOSHOP, "photoshop", "Credit", ""),
    115: (_PHOTOSHOP, "photoshop", "Source", ""),
    116: (_DC, "dc", "rights", "Alt"),
    120: (_DC, "dc", "description", "Alt"),
    122: (_PHOTOSHOP, "photoshop", "CaptionWriter", ""),
}


def from_resources(resources: bytes) -> tuple[bytes, list[bytes]]:
    """Take IPTC records and XMP out of Photoshop's resources.

    Args:
        resources: A run of blocks that begin with ``8BIM``, with or without the head they have in JPEG.

    Returns:
        The records, which may be empty, and the packets: that of the file, and one of what stands in
        resources of its own, whether there is a copyright and at which address.
    """
    found: dict[int, bytes] = {}
    data, offset = resources.removeprefix(_HEAD), 0
    while data[offset : offset + 4] in _SIGNATURES and offset + 12 <= len(data):
        (number,) = struct.unpack_from(">H", data, offset + 4)
        name = data[offset + 6]
        offset += 6 + (name + 2) // 2 * 2
        size = data[offset : offset + 4]
        if len(size) < 4:
            break
        length = int.from_bytes(size, "big")
        found[number] = found.get(number) or data[offset + 4 : offset + 4 + length]
        offset += 4 + length + length % 2
    rights = Packet()
    if any(found.get(_MARKED, b"")):
        rights.add(_RIGHTS, "xmpRights", "Marked", ["True"])
    if address := found.get(_ADDRESS):
        rights.add(_RIGHTS, "xmpRights", "WebStatement", [decode_text(address)])
    return found.get(_RECORDS, b""), [packet for packet in (found.get(_XMP), rights.to_bytes()) if packet]


def segment(records: bytes) -> bytes:
    """Pack records as a JPEG has them."""
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)
    body = _HEAD + resource
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def sound(records: bytes) -> bytes:
    """Return records without what some writers put around them, and what is false of a result.

    TIFF often has them as integers of 32 bits, padded, and some programs turned the bytes of each around.
    """
    if records[3:4] == b"\x1c" != records[:1] and len(records) % 4 == 0:
        records = b"".join(records[start : start + 4][::-1] for start in range(0, len(records), 4))
    records, kept, start = records.lstrip(b"\0"), [], 0
    for record, number, _, end in _datasets(records):
        if record <= 2 and (record, number) not in _FALSE:
            kept.append(records[start:end])
        start = end
    return b"".join(kept)


def add_to_xmp(records: bytes, packet: Packet) -> None:
    """State in XMP what IPTC records say; a warning names what has no place there, or another value."""
    is_utf8 = any(
        (record, number, value[:3]) == (1, 90, _UTF8) for record, number, value, _ in _datasets(records)
    )
    found: dict[int, list[str]] = {}
    for record, number, value, _ in _datasets(records):
        if record == 2 and number != _VERSION and value:
            text = value.decode("utf-8", "replace") if is_utf8 else decode_text(value)
            found.setdefault(number, []).append(text.replace("\r\n", "\n").replace("\r", "\n").strip("\0"))
    if _DATE in found:
        found[_DATE] = [_date(found[_DATE][0], found.pop(_TIME, [""])[0])]
    lost = []
    for number, texts in found.items():
        if number not in _PROPERTIES:
            lost.append(f"2:{number:02}")
            continue
        space, prefix, name, kind = _PROPERTIES[number]
        if not packet.add(space, prefix, name, texts, kind=kind):
            lost.append(f"{prefix}:{name}")
    if lost:
        names = ", ".join(lost)
        warn(f"IPTC in part dropped, where XMP has no place for it, or says something else: {names}")


def _date(day: str, time: str) -> str:
    """Spell a date, of which month and day may be 00, and a time as XMP does."""
    parts = re.fullmatch(r"(\d{4})(\d\d)(\d\d)", day)
    if parts is None:
        return day
    date = "-".join(part for part in parts.groups() if part != "00")
    clock = re.fullmatch(r"(\d\d)(\d\d)(\d\d)([+-]\d\d)(\d\d)", time)
    return date if clock is None or len(date) < 10 else "{}T{}:{}:{}{}:{}".format(date, *clock.groups())


def _datasets(records: bytes) -> Iterator[tuple[int, int, bytes, int]]:
    """Give record, number, value and end of each dataset."""
    offset = 0
    while offset + 5 <= len(records) and records[offset] == 0x1C:
        record, number, length = struct.unpack_from(">BBH", records, offset + 1)
        offset += 5
        if length & 0x8000:  # the length of the length
            width = length & 0x7FFF
            length = int.from_bytes(records[offset : offset + width], "big")
            offset += width
        if offset + length > len(records):
            return
        yield record, number, records[offset : offset + length], offset + length
        offset += length
