"""What became of photos, kept beside their results: written as it comes, read by the next run.

Below the folder of the results lies :data:`FOLDER`. Each run, be it a shard or a cluster, writes files of its
own there, so that any number of them can write at once and none ever has to change what another wrote.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal, Self, get_args

from colorful import files, storage
from colorful.errors import ImageError, MissingExtraError, OptionError, OutputError, check_choice, first_line
from colorful.plan import Job, Outcome, Plan
from colorful.storage import URL, Location, location

FOLDER = "colorful-outcomes"
"""Name of the folder below that of the results."""

Format = Literal["jsonl", "parquet"]

# What cannot be appended to, objects and Parquet, is written in parts. What a killed run had not yet written
# is found out again by looking at the results.
_MOST_ROWS = 10_000
_MOST_SECONDS = 60.0
_COLUMNS = ("source", "target", "status", "error", "digest", "warnings", "agreement")


class Record:
    """The outcomes of one run, to be used as a context manager.

    Args:
        plan: What the run does; its outcomes are kept below *plan.out*.
        format: JSON lines, one for each photo, at once; or Parquet, in parts.

    Raises:
        OptionError: If the plan has no folder of results, or there is no such format.
        MissingExtraError: If Parquet is asked for and ``pyarrow`` is not installed.
        OutputError: If nothing can be written there.
    """

    def __init__(self, plan: Plan, format: Format = "jsonl") -> None:
        check_choice("outcomes", format, get_args(Format))
        if plan.out is None:
            raise OptionError("outcomes: expected a folder for the results, beside which they lie, got none")
        if format == "parquet":
            _pyarrow()
        self._format, self._plan = format, plan
        self._folder = plan.out / FOLDER
        # The time comes first, so that what is read last is the latest.
        self._name = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        self._rows: list[dict[str, Any]] = []
        self._parts = 0
        self._written = time.monotonic()
        self._file: IO[str] | None = None
        if isinstance(self._folder, Path):
            files.make_folder(self._folder)

    def remaining(self) -> list[Job]:
        """Leave out of the plan what earlier runs have done, according to what they wrote.

        Returns:
            The jobs that are left. A result that has since been deleted is to be made again.

        Raises:
            OptionError: If results there are of another model or of other options.
        """
        if self._plan.existing == "replace":
            return self._plan.jobs
        jobs = {str(job.source.absolute()): job for job in self._plan.jobs}
        latest = {row["source"]: row for row in read(self._folder) if row["source"] in jobs}
        made = {source: row for source, row in latest.items() if row["status"] != "failed"}
        for row in made.values():
            if row["agreement"] != self._plan.agreement:
                raise OptionError(
                    f"out: expected results of this model with these options in {self._plan.out}, got some "
                    f"of another (agreement {row['agreement']}, not {self._plan.agreement}); take another "
                    "folder, or replace them by overwrite=True"
                )
        targets = {source: location(f"{self._plan.out}/{row['target']}") for source, row in made.items()}
        there = _there(targets.values(), self._plan.out)
        done = {jobs[source] for source, target in targets.items() if str(target) in there}
        return [job for job in self._plan.jobs if job not in done]

    def add(self, outcome: Outcome) -> None:
        """Take in what became of a photo.

        Args:
            outcome: Of a photo of the plan.

        Raises:
            OutputError: If it cannot be written.
        """
        row = outcome.row() | {
            "source": str(outcome.source.absolute()),
            "agreement": self._plan.agreement,
        }
        if outcome.target is not None:
            row["target"] = row["target"].removeprefix(f"{self._plan.out}/")
        if self._format == "jsonl" and isinstance(self._folder, Path):
            path = self._folder / f"{self._name}.jsonl"
            try:
                if self._file is None:
                    self._file = path.open("x", encoding="utf-8")
                self._file.write(f"{json.dumps(row)}\n")
                self._file.flush()
            except OSError as error:
                raise OutputError(f"{path}: cannot be written: {files.in_words(error)}") from error
            return
        self._rows.append(row)
        if len(self._rows) >= _MOST_ROWS or time.monotonic() - self._written > _MOST_SECONDS:
            self._put()

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            with suppress(OSError):  # what is not there has been told of
                self._file.close()
        if self._rows:
            self._put()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _put(self) -> None:
        self._parts += 1
        where = self._folder / f"{self._name}-{self._parts:06}.{self._format}"
        storage.put(where, _encoded(self._rows, self._format))
        self._rows, self._written = [], time.monotonic()


def read(folder: Location) -> Iterator[dict[str, Any]]:
    """Read what runs have written.

    Args:
        folder: The one named :data:`FOLDER`; nothing need be there.

    Yields:
        A row for each outcome, those of later runs later; see :class:`Record`.

    Raises:
        ImageError: If it cannot be read.
        MissingExtraError: If Parquet is there and ``pyarrow`` is not installed.
    """
    found: list[Location]
    try:
        if isinstance(folder, URL):
            found = list(storage.find(folder, recursive=False))
        else:
            found = sorted(folder.iterdir(), key=str)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ImageError(f"{folder}: cannot be listed: {files.in_words(error)}") from error
    for where in found:
        if where.suffix in (".jsonl", ".parquet"):
            content = storage.fetch(where)
            data = content.read_bytes() if isinstance(content, Path) else content
            rows = _lines(data) if where.suffix == ".jsonl" else _table(data, where)
            yield from (row for row in rows if isinstance(row, dict) and set(_COLUMNS) <= row.keys())


def _lines(data: bytes) -> Iterator[Any]:
    for line in data.splitlines():
        with suppress(ValueError):  # the last line of a run that was killed while it wrote
            yield json.loads(line)


def _table(data: bytes, where: Location) -> list[Any]:
    pa = _pyarrow()
    try:
        return list(pa.parquet.read_table(pa.BufferReader(data)).to_pylist())
    except (pa.ArrowException, OSError) as error:
        raise ImageError(f"{where}: cannot be read: {first_line(error)}") from error


def _encoded(rows: list[dict[str, Any]], format: Format) -> bytes:
    if format == "jsonl":
        return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    pa = _pyarrow()
    text = pa.string()
    types = [(name, pa.list_(text) if name == "warnings" else text) for name in _COLUMNS]
    table = pa.Table.from_pylist([_encodable(row) for row in rows], schema=pa.schema(types))
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink)
    return bytes(sink.getvalue())


def _encodable(row: dict[str, Any]) -> dict[str, Any]:
    """Escape bytes of names that are no text, which Parquet does not take."""
    return {
        key: value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
        for key, value in row.items()
    }


def _there(targets: Iterable[Location], out: Location | None) -> set[str]:
    """Name the results that are there. A store is asked once for all of them."""
    targets = list(targets)
    if isinstance(out, URL):
        try:
            return {place.text for place in storage.find(out)} if targets else set()
        except OSError as error:
            raise OutputError(f"{out}: cannot be listed: {files.in_words(error)}") from error
    return {str(target) for target in targets if storage.exists(target)}


def _pyarrow() -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("parquet") from error
    return pa
