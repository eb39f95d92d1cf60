"""``colorful evaluate`` and ``turing``: how good are the colors?"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import click

from colorful.cli import Failure, shown
from colorful.cli.options import DEVICE, SETTINGS, check_picture, check_result, group, tuned_model_options
from colorful.errors import OptionError
from colorful.files import write

if TYPE_CHECKING:
    from types import FrameType

    from colorful.colorizer import Colorizer
    from colorful.evaluation import Conditions, Preparation, Report

_PREPARATION = (
    click.option(
        "--size", type=click.IntRange(16), default=256, help="Size in pixels of the square that is compared."
    ),
    click.option(
        "--resize",
        type=click.Choice(["stretch", "crop"]),
        default="stretch",
        help="Squeeze each photo into the square, or use its middle part.",
    ),
    click.option("--seed", type=click.IntRange(0), default=0, help="Seed of all random choices."),
)


_preparation_options = group("preparation", dict, *_PREPARATION)


def _conditions(no_baselines: bool, hints: bool, **preparation: Unpack[Preparation]) -> Conditions:
    from colorful.evaluation import HINT_COUNTS

    return {**preparation, "baselines": not no_baselines, "hints": HINT_COUNTS if hints else ()}


_condition_options = group(
    "conditions",
    _conditions,
    *_PREPARATION,
    click.option("--no-baselines", is_flag=True, help="Leave out the baselines grey and random."),
    click.option("--hints", is_flag=True, help="Also measure PSNR with 0 to 100 simulated hints."),
)


class _Models(NamedTuple):
    """The models to score, and how each is loaded."""

    names: tuple[str, ...]
    options: Mapping[str, Any]

    def load(self) -> list[Colorizer]:
        from colorful.colorizer import Colorizer

        return [Colorizer.from_pretrained(name, **self.options) for name in self.names]


_models_options = group(
    "models",
    lambda models, **options: _Models(models, options),
    click.option(
        "-m",
        "--model",
        "models",
        multiple=True,
        default=["lite"],
        help="A name, a Hub id, a folder or a file; may be repeated.",
    ),
    *SETTINGS,
    DEVICE,
)


class _Results(NamedTuple):
    """Where the figures and the contact sheet go, and how many photos the sheet shows."""

    json_path: Path | None
    sheet: Path | None
    examples: int
    overwrite: bool

    def check(self) -> None:
        """Check that both can be written, before the long work."""
        if self.sheet is not None:
            check_picture("--sheet", self.sheet, overwrite=self.overwrite)
        if self.json_path is not None:
            check_result(self.json_path, overwrite=self.overwrite)


_result_options = group(
    "results",
    _Results,
    click.option(
        "--json",
        "json_path",
        metavar="OUT.json",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write all figures to this file, also those of each photo.",
    ),
    click.option(
        "--sheet",
        metavar="OUT.png",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write a contact sheet of the best and the worst photos.",
    ),
    click.option(
        "--examples",
        type=click.IntRange(1),
        default=8,
        help="How many of the best and how many of the worst photos --sheet shows.",
    ),
    click.option(
        "--overwrite",
        is_flag=True,
        help="Replace the files of --json and --sheet if they exist (never a photo).",
    ),
)


@click.command(short_help="Measure models on color photos.")
@click.argument("photos", metavar="PHOTOS...", nargs=-1, required=True)
@_models_options
@click.option(
    "-t",
    "--temperature",
    "temperatures",
    type=click.FloatRange(0, 1),
    multiple=True,
    help="Temperature; may be repeated; by default the model's own value.",
)
@_condition_options
@click.option(
    "--classifier",
    is_flag=True,
    help="Test whether a classifier, EfficientNet-Lite2, recognizes the same things as on the real photos.",
)
@_result_options
@click.option("--video", is_flag=True, help="PHOTOS are color films: measure how steady the colors are.")
def evaluate(
    photos: tuple[str, ...],
    models: _Models,
    temperatures: tuple[float, ...],
    conditions: Conditions,
    classifier: bool,
    results: _Results,
    video: bool,
) -> None:
    """Measure how close the colors of models are to the true colors of PHOTOS.

    \b
      colorful evaluate album/
      colorful evaluate album/ -m eccv16 -m siggraph17
      colorful evaluate album/ -m lite -t 0.2 -t 0.38 -t 0.6

    PHOTOS are color photos: folders, files, patterns or tar shards. Grey and toned photos are left out. The
    table has the published measures with 95 % intervals, for the models and for two baselines: the photo left
    grey, and the colors of another photo. With several models, a second table shows how each differs from the
    first. After Ctrl-C, you get the figures so far.

    With --video, one model colors the films in three ways: frame by frame, and steadily, with a short and
    a long wait for later frames.
    """  # noqa: D301  (\b keeps click from rewrapping)
    from colorful.evaluation import EvaluationError
    from colorful.evaluation import evaluate as run

    if video:
        from colorful.cli.video import score_films
        from colorful.evaluation.prepare import settle

        several = len(models.names) > 1 or len(temperatures) > 1
        if several or settle(conditions) != settle({}) or classifier or results.sheet:
            raise OptionError(
                "--video: expected one model and no option that is for photos, such as --hints or --size"
            )
    results.check()
    if video:
        (colorizer,) = models.load()
        colorizer = colorizer.tuned(temperature=temperatures[0] if temperatures else None)
        score_films(photos, colorizer, results.json_path, overwrite=results.overwrite)
        return
    judge = None
    if classifier:
        from colorful.evaluation.classifier import EfficientNetLite2

        judge = EfficientNetLite2()
    failure = ""
    with _progress() as progress:
        try:
            report = run(
                photos,
                models.load(),
                temperatures=temperatures or (None,),
                classifier=judge,
                examples=results.examples if results.sheet else 0,
                progress=progress,
                **conditions,
            )
        except EvaluationError as error:
            if error.report is None:
                raise
            report, failure = error.report, str(error)  # what was measured until then
    _show(report, results, failure)


@click.command(short_help="Make a page that asks people which photo is real.")
@click.argument("photos", metavar="PHOTOS...", nargs=-1, required=True)
@tuned_model_options
@_preparation_options
@click.option("--pairs", type=click.IntRange(1), default=40, help="How many pairs of photos.")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), default=1.0, help="How long each pair is shown."
)
@click.option(
    "-o",
    "--out",
    metavar="PAGE.html",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace the page if it exists.")
def turing(
    photos: tuple[str, ...],
    load: Callable[[], Colorizer],
    preparation: Preparation,
    pairs: int,
    seconds: float,
    out: Path,
    overwrite: bool,
) -> None:
    """Make a page that asks people which of two photos has the real colors.

    The page is one HTML file, which works in any browser, without a server and offline. It shows each pair
    for a second, and at the end how often people took the colored photo for the real one.
    """
    from colorful.evaluation.turing import turing_page

    check_result(out, overwrite=overwrite)
    with _progress(gentle=False) as progress:
        page = turing_page(photos, load(), pairs=pairs, seconds=seconds, progress=progress, **preparation)
    write(out, page.encode(), overwrite=overwrite)
    click.echo(shown(out))


def _show(report: Report, results: _Results, failure: str) -> None:
    """Print the report, write the files, then fail if something did."""
    from rich.console import Console

    from colorful import images

    # A file or pipe has no width of its own: no figure is wrapped there.
    Console(highlight=False, width=None if sys.stdout.isatty() else 1000).print(report)
    if results.json_path is not None:
        report.save(results.json_path, overwrite=results.overwrite)
        click.echo(shown(results.json_path))
    if results.sheet is not None:
        sheet = images.read(report.sheet())
        images.write(sheet, results.sheet, overwrite=results.overwrite, provenance=False)
        click.echo(shown(results.sheet))
    if failure:
        raise Failure(failure)
    if not report.complete:
        raise Failure("interrupted: the figures are of the photos until then")
    if report.unreadable:
        raise Failure(f"could not be read: {len(report.unreadable)} of {report.found} photos")


@contextlib.contextmanager
def _progress(*, gentle: bool = True) -> Iterator[Callable[[int, int], bool]]:
    """Show a bar on a terminal. If *gentle*, a first Ctrl-C only makes the callback return False."""
    from colorful.cli.progress import make_bar
    from colorful.host import handling

    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    bar = make_bar("photos")

    def progress(done: int, total: int) -> bool:
        bar.update(bar.task_ids[0], completed=done, total=total)
        return not stopped

    with (
        handling(stop, *((signal.SIGINT,) if gentle else ())),
        bar if bar.console.is_terminal else contextlib.nullcontext(),
    ):
        yield progress
