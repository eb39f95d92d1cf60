"""Lab arithmetic for whole photos: on a band of rows at a time, in place, in the fewest passes.

This does the same as :mod:`colorful.lab.space`, but on flat planes that fit into the cache, so that no copy
of the whole photo in floats is made. A color is held as the roots of which CIELAB is made, f(X), f(Y) and
f(Z) relative to white: L is 116 f(Y) - 16, a is 500 (f(X) - f(Y)), b is 200 (f(Y) - f(Z)). They are stacked
in the order X, Z, Y, and counted in units of :data:`UNIT`; linear light is counted in steps, of which white
has :data:`WHITE`. With these units no pass is needed for the constant factors of the formulas.

NumPy does the arithmetic: its loops release the interpreter's lock and start no threads of their own, so
that bands run in parallel on plain threads, without the barrier that torch has after each operation. torch
looks up tables: it takes indices of 4 bytes, and floats are converted to these several times faster than to
the 8 bytes that NumPy needs.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from colorful.lab.space import RGB_TO_XYZ, map_to_gamut

Plane = npt.NDArray[np.float32]

_TO_XYZ = np.array(RGB_TO_XYZ) / np.sum(RGB_TO_XYZ, axis=1, keepdims=True)
_LUMINANCE = _TO_XYZ[1]
_DELTA = np.float32(6 / 29)
_SLOPE = np.float32(3 * (6 / 29) ** 2)

UNIT = 3**0.5 * 6 / 29
"""Of roots. In it, the cube of CIELAB runs into the line below (6/29)^3 with slope 1."""
TO_LIGHT = 116 * UNIT
"""What f(Y) counts in L."""
WHITE = 65535
"""Steps of linear light: the darkest 8-bit codes are 20 apart."""

_TANGENT = np.float32(3**-0.5)  # (6/29) / UNIT
# Cubes of roots, as differences from that of Y, to steps of linear R, G and B: Y counts as 1 in each.
_FROM_CUBES: Plane = np.asarray(
    np.column_stack((np.linalg.inv(_TO_XYZ)[:, [0, 2]], np.ones(3))) * UNIT**3 * WHITE, np.float32
)
_BEYOND = np.float32(WHITE + 1).view(np.uint32)
_LIGHTS, _HUES = 256, 720
_SERIAL = 1 << 18
"""Multiplications in a matrix product for which no BLAS starts threads."""


class Scratch:
    """Planes to write on, handed out by name and kept, so that no band but the first allocates.

    Few names, since every plane more pushes others out of the cache: ``roots``, ``linear`` and what comes
    before it, and ``aside`` for what a single step needs, be it floats or integers.
    """

    def __init__(self) -> None:
        self._planes: dict[str, Plane] = {}

    def plane(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        """Give the array *name* in *shape*, of some type of 4 bytes, with whatever is on it."""
        count = math.prod(shape)
        if name not in self._planes or self._planes[name].size < count:
            self._planes[name] = np.empty(count, np.float32)
        return self._planes[name][:count].view(dtype).reshape(shape)


def decode(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Undo the sRGB encoding, [0, 1] to [0, 1]."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encode(linear: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Apply the sRGB encoding, [0, 1] to [0, 1]."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def root(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give f of CIELAB: the cube root, and a straight line below (6/29)^3; not in units of :data:`UNIT`.

    Without a branch, since the line is the tangent there.
    """
    value: npt.NDArray[Any] = np.cbrt(np.maximum(y, _DELTA**3)) + np.minimum(y - _DELTA**3, 0) / _SLOPE
    return value


def product(left: Plane, right: Plane, out: Plane) -> Plane:
    """Multiply matrices, ``(M, K) @ (*, K, N)``, in pieces too small for threads of the BLAS."""
    step = max(1, _SERIAL // left.size)
    for start in range(0, right.shape[-1], step):
        piece = np.s_[..., start : start + step]
        np.matmul(left, right[piece], out=out[piece])
    return out


def luminance_root(pixels: npt.NDArray[Any], out: Plane, scratch: Scratch) -> Plane:
    """Give f(Y) of sRGB-encoded pixels.

    Args:
        pixels: Grey ``(R, W)`` or RGB ``(R, W, 3)``; uint8, uint16, or float32, of which [0, 1] counts.
        out: Where the result goes, shape ``(R * W,)``.
        scratch: For what comes up on the way.

    Returns:
        *out*. For uint8 within 1e-4 of the exact value (0.01 of L), else to float32's precision.
    """
    if pixels.dtype != np.uint8:
        linear = linear_light(pixels)
        if linear.ndim == 3:
            red, green, blue = (linear[..., k] * np.float32(share) for k, share in enumerate(_LUMINANCE))
            linear = red + green + blue
        out[:] = root(linear).reshape(-1)
        out *= np.float32(1 / UNIT)
        return out
    index = scratch.plane("aside", out.shape, np.int32)
    if pixels.ndim == 2:
        np.copyto(index.reshape(pixels.shape), pixels)
        return _look_up(_grey_roots(), index, out)
    pixels = np.ascontiguousarray(pixels)
    # Red and green are next to each other: taken as one number of 16 bits, they need one look-up.
    np.copyto(index, np.ndarray(out.shape, "<u2", pixels, strides=(3,)))
    y = _look_up(_red_green_shares(), index, scratch.plane("linear", out.shape))
    np.copyto(index, pixels.reshape(-1, 3)[:, 2])
    y += _look_up(_blue_shares(), index, out)
    np.copyto(index, y, casting="unsafe")
    return _look_up(_fine_roots(), index, out)


def linear_light(pixels: npt.NDArray[Any]) -> Plane:
    """Give linear light in [0, 1] of sRGB-encoded uint8, uint16 or float32; shape of *pixels*."""
    if pixels.dtype == np.float32:
        return decode(np.clip(pixels, 0, 1)).astype(np.float32)
    return _linear_codes(np.iinfo(pixels.dtype).max).take(pixels)


def linear_rgb(roots: Plane, scratch: Scratch) -> Plane:
    """Turn f(X), f(Z) and f(Y) into linear R, G and B, both ``(3, P)``, the latter in steps up to WHITE.

    X and Z come in as what they differ from Y: equal roots give equal channels, to the last bit.
    """
    # Above the tangent's point t^3, below it the line. With both bounds, NumPy clips thrice as fast.
    above = np.clip(roots, _TANGENT, np.float32(np.inf), out=scratch.plane("linear", roots.shape))
    cubes = np.multiply(above, above, out=scratch.plane("aside", roots.shape))
    cubes -= 1
    cubes *= above
    cubes += roots
    cubes[:2] -= cubes[2]
    return product(_FROM_CUBES, cubes, out=above)


def fit_gamut(linear: Plane, roots: Plane, scratch: Scratch) -> None:
    """Bring what lies outside sRGB inside, in place, keeping L and hue: few pixels of a photo, so only those.

    The chroma that fits is looked up by L and hue, between the entries of a table. What that misses by is cut
    off: it moves L by less than 0.1.

    Args:
        linear: Linear R, G and B of the roots that follow, ``(3, P)``.
        roots: f(X), f(Z) and f(Y).
        scratch: As for :func:`linear_rgb`.
    """
    # Read as unsigned integers, the bits of floats in [0, WHITE + 1) come first: the sign is the highest bit.
    bits = linear.view(np.uint32)
    worst = np.maximum(bits[0], bits[1], out=scratch.plane("aside", bits[0].shape, np.uint32))
    np.maximum(worst, bits[2], out=worst)
    (where,) = np.nonzero(worst >= _BEYOND)
    if not len(where):
        return
    colors = roots.take(where, axis=1)
    fy, chroma = colors[2], colors[:2]
    chroma -= fy
    chroma *= _fitting_scale(fy, chroma)
    chroma += fy
    fitted = linear_rgb(colors, Scratch())
    np.clip(fitted, 0, WHITE, out=fitted)
    for plane, channel in zip(linear, fitted, strict=True):
        plane[where] = channel


def write_codes(linear: Plane, out: npt.NDArray[Any], scratch: Scratch) -> None:
    """Turn linear light into sRGB-encoded pixels: codes for integers, [0, 1] for floats.

    Args:
        linear: R, G and B, ``(3, P)``, above -1 and below WHITE + 1.
        out: Where they go, contiguous, ``(R, W, 3)`` with P pixels; uint8, uint16 or float32.
        scratch: For what comes up on the way.
    """
    pixels = out.reshape(-1, 3)
    if out.dtype == np.uint8:
        index = scratch.plane("aside", linear.shape, np.int32)
        np.copyto(index, linear, casting="unsafe")
        for channel in range(3):
            _look_up(_fine_codes(), index[channel], pixels[:, channel])
        return
    encoded = encode(np.clip(linear * np.float32(1 / WHITE), 0, 1)).astype(np.float32, copy=False)
    if out.dtype != np.float32:
        encoded = np.rint(encoded * np.float32(np.iinfo(out.dtype).max))
    np.copyto(pixels, encoded.T, casting="unsafe")


def _look_up(table: Tensor, index: npt.NDArray[np.int32], out: npt.NDArray[Any]) -> npt.NDArray[Any]:
    torch.index_select(table, 0, torch.from_numpy(index), out=torch.from_numpy(out))
    return out


def _fitting_scale(fy: Plane, chroma: Plane) -> Plane:
    """Give the factor on f(X) - f(Y) and f(Z) - f(Y) that brings colors outside sRGB to its surface."""
    a, b = chroma * np.array([[5], [2]], np.float32)  # a / 100 and -b / 100, in units of UNIT
    length = np.maximum(np.abs(a) + np.abs(b), np.float32(1e-9))
    at = np.empty_like(chroma)
    np.copysign(np.float32(0.5) - np.float32(0.5) * (a / length), b, out=at[0])
    np.subtract(fy * np.float32(116 / 50 * UNIT), np.float32(16 / 50 + 1), out=at[1])
    grid = torch.from_numpy(at).T[None, None]  # -> (1, 1, P, 2), column and row in [-1, 1]
    most = functional.grid_sample(_gamut_surface(), grid, padding_mode="border", align_corners=True)
    scale: Plane = np.minimum(most.numpy().reshape(-1) / length, 1)
    return scale


@cache
def _gamut_surface() -> Tensor:
    """Give the greatest ``|a| + |b|`` that sRGB holds, by L and hue, in hundreds and in units of UNIT.

    Shape ``(1, 1, rows, columns)``. Hue is counted from -1 to 1 without trigonometry: it is half of
    ``1 - a / (|a| + |b|)``, with the sign of -b.
    """
    # Kept, and made in whichever thread is first: so nothing is left to torch's defaults.
    light = torch.linspace(0, 100, _LIGHTS + 1, dtype=torch.float32, device="cpu")
    hue = torch.linspace(-2, 2, _HUES + 1, dtype=torch.float32, device="cpu")
    light = light[:, None].expand(-1, _HUES + 1)
    a = 1 - hue.abs()
    b = (a.abs() - 1).copysign(-hue)
    # No color of sRGB has a chroma of 140 or more.
    far = torch.stack((a, b))[:, None].expand(-1, _LIGHTS + 1, -1) * 200
    lab = map_to_gamut(torch.cat((light[None], far)))
    return lab[1:].abs().sum(0)[None, None] / (100 * UNIT)


@cache
def _grey_roots() -> Tensor:
    return _table(root(decode(np.arange(256) / 255)) / UNIT)


@cache
def _red_green_shares() -> Tensor:
    """What red and green give to Y in steps, by red + 256 green; and half a step, to round."""
    red, green = (decode(np.arange(256) / 255) * (share * WHITE) for share in _LUMINANCE[:2])
    return _table(np.add.outer(green, red).reshape(-1) + 0.5)


@cache
def _blue_shares() -> Tensor:
    return _table(decode(np.arange(256) / 255) * (_LUMINANCE[2] * WHITE))


@cache
def _fine_roots() -> Tensor:
    return _table(root(np.arange(WHITE + 1) / WHITE) / UNIT)


@cache
def _fine_codes() -> Tensor:
    middle = np.minimum((np.arange(WHITE + 1) + 0.5) / WHITE, 1)
    return torch.from_numpy(np.rint(encode(middle) * 255).astype(np.uint8))


@cache
def _linear_codes(white: int) -> Plane:
    return decode(np.arange(white + 1) / white).astype(np.float32)


def _table(values: npt.NDArray[Any]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
