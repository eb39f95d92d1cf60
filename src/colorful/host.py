"""Work inside a host program: whatever it has set in NumPy and torch, and without changing how it works."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType, MappingProxyType
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from colorful import parallel
from colorful.errors import ImageTooLargeError

_FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.linspace)
_OF_NUMBERS = (torch.tensor, torch.full)  # of floats they are of the default dtype
_NO_ROOM = re.compile(r"can't allocate memory|not enough memory|out of memory|bad_alloc", re.IGNORECASE)


class _Float32(TorchFunctionMode):
    """Make new tensors in float32, whatever torch's default dtype is, which the whole process shares."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or MappingProxyType({})
        if func in _FACTORIES and kwargs.get("dtype") is None:
            kwargs = {**kwargs, "dtype": torch.float32}
        made = func(*args, **kwargs)
        if func in _OF_NUMBERS and kwargs.get("dtype") is None and made.dtype == torch.get_default_dtype():
            made = func(*args, **kwargs, dtype=torch.float32)
        return made


@contextmanager
def unaffected(*, training: bool = False) -> Iterator[None]:
    """Compute as if the host program had changed nothing, in this thread, until the block ends.

    Inside, neither NumPy's error mode nor torch's inference mode, gradients, autocast, default device and
    default dtype make a difference, and after a fork only one thread computes. So what is made inside, such
    as the fast form of a network, can be used whatever the host program sets later.

    Args:
        training: Whether gradients are recorded. Then it is no photo that does not fit into memory.
    """
    parallel.threads()
    with ExitStack() as stack:
        stack.enter_context(np.errstate(all="ignore"))
        stack.enter_context(torch.inference_mode(mode=False))
        # Not by inference mode: the tensors that it makes cannot be used later where gradients are recorded.
        stack.enter_context(torch.set_grad_enabled(training))
        for kind in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.get_default_dtype() != torch.float32:
            stack.enter_context(_Float32())
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not training and (isinstance(error, MemoryError) or _NO_ROOM.search(str(error))):
                raise ImageTooLargeError(
                    "photo: does not fit into memory; fewer at a time, or a smaller one, need less"
                ) from error
            raise


@contextmanager
def handling(handler: Callable[[int, FrameType | None], object], *signals: int) -> Iterator[None]:
    """Handle signals until the block ends; what handled them before does so again after it.

    Python lets only the main thread do that. In another thread nothing happens: there the program around us
    handles signals. It also keeps those that it ignores, as ``nohup`` has it, or handles outside of Python.

    Args:
        handler: Called with the number of the signal.
        *signals: Their numbers.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = {
        number: signal.signal(number, handler)
        for number in (signals if is_main else ())
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    try:
        yield
    finally:
        for number, its in before.items():
            signal.signal(number, its)
