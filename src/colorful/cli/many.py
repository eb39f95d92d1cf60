"""Options of ``colorful colorize`` for more photos than one machine colors: lists, shards, clusters."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from colorful.cli.options import group
from colorful.errors import OptionError
from colorful.files import in_words, open_regular

if TYPE_CHECKING:
    from distributed import Client

    from colorful.outcomes import Format


_LONGEST_NAME = 1 << 16  # bytes; systems take 4,096, stores 1,024
_MOST_BYTES = 1 << 30  # of ten million names
# What Windows' editors and shells put before text.
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class Many:
    """What was asked for.

    Attributes:
        listed: A file with names of photos, ``-`` for standard input.
        shard: Which part of how many.
        dask: Address of a scheduler, or ``local``.
        outcomes: How to keep what became of photos.
        workers: Photos at a time on this machine.
    """

    listed: str | None
    shard: tuple[int, int] | None
    dask: str | None
    outcomes: Literal["jsonl", "parquet"] | None
    workers: int | None

    @property
    def is_asked_for(self) -> bool:
        """Whether any of these options was given, besides ``--workers``."""
        return self.listed is not None or self.goes_on

    @property
    def goes_on(self) -> bool:
        """Whether the run continues an earlier one: a scheduler may give the same command again."""
        return self.shard is not None or self.dask is not None or self.outcomes is not None

    def format(self, out: object) -> Format | None:
        """Give the format of the outcomes; in these runs JSON lines, if there is a folder to keep them in."""
        if self.outcomes is None and self.goes_on and out is not None:
            return "jsonl"
        return self.outcomes

    def names(self) -> list[str]:
        """Read the list."""
        listed = self.listed or "-"
        try:
            if listed == "-":
                data = _read_list(sys.stdin.buffer)
            else:
                with open_regular(Path(listed)) as file:
                    data = _read_list(file)
        except OSError as error:
            raise OptionError(f"--list: {listed}: cannot be read: {in_words(error)}") from error
        data = next(
            (os.fsencode(data.decode(code)) for mark, code in _MARKS.items() if data.startswith(mark)), data
        )
        ends = b"\0" if b"\0" in data else b"\n"
        names = [name if ends == b"\0" else name.rstrip(b"\r") for name in data.split(ends)]
        return [os.fsdecode(name) for name in names if name]


def _read_list(file: IO[bytes]) -> bytes:
    """Read a list of names; refuse a file that is none, and a pipe that never ends."""
    data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise OptionError(f"--list: expected at most {_MOST_BYTES:,} bytes of names, got more")
    if re.search(rb"[^\0\n]{%d}" % _LONGEST_NAME, data):
        raise OptionError("--list: expected names of photos, got something else")
    return data


def _parse(shard: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", shard)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise OptionError(f"--shard: expected I/N with I from 1 to N, got {shard!r}")
    return int(found[1]), int(found[2])


def _many(shard: str | None, **options: Any) -> Many:
    return Many(shard=None if shard is None else _parse(shard), **options)


many_options = group(
    "many",
    _many,
    click.option(
        "--list",
        "listed",
        metavar="FILE",
        type=click.Path(allow_dash=True),
        help="Color the photos named in FILE (- for standard input), one name a line or NUL between them.",
    ),
    click.option("--shard", metavar="I/N", help="Do only part I of N, so that N machines share the work."),
    click.option(
        "--dask",
        metavar="ADDRESS|local",
        help="Use the workers of the Dask scheduler at ADDRESS; local starts one process for each core here.",
    ),
    click.option(
        "--outcomes",
        type=click.Choice(["jsonl", "parquet"]),
        help="Keep a record of each photo beside the results; default with --shard and --dask: jsonl.",
    ),
    click.option(
        "-j",
        "--workers",
        type=click.IntRange(1),
        help="How many photos to color at the same time; by default as many as there are cores.",
    ),
)


@contextlib.contextmanager
def connected(dask: str, workers: int | None) -> Iterator[Client]:
    """Connect to a scheduler, or start one with workers of one core each on this machine."""
    from colorful import cluster, parallel

    if dask != "local":
        if workers is not None:
            raise OptionError("--workers: expected none with a scheduler, which has workers of its own")
        with cluster.connect(dask) as client:
            yield client
        return
    with cluster.start_local(workers or parallel.threads()) as client:
        yield client
