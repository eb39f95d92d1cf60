"""Threads of our own: with the stack that torch needs, and at work as long as any thread of the program."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Self, TypeVar

from colorful.errors import ThreadsError

Out = TypeVar("Out")

_STACK = 8 << 20  # bytes; as much as Linux gives a program's first thread
# By process, like each lock that is not of one call: a fork has none of the threads that may have held it.
_starting: dict[int, threading.Lock] = {}


@contextmanager
def deep() -> Iterator[None]:
    """Give threads that are started within the stack that torch needs.

    A host program may have asked for small ones for its own (:func:`threading.stack_size`): in these, torch
    would end the whole program.

    Raises:
        ThreadsError: If the system starts no more.
    """
    with _starting.setdefault(os.getpid(), threading.Lock()):
        before = threading.stack_size()  # which also sets it, to the system's own size
        try:
            if before:
                threading.stack_size(max(before, _STACK))
            yield
        except RuntimeError as error:
            if "new thread" not in str(error):
                raise
            raise ThreadsError(
                "threads: the system starts no more; fewer workers, or higher limits (ulimit), may help"
            ) from error
        finally:
            threading.stack_size(before)


class Crew:
    """Threads that do what they are given, in turn, and end when there is nothing more.

    Those of a ThreadPoolExecutor take nothing any more once the main thread has ended, although a program
    goes on as long as it has others. None of these waits, so none keeps a program from ending.

    Args:
        most: How many work at a time; fewer where the system does not start so many.
        name: Of the threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._lock = threading.Lock()  # of the next two
        self._given: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._at_work: set[threading.Thread] = set()

    def submit(self, work: Callable[[], Out]) -> Future[Out]:
        """Have a thread call *work*.

        Raises:
            ThreadsError: If there is none, and the system starts none.
        """
        future: Future[Out] = Future()
        with self._lock:
            if len(self._at_work) < self._most:
                thread = threading.Thread(target=self._serve, name=self._name)
                try:
                    with deep():
                        thread.start()
                    self._at_work.add(thread)
                except ThreadsError:
                    if not self._at_work:
                        raise
            self._given.append((future, work))
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._given.clear()
            crew = list(self._at_work)
        for thread in crew:
            thread.join()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._given:
                    self._at_work.discard(threading.current_thread())
                    return
                future, work = self._given.popleft()
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)
            del future, work  # an error holds this frame, which would hold the error


def beside(work: Callable[[], Out], count: int) -> list[Out]:
    """Call *work* in the calling thread and in others, as many as the system starts.

    Args:
        work: Called at most *count* times at once.
        count: At least 1.

    Returns:
        What the calls returned.
    """
    if count == 1:
        return [work()]
    # The calling thread does a share itself: the memory that the network has just freed is at hand there.
    with Crew(count - 1, "colorful-bands") as crew:
        others: list[Future[Out]] = []
        with suppress(ThreadsError):
            others.extend(crew.submit(work) for _ in range(count - 1))
        return [work(), *(other.result() for other in others)]
