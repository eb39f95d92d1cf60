"""Which models can do what, and the error that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from colorful.errors import UnsupportedOptionError
from colorful.models import ARCHITECTURES, MODELS, network_class
from colorful.models.network import Network

# Of each option that not every network has a use for: what such a network lacks, and which ones do not.
_NEEDS: Mapping[str, tuple[str, Callable[[type[Network]], bool]]] = MappingProxyType(
    {
        "hints": ("takes no hints", lambda network: network.takes_hints),
        "match": (
            "offers no features to find the same in two photos by",
            lambda network: network.features is not Network.features,
        ),
    }
)
_DISTRIBUTION = (
    "predicts one color for each cell, no distribution",
    lambda network: network.output == "distribution",
)


def has_features(architecture: str) -> bool:
    """Tell whether the networks of an architecture offer features, by which two photos can be compared."""
    return architecture in ARCHITECTURES and _NEEDS["match"][1](network_class(architecture))


def unsupported(option: str, architecture: str) -> UnsupportedOptionError:
    """Make the error for an option that a network has no use for; it names the models that have."""
    lack, can = _NEEDS.get(option, _DISTRIBUTION)
    names = [name for name, info in MODELS.items() if can(network_class(info.architecture))]
    return UnsupportedOptionError(f"{option}: {architecture} {lack}; these can: {', '.join(names)}")
