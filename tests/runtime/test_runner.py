"""What a runner says and gives, by the contract."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from colorful import Colorizer, colorize_folder
from colorful.lab import AbBins
from colorful.models import ARCHITECTURES, NetworkConfig, create
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


class Sepia:
    """A runner of one's own, with no network and no file behind it."""

    description = Description("sepia", "regression", False, 1, 1, NetworkConfig(network_size=16), None)

    def run(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        return torch.tensor([8.0, 20.0])[:, None, None] * torch.ones_like(light)

    def features(self, light: Tensor) -> None:
        return None


def test_a_runner_of_ones_own_colors_photos_and_folders(tmp_path: Path) -> None:
    """Whatever keeps the contract can be given to a colorizer in place of a network."""
    colorizer = Colorizer(Sepia(), device="cpu")
    colored = colorizer.colorize(np.full((9, 12), 128, np.uint8))
    assert colored[4, 6, 0] > colored[4, 6, 1] > colored[4, 6, 2]
    Image.fromarray(np.full((9, 12), 128, np.uint8)).save(tmp_path / "a.png")
    assert colorize_folder(tmp_path, colorizer=colorizer).done == 1
    with Image.open(tmp_path / "colorized_a.png") as result:
        assert (np.asarray(result) == colored).all()
