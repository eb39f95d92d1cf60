"""Parts of a film that outlive a run which was stopped."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from video.conftest import pan, write_film

from colorful import Colorizer, colorize_video, files
from colorful.errors import OutputError
from colorful.lab.steady import Trail
from colorful.video.coding import Coded
from colorful.video.parts import Parts


def test_a_part_that_ends_while_the_run_is_interrupted_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C right after the file that ends a part was written loses nothing of it."""
    write = files.write

    def interrupted(path: Path, data: bytes, **options: Any) -> None:
        write(path, data, **options)
        if path.name == "00000.json":
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "write", interrupted)
    target = tmp_path / "film.mp4"

    def run() -> None:
        with Parts(target, {}) as parts:
            parts.add(Coded(0, 0, True, b"packet"))
            parts.finish(1, b"", None)

    with pytest.raises(KeyboardInterrupt):
        run()
    with Parts(target, {}) as parts:
        assert [coded.data for coded in parts.coded()] == [b"packet"]
        parts.remove()
    assert not list(tmp_path.iterdir())


def parts_of(target: Path, count: int, trail: bool = False) -> Parts:
    """Make some parts, each of one packet and one frame, as a run leaves them that was killed."""
    parts = Parts(target, {"of": "test"})
    for number in range(count):
        parts.add(Coded(number, number, True, b"packet"))
        parts.finish(1, b"", Trail(torch.ones(2, 3, 3), torch.ones(3, 3)) if trail else None)
    parts.__exit__(None, None, None)
    return parts


@pytest.mark.parametrize("ending", ["json", "packets", "safetensors"])
@pytest.mark.parametrize("damage", [b"", b"\0" * 200, None])
def test_a_damaged_part_costs_no_other(tmp_path: Path, ending: str, damage: bytes | None) -> None:
    """After a power cut the parts before the damaged one are used, and it is made again."""
    target = tmp_path / "film.mp4"
    folder = parts_of(target, 3, trail=True).folder
    file = folder / f"00001.{ending}"
    if damage is None:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.write_bytes(damage)
    with Parts(target, {"of": "test"}) as parts:
        assert parts.frames == 1
        assert parts.trail() is not None
        parts.add(Coded(1, 1, True, b"other packet"))
        parts.finish(1, b"", None)
        assert [coded.data for coded in parts.coded()] == [b"packet", b"other packet"]
        parts.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_share_without_locks_and_sync_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """Where a file system can neither lock nor sync, parts are kept all the same."""
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(os, "fsync", refuse if error != errno.ENOLCK else lambda _: None)
    parts_of(tmp_path / "film.mp4", 2)
    with Parts(tmp_path / "film.mp4", {"of": "test"}) as parts:
        assert parts.frames == 2
        parts.remove()
    assert not list(tmp_path.iterdir())


def test_names_that_begin_alike_have_folders_of_their_own(tmp_path: Path) -> None:
    """Results whose long names differ at the end only are made at the same time."""
    long = "a" * 240
    with Parts(tmp_path / f"{long}1.mp4", {}) as one, Parts(tmp_path / f"{long}2.mp4", {}) as other:
        assert one.folder != other.folder
        assert max(len(path.name) for path in tmp_path.iterdir()) < 255


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run on the same film is told that another is at work; when that is done, it may begin."""
    target = tmp_path / "film.mp4"
    with Parts(target, {}) as parts:
        with pytest.raises(OutputError, match="another process is at work"):
            Parts(target, {})
        parts.remove()
    with Parts(target, {}) as parts:
        parts.remove()
    assert not list(tmp_path.iterdir())


RUNS = """
import sys
from pathlib import Path
from colorful.errors import OutputError
from colorful.video.coding import Coded
from colorful.video.parts import Parts

done = refused = 0
while done + refused < 300:
    try:
        with Parts(Path(sys.argv[1]), {}) as parts:
            parts.add(Coded(0, 0, True, b"packet"))
            parts.finish(1, b"", None)
            parts.remove()
        done += 1
    except OutputError as error:
        assert "another process" in str(error), error
        refused += 1
print(done)
"""


def test_runs_that_follow_each_other_closely(tmp_path: Path) -> None:
    """A run that begins while another is taking its folder away finds none, or waits for its turn."""
    command = [sys.executable, "-c", RUNS, tmp_path / "film.mp4"]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "abc"
    ]
    said = [run.communicate(timeout=60) for run in runs]
    assert [(run.returncode, err) for run, (_, err) in zip(runs, said, strict=True)] == [(0, "")] * 3
    assert sum(int(out) for out, _ in said) > 0
    assert not list(tmp_path.iterdir())


def test_a_run_that_begins_as_another_takes_its_folder_away_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the lock of a finished run is gone its parts are gone, too: nobody goes on from half of them."""
    target, found = tmp_path / "film.mp4", []

    def rmtree(folder: Path, **_: object) -> None:
        (folder / "lock").unlink()
        with Parts(target, {}) as other:
            found.append(other.frames)
            other.remove()
            monkeypatch.undo()

    with Parts(target, {}) as parts:
        parts.add(Coded(0, 0, True, b"packet"))
        parts.finish(1, b"", None)
        parts.remove()
        monkeypatch.setattr("shutil.rmtree", rmtree)
    assert found == [0]


@pytest.mark.parametrize("where", ["signature.json", "00000.json"])
def test_a_full_disk_is_said_once_and_leaves_nothing(
    tmp_path: Path, colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Where there is no room for the first part, no folder stays behind, and the message names one file."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 4))
    sync = files.sync

    def full(number: int) -> None:
        if list(tmp_path.glob(f".b.mp4.parts/.{where}.*")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(number)

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(OutputError, match="the disk is full") as raised:
        colorize_video(film, tmp_path / "b.mp4", colorizer=colorizer)
    assert str(raised.value).count("cannot be written") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_share_that_fails_at_the_start_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a share refuses to list the first of the parts, that is said, and no folder is left."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", refuse)
        with pytest.raises(OutputError, match=r"film\.mp4: cannot be written: Input/output error"):
            Parts(tmp_path / "film.mp4", {})
    assert not list(tmp_path.iterdir())
