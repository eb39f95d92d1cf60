from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from colorful.cli import cli

pytest.importorskip("accelerate")


def run(*args: str) -> Result:
    """Run the command line in this process."""
    result = CliRunner().invoke(cli, ["train", *args], prog_name="colorful")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--minutes", "1", "--steps", "1"), "--minutes and --steps: give one of the two"),
        (("--size", "33"), "expected a multiple of 32, got 33"),
        (("--resume", "--lr", "1e-3", "--init-from", "none"), "leave out --init-from, --lr."),
        (("--resume", "-m", "eccv16"), "leave out --model."),
        (("--resume", "--freeze-norm"), "leave out --freeze-norm."),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: tuple[str, ...], words: str) -> None:
    """What cannot hold together is a wrong command line, and nothing is begun."""
    result = run("album", "-o", "run", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not Path("run").exists()
