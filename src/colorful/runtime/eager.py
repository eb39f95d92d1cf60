"""A network made fast, run by torch, and the device that it runs on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from colorful.errors import DeviceError, first_line
from colorful.models.network import Network
from colorful.runtime.precision import with_bfloat16
from colorful.runtime.runner import Description
from colorful.runtime.strips import with_strips
from colorful.runtime.winograd import with_winograd


class Eager:
    """A network in its fast form: folded, in the dtype asked for, compiled if wished. Threads can share it.

    Args:
        network: Brought to the device, in float32 and evaluation mode, in place; else left as it is.
        device: One that is there; see :func:`find_device`.
        dtype: ``torch.float32`` or ``torch.bfloat16``.
        compile: Whether to run the network through :func:`torch.compile`.
        mapped: Whether the tensors of *network* lie in a mapped file. The fast form copies them then.

    Attributes:
        network: The fast form, before compilation.
        description: What the network is.
        device: Where it runs.
    """

    def __init__(
        self, network: Network, *, device: torch.device, dtype: torch.dtype, compile: bool, mapped: bool
    ) -> None:
        in_file = {tensor.data_ptr() for tensor in network.state_dict().values()} if mapped else set()
        network = network.eval().requires_grad_(False).to(device, torch.float32)
        exact = network.fuse()
        fast: Network = exact if dtype == torch.float32 else with_bfloat16(exact)
        if device.type == "cpu" and not compile:
            fast = with_winograd(fast, exact)
        # Channels last is how convolutions want their maps: in torch's own order each would be turned over.
        # torch's annotations of Module.to know no memory_format without a dtype.
        fast = fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        tensors = fast.state_dict().items()
        read = {name: tensor.clone() for name, tensor in tensors if tensor.data_ptr() in in_file}
        fast.load_state_dict(read, strict=False, assign=True)
        if not compile:
            fast = with_strips(fast)
        self.network = fast
        self.description = Description.of(fast)
        self.device = device
        self._forward: Callable[..., Tensor] = _compiled(fast) if compile else fast

    # Not inference_mode: what it makes could not be used together with tensors that want a gradient.
    @torch.no_grad()
    def run(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Run the network once; see :meth:`colorful.runtime.Runner.run`.

        Args:
            light: L, on any device, like the others.
            ab: Hinted ab.
            mask: Where it is.

        Returns:
            Logits or ab, float32, on this device.

        Raises:
            DeviceError: If the network is to be compiled and cannot be, here.
        """
        inputs = (tensor.to(self.device) for tensor in (light, ab, mask) if tensor is not None)
        return self._forward(*inputs).float()

    @torch.no_grad()
    def features(self, light: Tensor) -> Tensor | None:
        """Describe what the network sees; see :meth:`colorful.runtime.Runner.features`.

        Args:
            light: L, on any device.
        """
        found = self.network.features(light.to(self.device))
        return None if found is None else found.float()


def find_device(device: str | torch.device) -> torch.device:
    """Find a device, and check that it is there.

    Args:
        device: ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or any device of torch.

    Returns:
        The device, tried out.

    Raises:
        DeviceError: If it is not there.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    # Each backend has exceptions of its own for "not compiled in", "no driver", "no such number" ...
    except Exception as error:
        raise DeviceError(
            f"device: expected one that is there, got {str(device)!r}: {first_line(error)}"
        ) from error
    if found.type == "meta":
        raise DeviceError("device: expected one that computes, got 'meta'")
    return found


def _compiled(network: Network) -> Callable[..., Tensor]:
    compiled = torch.compile(network)

    def run(*inputs: Tensor) -> Tensor:
        try:
            result: Tensor = compiled(*inputs)
        except RuntimeError as error:  # compiling waits for the first photo
            raise DeviceError(
                f"compile: expected a compiler that works here, got: {first_line(error)}"
            ) from error
        return result

    return run
