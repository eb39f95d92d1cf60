"""Send many results in one zip while it is being made, so that only one photo is held at a time."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from colorful.errors import ColorfulError
from colorful.web.queue import Asker, BusyError, LeftError
from colorful.web.studio import Studio
from colorful.web.uploads import Result, Upload, Wish, clean_stem

STREAMS = 4
"""Archives that may be on their way at the same time: each holds a thread of the server."""

_open = threading.BoundedSemaphore(STREAMS)


@dataclass(frozen=True, eq=False)
class Archive:
    """Photos whose results are wanted together.

    Args:
        items: The photos, by what the store calls them, and what is wished of each.
        name: What the visitor calls it.
    """

    items: tuple[tuple[str, Wish], ...]
    name: str

    @property
    def filename(self) -> str:
        """Name of the download."""
        return f"{clean_stem(self.name + '.zip')}.zip"


def open_archive(studio: Studio, archive: Archive, asker: Asker) -> Iterator[bytes]:
    """Begin to send an archive.

    Args:
        studio: Colors what has not been colored yet.
        archive: What is wanted.
        asker: Who waits for it.

    Returns:
        The zip, piece by piece.

    Raises:
        GoneError: If a photo is not kept any more.
        BusyError: If too many are on their way.
    """
    items = [(studio.store.get(id, Upload), wish) for id, wish in archive.items]
    if not _open.acquire(blocking=False):
        raise BusyError(f"archives: expected less than {STREAMS} on their way, got {STREAMS}", 10)
    return _Stream(_pieces(studio, items, asker))


class _Stream(Iterator[bytes]):
    """The zip as a server reads it; whoever stops reading early closes it."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces
        self._is_open = True

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the next archive go."""
        if self._is_open:
            self._is_open = False
            self._pieces.close()
            _open.release()


def _pieces(studio: Studio, items: Iterable[tuple[Upload, Wish]], asker: Asker) -> Generator[bytes]:
    sink = _Sink()
    taken: set[str] = set()
    problems = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as bundle:
        for upload, wish in items:
            try:
                result = _colorized(studio, upload, wish, asker)
            except LeftError:
                return  # nobody reads on
            except ColorfulError as error:
                problems.append(f"{upload.stem}: {error}")
                continue
            _add(bundle, _free(result.filename, taken), result.data)
            yield sink.take()
        if problems:
            _add(bundle, _free("problems.txt", taken), "\n".join([*problems, ""]).encode())
    yield sink.take()


def _colorized(studio: Studio, upload: Upload, wish: Wish, asker: Asker) -> Result:
    """Color a photo, however long the queue is: a part of the zip has been sent already."""
    while True:
        try:
            return studio.colorize(upload, wish, asker=asker)
        except BusyError as error:
            if asker.has_left():
                raise LeftError from error
            if studio.queue.closed:
                raise
            time.sleep(min(error.retry_after, 5))


def _add(bundle: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.external_attr = 0o644 << 16
    bundle.writestr(entry, data)  # as it is: pictures are compressed already


def _free(name: str, taken: set[str]) -> str:
    """Give a name that no entry has yet, whatever a file system thinks of capitals."""
    stem, dot, ending = name.rpartition(".")
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{stem} ({number}){dot}{ending}"
    taken.add(free.casefold())
    return free


class _Sink(io.RawIOBase):
    """Collect what is written, to be taken piece by piece; there is no way back."""

    def __init__(self) -> None:
        super().__init__()
        self._written: list[bytes] = []

    def writable(self) -> bool:
        """Say that this can be written to."""
        return True

    def write(self, data: object) -> int:
        """Take a piece."""
        self._written.append(bytes(data))  # type: ignore[call-overload]
        return len(self._written[-1])

    def take(self) -> bytes:
        """Give what has been written since the last time."""
        written, self._written = self._written, []
        return b"".join(written)
