"""Several tabs of one browser: they show one album, whichever of them changes it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect
from waiting import eventually, kept
from web_samples import chroma

from colorful import Colorizer
from colorful.web import create_app

pytestmark = pytest.mark.slow


@pytest.fixture
def tabs(
    serve: Callable[..., str], visit: Callable[..., Page], lite: Colorizer
) -> tuple[Page, Page, list[str]]:
    """Give two tabs, and the list of the uploads that they send."""
    address = serve(create_app(colorizer=lite))
    one = visit(address)
    two = visit(address, beside=one)
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/v1/photos"):
            sent.append(request.url)

    for page in (one, two):
        page.on("request", note)
        expect(page.locator("html.js")).to_have_count(1)
    return one, two, sent


def choose(page: Page, path: Path) -> None:
    """Choose a file as with the file dialog."""
    page.locator("#choose").set_input_files(str(path))


def ready(page: Page, *names: str) -> None:
    """Wait until just these photos are there, in color."""
    expect(page.locator(".card .name")).to_have_text(list(names))
    expect(page.locator('.card[data-state="ready"]')).to_have_count(len(names))


def colorfulness(page: Page) -> float:
    """Give the chroma of what the first card shows."""
    return chroma(Image.open(io.BytesIO(page.locator(".card .compare").first.screenshot())))


def test_a_photo_and_its_edits_are_the_same_in_both(
    tabs: tuple[Page, Page, list[str]], photos: list[Path]
) -> None:
    """What one tab takes in, edits or undoes, the other one shows, also in its editor; it is sent once."""
    one, two, sent = tabs
    choose(one, photos[0])
    ready(two, "coffee.png")
    one.locator(".card .adjust").click()
    one.locator("#tab input[value=look]").check()
    one.locator("#saturation").fill("0")
    eventually(two, lambda: colorfulness(two) < 1)
    two.locator(".card .adjust").click()
    two.locator("#tab input[value=look]").check()
    expect(two.locator("#saturation")).to_have_value("0")
    two.locator("#strength").fill("0.5")  # a step after that of the other tab
    expect(one.locator("#strength")).to_have_value("0.5")
    one.keyboard.press("Control+z")
    one.keyboard.press("Control+z")
    expect(two.locator("#saturation")).not_to_have_value("0")
    expect(two.locator("#strength")).to_have_value("1")
    two.keyboard.press("Control+y")
    expect(one.locator("#saturation")).to_have_value("0")
    for page in (one, two):
        page.keyboard.press("Escape")
        page.reload()
        ready(page, "coffee.png")
        eventually(page, lambda page=page: colorfulness(page) < 1)
    assert len(sent) == 1


def test_what_is_removed_in_one_is_gone_in_both(
    tabs: tuple[Page, Page, list[str]], photos: list[Path]
) -> None:
    """A removal closes the other tab's editor on that photo and loses no other; its undo is seen, too."""
    one, two, _ = tabs
    choose(one, photos[0])
    ready(two, "coffee.png")
    choose(two, photos[1])
    ready(one, "coffee.png", "chelsea.png")
    two.locator(".card .adjust").first.click()
    expect(two.locator("#editor-title")).to_have_text("Adjust coffee.png")
    two.locator("#tab input[value=look]").check()
    two.locator("#saturation").fill("0")
    eventually(one, lambda: colorfulness(one) < 1)
    one.locator(".card .remove").first.click()
    expect(two.locator("#editor")).to_be_hidden()
    ready(two, "chelsea.png")
    eventually(two, lambda: [photo["name"] for photo in kept(two)] == ["chelsea.png"])
    one.locator("#restore").click()
    ready(two, "coffee.png", "chelsea.png")
    eventually(two, lambda: colorfulness(two) < 1)  # as it was edited
    for page in (one, two):
        page.reload()
        ready(page, "coffee.png", "chelsea.png")
    two.locator("#forget-all").click()
    expect(one.locator(".card")).to_have_count(0)
    assert kept(one) == []


def test_both_take_photos_in_at_the_same_time(tabs: tuple[Page, Page, list[str]], photos: list[Path]) -> None:
    """Of photos that come in two tabs at once, none is lost and none comes twice."""
    one, two, sent = tabs
    choose(one, photos[0])
    choose(two, photos[1])
    for page in (one, two):
        expect(page.locator('.card[data-state="ready"]')).to_have_count(2)
        assert sorted(page.locator(".card .name").all_inner_texts()) == ["chelsea.png", "coffee.png"]
    for page in (one, two):
        page.reload()
        expect(page.locator('.card[data-state="ready"]')).to_have_count(2)
    assert len(sent) == 2
