from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from command import run
from PIL import Image

from colorful.hints import load_hints
from colorful.hub import save_pretrained
from colorful.models import create


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the current folder, with a grey photo and one in color."""
    monkeypatch.chdir(tmp_path)
    small = Image.fromarray(skimage.data.chelsea()).resize((150, 100), Image.Resampling.BOX)
    small.convert("L").save("cat.png")
    Image.fromarray(skimage.data.coffee()).resize((120, 80), Image.Resampling.BOX).save("coffee.png")
    return tmp_path


def pixels(name: str) -> np.ndarray:
    """Read a picture."""
    with Image.open(name) as picture:
        return np.asarray(picture).astype(int)


def test_variants_are_files_with_numbers(here: Path) -> None:
    """``--variants 3`` writes three files, the plain picture first, and tells the hints of each."""
    assert run("cat.png").exit_code == 0
    result = run("cat.png", "--variants", "3", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["target"] for line in lines] == [f"colorized_cat_{number}.png" for number in (1, 2, 3)]
    assert [bool(line["hints"]) for line in lines] == [False, True, True]
    assert np.array_equal(pixels("colorized_cat_1.png"), pixels("colorized_cat.png"))
    assert np.abs(pixels("colorized_cat_2.png") - pixels("colorized_cat_3.png")).mean() > 1


def test_a_sheet_shows_all_variants(here: Path) -> None:
    """``--sheet`` writes one picture that holds as many as asked for, and nothing is overwritten unasked."""
    assert run("cat.png", "--variants", "4", "--sheet", "-o", "choice.png").exit_code == 0
    assert pixels("choice_sheet.png").shape == (208, 308, 3)
    again = run("cat.png", "--variants", "4", "--sheet", "-o", "choice.png")
    assert again.exit_code == 1
    assert "exists" in again.stderr


def test_colors_follow_an_example(here: Path) -> None:
    """``--like`` and ``--palette`` change the colors; with amount 0 they do not."""
    for name, options in (
        ("plain", ()),
        ("like", ("--like", "coffee.png")),
        ("palette", ("--palette", "#2040a0, #203060", "--amount", "1")),
        ("none", ("--like", "coffee.png", "--amount", "0")),
    ):
        assert run("cat.png", "-o", f"{name}.png", *options).exit_code == 0
    assert np.array_equal(pixels("none.png"), pixels("plain.png"))
    for name in ("like", "palette"):
        assert np.abs(pixels(f"{name}.png") - pixels("plain.png")).mean() > 1
    blue = pixels("palette.png")[..., 2] - pixels("palette.png")[..., 0]
    assert blue.mean() > (pixels("plain.png")[..., 2] - pixels("plain.png")[..., 0]).mean()


def test_questions_are_filled_in_and_given_back(here: Path) -> None:
    """``colorful ask`` writes places with named colors; filled in, the file is one of hints."""
    result = run("ask", "cat.png", "-n", "2", "-o", "cat.json")
    assert result.exit_code == 0, result.stderr
    questions = json.loads(Path("cat.json").read_text())
    assert [question["color"] for question in questions] == [None, None]
    assert all(question["likely"][0]["name"] in result.stderr for question in questions)
    questions[0]["color"] = "steelblue"
    Path("cat.json").write_text(json.dumps(questions))
    assert [hint.color for hint in load_hints("cat.json")] == ["#4682b4"]
    assert run("cat.png", "--hints", "cat.json").exit_code == 0
    assert json.loads(run("ask", "cat.png").stdout)
    refused = run("ask", "cat.png", "--max-pixels", "100")
    assert refused.exit_code == 1
    assert "cat.png: expected at most 100 pixels" in refused.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sheet",), "--sheet: expected --variants"),
        (("--seed", "3"), "--seed: expected --variants"),
        (("--amount", "1"), "--amount: expected --like or --palette"),
        (("--manner", "mood"), "--manner: expected --like or --palette"),
        (("--palette", "red", "--manner", "match"), "--manner: expected auto or mood with a palette"),
        (("--temperature", "nan"), "--temperature: expected a number in [0, 1], got nan"),
        (("--variants", "3", "--skip-existing"), "--variants: expected a single photo"),
        (("coffee.png", "--variants", "3"), "--variants: expected a single photo"),
        (("--like", "coffee.png", "--palette", "red"), "--like, --palette: expected at most one"),
        (("--palette", "reddish"), "expected a color such as"),
        (("--like", "cat.png"), "--like: cat.png: expected a photo in color, got a grey one"),
    ],
)
def test_what_makes_no_sense_is_said(here: Path, options: tuple[str, ...], message: str) -> None:
    """Options that contradict each other, and examples that are none, end with one line."""
    result = run("cat.png", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(here.glob("colorized_*"))


@pytest.mark.parametrize(
    ("architecture", "options", "message"),
    [
        ("siggraph17", ("--palette", "red"), "--palette: siggraph17 predicts one color"),
        ("siggraph17", ("--like", "coffee.png"), "--like: siggraph17 predicts one color"),
        ("eccv16", ("--like", "coffee.png", "--manner", "match"), "--manner: eccv16 offers no features"),
    ],
)
def test_an_example_that_a_model_cannot_follow_is_said_by_the_option_given(
    here: Path, architecture: str, options: tuple[str, ...], message: str
) -> None:
    """A model that cannot follow an example is told by the name of the option that asked for it."""
    save_pretrained(create(architecture), "model")
    result = run("cat.png", "--model", "model", *options)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"colorful: {message}")


@pytest.mark.parametrize(
    ("ending", "result"), [("gif", "png"), ("jp2", "png"), ("ppm", "png"), ("bmp", "bmp")]
)
def test_variants_have_the_endings_of_results(here: Path, ending: str, result: str) -> None:
    """Variants of a photo in a format that is only read, or has few colors, have that of its result."""
    Image.open("cat.png").save(f"cat.{ending}")
    assert run(f"cat.{ending}").exit_code == 0
    assert run(f"cat.{ending}", "--variants", "2").exit_code == 0
    expected = {f"colorized_cat{mark}.{result}" for mark in ("", "_1", "_2")}
    assert {path.name for path in here.glob("colorized_*")} == expected


def test_variants_are_of_one_page(here: Path) -> None:
    """Variants of all pages are refused, and so is a number of them that no disk would hold."""
    refused = run("cat.png", "--variants", "2", "--pages", "all")
    assert (refused.exit_code, "--pages first" in refused.stderr) == (2, True)
    assert run("cat.png", "--variants", "1000000000").exit_code == 2


@pytest.mark.parametrize(
    "options", [("cat_1.png", "--variants", "2", "-o", "cat.png"), ("ask", "cat_1.png", "-o", "cat_1.png")]
)
def test_no_choice_takes_the_place_of_the_photo(here: Path, options: tuple[str, ...]) -> None:
    """``--overwrite`` replaces results: neither a variant nor a file of questions replaces the photo."""
    Path("cat.png").rename("cat_1.png")
    photo = Path("cat_1.png").read_bytes()
    result = run(*options, "--overwrite")
    assert (result.exit_code, "'cat_1.png' is read here" in result.stderr) == (1, True)
    assert Path("cat_1.png").read_bytes() == photo


@pytest.mark.parametrize(
    ("options", "spared"),
    [
        (("cat.png", "--keep", "mask.png", "-o", "mask.png"), "mask.png"),
        (("cat.png", "--like", "like.png", "-o", "like.png"), "like.png"),
        (("cat.png", "--like", "like_2.png", "--variants", "2", "-o", "like.png"), "like_2.png"),
        (("album", "--like", "album/colorized_dog.png"), "album/colorized_dog.png"),
        (("-", "-o", "cat.png"), "cat.png"),
        (("-", "--like", "like.png", "-o", "like.png"), "like.png"),
        (("evaluate", "cat.png", "like.png", "--sheet", "like.png"), "like.png"),
        (("evaluate", "cat.png", "--json", "cat.png"), "cat.png"),
        (("turing", "cat.png", "-o", "cat.png"), "cat.png"),
    ],
    ids=" ".join,
)
def test_overwrite_spares_what_is_read(here: Path, options: tuple[str, ...], spared: str) -> None:
    """``--overwrite`` replaces no file that the command reads: no mask, no example, no standard input."""
    Path("album").mkdir()
    for name in ("mask.png", "like.png", "like_2.png", "album/dog.png", "album/colorized_dog.png"):
        Path(name).write_bytes(Path("cat.png").read_bytes())
    before = {path: path.read_bytes() for path in here.rglob("*.png")}
    command = [sys.executable, "-m", "colorful", *options, "--overwrite"]
    with Path("cat.png").open("rb") as photo:
        done = subprocess.run(command, stdin=photo, capture_output=True, text=True, check=False)
    assert (done.returncode, f"'{spared}' is read here" in done.stderr) == (1, True), done.stderr
    assert {path: path.read_bytes() for path in here.rglob("*.png")} == before


@pytest.mark.parametrize("photos", [("album",), ("album/*.png",), ("cat.png", "nothing.png")])
def test_marks_are_of_one_photo(here: Path, photos: tuple[str, ...]) -> None:
    """A folder or a pattern that stands for several photos takes neither hints nor a mask."""
    Path("album").mkdir()
    for name in ("cat.png", "dog.png"):
        Path("album", name).write_bytes(Path("cat.png").read_bytes())
    Path("cat.json").write_text('[{"x": 9, "y": 9, "color": "red"}]')
    result = run(*photos, "--hints", "cat.json", "--out", "color")
    assert (result.exit_code, "expected a single photo with --hints" in result.stderr) == (2, True)
    assert not Path("color").exists()


def test_a_palette_takes_colors_with_commas(here: Path) -> None:
    """The notations of CSS are divided between colors only."""
    assert run("cat.png", "-o", "a.png", "--palette", "rgb(138, 90, 60), #2e5d8a").exit_code == 0
    assert run("cat.png", "-o", "b.png", "--palette", "#8a5a3c,#2e5d8a").exit_code == 0
    assert np.array_equal(pixels("a.png"), pixels("b.png"))
