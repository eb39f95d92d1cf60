"""Files of a run, written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from colorful import files
from colorful.errors import OutputError, TrainingError


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside *path* and move it there when it is on the disk: a crash leaves the old one.

    Args:
        path: Where the file ends up.
        write: Called with a file open for writing.

    Raises:
        OutputError: If the disk is full or the folder cannot be written; *path* is as it was.
    """
    try:
        with files.writing(path, overwrite=True) as file:
            write(file)
    except RuntimeError as error:  # torch.save wraps the system's error into one of its own.
        raise OutputError(f"{path}: cannot be written, the one before is untouched: {error}") from error


def save(path: Path, state: dict[str, Any]) -> None:
    """Save a checkpoint atomically.

    Raises:
        OutputError: If it cannot be written; the one before is untouched.
    """
    write_whole(path, lambda file: torch.save(state, file))


def load(path: Path) -> dict[str, Any]:
    """Load a checkpoint; nothing in it is executed.

    Raises:
        TrainingError: If it is missing or no checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TrainingError(f"resume: expected a checkpoint, found none at {path}") from error
    except Exception as error:
        raise TrainingError(f"resume: {path} is no checkpoint of a run: {error}") from error
    return state
