"""Which models can do what, and the error that says so."""

from __future__ import annotations

from collections.abc import Callable

from colorful.errors import UnsupportedOptionError
from colorful.models import ARCHITECTURES, MODELS, network_class
from colorful.models.network import Network


def has_features(architecture: str) -> bool:
    """Tell whether the networks of an architecture offer features, by which two photos can be compared."""
    return architecture in ARCHITECTURES and _offers_features(network_class(architecture))


def unsupported(option: str, architecture: str) -> UnsupportedOptionError:
    """Make the error for an option that a network has no use for; it names the models that have."""
    lack = "predicts one color for each cell, no distribution"
    can: Callable[[type[Network]], bool] = _is_distribution
    if option == "hints":
        lack, can = "takes no hints", _takes_hints
    elif option == "match":
        lack, can = "offers no features to find the same in two photos by", _offers_features
    names = [name for name, info in MODELS.items() if can(network_class(info.architecture))]
    return UnsupportedOptionError(f"{option}: {architecture} {lack}; these can: {', '.join(names)}")


def _is_distribution(network: type[Network]) -> bool:
    return network.output == "distribution"


def _takes_hints(network: type[Network]) -> bool:
    return network.takes_hints


def _offers_features(network: type[Network]) -> bool:
    return network.features is not Network.features
