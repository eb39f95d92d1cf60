"""DDColor against the modules of the PyPI package ``spandrel_extra_arches``, which has the authors' own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch
from ddcolor_reference import SIZES, authors_ddcolor, released
from torch import nn

from colorful.lab import lab_to_rgb
from colorful.models import DDColor


@pytest.fixture(scope="module")
def reference() -> Iterator[type[nn.Module]]:
    """The authors' network."""
    # To import the package would want torchvision, whose stand-in is not there yet.
    if find_spec("spandrel_extra_arches") is None:
        pytest.skip("spandrel_extra_arches is not there: nox -s parity installs it")
    with authors_ddcolor() as network:
        yield network


@pytest.mark.parametrize("side", [256, 512])
@pytest.mark.parametrize("size", list(SIZES))
def test_given_the_same_weights_the_colors_are_the_same(
    reference: type[nn.Module], size: str, side: int
) -> None:
    """From the same state dict both networks make the same ab, within 0.001 CIELAB units."""
    theirs = released(reference, size)
    state = DDColor.converted(theirs.state_dict())
    ours = DDColor.sized({name: tuple(tensor.shape) for name, tensor in state.items()}).eval()
    ours.load_state_dict(state)
    light = torch.rand(1, 1, side, side) * 100
    # What the authors' program gives its network: L with a = b = 0, in sRGB.
    grey = lab_to_rgb(torch.cat((light, torch.zeros(1, 2, side, side)), dim=1))
    with torch.no_grad():
        expected, got = theirs(grey), ours(light)
    assert expected.std() > 5
    assert (got - expected).abs().max() <= 1e-3


@pytest.mark.parametrize("size", list(SIZES))
def test_names_and_shapes_are_the_released_ones(reference: type[nn.Module], size: str) -> None:
    """Apart from the folded spectral norm, names and shapes are those of the released files."""
    theirs = released(reference, size).state_dict()
    expected = {
        name.removesuffix("_orig"): tensor.shape
        for name, tensor in theirs.items()
        if not name.endswith((".weight_u", ".weight_v"))
    }
    shapes = {name: tuple(shape) for name, shape in expected.items()}
    ours = DDColor.sized(shapes)
    assert {name: tensor.shape for name, tensor in ours.state_dict().items()} == expected
    millions = sum(parameter.numel() for parameter in ours.parameters()) / 1e6
    assert millions == pytest.approx(SIZES[size][1], abs=0.05)
