"""``colorful demo``: the photos that come with scikit-image, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from colorful.cli import shown
from colorful.cli.options import model_options
from colorful.errors import PhotosError
from colorful.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from colorful.colorizer import Colorizer

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket")
"""Names in ``skimage.data`` whose files are in scikit-image's wheel, so that nothing is downloaded."""

_HEIGHT = 360


@click.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("colorful-demo"),
    help="Folder for the pictures.",
)
@model_options
def demo(out: Path, load: Callable[[], Colorizer]) -> None:
    """Color five photos that come with scikit-image.

    This writes one picture for each, with the photo in grey and in color, and one picture of all five.
    """
    import skimage.data
    from PIL import Image

    from colorful.images import read, write
    from colorful.images.sheet import lay_out

    make_folder(out)
    colorizer = load()

    def save(rows: list[list[Image.Image]], name: str) -> None:
        picture = read(lay_out(rows))
        path = write(picture.colored(picture.pixels), out / f"demo_{name}.png", overwrite=True)
        click.echo(shown(path))

    columns = []
    for name in PHOTOS:
        try:
            photo = getattr(skimage.data, name)()
        except (ImportError, OSError) as error:  # scikit-image would download what is not there
            raise PhotosError("photos: expected those of scikit-image, got it without them") from error
        grey = Image.fromarray(photo).convert("L")
        pair = [grey.convert("RGB"), colorizer.colorize(grey)]
        save([pair], name)
        columns.append([side.resize((_HEIGHT * side.width // side.height, _HEIGHT)) for side in pair])
    save([list(row) for row in zip(*columns, strict=True)], "all")
