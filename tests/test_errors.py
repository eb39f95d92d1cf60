from __future__ import annotations

import copy
import inspect
import pickle
import re
import subprocess
import sys

import pytest

from colorful import errors
from colorful.errors import ColorfulError


def test_the_tree_is_drawn_as_it_is() -> None:
    """The tree in the docstring has each exception, below its base, beside the builtin it also is."""
    drawn: dict[str, tuple[str | None, str | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").partition("text\n\n")[2].splitlines():
        if not (found := re.fullmatch(r" {4}([│├└─ ]*)([\w, ]+?)(?: {2,}(\w+))?", line)):
            continue
        depth = len(found[1]) // 4
        for name in found[2].split(", "):
            drawn[name] = (above[depth - 1] if depth else None, found[3])
        above[depth:] = [found[2].split(", ")[-1]]
    real = {
        name: kind
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, Exception)
    }
    assert drawn.keys() == real.keys()
    for name, (base, builtin) in drawn.items():
        if name == "ColorfulError":
            continue
        ours, others = [], []
        for kind in real[name].__bases__:
            (ours if issubclass(kind, ColorfulError) else others).append(kind.__name__)
        assert ours == [base]
        assert others == ([builtin] if builtin else [])


KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, ColorfulError)]

ELSEWHERE = """
import pickle, sys
import colorful.errors
from tblib import pickling_support
pickling_support.install()
for error in pickle.load(sys.stdin.buffer):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error)), error
"""


def test_errors_go_from_process_to_process() -> None:
    """Each error is the same in another process, and again where Dask's tblib sends it on."""
    pytest.importorskip("tblib")
    raised = [kind("web") for kind in KINDS]
    for again in (copy.copy, copy.deepcopy):
        assert [(type(error), str(error)) for error in map(again, raised)] == [
            (type(error), str(error)) for error in raised
        ]
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], input=pickle.dumps(raised), capture_output=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, b"")
