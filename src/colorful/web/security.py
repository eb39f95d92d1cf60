"""Check which host and which site a request is meant for, and tell browsers what a page may do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from flask import Request, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from colorful.errors import ColorfulError, OptionError
from colorful.web.style import first_style_hash

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:(?P<port>[0-9]{1,5}))?", re.ASCII)
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", re.ASCII)
_TRUSTED = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' {style}; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ForeignHostError(ColorfulError, ValueError):
    """The Host header names a host that this server does not answer for."""


class ForeignOriginError(ColorfulError, PermissionError):
    """A page of another site tried to change something here."""


def check_host(request: Request, trusted: Collection[str]) -> None:
    """Refuse a request that was meant for another host.

    A page elsewhere can point a name of its own at 127.0.0.1 (DNS rebinding) and then read what a local
    server says; it cannot change the Host header that the browser sends.

    Args:
        request: The request.
        trusted: Names that are answered beside the loopback ones, as :func:`check_hosts` gives them; one that
            starts with a dot stands for itself and everything below it.

    Raises:
        ForeignHostError: If the host is none of them.
    """
    host = request.headers.get("Host", "").lower()
    match = _HOST.fullmatch(host)
    if match is None or not _is_trusted(_comparable(match["name"]), trusted):
        raise ForeignHostError(f"host: expected localhost or a trusted name, got {host[:80]!r}")


def check_hosts(trusted: Collection[str]) -> tuple[str, ...]:
    """Return names of hosts as they are compared with that of a request.

    Raises:
        OptionError: If one can be no name or address of a host.
    """
    names = tuple(map(_comparable, [trusted] if isinstance(trusted, str) else trusted))
    for name in names:
        if not _TRUSTED.fullmatch(name) and _address(name) is None:
            raise OptionError(f"trusted_hosts: expected names such as photos.example.org, got {name[:80]!r}")
    return names


def _comparable(host: str) -> str:
    name = host.lower().strip("[]").removesuffix(".")
    return str(_address(name) or name)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_trusted(name: str, trusted: Collection[str]) -> bool:
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    for known in trusted:
        if name == known.removeprefix(".") or (known.startswith(".") and name.endswith(known)):
            return True
    return False


def check_origin(request: Request) -> None:
    """Refuse a request that changes something and comes from a page of another site.

    Scripts send no Origin and may pass; browsers always send it with a POST. Only host and port are
    compared: a proxy in front may speak https while this server speaks http.

    Raises:
        ForeignOriginError: If the origin is another one.
    """
    origin = request.headers.get("Origin")
    if request.method in _SAFE_METHODS or origin is None:
        return
    if _plain(origin.partition("://")[2]) != _plain(request.host):
        raise ForeignOriginError(f"origin: expected this site, got {origin[:80]!r}")


def _plain(netloc: str) -> str:
    return re.sub(r":(80|443)$", "", netloc.lower())


def check_prefix(prefix: str) -> str:
    """Return a URL prefix as it is used here: empty, or with a leading and without a trailing slash.

    Raises:
        OptionError: If it is not made of plain path segments.
    """
    cleaned = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
    if _PREFIX.fullmatch(cleaned) is None or prefix.startswith("//"):
        raise OptionError(f"prefix: expected a path like /photos, got {prefix[:80]!r}")
    return cleaned


def behind_proxy(app: WSGIApplication) -> WSGIApplication:
    """Make an application believe what one proxy in front of it says of the client and of itself.

    These are ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Prefix``. A prefix that is no plain path is
    left out: a client may have smuggled it through, and with one such as ``//elsewhere.example`` every link
    of a page would lead away.

    Args:
        app: A WSGI application, such as ``app.wsgi_app`` of Flask. Never use this where clients can reach it
            without the proxy.

    Returns:
        What is to be put in its place.
    """
    fixed = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_prefix=1)

    def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        prefix = environ.pop("HTTP_X_FORWARDED_PREFIX", "").rpartition(",")[2].strip().rstrip("/")
        if _PREFIX.fullmatch(prefix):
            environ["HTTP_X_FORWARDED_PREFIX"] = prefix
        return fixed(environ, start_response)

    return plain


def harden(response: Response) -> Response:
    """Add the headers that tell a browser how little this site needs."""
    headers = response.headers
    headers["Content-Security-Policy"] = _CONTENT_POLICY.format(style=first_style_hash())
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    # Under `no-referrer` a browser sends `Origin: null` with a plain form, which could not be told from a
    # foreign one. `same-origin` sends nothing to anybody else either, and only pages hold forms.
    page = response.mimetype == "text/html"
    headers["Referrer-Policy"] = "same-origin" if page else "no-referrer"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "geolocation=(), microphone=()"
    headers.setdefault("Cache-Control", "no-store")
    return response
