"""Compress pages, scripts, styles and JSON: they shrink to a quarter."""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Request, Response

_TEXTS = ("text/html", "text/css", "text/javascript", "application/json", "image/svg+xml")
_LEAST = 700  # bytes; less fits into one packet anyway


def compress(request: Request, response: Response) -> Response:
    """Compress a response, if the client takes that and it pays.

    Nothing that is served here holds a secret beside what a client sent, so that sizes give nothing away.

    Args:
        request: What is answered.
        response: The answer, whole.
    """
    if response.mimetype not in _TEXTS or (response.is_streamed and not response.direct_passthrough):
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or request.method != "GET" or not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False  # static files are read here: they are small
    whole = response.response
    data = response.get_data()
    if (close := getattr(whole, "close", None)) is not None:
        close()
    if len(data) >= _LEAST:
        response.set_data(_compressed(data))
        response.headers["Content-Encoding"] = "gzip"
        etag, _ = response.get_etag()
        if etag is not None:
            response.set_etag(etag, weak=True)
    return response


@lru_cache(maxsize=64)
def _compressed(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)
