"""``colorful demo``: the photos that come with scikit-image, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from colorful.cli import shown
from colorful.cli.options import model_options
from colorful.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from colorful.colorizer import Colorizer

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket")
"""Names in ``skimage.data`` whose files are in scikit-image's wheel, so that nothing is downloaded."""

_HEIGHT = 360
_GAP = 8


@click.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("colorful-demo"),
    show_default=True,
    help="Folder of the sheets.",
)
@model_options
def demo(out: Path, load: Callable[[], Colorizer]) -> None:
    """Color five photos that come with scikit-image.

    Writes a sheet for each, the photo in grey and in color, and one of all five.
    """
    import skimage.data
    from PIL import Image

    from colorful.images import read, write

    make_folder(out)
    colorizer = load()

    def save(sheet: Image.Image, name: str) -> None:
        picture = read(sheet)
        path = write(picture.colored(picture.pixels), out / f"demo_{name}.png", overwrite=True)
        click.echo(shown(path))

    rows = []
    for name in PHOTOS:
        photo = Image.fromarray(getattr(skimage.data, name)())
        grey = photo.convert("L")
        sides = [grey.convert("RGB"), colorizer.colorize(grey)]
        save(_join(sides, vertical=False), name)
        rows.append(
            _join(
                [side.resize((_HEIGHT * side.width // side.height, _HEIGHT)) for side in sides], vertical=True
            )
        )
    save(_join(rows, vertical=False), "all")


def _join(pictures: list[Image.Image], *, vertical: bool) -> Image.Image:
    """Put pictures side by side, or one above the other, with a white gap between."""
    from PIL import Image

    lengths = [picture.height if vertical else picture.width for picture in pictures]
    total = sum(lengths) + _GAP * (len(pictures) - 1)
    across = max(picture.width if vertical else picture.height for picture in pictures)
    sheet = Image.new("RGB", (across, total) if vertical else (total, across), "white")
    start = 0
    for picture, length in zip(pictures, lengths, strict=True):
        sheet.paste(picture, (0, start) if vertical else (start, 0))
        start += length + _GAP
    return sheet
