"""Put colors into a photo's pixels: its own L and ab of the network's size become RGB."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.errors import RangeError, ShapeError, brief, check_choice
from colorful.host import unaffected
from colorful.lab.space import Gamut
from colorful.lab.upsample import Kernel, guided_coefficients, resize
from colorful.raster import planes
from colorful.raster.axis import Axis
from colorful.raster.bands import Band, check_pixels, scratch_of_thread, share_out
from colorful.raster.lightness import LONG, light

Upsampling = Literal["guided", "bilinear"]
Region = tuple[int, int, int, int]

_MOST_CHROMA = 1e5


@unaffected()
def render(
    pixels: npt.NDArray[Any],
    ab: Tensor | npt.NDArray[np.floating[Any]],
    *,
    keep: npt.NDArray[Any] | None = None,
    upsample: Upsampling = "guided",
    gamut: Gamut = "map",
    guide: Tensor | None = None,
    region: Region | None = None,
    over: bool = False,
) -> npt.NDArray[Any]:
    """Join a photo's own L with ab of the network's size.

    Args:
        pixels: sRGB-encoded grey ``(H, W)`` or RGB ``(H, W, 3)``; uint8, uint16, or float32 in [0, 1].
        ab: Shape ``(2, h, w)``, CIELAB units.
        keep: Shape ``(H, W)``, 1 (or True) where the photo stays as it is, 0 where it takes the color;
            between, the two are mixed in linear light, which keeps L.
        upsample: ``guided`` follows the edges of the photo's L, ``bilinear`` does not.
        gamut: As in :func:`colorful.lab.lab_to_rgb`.
        guide: What :func:`light` gave for *pixels* at any size not below that of *ab*, to save the work of
            taking it again; only ``guided`` reads it.
        region: Left, top, right and bottom in pixels: only that part is made, just as it is in the whole, and
            *keep* has its size.
        over: Whether the result may take the memory of *pixels*, if these are in color.

    Returns:
        sRGB-encoded RGB, shape ``(H, W, 3)`` or that of the region; dtype of *pixels*.

    Raises:
        KindError: If *pixels* is not an array of one of these types.
        ShapeError: If *pixels*, *ab* or *keep* has another shape.
        RangeError: If *ab* is not finite.
        OptionError: If *upsample* or *gamut* is not one of those named.
    """
    check_pixels(pixels)
    for name, value, kind in (("upsample", upsample, Upsampling), ("gamut", gamut, Gamut)):
        check_choice(name, value, get_args(kind))
    left, top, right, bottom = (0, 0, pixels.shape[1], pixels.shape[0]) if region is None else region
    if not (0 <= left < right <= pixels.shape[1] and 0 <= top < bottom <= pixels.shape[0]):
        raise RangeError(
            f"region: expected a part of {pixels.shape[1]} x {pixels.shape[0]} pixels, got {brief(region)}"
        )
    height, width = bottom - top, right - left
    if keep is not None and keep.shape != (height, width):
        raise ShapeError(f"keep: expected shape {(height, width)}, got {keep.shape}")
    small = torch.as_tensor(ab, device="cpu").detach().to(torch.float32)
    if small.dim() != 3 or small.shape[0] != 2 or 0 in small.shape:
        raise ShapeError(f"ab: expected shape (2, h, w), got {tuple(small.shape)}")
    if not small.isfinite().all():
        raise RangeError("ab: expected finite values, got NaN or infinity")

    field = _ColorField(pixels, bounded(small)[None], upsample, guide)
    over = over and region is None and pixels.ndim == 3 and pixels.flags.writeable
    out = pixels if over else np.empty((height, width, 3), pixels.dtype.newbyteorder("="))

    def paint(bands: Iterator[Band]) -> None:
        scratch = scratch_of_thread()
        for band in bands:
            there = band.moved(top, left)
            part, painted = pixels[there.place], out[band.place]
            part = part.copy() if over and keep is not None else part
            roots = scratch.plane("roots", (3, math.prod(band.size)))
            planes.luminance_root(part, roots[2], scratch)
            field.add(there, roots, scratch)
            linear = planes.linear_rgb(roots, scratch)
            if gamut == "map":
                planes.fit_gamut(linear, roots, scratch)
            else:
                np.clip(linear, 0, planes.WHITE, out=linear)
            if keep is not None:
                _mix(linear, part, keep[band.place])
            planes.write_codes(linear, painted, scratch)
            if keep is not None:
                stays = np.asarray(keep[band.place]) == 1
                painted[stays] = (part if part.ndim == 3 else part[..., None])[stays]

    share_out((height, width), paint, whole=field.whole)
    return out


def bounded(ab: Tensor) -> Tensor:
    """Keep ab where it can be computed with, all of it in proportion.

    Far outside of any gamut more chroma makes no difference, but its cube would overflow.

    Args:
        ab: Finite, in CIELAB units, any shape.
    """
    return ab * min(1.0, _MOST_CHROMA / max(float(ab.abs().max()), 1.0))


class _ColorField:
    """f(X) and f(Z) of every pixel as functions of its f(Y), from ab at the network's size.

    The cells are resized along one axis at once, since that is cheap: along the axis that leaves the smaller
    result, or horizontally if the photo is at least four times as high as there are cells. Along the other
    axis each band interpolates between the few cells around it. Where the photo has hundreds of pixels for a
    cell, several pixels in a row share one value.
    """

    def __init__(
        self, pixels: npt.NDArray[Any], ab: Tensor, upsampling: Upsampling, guide: Tensor | None
    ) -> None:
        height, width = pixels.shape[:2]
        h, w = ab.shape[-2:]
        kernel: Kernel = "linear"
        per_unit = torch.tensor([1 / 500, -1 / 200], dtype=torch.float32, device="cpu") / planes.UNIT
        per_unit = per_unit[:, None, None]
        cells = ab * per_unit
        if upsampling == "guided":
            kernel = "cubic"
            small = light(pixels, (h, w)) if guide is None else resize(guide, (h, w))
            slope, offset = guided_coefficients(ab, small)
            # ab = slope L + offset, and L = TO_LIGHT f(Y) - 16.
            cells = torch.cat(((offset - 16 * slope) * per_unit, planes.TO_LIGHT * slope * per_unit), dim=1)
        self._wide = 4 * h <= height or h * width <= height * w
        size = (h, width) if self._wide else (height, w)
        self._cells = resize(cells, size, kernel=kernel)[0].numpy()  # -> (2 | 4, h, W) or (2 | 4, H, w)
        length, source = (height, h) if self._wide else (width, w)
        self._alike = max(1, length // (source * LONG))
        self._rest = Axis(-(-length // self._alike), source, kernel)
        self.whole = (self._alike, 1) if self._wide else (1, self._alike)

    def add(self, band: Band, roots: planes.Plane, scratch: planes.Scratch) -> None:
        """Set f(X) and f(Z) of a band beside its f(Y): *roots* ``(3, P)`` in that order."""
        rows, columns = band.place
        field = scratch.plane("linear", (len(self._cells), *band.size))
        cells, out = (self._cells[..., columns], field) if self._wide else (self._cells[:, rows].mT, field.mT)
        along = band.rows if self._wide else band.columns
        outputs = range(along.start // self._alike, -(-along.stop // self._alike))
        inputs = self._rest.inputs(outputs)
        cells = cells[:, inputs.start : inputs.stop]
        if self._alike == 1:
            self._rest.resize(cells, inputs, outputs, out)
        else:
            few = np.empty((len(out), len(outputs), out.shape[2]), np.float32)
            self._rest.resize(cells, inputs, outputs, few)
            first = along.start - outputs.start * self._alike
            out[:] = np.repeat(few, self._alike, 1)[:, first : first + len(along)]
        field = field.reshape(len(field), -1)
        offset, slope, fy = field[:2], field[2:], roots[2]
        if len(slope):  # none where the guide is not used
            slope *= fy
            offset += slope
        np.add(offset, fy, out=roots[:2])


def _mix(linear: planes.Plane, pixels: npt.NDArray[Any], keep: npt.NDArray[Any]) -> None:
    """Go the share *keep* of the way back to the photo, in linear light."""
    share = np.clip(np.asarray(keep, np.float32), 0, 1).reshape(-1)
    own = planes.linear_light(pixels) * np.float32(planes.WHITE)
    linear += share * (own.reshape(len(share), -1).T - linear)
