"""The editor in a real browser: zoom, brush, palettes, keys, and what outlives the tab."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from skimage import data
from skimage.color import rgb2lab
from waiting import eventually, kept
from web_samples import chroma

from colorful import Colorizer, Hint
from colorful.web import create_app
from colorful.web.app import studio_of

pytestmark = pytest.mark.slow

Serve = Callable[..., str]
CHROMIUM = os.environ.get("COLORFUL_CHROMIUM") or shutil.which("chromium")
# Where a spot of the stage lies on the photo, in shares of its sides.
SHARE = """([x, y]) => {
  const box = document.getElementById("canvas").getBoundingClientRect();
  return [(x - box.left) / box.width, (y - box.top) / box.height, box.width, box.height];
}"""


def stage(page: Page) -> NDArray[np.int64]:
    """Take a picture of the stage."""
    shot = Image.open(io.BytesIO(page.locator("#stage").screenshot()))
    return np.asarray(shot.convert("RGB")).astype(np.int64)


def settled(page: Page) -> None:
    """Wait until the picture has followed."""
    expect(page.locator("#stage:not([aria-busy])")).to_be_visible()


def tools(page: Page, name: str) -> None:
    """Choose a page of the panel: points, brush, look or save."""
    page.locator(f"#tab input[value={name}]").check()


def focused(page: Page) -> str:
    """Name what has the focus: its id, else its class, else its tag."""
    return str(
        page.evaluate(
            "['id', 'className', 'tagName'].map((key) => document.activeElement[key]).find(Boolean)"
        )
    )


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A photo larger than any display: 3600 x 2400 pixels, each of which counts."""
    path = tmp_path / "scan.png"
    grey = Image.fromarray(data.coffee()).convert("L").resize((3600, 2400), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(1).integers(-20, 21, (2400, 3600))
    pixels = (np.asarray(grey, int) + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, compress_level=1)
    return path


@pytest.fixture
def open_editor(serve: Serve, visit: Callable[..., Page], lite: Colorizer) -> Callable[..., Page]:
    """Open the editor on a photo."""

    def start(path: Path, **options: Any) -> Page:
        page = visit(serve(create_app(colorizer=lite)), **options)
        page.locator("#choose").set_input_files(str(path))
        expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
        page.locator(".card .adjust").click()
        settled(page)
        return page

    return start


def test_each_of_three_points_is_undone_by_keys_and_the_focus_stays(
    open_editor: Callable[..., Page], photos: list[Path]
) -> None:
    """Ctrl-Z is heard three times in a row after three clicks; the focus never falls out of the editor."""
    page = open_editor(photos[0])
    assert focused(page) == "editor-title"
    box = page.locator("#canvas").bounding_box()
    for share in (0.2, 0.5, 0.8):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.2 * box["height"])
        assert focused(page) == "point"
    expect(page.locator("#swatches .swatch").first).to_be_visible()
    names = []
    for left in (2, 1, 0):
        page.keyboard.press("Control+z")
        expect(page.locator(".point")).to_have_count(left)
        names.append(focused(page))
    assert names == ["stage", "stage", "stage"]
    page.keyboard.press("Control+y")
    expect(page.locator(".point")).to_have_count(1)
    page.locator("#undo").press("Enter")  # which runs out
    expect(page.locator("#undo")).to_be_focused()
    expect(page.locator("#undo")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator(".point")).to_have_count(1)
    page.locator(".point").focus()
    page.locator("#swatches .swatch").nth(1).press("Enter")
    settled(page)
    assert focused(page) == "swatch"


def test_the_wheel_zooms_at_the_pointer(open_editor: Callable[..., Page], scan: Path) -> None:
    """What lies under the pointer stays there within two pixels, from fit to 400 % and back; drags pan."""
    page = open_editor(scan)
    stage = page.locator("#stage").bounding_box()
    spot = [round(stage["x"] + stage["width"] * 0.6), round(stage["y"] + stage["height"] * 0.45)]
    page.mouse.move(*spot)
    fit = page.evaluate(SHARE, spot)
    for _ in range(40):
        page.mouse.wheel(0, -120)
    expect(page.locator("#canvas")).to_have_css("width", f"{4 * 3600}px")
    near = page.evaluate(SHARE, spot)
    for axis in (0, 1):
        assert abs(near[axis] - fit[axis]) * near[axis + 2] <= 2
    page.mouse.down()
    page.mouse.move(spot[0] + 120, spot[1] + 60, steps=6)
    page.mouse.up()
    moved = page.evaluate(SHARE, spot)
    assert (near[0] - moved[0]) * near[2] == pytest.approx(120, abs=2)
    expect(page.locator(".point")).to_have_count(0)
    page.mouse.move(*spot)
    page.keyboard.press("-")
    assert page.evaluate(SHARE, spot)[2] == pytest.approx(4 * 3600 / 1.5, abs=1)
    page.mouse.dblclick(*spot)
    assert page.evaluate(SHARE, spot)[2] == pytest.approx(fit[2], abs=1)
    expect(page.locator(".point")).to_have_count(0)


def test_two_fingers_zoom_the_photo_and_not_the_page(open_editor: Callable[..., Page], scan: Path) -> None:
    """A pinch makes the photo larger between the fingers; the page keeps its size; one finger pans."""
    page = open_editor(scan, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    stage = page.locator("#stage").bounding_box()
    middle = [stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2]
    touch = page.context.new_cdp_session(page)
    before = page.evaluate(SHARE, middle)

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    for apart in range(20, 81, 4):
        kind = "touchStart" if apart == 20 else "touchMove"
        fingers(kind, (middle[0] - apart, middle[1]), (middle[0] + apart, middle[1]))
    fingers("touchEnd")
    after = page.evaluate(SHARE, middle)
    assert after[2] == pytest.approx(4 * before[2], rel=0.05)
    assert abs(after[0] - before[0]) * after[2] <= 4
    assert page.evaluate("visualViewport.scale") == 1
    fingers("touchStart", tuple(middle))
    for step in range(1, 6):
        fingers("touchMove", (middle[0] + 10 * step, middle[1]))
    fingers("touchEnd")
    assert (after[0] - page.evaluate(SHARE, middle)[0]) * after[2] == pytest.approx(50, abs=3)
    expect(page.locator(".point")).to_have_count(0)


def own_pixels(page: Page, size: tuple[int, int], part: str) -> tuple[np.ndarray, tuple[int, int]]:
    """Read what an image over the photo shows at 100 %, and where on the photo its corner lies."""
    expect(page.locator(f"#canvas .{part}.part")).to_have_attribute("src", re.compile("."))
    settled(page)
    expect(page.locator(f"#canvas .{part}.part")).not_to_have_js_property("naturalWidth", 0)
    left, top, width, height, pixels = page.locator(f"#canvas .{part}.part").evaluate(
        """(image) => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const pen = canvas.getContext("2d");
            pen.drawImage(image, 0, 0);
            const { left, top } = image.style;
            const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
            let text = "";
            for (let at = 0; at < pixels.length; at += 32768) {
                text += String.fromCharCode(...pixels.subarray(at, at + 32768));
            }
            return [left, top, canvas.width, canvas.height, btoa(text)];
        }"""
    )
    shown = np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(height, width, 4)[..., :3]
    corner = (round(float(left[:-1]) / 100 * size[0]), round(float(top[:-1]) / 100 * size[1]))
    return shown, corner


def looks_like_the_download(open_editor: Callable[..., Page], path: Path, size: tuple[int, int]) -> None:
    """Compare what is shown at 100 % with the file that is downloaded."""
    page = open_editor(path)
    page.keyboard.press("1")
    assert page.locator("#canvas").bounding_box()["width"] == size[0]
    shown, (x, y) = own_pixels(page, size, "after")
    page.locator("#view").get_by_label("Compare").check()
    before, _ = own_pixels(page, size, "before")
    tools(page, "save")
    with page.expect_download(timeout=120_000) as download:
        page.locator("#save").click()
    Image.MAX_IMAGE_PIXELS = None
    result = np.asarray(Image.open(download.value.path()))
    assert result.shape[1::-1] == size
    crop = result[y : y + shown.shape[0], x : x + shown.shape[1]]
    assert crop.shape == shown.shape
    difference = np.abs(crop.astype(int) - shown)
    assert difference.mean() < 3, difference.mean()  # what JPEG loses; another pixel is 20 steps away
    assert np.percentile(difference, 99.9) < 16
    grey = np.asarray(Image.open(path))[y : y + before.shape[0], x : x + before.shape[1]]
    assert np.abs(before[..., 0].astype(int) - grey).mean() < 3


def test_at_100_percent_a_photo_shows_its_own_pixels(open_editor: Callable[..., Page], scan: Path) -> None:
    """Looked at closely, before and after are those of the file, not a preview blown up."""
    looks_like_the_download(open_editor, scan, (3600, 2400))


@pytest.mark.load
def test_50_megapixels_show_their_own_pixels(open_editor: Callable[..., Page], tmp_path: Path) -> None:
    """The same for a scan of 50 megapixels."""
    path = tmp_path / "large.png"
    grey = Image.fromarray(data.camera()).resize((8660, 5774), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(1).integers(-20, 21, (5774, 8660), dtype=np.int16)
    Image.fromarray((np.asarray(grey) + noise).clip(0, 255).astype(np.uint8)).save(path, compress_level=1)
    looks_like_the_download(open_editor, path, (8660, 5774))


def test_what_the_brush_covers_stays_grey(
    open_editor: Callable[..., Page], photos: list[Path], lite: Colorizer
) -> None:
    """A stroke is grey in the picture and in the download, its eraser takes it back, and undo both."""
    page = open_editor(photos[0])
    tools(page, "brush")
    box = page.locator("#canvas").bounding_box()

    def draw(*shares: tuple[float, float]) -> None:
        for number, (x, y) in enumerate(shares):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
            if number == 0:
                page.mouse.down()
        page.mouse.up()
        settled(page)

    page.locator("#size").evaluate("(one) => { one.value = 20; one.dispatchEvent(new Event('input')); }")
    draw((0.2, 0.5), (0.8, 0.5))
    page.locator("#pen input[value=erase]").check()
    draw((0.8, 0.3), (0.8, 0.7))
    tools(page, "save")
    with page.expect_download() as download:
        page.locator("#save").click()
    result = np.asarray(Image.open(download.value.path())).astype(int)
    plain = np.asarray(lite.colorize(photos[0].read_bytes())).astype(int)
    grey = np.asarray(Image.open(photos[0])).astype(int)
    np.testing.assert_array_equal(result[95:106, 70:200], np.repeat(grey[95:106, 70:200, None], 3, axis=2))
    np.testing.assert_array_equal(result[:70], plain[:70])
    np.testing.assert_array_equal(result[95:106, 232:250], plain[95:106, 232:250])
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    settled(page)
    assert page.locator("#undo").get_attribute("aria-disabled") == "true"
    tools(page, "brush")
    page.locator("#pen input[value=paint]").check()
    page.locator("#stage").focus()
    page.keyboard.press("Enter")
    settled(page)
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    with page.expect_request("**/preview") as asked:
        page.keyboard.press("Shift+Enter")
    strokes = asked.value.post_data_json["keep"]
    assert [len(stroke["points"]) for stroke in strokes] == [1, 2]


def test_colors_come_from_palettes_the_photo_and_those_used_last(
    open_editor: Callable[..., Page], photos: list[Path]
) -> None:
    """Swatches have names, give the point their color, and are at hand again; so are colors of the photo."""
    page = open_editor(photos[0])
    sky = page.locator(".palette .swatches").nth(1).locator(".swatch").nth(1)
    assert sky.get_attribute("title") == "blue"
    sky.click()
    box = page.locator("#canvas").bounding_box()
    page.mouse.click(box["x"] + 40, box["y"] + 40)
    expect(page.locator("#pick")).to_have_value(str(sky.get_attribute("value")))
    expect(page.locator("#recent .swatch")).to_have_count(1)
    page.locator("#dropper").click()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.8)
    expect(page.locator("#recent .swatch")).to_have_count(2)
    expect(page.locator(".point")).to_have_count(1)
    expect(page.locator("#pick")).not_to_have_value(str(sky.get_attribute("value")))
    expect(page.locator(".point")).to_have_attribute("aria-label", re.compile(r"Point 1, \w+"))


def test_points_are_as_light_as_their_place_when_the_editor_opens_again(
    open_editor: Callable[..., Page], photos: list[Path]
) -> None:
    """A point shows its color as the spot takes it: with the photo's own lightness, also the next time."""
    page = open_editor(photos[0])
    page.locator("#point-add").click()
    expect(page.locator(".point")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#editor")).to_be_hidden()
    page.locator(".card .adjust").click()
    expect(page.locator("#editor")).to_be_visible()
    settled(page)
    grey = np.repeat(np.asarray(Image.open(photos[0]))[..., None], 3, axis=2)
    light = float(rgb2lab(grey)[100, 150, 0])  # in the middle of 300 x 200

    def shown() -> float:
        return float(page.locator(".point").evaluate("(one) => one.style.getPropertyValue('--light')"))

    assert light > 20
    eventually(page, lambda: abs(shown() - light) < 4)


def test_a_held_key_shows_the_original(open_editor: Callable[..., Page], photos: list[Path]) -> None:
    """While O or the button is held, the photo is grey; then it is in color. Strength goes between."""
    page = open_editor(photos[0])
    canvas = page.locator("#canvas")

    def colorfulness() -> float:
        settled(page)
        return chroma(Image.open(io.BytesIO(canvas.screenshot())))

    full = colorfulness()
    assert full > 5
    page.keyboard.down("o")
    eventually(page, lambda: colorfulness() < 1)
    page.keyboard.up("o")
    assert colorfulness() > 5
    page.locator("#original").hover()
    page.mouse.down()
    assert colorfulness() < 1
    page.mouse.up()
    tools(page, "look")
    page.locator("#strength").fill("0.5")
    assert colorfulness() == pytest.approx(full / 2, rel=0.2)
    page.locator("#strength").fill("0")
    assert colorfulness() < 1


@pytest.fixture
def album(serve: Serve, visit: Callable[..., Page], lite: Colorizer, photos: list[Path]) -> Page:
    """Give the page with two photos in color."""
    page = visit(serve(create_app(colorizer=lite)))
    page.locator("#choose").set_input_files([str(path) for path in photos])
    expect(page.locator('.card[data-state="ready"]')).to_have_count(2)
    return page


def test_all_photos_come_in_one_zip(album: Page, photos: list[Path], lite: Colorizer, tmp_path: Path) -> None:
    """One button gives one archive with the result of each photo under a name of its own."""
    page = album
    page.locator("#choose").set_input_files(str(photos[0]))  # once more, under the same name
    expect(page.locator('.card[data-state="ready"]')).to_have_count(3)
    with page.expect_download() as download:
        page.locator("#download-all").click()
    assert download.value.suggested_filename == "photos.zip"
    with zipfile.ZipFile(download.value.path()) as bundle:
        assert bundle.testzip() is None
        coffee, chelsea, again = bundle.namelist()
        assert coffee == "colorized_coffee.png"
        assert chelsea == "colorized_chelsea.png"
        assert again == "colorized_coffee (2).png"
        for name, path in zip(bundle.namelist(), [*photos, photos[0]], strict=True):
            pixels = np.asarray(Image.open(io.BytesIO(bundle.read(name))))
            np.testing.assert_array_equal(pixels, np.asarray(lite.colorize(path.read_bytes())))


def test_one_look_for_all_photos(album: Page) -> None:
    """What was chosen for one photo is taken over by the others, as a step that can be undone there."""
    page = album
    page.locator(".card .adjust").first.click()
    tools(page, "look")
    page.locator("#saturation").fill("0")
    with page.expect_response("**/preview"):
        page.locator("#same-look").click()
    expect(page.locator("#editor-state")).to_have_text("1 other photos look like this now")
    page.keyboard.press("Escape")
    page.locator(".card .adjust").nth(1).click()
    settled(page)
    assert chroma(Image.open(io.BytesIO(page.locator("#canvas").screenshot()))) < 1
    page.keyboard.press("Control+z")
    settled(page)
    assert chroma(Image.open(io.BytesIO(page.locator("#canvas").screenshot()))) > 5


def test_a_removal_is_undone_and_cards_are_put_in_order(album: Page) -> None:
    """A removed photo comes back with one button; cards are ordered by name or as they came."""
    page, names = album, album.locator(".card .name")
    expect(names).to_have_text(["coffee.png", "chelsea.png"])
    page.locator("#order").select_option("name")
    expect(names).to_have_text(["chelsea.png", "coffee.png"])
    page.locator("#order").select_option("added")
    page.locator(".card .remove").first.click()
    expect(names).to_have_text(["chelsea.png"])
    page.locator("#restore").click()
    expect(names).to_have_text(["coffee.png", "chelsea.png"])
    expect(page.locator('.card[data-state="ready"]')).to_have_count(2)
    page.locator("#forget-all").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#restore")).to_be_focused()


def test_photos_and_edits_outlive_browser_and_server(
    serve: Serve, browser: Browser, lite: Colorizer, photos: list[Path], tmp_path: Path
) -> None:
    """After both were started anew the photo is there as it was edited; removed, it is forgotten for good."""
    address = serve(app := create_app(colorizer=lite)) + "/v1/index"
    folder = tmp_path / "profile"

    def visit() -> tuple[Any, Page]:
        context = browser.browser_type.launch_persistent_context(
            str(folder),
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = context.pages[0]
        page.set_default_timeout(20_000)
        page.goto(address)
        expect(page.locator("html.js")).to_have_count(1)
        return context, page

    context, page = visit()
    page.locator("#choose").set_input_files(str(photos[0]))
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    page.locator(".card .adjust").click()
    settled(page)
    tools(page, "look")
    page.locator("#saturation").fill("0")
    eventually(page, lambda: [one["edit"]["saturation"] for one in kept(page)] == [0])
    context.close()
    studio_of(app).store.clear()
    context, page = visit()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    page.locator(".card .adjust").click()
    settled(page)
    assert chroma(Image.open(io.BytesIO(page.locator("#canvas").screenshot()))) < 1
    page.keyboard.press("Escape")
    page.locator(".card .remove").click()
    eventually(page, lambda: kept(page) == [])
    page.reload()
    expect(page.locator("html.js")).to_have_count(1)
    assert kept(page) == []  # which the page asked for before
    expect(page.locator(".card")).to_have_count(0)
    context.close()


def test_the_sample_photo_can_be_tried(serve: Serve, visit: Callable[..., Page], lite: Colorizer) -> None:
    """The first screen shows a photo before and after, and takes it in with one button."""
    page = visit(serve(create_app(colorizer=lite)))
    for kind, colored in (("before", False), ("after", True)):
        expect(page.locator(f"#sample .{kind}")).to_have_js_property("naturalWidth", 480)
        data_url = page.locator(f"#sample .{kind}").evaluate(
            """(image) => { const canvas = document.createElement("canvas");
                canvas.width = canvas.height = 480; canvas.getContext("2d").drawImage(image, 0, 0);
                return canvas.toDataURL(); }"""
        )
        assert (chroma(base64.b64decode(data_url.partition(",")[2])) > 5) is colored
    page.locator("#sample .slider").press("End")
    expect(page.locator("#sample .slider")).to_have_attribute("aria-valuetext", "100 %")
    at = page.locator("#sample").evaluate("(one) => getComputedStyle(one).getPropertyValue('--at')")
    assert at == "100"
    page.locator("#try-sample").click()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)


def test_a_variant_is_chosen_and_rings_show_where_a_hint_helps(
    open_editor: Callable[..., Page], photos: list[Path], lite: Colorizer
) -> None:
    """A thumbnail gives the photo its colors, which can be undone; a ring that is clicked becomes a point."""
    page = open_editor(photos[0])
    tools(page, "look")
    with page.expect_response("**/variants") as found:
        page.locator("#vary").click()
    variants = found.value.json()["variants"]
    expect(page.locator("#variants img")).to_have_count(len(variants))
    page.locator("#variants .variant").last.click()
    settled(page)
    tools(page, "save")
    with page.expect_download() as download:
        page.locator("#save").click()
    hints = [Hint.from_json(hint) for hint in variants[-1]["hints"]]
    assert hints == list(lite.predict(photos[0].read_bytes()).variants(count=5)[-1].hints)
    wanted = np.asarray(lite.colorize(photos[0].read_bytes(), hints=hints))
    np.testing.assert_array_equal(np.asarray(Image.open(download.value.path())), wanted)
    page.keyboard.press("Control+z")
    expect(page.locator(".point")).to_have_count(0)
    tools(page, "points")
    page.locator("#places").click()
    expect(page.locator(".ring")).to_have_count(3)
    expect(page.locator(".ring").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".point")).to_have_count(1)
    expect(page.locator(".ring")).to_have_count(2)


def test_a_photo_in_color_is_the_example(
    album: Page, photos: list[Path], lite: Colorizer, tmp_path: Path
) -> None:
    """A second photo, dropped or chosen, or one of those here lends its colors, also to single points."""
    page = album
    page.locator(".card .adjust").first.click()
    settled(page)
    tools(page, "look")
    before = stage(page)
    green = Image.new("RGB", (90, 60), "#7a4a20")
    green.paste("#1f7a33", (0, 0, 45, 60))
    green.save(tmp_path / "green.png")
    page.locator("#example-file").set_input_files(str(tmp_path / "green.png"))
    expect(page.locator("#example-none")).to_be_visible()
    settled(page)
    assert np.abs(stage(page) - before).max() > 20
    tools(page, "save")
    with page.expect_download() as download, page.expect_request("**/results") as asked:
        page.locator("#save").click()
    like = asked.value.post_data_json["like"]
    assert set(like) >= {"#7a4a20", "#1f7a33"}
    wanted = np.asarray(lite.colorize(photos[0].read_bytes(), like=like))
    np.testing.assert_array_equal(np.asarray(Image.open(download.value.path())), wanted)
    # Its colors are at hand for points, as swatches with names and by a click on the example.
    tools(page, "points")
    names = page.locator("#example-colors .swatch").evaluate_all("all => all.map((one) => one.title)")
    assert {"green", "brown"} <= set(names)
    page.locator("#point-add").click()
    page.locator("#example-picture").click(position={"x": 5, "y": 5})
    expect(page.locator("#pick")).to_have_value("#1f7a33")
    # The other photo on the page is another example; undo leads back to none.
    tools(page, "look")
    with page.expect_response("**/preview"):
        page.locator("#examples button").click()
    settled(page)
    for _ in range(4):
        page.keyboard.press("Control+z")
    expect(page.locator("#example-none")).to_be_hidden()
    settled(page)
    # Chromium draws anew where a ring was, and rounds otherwise there.
    assert np.abs(stage(page) - before).max() <= 3
    # A photo that is dropped on the editor is an example, not one more card; a grey one has nothing to lend.
    data_transfer = page.evaluate_handle(
        """async (hex) => {
          const moved = new DataTransfer();
          const bytes = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
          moved.items.add(new File([bytes], "one.png", { type: "image/png" }));
          return moved;
        }""",
        (tmp_path / "green.png").read_bytes().hex(),
    )
    page.dispatch_event("#stage", "drop", {"dataTransfer": data_transfer})
    expect(page.locator("#example-none")).to_be_visible()
    expect(page.locator(".card")).to_have_count(2)
    page.locator("#example-file").set_input_files(str(photos[0]))
    expect(page.locator("#editor-state")).to_have_text("This photo has no colors to follow.")
    (tmp_path / "words.png").write_text("no picture")
    page.locator("#example-file").set_input_files(str(tmp_path / "words.png"))
    expect(page.locator("#editor-state")).to_contain_text("cannot open that file")
    page.locator("#example-none").click()
    expect(page.locator("#example-file")).to_be_focused()
