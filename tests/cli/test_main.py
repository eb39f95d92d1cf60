from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import command
import pytest
from PIL import Image

import colorful
from colorful.cli import COMMANDS, cli, shown, with_options
from colorful.cli.colorize import colorize
from colorful.errors import ImageError


def run(*args: str) -> tuple[int, str, str]:
    """Run the command line in this process: exit status, standard output, standard error."""
    result = command.run(*args)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Put a command in the place of ``colorize`` that raises what its first argument names."""
    module = ModuleType("colorful_fake")

    @click.command()
    @click.argument("args", nargs=-1)
    def command(args: tuple[str, ...]) -> None:
        raise {
            "ours": ImageError("photo.jpg: line\nbreak"),
            "disk": OSError(28, "No space left on device"),
            "memory": MemoryError(),
            "import": ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            "ctrl-c": KeyboardInterrupt(),
        }[args[0]]

    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "colorful_fake", module)
    monkeypatch.setitem(COMMANDS, "colorize", "colorful_fake:command")
    return module


def test_help_names_every_command() -> None:
    """``colorful --help`` shows each command with a line about it."""
    status, out, _ = run("--help")
    assert status == 0
    for name in COMMANDS:
        line = next(line for line in out.splitlines() if line.split()[:1] == [name])
        assert len(line.split()) > 2


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str) -> None:
    """``colorful COMMAND --help`` describes every option."""
    status, out, _ = run(name, "-h")
    assert status == 0
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help
    assert f"Usage: colorful {name}" in out
    assert max(map(len, out.splitlines())) <= 80, "a terminal would wrap it"


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    "arguments",
    [["ok", "-o", ""], ["ok", "--out="], ["ok", "-m", ""], ["--like", "", "ok"], ["ok", ""], ["--", ""]],
)
def test_an_empty_argument_is_refused(arguments: list[str]) -> None:
    """A variable of the shell that is not set is no folder, model or photo."""
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "An argument is empty" in err


def test_version() -> None:
    """``colorful --version`` gives the version of the package."""
    assert run("--version") == (0, f"colorful, version {colorful.__version__}\n", "")


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    "args",
    [
        ["ours"],
        ["colorize", "ours"],
        ["-v", "ours"],
        ["ours", "-v"],
        ["colorize", "ours", "--verbose"],
        ["--", "ours"],
    ],
    ids=str,
)
def test_a_photo_needs_no_command(args: list[str]) -> None:
    """What is neither a command nor an option of ``colorful`` is a photo to color."""
    assert run(*args) == (1, "", "colorful: photo.jpg: line\\nbreak\n")


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("failure", "status", "words"),
    [
        ("disk", 1, "No space left on device"),
        ("memory", 1, "out of memory"),
        ("import", 1, "cannot be loaded, for lack of memory or because it is damaged: libtorch_cpu.so"),
        ("ctrl-c", 130, "interrupted"),
    ],
)
def test_a_failure_is_one_line(failure: str, status: int, words: str) -> None:
    """What goes wrong ends in one line and a status, not in a traceback."""
    code, out, err = run(failure)
    assert (code, out) == (status, "")
    assert err.startswith("colorful: ")
    assert words in err
    assert err.count("\n") == 1


def test_text_for_a_terminal_has_nothing_to_act_on() -> None:
    """Line breaks, control codes and bytes that are no text are escaped; other scripts are not."""
    assert shown("a\nb\x1b[31m照片\udcff é") == "a\\nb\\x1b[31m照片\\udcff é"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("skip_existing, overwrite: expected one", "--skip-existing, --overwrite: expected one"),
        ("x: exists already; overwrite=True replaces it", "x: exists already; --overwrite replaces it"),
        ("album: cannot be listed: Permission denied", "album: cannot be listed: Permission denied"),
        ("hint 1: out: expected a color", "hint 1: out: expected a color"),
    ],
)
def test_only_names_of_arguments_become_options(message: str, told: str) -> None:
    """What a message begins with, or sets to True, is called by its option; other words stay words."""
    assert with_options(message, colorize) == told


def test_it_runs_as_a_module() -> None:
    """``python -m colorful`` is the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "colorful", "-V"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"colorful, version {colorful.__version__}\n"


@pytest.mark.parametrize("module", ["click", "numpy", "torch"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_first_moments_is_no_traceback(
    tmp_path: Path, module: str, number: signal.Signals
) -> None:
    """Ctrl-C while the program is being loaded ends it with status 130 in a shell, and one line at most."""
    # In place of the module one in whose import the signal comes.
    tmp_path.joinpath(f"{module}.py").write_text(
        f"import os, time; os.kill(os.getpid(), {number:d}); time.sleep(60)"
    )
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    search = os.pathsep.join([str(tmp_path), str(Path(colorful.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-m", "colorful", "a.png"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {130, -number}  # the second is what a shell calls 128 and the number
    assert done.stderr in {"", "colorful: interrupted\n"}
    assert done.stdout == ""
    assert {path.name for path in tmp_path.iterdir()} <= {"a.png", f"{module}.py", "__pycache__"}


@pytest.mark.skipif(sys.platform == "win32", reason="there nothing dies of a signal")
def test_a_second_signal_is_the_same_one_or_ends_it_at_once() -> None:
    """What comes within a second of a signal does not disturb the end that it began; a later one kills."""
    program = (
        "import signal, time\n"
        "from colorful.cli import _ends_as_by_ctrl_c\n"
        "with _ends_as_by_ctrl_c():\n"
        "    try: signal.raise_signal(signal.SIGINT)\n"
        "    except KeyboardInterrupt: print('first', flush=True)\n"
        "    signal.raise_signal(signal.SIGTERM); print('second', flush=True); time.sleep(1.1)\n"
        "    signal.raise_signal(signal.SIGINT); print('third', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "first\nsecond\n")


def test_an_extra_that_cannot_be_loaded_is_not_called_missing(tmp_path: Path) -> None:
    """What is installed but cannot be loaded, as with too little memory, is not called a missing extra."""
    tmp_path.joinpath("av.py").write_text("raise ImportError('libav.so: failed to map segment')")
    search = os.pathsep.join([str(tmp_path), str(Path(colorful.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-m", "colorful", "video", "a.mp4", "b.mp4"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("colorful: cannot be loaded, for lack of memory")
    assert "pip install" not in done.stderr


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    """When whoever reads the output has gone, there is no traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "colorful", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_nothing_heavy_is_loaded_for_help() -> None:
    """``colorful --help`` loads neither torch nor NumPy nor rich."""
    program = (
        "import sys; sys.argv = ['colorful', '--help']\n"
        "from colorful.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([n for n in ('torch', 'numpy', 'PIL', 'rich') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_sleep_in_a_process_of_our_own(before: str | None, after: str) -> None:
    """The command tells OpenMP so before torch loads, unless a user says otherwise; the library never."""
    program = (
        "import os, sys\n"
        "import colorful, colorful.cli\n"
        "print(os.environ.get('OMP_WAIT_POLICY'))\n"
        "colorful.cli.cli = lambda **_: print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)\n"
        "colorful.cli.main()\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if before is None else {"OMP_WAIT_POLICY": before}
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert run.stdout.split() == [str(before), after, "False"]


def test_the_end_searches_no_memory() -> None:
    """What a command leaves behind goes back to the system unsearched, so that it ends at once."""
    code = (
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 1000))\n"  # the first registered runs last
        "sys.argv = ['colorful', '--version']\n"
        "from colorful.cli import main\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "True"
