"""The texts of the pages in the visitor's language; each language is a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from flask import Request

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
COOKIE = "colorful_language"


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return the texts of one of :data:`LANGUAGES` by key."""
    source = files("colorful.web").joinpath("texts", f"{language}.json")
    loaded: dict[str, str] = json.loads(source.read_text(encoding="utf-8"))
    return loaded


def language_of(request: Request) -> str:
    """Choose the language: what the visitor switched to, else what the browser asks for, else English."""
    for wish in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return str(wish)
    return request.accept_languages.best_match(list(LANGUAGES), default="en") or "en"


def words(request: Request) -> dict[str, object]:
    """Give a template what it needs to speak: the texts, the language and its alternatives.

    ``site`` is the name of the blueprint, for ``url_for``; also where a request met no route of it.
    """
    language = language_of(request)
    site = request.blueprint or "colorful"
    return {"t": texts(language), "language": language, "languages": LANGUAGES, "site": site}
