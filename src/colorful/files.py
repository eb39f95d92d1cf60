"""Write files whole or not at all, and never over another by accident. Open for reading only what is a file.

Network shares and memory cards may have no permissions, no hard links, or no way to wait until data are on
the disk. Files are written there all the same; they are only less safe if the power fails.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from colorful.errors import ColorfulError, OutputError, OutputExistsError

if TYPE_CHECKING:
    from filelock import BaseFileLock

UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EROFS}
"""Errors of systems that cannot sync, lock or set permissions. Any other error concerns the data."""

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_OWN_STREAMS = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")
_WORDS = {
    errno.EEXIST: "a file is in its place",
    errno.ENOTDIR: "a file is in the place of a folder",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too large for this file system or its limit",
    errno.ENAMETOOLONG: "the name is too long for this file system",
}


def write(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write a file. At any time it has the old content or the new, never a part of it.

    Args:
        path: The file.
        data: Its content.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        OutputExistsError: If something has that name and *overwrite* is false, also if another process made
            it meanwhile.
        OutputError: If it cannot be written; what was there is as it was.
    """
    with writing(path, overwrite=overwrite) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[IO[bytes]]:
    """Open a file for writing. It gets the name *path* when it is complete, and is deleted after an error.

    A link to a file stays a link, and a file that is replaced keeps its permissions.

    Args:
        path: As for :func:`write`, like all that follows.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        OutputError: As there, also for an :class:`OSError` of the code that writes.
    """
    with failures_in_words(path):
        check_target(path, overwrite=overwrite)
        place = Path(os.path.realpath(path))
        temporary = place.with_name(f".{place.name[:24]}.{secrets.token_hex(6)}.tmp")
        try:
            with temporary.open("xb") as file:
                if overwrite:
                    with contextlib.suppress(OSError):  # there is none, or the file system has no permissions
                        temporary.chmod(place.stat().st_mode & 0o777)
                yield file
                file.flush()
                sync(file.fileno())
            if overwrite:
                temporary.replace(place)
            else:
                _rename_to_new(temporary, place)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        _sync_folder(place.parent)


@contextlib.contextmanager
def making_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Make a folder of results. It gets the name *path* when it is complete, and is deleted after an error.

    Args:
        path: The folder. An empty one may be there.
        overwrite: Whether a folder of that name may be replaced, with all that is in it.

    Yields:
        The folder to write to.

    Raises:
        OutputExistsError: If something of that name is there and *overwrite* is false.
        OutputError: If it cannot be made, or what is there is no folder; what was there is as it was.
    """
    with failures_in_words(path):
        check_folder(path, overwrite=overwrite)
        place = Path(os.path.realpath(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = [
            place.with_name(f".{place.name[:24]}.{secrets.token_hex(6)}.{kind}") for kind in ("tmp", "old")
        ]
        try:
            aside[0].mkdir()
            yield aside[0]
            if overwrite and place.exists():
                place.rename(aside[1])
            elif place.exists():
                place.rmdir()  # which only an empty one lets happen
            aside[0].rename(place)
        finally:
            if not place.exists():  # whatever came in between
                with contextlib.suppress(FileNotFoundError):
                    aside[1].rename(place)
            for folder in aside:
                shutil.rmtree(folder, ignore_errors=True)
        _sync_folder(place.parent)


def check_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Check that a folder of this name can be made, before the work on its content.

    Args:
        path: As for :func:`making_folder`.
        overwrite: Whether one that is there may be replaced.

    Raises:
        OutputExistsError: If something of that name is there and *overwrite* is false.
        OutputError: If the name cannot be, or what is there is no folder.
    """
    with failures_in_words(path):
        try:
            inside = os.listdir(path)  # noqa: PTH208 (pathlib's has another error for "\0")
        except FileNotFoundError:
            return
        except NotADirectoryError as error:
            raise OutputError(f"{os.fspath(path)}: expected a folder or nothing there, got a file") from error
        except ValueError as error:  # a zero byte in the name
            raise OutputError(f"{os.fspath(path)!r}: no folder can have this name: {error}") from error
        if inside and not overwrite:
            raise FileExistsError


def check_target(
    path: str | os.PathLike[str], *, overwrite: bool = False, source: str | os.PathLike[str] | None = None
) -> None:
    """Check that a file of this name can be written, before the work on its content.

    Args:
        path: As for :func:`write`. That its folder is not there yet is no fault.
        overwrite: Whether a file of that name may be replaced.
        source: What it is made of, which is never replaced.

    Raises:
        OutputExistsError: If something of that name is there and *overwrite* is false, or it is *source*.
        OutputError: If the name is too long or cannot be, or what is there is no file.
    """
    with failures_in_words(path):
        try:
            os.lstat(path)
        except FileNotFoundError:
            return
        except ValueError as error:  # a zero byte in the name
            raise OutputError(f"{os.fspath(path)!r}: no file can have this name: {error}") from error
        if not overwrite:
            raise FileExistsError
        with contextlib.suppress(FileNotFoundError):  # a link to nowhere
            if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (pathlib's has another error for "\0")
                raise OutputError(f"{os.fspath(path)}: expected a file or nothing there, got something else")
            if source is not None and Path(source).exists() and Path(source).samefile(path):
                raise OutputExistsError(f"{os.fspath(path)!r} is the photo itself")


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make the folder of a result, with those above it, and check that it can be written to.

    Args:
        path: The folder; it may be there.

    Raises:
        OutputError: If it cannot be made or written to.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise OutputError(f"the folder {os.fspath(path)!r} cannot be made: {in_words(error)}") from error
    if not os.access(path, os.W_OK):
        raise OutputError(f"the folder {os.fspath(path)!r} cannot be written to")


def open_regular(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading; see :func:`check_regular`."""
    check_regular(path)
    return Path(path).open("rb")


def check_regular(path: str | os.PathLike[str]) -> None:
    """Refuse to read a named pipe, a device or a socket, which could wait for ever.

    Ask this before opening: opening a named pipe waits for a program at its other end.

    Raises:
        OSError: If there is nothing, or it is no regular file; :func:`in_words` says why.
        ValueError: If no file can have this name.
    """
    kind = stat.S_IFMT(os.stat(path).st_mode)  # noqa: PTH116 (pathlib's has another error for "\0")
    if kind in _KINDS and not is_own_pipe(path):
        raise OSError(errno.EINVAL, f"expected a file, got {_KINDS[kind]}", os.fspath(path))


def is_own_stream(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path stands for what is open in this program: no result goes beside it."""
    return os.fspath(path).startswith(_OWN_STREAMS)


def is_own_pipe(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a pipe that a shell has made for this program, as in ``colorful <(curl ...)``.

    Nobody else reads from it, and it can be read once.
    """
    if not is_own_stream(path):
        return False
    with contextlib.suppress(OSError, ValueError):
        return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116
    return False


def is_text(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path can be written as text. On Linux a name may be any bytes."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def in_words(error: BaseException) -> str:
    """Say in words what an error of the system means, without the file's name."""
    if not isinstance(error, OSError):
        return str(error)
    return _WORDS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def take_lock(path: Path, *, timeout: float = -1) -> BaseFileLock | None:
    """Have one process at a time do something. The lock of a killed process is free again.

    Args:
        path: The file that stands for it; made if it is not there.
        timeout: How many seconds to wait; for ever if negative.

    Returns:
        The lock, to be released; or None on a share without locks, where two processes may do it.

    Raises:
        TimeoutError: If another process has it.
        OSError: If the file cannot be made.
    """
    from filelock import FileLock, Timeout

    try:
        # Not by a file that merely is there, which a killed process would leave behind.
        lock = FileLock(path, timeout=timeout, fallback_to_soft=False)
    except TypeError:  # an older filelock, which has no other way
        lock = FileLock(path, timeout=timeout)
    try:
        lock.acquire()
    except Timeout:
        raise TimeoutError(errno.ETIMEDOUT, "another process is at work", os.fspath(path)) from None
    except (OSError, NotImplementedError) as error:  # the latter is filelock's word for a share without locks
        if isinstance(error, OSError) and error.errno not in (*UNSUPPORTED, errno.ENOLCK):
            raise
        return None
    return lock


def sync(handle: int) -> None:
    """Wait until what was written is on the disk, where the file system can tell.

    Args:
        handle: Number of the open file.

    Raises:
        OSError: If it could not be written there.
    """
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise


@contextlib.contextmanager
def failures_in_words(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an error of the system into an :class:`OutputError` that names what was to be written.

    Args:
        path: The file or folder.

    Raises:
        OutputError: As :func:`write`.
    """
    name = os.fspath(path)
    try:
        yield
    except ColorfulError:
        raise
    except FileExistsError:
        raise OutputExistsError(f"{name}: exists already; overwrite=True replaces it") from None
    except FileNotFoundError as error:
        raise OutputError(f"{name}: cannot be written: there is no such folder") from error
    except OSError as error:
        raise OutputError(f"{name}: cannot be written: {in_words(error)}") from error


def _rename_to_new(temporary: Path, place: Path) -> None:
    """Rename a file unless the name is taken. If two processes try at once, one of them fails."""
    try:
        place.hardlink_to(temporary)
        return
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        pass
    if os.name == "nt":
        temporary.rename(place)  # which fails there if the name is taken
        return
    # An empty file takes the name, which only one process can do; then it is replaced by ours.
    place.open("xb").close()
    try:
        temporary.replace(place)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system has folders that can be synced
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
