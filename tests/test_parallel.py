from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from colorful import parallel
from colorful.crew import beside
from colorful.errors import ThreadsError
from colorful.parallel import Cores, ahead, finish


def seen_by_a_new_thread() -> int:
    """Tell how many threads torch gives to a thread that is new to it."""
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return seen[0]


@pytest.fixture(autouse=True)
def threads() -> Iterator[int]:
    """Give torch some threads, and see afterwards that they are as they were, here and in new threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    yield 6
    left = torch.get_num_threads(), seen_by_a_new_thread()
    torch.set_num_threads(before)
    assert left == (6, 6)


def test_lent_threads_are_given_back() -> None:
    """Inside the block torch has the share, at least one thread; afterwards all, also after an error."""
    cores, seen = Cores(), []

    def fail(share: int) -> None:
        with cores.lend(share):
            seen.append(torch.get_num_threads())
            raise ZeroDivisionError

    for share in (2, 0):
        with pytest.raises(ZeroDivisionError):
            fail(share)
    assert seen == [2, 1]


def test_work_is_done_beside_the_caller() -> None:
    """The caller's thread is one of those that work, and an error in any of them arrives."""
    meeting = threading.Barrier(3)

    own = threading.get_ident()

    def work() -> int:
        meeting.wait(timeout=10)
        return threading.get_ident()

    idents = beside(work, 3)
    assert len(set(idents)) == 3
    assert own in idents

    def fail_elsewhere() -> None:
        if threading.get_ident() != own:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        beside(fail_elsewhere, 2)


def test_mapping_ahead_keeps_the_order_and_a_bound() -> None:
    """Results come in the order of the items, of which only a few are taken before they are asked for."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    def slow(number: int) -> tuple[int, int]:
        time.sleep(0.002 * (number % 3))
        return number, torch.get_num_threads()

    results = ahead(slow, items(), workers=3, share_cores=True)
    assert next(results) == (0, 2)
    assert len(taken) <= 13
    assert [number for number, _ in results] == list(range(1, 100))


def test_mapping_ahead_ends_early() -> None:
    """A caller who stops asking leaves no work behind; an error of the function arrives in its place."""
    done: list[int] = []

    def slow(number: int) -> int:
        time.sleep(0.01)
        done.append(number)
        return 1 // (number - 2)

    results = ahead(slow, range(1000), workers=2)
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    count = len(done)
    time.sleep(0.05)
    assert len(done) == count < 20


def test_what_is_finished_is_reported_in_the_callers_thread() -> None:
    """Every result is reported once, here, as soon as it is ready; each worker has its share of the cores."""
    here = threading.get_ident()
    reported: list[int] = []

    def work(number: int) -> int:
        assert torch.get_num_threads() == 3
        time.sleep(0.1 if number == 0 else 0.001)
        return number

    def report(number: int) -> None:
        assert threading.get_ident() == here
        reported.append(number)

    finish(work, range(20), workers=2, report=report)
    assert sorted(reported) == list(range(20))
    assert reported.index(0) > 0


def test_an_error_or_an_interrupt_ends_the_work() -> None:
    """What is at work is finished and reported, nothing more is begun, and no thread is left."""
    begun: list[int] = []
    reported: list[int] = []
    others = set(threading.enumerate())  # the threads of a server that another test asked, say

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.005)
        if number == 5:
            raise ZeroDivisionError
        return number

    with pytest.raises(ZeroDivisionError):
        finish(work, range(1000), workers=2, report=reported.append)
    assert set(begun) - set(reported) == {5}
    assert len(begun) < 12

    def interrupt(number: int) -> None:
        reported.append(number)
        if len(reported) == 3:
            raise KeyboardInterrupt

    begun.clear()
    reported.clear()
    with pytest.raises(KeyboardInterrupt):
        finish(work, range(6, 1000), workers=2, report=interrupt)
    assert set(begun) == set(reported)
    assert not [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith("colorful-") and thread not in others
    ]


def test_a_fork_goes_on_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the process is another than the one that had torch's threads, one thread is set, once."""
    assert parallel.threads() == 6
    monkeypatch.setattr(parallel, "_process", 0)
    assert parallel.threads() == 1
    torch.set_num_threads(6)
    assert parallel.threads() == 6


SMALL_STACKS = """
import threading
threading.stack_size(65536)
import numpy as np, torch
torch.set_num_threads(3)
from pathlib import Path
from PIL import Image
import colorful
from colorful.crew import beside
from colorful.parallel import ahead
photo = np.add.outer(np.arange(700), np.arange(900)).astype(np.uint8)
for number in range(3):
    Image.fromarray(photo).save(f"{number}.png")
colorizer = colorful.Colorizer.from_pretrained("lite", device="cpu")
assert colorful.colorize_folder(".", "out", colorizer=colorizer, workers=3).done == 3
assert colorizer.colorize(photo).shape == (700, 900, 3)
deep = lambda number: torch.randn(64, 256, 256).softmax(0).mean().item()
assert len(list(ahead(deep, range(6), share_cores=True))) == 6
assert len(beside(lambda: deep(0), 3)) == 3
assert threading.stack_size() == 65536
"""


def test_a_program_may_give_its_own_threads_little_room(tmp_path: Path) -> None:
    """Where a program has asked for small stacks, our threads still have the stack that torch needs."""
    run = subprocess.run([sys.executable, "-c", SMALL_STACKS], cwd=tmp_path, capture_output=True, check=False)
    assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize("most", [0, 1, 2])
def test_fewer_threads_do_the_work_too(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system starts fewer threads, these do all of the work; where it starts none that is said."""
    start, started = threading.Thread.start, Counter[str]()

    def refuse(thread: threading.Thread) -> None:
        if started.total() == most:
            raise RuntimeError("can't start new thread")
        started[thread.name] += 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    rest, seen = iter(range(20)), list[int]()
    beside(lambda: seen.extend(rest), 4)
    assert sorted(seen) == list(range(20))
    started.clear()
    done: list[int] = []
    if most:
        finish(abs, range(-9, 0), workers=4, report=done.append)
        assert sorted(done) == list(range(1, 10))
        return
    with pytest.raises(ThreadsError, match="fewer workers"):
        finish(abs, range(-9, 0), workers=4, report=done.append)
    with pytest.raises(ThreadsError, match="ulimit"):
        list(ahead(abs, range(9)))
