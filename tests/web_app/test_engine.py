"""How the web app starts its worker, with a worker and files of the test's own."""

from __future__ import annotations

from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Route

pytestmark = pytest.mark.slow

ADDRESS = "http://engine.test/"
ENGINE = files("colorful.web_app").joinpath("static", "engine.js").read_text(encoding="utf-8")
PARTS = {
    "engine.js": ENGINE,
    "app.js": """export const cache = "none";
        export const app = { model: { name: "model", bytes: 1 },
          runtimes: { gpu: { wasm: { name: "gpu", bytes: 1 } }, cpu: { wasm: { name: "cpu", bytes: 1 } } },
        };""",
    "texts.js": "export class Problem extends Error {}",
}
# A graphics processor that is there but does not work; each worker that starts is counted.
MACHINE = """WebAssembly.Suspending = function () {};
    Object.defineProperty(navigator, "gpu", { value: { requestAdapter: async () => ({ info: {} }) } });
    window.started = [];
    window.Worker = class {
      postMessage({ id, kind, gpu }) {
        if (kind === "start") started.push(gpu ? "gpu" : "cpu");
        const data = gpu ? { id, problem: { code: "internal" } } : { id, result: kind };
        setTimeout(() => this.onmessage({ data }), 50);
      }
      terminate() {}
    };"""


def test_who_asks_while_it_falls_back_waits_for_the_same_worker(browser: Browser) -> None:
    """A photo that is chosen after the graphics processor failed, and before the others are ready."""
    page = browser.new_page()

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS)
        kind = "text/javascript" if name in PARTS else "application/gzip" if name else "text/html"
        route.fulfill(body=PARTS.get(name, "x"), content_type=kind)

    page.route("**/*", answer)
    page.add_init_script(MACHINE)
    page.goto(ADDRESS)
    outcome = page.evaluate(
        """async () => {
            const { ask, start } = await import("/engine.js");
            const first = start();
            while (!started.includes("cpu")) await new Promise((resolve) => setTimeout(resolve, 5));
            return Promise.all([first, ask("open", {}), started]);
        }"""
    )
    assert outcome == ["cpu", "open", ["gpu", "cpu"]]
    page.close()
