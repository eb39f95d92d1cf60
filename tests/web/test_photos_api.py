"""The interface for a photo that stays: parts of it, what stays grey, results, archives, shares."""

from __future__ import annotations

import gzip
import html
import io
import json
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tifffile
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from skimage import data
from web_samples import chroma, png
from werkzeug.test import TestResponse

from colorful import Colorizer
from colorful.web import Limits, behind_proxy, create_app
from colorful.web.app import studio_of
from colorful.web.uploads import Upload

STROKE = {"points": [[20, 60], [140, 60]], "radius": 10}


@pytest.fixture
def roomy(painter: Colorizer, plain: Colorizer) -> Iterator[FlaskClient]:
    """A client of a page that takes photos of 6 megapixels."""
    app = create_app(colorizer={"painter": painter, "plain": plain}, limits=Limits(pixels=6_000_000))
    yield app.test_client()
    studio_of(app).close()


def add(client: FlaskClient, photo: bytes, name: str = "photo.png") -> dict[str, Any]:
    """Leave a photo with the server."""
    reply = client.post("/v1/photos", data={"photo": (io.BytesIO(photo), name)})
    assert reply.status_code == 201
    return dict(reply.json)


def pixels(image: bytes) -> np.ndarray:
    """Decode a picture."""
    return np.asarray(Image.open(io.BytesIO(image)))


@pytest.fixture(scope="module")
def scan() -> bytes:
    """A photo whose preview is smaller than it."""
    buffer = io.BytesIO()
    Image.fromarray(data.camera()).resize((2300, 1700), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def test_a_part_has_the_pixels_of_the_result(roomy: FlaskClient, scan: bytes) -> None:
    """At full size a part is cut from the photo and the result; PNG shows it without loss."""
    info = add(roomy, scan)
    hint = {"x": 1200, "y": 800, "color": "#c03020", "radius": 90}
    edit = {"hints": [hint], "keep": [{"points": [[1100, 850], [1400, 900]], "radius": 40}]}
    url = roomy.post(info["results"], json={**edit, "format": "png"}).json["url"]
    whole = pixels(roomy.get(url).data)
    body = {**edit, "region": [1000, 700, 500, 333], "side": 500}
    part = roomy.post(info["preview"], json=body, headers={"Accept": "image/png"})
    assert part.mimetype == "image/png"
    np.testing.assert_array_equal(pixels(part.data), whole[700:1033, 1000:1500])
    before = roomy.get(info["before"] + "?region=1000,700,500,333&side=500", headers={"Accept": "image/png"})
    np.testing.assert_array_equal(pixels(before.data), pixels(scan)[700:1033, 1000:1500])
    lossy = roomy.post(info["preview"], json=body)
    assert lossy.mimetype == "image/jpeg"
    assert np.abs(pixels(lossy.data).astype(int) - whole[700:1033, 1000:1500]).mean() < 8


@pytest.mark.parametrize("side", [64, 300, 575, 1150])
def test_a_part_looked_at_from_afar_is_the_mean_of_its_pixels(
    roomy: FlaskClient, scan: bytes, side: int
) -> None:
    """Where the display has fewer pixels than the part, each shows the mean of those below it."""
    info = add(roomy, scan)
    query = f"?region=0,0,2300,1700&side={side}"
    shown = pixels(roomy.get(info["before"] + query, headers={"Accept": "image/png"}).data).astype(float)
    assert max(shown.shape) == side
    wanted = Image.open(io.BytesIO(scan)).resize(shown.shape[::-1], Image.Resampling.BOX)
    assert np.abs(shown - np.asarray(wanted)).mean() < 6
    assert abs(shown.mean() - np.asarray(wanted).mean()) < 1
    colored = roomy.post(info["preview"], json={"region": [0, 0, 2300, 1700], "side": side})
    assert max(pixels(colored.data).shape) == side
    assert chroma(colored.data) > 5


@pytest.mark.parametrize(
    "region",
    [[0, 0, 161, 10], [-1, 0, 5, 5], [0, 0, 0, 5], [1, 2, 3], [1, 2, 3, 4, 5], "all", [0.5, 0, 9, 9]],
)
def test_a_part_outside_is_refused(client: FlaskClient, grey: bytes, region: object) -> None:
    """A region that is none of the photo's is named as such."""
    reply = client.post(add(client, grey)["preview"], json={"region": region})
    assert reply.status_code == 400
    assert "region" in reply.json["detail"]


def test_what_a_brush_covers_stays_as_it_came(client: FlaskClient, grey: bytes, painter: Colorizer) -> None:
    """Below a stroke the result is the photo, beyond its edge it is colored as ever; an eraser takes away."""
    info = add(client, grey)
    erased = {"points": [[100, 0], [100, 119]], "radius": 12, "erase": True}
    result = client.post(info["results"], json={"keep": [STROKE, erased]}).json
    colored, photo = pixels(client.get(result["url"]).data), pixels(grey)
    np.testing.assert_array_equal(colored[53:67, 20:84], np.repeat(photo[53:67, 20:84, None], 3, axis=2))
    plain = np.asarray(painter.colorize(grey))
    np.testing.assert_array_equal(colored[:46], plain[:46])
    np.testing.assert_array_equal(colored[:, 92:108], plain[:, 92:108])
    form = {"photo": (io.BytesIO(grey), "a.png"), "keep": json.dumps([STROKE, erased])}
    again = client.post("/v1/colorize", data=form, headers={"Accept": "image/png"})
    np.testing.assert_array_equal(pixels(again.data), colored)


@pytest.mark.parametrize(
    "keep",
    [
        7, [7], [{}], [{"points": [], "radius": 3}], [{"points": [[1]], "radius": 3}],
        [{"points": [[1, "2"]], "radius": 3}], [{"points": [[1, 2]], "radius": 0}],
        [{"points": [[1, 2]], "radius": 3, "erase": 1}], [{"points": [[1, 2]], "radius": 3, "more": 1}],
        [{"points": [[1, 2]] * 20_001, "radius": 3}],
    ],
)  # fmt: skip
def test_strokes_that_are_none_are_refused(client: FlaskClient, grey: bytes, keep: object) -> None:
    """What is no stroke is a 400 in words."""
    reply = client.post(add(client, grey)["preview"], json={"keep": keep})
    assert reply.status_code == 400
    assert "keep" in reply.json["detail"]


def test_the_same_wish_is_fulfilled_once(
    client: FlaskClient, app: Flask, grey: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second download of the same edit is the same result, found, not made; another edit is another."""
    colorizer, runs = studio_of(app).colorizers["painter"], []
    predict = type(colorizer).predict
    monkeypatch.setattr(colorizer, "predict", lambda *a, **k: runs.append(1) or predict(colorizer, *a, **k))
    info = add(client, grey)
    first, second = (client.post(info["results"], json={"saturation": 0.5}).json for _ in range(2))
    assert first == second
    assert len(runs) == 1
    other = client.post(info["results"], json={"saturation": 0.6}).json
    assert other["url"] != first["url"]


def test_a_pair_shows_before_and_after(client: FlaskClient, grey: bytes, painter: Colorizer) -> None:
    """Side by side, the left half is the photo and the right half the result."""
    info = add(client, grey)
    result = client.post(info["results"], json={"layout": "pair"}).json
    pair = pixels(client.get(result["url"]).data)
    assert (result["height"], result["width"]) == pair.shape[:2]
    np.testing.assert_array_equal(pair[:, :160], np.repeat(pixels(grey)[..., None], 3, axis=2))
    np.testing.assert_array_equal(pair[:, -160:], np.asarray(painter.colorize(grey)))


def test_an_archive_holds_every_result_once(client: FlaskClient, grey: bytes, painter: Colorizer) -> None:
    """A zip comes in pieces, with a name of its own for each photo, and tells what could not be colored."""
    infos = [add(client, grey, name) for name in ("a.png", "A.png", "b.png")]
    photos = [{"id": info["id"]} for info in infos] + [
        {"id": infos[0]["id"], "hints": [{"x": 500, "y": 0, "color": "red"}]}
    ]
    made = client.post("/v1/archives", json={"photos": photos, "name": "Ferien/89"})
    assert made.json["filename"] == "89.zip"
    reply = client.get(made.json["url"])
    assert reply.mimetype == "application/zip"
    assert reply.content_length is None
    with zipfile.ZipFile(io.BytesIO(reply.data)) as bundle:
        assert bundle.testzip() is None
        names = bundle.namelist()
        assert names == ["colorized_a.png", "colorized_A (2).png", "colorized_b.png", "problems.txt"]
        np.testing.assert_array_equal(pixels(bundle.read(names[0])), np.asarray(painter.colorize(grey)))
        assert b"a: hint 1: expected a point inside the photo" in bundle.read("problems.txt")
    assert client.post("/v1/archives", json={"photos": [{"id": "nobody"}]}).status_code == 404
    assert client.post("/v1/archives", json={"photos": []}).status_code == 400


def test_one_bad_photo_does_not_cost_the_others(client: FlaskClient, grey: bytes) -> None:
    """Of several photos the good ones come back, and each bad one is named with what is wrong."""
    sent = [(io.BytesIO(grey), "good.png"), (io.BytesIO(b"no photo"), "bad.png")]
    reply = client.post("/v1/colorize", data={"photo": sent}, headers={"Accept": "application/json"})
    assert reply.status_code == 200
    assert [one["filename"] for one in reply.json["results"]] == ["colorized_good.png"]
    (problem,) = reply.json["problems"]
    assert (problem["photo"], problem["code"], problem["status"]) == ("bad.png", "bad-photo", 422)


@pytest.mark.parametrize(
    ("headers", "fields", "status", "type_"),
    [
        ({}, {"format": "webp"}, 200, "image/webp"),
        ({"Accept": "*/*"}, {"format": "jpeg"}, 200, "image/jpeg"),
        ({"Accept": "image/png"}, {"format": "jpeg"}, 406, "application/problem+json"),
        ({"Accept": "image/*"}, {"format": "jpeg"}, 200, "image/jpeg"),
        ({}, {"colour": "red"}, 400, "application/problem+json"),
        ({}, {"temperature": "1" * 401}, 400, "application/problem+json"),
    ],
)
def test_what_is_asked_for_is_done_or_refused(
    client: FlaskClient, grey: bytes, headers: dict[str, str], fields: dict[str, str], status: int, type_: str
) -> None:
    """A format counts without an Accept header, too; a field that nobody knows is not passed over."""
    form = {"photo": (io.BytesIO(grey), "a.png"), **fields}
    reply = client.post("/v1/colorize", data=form, headers=headers)
    assert (reply.status_code, reply.mimetype) == (status, type_)


@pytest.mark.parametrize("field", ["temperature", "saturation", "strength", "side", "x", "count"])
@pytest.mark.parametrize("number", ["1" * 401, "1" * 5000, "-" + "9" * 401, "1e999"])
def test_numbers_beyond_float_are_refused(client: FlaskClient, grey: bytes, field: str, number: str) -> None:
    """A number of hundreds of digits is a 400, not a failure."""
    info = add(client, grey)
    route = "suggestions" if field in ("x", "count") else "preview"
    body = f'{{"y": 1, "{field}": {number}}}' if route == "suggestions" else f'{{"{field}": {number}}}'
    reply = client.post(info[route], data=body, content_type="application/json")
    assert reply.status_code == 400
    assert len(reply.data) < 1000
    hint = f'{{"hints": [{{"x": {number}, "y": 0, "color": "red"}}]}}'
    assert client.post(info["preview"], data=hint, content_type="application/json").status_code == 400


def test_programs_get_problems_as_json(client: FlaskClient) -> None:
    """curl, which takes everything, gets JSON where there is no such page or method; a browser a page."""
    for path, method, status in [("/nowhere", "GET", 404), ("/v1/photos", "PUT", 405)]:
        for accept, type_ in [("*/*", "application/problem+json"), ("text/html,*/*;q=0.8", "text/html")]:
            reply = client.open(path, method=method, headers={"Accept": accept})
            assert (reply.status_code, reply.mimetype) == (status, type_)


def test_texts_go_out_compressed(client: FlaskClient) -> None:
    """Pages, scripts and JSON are compressed for who takes that, and are the same unpacked."""
    for path in ("/v1/index", "/v1/static/editor.js", "/v1/static/style.css", "/v1/openapi.json"):
        with client.get(path) as plain:
            size = len(plain.data)
        packed = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.data) < size / 2
        assert len(gzip.decompress(packed.data)) == pytest.approx(size, abs=64)
    etag = client.get("/v1/static/editor.js", headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    asked = {"Accept-Encoding": "gzip", "If-None-Match": etag}
    with client.get("/v1/static/editor.js", headers=asked) as again:
        assert again.status_code == 304


def test_the_browser_fetches_all_scripts_at_once(client: FlaskClient) -> None:
    """Every script that another imports is named in the page's head."""
    page = client.get("/v1/index").text
    named = set(re.findall(r'rel="modulepreload" fetchpriority="low" href="/v1/static/(\w+)\.js"', page))
    imported, left = set(), ["main"]
    while left:
        with client.get(f"/v1/static/{left.pop()}.js") as script:
            source = script.text
        for name in re.findall(r'from "\./(\w+)\.js"', source):
            if name not in imported:
                imported.add(name)
                left.append(name)
    assert named == imported


def test_one_visitors_flood_leaves_the_others_photo(painter: Colorizer, grey: bytes) -> None:
    """However much one visitor sends, another's photo stays, whether they share an address or not."""
    app = create_app(colorizer=painter, limits=Limits(kept_bytes=8 * (len(grey) + 160 * 120)))
    quiet, loud, distant = app.test_client(), app.test_client(), app.test_client()
    for client in (quiet, loud):
        client.get("/v1/index")
    mine = add(quiet, grey)
    far = distant.post(
        "/v1/photos", data={"photo": (io.BytesIO(grey), "a.png")}, environ_base={"REMOTE_ADDR": "10.1.2.3"}
    )
    for _ in range(20):
        last = add(loud, grey)
    for client, before in ((quiet, mine["before"]), (distant, far.json["before"]), (loud, last["before"])):
        assert client.get(before).status_code == 200
    studio_of(app).close()


def test_the_first_frame_of_an_animation_is_said(client: FlaskClient) -> None:
    """Who sends an animation is told that one frame of it is colored."""
    frames = [Image.new("L", (32, 24), shade) for shade in (40, 120, 200)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert add(client, buffer.getvalue(), "a.gif")["animated"] is True
    assert add(client, png(frames[0]))["animated"] is False


def test_what_of_a_file_is_lost_is_told(client: FlaskClient) -> None:
    """What the command would warn of comes with the photo, also of files that Pillow cannot open."""
    buffer = io.BytesIO()
    frames = np.zeros((2, 40, 30, 5), np.uint8)  # five channels: RGB, and two that have no meaning
    tifffile.imwrite(buffer, frames, photometric="rgb", extrasamples=[0, 0], metadata=None)
    warnings = add(client, buffer.getvalue(), "a.tif")["warnings"]
    assert [warning.partition(":")[0] for warning in warnings] == [
        "has more than one picture (2)",
        "2 of its 5 channels left out",
    ]
    assert add(client, png(np.zeros((9, 9), np.uint8)))["warnings"] == []

    def send(route: str, accept: str) -> TestResponse:
        form = {"photo": (io.BytesIO(buffer.getvalue()), "a.tif")}
        return client.post(route, data=form, headers={"Accept": accept})

    reply = send("/v1/colorize", "application/json")
    assert [result["warnings"] for result in reply.get_json()["results"]] == [warnings]
    assert json.loads(send("/v1/colorize", "image/png").headers["Colorful-Warnings"]) == warnings
    assert html.escape(warnings[0]) in send("/v1/index", "text/html").text


def test_a_field_that_comes_twice_is_refused(client: FlaskClient, grey: bytes) -> None:
    """Of two values for one field neither wins in silence."""
    form = {"photo": (io.BytesIO(grey), "a.png"), "saturation": ["1", "0"]}
    reply = client.post("/v1/colorize", data=form)
    assert (reply.status_code, reply.get_json()["detail"]) == (
        400,
        "saturation: expected it once, got it 2 times",
    )


def test_a_strip_of_any_length_has_a_small_preview(painter: Colorizer) -> None:
    """Memory goes with the pixels: a photo one pixel high is previewed as long as a display can show."""
    app = create_app(colorizer=painter, limits=Limits(pixels=3_000_000))
    client = app.test_client()
    info = add(client, png(np.full((1, 2_500_000), 90, np.uint8)))
    reply = client.post(info["preview"], json={"side": 2048})
    assert pixels(reply.data).shape == (1, 2048, 3)
    part = client.post(info["preview"], json={"region": [2_000_000, 0, 900, 1], "side": 900})
    assert pixels(part.data).shape == (1, 900, 3)
    studio_of(app).close()


def test_a_prefix_that_was_smuggled_through_a_proxy_is_left_out(painter: Colorizer) -> None:
    """An application that trusts its proxy by behind_proxy makes no link that leads away."""
    app = create_app(colorizer=painter)
    app.wsgi_app = behind_proxy(app.wsgi_app)  # type: ignore[method-assign,assignment]
    client = app.test_client()
    fine = client.get("/v1/index", headers={"X-Forwarded-Prefix": "/photos"}).text
    assert 'action="/photos/v1/index"' in fine
    evil = client.get("/v1/index", headers={"X-Forwarded-Prefix": "//elsewhere.example"}).text
    assert "elsewhere" not in evil


def test_variants_are_those_of_the_library(grey: bytes, lite: Colorizer) -> None:
    """A variant is the hints of Prediction.variants; chosen, it gives the result of the library."""
    app = create_app(colorizer=lite)
    client = app.test_client()
    info = add(client, grey)
    found = client.post(info["variants"], json={"count": 3}).json["variants"]
    wanted = lite.predict(grey).variants(count=4)[1:]
    assert found == [{"hints": [hint.to_json() for hint in variant.hints]} for variant in wanted]
    url = client.post(info["results"], json=found[0]).json["url"]
    np.testing.assert_array_equal(
        pixels(client.get(url).data), np.asarray(lite.colorize(grey, hints=wanted[0].hints))
    )
    studio_of(app).close()


def test_places_are_where_a_hint_helps(grey: bytes, lite: Colorizer) -> None:
    """The places are those that Prediction.ask names, as hints with the likeliest color."""
    app = create_app(colorizer=lite)
    client = app.test_client()
    found = client.post(add(client, grey)["places"], json={}).json["places"]
    wanted = lite.predict(grey).ask()
    assert [(hint["x"], hint["y"]) for hint in found] == [(place.x, place.y) for place in wanted]
    assert [hint["color"] for hint in found] == [place.suggestions[0].color for place in wanted]
    studio_of(app).close()


@pytest.mark.parametrize("look", [{}, {"temperature": 0.05}, {"temperature": 1, "saturation": 1.5}])
def test_a_photo_follows_the_colors_of_an_example(
    grey: bytes, lite: Colorizer, look: dict[str, float]
) -> None:
    """Colors named in like give the result of the library's like, in previews, results and the form."""
    app = create_app(colorizer=lite)
    client = app.test_client()
    info, like = add(client, grey), ["#2040c0", "#3060a0", "#807060"]
    client.post(info["preview"], json={"like": like})  # of which nothing is to be taken over
    wanted = np.asarray(lite.colorize(grey, like=like, **look))
    assert not np.array_equal(wanted, np.asarray(lite.colorize(grey, **look)))
    url = client.post(info["results"], json={"like": like, **look}).json["url"]
    np.testing.assert_array_equal(pixels(client.get(url).data), wanted)
    edit = {"like": like, "side": 160, **look}
    shown = client.post(info["preview"], json=edit, headers={"Accept": "image/png"}).data
    np.testing.assert_array_equal(pixels(shown), wanted)
    part = client.post(
        info["preview"], json={**edit, "region": [40, 20, 64, 64]}, headers={"Accept": "image/png"}
    ).data
    np.testing.assert_array_equal(pixels(part)[:64, :64], wanted[20:84, 40:104])
    form = {"photo": (io.BytesIO(grey), "a.png"), "like": json.dumps(like), **look}
    np.testing.assert_array_equal(pixels(client.post("/v1/colorize", data=form).data), wanted)
    studio_of(app).close()


@pytest.mark.parametrize("like", ["#123456", ["no color"], [3], [None], {}, ["#fff"] * 257])
def test_an_example_of_other_things_is_refused(client: FlaskClient, grey: bytes, like: object) -> None:
    """What is no list of colors is a problem of the request, named as such."""
    answer = client.post(add(client, grey)["preview"], json={"like": like})
    assert answer.status_code == 400
    assert answer.json["detail"].startswith("like: expected")


def test_a_model_without_a_distribution_follows_no_example(client: FlaskClient, grey: bytes) -> None:
    """It says so, and which models do, rather than not to follow."""
    answer = client.post(add(client, grey)["preview"], json={"like": ["#123456"], "model": "plain"})
    assert answer.status_code == 400
    assert answer.json["detail"].startswith("like: ")
    assert answer.json["detail"].endswith("these can: lite, eccv16")


@pytest.mark.parametrize(
    "items",
    [
        [{"keep": [{"points": [[1, 2]] * 20_000, "radius": 1}]}],
        [{"hints": [{"x": 1, "y": 2, "color": "red"}] * 1000}],
        [{"like": ["#123456"] * 256, "temperature": 0.5}] * 100,
        [{}] * 1000,
    ],
)
def test_what_an_archive_is_asked_for_with_takes_room(
    client: FlaskClient, app: Flask, grey: bytes, items: list[dict[str, Any]]
) -> None:
    """However much of it is sent, it counts for at least what Python's own count of memory says."""
    id = add(client, grey)["id"]
    body = json.dumps({"photos": [{"id": id, **item} for item in items]}, separators=(",", ":"))
    store = studio_of(app).store
    client.post("/v1/archives", data=body, content_type="application/json")  # what comes once
    before = store.bytes
    tracemalloc.start()
    try:
        for _ in range(5):
            assert client.post("/v1/archives", data=body, content_type="application/json").status_code == 201
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= store.bytes - before <= 512 << 20


def test_what_a_result_is_called_by_is_short(client: FlaskClient, app: Flask, grey: bytes) -> None:
    """A long list of strokes does not stay with the photo, as often as it is sent."""
    info = add(client, grey)
    strokes = [{"points": [[x, x] for x in range(5000)], "radius": 2}]
    urls = [client.post(info["results"], json={"keep": keep}).json["url"] for keep in (strokes, strokes, [])]
    assert urls[0] == urls[1] != urls[2]
    upload = studio_of(app).store.get(info["id"], Upload)
    assert max(map(len, upload.made)) < 100
