"""Files that are whole or not there."""

from __future__ import annotations

import resource
import signal
from pathlib import Path
from typing import IO

import pytest
import torch

from colorful.errors import OutputError, TrainingError
from colorful.training import checkpoint


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    """What was saved is loaded."""
    state = {"step": 3, "weights": torch.arange(4.0)}
    checkpoint.save(tmp_path / "c.pt", state)
    loaded = checkpoint.load(tmp_path / "c.pt")
    assert loaded["step"] == 3
    torch.testing.assert_close(loaded["weights"], state["weights"])


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (RuntimeError("broken"), "untouched: broken"),
    ],
)
def test_a_failure_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, words: str
) -> None:
    """When writing fails half way, the file before stays and no half file remains."""
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"step": 1})

    def fail(state: object, file: IO[bytes]) -> None:
        file.write(b"half")
        raise failure

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OutputError, match=words):
        checkpoint.save(path, {"step": 2})
    assert checkpoint.load(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("full_at", [100, 5_000_000, 9_999_000])
def test_a_full_disk_is_said_wherever_it_begins(tmp_path: Path, full_at: int) -> None:
    """A disk that is full before, between or after the tensors is named, and not what torch makes of it."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (full_at, limits[1]))
    try:
        with pytest.raises(OutputError, match="the file is too large"):
            checkpoint.save(tmp_path / "c.pt", {"a": torch.zeros(1000, 1000), "b": torch.zeros(1500, 1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path: Path) -> None:
    """A missing file and a file of something else end in words."""
    with pytest.raises(TrainingError, match="found none"):
        checkpoint.load(tmp_path / "c.pt")
    torch.save(torch.zeros(9), tmp_path / "c.pt")
    with pytest.raises(TrainingError, match=r"is no checkpoint of a run: it holds something else$"):
        checkpoint.load(tmp_path / "c.pt")


@pytest.mark.parametrize(
    "content", [b"", b"some text", b"<html>", b"PK\3\4 cut", b"cos\nsystem\n(S'touch /tmp/never'\ntR."]
)
def test_a_damaged_checkpoint_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    """The words are ours: torch's are none at all, or advise to run what is in the file."""
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"c\.pt is damaged, or no checkpoint of a run$"):
        checkpoint.load(tmp_path / "c.pt")


def test_a_checkpoint_that_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    """A fault of the system is told as such, without its number."""
    with pytest.raises(TrainingError, match=r"cannot be read: Is a directory$"):
        checkpoint.load(tmp_path)
