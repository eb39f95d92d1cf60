"""How alike two colorings of a photo look to a network that has seen many color photos."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.lab import lab_to_rgb
from colorful.models.efficientnet import TAPS, ConvNorm, Encoder
from colorful.training.imagenet import released_weights

_TAPS = TAPS[1:]  # strides 8, 16 and 32: finer ones see edges and hardly color


class Perception(nn.Module):
    """Compare colorings by what EfficientNet-Lite0, as trained on ImageNet's color photos, sees in them.

    The distance of colors says that any color of a shirt but the right one is wrong. This says that skin is
    not green, that half a shirt is not red, and that a photo is not grey.

    Raises:
        MissingExtraError: If the package with the weights is not installed.

    References:
        Johnson, Alahi, Fei-Fei. Perceptual Losses for Real-Time Style Transfer. ECCV 2016.
        Zhang et al. The Unreasonable Effectiveness of Deep Features. CVPR 2018, eq. 1 (without its weights).
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.encoder.stem = ConvNorm(3, 32, 3, stride=2, cut="relu6")
        weights = released_weights()
        self.encoder.load_state_dict({name: weights[name] for name in self.encoder.state_dict()})
        for part in self.modules():
            if isinstance(part, ConvNorm):
                part.fold()
                # The layout in memory alone changes, and more than a quarter of the time is spared.
                part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Perception:
        """Stay as it is: nothing here learns."""
        return super().train(False)

    def forward(self, light: Tensor, ab: Tensor, target: Tensor) -> Tensor:
        """Measure the distance between two colorings.

        Args:
            light: L of both, shape ``(N, 1, H, W)``.
            ab: One of them in CIELAB units, shape ``(N, 2, h, w)`` with H and W multiples of h and w.
            target: The other, same shape.

        Returns:
            The mean square of the distance between unit vectors of features, summed over the taps.
        """
        with torch.no_grad():
            wanted = self._features(light, target)
        found = self._features(light, ab)
        distances = [
            (mine - theirs).square().sum(dim=1).mean() for mine, theirs in zip(found, wanted, strict=True)
        ]
        return torch.stack(distances).sum()

    def _features(self, light: Tensor, ab: Tensor) -> list[Tensor]:
        wide = F.interpolate(ab.float(), light.shape[-2:], mode="bilinear", align_corners=False)
        rgb = lab_to_rgb(torch.cat((light, wide), dim=1), gamut="clip")
        x = self.encoder.stem(((rgb * 255 - 127) / 128).contiguous(memory_format=torch.channels_last))
        features = []
        for number, block in enumerate(self.encoder.blocks):
            x = block(x)
            if number in _TAPS:
                features.append(F.normalize(x.float(), dim=1, eps=1e-3))
        return features
