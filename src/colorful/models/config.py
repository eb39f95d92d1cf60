"""The settings that differ between networks: plain data, so that nothing here loads torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Tell networks apart by data, so that the pipeline needs no special cases.

    Args:
        network_size: Side in pixels of the square the network was made for; the photo's L is brought to it.
        fit: ``stretch`` squeezes the photo into that square, ``keep`` gives it the square's area in its own
            proportions.
        mask_center: What is subtracted from the 0/1 hint mask before it enters the network.
        temperature: Temperature of the annealed mean that is used when none is asked for, in [0, 1].
        saturation: Factor on the chroma of the decoded ab.
    """

    network_size: int = 256
    fit: Literal["stretch", "keep"] = "stretch"
    mask_center: float = 0.0
    temperature: float = 0.38
    saturation: float = 1.0
