"""axe-core, the reference checker of accessibility, run on pages as they stand in a browser."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = "4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def source() -> str:
    """Give the source of axe-core, from npm or from where an earlier run kept it."""
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "colorful-tests"
        / f"axe-core-{AXE}"
    )
    script = cache / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            if os.environ.get("CI"):
                pytest.fail("no npm here, and the pages must be checked by axe-core: apt-get install npm")
            pytest.skip("NO NPM, ACCESSIBILITY IS NOT TESTED: axe-core comes from the npm registry")
        cache.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(cache), "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run([*command, f"axe-core@{AXE}"], check=True, capture_output=True, timeout=120)
    source = script.read_bytes()
    assert hashlib.sha256(source).hexdigest() == AXE_SHA256
    return source.decode()


def violations(page: Page, axe: str) -> list[str]:
    """Name what axe-core finds serious or critical on a page as it stands."""
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    assert found["testEngine"]["version"] == AXE
    assert len(found["passes"]) > 10
    return [
        f"{one['id']}: {one['help']}: {node['html']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
