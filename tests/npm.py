"""Packages of npm that tests need, fetched once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def packed(name: str, version: str) -> Path:
    """Give a package as npm's registry has it, a .tgz file, from there or from where an earlier run kept it.

    Without npm or a connection the test is skipped, but fails where all is to be tested.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "colorful-tests"
    path = cache / f"{name}-{version}.tgz"
    if path.exists():
        return path
    npm = shutil.which("npm")
    reason = "there is no npm: apt-get install npm"
    if npm is not None:
        cache.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", f"{name}@{version}", "--pack-destination", str(cache)]
        run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        if path.exists():
            return path
        reason = run.stderr[-200:]
    if os.environ.get("CI"):
        pytest.fail(f"{name} cannot be fetched: {reason}")
    pytest.skip(f"NOT TESTED, since {name} cannot be fetched: {reason}")
