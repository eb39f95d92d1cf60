"""The command line: each command's module is loaded when the command is asked for."""

from __future__ import annotations

import atexit
import errno
import gc
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import click
from click.shell_completion import CompletionItem

try:
    from colorful.errors import ColorfulError, OptionError, RangeError
except ImportError as error:  # of a damaged installation
    raise SystemExit(str(error)) from None

from colorful import __version__

COMMANDS = {
    "colorize": "colorful.cli.colorize:colorize",
    "ask": "colorful.cli.ask:ask",
    "video": "colorful.cli.video:video",
    "demo": "colorful.cli.demo:demo",
    "models": "colorful.cli.models:models",
    "info": "colorful.cli.models:info",
    "download": "colorful.cli.weights:download",
    "convert": "colorful.cli.weights:convert",
    "export": "colorful.cli.weights:export",
    "web-app": "colorful.cli.weights:web_app",
    "inspect": "colorful.cli.weights:inspect",
    "cache": "colorful.cli.weights:cache",
    "evaluate": "colorful.cli.evaluate:evaluate",
    "turing": "colorful.cli.evaluate:turing",
    "train": "colorful.cli.train:train",
    "serve": "colorful.cli.serve:serve",
}
"""Where each command is, as ``module:function``, in the order of ``--help``."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the number of the signal."""


STDOUT = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Names that systems have for standard output."""


class Failure(click.ClickException):
    """One line for the user in place of a traceback."""

    def show(self, file: Any = None) -> None:
        """Print the line."""
        complain(self.message)


class Misuse(Failure):
    """One for which the command line is to blame, as where click finds it."""

    exit_code = 2


class Commands(click.Group):
    """Commands looked up in :data:`COMMANDS`; anything else on the line are photos to color."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = resolve_name(COMMANDS[cmd_name])
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``colorize`` before what begins neither with a command nor with an option of the group."""
        end = args.index("--") if "--" in args else len(args)
        if "" in args or any(arg.startswith("--") and arg.endswith("=") for arg in args[:end]):
            raise click.UsageError("An argument is empty, as of a variable that is not set.", ctx)
        ahead = [arg for arg in args[:end] if arg in ("-v", "--verbose")]  # at home anywhere on the line
        args = [*ahead, *(arg for arg in args[:end] if arg not in ahead), *args[end:]]
        own = {option for parameter in self.get_params(ctx) for option in parameter.opts}
        rest = iter(args)
        first = next((arg for arg in rest if arg not in own), None)
        if first is not None and first not in COMMANDS:
            before = args[: args.index(first)]
            args = [*before, "colorize", *args[len(before) :]]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer files beside the commands."""
        return [*super().shell_complete(ctx, incomplete), CompletionItem(incomplete, type="file")]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Each failure that a user can meet becomes one line and an exit status."""
        try:
            with ctx.obj or nullcontext():  # from here on, not while click reads the arguments
                return super().invoke(ctx)
        except ColorfulError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            kind = Misuse if isinstance(error, OptionError | RangeError) else Failure
            raise kind(with_options(str(error), command)) from error
        except KeyboardInterrupt:
            complain("interrupted")
            ctx.exit(INTERRUPTED)
        except (ImportError, SystemError) as error:  # both come of a limit of memory, too
            why = str(error).strip().rpartition("\n")[2]
            raise Failure(f"cannot be loaded, for lack of memory or because it is damaged: {why}") from error
        except MemoryError as error:
            raise Failure("out of memory; try fewer --workers or a smaller photo") from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has gone; click ends quietly
                raise
            where = f": {error.filename}" if error.filename else ""
            raise Failure(f"{error.strerror or error}{where}") from error


def shown(text: object) -> str:
    """Escape what a terminal would act on: line breaks in file names, control codes, undecodable bytes."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(text)
    )


def with_options(message: str, command: click.Command | None) -> str:
    """Put options of *command* where a message names arguments: ``--network-size`` for ``network_size``."""
    options = {
        parameter.name: max(parameter.opts, key=len)
        for parameter in (command.params if command else [])
        if isinstance(parameter, click.Option)
    }
    # What a message begins with, as in "skip_existing, overwrite: expected ...": further on they are words.
    named, colon, said = message.partition(": ")
    if all(name in options for name in named.split(", ")):
        message = ", ".join(options[name] for name in named.split(", ")) + colon + said
    return re.sub(r"\b(\w+)=True\b", lambda hit: options.get(hit[1], hit[0]), message)


def tell(message: str, *, end: str = "\n") -> None:
    """Print a line on standard error, above a progress bar if there is one.

    Where it is closed or its disk is full nothing is said: what is told of the work must not end it. Not by
    ``click.echo``, which goes around what rich has put in the place of ``sys.stderr``.
    """
    if sys.stderr is not None:
        with suppress(OSError):
            print(message, end=end, file=sys.stderr, flush=True)


def complain(message: str) -> None:
    """Print a line on standard error that names the program."""
    tell(f"colorful: {shown(message)}")


def need_streams(*, stdin: bool, stdout: bool) -> None:
    """Refuse in words to read or write a stream that whoever started the program has closed."""
    for name, stream, is_needed in (("input", sys.stdin, stdin), ("output", sys.stdout, stdout)):
        if is_needed and stream is None:
            raise OptionError(f"standard {name}: expected it to be open, got it closed")


class _EchoHandler(logging.Handler):
    """Log to the standard error of the moment, which a progress bar may have replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())
        if record.exc_info:  # a failure of ours, which a server survives: here is the more that its log says
            tell(logging.Formatter().formatException(record.exc_info))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("-v", "--verbose", is_flag=True, help="Print what is being done.")
@click.version_option(__version__, "-V", "--version", prog_name="colorful")
def cli(verbose: bool) -> None:
    """Color black-and-white photos.

    \b
      colorful photo.jpg               writes colorized_photo.jpg beside it
      colorful album/ --out color/     colors the photos of a folder
      colorful - < old.png > new.png   from standard input to standard output

    `colorful PHOTO...` is short for `colorful colorize PHOTO...`. If a photo has the name of a command,
    such as `demo`, write `./demo`.
    """  # noqa: D301  (\b keeps click from rewrapping)
    package_logger = logging.getLogger("colorful")
    if verbose:
        package_logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _EchoHandler) for handler in package_logger.handlers):
        package_logger.addHandler(_EchoHandler())


def own_process() -> None:
    """Set up a process that runs nothing but this program. Call it before torch is loaded, which reads this.

    By default OpenMP's threads wait for work in a busy loop. On a machine where other programs compute, they
    take the cores from threads that have work: a photo took 47 times as long.

    At its end Python searches all objects for cycles several times. Since the memory goes back to the system
    anyway, that search is spared: it was a seventh of what coloring one photo took.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    atexit.register(gc.freeze)


def main() -> None:
    """Run the command line and exit."""
    _hold_streams()
    own_process()
    try:
        Path.cwd()  # Intel's library, which torch loads, ends the program without one
    except OSError:
        complain("the current folder is gone")
        sys.exit(1)
    try:
        cli(prog_name="colorful", obj=_ends_as_by_ctrl_c())
    except OSError as error:  # of help that cannot be printed, too
        complain(error.strerror or str(error))
        sys.exit(1)


@contextmanager
def _ends_as_by_ctrl_c() -> Iterator[None]:
    """Let whatever ends programs, a scheduler or a closed terminal, end a command as Ctrl-C does.

    Then the photos that are being colored are finished, and no part of a file is left behind. Before and
    after a command there is nothing to finish, so a signal ends the program at once. Who started the program
    may have had it ignore a signal, as ``nohup`` does.
    """
    came: list[float] = []

    def interrupt(number: int, _: object) -> None:
        came.append(time.monotonic())
        if len(came) == 1:
            raise KeyboardInterrupt
        # Within a second it is the same one: a terminal sends it to all, and who started us may pass it on.
        if came[-1] - came[0] > 1:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    ours = []
    if threading.current_thread() is threading.main_thread():  # Python refuses it elsewhere
        numbers = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]  # Windows has two
        ended = (signal.SIG_DFL, signal.default_int_handler)
        ours = [number for number in numbers if number is not None and signal.getsignal(number) in ended]
    try:
        for number in ours:
            signal.signal(number, interrupt)
        yield
    except (click.exceptions.Exit, click.ClickException):
        raise
    except Exception as error:  # what libraries make of an import that was broken off
        if came:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _hold_streams() -> None:
    """Open the standard streams that are closed, on nothing: else a file of ours would take their place.

    What a library then prints would be written into a photo.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free
