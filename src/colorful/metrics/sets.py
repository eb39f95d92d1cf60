"""Measures of sets of photos, added batch by batch. Shapes and ranges are as in :mod:`colorful.metrics`."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.errors import PhotosError, RangeError, ShapeError
from colorful.lab import AbBins
from colorful.metrics.pictures import check_pair

AUC_RANGE = 150.0
"""Greatest error threshold of the AuC, in CIELAB units."""


class AbErrors:
    """The errors of predicted ab over a set of photos, and the areas under their cumulative curves.

    The curve gives, for each threshold t, the share of pixels whose error (Euclidean, in ab) is at most t.
    Its area from 0 to 150, in percent, is the AuC, here without steps: ``100 mean(max(0, 1 - e / 150))``. In
    the rebalanced form a pixel has the weight 1 / p(b), b being the bin of its true color and p the
    frequencies of the bins in this very set, not smoothed. So each bin that occurs counts the same, and
    the measure depends on the set and its size.

    Several predictions for the same photos (*ways*) can be added together, so that bins are counted once. Of
    each photo only the sums over its bins are kept.

    Args:
        ways: How many predictions there are for each photo.

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, section 3.1.
    """

    def __init__(self, ways: int = 1) -> None:
        self._ways = ways
        # Of each photo how many bins are occupied, K; these bins (K,); and for them (K, 1 + ways) the number
        # of pixels and, for each way, the sum of 1 - e / 150. All photos lie in one piece: many small arrays
        # that stay, made between large ones that go, would keep the memory of those, too.
        self._counts, self._bins, self._sums = array("H"), array("H"), array("f")

    def __len__(self) -> int:
        return len(self._counts)

    def update(self, real: Tensor, *predicted: Tensor) -> None:
        """Add a batch.

        Args:
            real: True ab, shape ``(N, 2, H, W)``.
            predicted: As many of that shape as there are ways.

        Raises:
            ShapeError: If the shapes are not those.
        """
        if len(predicted) != self._ways:
            raise ShapeError(f"predicted: expected {self._ways} tensors, got {len(predicted)}")
        for ab in predicted:
            check_pair(ab, real, 2, "ab")
        ab_bins = _ab_bins(real.device)
        photos, size = len(real), len(ab_bins)
        bins = ab_bins.nearest(real) + torch.arange(photos, device=real.device)[:, None, None] * size
        scores = [1 - torch.hypot(*(ab - real).unbind(1)).div(AUC_RANGE).clamp(max=1) for ab in predicted]
        sums = [
            bins.flatten().bincount(weights=each.flatten().double(), minlength=photos * size)
            for each in (torch.ones_like(bins), *scores)
        ]
        for photo in torch.stack(sums).view(-1, photos, size).unbind(1):
            occupied = photo[0].nonzero().squeeze(1)
            self._counts.append(len(occupied))
            self._bins.extend(occupied.tolist())
            self._sums.extend(photo[:, occupied].T.flatten().tolist())

    def merge(self, other: AbErrors) -> None:
        """Add all that was added to another accumulator with as many ways.

        Args:
            other: Left as it is.

        Raises:
            ShapeError: If it has another number of ways.
        """
        if other._ways != self._ways:
            raise ShapeError(f"other: expected {self._ways} ways, got {other._ways}")
        self._counts += other._counts
        self._bins += other._bins
        self._sums += other._sums

    def bin_counts(self) -> npt.NDArray[np.int64]:
        """Return the number of pixels with their true color in each bin, shape ``(313,)``."""
        bins, sums = self._all()
        counts = np.bincount(bins, sums[:, 0], minlength=len(_ab_bins(torch.device("cpu"))))
        return counts.astype(np.int64)

    def _all(self) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.float32]]:
        """Give the occupied bins of all photos, one after the other, and their sums ``(., 1 + ways)``."""
        sums = np.array(self._sums, np.float32).reshape(-1, 1 + self._ways)
        return np.array(self._bins, np.uint16), sums

    def auc(self) -> list[float]:
        """Return the AuC of each way, in percent.

        Raises:
            PhotosError: If there is no photo.
        """
        pixels, _, scores, _ = self.per_photo()
        return [100 * float(score.sum() / pixels.sum()) for score in scores]

    def rebalanced_auc(self) -> list[float]:
        """Return the rebalanced AuC of each way, in percent.

        Raises:
            PhotosError: If there is no photo.
        """
        _, weights, _, scores = self.per_photo()
        return [100 * float(score.sum() / weights.sum()) for score in scores]

    def per_photo(self) -> tuple[npt.NDArray[np.float64], ...]:
        """Return the terms of the two areas for each photo, so that photos can be resampled.

        Returns:
            Pixels, shape ``(N,)``; weights, ``(N,)``; scores, ``(ways, N)``; weighted scores, ``(ways, N)``.
            The AuC is the sum of scores over that of pixels, the rebalanced one that of weighted scores over
            that of weights.

        Raises:
            PhotosError: If there is no photo.
        """
        if not len(self):
            raise PhotosError("AuC: expected at least one photo, got none")
        weights = 1 / np.maximum(self.bin_counts(), 1)
        bins, sums = self._all()
        first = np.cumsum([0, *self._counts[:-1]])
        plain = np.add.reduceat(sums, first, axis=0, dtype=np.float64).T
        weighted = np.add.reduceat(sums * weights[bins, None], first, axis=0).T
        return plain[0], weighted[0], plain[1:], weighted[1:]


class FrechetDistance:
    """The Frechet distance between Gaussians fitted to features of colored and of real photos.

    With the features of an Inception network this is the FID. Always say with a figure whose features they
    are, and of how many photos.

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
        """Add a batch.

        Args:
            rgb: Colored photos, shape ``(N, 3, H, W)``, in [0, 1] or uint8.
            real: The real ones, likewise.

        Raises:
            ShapeError: If the shapes are not those.
            RangeError: If a feature is not finite.
        """
        check_pair(rgb, real, 3, "rgb")
        found = [self._features(_unit(pictures)).double() for pictures in (rgb, real)]
        for each in found:
            if each.dim() != 2 or len(each) != len(rgb):
                raise ShapeError(f"features: expected shape ({len(rgb)}, F), got {tuple(each.shape)}")
            if not each.isfinite().all():
                raise RangeError("features: expected finite numbers, got infinite ones or NaN")
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
        """Return the distance, at least 0.

        Raises:
            PhotosError: If there are fewer than two photos.
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


def _unit(rgb: Tensor) -> Tensor:
    return rgb.float() / 255 if rgb.dtype == torch.uint8 else rgb
