"""Answers that come late in the browser: something newer has taken their place, or their photo is gone."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from waiting import eventually
from web_samples import chroma

from colorful import Colorizer
from colorful.web import Limits, asked, create_app
from colorful.web.app import studio_of
from colorful.web.store import Store
from colorful.web.studio import Studio
from colorful.web.uploads import Upload

pytestmark = pytest.mark.slow

Serve = Callable[..., str]


@pytest.fixture
def app(painter: Colorizer) -> Flask:
    """The page."""
    return create_app(colorizer=painter, limits=Limits(workers=4))


@pytest.fixture
def page(serve: Serve, browser: Browser, app: Flask) -> Iterator[Page]:
    """Give the page in a browser. Requests may fail there, scripts may not."""
    page = browser.new_page(locale="en-US", viewport={"width": 1280, "height": 860})
    expect.set_options(timeout=20_000)
    page.set_default_timeout(20_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"{error}\n{error.stack}"))
    page.goto(serve(app) + "/v1/index")
    expect(page.locator("html.js")).to_have_count(1)
    yield page
    page.close()
    assert wrong == []


class Gate:
    """Holds uploads on the server, once they are there, until they may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        accept = Studio.accept
        self.held: list[threading.Event] = []
        self.closed = True

        def gated(studio: Studio, *args: Any, **options: Any) -> Upload:
            if self.closed:
                self.held.append(event := threading.Event())
                event.wait(30)
            return accept(studio, *args, **options)

        monkeypatch.setattr(Studio, "accept", gated)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Hold uploads."""
    gate = Gate(monkeypatch)
    yield gate
    for event in gate.held:
        event.set()


def choose(page: Page, *paths: Path) -> None:
    """Choose files as with the file dialog."""
    page.locator("#choose").set_input_files([str(path) for path in paths])


def ready(page: Page, count: int) -> None:
    """Wait until as many cards show their photo in color."""
    expect(page.locator('.card[data-state="ready"]')).to_have_count(count)


def hold(
    page: Page, address: str, wanted: Callable[[dict[str, Any]], bool] = lambda body: True
) -> list[Route]:
    """Hold requests whose body is wanted; the list of them grows."""
    held: list[Route] = []

    def take(route: Route) -> None:
        if wanted(route.request.post_data_json or {}):
            held.append(route)
        else:
            route.continue_()

    page.route(address, take)
    return held


def set_look(page: Page, saturation: str) -> None:
    """Set how colorful the first photo is, in its editor."""
    page.locator(".card .adjust").first.click()
    expect(page.locator("#editor")).to_be_visible()
    page.locator("#tab input[value=look]").check()
    page.locator("#saturation").fill(saturation)
    page.keyboard.press("Escape")


def forgotten(page: Page, app: Flask, gate: Gate, photos: list[Path]) -> None:
    """Have photos in color that the server has forgotten; the gate is closed when they are sent again."""
    gate.closed = False
    choose(page, *photos)
    ready(page, len(photos))
    studio_of(app).store.clear()
    gate.closed = True


def uploads(app: Flask) -> int:
    """Count the photos that the server keeps."""
    store: Store = studio_of(app).store
    return sum(isinstance(entry.value, Upload) for entry in list(store._entries.values()))


def test_the_wait_that_is_over_is_not_told(page: Page, photos: list[Path]) -> None:
    """An answer about the queue that comes after the picture does not say that the photo still waits."""
    previews, queue = hold(page, "**/preview"), hold(page, "**/v1/queue")
    choose(page, photos[0])
    eventually(page, lambda: len(queue) == 1)
    previews[0].continue_()
    ready(page, 1)
    queue[0].fulfill(json={"seconds": 42})
    page.wait_for_timeout(500)
    expect(page.locator(".card .state")).to_have_text("In color · 300 \u00d7 200")


def test_a_card_shows_the_last_edit(page: Page, photos: list[Path]) -> None:
    """The picture of an earlier edit may come after that of a later one; it is not shown."""
    choose(page, photos[0])
    ready(page, 1)
    held = hold(page, "**/preview", lambda body: body["saturation"] == 0 and body["side"] > 300)
    set_look(page, "0")
    eventually(page, lambda: len(held) == 1)
    with page.expect_response(lambda reply: '"saturation":1.5' in (reply.request.post_data or "")):
        set_look(page, "1.5")
    page.wait_for_timeout(500)
    with page.expect_response("**/preview"):
        held[0].continue_()
    page.wait_for_timeout(500)
    card = page.locator(".card .compare")
    assert chroma(Image.open(io.BytesIO(card.screenshot()))) > 5


def test_photos_that_wait_come_after_those_that_are_tried_again(page: Page, tmp_path: Path) -> None:
    """However many photos that failed are tried again beside those on their way, the rest has its turn."""
    paths = [tmp_path / f"{name}.png" for name in "abcde"]
    for path in paths:
        Image.new("L", (32, 32), 120).save(path)
    page.route("**/v1/photos", lambda route: route.abort())
    choose(page, *paths[:2])
    expect(page.locator('.card[data-state="failed"]')).to_have_count(2)
    page.unroute("**/v1/photos")
    held = hold(page, "**/preview")
    choose(page, *paths[2:])
    eventually(page, lambda: len(held) == 2)
    for _ in range(2):
        page.locator(".retry:visible").first.click()
    eventually(page, lambda: len(held) == 4)
    for count, route in enumerate(list(held), start=1):
        route.continue_()
        ready(page, count)
    eventually(page, lambda: len(held) == 5)
    held[4].continue_()
    ready(page, 5)


def test_a_photo_that_was_removed_and_brought_back_while_it_was_sent(
    page: Page, app: Flask, gate: Gate, photos: list[Path]
) -> None:
    """The late answer to the first upload neither takes the photo away nor leaves it on the server twice."""
    choose(page, photos[0])
    eventually(page, lambda: len(gate.held) == 1)
    page.wait_for_timeout(300)  # until the browser, too, knows that it has been sent whole
    page.locator(".card .remove").click()
    gate.closed = False
    page.locator("#restore").click()
    ready(page, 1)
    with page.expect_request(lambda request: request.method == "DELETE"):
        gate.held[0].set()
    eventually(page, lambda: uploads(app) == 1)
    page.locator(".card .adjust").click()
    expect(page.locator("#editor")).to_be_visible()
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()


def test_a_photo_that_is_removed_while_it_is_sent_again(
    page: Page, app: Flask, gate: Gate, photos: list[Path]
) -> None:
    """Nothing of it stays on the server."""
    forgotten(page, app, gate, photos[:1])
    page.locator(".card .download").click()
    eventually(page, lambda: len(gate.held) == 1)
    page.wait_for_timeout(300)  # until the browser, too, knows that it has been sent whole
    page.locator(".card .remove").click()
    with page.expect_response("**/v1/photos"):
        gate.held[0].set()
    page.wait_for_timeout(500)
    eventually(page, lambda: uploads(app) == 0)


def test_a_photo_is_on_the_server_once(page: Page, app: Flask, photos: list[Path]) -> None:
    """Where one photo of an archive is gone, all are sent again, and nothing of before stays."""
    choose(page, *photos)
    ready(page, 2)
    store = studio_of(app).store
    first = next(name for name, entry in store._entries.items() if isinstance(entry.value, Upload))
    studio_of(app).forget(first)
    with page.expect_download():
        page.locator("#download-all").click()
    eventually(page, lambda: uploads(app) == 2)
    page.locator("#forget-all").click()
    eventually(page, lambda: uploads(app) == 0)


def test_photos_that_the_server_cannot_keep_together(page: Page, app: Flask, photos: list[Path]) -> None:
    """Where all of them are too many for its memory, they are saved all the same, one by one."""
    choose(page, photos[0])
    ready(page, 1)
    store = studio_of(app).store
    store.max_bytes = store.bytes + 1000  # room for one
    choose(page, photos[1])
    ready(page, 2)
    downloads: list[str] = []
    page.on("download", lambda download: downloads.append(download.suggested_filename))
    page.locator("#download-all").click()
    eventually(page, lambda: downloads == ["colorized_coffee.png", "colorized_chelsea.png"])
    expect(page.locator("#album-state")).to_be_empty()


def test_edits_that_are_too_long_for_one_request(
    page: Page, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where what is wished of all photos is more than a request may say, they are saved one by one, too."""
    choose(page, *photos)
    ready(page, 2)
    monkeypatch.setattr(asked, "_JSON_BYTES", 250)  # room for the wishes of one
    downloads: list[str] = []
    page.on("download", lambda download: downloads.append(download.suggested_filename))
    page.locator("#download-all").click()
    eventually(page, lambda: downloads == ["colorized_coffee.png", "colorized_chelsea.png"])


def test_a_photo_that_is_removed_while_all_are_sent_again(
    page: Page, app: Flask, gate: Gate, photos: list[Path]
) -> None:
    """The archive comes without it."""
    forgotten(page, app, gate, photos)
    page.locator("#download-all").click()
    eventually(page, lambda: len(gate.held) == 2)
    page.wait_for_timeout(300)  # until the browser, too, knows that they have been sent whole
    page.locator(".card .remove").first.click()
    with page.expect_download() as download:
        for event in gate.held:
            event.set()
    assert zipfile.ZipFile(download.value.path()).namelist() == ["colorized_chelsea.png"]
    eventually(page, lambda: uploads(app) == 1)


def test_an_edit_is_shown_though_the_picture_of_the_last_one_failed(page: Page, photos: list[Path]) -> None:
    """Who goes on while a picture is on its way sees the new one, whatever becomes of the old one."""
    choose(page, photos[0])
    ready(page, 1)
    page.locator(".card .adjust").click()
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    held = hold(page, "**/preview", lambda body: body["saturation"] == 0.5)
    page.locator("#tab input[value=look]").check()
    page.locator("#saturation").fill("0.5")
    eventually(page, lambda: len(held) == 1)
    page.locator("#saturation").fill("0")
    page.wait_for_timeout(300)
    with page.expect_response(lambda reply: '"saturation":0,' in (reply.request.post_data or "")):
        held[0].fulfill(status=500, json={"code": "internal"})
    expect(page.locator("#editor-state")).to_be_empty()


def test_the_wait_for_one_photo_is_not_told_of_the_next(page: Page, photos: list[Path]) -> None:
    """A download that waits goes on when its editor is closed, without a word in the next photo's."""
    choose(page, *photos)
    ready(page, 2)
    tries = []

    def busy(route: Route) -> None:
        tries.append(route)
        route.fulfill(status=503, headers={"Retry-After": "1"}, json={"code": "busy"})

    page.route("**/results", busy)
    page.locator(".card .adjust").first.click()
    page.locator("#tab input[value=save]").check()
    page.locator("#save").click()
    expect(page.locator("#editor-state")).to_contain_text("Waiting")
    page.keyboard.press("Escape")
    page.locator(".card .adjust").nth(1).click()
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    count = len(tries)
    eventually(page, lambda: len(tries) > count + 1)
    expect(page.locator("#editor-state")).to_be_empty()
    page.unroute("**/results")
    with page.expect_download():
        pass


def test_a_result_that_is_gone_is_no_picture(page: Page, app: Flask, photos: list[Path]) -> None:
    """Where it has made room for others before the browser fetched it, nothing is shared, and it is said."""
    page.evaluate("navigator.share = async ({ files }) => { window.shared = files; }; 0")
    choose(page, photos[0])
    ready(page, 1)
    page.route("**/v1/results/*", lambda route: route.fulfill(status=404, json={"code": "gone"}))
    page.locator(".card .adjust").click()
    page.locator("#tab input[value=save]").check()
    page.evaluate("document.getElementById('share').hidden = false")
    page.locator("#share").click()
    expect(page.locator("#editor-state")).to_have_text(
        "Many photos are being colored right now. Please try again in a moment."
    )
    assert page.evaluate("window.shared") is None


def test_an_undone_removal_is_heard_before_the_photo_is_sent(
    page: Page, app: Flask, photos: list[Path]
) -> None:
    """Another tab that finds the photo there again, on its way, goes on with it, and does not send it."""
    choose(page, photos[0])
    ready(page, 1)
    page.locator(".card .adjust").click()
    page.locator("#point-add").click()
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    page.evaluate(
        """() => new Promise((resolve) => {
            indexedDB.open(new URL(".", location), 1).onsuccess = ({ target: { result: database } }) => {
                const store = database.transaction("photos", "readwrite").objectStore("photos");
                store.getAll().onsuccess = ({ target: { result: [record] } }) => {
                    store.put({ ...record, info: null }).onsuccess = () => {
                        new BroadcastChannel(new URL(".", location)).postMessage(record.key);
                        database.close();
                        resolve();
                    };
                };
            };
        })"""
    )
    page.wait_for_timeout(1000)
    page.locator("#tab input[value=look]").check()
    page.locator("#saturation").fill("0")
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    assert uploads(app) == 1
