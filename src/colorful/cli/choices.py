"""``colorful photo.jpg --variants N``: several pictures of one photo, or one sheet of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from colorful import images
from colorful.cli import shown, tell
from colorful.cli.options import check_picture
from colorful.colorizer import saving_of
from colorful.images.sheet import lay_out
from colorful.naming import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from colorful.cli.colorize import Variants
    from colorful.cli.options import MarkFiles
    from colorful.colorizer import Colorizer, FileOptions
    from colorful.prediction import Variant

# Longer side of a picture on a sheet, in pixels.
_TILE = 640


def write_variants(
    load: Callable[[], Colorizer],
    photo: str,
    out: str | None,
    wanted: Variants,
    marks: MarkFiles,
    encoding: FileOptions,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write variants of a photo as files with numbers, the plain one first, or as one sheet.

    Args:
        load: Gives the model, with its look.
        photo: Where it is.
        out: A folder, or a file whose name gets the numbers; beside the photo by default.
        wanted: How many, by which seed, and whether one picture shows all of them.
        marks: Colors of spots, and where the photo stays as it is.
        encoding: How results are encoded.
        overwrite: Whether results that are there may be replaced.
        as_json: Whether to print a line of JSON for each.
    """
    saving, sheet = saving_of(encoding), wanted.sheet
    targets = _targets(Path(photo), out, saving.get("format"), 1 if sheet else wanted.number, sheet=sheet)
    for target in targets:
        check_picture("--out", target, overwrite=overwrite)
    colorizer = load()
    said = marks.read(colorizer.settings["max_pixels"])
    keep = said["keep"]
    variants = colorizer.predict(photo, hints=said["hints"]).variants(wanted.number, seed=wanted.seed)
    if sheet:
        page = _sheet([variant.prediction.picture(keep=keep).opaque_uint8() for variant in variants])
        images.write(images.read(page).colored(page), targets[0], overwrite=overwrite, **saving)
    for number, variant in enumerate(variants, start=1):
        target = targets[0] if sheet else targets[number - 1]
        if not sheet:
            images.write(variant.prediction.picture(keep=keep), target, overwrite=overwrite, **saving)
        _tell(photo, target, number, variant, as_json=as_json)


def _targets(photo: Path, out: str | None, format: str | None, count: int, *, sheet: bool) -> list[Path]:
    ending = f".{format.lower()}" if format else images.result_ending(photo.suffix)
    whole = photo.with_name(f"{PREFIX}{photo.stem}{ending}")
    if out is not None:
        given = Path(out)
        whole = given if given.suffix and not given.is_dir() else given / whole.name
    marks = ["sheet"] if sheet else [str(number) for number in range(1, count + 1)]
    return [whole.with_name(f"{whole.stem}_{mark}{whole.suffix}") for mark in marks]


def _sheet(pictures: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """Lay pictures out in rows, from left to right and from top to bottom."""
    from PIL import Image

    tiles = []
    for pixels in pictures:
        tile = Image.fromarray(pixels).convert("RGB")
        tile.thumbnail((_TILE, _TILE), Image.Resampling.LANCZOS)
        tiles.append(tile)
    width, height = tiles[0].size
    columns = math.ceil(math.sqrt(len(tiles) * height / width))
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    return np.asarray(lay_out(rows))


def _tell(photo: str, target: Path, number: int, variant: Variant, *, as_json: bool) -> None:
    """Say what a variant is: on standard error in words, or as JSON with the hints that made it."""
    if as_json:
        line: dict[str, Any] = {"source": photo, "target": str(target), "variant": number}
        click.echo(json.dumps(line | {"hints": [hint.to_json() for hint in variant.hints]}))
        return
    colors = ", ".join(f"{hint.color} at {hint.x:.0f}, {hint.y:.0f}" for hint in variant.hints)
    tell(f"{number}: {shown(target)} ({colors or 'the plain picture'})")
