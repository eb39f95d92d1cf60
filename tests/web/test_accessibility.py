"""Every page against axe-core, the reference checker of accessibility, in a real browser."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from colorful import Colorizer
from colorful.web import create_app

pytestmark = pytest.mark.slow

AXE = "4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, from npm or from where an earlier run kept it."""
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "colorful-tests"
        / f"axe-core-{AXE}"
    )
    script = cache / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            if os.environ.get("CI"):
                pytest.fail("no npm here, and the pages must be checked by axe-core: apt-get install npm")
            pytest.skip("NO NPM, ACCESSIBILITY IS NOT TESTED: axe-core comes from the npm registry")
        cache.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(cache), "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run([*command, f"axe-core@{AXE}"], check=True, capture_output=True, timeout=120)
    source = script.read_bytes()
    assert hashlib.sha256(source).hexdigest() == AXE_SHA256
    return source.decode()


def violations(page: Page, axe: str) -> list[str]:
    """Name what axe-core finds serious or critical on a page as it stands."""
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    assert found["testEngine"]["version"] == AXE
    assert len(found["passes"]) > 10
    return [
        f"{one['id']}: {one['help']}: {node['html']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


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
    expect(page.locator(".swatch").first).to_be_visible()
    assert violations(page, axe) == []
    page.locator("#dropper").click()
    assert violations(page, axe) == []
    page.locator("#pick").fill("#3060c0")
    page.locator("#places").click()
    expect(page.locator(".ring").first).to_be_visible()
    assert violations(page, axe) == []
    page.locator("#tab input[value=look]").check()
    page.locator("#vary").click()
    expect(page.locator(".variant").first).to_be_visible()
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
    expect(page.locator(".compare")).to_be_visible()
    assert violations(page, axe) == []
    page.unroute("**/v1/index")
    error = page.request.get(address + "/nowhere", headers={"Accept": "text/html"}).text()
    page.route("**/v1/index", lambda route: route.fulfill(body=error, content_type="text/html"))
    page.goto(address + "/v1/index")
    expect(page.locator(".failure")).to_be_visible()
    assert violations(page, axe) == []
