"""Color photos that were colored all along, and compare: one pass over a set for any number of models."""

from __future__ import annotations

import hashlib
import heapq
import logging
import os
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeVar, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from colorful import metrics
from colorful.colorizer import Colorizer
from colorful.errors import ColorfulError, ImageError, KindError, OptionError, PhotosError
from colorful.evaluation.report import Example, Report
from colorful.evaluation.scores import REAL, Pixels, Scores
from colorful.lab import rgb_to_lab
from colorful.lab.space import Gamut
from colorful.lab.upsample import guided_upsample, upsample
from colorful.models import DEFAULT_MODEL
from colorful.models.network import Network
from colorful.photos import Photo, Source, color_kind, find_photos
from colorful.render import light, render

logger = logging.getLogger(__name__)

Model = str | os.PathLike[str] | Network | Colorizer
Photos = Source | Iterable[Source | Photo | npt.NDArray[np.uint8]]
Progress = Callable[[int, int], object]
Resize = Literal["stretch", "crop"]

HINT_COUNTS = (0, 1, 2, 5, 10, 20, 50, 100)
"""The numbers of hints of the published curve."""

_PATCH = 6
_AHEAD = 8
GREY, RANDOM = "grey", "random"

In = TypeVar("In")
Out = TypeVar("Out")


class EvaluationError(ColorfulError, RuntimeError):
    """A model failed on the way.

    Attributes:
        report: Over the photos scored until then, or None if there was none.
    """

    def __init__(self, message: str, report: Report | None) -> None:
        super().__init__(message)
        self.report = report


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """All that a figure depends on besides the photos and the model.

    Args:
        size: Side in pixels of the square at which photos are scored.
        resize: ``stretch`` squeezes the photo into that square, ``crop`` brings its shorter side to it and
            takes the middle. Pillow's bicubic filter, as in the released pipeline.
        network_size: Side at which the network looks at the photo; the model's own by default.
        reference: Do as the released code: ab resized bilinearly, colors outside sRGB clipped. By default
            as :class:`colorful.Colorizer` does: along the photo's edges, mapped into the gamut.
        baselines: Whether grey and colors of another random photo are scored, too.
        hints: Numbers of simulated hints at which PSNR is measured.
        seed: Of the order of the photos, which decides whose colors the random baseline takes, and of hints.

    Raises:
        OptionError: If a value is not one of those offered.
    """

    size: int = 256
    resize: Resize = "stretch"
    network_size: int | None = None
    reference: bool = False
    baselines: bool = True
    hints: tuple[int, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resize not in get_args(Resize):
            raise OptionError(f"resize: expected one of {get_args(Resize)}, got {self.resize!r}")
        if self.size < 16:
            raise OptionError(f"size: expected at least 16 pixels, got {self.size}")
        if any(count < 0 for count in self.hints):
            raise OptionError(f"hints: expected counts of at least 0, got {self.hints}")


def evaluate(
    photos: Photos,
    *,
    model: Model = DEFAULT_MODEL,
    temperature: float | None = None,
    size: int = 256,
    resize: Resize = "stretch",
    network_size: int | None = None,
    reference: bool = False,
    baselines: bool = True,
    hints: Sequence[int] = (),
    seed: int = 0,
    device: str | torch.device = "auto",
    classifier: Callable[[Tensor], Tensor] | None = None,
    labels: Mapping[str, int] | None = None,
    features: Callable[[Tensor], Tensor] | None = None,
    examples: int = 8,
    progress: Progress | None = None,
) -> Report:
    """Measure how near to the truth a model colors photos, beside the grey and the random baseline.

    Grey and toned photos are left out and counted, unreadable ones are named.

    Args:
        photos: Files, folders, globs and tar shards; or photos of :func:`colorful.photos.find_photos`, or
            arrays ``(H, W, 3)`` of uint8.
        model: A name, Hub id or path, a network, or a colorizer.
        temperature: Sharpness of the choice among likely colors, in [0, 1]; the model's own by default.
        size: As in :class:`Protocol`, like all up to *seed*.
        resize: ``"stretch"`` or ``"crop"``.
        network_size: Side at which the network looks at the photo.
        reference: Whether to do as the released code.
        baselines: Whether to score the baselines, too.
        hints: Numbers of simulated hints at which PSNR is measured.
        seed: Of everything random.
        device: Where a model given by name or as a network runs.
        classifier: Gives scores ``(N, classes)`` for photos ``(N, 3, size, size)`` in [0, 1], for top-1.
        labels: The true class of each photo by its name, for *classifier*.
        features: Gives features ``(N, F)`` for such photos, for the Frechet distance.
        examples: How many of the best and of the worst photos are kept for the contact sheet.
        progress: Called with the numbers of photos done and of all. If it returns False, the evaluation ends
            there.

    Returns:
        The measures with 95 % intervals, and all they depend on.

    Raises:
        PhotosError: If there is no photo, or none in color.
        EvaluationError: If the model fails on a photo; it carries the report up to there.
        WeightsError: If the model cannot be loaded.
        ColorfulError: If an option has no meaning.
    """
    return compare(
        photos,
        [model],
        temperatures=[temperature],
        size=size,
        resize=resize,
        network_size=network_size,
        reference=reference,
        baselines=baselines,
        hints=hints,
        seed=seed,
        device=device,
        classifier=classifier,
        labels=labels,
        features=features,
        examples=examples,
        progress=progress,
    )


def compare(
    photos: Photos,
    models: Sequence[Model] | Mapping[str, Model],
    *,
    temperatures: Sequence[float | None] = (None,),
    size: int = 256,
    resize: Resize = "stretch",
    network_size: int | None = None,
    reference: bool = False,
    baselines: bool = True,
    hints: Sequence[int] = (),
    seed: int = 0,
    device: str | torch.device = "auto",
    classifier: Callable[[Tensor], Tensor] | None = None,
    labels: Mapping[str, int] | None = None,
    features: Callable[[Tensor], Tensor] | None = None,
    examples: int = 8,
    progress: Progress | None = None,
) -> Report:
    """Measure several models, at one or several temperatures each, on the same photos.

    Args:
        photos: As for :func:`evaluate`, like all but the next two.
        models: What to compare, with names for the report if it is a mapping.
        temperatures: Each model is scored at each; None is the model's own. A model without a temperature
            is scored once.
        size: Side in pixels of the square at which photos are scored.
        resize: ``"stretch"`` or ``"crop"``.
        network_size: Side at which the network looks at the photo.
        reference: Whether to do as the released code.
        baselines: Whether to score the baselines, too.
        hints: Numbers of simulated hints at which PSNR is measured, for models that take hints.
        seed: Of everything random.
        device: Where models given by name or as a network run.
        classifier: For top-1.
        labels: For top-1.
        features: For the Frechet distance.
        examples: How many of the best and of the worst photos are kept; the first model decides.
        progress: Called with the numbers of photos done and of all.

    Returns:
        The measures, and :meth:`Report.difference` of any two.

    Raises:
        ColorfulError: As for :func:`evaluate`.
    """
    protocol = Protocol(
        size=size,
        resize=resize,
        network_size=network_size,
        reference=reference,
        baselines=baselines,
        hints=tuple(sorted(set(hints))),
        seed=seed,
    )
    if (classifier is None) != (labels is None):
        raise OptionError("classifier, labels: expected both or none")
    judge = None if classifier is None or labels is None else _Judge(classifier, labels)
    ways = _ways(models, temperatures, device)
    evaluation = _Evaluation(_in_order(photos, seed), ways, protocol, judge, features, examples)
    return evaluation.run(progress)


@dataclass(frozen=True)
class _Way:
    """One model at one temperature."""

    name: str
    colorizer: Colorizer
    temperature: float | None

    def facts(self) -> dict[str, object]:
        network = self.colorizer.network
        digest = hashlib.sha256()
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        temperature = self.temperature if self.temperature is not None else network.config.temperature
        return {
            "model": self.colorizer.name,
            "architecture": network.architecture,
            "temperature": temperature if self.colorizer.has_temperature else None,
            "saturation": network.config.saturation,
            "dtype": self.colorizer.dtype,
            "parameters_sha256": digest.hexdigest(),
        }


class _Judge(NamedTuple):
    """A classifier and the true classes."""

    classifier: Callable[[Tensor], Tensor]
    labels: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class _Given:
    """A photo that is in memory already."""

    name: str
    pixels: npt.NDArray[np.uint8]

    def load(self) -> npt.NDArray[np.uint8]:
        return self.pixels


@dataclass(frozen=True, eq=False)
class _Real:
    """A real photo at the evaluated size."""

    name: str
    pixels: Pixels
    lab: Tensor = field(repr=False)  # (3, H, W)


class _Evaluation:
    """One pass over the photos."""

    def __init__(
        self,
        photos: Sequence[Photo | _Given],
        ways: Sequence[_Way],
        protocol: Protocol,
        judge: _Judge | None,
        features: Callable[[Tensor], Tensor] | None,
        examples: int,
    ) -> None:
        self.photos, self.ways, self.protocol = photos, ways, protocol
        self.judge, self.examples = judge, examples
        names = [*([GREY, RANDOM] if protocol.baselines else []), *(way.name for way in ways)]
        self.scores = Scores(names, top1=judge is not None)
        self.frechet = {name: metrics.FrechetDistance(features) for name in names} if features else {}
        self.hint_psnr = {
            way.name: {count: array("f") for count in protocol.hints}
            for way in ways
            if way.colorizer.takes_hints and protocol.hints
        }
        self.left_out: Counter[str] = Counter()
        self.unreadable: list[tuple[str, str]] = []
        self.names: list[str] = []
        # Heaps of (key, number, example), the example to give up next first.
        self.best: list[tuple[float, int, Example]] = []
        self.worst: list[tuple[float, int, Example]] = []

    def run(self, progress: Progress | None) -> Report:
        failure: Exception | None = None
        try:
            complete = self._pass(progress)
        except ColorfulError:
            raise
        except Exception as error:  # whatever a model throws; what was measured is not lost
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
        """Score all. A photo waits until the next one is there, whose colors the random baseline takes."""
        first: _Real | None = None
        waiting: _Real | None = None
        for done, loaded in enumerate(_ahead(self._load, self.photos)):
            if progress is not None and progress(done, len(self.photos)) is False:
                return False
            if loaded is None:
                continue
            if waiting is not None:
                self._score(waiting, loaded)
            first = first or loaded
            waiting = loaded
        if waiting is not None and first is not None:
            self._score(waiting, first)
        if progress is not None:
            progress(len(self.photos), len(self.photos))
        return True

    def _load(self, photo: Photo | _Given) -> _Real | None:
        try:
            pixels = photo.load()
        except ImageError as error:
            logger.warning("%s", error)
            self.unreadable.append((photo.name, str(error).removeprefix(f"{photo.name}: ")))
            return None
        kind = color_kind(pixels)
        if kind != "color":
            self.left_out[kind] += 1
            return None
        pixels = _resized(pixels, self.protocol.size, self.protocol.resize)
        return _Real(
            photo.name, pixels, rgb_to_lab(torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1))
        )

    @torch.inference_mode()
    def _score(self, real: _Real, other: _Real) -> None:
        colored: dict[str, tuple[Pixels, Tensor]] = {}
        if self.protocol.baselines:
            colored[GREY] = self._picture(real, torch.zeros_like(real.lab[1:]))
            colored[RANDOM] = self._picture(real, other.lab[1:])
        predictions = {
            colorizer: colorizer.predict(
                real.pixels, network_size=self.protocol.network_size, reference=self.protocol.reference
            )
            for colorizer in {way.colorizer for way in self.ways}
        }
        for way in self.ways:
            ab = predictions[way.colorizer].ab(temperature=way.temperature)
            colored[way.name] = self._picture(real, self._full_size(way, real, ab))
        if self.hint_psnr:
            self._score_hints(real)
        right = self._classify(self.judge, real, colored) if self.judge else None
        for name, frechet in self.frechet.items():
            frechet.update(_batch(colored[name][0]), _batch(real.pixels))
        errors = self.scores.update(real.pixels, colored, right)
        self._keep(
            Example(real.name, real.pixels, {way.name: colored[way.name][0] for way in self.ways}, errors)
        )
        self.names.append(real.name)

    def _full_size(self, way: _Way, real: _Real, ab: Tensor) -> Tensor:
        """Bring ab ``(2, h, w)`` of the network to the evaluated size as the colorizer does."""
        ab = ab.cpu()[None] * way.colorizer.network.config.saturation
        if self.protocol.reference:
            return upsample(ab, (self.protocol.size, self.protocol.size))[0]
        return guided_upsample(ab, real.lab[None, :1])[0]

    def _picture(self, real: _Real, ab: Tensor) -> tuple[Pixels, Tensor]:
        gamut: Gamut = "clip" if self.protocol.reference else "map"
        return render(real.pixels, ab, upsample="bilinear", gamut=gamut), ab

    def _score_hints(self, real: _Real) -> None:
        seed = hashlib.sha256(f"{self.protocol.seed} hints {real.name}".encode()).digest()[:8]
        places = np.random.default_rng(int.from_bytes(seed))
        revealed = list(reveal(real.lab[1:], self.protocol.hints, places))
        lightness = light(real.pixels)
        for way in self.ways:
            if way.name not in self.hint_psnr:
                continue
            network, device = way.colorizer.network, way.colorizer.device
            for count, ab, mask in revealed:
                output = network(lightness.to(device), ab[None].to(device), mask[None].to(device))
                decoded = network.decode(output, temperature=way.temperature)[0]
                pixels, _ = self._picture(real, self._full_size(way, real, decoded))
                self.hint_psnr[way.name][count].append(
                    float(metrics.psnr(_batch(pixels), _batch(real.pixels)))
                )

    def _classify(
        self, judge: _Judge, real: _Real, colored: Mapping[str, tuple[Pixels, Tensor]]
    ) -> dict[str, bool]:
        if real.name not in judge.labels:
            raise OptionError(f"labels: expected a class for each photo, got none for {real.name!r}")
        batch = torch.cat([_batch(real.pixels), *(_batch(pixels) for pixels, _ in colored.values())])
        right = metrics.TopOne(judge.classifier).update(batch, torch.tensor(judge.labels[real.name]))
        return dict(zip((REAL, *colored), right.tolist(), strict=True))

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
            protocol=self.protocol,
            scores=self.scores.table(),
            names=tuple(self.names),
            found=len(self.photos),
            left_out=dict(self.left_out),
            unreadable=tuple(sorted(self.unreadable)),
            complete=complete,
            models={way.name: way.facts() for way in self.ways},
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


def _ways(
    models: Sequence[Model] | Mapping[str, Model],
    temperatures: Sequence[float | None],
    device: str | torch.device,
) -> list[_Way]:
    named = list(models.items()) if isinstance(models, Mapping) else [(None, model) for model in models]
    ways = []
    for name, model in named:
        colorizer = _colorizer(model, device)
        label = name or colorizer.name
        for temperature in temperatures if colorizer.has_temperature else temperatures[:1]:
            colorizer.decoding(temperature=temperature)  # refuses what the model cannot do
            suffix = "" if temperature is None or len(temperatures) == 1 else f" T={temperature:g}"
            ways.append(_Way(label + suffix, colorizer, temperature))
    counts = Counter(way.name for way in ways)
    taken = [name for name, count in counts.items() if count > 1 or name in (GREY, RANDOM, REAL)]
    if taken:
        raise OptionError(f"models: expected different names other than grey, random, real, got {taken[0]!r}")
    return ways


def _colorizer(model: Model, device: str | torch.device) -> Colorizer:
    if isinstance(model, Colorizer):
        return model
    if isinstance(model, Network):
        return Colorizer(model, device=device)
    if isinstance(model, str | os.PathLike):
        return Colorizer.from_pretrained(model, device=device)
    raise KindError(f"model: expected a name, path, network or Colorizer, got {type(model).__name__}")


def _in_order(photos: Photos, seed: int) -> list[Photo | _Given]:
    """Put photos in an order that is random, but the same wherever they lie."""
    given = [photos] if isinstance(photos, str | os.PathLike) else list(photos)
    taken: list[Photo | _Given] = []
    sources: list[Source] = []
    for number, item in enumerate(given):
        if isinstance(item, Photo):
            taken.append(item)
        elif isinstance(item, np.ndarray):
            if item.dtype != np.uint8 or item.ndim != 3 or item.shape[2] != 3:
                raise KindError(f"photos: expected arrays (H, W, 3) of uint8, got {item.dtype} {item.shape}")
            taken.append(_Given(f"{number:06d}", item))
        else:
            sources.append(item)
    if sources or not taken:
        taken.extend(find_photos(sources))
    return sorted(taken, key=lambda photo: hashlib.sha256(f"{seed} {photo.name}".encode()).digest())


def _resized(pixels: Pixels, size: int, resize: Resize) -> Pixels:
    image = Image.fromarray(pixels)
    box = None
    if resize == "crop":
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
    return np.array(image.resize((size, size), Image.Resampling.BICUBIC, box=box))


def _ahead(function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """Map in order, some items ahead in threads, while the caller computes; never all of them at once."""
    with ThreadPoolExecutor(2, thread_name_prefix="colorful-load") as pool:
        waiting: deque[Future[Out]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batch(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]
