"""Every page against axe-core, the reference checker of accessibility, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import axe_core
import pytest
from axe_core import violations
from playwright.sync_api import Page, expect

from colorful import Colorizer
from colorful.web import create_app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return axe_core.source()


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_no_page_keeps_anybody_out(
    serve: Callable[..., str],
    visit: Callable[..., Page],
    axe: str,
    lite: Colorizer,
    photos: list[Path],
    scheme: str,
    locale: str,
) -> None:
    """Home, cards, editor, show and error pages have no serious or critical violation, in any dress."""
    address = serve(create_app(colorizer=lite))
    page = visit(address, color_scheme=scheme, locale=locale, reduced_motion="reduce")
    assert violations(page, axe) == []
    page.locator("#choose").set_input_files([str(path) for path in photos])
    expect(page.locator('.card[data-state="ready"]')).to_have_count(2)
    assert violations(page, axe) == []
    page.locator(".card .adjust").first.click()
    page.locator("#point-add").click()
    expect(page.locator("#swatches .swatch").first).to_be_visible()
    assert violations(page, axe) == []
    page.locator("#dropper").click()
    assert violations(page, axe) == []
    page.locator("#pick").fill("#3060c0")
    page.locator("#places").click()
    expect(page.locator(".ring").first).to_be_visible()
    assert violations(page, axe) == []
    page.locator("#tab input[value=look]").check()
    page.locator("#vary").click()
    expect(page.locator("#variants .variant").first).to_be_visible()
    page.locator("#examples button").click()  # the other photo as the example
    expect(page.locator("#example-none")).to_be_visible()
    for name in ("brush", "look", "save"):
        page.locator(f"#tab input[value={name}]").check()
        assert violations(page, axe) == [], name
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")  # the cross
    page.keyboard.press("+")
    page.locator("#view input").nth(1).check()
    assert violations(page, axe) == []
    page.keyboard.down("o")
    assert violations(page, axe) == []
    page.keyboard.up("o")
    page.locator("#tab input[value=points]").check()
    assert violations(page, axe) == []  # colors used last
    page.keyboard.press("Escape")
    page.locator(".card .remove").nth(1).click()
    expect(page.locator("#toast")).to_be_visible()
    assert violations(page, axe) == []
    plain = visit(address, color_scheme=scheme, locale=locale, java_script_enabled=False)
    plain.locator("#choose").set_input_files(str(photos[0]))
    plain.locator(".submit").click()
    shown = plain.url, plain.content()
    assert "/v1/results/" in shown[1]
    page.route("**/v1/index", lambda route: route.fulfill(body=shown[1], content_type="text/html"))
    page.goto(address + "/v1/index")
    page.locator(".compare .slider").press("End")  # with scripts, a slider lies over both pictures
    expect(page.locator(".compare .slider")).to_have_attribute("aria-valuetext", "100 %")
    assert violations(page, axe) == []
    page.unroute("**/v1/index")
    error = page.request.get(address + "/nowhere", headers={"Accept": "text/html"}).text()
    page.route("**/v1/index", lambda route: route.fulfill(body=error, content_type="text/html"))
    page.goto(address + "/v1/index")
    expect(page.locator(".failure")).to_be_visible()
    assert violations(page, axe) == []
