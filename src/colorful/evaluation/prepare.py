"""Prepare an evaluation: bring photos to one size and into an order, and load the models."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any, Literal, NamedTuple, TypedDict, cast, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from colorful.colorizer import Colorizer
from colorful.errors import KindError, OptionError, check_choice, refuse_unknown
from colorful.evaluation.scores import GREY, RANDOM, REAL, Pixels, lab_of
from colorful.lab.upsample import guided_upsample, upsample
from colorful.look import Look, check_count
from colorful.models.network import Network
from colorful.photos import Photo, Source, color_kind, find_photos
from colorful.prediction import Prediction

Model = str | os.PathLike[str] | Network | Colorizer
Photos = Source | Iterable[Source | Photo | npt.NDArray[np.uint8]]
Resize = Literal["stretch", "crop"]


class Preparation(TypedDict, total=False):
    """How photos are brought to one size and into an order.

    Attributes:
        size: Side in pixels of the square at which photos are looked at, 256 by default.
        resize: ``"stretch"`` (the default) squeezes the photo into that square, ``"crop"`` brings its shorter
            side to it and takes the middle. Pillow's bicubic filter, as in the released pipeline.
        seed: Of everything random, 0 by default: the order of the photos, which decides whose colors the
            random baseline takes, and the places of hints.
    """

    size: int
    resize: Resize
    seed: int


class Conditions(Preparation, total=False):
    """All that a figure depends on besides the photos and the model.

    Attributes:
        baselines: Whether grey and colors of another random photo are scored, too; they are by default.
        hints: Numbers of simulated hints at which PSNR is measured, if a model takes hints; none by default.
    """

    baselines: bool
    hints: Sequence[int]


def settle(given: Conditions) -> Conditions:
    """Check conditions, and fill in what was not given.

    Raises:
        TypeError: If there is no option of that name.
        OptionError: If a value is not one of those offered.
        KindError: If a single number of hints is given instead of several.
    """
    refuse_unknown(given, Conditions)
    default: Conditions = {"size": 256, "resize": "stretch", "seed": 0, "baselines": True, "hints": ()}
    whole = default | given
    check_choice("resize", whole["resize"], get_args(Resize))
    if isinstance(whole["hints"], str) or not isinstance(whole["hints"], Iterable):
        raise KindError(f"hints: expected a list of numbers, got {whole['hints']!r}")
    whole["size"] = check_count("size", whole["size"], least=16)
    whole["seed"] = check_count("seed", whole["seed"], least=0)
    whole["hints"] = sorted({check_count("hints", count, least=0) for count in whole["hints"]})
    return whole


@dataclass(frozen=True)
class Way:
    """One model with one look."""

    name: str
    colorizer: Colorizer
    look: Look

    def facts(self) -> dict[str, object]:
        """Return all that its scores depend on."""
        tuned = self.colorizer.tuned(**self.look)
        return {
            "model": self.colorizer.name,
            "architecture": self.colorizer.architecture,
            "temperature": None,
            **tuned.look,
            "settings": dict(self.colorizer.settings),
            "dtype": self.colorizer.dtype,
            "weights_sha256": self.colorizer.weights_digest,
            "digest": tuned.digest,
        }


class Sample(NamedTuple):
    """A photo to evaluate on, on disk or in memory."""

    name: str
    load: Callable[[], Pixels]


@dataclass(frozen=True, eq=False)
class Real:
    """A real photo at the evaluated size."""

    name: str
    pixels: Pixels
    lab: Tensor = field(repr=False)  # (3, H, W)


def ways_of(
    models: Model | Sequence[Model] | Mapping[str, Model], temperatures: Sequence[float | None]
) -> list[Way]:
    """Load the models and name each at each temperature.

    Raises:
        UnsupportedOptionError: If a temperature was asked of a model that has none.
        OptionError: If two get the same name, or one that of a baseline; or if there is no temperature.
        KindError: If a model is none, or a single temperature is given instead of several.
        WeightsError: If one cannot be loaded.
    """
    if isinstance(temperatures, str) or not isinstance(temperatures, Iterable):
        raise KindError(f"temperatures: expected a list of them, got {temperatures!r}")
    temperatures = list(temperatures)
    if not temperatures:
        raise OptionError("temperatures: expected at least one, None being the model's own, got none")
    if isinstance(models, Mapping):
        colorizers = [_colorizer(model) for model in models.values()]
        labels = list(models)
    else:
        single = isinstance(models, str) or not isinstance(models, Sequence)
        colorizers = [_colorizer(model) for model in cast("Sequence[Model]", (models,) if single else models)]
        # The last part of a path or Hub id is enough, unless two models share it.
        short = [PurePath(colorizer.name).name for colorizer in colorizers]
        labels = [
            colorizer.name if short.count(name) > 1 or name in (GREY, RANDOM, REAL) else name
            for name, colorizer in zip(short, colorizers, strict=True)
        ]
    ways = []
    for label, colorizer in zip(labels, colorizers, strict=True):
        once = len(temperatures) > 1 and not colorizer.has_temperature
        for temperature in (None,) if once else temperatures:
            look = Look(temperature=temperature)
            colorizer.tuned(**look)  # refuses what the model cannot do
            suffix = "" if temperature is None or len(temperatures) == 1 else f" T={temperature:g}"
            ways.append(Way(label + suffix, colorizer, look))
    counts = Counter(way.name for way in ways)
    taken = [name for name, count in counts.items() if count > 1 or name in (GREY, RANDOM, REAL)]
    if taken:
        raise OptionError(f"models: expected different names other than grey, random, real, got {taken[0]!r}")
    return ways


def are_released(ways: Sequence[Way]) -> bool:
    """Tell whether all use the released protocol, which the baselines then use, too."""
    return bool(ways) and all(way.colorizer.settings["protocol"] == "released" for way in ways)


def _colorizer(model: object) -> Colorizer:
    if isinstance(model, Colorizer):
        return model
    if isinstance(model, Network):
        return Colorizer(model)
    if isinstance(model, str | os.PathLike):
        return Colorizer.from_pretrained(model)
    raise KindError(f"model: expected a name, path, network or Colorizer, got {type(model).__name__}")


def in_order(photos: Photos, seed: int) -> list[Sample]:
    """Shuffle photos by their names, so that the order is the same on every machine."""
    single = isinstance(photos, str | os.PathLike | Photo) or not isinstance(photos, Iterable)
    if isinstance(photos, np.ndarray) and photos.ndim == 3:  # not to be gone through by rows
        single = True
    given: list[Any] = [photos] if single else list(cast("Iterable[object]", photos))
    samples: list[Sample] = []
    sources: list[Source] = []
    for number, item in enumerate(given):
        if isinstance(item, Photo):
            samples.append(Sample(item.name, item.load))
        elif isinstance(item, np.ndarray):
            if item.dtype != np.uint8 or item.ndim != 3 or item.shape[2] != 3:
                raise KindError(f"photos: expected arrays (H, W, 3) of uint8, got {item.dtype} {item.shape}")
            samples.append(Sample(f"{number:06d}", partial(np.asarray, item)))
        else:
            sources.append(item)
    if sources or not samples:
        samples += [Sample(photo.name, photo.load) for photo in find_photos(sources)]
    return sorted(samples, key=lambda sample: hashlib.sha256(f"{seed} {sample.name}".encode()).digest())


def load(sample: Sample, conditions: Preparation) -> Real | Literal["grey", "toned"]:
    """Read a photo and bring it to the evaluated size, or tell why it is left out.

    Raises:
        ImageError: If it cannot be read.
    """
    pixels = sample.load()
    kind = color_kind(pixels)
    if kind != "color":
        return kind
    small = _resized(pixels, conditions["size"], conditions["resize"])
    return Real(sample.name, small, lab_of(small))


def full_size(prediction: Prediction, look: Look, real: Real) -> Tensor:
    """Bring predicted ab to the evaluated size as the colorizer does, before it is mapped to the gamut."""
    ab = prediction.ab(**look).cpu()[None]
    if prediction.settings["upsample"] == "bilinear":
        return upsample(ab, (real.pixels.shape[0], real.pixels.shape[1]))[0]
    return guided_upsample(ab, real.lab[None, :1])[0]


def _resized(pixels: Pixels, size: int, resize: Resize) -> Pixels:
    image = Image.fromarray(pixels)
    box = None
    if resize == "crop":
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        box = (left, top, left + side, top + side)
    return np.array(image.resize((size, size), Image.Resampling.BICUBIC, box=box))
