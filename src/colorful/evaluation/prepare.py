"""What is scored and how: photos brought to one size in one order, and models that color them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from colorful.colorizer import Colorizer
from colorful.errors import KindError, OptionError
from colorful.evaluation.scores import GREY, RANDOM, REAL, Pixels, lab_of
from colorful.lab.upsample import guided_upsample, upsample
from colorful.look import Look, Settings, refuse_unknown
from colorful.models.network import Network
from colorful.photos import Photo, Source, color_kind, find_photos
from colorful.prediction import Prediction

Model = str | os.PathLike[str] | Network | Colorizer
Photos = Source | Iterable[Source | Photo | npt.NDArray[np.uint8]]
Resize = Literal["stretch", "crop"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """All that a figure depends on besides the photos and the model.

    Args:
        size: Side in pixels of the square at which photos are scored.
        resize: ``stretch`` squeezes the photo into that square, ``crop`` brings its shorter side to it and
            takes the middle. Pillow's bicubic filter, as in the released pipeline.
        settings: Those of :class:`colorful.look.Settings` that models given by name or as a network get.
        baselines: Whether grey and colors of another random photo are scored, too.
        hints: Numbers of simulated hints at which PSNR is measured.
        seed: Of the order of the photos, which decides whose colors the random baseline takes, and of hints.

    Raises:
        OptionError: If a value is not one of those offered.
    """

    size: int = 256
    resize: Resize = "stretch"
    settings: Settings = field(default_factory=Settings)
    baselines: bool = True
    hints: tuple[int, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resize not in get_args(Resize):
            raise OptionError(f"resize: expected one of {get_args(Resize)}, got {self.resize!r}")
        refuse_unknown(self.settings, Settings)
        sizes = [("size", self.size)]
        counts = [("seed", self.seed), *(("hints", count) for count in self.hints)]
        for least, given in ((16, sizes), (0, counts)):
            for name, value in given:
                if not isinstance(value, int) or value < least:
                    raise OptionError(f"{name}: expected an integer of at least {least}, got {value!r}")


@dataclass(frozen=True)
class Way:
    """One model with one look."""

    name: str
    colorizer: Colorizer
    look: Look

    def facts(self) -> dict[str, object]:
        """Tell what a figure of it depends on."""
        network = self.colorizer.network
        digest = hashlib.sha256()
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().numpy().tobytes())
        look = self.colorizer.tuned(**self.look).look
        return {
            "model": self.colorizer.name,
            "architecture": network.architecture,
            "temperature": look.get("temperature"),
            "saturation": look["saturation"],
            "dtype": self.colorizer.dtype,
            "parameters_sha256": digest.hexdigest(),
        }


@dataclass(frozen=True, eq=False)
class Given:
    """A photo that is in memory already."""

    name: str
    pixels: npt.NDArray[np.uint8]

    def load(self) -> npt.NDArray[np.uint8]:
        """Give the pixels."""
        return self.pixels


@dataclass(frozen=True, eq=False)
class Real:
    """A real photo at the evaluated size."""

    name: str
    pixels: Pixels
    lab: Tensor = field(repr=False)  # (3, H, W)


def ways_of(
    models: Sequence[Model] | Mapping[str, Model],
    temperatures: Sequence[float | None],
    device: str | torch.device,
    settings: Settings,
) -> list[Way]:
    """Load the models and name each at each temperature.

    Raises:
        UnsupportedOptionError: If a temperature was asked of a model that has none.
        OptionError: If two get the same name, or one that of a baseline; or if there is no temperature.
        KindError: If a model is none, or a single one is given instead of several.
        WeightsError: If one cannot be loaded.
    """
    for kind, given in (("models", models), ("temperatures", temperatures)):
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise KindError(f"{kind}: expected a list of them, got a single {type(given).__name__}")
    temperatures = list(temperatures)
    if not temperatures:
        raise OptionError("temperatures: expected at least one, None being the model's own, got none")
    if isinstance(models, Mapping):
        colorizers = [_colorizer(model, device, settings) for model in models.values()]
        labels = list(models)
    else:
        colorizers = [_colorizer(model, device, settings) for model in models]
        # Of a path or Hub id the last part will do, unless it does not tell.
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


def _colorizer(model: Model, device: str | torch.device, settings: Settings) -> Colorizer:
    if isinstance(model, Colorizer):
        return model
    if isinstance(model, Network):
        return Colorizer(model, device=device, **settings)
    if isinstance(model, str | os.PathLike):
        return Colorizer.from_pretrained(model, device=device, **settings)
    raise KindError(f"model: expected a name, path, network or Colorizer, got {type(model).__name__}")


def in_order(photos: Photos, seed: int) -> list[Photo | Given]:
    """Put photos in an order that is random, but the same wherever they lie."""
    given = [photos] if isinstance(photos, str | os.PathLike) else list(photos)
    taken: list[Photo | Given] = []
    sources: list[Source] = []
    for number, item in enumerate(given):
        if isinstance(item, Photo):
            taken.append(item)
        elif isinstance(item, np.ndarray):
            if item.dtype != np.uint8 or item.ndim != 3 or item.shape[2] != 3:
                raise KindError(f"photos: expected arrays (H, W, 3) of uint8, got {item.dtype} {item.shape}")
            taken.append(Given(f"{number:06d}", item))
        else:
            sources.append(item)
    if sources or not taken:
        taken.extend(find_photos(sources))
    return sorted(taken, key=lambda photo: hashlib.sha256(f"{seed} {photo.name}".encode()).digest())


def load(photo: Photo | Given, protocol: Protocol) -> Real | Literal["grey", "toned"]:
    """Read a photo and bring it to the evaluated size, or tell why it is left out.

    Raises:
        ImageError: If it cannot be read.
    """
    pixels = photo.load()
    kind = color_kind(pixels)
    if kind != "color":
        return kind
    small = _resized(pixels, protocol.size, protocol.resize)
    return Real(photo.name, small, lab_of(small))


def full_size(prediction: Prediction, look: Look, real: Real) -> Tensor:
    """Bring predicted ab to the evaluated size, as the colorizer does before it maps into the gamut."""
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
