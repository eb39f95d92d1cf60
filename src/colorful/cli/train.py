"""``colorful train``: from a folder of photos to a model."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import click

from colorful.cli import INTERRUPTED

if TYPE_CHECKING:
    from pathlib import Path


@click.command(short_help="Train a network on your own color photos.")
@click.argument("photos", metavar="PHOTOS...", nargs=-1, required=True)
@click.option("-o", "--out", metavar="RUN", required=True, help="Folder for the run.")
@click.option(
    "-m",
    "--model",
    type=click.Choice(["lite", "eccv16", "siggraph17"]),
    default="lite",
    help="Which network to train.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the run in RUN, with the options that it was started with."
)
@click.option(
    "--init-from",
    metavar="MODEL",
    help="Weights to begin with: a name (lite means the bundled weights), a Hub id, a folder or a file; "
    "imagenet for only the encoder of lite (its default); none for random weights (default of the others).",
)
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Length of the run in minutes; 120 by default."
)
@click.option("--steps", type=click.IntRange(1), help="Length of the run in steps, instead of --minutes.")
@click.option("--batch-size", type=click.IntRange(1), help="Crops in each step, for each process.")
@click.option("--lr", type=click.FloatRange(0, min_open=True), help="Highest learning rate.")
@click.option("--size", type=click.IntRange(32), help="Size of the crops in pixels, a multiple of 32.")
@click.option(
    "--ema", type=click.FloatRange(0, 1, max_open=True), help="Decay of the moving average of the weights."
)
@click.option("--freeze-encoder", is_flag=True, help="Do not train a pretrained encoder.")
@click.option(
    "--hints-only", is_flag=True, help="Train only how lite follows hints; its other colors do not change."
)
@click.option("--freeze-norm", is_flag=True, help="Do not change the statistics of batch norm.")
@click.option(
    "--precision",
    type=click.Choice(["no", "bf16", "fp16"]),
    help="Number type of the matrix products; no means float32.",
)
@click.option("--seed", type=click.IntRange(0), help="Seed of all random choices.")
@click.option("--save-minutes", type=click.FloatRange(0), help="Minutes between checkpoints; 5 by default.")
@click.option(
    "--report-minutes",
    type=click.FloatRange(0),
    help="Minutes between validations, each with a sheet of pictures; 10 by default.",
)
@click.option(
    "--validation", type=click.IntRange(1), default=200, help="How many photos to use for validation at most."
)
@click.pass_context
def train(
    context: click.Context,
    /,
    photos: tuple[str, ...],
    out: str,
    model: str,
    resume: bool,
    init_from: str | None,
    minutes: float | None,
    steps: int | None,
    validation: int,
    **changes: Any,
) -> None:
    """Train a network on PHOTOS: folders, files, patterns or tar shards.

    \b
      colorful train album/ --out run
      colorful train album/ --out run --resume
      colorful train album/ --out mine --init-from lite --minutes 30
      accelerate launch --multi_gpu -m colorful train album/ --out run

    PHOTOS should be in color: grey, toned and broken photos are left out. The finished model is in RUN/model.
    Ctrl-C or SIGTERM saves the run and stops it. --resume goes on with it, also after a crash.
    """  # noqa: D301  (\b keeps click from rewrapping)
    if minutes is not None and steps is not None:
        raise click.UsageError("--minutes and --steps: give one of the two.")
    size = changes["size"]
    if size is not None and size % 32:
        raise click.BadParameter(f"expected a multiple of 32, got {size}", param_hint="--size")
    default = click.core.ParameterSource.DEFAULT
    said = [
        name
        for name in ("model", "init_from", "validation", *changes)
        if context.get_parameter_source(name) is not default
    ]
    if resume and said:
        names = ", ".join("--" + name.replace("_", "-") for name in said)
        raise click.UsageError(f"--resume uses the options of the run; leave out {names}.")
    given = {name: value for name, value in changes.items() if name in said}
    from colorful.training import recipe
    from colorful.training import train as run

    logging.getLogger("colorful").setLevel(logging.INFO)
    options = None
    if not resume or minutes or steps:
        options = recipe(model, init_from=init_from, minutes=minutes, steps=steps, **given)
    folder: Path | None = run(
        photos, out, model=model, init_from=init_from, options=options, resume=resume, validation=validation
    )
    if folder is not None:
        click.echo(f"{folder}")
    elif os.environ.get("RANK", "0") == "0":
        context.exit(INTERRUPTED)
