"""Tell what a file of weights is, without running anything in it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from colorful.errors import WeightsFormatError
from colorful.hub import weights
from colorful.hub.config import CONFIG, ForeignConfigError, new_config, read_config
from colorful.models import ARCHITECTURES, MODELS, create, identify, network_class


@dataclass(frozen=True)
class Inspection:
    """What a file of weights is.

    Args:
        path: The file.
        kind: How it is written.
        architecture: What its config or its tensors say it is for; None if they do not tell.
        config: The config it carries or that lies beside it.
        tensors: Dtype and shape of each tensor.
    """

    path: Path
    kind: weights.Kind
    architecture: str | None
    config: Mapping[str, Any] | None
    tensors: Mapping[str, weights.TensorInfo]

    @property
    def parameters(self) -> int:
        """The number of values in all tensors."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())

    @cached_property
    def sha256(self) -> str:
        """The checksum of the file, in hex."""
        return weights.sha256(self.path)

    @property
    def released_as(self) -> str | None:
        """The registered model whose released file this is, by its checksum."""
        names = (
            name for name, info in MODELS.items() for source in info.sources if source.sha256 == self.sha256
        )
        return next(names, None)

    @cached_property
    def mismatch(self) -> str:
        """Which tensors do not fit the architecture; empty if all do or it is unknown."""
        if self.architecture is None:
            return ""
        import torch

        # Names and shapes only.
        found = {name: torch.empty(tensor.shape, device="meta") for name, tensor in self.tensors.items()}
        converted = network_class(self.architecture).converted(found)
        shapes = {name: tuple(tensor.shape) for name, tensor in converted.items()}
        expected = create(self.architecture, shapes=shapes, device="meta").state_dict()
        return weights.mismatch(expected, converted)

    def config_for(self, architecture: str | None = None) -> dict[str, Any]:
        """Return the config to build the network with.

        Args:
            architecture: What the network is, where the file does not tell.

        Returns:
            A checked config.

        Raises:
            WeightsFormatError: If it does not tell and *architecture* is not given.
        """
        if self.config is not None:
            return dict(self.config)
        known = architecture or self.architecture
        if known is None:
            raise WeightsFormatError(
                f"{self.path}: the file does not tell what network it is for. Pass architecture= (in a shell "
                f"once: colorful convert --architecture), one of {', '.join(ARCHITECTURES)}, or put the "
                "config.json of the model beside it"
            )
        return new_config(known, create(known, device="meta").config)


def inspect(file: str | os.PathLike[str], *, converted: Path | None = None) -> Inspection:
    """Tell what a file of weights, or that in a folder, is. Nothing in it is run.

    If the file has the name that such files have in a repo, the ``config.json`` beside it is read as well.

    Args:
        file: A ``.safetensors`` or ``.pth`` file, or a folder as :func:`save_pretrained` writes it or as the
            Hub has it.
        converted: A safetensors file with the same tensors, which is faster to read.

    Returns:
        What it is.

    Raises:
        WeightsError: If it is no such file. The subclasses tell what it is.
    """
    path = Path(file).expanduser()
    if path.is_dir():
        path = weights_in(path)
    kind = weights.kind_of(path)
    tensors, config = weights.read_header(converted or path)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    beside = path.with_name(CONFIG)
    if path.name in (weights.WEIGHTS, weights.PICKLE) and beside.exists():
        try:
            config = read_config(beside)
        except ForeignConfigError:
            if identify(shapes) is None:
                raise
    # Comparing with the classes loads torch, so it is done only if there is no config.
    return Inspection(path, kind, config["architecture"] if config else identify(shapes), config, tensors)


def weights_in(folder: Path) -> Path:
    """Return the path of the weights in a folder; there may be no such file."""
    pickle = folder / weights.PICKLE
    return pickle if pickle.exists() and not (folder / weights.WEIGHTS).exists() else folder / weights.WEIGHTS
