"""The page in a real browser, against what Python makes of the same photos."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from axe_core import violations
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect
from skimage import data
from skimage.color import rgb2lab
from waiting import eventually, kept
from web_app_site import Site

from colorful import Colorizer

pytestmark = pytest.mark.slow

TURNED, TAKEN = 274, 306  # tags of EXIF: orientation, date


@pytest.fixture(scope="module")
def lite() -> Colorizer:
    """The bundled model."""
    return Colorizer.from_pretrained("lite", device="cpu")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """A JPEG that lies on its side, with a date; a PNG that is partly clear."""
    lying, clear = tmp_path / "lying.jpg", tmp_path / "clear.png"
    exif = Image.Exif()
    exif[TURNED], exif[TAKEN] = 6, "1953:05:29 11:30:00"
    Image.fromarray(data.coffee()[:301, :477]).convert("L").save(lying, quality=95, exif=exif)
    pixels = Image.fromarray(data.chelsea()).convert("LA")
    pixels.putalpha(
        Image.linear_gradient("L").resize(pixels.size).point(lambda value: 255 if value > 99 else 0)
    )
    pixels.save(clear)
    return [lying, clear]


def choose(page: Page, *paths: Path) -> None:
    """Bring photos to the page, and wait until they are in color."""
    before = page.locator(".card").count()
    page.locator("#choose").set_input_files([str(path) for path in paths])
    expect(page.locator('.card[data-state="ready"]')).to_have_count(before + len(paths))


def saved(page: Page, button: str = ".card .download") -> tuple[str, bytes]:
    """Download something: its name and content."""
    with page.expect_download() as download:
        page.locator(button).first.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def opened(content: bytes) -> Image.Image:
    """Open a picture; browsers write alpha that is nowhere clear."""
    return Image.open(io.BytesIO(content)).convert("RGB")


def ab_apart(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Give the mean difference in ab of two pictures."""
    return float(np.abs(rgb2lab(one)[..., 1:] - rgb2lab(other)[..., 1:]).mean())


def test_colors_are_those_of_python(
    site: Site, visit: Callable[..., Page], lite: Colorizer, photos: list[Path], tmp_path: Path
) -> None:
    """At any size and look, by the processor in one thread, ab differs by less than 0.2 on average."""
    page = visit(site)
    large, strip = tmp_path / "large.png", tmp_path / "strip.png"
    Image.fromarray(data.astronaut()).convert("L").resize((1100, 950)).save(large)
    Image.fromarray(data.camera()[:33, :400]).save(strip)
    for path in (large, strip):
        choose(page, path)
        name, content = saved(page)
        assert name == f"colorized_{path.stem}.png"
        got, expected = opened(content), lite.colorize(Image.open(path)).convert("RGB")
        assert got.size == expected.size
        assert ab_apart(got, expected) < 0.2
        assert np.abs(rgb2lab(got)[..., 0] - rgb2lab(expected)[..., 0]).mean() < 0.1
        page.locator(".card .adjust").click()
        page.locator("#temperature").fill("0.2")
        page.locator("#saturation").fill("0.5")
        _, content = saved(page, "#save")
        expected = lite.colorize(Image.open(path), temperature=0.2, saturation=0.5).convert("RGB")
        assert ab_apart(opened(content), expected) < 0.2
        page.locator("#done").click()
        page.locator(".card .remove").click()


def test_a_photo_stays_what_it_is(
    site: Site, visit: Callable[..., Page], lite: Colorizer, photos: list[Path]
) -> None:
    """A JPEG comes back upright, with its date; alpha comes back; both say that a model made the colors."""
    page = visit(site)
    choose(page, *photos)
    name, content = saved(page, "#download-all")
    assert name == "colorized.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        assert bundle.testzip() is None
        assert bundle.namelist() == ["colorized_lying.jpg", "colorized_clear.png"]
        lying, clear = (Image.open(io.BytesIO(bundle.read(name))) for name in bundle.namelist())
        assert all(b"compositeWithTrainedAlgorithmicMedia" in bundle.read(name) for name in bundle.namelist())
    assert lying.size == (301, 477)
    assert dict(lying.getexif()) == {TURNED: 1, TAKEN: "1953:05:29 11:30:00"}
    assert ab_apart(lying, lite.colorize(Image.open(photos[0])).convert("RGB")) < 1
    assert clear.mode == "RGBA"
    assert np.array_equal(np.asarray(clear)[..., 3], np.asarray(Image.open(photos[1]))[..., 1])
    assert clear.info["xmp"]


def test_after_the_first_visit_no_server_is_needed(
    site: Site, visit: Callable[..., Page], photos: list[Path]
) -> None:
    """At most 12 MB come; then the page loads without the server, in both languages, and colors on."""
    page = visit(site)
    expect(page.locator("#engine-words")).to_have_text("Ready, from now on also without a connection.")
    assert site.gzipped() < 12_000_000
    assert not [line for line in site.sent if not line.startswith(("200", "304"))]
    choose(page, photos[0])
    eventually(page, lambda: [one["sent"] for one in kept(page)] == [True])
    site.stop()
    page.reload()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    choose(page, photos[1])
    page.locator(".languages a[hreflang=zh]").click()
    expect(page.locator("h1")).to_contain_text("老照片")
    expect(page.locator('.card[data-state="ready"]')).to_have_count(2)
    page.goto(site.address)  # the choice of the language holds
    expect(page.locator("h1")).to_contain_text("老照片")


def test_two_apps_of_a_site_keep_their_photos_apart(
    app: Path, visit: Callable[..., Page], photos: list[Path], tmp_path: Path
) -> None:
    """What is brought to one of them, in either language, is not seen in the other one."""
    shutil.copytree(app, tmp_path / "site")
    shutil.copytree(app, tmp_path / "site" / "two")
    both = Site(tmp_path / "site")
    page = visit(both)
    choose(page, photos[0])
    page.goto(f"{both.address}two/")
    choose(page, photos[1])
    page.locator(".languages a[hreflang=zh]").click()
    expect(page.locator(".card .name")).to_have_text(["clear.png"])
    page.goto(both.address)
    expect(page.locator(".card .name")).to_have_text(["lying.jpg"])
    both.stop()


def test_what_goes_wrong_is_said(
    app: Path, site: Site, visit: Callable[..., Page], photos: list[Path], tmp_path: Path
) -> None:
    """What is no photo, or too large, or cannot be fetched, is said in words, and other photos go on."""
    page = visit(site)
    (broken := tmp_path / "broken.jpg").write_bytes(photos[0].read_bytes()[:99])
    page.locator("#choose").set_input_files([str(broken), str(photos[0])])
    expect(page.locator('.card[data-state="failed"] .state')).to_contain_text("This browser cannot open it")
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    facts = (app / "app.js").read_text()
    shutil.copytree(app, tmp_path / "strict")
    (tmp_path / "strict" / "app.js").write_text(facts.replace('"pixels": 64000000', '"pixels": 99999'))
    strict = Site(tmp_path / "strict")  # large photos are slow, so the limit is lowered
    page = visit(strict)
    page.locator("#choose").set_input_files([str(path) for path in reversed(photos)])
    expect(page.locator('.card[data-state="failed"] .state')).to_have_count(2)
    expect(page.locator(".card .state").first).to_contain_text("too large")
    strict.stop()


@pytest.mark.parametrize(
    "answer",
    [
        lambda route: route.abort(),
        lambda route: route.fulfill(content_type="text/html", body="<h1>Welcome to our network</h1>"),
    ],
)
def test_without_its_parts_it_says_so(
    site: Site, browser: object, visit: Callable[..., Page], answer: Callable[[Route], None]
) -> None:
    """Where the model cannot be fetched, or something else comes, the page says so and can try again."""
    page = visit(site)
    other = page.context.browser.new_context(service_workers="block")  # type: ignore[union-attr]
    other.route("**/*.onnx.gz", answer)
    bare = other.new_page()
    bare.goto(site.address)
    expect(bare.locator("#engine-words")).to_contain_text("could not be fetched")
    other.unroute("**/*.onnx.gz")
    bare.locator("#try-sample").click()
    expect(bare.locator('.card[data-state="ready"]')).to_have_count(1)
    other.close()


def test_where_it_cannot_be_kept_it_is_ready_all_the_same(
    app: Path, browser: Browser, tmp_path: Path
) -> None:
    """If a file for days without a connection is missing, nobody waits for it."""
    shutil.copytree(app, tmp_path / "less")
    (tmp_path / "less" / "licenses.txt").unlink()
    less = Site(tmp_path / "less")
    page = browser.new_page(locale="en-US")
    page.goto(less.address)
    expect(page.locator("#engine-words")).to_have_text("Ready.")
    expect(page.locator("#engine-progress")).to_be_hidden()
    page.close()
    less.stop()


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_it_keeps_nobody_out(
    site: Site, visit: Callable[..., Page], axe: str, photos: list[Path], scheme: str, locale: str
) -> None:
    """Home, cards and look have no serious or critical violation, in any dress; all of it works by keys."""
    page = visit(site, color_scheme=scheme, locale=locale)
    assert page.locator("html").get_attribute("lang") == {"en-US": "en", "zh-CN": "zh-Hans"}[locale]
    assert violations(page, axe) == []
    choose(page, *photos)
    assert violations(page, axe) == []
    page.locator(".card .adjust").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#editor-title")).to_be_focused()
    assert violations(page, axe) == []
    begun = page.locator("#temperature-value").inner_text()
    page.locator("#temperature").focus()
    page.keyboard.press("Home")
    expect(page.locator("#temperature-value")).to_have_text("0.00")
    page.locator("#same-look").press("Enter")
    expect(page.locator("#editor-state")).to_contain_text("1")
    page.keyboard.press("Escape")
    expect(page.locator(".card .adjust").first).to_be_focused()
    page.locator(".card .adjust").nth(1).press("Enter")
    expect(page.locator("#temperature-value")).to_have_text("0.00")
    page.locator("#reset").press("Enter")
    expect(page.locator("#temperature-value")).to_have_text(begun)


def test_what_was_said_stays_when_the_picture_comes(
    site: Site, visit: Callable[..., Page], photos: list[Path]
) -> None:
    """A picture may be at work when a button is pressed: once it has come, the words are still there."""
    page = visit(site)
    choose(page, *photos)
    page.locator(".card .adjust").first.click()
    picture = page.locator("#stage .after")
    expect(picture).to_be_visible()  # nobody can press a button of an editor that has not opened
    before = picture.get_attribute("src")
    page.evaluate(
        """() => {
            document.getElementById("temperature").value = 0;
            document.getElementById("temperature").dispatchEvent(new Event("input"));
            document.getElementById("temperature").dispatchEvent(new Event("change"));
            document.getElementById("same-look").click();
        }"""
    )
    expect(picture).not_to_have_attribute("src", before or "")
    page.wait_for_timeout(300)  # the words were taken away right after that
    expect(page.locator("#editor-state")).to_contain_text("1", timeout=1)


def test_a_look_is_shown_though_the_picture_of_the_last_one_failed(
    site: Site, visit: Callable[..., Page], photos: list[Path]
) -> None:
    """Who goes on while a picture is at work sees the new one, whatever becomes of the old one."""
    page = visit(site)
    choose(page, photos[0])
    page.evaluate(
        """() => {
            const post = Worker.prototype.postMessage;
            Worker.prototype.postMessage = function (asked, ...more) {
                if (asked.edit?.temperature !== 0.4) return post.call(this, asked, ...more);
                const data = { id: asked.id, problem: { code: "bad-photo" } };
                window.fail = () => this.onmessage({ data });
            };
        }"""
    )
    page.locator(".card .adjust").click()
    picture = page.locator("#stage .after")
    expect(picture).to_be_visible()
    before = picture.get_attribute("src")
    page.locator("#temperature").fill("0.4")
    eventually(page, lambda: page.evaluate("Boolean(window.fail)"))
    page.locator("#temperature").fill("0")
    page.evaluate("fail()")
    expect(picture).not_to_have_attribute("src", before or "")
    expect(page.locator("#editor-state")).to_be_empty()
