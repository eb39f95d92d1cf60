from __future__ import annotations

import pytest
import torch

from colorful.models import SIGGRAPH17, NetworkConfig


@pytest.fixture(scope="module")
def network() -> SIGGRAPH17:
    """Give a network with fresh weights."""
    torch.manual_seed(5)
    return SIGGRAPH17().eval()


def test_size_is_as_published(network: SIGGRAPH17) -> None:
    """The network has the 34.19 M parameters that Open Model Zoo counts."""
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(34.19e6, rel=1e-3)


@torch.no_grad()
def test_no_hints_are_zero_hints(network: SIGGRAPH17) -> None:
    """To give no hints is to give an empty mask."""
    light = torch.rand(1, 1, 64, 64) * 100
    zeros = network(light, torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64))
    assert torch.equal(network(light), zeros)


@torch.no_grad()
def test_hints_reach_the_output(network: SIGGRAPH17) -> None:
    """A hint changes ab, there most of all."""
    light, ab, mask = torch.full((1, 1, 64, 64), 50.0), torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64)
    ab[:, 0, 28:36, 28:36], mask[:, :, 28:36, 28:36] = 80, 1
    change = (network(light, ab, mask) - network(light)).abs().sum(dim=1)[0]
    assert change[28:36, 28:36].mean() > 4 * change[:8, :8].mean() > 0


@torch.no_grad()
def test_mask_center_is_taken_off_the_mask(network: SIGGRAPH17) -> None:
    """A mask centered at 0.5 is the mask less a half, whether hints are given or not."""
    centered = SIGGRAPH17(NetworkConfig(mask_center=0.5)).eval()
    centered.load_state_dict(network.state_dict())
    light, ab = torch.rand(1, 1, 64, 64) * 100, torch.zeros(1, 2, 64, 64)
    assert torch.equal(centered(light), network(light, ab, torch.full((1, 1, 64, 64), -0.5)))


@torch.no_grad()
def test_classes_cover_the_whole_square(network: SIGGRAPH17) -> None:
    """The class head tells apart 23 x 23 values of ab, from -110 to 110 in steps of 10, by a, then b."""
    centers = network.class_centers()
    assert network.classify(torch.rand(2, 1, 64, 32) * 100).shape == (2, len(centers), 16, 8)
    assert centers.shape == (529, 2)
    assert centers[[0, 1, 23, 528]].tolist() == [[-110, -110], [-110, -100], [-100, -110], [110, 110]]


def test_decoding_is_the_identity(network: SIGGRAPH17) -> None:
    """A regression gives ab already; a temperature changes nothing."""
    ab = torch.rand(1, 2, 8, 8)
    assert torch.equal(network.decode(ab), ab)
