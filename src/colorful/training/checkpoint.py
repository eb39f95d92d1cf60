"""The checkpoint of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from colorful import files
from colorful.errors import OutputError, TrainingError


def save(path: Path, state: dict[str, Any]) -> None:
    """Save a checkpoint, whole or not at all.

    Raises:
        OutputError: If it cannot be written; the one before is untouched.
    """
    try:
        with files.writing(path, overwrite=True) as file:
            torch.save(state, file)
    except RuntimeError as error:  # which torch.save raises while it handles the system's error
        why = files.in_words(error.__context__ or error)
        raise OutputError(f"{path}: cannot be written, the one before is untouched: {why}") from error


def load(path: Path) -> dict[str, Any]:
    """Load a checkpoint; nothing in it is executed.

    Raises:
        TrainingError: If it is missing or no checkpoint.
    """
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise TrainingError(f"resume: expected a checkpoint, found none at {path}") from error
    except OSError as error:
        raise TrainingError(f"resume: {path} cannot be read: {files.in_words(error)}") from error
    except Exception as error:  # nearly any; torch's words may advise to run what is in the file
        raise TrainingError(f"resume: {path} is damaged, or no checkpoint of a run") from error
    if not isinstance(state, dict):
        raise TrainingError(f"resume: {path} is no checkpoint of a run: it holds something else")
    return state
