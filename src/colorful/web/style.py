"""The style of the first screen: it comes within the page, which is shown as soon as it is there."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

_END = "/* What stands above"


@cache
def first_style() -> str:
    """Return what the style sheet says before its mark."""
    sheet = files("colorful.web").joinpath("static", "style.css").read_text(encoding="utf-8")
    return sheet.partition(_END)[0]


@cache
def first_style_hash() -> str:
    """Return what a content policy calls that text by."""
    digest = hashlib.sha256(first_style().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
