from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab

from colorful import Hint, load_hints
from colorful.errors import HintError
from colorful.hints import parse_hints, rasterize


@pytest.mark.parametrize(
    "color",
    ["#c03020", "#C03020", (192, 48, 32), [192, 48, 32], "rgb(192, 48, 32)", np.array([192, 48, 32], "u1")],
)
def test_a_color_has_one_form(color: Any) -> None:
    """However a color is written, the hint has it as ``#rrggbb``."""
    assert Hint(1, 2, color) == Hint(1.0, 2.0, "#c03020")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((float("nan"), 2, "red"), "x: expected a finite number of pixels, got nan"),
        ((1, float("inf"), "red"), "y: expected a finite number"),
        ((10**400, 2, "red"), "x: expected a finite number"),
        (("1", 2, "red"), "x: expected a finite number of pixels, got '1'"),
        ((True, 2, "red"), "x: expected a finite number of pixels, got True"),
        ((1, 2, "reddish"), "color: expected a color such as '#c03020', got 'reddish'"),
        ((1, 2, (1, 2)), "color: expected three integers in 0..255"),
        ((1, 2, (1, 2, 256)), "color: expected three integers in 0..255"),
        ((1, 2, (1.0, 2, 3)), "color: expected three integers in 0..255"),
        ((1, 2, None), "color: expected a color such as"),
        ((1, 2, np.array(3)), "color: expected a color such as"),
        ((1, 2, np.array([0.5, 1, 1])), "color: expected three integers in 0..255"),
        ((1, 2, "red", -1), "radius: expected at least 0, got -1"),
    ],
    ids=str,
)
def test_a_malformed_hint_is_told_in_words(values: tuple[Any, ...], words: str) -> None:
    """A hint that is none says which part, what was expected and what came."""
    with pytest.raises(HintError, match=words):
        Hint(*values)


coordinates = st.floats(0, 1e6)
hints = st.builds(
    Hint, coordinates, coordinates, st.tuples(*[st.integers(0, 255)] * 3), st.none() | st.floats(0, 1e6)
)


@given(st.lists(hints, max_size=4))
def test_json_brings_hints_back(given_hints: list[Hint]) -> None:
    """Hints written as a JSON array are read back equal."""
    assert parse_hints(json.dumps([hint.to_json() for hint in given_hints])) == given_hints


def test_a_file_has_the_same_form(tmp_path: Path) -> None:
    """A file holds the array as it is documented; the radius may be left out."""
    path = tmp_path / "hints.json"
    path.write_text(
        '[{"x": 120, "y": 80.5, "color": "#c03020", "radius": 4}, {"x": 1, "y": 2, "color": [0, 9, 8]}]'
    )
    assert load_hints(path) == [Hint(120, 80.5, "#c03020", 4), Hint(1, 2, "#000908")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "hints: expected a JSON array"),
        ("[" * 100_000, "hints: expected a JSON array"),
        (b"\xff", "hints: expected a JSON array"),
        ("{}", "hints: expected a JSON array, got dict"),
        ("[3]", "hint 1 of 1: expected an object"),
        ('[{"x": 1, "y": 2, "color": "red"}, {"x": 1}]', "hint 2 of 2: expected .* got none for color, y"),
        ('[{"x": 1, "y": 2, "color": "red", "size": 3}]', "hint 1 of 1: .* got size"),
        ('[{"x": "a", "y": 2, "color": "red"}]', "hint 1 of 1: x: expected a finite number"),
        ('[{"x": 1, "y": 2, "color": {"r": 3}}]', "hint 1 of 1: color: expected a color"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_json_that_holds_no_hints_is_told_in_words(text: str | bytes, words: str) -> None:
    """What is no array of hints says where it goes wrong."""
    with pytest.raises(HintError, match=words):
        parse_hints(text)


def test_a_missing_file_is_told_in_words(tmp_path: Path) -> None:
    """A file that is not there, or holds nonsense, is an error that names it."""
    with pytest.raises(HintError, match=r"cannot read .*none\.json': No such file"):
        load_hints(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("nonsense")
    with pytest.raises(HintError, match=r"bad\.json: hints: expected a JSON array"):
        load_hints(tmp_path / "bad.json")


def test_only_ab_of_the_color_counts() -> None:
    """The map holds the color's own a and b where the mask is 1, and 0 elsewhere."""
    ab, mask = rasterize([Hint(60, 20, "#c03020", 12)], (100, 200), (32, 64))
    assert (ab.shape, mask.shape) == ((1, 2, 32, 64), (1, 1, 32, 64))
    expected = rgb2lab(np.array([[[0xC0, 0x30, 0x20]]], np.uint8))[0, 0, 1:]
    covered = mask[0, 0] == 1
    assert np.abs(ab[0, :, covered].numpy() - expected[:, None]).max() < 0.02
    assert not ab[0, :, ~covered].any()
    assert set(mask.unique().tolist()) == {0.0, 1.0}


@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_a_hint_covers_the_cell_it_lies_in(height: int, width: int, data: st.DataObject) -> None:
    """Whatever its radius, a hint covers the cell under its point, and only cells within the radius."""
    x = data.draw(st.floats(0, width, exclude_max=True))
    y = data.draw(st.floats(0, height, exclude_max=True))
    radius = data.draw(st.floats(0, 200) | st.just(1e300))
    _, mask = rasterize([Hint(x, y, "red", radius)], (height, width), (40, 56))
    row, column = min(int(y / height * 40), 39), min(int(x / width * 56), 55)
    near = mask[0, 0, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    assert near.any()
    rows, columns = torch.nonzero(mask[0, 0], as_tuple=True)
    distances = ((columns + 0.5) * width / 56 - x) ** 2 + ((rows + 0.5) * height / 40 - y) ** 2
    assert (distances.sqrt() > radius * (1 + 1e-6) + 1e-6).sum() <= 1  # the cell under the point, at most


def test_without_a_radius_a_hint_is_as_large_as_in_training() -> None:
    """By default a hint covers a disc of two and a half cells, whatever the photo's size."""
    areas = [
        rasterize([Hint(side / 2, side / 2, "red")], (side, side), (256, 256))[1].sum().item()
        for side in (256, 4000)
    ]
    assert areas == [pytest.approx(np.pi * 2.5**2, rel=0.3)] * 2


def test_the_later_hint_lies_on_top() -> None:
    """Where two hints overlap, the later one counts."""
    ab, _ = rasterize([Hint(50, 50, "red", 30), Hint(50, 50, "blue", 5)], (100, 100), (64, 64))
    assert ab[0, 1, 32, 32] < -50 < 0 < ab[0, 1, 32, 20]


@pytest.mark.parametrize(("x", "y"), [(-0.1, 5), (20, 5), (5, 10), (5, -1)])
def test_a_hint_outside_the_photo_is_an_error(x: float, y: float) -> None:
    """A point outside the photo, its right and lower edge included, is an error that numbers the hint."""
    with pytest.raises(HintError, match="hint 2: expected a point inside the photo of 20 x 10 pixels"):
        rasterize([Hint(1, 1, "red"), Hint(x, y, "red")], (10, 20), (32, 32))
