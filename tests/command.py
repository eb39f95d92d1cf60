"""The command line, run in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from colorful.cli import cli


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    """Run ``colorful`` with these arguments; a failure that is told in words is no exception."""
    result = CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="colorful", input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
