"""The published measures of colorization: functions on batches, and accumulators over sets of any size.

Pictures are RGB tensors ``(N, 3, H, W)``, sRGB-encoded, in [0, 1] or uint8; colors are ab tensors
``(N, 2, H, W)`` in CIELAB units. A measure gives one number a photo, shape ``(N,)``. Where it needs the real
photo, one will do for the whole batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.errors import KindError, OptionError, PhotosError, RangeError, ShapeError
from colorful.lab import AbBins

Form = Literal["hasler", "absolute"]
"""Which colorfulness: as Hasler and Suesstrunk define it, or of absolute opponents, as in DDColor's code."""

AUC_RANGE = 150.0
"""Greatest error threshold of the AuC, in CIELAB units."""

_SSIM_SIGMA, _SSIM_RADIUS = 1.5, 5
_BAND = 24576
"""Pixels of a picture that SSIM and CIEDE2000 take at a time."""
_TILE = 32
"""Pixels blurred by one product of matrices."""
_25_TO_7 = 25.0**7


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
    windows = _windows(rgb)
    height, width = (side - 2 * _SSIM_RADIUS for side in rgb.shape[2:])
    total = torch.zeros(len(rgb), dtype=windows.dtype, device=rgb.device)
    rows = max(1, _BAND // rgb.shape[3])
    for top in range(0, height, rows):
        band = slice(top, min(top + rows, height) + 2 * _SSIM_RADIUS)
        truths = [(y, _blur(y, windows)) for y in map(_centered, real[..., band, :])]
        for number, x in enumerate(map(_centered, rgb[..., band, :])):
            total[number] += _ssim(x, *truths[number % len(truths)], windows).sum()
    return total / (3 * height * width)


def _ssim(x: Tensor, y: Tensor, mean_y: Tensor, windows: Tensor) -> Tensor:
    """The index of every window; in place where it can be, since fresh memory costs more than the sums."""
    maps = torch.stack((x, x * y, torch.addcmul(x * x, y, y)), dim=1)  # (R, 3, W) -> (R, 3, 3, W)
    mean_x, product, square = _blur(maps, windows).unbind(1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    # The luminance term is about means from black on.
    shift = (mean_x + mean_y).mul_(2 * 128).add_(2 * 128**2 + c1)
    products, squares = (mean_x * mean_y).mul_(2), torch.addcmul(mean_x * mean_x, mean_y, mean_y)
    covariance = product.mul_(2).sub_(products).add_(c2)
    variances = square.sub_(squares).add_(c2)
    return products.add_(shift).mul_(covariance).div_(squares.add_(shift).mul_(variances))


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
    if lab.dim() < 3 or lab.shape[-3] != 3 or real.shape not in (lab.shape, (1, *lab.shape[1:])):
        raise ShapeError(
            f"lab, real: expected one shape (*, 3, H, W), got {tuple(lab.shape)}, {tuple(real.shape)}"
        )
    # Its hundred small steps are quick on colors in a row that stay in the cache.
    colors, truths = (each.reshape(-1, 3, lab.shape[-2] * lab.shape[-1]) for each in (lab, real))
    found = []
    for number, color in enumerate(colors):
        bands = zip(
            torch.split(color, _BAND, dim=1),
            torch.split(truths[number % len(truths)], _BAND, dim=1),
            strict=True,
        )
        found.append(torch.cat([_ciede2000(*band) for band in bands]))
    return torch.stack(found).view(lab.shape[:-3] + lab.shape[-2:])


def _ciede2000(lab: Tensor, real: Tensor) -> Tensor:
    """For colors in a row, (3, P) -> (P,)."""
    (light_1, a_1, b_1), (light_2, a_2, b_2) = lab, real
    stretch = 1.5 - 0.5 * _saturating((_length(a_1, b_1) + _length(a_2, b_2)) / 2)
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    chroma_1, chroma_2 = _length(a_1, b_1), _length(a_2, b_2)
    # Angles are kept as unit vectors: the mean hue halves the smaller arc between the two, and the multiple
    # angles of T are products. That needs one arc tangent a pixel instead of two and no cosine.
    mean_a, mean_b = _mean_hue(a_1, b_1, chroma_1, a_2, b_2, chroma_2)
    cos_2, sin_2 = mean_a * mean_a - mean_b * mean_b, 2 * mean_a * mean_b
    cos_3, sin_3 = cos_2 * mean_a - sin_2 * mean_b, sin_2 * mean_a + cos_2 * mean_b
    cos_4, sin_4 = cos_2 * cos_2 - sin_2 * sin_2, 2 * cos_2 * sin_2
    turn = torch.ones_like(mean_a)
    for share, phase, cos, sin in (
        (-0.17, -30, mean_a, mean_b),
        (0.24, 0, cos_2, sin_2),
        (0.32, 6, cos_3, sin_3),
        (-0.20, -63, cos_4, sin_4),
    ):
        turn = turn.add(cos, alpha=share * _cos(phase)).sub(sin, alpha=share * _sin(phase))
    mean_chroma = (chroma_1 + chroma_2) / 2
    # Counted from 180 degrees, so that it jumps at 0. Beyond 80 exp() would leave the numbers that are quick.
    hue = torch.atan2(-mean_b, -mean_a) * (180 / np.pi)
    bump = torch.exp(-((hue - 95) / 25).square().clamp(max=80))
    rotation = torch.sin(bump * (np.pi / 3)) * _saturating(mean_chroma) * -2
    offset = ((light_1 + light_2) / 2 - 50).square()
    light = (light_2 - light_1) / (1 + 0.015 * offset / torch.sqrt(20 + offset))
    chroma_difference = chroma_2 - chroma_1
    chroma = chroma_difference / (1 + 0.045 * mean_chroma)
    # 2 sqrt(C1 C2) sin(dh / 2), with the sign of the turn from the first hue to the second, as what the
    # difference of chroma leaves of the distance: exact for equal colors, also in float32.
    distance = _squared(a_2 - a_1, b_2 - b_1)
    size = torch.sqrt(torch.addcmul(distance, chroma_difference, chroma_difference, value=-1).clamp(min=0))
    hue_difference = torch.copysign(size, a_1 * b_2 - b_1 * a_2) / (1 + 0.015 * mean_chroma * turn)
    squared = torch.addcmul(_squared(chroma, hue_difference), light, light)
    squared = torch.addcmul(squared, rotation, chroma * hue_difference)
    return torch.sqrt(squared.clamp(min=0))


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
    opponents = _opponents(rgb)
    square = opponents.square().mean(dim=(2, 3))  # -> (N, 2)
    mean = (opponents.abs() if form == "absolute" else opponents).mean(dim=(2, 3))
    variance = (square - mean.square()).clamp(min=0)
    return variance.sum(dim=1).sqrt() + 0.3 * mean.square().sum(dim=1).sqrt()


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
        self._bins: AbBins | None = None
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
        if self._bins is None or self._bins.centers.device != real.device:
            self._bins = AbBins(real.device)
        size = len(self._bins)
        bins = self._bins.nearest(real) + torch.arange(len(real), device=real.device)[:, None, None] * size
        counts = bins.flatten().bincount(minlength=len(real) * size)
        occupied = counts.nonzero().squeeze(1)
        self._lengths.frombytes(_bytes((counts > 0).view(-1, size).sum(dim=1), np.uint16))
        self._occupied.frombytes(_bytes(occupied % size, np.uint16))
        self._counts.frombytes(_bytes(counts[occupied], np.uint32))
        for sums, ab in zip(self._sums, predicted, strict=True):
            score = (1 - _length(*(ab - real).unbind(1)) / AUC_RANGE).clamp(min=0)
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
        self._bins = self._bins or other._bins
        self._lengths.extend(other._lengths)
        self._occupied.extend(other._occupied)
        self._counts.extend(other._counts)
        for sums, further in zip(self._sums, other._sums, strict=True):
            sums.extend(further)

    def bin_counts(self) -> npt.NDArray[np.int64]:
        """Give how many pixels have their true color in each bin, shape ``(313,)``."""
        bins, counts = np.asarray(self._occupied), np.asarray(self._counts)
        size = len(self._bins) if self._bins else 0
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

        def by_photo(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            return np.add.reduceat(values, starts)

        sums = [np.asarray(each, dtype=np.float64) for each in self._sums]
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


def _check_rank(tensor: Tensor, channels: int, name: str) -> None:
    if tensor.dim() != 4 or tensor.shape[1] != channels:
        raise ShapeError(f"{name}: expected shape (N, {channels}, H, W), got {tuple(tensor.shape)}")


def _check_pair(tensor: Tensor, real: Tensor, channels: int, name: str, *, one_will_do: bool = False) -> None:
    _check_rank(tensor, channels, name)
    if real.shape != tensor.shape and not (one_will_do and real.shape == (1, *tensor.shape[1:])):
        raise ShapeError(
            f"real: expected the shape of {name}, {tuple(tensor.shape)}, got {tuple(real.shape)}"
        )


def _levels(rgb: Tensor) -> Tensor:
    """Bring to 8-bit levels, as floats."""
    if rgb.dtype == torch.uint8:
        return rgb.float()
    if not rgb.is_floating_point():
        raise KindError(f"rgb: expected floats in [0, 1] or uint8, got {rgb.dtype}")
    return (rgb.clamp(0, 1) * 255).round()


def _unit(rgb: Tensor) -> Tensor:
    return rgb / 255 if rgb.dtype == torch.uint8 else rgb


def _opponents(rgb: Tensor) -> Tensor:
    """Red against green and yellow against blue on 0..255: (N, 3, H, W) -> (N, 2, H, W)."""
    red, green, blue = (rgb.float() if rgb.dtype == torch.uint8 else rgb * 255).unbind(1)
    return torch.stack((red - green, (red + green) / 2 - blue), dim=1)


def _centered(rgb: Tensor) -> Tensor:
    """Give the 8-bit levels of a picture around 0, row by row: (3, H, W) -> (H, 3, W).

    Around 0, since variances are then exact enough in float32 where they are small beside the mean.
    """
    return _levels(rgb.transpose(0, 1).contiguous()) - 128


def _windows(rgb: Tensor) -> Tensor:
    """Give the Gaussian windows around pixels in a row, one in each row of a matrix."""
    dtype = rgb.dtype if rgb.is_floating_point() else torch.float32
    pixels = torch.arange(_TILE + 2 * _SSIM_RADIUS, device=rgb.device, dtype=dtype)
    distance = (pixels - pixels[:_TILE, None] - _SSIM_RADIUS).abs()
    weights = torch.exp(-distance.square() / (2 * _SSIM_SIGMA**2)) * (distance <= _SSIM_RADIUS)
    return weights / weights.sum(dim=1, keepdim=True)


def _blur(maps: Tensor, windows: Tensor) -> Tensor:
    """Blur maps (R, *, W) that lie side by side in each row, as products of matrices: much of it at once."""
    reach = 2 * _SSIM_RADIUS
    flat = maps.flatten(1)
    rows, width = flat.shape[0] - reach, maps.shape[-1] - reach
    down = flat.new_empty(rows, flat.shape[1])
    for top in range(0, rows, _TILE):
        size = min(_TILE, rows - top)
        torch.mm(windows[:size, : size + reach], flat[top : top + size + reach], out=down[top : top + size])
    down = down.view(-1, maps.shape[-1])
    both = down.new_empty(down.shape[0], width)
    for left in range(0, width, _TILE):
        size = min(_TILE, width - left)
        part = down[:, left : left + size + reach]
        torch.mm(part, windows[:size, : size + reach].T, out=both[:, left : left + size])
    return both.view(rows, *maps.shape[1:-1], width)


def _saturating(chroma: Tensor) -> Tensor:
    square = chroma * chroma
    seventh = square * square * square * chroma
    return torch.sqrt(seventh / (seventh + _25_TO_7))


def _mean_hue(
    a_1: Tensor, b_1: Tensor, chroma_1: Tensor, a_2: Tensor, b_2: Tensor, chroma_2: Tensor
) -> tuple[Tensor, Tensor]:
    """The unit vector at the mean hue; where a color has no hue, and none is asked for, any of at most 1."""
    # C2 (a1, b1) + C1 (a2, b2) points along the sum of the two unit vectors.
    mean_a, mean_b = chroma_2 * a_1 + chroma_1 * a_2, chroma_2 * b_1 + chroma_1 * b_2
    length = _length(mean_a, mean_b)
    # Exact opposites: of the two bisectors the formula takes the mean of both hues counted from 0 to 360.
    opposite = (length == 0) & (chroma_1 > 0) & (chroma_2 > 0)
    if opposite.any():
        above = (b_1 > 0) | ((b_1 == 0) & (a_1 > 0))
        mean_a = torch.where(opposite, torch.where(above, -b_1, b_1), mean_a)
        mean_b = torch.where(opposite, torch.where(above, a_1, -a_1), mean_b)
        length = _length(mean_a, mean_b)
    length = length.clamp(min=1e-30)
    return mean_a / length, mean_b / length


def _length(a: Tensor, b: Tensor) -> Tensor:
    return torch.sqrt(_squared(a, b))


def _squared(a: Tensor, b: Tensor) -> Tensor:
    return torch.addcmul(a * a, b, b)


def _cos(degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees)))


def _sin(degrees: float) -> float:
    return float(np.sin(np.deg2rad(degrees)))


def _bytes(values: Tensor, dtype: npt.DTypeLike) -> bytes:
    return values.cpu().numpy().astype(dtype).tobytes()
