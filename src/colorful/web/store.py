"""Keep photos and results until they are fetched: in memory, under random names, limited in size and time.

Nothing is written to disk unless the one who runs the server asks for it (:class:`Folder`), so nothing is
left behind however the server ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from colorful import files
from colorful.errors import ColorfulError, ImageTooLargeError

T = TypeVar("T")


class GoneError(ColorfulError, LookupError):
    """Nothing is kept under that name: never was, too old by now, or pushed out by newer photos."""


class Owner(NamedTuple):
    """Whose something is: room is shared out among addresses first, then among the visitors behind each.

    Attributes:
        address: Of the network.
        visitor: One of those who come from there.
    """

    address: str = ""
    visitor: str = ""


EVERYBODY = Owner()


@dataclass(frozen=True, slots=True)
class _Entry:
    value: object
    size: int
    owner: Owner
    spare: bool
    deadline: float


class Store:
    """Keep values for a while.

    If there is no room for a new value, a value is deleted of the address that takes most room, and there of
    the visitor who takes most: first one that can be made again, else the one whose last use is longest ago.
    So nobody can push out the values of others who take less room.

    Args:
        max_bytes: Sum of the sizes that are kept.
        max_age: Seconds after its last use at which a value goes.
    """

    def __init__(self, *, max_bytes: int, max_age: float) -> None:
        self.max_bytes = max_bytes
        self.max_age = max_age
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the least recently used first
        self._bytes = 0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """Sum of the sizes of what is kept."""
        return self._bytes

    def put(self, value: object, size: int, owner: Owner = EVERYBODY, *, spare: bool = False) -> str:
        """Keep *value* and return its name, 192 random bits.

        Args:
            value: What to keep.
            size: Bytes that it takes.
            owner: Whose it is.
            spare: Whether it can be made again.

        Raises:
            ImageTooLargeError: If *size* alone is over the limit.
        """
        if size > self.max_bytes:
            raise ImageTooLargeError(f"photo: expected at most {self.max_bytes} bytes to keep, got {size}")
        name = secrets.token_urlsafe(24)
        with self._lock:
            # The newcomer counts already: who brings most has to give way for it.
            self._entries[name] = _Entry(value, size, owner, spare, time.monotonic() + self.max_age)
            self._bytes += size
            while self._bytes > self.max_bytes:
                self._drop(self._dispensable(name))
            self._arm()
        return name

    def get(self, name: str, kind: type[T]) -> T:
        """Return the value kept under *name*, and keep it longer.

        Raises:
            GoneError: If nothing of that *kind* is kept under *name*.
        """
        with self._lock:
            now = time.monotonic()
            entry = self._entries.get(name)
            if entry is None or entry.deadline < now or not isinstance(entry.value, kind):
                raise GoneError("id: expected one that is still kept, got an unknown or expired one")
            self._entries[name] = replace(entry, deadline=now + self.max_age)
            self._entries.move_to_end(name)
            return entry.value

    def delete(self, name: str) -> None:
        """Forget what is kept under *name*, if anything is."""
        with self._lock:
            if name in self._entries:
                self._drop(name)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _dispensable(self, newest: str) -> str:
        """Name what goes next; never *newest*, for whose sake it goes."""
        left = list(self._entries.items())
        for part in ("address", "visitor"):
            room: dict[str, int] = {}
            for _, entry in left:
                whose = getattr(entry.owner, part)
                room[whose] = room.get(whose, 0) + entry.size
            losers = {getattr(entry.owner, part) for name, entry in left if name != newest}
            most = max(losers, key=room.__getitem__)
            left = [(name, entry) for name, entry in left if getattr(entry.owner, part) == most]
        older = [(name, entry) for name, entry in left if name != newest]
        return next((name for name, entry in older if entry.spare), older[0][0])

    def _drop(self, name: str) -> None:
        self._bytes -= self._entries.pop(name).size

    def _arm(self) -> None:
        # Photos must go in time also when nobody asks for anything any more: a timer, while it is needed.
        if self._timer is None and self._entries:
            oldest = next(iter(self._entries.values()))
            timer = threading.Timer(max(0.0, oldest.deadline - time.monotonic()) + 0.01, self._expire)
            timer.daemon = True
            with contextlib.suppress(RuntimeError):  # no threads are left; the next photo tries again
                timer.start()
                self._timer = timer

    def _expire(self) -> None:
        with self._lock:
            self._timer = None
            now = time.monotonic()
            while self._entries and next(iter(self._entries.values())).deadline < now:
                self._drop(next(iter(self._entries)))
            self._arm()


class Folder:
    """Keep photos and results on disk, on purpose: in ``uploads/`` and ``colorized/`` under generated names.

    Only the one who runs the server may read them.

    Args:
        path: The folder; made when it is not there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        for part in ("uploads", "colorized"):
            (self.path / part).mkdir(exist_ok=True)
            _make_private(self.path / part, 0o700)

    def save_upload(self, data: bytes, extension: str) -> str:
        """Write an upload as it came and return its generated name, without the extension."""
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(6)}"
        self._save(data, self.path / "uploads" / f"{name}.{extension}")
        return name

    def save_result(self, data: bytes, extension: str, upload: str) -> None:
        """Write a result beside those of the same *upload*."""
        self._save(data, self.path / "colorized" / f"{upload}-{secrets.token_hex(3)}.{extension}")

    def _save(self, data: bytes, path: Path) -> None:
        files.write(path, data)
        _make_private(path, 0o600)  # until then the folder keeps others out


def _make_private(path: Path, mode: int) -> None:
    with contextlib.suppress(OSError):  # a share that knows no such thing
        path.chmod(mode)
