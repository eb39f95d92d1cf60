"""JPEG: its segments sorted into pixels and side data, and the pictures that one file may hold."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from functools import cached_property
from math import ceil

import numpy as np
from PIL import Image, JpegImagePlugin

from colorful.errors import ImageError, ImageUnsupportedError
from colorful.images import exif
from colorful.images.log import is_heard, warn
from colorful.images.metadata import SideData
from colorful.images.modes import rows
from colorful.images.others import CREDENTIALS, warn_of_holes, warn_of_rest
from colorful.images.picture import Decoded, Space
from colorful.images.pixels import widen
from colorful.images.scans import END, INTERVAL, SCAN, Rest, end_of_data, look_behind
from colorful.images.tags import Directory, DirectoryReader, Tag, decode_text

MAGIC = b"\xff\xd8\xff"

_APP0, _APP1, _APP2, _APP10, _APP11, _APP12, _APP13, _APP14 = 0xE0, 0xE1, 0xE2, *range(0xEA, 0xEF)
_COMMENT, _TABLES, _LOSSLESS_LS = 0xFE, 0xDB, 0xF7
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_UNREAD_FRAMES = {0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE}
_EXIF, _XMP, _MORE_XMP = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_PROFILE, _PICTURES, _CREDENTIALS = b"ICC_PROFILE\0", b"MPF\0", b"JP"
_RESOURCES = (b"Photoshop 3.0\0", b"Adobe_Photoshop2.5:")
_UNICODE, _FOR_WEB, _SAID, _OWNED = b"UNICODE\0", b"Ducky", 2, 3  # of PhotoStudio, of Photoshop
_MOST_SCANS = 500  # each goes over all of the picture, and takes some bytes; programs write a dozen
_HOLE = 16 << 10  # bytes of zeros: of Huffman codes an even area may have some thousands
_FILLING = bytes(range(1, 255)) * 64
_ONES = b"\xff\0" * 8  # what a decoder looks ahead
_DAMAGED = "a part of its pixels may be lost: there the photo is gray, or out of place"
_CUT, _NO_END = "truncated: pixels are missing at its end", "the mark at its end is missing, but no pixel"
_ENTRIES, _THUMBNAILS = 0xB002, (0x010001, 0x010002)
_SEQUENTIAL, _LOSSLESS, _PROGRESSIVE, _ARITHMETIC = (0xC0, 0xC1), 0xC3, (0xC2, 0xCA), (0xC9, 0xCA)
_SPACES: dict[int, Space] = {1: "gray", 3: "rgb"}


class File:
    """One picture of a JPEG taken apart.

    Args:
        data: Its bytes, from its first marker on.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pixels: list[bytes] = []
        self._side: list[tuple[int, int, bytes]] = []
        self.width = self.height = self._bits = self._frame = 0
        self._components = self._sampling = b""
        self._interval = 0
        for marker, place, body in _segments(data):
            is_side = marker == _COMMENT or _APP0 <= marker <= 0xEF
            if is_side:
                self._side.append((marker, place, body))
            # Two of these tell what the channels are, which the decoder needs to know.
            is_needed = (marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14) or (
                marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12
            )
            if marker == _LOSSLESS_LS:
                raise ImageUnsupportedError("JPEG-LS is not supported")
            if marker in _UNREAD_FRAMES:
                raise ImageUnsupportedError(
                    "a hierarchical JPEG, or a lossless one in arithmetic code, is not supported"
                )
            if marker in _FRAMES and len(body) >= 6 and not self.width:
                self._bits, self.height, self.width, _ = struct.unpack(">BHHB", body[:6])
                self._frame, frame_place = marker, len(self._pixels)
                self._components, self._sampling = body[6::3], body[7::3]
            if marker == INTERVAL and len(body) == 2:
                (self._interval,) = struct.unpack(">H", body)
            if is_needed or not is_side:
                self._pixels.append(data[place - 4 : place + len(body)])
            if marker == SCAN:
                self._scan = place + len(body)
                break
        else:
            raise ImageError("truncated or corrupt: there are no pixels")
        self._first_scan = body
        if self.width and not self.height and (lines := self._rest.lines):
            # Told behind the first scan, where libjpeg does not look.
            self.height = lines
            head = self._pixels[frame_place]
            self._pixels[frame_place] = head[:5] + struct.pack(">H", lines) + head[7:]

    @cached_property
    def _rest(self) -> Rest:
        return look_behind(self._data, self._scan)

    @property
    def is_common(self) -> bool:
        """Whether it has 8 bits and is lossy."""
        return self._bits == 8 and self._frame != _LOSSLESS

    def decode(self, min_side: int | None = None) -> Decoded | Image.Image:
        """Decode the pixels, whose size has been checked; without what stands beside them.

        Args:
            min_side: Decode at 1/2, 1/4 or 1/8 if the shorter side keeps so many pixels.
        """
        count = 1 + len(self._rest.scans)
        if count > _MOST_SCANS:
            raise ImageUnsupportedError(f"a JPEG of {count:,} scans is not supported")
        if self._frame in _PROGRESSIVE and self._lacks_scans():
            warn("its last scans are missing: it is less sharp than it was")
        warn_of_holes(self._data[: self._rest.end] if self._rest.end else self._data, self._scan, size=_HOLE)
        if self.is_common:
            self._see_restarts()
            if self._frame in _SEQUENTIAL and not self._rest.scans:
                return self._decode_in_one_go(min_side)
            if self._frame == _PROGRESSIVE[0] and min_side is None and is_heard():
                self._see_bits()
            image = self._load(io.BytesIO(self._stream()), min_side)
            # Where data are missing, a decoder repeats the last pixel: an even last row may be such a one.
            if not self._rest.end or _is_even(rows(image, image.height - 1, image.height)):
                self._see_end(image.tobytes(), lambda data: self._load(io.BytesIO(data), min_side).tobytes())
            return image
        import imagecodecs

        values = imagecodecs.jpeg_decode(self._stream())
        self._see_end(values.tobytes(), lambda data: imagecodecs.jpeg_decode(data).tobytes())
        values = values.reshape(*values.shape[:2], -1)
        if values.shape[2] not in _SPACES:
            raise ImageUnsupportedError(
                f"a JPEG of {values.shape[2]} channels of {self._bits} bits is not supported"
            )
        return Decoded(widen(values, self._bits), None, _SPACES[values.shape[2]])

    def _decode_in_one_go(self, min_side: int | None) -> Image.Image:
        """Decode an only scan, and see whether its data are as long as its pixels need.

        A wrong bit shifts all that follows, so that data are left over in the end, or do not suffice; libjpeg
        only warns of that, and its warnings cannot be had.
        """
        data = self._stream(_ONES)
        end = len(data) - len(_ONES) - 2
        # Some programs leave zeros at the end. Two bytes less are too few, unless too many are there.
        short = len(data[:end].rstrip(b"\0\xff")) - 2
        file = _Steps(data, (short, end + len(_ONES)))
        image = self._load(file, min_side)
        is_missing = file.tell() == len(data)
        if is_missing and (not self._rest.end or _is_even(rows(image, image.height - 1, image.height))):
            raise ImageError(_CUT)
        if is_missing or (file.tell() <= short and self._rest.end):
            warn(_DAMAGED)
        if not self._rest.end:
            warn(_NO_END)
        return image

    def _load(self, file: io.BytesIO, min_side: int | None) -> Image.Image:
        image = JpegImagePlugin.JpegImageFile(file)
        if self._frame in _ARITHMETIC:  # there libjpeg cannot wait for more bytes, and needs all at once
            image.decodermaxblock = file.getbuffer().nbytes
        if min_side is not None:
            image.draft(None, (min_side, min_side))
        image.load()
        return image

    def _stream(self, filling: bytes = b"") -> bytes:
        """Give what a decoder needs, with an end, and something put before it."""
        end = self._rest.end - 2 if self._rest.end else end_of_data(self._data)
        scans = memoryview(self._data)[self._scan : end]
        return b"".join((b"\xff\xd8", *self._pixels, scans, filling, b"\xff\xd9"))

    def _see_end(self, pixels: bytes, decode: Callable[[bytes], bytes]) -> None:
        """Check that no pixel is missing: if all are there, bytes put before the end change none."""
        if decode(self._stream(_FILLING)) != pixels:
            raise ImageError(_CUT)
        if not self._rest.end:
            warn(_NO_END)

    def _see_restarts(self) -> None:
        """Warn where stretches between marks that count from 0 to 7 are missing: decoders make them up."""
        interval = self._interval
        for head, scan in zip((self._first_scan, *self._rest.scans), self._rest.stretches, strict=False):
            interval = scan.interval or interval
            is_broken = any(mark != number % 8 for number, mark in enumerate(scan.marks))
            if interval and (is_broken or len(scan.marks) < -(-self._units(head) // interval) - 1):
                warn(_DAMAGED)
                return

    def _see_bits(self) -> None:
        """Warn of bits in Huffman code that mean nothing, if the extra for films is there.

        libjpeg makes something up for them and only warns, and its warnings cannot be had. FFmpeg's decoder
        can be told to refuse them.
        """
        try:
            import av
        except ImportError:
            return
        decoder = av.CodecContext.create("mjpeg", "r")
        decoder.options = {"err_detect": "explode"}
        try:
            decoder.decode(av.Packet(self._stream()))
        except av.InvalidDataError:
            warn(_DAMAGED)
        except av.FFmpegError:  # it does not know each way of subsampling
            return

    def _units(self, scan: bytes) -> int:
        """Count the units of a scan: the blocks of its only channel, or what all channels have together."""
        factors = {name: divmod(by, 16) for name, by in zip(self._components, self._sampling, strict=False)}
        across, down = (max([1, *(each[side] for each in factors.values())]) for side in (0, 1))
        width, height = ceil(self.width / (8 * across)), ceil(self.height / (8 * down))
        if scan[0] == 1 and scan[1] in factors:
            own = factors[scan[1]]
            width = ceil(ceil(self.width * own[0] / across) / 8)
            height = ceil(ceil(self.height * own[1] / down) / 8)
        return width * height

    def side_data(self) -> SideData:
        """Collect all that stands beside the pixels."""
        side = SideData()
        resources, comments, profiles = list[bytes](), list[str](), dict[int, bytes]()
        blocks = list[bytes]()
        has_credentials = has_others = False
        more_xmp: dict[tuple[bytes, int], dict[int, bytes]] = {}
        for marker, _, body in self._side:
            if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 12:
                unit, *density = struct.unpack(">BHH", body[7:12])
                side.density = tuple(density)
                side.dpi = (
                    tuple(each * (2.54 if unit == 2 else 1) for each in density) if unit in (1, 2) else None
                )
            elif marker == _APP1 and body.startswith(_EXIF):
                blocks.append(body[6:])
            elif marker == _APP1 and body.startswith(_XMP):
                side.xmp.append(body[len(_XMP) :])
            elif marker == _APP1 and body.startswith(_MORE_XMP) and len(body) >= 75:
                owner, total, start = struct.unpack(">32sII", body[35:75])
                more_xmp.setdefault((owner, total), {})[start] = body[75:]
            elif marker == _APP2 and body.startswith(_PROFILE) and len(body) > 14:
                profiles[body[12]] = body[14:]
            elif marker == _APP13:
                head = next((head for head in _RESOURCES if body.startswith(head)), None)
                resources += [] if head is None else [body[len(head) :]]
            elif marker == _COMMENT:
                comments.append(decode_text(body.rstrip(b"\0")))
            elif marker == _APP10 and body.startswith(_UNICODE):
                comments.append(_wide_text(body[len(_UNICODE) :]))
            elif marker == _APP12 and body.startswith(_FOR_WEB):
                said = _said_for_web(body)
                comments.append(said.get(_SAID, ""))
                side.text |= {"Copyright": said[_OWNED]} if said.get(_OWNED) else {}
            has_credentials = has_credentials or (marker == _APP11 and body.startswith(_CREDENTIALS))
            has_others = has_others or (marker == _APP2 and body.startswith(_PICTURES))
        side.exif = _exif_of(blocks)
        if any(comments):
            side.text["Comment"] = "\n".join(filter(None, comments))
        if has_credentials:
            warn(CREDENTIALS)
        is_known = has_others or not is_heard() or not self._rest.end
        if not is_known:
            warn_of_rest(self._data, self._rest.end)
        _join_xmp(side, more_xmp)
        side.take_resources(b"".join(resources))
        side.profile = b"".join(profiles[number] for number in sorted(profiles))
        return side

    def _lacks_scans(self) -> bool:
        """Tell whether what came bit by bit has not come whole: all of 64 numbers a block to the last bit."""
        came = dict.fromkeys(self._components, 0)  # a bit for each of the 64
        for body in (self._first_scan, *self._rest.scans):
            names, (first, last, bits) = body[1 : 1 + 2 * body[0] : 2], body[1 + 2 * body[0] :][:3]
            for name in names if bits & 15 == 0 else b"":
                came[name] = came.get(name, 0) | (2 << last) - (1 << first)
        return any(seen != (1 << 64) - 1 for seen in came.values())

    def others(self) -> list[tuple[int, int]]:
        """Return place and length of the other pictures that the file lists, thumbnails left out."""
        for marker, place, body in self._side:
            if marker != _APP2 or not body.startswith(_PICTURES):
                continue
            try:
                reader = DirectoryReader(io.BytesIO(body[4:]))
                entries = reader.read(reader.first)[0].get(_ENTRIES)
            except ImageError:
                return []
            data = entries.data if isinstance(entries, Tag) else b""
            rows = struct.iter_unpack(reader.order + "IIIHH", data[: len(data) // 16 * 16])
            return [
                (place + 4 + start, length)
                for kind, length, start, _, _ in rows
                if start and kind & 0xFFFFFF not in _THUMBNAILS
            ]
        return []


def pictures(data: bytes) -> list[File]:
    """Take apart each picture of a file, the one it begins with first."""
    first = File(data)
    files = [first]
    for place, length in first.others():
        try:
            files.append(File(data[place : place + length]))
        except ImageError:
            continue
    return files


def look_through(data: bytes) -> None:
    """Warn of damage in a picture whose pixels are decoded elsewhere.

    Args:
        data: Its bytes, such as those of a strip of a TIFF behind its tables.
    """
    try:
        file = File(data)
        if file.is_common:
            file.decode()
    except (ImageUnsupportedError, SyntaxError):  # Pillow's, for a picture of two channels
        return
    except (ImageError, OSError):
        warn(_DAMAGED)


def size(head: bytes) -> tuple[int, int] | None:
    """Tell width and height by the beginning of a JPEG."""
    for marker, _, body in _segments(head):
        if marker in _FRAMES and len(body) >= 6:
            height, width = struct.unpack(">HH", body[1:5])
            return width, height
    return None


def head(data: bytes) -> bytes:
    """Give all that comes before the pixels of the first scan."""
    ends = (place + len(body) for marker, place, body in _segments(data) if marker == SCAN)
    return data[: next(ends, len(data))]


def mean_step(data: bytes) -> float:
    """Tell how coarse the grey of a JPEG is: the mean step of its first table, 0 for other files."""
    for marker, _, body in _segments(data) if data.startswith(MAGIC) else ():
        while marker == _TABLES and body:
            is_wide, number = divmod(body[0], 16)
            size = 128 if is_wide else 64
            if number == 0 and len(body) > size:
                return float(np.frombuffer(body[1 : 1 + size], ">u2" if is_wide else np.uint8).mean())
            body = body[1 + size :]
    return 0.0


class _Steps(io.BytesIO):
    """A file read up to certain places at a time: where reading ends tells how much was needed."""

    def __init__(self, data: bytes, places: tuple[int, ...]) -> None:
        super().__init__(data)
        self._places = places

    def read(self, size: int | None = -1) -> bytes:
        """Read on, but not beyond the next of the places."""
        at = self.tell()
        most = min((place - at for place in self._places if place > at), default=size)
        return super().read(most if size is None or size < 0 or most is None else min(size, most))


def _is_even(image: Image.Image) -> bool:
    extrema = np.reshape(image.getextrema(), (-1, 2))
    return bool((extrema[:, 0] == extrema[:, 1]).all())


def _wide_text(data: bytes) -> str:
    return data.decode("utf-16-be", "replace").strip("\0")


def _said_for_web(body: bytes) -> dict[int, str]:
    """Read what Photoshop's "Save for Web" says of a photo: text by number, behind a count of its letters."""
    found, place = dict[int, str](), len(_FOR_WEB)
    while place + 8 <= len(body):
        number, size = struct.unpack_from(">HH", body, place)
        found[number] = _wide_text(body[place + 8 : place + 4 + size])
        place += 4 + size
    return found


def _exif_of(blocks: list[bytes]) -> Directory:
    """Read EXIF of one segment, or of several where it has more than 64 KB; the first counts."""
    if not blocks:
        return {}
    count = next((at for at, block in enumerate(blocks) if at and block[:2] in (b"II", b"MM")), len(blocks))
    if count < len(blocks):
        warn("a second EXIF dropped")
    return exif.parse(b"".join(blocks[:count]))


def _join_xmp(side: SideData, pieces: dict[tuple[bytes, int], dict[int, bytes]]) -> None:
    # What does not fit into one segment is a packet of its own, which the first one names.
    for (owner, total), parts in pieces.items():
        packet = b"".join(parts[start] for start in sorted(parts))
        if side.xmp and owner not in side.xmp[0]:
            continue
        if len(packet) == total:
            side.xmp.append(packet)
        else:
            warn("XMP in part dropped: its second part is not whole")


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give marker, place and body of each segment up to the first scan."""
    offset = 2
    while (offset := data.find(b"\xff", offset)) >= 0:
        while data[offset + 1 : offset + 2] == b"\xff":
            offset += 1
        if offset + 4 > len(data):
            return
        marker = data[offset + 1]
        if marker in (0, 1) or 0xD0 <= marker <= 0xD8:
            offset += 2
            continue
        if marker == END:
            return
        (length,) = struct.unpack_from(">H", data, offset + 2)
        end = offset + 2 + max(length, 2)
        if end > len(data):
            return
        yield marker, offset + 4, data[offset + 4 : end]
        offset = end
