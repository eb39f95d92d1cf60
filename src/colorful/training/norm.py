"""Batch norm: measure its statistics and make them constant, as they are when the network is used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import torch
from torch import nn

from colorful.models.efficientnet import ConvNorm
from colorful.models.network import Network
from colorful.training.data import Batch


def freeze_norm(module: nn.Module | None) -> None:
    """Let every batch norm in *module* keep its statistics, in training too."""
    for part in module.modules() if module is not None else ():
        if isinstance(part, ConvNorm):
            part.frozen = True
        elif isinstance(part, nn.BatchNorm2d):
            part.__class__ = _Frozen
            part.eval()


class _Frozen(nn.BatchNorm2d):
    """Batch norm that a call of train() on the whole network does not wake."""

    def train(self, mode: bool = True) -> Self:
        return super().train(False)


@torch.no_grad()
def settle_norm(network: Network, batches: Iterable[Batch]) -> None:
    """Measure the statistics of every batch norm that is not frozen anew, for the weights as they are.

    Running statistics lag behind the weights, and those of averaged weights belong to none at all: used as
    they are, they spoil an averaged network.

    Args:
        network: Changed in place.
        batches: On the device of the network; each counts the same.

    References:
        Wu, Johnson. Rethinking "Batch" in BatchNorm. 2021, section 3.
    """
    parts = [part for part in network.modules() if isinstance(part, ConvNorm | nn.BatchNorm2d)]
    momenta = [part.momentum for part in parts]
    training = network.training
    network.train()
    for number, batch in enumerate(batches, start=1):
        for part in parts:
            part.momentum = 1 / number
        network(batch.light, batch.ab, batch.mask)
    for part, momentum in zip(parts, momenta, strict=True):
        part.momentum = momentum
    network.train(training)
