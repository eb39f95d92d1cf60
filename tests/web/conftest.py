"""Photos, applications and servers for the tests of the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from skimage import data
from web_samples import Painter, Plain, png

from colorful import Colorizer
from colorful.web import Limits, create_app
from colorful.web import server as server_module
from colorful.web.app import studio_of
from colorful.web.server import Server


@pytest.fixture(scope="session")
def painter() -> Colorizer:
    """A model with hints and temperature."""
    return Colorizer(Painter(), name="painter", device="cpu")


@pytest.fixture(scope="session")
def plain() -> Colorizer:
    """A model with neither."""
    return Colorizer(Plain(), name="plain", device="cpu")


@pytest.fixture(scope="session")
def grey() -> bytes:
    """A grey photo as a PNG file, 160 x 120."""
    return png(Image.fromarray(data.chelsea()).convert("L").resize((160, 120)))


@pytest.fixture
def app(painter: Colorizer, plain: Colorizer) -> Iterator[Flask]:
    """The page with both models and small limits."""
    limits = Limits(request_bytes=2 << 20, pixels=1_000_000, photos=4)
    app = create_app(colorizer={"painter": painter, "plain": plain}, limits=limits)
    yield app
    studio_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of that page."""
    return app.test_client()


PATIENCE = 20_000  # milliseconds; a busy machine must not fail the tests, the benchmark measures speed
DESKTOP = {"width": 1280, "height": 860}

Serve = Callable[..., str]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve applications on the loopback, each on a free port; call it with an app, get the address."""
    monkeypatch.setattr(server_module, "_PARTING", 0)  # nobody is about to connect when a test ends
    running = []

    def start(app: Flask, **options: Any) -> str:
        server = Server(app, studio_of(app), host="127.0.0.1", port=0, **options)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server, _ in running:
        server.stop()
    for _, thread in running:
        thread.join(15)
        assert not thread.is_alive()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two grey photos on disk."""
    paths = []
    for name in ("coffee", "chelsea"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(getattr(data, name)()).convert("L").resize((300, 200)).save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="session")
def lite() -> Colorizer:
    """The bundled model."""
    return Colorizer.from_pretrained("lite", device="cpu")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages, each in a context of its own unless it is to be a tab beside another one.

    Nothing may be wrong in the console, nor loaded from elsewhere.
    """
    expect.set_options(timeout=PATIENCE)
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(address: str, beside: Page | None = None, **options: Any) -> Page:
        if beside is None:
            contexts.append(browser.new_context(**{"viewport": DESKTOP, "locale": "en-US", **options}))
        context = contexts[-1] if beside is None else beside.context
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: None if _is_own(asked.url, address) else wrong.append(asked.url))
        page.goto(address + "/v1/index")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def _is_own(url: str, address: str) -> bool:
    origin = "/".join(address.split("/")[:3])
    return url.startswith((origin + "/", f"blob:{origin}/"))
