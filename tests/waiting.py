"""Wait for what a page does, without a guess at how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

SECONDS = 20.0  # a busy machine must not fail the tests

# Runs in the page: what the browser keeps of each photo.
_RECORDS = """() => new Promise((resolve) => {
  const opening = indexedDB.open(new URL(".", location), 1);
  opening.onsuccess = () => {
    const store = opening.result.transaction("photos").objectStore("photos");
    store.getAll().onsuccess = ({ target: { result } }) => {
      opening.result.close();
      resolve(result.map(({ name, history, at, info }) => (
        { name, sent: Boolean(info), edit: history[at] })));
    };
  };
})"""


def eventually(page: Page, check: Callable[[], object]) -> None:
    """Repeat a check, which asserts or gives whether it holds, until it does."""
    end = time.monotonic() + SECONDS
    while True:
        try:
            assert check() is not False, "it never came true"
        except AssertionError:
            if time.monotonic() > end:
                raise
            page.wait_for_timeout(50)
        else:
            return


def kept(page: Page) -> list[dict[str, Any]]:
    """Read what the browser keeps: of each photo its name, its edit, and whether the server has had it."""
    found: list[dict[str, Any]] = page.evaluate(_RECORDS)
    return found
