"""``colorful colorize``: photos, folders and standard input."""

from __future__ import annotations

import difflib
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import click

from colorful.cli import COMMANDS, INTERRUPTED, complain, need_streams, shown, with_options
from colorful.cli.options import example_options, look_options, model_options
from colorful.errors import OptionError, OutputExistsError
from colorful.files import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from colorful.colorizer import Colorizer, FileOptions
    from colorful.look import Look
    from colorful.plan import Existing, Outcome, Plan

STREAM = "-"


@click.command(short_help="Color photos, folders, or standard input.")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    type=click.Path(allow_dash=True),
    help="Folder of the results; for a single photo also a file, or - for stdout.",
)
@click.option("-r", "--recursive", is_flag=True, help="Look into the folders inside a folder, too.")
@model_options
@look_options
@example_options
@click.option(
    "--variants", metavar="N", type=click.IntRange(1), help="Write N pictures of it, to choose from."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of --variants.")
@click.option("--sheet", is_flag=True, help="Show --variants on one picture.")
@click.option("--hints", metavar="FILE.json", type=click.Path(), help="Colors of spots, for a single photo.")
@click.option(
    "--keep", metavar="MASK", type=click.Path(), help="A picture, white where a single photo stays as it is."
)
@click.option("-f", "--format", help="png, jpeg, tiff, webp ...; that of each photo by default.")
@click.option("-q", "--quality", type=click.IntRange(1, 100), help="Of JPEG, WebP, AVIF and HEIF.")
@click.option(
    "--pages",
    type=click.Choice(["first", "all"]),
    default="first",
    show_default=True,
    help="Of a TIFF with several: all go into one TIFF.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(0),
    help="Refuse photos with more; 178,956,970 by default, 0 takes any size.",
)
@click.option("--skip-existing", is_flag=True, help="Go on with an earlier run: leave out what is done.")
@click.option("--overwrite", is_flag=True, help="Replace results that are there (never a photo).")
@click.option(
    "-j", "--workers", type=click.IntRange(1), help="Photos at work at a time; as many as cores by default."
)
@click.option(
    "--no-provenance", is_flag=True, help="Do not note in the metadata that a model made the colors."
)
@click.option(
    "--json", "as_json", is_flag=True, help="A line of JSON for each photo and for the summary on stdout."
)
def colorize(
    photos: tuple[str, ...],
    out: str | None,
    recursive: bool,
    load: Callable[..., Colorizer],
    look: Look,
    follow: Callable[[Colorizer], Colorizer],
    variants: int | None,
    seed: int,
    sheet: bool,
    hints: str | None,
    keep: str | None,
    format: str | None,
    quality: int | None,
    pages: Literal["first", "all"],
    max_pixels: int | None,
    skip_existing: bool,
    overwrite: bool,
    workers: int | None,
    no_provenance: bool,
    as_json: bool,
) -> None:
    """Color photos: files, folders, glob patterns, or - for standard input.

    Results are named colorized_<photo> and lie beside the photo or in --out. A broken photo is named, and
    the others go on.
    """
    to_stdout = out == STREAM or (out is None and STREAM in photos)
    if len(photos) > 1 and (STREAM in photos or out == STREAM or hints or keep):
        raise OptionError("PHOTO: expected a single one with -, --hints or --keep, got several")
    need_streams(stdin=STREAM in photos, stdout=to_stdout or as_json)
    if to_stdout and as_json:
        raise OptionError("--json: expected a result in a file, since JSON goes to standard output")
    if sheet and variants is None:
        raise OptionError("--sheet: expected --variants, which it shows")
    if variants is not None and (len(photos) > 1 or to_stdout or STREAM in photos or skip_existing):
        raise OptionError("--variants: expected a single photo and results in files, without --skip-existing")
    if STREAM in photos and sys.stdin.isatty():
        raise OptionError("PHOTO: expected a file or a pipe for -, since a terminal cannot send a picture")
    if to_stdout and sys.stdout.isatty():
        raise OptionError("--out: expected a file or a pipe, since a terminal cannot show a picture")

    from colorful import images
    from colorful.colorizer import FileOptions
    from colorful.folder import run
    from colorful.hints import load_hints
    from colorful.images import Saving

    spots = load_hints(hints) if hints else []
    limit: dict[str, int | None] = {} if max_pixels is None else {"max_pixels": max_pixels or None}
    mask = images.read(keep, **limit).unwrap() if keep else None
    if skip_existing and overwrite:
        raise OptionError("skip_existing, overwrite: expected at most one of them, got both")
    existing: Existing = "skip" if skip_existing else "replace" if overwrite else "refuse"
    saving = Saving(format=format, quality=quality, provenance=not no_provenance)
    if variants is not None:
        from colorful.cli.choices import color_variants

        color_variants(
            follow(load(**limit).tuned(**look)),
            photos[0],
            out,
            count=variants,
            seed=seed,
            sheet=sheet,
            overwrite=overwrite,
            as_json=as_json,
            hints=spots,
            keep=mask,
            saving=saving,
        )
        return
    plan = None
    if STREAM not in photos and not to_stdout:
        plan = _plan(photos, out, recursive, existing, FileOptions(pages=pages, **saving))
    if plan is None and not to_stdout:
        if skip_existing and os.path.lexists(str(out)):
            click.echo(f"{shown(out)} exists, skipped", err=True)
            return
        _prepare_file(Path(str(out)), format, overwrite)
    if plan is not None and not plan.jobs:
        raise SystemExit(_Report(plan, as_json).close())
    colorizer = follow(load(**limit).tuned(**look))
    if plan is None:
        source = sys.stdin.buffer if STREAM in photos else photos[0]
        picture = colorizer.color_pages(source, hints=spots, keep=mask, pages=pages)
        if to_stdout:
            own = picture.format if isinstance(picture, images.Picture) else "tiff"
            encoded = images.encode(
                picture, format or own or "png", quality=quality, provenance=not no_provenance
            )
            sys.stdout.buffer.write(encoded)
            sys.stdout.buffer.flush()
        else:
            images.write(picture, str(out), overwrite=overwrite, **saving)
            click.echo(f"{STREAM} -> {shown(out)}", err=True)
        return

    report = _Report(plan, as_json)
    interrupted = False
    try:
        run(plan, colorizer, hints=spots, keep=mask, workers=workers, progress=report.progress)
    except KeyboardInterrupt:
        interrupted = True
    raise SystemExit(report.close(interrupted=interrupted))


def _plan(
    photos: tuple[str, ...], out: str | None, recursive: bool, existing: Existing, options: FileOptions
) -> Plan:
    """Plan a folder of results, or the one file that *out* names by its ending."""
    from PIL import Image

    from colorful.images import EXTENSIONS
    from colorful.plan import Job, Plan, make_plan

    ending = "" if out is None or Path(out).is_dir() else Path(out).suffix.lower()
    if out is not None and ending in EXTENSIONS:
        if len(photos) > 1 or Path(photos[0]).is_dir():
            raise OptionError(f"--out: expected a folder for several photos, got the file name {out!r}")
        return Plan([Job(Path(photos[0]), Path(out), named=True)], [], existing, options)
    # Who writes picture.jp2 does not want a folder of that name.
    if ending and ending in Image.registered_extensions():
        raise OptionError(
            f"--out: expected a folder, or a name ending in {' '.join(EXTENSIONS)}, got {out!r}"
        )
    with _Search() as search:
        return make_plan(
            photos, out, recursive=recursive, existing=existing, progress=search.progress, **options
        )


class _Search:
    """Say that photos are being looked for, once that takes longer than a moment."""

    def __init__(self) -> None:
        self._next = time.monotonic() + 1
        self._said = False

    def __enter__(self) -> Self:
        return self

    def progress(self, found: int) -> None:
        """Take in how many there are so far."""
        if time.monotonic() < self._next:
            return
        on_terminal = bool(sys.stderr) and sys.stderr.isatty()
        # A line that is written over on a terminal; elsewhere one now and then.
        self._next = time.monotonic() + (0.1 if on_terminal else 10)
        self._said = on_terminal
        click.echo(
            f"looking for photos: {found:,} so far" + " \r" * on_terminal, nl=not on_terminal, err=True
        )

    def __exit__(self, *error: object) -> None:
        if self._said:
            click.echo(" " * 60 + "\r", nl=False, err=True)


def _prepare_file(target: Path, format: str | None, overwrite: bool) -> None:
    """See that a photo from standard input can go to the file that was named."""
    from colorful.images import EXTENSIONS

    if format is None and target.suffix.lower() not in EXTENSIONS:
        raise OptionError(
            f"--out: expected a file for the photo from standard input, ending in {' '.join(EXTENSIONS)}, "
            f"got {str(target)!r}"
        )
    if os.path.lexists(target) and not overwrite:
        raise OutputExistsError(
            f"{str(target)!r} exists already; --skip-existing leaves it, --overwrite replaces it"
        )
    make_folder(target.parent)


class _Report:
    """Say what becomes of each photo: on a terminal a bar and what failed, elsewhere a line each."""

    def __init__(self, plan: Plan, as_json: bool) -> None:
        self._total = len(plan.jobs)
        self._as_json = as_json
        self._start = time.monotonic()
        self._outcomes: set[Outcome] = set()  # an interrupt may have one reported twice
        has_bar = self._total > 1 and bool(sys.stderr) and sys.stderr.isatty() and not as_json
        self._bar = _make_bar(self._total) if has_bar else None
        for problem in plan.problems:
            self.progress(problem, 0, self._total)

    def progress(self, outcome: Outcome, finished: int, total: int) -> None:
        """Take in what became of one photo."""
        self._outcomes.add(outcome)
        if self._as_json:
            self._print_json(asdict(outcome))
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=finished)
        if outcome.status == "failed":
            complain(f"{outcome.source}: {_reason(outcome)}")
        elif self._bar is None and not self._as_json:
            result = shown(outcome.target)
            click.echo(
                f"{shown(outcome.source)} -> {result}"
                if outcome.status == "done"
                else f"{result} exists, skipped",
                err=True,
            )

    def close(self, *, interrupted: bool = False) -> int:
        """Say what became of all photos, and give the exit status."""
        if self._bar is not None:
            self._bar.stop()
        seconds = time.monotonic() - self._start
        statuses = Counter(outcome.status for outcome in self._outcomes)
        counts = {status: statuses[status] for status in ("done", "skipped", "failed")}
        counts["warned"] = sum(bool(outcome.warnings) for outcome in self._outcomes)
        if self._as_json:
            self._print_json(
                {"summary": {**counts, "seconds": round(seconds, 3), "interrupted": interrupted}}
            )
        elif self._total > 1 or interrupted:
            words = [f"{counts['done']} of {self._total} photos colored"]
            words += [f"{counts[status]} {status}" for status in ("skipped", "failed") if counts[status]]
            words += [f"{counts['warned']} with warnings"] if counts["warned"] else []
            speed = f" ({counts['done'] / seconds:.1f} photos/s)" if counts["done"] else ""
            click.echo(f"{', '.join(words)} in {seconds:.1f} s{speed}", err=True)
        if interrupted:
            complain("interrupted; the same command with --skip-existing goes on")
            return INTERRUPTED
        return 1 if counts["failed"] else 0

    @staticmethod
    def _print_json(value: object) -> None:
        click.echo(json.dumps(value, default=str))


def _make_bar(total: int) -> Progress:
    """Start a bar on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.completed / (task.elapsed or 1):.1f} photos/s" if task.completed else "")

    bar = Progress(
        BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn(), console=Console(stderr=True)
    )
    bar.add_task("photos", total=total)
    bar.start()
    return bar


def _reason(outcome: Outcome) -> str:
    """Say why a photo failed, without its name again, and whether a command was meant."""
    reason = outcome.error or ""
    for name in (str(outcome.source), outcome.source.name):
        reason = reason.removeprefix(f"{name}: ")
    reason = with_options(reason, click.get_current_context().command)
    if str(outcome.source).startswith(("http:/", "https:/")):  # a path has no double slash
        reason += "; addresses are not fetched, so download it first"
    elif outcome.target is None and (meant := difflib.get_close_matches(str(outcome.source), COMMANDS, n=1)):
        reason += f"; did you mean the command {meant[0]!r}?"
    return reason
