"""Bring ab from the network's size to the photo's."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from colorful.errors import ShapeError


def upsample(ab: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ab bilinearly, as the published pipelines do.

    Args:
        ab: Shape ``(N, 2, h, w)``, CIELAB units.
        size: Height and width wanted, in pixels.

    Returns:
        Shape ``(N, 2, *size)``; dtype and device of *ab*.

    Raises:
        ShapeError: If *ab* is not of shape ``(N, 2, h, w)``.
    """
    if ab.dim() != 4 or ab.shape[1] != 2:
        raise ShapeError(f"ab: expected shape (N, 2, h, w), got {tuple(ab.shape)}")
    return functional.interpolate(ab, size=size, mode="bilinear", align_corners=False)
