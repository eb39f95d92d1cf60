"""The results of an evaluation: tables, result files and contact sheets."""

from __future__ import annotations

import io
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
import torch
from PIL import Image, ImageDraw, ImageFont

from colorful import __version__, files
from colorful.errors import PhotosError
from colorful.evaluation.scores import (
    GREY,
    LEVEL,
    MEASURES,
    PER_PHOTO,
    REAL,
    RESAMPLES,
    Estimate,
    Numbers,
    Pixels,
    ScoreTable,
    mean_estimate,
)
from colorful.images.sheet import lay_out

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    from colorful.evaluation.prepare import Conditions

_SHOWN = (
    "auc", "auc_rebalanced", "psnr", "psnr_ab", "ssim", "ciede2000", "vivid_and_wrong", "colorfulness",
    "colorfulness_ratio", "colorfulness_mean_delta", "top1",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Example:
    """A photo that is kept for the contact sheet.

    Attributes:
        name: The photo's.
        real: Its pixels at the evaluated size.
        colored: What each model made of it.
        ciede2000: The mean difference of each from the real one.
    """

    name: str
    real: Pixels = field(repr=False)
    colored: Mapping[str, Pixels] = field(repr=False)
    ciede2000: Mapping[str, float]


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The figures of an evaluation and all they depend on. Printed, it is a table.

    Attributes:
        conditions: How photos were prepared and scored.
        released: Whether all was done as the released code does it.
        scores: The numbers of each photo.
        names: The scored photos, in the order of those numbers.
        found: How many photos there were.
        left_out: How many of them were grey or toned.
        unreadable: Name and reason of each that could not be read.
        complete: Whether all photos were evaluated.
        models: Facts of each model.
        hint_psnr: PSNR of each photo by the number of simulated hints, for each model that takes them.
        frechet: The Frechet distance of each way of coloring, if features were given.
        best: The photos nearest to the truth by CIEDE2000, under the first model; the nearest first.
        worst: Those farthest from it, the farthest first.
    """

    conditions: Conditions
    released: bool
    scores: ScoreTable
    names: tuple[str, ...]
    found: int
    left_out: Mapping[str, int]
    unreadable: tuple[tuple[str, str], ...]
    complete: bool
    models: Mapping[str, Mapping[str, object]]
    hint_psnr: Mapping[str, Mapping[int, Numbers]]
    frechet: Mapping[str, float]
    best: tuple[Example, ...] = ()
    worst: tuple[Example, ...] = ()

    @cached_property
    def measures(self) -> dict[str, dict[str, Estimate]]:
        """Estimates by way (``"grey"``, ``"random"``, each model, ``"real"``), then by name."""
        return {way: self.scores.estimates(way) for way in (*self.scores.ways, REAL)}

    @property
    def occupied_bins(self) -> int:
        """How many of the 313 ab bins occur in the photos."""
        return int((self.scores.bin_counts > 0).sum())

    @cached_property
    def hints(self) -> dict[str, dict[int, Estimate]]:
        """PSNR of each model by the number of simulated hints."""
        return {
            name: {count: mean_estimate(values) for count, values in curve.items()}
            for name, curve in self.hint_psnr.items()
        }

    def difference(self, way: str, other: str) -> dict[str, Estimate]:
        """Give the differences of the scores of two ways, on the same resampled photos.

        Args:
            way: A model or baseline, by its name in the report.
            other: The one whose scores are subtracted.

        Returns:
            The difference in each measure, by the measure's name.
        """
        return self.scores.estimates(way, minus=other)

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the examples, ready for JSON. An infinite PSNR of a photo is null."""
        return {
            "format": "colorful evaluation 1",
            "complete": self.complete,
            "conditions": {
                **self.conditions,
                "interval": f"{LEVEL:.0%} bootstrap over photos",
                "resamples": RESAMPLES,
            },
            "photos": {
                "found": self.found,
                "scored": len(self.names),
                **{f"left out: {kind}": count for kind, count in sorted(self.left_out.items())},
                "unreadable": [{"name": name, "reason": reason} for name, reason in self.unreadable],
                "occupied_bins": self.occupied_bins,
                "identical": {way: self.scores.identical(way) for way in self.scores.ways},
            },
            "models": {name: dict(facts) for name, facts in self.models.items()},
            "versions": {
                "python": platform.python_version(),
                # Not from their metadata, which a program that was frozen lacks.
                "colorful-colorization": __version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "pillow": PIL.__version__,
            },
            "measures": {way: _plain(found) for way, found in self.measures.items()},
            "minus_grey": {name: _plain(self.difference(name, GREY)) for name in self.models}
            if GREY in self.scores.ways
            else {},
            "psnr_by_hints": {
                name: _plain({str(count): value for count, value in curve.items()})
                for name, curve in self.hints.items()
            },
            "frechet_distance": dict(self.frechet),
            "per_photo": {
                "name": list(self.names),
                **{
                    way: {name: _listed(numbers[name]) for name in PER_PHOTO if name in numbers}
                    for way, numbers in self.scores.per_photo.items()
                },
            },
        }

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write :meth:`as_dict` as a JSON file, whole or not at all.

        Args:
            path: The file.
            overwrite: Whether a file of that name may be replaced.

        Raises:
            OutputExistsError: If the file exists and *overwrite* is false; it stays as it is.
            OutputError: If it cannot be written.
        """
        text = json.dumps(self.as_dict(), indent=1, allow_nan=False)
        files.write(path, text.encode(), overwrite=overwrite)

    def sheet(self) -> Image.Image:
        """Draw the kept examples, a row each: grey, as each model colored it, real. The best come first.

        Raises:
            PhotosError: If no examples were kept.
        """
        examples = (*self.best, *self.worst)
        if not examples:
            raise PhotosError("sheet: expected examples, got none; pass examples=8 to the evaluation")
        rows = []
        for example in examples:
            rank = "best" if example in self.best else "worst"
            real = Image.fromarray(example.real)
            row = [_labeled(real.convert("L").convert("RGB"), GREY, f"{rank}: {example.name}")]
            for name, pixels in example.colored.items():
                difference = f"CIEDE2000 {example.ciede2000[name]:.1f}"
                row.append(_labeled(Image.fromarray(pixels), name, difference))
            rows.append([*row, _labeled(real, REAL, "")])
        return lay_out(rows)

    def __repr__(self) -> str:
        missing = "" if self.complete else ", not complete"
        return f"Report({_photos(len(self.names))}{missing}, models={list(self.models)})"

    def __str__(self) -> str:
        """Return the table as plain text."""
        from rich.console import Console

        console = Console(width=1000, file=io.StringIO(), highlight=False)
        with console.capture() as capture:
            console.print(self)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.summary()
        table = _table("", *self.measures)
        for name in _SHOWN:
            _add_row(table, MEASURES[name].label, [found.get(name) for found in self.measures.values()], name)
        if self.frechet:
            distances = (f"{self.frechet[way]:.2f}" if way in self.frechet else "" for way in self.measures)
            table.add_row("Frechet distance", *distances)
        yield table
        names = list(self.models)
        pairs = [(name, names[0]) for name in names[1:]] or [
            (name, GREY) for name in names if GREY in self.measures
        ]
        if pairs:
            yield ""
            table = _table("difference", *(f"{one} - {other}" for one, other in pairs))
            differences = [self.difference(one, other) for one, other in pairs]
            for name in _SHOWN:
                if MEASURES[name].better:
                    _add_row(table, MEASURES[name].label, [each.get(name) for each in differences], name)
            yield table
        if self.hints:
            yield ""
            table = _table("hints: PSNR, dB", *self.hints)
            for count in self.conditions["hints"]:
                _add_row(table, f"{count:9}", [curve[count] for curve in self.hints.values()], "psnr")
            yield table

    def summary(self) -> Iterator[str]:
        """Describe in a few lines what was scored and how."""
        left_out = [f"{count:,} {kind}" for kind, count in sorted(self.left_out.items())]
        left_out += [f"{len(self.unreadable):,} unreadable"] * bool(self.unreadable)
        end = "" if self.complete else f" of {self.found:,}: not complete"
        yield f"{_photos(len(self.names))}{end}" + (f" (left out: {', '.join(left_out)})" if left_out else "")
        size, resize = self.conditions["size"], self.conditions["resize"]
        how = {"stretch": "stretched", "crop": "middle cropped"}[resize]
        pipeline = "released pipeline" if self.released else "default pipeline"
        yield f"{size} x {size} pixels, {how}; {pipeline}; {self.occupied_bins} of 313 ab bins occur"
        yield f"below each figure: {LEVEL:.0%} interval, {RESAMPLES:,} bootstrap resamples, bin weights fixed"
        yield "better: higher; CIEDE2000, colorfulness delta: lower; colorfulness: as real"
        for way in self.scores.ways:
            if identical := self.scores.identical(way):
                yield f"{way}: {identical:,} photos came out identical and are in no mean of PSNR"
        yield ""


def _labeled(picture: Image.Image, *lines: str) -> Image.Image:
    """Put lines of text under a picture, as far as they fit."""
    height = 16
    labeled = Image.new("RGB", (picture.width, picture.height + height * len(lines)), "white")
    labeled.paste(picture)
    draw, font = ImageDraw.Draw(labeled), ImageFont.load_default(12)
    for number, line in enumerate(lines):
        draw.text((0, picture.height + height * number), line, fill="black", font=font)
    return labeled


def _photos(count: int) -> str:
    return f"{count:,} photo" + "s" * (count != 1)


def _table(corner: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
    table.add_column(corner, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")  # a figure that is cut off is a wrong one
    return table


def _add_row(table: Table, label: str, values: Sequence[Estimate | None], name: str) -> None:
    """Add a row of values and a row of their intervals, unless there are no values."""
    digits = MEASURES[name].digits
    there = [value if value is not None and value.value is not None else None for value in values]
    if any(there):
        table.add_row(label, *(f"{value.value:.{digits}f}" if value else "" for value in there))
        intervals = (f"{value.low:.{digits}f} to {value.high:.{digits}f}" if value else "" for value in there)
        table.add_row("", *intervals, style="dim")


def _plain(found: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    return {name: asdict(value) for name, value in found.items()}


def _listed(numbers: Numbers) -> list[float | None]:
    return [round(value, 4) if np.isfinite(value) else None for value in numbers.tolist()]
