"""How soon the page without a server colors a photo of one megapixel, in a real browser by WebAssembly.

onnxruntime-web comes from npm, or from the file given by ``--runtime``.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import grey, photo, write
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from web_preview import FLAGS

from colorful.web_app import write_web_app

PROMISED = 1.0  # seconds a photo


def main() -> None:
    """Color photos one after the other, on the processor in one thread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="try out that it runs; the figures mean nothing")
    parser.add_argument("--runtime", help="the npm package onnxruntime-web")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = write_web_app(Path(folder, "site"), runtime=options.runtime)
        handler = functools.partial(Quiet, directory=str(site))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with sync_playwright() as playwright:
                chromium = shutil.which("chromium") or shutil.which("google-chrome")
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                page = browser.new_page()
                address = f"http://127.0.0.1:{server.server_port}/"
                results = measure(page, address, Path(folder), 2 if options.small else 25)
                browser.close()
            server.shutdown()
    quartiles = results["seconds"]
    met = "met    " if quartiles["median"] <= PROMISED else "NOT MET"
    print(f"{met}  a photo of one megapixel: {quartiles['median']:.2f} s, promised {PROMISED}", flush=True)
    write("web_app", results, small=options.small)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Pass over what was asked for."""


def measure(page: Page, address: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Give the times from the choice of a photo to its picture in color, and that until the page is ready."""
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("body[data-engine]")
    ready = time.perf_counter() - start
    took = []
    rng = np.random.default_rng(0)
    for number in range(rounds + 1):
        pixels = np.roll(photo(1000, 1000), int(rng.integers(1000)), axis=1)
        path = folder / f"{number}.jpg"
        Image.fromarray(grey(pixels)).save(path, quality=90)
        start = time.perf_counter()
        page.locator("#choose").set_input_files(str(path))
        page.locator('.card[data-state="ready"]').nth(number).wait_for(timeout=60_000)
        took.append(time.perf_counter() - start)
    quartiles = np.percentile(took[1:], (25, 50, 75)).round(3).tolist()
    return {
        "engine": page.locator("body").get_attribute("data-engine"),
        "seconds": dict(zip(("q1", "median", "q3"), quartiles, strict=True)) | {"rounds": rounds},
        "seconds_first_photo": round(took[0], 2),
        "seconds_until_ready": round(ready, 2),
    }


if __name__ == "__main__":
    main()
