from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from colorful.lab import AbBins, annealed_mean, mode
from colorful.models import ECCV16, NetworkConfig


@pytest.fixture(scope="module")
def network() -> ECCV16:
    """Give a network whose logits differ from cell to cell."""
    torch.manual_seed(5)
    network = ECCV16().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.kaiming_normal_(module.weight)
    return network


@pytest.fixture(scope="module")
def logits(network: ECCV16) -> Tensor:
    """Give its logits for noise."""
    with torch.no_grad():
        logits = network(torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(6)) * 100)
    assert isinstance(logits, Tensor)
    return logits


def test_size_is_as_published(network: ECCV16) -> None:
    """The network has the 32.24 M parameters that Open Model Zoo counts."""
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(32.24e6, rel=1e-3)


def test_a_fresh_network_decodes_with_the_bins(network: ECCV16, logits: Tensor) -> None:
    """Before any file is loaded the last layer holds the 313 centers, so that its mode is one of them."""
    vivid = ECCV16(NetworkConfig(temperature=0))
    torch.testing.assert_close(vivid.decode(logits), mode(logits, AbBins().centers))


def test_released_temperature_is_a_plain_softmax(network: ECCV16, logits: Tensor) -> None:
    """At the default 0.38 decoding is what the released code does: plain softmax, last layer, times 110."""
    with torch.no_grad():
        expected = network.model_out((logits / 0.38).softmax(dim=1)) * 110
        torch.testing.assert_close(network.decode(logits), expected, atol=1e-3, rtol=0)


def test_temperature_comes_from_the_config(network: ECCV16, logits: Tensor) -> None:
    """A network is decoded at the temperature of its config."""
    warm = ECCV16(NetworkConfig(temperature=1.0))
    torch.testing.assert_close(warm.decode(logits), annealed_mean(logits, network.bins, temperature=1.0))
    assert not torch.equal(warm.decode(logits), network.decode(logits))


def test_training_leaves_the_centers_alone() -> None:
    """The last layer is no part of what is trained: it has no gradient."""
    network = ECCV16()
    network(torch.rand(2, 1, 16, 16) * 100).sum().backward()
    frozen = [name for name, p in network.named_parameters() if p.grad is None]
    assert frozen == ["model_out.weight"]
