"""ECCV16: from L alone to a distribution over the 313 ab bins.

Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016. The layers carry the names of the released file
``colorization_release_v2-9b330a0b.pth``, so that it loads as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from colorful.lab import AbBins
from colorful.models.network import Card, Network, NetworkConfig

# The released PyTorch file is used with a plain softmax, while the paper sharpens with T = 0.38. Its last
# convolution most likely has 1 / 0.38 multiplied in, as the deployed Caffe net has a layer that multiplies
# by 2.606. Taking it out again makes softmax(logits) the predicted distribution, and a temperature mean what
# it means everywhere else; decoding at 0.38 gives just what the released code gives.
_RELEASED_TEMPERATURE = 0.38


class ECCV16(Network):
    """Classify each cell of 4 x 4 pixels into the 313 bins; 32.2 M parameters.

    Args:
        config: The settings that are data; those of the released model by default.
    """

    architecture: ClassVar[str] = "eccv16"
    output: ClassVar[Literal["distribution", "regression"]] = "distribution"
    takes_hints: ClassVar[bool] = False
    stride: ClassVar[int] = 4
    multiple: ClassVar[int] = 8
    # The differences between neighboring bins are small compared with what all cells have in common.
    float32_layers: ClassVar[tuple[str, ...]] = ("model7.4", "model7.6", "model8", "model_out")
    marks: ClassVar[Mapping[str, tuple[int, ...]]] = MappingProxyType(
        {"model1.0.weight": (64, 1, 3, 3), "model_out.weight": (2, 313, 1, 1)}
    )
    card: ClassVar[Card] = Card(
        title="Colorful Image Colorization (ECCV 2016)",
        data="The photos of ImageNet, without their labels, as the paper has it.",
        recipe="""\
As published: class-rebalanced cross-entropy over 313 ab bins; batches of 40 crops of 176 of 256
pixels, mirrored; Adam with betas 0.9 and 0.99, weight decay 0.001, learning rate 3e-5, divided by
10 every 225 000 of 500 000 iterations.""",
        measures="""\
As published in table 1 of the paper, on 10 000 photos of ImageNet: AuC 89.5 %, rebalanced AuC 67.3
%, VGG top-1 accuracy 56.0 %, taken for real by people 32.3 %. These are figures of the authors'
Caffe model, not measured anew on this file.

Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016.""",
    )
    # As published, save the crops' random scale and the aging.
    recipe: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"batch_size": 40, "lr": 3e-5, "crops": {"size": 176, "least_scale": 0.7}}
    )

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config)
        centers = AbBins().centers
        self.model1 = _stage(1, 64, convolutions=2, stride=2)
        self.model2 = _stage(64, 128, convolutions=2, stride=2)
        self.model3 = _stage(128, 256, convolutions=3, stride=2)
        self.model4 = _stage(256, 512, convolutions=3)
        self.model5 = _stage(512, 512, convolutions=3, dilation=2)
        self.model6 = _stage(512, 512, convolutions=3, dilation=2)
        self.model7 = _stage(512, 512, convolutions=3)
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(512, 256, kernel_size=4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, len(centers), kernel_size=1),
        )
        # Holds the bin centers over 110: part of the released file, so a parameter, but nothing to learn.
        self.model_out = nn.Conv2d(len(centers), 2, kernel_size=1, bias=False).requires_grad_(False)
        with torch.no_grad():
            self.model_out.weight.copy_(centers.T[:, :, None, None] / 110)  # (Q, 2) -> (2, Q, 1, 1)

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map L to logits over the bins; see :meth:`Network.forward`. Hints are refused."""
        self.check(light, ab, mask)
        x = (light - 50) / 100  # (N, 1, H, W)
        # In float32 until here: around L = 64..100 bfloat16 has steps of 0.5, around 0 fine ones.
        x = x.to(next(self.parameters()).dtype)
        x = self.model1(x)  # -> (N, 64, H/2, W/2)
        x = self.model2(x)  # -> (N, 128, H/4, W/4)
        x = self.model3(x)  # -> (N, 256, H/8, W/8)
        x = self.model4(x)  # -> (N, 512, H/8, W/8)
        x = self.model5(x)
        x = self.model6(x)
        x = self.model7(x)
        x = self.model8(x)  # -> (N, 313, H/4, W/4)
        return x.mul_(_RELEASED_TEMPERATURE)

    @property
    def bins(self) -> Tensor:
        """The centers that the file itself has, in CIELAB units, shape ``(313, 2)``."""
        return self.model_out.weight[:, :, 0, 0].T * 110  # (2, Q, 1, 1) -> (Q, 2)


def _stage(
    inputs: int, outputs: int, *, convolutions: int, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Chain 3 x 3 convolutions, each with its ReLU, the last one strided; then batch norm."""
    layers: list[nn.Module] = []
    for number in range(1, convolutions + 1):
        step = stride if number == convolutions else 1
        layers += [
            nn.Conv2d(inputs, outputs, kernel_size=3, stride=step, padding=dilation, dilation=dilation),
            nn.ReLU(inplace=True),
        ]
        inputs = outputs
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))
