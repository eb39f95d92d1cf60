"""A network made fast, and run on pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from numbers import Integral

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorful.errors import DeviceError, OptionError
from colorful.hints import Hint, rasterize
from colorful.images import Picture
from colorful.lab.space import rgb_to_lab
from colorful.models.network import Network
from colorful.models.precision import with_bfloat16
from colorful.models.winograd import with_winograd
from colorful.prediction import Prediction, opaque_uint8, unsupported
from colorful.render import light

# A network of fit "keep" follows the photo's proportions up to this; a longer strip is squeezed.
_LONGEST = 16.0
_LARGEST_SIDE = 2048
_REFERENCE_SIDE = 256


class Inference:
    """A network in its fast form: folded, in the dtype asked for, compiled if wished. Threads can share it.

    Args:
        network: Brought to the device, in float32 and evaluation mode, in place; else left as it is.
        device: One that is there; see :func:`find_device`.
        dtype: ``torch.float32`` or ``torch.bfloat16``.
        compile: Whether to run the network through :func:`torch.compile`.
        mapped: Whether the tensors of *network* lie in a mapped file, which the fast form shall not hold.

    Attributes:
        network: The fast form, before compilation.
        forward: Runs it on L, and hints drawn as maps, that are on the device.
    """

    def __init__(
        self, network: Network, *, device: torch.device, dtype: torch.dtype, compile: bool, mapped: bool
    ) -> None:
        in_file = {tensor.data_ptr() for tensor in network.state_dict().values()} if mapped else set()
        network = network.eval().requires_grad_(False).to(device, torch.float32)
        fuse = getattr(network, "fuse", None)
        exact: Network = fuse() if fuse else network
        fast: Network = exact if dtype == torch.float32 else with_bfloat16(exact)
        if device.type == "cpu" and not compile:
            fast = with_winograd(fast, exact)
        # Channels last is how convolutions want their maps: in torch's own order each would be turned over.
        # torch's annotations of Module.to know no memory_format without a dtype.
        fast = fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        tensors = fast.state_dict().items()
        read = {name: tensor.clone() for name, tensor in tensors if tensor.data_ptr() in in_file}
        fast.load_state_dict(read, strict=False, assign=True)
        self.network = fast
        self.forward: Callable[..., Tensor] = _compiled(fast) if compile else fast
        self._device = device
        _prepare_forks()

    # Not inference_mode: what it makes could not be used together with tensors that want a gradient.
    @torch.no_grad()
    def run(
        self,
        pictures: Sequence[Picture],
        hints: Sequence[Sequence[Hint]],
        *,
        network_size: int | None,
        reference: bool,
    ) -> list[Prediction]:
        """Run the network on pictures, together where they have the same size at its input.

        Args:
            pictures: Of any sizes.
            hints: Those of each picture.
            network_size: Side in pixels at which the network looks; the model's own if None.
            reference: Do as the released code of Zhang et al.

        Returns:
            What it says of each picture.

        Raises:
            UnsupportedOptionError: If there are hints and the network takes none.
            OptionError: If *network_size* is out of its range, or given although *reference* fixes it.
            DeviceError: If the network is to be compiled and cannot be, here.
        """
        if any(hints) and not self.network.takes_hints:
            raise unsupported("hints", self.network)
        sizes = [self._input_size(picture, network_size, reference) for picture in pictures]
        predictions: dict[int, Prediction] = {}
        for size in dict.fromkeys(sizes):
            members = [index for index, its in enumerate(sizes) if its == size]
            lights = torch.cat([_light(pictures[index], size, reference) for index in members])
            inputs = [lights]
            if any(hints[index] for index in members):
                drawn = [rasterize(hints[index], pictures[index].size, size) for index in members]
                inputs += [torch.cat(maps) for maps in zip(*drawn, strict=True)]
            outputs = self.forward(*(tensor.to(self._device) for tensor in inputs)).float()
            for index, its_light, output in zip(members, lights, outputs, strict=True):
                predictions[index] = Prediction(pictures[index], its_light, output, self.network, reference)
        return [predictions[index] for index in range(len(pictures))]

    def _input_size(self, picture: Picture, network_size: int | None, reference: bool) -> tuple[int, int]:
        """Choose height and width of the network's input."""
        config, multiple = self.network.config, self.network.multiple
        if reference:
            if network_size is not None:
                raise OptionError("reference: fixes network_size, which was given too")
            return (_REFERENCE_SIDE, _REFERENCE_SIDE)
        side = config.network_size if network_size is None else network_size
        # NumPy's integers are Integral, too.
        whole = isinstance(side, Integral) and not isinstance(side, bool)
        if not whole or not multiple <= side <= _LARGEST_SIDE:
            raise OptionError(
                f"network_size: expected an integer in {multiple}..{_LARGEST_SIDE}, got {side!r}"
            )
        ratio = 1.0
        if config.fit == "keep":
            ratio = min(max(picture.height / picture.width, 1 / _LONGEST), _LONGEST)
        rows, columns = (
            multiple * max(1, round(length / multiple)) for length in (side * ratio**0.5, side / ratio**0.5)
        )
        return rows, columns


def find_device(device: str | torch.device) -> torch.device:
    """Turn a wish into a device that is there.

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
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DeviceError(f"device: expected one that is there, got {str(device)!r}: {reason}") from error
    if found.type == "meta":
        raise DeviceError("device: expected one that computes, got 'meta'")
    return found


@cache
def _prepare_forks() -> None:
    """Let forked processes compute on one core from now on.

    The threads of OpenMP do not survive a fork, and whatever came next in the child, be it only a network
    that is unpickled or a picture that is decoded, would wait for them for ever.
    """
    if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks either
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def _compiled(network: Network) -> Callable[..., Tensor]:
    compiled = torch.compile(network)

    def run(*inputs: Tensor) -> Tensor:
        try:
            result: Tensor = compiled(*inputs)
        except RuntimeError as error:  # compiling waits for the first photo
            reason = str(error).strip().partition("\n")[0]
            raise DeviceError(f"compile: expected a compiler that works here, got: {reason}") from error
        return result

    return run


def _light(picture: Picture, size: tuple[int, int], reference: bool) -> Tensor:
    """Give L as the network takes it, shape ``(1, 1, *size)``."""
    if not reference:
        return light(picture.pixels, size)
    small = Image.fromarray(opaque_uint8(picture)).convert("RGB").resize(size[::-1], Image.Resampling.BICUBIC)
    return torch.from_numpy(rgb_to_lab(np.asarray(small) / np.float32(255))[None, None, ..., 0])
