"""Visitors whose hands are quick or clumsy: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from waiting import eventually, kept

from colorful import Colorizer
from colorful.web import create_app

pytestmark = pytest.mark.slow

Serve = Callable[..., str]
# Runs before the page's scripts: count the addresses of blobs that are held.
HELD = """window.held = new Set();
window.made = 0;
const [make, release] = [URL.createObjectURL, URL.revokeObjectURL];
URL.createObjectURL = (blob) => { const url = make.call(URL, blob); held.add(url); made += 1; return url; };
URL.revokeObjectURL = (url) => { held.delete(url); release.call(URL, url); };"""


@pytest.fixture
def page(serve: Serve, visit: Callable[..., Page], lite: Colorizer) -> Page:
    """Give the page, without photos."""
    page = visit(serve(create_app(colorizer=lite)))
    expect(page.locator("html.js")).to_have_count(1)
    return page


def bring(page: Page, *paths: Path) -> None:
    """Choose files, and wait until all photos are in color."""
    count = page.locator(".card").count() + len(paths)
    page.locator("#choose").set_input_files([str(path) for path in paths])
    expect(page.locator('.card[data-state="ready"]')).to_have_count(count)


def edit(page: Page, number: int = 0) -> dict[str, float]:
    """Open the editor on a photo, and tell where it lies on the screen."""
    page.locator(".card .adjust").nth(number).click()
    settled(page)
    return dict(page.locator("#canvas").bounding_box() or {})


def settled(page: Page) -> None:
    """Wait until the picture has followed."""
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()


def asked(page: Page, ending: str) -> list[str]:
    """Give a list of the requests to such addresses, which grows."""
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.url.endswith(ending) else None)
    return sent


def test_a_dozen_photos_lie_in_the_order_they_came(page: Page, tmp_path: Path) -> None:
    """Also the tenth photo of those chosen at once lies between the ninth and the eleventh."""
    paths = [tmp_path / f"{name}.png" for name in "lkjihgfedcba"]
    for path in paths:
        Image.new("L", (8, 8), 120).save(path)
    bring(page, *paths)
    expect(page.locator(".card .name")).to_have_text([path.name for path in paths])
    page.reload()
    expect(page.locator(".card .name")).to_have_text([path.name for path in paths])


def test_each_of_several_removals_is_undone(page: Page, photos: list[Path]) -> None:
    """After two removals, as by a double click, Undo brings back the last photo, then the other one."""
    bring(page, *photos)
    for left in (1, 0):
        page.locator(".card .remove").first.click()
        expect(page.locator(".card")).to_have_count(left)
    words = page.locator("#toast-words")
    expect(words).to_have_text("Removed: chelsea.png")
    page.locator("#restore").click()
    expect(words).to_have_text("Removed: coffee.png")
    page.locator("#restore").click()
    expect(page.locator("#toast")).to_be_hidden()
    expect(page.locator(".card .name")).to_have_text(["coffee.png", "chelsea.png"])
    eventually(page, lambda: len(kept(page)) == 2)


def test_a_double_click_does_nothing_twice(page: Page, photos: list[Path]) -> None:
    """Neither the sample, nor a download, nor what the editor takes a while for; the focus stays there."""
    page.route("**/sample.jpg", lambda route: (page.wait_for_timeout(300), route.continue_()))
    page.locator("#try-sample").dblclick()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    results = asked(page, "/results")
    with page.expect_download():
        page.locator(".card .download").dblclick()
    expect(page.locator(".card .download")).to_be_focused()
    edit(page)
    places, variants = asked(page, "/places"), asked(page, "/variants")
    page.locator("#places").dblclick()
    expect(page.locator(".ring")).to_have_count(3)
    page.locator("#tab input[value=look]").check()
    page.locator("#vary").dblclick()
    expect(page.locator("#variants img")).not_to_have_count(0)
    page.locator("#tab input[value=save]").check()
    with page.expect_download():
        page.locator("#save").dblclick()
    expect(page.locator("#save")).not_to_have_attribute("aria-disabled", "true")
    assert (len(results), len(places), len(variants)) == (2, 1, 1)
    expect(page.locator(".card")).to_have_count(1)


@pytest.mark.parametrize("key", ["Control+z", "Delete", "Escape"])
def test_a_drag_ends_where_a_key_says_so(page: Page, photos: list[Path], key: str) -> None:
    """Undo, Delete or Escape in the middle of a drag end it; the other points stay as they are."""
    bring(page, photos[0])
    box = edit(page)
    points = page.locator(".point")
    y = box["y"] + box["height"] / 2
    for share in (0.3, 0.6):
        page.mouse.click(box["x"] + share * box["width"], y)
    expect(points).to_have_count(2)
    places = [one.bounding_box() for one in points.all()]
    x = box["x"] + 0.6 * box["width"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    page.keyboard.press(key)
    if key == "Control+z":  # the move, and then the point
        page.keyboard.press(key)
    page.mouse.move(x + 90, y + 30, steps=4)
    page.mouse.up()
    if key == "Escape":
        expect(page.locator("#editor")).to_be_hidden()
        edit(page)
        expect(points).to_have_count(2)
        moved = points.nth(1).bounding_box()
        assert moved["x"] - places[1]["x"] == pytest.approx(40, abs=2)
        assert moved["y"] == pytest.approx(places[1]["y"], abs=1)
    else:
        expect(points).to_have_count(1)
    assert points.first.bounding_box() == pytest.approx(places[0], abs=0.5)


def test_pictures_are_let_go(
    serve: Serve, visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> None:
    """No address of a picture is held once the picture has come: cards, stage, variants, examples."""
    address = serve(create_app(colorizer=lite))
    page = visit(address)
    page.add_init_script(HELD)
    page.reload()
    bring(page, *photos)
    eventually(page, lambda: page.evaluate("held.size") == 0)
    edit(page)
    page.locator("#tab input[value=look]").check()
    for _ in range(2):
        with page.expect_response("**/variants"):
            page.locator("#vary").click()
        expect(page.locator("#vary")).not_to_have_attribute("aria-disabled", "true")
    page.locator("#example-file").set_input_files(str(photos[1]))
    expect(page.locator("#editor-state")).to_have_text("This photo has no colors to follow.")
    page.locator("#examples button").click()
    expect(page.locator("#example-none")).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("made") > 10
    eventually(page, lambda: page.evaluate("held.size") == 0)


def transfer(page: Page, path: Path) -> object:
    """Give the page a file as something that is dragged or copied."""
    return page.evaluate_handle(
        """(data) => {
            const moved = new DataTransfer();
            const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
            moved.items.add(new File([bytes], "one.png", { type: "image/png" }));
            return moved;
        }""",
        base64.b64encode(path.read_bytes()).decode(),
    )


def test_what_is_pasted_in_the_editor_is_an_example(page: Page, photos: list[Path], tmp_path: Path) -> None:
    """A picture pasted there lends its colors, like one that is dropped; no card comes behind the editor."""
    Image.new("RGB", (60, 40), "#1f7a33").save(tmp_path / "green.png")
    bring(page, photos[0])
    edit(page)
    page.evaluate(
        """(moved) => document.activeElement.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData: moved, bubbles: true, cancelable: true }))""",
        transfer(page, tmp_path / "green.png"),
    )
    expect(page.locator("#example-none")).to_be_visible()
    expect(page.locator(".card")).to_have_count(1)


def test_names_from_right_to_left(page: Page, tmp_path: Path) -> None:
    """A Hebrew name begins on the right, so that its ending stands after it."""
    paths = [tmp_path / "תמונה (2).png", tmp_path / "photo (2).png"]
    for path in paths:
        Image.new("L", (8, 8), 120).save(path)
    bring(page, *paths)

    def direction(name: Locator) -> object:
        return name.evaluate("(one) => getComputedStyle(one).direction")

    assert [direction(name) for name in page.locator(".card .name").all()] == ["rtl", "ltr"]


def test_where_the_system_chooses_all_colors(
    serve: Serve, visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> None:
    """Colors are still those of the photo: they have their names, and points and swatches show them."""
    page = visit(serve(create_app(colorizer=lite)), forced_colors="active")
    bring(page, photos[0])
    edit(page)
    blue = page.locator(".palette .swatches").nth(1).locator(".swatch").nth(1)
    expect(blue).to_have_attribute("title", "blue")
    blue.click()
    page.locator("#point-add").click()
    expect(page.locator(".point")).to_have_attribute("aria-label", "Point 1, blue")
    shown = [
        one.evaluate("(one) => getComputedStyle(one).backgroundColor")
        for one in (page.locator(".point"), page.locator(".there"))
    ]
    assert shown[0] == shown[1]
    assert shown[0].startswith("lab(")


def test_a_screen_reader_hears_what_became_of_a_photo(page: Page, photos: list[Path]) -> None:
    """What is read aloud is what the card says, with its numbers."""
    bring(page, photos[0])
    expect(page.locator("#announcer")).to_have_text("coffee.png: In color · 300 \u00d7 200")


def test_the_sample_without_a_network(serve: Serve, browser: Browser, lite: Colorizer) -> None:
    """It says that the server cannot be reached, also where there is no photo yet, and works once it can."""
    page = browser.new_page(locale="en-US", viewport={"width": 360, "height": 640})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(serve(create_app(colorizer=lite)) + "/v1/index")
    expect(page.locator("html.js")).to_have_count(1)
    page.context.set_offline(True)
    page.locator("#try-sample").click()
    expect(page.get_by_text("The server cannot be reached.")).to_be_in_viewport()
    page.context.set_offline(False)
    page.locator("#try-sample").click()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    expect(page.get_by_text("The server cannot be reached.")).to_have_count(0)
    page.close()
    assert wrong == []


def test_remove_all_forgets_the_colors_too(page: Page, photos: list[Path]) -> None:
    """The colors used last are there after a reload, and gone after everything was removed."""
    bring(page, photos[0])
    edit(page)
    page.locator(".palette .swatch").first.click()
    page.reload()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    edit(page)
    expect(page.locator("#recent .swatch")).to_have_count(1)
    page.keyboard.press("Escape")
    page.locator("#forget-all").click()
    page.locator("#restore").click()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    edit(page)
    expect(page.locator("#recent .swatch")).to_have_count(0)
