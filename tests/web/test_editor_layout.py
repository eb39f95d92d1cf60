"""Where things lie in the editor, on screens of several sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from waiting import eventually

from colorful import Colorizer
from colorful.web import create_app

pytestmark = pytest.mark.slow


@pytest.fixture
def open_editor(
    serve: Callable[..., str], visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> Callable[[int, int], Page]:
    """Open the editor on a screen of a width and height."""

    def start(width: int, height: int) -> Page:
        page = visit(serve(create_app(colorizer=lite)), viewport={"width": width, "height": height})
        page.locator("#choose").set_input_files(str(photos[0]))
        expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
        page.locator(".card .adjust").click()
        expect(page.locator("#stage:not([aria-busy])")).to_be_visible()
        return page

    return start


def test_the_photo_lies_in_the_middle_whatever_room_the_tools_take(
    open_editor: Callable[[int, int], Page],
) -> None:
    """On an upright tablet the tools lie below and differ in height; the photo is fitted into the rest."""
    page = open_editor(820, 1180)
    heights = set()
    for tab in ("points", "brush", "look", "save", "points"):
        page.locator(f"#tab input[value={tab}]").check()
        eventually(page, lambda: assert_fitted(page))
        heights.add(round(page.locator("#stage").bounding_box()["height"]))
    assert len(heights) > 1


def assert_fitted(page: Page) -> None:
    """Check that the photo lies in the middle of the stage and fills it."""
    stage, canvas = (page.locator(name).bounding_box() for name in ("#stage", "#canvas"))
    for start, length in (("x", "width"), ("y", "height")):
        middle = stage[start] + stage[length] / 2
        assert canvas[start] + canvas[length] / 2 == pytest.approx(middle, abs=2), start
    assert min((stage[side] - canvas[side]) / 2 for side in ("width", "height")) <= 17


@pytest.mark.parametrize(("width", "height"), [(360, 740), (820, 1180), (1280, 700)])
def test_the_choice_of_tools_stays_in_sight(
    open_editor: Callable[[int, int], Page], width: int, height: int
) -> None:
    """However far the tools are scrolled, another page of them is one click away."""
    page = open_editor(width, height)
    tabs, first = (page.locator(name).bounding_box() for name in ("#tab", "#hint-panel"))
    assert tabs["y"] + tabs["height"] < first["y"] - 8  # and lies over nothing where nothing is scrolled
    page.locator("#point-add").click()
    expect(page.locator("#swatches .swatch").first).to_be_visible()
    page.locator(".panel").evaluate("(panel) => panel.scrollTo(0, panel.scrollHeight)")
    tab = page.locator("#tab label").nth(1)
    expect(tab).to_be_in_viewport(ratio=1)
    tab.click()  # which fails where something lies over it
    expect(page.locator("#size")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(667, 375), (740, 360), (844, 390)])
def test_a_phone_on_its_side_has_the_tools_beside_the_photo(
    open_editor: Callable[[int, int], Page], width: int, height: int
) -> None:
    """Photo and tools are seen together, below one row of buttons."""
    page = open_editor(width, height)
    bar, stage, tools = (page.locator(name).bounding_box() for name in (".editor-bar", "#stage", ".panel"))
    assert bar["height"] < 56
    assert stage["height"] > 0.8 * height
    assert stage["x"] + stage["width"] <= tools["x"]
    assert tools["y"] + tools["height"] <= height
    expect(page.locator("#done")).to_be_in_viewport(ratio=1)
    assert page.locator("#tab").bounding_box()["height"] < 60
    assert page.locator("#editor").evaluate("(one) => one.scrollWidth <= one.clientWidth")


def test_the_last_words_are_whole_at_400_percent(open_editor: Callable[[int, int], Page]) -> None:
    """On 320 x 256 pixels no button is broken within its word, and nothing is scrolled sideways."""
    page = open_editor(320, 256)
    assert page.locator("#editor").evaluate("(one) => one.scrollWidth <= one.clientWidth")
    page.keyboard.press("Escape")
    page.locator(".card .remove").click()
    box = page.locator("#restore").bounding_box()
    assert box["height"] < 50
    assert box["x"] + box["width"] <= 320
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_text_of_twice_the_size_fits_on_a_phone(open_editor: Callable[[int, int], Page]) -> None:
    """Where letters are large, nothing of the page or the editor lies beside the screen."""
    page = open_editor(390, 800)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.locator("#editor").evaluate("(one) => one.scrollWidth <= one.clientWidth")
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
