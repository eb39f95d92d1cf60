"""Endings of file names and the formats they stand for: the one list of both."""

from __future__ import annotations

from collections.abc import Mapping

_FORMATS: Mapping[str, str] = {
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
    ".jp2": "JPEG2000",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pnm": "PPM",
}

ENDINGS = frozenset(_FORMATS)
"""Endings by which a file in a folder is taken for a photo."""

EXTENSIONS = {ending: name for ending, name in _FORMATS.items() if name not in ("JPEG2000", "PPM")}
"""File name extension to format; what can be written."""
