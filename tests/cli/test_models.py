from __future__ import annotations

import json
from pathlib import Path

import command
import pytest
import torch
from PIL import Image
from web_samples import chroma

import colorful
from colorful import Colorizer
from colorful.cli.demo import PHOTOS
from colorful.models import MODELS, NetworkConfig, create


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


def test_info_tells_versions_and_devices() -> None:
    """``colorful info`` tells what a bug report needs."""
    facts = json.loads(run("info", "--json"))
    assert facts.items() >= {"colorful": colorful.__version__, "torch": torch.__version__}.items()
    assert facts["devices"][0] == "cpu"
    assert f"torch            {torch.__version__}" in run("info")


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
