"""The published measures of colorization: functions on batches, and accumulators over sets of any size.

Pictures are RGB tensors ``(N, 3, H, W)``, sRGB-encoded, in [0, 1] or uint8; colors are ab tensors
``(N, 2, H, W)`` in CIELAB units. A measure gives one number a photo, shape ``(N,)``. Where it needs the real
photo, one will do for the whole batch. No gradient flows through :func:`ssim` and :func:`ciede2000`: they are
computed on the CPU, in NumPy, twice as fast as in torch.

All of them refuse what is no tensor with a :class:`~colorful.errors.KindError`, and pictures in floats beyond
[0, 1], such as 0..255, with a :class:`~colorful.errors.RangeError`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.stride_tricks import as_strided
from numpy.polynomial import chebyshev
from torch import Tensor

from colorful.errors import KindError, OptionError, PhotosError, RangeError, ShapeError
from colorful.lab import AbBins
from colorful.raster import planes

Floats = npt.NDArray[np.floating[Any]]
Form = Literal["hasler", "absolute"]
"""Which colorfulness: as Hasler and Suesstrunk define it, or of absolute opponents, as in DDColor's code."""

AUC_RANGE = 150.0
"""Greatest error threshold of the AuC, in CIELAB units."""

_SSIM_SIGMA, _SSIM_RADIUS = 1.5, 5
_SSIM_C1, _SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_MIDDLE = 128
"""Level from which SSIM counts."""
_SSIM_BAND, _CIEDE2000_BAND = 16384, 65536
"""Pixels of a picture taken at a time, so that what comes up on the way stays in the cache."""
_TILE = 16
"""Pixels blurred by one product of matrices."""
_OVERSHOOT = 0.01
"""How far outside [0, 1] floats may be by rounding; those of 0..255 are no picture here."""


def _make_windows() -> Floats:
    """Give the Gaussian windows around the pixels of a tile, one in each row of a matrix."""
    pixels = np.arange(_TILE + 2 * _SSIM_RADIUS)
    distance = abs(pixels - pixels[:_TILE, None] - _SSIM_RADIUS)
    weights = np.exp(-(distance**2) / (2 * _SSIM_SIGMA**2)) * (distance <= _SSIM_RADIUS)
    windows: Floats = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return windows


_WINDOWS = _make_windows()

# T of CIEDE2000, 1 + sum of weight cos(n h + phase), as two polynomials in cos h, the second times sin h:
# cos nh is Chebyshev's polynomial of the first kind, sin nh / sin h its derivative over n.
_T_WEIGHTS, _T_PHASES = np.array((-0.17, 0.24, 0.32, -0.20)), np.deg2rad((-30, 0, 6, -63))
_T_COS = chebyshev.cheb2poly((1, *(_T_WEIGHTS * np.cos(_T_PHASES)))).tolist()
_T_SIN = chebyshev.cheb2poly(
    chebyshev.chebder((0, *(-_T_WEIGHTS * np.sin(_T_PHASES) / np.arange(1, 5))))
).tolist()


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
    _check_pair(rgb, real, 3, "rgb", one_will_do=True)
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
    _check_pair(ab, real, 2, "ab", one_will_do=True)
    return 10 * torch.log10(255**2 / (ab - real).square().mean(dim=(1, 2, 3)))


def ssim(rgb: Tensor, real: Tensor) -> Tensor:
    """Measure the structural similarity on 8-bit RGB.

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
    _check_pair(rgb, real, 3, "rgb", one_will_do=True)
    if min(rgb.shape[2:]) <= 2 * _SSIM_RADIUS:
        raise ShapeError(
            f"rgb: expected sides of at least {2 * _SSIM_RADIUS + 1} pixels, got {tuple(rgb.shape)}"
        )
    height, width = (side - 2 * _SSIM_RADIUS for side in rgb.shape[2:])
    total = np.zeros(len(rgb))
    rows = max(1, _SSIM_BAND // rgb.shape[3])
    for top in range(0, height, rows):
        band = slice(top, min(top + rows, height) + 2 * _SSIM_RADIUS)
        truths = [(y, *_blur(y[None])) for y in map(_centered, real[..., band, :])]
        for number, x in enumerate(map(_centered, rgb[..., band, :])):
            total[number] += _ssim(x, *truths[number % len(truths)])
    return torch.from_numpy(total / (3 * height * width)).to(rgb.device, torch.float32)


def _ssim(x: Floats, y: Floats, mean_y: Floats) -> float:
    """Add up the index over windows; in place where it can be, since fresh memory costs more than sums."""
    maps = np.empty((3, *x.shape), x.dtype)  # (R, 3, W) -> (3, R, 3, W)
    maps[0] = x
    np.multiply(x, y, out=maps[1])
    np.multiply(x, x, out=maps[2])
    maps[2] += y * y
    mean_x, product, square = _blur(maps)
    # The luminance term is about means from black on.
    shift = mean_x + mean_y
    shift *= 2 * _MIDDLE
    shift += 2 * _MIDDLE**2 + _SSIM_C1
    products = mean_x * mean_y
    products *= 2
    mean_x *= mean_x
    mean_x += mean_y * mean_y
    product *= 2
    product -= products
    product += _SSIM_C2
    square -= mean_x
    square += _SSIM_C2
    products += shift
    products *= product
    mean_x += shift
    mean_x *= square
    products /= mean_x
    return float(products.sum(dtype=np.float64))


def ciede2000(lab: Tensor, real: Tensor) -> Tensor:
    """Measure the color difference Delta E00 of each pixel, with all parametric factors 1.

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
    _check_tensor(lab, "lab")
    _check_tensor(real, "real")
    if lab.dim() < 3 or lab.shape[-3] != 3 or real.shape not in (lab.shape, (1, *lab.shape[1:])):
        raise ShapeError(
            f"lab, real: expected one shape (*, 3, H, W), got {tuple(lab.shape)}, {tuple(real.shape)}"
        )
    dtype = torch.float64 if lab.dtype == torch.float64 else torch.float32
    colors, truths = (
        each.to(dtype).reshape(-1, 3, lab.shape[-2] * lab.shape[-1]).numpy(force=True) for each in (lab, real)
    )
    found = np.empty_like(colors[:, 0])
    # Its hundred small steps are quick on colors in a row that stay in the cache.
    for start in range(0, found.shape[1], _CIEDE2000_BAND):
        band = np.s_[..., start : start + _CIEDE2000_BAND]
        known = [(truth[band], _length(*truth[band][1:])) for truth in truths]
        for number, color in enumerate(colors):
            found[number][band] = _ciede2000(color[band], *known[number % len(known)])
    return torch.from_numpy(found).view(lab.shape[:-3] + lab.shape[-2:]).to(lab)


def _ciede2000(lab: Floats, real: Floats, real_chroma: Floats) -> Floats:
    """Measure colors in a row, (3, P) -> (P,); in place where it can be, as in :func:`_ssim`."""
    (light_1, a_1, b_1), (light_2, a_2, b_2) = lab, real
    stretch = _length(a_1, b_1)
    stretch += real_chroma
    stretch *= 0.5
    stretch = _saturating(stretch)
    stretch *= -0.5
    stretch += 1.5
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    chroma_1, chroma_2 = _length(a_1, b_1), _length(a_2, b_2)
    mean_chroma = chroma_1 + chroma_2
    mean_chroma *= 0.5
    # Angles are kept as unit vectors: the mean hue halves the smaller arc between the two, and the multiple
    # angles of T are products. That needs one arc tangent a pixel instead of two and no cosine.
    cos, sin = _mean_hue(a_1, b_1, chroma_1, a_2, b_2, chroma_2)
    hue_weight = _turn(cos, sin)
    hue_weight *= mean_chroma
    hue_weight *= 0.015
    hue_weight += 1
    # Counted from 180 degrees, so that it jumps at 0. Beyond 80 exp() would leave the numbers that are quick.
    bump = np.arctan2(np.negative(sin, out=sin), np.negative(cos, out=cos), out=sin)
    bump -= math.radians(95)
    bump *= bump
    bump *= -(math.degrees(1 / 25) ** 2)
    np.exp(np.maximum(bump, -80, out=bump), out=bump)
    bump *= math.pi / 3
    rotation = np.sin(bump, out=bump)
    rotation *= _saturating(mean_chroma)
    rotation *= -2
    offset = light_1 + light_2
    offset *= 0.5
    offset -= 50
    offset *= offset
    light_weight = offset + 20
    np.sqrt(light_weight, out=light_weight)
    np.divide(offset, light_weight, out=light_weight)
    light_weight *= 0.015
    light_weight += 1
    light = np.subtract(light_2, light_1, out=offset)
    light /= light_weight
    # 2 sqrt(C1 C2) sin(dh / 2), with the sign of the turn from the first hue to the second, as what the
    # difference of chroma leaves of the distance: exact for equal colors, also in float32.
    sign = a_1 * b_2
    sign -= b_1 * a_2
    chroma = np.subtract(chroma_2, chroma_1, out=chroma_2)
    hue = _squared(np.subtract(a_2, a_1, out=a_2), b_2 - b_1)
    hue -= np.multiply(chroma, chroma, out=a_1)
    np.sqrt(np.maximum(hue, 0, out=hue), out=hue)
    np.copysign(hue, sign, out=hue)
    hue /= hue_weight
    mean_chroma *= 0.045
    mean_chroma += 1
    chroma /= mean_chroma
    rotation *= chroma
    rotation *= hue
    total = _squared(light, chroma)
    total += np.multiply(hue, hue, out=hue)
    total += rotation
    return np.sqrt(np.maximum(total, 0, out=total), out=total)


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
    if form not in get_args(Form):
        raise OptionError(f"form: expected one of {get_args(Form)}, got {form!r}")
    _check_rank(rgb, 3, "rgb")
    return colorfulness_by_form(rgb)[form]


def colorfulness_by_form(rgb: Tensor) -> dict[Form, Tensor]:
    """Measure :func:`colorfulness` in both forms, which costs little more than one.

    Args:
        rgb: As there.

    Returns:
        For each form what it gives.

    Raises:
        ShapeError: As there.
    """
    _check_rank(rgb, 3, "rgb")
    moments = torch.stack([_opponent_moments(picture) for picture in rgb])  # -> (N, 3, 2)
    square, *means = moments.unbind(1)
    found = []
    for mean in means:
        variance = (square - mean.square()).clamp(min=0)
        found.append(variance.sum(dim=1).sqrt() + 0.3 * mean.square().sum(dim=1).sqrt())
    return dict(zip(get_args(Form), found, strict=True))


class AbErrors:
    """The errors of predicted ab over a set of photos, and the areas under their cumulative curves.

    The curve gives, for each threshold t, the share of pixels whose error (Euclidean, in ab) is at most t.
    Its area from 0 to 150, in percent, is the AuC, here without steps: ``100 mean(max(0, 1 - e / 150))``. In
    the rebalanced form a pixel has the weight 1 / p(b), b being the bin of its true color and p the
    frequencies of the bins in this very set, not smoothed. So each bin that occurs at all counts the same,
    and the measure depends on the set and its size.

    Several predictions for the same photos, *ways*, share the counting of bins. What is kept of a photo is a
    few hundred numbers.

    Args:
        ways: How many predictions there are for each photo.

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, section 3.1.
    """

    def __init__(self, ways: int = 1) -> None:
        self._lengths = array("H")  # occupied bins of each photo, then which, and of how many pixels
        self._occupied = array("H")
        self._counts = array("I")
        self._sums = [array("f") for _ in range(ways)]

    def __len__(self) -> int:
        return len(self._lengths)

    def update(self, real: Tensor, *predicted: Tensor) -> None:
        """Take in a batch.

        Args:
            real: True ab, shape ``(N, 2, H, W)``.
            predicted: As many of that shape as there are ways.

        Raises:
            ShapeError: If the shapes are not those.
        """
        if len(predicted) != len(self._sums):
            raise ShapeError(f"predicted: expected {len(self._sums)} tensors, got {len(predicted)}")
        for ab in predicted:
            _check_pair(ab, real, 2, "ab")
        ab_bins = _ab_bins(real.device)
        size = len(ab_bins)
        bins = ab_bins.nearest(real) + torch.arange(len(real), device=real.device)[:, None, None] * size
        counts = bins.flatten().bincount(minlength=len(real) * size)
        occupied = counts.nonzero().squeeze(1)
        self._lengths.frombytes(_bytes((counts > 0).view(-1, size).sum(dim=1), np.uint16))
        self._occupied.frombytes(_bytes(occupied % size, np.uint16))
        self._counts.frombytes(_bytes(counts[occupied], np.uint32))
        for sums, ab in zip(self._sums, predicted, strict=True):
            a, b = (ab - real).unbind(1)
            score = 1 - torch.addcmul(a * a, b, b).sqrt_().div_(AUC_RANGE).clamp_(max=1)
            total = bins.flatten().bincount(weights=score.flatten().double(), minlength=len(counts))
            sums.frombytes(_bytes(total[occupied], np.float32))

    def merge(self, other: AbErrors) -> None:
        """Take in what another accumulator of as many ways took in.

        Args:
            other: Left as it is.

        Raises:
            ShapeError: If it has another number of ways.
        """
        if len(other._sums) != len(self._sums):
            raise ShapeError(f"other: expected {len(self._sums)} ways, got {len(other._sums)}")
        self._lengths.extend(other._lengths)
        self._occupied.extend(other._occupied)
        self._counts.extend(other._counts)
        for sums, further in zip(self._sums, other._sums, strict=True):
            sums.extend(further)

    def bin_counts(self) -> npt.NDArray[np.int64]:
        """Give how many pixels have their true color in each bin, shape ``(313,)``."""
        bins, counts = np.asarray(self._occupied), np.asarray(self._counts)
        size = len(_ab_bins(torch.device("cpu")))
        return np.bincount(bins, weights=counts, minlength=size).astype(np.int64)

    def auc(self) -> list[float]:
        """Give the AuC of each way, in percent.

        Raises:
            PhotosError: If no photo came.
        """
        pixels, _, scores, _ = self._totals()
        return [100 * float(score.sum() / pixels.sum()) for score in scores]

    def rebalanced_auc(self) -> list[float]:
        """Give the rebalanced AuC of each way, in percent.

        Raises:
            PhotosError: If no photo came.
        """
        _, weights, _, scores = self._totals()
        return [100 * float(score.sum() / weights.sum()) for score in scores]

    def per_photo(self) -> tuple[npt.NDArray[np.float64], ...]:
        """Give what the two areas are sums of, so that they can be resampled with the weights held fixed.

        Returns:
            Pixels, shape ``(N,)``; weights, ``(N,)``; scores, ``(ways, N)``; weighted scores, ``(ways, N)``.
            The AuC is the sum of scores over that of pixels, the rebalanced one that of weighted scores over
            that of weights.

        Raises:
            PhotosError: If no photo came.
        """
        return self._totals()

    def _totals(self) -> tuple[npt.NDArray[np.float64], ...]:
        if not len(self):
            raise PhotosError("AuC: expected at least one photo, got none")
        lengths, bins = np.asarray(self._lengths), np.asarray(self._occupied)
        counts = np.asarray(self._counts, dtype=np.float64)
        starts = np.concatenate(([0], np.cumsum(lengths[:-1], dtype=np.int64)))
        weights = 1 / np.bincount(bins, weights=counts)[bins]

        def by_photo(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
            return np.add.reduceat(values, starts, dtype=np.float64)

        sums = [np.asarray(each) for each in self._sums]
        return (
            by_photo(counts),
            by_photo(counts * weights),
            np.stack([by_photo(each) for each in sums]),
            np.stack([by_photo(each * weights) for each in sums]),
        )


class FrechetDistance:
    """The Frechet distance between Gaussians fitted to features of colored and of real photos.

    With the features of an Inception network this is the FID; whose features, and of how many photos, belongs
    to any figure of it.

    Args:
        features: Gives features ``(N, F)`` for RGB photos ``(N, 3, H, W)`` of floats in [0, 1].

    References:
        Heusel et al. GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium.
        NeurIPS 2017, eq. 6.
    """

    def __init__(self, features: Callable[[Tensor], Tensor]) -> None:
        self._features = features
        self._count = 0
        self._sums: list[tuple[Tensor, Tensor]] = []

    def update(self, rgb: Tensor, real: Tensor) -> None:
        """Take in a batch.

        Args:
            rgb: Colored photos, shape ``(N, 3, H, W)``, in [0, 1] or uint8.
            real: The real ones, likewise.

        Raises:
            ShapeError: If the shapes are not those.
        """
        _check_pair(rgb, real, 3, "rgb")
        found = [self._features(_unit(pictures)).double() for pictures in (rgb, real)]
        if not self._sums:
            self._sums = [
                (each.new_zeros(each.shape[1]), each.new_zeros(each.shape[1], each.shape[1]))
                for each in found
            ]
        self._count += len(rgb)
        self._sums = [
            (total + each.sum(dim=0), products + each.T @ each)
            for (total, products), each in zip(self._sums, found, strict=True)
        ]

    def value(self) -> float:
        """Give the distance, at least 0.

        Raises:
            PhotosError: If fewer than two photos came.
        """
        if self._count < 2:
            raise PhotosError(f"Frechet distance: expected at least two photos, got {self._count}")
        (mean_1, cov_1), (mean_2, cov_2) = (
            (total / self._count, (products - torch.outer(total, total) / self._count) / (self._count - 1))
            for total, products in self._sums
        )
        # The trace of the root of cov_1 cov_2 is that of the symmetric root_1 cov_2 root_1.
        values, vectors = torch.linalg.eigh(cov_1)
        root = vectors * values.clamp(min=0).sqrt() @ vectors.T
        overlap = torch.linalg.eigvalsh(root @ cov_2 @ root).clamp(min=0).sqrt().sum()
        distance = (mean_1 - mean_2).square().sum() + cov_1.trace() + cov_2.trace() - 2 * overlap
        return max(0.0, float(distance))


class TopOne:
    """The share of colored photos that a classifier, trained on real ones, still names right.

    Args:
        classifier: Gives scores ``(N, classes)`` for RGB photos ``(N, 3, H, W)`` of floats in [0, 1].

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, section 3.1, "semantic interpretability".
    """

    def __init__(self, classifier: Callable[[Tensor], Tensor]) -> None:
        self._classifier = classifier
        self._hits = self._count = 0

    def update(self, rgb: Tensor, labels: Tensor) -> Tensor:
        """Take in a batch.

        Args:
            rgb: Shape ``(N, 3, H, W)``, floats in [0, 1] or uint8.
            labels: Numbers of the true classes, shape ``(N,)``.

        Returns:
            Whether each was named right, bool, shape ``(N,)``.
        """
        _check_rank(rgb, 3, "rgb")
        right = self._classifier(_unit(rgb)).argmax(dim=1) == labels
        self._hits += int(right.sum())
        self._count += len(right)
        return right

    def value(self) -> float:
        """Give the accuracy in percent.

        Raises:
            PhotosError: If no photo came.
        """
        if not self._count:
            raise PhotosError("top-1: expected at least one photo, got none")
        return 100 * self._hits / self._count


def bootstrap(
    numbers: npt.NDArray[np.floating], *, resamples: int = 1000, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Resample photos with replacement and average.

    Args:
        numbers: One row a photo, shape ``(N, K)``. The K columns are resampled together, so that their means
            can be subtracted or divided afterwards.
        resamples: How often.
        seed: Of the resampling.

    Returns:
        Means, shape ``(resamples, K)``.

    Raises:
        ShapeError: If *numbers* has another rank or no row.
        RangeError: If *resamples* is under 1.

    References:
        Efron, Tibshirani. An Introduction to the Bootstrap. 1993, chapter 13.
    """
    if numbers.ndim != 2 or not len(numbers):
        raise ShapeError(f"numbers: expected shape (N, K) with N of at least 1, got {numbers.shape}")
    if resamples < 1:
        raise RangeError(f"resamples: expected at least 1, got {resamples}")
    random, count = np.random.default_rng(seed), len(numbers)
    means = np.empty((resamples, numbers.shape[1]))
    for row in means:
        row[:] = np.bincount(random.integers(count, size=count), minlength=count) @ numbers / count
    return means


@cache
def _ab_bins(device: torch.device) -> AbBins:
    return AbBins(device)


def _check_rank(tensor: Tensor, channels: int, name: str) -> None:
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


def _check_pair(tensor: Tensor, real: Tensor, channels: int, name: str, *, one_will_do: bool = False) -> None:
    _check_rank(tensor, channels, name)
    _check_rank(real, channels, "real")
    if real.shape != tensor.shape and not (one_will_do and real.shape == (1, *tensor.shape[1:])):
        raise ShapeError(
            f"real: expected the shape of {name}, {tuple(tensor.shape)}, got {tuple(real.shape)}"
        )


def _levels(rgb: Tensor) -> Tensor:
    """Bring to 8-bit levels, as floats."""
    if rgb.dtype == torch.uint8:
        return rgb.float()
    exact = rgb if rgb.dtype == torch.float64 else rgb.float()
    return (exact.clamp(0, 1) * 255).round()


def _unit(rgb: Tensor) -> Tensor:
    return rgb / 255 if rgb.dtype == torch.uint8 else rgb


def _opponent_moments(rgb: Tensor) -> Tensor:
    """Give means of squares, of values and of absolute values of both opponents: (3, H, W) -> (3, 2).

    The opponents are red against green and yellow against blue, on 0..255.
    """
    red, green, blue = rgb.float() if rgb.dtype == torch.uint8 else rgb * 255
    opponents = (red - green, (red + green) / 2 - blue)
    return torch.stack([torch.stack((o.square().mean(), o.mean(), o.abs().mean())) for o in opponents], dim=1)


def _centered(rgb: Tensor) -> Floats:
    """Give the 8-bit levels of a picture around 0, row by row: (3, H, W) -> (H, 3, W).

    Around 0, since variances are then exact enough in float32 where they are small beside the mean.
    """
    levels: Floats = _levels(rgb.transpose(0, 1).contiguous()).sub_(_MIDDLE).numpy(force=True)
    return levels


def _blur(maps: Floats) -> Floats:
    """Give the Gaussian windows' means: (M, R, 3, W) -> (M, R - 10, 3, W - 10)."""
    count, rows, channels, width = maps.shape
    reach = 2 * _SSIM_RADIUS
    down = np.empty((count, rows - reach, channels * width), maps.dtype)
    _slide(maps.reshape(count, rows, -1), down)
    both = np.empty((down.size // width, width - reach), maps.dtype)
    _slide(down.reshape(-1, width).T, both.T)
    return both.reshape(count, rows - reach, channels, -1)


def _slide(lines: Floats, out: Floats) -> None:
    """Blur across lines, (*, R, P) -> (*, R - 10, P), as products of matrices: many windows at once."""
    tiles, rest = divmod(out.shape[-2], _TILE)
    full = tiles * _TILE
    *others, step, along = lines.strides
    wide = _TILE + 2 * _SSIM_RADIUS
    overlapping = as_strided(
        lines, (*lines.shape[:-2], tiles, wide, lines.shape[-1]), (*others, _TILE * step, step, along)
    )
    planes.product(
        _WINDOWS, overlapping, out[..., :full, :].reshape(*out.shape[:-2], tiles, _TILE, out.shape[-1])
    )
    if rest:
        windows = _WINDOWS[:rest, : rest + 2 * _SSIM_RADIUS]
        planes.product(windows, lines[..., full:, :], out[..., full:, :])


def _saturating(chroma: Floats) -> Floats:
    """Give the root of C^7 / (C^7 + 25^7)."""
    seventh = chroma * chroma
    cube = seventh * chroma
    seventh *= seventh
    seventh *= cube
    np.add(seventh, 25.0**7, out=cube)
    seventh /= cube
    np.sqrt(seventh, out=seventh)
    return seventh


def _mean_hue(
    a_1: Floats, b_1: Floats, chroma_1: Floats, a_2: Floats, b_2: Floats, chroma_2: Floats
) -> tuple[Floats, Floats]:
    """Give the unit vector at the mean hue; where a color has no hue, and none is asked for, 0 will do."""
    # C2 (a1, b1) + C1 (a2, b2) points along the sum of the two unit vectors.
    mean_a, mean_b = chroma_2 * a_1, chroma_2 * b_1
    mean_a += chroma_1 * a_2
    mean_b += chroma_1 * b_2
    length = _length(mean_a, mean_b)
    # Exact opposites: of the two bisectors the formula takes the mean of both hues counted from 0 to 360.
    opposite = length == 0
    if opposite.any() and (opposite := opposite & (chroma_1 > 0) & (chroma_2 > 0)).any():
        above = (b_1 > 0) | ((b_1 == 0) & (a_1 > 0))
        mean_a[opposite] = np.where(above, -b_1, b_1)[opposite]
        mean_b[opposite] = np.where(above, a_1, -a_1)[opposite]
        length = _length(mean_a, mean_b)
    np.maximum(length, 1e-30, out=length)
    mean_a /= length
    mean_b /= length
    return mean_a, mean_b


def _turn(cos: Floats, sin: Floats) -> Floats:
    """Give T, 1 - 0.17 cos(h - 30) + 0.24 cos 2h + 0.32 cos(3h + 6) - 0.20 cos(4h - 63), in degrees of h."""
    even, odd = _polynomial(_T_COS, cos), _polynomial(_T_SIN, cos)
    odd *= sin
    even += odd
    return even


def _polynomial(factors: Sequence[float], x: Floats) -> Floats:
    """Give the sum of factors[n] x^n by Horner's rule."""
    *lower, highest = factors
    total = x * highest
    for factor in lower[:0:-1]:
        total += factor
        total *= x
    total += lower[0]
    return total


def _length(a: Floats, b: Floats) -> Floats:
    square = _squared(a, b)
    np.sqrt(square, out=square)
    return square


def _squared(a: Floats, b: Floats) -> Floats:
    square = a * a
    square += b * b
    return square


def _bytes(values: Tensor, dtype: npt.DTypeLike) -> bytes:
    return values.cpu().numpy().astype(dtype).tobytes()
