"""Bring ab from the network's size to the photo's, along the edges of its L.

A network sees a small picture: one cell of its ab is 10 to 100 pixels wide, and colors that are resized
bilinearly run over the edges of things. But L is known for every pixel. In a small window ab is close to a
linear function of L. So this function is fitted at the network's size, and applied to the photo's own L.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional

from colorful.errors import ShapeError

Kernel = Literal["cubic", "linear"]

RADIUS = 1
EPSILON = 64.0
_SMOOTHING = 1 / 8
"""Share of the guided filter's smoothed offset in the result: a network's ab is a little noisy."""


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
    _check(ab, 2, "ab")
    return resize(ab, size, kernel="linear")


def guided_upsample(ab: Tensor, light: Tensor, *, radius: int = RADIUS, epsilon: float = EPSILON) -> Tensor:
    """Resize ab so that it follows the edges of L.

    Args:
        ab: Shape ``(N, 2, h, w)``, CIELAB units.
        light: L of the full-size photo, shape ``(N, 1, H, W)``, 0..100.
        radius: As for :func:`guided_coefficients`.
        epsilon: As for :func:`guided_coefficients`.

    Returns:
        Shape ``(N, 2, H, W)``; dtype and device of *ab*.

    Raises:
        ShapeError: If *ab* or *light* has another shape.
    """
    _check(ab, 2, "ab")
    _check(light, 1, "light")
    small = resize(light, (ab.shape[-2], ab.shape[-1]))
    slope, offset = guided_coefficients(ab, small, radius=radius, epsilon=epsilon)
    size = (light.shape[-2], light.shape[-1])
    return resize(slope, size) * light + resize(offset, size)


def guided_coefficients(
    ab: Tensor, light: Tensor, *, radius: int = RADIUS, epsilon: float = EPSILON
) -> tuple[Tensor, Tensor]:
    """Fit ab as a linear function of L around every cell.

    The slope is that of the guided filter, averaged over the windows that hold a cell, but each window's
    counts only for the share of ab's variance that it explains: what a network says often has nothing to do
    with the texture of L. The offset is nearly the one with which each cell keeps its own ab, so that at the
    network's size little is blurred; an eighth of the way it goes to the guided filter's averaged one.

    Args:
        ab: Shape ``(N, 2, h, w)``, CIELAB units.
        light: L at the same size, shape ``(N, 1, h, w)``, 0..100.
        radius: The window is ``2 * radius + 1`` cells wide.
        epsilon: Variance of L, in squared units; in windows with less variance the slope goes to 0.

    Returns:
        Slope and offset, each ``(N, 2, h, w)``: ab is ``slope * L + offset``.

    References:
        He, Sun, Tang. Guided Image Filtering. PAMI 2013, eq. 5 and 6.
        He, Sun. Fast Guided Filter. arXiv:1505.00996, algorithm 2.
    """

    def mean(cells: Tensor) -> Tensor:
        padded = functional.pad(cells, (radius,) * 4, mode="replicate")
        return functional.avg_pool2d(padded, 2 * radius + 1, stride=1)

    mean_light, mean_ab = mean(light), mean(ab)
    covariance = mean(light * ab) - mean_light * mean_ab
    variance = (mean(light * light) - mean_light * mean_light).clamp(min=0)
    spread = (mean(ab * ab) - mean_ab * mean_ab).clamp(min=0).sum(1, keepdim=True)
    # The added 1 makes variances of less than about one unit count as noise.
    explained = covariance.square().sum(1, keepdim=True) / ((variance + 1) * (spread + 1))
    fitted = explained * covariance / (variance + epsilon)
    slope = mean(fitted)
    return slope, (ab - slope * light).lerp(mean(mean_ab - fitted * mean_light), _SMOOTHING)


def resize(cells: Tensor, size: tuple[int, int], *, kernel: Kernel = "cubic") -> Tensor:
    """Resize, antialiased where it shrinks, as Pillow does.

    Args:
        cells: Shape ``(N, C, h, w)``.
        size: Height and width wanted.
        kernel: ``cubic`` is Keys' with a = -1/2, ``linear`` a tent.

    Returns:
        Shape ``(N, C, *size)``; dtype and device of *cells*.

    References:
        Keys. Cubic Convolution Interpolation for Digital Image Processing. 1981, eq. 15.
    """
    mode = {"cubic": "bicubic", "linear": "bilinear"}[kernel]
    return functional.interpolate(cells, size=size, mode=mode, antialias=True)


def _check(cells: Tensor, channels: int, name: str) -> None:
    if cells.dim() != 4 or cells.shape[1] != channels:
        raise ShapeError(f"{name}: expected shape (N, {channels}, h, w), got {tuple(cells.shape)}")
