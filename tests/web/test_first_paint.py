"""What is on the screen before anything but the page itself has come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Route

from colorful import Colorizer
from colorful.web import create_app

pytestmark = pytest.mark.slow


def test_the_first_screen_is_painted_before_anything_else_has_come(
    serve: Callable[..., str], browser: Browser, lite: Colorizer
) -> None:
    """While styles, scripts and pictures are still on their way, the headline stands there in its dress."""
    address = serve(create_app(colorizer=lite)) + "/v1/index"
    page = browser.new_page(locale="en-US", viewport={"width": 1280, "height": 860})
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.url == address:
            route.continue_()
        else:
            held.append(route)

    page.route("**/*", hold)
    page.goto(address, wait_until="commit")
    for _ in range(200):  # the page's policy forbids what wait_for_function does
        if page.evaluate("performance.getEntriesByName('first-contentful-paint').length"):
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("nothing was painted")
    assert held  # they were asked for, and none was answered
    headline = page.locator("h1")
    font = headline.evaluate("(one) => [getComputedStyle(one).fontSize, getComputedStyle(one).fontFamily]")
    assert float(font[0].removesuffix("px")) > 50
    assert "Palatino" in font[1]
    assert page.locator(".picker").first.evaluate("(one) => one.getBoundingClientRect().height") >= 44
    assert page.locator("#editor").is_hidden()
    for route in held:
        route.continue_()
    page.wait_for_selector("html.js")
    page.close()
