from __future__ import annotations

import hashlib
import json
import os
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import colorful

ROOT = Path(__file__).parent.parent
WHEEL = os.environ.get("COLORFUL_WHEEL")


@pytest.fixture(scope="module")
def wheel() -> zipfile.ZipFile:
    """Open the wheel that is being tested."""
    if WHEEL is None:
        pytest.skip("nox -s tests builds the wheel and names it")
    return zipfile.ZipFile(WHEEL)


@pytest.mark.usefixtures("wheel")
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
    expected.add(f"{info}/sboms/sbom.cdx.json")
    assert set(wheel.namelist()) == expected
    for name in ("py.typed", "models/bundled/lite/model.safetensors"):
        assert f"colorful/{name}" in expected


def test_the_metadata_is_that_of_the_project(wheel: zipfile.ZipFile) -> None:
    """The wheel carries the version of the code, the license and the extras."""
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = message_from_bytes(wheel.read(name))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["Version"] == colorful.__version__
    assert metadata["License-Expression"] == project["license"] == "MIT AND Apache-2.0"
    assert metadata.get_all("Provides-Extra") == sorted(project["optional-dependencies"])
    assert metadata["Requires-Python"] == ">=3.11"


def bundled() -> dict[str, str]:
    """Give the SHA-256 of each file that the bill of materials lists, by its place in the wheel."""
    bill = json.loads((ROOT / "sbom.cdx.json").read_text(encoding="utf-8"))
    return {
        part["evidence"]["occurrences"][0]["location"]: part["hashes"][0]["content"]
        for part in bill["components"]
    }


def test_the_bill_of_materials_is_of_the_files_that_are_there() -> None:
    """The list of what is bundled names weights and pictures under the hashes that they have."""
    assert "colorful/models/bundled/lite/model.safetensors" in bundled()
    for place, digest in bundled().items():
        assert hashlib.sha256((ROOT / "src" / place).read_bytes()).hexdigest() == digest, place


def test_all_weights_and_photos_are_on_the_bill() -> None:
    """No model and no photo is bundled that the list does not name."""
    files = (file for kind in ("safetensors", "onnx", "jpg", "png") for file in ROOT.glob(f"src/**/*.{kind}"))
    assert {file.relative_to(ROOT / "src").as_posix() for file in files} == set(bundled())
