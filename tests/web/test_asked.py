"""Whatever a request holds, the answer is in words, and never that the server failed."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

# As JSON is written, so that there are numbers that Python's own writer does not give.
VALUES = {
    "401 digits": "9" * 401,
    "a float beyond all": "1e999",
    "minus that": "-1e999",
    "5000 digits": "9" * 5000,
    "NaN": "NaN",
    "minus zero": "-0.0",
    "a tiny number": "5e-324",
    "half a character": '"\\ud800"',
    "a zero byte": '"a\\u0000b"',
    "a long text": json.dumps("x" * 100_000),
    "nothing": "null",
    "true": "true",
    "an object": '{"x": {"y": []}}',
    "a list": "[[[]], null, 1e999, " + "9" * 401 + "]",
    "depth": "[" * 900 + "]" * 900,
    "points": '[{"points": [[1e999, ' + "9" * 401 + ']], "radius": 1e-320}]',
    "hints": '[{"x": 1e999, "y": 1, "color": "rgb(900%,1,1)", "radius": ' + "9" * 401 + "}]",
    "colors": '["hsl(' + "9" * 60 + ',900%,900%)", "\\ud800", 5, "' + "#" * 200 + '"]',
    "a place": "[0, 0, 1, " + "9" * 401 + "]",
}
KEYS = ["model", "hints", "keep", "like", "temperature", "saturation", "strength"]
ROUTES = {
    "preview": [*KEYS, "side", "region"],
    "suggestions": [*KEYS, "x", "y", "count"],
    "variants": [*KEYS, "count"],
    "places": [*KEYS, "count"],
    "results": [*KEYS, "format", "layout"],
}


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Whatever is logged as an error of ours fails a test."""
    with caplog.at_level(logging.ERROR):
        yield caplog
    assert not [record.message for record in caplog.records if "unexpected" in record.message]


@pytest.mark.usefixtures("errors")
@pytest.mark.parametrize("value", VALUES)
def test_json_of_any_kind_is_answered_in_words(client: FlaskClient, grey: bytes, value: str) -> None:
    """Each option with each odd value is either understood or refused, as JSON and as a page."""
    photo = client.post("/v1/photos", data={"photo": (io.BytesIO(grey), "a.png")}).json
    assert photo is not None
    for route, keys in ROUTES.items():
        for key in keys:
            others = {"suggestions": '"x": 1, "y": 1, '}.get(route, "") if key not in "xy" else ""
            body = f'{{{others}"{key}": {VALUES[value]}}}'
            for accept in ("application/json", "text/html"):
                reply = client.post(
                    photo[route], data=body, content_type="application/json", headers={"Accept": accept}
                )
                assert reply.status_code < 500, (route, key, reply.text)
    for body in (
        f'{{"photos": {VALUES[value]}}}',
        f'{{"photos": [{{"id": {VALUES[value]}}}]}}',
        f'{{"photos": [{{"id": "{photo["id"]}"}}], "name": {VALUES[value]}}}',
    ):
        reply = client.post("/v1/archives", data=body, content_type="application/json")
        assert reply.status_code < 500, (body[:80], reply.text)
        if reply.status_code == 201:
            assert reply.json is not None
            with client.get(reply.json["url"]) as archive:
                assert archive.status_code == 200


@pytest.mark.usefixtures("errors")
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("address", ["/v1/colorize", "/v1/index"])
def test_forms_of_any_kind_are_answered_in_words(
    client: FlaskClient, grey: bytes, value: str, address: str
) -> None:
    """Each field of a form with each odd value is either understood or refused."""
    text = VALUES[value].strip('"')
    for key in [*KEYS, "format", "layout", "nonsense"]:
        for accept in ("application/json", "text/html"):
            reply = client.post(
                address,
                data={"photo": (io.BytesIO(grey), f"{text[:300]}.png"), key: text},
                headers={"Accept": accept},
            )
            assert reply.status_code < 500, (key, reply.text)


@pytest.mark.usefixtures("errors")
@pytest.mark.parametrize(
    "value", ["9" * 401, "1e999", "-1", "nan", "½", "%00", "%ed%a0%80", "1,2,3," + "9" * 401]
)
def test_queries_of_any_kind_are_answered_in_words(client: FlaskClient, grey: bytes, value: str) -> None:
    """The size and the part of a preview are numbers, or the answer says so."""
    photo = client.post("/v1/photos", data={"photo": (io.BytesIO(grey), "a.png")}).json
    assert photo is not None
    for key in ("side", "region", "nonsense"):
        for accept in ("image/png", "text/html", "*/*;q=" + value):
            reply = client.get(
                f"{photo['before']}?{key}={value}",
                headers={"Accept": accept.encode("ascii", "replace").decode()},
            )
            assert reply.status_code < 500, (key, reply.text)
