"""A network run on pictures."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorful.errors import OptionError
from colorful.hints import Hint, rasterize
from colorful.images import Picture
from colorful.lab.space import rgb_to_lab
from colorful.prediction import Prediction, opaque_uint8, unsupported
from colorful.raster import light
from colorful.runtime import Eager

# A network of fit "keep" follows the photo's proportions up to this; a longer strip is squeezed.
_LONGEST = 16.0
_LARGEST_SIDE = 2048
_REFERENCE_SIDE = 256


class Inference:
    """Run a network on pictures, and give what it says of them. Threads can share it.

    Args:
        runner: The network in its fast form.

    Attributes:
        network: The same, before compilation.
    """

    def __init__(self, runner: Eager) -> None:
        self.runner, self.network = runner, runner.network

    def run(
        self,
        pictures: Sequence[Picture],
        hints: Sequence[Sequence[Hint]],
        *,
        network_size: int | None,
        reference: bool,
    ) -> list[Prediction]:
        """Run the network on pictures, together where they have the same size at its input.

        Args:
            pictures: Of any sizes.
            hints: Those of each picture.
            network_size: Side in pixels at which the network looks; the model's own if None.
            reference: Do as the released code of Zhang et al.

        Returns:
            What it says of each picture.

        Raises:
            UnsupportedOptionError: If there are hints and the network takes none.
            OptionError: If *network_size* is out of its range, or given although *reference* fixes it.
            DeviceError: If the network is to be compiled and cannot be, here.
        """
        if any(hints) and not self.network.takes_hints:
            raise unsupported("hints", self.network)
        sizes = [self._input_size(picture, network_size, reference) for picture in pictures]
        predictions: dict[int, Prediction] = {}
        for size in dict.fromkeys(sizes):
            members = [index for index, its in enumerate(sizes) if its == size]
            lights = torch.cat([_light(pictures[index], size, reference) for index in members])
            inputs = [lights]
            if any(hints[index] for index in members):
                drawn = [rasterize(hints[index], pictures[index].size, size) for index in members]
                inputs += [torch.cat(maps) for maps in zip(*drawn, strict=True)]
            outputs = self.runner.run(*inputs)
            for index, its_light, output in zip(members, lights, outputs, strict=True):
                predictions[index] = Prediction(pictures[index], its_light, output, self.network, reference)
        return [predictions[index] for index in range(len(pictures))]

    def _input_size(self, picture: Picture, network_size: int | None, reference: bool) -> tuple[int, int]:
        """Choose height and width of the network's input."""
        config, multiple = self.network.config, self.network.multiple
        if reference:
            if network_size is not None:
                raise OptionError("reference: fixes network_size, which was given too")
            return (_REFERENCE_SIDE, _REFERENCE_SIDE)
        side = config.network_size if network_size is None else network_size
        # NumPy's integers are Integral, too.
        whole = isinstance(side, Integral) and not isinstance(side, bool)
        if not whole or not multiple <= side <= _LARGEST_SIDE:
            raise OptionError(
                f"network_size: expected an integer in {multiple}..{_LARGEST_SIDE}, got {side!r}"
            )
        ratio = 1.0
        if config.fit == "keep":
            ratio = min(max(picture.height / picture.width, 1 / _LONGEST), _LONGEST)
        rows, columns = (
            multiple * max(1, round(length / multiple)) for length in (side * ratio**0.5, side / ratio**0.5)
        )
        return rows, columns


def _light(picture: Picture, size: tuple[int, int], reference: bool) -> Tensor:
    """Give L as the network takes it, shape ``(1, 1, *size)``."""
    if not reference:
        return light(picture.pixels, size)
    small = Image.fromarray(opaque_uint8(picture)).convert("RGB").resize(size[::-1], Image.Resampling.BICUBIC)
    return torch.from_numpy(rgb_to_lab(np.asarray(small) / np.float32(255))[None, None, ..., 0])
