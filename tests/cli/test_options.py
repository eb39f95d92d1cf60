"""Options that arrive as one value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from colorful import Colorizer
from colorful.cli.options import MarkFiles, group, model_options, photo_model_options
from colorful.errors import OptionError
from colorful.hints import Hint


def test_a_group_is_one_argument() -> None:
    """A command gets the options of a group as one value, beside its own, and its help shows each."""
    size = group(
        "size",
        lambda height, width: (height, width),
        click.option("--height", type=int, default=3, help="Rows."),
        click.option("--width", type=int, default=4, help="Columns."),
    )

    @click.command()
    @size
    @click.option("--name", default="x")
    def command(size: tuple[int, int], name: str) -> None:
        click.echo(f"{name} {size}")

    assert CliRunner().invoke(command, ["--width", "9", "--name", "y"]).output == "y (3, 9)\n"
    assert "Rows." in CliRunner().invoke(command, ["--help"]).output


def loaded(options: Callable[[Any], Any], *args: str) -> Colorizer:
    """Load the model that options on the command line choose."""
    found = []

    @click.command()
    @options
    def command(load: Callable[[], Colorizer]) -> None:
        found.append(load())

    result = CliRunner().invoke(command, list(args))
    if result.exception is not None:
        raise result.exception
    return found[0]


def test_options_of_look_and_settings_reach_the_colorizer() -> None:
    """Each option arrives where it belongs: in the look or in the settings."""
    colorizer = loaded(photo_model_options, "-t", "0.2", "--strength", "0.5", "--network-size", "64")
    assert (colorizer.look["temperature"], colorizer.look["strength"]) == (0.2, 0.5)
    assert colorizer.settings["network_size"] == 64


@pytest.mark.parametrize(
    ("args", "most"), [((), 178_956_970), (("--max-pixels", "9"), 9), (("--max-pixels", "0"), None)]
)
def test_no_limit_is_written_as_0(args: tuple[str, ...], most: int | None) -> None:
    """``--max-pixels 0`` takes photos of any size."""
    assert loaded(photo_model_options, *args).settings["max_pixels"] == most


def test_a_photo_and_a_palette_are_one_example_too_many() -> None:
    """``--like`` and ``--palette`` exclude each other."""
    with pytest.raises(OptionError, match="like, palette: expected at most one of them"):
        loaded(photo_model_options, "--like", "a.jpg", "--palette", "red")


def test_a_model_can_be_loaded_twice() -> None:
    """What a command gets to load a model with can be called again."""
    loads = []

    @click.command()
    @model_options
    def command(load: Callable[[], Colorizer]) -> None:
        loads.extend((load(), load()))

    CliRunner().invoke(command, ["--network-size", "96"])
    assert [colorizer.settings["network_size"] for colorizer in loads] == [96, 96]


def test_marks_are_read_when_they_are_needed(tmp_path: Path) -> None:
    """Hints and a mask come from their files; without files there are none."""
    (tmp_path / "hints.json").write_text('[{"x": 1, "y": 2, "color": "#ff0000"}]')
    Image.fromarray(np.full((4, 5), 255, np.uint8)).save(tmp_path / "mask.png")
    marks = MarkFiles(str(tmp_path / "hints.json"), str(tmp_path / "mask.png")).read(None)
    assert marks["hints"] == [Hint(1, 2, "#ff0000")]
    assert np.asarray(marks["keep"]).shape[:2] == (4, 5)
    assert MarkFiles(None, None).read(None) == {"hints": [], "keep": None}
