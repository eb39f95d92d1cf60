"""A web app as the command makes it, and a plain server of static files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_core
import npm
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from web_app_site import Site

from colorful.web_app import runtime, write_web_app

PATIENCE = 120_000  # milliseconds; a busy machine must not fail the tests


@pytest.fixture(scope="session")
def package() -> Path:
    """The npm package onnxruntime-web."""
    return npm.packed(runtime.PACKAGE, runtime.VERSION)


@pytest.fixture(scope="session")
def app(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The web app with the bundled model."""
    return write_web_app(tmp_path_factory.mktemp("web-app") / "site", runtime=package)


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return axe_core.source()


@pytest.fixture
def site(app: Path) -> Iterator[Site]:
    """The web app, served."""
    made = Site(app)
    yield made
    made.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a web app in a context of its own; nothing may go wrong or be asked for elsewhere."""
    expect.set_options(timeout=PATIENCE)
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(site: Site, **options: Any) -> Page:
        settings = {"viewport": {"width": 1280, "height": 860}, "locale": "en-US", "accept_downloads": True}
        context = browser.new_context(**{**settings, "reduced_motion": "reduce", **options})
        contexts.append(context)
        own = (site.address, f"blob:{site.address}")
        context.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(asked.url))
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto(site.address)
        page.wait_for_selector("body[data-engine]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
