"""``colorful video``: films."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click

from colorful import heap
from colorful.cli import INTERRUPTED, STDOUT, Failure, complain, need_streams, shown, tell
from colorful.cli.options import check_picture, film_model_options, group
from colorful.errors import OptionError
from colorful.files import is_own_pipe

if TYPE_CHECKING:
    from colorful.colorizer import Colorizer
    from colorful.video import VideoSummary
    from colorful.video.coding import Coding
    from colorful.video.stages import Wait

STREAM = "-"


class Frames(TypedDict):
    """How frames are gone through; see :func:`colorful.colorize_video`."""

    steady: float
    wait: Wait | None
    deinterlace: bool


_frame_options = group(
    "frames",
    dict,
    click.option(
        "--steady",
        type=click.FloatRange(0, 1),
        default=0.97,
        help="How steady colors are over time; 0 colors each frame by itself.",
    ),
    click.option(
        "--wait",
        type=click.Choice(("short", "long")),
        help="How long a frame waits for later ones, which count, too; long is the default for files.",
    ),
    click.option(
        "--deinterlace", is_flag=True, help="Make whole frames from the fields of an interlaced film."
    ),
)


def _coding(no_provenance: bool, **options: Any) -> Coding:
    given = {name: value for name, value in options.items() if value is not None}
    return {**given, "provenance": not no_provenance}  # type: ignore[typeddict-item]


_coding_options = group(
    "coding",
    _coding,
    click.option("--codec", help="h264 (the default), h265, vp9, av1, or ffv1, which is without loss."),
    click.option(
        "--crf",
        type=int,
        help="Quality in the numbers of the codec: lower is better; for h264 the default is 18.",
    ),
    click.option(
        "--preset", help="ultrafast ... medium ... veryslow: slower makes a smaller file; for h264 and h265."
    ),
    click.option("--subsampling", help="Resolution of colors: 420 (half, the default), 422, or 444 (full)."),
    click.option(
        "-f",
        "--format",
        help="Container, by the name that FFmpeg uses; by default from the ending of TARGET.",
    ),
    click.option(
        "--no-provenance", is_flag=True, help="Do not write into the metadata that a model made the colors."
    ),
)


@click.command(short_help="Color a film, with colors that do not flicker.")
@click.argument("film", metavar="FILM", type=click.Path(allow_dash=True))
@click.argument("target", metavar="[TARGET]", required=False, type=click.Path(allow_dash=True))
@film_model_options
@_frame_options
@click.option(
    "--hints", metavar="FILE.json", type=click.Path(), help="Known colors of spots, with their times."
)
@_coding_options
@click.option(
    "--preview",
    metavar="SHEET",
    type=click.Path(dir_okay=False, path_type=Path),
    help="First write ten colored frames as one picture; without TARGET, write only this.",
)
@click.option("--overwrite", is_flag=True, help="Replace TARGET and SHEET if they exist (never FILM).")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def video(
    film: str,
    target: str | None,
    load: Callable[[], Colorizer],
    frames: Frames,
    hints: str | None,
    coding: Coding,
    preview: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Color FILM and write TARGET. Light, timing, sound and subtitles stay as they are.

    \b
      colorful video old.mp4 new.mp4
      colorful video old.mp4 --preview sheet.jpg
      curl ... | colorful video - - | ffplay -

    If a run was interrupted, give the same command again to go on.
    """  # noqa: D301  (\b keeps click from rewrapping)
    target = STREAM if target in STDOUT else target
    _check_streams(film, target, preview, as_json)
    # One stage makes what another frees: of a heap for each thread half lay idle, some 300 MB. Planes of
    # frames among smaller things leave holes: from the size of 1080p on they lie outside. What the network
    # says of a frame, 1.8 MB, is made too often for that.
    heap.share(1)
    heap.keep(32 << 20, 2_000_000)
    os.environ.setdefault("SVT_LOG", "1")  # errors: else SVT-AV1 writes a page on each part of a film
    from colorful.video import colorize_video, load_timed_hints, preview_video

    spots = load_timed_hints(hints) if hints else []
    if preview is not None:
        if target is not None and preview.exists() and not overwrite:  # of the run that now goes on
            tell(f"{shown(preview)} exists, skipped")
            preview = None
        else:
            check_picture("--preview", preview, overwrite=overwrite)
    colorizer = load()
    if preview is not None:
        from colorful import images

        sheet = preview_video(film, colorizer=colorizer, deinterlace=frames["deinterlace"])
        images.write(images.read(sheet), preview, overwrite=overwrite, provenance=coding["provenance"])
        tell(shown(preview))
    if target is None:
        return
    with _progress() as progress:
        try:
            summary = colorize_video(
                getattr(sys.stdin.buffer, "raw", sys.stdin.buffer) if film == STREAM else film,
                sys.stdout.buffer if target == STREAM else target,
                colorizer=colorizer,
                hints=spots,
                overwrite=overwrite,
                progress=progress,
                **frames,
                **coding,
            )
        except KeyboardInterrupt:
            resumable = STREAM not in (film, target) and not is_own_pipe(film)
            complain("interrupted" + ("; give the same command to go on" if resumable else ""))
            raise SystemExit(INTERRUPTED) from None
    _tell(film, target, summary, as_json)
    if summary.damaged:
        raise Failure(f"{film}: damaged in {len(summary.damaged)} places; the rest is in {target}")


def _check_streams(film: str, target: str | None, preview: Path | None, as_json: bool) -> None:
    if target is None and preview is None:
        raise OptionError("TARGET: expected a file to write, or --preview, got neither")
    need_streams(stdin=film == STREAM, stdout=target == STREAM or as_json)
    is_pipe = film == STREAM or is_own_pipe(film)
    if film == STREAM and sys.stdin.isatty():
        raise OptionError("FILM: expected a file or a pipe for -, since a terminal cannot send a film")
    if is_pipe and preview is not None:
        raise OptionError("--preview: expected a film in a file, since a pipe can be read only once")
    if target == STREAM and as_json:
        raise OptionError("--json: expected a result in a file, since JSON goes to standard output")
    if target == STREAM and sys.stdout.isatty():
        raise OptionError("TARGET: expected a file or a pipe, since a terminal cannot show a film")


def _tell(film: str, target: str, summary: VideoSummary, as_json: bool) -> None:
    """Say what became of the film."""
    if as_json:
        click.echo(json.dumps({"source": film, "target": target} | asdict(summary), default=str))
        return
    made = summary.frames - summary.resumed
    speed = f" ({made / summary.seconds:.1f} frames/s)" if made else ""
    before = f", {summary.resumed} of them before" if summary.resumed else ""
    tell(f"{shown(film)} -> {shown(target)}: {summary.frames} frames{before}, {summary.seconds:.1f} s{speed}")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show a bar with frames a second and the time left on a terminal; elsewhere a line a minute."""
    from colorful.cli.progress import make_bar

    bar = make_bar("frames")
    if not bar.console.is_terminal:
        told = time.monotonic()

        def line(done: int, total: int) -> None:
            nonlocal told
            if time.monotonic() - told > 60:
                told = time.monotonic()
                tell(f"{done} of {total or 'unknown'} frames")

        yield line
        return

    task = bar.task_ids[0]
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=max(done, total) if total else None)


def score_films(
    films: tuple[str, ...], colorizer: Colorizer, json_path: Path | None, *, overwrite: bool
) -> None:
    """Print how steady and how good the colors of films are, for ``colorful evaluate --video``."""
    from rich.console import Console
    from rich.table import Table

    from colorful.files import write
    from colorful.video import evaluate_film

    columns = ("warp error", "static flicker", "CDC x 1000", "colorfulness", "PSNR, dB")
    table = Table("film", "colors", *columns)
    for column in table.columns[2:]:
        column.justify = "right"
    found = []
    with _progress() as progress:
        for film in films:
            for score in evaluate_film(film, colorizer=colorizer, progress=progress):
                found.append({"film": film} | {name: _for_json(its) for name, its in score._asdict().items()})
                figures = (score.warp_error, score.static_flicker, 1000 * score.consistency)
                row = (*figures, score.colorfulness, score.psnr)
                table.add_row(shown(Path(film).name), score.way, *(f"{figure:.2f}" for figure in row))
    # A file or pipe has no width of its own: nothing is wrapped there.
    Console(highlight=False, width=None if sys.stdout.isatty() else 1000).print(table)
    if json_path is not None:
        write(json_path, json.dumps(found, indent=1).encode(), overwrite=overwrite)
        click.echo(shown(json_path))


def _for_json(figure: str | float) -> object:
    """Give null for what JSON has no number for: no figure, or an infinite one."""
    return None if isinstance(figure, float) and not math.isfinite(figure) else figure
