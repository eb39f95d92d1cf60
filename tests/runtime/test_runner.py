"""What a runner says and gives, by the contract."""

from __future__ import annotations

import pickle

import pytest
import torch

from colorful.lab import AbBins
from colorful.models import ARCHITECTURES, create
from colorful.runtime import Description, Eager, Runner


def eager(architecture: str, dtype: torch.dtype = torch.float32) -> Runner:
    """Any network of ours, with random weights, on the CPU."""
    network = create(architecture)
    return Eager(network, device=torch.device("cpu"), dtype=dtype, compile=False, mapped=False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("architecture", ["lite", "eccv16", "siggraph17"])
def test_a_runner_gives_what_its_description_says(architecture: str, dtype: torch.dtype) -> None:
    """The output has a channel for each bin, or two, at the stride told, in float32, without a gradient."""
    runner = eager(architecture, dtype)
    what = runner.description
    side = 2 * what.multiple
    light = torch.rand(1, 1, side, side) * 100
    hints = (torch.zeros(1, 2, side, side), torch.zeros(1, 1, side, side)) if what.takes_hints else ()
    output = runner.run(light, *hints)
    channels = 2 if what.bins is None else len(what.bins)
    assert output.shape == (1, channels, side // what.stride, side // what.stride)
    assert (output.dtype, output.requires_grad) == (torch.float32, False)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_description_is_small_data(architecture: str) -> None:
    """It pickles into a few kilobytes, whatever the network weighs; its bins are the 313, or none."""
    description = eager(architecture).description
    packed = pickle.dumps(description)
    assert len(packed) < 10_000
    again = pickle.loads(packed)
    assert isinstance(again, Description)
    assert (again.architecture, again.config) == (architecture, description.config)
    if description.output == "regression":
        assert again.bins is None
    else:
        torch.testing.assert_close(again.bins, AbBins().centers, atol=1e-3, rtol=0)
