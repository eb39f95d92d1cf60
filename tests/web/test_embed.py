"""The page inside somebody else's application."""

from __future__ import annotations

import io
import runpy
from pathlib import Path

import pytest
from flask import Flask
from web_samples import chroma

from colorful import Colorizer
from colorful.errors import OptionError
from colorful.web import create_blueprint


@pytest.fixture
def host(painter: Colorizer) -> Flask:
    """An application of somebody else, with the page under /color."""
    app = Flask("host")
    app.register_blueprint(create_blueprint(colorizer=painter, name="photos"), url_prefix="/color")
    app.add_url_rule("/own", "own", lambda: "mine")
    return app


def test_the_page_works_inside_another_application(host: Flask, grey: bytes) -> None:
    """A blueprint under any name and prefix is the whole page."""
    client = host.test_client()
    page = client.get("/color/v1/index")
    assert 'action="/color/v1/index"' in page.text
    shown = client.post("/color/v1/index", data={"photo": (io.BytesIO(grey), "a.png")})
    assert "/color/v1/results/" in shown.text
    reply = client.post("/color/v1/colorize", data={"photo": (io.BytesIO(grey), "a.png")})
    assert chroma(reply.data) > 5
    assert client.post("/color/v1/index").status_code == 422
    assert "/color/v1/index" in client.post("/color/v1/index").text


def test_the_application_around_it_stays_as_it_was(host: Flask) -> None:
    """Headers, errors and limits of the page hold for the page only."""
    client = host.test_client()
    own = client.get("/own")
    assert own.text == "mine"
    assert "Content-Security-Policy" not in own.headers
    missing = client.get("/missing", headers={"Accept": "application/json"})
    assert missing.mimetype == "text/html"
    assert "Content-Security-Policy" not in missing.headers
    assert client.post("/own", data=b"x").status_code == 405


def test_error_pages_around_it_are_not_those_of_the_page(host: Flask, grey: bytes) -> None:
    """Programs get problems as JSON, whatever the application answers with for a status."""
    for status in (400, 404, 406, 413, 415):
        host.register_error_handler(status, lambda error: ("<h1>Oh no</h1>", error.code))
    client = host.test_client()
    photo = {"photo": (io.BytesIO(grey), "a.png")}
    preview = client.post("/color/v1/photos", data=photo).json["preview"]
    replies = [
        client.post(
            "/color/v1/colorize", data={"photo": (io.BytesIO(grey), "a.png")}, headers={"Accept": "a/b"}
        ),
        client.post(preview, data="{}"),
        client.post(preview, data=b" " * (2 << 20), content_type="application/json"),
        client.get("/color/v1/static/none.js", headers={"Accept": "application/json"}),
    ]
    assert [reply.status_code for reply in replies] == [406, 415, 413, 404]
    assert {reply.mimetype for reply in replies} == {"application/problem+json"}
    assert client.get("/missing").text == "<h1>Oh no</h1>"


def test_hosts_are_the_business_of_the_application_around_it(host: Flask, painter: Colorizer) -> None:
    """Embedded, the page answers for whatever the application answers for, unless told otherwise."""
    assert host.test_client().get("/color/healthz", headers={"Host": "example.org"}).status_code == 200
    strict = Flask("strict")
    strict.register_blueprint(create_blueprint(colorizer=painter, trusted_hosts=["example.org"]))
    client = strict.test_client()
    assert client.get("/healthz", headers={"Host": "example.org"}).status_code == 200
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400


def test_two_pages_live_side_by_side(painter: Colorizer, plain: Colorizer) -> None:
    """An application may embed the page twice, each with models of its own."""
    app = Flask("twice")
    for name, colorizer in (("one", painter), ("two", plain)):
        blueprint = create_blueprint(colorizer=colorizer, name=name)
        app.register_blueprint(blueprint, url_prefix=f"/{name}")
    client = app.test_client()
    assert client.get("/one/v1/models").json["models"][0]["name"] == "painter"
    assert client.get("/two/v1/models").json["models"][0]["name"] == "plain"


def test_templates_can_be_overridden_and_do_not_clash(painter: Colorizer, tmp_path: Path) -> None:
    """The application's own home.html is not ours, and ours lies under colorful/."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "home.html").write_text("the host's own")
    app = Flask("host", template_folder=str(folder))
    app.register_blueprint(create_blueprint(colorizer=painter))
    assert "the host's own" not in app.test_client().get("/v1/index").text


def test_the_example_runs(grey: bytes) -> None:
    """The application in examples/ has the page, and a route of its own with the same model."""
    example = Path(__file__).parents[2] / "examples" / "flask_app.py"
    client = runpy.run_path(str(example))["app"].test_client()
    assert "Color a photo" in client.get("/").text
    assert client.get("/photos/", follow_redirects=True).status_code == 200
    reply = client.post("/thumbnail", data={"photo": (io.BytesIO(grey), "a.png")})
    assert reply.mimetype == "image/jpeg"
    assert chroma(reply.data) > 2
    assert client.post("/thumbnail", data={"photo": (io.BytesIO(b"no"), "a.png")}).status_code == 400
    assert client.post("/thumbnail", data={"x": "y"}).status_code == 400


def test_no_model_is_an_error() -> None:
    """A page without any model cannot be made."""
    with pytest.raises(OptionError, match="expected at least one model, got none"):
        create_blueprint(colorizer={})
