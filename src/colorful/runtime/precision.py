"""Networks in bfloat16, but for the layers that need more."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from colorful.models.network import Network


def with_bfloat16(network: Network) -> Network:
    """Give a copy in bfloat16 that takes float32 input; its layers that need float32 stay as they are.

    Args:
        network: Left as it is.

    Returns:
        The copy, whose output is float32 where the last layer is.
    """
    careful = (*network.float32_layers, *network.float32_islands)
    exact = {
        id(tensor)
        for name in careful
        for tensor in network.get_submodule(name).state_dict(keep_vars=True).values()
    }
    # Tensor by tensor: a copy of all in float32 would be held beside it.
    tensors = {id(tensor): tensor for tensor in network.state_dict(keep_vars=True).values()}
    for key, tensor in tensors.items():
        if key not in exact and tensor.is_floating_point():
            rounded = tensor.detach().to(torch.bfloat16)
            is_parameter = isinstance(tensor, nn.Parameter)
            tensors[key] = nn.Parameter(rounded, requires_grad=False) if is_parameter else rounded
    rough = copy.deepcopy(network, tensors)
    for name in careful:
        rough.get_submodule(name).register_forward_pre_hook(_widen)
    for name in network.float32_islands:
        rough.get_submodule(name).register_forward_hook(_narrow)
    return rough


def _widen(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Any, ...]:
    return tuple(tensor.float() for tensor in inputs)


def _narrow(_layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output.to(torch.bfloat16)
