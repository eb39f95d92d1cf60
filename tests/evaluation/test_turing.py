from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser
from scipy import stats

from colorful.errors import OptionError, PhotosError
from colorful.evaluation.turing import turing_page
from colorful.models import Network
from colorful.photos import find_photos

Guess = Callable[..., Network]

# Notes when the pair of photos comes and goes, and whether it is to be seen then.
WATCH = """
window.changes = [];
new MutationObserver(() => {
  const shown = document.getElementById("pair").classList.contains("shown");
  const seen = getComputedStyle(document.getElementById("left")).visibility === "visible";
  window.changes.push({ shown, seen, at: performance.now() });
}).observe(document.getElementById("pair"), { attributes: true });
"""


def data_of(page: str) -> dict[str, Any]:
    """Read what a page embeds."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match
    data: dict[str, Any] = json.loads(match[1])
    return data


def pixels_of(url: str) -> np.ndarray:
    """Decode an embedded picture."""
    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as image:
        return np.asarray(image, dtype=np.float64)


def test_a_page_holds_the_photos_and_reaches_for_nothing(
    album: Path, guess: Guess, caplog: pytest.LogCaptureFixture
) -> None:
    """Color photos only, real and colored at one size and quality; no address. What is left out is said."""
    page = turing_page(album, model=guess((30.0, 0.0)), size=64)
    assert caplog.messages == ["5 pairs; photos passed over: 1 grey, 1 toned, 1 unreadable"]
    data = data_of(page)
    assert {pair["photo"] for pair in data["pairs"]} == {
        "astronaut.png", "cat.png", "cup.png", "face.png", "rocket.png",
    }  # fmt: skip
    for pair in data["pairs"]:
        real, colored = pixels_of(pair["real"]), pixels_of(pair["colored"])
        assert real.shape == colored.shape == (64, 64, 3)
        with Image.open(album / pair["photo"]) as image:
            true = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC), dtype=np.float64)
        assert abs(real - true).mean() < 4
        assert abs(colored - true).mean() > 4
    assert not re.findall(r"(?:src|href)=|https?:|//[a-z]+\.", page.replace(json.dumps(data), ""))
    assert len(data["about"]["weights_sha256"]) == 64


def test_the_seed_decides_order_and_sides(album: Path, guess: Guess) -> None:
    """The same seed makes the same page; over seeds the real photo is on either side about as often."""
    one, same = (turing_page(album, model=guess(), size=16, seed=4) for _ in range(2))
    assert one == same
    sides = [
        pair["real_side"]
        for seed in range(12)
        for pair in data_of(turing_page(album, model=guess(), size=16, seed=seed))["pairs"]
    ]
    assert 18 <= sides.count("left") <= 42
    assert len(data_of(turing_page(album, model=guess(), size=16, pairs=2))["pairs"]) == 2


def test_a_name_cannot_break_out_of_the_page(album: Path, guess: Guess, tmp_path: Path) -> None:
    """A photo named like markup stays a name."""
    name = "<script>alert(1)<!-- &.png"
    (tmp_path / name).write_bytes((album / "cup.png").read_bytes())
    page = turing_page(tmp_path, model=guess(), size=16)
    assert "alert(1)<" not in page
    assert data_of(page)["pairs"][0]["photo"] == name


def test_a_page_needs_color_photos(album: Path, guess: Guess) -> None:
    """Grey photos alone make no page, nor does a count of 0 or a time without end, which JSON cannot hold."""
    with pytest.raises(PhotosError, match="expected color photos"):
        turing_page([album / "grey.png", album / "broken.png"], model=guess(), size=16)
    with pytest.raises(OptionError, match="pairs"):
        turing_page(album, model=guess(), pairs=0)
    with pytest.raises(OptionError, match="seconds"):
        turing_page(album, model=guess(), seconds=float("inf"))


@pytest.mark.slow
def test_ten_answers_in_a_browser_give_the_count_and_its_interval(
    browser: Browser, album: Path, guess: Guess, tmp_path: Path
) -> None:
    """Opened from disk, the page hides each pair after its time, counts, and saves every answer."""
    photos = [photo.load() for photo in find_photos(album) if photo.name in ("cup.png", "cat.png")]
    shifted = [np.roll(pixels, shift, axis=1) for pixels in photos for shift in (0, 11, 22, 33, 44)]
    page_file = tmp_path / "page #1.html"
    page_file.write_text(
        turing_page(shifted, model=guess((25.0, 10.0)), size=48, pairs=10, seconds=0.25), encoding="utf-8"
    )
    data = data_of(page_file.read_text(encoding="utf-8"))
    wrong = {1, 4, 8}
    context = browser.new_context()
    try:
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(page_file.as_uri())
        page.evaluate(WATCH)
        page.get_by_role("button", name="Begin").click()
        for number, pair in enumerate(data["pairs"]):
            page.wait_for_selector("#choose-left:enabled")
            assert page.locator("#number").inner_text() == f"Pair {number + 1} of 10"
            assert page.locator("#left").get_attribute("src") == (
                pair["real"] if pair["real_side"] == "left" else pair["colored"]
            )
            if number == 0:  # one is answered late: the pair is gone by then
                page.wait_for_function("changes.length > 1 && !changes.at(-1).shown")
                changes = page.evaluate("changes")
            real = pair["real_side"]
            side = {"left": "right", "right": "left"}[real] if number in wrong else real
            if number % 2:
                page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight"}[side])
            else:
                page.get_by_role("button", name=f"The {side} one is real").click()
        page.wait_for_selector("#end:not([hidden])")
        headline, meaning = page.locator("#fooled").inner_text(), page.locator("#meaning").inner_text()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the result").click()
        download.value.save_as(tmp_path / "result.json")
    finally:
        context.close()
    assert problems == []
    assert all(change["shown"] == change["seen"] for change in changes)
    appeared, gone = changes[-2:]
    assert appeared["shown"]
    assert not gone["shown"]
    assert gone["at"] - appeared["at"] >= 250
    assert headline == "Fooled: 30.0 %"
    interval = stats.binomtest(3, 10).proportion_ci(method="wilson")
    low, high = 100 * interval.low, 100 * interval.high
    assert f"3 of 10 times (95 % interval: {low:.1f} to {high:.1f} %)" in meaning
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["fooled"]["count"] == 3
    assert result["fooled"]["of"] == 10
    assert (result["fooled"]["low"], result["fooled"]["high"]) == pytest.approx((low, high), abs=1e-6)
    assert [answer["photo"] for answer in result["answers"]] == [pair["photo"] for pair in data["pairs"]]
    assert {number for number, answer in enumerate(result["answers"]) if answer["fooled"]} == wrong
    assert result["answers"][0]["milliseconds"] >= 250
