"""Lab arithmetic for whole photos: on a band of rows at a time, in place, in NumPy.

What :mod:`colorful.lab.space` does to a tensor, this does to flat planes that fit the cache, so that a
photo is never copied in floats. A color is held as the roots that CIELAB is made of, f(X), f(Y) and f(Z)
relative to white: L is 116 f(Y) - 16, a is 500 (f(X) - f(Y)), b is 200 (f(Y) - f(Z)).

NumPy rather than torch: its loops release the interpreter's lock and never start threads of their own, so
bands run side by side on plain threads, without the barrier after each operation that torch would set.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from colorful.lab.space import RGB_TO_XYZ, map_to_gamut

Plane = npt.NDArray[np.float32]

_TO_XYZ = np.array(RGB_TO_XYZ) / np.sum(RGB_TO_XYZ, axis=1, keepdims=True)
_FROM_XYZ = np.linalg.inv(_TO_XYZ).astype(np.float32)
_LUMINANCE = _TO_XYZ[1]
_DELTA = np.float32(6 / 29)
_SLOPE = np.float32(3 * (6 / 29) ** 2)
_TOLERANCE = np.float32(1e-5)
_FINE = 65536
"""Steps of linear light in the tables: the darkest 8-bit codes are 20 apart."""
_LIGHTS, _HUES = 256, 720


class Scratch:
    """Planes to write on, handed out by name and kept, so that no band but the first allocates."""

    def __init__(self) -> None:
        self._planes: dict[str, npt.NDArray[Any]] = {}

    def plane(self, name: str, count: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        """Give *count* elements of the plane *name*, with whatever is on it."""
        if name not in self._planes or len(self._planes[name]) < count:
            self._planes[name] = np.empty(count, dtype)
        return self._planes[name][:count]


def decode(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Undo the sRGB encoding, [0, 1] to [0, 1]."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encode(linear: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Apply the sRGB encoding, [0, 1] to [0, 1]."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def root(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give f of CIELAB: the cube root, and a straight line below (6/29)^3.

    Without a branch, since the line is the tangent there.
    """
    value: npt.NDArray[Any] = np.cbrt(np.clip(y, _DELTA**3, None)) + np.clip(y - _DELTA**3, None, 0) / _SLOPE
    return value


def unroot(f: Plane, out: Plane, spare: Plane) -> Plane:
    """Undo :func:`root` into *out*."""
    above = np.clip(f, _DELTA, None, out=spare)
    np.multiply(above, above, out=out)
    np.multiply(out, above, out=out)
    below = np.subtract(f, above, out=spare)
    np.multiply(below, _SLOPE, out=below)
    return np.add(out, below, out=out)


def luminance_root(pixels: npt.NDArray[Any], scratch: Scratch) -> Plane:
    """Give f(Y) of sRGB-encoded pixels.

    Args:
        pixels: Grey ``(R, W)`` or RGB ``(R, W, 3)``; uint8, uint16, or float32, of which [0, 1] counts.
        scratch: Where the result lies.

    Returns:
        Shape ``(R * W,)``. For uint8 within 1e-4 of the exact value (0.01 of L), else to float32's precision.
    """
    count = pixels.shape[0] * pixels.shape[1]
    out = scratch.plane("fy", count)
    if pixels.dtype == np.uint8:
        index = scratch.plane("index", count, np.intp)
        if pixels.ndim == 2:
            np.copyto(index, pixels.reshape(-1))
            return np.take(_grey_roots(), index, out=out, mode="clip")
        total = scratch.plane("total", count, np.intp)
        share = scratch.plane("share", count, np.intp)
        for channel, table in enumerate(_luminance_shares()):
            np.copyto(index.reshape(pixels.shape[:2]), pixels[..., channel])
            np.take(table, index, out=share if channel else total, mode="clip")
            if channel:
                np.add(total, share, out=total)
        return np.take(_fine_roots(), total, out=out, mode="clip")
    linear = linear_light(pixels)
    y = linear if pixels.ndim == 2 else linear @ _LUMINANCE.astype(np.float32)
    out[:] = root(y).reshape(-1)
    return out


def linear_light(pixels: npt.NDArray[Any]) -> Plane:
    """Give linear light in [0, 1] of sRGB-encoded uint8, uint16 or float32; shape of *pixels*."""
    if pixels.dtype == np.float32:
        return decode(np.clip(pixels, 0, 1)).astype(np.float32)
    return _linear_codes(np.iinfo(pixels.dtype).max).take(pixels)


def linear_rgb(fx: Plane, fy: Plane, fz: Plane, scratch: Scratch) -> list[Plane]:
    """Turn f(X), f(Y) and f(Z) into linear R, G and B.

    Every row of the matrix sums to 1, so it is enough to add what X and Z differ from Y: equal roots give
    equal channels, to the last bit.
    """
    count = len(fy)
    spare = scratch.plane("spare", count)
    y = unroot(fy, scratch.plane("y", count), spare)
    x_less_y = unroot(fx, scratch.plane("x", count), spare)
    np.subtract(x_less_y, y, out=x_less_y)
    z_less_y = unroot(fz, scratch.plane("z", count), spare)
    np.subtract(z_less_y, y, out=z_less_y)
    rgb = [scratch.plane(name, count) for name in ("red", "green", "blue")]
    for plane, (of_x, _, of_z) in zip(rgb, _FROM_XYZ, strict=True):
        np.multiply(x_less_y, of_x, out=plane)
        np.multiply(z_less_y, of_z, out=spare)
        np.add(plane, spare, out=plane)
        np.add(plane, y, out=plane)
    return rgb


def fit_gamut(rgb: list[Plane], fx: Plane, fy: Plane, fz: Plane, scratch: Scratch) -> None:
    """Bring what lies outside sRGB inside, in place, keeping L and hue: few pixels of a photo, so only those.

    The chroma that fits is looked up by L and hue, between the entries of a table. What that misses by, far
    below what can be seen, is taken off toward the grey of the same luminance.

    Args:
        rgb: Linear R, G and B of the roots that follow.
        fx: f(X).
        fy: f(Y).
        fz: f(Z).
        scratch: As for :func:`linear_rgb`, whose planes are left alone.
    """
    count = len(fy)
    low, high = scratch.plane("spare", count), scratch.plane("x", count)
    np.minimum(np.minimum(rgb[0], rgb[1], out=low), rgb[2], out=low)
    np.maximum(np.maximum(rgb[0], rgb[1], out=high), rgb[2], out=high)
    outside = np.less(low, -_TOLERANCE, out=scratch.plane("outside", count, bool))
    outside |= np.greater(high, 1 + _TOLERANCE, out=scratch.plane("above", count, bool))
    if not outside.any():
        return
    (where,) = np.nonzero(outside)
    of_y = fy[where]
    x_less_y, z_less_y = fx[where] - of_y, fz[where] - of_y
    scale = _fitting_scale(of_y, x_less_y, z_less_y)
    mapped = Scratch()
    fitted = linear_rgb(of_y + x_less_y * scale, of_y, of_y + z_less_y * scale, mapped)
    y = mapped.plane("y", len(where))
    rest = np.ones_like(y)
    for plane in fitted:
        # The share of the way from grey at which this channel meets 0 or 1; it cannot where it is grey.
        reach = np.where(plane > y, 1 - y, y) / np.maximum(np.abs(plane - y), 1e-9)
        np.minimum(rest, reach, out=rest)
    for plane, channel in zip(rgb, fitted, strict=True):
        plane[where] = y + (channel - y) * rest


def codes(linear: Plane, dtype: np.dtype[Any], scratch: Scratch) -> npt.NDArray[Any]:
    """Turn linear light into sRGB-encoded values of *dtype*: codes for integers, [0, 1] for floats."""
    count = len(linear)
    if dtype == np.uint8:
        scaled = np.multiply(linear, np.float32(_FINE), out=scratch.plane("spare", count))
        index = scratch.plane("index", count, np.intp)
        np.copyto(index, scaled, casting="unsafe")
        return np.take(_fine_codes(), index, out=scratch.plane("codes", count, np.uint8), mode="clip")
    encoded = encode(np.clip(linear, 0, 1)).astype(np.float32, copy=False)
    if dtype == np.float32:
        return encoded
    steps: npt.NDArray[np.float32] = np.rint(encoded * np.float32(np.iinfo(dtype).max))
    return steps.astype(dtype)


def _fitting_scale(fy: Plane, x_less_y: Plane, z_less_y: Plane) -> Plane:
    """Give the factor on the chroma of colors outside sRGB that brings them to its surface."""
    a, b = 500 * x_less_y, -200 * z_less_y
    hue = (np.arctan2(b, a) * np.float32(0.5 / np.pi) + np.float32(0.5)) * _HUES
    light = (np.clip(fy, np.float32(16 / 116), 1) * 116 - 16) * np.float32(_LIGHTS / 100)
    row, column = np.clip(np.floor(light), 0, _LIGHTS - 1), np.clip(np.floor(hue), 0, _HUES - 1)
    down, right = light - row, hue - column
    table = _gamut_surface()
    corner = (row * (_HUES + 1) + column).astype(np.intp)  # exact: a float32 holds integers to 2^24
    above = table.take(corner) * (1 - right) + table.take(corner + 1) * right
    corner += _HUES + 1
    below = table.take(corner) * (1 - right) + table.take(corner + 1) * right
    chroma = np.sqrt(a * a + b * b)
    scale: Plane = np.minimum((above + (below - above) * down) / np.maximum(chroma, 1e-6), 1)
    return scale


@cache
def _gamut_surface() -> Plane:
    """Greatest chroma that sRGB holds, by L (rows) and hue from -pi (columns)."""
    light = torch.linspace(0, 100, _LIGHTS + 1)[:, None].expand(-1, _HUES + 1)
    hue = torch.linspace(-torch.pi, torch.pi, _HUES + 1).expand(_LIGHTS + 1, -1)
    # No color of sRGB has a chroma of 140 or more.
    lab = torch.stack((light, 140 * hue.cos(), 140 * hue.sin()))
    surface: Plane = map_to_gamut(lab)[1:].norm(dim=0).numpy()
    return surface


@cache
def _grey_roots() -> Plane:
    return root(decode(np.arange(256) / 255)).astype(np.float32)


@cache
def _luminance_shares() -> list[npt.NDArray[np.intp]]:
    linear = decode(np.arange(256) / 255) * (_FINE - 1)
    return [np.rint(linear * share).astype(np.intp) for share in _LUMINANCE]


@cache
def _fine_roots() -> Plane:
    return root(np.arange(_FINE) / (_FINE - 1)).astype(np.float32)


@cache
def _fine_codes() -> npt.NDArray[np.uint8]:
    middle = (np.arange(_FINE) + 0.5) / _FINE
    codes: npt.NDArray[Any] = np.rint(encode(middle) * 255)
    return codes.astype(np.uint8)


@cache
def _linear_codes(white: int) -> Plane:
    return decode(np.arange(white + 1) / white).astype(np.float32)
