"""Keep the finished parts of a film that is being colored, so that a run that was stopped can go on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from safetensors import SafetensorError
from safetensors.torch import load, save

from colorful import files
from colorful.errors import OutputError, VideoError
from colorful.lab.steady import Trail
from colorful.video.coding import Coded

logger = logging.getLogger(__name__)

_SAMPLE = 1 << 20
_LOCK, _ATTEMPTS, _PAUSE = "lock", 20, 0.005
_LONGEST_NAME = 200  # bytes, of the 255 that file systems take


@dataclass(frozen=True)
class Part:
    """A finished part: some frames, all their packets, and where the colors stood at its end.

    Attributes:
        frames: How many.
        extradata: What decoders need beforehand, as hexadecimal digits.
        packets: Of each packet its stamp, whether a player can start there, and its bytes.
    """

    frames: int
    extradata: str
    packets: list[tuple[int, bool, int]]


class Parts:
    """A hidden folder beside the result, with a few files for each part; to be used as a context.

    A part counts once its ``.json`` is there, which comes last. Packets are written as they are made, so
    that memory does not grow with them.

    Args:
        target: The result.
        signature: All that the result depends on. What was begun with another one is thrown away.

    Raises:
        OutputError: If the folder cannot be made, or another process is at work in it.
    """

    def __init__(self, target: Path, signature: dict[str, Any]) -> None:
        self.folder = _folder_beside(target)
        self._signature = json.dumps(signature, sort_keys=True)
        self._file: IO[bytes] | None = None
        self._packets: list[tuple[int, bool, int]] = []
        self._is_over = False
        with files.failures_in_words(target):
            self._lock = self._locked(target)
            try:
                self.finished = self._load()
            except BaseException:
                self.__exit__()  # which leaves no folder behind that nothing came of
                raise

    @property
    def frames(self) -> int:
        """How many frames are in the finished parts."""
        return sum(part.frames for part in self.finished)

    def trail(self) -> Trail | None:
        """Where the colors stood at the end of the last finished part; None if a shot ended there."""
        path = self._path(len(self.finished) - 1, "safetensors")
        if not self.finished or not path.exists():
            return None
        return _read_trail(path)

    def add(self, coded: Coded) -> None:
        """Take in a packet of the part that is being made."""
        if self._file is None:
            self._file = self._path(len(self.finished), "packets").open("wb")
        self._file.write(coded.data)
        self._packets.append((coded.stamp, coded.is_key, len(coded.data)))

    def finish(self, frames: int, extradata: bytes, trail: Trail | None) -> None:
        """End the part that is being made.

        Args:
            frames: How many there are in it.
            extradata: Of the encoder.
            trail: Where the colors stand, for a run that goes on from here.
        """
        number = len(self.finished)
        if self._file is not None:
            self._file.flush()
            files.sync(self._file.fileno())
            self._file.close()
            self._file = None
        if trail is not None:
            data = save({"mean": trail.mean.contiguous(), "weight": trail.weight.contiguous()})
            files.write(self._path(number, "safetensors"), data, overwrite=True)
        part = Part(frames, extradata.hex(), self._packets)
        files.write(self._path(number, "json"), json.dumps(part.__dict__).encode(), overwrite=True)
        self.finished.append(part)
        self._packets = []

    def coded(self) -> Iterator[Coded]:
        """Give the packets of all finished parts again."""
        for number, part in enumerate(self.finished):
            with self._path(number, "packets").open("rb") as file:
                for stamp, is_key, size in part.packets:
                    yield Coded(stamp, stamp, is_key, file.read(size))

    def remove(self) -> None:
        """Throw everything away, at the end or if nothing came of it."""
        self._is_over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what is not written is what is being told already
                self._file.close()
        # By what lies there: an interrupt can come between the end of a part and our note of it.
        if self._is_over or not self._path(0, "json").exists():
            with contextlib.suppress(OSError):
                self._clear()  # before the lock, without which another run would go on from what is left
            if os.name == "nt":  # where nobody can delete what is open
                self._release()
            with contextlib.suppress(OSError):  # some of which it lets through
                shutil.rmtree(self.folder, ignore_errors=True)
        self._release()

    def _locked(self, target: Path) -> Any:
        place = self.folder / _LOCK
        busy = OutputError(f"{target}: another process is at work on this film")
        error: OSError = busy
        for _ in range(_ATTEMPTS):
            try:
                files.make_folder(self.folder)
                lock = files.take_lock(place, timeout=0)
            except TimeoutError:
                raise busy from None
            except OSError as failure:
                error = failure  # for good, or since whoever was at work here is just taking the folder away
                time.sleep(_PAUSE)
                continue
            if lock is None or os.path.exists(place):  # noqa: PTH110 (pathlib's raises where a share fails)
                return lock
            lock.release()
        raise error

    def _release(self) -> None:
        if self._lock is not None:
            with contextlib.suppress(OSError):  # of a share; closed it is free in any case
                self._lock.release()
            self._lock = None

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name != _LOCK:
                path.unlink(missing_ok=True)

    def _path(self, number: int, ending: str) -> Path:
        return self.folder / f"{number:05d}.{ending}"

    def _load(self) -> list[Part]:
        mark = self.folder / "signature.json"
        said = None
        with contextlib.suppress(OSError, ValueError):
            said = mark.read_text(encoding="utf-8")
        if said != self._signature:
            self._clear()
            files.write(mark, self._signature.encode(), overwrite=True)
            return []
        parts: list[Part] = []
        # Up to the first that a full disk or a power cut has damaged.
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, SafetensorError):
            while (path := self._path(len(parts), "json")).exists():
                part = Part(**json.loads(path.read_bytes()))
                sizes = sum(size for _, _, size in part.packets)
                if self._path(len(parts), "packets").stat().st_size != sizes:
                    break
                if (trail := self._path(len(parts), "safetensors")).exists():
                    _read_trail(trail)
                parts.append(part)
        return parts


def _folder_beside(target: Path) -> Path:
    """Name the hidden folder of a result; a long name is cut, and told from others by its checksum."""
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f"{name[:24]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    return target.with_name(f".{name}.parts")


def _read_trail(path: Path) -> Trail:
    tensors = load(path.read_bytes())
    return Trail(tensors["mean"], tensors["weight"])


def signature_of_file(path: Path) -> dict[str, Any]:
    """Tell a file from others, and from itself after a change, without reading all of it."""
    try:
        facts = path.stat()
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(_SAMPLE))
            file.seek(max(0, facts.st_size - _SAMPLE))
            digest.update(file.read(_SAMPLE))
    except OSError as error:
        raise VideoError(f"{path}: cannot be read: {files.in_words(error)}") from error
    return {"bytes": facts.st_size, "changed": facts.st_mtime_ns, "sample": digest.hexdigest()}
