"""Tell the allocator of this process how to keep memory. That of other systems than glibc's is left alone."""

from __future__ import annotations

import ctypes
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of <malloc.h>


def keep(free: int, block: int) -> None:
    """Set how much freed memory stays with the process, and from what size on a block does not; in bytes."""
    _tell(_M_TRIM_THRESHOLD, free)
    _tell(_M_MMAP_THRESHOLD, block)


def share(count: int) -> None:
    """Have all threads take memory from so many heaps, unless the environment says how many."""
    if "MALLOC_ARENA_MAX" not in os.environ:
        _tell(_M_ARENA_MAX, count)


def _tell(option: int, value: int) -> None:
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):  # musl has none
            library.mallopt(option, value)
