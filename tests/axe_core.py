"""axe-core, the reference checker of accessibility, run on pages as they stand in a browser."""

from __future__ import annotations

import hashlib
import tarfile

import npm
from playwright.sync_api import Page

AXE = "4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def source() -> str:
    """Give the source of axe-core."""
    with tarfile.open(npm.packed("axe-core", AXE)) as package:
        file = package.extractfile("package/axe.min.js")
        assert file is not None
        script = file.read()
    assert hashlib.sha256(script).hexdigest() == AXE_SHA256
    return script.decode()


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
