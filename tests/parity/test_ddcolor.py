"""DDColor against the modules of the PyPI package ``spandrel_extra_arches``, which has the authors' own."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from colorful.lab import lab_to_rgb
from colorful.models import DDColor

SIZES = {"tiny": ("convnext-t", 55.0), "large": ("convnext-l", 227.9)}


class Standin(types.ModuleType):
    """In place of torchvision, which only networks that are not looked at here ask for."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *args, **kwargs: None})


@pytest.fixture(scope="module")
def reference() -> Iterator[type[nn.Module]]:
    """The authors' network, imported with an empty stand-in for torchvision where there is none."""
    names = ("", ".transforms", ".transforms.functional", ".models", ".models.vgg", ".ops")
    put = {}
    try:
        import torchvision  # noqa: F401
    except ImportError:
        put = {f"torchvision{name}": Standin(f"torchvision{name}") for name in names}
    sys.modules.update(put)
    try:
        yield pytest.importorskip("spandrel_extra_arches.architectures.DDColor").DDColor
    finally:
        for name in put:
            del sys.modules[name]


def released(reference: type[nn.Module], size: str) -> nn.Module:
    """Make the authors' network with random weights, none of them 0, and some steps of its spectral norm."""
    torch.manual_seed(0)
    network = reference(
        encoder_name=SIZES[size][0],
        decoder_name="MultiScaleColorDecoder",
        input_size=(256, 256),
        num_output_channels=2,
        last_norm="Spectral",
        do_normalize=False,
        num_queries=100,
        num_scales=3,
        dec_layers=9,
    )
    with torch.no_grad():
        network.train()(torch.rand(2, 3, 64, 64))
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
            elif name.endswith("gamma"):
                tensor.uniform_(0.05, 0.3)
            elif tensor.dim() == 1 and tensor.is_floating_point() and not name.endswith(("_u", "_v")):
                tensor.add_(torch.randn(tensor.shape) * 0.1)
        # Its spectral norm leaves the last layer with colors below 1: as vivid as photos it would show more.
        network.refine_net[0][0].weight_u.div_(60)
    return network.eval()


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
