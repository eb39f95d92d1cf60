"""Tell visitors apart: by their network address, and by a random name in a cookie."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable
from dataclasses import replace

from flask import Request, Response, url_for

from colorful.web.queue import Asker
from colorful.web.store import Owner

COOKIE = "colorful_visitor"
_NAME = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def owner_of(request: Request) -> Owner:
    """Name the visitor who sends a request."""
    address = request.remote_addr or ""
    try:
        parsed = ipaddress.ip_address(address)
        if parsed.version == 6:  # whoever has one of those has a whole network of 2**64
            address = str(ipaddress.ip_network((parsed, 64), strict=False))
    except ValueError:
        pass
    name = request.cookies.get(COOKIE, "")
    return Owner(address, name if _NAME.fullmatch(name) else "")


def asker_of(request: Request) -> Asker:
    """Give the queue what it needs to know of the one who sends a request."""
    # waitress tells whether the connection is still open; other servers may not.
    has_left: Callable[[], bool] | None = request.environ.get("waitress.client_disconnected")
    owner = owner_of(request)
    asker = Asker(address=owner.address, visitor=" ".join(owner))
    return asker if has_left is None else replace(asker, has_left=has_left)


def greet(request: Request, response: Response) -> Response:
    """Give a visitor who has none a name."""
    if not owner_of(request).visitor:
        set_cookie(request, response, COOKIE, secrets.token_urlsafe(16))
    return response


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, seconds: int | None = None
) -> None:
    """Have a browser remember something for this site only; until it is closed if no time is given."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=url_for(".root"),
        samesite="Lax",
        httponly=True,
        secure=request.is_secure,
    )
