"""Write a network as the folder that a Hub repo is, and push it there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from colorful.hub import files

if TYPE_CHECKING:
    from colorful.models import Network


def save_pretrained(
    network: Network,
    folder: str | os.PathLike[str],
    *,
    card: str | None = None,
    training: Mapping[str, object] | None = None,
) -> Path:
    """Save a network as ``config.json``, ``model.safetensors`` and ``README.md``.

    Args:
        network: What to save.
        folder: Where; made if it is not there.
        card: Text of the model card; a plain one is written by default.
        training: How the weights came to be, as JSON has it; kept in ``config.json``.

    Returns:
        The folder.
    """
    config = files.describe(network.architecture, network.config)
    if training is not None:
        config["training"] = dict(training)
    target = Path(folder).expanduser()
    files.write_atomically(target / files.WEIGHTS, files.serialize(network.state_dict(), config))
    files.write_atomically(target / files.CONFIG, files.to_json(config))
    files.write_atomically(target / files.CARD, (card or f"# {network.architecture}\n").encode())
    return target
