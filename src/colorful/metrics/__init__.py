"""The published measures of colorization: functions on batches, and accumulators over sets of any size.

Pictures are RGB tensors ``(N, 3, H, W)``, sRGB-encoded, in [0, 1] or uint8; colors are ab tensors
``(N, 2, H, W)`` in CIELAB units. A measure gives one number for each photo, shape ``(N,)``.
A single real photo may be compared with a whole batch. No gradient flows through :func:`ssim` and
:func:`ciede2000`.

Each raises a :class:`~colorful.errors.KindError` for what is no tensor, and a
:class:`~colorful.errors.RangeError` for pictures in floats outside [0, 1], such as 0..255.
"""

from colorful.metrics.films import ColorConsistency, static_flicker, warp_error
from colorful.metrics.pictures import ciede2000, colorfulness, psnr, psnr_ab, ssim, vivid_and_wrong
from colorful.metrics.sets import AUC_RANGE, AbErrors, FrechetDistance, bootstrap

__all__ = [
    "AUC_RANGE",
    "AbErrors",
    "ColorConsistency",
    "FrechetDistance",
    "bootstrap",
    "ciede2000",
    "colorfulness",
    "psnr",
    "psnr_ab",
    "ssim",
    "static_flicker",
    "vivid_and_wrong",
    "warp_error",
]
