"""sRGB and CIELAB (D65, 2 degrees), there and back.

The white point is the row sums of the RGB -> XYZ matrix, not the separately rounded one of the standard:
so R = G = B gives exactly a = b = 0, and every 8-bit color survives the round trip in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.errors import KindError, ShapeError, check_choice

Gamut = Literal["map", "clip"]
Pixels = TypeVar("Pixels", Tensor, npt.NDArray[np.floating[Any]])

RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""Linear sRGB to XYZ, as ITU-R BT.709 gives it for D65."""

# XYZ here is always relative to white, so that the rows of both matrices sum to 1.
_TO_XYZ = np.array(RGB_TO_XYZ) / np.sum(RGB_TO_XYZ, axis=1, keepdims=True)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_DELTA = 6 / 29
# Linear RGB that is outside [0, 1] by less counts as inside: far less than an 8-bit step, more than float32's
# rounding.
_TOLERANCE = 1e-5
_BAND = 1 << 16
"""Pixels converted at a time: so many that they and all intermediate results fit into the caches."""


def rgb_to_lab(rgb: Pixels) -> Pixels:
    """Convert sRGB to CIELAB.

    Args:
        rgb: sRGB-encoded color in [0, 1]: a tensor ``(*, 3, H, W)`` or an array ``(*, H, W, 3)``, float32
            or float64.

    Returns:
        L in 0..100 and ab in CIELAB units; kind, shape, dtype and device of *rgb*. Differentiable.

    Raises:
        KindError: If *rgb* is neither, or of another dtype.
        ShapeError: If the channel axis is not 3 long.

    References:
        IEC 61966-2-1 (sRGB); CIE 15:2004, eq. 8.3 to 8.5 (CIELAB).
    """
    return _on_tensor(rgb, _rgb_to_lab, "rgb")


def lab_to_rgb(lab: Pixels, *, gamut: Gamut = "map") -> Pixels:
    """Convert CIELAB to sRGB.

    Args:
        lab: L in 0..100 and ab in CIELAB units: a tensor ``(*, 3, H, W)`` or an array ``(*, H, W, 3)``,
            float32 or float64.
        gamut: What happens to a color that sRGB cannot show. ``map`` keeps L and hue and lowers chroma
            until it fits; ``clip`` cuts each channel to [0, 1], which shifts both.

    Returns:
        sRGB-encoded color in [0, 1]; kind, shape, dtype and device of *lab*. Differentiable.

    Raises:
        KindError: If *lab* is neither, or of another dtype.
        ShapeError: If the channel axis is not 3 long.
        OptionError: If *gamut* is not one of those named.
    """
    check_choice("gamut", gamut, get_args(Gamut))

    def convert(tensor: Tensor) -> Tensor:
        return encode(_lab_to_linear(map_to_gamut(tensor) if gamut == "map" else tensor).clamp(0, 1))

    return _on_tensor(lab, convert, "lab")


def map_to_gamut(lab: Tensor, *, steps: int = 16) -> Tensor:
    """Lower the chroma of colors outside sRGB until they fit, keeping L and hue.

    Args:
        lab: Shape ``(*, 3, H, W)``, CIELAB units. L is cut to 0..100.
        steps: Halvings of the search; the chroma is found to ``2 ** -steps`` of itself.

    Returns:
        Shape, dtype and device of *lab*. Differentiable, the factor on the chroma taken as constant.
    """
    light, ab = lab.narrow(-3, 0, 1).clamp(0, 100), lab.narrow(-3, 1, 2)
    with torch.no_grad():
        outside = ~_in_gamut(torch.cat((light, ab), dim=-3))
        if torch.compiler.is_exporting():  # a graph cannot choose pixels to leave out
            scale = torch.where(outside, _largest_scale(light, ab, steps), 1.0)
        else:
            scale = torch.ones_like(light)
            if outside.any():  # the search is slow, and few colors of a photo need it
                colors = ab.movedim(-3, -1)[outside.squeeze(-3)].T[..., None]  # (2, P, 1)
                scale[outside] = _largest_scale(light[outside][None, :, None], colors, steps).flatten()
    return torch.cat((light, ab * scale), dim=-3)


def _largest_scale(light: Tensor, ab: Tensor, steps: int) -> Tensor:
    """Find, by bisection, the factor on *ab* (*, 2, H, W) that just fits at *light*: -> (*, 1, H, W)."""
    low, high = torch.zeros_like(light), torch.ones_like(light)
    for _ in range(steps):
        middle = (low + high) / 2
        fits = _in_gamut(torch.cat((light, ab * middle), dim=-3))
        low = torch.where(fits, middle, low)
        high = torch.where(fits, high, middle)
    return low


def _in_gamut(lab: Tensor) -> Tensor:
    """Tell which colors sRGB can show: ``(*, 3, H, W) -> (*, 1, H, W)``."""
    return ((_lab_to_linear(lab) - 0.5).abs() <= 0.5 + _TOLERANCE).all(dim=-3, keepdim=True)


def _on_tensor(pixels: Pixels, convert: Callable[[Tensor], Tensor], name: str) -> Pixels:
    if isinstance(pixels, Tensor):
        if pixels.dtype not in (torch.float32, torch.float64):
            raise KindError(f"{name}: expected float32 or float64, got {pixels.dtype}")
        if pixels.dim() < 3 or pixels.shape[-3] != 3:
            raise ShapeError(f"{name}: expected shape (*, 3, H, W), got {tuple(pixels.shape)}")
        return _in_bands(pixels, convert)
    if isinstance(pixels, np.ndarray):
        if pixels.dtype not in (np.float32, np.float64):
            raise KindError(f"{name}: expected float32 or float64, got {pixels.dtype}")
        if pixels.ndim < 3 or pixels.shape[-1] != 3:
            raise ShapeError(f"{name}: expected shape (*, H, W, 3), got {pixels.shape}")
        # A copy of its own, so that torch neither warns of a read-only array nor writes into it.
        planes = np.array(np.moveaxis(pixels, -1, -3), order="C")  # (*, H, W, 3) -> (*, 3, H, W)
        return np.ascontiguousarray(np.moveaxis(_in_bands(torch.from_numpy(planes), convert).numpy(), -3, -1))
    raise KindError(f"{name}: expected a torch tensor or a NumPy array, got {type(pixels).__name__}")


def _in_bands(color: Tensor, convert: Callable[[Tensor], Tensor]) -> Tensor:
    """Convert a large photo some rows at a time, unless a gradient is to follow the way back."""
    recorded = color.requires_grad and torch.is_grad_enabled()
    if color.device.type != "cpu" or recorded or color.numel() < 8 * _BAND or torch.compiler.is_compiling():
        return convert(color)
    out = torch.empty_like(color, memory_format=torch.contiguous_format)
    rows = max(1, _BAND * color.shape[-2] * 3 // color.numel())
    for top in range(0, color.shape[-2], rows):
        out[..., top : top + rows, :] = convert(color[..., top : top + rows, :])
    return out


def _rgb_to_lab(rgb: Tensor) -> Tensor:
    x, y, z = root(_transform(_TO_XYZ, decode(rgb))).unbind(dim=-3)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-3)


def _lab_to_linear(lab: Tensor) -> Tensor:
    light, a, b = lab.unbind(dim=-3)
    y = (light + 16) / 116
    return _transform(_FROM_XYZ, unroot(torch.stack((y + a / 500, y, y - b / 200), dim=-3)))


def _transform(matrix: npt.NDArray[np.float64], color: Tensor) -> Tensor:
    """Multiply by a matrix whose rows sum to 1, so that three equal channels stay equal to the last bit."""
    first, second, third = color.unbind(dim=-3)
    to_first, to_third = first - second, third - second
    return torch.stack([second + row[0] * to_first + row[2] * to_third for row in matrix.tolist()], dim=-3)


def decode(rgb: Tensor) -> Tensor:
    """Undo the sRGB encoding, [0, 1] to [0, 1]. Differentiable."""
    # Both branches of a where() are differentiated: the clamps keep the unused one finite.
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def encode(linear: Tensor) -> Tensor:
    """Apply the sRGB encoding, [0, 1] to [0, 1]. Differentiable."""
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    )


def root(t: Tensor) -> Tensor:
    """Give f of CIELAB, by which X, Y and Z relative to white become L, a and b. Differentiable."""
    return torch.where(t > _DELTA**3, t.clamp(min=_DELTA**3) ** (1 / 3), t / (3 * _DELTA**2) + 4 / 29)


def unroot(t: Tensor) -> Tensor:
    """Undo :func:`root`."""
    return torch.where(t > _DELTA, t**3, 3 * _DELTA**2 * (t - 4 / 29))
