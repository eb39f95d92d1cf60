"""ICC profiles and gamma: whatever a file's numbers mean, they leave here as sRGB."""

from __future__ import annotations

import functools
import logging
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageCms

logger = logging.getLogger(__name__)

_SIGNATURES = {b"GRAY": "gray", b"RGB ": "rgb", b"CMYK": "cmyk"}


@functools.cache
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB, the same bytes every time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes.fromhex("07e8 0001 0001 0000 0000 0000")  # date of creation: Little CMS writes now
    return bytes(profile)


def to_srgb(values: npt.NDArray[Any], space: str, profile: bytes) -> npt.NDArray[Any] | None:
    """Convert from a profile's color space to sRGB, perceptual intent.

    Args:
        values: Shape ``(H, W)`` for gray, otherwise ``(H, W, C)``; uint8, uint16, or float32 in [0, 1].
        space: What the channels are: ``gray``, ``rgb`` or ``cmyk``.
        profile: The ICC profile.

    Returns:
        Gray ``(H, W)`` or RGB ``(H, W, 3)``, the dtype of *values*. *values* itself if the profile is sRGB
        by another name. None if the profile is broken or made for other channels, which the log says.
    """
    if _SIGNATURES.get(profile[16:20]) != space:
        logger.warning("ICC profile ignored: it is not for %s pixels", space)
        return None
    try:
        if space == "gray":
            return _gray_to_srgb(values, profile)
        if space == "rgb" and _is_srgb(profile):
            return values
        return _transform(values, space, profile)
    except (RuntimeError, ValueError, TypeError) as error:
        logger.warning("ICC profile ignored: %s", error)
        return None


def apply_gamma(values: npt.NDArray[Any], gamma: float) -> npt.NDArray[Any]:
    """Re-encode pixels that were stored as light ** gamma (the gAMA chunk of PNG) for sRGB displays."""
    white = np.iinfo(values.dtype).max
    ramp = np.arange(white + 1) / white
    table = np.rint(ramp ** (1 / (2.2 * gamma)) * white).astype(values.dtype)
    return table[values]


def _gray_to_srgb(values: npt.NDArray[Any], profile: bytes) -> npt.NDArray[Any]:
    # Through a table, so that neutral stays neutral and 16 bits get the precision of floats.
    if values.dtype.kind == "f":
        table = _gray_table(profile, 65536)
        return np.interp(values, np.linspace(0, 1, 65536), table).astype(values.dtype)
    white = np.iinfo(values.dtype).max
    table = np.rint(_gray_table(profile, white + 1) * white).astype(values.dtype)
    return table[values]


def _gray_table(profile: bytes, length: int) -> npt.NDArray[np.float32]:
    ramp = np.linspace(0, 1, length, dtype=np.float32).reshape(1, -1)
    return _transform(ramp, "gray", profile)[0, :, 1].clip(0, 1)  # type: ignore[no-any-return]


def _is_srgb(profile: bytes) -> bool:
    # Many programs write an sRGB profile of their own. Where no color moves by more than a step of 8 bits,
    # leaving the pixels alone is the better conversion.
    grid = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), axis=-1).reshape(1, -1, 3)
    return bool(np.abs(_transform(grid, "rgb", profile).astype(int) - grid).max() <= 1)


def _transform(values: npt.NDArray[Any], space: str, profile: bytes) -> npt.NDArray[Any]:
    import imagecodecs

    result: npt.NDArray[Any] = imagecodecs.cms_transform(
        np.ascontiguousarray(values),
        profile,
        srgb_profile(),
        colorspace=space,
        outcolorspace="rgb",
        outdtype=values.dtype,
        intent=int(ImageCms.Intent.PERCEPTUAL),
    )
    return result.clip(0, 1) if result.dtype.kind == "f" else result
