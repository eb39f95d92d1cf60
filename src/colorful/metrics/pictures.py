"""Measures of single photos, in batches. Shapes and ranges are as in :mod:`colorful.metrics`."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.errors import KindError, RangeError, ShapeError, check_choice

Form = Literal["hasler", "absolute"]
"""Which colorfulness: as Hasler and Suesstrunk define it, or of absolute opponents, as in DDColor's code."""

_SSIM_WINDOW = 11
_OVERSHOOT = 0.01
"""How far rounding may take floats out of [0, 1]. Floats of 0..255 are refused."""


VIVID, WRONG = 25.0, 40.0
"""Chroma over which a color is vivid, and distance over which it is wrong, in CIELAB units."""


def psnr(rgb: Tensor, real: Tensor) -> Tensor:
    """Measure the peak signal-to-noise ratio on 8-bit RGB, all channels together: ``10 log10(255^2 / MSE)``.

    Args:
        rgb: Colored photos, shape ``(N, 3, H, W)``; floats in [0, 1] are rounded to 8 bits first.
        real: The true ones.

    Returns:
        Decibels, shape ``(N,)``; infinite for identical pictures.

    Raises:
        ShapeError: If the two are not of such shapes.
    """
    check_pair(rgb, real, 3, "rgb", one_will_do=True)
    error = (_levels(rgb) - _levels(real)).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(255**2 / error)


def psnr_ab(ab: Tensor, real: Tensor) -> Tensor:
    """Measure the peak signal-to-noise ratio on ab: ``10 log10(255^2 / MSE)`` in CIELAB units.

    The peak is that of ab stored in 8 bits. Never compare it with a PSNR on RGB.

    Args:
        ab: Predicted colors, shape ``(N, 2, H, W)``.
        real: The true ones.

    Returns:
        Decibels, shape ``(N,)``; infinite for identical colors.

    Raises:
        ShapeError: If the two are not of such shapes.
    """
    check_pair(ab, real, 2, "ab", one_will_do=True)
    return 10 * torch.log10(255**2 / (ab - real).square().mean(dim=(1, 2, 3)))


def vivid_and_wrong(ab: Tensor, real: Tensor) -> Tensor:
    """Measure the share of pixels that are vivid and far from the truth: what people see first.

    Args:
        ab: Predicted colors, shape ``(N, 2, H, W)``.
        real: The true ones.

    Returns:
        Share of the pixels with a chroma over 25 that are more than 40 CIELAB units off, of all pixels,
        shape ``(N,)``, in [0, 1].

    Raises:
        ShapeError: If the two are not of such shapes.
    """
    check_pair(ab, real, 2, "ab", one_will_do=True)
    vivid = torch.hypot(*ab.unbind(1)) > VIVID
    wrong = torch.hypot(*(ab - real).unbind(1)) > WRONG
    share: Tensor = (vivid & wrong).float().mean(dim=(1, 2))
    return share


def ssim(rgb: Tensor, real: Tensor) -> Tensor:
    """Measure the structural similarity on 8-bit RGB, by scikit-image.

    The mean is over channels and over the windows that lie inside the photo. Windows are Gaussian with a
    standard deviation of 1.5 pixels, cut off at 5 pixels.

    Args:
        rgb: Colored photos, shape ``(N, 3, H, W)``, sides of at least 11; floats in [0, 1] are rounded to 8
            bits first.
        real: The true ones.

    Returns:
        Shape ``(N,)``, at most 1.

    Raises:
        ShapeError: If the two are not of such shapes, or smaller than a window.

    References:
        Wang, Bovik, Sheikh, Simoncelli. Image Quality Assessment: From Error Visibility to Structural
        Similarity. IEEE TIP 2004, eq. 13.
    """
    from skimage.metrics import structural_similarity

    check_pair(rgb, real, 3, "rgb", one_will_do=True)
    if min(rgb.shape[2:]) < _SSIM_WINDOW:
        raise ShapeError(f"rgb: expected sides of at least {_SSIM_WINDOW} pixels, got {tuple(rgb.shape)}")
    pictures, truth = _array(_levels(rgb).double()), _array(_levels(real).double())
    found = [
        structural_similarity(
            picture,
            one,
            channel_axis=0,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            win_size=_SSIM_WINDOW,
            use_sample_covariance=False,
        )
        for picture, one in zip(pictures, np.broadcast_to(truth, pictures.shape), strict=True)
    ]
    return torch.tensor(found, dtype=torch.float32, device=rgb.device)


def ciede2000(lab: Tensor, real: Tensor) -> Tensor:
    """Measure the color difference Delta E00 of each pixel, with all parametric factors 1, by scikit-image.

    Args:
        lab: CIELAB, shape ``(*, 3, H, W)``.
        real: Likewise.

    Returns:
        Shape ``(*, H, W)``, at least 0; dtype of *lab*.

    Raises:
        ShapeError: If the two are not of such shapes.

    References:
        Sharma, Wu, Dalal. The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test
        Data, and Mathematical Observations. Color Research and Application 2005, eq. 2 to 22.
    """
    from skimage.color import deltaE_ciede2000

    _check_tensor(lab, "lab")
    _check_tensor(real, "real")
    if lab.dim() < 3 or lab.shape[-3] != 3 or real.shape not in (lab.shape, (1, *lab.shape[1:])):
        raise ShapeError(
            f"lab, real: expected one shape (*, 3, H, W), got {tuple(lab.shape)}, {tuple(real.shape)}"
        )
    with np.errstate(all="ignore"):  # its terms vanish where colors are alike
        found = deltaE_ciede2000(_array(lab), _array(real), channel_axis=-3)
    return torch.from_numpy(found).to(lab)


def colorfulness(rgb: Tensor, *, form: Form = "hasler") -> Tensor:
    """Measure how colorful photos are: 0 for grey, about 15 slightly, 45 quite and 85 highly colorful.

    Args:
        rgb: Shape ``(N, 3, H, W)``, floats in [0, 1] or uint8.
        form: ``hasler`` is the definition; ``absolute`` takes absolute values of the opponents first, as the
            code of DDColor does, and gives other numbers.

    Returns:
        Shape ``(N,)``, on the scale of 0..255.

    Raises:
        ShapeError: If *rgb* is not of that shape.
        OptionError: If *form* is not one of those named.

    References:
        Hasler, Suesstrunk. Measuring Colourfulness in Natural Images. SPIE 2003, M3.
    """
    check_choice("form", form, get_args(Form))
    check_rank(rgb, 3, "rgb")
    red, green, blue = (rgb.float() if rgb.dtype == torch.uint8 else rgb * 255).flatten(2).unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue), dim=1)  # (N, 2, H W)
    if form == "absolute":
        opponents = opponents.abs()
    variance, mean = opponents.var(dim=2, correction=0), opponents.mean(dim=2)
    return variance.sum(dim=1).sqrt() + 0.3 * mean.square().sum(dim=1).sqrt()


def check_rank(tensor: Tensor, channels: int, name: str) -> None:
    """Refuse a tensor that is no batch with so many channels, or a picture with values beyond [0, 1]."""
    _check_tensor(tensor, name)
    if tensor.dim() != 4 or tensor.shape[1] != channels:
        raise ShapeError(f"{name}: expected shape (N, {channels}, H, W), got {tuple(tensor.shape)}")
    if channels == 3 and tensor.dtype != torch.uint8:
        if not tensor.is_floating_point():
            raise KindError(f"{name}: expected floats in [0, 1] or uint8, got {tensor.dtype}")
        low, high = tensor.aminmax() if tensor.numel() else (0, 0)
        if not (low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT):
            raise RangeError(f"{name}: expected floats in [0, 1], got {float(low):g} to {float(high):g}")


def _check_tensor(tensor: Tensor, name: str) -> None:
    if not isinstance(tensor, Tensor):
        hint = "; torch.from_numpy(array).permute(2, 0, 1)[None] makes one of an array (H, W, C)"
        raise KindError(
            f"{name}: expected a torch tensor, got {type(tensor).__name__}"
            + hint * isinstance(tensor, np.ndarray)
        )


def check_pair(tensor: Tensor, real: Tensor, channels: int, name: str, *, one_will_do: bool = False) -> None:
    """Refuse two batches of different shapes."""
    check_rank(tensor, channels, name)
    check_rank(real, channels, "real")
    if real.shape != tensor.shape and not (one_will_do and real.shape == (1, *tensor.shape[1:])):
        raise ShapeError(
            f"real: expected the shape of {name}, {tuple(tensor.shape)}, got {tuple(real.shape)}"
        )


def _levels(rgb: Tensor) -> Tensor:
    """Convert to 8-bit levels, as floats."""
    if rgb.dtype == torch.uint8:
        return rgb.float()
    exact = rgb if rgb.dtype == torch.float64 else rgb.float()
    return (exact.clamp(0, 1) * 255).round()


def _array(tensor: Tensor) -> npt.NDArray[np.floating]:
    """Give floats to scikit-image: on the CPU, without gradients, in single or double precision."""
    exact = tensor if tensor.dtype == torch.float64 else tensor.float()
    array: npt.NDArray[np.floating] = exact.detach().cpu().numpy()
    return array
