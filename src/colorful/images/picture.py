"""The picture as it travels through the library: pixels, and all that has to be put back around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorful.errors import KindError, ShapeError
from colorful.images.metadata import Metadata
from colorful.images.profiles import srgb_profile

Pixels = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Picture:
    """A photo, upright and in sRGB, with what its source needs back.

    Attributes:
        pixels: Gray ``(H, W)`` or sRGB-encoded RGB ``(H, W, 3)``; uint8, uint16, or float32 in [0, 1].
            Contiguous, writable and in native byte order.
        alpha: Opacity as it came, ``(H, W)``, or None. Its dtype is the source's.
        metadata: EXIF, XMP, IPTC, text and resolution.
        format: The format a result suits best: that of the file, as :func:`~colorful.images.encode` takes
            it, or PNG for a GIF and for what is only read; None for arrays and images made in memory.
        kind: What came in: an encoded file, a PIL image or a NumPy array.
        dtype: What :meth:`unwrap` gives back for an array.
        colored: Whether a model made the colors.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    metadata: Metadata = field(default_factory=Metadata)
    format: str | None = None
    kind: Literal["file", "image", "array"] = "array"
    dtype: np.dtype[Any] = np.dtype(np.uint8)
    is_colored: bool = False

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    def colored(self, rgb: Pixels) -> Picture:
        """Return this picture with new pixels, marked as colored by a model.

        Args:
            rgb: sRGB-encoded color, shape ``(H, W, 3)``, the dtype of :attr:`pixels`.

        Raises:
            ShapeError: If *rgb* is not as high and wide as the picture, or not of three channels.
            KindError: If *rgb* has another dtype.
        """
        if rgb.shape != (*self.size, 3):
            raise ShapeError(f"rgb: expected shape {(*self.size, 3)}, got {rgb.shape}")
        if rgb.dtype != self.pixels.dtype:
            raise KindError(f"rgb: expected {self.pixels.dtype}, got {rgb.dtype}")
        return replace(self, pixels=rgb, is_colored=True)

    def unwrap(self) -> Pixels | Image.Image:
        """Give the picture back as what it came in.

        Returns:
            For an array: RGB ``(H, W, 3)``, or ``(H, W, 4)`` where alpha came in; uint8 for bool and uint8,
            otherwise the dtype that came. For everything else a PIL image, RGB or RGBA, 8 bits a channel,
            tagged sRGB, with EXIF, resolution and text in its ``info``.
        """
        if self.kind == "array":
            return self._to_array()
        image = Image.fromarray(self.to_uint8())
        metadata = self.metadata.stamped() if self.is_colored else self.metadata
        image.info = {**metadata.info(), "icc_profile": srgb_profile()}
        return image

    def to_uint8(self, *, alpha: bool = True) -> npt.NDArray[np.uint8]:
        """Round the channels to 8 bits, alpha last.

        Args:
            alpha: Whether alpha is wanted.

        Returns:
            Shape ``(H, W)`` for gray without alpha, otherwise ``(H, W, C)`` with C from 2 to 4.
        """
        return self._stacked(np.dtype(np.uint8), alpha=alpha)

    def to_uint16(self, *, alpha: bool = True) -> npt.NDArray[np.uint16]:
        """Widen or round the channels to 16 bits, alpha last; otherwise as :meth:`to_uint8`."""
        return self._stacked(np.dtype(np.uint16), alpha=alpha)

    def to_float32(self, *, alpha: bool = True) -> npt.NDArray[np.float32]:
        """Scale the channels to floats in [0, 1], alpha last; otherwise as :meth:`to_uint8`."""
        return self._stacked(np.dtype(np.float32), alpha=alpha)

    def native(self) -> Pixels:
        """Return the channels in the dtype of :attr:`pixels`, alpha last; otherwise as :meth:`to_uint8`."""
        return self._stacked(self.pixels.dtype, alpha=True)

    def _to_array(self) -> Pixels:
        rgb = self.pixels if self.pixels.ndim == 3 else np.repeat(self.pixels[..., None], 3, axis=2)
        if self.alpha is None:
            return rgb.astype(self.dtype, copy=False)
        rgba = np.empty((*self.size, 4), self.dtype)
        rgba[..., :3] = rgb
        rgba[..., 3] = self.alpha  # in the dtype that came, so every bit of it is kept
        return rgba

    def _stacked(self, dtype: np.dtype[Any], *, alpha: bool) -> Pixels:
        if self.alpha is None or not alpha:
            return rescale(self.pixels, dtype)
        channels = 1 if self.pixels.ndim == 2 else 3
        stacked = np.empty((*self.size, channels + 1), dtype)
        stacked[..., :channels] = rescale(self.pixels.reshape(*self.size, channels), dtype)
        stacked[..., channels] = rescale(self.alpha, dtype)
        return stacked


def rescale(values: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Bring values from the whole range of their dtype to the whole range of another.

    Works in bands of rows, so that a large photo never exists as floats in full.

    Args:
        values: uint8, uint16 or floats in [0, 1]; shape ``(H, ...)``.
        dtype: uint8, uint16 or float32.

    Returns:
        Shape of *values*; *values* itself if it has that dtype already.
    """
    if values.dtype == dtype:
        return values
    result = np.empty(values.shape, dtype)
    scale = _white(dtype) / _white(values.dtype)
    for rows in bands(values.shape):
        band = values[rows] * np.float32(scale) if dtype.kind == "f" else values[rows] * scale
        result[rows] = band if dtype.kind == "f" else np.rint(band)
    return result


def bands(shape: tuple[int, ...], *, items: int = 1 << 20) -> list[slice]:
    """Cut an array's rows into bands of about *items* elements."""
    rows = max(1, items * shape[0] // max(1, int(np.prod(shape))))
    return [slice(top, min(top + rows, shape[0])) for top in range(0, shape[0], rows)]


def _white(dtype: np.dtype[Any]) -> int:
    return 1 if dtype.kind == "f" else int(np.iinfo(dtype).max)
