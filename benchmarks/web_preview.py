"""How soon the picture follows on the page, in a real browser: from click or slider to the frame with it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from measure import grey, jpeg, make_parser, photo, promised, quartiles, serving, write
from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
FLAGS += ["--disable-component-update", "--disable-sync"]

PROMISED = 200  # milliseconds, the median of each kind of change

# Runs in the page: do something, and wait for the frame that shows another picture, keeping no core busy.
FOLLOW = """async ([what, x, y]) => {
  const image = document.querySelector("#canvas .after.whole");
  const stage = document.getElementById("stage");
  const last = image.src;
  let start = performance.now();
  if (what === "click") {
    // Playwright's mouse clicks there in a moment.
    addEventListener("pointerup", () => { start = performance.now(); }, { once: true, capture: true });
  } else {
    const control = document.getElementById(what);
    control.value = x;
    control.dispatchEvent(new Event("input", { bubbles: true }));
  }
  await new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (image.src === last || stage.hasAttribute("aria-busy")) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(image, { attributeFilter: ["src"] });
    observer.observe(stage, { attributeFilter: ["aria-busy"] });
  });
  await image.decode();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const took = performance.now() - start;
  if (what !== "click") document.getElementById(what).dispatchEvent(new Event("change", { bubbles: true }));
  return took;
}"""


def main() -> None:
    """Open the editor on a photo of one megapixel, and time clicks and sliders."""
    parser = make_parser(__doc__)
    parser.add_argument("--model", default="lite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(options.model) as (address, _):
        path = Path(folder) / "photo.jpg"
        path.write_bytes(jpeg(grey(photo(1000, 1000))))
        with sync_playwright() as playwright:
            chromium = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 1120})
            results = measure(page, f"{address}/v1/index", path, 3 if options.small else 30)
            browser.close()
    for name, took in results["milliseconds"].items():
        what = f"{took['median']:.0f} ms, at most {PROMISED}"
        promised(name, what, met=took["median"] <= PROMISED)
    write("web_preview", results, small=options.small)


def measure(page: Page, address: str, path: Path, rounds: int) -> dict[str, Any]:
    """Time each kind of change so many times; milliseconds."""
    page.goto(address)
    page.locator("#choose").set_input_files(str(path))
    page.locator('.card[data-state="ready"]').wait_for(timeout=60_000)
    page.locator(".adjust").click()
    page.locator("#stage:not([aria-busy])").wait_for()
    # Far enough from each other: a click on a point would choose that point, and change no color.
    grid = [((column + 0.5) / 10, (row + 0.5) / 8) for row in range(8) for column in range(10)]
    spots = iter(np.random.default_rng(0).permutation(grid).tolist())

    def click(x: float, y: float) -> float:
        box = page.locator("#canvas").bounding_box()
        assert box is not None
        page.evaluate(f"(what) => {{ window.followed = ({FOLLOW})(what); }}", ["click", x, y])
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        return float(page.evaluate("window.followed"))

    took: dict[str, list[float]] = {
        "click, color picked": [],
        "click, color as shown": [],
        "temperature": [],
        "saturation": [],
    }
    page.evaluate(FOLLOW, ["saturation", 0.9, 0])
    for number in range(rounds):
        took["click, color as shown"].append(click(*next(spots)))
        idle(page)
        took["temperature"].append(page.evaluate(FOLLOW, ["temperature", 0.1 + 0.8 * number / rounds, 0]))
        idle(page)
        took["saturation"].append(page.evaluate(FOLLOW, ["saturation", 0.5 + number / rounds, 0]))
        idle(page)
    # A color picked by hand is kept for the next points.
    page.locator("#pick").evaluate(
        """(one) => {
            one.value = "#b03020";
            for (const kind of ["input", "change"]) one.dispatchEvent(new Event(kind));
        }"""
    )
    for _ in range(rounds):
        idle(page)
        took["click, color picked"].append(click(*next(spots)))
    shown = page.locator("#canvas .after.whole").evaluate(
        "(image) => [image.naturalWidth, image.naturalHeight]"
    )
    milliseconds = {name: quartiles(times) for name, times in took.items()}
    return {"milliseconds": milliseconds, "preview_pixels": shown, "rounds": rounds}


def idle(page: Page) -> None:
    """Wait until the page asks for nothing."""
    page.locator("#stage:not([aria-busy])").wait_for()
    page.wait_for_timeout(150)


if __name__ == "__main__":
    main()
