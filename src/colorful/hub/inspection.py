"""Look into a file of weights without trusting it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorful.errors import UnsupportedOptionError, WeightsNotFoundError
from colorful.hub import files
from colorful.models import MODELS, create, identify

if TYPE_CHECKING:
    from torch import Tensor

    from colorful.models import Network


@dataclass(frozen=True)
class Inspection:
    """What a file of weights is.

    Args:
        path: The file.
        kind: How it is written.
        size: Its length in bytes.
        sha256: Its checksum in hex.
        released_as: The registered model whose released file this is, by its checksum.
        architecture: What its config or its tensors say it is for; None if they do not tell.
        config: The config it carries or that lies beside it.
        tensors: Dtype and shape of each tensor.
        mismatch: Which tensors do not fit the architecture; empty if all do or it is unknown.
    """

    path: Path
    kind: files.Kind
    size: int
    sha256: str
    released_as: str | None
    architecture: str | None
    config: Mapping[str, Any] | None
    tensors: Mapping[str, files.TensorInfo]
    mismatch: str

    @property
    def parameters(self) -> int:
        """How many numbers the tensors hold."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())


@dataclass(frozen=True)
class TemperatureCheck:
    """Whether the weights of eccv16 bring the temperature of the annealed mean along.

    The last layer averages over the bins what the softmax gives. If its weights are the bin centers, the
    softmax alone sets the temperature; if then the softmax is as peaked as one at T = 0.38, that temperature
    is in the logits already.

    Args:
        decoder_error: Greatest distance between the last layer's weights and the bin centers, CIELAB units.
        peak: Mean highest probability of a cell.
        softened_peak: The same with the logits multiplied by 0.38, as they would be without the temperature.
    """

    decoder_error: float
    peak: float
    softened_peak: float


def inspect(file: str | os.PathLike[str]) -> Inspection:
    """Look into a file of weights, or into that of a folder.

    Args:
        file: A ``.safetensors`` or ``.pth`` file, or a folder as :func:`save_pretrained` writes it.

    Returns:
        What it is; nothing in it was run.

    Raises:
        WeightsError: If it is no such file. The subclasses tell what it is.
    """
    path = Path(file).expanduser()
    if path.is_dir():
        path /= files.WEIGHTS
    if not path.exists():
        raise WeightsNotFoundError(f"{path}: expected a file of weights, got no such file")
    kind = files.kind_of(path)
    tensors, config = files.survey(path)
    beside = path.with_name(files.CONFIG)
    if path.name == files.WEIGHTS and beside.exists():
        config = files.read_config(beside)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    architecture = config["architecture"] if config else identify(shapes)
    digest = files.sha256(path)
    return Inspection(
        path=path,
        kind=kind,
        size=path.stat().st_size,
        sha256=digest,
        released_as=released_as(digest),
        architecture=architecture,
        config=config,
        tensors=tensors,
        mismatch=_mismatch(architecture, tensors) if architecture else "",
    )


def released_as(sha256: str) -> str | None:
    """Name the registered model whose released file has this checksum."""
    for name, info in MODELS.items():
        if sha256 in {source.sha256 for source in info.sources}:
            return name
    return None


def check_temperature(network: Network, light: Tensor) -> TemperatureCheck:
    """Find out whether the weights of eccv16 bring their temperature along.

    Args:
        network: A loaded eccv16.
        light: L of one or more photos, shape ``(N, 1, H, W)``, 0..100, sides multiples of 8.

    Raises:
        UnsupportedOptionError: If *network* is not an eccv16.
    """
    import torch

    from colorful.lab import AbBins

    decoder = network.state_dict().get("model_out.weight")
    if network.architecture != "eccv16" or decoder is None:
        raise UnsupportedOptionError(f"network: expected eccv16, got {network.architecture}")
    with torch.inference_mode():
        logits = network(light)  # (N, 313, h, w)
        peaks = [(logits * factor).softmax(dim=1).amax(dim=1).mean().item() for factor in (1.0, 0.38)]
    error = (decoder[:, :, 0, 0].T * 110 - AbBins().centers).norm(dim=1).max().item()
    return TemperatureCheck(error, *peaks)


def _mismatch(architecture: str, tensors: Mapping[str, files.TensorInfo]) -> str:
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    expected = create(architecture, shapes=shapes, device="meta").state_dict()  # names and shapes only
    return files.mismatch(expected, tensors)
