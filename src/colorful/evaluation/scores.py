"""Scores of several ways of coloring the same photos, and estimates with intervals."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful import metrics
from colorful.lab import rgb_to_lab
from colorful.metrics.pictures import Form

Numbers = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

RESAMPLES = 1000
LEVEL = 0.95


class Measure(NamedTuple):
    """How a measure is named, shown and read.

    Attributes:
        label: For tables.
        digits: After the point.
        better: ``"higher"``, ``"lower"`` or, where neither is, ``""``.
    """

    label: str
    digits: int
    better: str


MEASURES: Mapping[str, Measure] = {
    "auc": Measure("AuC, %", 2, "higher"),
    "auc_rebalanced": Measure("AuC rebal., %", 2, "higher"),
    "psnr": Measure("PSNR, dB", 2, "higher"),
    "psnr_ab": Measure("PSNR of ab, dB", 2, "higher"),
    "ssim": Measure("SSIM", 3, "higher"),
    "ciede2000": Measure("CIEDE2000", 2, "lower"),
    "vivid_and_wrong": Measure("vivid and wrong, %", 2, "lower"),
    "colorfulness": Measure("colorfulness", 2, ""),
    "colorfulness_ratio": Measure("colorfulness ratio", 3, ""),
    "colorfulness_delta_of_means": Measure("colorfulness delta of means", 2, "lower"),
    "colorfulness_mean_delta": Measure("colorfulness delta", 2, "lower"),
    "colorfulness_absolute": Measure("colorfulness, abs()", 2, ""),
    "colorfulness_absolute_ratio": Measure("colorfulness, abs() ratio", 3, ""),
    "colorfulness_absolute_delta_of_means": Measure("colorfulness, abs() delta of means", 2, "lower"),
    "colorfulness_absolute_mean_delta": Measure("colorfulness, abs() delta", 2, "lower"),
    "top1": Measure("top-1, %", 2, "higher"),
}
"""All measures, in the order of tables."""

PER_PHOTO = (
    "psnr",
    "psnr_ab",
    "ssim",
    "ciede2000",
    "vivid_and_wrong",
    "colorfulness",
    "colorfulness_absolute",
)
"""The measures with one number for each photo; result files list these numbers."""

_FORMS: tuple[tuple[str, Form], ...] = (
    ("colorfulness", "hasler"),
    ("colorfulness_absolute", "absolute"),
)
GREY, RANDOM, REAL = "grey", "random", "real"
"""The two baselines, and the photos themselves."""


@dataclass(frozen=True)
class Estimate:
    """A measure over a set of photos, with its interval; None where it has no meaning.

    Attributes:
        value: Over the photos at hand.
        low: Lower end of the 95 % bootstrap interval over photos.
        high: Upper end.
    """

    value: float | None
    low: float | None
    high: float | None


Numbered = Mapping[str, Mapping[str, float]]
"""For each way of coloring and ``"real"``, its measures of one photo."""


class Scores:
    """Collect the scores of several ways of coloring.

    Args:
        ways: Their names.
    """

    def __init__(self, ways: Sequence[str]) -> None:
        self.ways = tuple(ways)
        self._ab_errors = metrics.AbErrors(len(self.ways))
        self._numbers: dict[str, dict[str, array[float]]] = {way: {} for way in (*self.ways, REAL)}

    def add(self, numbers: Numbered, ab_errors: metrics.AbErrors) -> None:
        """Add a photo, as :meth:`measure` gives it."""
        self._ab_errors.merge(ab_errors)
        for way, measures in numbers.items():
            for name, value in measures.items():
                self._numbers[way].setdefault(name, array("f")).append(value)

    @torch.inference_mode()
    def measure(
        self, real: Pixels, real_lab: Tensor, colored: Mapping[str, tuple[Pixels, Tensor]]
    ) -> tuple[dict[str, dict[str, float]], metrics.AbErrors]:
        """Measure one photo; any number of threads can do so at once.

        Args:
            real: Shape ``(H, W, 3)``.
            real_lab: What :func:`lab_of` gives for it.
            colored: For each way the picture, of that shape, and the predicted ab, shape ``(2, H, W)``.

        Returns:
            The photo's measures, and the errors of its ab.
        """
        pixels = [colored[way][0] for way in self.ways]
        pictures = torch.from_numpy(np.stack([real, *pixels])).permute(0, 3, 1, 2)  # -> (1 + ways, 3, H, W)
        lab = torch.stack([lab_of(each) for each in pixels])
        ab = torch.stack([colored[way][1] for way in self.ways])
        true_ab = real_lab[None, 1:]
        ab_errors = metrics.AbErrors(len(self.ways))
        ab_errors.update(true_ab, *ab[:, None])
        found = {
            "psnr": metrics.psnr(pictures[1:], pictures[:1]),
            "psnr_ab": metrics.psnr_ab(ab, true_ab),
            "ssim": metrics.ssim(pictures[1:], pictures[:1]),
            "ciede2000": metrics.ciede2000(lab, real_lab[None]).mean(dim=(1, 2)),
            "vivid_and_wrong": metrics.vivid_and_wrong(ab, true_ab),
        }
        numbers: dict[str, dict[str, float]] = {way: {} for way in (*self.ways, REAL)}
        for name, values in found.items():
            for way, value in zip(self.ways, values.tolist(), strict=True):
                numbers[way][name] = value
        for name, form in _FORMS:
            forms = metrics.colorfulness(pictures, form=form).tolist()
            for way, value in zip((REAL, *self.ways), forms, strict=True):
                numbers[way][name] = value
        return numbers, ab_errors

    def table(self) -> ScoreTable:
        """Return all scores as arrays."""
        return ScoreTable(
            {
                way: {name: np.asarray(values, dtype=np.float64) for name, values in numbers.items()}
                for way, numbers in self._numbers.items()
            },
            self._ab_errors.bin_counts(),
            *self._ab_errors.per_photo(),
        )


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """The numbers of every photo, and the estimates from them.

    Attributes:
        per_photo: For each way and ``"real"``, its measures, one number a photo, shape ``(N,)``.
        bin_counts: Pixels in each ab bin, shape ``(313,)``.
        pixels: Of each photo, shape ``(N,)``.
        weights: Sum of the rebalancing weights of its pixels, shape ``(N,)``.
        scores: Sum over its pixels of ``max(0, 1 - e / 150)``, for each way, shape ``(ways, N)``.
        weighted_scores: The same with the weights.
    """

    per_photo: Mapping[str, Mapping[str, Numbers]]
    bin_counts: npt.NDArray[np.int64]
    pixels: Numbers
    weights: Numbers
    scores: Numbers
    weighted_scores: Numbers

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways of coloring, without the real photos."""
        return tuple(way for way in self.per_photo if way != REAL)

    def identical(self, way: str) -> int:
        """Count the photos that came out unchanged. Their PSNR is infinite and in no mean."""
        return int(np.isinf(self.per_photo[way]["psnr"]).sum())

    def estimates(self, way: str, *, minus: str | None = None) -> dict[str, Estimate]:
        """Estimate all measures of a way, or their differences from another way on the same photos.

        Args:
            way: One of the ways, or ``"real"``.
            minus: Another one.

        Returns:
            By name, in the order of ``MEASURES``, as far as the way has them.
        """
        point, resampled = (self._measures(means, way) for means in (self._means, self._resampled))
        if minus is not None:
            others = [self._measures(means, minus) for means in (self._means, self._resampled)]
            point, resampled = (
                {name: values - other[name] for name, values in its.items() if name in other}
                for its, other in zip((point, resampled), others, strict=True)
            )
        return {name: _estimate(point[name], resampled[name]) for name in MEASURES if name in point}

    def _measures(self, means: Mapping[tuple[str, str], Numbers], way: str) -> dict[str, Numbers]:
        """Turn means over photos, original or resampled ones, into measures."""
        found: dict[str, Numbers] = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            if way != REAL:
                found["auc"] = 100 * means[way, "scores"] / means[REAL, "pixels"]
                found["auc_rebalanced"] = 100 * means[way, "weighted_scores"] / means[REAL, "weights"]
            for name in self.per_photo[way]:
                found[name] = means[way, name] / means.get((way, f"{name} finite"), 1.0)
            for name, _ in _FORMS if way != REAL else ():
                real = means[REAL, name]
                found[f"{name}_ratio"] = means[way, name] / real
                found[f"{name}_delta_of_means"] = abs(means[way, name] - real)
                found[f"{name}_mean_delta"] = means[way, f"{name} delta"]
            for name in ("vivid_and_wrong", "top1"):  # shares, in percent
                if name in found:
                    found[name] = 100 * found[name]
        return found

    @cached_property
    def _columns(self) -> dict[tuple[str, str], Numbers]:
        columns = {(REAL, "pixels"): self.pixels, (REAL, "weights"): self.weights}
        for way, numbers in self.per_photo.items():
            for name, values in numbers.items():
                columns[way, name] = np.where(np.isfinite(values), values, 0)
                if name.startswith("psnr"):
                    columns[way, f"{name} finite"] = np.isfinite(values).astype(np.float64)
                if way != REAL and name.startswith("colorfulness"):
                    columns[way, f"{name} delta"] = abs(values - self.per_photo[REAL][name])
        for way, scores, weighted in zip(self.ways, self.scores, self.weighted_scores, strict=True):
            columns[way, "scores"], columns[way, "weighted_scores"] = scores, weighted
        return columns

    @cached_property
    def _means(self) -> dict[tuple[str, str], Numbers]:
        return {key: values.mean(keepdims=True) for key, values in self._columns.items()}

    @cached_property
    def _resampled(self) -> dict[tuple[str, str], Numbers]:
        means = metrics.bootstrap(np.stack(list(self._columns.values()), axis=1), resamples=RESAMPLES)
        return dict(zip(self._columns, means.T, strict=True))


def lab_of(pixels: Pixels) -> Tensor:
    """Convert 8-bit pixels ``(H, W, 3)`` to CIELAB ``(3, H, W)``."""
    return rgb_to_lab(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)


def mean_estimate(values: Numbers) -> Estimate:
    """Estimate the mean of one number a photo, shape ``(N,)``; infinite ones are left out."""
    finite = np.isfinite(values).astype(np.float64)
    columns = np.stack((np.where(finite, values, 0), finite), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        point, resampled = (
            means[:, 0] / means[:, 1]
            for means in (
                columns.mean(axis=0, keepdims=True),
                metrics.bootstrap(columns, resamples=RESAMPLES),
            )
        )
    return _estimate(point, resampled)


def _estimate(point: Numbers, resampled: Numbers) -> Estimate:
    value = float(point[0])
    resampled = resampled[np.isfinite(resampled)]
    if not np.isfinite(value) or not len(resampled):
        return Estimate(None, None, None)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value))
