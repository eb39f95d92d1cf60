"""The picture as it travels through the library: pixels, and all that has to be put back around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorful.errors import KindError, RangeError, ShapeError, brief, is_whole
from colorful.images.metadata import Metadata
from colorful.images.pixels import Pixels, rescale
from colorful.images.profiles import srgb_profile

Kind = Literal["file", "image", "array"]
Space = Literal["gray", "rgb", "cmyk"]

_UINT8 = np.dtype(np.uint8)


@dataclass(frozen=True, eq=False)
class Picture:
    """A photo, upright and in sRGB, with what its source needs back.

    Attributes:
        pixels: Grey ``(H, W)`` or sRGB-encoded RGB ``(H, W, 3)``; uint8, uint16, or float32 in [0, 1].
            Contiguous, writable, in native byte order. They may be the very array that came in.
        alpha: Opacity as it came, ``(H, W)``, in the dtype of the source; or None.
        metadata: EXIF, XMP, IPTC, text and resolution.
        format: The format that suits a result best, as :func:`~colorful.images.encode` takes it: that of the
            file, or PNG for a GIF and for what is only read. None for what was not a file.
        kind: What came in: an encoded file, a PIL image, or a NumPy array.
        dtype: What :meth:`unwrap` gives back for an array.
        is_colored: Whether a model made the colors.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    metadata: Metadata = field(default_factory=Metadata)
    format: str | None = None
    kind: Kind = "array"
    dtype: np.dtype[Any] = _UINT8
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

    def __repr__(self) -> str:
        channels = ("grey" if self.pixels.ndim == 2 else "RGB") + ("" if self.alpha is None else " + alpha")
        origin = self.format or self.kind
        return f"Picture({self.width} x {self.height}, {channels}, {self.pixels.dtype}, {origin})"

    def colored(self, rgb: Pixels) -> Picture:
        """Return this picture with other pixels, marked as colored by a model.

        Args:
            rgb: sRGB-encoded color, shape ``(H, W, 3)``, in the dtype of :attr:`pixels`.

        Returns:
            A new picture; all but the pixels is shared.

        Raises:
            ShapeError: If *rgb* is not as high and wide as the picture, or not of three channels.
            KindError: If *rgb* has another dtype.
        """
        if rgb.shape != (*self.size, 3):
            raise ShapeError(f"rgb: expected shape {(*self.size, 3)}, got {rgb.shape}")
        if rgb.dtype != self.pixels.dtype:
            raise KindError(f"rgb: expected {self.pixels.dtype}, got {rgb.dtype}")
        return replace(self, pixels=rgb, is_colored=True)

    def part(self, region: tuple[int, int, int, int]) -> Picture:
        """Cut a part out.

        Args:
            region: Left, top, right and bottom in pixels.

        Returns:
            A new picture; all but the pixels is shared.

        Raises:
            KindError: If it is not four integers.
            RangeError: If that is no part of this picture.
        """
        if len(region) != 4 or not all(map(is_whole, region)):
            raise KindError(f"region: expected four integers, got {brief(region)}")
        left, top, right, bottom = map(int, region)
        if not (0 <= left < right <= self.width and 0 <= top < bottom <= self.height):
            raise RangeError(
                f"region: expected a part of {self.width} x {self.height} pixels, got {brief(region)}"
            )
        rows, columns = slice(top, bottom), slice(left, right)
        alpha = None if self.alpha is None else np.ascontiguousarray(self.alpha[rows, columns])
        return replace(self, pixels=np.ascontiguousarray(self.pixels[rows, columns]), alpha=alpha)

    def unwrap(self) -> Pixels | Image.Image:
        """Give the picture back as what it came in.

        Returns:
            For an array, RGB ``(H, W, 3)``, or ``(H, W, 4)`` where alpha came in; uint8 for bool and uint8,
            otherwise the dtype that came. For everything else a PIL image, RGB or RGBA, 8 bits a channel,
            tagged sRGB, with EXIF, XMP, resolution and text in its ``info``.
        """
        picture = self
        if self.pixels.ndim == 2:
            picture = replace(self, pixels=np.repeat(self.pixels[..., np.newaxis], 3, axis=2))
        if self.kind == "array":
            return picture.channels(self.dtype)
        image = Image.fromarray(picture.channels(_UINT8))
        image.info.update(picture.outgoing().info(), icc_profile=srgb_profile())
        return image

    def channels(self, dtype: npt.DTypeLike) -> Pixels:
        """Return color and alpha in one array, each scaled from the range of its dtype to that of *dtype*.

        Args:
            dtype: uint8, uint16, or a float, whose range is [0, 1].

        Returns:
            Shape ``(H, W)`` for grey without alpha, otherwise ``(H, W, C)`` with C from 2 to 4, alpha last.
        """
        dtype = np.dtype(dtype)
        if self.alpha is None:
            return rescale(self.pixels, dtype)
        colors = 1 if self.pixels.ndim == 2 else 3
        stacked = np.empty((*self.size, colors + 1), dtype)
        stacked[..., :colors] = rescale(self.pixels, dtype).reshape(*self.size, colors)
        stacked[..., colors] = rescale(self.alpha, dtype)
        return stacked

    def opaque_uint8(self) -> npt.NDArray[np.uint8]:
        """Return the pixels at 8 bits, without alpha."""
        return rescale(self.pixels, np.dtype(np.uint8))

    def outgoing(self, *, provenance: bool = True) -> Metadata:
        """Return the metadata for a result: with the note that a model made the colors, if one did.

        Args:
            provenance: False leaves the note out.

        Returns:
            What a file of the result carries beside its pixels.
        """
        return self.metadata.stamped() if provenance and self.is_colored else self.metadata


@dataclass(frozen=True)
class Decoded:
    """Pixels as a file has them, before they are turned upright and brought to sRGB.

    Attributes:
        values: Shape ``(H, W, C)`` without alpha; uint8, uint16, or float32 in [0, 1].
        alpha: Shape ``(H, W)``, or None.
        space: What the channels are.
        is_srgb: Whether a profile has nothing more to add, because they came as CIELAB.
    """

    values: Pixels
    alpha: Pixels | None
    space: Space
    is_srgb: bool = False

    @classmethod
    def of(cls, values: Pixels) -> Decoded:
        """Take grey or RGB ``(H, W)`` or ``(H, W, C)`` apart; the last of 2 or 4 channels is alpha."""
        values = values.reshape(*values.shape[:2], -1)
        if values.shape[2] not in (2, 4):
            return cls(values, None, "gray" if values.shape[2] == 1 else "rgb")
        alpha = np.ascontiguousarray(values[..., -1])
        return cls(values[..., :-1], alpha, "gray" if values.shape[2] == 2 else "rgb")
