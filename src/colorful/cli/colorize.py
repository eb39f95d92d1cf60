"""``colorful colorize``: photos, folders and standard input."""

from __future__ import annotations

import difflib
import json
import os
import sys
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple, Self, TypedDict

import click

from colorful.cli import COMMANDS, INTERRUPTED, STDOUT, complain, need_streams, shown, tell, with_options
from colorful.cli.many import Many, connected, many_options
from colorful.cli.options import MarkFiles, group, mark_options, photo_model_options, spare_inputs
from colorful.errors import OptionError, OutputExistsError
from colorful.files import is_own_stream, make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from colorful.colorizer import Colorizer, FileOptions
    from colorful.folder import Summary
    from colorful.plan import Existing, Outcome, Plan

STREAM = "-"


class Variants(NamedTuple):
    """How many pictures of one photo are wanted, chosen by which seed, and whether on one sheet."""

    number: int
    seed: int
    sheet: bool


def _variants(variants: int | None, seed: int | None, sheet: bool) -> Variants | None:
    if variants is None:
        if sheet or seed is not None:
            raise OptionError(f"--{'sheet' if sheet else 'seed'}: expected --variants, which it is about")
        return None
    return Variants(variants, seed or 0, sheet)


_variant_options = group(
    "variants",
    _variants,
    click.option(
        "--variants",
        metavar="N",
        type=click.IntRange(1, 100),
        help="For a single photo: write N different pictures, to choose from.",
    ),
    click.option("--seed", type=int, help="For --variants: another number gives other pictures."),
    click.option("--sheet", is_flag=True, help="Put all --variants on one picture."),
)


class Planning(TypedDict):
    """Which photos are looked for, and what becomes of those that have a result."""

    recursive: bool
    existing: Existing


def _planning(recursive: bool, skip_existing: bool, overwrite: bool) -> Planning:
    if skip_existing and overwrite:
        raise OptionError("skip_existing, overwrite: expected at most one of them, got both")
    existing: Existing = "skip" if skip_existing else "replace" if overwrite else "refuse"
    return Planning(recursive=recursive, existing=existing)


_planning_options = group(
    "planning",
    _planning,
    click.option(
        "-r", "--recursive", is_flag=True, help="Also color the photos in the folders inside a folder."
    ),
    click.option(
        "--skip-existing",
        is_flag=True,
        help="Leave out photos that have a result, to go on with an earlier run.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace results that exist (never a photo)."),
)


def _encoding(
    format: str | None, quality: int | None, pages: Literal["first", "all"], no_provenance: bool
) -> FileOptions:
    return {"format": format, "quality": quality, "pages": pages, "provenance": not no_provenance}


_encoding_options = group(
    "encoding",
    _encoding,
    click.option("-f", "--format", help="png, jpeg, tiff, webp ...; by default the format of each photo."),
    click.option(
        "-q", "--quality", type=click.IntRange(1, 100), help="Quality of JPEG, WebP, AVIF and HEIF."
    ),
    click.option(
        "--pages",
        type=click.Choice(["first", "all"]),
        default="first",
        help="Which pages of a TIFF to color; all pages go into one TIFF.",
    ),
    click.option(
        "--no-provenance", is_flag=True, help="Do not write into the metadata that a model made the colors."
    ),
)


# One that may not be read is a broken photo among others, which go on.
_PHOTO = click.Path(allow_dash=True, readable=False)


@click.command(short_help="Color photos, folders, or standard input.")
@click.argument("photos", metavar="PHOTO...", nargs=-1, type=_PHOTO)
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    type=click.Path(allow_dash=True),
    help="Folder for the results; for a single photo also a file, or - for standard output.",
)
@photo_model_options
@_variant_options
@mark_options
@_encoding_options
@_planning_options
@many_options
@click.option(
    "--json", "as_json", is_flag=True, help="Print one line of JSON for each photo, and one for the summary."
)
def colorize(
    photos: tuple[str, ...],
    out: str | None,
    load: Callable[[], Colorizer],
    variants: Variants | None,
    marks: MarkFiles,
    encoding: FileOptions,
    planning: Planning,
    many: Many,
    as_json: bool,
) -> None:
    """Color photos: files, folders, glob patterns, or - for standard input.

    A result is called colorized_<photo>. It is written beside the photo, or to the folder --out. If a photo
    cannot be read, the command names it and goes on with the others.
    """
    if not photos and many.listed is None:
        raise click.MissingParameter(param_hint="'PHOTO...'", param_type="argument")
    if photos and many.listed is not None:
        raise OptionError("PHOTO, --list: expected one of them, got both")
    # Before a folder behind it is colored. A name with an ending is a photo's, and a pattern may be.
    if photos and not (set(photos[0]) & set(".*?[") or os.path.lexists(photos[0])):
        for meant in difflib.get_close_matches(photos[0], COMMANDS, n=1):
            raise OptionError(f"{photos[0]}: no such file or folder; did you mean the command {meant!r}?")
    out = STREAM if out in STDOUT else out
    is_stream = any(photo == STREAM or is_own_stream(photo) for photo in photos)
    to_stdout = out == STREAM or (out is None and is_stream)
    existing = planning["existing"]
    if len(photos) > 1 and (is_stream or out == STREAM):
        raise OptionError("PHOTO: expected a single photo with -, got several")
    if many.is_asked_for and (is_stream or to_stdout or variants is not None or any(marks)):
        raise OptionError(
            "--list, --shard, --dask, --outcomes: expected photos and results in files, "
            "without --variants, --hints and --keep"
        )
    need_streams(stdin=STREAM in (*photos, many.listed), stdout=to_stdout or as_json)
    if to_stdout and as_json:
        raise OptionError("--json: expected a result in a file, since JSON goes to standard output")
    if variants is not None and (len(photos) > 1 or to_stdout or is_stream or existing == "skip"):
        raise OptionError("--variants: expected a single photo and results in files, without --skip-existing")
    if variants is not None and encoding.get("pages") == "all":
        raise OptionError("--variants: expected --pages first, since they are of one photo")
    if STREAM in photos and sys.stdin.isatty():
        raise OptionError("PHOTO: expected a file or a pipe for -, since a terminal cannot send a picture")
    if to_stdout and sys.stdout.isatty():
        raise OptionError("--out: expected a file or a pipe, since a terminal cannot show a picture")

    if variants is not None:
        from colorful.cli.choices import write_variants

        overwrite = existing == "replace"
        write_variants(load, photos[0], out, variants, marks, encoding, overwrite=overwrite, as_json=as_json)
    elif is_stream or to_stdout:
        _colorize_stream(photos[0], out, load, marks, encoding, existing)
    else:
        plan = _plan(photos if many.listed is None else many.names(), out, planning, encoding, many)
        if any(marks) and len(plan.jobs) + len(plan.problems) > 1:  # a folder holds several, too
            raise OptionError("PHOTO: expected a single photo with --hints or --keep, got several")
        if existing == "replace" and (any(marks) or click.get_current_context().params["like"]):
            spare_inputs(*(job.target for job in plan.jobs))
        report = _Report(plan, many, as_json)
        raise SystemExit(report.run(load, marks))


def _colorize_stream(
    photo: str,
    out: str | None,
    load: Callable[[], Colorizer],
    marks: MarkFiles,
    encoding: FileOptions,
    existing: Existing,
) -> None:
    """Color a photo that comes from standard input, goes to standard output, or both."""
    from colorful import images
    from colorful.colorizer import saving_of

    to_stdout = out in (None, STREAM)
    source: str | BinaryIO | bytes = sys.stdin.buffer if photo == STREAM else photo
    if not to_stdout:
        if existing == "skip" and os.path.lexists(str(out)):
            from colorful.folder import shows

            most = load().settings["max_pixels"]
            with nullcontext(sys.stdin.buffer) if photo == STREAM else Path(photo).open("rb") as stream:
                source = images.take(stream, max_pixels=most)
            if not shows(Path(str(out)), source, max_pixels=most, pages=encoding["pages"]):
                raise OutputExistsError(f"{out!r} exists already, and is no whole result of this photo")
            tell(f"{shown(out)} exists, skipped")
            return
        _prepare_file(Path(str(out)), encoding["format"], overwrite=existing == "replace")
    colorizer = load()
    said = marks.read(colorizer.settings["max_pixels"])
    picture = colorizer.color_pages(source, **said, pages=encoding["pages"])
    if not to_stdout:
        images.write(picture, str(out), overwrite=existing == "replace", **saving_of(encoding))
        tell(f"{shown(photo)} -> {shown(out)}")
        return
    own = picture.format if isinstance(picture, images.Picture) else "tiff"
    quality, provenance = encoding["quality"], encoding["provenance"]
    data = images.encode(picture, encoding["format"] or own or "png", quality=quality, provenance=provenance)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _plan(
    photos: Sequence[str], out: str | None, planning: Planning, encoding: FileOptions, many: Many
) -> Plan:
    """Plan a folder of results, or the one file that *out* names by its ending."""
    from PIL import Image

    from colorful.images import EXTENSIONS, UNREAD
    from colorful.plan import Job, Plan, make_plan
    from colorful.storage import location

    listed, existing = many.listed is not None, planning["existing"]
    if many.goes_on and existing == "refuse":
        existing = "skip"
    where = None if out is None else location(out)
    ending = "" if where is None or (isinstance(where, Path) and where.is_dir()) else where.suffix.lower()
    if where is not None and ending in EXTENSIONS:
        if listed or len(photos) > 1 or Path(photos[0]).is_dir():
            raise OptionError(f"--out: expected a folder for several photos, got the file name {out!r}")
        return Plan([Job(photos[0], str(where), named=True)], [], existing, encoding)
    # Who writes picture.jp2 does not want a folder of that name.
    if ending in UNREAD or (ending and ending in Image.registered_extensions()):
        raise OptionError(
            f"--out: expected a folder, or a name ending in {' '.join(EXTENSIONS)}, got {out!r}"
        )
    with _Search() as search:
        plan = make_plan(
            photos,
            out,
            recursive=planning["recursive"],
            listed=listed,
            existing=existing,
            progress=search.progress,
            **encoding,
        )
    return plan if many.shard is None else plan.shard(*many.shard)


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
        tell(f"looking for photos: {found:,} so far" + " \r" * on_terminal, end="" if on_terminal else "\n")

    def __exit__(self, *error: object) -> None:
        if self._said:
            tell(" " * 60 + "\r", end="")


def _prepare_file(target: Path, format: str | None, *, overwrite: bool) -> None:
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
    spare_inputs(target)


class _Report:
    """Say what becomes of each photo: on a terminal a bar and what failed, elsewhere a line each."""

    def __init__(self, plan: Plan, many: Many, as_json: bool) -> None:
        from colorful.cli.progress import make_bar

        self._plan, self._many, self._total = plan, many, len(plan.jobs)
        self._as_json = as_json
        self._start = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._last: Outcome | None = None
        has_bar = self._total > 1 and bool(sys.stderr) and sys.stderr.isatty() and not as_json
        self._bar = make_bar("photos", self._total) if has_bar else None

    def run(self, load: Callable[[], Colorizer], marks: MarkFiles) -> int:
        """Color the photos, and give the exit status."""
        from colorful.folder import Summary

        summary: Summary | None = Summary(0, 0, [], 0.0)
        try:
            with self._bar or nullcontext():  # left at an error, too: it hides the cursor
                for problem in self._plan.problems:
                    self.progress(problem, 0, self._total)
                if self._plan.jobs:
                    summary = self._color(load(), marks)
        except KeyboardInterrupt:
            summary = None
        return self._close(summary)

    def _color(self, colorizer: Colorizer, marks: MarkFiles) -> Summary:
        outcomes = self._many.format(self._plan.out)
        if self._many.dask is not None:
            from colorful import cluster

            with connected(self._many.dask, self._many.workers) as client:
                return cluster.run(client, self._plan, colorizer, outcomes=outcomes, progress=self.progress)
        from colorful.folder import run

        said = marks.read(colorizer.settings["max_pixels"])
        return run(
            self._plan,
            colorizer,
            **said,
            outcomes=outcomes,
            workers=self._many.workers,
            progress=self.progress,
        )

    def progress(self, outcome: Outcome, finished: int, total: int) -> None:
        """Take in what became of one photo."""
        if outcome is self._last:  # an interrupt may have one reported twice
            return
        self._last = outcome
        self._counts[outcome.status] += 1
        self._counts["warned"] += bool(outcome.warnings)
        if self._as_json:
            self._print_json(outcome.row())
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=finished)
        if outcome.status == "failed":
            complain(f"{outcome.source}: {_reason(outcome)}")
        elif self._bar is None and not self._as_json:
            result = shown(outcome.target)
            tell(
                f"{shown(outcome.source)} -> {result}"
                if outcome.status == "done"
                else f"{result} exists, skipped"
            )

    def _close(self, summary: Summary | None) -> int:
        """Say what became of all photos, and give the exit status; without a summary after an interrupt."""
        interrupted = summary is None
        seconds = time.monotonic() - self._start
        counts = {status: self._counts[status] for status in ("done", "skipped", "failed", "warned")}
        if summary is not None:  # with those that an earlier run had done
            counts["skipped"] = summary.skipped
        if self._as_json:
            self._print_json(
                {"summary": {**counts, "seconds": round(seconds, 3), "interrupted": interrupted}}
            )
        elif self._total > 1 or interrupted:
            words = [f"{counts['done']} of {self._total} photos colored"]
            words += [f"{counts[status]} {status}" for status in ("skipped", "failed") if counts[status]]
            words += [f"{counts['warned']} with warnings"] if counts["warned"] else []
            speed = f" ({counts['done'] / seconds:.1f} photos/s)" if counts["done"] else ""
            tell(f"{', '.join(words)} in {seconds:.1f} s{speed}")
        if interrupted:
            how = "" if self._many.goes_on else " with --skip-existing"
            complain(f"interrupted; give the same command{how} to go on")
            return INTERRUPTED
        return 1 if counts["failed"] else 0

    @staticmethod
    def _print_json(value: object) -> None:
        click.echo(json.dumps(value))


def _reason(outcome: Outcome) -> str:
    """Say why a photo failed, without its name again."""
    reason = outcome.error or ""
    for name in (str(outcome.source), outcome.source.name):
        reason = reason.removeprefix(f"{name}: ")
    reason = with_options(reason, click.get_current_context().command)
    if str(outcome.source).startswith(("http:/", "https:/")):  # a path has no double slash
        reason += "; colorful does not download photos, so download it first"
    return reason
