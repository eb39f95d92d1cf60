"""ICC profiles, gamma and inks: whatever a file's numbers mean, they leave here as sRGB."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageCms

from colorful.images.log import warn
from colorful.images.pixels import Pixels, by_pieces, white

_SPACES = {b"GRAY": "gray", b"RGB ": "rgb", b"CMYK": "cmyk"}
_CURVE_POINTS = 65536
_NO_OPTIMIZATION = 0x100


@functools.cache
def srgb_profile() -> bytes:
    """Return an ICC profile of sRGB, the same bytes every time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes.fromhex("07e8 0001 0001 0000 0000 0000")  # Little CMS writes the time of day here
    return bytes(profile)


def to_srgb(values: npt.NDArray[Any], space: str, profile: bytes) -> npt.NDArray[Any] | None:
    """Convert from a profile's color space to sRGB, with perceptual intent.

    Args:
        values: Shape ``(H, W)`` for grey, otherwise ``(H, W, C)``; uint8, uint16, or float32 in [0, 1].
        space: What the channels are: ``gray``, ``rgb`` or ``cmyk``.
        profile: The ICC profile.

    Returns:
        Grey ``(H, W)`` or RGB ``(H, W, 3)``, in the dtype of *values*; *values* itself where the profile is
        sRGB under another name. None if the profile is broken or made for other channels: the log says so.
    """
    profile_space = _SPACES.get(profile[16:20])
    # A grey file with an RGB profile is what remains when a program dropped the color and kept the profile.
    if profile_space != space and (space, profile_space) != ("gray", "rgb"):
        warn(f"ICC profile ignored: it is not for {space} pixels")
        return None
    try:
        if profile_space == "rgb" and _is_srgb(profile):
            return values
        if space == "gray":
            return _gray_to_srgb(values, profile)
        return _transform(values, space, profile)
    except (RuntimeError, ValueError, TypeError) as error:
        warn(f"ICC profile ignored: {error}")
        return None


def from_gamma(values: npt.NDArray[Any], gamma: float) -> npt.NDArray[Any]:
    """Re-encode pixels stored as light to the power of *gamma* (PNG's gAMA) for displays of gamma 2.2."""
    ramp = np.linspace(0, 1, int(np.iinfo(values.dtype).max) + 1)
    return _look_up(values, ramp ** (1 / (2.2 * gamma)))


def cmyk_to_rgb(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Mix inks without a profile, by the plain product that Pillow uses too.

    Args:
        values: Shape ``(H, W, 4)``, uint8 or uint16; the largest value is full ink.
    """
    full = white(values.dtype)

    def mix(inks: Pixels) -> Pixels:
        paper = 1 - inks / np.float32(full)
        return np.rint(paper[:, :3] * paper[:, 3:] * full)

    return by_pieces(mix, values, dtype=values.dtype, channels=(3,))


def lab_to_rgb(values: npt.NDArray[np.uint16]) -> npt.NDArray[Any]:
    """Convert 16-bit CIELAB (D50) as TIFF has it: L to 65535, a and b signed in 256ths."""

    def encode(lab: Pixels) -> Pixels:
        ab = lab[:, 1:].astype(np.int16) * np.float32(257 / 256) + np.float32(128 * 257)
        return np.concatenate((lab[:, :1], np.rint(ab.clip(0, 65535)).astype(np.uint16)), axis=-1)

    profile: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return _transform(by_pieces(encode, values, dtype=np.uint16, channels=(3,)), "lab", profile)


def _gray_to_srgb(values: npt.NDArray[Any], profile: bytes) -> npt.NDArray[Any]:
    # Through a table: neutral stays neutral, and 16 bits get the precision of floats.
    ramp = np.linspace(0, 1, _CURVE_POINTS, dtype=np.float32).reshape(1, -1)
    if profile[16:20] == b"RGB ":
        table = _transform(np.stack([ramp] * 3, axis=-1), "rgb", profile)
    else:
        table = _transform(ramp, "gray", profile)
    return _look_up(values, table[0, :, 1])


def _look_up(values: npt.NDArray[Any], curve: npt.NDArray[np.floating]) -> npt.NDArray[Any]:
    places = np.linspace(0, 1, len(curve))
    if values.dtype.kind == "f":
        return by_pieces(
            lambda piece: np.interp(piece, places, curve),
            values,
            dtype=values.dtype,
            channels=values.shape[2:],
        )
    full = int(np.iinfo(values.dtype).max)
    table = np.rint(np.interp(np.linspace(0, 1, full + 1), places, curve) * full).astype(values.dtype)
    return np.asarray(table[values])


def _is_srgb(profile: bytes) -> bool:
    # Many programs write an sRGB profile of their own. Where no color moves by more than one step of 8 bits,
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
        # Optimized, Little CMS is off by up to 8 % in the darks of 16-bit pixels; at 8 bits it does not show.
        flags=0 if values.dtype == np.uint8 else _NO_OPTIMIZATION,
    )
    return result.clip(0, 1) if result.dtype.kind == "f" else result
