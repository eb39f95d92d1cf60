"""Many machines: the workers of a Dask cluster run a plan, each with the model loaded once.

A photo is never lost. What a worker was at when it died is tried again, in the end each photo alone, so that
the one that killed it can be told from those beside it. A scheduler that starts anew is given what is left.
Needs the extra ``cluster``.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import queue
import secrets
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, NamedTuple, Unpack, cast

from colorful import __version__, heap, parallel
from colorful.colorizer import Colorizer
from colorful.errors import ClusterError, MissingExtraError
from colorful.folder import Progress, Summary, Tally, color
from colorful.outcomes import Format
from colorful.photos import Source
from colorful.plan import Choice, Job, Outcome, Plan, make_plan
from colorful.storage import URL

try:
    import cloudpickle
    from distributed import Client, Event, Future, KilledWorker, LocalCluster, WorkerPlugin, get_worker
except ModuleNotFoundError as error:
    raise MissingExtraError("cluster") from error

logger = logging.getLogger(__name__)

TRIES = 3
"""Workers that may die at a photo before it is passed over."""

# A batch takes about so long: its messages cost little beside it, and an interrupt waits no longer than that.
_SECONDS_A_BATCH = 1.0
_MOST_IN_A_BATCH = 64
# How long to wait for a scheduler, and for a first worker.
_PATIENCE = 60.0
# Dask's nanny has glibc give freed memory back at once, by this variable. But one photo frees what the next
# one takes, and to fetch it from the kernel anew costs a third of the rate.
_GIVE_BACK = "MALLOC_TRIM_THRESHOLD_"


def colorize(
    client: Client,
    sources: Source | URL | Iterable[Source | URL],
    target: Source | URL,
    *,
    colorizer: Colorizer | None = None,
    outcomes: Format | None = "jsonl",
    progress: Progress | None = None,
    **choice: Unpack[Choice],
) -> Summary:
    """Color photos on the workers of a cluster, and go on from what an earlier run has done.

    All workers must reach *sources* and *target*: on a shared file system or in a store.

    Args:
        client: Connected to the scheduler.
        sources: As for :func:`colorful.colorize_folder`, like all that follow.
        target: The folder of the results.
        colorizer: The model, which is sent to each worker once; the default one if None.
        outcomes: How to keep what became of each photo.
        progress: Called after each photo, here.
        **choice: Which photos are taken, and how the results are encoded.

    Returns:
        What became of each photo.

    Raises:
        PhotosError: If there is nothing to color.
        ClusterError: If the scheduler is gone for good, or a worker has another version of colorful.
        ColorfulError: If an option has no meaning.
    """
    plan = make_plan(sources, target, existing="skip", **choice)
    colorizer = colorizer or Colorizer.from_pretrained()
    return run(client, plan, colorizer, outcomes=outcomes, progress=progress)


def run(
    client: Client,
    plan: Plan,
    colorizer: Colorizer,
    *,
    outcomes: Format | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Do what a plan says on the workers of a cluster; see :func:`colorize`.

    Args:
        client: Connected to the scheduler.
        plan: The photos and their targets; not one that refuses results that are there, since a photo may be
            tried twice.
        colorizer: The model.
        outcomes: How to keep what became of each photo.
        progress: Called after each photo.

    Returns:
        What became of each photo.

    Raises:
        ClusterError: If the scheduler is gone for good, or a worker has another version of colorful.
        ColorfulError: If an option has no meaning.
    """
    plan = plan.agreed(colorizer)
    with Tally(plan, outcomes, progress) as tally:
        if tally.jobs:
            _Course(client, plan, colorizer, tally).go()
    return tally.summary()


@contextmanager
def connect(address: str) -> Iterator[Client]:
    """Connect to a scheduler.

    Args:
        address: Such as ``tcp://10.0.0.1:8786``.

    Yields:
        The client.

    Raises:
        ClusterError: If there is none.
    """
    try:
        client = Client(address, timeout=_PATIENCE / 4)
    except (OSError, ValueError) as error:
        raise ClusterError(f"expected a Dask scheduler at {address!r}, got none: {error}") from error
    with client:
        yield client


@contextmanager
def start_local(workers: int) -> Iterator[Client]:
    """Start a scheduler and workers of one core each on this machine, for as long as the block lasts.

    Args:
        workers: How many.

    Yields:
        A client of it.
    """
    # Its page is for this machine, at whatever port is free.
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0") as local,
        Client(local) as client,
    ):
        client.register_plugin(_Undisturbed())
        yield client


class _Undisturbed(WorkerPlugin):
    """A worker on this machine that leaves to the client what is sent to all of its processes."""

    def setup(self, worker: Any) -> None:
        """Let no Ctrl-C, no closed terminal and no system that stops a service end what is at work."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has only the first two
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)


class _Model(WorkerPlugin):
    """The model on a worker, loaded once, when a photo first needs it."""

    def __init__(self, colorizer: Colorizer, name: str) -> None:
        self.name = name
        self._pickled, self._digest = cloudpickle.dumps(colorizer), colorizer.digest
        self._version = __version__

    def setup(self, worker: Any) -> None:
        """Take a worker's share of the cores for each of its threads."""
        if __version__ != self._version:
            raise ClusterError(
                f"expected colorful {self._version} on the worker {worker.address}, got {__version__}"
            )
        self.cores = parallel.Cores()
        self.share = self.cores.count // worker.state.nthreads
        if _GIVE_BACK in os.environ:
            heap.keep(64 << 20, 32 << 20)  # as far as glibc lets them grow by itself

    def load(self) -> Colorizer:
        """Give the model, one for all threads of the process."""
        with _loading:
            if self.name not in _loaded:
                try:
                    colorizer = pickle.loads(self._pickled)  # noqa: S301 (from our own client)
                except OSError as error:  # such as of an ONNX file, which the client would take for its own
                    raise ClusterError(f"model: cannot be loaded on a worker: {error}") from error
                if colorizer.digest != self._digest:
                    raise ClusterError(f"expected a model of digest {self._digest}, got {colorizer.digest}")
                _loaded[self.name] = colorizer
            return _loaded[self.name]

    def teardown(self, worker: Any) -> None:
        """Let the model go."""
        _loaded.pop(self.name, None)
        if _GIVE_BACK in os.environ:
            heap.keep(int(os.environ[_GIVE_BACK]), 128 << 10)


_loaded: dict[str, Colorizer] = {}
_loading = threading.Lock()


class _Batch(NamedTuple):
    jobs: list[Job]
    ticket: str


class _Done(NamedTuple):
    """What a worker gives back: nothing where a batch was begun before, by a worker that died at it."""

    outcomes: list[Outcome] | None
    seconds: float


def _work(model: str, batch: _Batch, plan: Plan) -> _Done:
    """Color the photos of a batch, on a worker.

    Args:
        model: Name of the plugin that has it.
        batch: The photos. The scheduler has its ticket, which a batch takes once: Dask gives out again what a
            dead worker was at, however often, and this is where it is noticed.
        plan: Without its jobs.
    """
    ticket, stopped = Event(batch.ticket), Event(f"{model}-stop")
    if ticket.is_set():
        return _Done(None, 0.0)
    if stopped.is_set():
        return _Done([], 0.0)
    ticket.set()
    plugin = cast("_Model", get_worker().plugins[model])
    colorizer = plugin.load()
    start = time.monotonic()
    with plugin.cores.lend(plugin.share):
        done = [color(job, colorizer, existing=plan.existing, **plan.options) for job in batch.jobs]
    return _Done(done, time.monotonic() - start)


class _Course:
    """The course of a run: what waits, what is at work, and what a worker was at when it died."""

    def __init__(self, client: Client, plan: Plan, colorizer: Colorizer, tally: Tally) -> None:
        self._client, self._tally = client, tally
        self._plan = replace(plan, jobs=[], problems=[])
        self._name = f"colorful-{secrets.token_hex(4)}"
        self._model = _Model(colorizer, self._name)
        self._waiting = deque(tally.jobs)
        self._single: deque[Job] = deque()  # at which a worker died; each becomes a batch
        self._last: deque[Job] = deque()  # at which two have died; they come last, one by one
        self._tries: Counter[Job] = Counter()
        self._at_work: dict[Future[_Done], _Batch] = {}
        self._news: queue.SimpleQueue[object] = queue.SimpleQueue()  # something for each batch that ends
        self._outcomes: deque[Outcome] = deque()
        self._tickets = 0
        self._size = 1.0

    def go(self) -> None:
        """Have all photos colored; raise what says that this cannot be."""
        try:
            self._join()
            while self._waiting or self._single or self._last or self._at_work:
                try:
                    self._hand_out()
                    self._take_in()
                except (OSError, CancelledError):  # of the connection: what is not taken in stays at work
                    self._begin_anew()
                self._report()
        except KeyboardInterrupt:
            self._stop()
            raise
        finally:
            with suppress(Exception):  # the scheduler may be gone
                self._client.cancel(list(self._at_work))
                Event(f"{self._name}-stop", client=self._client).clear()
                self._client.unregister_worker_plugin(self._name)

    def _join(self) -> None:
        """Give the model to the workers, to those that join later as well."""
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError as error:
            raise ClusterError(f"expected a worker within {_PATIENCE:.0f} s, got none") from error
        self._client.register_plugin(self._model, name=self._name)

    def _hand_out(self) -> None:
        """Keep twice as many batches on their way as there are threads."""
        threads = max(1, sum(self._client.nthreads().values()))
        while len(self._at_work) < 2 * threads:
            if self._single:
                self._submit([self._single.popleft()])
            elif self._waiting:
                fair = math.ceil(len(self._waiting) / (2 * threads))
                count = max(1, min(int(self._size), fair, _MOST_IN_A_BATCH))
                self._submit([self._waiting.popleft() for _ in range(min(count, len(self._waiting)))])
            else:
                break
        if not self._at_work and self._last:
            self._submit([self._last.popleft()])

    def _submit(self, jobs: list[Job]) -> None:
        self._tickets += 1
        batch = _Batch(jobs, f"{self._name}-{self._tickets}")
        future = self._client.submit(_work, self._name, batch, self._plan, key=batch.ticket, pure=False)
        self._at_work[future] = batch
        future.add_done_callback(self._news.put)

    def _take_in(self) -> None:
        """Wait for a batch, and see what became of it. An interrupt, whenever it comes, leaves it at work."""
        with suppress(queue.Empty):
            self._news.get(timeout=1)
        future = next((future for future in self._at_work if future.done()), None)
        if future is None:
            return
        batch = self._at_work[future]
        try:
            done = future.result()
        except KilledWorker:
            done = _Done(None, 0.0)
        if done.outcomes and done.seconds > 0:
            now = _SECONDS_A_BATCH * len(done.outcomes) / done.seconds
            self._size += (now - self._size) / 4
        if done.outcomes is None:
            self._try_again(batch.jobs)
        else:
            self._outcomes += done.outcomes
        del self._at_work[future]
        with suppress(OSError):
            Event(batch.ticket, client=self._client).clear()

    def _report(self) -> None:
        """Tell what became of photos; of each until that is over, since an interrupt can come meanwhile."""
        while self._outcomes:
            self._tally.report(self._outcomes[0])
            self._outcomes.popleft()

    def _try_again(self, jobs: list[Job]) -> None:
        """Take back what a dead worker was at: next time each by itself, the last time with no other."""
        for job in jobs:
            self._tries[job] += 1
            if self._tries[job] >= TRIES:
                error = f"not tried again, because {TRIES} workers died while they colored it"
                self._outcomes.append(Outcome(job.source, job.target, "failed", error))
            elif self._tries[job] == TRIES - 1:
                self._last.append(job)
            else:
                self._single.append(job)

    def _begin_anew(self) -> None:
        """Wait until the client has found the scheduler again, and hand out there what was at work."""
        logger.warning("the scheduler is gone; waiting until it is back")
        while True:
            time.sleep(0.2)
            if self._client.status == "closed":
                raise ClusterError("the scheduler is gone; when it is back, give the same command to go on")
            if self._client.status == "running":
                with suppress(OSError):
                    self._join()
                    break
        for batch in self._at_work.values():
            self._waiting.extendleft(reversed(batch.jobs))
        self._at_work.clear()

    def _stop(self) -> None:
        """Let no other batch begin, and take in those that are at work."""
        with suppress(OSError, CancelledError):
            Event(f"{self._name}-stop", client=self._client).set()
            while self._at_work:
                self._take_in()
        self._report()
