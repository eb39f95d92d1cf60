"""``colorful evaluate`` and ``turing``: how good are the colors?"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colorful.cli import Failure, shown
from colorful.cli.options import Command, gathered, look_options, model_options, settings_options
from colorful.errors import OptionError
from colorful.files import check_target, make_folder, write

if TYPE_CHECKING:
    from types import FrameType

    from torch import Tensor

    from colorful.colorizer import Colorizer
    from colorful.evaluation import Report
    from colorful.look import Look

_PREPARATION = (
    click.option(
        "--size",
        type=click.IntRange(16),
        default=256,
        show_default=True,
        help="Side in pixels of the square that is looked at.",
    ),
    click.option(
        "--resize",
        type=click.Choice(["stretch", "crop"]),
        default="stretch",
        show_default=True,
        help="Squeeze the photo into the square, or take its middle.",
    ),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all chance."),
)


def _prepared(command: Command) -> Command:
    """Give a command the options of :class:`colorful.evaluation.Preparation`, as *preparation*."""
    return gathered(command, _PREPARATION, "preparation", dict)


@click.command(short_help="Score models on photos that are in color.")
@click.argument("photos", metavar="PHOTOS...", nargs=-1, required=True)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=["lite"],
    show_default=True,
    help="Name, Hub id, folder or file; several times.",
)
@click.option(
    "-t",
    "--temperature",
    "temperatures",
    type=click.FloatRange(0, 1),
    multiple=True,
    help="Several times; the model's own by default.",
)
@settings_options
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps ...")
@_prepared
@click.option("--no-baselines", is_flag=True, help="Leave out grey and random.")
@click.option("--hints", is_flag=True, help="Measure PSNR with 0 to 100 simulated hints, too.")
@click.option(
    "--classifier",
    is_flag=True,
    help="Ask EfficientNet-Lite2 whether it names the same as on the real photos (top-1).",
)
@click.option(
    "--json",
    "json_path",
    metavar="OUT.json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Result file with all figures, of each photo too.",
)
@click.option(
    "--sheet",
    metavar="OUT.png",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Contact sheet of the best and the worst photos.",
)
@click.option(
    "--examples", type=click.IntRange(1), default=8, show_default=True, help="Of each on the sheet."
)
@click.option("--video", is_flag=True, help="PHOTOS are films in color: measure how steady colors are.")
def evaluate(
    photos: tuple[str, ...],
    models: tuple[str, ...],
    temperatures: tuple[float, ...],
    settings: Any,
    device: str,
    preparation: Any,
    no_baselines: bool,
    hints: bool,
    classifier: bool,
    json_path: Path | None,
    sheet: Path | None,
    examples: int,
    video: bool,
) -> None:
    """Measure how near to the truth models color PHOTOS, which are in color.

    \b
      colorful evaluate album/
      colorful evaluate album/ -m eccv16 -m siggraph17
      colorful evaluate album/ -m lite -t 0.2 -t 0.38 -t 0.6

    PHOTOS are folders, files, globs or tar shards. The table holds the published measures, with 95 %
    intervals, beside two baselines: the photo left grey, and the colors of another photo. Of several
    models, below it stands by how much each differs from the first. Grey and toned photos are left out.
    Ctrl-C ends with the figures so far.

    With --video the films are colored frame by frame, causally and in two passes, by one model.
    """  # noqa: D301  (\b keeps click from rewrapping)
    from colorful.colorizer import Colorizer
    from colorful.evaluation import HINT_COUNTS
    from colorful.evaluation import evaluate as run

    if video:
        from colorful.cli.video import score_films

        if len(models) > 1 or len(temperatures) > 1 or hints or classifier or sheet:
            raise OptionError("--video: expected one model and neither --hints, --classifier nor --sheet")
        colorizer = Colorizer.from_pretrained(models[0], device=device, **settings)
        colorizer = colorizer.tuned(temperature=temperatures[0] if temperatures else None)
        _prepare(json_path, None)
        score_films(photos, colorizer, json_path)
        return
    _prepare(json_path, sheet)
    with _progress("Scoring") as progress:
        report, failure = _kept(
            lambda: run(
                photos,
                [Colorizer.from_pretrained(model, device=device, **settings) for model in models],
                temperatures=temperatures or (None,),
                baselines=not no_baselines,
                hints=HINT_COUNTS if hints else (),
                classifier=_classifier() if classifier else None,
                examples=examples if sheet else 0,
                progress=progress,
                **preparation,
            )
        )
    _show(report, json_path, sheet, failure)


@click.command(short_help="Make a page that asks people which is real.")
@click.argument("photos", metavar="PHOTOS...", nargs=-1, required=True)
@model_options
@look_options
@_prepared
@click.option("--pairs", type=click.IntRange(1), default=40, show_default=True, help="How many photos.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="How long a pair is seen.",
)
@click.option(
    "-o",
    "--out",
    metavar="PAGE.html",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The page.",
)
@click.option("--overwrite", is_flag=True, help="Replace the page if it exists.")
def turing(
    photos: tuple[str, ...],
    load: Callable[[], Colorizer],
    look: Look,
    preparation: Any,
    pairs: int,
    seconds: float,
    out: Path,
    overwrite: bool,
) -> None:
    """Make a page that asks people which of two photos has the real colors.

    One HTML file, to be opened in any browser, without a server and without a network. It shows each pair
    for a second and tells in the end how often the colored photo was taken for the real one.
    """
    from colorful.evaluation.turing import turing_page

    make_folder(out.parent)
    check_target(out, overwrite=overwrite)
    with _progress("Coloring", gentle=False) as progress:
        page = turing_page(
            photos, load().tuned(**look), pairs=pairs, seconds=seconds, progress=progress, **preparation
        )
    write(out, page.encode(), overwrite=overwrite)
    click.echo(shown(out))


def _classifier() -> Callable[[Tensor], Tensor]:
    from colorful.evaluation.classifier import EfficientNetLite2

    return EfficientNetLite2()


def _prepare(json_path: Path | None, sheet: Path | None) -> None:
    """Check that the results can be written, before the long work."""
    from colorful.images import EXTENSIONS

    if sheet is not None and sheet.suffix.lower() not in EXTENSIONS:
        raise OptionError(f"--sheet: expected a name ending in {' '.join(EXTENSIONS)}, got {str(sheet)!r}")
    for path in (json_path, sheet):
        if path is not None:
            make_folder(path.parent)
            check_target(path, overwrite=True)


def _kept(run: Callable[[], Report]) -> tuple[Report, str]:
    """Evaluate; if a model fails on the way, keep what was measured and the reason."""
    from colorful.evaluation import EvaluationError

    try:
        return run(), ""
    except EvaluationError as error:
        if error.report is None:
            raise
        return error.report, str(error)


def _show(report: Report, json_path: Path | None, sheet: Path | None, failure: str) -> None:
    """Print the report, write the files, then fail if something did."""
    from rich.console import Console

    from colorful import images

    console = Console(highlight=False)
    # A file or pipe has no width of its own: nothing is cut there.
    console.print(report, width=None if console.is_terminal else 1000)
    if json_path is not None:
        report.save(json_path)
        click.echo(shown(json_path))
    if sheet is not None:
        images.write(images.read(report.sheet()), sheet, overwrite=True, provenance=False)
        click.echo(shown(sheet))
    if failure:
        raise Failure(failure)
    if not report.complete:
        raise Failure("interrupted: the figures are of the photos until then")
    if report.unreadable:
        raise Failure(f"could not be read: {len(report.unreadable)} of {report.found} photos")


@contextlib.contextmanager
def _progress(what: str, *, gentle: bool = True) -> Iterator[Callable[[int, int], bool]]:
    """Show a bar on a terminal. If *gentle*, a first Ctrl-C only makes the callback return False."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop) if gentle else signal.getsignal(signal.SIGINT)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=None)
    try:
        # Off a terminal not even with disable=True: rich before 14.3 would then leave an empty line.
        with bar if console.is_terminal else contextlib.nullcontext():

            def progress(done: int, total: int) -> bool:
                bar.update(task, completed=done, total=total)
                return not stopped

            yield progress
    finally:
        signal.signal(signal.SIGINT, before)
