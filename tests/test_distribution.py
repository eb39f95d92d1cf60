from __future__ import annotations

import os
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import colorful

ROOT = Path(__file__).parent.parent
WHEEL = os.environ.get("COLORFUL_WHEEL")

pytestmark = pytest.mark.skipif(WHEEL is None, reason="nox -s tests builds the wheel and names it")


@pytest.fixture(scope="module")
def wheel() -> zipfile.ZipFile:
    """Open the wheel that is being tested."""
    assert WHEEL is not None
    return zipfile.ZipFile(WHEEL)


def test_the_tests_run_on_the_wheel() -> None:
    """What is imported is the installed wheel, not the source tree."""
    assert not Path(colorful.__file__).is_relative_to(ROOT / "src")


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """All of src/colorful is in it (sources, stub, py.typed, model, pages), and beside it only metadata."""
    source = ROOT / "src"
    files = (file for file in source.rglob("*") if file.is_file() and file.suffix != ".pyc")
    expected = {file.relative_to(source).as_posix() for file in files}
    info = f"colorful_colorization-{colorful.__version__}.dist-info"
    expected |= {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    expected |= {f"{info}/licenses/{name}" for name in ("LICENSE", "LICENSES/Apache-2.0.txt", "NOTICE")}
    assert set(wheel.namelist()) == expected
    for name in ("py.typed", "models/bundled/lite/model.safetensors"):
        assert f"colorful/{name}" in expected


def test_the_metadata_is_that_of_the_project(wheel: zipfile.ZipFile) -> None:
    """The wheel carries the version of the code, the license and the extras."""
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = message_from_bytes(wheel.read(name))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["Version"] == colorful.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("Provides-Extra") == sorted(project["optional-dependencies"])
    assert metadata["Requires-Python"] == ">=3.11"
