"""How the process keeps memory."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

HEAPS = """
import ctypes, threading
from colorful import heap
heap.share(2)
meet = threading.Barrier(6)
def work():
    kept = [bytearray(50_000) for _ in range(20)]
    meet.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library = ctypes.CDLL(None)
library.malloc_info(0, ctypes.c_void_p.in_dll(library, "stdout"))
library.fflush(None)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="of glibc")
@pytest.mark.parametrize("asked", [None, "5"])
def test_threads_share_heaps(asked: str | None) -> None:
    """All threads of a process take memory from two heaps, unless the environment says how many."""
    own = {"MALLOC_ARENA_MAX": asked} if asked else {}
    rest = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    run = subprocess.run(
        [sys.executable, "-c", HEAPS], env=rest | own, capture_output=True, text=True, check=True
    )
    assert run.stdout.count("<heap nr=") == (5 if asked else 2)
