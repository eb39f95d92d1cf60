"""Find the weights of a model by name, Hub id, folder or file; check, cache, load and publish them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Unpack

from colorful.hub import weights
from colorful.hub.cache import CacheEntry, cache_folder, cached, clear
from colorful.hub.cards import model_card
from colorful.hub.find import FetchOptions, ModelFiles, fetch
from colorful.hub.inspection import Inspection, inspect
from colorful.hub.publish import push_to_hub, save_pretrained
from colorful.models import ModelInfo

if TYPE_CHECKING:
    from colorful.models import Network

__all__ = [
    "CacheEntry",
    "FetchOptions",
    "Inspection",
    "ModelFiles",
    "cache_folder",
    "cached",
    "clear",
    "fetch",
    "inspect",
    "load",
    "model_card",
    "push_to_hub",
    "save_pretrained",
]


def load(model: str | os.PathLike[str] | ModelInfo, **options: Unpack[FetchOptions]) -> Network:
    """Load a network with its weights.

    Args:
        model: As for :func:`fetch`, like the options.
        **options: Where its weights come from.

    Returns:
        The network in float32, evaluation mode, on the CPU.

    Raises:
        WeightsError: If the weights cannot be found, fetched, trusted or read. Its subclasses tell which.
        OptionError: If an argument has no meaning for such a *model*.
    """
    found = fetch(model, **options)
    name = model.name if isinstance(model, ModelInfo) else os.fspath(model)
    return weights.build(found.config, found.weights, name)
