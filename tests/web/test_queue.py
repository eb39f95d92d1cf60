"""The queue before the model."""

import threading
import time

import pytest
import torch

from colorful.web.queue import QUICK_PIXELS, Asker, BusyError, LeftError, Queue


def test_gives_back_what_the_work_returns_and_raises_what_it_raises() -> None:
    """Whoever waits for the queue gets the work's own result or error."""
    queue = Queue(workers=1, waiting=0)
    assert queue.run(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        queue.run(lambda: 1 / 0)
    assert queue.taken == 0


def test_refuses_what_finds_no_place_and_takes_it_once_there_is_one() -> None:
    """One piece of work more than there are places is refused with a time to come back; later it is taken."""
    queue, gate = Queue(workers=2, waiting=1), threading.Event()
    threads = [threading.Thread(target=queue.run, args=(gate.wait,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    _until(lambda: queue.taken == 3)
    with pytest.raises(BusyError, match="expected a free place, got 3 photos before") as caught:
        queue.run(lambda: None)
    assert caught.value.retry_after >= 1
    gate.set()
    for thread in threads:
        thread.join()
    assert queue.run(lambda: "taken") == "taken"


def test_runs_no_more_at_once_than_there_are_workers() -> None:
    """However many wait, only so many pieces of work run at the same time, and always on the same threads."""
    queue, lock = Queue(workers=2, waiting=20), threading.Lock()
    running, most, names = 0, 0, set()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            names.add(threading.current_thread().name)
        time.sleep(0.01)
        with lock:
            running -= 1

    threads = [threading.Thread(target=queue.run, args=(work,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
    assert len(names) == 2


def test_close_finishes_what_runs_and_refuses_the_rest() -> None:
    """A closing queue lets running work end, sends those who wait away, and takes nothing more."""
    queue, gate, started = Queue(workers=1, waiting=1), threading.Event(), threading.Event()
    outcomes: dict[str, object] = {}

    def run(name: str) -> None:
        def work() -> str:
            started.set()
            gate.wait()
            return "done"

        try:
            outcomes[name] = queue.run(work)
        except BusyError as error:
            outcomes[name] = error

    first = threading.Thread(target=run, args=("first",))
    first.start()
    started.wait()
    second = threading.Thread(target=run, args=("second",))
    second.start()
    _until(lambda: queue.taken == 2)
    queue.close()
    second.join()
    assert isinstance(outcomes["second"], BusyError)
    gate.set()
    first.join()
    assert outcomes["first"] == "done"
    with pytest.raises(BusyError, match="closing"):
        queue.run(lambda: None)


def test_close_can_let_those_who_wait_have_their_turn() -> None:
    """A queue that closes gently still does what has a place, and takes nothing more."""
    queue, gate = Queue(workers=1, waiting=1), threading.Event()
    outcomes: list[bool] = []
    threads = [threading.Thread(target=lambda: outcomes.append(queue.run(gate.wait))) for _ in range(2)]
    for thread in threads:
        thread.start()
    _until(lambda: queue.taken == 2)
    queue.close(finish_waiting=True)
    with pytest.raises(BusyError, match="closing"):
        queue.run(lambda: None)
    gate.set()
    for thread in threads:
        thread.join()
    assert outcomes == [True, True]


@pytest.mark.parametrize("threads", [4, 1])
def test_shares_torchs_threads_among_what_runs(threads: int) -> None:
    """What runs alone has all of torch's threads, what runs beside it half; nobody else is left with less."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        queue, gate, seen = Queue(workers=2, waiting=0), threading.Event(), []

        def work() -> None:
            seen.append(torch.get_num_threads())
            gate.wait()

        running = [threading.Thread(target=queue.run, args=(work,)) for _ in range(2)]
        for number, thread in enumerate(running, start=1):
            thread.start()
            _until(lambda number=number: len(seen) == number)
        gate.set()
        for thread in running:
            thread.join()
        assert seen == [threads, max(1, threads // 2)]
        assert queue.run(torch.get_num_threads) == threads
        later: list[int] = []
        new = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        new.start()
        new.join()
        assert later == [threads]
    finally:
        torch.set_num_threads(before)


def _until(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


LARGE = QUICK_PIXELS + 1


def _start(queue: Queue, work: object, **options: object) -> threading.Thread:
    thread = threading.Thread(target=queue.run, args=(work,), kwargs=options, daemon=True)
    before = queue.taken
    thread.start()
    _until(lambda: queue.taken > before)
    return thread


def test_what_is_small_goes_ahead_of_what_is_large() -> None:
    """While large photos take every worker, and more of them wait, a small one runs at once."""
    queue, gate = Queue(workers=2, waiting=8), threading.Event()
    threads = [_start(queue, gate.wait, pixels=LARGE) for _ in range(6)]
    assert queue.run(lambda: "quick", pixels=1000) == "quick"
    assert queue.taken == 6
    gate.set()
    for thread in threads:
        thread.join()


def test_turns_go_round_among_visitors() -> None:
    """Who comes last with one photo does not wait for all ten of somebody else."""
    queue, gate, order = Queue(workers=1, waiting=20), threading.Event(), []
    threads = [_start(queue, gate.wait, pixels=LARGE, asker=Asker(visitor="many"))]
    for who in ["many"] * 10 + ["one"]:
        work = lambda who=who: order.append(who)  # noqa: E731
        threads.append(_start(queue, work, pixels=LARGE, asker=Asker(visitor=who)))
    gate.set()
    for thread in threads:
        thread.join()
    assert order.index("one") <= 1


def test_many_names_at_one_address_are_no_more_than_one_elsewhere() -> None:
    """Whoever sends each request under a new name goes not ahead of others, and keeps nobody out."""
    queue, gate, order = Queue(workers=1, waiting=4), threading.Event(), []

    def ask(address: str, name: str) -> None:
        def work() -> None:
            gate.wait()
            order.append(name)

        try:
            queue.run(work, asker=Asker(address=address, visitor=f"{address} {name}"))
        except BusyError:
            order.append(f"not {name}")

    threads = [threading.Thread(target=ask, args=("1.1.1.1", f"new {number}")) for number in range(6)]
    for number, thread in enumerate(threads, start=1):
        thread.start()
        _until(lambda number=number: queue.taken == min(number, 5))
    threads[-1].join()
    threads.append(threading.Thread(target=ask, args=("2.2.2.2", "one")))
    threads[-1].start()
    threads[-3].join()  # which gives up its place
    gate.set()
    for thread in threads:
        thread.join()
    assert order == ["not new 5", "not new 4", "new 0", "one", "new 1", "new 2", "new 3"]


def test_a_full_queue_makes_room_for_who_has_less_in_it() -> None:
    """The one who holds most places gives the last one up; who holds as many is refused."""
    queue, gate, sent_away = Queue(workers=1, waiting=2), threading.Event(), []

    def ask() -> None:
        try:
            queue.run(gate.wait, asker=Asker(visitor="many"))
        except BusyError as error:
            sent_away.append(error.retry_after)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for number, thread in enumerate(threads, start=1):
        thread.start()
        _until(lambda number=number: queue.taken == number)
    with pytest.raises(BusyError):
        queue.run(lambda: None, asker=Asker(visitor="many"))
    other = _start_displacing(queue)
    _until(lambda: len(sent_away) == 1)
    assert sent_away[0] >= 1
    gate.set()
    for thread in (*threads, other):
        thread.join()


def _start_displacing(queue: Queue) -> threading.Thread:
    thread = threading.Thread(target=queue.run, args=(lambda: None,), kwargs={"asker": Asker(visitor="one")})
    thread.start()
    return thread


def test_nobody_works_for_who_has_left() -> None:
    """What waits is taken out when its asker leaves, and what runs stops between two of its steps."""
    queue, started, gate, gone = Queue(workers=1, waiting=2), threading.Event(), threading.Event(), []
    errors: list[Exception] = []

    def long_work() -> None:
        started.set()
        gate.wait()
        queue.check()
        errors.append(AssertionError("it went on"))

    def ask(work: object) -> None:
        try:
            queue.run(work, asker=Asker(has_left=lambda: bool(gone)))  # type: ignore[arg-type]
        except LeftError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(work,)) for work in (long_work, lambda: 1 / 0)]
    threads[0].start()
    started.wait()
    threads[1].start()
    _until(lambda: queue.taken == 2)
    gone.append(True)
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [LeftError, LeftError]
    assert queue.taken == 1  # what runs has not noticed yet
    gate.set()
    _until(lambda: queue.taken == 0)
    assert len(errors) == 2


def test_says_how_long_a_visitor_will_wait() -> None:
    """The estimate grows with the megapixels before, and is nothing for who has asked for nothing."""
    queue, gate = Queue(workers=1, waiting=8), threading.Event()
    threads = [_start(queue, gate.wait, pixels=50_000_000, asker=Asker(visitor="a"))]
    few = queue.seconds("a")
    threads += [_start(queue, gate.wait, pixels=50_000_000, asker=Asker(visitor="b")) for _ in range(3)]
    assert 1 <= few < queue.seconds("b")
    assert queue.seconds("a") == few
    assert queue.seconds("nobody") == 0
    gate.set()
    for thread in threads:
        thread.join()


def test_work_that_ends_as_somebody_looks_is_still_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the waiting thread looks, a result is a result, and a timeout of the work is its own."""
    monkeypatch.setattr("colorful.web.queue._LOOK", 0)
    queue = Queue(workers=1, waiting=0)
    assert [queue.run(lambda number=number: number) for number in range(200)] == list(range(200))

    def give_up() -> None:
        raise TimeoutError("of the work")

    with pytest.raises(TimeoutError, match="of the work"):
        queue.run(give_up)
