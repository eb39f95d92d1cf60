"""Who may ask, from where, and what a browser may do with the answer."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from colorful import Colorizer
from colorful.errors import OptionError
from colorful.web import create_app
from colorful.web.security import check_prefix


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:5000",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1:80",
        "127.8.8.8",
        "[::1]",
        "[::1]:5000",
    ],
)
def test_loopback_names_are_answered(client: FlaskClient, host: str) -> None:
    """Every way to name this computer to itself is fine."""
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:5000",
        "127.0.0.1.evil.example",
        "192.168.0.7",
        "0.0.0.0",
        "[::2]",
        "user@localhost",
        "localhost:port",
        "local host",
        "localhost/path",
        "127.1",
        "2130706433",
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/v1/index", "/nowhere", "/v1/static/style.css"])
def test_other_hosts_are_refused(client: FlaskClient, host: str, path: str) -> None:
    """A name that somebody else pointed at this computer gets nothing but a refusal."""
    reply = client.get(path, headers={"Host": host, "Accept": "application/json"})
    assert reply.status_code == 400
    assert "host: expected localhost or a trusted name" in reply.json["detail"]


def test_trusted_hosts_are_answered(painter: Colorizer) -> None:
    """Names that were trusted are answered, with a dot before them everything below too."""
    trusted = ["Studio.LAN", ".example.org", "2001:db8::5", "[2001:DB8::6]", "192.168.0.7", "lab."]
    client = create_app(colorizer=painter, trusted_hosts=trusted).test_client()
    for host, status in [
        ("studio.lan", 200),
        ("studio.lan:8080", 200),
        ("x.studio.lan", 400),
        ("example.org", 200),
        ("a.b.example.org", 200),
        ("badexample.org", 400),
        ("[2001:db8::5]:5000", 200),
        ("[2001:db8:0::6]", 200),
        ("[2001:db8::7]", 400),
        ("192.168.0.7:5000", 200),
        ("lab", 200),
    ]:
        assert client.get("/healthz", headers={"Host": host}).status_code == status, host
    one = create_app(colorizer=painter, trusted_hosts="studio.lan").test_client()
    assert one.get("/healthz", headers={"Host": "studio.lan"}).status_code == 200
    assert one.get("/healthz", headers={"Host": "s"}).status_code == 400


@pytest.mark.parametrize(
    "host",
    ["studio.lan:5000", "http://studio.lan", "*.example.org", "*", "", ".", "a b", "münchen.de", "a..b"],
)
def test_a_trusted_host_that_nobody_can_ask_for_is_refused(painter: Colorizer, host: str) -> None:
    """Else everybody would be turned away, and nobody would know why."""
    with pytest.raises(OptionError, match="trusted_hosts: expected names such as"):
        create_app(colorizer=painter, trusted_hosts=[host])


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 422),
        ("http://localhost", 422),
        ("https://localhost", 422),
        ("http://localhost:80", 422),
        ("http://localhost:5000", 403),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
        ("", 403),
        ("localhost", 403),
        ("file://", 403),
        ("http://[", 403),
        ("http://[localhost]", 403),
    ],
)
def test_only_pages_of_this_site_and_scripts_may_change_things(
    client: FlaskClient, origin: str | None, status: int
) -> None:
    """A page of another site cannot use a visitor's browser to reach this server."""
    headers = {} if origin is None else {"Origin": origin}
    for path in ("/v1/colorize", "/v1/index", "/colorization", "/v1/photos"):
        reply = client.post(path, headers=headers, data={"photo": (io.BytesIO(b"no photo"), "a.png")})
        assert reply.status_code == status, path
    deleted = client.delete("/v1/photos/nothing", headers=headers)
    assert deleted.status_code == (404 if status == 422 else 403)
    assert client.get("/v1/index", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/v1/index", "/v1/models", "/nowhere", "/v1/colorize", "/v1/static/main.js", "/v1/results/x"],
)
def test_every_answer_is_hardened(client: FlaskClient, path: str) -> None:
    """Pages, data, files and errors alike tell the browser to allow next to nothing."""
    with client.get(path, headers={"Origin": "http://evil.example"}) as reply:
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
        assert not [name for name, _ in reply.headers if name.startswith("Access-Control")]
        assert reply.headers["Cache-Control"] in ("no-store", "no-cache")


@pytest.mark.parametrize(
    ("prefix", "cleaned"),
    [("", ""), ("/", ""), ("/a", "/a"), ("a/", "/a"), ("/a/b.c", "/a/b.c"), ("~me", "/~me")],
)
def test_a_prefix_is_a_plain_path(prefix: str, cleaned: str) -> None:
    """A prefix may be written with or without its slashes."""
    assert check_prefix(prefix) == cleaned


@pytest.mark.parametrize(
    "prefix", ["//a", "/a//b", "/../a", "/a/..", "/.", "a b", "/a?b", "/<a>", "/a%2f", "/a\n"]
)
def test_a_prefix_that_is_none_is_refused(prefix: str) -> None:
    """What would break links or climb out of the prefix is an error when the server starts."""
    with pytest.raises(OptionError, match="prefix: expected a path like /photos"):
        check_prefix(prefix)


@pytest.mark.parametrize(
    "path",
    [
        "/base/../v1/index",
        "/base/..%2fv1/index",
        "/base/%2e%2e/v1/index",
        "/base//v1/index/..",
        "/base/v1/static/../app.py",
        "/base/v1/static/..%2fapp.py",
        "/base/v1/static/%2e%2e/texts/en.json",
        "/base/v1/static//etc/passwd",
        "/base/v1/results/..%2f..%2fetc%2fpasswd",
    ],
)
def test_nobody_climbs_out_of_the_prefix(painter: Colorizer, path: str) -> None:
    """No path, however it is spelled, reaches what was not offered."""
    client = create_app(colorizer=painter, prefix="/base").test_client()
    assert client.get(path).status_code in (308, 404)
