"""What leaves the editor: side by side, to the clipboard, to the share sheet; bytes are opened by Pillow."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from colorful import Colorizer
from colorful.web import create_app

pytestmark = pytest.mark.slow

# Stands in for the share sheet of a device, and keeps what it is given.
SHARE_SHEET = """
  navigator.canShare = ({ files }) => files.length > 0;
  navigator.share = async ({ files: [file] }) => {
    if (window.refusal) throw new DOMException("in the browser's words", window.refusal);
    const bytes = new Uint8Array(await file.arrayBuffer());
    const text = Array.from(bytes, (one) => String.fromCharCode(one)).join("");
    window.shared = [file.name, file.type, btoa(text)];
  };
"""
CLIPBOARD = """async () => {
  const [item] = await navigator.clipboard.read();
  const bytes = new Uint8Array(await (await item.getType("image/png")).arrayBuffer());
  return btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""));
}"""


@pytest.fixture
def saving(
    serve: Callable[..., str], visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> Callable[..., Page]:
    """Open the editor on the first photo, where it is saved."""

    def start(script: str = "", **options: Any) -> Page:
        page = visit(serve(create_app(colorizer=lite)), **options)
        if script:
            page.add_init_script(script)
            page.reload()
        page.locator("#choose").set_input_files(str(photos[0]))
        expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
        page.locator(".card .adjust").click()
        page.locator("#tab input[value=save]").check()
        return page

    return start


def opened(data: bytes) -> npt.NDArray[np.uint8]:
    """Open a picture as RGB."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def assert_side_by_side(pair: npt.NDArray[np.uint8], photo: Path, lite: Colorizer) -> None:
    """Check that the photo stands to the left of the result, in their own pixels."""
    grey, colored = opened(photo.read_bytes()), opened_of(lite, photo)
    height, width = grey.shape[:2]
    assert pair.shape[0] == height
    assert 0 < pair.shape[1] - 2 * width <= width // 20  # a narrow gap
    np.testing.assert_array_equal(pair[:, :width], grey)
    np.testing.assert_array_equal(pair[:, -width:], colored)


def opened_of(lite: Colorizer, photo: Path) -> npt.NDArray[np.uint8]:
    """Color a photo without the page."""
    return np.asarray(lite.colorize(photo.read_bytes()))


def test_before_and_after_side_by_side(
    saving: Callable[..., Page], photos: list[Path], lite: Colorizer
) -> None:
    """One box makes the download a picture of both, in the format that is chosen."""
    page = saving()
    page.locator("#pair").check()
    page.get_by_label("File format").select_option("webp")
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "colorized_coffee.webp"
    with Image.open(download.value.path()) as webp:
        assert webp.format == "WEBP"
    page.get_by_label("File format").select_option("")
    with page.expect_download() as download:
        page.locator("#pair").press("Enter")  # as forms are sent
    assert_side_by_side(opened(download.value.path().read_bytes()), photos[0], lite)
    expect(page.locator("#editor")).to_be_visible()


def test_copy_puts_the_result_on_the_clipboard(
    saving: Callable[..., Page], photos: list[Path], lite: Colorizer
) -> None:
    """What another program would paste is the result at full size, or the pair where that is chosen."""
    page = saving(permissions=["clipboard-read", "clipboard-write"])

    def copied() -> npt.NDArray[np.uint8]:
        page.locator("#copy").click()
        expect(page.locator("#editor-state")).to_be_empty()
        return opened(base64.b64decode(page.evaluate(CLIPBOARD)))

    np.testing.assert_array_equal(copied(), opened_of(lite, photos[0]))
    page.locator("#pair").check()
    assert_side_by_side(copied(), photos[0], lite)


def test_share_gives_a_file_to_the_share_sheet(
    saving: Callable[..., Page], photos: list[Path], lite: Colorizer
) -> None:
    """Where the device shares files, it gets the result under its name; else there is no such button."""
    expect(saving(script="delete Navigator.prototype.canShare").locator("#share")).to_be_hidden()
    page = saving(SHARE_SHEET)
    page.locator("#share").click()
    expect(page.locator("#editor-state")).to_be_empty()
    name, kind, data = page.evaluate("window.shared")
    assert (name, kind) == ("colorized_coffee.png", "image/png")
    np.testing.assert_array_equal(opened(base64.b64decode(data)), opened_of(lite, photos[0]))


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("AbortError", ""),
        ("NotAllowedError", "The browser did not allow it. Please press the button once more."),
    ],
)
def test_a_share_sheet_that_says_no(saving: Callable[..., Page], refusal: str, words: str) -> None:
    """Closing the sheet is no problem; where the browser has forgotten the click meanwhile, it says so."""
    page = saving(SHARE_SHEET)
    page.evaluate("(name) => { window.refusal = name; }", refusal)
    with page.expect_response("**/v1/results/*"):  # before, it says that it colors
        page.locator("#share").click()
    expect(page.locator("#editor-state")).to_have_text(words)
