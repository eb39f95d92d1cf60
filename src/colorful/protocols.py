"""The ways from a photo to a network and back: one for photos of any size, one as in the released code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from colorful.images import Picture
from colorful.lab.space import rgb_to_lab
from colorful.look import ProtocolName, Settings
from colorful.raster import Region, light, render
from colorful.runtime import Description

# A network of fit "keep" follows the photo's proportions up to this; a longer strip is squeezed.
LONGEST = 16.0


class PhotoProtocol:
    """Take L straight from the photo's own pixels, at the size that the network was made for."""

    def input_size(self, size: tuple[int, int], network: Description, settings: Settings) -> tuple[int, int]:
        """Choose height and width of the network's input.

        Args:
            size: Height and width of the upright photo.
            network: Its ``config`` and ``multiple`` count.
            settings: All of them, as :func:`colorful.look.settle` gives them.
        """
        config, multiple = network.config, network.multiple
        side = settings["network_size"] or config.network_size
        ratio = 1.0
        if config.fit == "keep":
            ratio = min(max(size[0] / size[1], 1 / LONGEST), LONGEST)
        rows, columns = (
            multiple * max(1, round(length / multiple)) for length in (side * ratio**0.5, side / ratio**0.5)
        )
        return rows, columns

    def light(self, picture: Picture, size: tuple[int, int]) -> Tensor:
        """Give L as the network takes it, shape ``(1, 1, *size)``."""
        return light(picture.pixels, size)

    def widen(self, ab: Tensor, size: tuple[int, int]) -> Tensor:
        """Give ab ``(2, h, w)`` in the size that it is decoded to, where the network's input has *size*."""
        return ab

    def paint(
        self,
        picture: Picture,
        ab: Tensor,
        settings: Settings,
        *,
        guide: Tensor,
        keep: npt.NDArray[Any] | None,
        region: Region | None = None,
        over: bool = False,
    ) -> npt.NDArray[Any]:
        """Join the photo's own L with ab.

        Args:
            picture: The photo.
            ab: Shape ``(2, h, w)``, CIELAB units, on the CPU.
            settings: All of them.
            guide: L as the network saw it, shape ``(1, 1, H, W)``, on the CPU.
            keep: Where the photo stays as it is; see :func:`colorful.raster.render`.
            region: The part that is wanted; see there, too.
            over: Whether the photo's memory may be used for the result.

        Returns:
            RGB of the size of the photo or of the region, in the photo's dtype.
        """
        return render(
            picture.pixels,
            ab,
            keep=keep,
            upsample=settings["upsample"],
            gamut=settings["gamut"],
            guide=guide,
            region=region,
            over=over,
        )


class ReleasedProtocol(PhotoProtocol):
    """Do as the released code of Zhang et al.

    Pillow's bicubic filter brings 8-bit RGB to 256 x 256; ab goes bilinearly to that size, then to the
    photo's; colors outside sRGB are cut off.
    """

    def input_size(self, size: tuple[int, int], network: Description, settings: Settings) -> tuple[int, int]:
        """Give the one size there is."""
        side = settings["network_size"] or network.config.network_size
        return side, side

    def light(self, picture: Picture, size: tuple[int, int]) -> Tensor:
        """Take L out of the small RGB picture, as scikit-image does."""
        pixels = Image.fromarray(picture.opaque_uint8()).convert("RGB")
        small = np.asarray(pixels.resize(size[::-1], Image.Resampling.BICUBIC)) / np.float32(255)
        return torch.from_numpy(rgb_to_lab(small)[None, None, ..., 0])

    def widen(self, ab: Tensor, size: tuple[int, int]) -> Tensor:
        """Bring ab to the size of the network's input."""
        return _bilinear(ab, size)

    def paint(
        self,
        picture: Picture,
        ab: Tensor,
        settings: Settings,
        *,
        guide: Tensor,
        keep: npt.NDArray[Any] | None,
        region: Region | None = None,
        over: bool = False,
    ) -> npt.NDArray[Any]:
        """Lower b to where Z is 0 before the colors are joined.

        The released code converts with scikit-image, which cuts negative Z before it goes on to RGB; without
        that, dark and very yellow pixels would differ.
        """
        full = _bilinear(ab, picture.size)
        highest = 200 * (light(picture.pixels)[0] + 16) / 116  # (1, H, W)
        cut = torch.cat((full[:1], torch.minimum(full[1:], highest)))
        return super().paint(picture, cut, settings, guide=guide, keep=keep, region=region, over=over)


PROTOCOLS: Mapping[ProtocolName, PhotoProtocol] = MappingProxyType(
    {"photo": PhotoProtocol(), "released": ReleasedProtocol()}
)
"""Each protocol by its name."""


def _bilinear(ab: Tensor, size: tuple[int, int]) -> Tensor:
    return ab if ab.shape[1:] == size else functional.interpolate(ab[None], size=size, mode="bilinear")[0]
