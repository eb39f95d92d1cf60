"""The description of the interface, held against what the server does."""

from __future__ import annotations

import io
import re
from collections import Counter

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from colorful import Colorizer
from colorful.web import Limits, create_app
from colorful.web.app import studio_of

MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"]
FORMATS = {
    "PNG": MODES[:6],
    "JPEG": ["L", "RGB", "CMYK"],
    "WEBP": ["RGB", "RGBA"],
    "TIFF": MODES,
    "BMP": ["L", "RGB"],
}


@st.composite
def photos(draw: st.DrawFn) -> bytes:
    """Draw real pictures of every kind, whole or damaged, and now and then no picture at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    format = draw(st.sampled_from(sorted(FORMATS)))
    mode = draw(st.sampled_from(FORMATS[format]))
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    image = Image.linear_gradient("L").resize(size)
    buffer = io.BytesIO()
    (image.point(lambda v: v * 256, "I").convert("I;16") if mode == "I;16" else image.convert(mode)).save(
        buffer, format
    )
    data = bytearray(buffer.getvalue())
    if draw(st.integers(0, 4)) == 0:
        for place in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=4)):
            data[place] = draw(st.integers(0, 255))
        data = data[: draw(st.integers(1, len(data)))]
    return bytes(data)


schemathesis.openapi.format("binary", photos())


def described(painter: Colorizer, plain: Colorizer) -> Flask:
    """Make an application whose limits the cases can reach."""
    limits = Limits(request_bytes=1 << 20, pixels=1200, photos=3)
    return create_app(colorizer={"painter": painter, "plain": plain}, limits=limits)


def test_every_route_is_described_and_nothing_else(app: Flask) -> None:
    """The description names just the paths and methods that the server has."""
    paths = app.test_client().get("/v1/openapi.json").json["paths"]
    told = {
        (path, method.upper()) for path, item in paths.items() for method in item if method != "parameters"
    }
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith("/v1/static/")
    }
    assert told == served


def test_the_description_is_valid(app: Flask) -> None:
    """The document is OpenAPI 3.1 as its own schema has it."""
    schemathesis.openapi.from_wsgi("/v1/openapi.json", app).validate()


def test_the_server_does_as_described(painter: Colorizer, plain: Colorizer) -> None:
    """Whatever is sent to any route, the answer is one that the description names, and never a failure."""
    replies = exercise(painter, plain, examples=5)
    assert sum(replies.values()) >= 60
    # Cases that never get past the door would show nothing.
    assert sum(count for (path, status), count in replies.items() if "photo" in path and status < 300) >= 5


@pytest.mark.fuzz
def test_the_server_does_as_described_at_depth(painter: Colorizer, plain: Colorizer) -> None:
    """The same with more than a thousand cases."""
    replies = exercise(painter, plain, examples=100)
    for (path, status), count in sorted(replies.items()):
        print(f"{count:5} {status} {path}")
    assert sum(replies.values()) >= 1000


def exercise(painter: Colorizer, plain: Colorizer, *, examples: int) -> Counter[tuple[str, int]]:
    """Send so many cases to each route, and count the replies by route and status."""
    app = described(painter, plain)
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", app)
    client = app.test_client()
    known: dict[str, str] = {}
    replies: Counter[tuple[str, int]] = Counter()

    def refresh() -> None:
        buffer = io.BytesIO()
        Image.linear_gradient("L").resize((30, 20)).save(buffer, "PNG")
        sent = {"photo": (io.BytesIO(buffer.getvalue()), "a.png")}
        known["photo"] = client.post("/v1/photos", data=sent).json["id"]
        known["result"] = client.post(f"/v1/photos/{known['photo']}/results", json={}).json["id"]
        wanted = {"photos": [{"id": known["photo"]}]}
        known["archive"] = client.post("/v1/archives", json=wanted).json["id"]

    refresh()
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy(), guess=st.integers(0, 4))
        @settings(
            max_examples=examples,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        def send(case: schemathesis.Case, guess: int) -> None:
            path = case.path
            if guess and "{id}" in path:
                kind = next((name for name in ("result", "archive") if f"{name}s/{{id}}" in path), "photo")
                case.path_parameters["id"] = known[kind]
            if guess and path == "/v1/archives" and isinstance(case.body, dict):
                for photo in case.body.get("photos") or []:
                    photo["id"] = known["photo"]
            response = case.call()
            replies[path, response.status_code] += 1
            case.validate_response(
                response,
                checks=[
                    content_type_conformance,
                    response_schema_conformance,
                    status_code_conformance,
                    response_headers_conformance,
                ],
            )
            assert response.status_code < 500 or response.status_code == 503
            if case.method == "DELETE":
                refresh()

        send()
    studio_of(app).close()
    return replies
