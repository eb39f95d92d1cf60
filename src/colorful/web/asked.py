"""Read what a request asks for: its photos, its options, and what is to come back. All of it is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any, cast, get_args

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotAcceptable, UnsupportedMediaType

from colorful.errors import OptionError, RangeError, check_choice
from colorful.web.edit import KEYS, parsed, whole_number
from colorful.web.limits import Limits
from colorful.web.uploads import TYPES, Layout, NoPhotoError

_JSON_BYTES = 1 << 20


def photos_of_form(limits: Limits, *fields: str) -> Iterator[tuple[bytes, str]]:
    """Go through the photos of the form that was sent, the field ``photo``: bytes and the client's file name.

    Args:
        limits: How many there may be.
        *fields: What the form may hold beside them.

    Raises:
        NoPhotoError: If there is none.
        OptionError: If there are too many, or fields that are unknown or come twice.
    """
    _refuse_unknown("form", request.files, {"photo"})
    _single("form", request.form, {"photo", *fields})
    photos = [file for file in request.files.getlist("photo") if file.filename]
    if not photos:
        raise NoPhotoError("photo: expected a file with a name in the form field photo, got none")
    if len(photos) > limits.photos:
        raise OptionError(f"photo: expected at most {limits.photos} files, got {len(photos)}")
    for file in photos:
        with contextlib.closing(file):
            data = file.read()
        yield data, file.filename or ""


def json_object(*more: str) -> dict[str, Any]:
    """Read the JSON object that was sent.

    Args:
        *more: Keys that it may have beside those of an edit.

    Raises:
        OptionError: If it is none, or has other keys.
    """
    request.max_content_length = _JSON_BYTES
    query()
    if not request.is_json:
        raise UnsupportedMediaType(f"body: expected application/json, got {request.mimetype[:80]!r}")
    body = parsed("body", request.get_data(), kind="object")
    return checked_object("body", body, KEYS | set(more))


def checked_object(name: str, value: object, keys: Collection[str]) -> dict[str, Any]:
    """Take a value for a JSON object with some of these keys.

    Raises:
        OptionError: If it is none, or has other keys.
    """
    if not isinstance(value, dict):
        raise OptionError(f"{name}: expected a JSON object, got {type(value).__name__}")
    _refuse_unknown(name, value, keys)
    return value


def query(*keys: str) -> dict[str, str]:
    """Read the query of the address.

    Raises:
        OptionError: If it has other keys, or one twice.
    """
    return _single("query", request.args, keys)


def side_of(value: object) -> int:
    """Read how many pixels the longer side of a preview may have; 1024 if that is not said."""
    if isinstance(value, str):
        value = _from_text("side", value)
    return 1024 if value is None else whole_number("side", value)


def region_of(value: object) -> tuple[int, int, int, int] | None:
    """Read a part of a photo: four whole numbers, in an array or a text with commas.

    Raises:
        RangeError: If it is something else.
    """
    if value is None:
        return None
    if isinstance(value, str):
        value = [_from_text("region", part) for part in value.split(",", maxsplit=4)]
    if not isinstance(value, list) or len(value) != 4:
        raise RangeError("region: expected left, top, width and height in pixels of the photo")
    left, top, width, height = (whole_number("region", part) for part in value)
    return left, top, width, height


def format_of(value: object) -> str | None:
    """Read a format of results.

    Raises:
        OptionError: If it is none of those offered.
    """
    if value is None or value == "":
        return None
    check_choice("format", value, TYPES)
    return str(value)


def layout_of(value: object) -> Layout:
    """Read a layout of results.

    Raises:
        OptionError: If it is none of those offered.
    """
    value = "single" if value is None else value
    check_choice("layout", value, get_args(Layout))
    return cast("Layout", value)


def reply_wanted(format: str | None) -> tuple[str, str | None]:
    """Choose what comes back, by the Accept header and a format that was asked for.

    Returns:
        A media type, and the format of the picture; None for that of the photo.

    Raises:
        NotAcceptable: If the client takes none of what there is.
    """
    accept, offered = request.accept_mimetypes, [*TYPES.values(), "application/json"]
    wanted = accept.best_match(offered) if accept else offered[0]
    if wanted is None:
        raise NotAcceptable(f"accept: expected one of {', '.join(offered)}")
    if wanted == "application/json":
        return wanted, format
    if format is None:
        return wanted, next(name for name, type_ in TYPES.items() if type_ == wanted)
    if accept and not accept[TYPES[format]]:
        raise NotAcceptable(
            f"accept: expected {TYPES[format]}, as format is {format}, got {str(accept)[:80]!r}"
        )
    return TYPES[format], format


def wants_exact() -> bool:
    """Tell whether a preview may not lose anything by being encoded: PNG is asked for by its name."""
    accept = request.accept_mimetypes
    return "image/png" in accept.values() and accept["image/png"] > accept["image/jpeg"]


def _single(name: str, given: MultiDict[str, str], known: Collection[str]) -> dict[str, str]:
    _refuse_unknown(name, given, known)
    for key, values in given.lists():
        if len(values) > 1:
            raise OptionError(f"{key}: expected it once, got it {len(values)} times")
    return given.to_dict()


def _refuse_unknown(name: str, given: Collection[str], known: Collection[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        expected = f"only {', '.join(sorted(known))}" if known else "nothing"
        raise OptionError(f"{name}: expected {expected}, got {str(unknown)[:80]}")


def _from_text(name: str, text: str) -> int:
    try:
        return int(text[:20]) if text.isascii() else int("?")
    except ValueError:
        raise RangeError(f"{name}: expected whole numbers, got {text[:80]!r}") from None
