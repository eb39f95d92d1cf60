"""From a :class:`Picture` to the bytes of a file, and onto the disk without ever being half there."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from colorful.errors import (
    ImageError,
    KindError,
    MissingExtraError,
    OptionError,
    OutputError,
    OutputExistsError,
    RangeError,
)
from colorful.images import deep
from colorful.images.metadata import Metadata
from colorful.images.picture import Picture
from colorful.images.profiles import srgb_profile

logger = logging.getLogger(__name__)

EXTENSIONS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
"""File name extension to format: what can be written."""


def write(
    picture: Picture,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    quality: int | None = None,
    overwrite: bool = False,
    provenance: bool = True,
) -> Path:
    """Write a picture to a file, whole or not at all.

    The bytes go to a temporary file in the same folder, which takes the name when all of it is on the disk.

    Args:
        picture: What to write.
        path: Where. The folder must exist.
        format: As for :func:`encode`; by default what the extension says.
        quality: As for :func:`encode`.
        overwrite: Whether a file of that name may be replaced.
        provenance: As for :func:`encode`.

    Returns:
        The path written.

    Raises:
        OutputExistsError: If the file exists and *overwrite* is false; it is left as it was.
        OutputError: If the file cannot be written.
        OptionError: If the format is unknown.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise OutputExistsError(f"{target}: exists already; pass overwrite=True to replace it")
    data = encode(picture, format or _format_of(target), quality=quality, provenance=provenance)
    write_bytes(data, target, overwrite=overwrite)
    return target


def write_bytes(data: bytes, target: Path, *, overwrite: bool = False) -> None:
    """Write a file so that its name shows the old content or the new, never a part of it."""
    place = Path(os.path.realpath(target))  # a link stays a link
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{place.name[:40]}.", suffix=".tmp", dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, _mode_for(place))
            file.write(data)
            file.flush()
            os.fsync(handle)
        if overwrite:
            os.replace(temporary, place)
        else:
            os.link(temporary, place)  # fails where replace would not: if another made the file meanwhile
            os.unlink(temporary)
        temporary = None
        _sync_folder(place.parent)
    except FileExistsError:
        raise OutputExistsError(f"{target}: exists already; pass overwrite=True to replace it") from None
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def encode(picture: Picture, format: str, *, quality: int | None = None, provenance: bool = True) -> bytes:
    """Encode a picture as a file.

    PNG and TIFF keep 16 bits, TIFF floats too; the other formats have 8. JPEG and BMP have no alpha: the
    picture is laid on white, which the log says.

    Args:
        picture: What to encode.
        format: ``jpeg``, ``png``, ``tiff``, ``webp``, ``bmp``, ``gif``, ``avif`` or ``heif``, in any case;
            the extensions will do as well.
        quality: 1 to 100 for JPEG, WebP, AVIF and HEIF; 100 is lossless in WebP. The lossless formats
            take no notice. By default 95 for JPEG and 90 for the others.
        provenance: Whether the metadata say that a model made the colors, if one did.

    Returns:
        The file, tagged sRGB, with the metadata the format has room for.

    Raises:
        OptionError: If *format* is unknown.
        RangeError: If *quality* is outside 1 to 100.
        OutputError: If the format cannot hold the picture, for instance because it is too wide.
        MissingExtraError: If HEIF is asked for and ``pillow-heif`` is not installed.
    """
    name = _known_format(format)
    if quality is not None:
        if isinstance(quality, bool) or not isinstance(quality, int):
            raise KindError(f"quality: expected a whole number, got {quality!r}")
        if not 1 <= quality <= 100:
            raise RangeError(f"quality: expected 1 to 100, got {quality}")
    about = picture.metadata.stamped() if provenance and picture.is_colored else picture.metadata
    try:
        return _ENCODERS[name](picture, about, quality)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise OutputError(f"{name}: cannot hold this picture: {error}") from error


def _jpeg(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    quality = quality or 95
    options: dict[str, Any] = {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
    if "Comment" in about.text:
        options["comment"] = about.text["Comment"].encode()
    return _save(_flat(picture), "JPEG", about, **options)


def _png(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    texts = PngImagePlugin.PngInfo()
    for key, value in about.text.items():
        texts.add_itxt(key, value)
    if about.xmp:
        texts.add_itxt("XML:com.adobe.xmp", about.xmp.decode("utf-8", "replace"))
    deep_pixels = picture.pixels.dtype != np.uint8
    image = Image.new("L", (1, 1)) if deep_pixels else Image.fromarray(picture.to_uint8())
    encoded = _save(image, "PNG", about, pnginfo=texts)
    return deep.write_png(picture.to_uint16(), like=encoded) if deep_pixels else encoded


def _tiff(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    return deep.write_tiff(
        picture.native(),
        alpha=picture.alpha is not None,
        icc=srgb_profile(),
        exif=about.exif,
        xmp=about.xmp,
        iptc=about.iptc,
        dpi=about.dpi,
    )


def _webp(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    quality = quality or 90
    image = Image.fromarray(picture.to_uint8())
    return _save(image, "WEBP", about, quality=quality, lossless=quality == 100, exact=True)


def _bmp(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    return _save(_flat(picture), "BMP", about)


def _gif(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    comment = {"comment": about.text["Comment"].encode()} if "Comment" in about.text else {}
    return _save(Image.fromarray(picture.to_uint8()), "GIF", about, **comment)


def _avif(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    if "AVIF" not in Image.SAVE and not (Image.init() and "AVIF" in Image.SAVE):
        raise OutputError("AVIF: this Pillow was built without it")
    return _save(Image.fromarray(picture.to_uint8()), "AVIF", about, quality=quality or 90)


def _heif(picture: Picture, about: Metadata, quality: int | None) -> bytes:
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtraError("heic") from None
    heif = pillow_heif.from_pillow(Image.fromarray(picture.to_uint8()))
    buffer = io.BytesIO()
    heif.save(buffer, quality=quality or 90, exif=about.exif or None, xmp=about.xmp or None)
    return buffer.getvalue()


def _save(image: Image.Image, format: str, about: Metadata, **options: Any) -> bytes:
    if about.dpi:
        options["dpi"] = about.dpi
    if about.exif:
        options["exif"] = about.exif
    if about.xmp and format != "PNG":
        options["xmp"] = about.xmp
    buffer = io.BytesIO()
    image.save(buffer, format, icc_profile=srgb_profile(), **options)
    return buffer.getvalue()


def _flat(picture: Picture) -> Image.Image:
    image = Image.fromarray(picture.to_uint8())
    if picture.alpha is None:
        return image
    logger.warning("alpha dropped: the format has none, so the picture is laid on white")
    flat = Image.new(image.mode[:-1], image.size, "white")
    flat.paste(image.convert(flat.mode), mask=image.getchannel("A"))
    return flat


def _known_format(name: str) -> str:
    known = EXTENSIONS.get(f".{name.lower().lstrip('.')}", name.upper())
    if known not in _ENCODERS:
        raise OptionError(f"format: expected one of {', '.join(_ENCODERS).lower()}, got {name!r}")
    return known


def _format_of(path: Path) -> str:
    if path.suffix.lower() not in EXTENSIONS:
        raise OptionError(
            f"path: expected a name ending in one of {' '.join(EXTENSIONS)}, got {path.name!r}; or pass format="
        )
    return EXTENSIONS[path.suffix.lower()]


def _mode_for(place: Path) -> int:
    with contextlib.suppress(OSError):
        return place.stat().st_mode & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system lets a folder be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


_ENCODERS = {
    "JPEG": _jpeg,
    "PNG": _png,
    "TIFF": _tiff,
    "WEBP": _webp,
    "BMP": _bmp,
    "GIF": _gif,
    "AVIF": _avif,
    "HEIF": _heif,
}
