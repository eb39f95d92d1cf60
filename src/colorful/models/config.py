"""The settings that differ between networks: plain data, so that nothing here loads torch."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal, get_args

from colorful.errors import RangeError, check_choice

Fit = Literal["stretch", "keep"]


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Tell networks apart by data, so that the pipeline needs no special cases.

    Args:
        network_size: Side in pixels of the square the network was made for, 1 to 16384; the photo's L is
            brought to it.
        fit: ``stretch`` squeezes the photo into that square, ``keep`` gives it the square's area in its own
            proportions.
        mask_center: What is subtracted from the 0/1 hint mask before it enters the network.
        temperature: Temperature of the annealed mean that is used when none is asked for, in [0, 1].
        saturation: Factor on the chroma of the decoded ab, at least 0.

    Raises:
        RangeError: If a number is outside its range.
        OptionError: If *fit* is not one of those named.
    """

    network_size: int = 256
    fit: Fit = "stretch"
    mask_center: float = 0.0
    temperature: float = 0.38
    saturation: float = 1.0

    def __post_init__(self) -> None:
        check_choice("fit", self.fit, get_args(Fit))
        for name, low, high in (
            ("network_size", 1, 16384),
            ("mask_center", -math.inf, math.inf),
            ("temperature", 0, 1),
            ("saturation", 0, math.inf),
        ):
            value = getattr(self, name)
            if not (low <= value <= high and abs(value) <= sys.float_info.max):
                raise RangeError(f"{name}: expected a finite number in {low}..{high}, got {value}")
