"""DDColor as its authors have it, from the PyPI package ``spandrel_extra_arches``, with random weights."""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import nn

SIZES = {"tiny": ("convnext-t", 55.0), "large": ("convnext-l", 227.9)}


class Standin(types.ModuleType):
    """In place of torchvision, which only networks that are not looked at here ask for."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *args, **kwargs: None})


@contextmanager
def authors_ddcolor() -> Iterator[type[nn.Module]]:
    """Import the authors' network, with an empty stand-in for torchvision where there is none.

    Raises:
        ImportError: If the package is not there.
    """
    names = ("", ".transforms", ".transforms.functional", ".models", ".models.vgg", ".ops")
    put = {}
    try:
        import torchvision  # noqa: F401
    except ImportError:
        put = {f"torchvision{name}": Standin(f"torchvision{name}") for name in names}
    sys.modules.update(put)
    try:
        with warnings.catch_warnings():
            # Other networks of the package are compiled as torch no longer advises.
            warnings.simplefilter("ignore", DeprecationWarning)
            network = importlib.import_module("spandrel_extra_arches.architectures.DDColor").DDColor
        yield network
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
