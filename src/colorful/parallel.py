"""Share the cores of this machine: between photos, between the bands of one photo, and after a fork.

torch has a number of threads for each thread that calls it. To set it also changes the number that new
threads begin with. So whoever sets it puts it back: the program around us has threads of its own.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

_had_torch = "torch" in sys.modules

import torch  # noqa: E402

from colorful.crew import Crew, deep  # noqa: E402
from colorful.errors import ThreadsError  # noqa: E402

In = TypeVar("In")
Out = TypeVar("Out")

_AHEAD = 4
"""Items that wait for each thread or for the caller."""


def _is_fork() -> bool:
    """Tell whether this process is a fork that still runs its parent's program, where Linux tells."""
    try:
        # The fields after the name in parentheses; the seventh is the kernel's flags of the process.
        flags = int(Path("/proc/self/stat").read_text(encoding="latin-1").rpartition(")")[2].split()[6])
    except (OSError, ValueError, IndexError):
        return False
    return bool(flags & 0x40)  # PF_FORKNOEXEC


# The process in which torch's helper threads are known to live. 0 means none: this is a fork of a program
# that had loaded torch before us, and they did not survive it.
_process = 0 if _had_torch and _is_fork() else os.getpid()


def threads() -> int:
    """Tell how many threads torch uses for the calling thread. Ask this before torch computes.

    The helpers that OpenMP gave a thread do not survive a fork, and the next computation would wait for them
    for ever: a forked process goes on with one thread.
    """
    global _process
    if _process != os.getpid():
        torch.set_num_threads(1)
        _process = os.getpid()
    return torch.get_num_threads()


class Cores:
    """The threads that torch may use for the calling thread, to be divided among worker threads."""

    def __init__(self) -> None:
        self.count = threads()

    @contextmanager
    def lend(self, count: int) -> Iterator[None]:
        """Have torch use *count* threads for this thread, at least one, until the block ends."""
        torch.set_num_threads(max(1, count))
        try:
            yield
        finally:
            torch.set_num_threads(self.count)


def ahead(
    function: Callable[[In], Out],
    items: Iterable[In],
    *,
    workers: int | None = None,
    share_cores: bool = False,
) -> Iterator[Out]:
    """Map in order, some items ahead in threads, while the caller computes; never all of them at once.

    Args:
        function: Called in a thread.
        items: Taken one by one, in the caller's thread.
        workers: How many work at a time; as many as the calling thread has, and at least two, by default.
        share_cores: Whether *function* computes with torch, so that each thread gets its share of the cores.

    Yields:
        What *function* returns, in the order of the items.
    """
    cores = Cores()
    workers = workers or max(2, cores.count)
    share = cores.count // workers

    def call(item: In) -> Out:
        if not share_cores:
            return function(item)
        with cores.lend(share):
            return function(item)

    with Crew(workers, "colorful-ahead") as crew:
        waiting: deque[Future[Out]] = deque()
        for item in items:
            waiting.append(crew.submit(partial(call, item)))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Failure(NamedTuple):
    error: BaseException


def finish(
    work: Callable[[In], Out], items: Iterable[In], *, workers: int, report: Callable[[Out], object]
) -> None:
    """Work on items in threads, each with its share of the cores, and report here what is done.

    Results are reported in the order in which they are ready. An interrupt waits until what is at work is
    done and reported. No thread is left behind.

    Args:
        work: Called in a thread. What it raises ends the work on all items, and is raised here.
        items: Taken one by one, in the threads.
        workers: How many work at a time; fewer where the system does not start so many threads.
        report: Called with each result, in the calling thread. After an interrupt it may be called a second
            time with the result that was being reported.
    """
    cores = Cores()
    waiting, end = iter(items), object()
    taking = threading.Lock()
    stopped = threading.Event()
    # An interrupt can come between any two steps of this thread. So a result stays in *results* until it has
    # been reported; the queue only says that there is one (True), or that a thread has ended (False).
    results: deque[Out | _Failure] = deque()
    ready: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def serve() -> None:
        try:
            with cores.lend(cores.count // workers):
                while not stopped.is_set():
                    with taking:
                        item = next(waiting, end)
                    if item is end:
                        return
                    results.append(work(cast("In", item)))
                    ready.put(True)
        except BaseException as error:
            results.append(_Failure(error))
            ready.put(True)
        finally:
            ready.put(False)

    crew = [threading.Thread(target=serve, name=f"colorful-{number}") for number in range(workers)]
    at_work = 0
    try:
        try:
            with deep():
                for thread in crew:
                    thread.start()
                    at_work += 1
        except ThreadsError:
            if not at_work:
                raise
        while at_work:
            if not ready.get():
                at_work -= 1
                continue
            result = results[0]
            if isinstance(result, _Failure):
                raise result.error
            report(result)
            results.popleft()
    finally:
        stopped.set()
        for thread in crew:
            if thread.ident is not None:
                thread.join()
        torch.set_num_threads(cores.count)
        for result in results:  # after an interrupt: what was at work is finished and counts
            if not isinstance(result, _Failure):
                report(result)
