"""The page in a browser, where it is a part of somebody else's site."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, redirect, request
from playwright.sync_api import Page, expect
from werkzeug.wrappers import Response

from colorful import Colorizer
from colorful.web import create_blueprint

pytestmark = pytest.mark.slow

LOGIN = "The server asks for something first, such as a login. Please load the page again."


@pytest.fixture
def host(painter: Colorizer, plain: Colorizer) -> Flask:
    """Give a site that has a login, and two pages, each with a model of its own."""
    app = Flask("host")

    @app.before_request
    def check() -> Response | None:
        is_in = app.config.get("LOGGED_IN", True) or request.endpoint == "login"
        return None if is_in else redirect("/login")

    app.add_url_rule("/login", "login", lambda: "<!doctype html><title>Log in</title>")
    app.register_blueprint(create_blueprint(colorizer=painter), url_prefix="/one")
    app.register_blueprint(create_blueprint(colorizer=plain, name="two"), url_prefix="/two")
    return app


@pytest.fixture
def page(serve: Callable[..., str], visit: Callable[..., Page], host: Flask, photos: list[Path]) -> Page:
    """Give the first page, with a photo in color."""
    page = visit(f"{serve(host)}/one")
    page.locator("#choose").set_input_files(str(photos[0]))
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    return page


def test_two_pages_of_a_site_keep_their_photos_apart(page: Page, photos: list[Path]) -> None:
    """What one of them has sent to its studio is not asked of that of the other one."""
    page.goto(page.url.replace("/one/", "/two/"))
    page.locator("#choose").set_input_files(str(photos[1]))
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    expect(page.locator(".card .name")).to_have_text(["chelsea.png"])
    page.goto(page.url.replace("/two/", "/one/"))
    expect(page.locator('.card[data-state="ready"]')).to_have_count(1)
    expect(page.locator(".card .name")).to_have_text(["coffee.png"])


def test_a_login_that_has_run_out_is_said_in_words(page: Page, host: Flask, photos: list[Path]) -> None:
    """Where the site answers with the page of its login, a card and the editor say what to do."""
    host.config["LOGGED_IN"] = False
    page.locator("#choose").set_input_files(str(photos[1]))
    expect(page.locator(".card .state").last).to_have_text(LOGIN)
    page.locator(".card .adjust").first.click()
    page.locator("#tab input[value=look]").check()
    page.locator("#saturation").fill("0")
    expect(page.locator("#editor-state")).to_have_text(LOGIN)
    page.keyboard.press("Escape")
    host.config["LOGGED_IN"] = True
    page.locator(".card .retry").last.click()
    expect(page.locator('.card[data-state="ready"]')).to_have_count(2)
