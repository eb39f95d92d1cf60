"""Endings of file names and the formats they stand for: the one list of both."""

from __future__ import annotations

from collections.abc import Mapping

EXTENSIONS: Mapping[str, str] = {
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
"""File name extension to format; what can be written."""

_ONLY_READ: Mapping[str, str] = {
    ".mpo": "JPEG",
    ".apng": "PNG",
    ".dib": "BMP",
    ".avifs": "AVIF",
    ".heics": "HEIF",
    ".hif": "HEIF",
    ".jp2": "JPEG2000",
    ".j2k": "JPEG2000",
    ".j2c": "JPEG2000",
    ".jpc": "JPEG2000",
    ".jpf": "JPEG2000",
    ".jpx": "JPEG2000",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pbm": "PPM",
    ".pnm": "PPM",
}

ENDINGS = frozenset({**EXTENSIONS, **_ONLY_READ})
"""Endings by which a file in a folder is taken for a photo."""

UNREAD = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos"),
        *(".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw"),
        *(".x3f", ".cur", ".dcm", ".dds", ".djv", ".djvu", ".eps", ".exr", ".fit", ".fits", ".icns"),
        *(".jls", ".jng", ".jxl", ".jxr", ".kra", ".pcd", ".pct", ".pcx", ".pdf", ".pict", ".psb"),
        *(".psd", ".qoi", ".ras", ".sgi", ".svg", ".svgz", ".tga", ".wdp", ".wmf", ".xcf"),
    }
)
"""Endings of pictures that are not read, such as raw files of cameras, and formats of other fields."""


def result_ending(ending: str) -> str:
    """Give the ending of the result of a photo with this one, where nobody has chosen another.

    Args:
        ending: With the dot, in any case.

    Returns:
        The same, or that of the format; ``.png`` where the format cannot be written or has few colors.
    """
    known = ending.lower()
    if known == ".gif":
        return ".png"
    if known in EXTENSIONS:
        return ending
    format = _ONLY_READ.get(known)
    return next((each for each, its in EXTENSIONS.items() if its == format), ".png")
