"""Batch norm between training and use."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from colorful.models import create
from colorful.models.efficientnet import ConvNorm
from colorful.training.data import Batch
from colorful.training.norm import freeze_norm, settle_norm


def _batches(count: int) -> Iterator[Batch]:
    for seed in range(count):
        random = torch.Generator().manual_seed(seed)
        light = torch.rand(2, 1, 64, 64, generator=random) * 100
        yield Batch(light, torch.zeros(0), None, None)


@pytest.mark.parametrize("architecture", ["lite", "eccv16"])
def test_settled_statistics_are_those_of_the_data(architecture: str) -> None:
    """After settling, the statistics are the means over the batches, whatever they were before."""
    network = create(architecture).eval()
    first = next(part for part in network.modules() if isinstance(part, ConvNorm | nn.BatchNorm2d))
    first.running_mean.fill_(1e6)
    seen: list[Tensor] = []
    hook = first.register_forward_hook(lambda module, given, out: seen.append(given[0]))
    settle_norm(network, _batches(3))
    hook.remove()
    if isinstance(first, ConvNorm):
        seen = [first._convolve(x, first.weight, None) for x in seen]
    expected = torch.stack([x.mean(dim=(0, 2, 3)) for x in seen]).mean(dim=0)
    torch.testing.assert_close(first.running_mean, expected.detach(), rtol=1e-4, atol=1e-4)
    assert not network.training


@pytest.mark.parametrize("architecture", ["lite", "eccv16"])
def test_frozen_statistics_stay(architecture: str) -> None:
    """What is frozen counts no batches, neither in training nor when others are settled, pickled or not."""
    network = create(architecture)
    freeze_norm(network)
    network = pickle.loads(pickle.dumps(network))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items() if "running" in name}
    settle_norm(network.train(), itertools.islice(_batches(1), 1))
    for name, tensor in before.items():
        torch.testing.assert_close(network.state_dict()[name], tensor, rtol=0, atol=0)
