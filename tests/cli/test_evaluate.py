from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from command import run
from PIL import Image
from skimage.color import rgb2lab

from colorful import hub
from colorful.evaluation import evaluate
from colorful.models import NetworkConfig, create
from colorful.models.lite import Lite


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model on disk whose weights are chance."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "chance"
    hub.save_pretrained(create("lite", NetworkConfig(network_size=64)), folder)
    return folder


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two color photos and a grey one."""
    folder = tmp_path / "album"
    folder.mkdir()
    coffee = skimage.data.coffee()[::4, ::4]
    Image.fromarray(coffee).save(folder / "cup.png")
    Image.fromarray(skimage.data.chelsea()[::3, ::3]).save(folder / "cat.jpg")
    Image.fromarray(coffee).convert("L").save(folder / "grey.png")
    return folder


def test_evaluate_prints_the_table_and_writes_the_files(album: Path, model: Path, tmp_path: Path) -> None:
    """One command gives the table, the result file and the contact sheet, and ends with status 0."""
    result_file, sheet = tmp_path / "r.json", tmp_path / "s.png"
    wanted = ("--hints", "--json", result_file, "--sheet", sheet)
    result = run("evaluate", album, "-m", model, "--size", 32, *wanted)
    assert result.exit_code == 0, result.output
    assert "2 photos (left out: 1 grey)" in result.stdout
    assert "chance - grey" in result.stdout
    figures = json.loads(result_file.read_text())
    assert figures["photos"]["scored"] == 2
    assert figures["psnr_by_hints"]["chance"].keys() >= {"1", "10", "100"}
    with Image.open(sheet) as picture:
        assert picture.width > 3 * 32


@pytest.mark.parametrize(("option", "name"), [("--json", "r.json"), ("--sheet", "s.png")])
def test_figures_of_an_earlier_run_stay(
    album: Path, model: Path, tmp_path: Path, option: str, name: str
) -> None:
    """Neither figures nor a sheet that are there are replaced, unless ``--overwrite`` says so."""
    (tmp_path / name).write_text("of another model")
    arguments = ("evaluate", album, "-m", model, "--size", 32, "--no-baselines", option, tmp_path / name)
    refused = run(*arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "exists already; --overwrite replaces it" in refused.stderr
    assert (tmp_path / name).read_text() == "of another model"
    assert run(*arguments, "--overwrite").exit_code == 0
    assert b"of another model" not in (tmp_path / name).read_bytes()


@pytest.mark.parametrize(
    ("command", "option", "name"),
    [("evaluate", "--json", "r.json"), ("evaluate", "--sheet", "s.png"), ("turing", "-o", "t.html")],
)
def test_the_folder_of_a_result_is_made(
    album: Path, model: Path, tmp_path: Path, command: str, option: str, name: str
) -> None:
    """A result goes to a new folder as to an old one: what took hours is not lost for a folder."""
    target = tmp_path / "new" / name
    result = run(command, album, "-m", model, "--size", 32, option, target)
    assert result.exit_code == 0, result.output
    assert target.stat().st_size > 0


@pytest.mark.parametrize(
    ("command", "option", "name", "words"),
    [
        ("evaluate", "--sheet", "s.xyz", "--sheet: expected a name ending in .jpg"),
        ("evaluate", "--json", "file/r.json", "cannot be made"),
        ("turing", "-o", "file/t.html", "cannot be made"),
    ],
)
def test_a_result_that_cannot_be_written_costs_no_time(
    tmp_path: Path, model: Path, command: str, option: str, name: str, words: str
) -> None:
    """Where a result could not be written, the error comes before a photo is looked for."""
    (tmp_path / "file").write_text("in the way")
    result = run(command, tmp_path / "no photos", "-m", model, option, tmp_path / name)
    assert (result.exit_code, result.stdout) == (2 if option == "--sheet" else 1, "")
    assert words in result.stderr


def test_several_models_and_temperatures(album: Path, model: Path) -> None:
    """Each model and temperature is a column of its own."""
    result = run("evaluate", album, "-m", model, "-t", 0.2, "--temperature", 0.8, "--size", 32)
    assert result.exit_code == 0, result.output
    assert "chance T=0.8 - chance T=0.2" in result.stdout
    *_, intervals = result.stdout.partition("AuC rebal., %")[0].splitlines()
    assert intervals.count(" to ") == 4, "a file or pipe has no width, so that no figure is cut in two"


def test_an_unreadable_photo_is_named_and_the_others_are_scored(
    album: Path, model: Path, tmp_path: Path
) -> None:
    """The figures of the readable photos are printed and kept; the status is 1."""
    (album / "broken.jpg").write_bytes(b"nothing")
    result = run(
        "evaluate", album, "-m", model, "--size", 32, "--no-baselines", "--json", tmp_path / "r.json"
    )
    assert result.exit_code == 1
    assert "1 unreadable" in result.stdout
    assert "broken.jpg" in result.stderr
    assert "could not be read: 1 of 4 photos" in result.stderr
    assert json.loads((tmp_path / "r.json").read_text())["photos"]["scored"] == 2


def test_a_model_that_fails_half_way_leaves_the_figures_so_far(
    album: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table and the result file cover the photos until then, the failure is named, the status is 1."""
    forward = Lite.forward
    first, second = evaluate(album, model=model, size=32).names
    brightness = {
        name: rgb2lab(np.asarray(Image.open(album / name)))[..., 0].mean() for name in (first, second)
    }
    middle = np.mean(list(brightness.values()))

    def fail_second(self: Lite, light: torch.Tensor, *hints: torch.Tensor | None) -> torch.Tensor:
        if (light.mean() > middle) == (brightness[second] > brightness[first]):
            raise RuntimeError("out of luck")
        return forward(self, light, *hints)

    monkeypatch.setattr(Lite, "forward", fail_second)
    result = run("evaluate", album, "-m", model, "--size", 32, "--json", tmp_path / "r.json")
    assert result.exit_code == 1, result.output
    assert "chance - grey" in result.stdout
    assert "colorful: model failed after 1 photos: RuntimeError: out of luck" in result.stderr
    assert "Traceback" not in result.output
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["complete"] is False
    assert found["photos"]["scored"] == 1


@pytest.mark.parametrize("command", ["evaluate", "turing"])
def test_nothing_to_score_is_said_in_one_line(command: str, model: Path, tmp_path: Path) -> None:
    """An empty folder, a missing one or a missing model end with one line and status 1."""
    out = ["-o", tmp_path / "page.html"] if command == "turing" else []
    (tmp_path / "empty").mkdir()
    for photos, chosen, words in (
        ("empty", model, "got none in"),
        ("nowhere", model, "no such file or folder"),
        ("empty", tmp_path / "no-model", "no-model"),
    ):
        result = run(command, tmp_path / photos, "-m", chosen, *out)
        assert result.exit_code == 1
        assert result.stderr.startswith("colorful: ")
        assert words in result.stderr
        assert "Traceback" not in result.output
    assert not (tmp_path / "page.html").exists()


def test_turing_writes_a_page_and_overwrites_none(album: Path, model: Path, tmp_path: Path) -> None:
    """The page is written once; a second time needs --overwrite."""
    page = tmp_path / "page.html"
    arguments = ("turing", album, "-m", model, "--size", 32, "--pairs", 2, "-o", page)
    assert run(*arguments).exit_code == 0
    before = page.read_bytes()
    assert before.startswith(b"<!DOCTYPE html>")
    refused = run(*arguments, "--seed", 1)
    assert refused.exit_code == 1
    assert "--overwrite replaces it" in refused.stderr
    assert page.read_bytes() == before
    assert run(*arguments, "--seed", 1, "--overwrite").exit_code == 0
    assert page.read_bytes() != before


@pytest.mark.slow
def test_ctrl_c_ends_with_the_figures_so_far(model: Path, tmp_path: Path) -> None:
    """After an interrupt the table and the result file cover the photos until then, with status 1."""
    album = tmp_path / "large"
    album.mkdir()
    for number in range(400):
        pixels = np.roll(skimage.data.coffee()[::4, ::4], number, axis=1)
        Image.fromarray(pixels).save(album / f"{number:03}.bmp")
    (album / "020.bmp").write_bytes(b"BM")  # its warning tells that those before it were read
    result_file = tmp_path / "r.json"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "colorful",
            "-v",
            "evaluate",
            str(album),
            "-m",
            str(model),
            "--json",
            str(result_file),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if "020.bmp" in line:
            break
    process.send_signal(signal.SIGINT)
    output, rest = process.communicate(timeout=120)
    errors = "".join(seen) + rest
    assert process.returncode == 1, errors
    assert "colorful: interrupted: the figures are of the photos until then" in errors
    assert "of 400: not complete" in output
    result = json.loads(result_file.read_text())
    assert result["complete"] is False
    assert 0 < result["photos"]["scored"] < 400
