"""The album in a real browser: its order, and visitors who are hasty, or whose browser keeps nothing."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from waiting import eventually, kept

from colorful import Colorizer
from colorful.web import create_app
from colorful.web.app import studio_of

pytestmark = pytest.mark.slow

Serve = Callable[..., str]


def ready(page: Page, count: int) -> None:
    """Wait until as many cards show their photo in color."""
    expect(page.locator('.card[data-state="ready"]')).to_have_count(count)


def test_cards_are_put_in_order_by_time_and_by_name(
    serve: Serve, visit: Callable[..., Page], lite: Colorizer, tmp_path: Path
) -> None:
    """By date is the order of the files' times, by name that of a shelf, where 2 comes before 10."""
    paths = []
    for name, year in [("scan 10.png", 1962), ("Aunt.png", 1971), ("scan 2.png", 1980), ("boat.png", 1965)]:
        path = tmp_path / name
        Image.new("L", (40, 30), 90 + year % 60).save(path)
        seconds = np.datetime64(f"{year + 30}-06-01", "s").astype(int)  # files have no times before 1970
        os.utime(path, (int(seconds), int(seconds)))
        paths.append(path)
    page = visit(serve(create_app(colorizer=lite)))
    page.locator("#choose").set_input_files([str(path) for path in paths])
    ready(page, 4)
    names = page.locator(".card .name")
    expect(names).to_have_text([path.name for path in paths])
    page.locator("#order").select_option("time")
    expect(names).to_have_text([path.name for path in sorted(paths, key=lambda path: path.stat().st_mtime)])
    page.locator("#order").select_option("name")
    expect(names).to_have_text(["Aunt.png", "boat.png", "scan 2.png", "scan 10.png"])
    # A photo that comes later is put where it belongs, and the focus stays where it is.
    page.locator(".card .adjust").last.focus()
    Image.new("L", (40, 30), 99).save(tmp_path / "Cat.png")
    page.locator("#choose").set_input_files(str(tmp_path / "Cat.png"))
    expect(names).to_have_text(["Aunt.png", "boat.png", "Cat.png", "scan 2.png", "scan 10.png"])
    expect(page.locator(".card .adjust").last).to_be_focused()
    page.locator("#order").select_option("added")
    expect(names).to_have_text([*(path.name for path in paths), "Cat.png"])


def test_a_browser_that_keeps_nothing(
    serve: Serve, visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> None:
    """Where storage is forbidden, photos are colored and edited all the same."""
    page = visit(serve(create_app(colorizer=lite)))
    page.add_init_script(
        """for (const name of ["localStorage", "indexedDB"]) {
             const get = () => { throw new DOMException("denied", "SecurityError"); };
             Object.defineProperty(window, name, { get });
           }"""
    )
    page.reload()
    page.locator("#choose").set_input_files(str(photos[0]))
    ready(page, 1)
    page.locator(".card .adjust").click()
    page.locator(".palette .swatch").first.click()
    page.locator("#point-add").click()
    expect(page.locator(".point")).to_have_count(1)


def test_names_are_shown_as_they_are(
    serve: Serve, visit: Callable[..., Page], lite: Colorizer, tmp_path: Path
) -> None:
    """Whatever signs a file name has, labels and titles repeat it as it is."""
    name = "$& {name} <b>$1 & {size}.png"
    Image.new("L", (40, 30), 120).save(tmp_path / name)
    page = visit(serve(create_app(colorizer=lite)))
    page.locator("#choose").set_input_files(str(tmp_path / name))
    ready(page, 1)
    expect(page.locator(".card .name")).to_have_text(name)
    expect(page.locator(".card .remove")).to_have_attribute("aria-label", f"Remove {name}")
    page.locator(".card .adjust").click()
    expect(page.locator("#editor-title")).to_have_text(f"Adjust {name}")


def test_what_was_asked_for_one_photo_is_not_shown_for_the_next(
    serve: Serve, visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> None:
    """Who goes on to another photo before the variants have come sees none of them there."""
    page = visit(serve(create_app(colorizer=lite)))
    page.locator("#choose").set_input_files([str(path) for path in photos])
    ready(page, 2)
    held: list[Route] = []
    page.route("**/variants", lambda route: held.append(route))
    page.locator(".card .adjust").first.click()
    page.locator("#tab input[value=look]").check()
    page.locator("#vary").click()
    expect(page.locator("#editor-state")).to_have_text("Coloring")
    eventually(page, lambda: len(held) == 1)
    page.keyboard.press("Escape")
    page.locator(".card .adjust").nth(1).click()
    for route in held:
        route.continue_()
    page.wait_for_timeout(1000)
    page.locator("#tab input[value=look]").check()
    expect(page.locator("#variants .variant")).to_have_count(0)
    expect(page.locator("#editor-state")).to_be_empty()


def test_an_editor_that_has_not_come_is_asked_for_again(
    serve: Serve, browser: Browser, lite: Colorizer, photos: list[Path]
) -> None:
    """Where the connection breaks before the editor has come, the card says so; the next click tries anew."""
    page = browser.new_page(locale="en-US")
    page.route("**/editor.js", lambda route: route.abort())
    page.goto(serve(create_app(colorizer=lite)) + "/v1/index")
    page.locator("#choose").set_input_files(str(photos[0]))
    ready(page, 1)
    page.locator(".card .adjust").click()
    expect(page.locator(".card .state")).to_have_text("The server cannot be reached.")
    page.unroute("**/editor.js")
    page.locator(".card .adjust").dblclick()
    expect(page.locator("#editor-title")).to_be_focused()
    page.close()


def test_a_photo_that_was_edited_with_a_model_that_is_gone(
    serve: Serve, visit: Callable[..., Page], painter: Colorizer, lite: Colorizer, photos: list[Path]
) -> None:
    """A photo that was kept with a model which the server has no more is colored by its default."""
    app = create_app(colorizer={"lite": lite, "painter": painter})
    page = visit(serve(app))
    page.locator("#choose").set_input_files(str(photos[0]))
    ready(page, 1)
    page.locator(".card .adjust").click()
    page.locator("#tab input[value=look]").check()
    page.locator("#model").select_option("painter")
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    eventually(page, lambda: [one["edit"]["model"] for one in kept(page)] == ["painter"])
    del studio_of(app).colorizers["painter"]  # as if it had been started anew with one model
    page.reload()
    ready(page, 1)
    page.locator(".card .adjust").click()
    expect(page.locator("#model")).to_have_value("lite")


def test_points_that_the_only_model_left_cannot_use(
    serve: Serve, visit: Callable[..., Page], painter: Colorizer, plain: Colorizer, photos: list[Path]
) -> None:
    """They are kept and not used, as card and editor say; a model that takes them uses them again."""
    app = create_app(colorizer={"painter": painter, "plain": plain})
    page = visit(serve(app))
    page.locator("#choose").set_input_files(str(photos[0]))
    ready(page, 1)
    page.locator(".card .adjust").click()
    page.locator("#point-add").click()
    expect(page.locator(".point")).to_be_visible()
    page.locator("#tab input[value=look]").check()
    page.locator("#temperature").fill("0.3")
    expect(page.locator("#unused")).to_be_hidden()
    eventually(page, lambda: [len(one["edit"]["hints"]) for one in kept(page)] == [1])
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    del studio_of(app).colorizers["painter"]  # as if it had been started anew with the other model
    page.reload()
    ready(page, 1)
    expect(page.locator(".card .state")).to_contain_text("points or example not used")
    with page.expect_download() as download:
        page.locator(".card .download").click()
    wanted = np.asarray(plain.colorize(photos[0].read_bytes()))
    np.testing.assert_array_equal(np.asarray(Image.open(download.value.path())), wanted)
    page.locator(".card .adjust").click()
    expect(page.locator("#unused")).to_be_visible()
    expect(page.locator(".point")).to_be_hidden()
    page.locator("#unused-remove").click()
    expect(page.locator("#unused")).to_be_hidden()
    page.locator("#undo").click()
    expect(page.locator("#unused")).to_be_visible()
    eventually(page, lambda: [len(one["edit"]["hints"]) for one in kept(page)] == [1])
    studio_of(app).colorizers = {"painter": painter}
    page.reload()
    ready(page, 1)
    expect(page.locator(".card .state")).not_to_contain_text("not used")
    page.locator(".card .adjust").click()
    expect(page.locator(".point")).to_be_visible()


def test_the_original_is_let_go_when_the_window_is_left(
    serve: Serve, visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> None:
    """While a key is held, the photo is that of the file; a key let go elsewhere lets go of it as well."""
    page = visit(serve(create_app(colorizer=lite)))
    page.locator("#choose").set_input_files(str(photos[0]))
    ready(page, 1)
    page.locator(".card .adjust").click()
    canvas, original = page.locator("#canvas"), page.locator("#original")
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
    page.keyboard.down("o")
    expect(original).to_have_attribute("aria-pressed", "true")

    def differ() -> float:
        held = _pixels(canvas.screenshot())
        grey = Image.open(photos[0]).convert("RGB").resize(held.shape[1::-1], Image.Resampling.BILINEAR)
        return float(np.abs(held - np.asarray(grey, float)).mean())

    eventually(page, lambda: differ() < 4)
    page.evaluate("window.dispatchEvent(new Event('blur'))")  # another program takes the keys
    expect(original).to_have_attribute("aria-pressed", "false")
    page.keyboard.up("o")
    assert np.ptp(_pixels(canvas.screenshot()), axis=2).mean() > 5
    original.focus()
    page.keyboard.down(" ")
    expect(original).to_have_attribute("aria-pressed", "true")
    page.keyboard.up(" ")
    expect(original).to_have_attribute("aria-pressed", "false")


def _pixels(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
