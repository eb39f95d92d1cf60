"""``colorful ask``: where hints help most, to be filled in and given back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from colorful.cli import need_streams, tell
from colorful.cli.options import asking_model_options, check_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from colorful.colorizer import Colorizer


@click.command(short_help="Find the places where hints help most.")
@click.argument("photo", type=click.Path(allow_dash=True))
@click.option("-n", "--count", type=click.IntRange(1), default=3, help="How many places to ask for.")
@click.option(
    "-o", "--out", metavar="FILE.json", type=click.Path(), help="File to write; by default standard output."
)
@click.option("--overwrite", is_flag=True, help="Replace --out if it exists.")
@asking_model_options
def ask(photo: str, count: int, out: str | None, overwrite: bool, load: Callable[[], Colorizer]) -> None:
    """Find the places of a photo where hints help most, and write them as JSON.

    \b
      colorful ask photo.jpg -o hints.json    then put colors in place of null
      colorful photo.jpg --hints hints.json   places that stay null are not used

    Each place comes with its likeliest colors, with their names and how likely they are. You can answer with
    one of these, or with any other color, such as "saddlebrown" or "#8a5a3c".
    """  # noqa: D301  (\b keeps click from rewrapping)
    from colorful import files

    if out is not None:
        check_result(Path(out), overwrite=overwrite)
    need_streams(stdin=photo == "-", stdout=out is None)
    places = load().predict(sys.stdin.buffer if photo == "-" else photo).ask(count)
    text = ",\n ".join(json.dumps(place.to_json()) for place in places)
    document = f"[{text}]\n"
    if out is None:
        click.echo(document, nl=False)
        return
    files.write(out, document.encode(), overwrite=overwrite)
    for number, place in enumerate(places, start=1):
        likely = ", ".join(f"{found.name} {found.probability:.0%}" for found in place.suggestions)
        tell(f"{number}: at {place.x:.0f}, {place.y:.0f}: {likely}")
