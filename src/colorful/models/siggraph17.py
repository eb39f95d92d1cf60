"""SIGGRAPH17: from L and hints to ab, a U-Net around the trunk of ECCV16.

Zhang, Zhu, Isola, Geng, Lin, Yu, Efros. Real-Time User-Guided Image Colorization with Learned Deep Priors.
SIGGRAPH 2017. The layers carry the names of the released file ``siggraph17-df00044c.pth``, so that it loads
as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from colorful.models.network import ALL_CELLS, Card, Cells, Network, NetworkConfig

# The class head quantizes the whole square -110..110 in steps of 10, in gamut or not.
_GRID = range(-110, 111, 10)


class SIGGRAPH17(Network):
    """Regress ab at every pixel, following hints; 34.2 M parameters.

    Args:
        config: The settings that are data; those of the released model by default. Weights that were
            trained with the authors' PyTorch code want ``mask_center=0.5``, the released ones 0.
    """

    architecture: ClassVar[str] = "siggraph17"
    output: ClassVar[Literal["distribution", "regression"]] = "regression"
    takes_hints: ClassVar[bool] = True
    stride: ClassVar[int] = 1
    multiple: ClassVar[int] = 8
    local_end: ClassVar[str] = "finish"
    marks: ClassVar[Mapping[str, tuple[int, ...]]] = MappingProxyType(
        {"model1.0.weight": (64, 4, 3, 3), "model_class.0.weight": (529, 256, 1, 1)}
    )
    card: ClassVar[Card] = Card(
        title="Real-Time User-Guided Image Colorization (SIGGRAPH 2017)",
        data="The photos of ImageNet, near-grey ones left out, without their labels.",
        recipe="""\
As published: simulated color hints, a geometric number of patches of 1 to 9 pixels; batches of 25
crops of 176 pixels; Adam with betas 0.9 and 0.999; classification first, then regression, learning
rate 1e-5, then 1e-6.""",
        measures="""\
As published by the authors, on 1000 photos of ImageNet, PSNR by number of hints: 24.4 dB with none,
25.4 with 1, 27.4 with 5, 28.4 with 10, 30.4 with 50. Not measured anew on this file.

Zhang, Zhu, Isola, Geng, Lin, Yu, Efros. Real-Time User-Guided Image Colorization with Learned Deep
Priors. SIGGRAPH 2017.""",
    )
    # As published, save the crops' random scale and the aging.
    recipe: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "batch_size": 25,
            "lr": 1e-4,
            "betas": (0.9, 0.999),
            "crops": {"size": 176, "least_scale": 0.7, "hinted": 1.0, "recolored": 0.0},
        }
    )

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config)
        self.model1 = _stage(4, 64, convolutions=2)
        self.model2 = _stage(64, 128, convolutions=2)
        self.model3 = _stage(128, 256, convolutions=3)
        self.model4 = _stage(256, 512, convolutions=3)
        self.model5 = _stage(512, 512, convolutions=3, dilation=2)
        self.model6 = _stage(512, 512, convolutions=3, dilation=2)
        self.model7 = _stage(512, 512, convolutions=3)

        self.model8up = _up(512, 256)
        self.model3short8 = nn.Sequential(_convolution(256, 256))
        self.model8 = nn.Sequential(
            nn.ReLU(inplace=True),
            _convolution(256, 256),
            nn.ReLU(inplace=True),
            _convolution(256, 256),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(256),
        )
        self.model9up = _up(256, 128)
        self.model2short9 = nn.Sequential(_convolution(128, 128))
        self.model9 = nn.Sequential(
            nn.ReLU(inplace=True), _convolution(128, 128), nn.ReLU(inplace=True), nn.BatchNorm2d(128)
        )
        self.model10up = _up(128, 128)
        self.model1short10 = nn.Sequential(_convolution(64, 128))
        self.model10 = nn.Sequential(
            nn.ReLU(inplace=True), _convolution(128, 128), nn.LeakyReLU(0.2, inplace=True)
        )
        self.model_class = nn.Sequential(nn.Conv2d(256, len(_GRID) ** 2, kernel_size=1))
        self.model_out = nn.Sequential(nn.Conv2d(128, 2, kernel_size=1), nn.Tanh())

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map L and hints to ab; see :meth:`Network.forward`."""
        return self._regress(*self._encode(light, ab, mask))

    def classify(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map L and hints to logits over 529 classes, the head that was trained beside the regression.

        The released inference code never runs this head, so what it says with the released weights has not
        been checked against anything.

        Args:
            light: As in :meth:`forward`.
            ab: As in :meth:`forward`.
            mask: As in :meth:`forward`.

        Returns:
            Logits in the order of :meth:`class_centers`, shape ``(N, 529, H/4, W/4)``.

        Raises:
            ShapeError: If a shape is not as in :meth:`forward`.
        """
        return self.model_class(self._encode(light, ab, mask)[-1])  # (N, 256, H/4, W/4) -> (N, 529, H/4, W/4)

    def heads(
        self,
        light: Tensor,
        ab: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        cells: Cells = ALL_CELLS,
    ) -> tuple[Tensor, Tensor]:
        """Run both heads on one pass; see :meth:`Network.heads`.

        Args:
            light: As in :meth:`forward`, like the next two.
            ab: Colors of the hints.
            mask: Where they are.
            cells: Rows and columns of the regression that are wanted.

        Returns:
            What :meth:`forward` gives at *cells*, and what :meth:`classify` gives.
        """
        full, half, quarter = self._encode(light, ab, mask)
        return self._regress(full, half, quarter)[:, :, cells[0], cells[1]], self.model_class(quarter)

    @staticmethod
    def class_centers() -> Tensor:
        """Give the ab values that the classes stand for, by a, then by b, as the training code numbers them.

        Returns:
            CIELAB units, float32, shape ``(529, 2)``.
        """
        grid = torch.tensor(_GRID, dtype=torch.float32)
        return torch.cartesian_prod(grid, grid)

    def _encode(self, light: Tensor, ab: Tensor | None, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Run the part that both heads share; give its features at full, half and quarter size."""
        self.check(light, ab, mask)
        ab = light.new_zeros(light.shape[0], 2, *light.shape[2:]) if ab is None else ab
        mask = torch.zeros_like(light) if mask is None else mask
        x = torch.cat(((light - 50) / 100, ab / 110, mask - self.config.mask_center), dim=1)  # (N, 4, H, W)
        # In float32 until here: around L = 64..100 bfloat16 has steps of 0.5, around 0 fine ones.
        x = x.to(next(self.parameters()).dtype)
        full = self.model1(x)  # -> (N, 64, H, W)
        half = self.model2(full[:, :, ::2, ::2])  # -> (N, 128, H/2, W/2)
        quarter = self.model3(half[:, :, ::2, ::2])  # -> (N, 256, H/4, W/4)
        eighth = self.model4(quarter[:, :, ::2, ::2])  # -> (N, 512, H/8, W/8)
        eighth = self.model5(eighth)
        eighth = self.model6(eighth)
        eighth = self.model7(eighth)
        quarter = self.model8up(eighth) + self.model3short8(quarter)  # -> (N, 256, H/4, W/4)
        return full, half, self.model8(quarter)

    def _regress(self, full: Tensor, half: Tensor, quarter: Tensor) -> Tensor:
        x = self.model9up(quarter) + self.model2short9(half)  # (N, 256, H/4, W/4) -> (N, 128, H/2, W/2)
        x = self.model9(x)
        return self.finish(x, full)

    def finish(self, half: Tensor, full: Tensor) -> Tensor:
        """Run the last layers, at full size.

        Args:
            half: Features ``(N, 128, H/2, W/2)``.
            full: Features of the first layers, ``(N, 64, H, W)``.

        Returns:
            ab in CIELAB units, shape ``(N, 2, H, W)``.
        """
        x = self.model10up(half) + self.model1short10(full)  # -> (N, 128, H, W)
        return self.model_out(self.model10(x)) * 110  # -> (N, 2, H, W)


def _stage(inputs: int, outputs: int, *, convolutions: int, dilation: int = 1) -> nn.Sequential:
    """Chain 3 x 3 convolutions, each with its ReLU; then batch norm."""
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        layers += [_convolution(inputs, outputs, dilation=dilation), nn.ReLU(inplace=True)]
        inputs = outputs
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))


def _convolution(inputs: int, outputs: int, *, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=dilation, dilation=dilation)


def _up(inputs: int, outputs: int) -> nn.Sequential:
    """Double height and width."""
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1))
