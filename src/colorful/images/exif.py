"""EXIF: the tags that stay true of a photo when its pixels are turned, brought to sRGB and colored."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from colorful.errors import ImageError
from colorful.images.log import warn
from colorful.images.tags import (
    ASCII,
    BYTE,
    EXIF_GROUP,
    GPS_GROUP,
    LONG,
    UNDEFINED,
    Directory,
    DirectoryReader,
    Tag,
    ascii_tag,
    number_of,
    pack,
    rational_tag,
    short_tag,
)

DESCRIPTION, ORIENTATION, SOFTWARE, ARTIST, COPYRIGHT = 270, 274, 305, 315, 33432
X_RESOLUTION, Y_RESOLUTION, UNIT = 282, 283, 296
_HEAD = b"Exif\0\0"
_COLOR_SPACE, _WIDTH, _HEIGHT = 40961, 40962, 40963
# Text, by whatever type it comes; of the last ones a program may have written UTF-16 in numbers of 16 bits.
_TEXT = {269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 36867, 36868, 36880, 36881, 36882}
_TEXT |= {42032, 42033, 42035, 42036, 42037, 42038, 42039}
_WINDOWS_TEXT = range(40091, 40096)
_COMMENTS = {EXIF_GROUP: {37510}, GPS_GROUP: {27, 28}}
# The first directory of a file describes its pixels, too. What stays is what describes the photo: names and
# times; settings of the camera, which some write here; ratings; a map's place in the world.
_MAP = {33550, 33922, 34264, 34735, 34736, 34737}
_DESCRIPTIVE = _TEXT | _MAP | {286, 287, 11, 18246, 18249, 33434, 33437, 34850, 34855, *range(37377, 37387)}
_DESCRIPTIVE |= {EXIF_GROUP, GPS_GROUP, 37510, *range(37520, 37523), *_WINDOWS_TEXT, 41986, 41987, 41990}
# What says how the file lays out its pixels: TIFF's own tags, but for the few that describe the photo. And
# what is kept elsewhere, such as XMP and IPTC. 513 and 514 are a thumbnail, still grey.
_LAYOUT = {
    *range(254, 560),
    *(700, 32781, 33421, 33422, 33723, 34377, 34675, 37724, 40965, 50341, 50674, 59932, 59933),
} - _DESCRIPTIVE
# In the group of EXIF: JPEG's own, the places of other groups, gamma, padding. The camera's note has pointers
# into the file it was written in, and often a preview.
_MAKER_NOTE = 37500
_GROUP_LAYOUT = {37121, 37122, 40965, 42240, 59932, 59933, _MAKER_NOTE, 330, EXIF_GROUP, GPS_GROUP}
_PLACES = (37396, 41492)  # SubjectArea and SubjectLocation, in pixels
# Descriptions by which a program tells itself how its own file is laid out: pages, channels, axes.
_SHAPE_WORDS = re.compile(r'\{"shape"|shape=\(|\[\{"shape"')
_LAYOUT_WORDS = re.compile(
    r"ImageJ=|.*<OME[ >:]|Aperio |<scn|.*<PerkinElmer|state\.|\[Acquisition|# Size"
    r"|.*<MetaData>|SCANIMAGE|.*<FeiImage|StackHeader|\[(?:File|General|Info)|.*<Image(?:Document|Metadata)",
    re.DOTALL,
)


def parse(block: bytes) -> Directory:
    """Read EXIF with its groups; what is broken is left out, and the log says so."""
    data = block.removeprefix(_HEAD)
    if not data:
        return {}
    try:
        reader = DirectoryReader(io.BytesIO(data))
        return with_groups(reader, reader.read(reader.first)[0])
    except ImageError as error:
        warn(f"EXIF dropped: {error}")
        return {}


def with_groups(reader: DirectoryReader, directory: Directory) -> Directory:
    """Put the groups in the place of the pointers to them."""
    directory = dict(directory)
    for tag in (EXIF_GROUP, GPS_GROUP):
        if tag in directory:
            group = reader.group(directory, tag)
            del directory[tag]
            if group:
                directory[tag] = group
            else:
                warn(f"EXIF in part dropped: tag {tag} points nowhere")
    return directory


def build(directory: Mapping[int, Tag | Directory]) -> bytes:
    """Write EXIF, as Pillow takes it; empty for no tags."""
    return _HEAD + b"II*\0\x08\0\0\0" + pack(directory, 8) if directory else b""


def orientation(directory: Mapping[int, Tag | Directory]) -> int | None:
    """Return the turn of the photo, 1 to 8, or None where it is not told."""
    value = number_of(directory, ORIENTATION, 0)
    return int(value) if value in range(1, 9) else None


def resolution(directory: Mapping[int, Tag | Directory]) -> tuple[float, float] | None:
    """Return pixels per inch, horizontally and vertically, or None."""
    across, down = density(directory)
    unit = number_of(directory, UNIT, 2)
    scale = 2.54 if unit == 3 else 1.0
    return (across * scale, down * scale) if unit in (2, 3) and across and down else None


def density(directory: Mapping[int, Tag | Directory]) -> tuple[float, ...]:
    """Return the resolution in whatever unit, horizontally and vertically, 0 where it is not told."""
    return tuple(number_of(directory, tag, 0) for tag in (X_RESOLUTION, Y_RESOLUTION))


def set_resolution(directory: Directory, dpi: tuple[float, float] | None) -> None:
    """Write pixels per inch into a directory; None says that they are not known."""
    across, down = dpi or (1, 1)
    directory |= {X_RESOLUTION: rational_tag(across), Y_RESOLUTION: rational_tag(down)}
    directory[UNIT] = short_tag(2 if dpi else 1)


def text(directory: Mapping[int, Tag | Directory], tag: int) -> str:
    """Return the text of a tag, empty where there is none."""
    value = directory.get(tag)
    return value.text.strip() if isinstance(value, Tag) else ""


def kept(directory: Directory, *, turn: int, size: tuple[int, int]) -> Directory:
    """Choose what stays true of a photo and put it into the forms that every program reads.

    Args:
        directory: With its groups.
        turn: The orientation that was undone.
        size: Height and width of the upright photo.

    Returns:
        Text as text, comments in UTF-16 that says so, no layout, no thumbnail. The log names what is lost.
    """
    result: Directory = {}
    lost = []
    for tag, value in directory.items():
        if tag in _LAYOUT:
            continue
        if tag not in _DESCRIPTIVE or (tag in _MAP and turn != 1):
            lost.append(tag)
        elif not isinstance(value, Tag):
            result[tag] = _group(tag, value, size, is_turned=turn != 1)
        elif (fit := _fitting(tag, value, EXIF_GROUP)) is not None:
            result[tag] = fit
    if _SHAPE_WORDS.match(text(result, DESCRIPTION)):
        del result[DESCRIPTION]
    elif _LAYOUT_WORDS.match(text(result, DESCRIPTION)):
        del result[DESCRIPTION]
        warn("description dropped: it tells of the pages and channels that the file had")
    if lost:
        warn(f"tags dropped, which may not be true of the result: {', '.join(map(str, sorted(lost)))}")
    return {tag: value for tag, value in result.items() if value}


def _group(group: int, directory: Directory, size: tuple[int, int], *, is_turned: bool) -> Directory:
    result: Directory = {}
    for tag, value in directory.items():
        if isinstance(value, Tag) and tag not in _GROUP_LAYOUT:
            fit = _fitting(tag, value, group)
            if fit is not None:
                result[tag] = fit
    if group == EXIF_GROUP:
        if is_turned and any(result.pop(tag, None) for tag in _PLACES):
            warn("the place of the subject dropped: the photo was turned")
        if _MAKER_NOTE in directory:
            warn("the camera's own note (MakerNote) dropped: it points to places in the file it came in")
        if _COLOR_SPACE in result:
            result[_COLOR_SPACE] = short_tag(1)  # sRGB
        if _WIDTH in result or _HEIGHT in result:
            for tag, side in zip((_HEIGHT, _WIDTH), size, strict=True):
                result[tag] = Tag(LONG, side.to_bytes(4, "little"))
    return result


def _fitting(tag: int, value: Tag, group: int) -> Tag | None:
    if tag in _COMMENTS[group]:
        return _comment(value)
    if group == GPS_GROUP or (tag not in _TEXT and tag not in _WINDOWS_TEXT):
        return value if value.kind <= 13 else None
    if tag in _WINDOWS_TEXT:
        return Tag(BYTE, value.little)
    return ascii_tag(value.text) if value.kind != ASCII else Tag(ASCII, value.data.rstrip(b"\0") + b"\0")


def _comment(value: Tag) -> Tag | None:
    # Eight bytes name the encoding. UTF-16 is in the order of the file, or in the other one.
    name, body = value.data[:8], value.data[8:]
    if name.startswith(b"UNICODE"):
        words = body[: len(body) // 2 * 2]
        mark, even, odd = words[:2], words[0::2].count(0), words[1::2].count(0)
        little = odd > even or (odd == even and value.order == "<")
        little = mark == b"\xff\xfe" or (little and mark != b"\xfe\xff")
        words_text = words.decode("utf-16-le" if little else "utf-16-be", "replace").lstrip("\ufeff")
    elif name.startswith(b"JIS"):
        return Tag(UNDEFINED, value.data)
    elif name.rstrip(b"\0 ") in (b"ASCII", b""):
        words_text = Tag(ASCII, body).text
    else:
        words_text = value.text
    words_text = words_text.strip("\0 ")
    if not words_text:
        return None
    if words_text.isascii():
        return Tag(UNDEFINED, b"ASCII\0\0\0" + words_text.encode())
    return Tag(UNDEFINED, b"UNICODE\0" + words_text.encode("utf-16-le", "replace"))
