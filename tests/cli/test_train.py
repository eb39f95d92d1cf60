from __future__ import annotations

from pathlib import Path

import pytest
from command import run

pytest.importorskip("accelerate")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--minutes", "1", "--steps", "1"), "--minutes and --steps: give one of the two"),
        (("--size", "33"), "expected a multiple of 32, got 33"),
        (("--resume", "--lr", "1e-3", "--init-from", "none"), "leave out --init-from, --lr."),
        (("--resume", "-m", "eccv16"), "leave out --model."),
        (("--resume", "--freeze-norm"), "leave out --freeze-norm."),
        (("--resume", "--validation", "50"), "leave out --validation."),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: tuple[str, ...], words: str) -> None:
    """What cannot hold together is a wrong command line, and nothing is begun."""
    result = run("train", "album", "-o", "run", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not Path("run").exists()
