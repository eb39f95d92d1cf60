"""Networks that end at full size, in strips, against the plain ones."""

from __future__ import annotations

import pytest
import torch

from colorful.models import create
from colorful.runtime import strips


@torch.no_grad()
@pytest.mark.parametrize("pixels", [3 * 4 * 12, 1, 1 << 20])  # six rows at full size, two, all
def test_strips_meet_without_a_seam(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last layers give the same in strips of rows as in one piece; the network stays as it is."""
    network = create("siggraph17").eval()
    light = torch.rand(2, 1, 40, 24) * 100
    whole = network(light)
    monkeypatch.setattr(strips, "_PIXELS", pixels)
    fast = strips.with_strips(network)
    torch.testing.assert_close(fast(light), whole, atol=1e-4, rtol=0)
    assert "finish" not in vars(network)
    assert next(fast.parameters()) is next(network.parameters())


def test_a_network_with_nothing_to_cut_is_given_back() -> None:
    """ECCV16 ends at a quarter of the size: it is run as it is."""
    network = create("eccv16")
    assert strips.with_strips(network) is network
