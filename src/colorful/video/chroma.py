"""From a film's own codes to L, and from ab to its codes of chroma: luma itself is never touched.

A photo's result is made pixel by pixel in RGB. A film stores luma and chroma apart, chroma mostly at a
quarter of the pixels: so luma is passed on as it is, and only chroma is made, at the size in which it is
written. The color of a pixel is that which its ab has at the lightness of its luma; its chroma codes are what
that color differs from grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.host import unaffected
from colorful.lab.upsample import guided_coefficients, resize
from colorful.look import Settings
from colorful.raster import bounded, planes
from colorful.raster.axis import Axis
from colorful.video.facts import FULL_RANGE, LUMA_SHARES, Color
from colorful.video.film import Luma

Subsampling = Literal["420", "422", "444"]

_BAND = 1 << 17
"""Pixels of chroma that are made at a time: what the caches hold with all that comes up on the way."""


class Chroma(NamedTuple):
    """The two planes that belong to a plane of luma: Cb and Cr, each ``(h, w)`` of its dtype."""

    blue: Luma
    red: Luma


class Palette:
    """Turn luma into L and ab into chroma, for the frames of one film.

    Args:
        color: How the film's codes become color.
        depth: Bits of its codes, 8 or 10.
        subsampling: How much smaller the planes of chroma are: in both directions, across, or not at all.
        settings: How colors get to the film's size and into sRGB.
    """

    def __init__(self, color: Color, depth: int, subsampling: Subsampling, settings: Settings) -> None:
        self._settings = settings
        self._steps = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}[subsampling]
        top = (1 << depth) - 1
        unit = 1 << (depth - 8)
        full = color.range == FULL_RANGE
        self._black, self._span = (0, top) if full else (16 * unit, 219 * unit)
        self._middle, self._reach = 128 * unit, (top if full else 224 * unit)
        self._highest = top if full else 240 * unit
        self._lowest = 0 if full else 16 * unit
        self._red, self._blue = LUMA_SHARES[color.matrix]
        self._dtype = np.uint8 if depth == 8 else np.uint16
        # Sums of up to eight codes come in: the means of chroma's pixels, without their rounding.
        self._weight = {"420": 8, "422": 4, "444": 1}[subsampling]
        codes = np.arange((top + 1) * self._weight) / self._weight
        self._luma_of_sum = np.clip((codes - self._black) / self._span, 0, 1).astype(np.float32)
        roots = planes.root(planes.decode(self._luma_of_sum.astype(np.float64)))
        self._root_of_sum = torch.from_numpy((roots / planes.UNIT).astype(np.float32))
        whole = np.clip((np.arange(top + 1) - self._black) / self._span, 0, 1)
        self._light_of_code = (116 * planes.root(planes.decode(whole)) - 16).astype(np.float32)
        self._code_of_linear = _encoded()

    @unaffected()
    def light(self, luma: Luma, size: tuple[int, int]) -> Tensor:
        """Give L at the size at which a network looks.

        Args:
            luma: The film's codes, ``(H, W)``.
            size: Height and width wanted.

        Returns:
            L in 0..100, shape ``(1, 1, *size)``.
        """
        height, width = luma.shape
        # A mean over whole blocks first: it is cheap, and what it blurs is finer than the network sees.
        block = max(1, min(height // (2 * size[0]), width // (2 * size[1])))
        if block > 1:
            shape = (round(width / block), round(height / block))
            luma = cv2.resize(luma, shape, interpolation=cv2.INTER_AREA)
        light = torch.from_numpy(self._light_of_code.take(luma))[None, None]
        return resize(light, size).clamp_(0, 100)

    @unaffected()
    def paint(self, luma: Luma, ab: Tensor, guide: Tensor) -> Chroma:
        """Make the chroma of a frame.

        Args:
            luma: The film's codes, ``(H, W)``.
            ab: Colors at the network's size, ``(2, h, w)``, turned as the frame is stored.
            guide: L as the network saw it, ``(1, 1, h, w)`` or larger, turned likewise.

        Returns:
            Its planes, ``(ceil(H / 2), ceil(W / 2))`` where both are halved.
        """
        down, across = self._steps
        height, width = -(-luma.shape[0] // down), -(-luma.shape[1] // across)
        cells = self._coefficients(bounded(ab), guide)  # (2 | 4, h, w)
        columns = resize(cells[None], (cells.shape[1], width), kernel=self._kernel)[0].numpy()
        axis = Axis(height, cells.shape[1], self._kernel)
        out = Chroma(np.empty((height, width), self._dtype), np.empty((height, width), self._dtype))
        scratch = planes.Scratch()
        for band in _bands(height, width):
            field = scratch.plane("linear", (len(columns), len(band), width))
            inputs = axis.inputs(band)
            axis.resize(columns[:, inputs.start : inputs.stop], inputs, band, field)
            rows = slice(band.start, band.stop)
            sums = self._sums(luma[down * band.start : down * band.stop])
            self._paint_band(
                sums, field.reshape(len(columns), -1), Chroma(out.blue[rows], out.red[rows]), scratch
            )
        return out

    @property
    def _kernel(self) -> Literal["cubic", "linear"]:
        return "cubic" if self._settings["upsample"] == "guided" else "linear"

    def _coefficients(self, ab: Tensor, guide: Tensor) -> Tensor:
        """Give f(X) - f(Y) and f(Y) - f(Z), negated, as linear functions of f(Y): offsets, then slopes."""
        per_unit = torch.tensor([1 / 500, -1 / 200], dtype=torch.float32)[:, None, None] / planes.UNIT
        if self._settings["upsample"] != "guided":
            return ab * per_unit
        small = resize(guide, (ab.shape[1], ab.shape[2]))
        slope, offset = (part[0] for part in guided_coefficients(ab[None], small))
        return torch.cat(((offset - 16 * slope) * per_unit, planes.TO_LIGHT * slope * per_unit))

    def _sums(self, luma: Luma) -> npt.NDArray[np.int32]:
        """Add up the codes of luma that lie around each pixel of chroma.

        Chroma of a halved width lies on every other pixel of luma, not between two: so H.264 and its kin have
        it where a film does not say (H.273, chroma sample location type 0).
        """
        down, across = self._steps
        wide = luma.astype(np.int32)
        if down == 2:
            wide = np.pad(wide, ((0, wide.shape[0] % 2), (0, 0)), mode="edge")
            wide = wide[::2] + wide[1::2]
        if across == 2:
            padded = np.pad(wide, ((0, 0), (1, 1 + wide.shape[1] % 2)), mode="edge")
            wide = padded[:, :-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]
        return np.ascontiguousarray(wide)

    def _paint_band(
        self, sums: npt.NDArray[np.int32], field: planes.Plane, out: Chroma, scratch: planes.Scratch
    ) -> None:
        index = sums.reshape(-1)
        roots = scratch.plane("roots", (3, len(index)))
        torch.index_select(self._root_of_sum, 0, torch.from_numpy(index), out=torch.from_numpy(roots[2]))
        offset, slope = field[:2], field[2:]
        if len(slope):
            slope *= roots[2]
            offset += slope
        np.add(offset, roots[2], out=roots[:2])
        linear = planes.linear_rgb(roots, scratch)  # (3, P)
        if self._settings["gamut"] == "map":
            planes.fit_gamut(linear, roots, scratch)
        np.clip(linear, 0, planes.WHITE, out=linear)
        steps = scratch.plane("aside", linear.shape, np.int32)
        np.copyto(steps, linear, casting="unsafe")
        # The places of the roots are free again: they take red, green and blue as they are encoded.
        for channel in range(3):
            torch.index_select(
                self._code_of_linear,
                0,
                torch.from_numpy(steps[channel]),
                out=torch.from_numpy(roots[channel]),
            )
        red, green, blue = roots
        grey = np.multiply(red, np.float32(self._red), out=linear[0])
        grey += np.multiply(green, np.float32(1 - self._red - self._blue), out=linear[1])
        grey += np.multiply(blue, np.float32(self._blue), out=linear[1])
        roots -= grey
        fit = self._fit(roots, self._luma_of_sum.take(index), linear)
        for difference, share, plane in ((blue, self._blue, out.blue), (red, self._red, out.red)):
            difference *= fit
            difference *= np.float32(self._reach / (2 * (1 - share)))
            difference += np.float32(self._middle + 0.5)
            np.clip(difference, self._lowest, self._highest, out=difference)
            np.copyto(plane, difference.reshape(plane.shape), casting="unsafe")

    @staticmethod
    def _fit(differences: planes.Plane, luma: planes.Plane, scratch: planes.Plane) -> planes.Plane:
        """Give the factor that keeps red, green and blue in [0, 1] beside the luma that is already there.

        A color's own luma differs a little from that of the grey of its lightness, which is the one that is
        kept: so what just fits into sRGB may not fit beside it. Less chroma keeps luma and hue.
        """
        most, least = scratch[1], scratch[2]
        np.maximum(np.maximum(differences[0], differences[1], out=most), differences[2], out=most)
        np.minimum(np.minimum(differences[0], differences[1], out=least), differences[2], out=least)
        np.maximum(most, np.float32(1e-6), out=most)
        np.minimum(least, np.float32(-1e-6), out=least)
        fit = np.divide(1 - luma, most, out=most)
        np.minimum(fit, np.divide(-luma, least, out=least), out=fit)
        result: planes.Plane = np.minimum(fit, np.float32(1), out=fit)
        return result


def _bands(height: int, width: int) -> Iterator[range]:
    rows = max(1, min(_BAND // width, 1024))
    return (range(top, min(top + rows, height)) for top in range(0, height, rows))


def _encoded() -> Tensor:
    """Give the sRGB encoding of linear light in steps of 1 / WHITE, from 0 to 1."""
    middle: npt.NDArray[Any] = np.minimum((np.arange(planes.WHITE + 1) + 0.5) / planes.WHITE, 1)
    middle[0] = 0
    return torch.from_numpy(planes.encode(middle).astype(np.float32))
