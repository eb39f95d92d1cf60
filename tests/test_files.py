from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from colorful import files
from colorful.errors import OutputError, OutputExistsError


def names_in(folder: Path) -> list[str]:
    """What lies in a folder, hidden files, too."""
    return sorted(path.name for path in folder.iterdir())


def failing(number: int) -> Callable[..., None]:
    """A call that the system refuses."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    """While it is written, nothing has its name; afterwards there is nothing else."""
    path = tmp_path / "a.bin"
    with files.writing(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert names_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), ValueError("mine")])
def test_a_failure_half_way_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    """A full disk becomes an OutputError in words, what is no failure of the disk passes; nothing is left."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    kind = OutputError if isinstance(error, OSError) else type(error)

    def write_half() -> None:
        with files.writing(path, overwrite=True) as file:
            file.write(b"half")
            raise error

    with pytest.raises(kind) as caught:
        write_half()
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.bin"]
    if kind is OutputError:
        assert str(caught.value) == f"{path}: cannot be written: the disk is full"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.ENOSYS])
def test_a_share_without_fsync_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """That a file system cannot wait until data are on the disk is no failure to write them."""
    monkeypatch.setattr(os, "fsync", failing(number))
    files.write(tmp_path / "a.bin", b"new")
    assert (tmp_path / "a.bin").read_bytes() == b"new"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_data_that_did_not_reach_the_disk_are_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where the system says on syncing that data are lost, the write has failed."""
    monkeypatch.setattr(os, "fsync", failing(number))
    with pytest.raises(OutputError, match="cannot be written"):
        files.write(tmp_path / "a.bin", b"new")
    assert names_in(tmp_path) == []


def test_a_share_without_permissions_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is replaced also where its permissions cannot be kept."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "chmod", failing(errno.EPERM))
    files.write(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    """A file that is replaced through a link keeps its permissions, and the link stays one."""
    path, link = tmp_path / "a.bin", tmp_path / "link"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to("a.bin")
    files.write(link, b"new", overwrite=True)
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_nothing_is_replaced_by_accident(tmp_path: Path) -> None:
    """A file, a folder or a link to nowhere keeps its name unless overwriting was asked for."""
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "folder", "link"):
        with pytest.raises(OutputExistsError):
            files.write(tmp_path / name, b"new")
        with pytest.raises(FileExistsError):
            files.check_target(tmp_path / name)
    assert names_in(tmp_path) == ["file", "folder", "link"]
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_only_a_file_can_be_replaced(tmp_path: Path) -> None:
    """Folders, devices and named pipes are never replaced, nor written into."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "folder", tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(OutputError, match="expected a file or nothing there"):
            files.write(path, b"new", overwrite=True)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


RACER = """
import sys, time
from colorful import files
from colorful.errors import OutputExistsError
if sys.argv[2] == "without links":
    import os
    def refuse(*_): raise PermissionError(1, "Operation not permitted")
    os.link = refuse
sys.stdin.readline()
won = 0
for number in range(300):
    try:
        files.write(f"{sys.argv[1]}/{number}", sys.argv[3].encode() * 1000)
        won += 1
    except OutputExistsError:
        pass
print(won)
"""


@pytest.mark.parametrize("system", ["with links", "without links"])
def test_of_two_programs_that_write_one_file_one_wins(tmp_path: Path, system: str) -> None:
    """Two runs at the same names: each file is written once, by one of them, and whole."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), system, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    time_to_start = [racer.stdin for racer in racers]
    for start in time_to_start:
        assert start is not None
        start.write("go\n")
        start.flush()
    won = [int(racer.communicate()[0]) for racer in racers]
    contents = [path.read_bytes() for path in tmp_path.iterdir()]
    assert len(contents) == sum(won) == 300
    assert won == [sum(content == name * 1000 for content in contents) for name in (b"a", b"b")]


def test_an_interrupt_between_two_renames_leaves_the_folder_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is being replaced comes back if an interrupt comes before the new one has its name."""
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> None:
        rename(path, target)
        monkeypatch.undo()
        raise KeyboardInterrupt

    def replace() -> None:
        with files.making_folder(tmp_path / "site", overwrite=True) as made:
            (made / "new.txt").touch()
            monkeypatch.setattr(Path, "rename", interrupted)

    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "old.txt").touch()
    with pytest.raises(KeyboardInterrupt):
        replace()
    assert names_in(tmp_path) == ["site"]
    assert names_in(tmp_path / "site") == ["old.txt"]


def test_names_that_cannot_be_are_said_before_the_work(tmp_path: Path) -> None:
    """A name too long for the disk, or with a zero byte, is refused in words."""
    with pytest.raises(OutputError, match="the name is too long for this file system"):
        files.check_target(tmp_path / ("n" * 256))
    with pytest.raises(OutputError, match="no file can have this name"):
        files.check_target(tmp_path / "a\0b")
    files.check_target(tmp_path / "no folder yet" / ("n" * 255))
    with pytest.raises(OutputError, match="there is no such folder"):
        files.write(tmp_path / "no folder yet" / "a", b"")
    files.write(tmp_path / ("n" * 255), b"")


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    """A folder that is there will do; a file in its place is said."""
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file" / "c", tmp_path / "a\0b"):
        with pytest.raises(OutputError, match="cannot be made"):
            files.make_folder(path)


def test_only_files_are_opened(tmp_path: Path) -> None:
    """A named pipe without a writer is refused at once, as are folders and devices."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="expected a file, got a ") as caught:
            files.open_regular(path)
        assert "expected a file, got a " in files.in_words(caught.value)
    (tmp_path / "file").write_bytes(b"content")
    with files.open_regular(tmp_path / "file") as file:
        assert file.read() == b"content"
