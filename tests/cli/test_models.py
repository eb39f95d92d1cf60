from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import command
import PIL
import pytest
import skimage.data
import torch
from PIL import Image
from web_samples import chroma

import colorful
from colorful import Colorizer
from colorful.cli.demo import PHOTOS
from colorful.models import MODELS, NetworkConfig, create
from colorful.web.limits import Limits
from colorful.web.openapi import describe


def run(*args: str) -> str:
    """Run the command line in this process and give its standard output."""
    result = command.run(*args)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_models_tells_what_each_can() -> None:
    """``colorful models`` tells which take hints and which have a temperature."""
    models = {model["name"]: model for model in json.loads(run("models", "--json"))}
    assert models.keys() == MODELS.keys()
    assert [models[name]["hints"] for name in ("lite", "eccv16", "siggraph17")] == [True, False, True]
    assert [models[name]["temperature"] for name in ("lite", "eccv16", "siggraph17")] == [True, True, False]
    plain = run("models")
    assert all(name in plain and info.summary in plain for name, info in MODELS.items())
    facts = [line.strip().split("; ") for line in plain.splitlines() if line.startswith(" ")]
    assert len(facts) == len(MODELS)
    assert all(fact.strip() for line in facts for fact in line)


def test_info_tells_versions_and_devices() -> None:
    """``colorful info`` tells what a bug report needs."""
    facts = json.loads(run("info", "--json"))
    assert facts.items() >= {"colorful": colorful.__version__, "torch": torch.__version__}.items()
    assert facts["devices"][0] == "cpu"
    assert f"torch            {torch.__version__}" in run("info")


def test_a_program_that_was_frozen_tells_versions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where packages have no metadata, as in a frozen program, versions are told by the packages."""

    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata.Distribution, "from_name", missing)
    facts = json.loads(run("info", "--json"))
    assert [facts[name] for name in ("torch", "pillow")] == [torch.__version__, PIL.__version__]
    assert describe("", [], Limits())["info"]["version"] == colorful.__version__


def test_a_demo_without_photos_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where scikit-image came without its photos, the demo says so in a line."""

    def missing() -> None:
        raise ModuleNotFoundError("pooch")

    monkeypatch.setattr(skimage.data, PHOTOS[0], missing)
    result = command.run("demo", "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "expected those of scikit-image" in result.stderr


def test_the_demo_writes_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``colorful demo`` writes each photo in grey and in color, and one sheet of all."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(3)
    colorizer = Colorizer(create("lite", NetworkConfig(network_size=32, saturation=3)), device="cpu")
    colorizer.save_pretrained("model")
    assert len(run("demo", "-m", "model").splitlines()) == 6
    for name in PHOTOS:
        with Image.open(f"colorful-demo/demo_{name}.png") as sheet:
            width = sheet.width
            halves = [sheet.crop((0, 0, width // 2 - 4, 50)), sheet.crop((width // 2 + 4, 0, width, 50))]
            assert chroma(halves[0]) < 0.01 < 1 < chroma(halves[1])
    assert Path("colorful-demo/demo_all.png").is_file()
