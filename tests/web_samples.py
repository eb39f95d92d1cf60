"""Small networks with known colors, and what looks at pictures, for the tests of the page."""

from __future__ import annotations

import io
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch import Tensor
from torch.nn import functional

from colorful.lab import AbBins
from colorful.models import Network


class Painter(Network):
    """Paint everything green or, half as likely, grey, and what lies around a hint in its color."""

    architecture: ClassVar[str] = "painter"
    output: ClassVar[Literal["distribution", "regression"]] = "distribution"
    takes_hints: ClassVar[bool] = True
    stride: ClassVar[int] = 8
    multiple: ClassVar[int] = 8

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Look where hints are."""
        wanted = torch.tensor([-20.0, 25.0])[:, None, None].expand(len(light), 2, *light.shape[2:])
        if ab is not None and mask is not None:
            around = functional.max_pool2d(mask, 33, 1, 16)
            spread = functional.avg_pool2d(ab, 33, 1, 16) / functional.avg_pool2d(mask, 33, 1, 16).clamp(
                min=1e-6
            )
            wanted = torch.where(around > 0, spread, wanted)
        small = functional.avg_pool2d(wanted, self.stride)  # (N, 2, h, w)
        bins = AbBins().centers[None, :, :, None, None]
        colored, grey = (
            -(bins - ab).square().sum(dim=2) / 200 for ab in (small[:, None], 0)
        )  # (N, 313, h, w)
        return torch.logaddexp(colored, grey - 0.7)


class Plain(Painter):
    """Give ab at once, and take no hints: nothing to steer."""

    architecture: ClassVar[str] = "plain"
    output: ClassVar[Literal["distribution", "regression"]] = "regression"
    takes_hints: ClassVar[bool] = False

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Look where hints are."""
        small = functional.avg_pool2d(light, self.stride)
        return torch.cat((small * 0 - 20, small * 0 + 10), dim=1)


def png(pixels: Any) -> bytes:
    """Encode pixels as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def chroma(image: bytes | Image.Image) -> float:
    """Give the mean CIELAB chroma of a picture, as scikit-image sees it."""
    opened = Image.open(io.BytesIO(image)) if isinstance(image, bytes) else image
    lab = rgb2lab(np.asarray(opened.convert("RGB")))
    return float(np.hypot(lab[..., 1], lab[..., 2]).mean())
