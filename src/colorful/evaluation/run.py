"""Evaluate any number of models in one pass over a set of color photos."""

from __future__ import annotations

import hashlib
import heapq
import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Unpack

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorful import metrics, parallel
from colorful.errors import ColorfulError, ImageError, OptionError, PhotosError
from colorful.evaluation.prepare import (
    Conditions,
    Model,
    Photos,
    Real,
    Sample,
    Way,
    are_released,
    full_size,
    in_order,
    load,
    settle,
    ways_of,
)
from colorful.evaluation.report import Example, Report
from colorful.evaluation.scores import GREY, RANDOM, REAL, Pixels, Scores
from colorful.lab.space import Gamut
from colorful.models import DEFAULT_MODEL
from colorful.prediction import Prediction
from colorful.raster import render

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], object]

HINT_COUNTS = (0, 1, 2, 5, 10, 20, 50, 100)
"""The numbers of hints of the published curve."""

_PATCH = 6
_WORKERS = 4
"""The most photos that are scored at a time: each needs the memory of a run of the network."""


class EvaluationError(ColorfulError, RuntimeError):
    """A model failed during an evaluation.

    Attributes:
        report: Over the photos scored until then, or None if there was none.
    """

    def __init__(self, message: str, report: Report | None = None) -> None:
        super().__init__(message)
        self.report = report


def evaluate(
    photos: Photos,
    model: Model | Sequence[Model] | Mapping[str, Model] = DEFAULT_MODEL,
    *,
    temperatures: Sequence[float | None] = (None,),
    classifier: Callable[[Tensor], Tensor] | None = None,
    labels: Mapping[str, int] | None = None,
    features: Callable[[Tensor], Tensor] | None = None,
    examples: int = 8,
    progress: Progress | None = None,
    **conditions: Unpack[Conditions],
) -> Report:
    """Measure how near to the truth models color photos, beside the grey and the random baseline.

    Grey and toned photos are left out and counted. Unreadable ones are named in the report.

    Args:
        photos: Files, folders, globs and tar shards; or photos of :func:`colorful.photos.find_photos`, or
            arrays ``(H, W, 3)`` of uint8.
        model: A name, Hub id or path, a network, or a colorizer, which may have settings and a look of its
            own; or several of them, with names for the report if it is a mapping.
        temperatures: Each model is scored at each; None is the model's own. A model without a temperature
            is scored once.
        classifier: Gives scores ``(N, classes)`` for photos ``(N, 3, size, size)`` in [0, 1], for top-1.
        labels: The true class of each photo by its name, for *classifier*; by default its own answer on the
            real photo counts as true.
        features: Gives features ``(N, F)`` for such photos, for the Frechet distance.
        examples: How many of the best and of the worst photos are kept for the contact sheet; the first model
            decides.
        progress: Called with the numbers of photos done and of all. If it returns False, the evaluation ends
            there.
        **conditions: How photos are prepared, and what is measured.

    Returns:
        The measures with 95 % intervals, all they depend on, and :meth:`Report.difference` of any two models.

    Raises:
        PhotosError: If there is no photo, or none in color.
        EvaluationError: If a model fails on a photo; it carries the report up to there.
        WeightsError: If a model cannot be loaded.
        ColorfulError: If an option has no meaning.
    """
    settled = settle(conditions)
    if classifier is None and labels is not None:
        raise OptionError("labels: expected a classifier, too")
    judge = None if classifier is None else _Judge(classifier, labels)
    ways = ways_of(model, temperatures)
    evaluation = _Evaluation(in_order(photos, settled["seed"]), ways, settled, judge, features, examples)
    return evaluation.run(progress)


class _Judge(NamedTuple):
    """A classifier and the true classes; if there are none, its answers on the real photos are used."""

    classifier: Callable[[Tensor], Tensor]
    labels: Mapping[str, int] | None


class _Scored(NamedTuple):
    """The results for one photo."""

    real: Real
    pictures: Mapping[str, Pixels]  # by way
    numbers: dict[str, dict[str, float]]  # by way and measure
    ab_errors: metrics.AbErrors
    hint_psnr: Mapping[str, Mapping[int, float]]


class _Evaluation:
    """One pass over the photos."""

    def __init__(
        self,
        photos: Sequence[Sample],
        ways: Sequence[Way],
        conditions: Conditions,
        judge: _Judge | None,
        features: Callable[[Tensor], Tensor] | None,
        examples: int,
    ) -> None:
        self.photos, self.ways, self.conditions = photos, ways, conditions
        self.judge, self.examples = judge, examples
        names = [*([GREY, RANDOM] if conditions["baselines"] else []), *(way.name for way in ways)]
        self.scores = Scores(names)
        self.frechet = {name: metrics.FrechetDistance(features) for name in names} if features else {}
        self.facts = {way.name: way.facts() for way in ways}
        hinted = [way for way in ways if way.colorizer.takes_hints and conditions["hints"]]
        self.hint_psnr = {way.name: {count: array("f") for count in conditions["hints"]} for way in hinted}
        self.left_out: Counter[str] = Counter()
        self.unreadable: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.stopped = False
        # Heaps of (key, number, example); the first is the next to be dropped.
        self.best: list[tuple[float, int, Example]] = []
        self.worst: list[tuple[float, int, Example]] = []

    def run(self, progress: Progress | None) -> Report:
        failure: Exception | None = None
        try:
            complete = self._pass(progress)
        except ColorfulError:
            raise
        except Exception as error:  # a model may raise anything; the scores so far are kept
            failure = error
            complete = False
        report = self._report(complete) if self.names else None
        if failure is not None:
            cause = f"{type(failure).__name__}: {failure}"
            raise EvaluationError(
                f"model failed after {len(self.names)} photos: {cause}", report
            ) from failure
        if report is None:
            raise PhotosError(self._nothing())
        return report

    def _pass(self, progress: Progress | None) -> bool:
        """Score all photos, some at a time, each in a thread with its share of torch's threads."""
        workers = min(parallel.threads(), _WORKERS)
        for scored in parallel.ahead(self._score, self._pairs(progress), workers=workers, share_cores=True):
            self._take(scored)
        if self.stopped:
            return False
        if progress is not None:
            progress(len(self.photos), len(self.photos))
        return True

    def _pairs(self, progress: Progress | None) -> Iterator[tuple[Real, Real]]:
        """Load the photos. Each comes with the next one, whose colors the random baseline uses."""
        first: Real | None = None
        waiting: Real | None = None
        photos = zip(self.photos, parallel.ahead(self._load, self.photos), strict=True)
        for done, (photo, loaded) in enumerate(photos):
            if progress is not None and progress(done, len(self.photos)) is False:
                self.stopped = True
                return
            if isinstance(loaded, ImageError):
                logger.warning("%s", loaded)
                self.unreadable.append((photo.name, str(loaded).removeprefix(f"{photo.name}: ")))
                continue
            if isinstance(loaded, str):
                self.left_out[loaded] += 1
                continue
            if waiting is not None:
                yield waiting, loaded
            first = first or loaded
            waiting = loaded
        if waiting is not None and first is not None:
            # With a single photo, its own colors are used upside down.
            alone = first is waiting
            yield waiting, replace(first, lab=first.lab.flip(1)) if alone else first

    def _load(self, sample: Sample) -> Real | str | ImageError:
        """Load a photo, in a thread."""
        try:
            return load(sample, self.conditions)
        except ImageError as error:
            return error

    @torch.inference_mode()
    def _score(self, pair: tuple[Real, Real]) -> _Scored:
        """Color and measure a photo, in a thread."""
        real, other = pair
        colored: dict[str, tuple[Pixels, Tensor]] = {}
        hint_psnr = {}
        if self.conditions["baselines"]:
            gamut: Gamut = "clip" if are_released(self.ways) else "map"
            random = other.lab[1:]
            for name, ab in ((GREY, torch.zeros(2, 1, 1)), (RANDOM, random)):
                rgb = render(real.pixels, ab, upsample="bilinear", gamut=gamut)
                colored[name] = rgb, ab.expand_as(random)
        colorizers = {way.colorizer for way in self.ways}
        predictions = {colorizer: colorizer.predict(real.pixels) for colorizer in colorizers}
        for way in self.ways:
            prediction = predictions[way.colorizer]
            ab = full_size(prediction, way.look, real)
            colored[way.name] = prediction.rgb(**way.look), ab
            if way.name in self.hint_psnr:
                hint_psnr[way.name] = dict(self._score_hints(way, prediction, real))
        pictures = {name: pixels for name, (pixels, _) in colored.items()}
        return _Scored(real, pictures, *self.scores.measure(real.pixels, real.lab, colored), hint_psnr)

    def _score_hints(self, way: Way, prediction: Prediction, real: Real) -> Iterator[tuple[int, float]]:
        """Run the network with more and more hints of the true colors."""
        seed = hashlib.sha256(f"{self.conditions['seed']} hints {real.name}".encode()).digest()[:8]
        places = np.random.default_rng(int.from_bytes(seed))
        light = prediction.light[None]
        for count, *hints in reveal(real.lab[1:], self.conditions["hints"], places):
            # A cell of the network is covered where its center is, as in colorful.hints.rasterize.
            ab, mask = (
                F.interpolate(plane[None], light.shape[-2:], mode="nearest-exact").to(light)
                for plane in hints
            )
            (output,), _ = way.colorizer.answer(light, ab, mask)
            pixels = replace(prediction, output=output).rgb(**way.look)
            yield count, float(metrics.psnr(_batch(pixels), _batch(real.pixels)))

    @torch.inference_mode()
    def _take(self, scored: _Scored) -> None:
        """Add the results of a photo. The caller's own functions are called in the caller's thread."""
        real, pictures = scored.real, scored.pictures
        if self.judge:
            for name, right in self._classify(self.judge, real, pictures).items():
                scored.numbers[name]["top1"] = right
        for name, frechet in self.frechet.items():
            frechet.update(_batch(pictures[name]), _batch(real.pixels))
        self.scores.add(scored.numbers, scored.ab_errors)
        for name, curve in scored.hint_psnr.items():
            for count, value in curve.items():
                self.hint_psnr[name][count].append(value)
        colored = {way.name: pictures[way.name] for way in self.ways}
        errors = {name: scored.numbers[name]["ciede2000"] for name in self.scores.ways}
        self._keep(Example(real.name, real.pixels, colored, errors))
        self.names.append(real.name)

    def _classify(self, judge: _Judge, real: Real, pictures: Mapping[str, Pixels]) -> dict[str, bool]:
        if judge.labels is not None and real.name not in judge.labels:
            raise OptionError(f"labels: expected a class for each photo, got none for {real.name!r}")
        batch = torch.cat([_batch(pixels) for pixels in (real.pixels, *pictures.values())])
        answers = judge.classifier(batch.float() / 255).argmax(dim=1)
        truth = answers[0] if judge.labels is None else judge.labels[real.name]
        return dict(zip((REAL, *pictures), (answers == truth).tolist(), strict=True))

    def _keep(self, example: Example) -> None:
        """Keep the example if it is among the best or the worst so far by the first model."""
        if not self.ways:
            return
        error = example.ciede2000[self.ways[0].name]
        for heap, key in ((self.best, -error), (self.worst, error)):
            heapq.heappush(heap, (key, len(self.names), example))
            if len(heap) > self.examples:
                heapq.heappop(heap)

    def _report(self, complete: bool) -> Report:
        best = [example for *_, example in sorted(self.best, reverse=True)]
        worst = [example for *_, example in sorted(self.worst, reverse=True)]
        kept = {example.name for example in best}
        return Report(
            conditions=self.conditions,
            released=are_released(self.ways),
            scores=self.scores.table(),
            names=tuple(self.names),
            found=len(self.photos),
            left_out=dict(self.left_out),
            unreadable=tuple(sorted(self.unreadable)),
            complete=complete,
            models=self.facts,
            hint_psnr={
                name: {count: np.asarray(values, dtype=np.float64) for count, values in curve.items()}
                for name, curve in self.hint_psnr.items()
            },
            frechet={name: each.value() for name, each in self.frechet.items() if len(self.names) > 1},
            best=tuple(best),
            worst=tuple(example for example in worst if example.name not in kept),
        )

    def _nothing(self) -> str:
        found = [f"{count} {kind}" for kind, count in sorted(self.left_out.items())]
        found += [f"{len(self.unreadable)} unreadable"] * bool(self.unreadable)
        reason = f" ({self.unreadable[0][0]}: {self.unreadable[0][1]})" if self.unreadable else ""
        return f"photos: expected color photos, got {', '.join(found) or 'none'}{reason}"


def reveal(
    ab: Tensor, counts: Sequence[int], random: np.random.Generator
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Reveal true colors in patches of 6 x 6 pixels, at places as hints were simulated in training.

    A patch has the mean color of the photo there. Its place is normal around the middle with a standard
    deviation of a quarter of the side, cut off at the border. More hints contain the fewer.

    Args:
        ab: True colors, shape ``(2, H, W)``, CIELAB units.
        counts: Numbers of patches, ascending.
        random: Where the places come from.

    Yields:
        Number of patches, hinted ab ``(2, H, W)`` and 0/1 mask ``(1, H, W)``.

    References:
        Zhang, Zhu, Isola, Geng, Lin, Yu, Efros. Real-Time User-Guided Image Colorization with Learned Deep
        Priors. SIGGRAPH 2017, section 4.1.
    """
    room = np.array(ab.shape[1:]) - _PATCH
    hinted, mask = torch.zeros_like(ab), torch.zeros_like(ab[:1])
    placed = 0
    for count in counts:
        for _ in range(count - placed):
            top, left = np.clip(random.normal((room + 1) / 2, (room + 1) / 4), 0, room).astype(int)
            patch = (slice(None), slice(top, top + _PATCH), slice(left, left + _PATCH))
            hinted[patch] = ab[patch].mean(dim=(1, 2), keepdim=True)
            mask[patch] = 1
        placed = count
        yield count, hinted.clone(), mask.clone()


def _batch(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]
