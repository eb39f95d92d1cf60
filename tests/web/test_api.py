"""The interface for programs."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from skimage import data
from web_samples import chroma, png
from werkzeug.test import TestResponse

from colorful import Colorizer, Hint, images
from colorful.web import Limits, create_app
from colorful.web.app import studio_of
from colorful.web.uploads import Upload, clean_stem

RED = {"x": 40, "y": 60, "color": "#d01818", "radius": 8}


def colorize(client: FlaskClient, *photos: bytes, accept: str = "image/png", **fields: str) -> TestResponse:
    """Send photos as a program would."""
    sent = [(io.BytesIO(photo), f"photo{number}.png") for number, photo in enumerate(photos)]
    return client.post("/v1/colorize", data={"photo": sent, **fields}, headers={"Accept": accept})


def add(client: FlaskClient, photo: bytes, name: str = "photo.png") -> dict[str, Any]:
    """Leave a photo with the server."""
    reply = client.post("/v1/photos", data={"photo": (io.BytesIO(photo), name)})
    assert reply.status_code == 201
    return dict(reply.json)


def pixels(image: bytes) -> np.ndarray:
    """Decode a picture."""
    return np.asarray(Image.open(io.BytesIO(image)))


def test_the_result_is_that_of_the_library(client: FlaskClient, painter: Colorizer, grey: bytes) -> None:
    """What comes back is, pixel for pixel, what Colorizer.colorize makes of the same bytes."""
    reply = colorize(client, grey, hints=json.dumps([RED]), temperature="0.2", saturation="1.3")
    assert reply.mimetype == "image/png"
    hint = Hint(40, 60, "#d01818", 8)
    wanted = painter.colorize(grey, hints=[hint], temperature=0.2, saturation=1.3)
    np.testing.assert_array_equal(pixels(reply.data), np.asarray(wanted))


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("image/png", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/webp", "image/webp"),
        ("image/webp;q=0.5, image/jpeg", "image/jpeg"),
        ("image/*", "image/png"),
        ("*/*", "image/png"),
        ("", "image/png"),
        ("application/json", "application/json"),
    ],
)
def test_accept_chooses_what_comes_back(client: FlaskClient, grey: bytes, accept: str, type_: str) -> None:
    """An image of the format asked for, or JSON; PNG for whoever does not care."""
    reply = colorize(client, grey, accept=accept)
    assert reply.status_code == 200
    assert reply.mimetype == type_
    if type_.startswith("image/"):
        assert Image.open(io.BytesIO(reply.data)).get_format_mimetype() == type_
        assert chroma(reply.data) > 5


def test_what_cannot_be_made_is_not_acceptable(client: FlaskClient, grey: bytes) -> None:
    """A format that is not offered is refused with the list of those that are."""
    reply = colorize(client, grey, accept="image/gif")
    assert reply.status_code == 406
    assert "image/png" in reply.json["detail"]


def test_several_photos_give_addresses(client: FlaskClient, grey: bytes) -> None:
    """With JSON several photos are colored at once, each under an address of its own."""
    reply = colorize(client, grey, grey, accept="application/json", format="webp")
    results = reply.json["results"]
    assert [result["filename"] for result in results] == ["colorized_photo0.webp", "colorized_photo1.webp"]
    assert len({result["url"] for result in results}) == 2
    for result in results:
        fetched = client.get(result["url"])
        assert fetched.mimetype == result["type"] == "image/webp"
        assert len(fetched.data) == result["bytes"]
        assert (result["width"], result["height"]) == (160, 120)


def test_an_image_is_the_answer_to_one_photo_only(client: FlaskClient, grey: bytes) -> None:
    """Two photos cannot come back as one image."""
    reply = colorize(client, grey, grey)
    assert reply.status_code == 400
    assert "application/json takes several" in reply.json["detail"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "nobody"}, "model: expected one of painter, plain, got 'nobody'"),
        ({"model": "plain", "temperature": "0.3"}, "temperature"),
        ({"model": "plain", "hints": json.dumps([RED])}, "hints"),
        ({"temperature": "2"}, "temperature: expected a number in [0, 1], got 2.0"),
        ({"temperature": "warm"}, "temperature: expected a number, got 'warm'"),
        ({"saturation": "-1"}, "saturation"),
        ({"saturation": "nan"}, "saturation"),
        ({"saturation": "inf"}, "saturation"),
        ({"hints": "[[["}, "hints: expected a JSON array"),
        ({"hints": "{}"}, "hints: expected a JSON array"),
        ({"hints": "[" * 100_000}, "hints: expected a JSON array"),
        ({"hints": json.dumps([{**RED, "x": 1000}])}, "a point inside the photo of 160 x 120"),
        ({"hints": json.dumps([{**RED, "color": "url(x)"}])}, "color: expected a color"),
        ({"hints": json.dumps([RED] * 1001)}, "hints: expected at most 1000, got 1001"),
        ({"format": "exe"}, "format: expected one of png, jpeg, webp, got 'exe'"),
    ],
)
def test_nonsense_is_a_400_in_words(
    client: FlaskClient, grey: bytes, fields: dict[str, str], words: str
) -> None:
    """An option that makes no sense is named, with what was expected."""
    reply = colorize(client, grey, accept="application/json", **fields)
    assert reply.status_code == 400
    assert reply.mimetype == "application/problem+json"
    assert words in reply.json["detail"]
    assert reply.json["status"] == 400
    assert reply.json["title"] == "Bad Request"


def test_problems_are_pages_for_those_who_read_pages(client: FlaskClient) -> None:
    """The Accept header decides whether a problem is JSON or a page."""
    for accept, type_ in [
        ("text/html,*/*;q=0.8", "text/html"),
        ("application/json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("*/*", "application/problem+json"),
    ]:
        reply = client.get("/v1/results/nothing", headers={"Accept": accept})
        assert reply.status_code == 404
        assert reply.mimetype == type_
        assert "Accept" in reply.headers["Vary"]


def test_a_preview_follows_the_edit(client: FlaskClient, grey: bytes) -> None:
    """A photo left with the server is shown as it came and in color, sized to the display."""
    info = add(client, grey)
    assert (info["width"], info["height"], info["format"], info["name"]) == (160, 120, "png", "photo")
    before = client.get(info["before"] + "?side=80")
    after = client.post(info["preview"], json={"side": 80})
    for reply in (before, after):
        assert reply.mimetype == "image/jpeg"
        assert pixels(reply.data).shape[:2] == (60, 80)
    assert chroma(before.data) < 0.5
    assert chroma(after.data) > 5
    grey_again = client.post(info["preview"], json={"side": 80, "saturation": 0})
    assert chroma(grey_again.data) < 0.5
    red = pixels(client.post(info["preview"], json={"hints": [RED]}).data).astype(int)
    assert red[60, 40, 0] - red[60, 40, 1] > 40
    assert red[60, 150, 0] - red[60, 150, 1] < 40


def test_the_sliders_do_not_run_the_network_again(
    client: FlaskClient, app: Flask, grey: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new temperature or saturation is decoded from what the network said before."""
    colorizer, runs = studio_of(app).colorizers["painter"], []
    predict = type(colorizer).predict
    monkeypatch.setattr(colorizer, "predict", lambda *a, **k: runs.append(1) or predict(colorizer, *a, **k))
    info = add(client, grey)
    pictures = {
        client.post(info["preview"], json={"temperature": t, "saturation": s}).data
        for t, s in [(0.1, 1), (0.9, 1), (0.9, 0.5)]
    }
    client.post(info["suggestions"], json={"x": 10, "y": 10})
    assert len(pictures) == 3
    assert len(runs) == 1
    client.post(info["preview"], json={"hints": [RED]})
    assert len(runs) == 2


def test_predictions_are_kept_for_few_photos(client: FlaskClient, app: Flask, grey: bytes) -> None:
    """What the network said is let go of, so that many photos can be kept; asked again, it runs again."""
    store = studio_of(app).store
    infos = [add(client, grey) for _ in range(12)]
    first = client.post(infos[0]["preview"], json={"side": 80}).data
    for info in infos:
        client.post(info["preview"], json={"side": 80})
    kept = [store.get(info["id"], Upload).predictions for info in infos]
    assert [len(predictions) for predictions in kept] == [0] * 4 + [1] * 8
    assert client.post(infos[0]["preview"], json={"side": 80}).data == first
    assert store.bytes < 12 * (len(grey) + 160 * 120 + 1)


def test_a_format_too_small_for_the_photo_is_named(client: FlaskClient) -> None:
    """WebP has an end at 16,383 pixels: a wider photo is refused as WebP, in words, and comes as PNG."""
    wide = png(np.full((1, 16_400), 90, np.uint8))
    refused = colorize(client, wide, accept="image/webp")
    assert refused.status_code == 400
    assert "format: expected one that can hold this photo, got webp" in refused.json["detail"]
    assert colorize(client, wide).status_code == 200


def test_suggestions_are_colors_with_probabilities(client: FlaskClient, grey: bytes) -> None:
    """At a point the likeliest colors are named, the likeliest first."""
    info = add(client, grey)
    body = client.post(info["suggestions"], json={"x": 159.9, "y": 119.9, "count": 4}).json
    likely = body["suggestions"]
    assert 1 <= len(likely) <= 4
    chances = [one["probability"] for one in likely]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= 1.001
    assert all(len(one["color"]) == 7 for one in likely)
    for wrong in (
        {"x": 160, "y": 0},
        {"x": -1, "y": 0},
        {"x": 0},
        {"x": "1", "y": 1},
        {"x": 1, "y": 1, "count": 0},
    ):
        assert client.post(info["suggestions"], json=wrong).status_code == 400
    assert client.post(info["suggestions"], json={"x": 1, "y": 1, "model": "plain"}).status_code == 400


def test_the_result_of_an_edit_is_that_of_the_library(
    client: FlaskClient, painter: Colorizer, grey: bytes
) -> None:
    """A photo edited on the page is downloaded as Colorizer.colorize makes it with the same options."""
    info = add(client, grey, "Grüße.png")
    reply = client.post(info["results"], json={"hints": [RED], "temperature": 0.5, "saturation": 0.8})
    assert reply.status_code == 201
    assert reply.json["filename"] == "colorized_Grüße.png"
    fetched = client.get(reply.json["url"])
    assert "filename*=UTF-8''colorized_Gr%C3%BC%C3%9Fe.png" in fetched.headers["Content-Disposition"]
    hint = Hint(40, 60, "#d01818", 8)
    wanted = painter.colorize(grey, hints=[hint], temperature=0.5, saturation=0.8)
    np.testing.assert_array_equal(pixels(fetched.data), np.asarray(wanted))


@pytest.mark.parametrize(
    ("sent", "came"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("WEBP", "image/webp"),
        ("TIFF", "image/png"),
        ("GIF", "image/png"),
    ],
)
def test_a_result_has_the_format_that_came(client: FlaskClient, sent: str, came: str) -> None:
    """Formats that browsers show come back as they are, others as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(data.camera()).resize((64, 48)).save(buffer, sent)
    info = add(client, buffer.getvalue())
    assert client.post(info["results"], json={}).json["type"] == came


def test_sixteen_bits_and_alpha_come_back(client: FlaskClient) -> None:
    """A 16-bit scan stays 16-bit as PNG, alpha is kept bit for bit, and previews show both."""
    ramp = np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)
    deep = images.encode(images.read(ramp), "png")
    reply = colorize(client, deep)
    assert images.read(reply.data).pixels.dtype == np.uint16
    alpha = np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)
    both = png(np.dstack((np.full((48, 64, 3), 120, np.uint8), alpha)))
    np.testing.assert_array_equal(pixels(colorize(client, both).data)[..., 3], alpha)
    for photo, type_ in ((deep, "image/jpeg"), (both, "image/webp")):
        info = add(client, photo)
        assert client.get(info["before"]).mimetype == type_
        assert client.post(info["preview"], json={}).mimetype == type_


def test_as_it_came_a_photo_is_shown_at_full_size(client: FlaskClient, app: Flask) -> None:
    """Previews are small, but a photo as it came is shown as large as the display has room for."""
    studio_of(app).limits = replace(studio_of(app).limits, pixels=2_000_000)
    photo = Image.linear_gradient("L").resize((1600, 1200), Image.Resampling.BILINEAR)
    info = add(client, png(photo))
    assert pixels(client.get(info["before"] + "?side=1600").data).shape == (1200, 1600)
    assert pixels(client.get(info["before"] + "?side=1400").data).shape == (1050, 1400)
    small = pixels(client.get(info["before"] + "?side=400").data)
    wanted = np.asarray(photo.resize((400, 300), Image.Resampling.BOX), float)
    assert np.abs(small - wanted).mean() < 2
    assert pixels(client.post(info["preview"], json={"side": 1600}).data).shape[1] < 1600


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (7, 5)])
def test_any_size_comes_back(client: FlaskClient, size: tuple[int, int]) -> None:
    """The smallest and the thinnest photos are previewed and colored like any other."""
    info = add(client, png(np.full(size, 90, np.uint8)))
    assert client.get(info["before"] + "?side=64").status_code == 200
    assert client.post(info["preview"], json={"side": 64}).status_code == 200
    x, y = size[1] - 0.5, size[0] - 0.5
    assert client.post(info["suggestions"], json={"x": x, "y": y}).status_code == 200
    hint = {"x": x, "y": y, "color": "#00ff00", "radius": 0}
    assert client.post(info["preview"], json={"side": 64, "hints": [hint]}).status_code == 200
    result = client.post(info["results"], json={"hints": [hint]}).json
    assert (result["height"], result["width"]) == size


def test_a_turned_photo_takes_hints_where_it_is_seen(client: FlaskClient) -> None:
    """Hints are in pixels of the upright photo, after the turn that EXIF asks for."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("L", (160, 100), 128).save(buffer, "JPEG", exif=exif)
    info = add(client, buffer.getvalue())
    assert (info["width"], info["height"]) == (100, 160)
    hint = {"x": 50, "y": 150, "color": "#d01818", "radius": 4}
    red = pixels(client.post(info["preview"], json={"hints": [hint]}).data).astype(int)
    assert red[150, 50, 0] - red[150, 50, 1] > 40


def test_models_say_what_they_can_do(client: FlaskClient) -> None:
    """The page shows hints and temperature only where the model has them."""
    models = {model["name"]: model for model in client.get("/v1/models").json["models"]}
    assert models["painter"]["default"] is True
    assert models["painter"]["takes_hints"] is True
    assert models["painter"]["temperature"] == 0.38
    assert models["plain"] == {
        "name": "plain",
        "architecture": "plain",
        "default": False,
        "takes_hints": False,
        "temperature": None,
        "saturation": 1.0,
        "strength": 1.0,
    }


def test_the_other_model_can_be_asked(client: FlaskClient, plain: Colorizer, grey: bytes) -> None:
    """A request may name any model that the server offers."""
    reply = colorize(client, grey, model="plain")
    np.testing.assert_array_equal(pixels(reply.data), np.asarray(plain.colorize(grey)))


def test_deleted_photos_are_gone(client: FlaskClient, grey: bytes) -> None:
    """Who removes a photo can be sure that the server has forgotten it, and what came of it."""
    info = add(client, grey)
    result = client.post(info["results"], json={}).json["url"]
    address = info["before"].removesuffix("/before")
    assert client.delete(address).status_code == 204
    assert client.get(info["before"]).status_code == 404
    assert client.get(result).status_code == 404
    assert client.delete(address).status_code == 404
    assert client.post(info["preview"], json={}).json["code"] == "gone"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"model": "\xff"}', 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"null", 400),
        (b'{"x": 1}', 400),
        (b'{"side": 1}', 400),
        (b'{"side": true}', 400),
        (b'{"side": 1e99}', 400),
        (b'{"temperature": NaN}', 400),
        (b'{"hints": 7}', 400),
        (b'{"hints": [{"x": 1e999, "y": 0, "color": "red"}]}', 400),
        (b'{"model": ["painter"]}', 400),
        (b"[" * 100_000, 400),
        (b" " * (1 << 20) + b"{}", 413),
    ],
)
def test_a_body_that_is_no_edit_is_refused_in_words(
    client: FlaskClient, grey: bytes, sent: bytes, status: int
) -> None:
    """Whatever is sent as JSON gets an answer that says what was expected."""
    info = add(client, grey)
    reply = client.post(info["preview"], data=sent, content_type="application/json")
    assert reply.status_code == status
    if status == 400:
        assert re.search(": expected .+, got ", reply.json["detail"])
    assert len(reply.data) < 1000


def test_a_body_that_is_not_json_is_refused(client: FlaskClient, grey: bytes) -> None:
    """The routes that take JSON take nothing else."""
    assert client.post(add(client, grey)["preview"], data="side=100").status_code == 415


def test_what_stands_in_the_address_is_not_passed_over(client: FlaskClient, grey: bytes) -> None:
    """An option in the query of an address that takes none is refused, and so is one that comes twice."""
    info = add(client, grey)
    for route in ("/v1/colorize", "/v1/photos"):
        reply = client.post(f"{route}?format=webp", data={"photo": (io.BytesIO(grey), "a.png")})
        assert reply.json["detail"] == "query: expected nothing, got ['format']"
    reply = client.post(info["results"] + "?temperature=0.2", json={})
    assert reply.json["detail"] == "query: expected nothing, got ['temperature']"
    reply = client.get(info["before"] + "?side=64&side=128")
    assert reply.json["detail"] == "side: expected it once, got it 2 times"


def test_health(client: FlaskClient, app: Flask) -> None:
    """A watcher can see whether the server works, and that it is closing."""
    assert client.get("/healthz").json == {"status": "ok", "taken": 0, "places": 18}
    studio_of(app).close()
    reply = client.get("/healthz")
    assert reply.status_code == 503
    assert reply.json["status"] == "closing"


def test_a_closing_server_says_when_to_come_back(client: FlaskClient, app: Flask, grey: bytes) -> None:
    """A 503 always carries Retry-After."""
    studio_of(app).queue.close()
    reply = colorize(client, grey)
    assert reply.status_code == 503
    assert int(reply.headers["Retry-After"]) >= 1
    assert reply.json["code"] == "busy"


def test_limits_hold_before_decoding(client: FlaskClient) -> None:
    """Too many bytes, pixels, photos or fields are refused with the limit in the message."""
    body = b"x" * ((2 << 20) + 1)
    reply = client.post("/v1/colorize", data=body, content_type="multipart/form-data; boundary=x")
    assert reply.status_code == 413
    many_pixels = png(np.zeros((1001, 1000), np.uint8))
    reply = colorize(client, many_pixels)
    assert reply.status_code == 413
    assert "1000000" in reply.json["detail"].replace(",", "").replace(" ", "")
    reply = colorize(client, *[png(np.zeros((2, 2), np.uint8))] * 5, accept="application/json")
    assert reply.status_code == 400
    assert "at most 4 files, got 5" in reply.json["detail"]
    part = b'--x\r\nContent-Disposition: form-data; name="field%d"\r\n\r\nvalue\r\n'
    body = b"".join(part % number for number in range(10_000)) + b"--x--\r\n"
    reply = client.post("/v1/colorize", data=body, content_type="multipart/form-data; boundary=x")
    assert reply.status_code == 413


def test_kept_copies_are_what_was_sent_and_made(painter: Colorizer, grey: bytes, tmp_path: Path) -> None:
    """With a folder to keep, every upload and result lies there, under generated names."""
    client = create_app(colorizer=painter, keep=tmp_path / "kept").test_client()
    assert "keeps a copy" in client.get("/v1/index").text
    result = colorize(client, grey).data
    (upload,) = (tmp_path / "kept" / "uploads").iterdir()
    (colored,) = (tmp_path / "kept" / "colorized").iterdir()
    assert upload.read_bytes() == grey
    assert colored.read_bytes() == result
    assert "photo" not in upload.name
    assert colorize(client, b"no photo").status_code == 422
    assert len(list((tmp_path / "kept" / "uploads").iterdir())) == 1


def test_nothing_is_written_without_a_folder_to_keep(
    client: FlaskClient, grey: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos and results live in memory only."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    client.post(add(client, grey)["results"], json={})
    assert list(tmp_path.iterdir()) == []


def test_memory_kept_for_visitors_is_bounded(painter: Colorizer, grey: bytes) -> None:
    """New photos push out old ones; an old one's address then says that it is gone."""
    app = create_app(colorizer=painter, limits=Limits(kept_bytes=100_000 + len(grey)))
    client = app.test_client()
    client.get("/v1/index")
    infos = [add(client, grey) for _ in range(5)]
    assert studio_of(app).store.bytes <= 100_000 + len(grey)
    assert client.get(infos[-1]["before"]).status_code == 200
    reply = client.get(infos[0]["before"])
    assert (reply.status_code, reply.json["code"]) == (404, "gone")
    studio_of(app).close()


def test_a_file_name_is_never_a_path(client: FlaskClient, grey: bytes) -> None:
    """Whatever a client calls its file, the download's name is a harmless one."""
    for name, wanted in [
        ("../../etc/passwd", "colorized_passwd.png"),
        ("..\\..\\boot.ini.png", "colorized_boot.ini.png"),
        ("a\x00b.png", "colorized_ab.png"),
        ("...", "colorized_photo.png"),
        ("照片.jpg", "colorized_照片.png"),
        ("x" * 5000 + ".png", f"colorized_{'x' * 80}.png"),
        ("a; b=c<d>|e:f*?.png", "colorized_a_ b_c_d__e_f__.png"),
    ]:
        sent = {"photo": (io.BytesIO(grey), name)}
        reply = client.post("/v1/colorize", data=sent, headers={"Accept": "application/json"})
        assert reply.status_code == 200, name
        (result,) = reply.json["results"]
        assert result["filename"] == wanted, name
        fetched = client.get(result["url"])
        assert fetched.data.startswith(b"\x89PNG")
    assert clean_stem("line\r\nSet-Cookie: a.png") == "lineSet-Cookie_ a"
