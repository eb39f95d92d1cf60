"""A bounded queue before the model: few photos at a time, some waiting, and an honest refusal after that."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

from colorful.errors import ColorfulError
from colorful.parallel import Cores

T = TypeVar("T")


class BusyError(ColorfulError, RuntimeError):
    """No place is free in the queue, or the server is closing.

    Args:
        message: What to tell the client.
        retry_after: Seconds after which another try makes sense, at least 1.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Queue:
    """Run work on a few threads of its own.

    The threads are always the same, whatever thread a request came on: torch keeps a team of helpers for each
    thread that calls it, and the allocator an arena, so that memory stays level under load. What runs alone
    has all of torch's threads; what runs beside others has its share, so that they do not wait for cores.

    Args:
        workers: Pieces of work that run at the same time.
        waiting: Pieces of work that may wait for their turn.
    """

    def __init__(self, *, workers: int, waiting: int) -> None:
        self.workers = workers
        self.places = workers + waiting
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="colorful")
        self._lock = threading.Lock()
        self._taken = self._running = 0
        self._cores = Cores()
        self._seconds = 0.5  # a running mean of what one piece takes, for Retry-After
        self._closed = False

    @property
    def taken(self) -> int:
        """How many pieces of work run or wait."""
        return self._taken

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def run(self, work: Callable[[], T]) -> T:
        """Wait for a turn, do *work* and return what it returns or raise what it raises.

        Raises:
            BusyError: If every place is taken, or the queue closes before the turn comes.
        """
        with self._lock:
            if self._closed:
                raise _closing()
            if self._taken >= self.places:
                seconds = max(1, math.ceil(self._seconds * self._taken / self.workers))
                raise BusyError(f"queue: expected a free place, got {self._taken} photos before", seconds)
            future: Future[T] = self._pool.submit(self._timed, work)
            self._taken += 1
        try:
            return future.result()
        except CancelledError:
            raise _closing() from None
        finally:
            with self._lock:
                self._taken -= 1

    def close(self, *, finish_waiting: bool = False) -> None:
        """Take nothing more; what runs is finished. Can be called again to give up waiting.

        Args:
            finish_waiting: Whether those who wait still get their turn, or are refused.
        """
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=not finish_waiting)

    def _timed(self, work: Callable[[], T]) -> T:
        with self._lock:
            self._running += 1
            share = self._cores.count // self._running
        start = time.monotonic()
        try:
            with self._cores.lend(share):
                return work()
        finally:
            with self._lock:
                self._running -= 1
                self._seconds += 0.1 * (time.monotonic() - start - self._seconds)


def _closing() -> BusyError:
    return BusyError("queue: expected an open server, got one that is closing", 5)
