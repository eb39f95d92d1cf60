"""A bounded queue before the model: some photos are worked on, some wait, and all others are refused.

Three rules make it fair. Small work goes ahead of large work, so that a visitor who moves a slider does not
wait for another one's scan of 50 megapixels. Visitors take turns. And if the queue is full, a visitor who has
less in it than others takes the last place of the one who has most. Both hold among network addresses first,
then among the visitors behind each: anybody can pretend to be many visitors, but not to be elsewhere.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from colorful.crew import deep
from colorful.errors import ColorfulError, ThreadsError
from colorful.parallel import Cores

T = TypeVar("T")

QUICK_PIXELS = 4_000_000
"""Work on a photo with at most so many pixels goes ahead of larger work."""

# Seconds after which a large photo's turn has come, whatever small ones there are.
_PATIENCE = 5.0
# Seconds between two looks at whether the one who asked is still there.
_LOOK = 0.25
# Seconds that a megapixel takes, until it has been measured here; and the share of each new measurement.
_FIRST_GUESS = 0.15
_LEARNING = 0.1
# The least that a piece of work counts as, in megapixels.
_LEAST = 0.25


class BusyError(ColorfulError, RuntimeError):
    """No place is free in the queue, or the server is closing.

    Args:
        message: What to tell the client.
        retry_after: Seconds after which another try makes sense, at least 1.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LeftError(Exception):
    """The one who asked has closed the connection: nobody waits for the answer, nor for others.

    So this is no ``ColorfulError``, which would be the problem of one photo among several.
    """

    def __init__(self) -> None:
        super().__init__("client: expected an open connection, got one that is closed")


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks for a piece of work.

    Args:
        address: Of the network; turns and places are shared out among those first.
        visitor: A name that is no address; then they are shared out among those.
        has_left: Tells whether nobody waits for the answer any more.
    """

    address: str = ""
    visitor: str = ""
    has_left: Callable[[], bool] = lambda: False


NOBODY = Asker()


@dataclass(eq=False)
class _Job:
    work: Callable[[], Any]
    names: tuple[str, str]  # address and visitor
    pixels: int
    since: float = field(default_factory=time.monotonic)
    future: Future[Any] = field(default_factory=Future)
    abandoned: bool = False

    @property
    def quick(self) -> bool:
        return self.pixels <= QUICK_PIXELS

    @property
    def megapixels(self) -> float:
        return max(_LEAST, self.pixels / 1e6)


class Queue:
    """Run work on a few threads of its own.

    The threads that compute are always the same, whatever thread a request comes on. This keeps memory level
    under load, since torch has a team of helper threads, and the allocator an arena, for each thread that
    calls it. Work that runs alone has all of torch's threads; work that runs beside other work has its share.

    Args:
        workers: Pieces of work that run at the same time; beside as many large ones, one small one more.
        waiting: Pieces of work that may wait for their turn.
    """

    def __init__(self, *, workers: int, waiting: int) -> None:
        self.workers = workers
        self.places = workers + waiting
        self._change = threading.Condition()
        self._waiting: list[_Job] = []
        self._running: list[_Job] = []
        self._last_turn: dict[str, float] = {}
        self._crew: list[threading.Thread] = []
        self._own = threading.local()
        self._cores = Cores()
        self._pace = _FIRST_GUESS  # seconds for a megapixel, a running mean
        self._closed = False

    @property
    def taken(self) -> int:
        """How many pieces of work run or wait."""
        with self._change:
            return len(self._running) + len(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def run(self, work: Callable[[], T], *, pixels: int = 0, asker: Asker = NOBODY) -> T:
        """Wait for a turn, do *work* and return what it returns or raise what it raises.

        Args:
            work: What to do. Between its steps it may call :meth:`check`.
            pixels: How large the photo is that it works on.
            asker: Who asks.

        Raises:
            BusyError: If every place is taken, or the queue closes before the turn comes.
            LeftError: If the asker has left.
        """
        job = _Job(work, (asker.address, asker.visitor), pixels)
        with self._change:
            if self._closed:
                raise _closing()
            if len(self._running) + len(self._waiting) >= self.places:
                self._make_room(job)
            self._waiting.append(job)
            if len(self._crew) <= self.workers:
                name = f"colorful-{len(self._crew)}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                try:
                    with deep():
                        thread.start()
                    self._crew.append(thread)
                except ThreadsError:
                    if not self._crew:
                        self._waiting.remove(job)
                        raise
            self._change.notify_all()
        done = False
        while not done:
            done = bool(wait([job.future], timeout=_LOOK).done)
            if asker.has_left():  # also once it is done: what nobody hears of is not kept
                self._abandon(job)
                raise LeftError
        result: T = job.future.result()
        return result

    def check(self) -> None:
        """Stop the work that calls this, if nobody waits for it any more.

        Raises:
            LeftError: If that is so.
        """
        job: _Job | None = getattr(self._own, "job", None)
        if job is not None and job.abandoned:
            raise LeftError

    def seconds(self, visitor: str) -> int:
        """Say in how many seconds all that a visitor has asked for will be done; 0 if that is nothing."""
        with self._change:
            own = [job for job in (*self._running, *self._waiting) if job.names[1] == visitor]
            if not own:
                return 0
            last = max(job.since for job in own)
            before = [job for job in (*self._running, *self._waiting) if job.since <= last]
            return self._seconds_for(before)

    def close(self, *, finish_waiting: bool = False) -> None:
        """Take nothing more; what runs is finished. Can be called again to give up waiting.

        Args:
            finish_waiting: Whether those who wait still get their turn, or are refused.
        """
        with self._change:
            self._closed = True
            refused = [] if finish_waiting else self._waiting
            if refused:
                self._waiting = []
            self._change.notify_all()
        for job in refused:
            job.future.set_exception(_closing())

    def _seconds_for(self, jobs: list[_Job]) -> int:
        return max(1, math.ceil(self._pace * sum(job.megapixels for job in jobs) / self.workers))

    def _make_room(self, job: _Job) -> None:
        """Send away the last one of who has most in the queue; raise if the newcomer has as much."""
        everybody = [*self._running, *self._waiting]
        held = Counter(name for one in everybody for name in one.names)
        last = max(reversed(self._waiting), key=lambda one: [held[name] for name in one.names], default=job)
        # Where they come from decides or, if that is the same, who they are.
        pairs = zip(last.names, job.names, strict=True)
        theirs, own = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
        words = f"queue: expected a free place, got {len(everybody)} photos before"
        refusal = BusyError(words, self._seconds_for(everybody))
        if held[theirs] <= held[own] + 1:
            raise refusal
        self._waiting.remove(last)
        last.future.set_exception(refusal)

    def _abandon(self, job: _Job) -> None:
        with self._change:
            job.abandoned = True
            if job in self._waiting:
                self._waiting.remove(job)

    def _serve(self) -> None:
        while True:
            with self._change:
                while (job := self._next()) is None:
                    if self._closed and not self._waiting:
                        return
                    self._change.wait()
                self._waiting.remove(job)
                self._running.append(job)
                self._last_turn |= dict.fromkeys(job.names, time.monotonic())
                share = self._cores.count // len(self._running)
            self._do(job, share)

    def _next(self) -> _Job | None:
        """Choose whose turn it is, if anybody can run now."""
        large = [job for job in self._waiting if not job.quick]
        quick = [job for job in self._waiting if job.quick]
        running_quick = sum(job.quick for job in self._running)
        full = len(self._running) >= self.workers
        overdue = (
            large
            and running_quick == len(self._running)
            and time.monotonic() - min(job.since for job in large) > _PATIENCE
        )
        if full:
            # One small one beside the large ones.
            candidates = quick if running_quick == 0 else []
        else:
            candidates = large if overdue or not quick else quick
        busy = Counter(name for job in self._running for name in job.names)
        return min(
            candidates,
            key=lambda job: [(busy[name], self._last_turn.get(name, 0.0)) for name in job.names],
            default=None,
        )

    def _do(self, job: _Job, share: int) -> None:
        start = time.monotonic()
        self._own.job = job
        try:
            with self._cores.lend(share):
                result, error = job.work(), None
        except BaseException as raised:
            result, error = None, raised
        self._own.job = None
        with self._change:
            self._running.remove(job)
            if error is None:
                pace = (time.monotonic() - start) / job.megapixels
                self._pace += _LEARNING * (pace - self._pace)
            waits = {name for one in (*self._running, *self._waiting) for name in one.names}
            if len(self._last_turn) > 4 * self.places:
                self._last_turn = {who: at for who, at in self._last_turn.items() if who in waits}
            self._change.notify_all()
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)
        del job, result, error  # the next turn may be hours away, and a photo is large


def _closing() -> BusyError:
    return BusyError("queue: expected an open server, got one that is closing", 5)
