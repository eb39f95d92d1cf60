"""Put colors into a photo's pixels: its own L and ab of the network's size become RGB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.errors import OptionError, RangeError, ShapeError
from colorful.host import unaffected
from colorful.lab.space import Gamut
from colorful.lab.upsample import Kernel, guided_coefficients, resize
from colorful.raster import planes
from colorful.raster.axis import Axis
from colorful.raster.bands import check_pixels, scratch_of_thread, share_out
from colorful.raster.lightness import light

Upsampling = Literal["guided", "bilinear"]

_MOST_CHROMA = 1e5


@unaffected()
def render(
    pixels: npt.NDArray[Any],
    ab: Tensor | npt.NDArray[np.floating[Any]],
    *,
    chroma: float = 1.0,
    keep: npt.NDArray[Any] | None = None,
    upsample: Upsampling = "guided",
    gamut: Gamut = "map",
    guide: Tensor | None = None,
) -> npt.NDArray[Any]:
    """Join a photo's own L with ab of the network's size.

    Args:
        pixels: sRGB-encoded grey ``(H, W)`` or RGB ``(H, W, 3)``; uint8, uint16, or float32 in [0, 1].
        ab: Shape ``(2, h, w)``, CIELAB units.
        chroma: Factor on *ab*.
        keep: Shape ``(H, W)``, 1 (or True) where the photo stays as it is, 0 where it takes the color;
            between, the two are mixed in linear light, which keeps L.
        upsample: ``guided`` follows the edges of the photo's L, ``bilinear`` does not.
        gamut: As in :func:`colorful.lab.lab_to_rgb`.
        guide: What :func:`light` gave for *pixels* at any size not below that of *ab*, to save the work of
            taking it again; only ``guided`` reads it.

    Returns:
        sRGB-encoded RGB, shape ``(H, W, 3)``; dtype of *pixels*.

    Raises:
        KindError: If *pixels* is not an array of one of these types.
        ShapeError: If *pixels*, *ab* or *keep* has another shape.
        RangeError: If *ab* is not finite.
        OptionError: If *upsample* or *gamut* is not one of those named.
    """
    check_pixels(pixels)
    for name, value, kind in (("upsample", upsample, Upsampling), ("gamut", gamut, Gamut)):
        if value not in get_args(kind):
            raise OptionError(f"{name}: expected one of {get_args(kind)}, got {value!r}")
    height, width = pixels.shape[:2]
    if keep is not None and keep.shape != (height, width):
        raise ShapeError(f"keep: expected shape {(height, width)}, got {keep.shape}")
    small = torch.as_tensor(ab).detach().to("cpu", torch.float32)
    if small.dim() != 3 or small.shape[0] != 2 or 0 in small.shape:
        raise ShapeError(f"ab: expected shape (2, h, w), got {tuple(small.shape)}")
    if not small.isfinite().all():
        raise RangeError("ab: expected finite values, got NaN or infinity")

    # Far outside any gamut more chroma makes no difference, but its cubes would overflow.
    chroma = min(chroma, _MOST_CHROMA / max(float(small.abs().max()), 1e-6))
    field = _ColorField(pixels, small[None] * chroma, upsample, guide)
    out = np.empty((height, width, 3), pixels.dtype.newbyteorder("="))

    def paint(bands: Iterator[range]) -> None:
        scratch = scratch_of_thread(width)
        for band in bands:
            rows = slice(band.start, band.stop)
            roots = scratch.plane("roots", (3, len(band) * width))
            planes.luminance_root(pixels[rows], roots[2], scratch)
            field.add(band, roots, scratch)
            linear = planes.linear_rgb(roots, scratch)
            if gamut == "map":
                planes.fit_gamut(linear, roots, scratch)
            else:
                np.clip(linear, 0, planes.WHITE, out=linear)
            if keep is not None:
                _mix(linear, pixels[rows], keep[rows])
            planes.write_codes(linear, out[rows], scratch)
            if keep is not None:
                stays = np.asarray(keep[rows]) == 1
                out[rows][stays] = (pixels[rows] if pixels.ndim == 3 else pixels[rows, :, None])[stays]

    share_out(height, width, paint)
    return out


class _ColorField:
    """f(X) and f(Z) of every pixel as functions of its f(Y), from ab at the network's size.

    Widened to the photo at once, since that is cheap; each band then mixes the few rows it lies between.
    """

    def __init__(
        self, pixels: npt.NDArray[Any], ab: Tensor, upsampling: Upsampling, guide: Tensor | None
    ) -> None:
        height, width = pixels.shape[:2]
        size = (ab.shape[-2], ab.shape[-1])
        kernel: Kernel = "linear"
        per_unit = torch.tensor([1 / 500, -1 / 200])[:, None, None] / planes.UNIT
        cells = ab * per_unit
        if upsampling == "guided":
            kernel = "cubic"
            small = light(pixels, size) if guide is None else resize(guide, size)
            slope, offset = guided_coefficients(ab, small)
            # ab = slope L + offset, and L = TO_LIGHT f(Y) - 16.
            cells = torch.cat(((offset - 16 * slope) * per_unit, planes.TO_LIGHT * slope * per_unit), dim=1)
        self._columns = resize(cells, (size[0], width), kernel=kernel)[0].numpy()  # -> (2 | 4, h, W)
        self._rows = Axis(height, size[0], kernel)

    def add(self, band: range, roots: planes.Plane, scratch: planes.Scratch) -> None:
        """Set f(X) and f(Z) of a band beside its f(Y): *roots* ``(3, P)`` in that order."""
        count, _, width = self._columns.shape
        field = scratch.plane("linear", (count, len(band), width))
        inputs = self._rows.inputs(band)
        self._rows.resize(self._columns[:, inputs.start : inputs.stop], inputs, band, field)
        field = field.reshape(count, -1)
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
