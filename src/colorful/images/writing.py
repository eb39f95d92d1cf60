"""From a :class:`Picture` to the bytes of a file, and onto the disk without ever being half there."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypedDict, Unpack

import numpy as np
from PIL import Image, PngImagePlugin

from colorful import files
from colorful.errors import (
    ColorfulError,
    KindError,
    MissingExtraError,
    OptionError,
    OutputError,
    RangeError,
    brief,
    is_whole,
)
from colorful.images import iptc, png, tiff
from colorful.images.formats import EXTENSIONS
from colorful.images.log import naming, warn
from colorful.images.metadata import Metadata
from colorful.images.picture import Picture
from colorful.images.profiles import srgb_profile

_LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "AVIF": 65535, "HEIF": 65535}
_SEGMENT = 65533  # bytes that one segment of a JPEG has room for


class Saving(TypedDict, total=False):
    """How a result is encoded.

    Attributes:
        format: Such as ``"jpeg"``, where it is not the one that the ending of the file says.
        quality: 1 to 100, of formats that lose something; see :func:`encode`.
        provenance: Whether the metadata say that a model made the colors; by default they do.
    """

    format: str | None
    quality: int | None
    provenance: bool


def write(
    picture: Picture | Iterable[Picture],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    **saving: Unpack[Saving],
) -> Path:
    """Write a picture to a file, whole or not at all.

    Args:
        picture: What to write, or the pages of a TIFF.
        path: Where. The folder must exist.
        overwrite: Whether a file of that name may be replaced.
        **saving: How it is encoded.

    Returns:
        The path.

    Raises:
        OutputExistsError: If the file exists and *overwrite* is false; it stays as it is.
        OutputError: If the file cannot be written, or the format cannot hold the picture.
        OptionError: If the format is unknown.
    """
    target = Path(path)
    files.check_target(target, overwrite=overwrite)
    files.write(target, encode_as(picture, target.name, **saving), overwrite=overwrite)
    return target


def encode_as(picture: Picture | Iterable[Picture], name: str, **saving: Unpack[Saving]) -> bytes:
    """Encode a picture, or the pages of a TIFF, as the file of that name; see :func:`encode`.

    Args:
        picture: What to encode.
        name: Whose ending says the format, where *saving* does not.
        **saving: How it is encoded.

    Returns:
        The content of the file.

    Raises:
        OptionError: If the format is unknown.
        OutputError: If it cannot hold the picture.
    """
    with naming(name):
        return encode(
            picture,
            saving.get("format") or _format_of(Path(name)),
            quality=saving.get("quality"),
            provenance=saving.get("provenance", True),
        )


def encode(
    picture: Picture | Iterable[Picture],
    format: str,
    *,
    quality: int | None = None,
    provenance: bool = True,
) -> bytes:
    """Encode a picture as a file.

    PNG and TIFF keep 16 bits, TIFF keeps floats too; the other formats have 8 bits. JPEG and BMP have no
    alpha: the picture is laid on white, and the log says so, as it does of metadata that have no place.

    Args:
        picture: What to encode. Of several, each becomes a page of a TIFF; other formats hold one.
        format: ``jpeg``, ``png``, ``tiff``, ``webp``, ``bmp``, ``gif``, ``avif`` or ``heif``, in any case;
            a file name extension will do as well.
        quality: 1 to 100 for JPEG, WebP, AVIF and HEIF; by default 95 for JPEG, 90 for the others. 100 is
            lossless in WebP. The formats that are always lossless take no notice.
        provenance: Whether the metadata say that a model made the colors, if one did.

    Returns:
        The file, tagged sRGB, with as much of the metadata as the format has room for.

    Raises:
        OptionError: If *format* is unknown.
        KindError: If *quality* is no whole number.
        RangeError: If *quality* is outside 1 to 100.
        OutputError: If the format cannot hold the picture, for instance because it is too wide, or holds one
            and there are more.
        MissingExtraError: If HEIF is asked for and ``pillow-heif`` is not installed.
    """
    name = EXTENSIONS.get(f".{format.lower().removeprefix('.')}", format.upper())
    known = (*_ENCODERS, "TIFF")
    if name not in known:
        raise OptionError(f"format: expected one of {', '.join(known).lower()}, got {format!r}")
    if quality is not None and not is_whole(quality):
        raise KindError(f"quality: expected a whole number, got {brief(quality)}")
    if quality is not None and not 1 <= quality <= 100:
        raise RangeError(f"quality: expected 1 to 100, got {brief(quality)}")
    try:
        if name == "TIFF":
            return _tiff([picture] if isinstance(picture, Picture) else picture, provenance)
        one = picture if isinstance(picture, Picture) else _only(list(islice(picture, 2)), name)
        longest = _LONGEST_SIDE.get(name)
        if longest and max(one.size) > longest:
            raise OutputError(
                f"{name}: holds at most {longest} pixels a side, got {one.width} x {one.height}"
            )
        if name == one.format and name != "PNG" and one.pixels.dtype != np.uint8:  # a JPEG of 12 bits
            warn("saved with 8 bits, of the more that it has; PNG and TIFF keep them")
        whole = None if quality is None else int(quality)  # NumPy's integers, too
        return _ENCODERS[name](one, one.outgoing(provenance=provenance), whole)
    except (OSError, ValueError, RuntimeError, KeyError, struct.error) as error:
        if isinstance(error, ColorfulError):
            raise
        raise OutputError(f"{name}: cannot hold this picture: {error}") from error


def _only(pictures: Sequence[Picture], name: str) -> Picture:
    if len(pictures) != 1:
        count = "several" if pictures else "none"
        raise OutputError(f"{name}: holds one picture, got {count}; a TIFF holds several pages")
    return pictures[0]


def _jpeg(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    quality = quality or 95
    about = about.for_exif(with_comment=False)
    parts = {"exif": about.exif, "xmp": about.xmp, "iptc": about.iptc}
    for name in [name for name, data in parts.items() if len(data) > _SEGMENT - 64]:
        warn(f"{name.upper()} dropped: a JPEG has no room for more than 64 KB of it")
        parts[name] = b""
    about = replace(about, exif=parts["exif"], xmp=parts["xmp"], iptc=parts["iptc"])
    options: dict[str, Any] = {"extra": iptc.segment(about.iptc)} if about.iptc else {}
    if "Comment" in about.text:
        comment = about.text["Comment"].encode("utf-8", "replace")
        if len(comment) > _SEGMENT:
            warn("comment cut: a JPEG has no room for more than 64 KB of it")
        options["comment"] = comment[:_SEGMENT]
    # The colors are as fine as the photo's edges where the quality is meant to be high.
    subsampling = 0 if quality >= 90 else 2
    return _save(_flat(picture), "JPEG", about, quality=quality, subsampling=subsampling, **options)


def _png(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    about = about.for_xmp()
    text = PngImagePlugin.PngInfo()
    for key, value in about.text.items():
        text.add_text(key.encode("latin-1", "replace")[:79] or b"Comment", value)
    if about.xmp:
        text.add_itxt("XML:com.adobe.xmp", about.xmp.decode("utf-8", "replace"))
    if picture.pixels.dtype == np.uint8:
        # Less than half of the time of the default, 6, for files of photos 3 % larger.
        return _save(_image(picture), "PNG", about, pnginfo=text, compress_level=4)
    if max(picture.size) > png.LONGEST_DEEP_SIDE:
        raise OutputError(
            f"PNG: holds at most {png.LONGEST_DEEP_SIDE:,} pixels a side with 16 bits; TIFF holds more"
        )
    pixel = _save(Image.new("L", (1, 1)), "PNG", about, pnginfo=text)
    return png.encode(picture.channels(np.uint16), about=pixel)


def _tiff(pictures: Iterable[Picture], provenance: bool) -> bytes:
    return tiff.encode((picture, picture.outgoing(provenance=provenance).for_exif()) for picture in pictures)


def _webp(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    quality = quality or 90
    lossless = quality == 100
    about = about.for_xmp().for_exif()
    return _save(_image(picture), "WEBP", about, quality=quality, lossless=lossless, exact=True)


def _bmp(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    _warn_of_lost(picture.metadata)
    return _save(_flat(picture), "BMP", about)


def _gif(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    opaque = Image.fromarray(replace(picture, alpha=None).channels(np.uint8)).convert("RGB")
    image = opaque.quantize(256 if picture.alpha is None else 255, dither=Image.Dither.FLOYDSTEINBERG)
    options: dict[str, Any] = {}
    if picture.alpha is not None:
        opacity = replace(picture, pixels=picture.alpha, alpha=None).channels(np.uint8)
        if ((opacity > 0) & (opacity < 255)).any():
            warn("alpha made all or nothing: the format has no more of it")
        clear = opacity < 128
        image.paste(255, mask=Image.fromarray(clear))
        options["transparency"] = 255
    if "Comment" in about.text:
        options["comment"] = about.text["Comment"].encode("utf-8", "replace")
    own = picture.metadata  # the note that a model made the colors is no loss of the photo's
    _warn_of_lost(replace(own, text={key: text for key, text in own.text.items() if key != "Comment"}))
    return _save(image, "GIF", about, **options)


def _avif(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    quality = quality or 90
    subsampling = "4:4:4" if quality >= 90 else "4:2:0"
    return _save(
        _image(picture), "AVIF", about.for_xmp().for_exif(), quality=quality, subsampling=subsampling
    )


def _heif(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    try:
        import pillow_heif
    except ModuleNotFoundError:
        raise MissingExtraError("heif") from None
    quality = quality or 90
    image = _image(picture)
    image.info["icc_profile"] = srgb_profile()
    about = about.for_xmp().for_exif()
    options: dict[str, Any] = {"exif": about.exif or None, "xmp": about.xmp or None}
    buffer = io.BytesIO()
    chroma = 444 if quality >= 90 else 420
    pillow_heif.from_pillow(image).save(buffer, quality=quality, chroma=chroma, **options)
    return buffer.getvalue()


_ENCODERS: dict[str, Callable[[Picture, Metadata, int | None], bytes]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "BMP": _bmp,
    "GIF": _gif,
    "AVIF": _avif,
    "HEIF": _heif,
}


def _save(image: Image.Image, format: str, about: Metadata, **options: Any) -> bytes:
    Image.init()
    if format not in Image.SAVE:
        raise OutputError(f"{format}: this Pillow was built without it")
    given = {"dpi": about.dpi, "exif": about.exif, "xmp": b"" if format == "PNG" else about.xmp}
    options |= {name: value for name, value in given.items() if value}

    def saved(file: IO[bytes]) -> bytes:
        image.save(file, format, icc_profile=srgb_profile(), **options)
        # Pillow does not notice where a file ends at a limit. Then one byte more is refused.
        end = file.seek(0, os.SEEK_END)
        file.write(b"\0")
        file.seek(0)
        return file.read(end)

    try:
        with _memory_file() as file:
            return saved(file)
    except OSError as error:
        if not error.errno:  # of Pillow, and not of the system, whose limits hold for this file, too
            raise
    return saved(io.BytesIO())


def _memory_file() -> IO[bytes]:
    """Open a file in memory, one of the system's where it has such.

    Pillow encodes a JPEG to those without holding the interpreter's lock, so that photos of a folder do not
    wait for each other.
    """
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):  # a sandbox may refuse
            return os.fdopen(os.memfd_create("photo"), "w+b")
    return io.BytesIO()


def _image(picture: Picture) -> Image.Image:
    return Image.fromarray(picture.channels(np.uint8))


def _flat(picture: Picture) -> Image.Image:
    image = _image(picture)
    if picture.alpha is None:
        return image
    opacity = image.getchannel("A")
    if opacity.getextrema() != (255, 255):
        warn("alpha dropped: the format has none; the picture is laid on white")
    flat = Image.new("L" if image.mode == "LA" else "RGB", image.size, "white")
    flat.paste(image.convert(flat.mode), mask=opacity)
    return flat


def _warn_of_lost(about: Metadata) -> None:
    if parts := about.parts():
        warn(f"{', '.join(parts)} dropped: the format has no place for it")


def _format_of(path: Path) -> str:
    format = EXTENSIONS.get(path.suffix.lower())
    if format is None:
        raise OptionError(f"path: expected a name ending in {' '.join(EXTENSIONS)}, got {path.name!r}")
    return format
