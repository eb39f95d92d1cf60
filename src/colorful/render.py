"""Take L out of a photo's pixels, and put colors into them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from colorful.errors import KindError, OptionError, ShapeError
from colorful.lab.space import Gamut, lab_to_rgb, rgb_to_lab
from colorful.lab.upsample import upsample as upsample_bilinear

Upsampling = Literal["guided", "bilinear"]

_WHITE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


def light(pixels: npt.NDArray[Any], size: tuple[int, int] | None = None) -> Tensor:
    """Take L out of a photo.

    Args:
        pixels: sRGB-encoded grey ``(H, W)`` or RGB ``(H, W, 3)``; uint8, uint16, or float32 in [0, 1].
        size: Height and width wanted, in pixels; the photo is area-averaged to it. None keeps its own.

    Returns:
        L in 0..100, shape ``(1, 1, H, W)`` or ``(1, 1, *size)``, float32.

    Raises:
        KindError: If *pixels* is not an array of one of these types.
        ShapeError: If *pixels* has another shape, or no pixel.
    """
    lightness = rgb_to_lab(_unit_rgb(pixels))[:, :1]
    if size is None:
        return lightness
    return functional.interpolate(lightness, size=size, mode="bilinear", antialias=True).clamp(0, 100)


def render(
    pixels: npt.NDArray[Any],
    ab: Tensor | npt.NDArray[np.floating[Any]],
    *,
    chroma: float = 1.0,
    keep: npt.NDArray[Any] | None = None,
    upsample: Upsampling = "guided",
    gamut: Gamut = "map",
) -> npt.NDArray[Any]:
    """Join a photo's own L with ab of the network's size.

    Args:
        pixels: sRGB-encoded grey ``(H, W)`` or RGB ``(H, W, 3)``; uint8, uint16, or float32 in [0, 1].
        ab: Shape ``(2, h, w)``, CIELAB units.
        chroma: Factor on *ab*.
        keep: Shape ``(H, W)``, 1 (or True) where the photo stays as it is, 0 where it takes the color.
        upsample: ``guided`` follows the edges of the photo's L, ``bilinear`` does not.
        gamut: As in :func:`colorful.lab.lab_to_rgb`.

    Returns:
        sRGB-encoded RGB, shape ``(H, W, 3)``; dtype of *pixels*.

    Raises:
        KindError: If *pixels* is not an array of one of these types.
        ShapeError: If *pixels*, *ab* or *keep* has another shape.
        OptionError: If *upsample* or *gamut* is not one of those named.
    """
    if upsample not in get_args(Upsampling):
        raise OptionError(f"upsample: expected one of {get_args(Upsampling)}, got {upsample!r}")
    rgb = _unit_rgb(pixels)
    small = torch.as_tensor(ab, dtype=torch.float32)
    if small.dim() != 3 or small.shape[0] != 2:
        raise ShapeError(f"ab: expected shape (2, h, w), got {tuple(small.shape)}")
    size = pixels.shape[:2]
    color = upsample_bilinear(small[None] * chroma, (size[0], size[1]))
    result = lab_to_rgb(torch.cat((rgb_to_lab(rgb)[:, :1], color), dim=1), gamut=gamut)
    if keep is not None:
        if keep.shape != size:
            raise ShapeError(f"keep: expected shape {size}, got {keep.shape}")
        result = torch.lerp(result, rgb, torch.as_tensor(keep, dtype=torch.float32))
    white = _WHITE[pixels.dtype.name]
    out = (result[0].permute(1, 2, 0) * white).numpy()
    return np.ascontiguousarray(out if white == 1 else out.round().astype(pixels.dtype))


def _unit_rgb(pixels: npt.NDArray[Any]) -> Tensor:
    """Give ``(1, 3, H, W)`` in [0, 1]."""
    if not isinstance(pixels, np.ndarray) or pixels.dtype.name not in _WHITE:
        kind = pixels.dtype if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise KindError(f"pixels: expected an array of uint8, uint16 or float32, got {kind}")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or 0 in pixels.shape:
        raise ShapeError(f"pixels: expected shape (H, W) or (H, W, 3), got {pixels.shape}")
    unit = torch.from_numpy(pixels.astype(np.float32) / _WHITE[pixels.dtype.name])
    return (unit if unit.dim() == 3 else unit[..., None].expand(-1, -1, 3)).permute(2, 0, 1)[None]
