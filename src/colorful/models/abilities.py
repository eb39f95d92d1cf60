"""Which models can do what, and the error that says so."""

from __future__ import annotations

from pkgutil import resolve_name

from colorful.errors import UnsupportedOptionError
from colorful.models import ARCHITECTURES, MODELS
from colorful.models.network import Network


def has_features(architecture: str) -> bool:
    """Tell whether networks of an architecture offer features, by which photos can be matched."""
    return architecture in ARCHITECTURES and (
        resolve_name(ARCHITECTURES[architecture]).features is not Network.features
    )


def unsupported(option: str, architecture: str) -> UnsupportedOptionError:
    """Word the error for an option that a network has no use for, and name the models that have."""
    kinds: dict[str, type[Network]] = {
        name: resolve_name(ARCHITECTURES[info.architecture]) for name, info in MODELS.items()
    }
    if option == "hints":
        lack = "takes no hints"
        names = [name for name, kind in kinds.items() if kind.takes_hints]
    elif option == "match":
        lack = "offers no features to find the same in two photos by"
        names = [name for name, kind in kinds.items() if kind.features is not Network.features]
    else:
        lack = "predicts one color for each cell, no distribution"
        names = [name for name, kind in kinds.items() if kind.output == "distribution"]
    return UnsupportedOptionError(f"{option}: {architecture} {lack}; these can: {', '.join(names)}")
