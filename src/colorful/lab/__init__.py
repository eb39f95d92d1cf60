"""Color science: pure functions on tensors, which know no model and no file."""

from colorful.lab.bins import AbBins, rebalancing_weights, smooth_prior
from colorful.lab.decode import annealed_mean, mode
from colorful.lab.space import lab_to_rgb, map_to_gamut, rgb_to_lab
from colorful.lab.upsample import guided_upsample, upsample

__all__ = [
    "AbBins",
    "annealed_mean",
    "guided_upsample",
    "lab_to_rgb",
    "map_to_gamut",
    "mode",
    "rebalancing_weights",
    "rgb_to_lab",
    "smooth_prior",
    "upsample",
]
