from __future__ import annotations

import gc
import locale
import logging
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image, ImageFile

import colorful
from colorful import Colorizer, Hint
from colorful.host import handling
from colorful.models import Network, create

Array = npt.NDArray[Any]
LOGGERS = logging.root.manager.loggerDict

# Grey values down to black, and floats so small that NumPy's powers underflow.
GREY = (np.add.outer(np.arange(48), np.arange(64)) % 112).astype(np.uint8)
DEEP = np.where(GREY < 9, 1e-30, GREY / 255).astype(np.float32)


@contextmanager
def set_to(setter: Callable[[Any], object], value: object, before: object) -> Iterator[None]:
    """Set something for the whole process, and put it back."""
    setter(value)
    try:
        yield
    finally:
        setter(before)


def raising() -> AbstractContextManager[object]:
    """Have warnings raise, as the whole test suite has, also those that Python leaves out by itself."""
    context = warnings.catch_warnings()
    warnings.simplefilter("error")
    return context


STATES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "float64 by default": lambda: set_to(torch.set_default_dtype, torch.float64, torch.float32),
    "float16 by default": lambda: set_to(torch.set_default_dtype, torch.float16, torch.float32),
    "bfloat16 by default": lambda: set_to(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "another device by default": lambda: set_to(torch.set_default_device, "meta", None),
    "NumPy raising": lambda: np.errstate(all="raise"),
    "warnings as errors": raising,
    "inference mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "deterministic algorithms": lambda: set_to(torch.use_deterministic_algorithms, True, False),
    # Not by flags(), which warns of graphics processors.
    "oneDNN off": lambda: set_to(partial(setattr, torch.backends.mkldnn, "enabled"), False, True),
    "products of lower precision": lambda: set_to(torch.set_float32_matmul_precision, "medium", "highest"),
    "tiny numbers are zero": lambda: set_to(torch.set_flush_denormal, True, False),
    "anomalies looked for": lambda: torch.autograd.set_detect_anomaly(True),
    "every warning each time": lambda: set_to(torch.set_warn_always, True, False),
    "gradients wanted": lambda: torch.enable_grad(),
    "one thread": lambda: set_to(torch.set_num_threads, 1, torch.get_num_threads()),
}


@pytest.fixture(scope="module")
def networks() -> list[Network]:
    """One network of each architecture, as a program has it before it changes anything."""
    torch.manual_seed(1)
    return [create("lite"), create("eccv16")]


def colorizers(networks: list[Network]) -> list[Colorizer]:
    """Make a colorizer for each; for the first, which takes hints, it reads a file."""
    made = [Colorizer(network, device="cpu", network_size=64) for network in networks[1:]]
    return [Colorizer.from_pretrained("lite", device="cpu", network_size=64), *made]


@pytest.fixture(scope="module")
def expected(networks: list[Network]) -> list[Array]:
    """What they say of the photos in a program that has changed nothing."""
    return results(colorizers(networks))


def results(made: list[Colorizer]) -> list[Array]:
    """Color photos, with hints where they are taken."""
    found = []
    for colorizer in made:
        hints = [Hint(20, 20, "#c03020")] if colorizer.takes_hints else []
        found += [colorizer.colorize(GREY, hints=hints, saturation=1.2), colorizer.colorize(DEEP)]
        found.append(colorizer.predict(GREY).ab().numpy())
    return found


@pytest.mark.parametrize("state", STATES)
def test_the_state_of_the_host_changes_no_photo(
    networks: list[Network], expected: list[Array], state: str
) -> None:
    """Whatever a program has set, a photo is colored right there, and so is the next one after it."""
    with STATES[state]():
        made = colorizers(networks)
        under = results(made)
    for found in (under, results(made), results(colorizers(networks[:1]))):
        for ours, right in zip(found, expected, strict=found is under):
            assert ours.dtype == right.dtype
            atol = 1 if ours.dtype == np.uint8 else 1e-3 * max(1, np.abs(right).max())
            np.testing.assert_allclose(ours.astype(np.float64), right, rtol=0, atol=atol)


def films(colorizer: Colorizer) -> list[Array]:
    """Color frames and a photo like another, ask where hints help, and make variants."""
    frames = [np.roll(GREY, 2 * number, 1) for number in range(10)]
    found = [
        np.stack(list(colorful.colorize_frames(frames, colorizer=colorizer, wait=wait)))
        for wait in ("short", "long")
    ]
    found.append(colorizer.colorize(GREY, like=np.dstack((GREY, GREY // 2, GREY // 3))))
    prediction = colorizer.predict(GREY)
    found.append(np.array([(place.x, place.y) for place in prediction.ask(3)]))
    found += [variant.prediction.rgb() for variant in prediction.variants(3, seed=5)]
    found += [prediction.uncertainty().numpy(), prediction.confidence().numpy()]
    return found


@pytest.fixture(scope="module")
def films_expected() -> list[Array]:
    """What comes out in a program that has changed nothing."""
    return films(Colorizer.from_pretrained("lite", device="cpu", network_size=64))


@pytest.mark.parametrize("state", STATES)
def test_the_state_of_the_host_changes_no_film_and_no_wish(films_expected: list[Array], state: str) -> None:
    """Whatever a program has set, frames, likings, variants and questions are as without it."""
    pytest.importorskip("cv2")
    colorizer = Colorizer.from_pretrained("lite", device="cpu", network_size=64)
    with STATES[state]():
        found = films(colorizer)
    for ours, right in zip(found, films_expected, strict=True):
        assert ours.dtype == right.dtype
        np.testing.assert_allclose(
            ours.astype(np.float64), right, rtol=0, atol=2e-2 * max(1, np.abs(right).max())
        )
        assert np.abs(ours.astype(np.float64) - right).mean() <= 2e-3 * max(1, np.abs(right).max())


def stack_size() -> int:
    """Tell the size of the stacks that threads get; to ask Python for it also sets it."""
    size = threading.stack_size()
    threading.stack_size(size)
    return size


def state() -> dict[str, object]:
    """What a program may have set, or counts on, that all of its libraries share."""
    named = ("colorful", "PIL", "tifffile", "imagecodecs")  # where nobody listens, nothing is to be printed
    loggers = {
        name: (each.level, each.handlers, each.propagate)
        for name, each in LOGGERS.items()
        if isinstance(each, logging.Logger) and name.split(".")[0] not in named
    }
    return {
        "random numbers": (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
        "torch": (torch.get_num_threads(), torch.get_default_dtype(), torch.get_default_device()),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "algorithms": (torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision()),
        "NumPy": (np.geterr(), np.get_printoptions()),
        "warnings": list(warnings.filters),
        "system": (dict(os.environ), Path.cwd(), locale.setlocale(locale.LC_ALL)),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "Python": (list(sys.path), list(sys.meta_path), sys.getrecursionlimit(), sys.excepthook),
        "threads": (stack_size(), threading.excepthook, threading.active_count()),
        "garbage": (gc.isenabled(), gc.get_threshold()),
        "Pillow": (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES),
        "logging": (logging.root.level, logging.root.handlers, loggers),
    }


def test_nothing_that_a_program_shares_is_changed(tmp_path: Path) -> None:
    """After a photo, a folder, hints and broken files the program around us finds all as it was."""
    Image.fromarray(GREY).save(tmp_path / "a.webp")
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with set_to(threading.stack_size, 64 << 20, 0):  # for a program with deep recursions
        before = state()
        colorizer = Colorizer.from_pretrained("lite", device="cpu", network_size=64)
        prediction = colorizer.predict(GREY, hints=[Hint(20, 20, "#c03020")])
        prediction.variants(2)
        prediction.ask(2)
        summary = colorful.colorize_folder(tmp_path, tmp_path / "out", colorizer=colorizer, workers=2)
        after = state()
    assert (summary.done, len(summary.failed)) == (1, 1)
    for name, value in before.items():
        assert after[name] == value, name


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_state_of_the_host_changes_no_training(tmp_path: Path, dtype: torch.dtype) -> None:
    """Whatever a program has set, training ends in the same weights, and the program finds all as it was."""
    pytest.importorskip("accelerate")
    training = pytest.importorskip("colorful.training")
    photos = [tmp_path / f"{number}.png" for number in range(2)]
    for number, path in enumerate(photos):
        colors = np.dstack((GREY * 2, 255 - GREY[::-1] * 2, np.roll(GREY, 20 + number, 1)))
        Image.fromarray(colors).resize((72, 80)).save(path)
    options = training.recipe("lite", steps=2, batch_size=2, size=32, precision="no", aged=1.0)

    def weights(out: Path) -> list[torch.Tensor]:
        folder = training.train(photos, out, init_from="none", options=options)
        return [*Colorizer.from_pretrained(folder, device="cpu").network.state_dict().values()]

    right = weights(tmp_path / "a")
    with ExitStack() as stack:
        for name in ("another device by default", "NumPy raising", "inference mode", "autocast"):
            stack.enter_context(STATES[name]())
        stack.enter_context(set_to(torch.set_default_dtype, dtype, torch.float32))
        before = state()
        ours = weights(tmp_path / "b")
        assert state() == before
    for one, other in zip(ours, right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3)


def test_the_state_of_the_host_changes_no_measure() -> None:
    """Color differences and the weights of colors are the same where NumPy raises and torch has autocast."""
    metrics = pytest.importorskip("colorful.metrics")
    lab = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(1)) * 50 - 25
    lab[:, 20:] = 1e-4

    def measured() -> list[torch.Tensor]:
        prior = colorful.lab.smooth_prior(torch.arange(313) * 1e5)
        return [metrics.ciede2000(lab, lab.flip(1)), colorful.lab.rebalancing_weights(prior)]

    right = measured()
    with STATES["NumPy raising"](), torch.autocast("cpu", torch.float16):
        for one, other in zip(measured(), right, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself no signal")
def test_signals_that_a_program_ignores_stay_ignored() -> None:
    """Where a signal is ignored, as under nohup, it is not handled; others are, and are put back."""
    came: list[int] = []
    with set_to(partial(signal.signal, signal.SIGUSR1), signal.SIG_IGN, signal.SIG_DFL):
        before = state()
        with handling(lambda number, _: came.append(number), signal.SIGUSR1, signal.SIGUSR2):
            signal.raise_signal(signal.SIGUSR1)
            signal.raise_signal(signal.SIGUSR2)
        assert state() == before
    assert came == [signal.SIGUSR2]


FORKS = """
import multiprocessing, sys
import numpy as np, torch
torch.set_num_threads(2)
torch.rand(2, 500_000).exp().sum()  # by now torch has threads
{before}

def color():
    import colorful
    photo = np.add.outer(np.arange(300), np.arange(400)).astype(np.uint8) // 3
    return colorful.colorize(photo) if not globals().get("colorizer") else colorizer.colorize(photo)

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with context.Pool(1) as pool:
        there = pool.apply_async(color).get(timeout=60)
        assert np.abs(there.astype(int) - color()).max() <= 1
        assert np.abs(pool.apply_async(color).get(timeout=60).astype(int) - there).max() <= 1
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(
    "before",
    [
        "",
        "import colorful.raster",
        "import colorful; colorizer = colorful.Colorizer.from_pretrained('lite', device='cpu')",
        "import colorful; colorful.colorize(np.zeros((99, 99)))",
    ],
    ids=["nothing of ours", "a part imported", "a model loaded", "a photo colored"],
)
def test_other_processes_color_photos(tmp_path: Path, method: str, before: str) -> None:
    """A process forked or spawned by a program that used torch colors a photo, whatever was loaded there."""
    if method not in ("fork", "spawn") and before:
        pytest.skip("nothing of the parent reaches it")
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"there is no {method} here")
    program = tmp_path / "program.py"
    program.write_text(FORKS.format(before=before, method=method))
    _run_well(program)


ODD_PROGRAM = """
import decimal, locale, os, signal, sys, threading
decimal.getcontext().prec = 1
threading.stack_size(256 << 10)
os.umask(0o077)
os.chdir("/")
try:
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")  # which writes 0,5
except locale.Error:
    pass
import numpy as np
import colorful

folder, photo = sys.argv[1], np.add.outer(np.arange(300), np.arange(400)).astype(np.uint8) // 3
first = colorful.colorize(photo)
colorful.images.write(colorful.images.read(photo), folder + "/a.png")
os.mkdir(folder + "/gone")
os.chdir(folder + "/gone")
os.rmdir(folder + "/gone")
alarms, colored = [], []
signal.signal(signal.SIGALRM, lambda *_: alarms.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)

def color():
    colored.append(colorful.colorize(photo))
    colored.append(colorful.colorize_folder(folder, f"{folder}/{len(colored)}", workers=2))

sys.setrecursionlimit(100)
for number in range(3):
    os.close(number)
sys.stdin = sys.stdout = sys.stderr = None
thread = threading.Thread(target=color)
thread.start()
thread.join()
signal.setitimer(signal.ITIMER_REAL, 0)
color()
is_right = all((each == first).all() for each in colored[::2])
is_right = is_right and [each.done for each in colored[1::2]] == [1, 1]
os._exit(0 if is_right and alarms else 7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has neither alarms nor a umask")
def test_an_odd_program_colors_photos(tmp_path: Path) -> None:
    """Small stacks, alarms, no streams, few levels of calls, decimal commas, no home, no temporary folder."""
    nowhere = str(tmp_path / "none")
    environment = {"HOME": nowhere, "TMPDIR": nowhere}
    _run_well("-OO", "-X", "dev", "-W", "error", "-c", ODD_PROGRAM, str(tmp_path), **environment)


FORKED_INSIDE = """
import multiprocessing, threading, warnings
import numpy as np, torch
from PIL import Image
import colorful
from colorful.colorizer import Colorizer
from colorful.parallel import ahead

Image.fromarray(np.zeros((48, 64), np.uint8)).save("a.png")
Colorizer.from_pretrained("lite").colorize("a.png")  # all is imported
inside, go_on = threading.Semaphore(0), threading.Event()

def slow(function):
    def call(*values, **more):
        if threading.current_thread() is not threading.main_thread():
            inside.release()
            go_on.wait()
        return function(*values, **more)
    return call

def color(*_):
    return colorful.colorize("a.png").size, list(ahead(abs, [-1], workers=2))

Colorizer.from_pretrained = slow(Colorizer.from_pretrained)
warnings.filterwarnings = slow(warnings.filterwarnings)
threading.stack_size = slow(threading.stack_size)
works = (
    lambda: colorful.colorize("a.png"),
    lambda: colorful.images.read("a.png"),
    lambda: list(ahead(abs, [-1], workers=2)),
)
crew = [threading.Thread(target=work) for work in works]
for thread in crew:
    thread.start()
    inside.acquire()
with multiprocessing.get_context("fork").Pool(1) as pool:
    there = pool.apply_async(color)
    there.wait(timeout=60)
    go_on.set()
    assert there.ready() and there.get() == ((64, 48), [1])
for thread in crew:
    thread.join()
assert color() == ((64, 48), [1])
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here")
def test_forks_do_not_wait_for_what_a_thread_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork colors photos although threads of its parent were loading, reading and starting threads."""
    monkeypatch.chdir(tmp_path)
    _run_well("-c", FORKED_INSIDE)


LATE = """
import atexit, sys, threading
import numpy as np, torch
from PIL import Image
import colorful
from colorful.parallel import ahead

torch.set_num_threads(2)
colorizer, photo = colorful.Colorizer.from_pretrained("lite"), np.zeros((1100, 1000), np.uint8)
Image.fromarray(photo).save("a.tif")

def color():
    if threading.current_thread() is not threading.main_thread():
        threading.main_thread().join()
    torch.set_num_threads(2)
    assert colorizer.colorize(photo).shape == (1100, 1000, 3)
    assert list(ahead(abs, range(20), workers=3)) == list(range(20))
    colorizer.colorize_file("a.tif", "b.tif")
    assert colorful.colorize_folder(".", "out", colorizer=colorizer, workers=2).done == 2
    print("done")

if sys.argv[1] == "atexit":
    atexit.register(color)
else:
    threading.Thread(target=color).start()
"""


@pytest.mark.parametrize("how", ["thread", "atexit"])
def test_what_goes_on_after_the_main_thread_colors_photos(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that goes on after the main one colors all that it has, and so does an exit handler."""
    monkeypatch.chdir(tmp_path)
    assert _run_well("-c", LATE, how) == "done\n"


FORKED_ONNX = """
import multiprocessing, sys
import numpy as np
from colorful import Colorizer

photo = np.add.outer(np.arange(300), np.arange(400)).astype(np.uint8) // 3
colorizer = Colorizer.from_pretrained(sys.argv[1], network_size=64)
here = colorizer.colorize(photo)

def color():
    return colorizer.colorize(photo)

with multiprocessing.get_context("fork").Pool(1) as pool:
    there = pool.apply_async(color).get(timeout=60)
assert np.abs(there.astype(int) - here).max() <= 1
assert np.array_equal(color(), here)
"""

FORKED_FILM = """
import multiprocessing, sys
import numpy as np, torch
torch.set_num_threads(2)
torch.rand(2, 500_000).exp().sum()
import colorful, colorful.video

def color():
    frames = [np.full((48, 64), 90 + number, np.uint8) for number in range(9)]
    return np.stack(list(colorful.colorize_frames(frames)))

with multiprocessing.get_context("fork").Pool(1) as pool:
    assert pool.apply_async(color).get(timeout=60).shape == (9, 48, 64, 3)
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here")
@pytest.mark.parametrize("what", ["onnx", "film"])
def test_forks_do_not_wait_for_threads_of_their_parents(tmp_path: Path, what: str) -> None:
    """A process forked by one that ran onnxruntime or torch colors a photo, and frames of a film."""
    arguments: list[str] = []
    if what == "onnx":
        pytest.importorskip("onnxruntime")
        path = Colorizer.from_pretrained("lite", device="cpu").export_onnx(tmp_path / "lite.onnx")
        arguments = [str(path)]
    else:
        pytest.importorskip("cv2")
    _run_well("-c", FORKED_ONNX if what == "onnx" else FORKED_FILM, *arguments)


def _run_well(*arguments: str | Path, **more: str) -> str:
    """Run Python as a host program that sets nothing for OpenMP but its patience, and find nothing wrong."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    run = subprocess.run(
        [sys.executable, *arguments],
        env=environment | {"OMP_WAIT_POLICY": "passive"} | more,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout
