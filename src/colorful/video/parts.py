"""Keep the finished parts of a film that is being colored, so that a run that was stopped can go on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load_file, save_file

from colorful import files
from colorful.errors import OutputError
from colorful.lab.steady import Trail
from colorful.video.coding import Coded

logger = logging.getLogger(__name__)

_SAMPLE = 1 << 20


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
        self.folder = target.with_name(f".{target.name[:200]}.parts")
        self._signature = json.dumps(signature, sort_keys=True)
        files.make_folder(self.folder)
        self._lock = FileLock(self.folder / "lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise OutputError(f"{target}: another process is at work on this film") from None
        self._file: IO[bytes] | None = None
        self._packets: list[tuple[int, bool, int]] = []
        self.finished = self._load()
        self._is_over = False

    @property
    def frames(self) -> int:
        """How many frames are in the finished parts."""
        return sum(part.frames for part in self.finished)

    def trail(self) -> Trail | None:
        """Where the colors stood at the end of the last finished part; None if a shot ended there."""
        path = self._path(len(self.finished) - 1, "safetensors")
        if not self.finished or not path.exists():
            return None
        tensors = load_file(path)
        return Trail(tensors["mean"], tensors["weight"])

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
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        if trail is not None:
            tensors = {"mean": trail.mean.contiguous(), "weight": trail.weight.contiguous()}
            save_file(tensors, self._path(number, "safetensors"))
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._lock.release()
        # By what lies there: an interrupt can come between the end of a part and our note of it.
        if self._is_over or not self._path(0, "json").exists():
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int, ending: str) -> Path:
        return self.folder / f"{number:05d}.{ending}"

    def _load(self) -> list[Part]:
        mark = self.folder / "signature.json"
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            if mark.read_text(encoding="utf-8") == self._signature:
                parts: list[Part] = []
                while (path := self._path(len(parts), "json")).exists():
                    part = Part(**json.loads(path.read_bytes()))
                    sizes = sum(size for _, _, size in part.packets)
                    if self._path(len(parts), "packets").stat().st_size != sizes:
                        break
                    parts.append(part)
                return parts
        for path in self.folder.iterdir():
            if path.name != "lock":
                path.unlink()
        files.write(mark, self._signature.encode(), overwrite=True)
        return []


def signature_of_file(path: Path) -> dict[str, Any]:
    """Tell a file from others, and from itself after a change, without reading all of it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_SAMPLE))
        file.seek(max(0, size - _SAMPLE))
        digest.update(file.read(_SAMPLE))
    return {"bytes": size, "changed": path.stat().st_mtime_ns, "sample": digest.hexdigest()}


def signature_of_answer(answer: torch.Tensor) -> str:
    """Tell a network from others by what it says of one picture."""
    return hashlib.sha256(answer.float().contiguous().numpy().tobytes()).hexdigest()
