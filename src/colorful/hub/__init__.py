"""Weights: find them by name, Hub id, folder or file; check them, keep them, load them, publish them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from colorful.hub import files
from colorful.hub.cache import CacheEntry, cache_folder, cached, clear
from colorful.hub.cards import model_card
from colorful.hub.find import NAMESPACE, NAMESPACE_VARIABLE, ModelFiles, fetch
from colorful.hub.inspection import Inspection, inspect
from colorful.hub.publish import push_to_hub, save_pretrained
from colorful.models import ModelInfo

if TYPE_CHECKING:
    from colorful.models import Network

__all__ = [
    "NAMESPACE",
    "NAMESPACE_VARIABLE",
    "CacheEntry",
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


def load(
    model: str | os.PathLike[str] | ModelInfo,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    architecture: str | None = None,
    namespace: str | None = None,
) -> Network:
    """Load a network with its weights.

    Args:
        model: As for :func:`fetch`, as are all other arguments.
        revision: Branch, tag or commit of a Hub repo.
        cache_dir: Where files are kept.
        token: Token for the Hub.
        local_files_only: Ask no network.
        force_download: Fetch again what is cached.
        architecture: What the network in a lone file is.
        namespace: Owner of the Hub repos of registered models.

    Returns:
        The network in float32, evaluation mode, on the CPU.

    Raises:
        WeightsError: If the weights cannot be found, fetched, trusted or read. Its subclasses tell which.
        OptionError: If an argument has no meaning for such a *model*.
    """
    found = fetch(
        model,
        revision=revision,
        cache_dir=cache_dir,
        token=token,
        local_files_only=local_files_only,
        force_download=force_download,
        architecture=architecture,
        namespace=namespace,
    )
    name = model.name if isinstance(model, ModelInfo) else os.fspath(model)
    return files.build(found.config, found.weights, name)
