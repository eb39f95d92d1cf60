"""The command that serves the page, run as a user would."""

from __future__ import annotations

import logging
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from colorful.cli import cli, main

pytestmark = pytest.mark.slow


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command, and give the process and the address that it names."""
    command = [sys.executable, "-m", "colorful", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, line + process.stderr.read() if process.stderr else line
            yield process, found[0]
        finally:
            process.kill()


def test_the_page_is_where_the_command_says(tmp_path: Path) -> None:
    """The address that is printed leads to the page, under its prefix; Ctrl-C ends it quietly."""
    with served("--prefix", "/old", "--keep", str(tmp_path / "kept")) as (process, address):
        assert address.endswith("/old/v1/index")
        with urllib.request.urlopen(address) as reply:
            assert b'action="/old/v1/index"' in reply.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0
        assert errors == ""
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["colorized", "uploads"]


def test_a_port_in_use_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port on which somebody else listens is named in one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setattr(sys, "argv", ["colorful", "serve", "--port", port])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"colorful: cannot listen on 127.0.0.1 port {port}: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--prefix", "/a/../b"], "prefix: expected a path like /photos, got '/a/../b'"),
        (["--port", "70000"], "70000 is not in the range"),
        (["--threads", "0"], "0 is not in the range"),
        (["--max-megapixels", "0"], "0.0 is not in the range"),
        (["--model", "nobody"], "nobody"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: list[str], words: str) -> None:
    """A wrong option is named before anything is served."""
    result = CliRunner().invoke(cli, ["serve", *options], env={"HF_HUB_OFFLINE": "1"})
    assert result.exit_code != 0
    assert words in result.output


def test_the_log_says_more_of_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody expected is in the log with its traceback, as the server's reply promises."""
    CliRunner().invoke(cli, ["serve", "--help"])
    try:
        raise ZeroDivisionError("of ours")
    except ZeroDivisionError as error:
        logging.getLogger("colorful.web.problems").error(
            "unexpected %s", type(error).__name__, exc_info=error
        )
    told = capsys.readouterr().err
    assert "colorful: unexpected ZeroDivisionError" in told
    assert "Traceback (most recent call last)" in told
    assert "test_serve.py" in told


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--max-megapixels", "inf"),
        ("--max-megapixels", "nan"),
        ("--max-megapixels", "1e400"),
        ("--threads", "9" * 400),
        ("--port", "9" * 400),
    ],
)
def test_limits_that_are_none_are_refused(option: str, value: str) -> None:
    """A limit that is no number, or beyond all of them, is refused in words before a model is loaded."""
    result = CliRunner().invoke(cli, ["serve", option, value], prog_name="colorful")
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert option in result.stderr
