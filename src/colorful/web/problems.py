"""Report what goes wrong: to people as a page, to programs as JSON (RFC 9457), never as a traceback."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Request, Response, render_template, request
from werkzeug.exceptions import HTTPException

from colorful.errors import (
    HintError,
    ImageError,
    ImageTooLargeError,
    KindError,
    MissingExtraError,
    OptionError,
    RangeError,
)
from colorful.web.limits import Limits
from colorful.web.queue import BusyError, LeftError
from colorful.web.security import ForeignHostError, ForeignOriginError
from colorful.web.store import GoneError
from colorful.web.texts import words
from colorful.web.uploads import NoPhotoError

logger = logging.getLogger(__name__)

JSON_TYPE = "application/problem+json"

# The first class that fits decides. The code picks the words of the page, in the visitor's language.
_KNOWN: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int, str], ...] = (
    ((BusyError, LeftError), 503, "busy"),
    (GoneError, 404, "gone"),
    (ForeignHostError, 400, "host"),
    (ForeignOriginError, 403, "origin"),
    (ImageTooLargeError, 413, "too-large"),
    (NoPhotoError, 422, "no-photo"),
    (ImageError, 422, "bad-photo"),
    (MissingExtraError, 422, "no-decoder"),  # a HEIC file where pillow-heif is not installed
    ((HintError, OptionError, RangeError, KindError), 400, "bad-request"),
)
# A message may quote what the client sent, which may be long.
_LONGEST = 400
_HTTP_CODES = {404: "not-found", 413: "too-large", 503: "busy"}
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that went wrong.

    Args:
        status: The HTTP status.
        code: A short stable name of the kind of problem.
        detail: What exactly, in English.
        retry_after: Seconds after which another try makes sense.
        allow: The methods that are taken, where the method was the problem.
    """

    status: int
    code: str
    detail: str
    retry_after: int | None = None
    allow: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The phrase that belongs to the status."""
        return HTTPStatus(self.status).phrase

    def to_json(self) -> dict[str, Any]:
        """Give the members of RFC 9457, and the code."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }

    @classmethod
    def of(cls, error: Exception) -> Problem:
        """Say what *error* means for the client. An unexpected error is logged, and told without details."""
        for kind, status, code in _KNOWN:
            if isinstance(error, kind):
                detail = str(error)[:_LONGEST].encode("utf-8", "replace").decode()  # half a character in JSON
                return cls(status, code, detail, getattr(error, "retry_after", None))
        if isinstance(error, HTTPException) and error.code is not None and error.code >= 400:
            code = _HTTP_CODES.get(error.code, "bad-request" if error.code < 500 else "internal")
            allow = tuple(getattr(error, "valid_methods", None) or ())
            return cls(error.code, code, error.description or "", allow=allow)
        if lacks_room(error):
            logger.error("no space on a disk: %s", error)
            return cls(507, "no-room", "disk: expected room for the photo, got none")
        logger.error("unexpected %s", type(error).__name__, exc_info=error)
        return cls(500, "internal", "the server failed; its log says more")


def lacks_room(error: BaseException | None) -> bool:
    """Tell whether a full disk, or one whose quota is used up, is what an error comes from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__
    return False


def wants_page(asked: Request, *, default: bool) -> bool:
    """Tell whether the client would rather read a page than JSON.

    Args:
        asked: The request.
        default: What holds for a client that takes both alike, or says nothing.
    """
    accept = asked.accept_mimetypes
    page, data = accept["text/html"], max(accept["application/json"], accept[JSON_TYPE])
    return default if page == data else page > data


def respond(problem: Problem, limits: Limits, *, page: bool) -> Response:
    """Answer a request with what went wrong."""
    if page:
        text = render_template("colorful/error.html", problem=problem, limits=limits, **words(request))
        response = Response(text, problem.status, mimetype="text/html")
    else:
        response = Response(json.dumps(problem.to_json()), problem.status, content_type=JSON_TYPE)
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    if problem.allow:
        response.headers["Allow"] = ", ".join(problem.allow)
    response.vary.add("Accept")
    return response


def handler(limits: Limits) -> Callable[[Exception], Response]:
    """Make an error handler that answers as Accept asks, else with a page where a page was asked for."""

    def handle(error: Exception) -> Response:
        page = request.endpoint is not None and ".api_" not in request.endpoint
        return respond(Problem.of(error), limits, page=wants_page(request, default=page))

    return handle
