from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from cluster_faults import Killer
from PIL import Image
from pytest_socket import socket_allow_hosts
from web_samples import Painter

from colorful import Colorizer, colorize_folder, errors, outcomes
from colorful.models import NetworkConfig

distributed = pytest.importorskip("distributed")

from colorful import cluster  # noqa: E402 (it needs the extra)

# What distributed leaves to the garbage collector when its processes were killed is not ours to close.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def painter() -> Colorizer:
    """Give a model that colors in no time."""
    return Colorizer(Painter(NetworkConfig(network_size=32)), device="cpu")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Give a client of a scheduler with a worker of two threads, in this process."""
    # To learn its own address distributed asks the system for the way to 8.8.8.8, and sends nothing there.
    socket_allow_hosts(["127.0.0.1", "localhost", "8.8.8.8"], allow_unix_socket=True)
    address = {"protocol": "tcp", "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with (
        distributed.LocalCluster(processes=False, n_workers=1, threads_per_worker=2, **address) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Give a folder with 30 photos, two of them broken."""
    folder = tmp_path / "album"
    rng = np.random.default_rng(0)
    for number in range(30):
        path = folder / f"{number % 3}" / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(20, 140, (24, 36), np.uint8)).save(path)
        if number in (7, 8):
            path.write_bytes(path.read_bytes()[:50])
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """Read all results below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("colorized_*")}


def written(out: Path) -> dict[str, str]:
    """Give the last status of each photo as it is written beside the results."""
    return {row["source"]: row["status"] for row in outcomes.read(out / outcomes.FOLDER)}


class Machines:
    """A scheduler and workers with one core each, as processes of their own, as on a cluster."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self._folder = folder
        here = str(Path(__file__).parent)
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
            "OMP_NUM_THREADS": "1",
            "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.start_scheduler()
        self.start_workers(2)

    def start_scheduler(self) -> None:
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")

    def start_workers(self, count: int) -> None:
        options = ("--nthreads", "1", "--nworkers", str(count), "--no-dashboard", "--host", "127.0.0.1")
        self.workers = self._start("worker", self.address, *options, "--local-directory", str(self._folder))

    def _start(self, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{role}-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + role, *arguments],
            env=self._environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """Give a cluster of processes."""
    folder = tmp_path / "machines"
    folder.mkdir()
    started = Machines(folder)
    yield started
    started.stop()


def pid_of_a_worker(client: Any) -> int:
    """Give the process id of a worker, not that of its nanny."""
    return next(iter(client.run(os.getpid).values()))


def test_a_cluster_gives_what_a_folder_gives(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer
) -> None:
    """The bytes of the results are those of one machine; each photo is told once, and written down once."""
    plain = colorize_folder(album, tmp_path / "plain", colorizer=painter, recursive=True, format="png")
    seen: list[tuple[int, int]] = []
    summary = cluster.colorize(
        client,
        album,
        tmp_path / "out",
        colorizer=painter,
        recursive=True,
        format="png",
        progress=lambda outcome, finished, total: seen.append((finished, total)),
    )
    assert (summary.done, summary.skipped, len(summary.failed)) == (28, 0, 2)
    assert {str(outcome.source) for outcome in summary.failed} == {
        str(outcome.source) for outcome in plain.failed
    }
    assert tree(tmp_path / "out") == tree(tmp_path / "plain")
    assert seen == [(number, 30) for number in range(1, 31)]
    assert len(written(tmp_path / "out")) == 30
    again = cluster.colorize(
        client, album, tmp_path / "out", colorizer=painter, recursive=True, format="png", outcomes=None
    )
    assert (again.done, again.skipped) == (0, 28)
    assert not [
        name for name in client.run(lambda dask_worker: list(dask_worker.plugins)) if "colorful" in name
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told how much memory to keep")
def test_a_worker_takes_the_memory_of_one_photo_for_the_next(painter: Colorizer) -> None:
    """Dask has freed memory given back at once; while a run lasts, a worker need not fetch it anew."""

    def page_faults(numbers: int) -> int:  # by which the kernel is asked for memory
        import ctypes
        import resource

        # PR_SET_THP_DISABLE: by the alignment of a block one fault may bring a huge page, or one of 4 KiB.
        ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            np.ones(numbers)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with cluster.start_local(1) as client:
        (at_first,) = client.run(page_faults, 1 << 20).values()
        client.register_plugin(cluster._Model(painter, "model"), name="model")
        client.run(page_faults, 1 << 20)
        (within,) = client.run(page_faults, 1 << 20).values()
        client.unregister_worker_plugin("model")
        # More than any hole which a run may have left in the heap, and which would be filled again.
        (after,) = client.run(page_faults, 16 << 20).values()
    assert within < at_first / 20
    assert after > at_first / 2, (at_first, within, after)


def test_another_version_on_a_worker_is_refused(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines with different versions of colorful do not share a plan: their results would differ."""
    monkeypatch.setattr(cluster._Model, "__init__", _with_version("0.0.1"))
    with pytest.raises(errors.ClusterError, match=r"expected colorful 0\.0\.1 on the worker .* got "):
        cluster.colorize(client, album / "0", tmp_path / "out", colorizer=painter)
    assert not tree(tmp_path)


def _with_version(version: str) -> Callable[..., None]:
    initialize = cluster._Model.__init__

    def changed(self: Any, *args: Any) -> None:
        initialize(self, *args)
        self._version = version

    return changed


def test_options_without_meaning_stop_it(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer
) -> None:
    """An option that has no meaning is one error, raised here, and nothing is left on the workers."""
    with pytest.raises(errors.OptionError, match="pages: expected 'first' or 'all', got 'none'"):
        cluster.colorize(client, album, tmp_path / "out", colorizer=painter, recursive=True, pages="none")  # type: ignore[arg-type]
    with (
        pytest.raises(errors.ClusterError, match="expected a Dask scheduler at 'tcp://127"),
        cluster.connect("tcp://127.0.0.1:9"),
    ):
        pass


def test_an_interrupt_finishes_what_is_at_work(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C every result there is was told and is whole, and a second run does the rest."""
    monkeypatch.setattr(cluster, "_SECONDS_A_BATCH", 60.0)  # so the interrupt comes in the middle of one
    told: list[str] = []

    def interrupt(outcome: Any, finished: int, total: int) -> None:
        told.append(outcome.status)
        if finished == 5:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        cluster.colorize(client, album, out, colorizer=painter, recursive=True, progress=interrupt)
    time.sleep(0.5)  # nothing goes on behind the back
    assert len(tree(out)) <= told.count("done") + 64
    assert list(written(out).values()).count("done") == len(tree(out)) >= 4
    rest = cluster.colorize(client, album, out, colorizer=painter, recursive=True)
    assert rest.done + rest.skipped == 28
    assert len(tree(out)) == 28


def test_an_interrupt_may_come_while_a_batch_is_taken_in(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at the moment in which a result is on its way from a worker ends the run, too."""
    moment = iter([KeyboardInterrupt])
    _before(monkeypatch, distributed.Future, "result", lambda: next(moment, None))
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        cluster.colorize(client, album, out, colorizer=painter, recursive=True)
    assert list(written(out).values()).count("done") == len(tree(out)) >= 1


def test_a_scheduler_that_is_gone_while_a_batch_is_taken_in_costs_nothing(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result that the scheduler forgets while it is asked for is made again."""
    moment = iter([CancelledError])
    _before(monkeypatch, distributed.Future, "result", lambda: next(moment, None))
    summary = cluster.colorize(client, album, tmp_path / "out", colorizer=painter, recursive=True)
    assert summary.done + summary.skipped == len(tree(tmp_path / "out")) == 28


def test_the_threads_of_a_worker_share_one_model(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads that begin at once load the model once; afterwards torch is as it was in new threads."""
    loads: list[bytes] = []

    def load_slowly(data: bytes) -> Any:
        loads.append(data)
        time.sleep(0.2)
        return pickle.loads(data)

    monkeypatch.setattr(cluster, "pickle", SimpleNamespace(loads=load_slowly))
    cluster.colorize(client, album, tmp_path / "out", colorizer=painter, recursive=True)
    with ThreadPoolExecutor(1) as new:
        assert new.submit(torch.get_num_threads).result() == torch.get_num_threads()
    assert len(loads) == 1


def test_a_model_that_workers_cannot_load_is_an_error(
    client: Any, album: Path, tmp_path: Path, painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ONNX file that only the client's machine has ends the run: it is no failure of the connection."""

    def miss(_: bytes) -> None:
        raise errors.WeightsNotFoundError("net.onnx: expected a model, got no such file")

    monkeypatch.setattr(cluster, "pickle", SimpleNamespace(loads=miss))
    with pytest.raises(errors.ClusterError, match=r"cannot be loaded on a worker: net\.onnx: expected"):
        cluster.colorize(client, album, tmp_path / "out", colorizer=painter, recursive=True)


def _before(patch: pytest.MonkeyPatch, owner: Any, name: str, find: Callable[[], Any]) -> None:
    """Raise what *find* gives, if anything, in place of a method's work."""
    method = getattr(owner, name)

    def wrapped(*args: Any, **options: Any) -> Any:
        if error := find():
            raise error
        return method(*args, **options)

    patch.setattr(owner, name, wrapped)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_workers_and_the_scheduler_may_die(
    machines: Machines, album: Path, tmp_path: Path, painter: Colorizer
) -> None:
    """A worker killed in the middle, then the scheduler killed and started again, cost no photo."""
    out = tmp_path / "out"
    plain = colorize_folder(album, tmp_path / "plain", colorizer=painter, recursive=True)
    finished: list[Path] = []

    with cluster.connect(machines.address) as client:
        client.wait_for_workers(2, timeout=60)

        def strike(outcome: Any, count: int, total: int) -> None:
            finished.append(outcome.source)
            if count == 4:
                os.kill(pid_of_a_worker(client), signal.SIGKILL)
            if count == 14:
                os.killpg(machines.scheduler.pid, signal.SIGKILL)
                os.killpg(machines.workers.pid, signal.SIGKILL)
                machines.start_scheduler()
                machines.start_workers(2)

        summary = cluster.colorize(client, album, out, colorizer=painter, recursive=True, progress=strike)
    assert summary.done + summary.skipped == plain.done == 28
    assert len(finished) == len(set(finished)) == 30
    assert tree(out) == tree(tmp_path / "plain")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_what_is_sent_to_all_ends_no_worker() -> None:
    """Workers on this machine leave Ctrl-C and SIGTERM to the client, which has them finish."""
    socket_allow_hosts(["127.0.0.1", "localhost", "8.8.8.8"], allow_unix_socket=True)
    with cluster.start_local(1) as client:
        before = pid_of_a_worker(client)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(before, number)
            time.sleep(0.5)
        assert pid_of_a_worker(client) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_photo_that_kills_its_worker_is_passed_over(
    machines: Machines, album: Path, tmp_path: Path
) -> None:
    """A photo at which three workers have died is named, after no more, and the others are done."""
    Image.fromarray(np.full((24, 36), 250, np.uint8)).save(album / "0" / "deadly.png")
    killer = Colorizer(Killer(NetworkConfig(network_size=32)), device="cpu")
    with cluster.connect(machines.address) as client:
        client.wait_for_workers(2, timeout=60)
        summary = cluster.colorize(client, album, tmp_path / "out", colorizer=killer, recursive=True)
    failed = {outcome.source.name: outcome.error for outcome in summary.failed}
    assert set(failed) == {"07.png", "08.png", "deadly.png"}
    assert failed["deadly.png"] == "not tried again, because 3 workers died while they colored it"
    assert summary.done + summary.skipped == 28
    deaths = sum(
        log.read_text(errors="replace").count("was killed by signal 9")
        for log in (tmp_path / "machines").glob("worker-*.log")
    )
    assert deaths == 3
