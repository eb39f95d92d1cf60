"""What a person may ask of a prediction: where to give a hint, colors like an example's, other pictures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from colorful.errors import ColorfulError, KindError, OptionError, brief
from colorful.hints import Hint, lab_of
from colorful.images import Picture
from colorful.lab import lab_to_rgb, rgb_to_lab
from colorful.lab.decode import Decoder
from colorful.lab.kinship import Kinship, Spot, compare, telling
from colorful.lab.names import color_name
from colorful.lab.reweight import borrow, histogram, lean, mix, tilt
from colorful.models.abilities import has_features, unsupported

Manner = Literal["auto", "match", "mood"]

# Colors nearer to each other than this, in CIELAB units, are one suggestion: two bins' sides.
_ALIKE = 20.0
# How far around each of its colors a palette reaches, in CIELAB units.
_PALETTE_SPREAD = 8.0
# Regions of a photo that get another color in a variant.
_REGIONS = 4
# Exponent on the amount of a mood: with it, amount 0.5 brings the colors half of the way to the example's.
_EAGERNESS = 0.8
# Longer side at which an example is looked at.
_EXAMPLE_SIDE = 64
# Chroma that a photo in color has somewhere, in CIELAB units.
_LEAST_CHROMA = 4.0
# How far a seed turns the sides to which they are moved, in degrees.
_TURN = 25
# Kinship from which on a cell counts for the colors of a place.
_CORE = 0.5
# Power of the kinship by which places are chosen: a network takes a hint less far than a Gaussian process.
# With 2, more photos became worse by one true color, and the mean gain was smaller.
_CLOSE = 3


class Suggestion(NamedTuple):
    """A color that the network finds likely at a point.

    Attributes:
        color: ``"#rrggbb"``, with the L of the photo at that point.
        probability: Probability of this color and of those that hardly differ from it, in [0, 1].
    """

    color: str
    probability: float

    @property
    def name(self) -> str:
        """The color in plain English, such as ``"dark brown"``."""
        return color_name(*lab_of(self.color).tolist())


@dataclass(frozen=True, eq=False)
class Place:
    """A place of the photo where a hint would help much.

    Attributes:
        x: Distance from the left edge in pixels of the upright photo.
        y: Distance from the top edge, in the same way.
        radius: Radius of the disc around it that a hint gets, in pixels. The color asked for is that disc's.
        share: Which share of all uncertainty in the photo a color here would remove, in [0, 1].
        suggestions: The likeliest colors, the likeliest first.
        region: How much each cell of the prediction belongs to the place, in [0, 1], shape ``(h, w)``.
    """

    x: float
    y: float
    radius: float
    share: float
    suggestions: list[Suggestion]
    region: Tensor

    def hint(self, color: str | Sequence[int]) -> Hint:
        """Return the hint that gives this place a color.

        Args:
            color: As for :class:`~colorful.Hint`.

        Returns:
            The hint, with the radius of the place.

        Example:
            >>> import colorful, numpy as np
            >>> prediction = colorful.Colorizer.from_pretrained("lite").predict(np.full((48, 64), 0.5))
            >>> prediction.ask(count=1)[0].hint("darkred").color
            '#8b0000'
        """
        return Hint(self.x, self.y, color, self.radius)

    def to_json(self) -> dict[str, Any]:
        """Give a hint's JSON object without its color, and beside it the colors to choose from."""
        return {
            "x": round(self.x, 1),
            "y": round(self.y, 1),
            "radius": round(self.radius, 1),
            "color": None,
            "likely": [
                {"color": found.color, "name": found.name, "share": round(found.probability, 2)}
                for found in self.suggestions
            ],
        }


def suggestions(shares: Tensor, bins: Tensor, light: Tensor, count: int) -> list[list[Suggestion]]:
    """Name the likeliest colors of each of some distributions, clearly different ones.

    Args:
        shares: Probability of each bin, shape ``(P, Q)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.
        light: L that they are shown with, in 0..100, shape ``(P,)``.
        count: How many at most.

    Returns:
        For each distribution, the likeliest color first.
    """
    left = shares
    means: list[Tensor] = []
    likely: list[Tensor] = []
    while len(means) < count and left.any():
        alike = (bins - bins[left.argmax(dim=1), None]).square().sum(dim=-1) <= _ALIKE**2  # (P, Q)
        share = left * alike
        likely.append(share.sum(dim=1))
        means.append(share @ bins / likely[-1].clamp(min=1e-12)[:, None])  # (P, 2)
        left = left * ~alike
    colors = _hex_colors(light.repeat(len(means)), torch.cat(means).mT)
    found = [
        [Suggestion(*both) for both in zip(colors[number :: len(shares)], column, strict=True) if both[1] > 0]
        for number, column in enumerate(torch.stack(likely, dim=1).tolist())
    ]
    return [sorted(colors, key=lambda suggestion: -suggestion.probability) for colors in found]


def places(
    logits: Tensor, bins: Tensor, light: Tensor, size: tuple[int, int], *, count: int, choices: int
) -> list[Place]:
    """Find where hints help most.

    Args:
        logits: Unnormalized scores, shape ``(Q, h, w)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.
        light: L as the network saw it, shape ``(1, H, W)``.
        size: Height and width of the photo.
        count: How many places.
        choices: How many colors to suggest at each, at most.

    Returns:
        The most telling first.
    """
    kinship = compare(logits, bins, light)
    spots = telling(kinship, count, power=_CLOSE)
    regions = torch.stack([spot.region for spot in spots])
    # What the thing has in common, rather than one cell's opinion.
    weights = (regions * (regions > _CORE)).flatten(1)
    shares = weights @ kinship.shares.flatten(1).mT / weights.sum(dim=1, keepdim=True)
    lightness = kinship.light[[spot.row for spot in spots], [spot.column for spot in spots]]
    likely = suggestions(shares, bins, lightness, choices)
    wide = functional.interpolate(regions[None], (logits.shape[1], logits.shape[2]), mode="bilinear")[0]
    return [
        Place(*_disc(spot, kinship, logits, size), spot.share, colors, region)
        for spot, colors, region in zip(spots, likely, wide, strict=True)
    ]


class Alternative(NamedTuple):
    """Other colors that a photo may have.

    Attributes:
        logits: Shape ``(Q, h, w)``.
        hints: Which places got which colors; none in the plain one.
    """

    logits: Tensor
    hints: list[Hint]


def alternatives(
    logits: Tensor, decoder: Decoder, light: Tensor, size: tuple[int, int], *, count: int, seed: int
) -> list[Alternative]:
    """Find colors that a photo may have as a whole, clearly different from each other.

    The things whose colors are most open are moved, each along the colors that it hesitates between, and all
    to one side: what is warmer or greener in a photo mostly is so as a whole. What the network is sure of
    stays.

    Args:
        logits: Unnormalized scores, shape ``(Q, h, w)``.
        decoder: What the pictures will be decoded with.
        light: L as the network saw it, shape ``(1, H, W)``.
        size: Height and width of the photo.
        count: How many, the plain one included.
        seed: Of the sides that are taken.

    Returns:
        The plain one first.
    """
    found = [Alternative(logits, [])]
    if count == 1:
        return found
    kinship = compare(logits, decoder.bins, light)
    spots = telling(kinship, _REGIONS)
    turn = math.radians(_TURN) * (2 * float(torch.rand(1, generator=_generator(seed))) - 1)
    angles = [turn + math.tau * number / (count - 1) for number in range(count - 1)]
    regions = torch.stack([spot.region for spot in spots])
    discs = [_disc(spot, kinship, logits, size) for spot in spots]
    rows, columns = [spot.row for spot in spots], [spot.column for spot in spots]
    for leaning in lean(logits, decoder, regions, step=kinship.step, angles=angles):
        colors = _hex_colors(kinship.light[rows, columns], leaning.ab[:, rows, columns])
        hints = [Hint(x, y, color, radius) for (x, y, radius), color in zip(discs, colors, strict=True)]
        found.append(Alternative(leaning.logits, hints))
    return found


def _generator(seed: int) -> torch.Generator:
    """Make random numbers of a seed, be it larger than torch takes."""
    return torch.Generator().manual_seed(seed % (1 << 63))


def _disc(spot: Spot, kinship: Kinship, logits: Tensor, size: tuple[int, int]) -> tuple[float, float, float]:
    """Give the place and radius of a spot in pixels of the photo: x, y, radius."""
    rows, columns = logits.shape[1:]
    down, across = size[0] / rows, size[1] / columns
    x = min((spot.column + 0.5) * kinship.step, columns - 0.5) * across
    y = min((spot.row + 0.5) * kinship.step, rows - 0.5) * down
    return x, y, kinship.step / 2 * math.sqrt(down * across)


class Shown(NamedTuple):
    """A photo in color that serves as an example.

    Attributes:
        thumbnail: Its colors: RGB, uint8, shape ``(h, w, 3)``, the longer side at most 64.
        logits: What a network says of it without its colors; None if none was asked.
        features: What the network sees in it, likewise.
        architecture: Of that network.
    """

    thumbnail: npt.NDArray[np.uint8]
    logits: Tensor | None = None
    features: Tensor | None = None
    architecture: str = ""


def show(picture: Picture) -> Shown:
    """Make a photo an example.

    Args:
        picture: The photo.

    Raises:
        OptionError: If it is grey.
    """
    image = Image.fromarray(picture.opaque_uint8()).convert("RGB")
    image.thumbnail((_EXAMPLE_SIDE, _EXAMPLE_SIDE), Image.Resampling.BOX, reducing_gap=2)
    shown = Shown(np.array(image))
    if float(_ab(shown).norm(dim=0).max()) < _LEAST_CHROMA:
        raise OptionError("reference: expected a photo in color, got a grey one")
    return shown


class Following(NamedTuple):
    """An example, and how to follow it; see :meth:`colorful.Prediction.like`.

    Attributes:
        example: A photo, or the colors of a palette.
        amount: How far to go, in [0, 1].
        manner: How.
    """

    example: Shown | tuple[str, ...]
    amount: float
    manner: Manner

    @property
    def matches(self) -> bool:
        """Whether features are of use."""
        return self.manner != "mood" and isinstance(self.example, Shown) and self.example.features is not None

    def said(self) -> list[object]:
        """Say in plain data which example is followed, and how."""
        example: object = self.example
        if isinstance(example, Shown):  # the photo rather than the answer, which processors round
            digest = hashlib.sha256(example.thumbnail.tobytes()).hexdigest()
            example = [digest, self.matches and example.architecture]
        return [example, self.amount, self.manner]

    def choose(self, logits: Tensor, features: Tensor | None, decoder: Decoder, architecture: str) -> Tensor:
        """Choose among the colors that a network finds possible in a photo.

        Args:
            logits: Of the photo, shape ``(Q, h, w)``.
            features: What the network sees in it, if that is known.
            decoder: What the result will be decoded with.
            architecture: Of the network.

        Returns:
            Other logits.

        Raises:
            OptionError: If a match is wanted and is not possible.
            UnsupportedOptionError: If the network has no features to match by.
        """
        example, bins = self.example, decoder.bins
        ab = _ab(example).to(logits) if isinstance(example, Shown) else None
        target = histogram(ab, bins) if ab is not None else palette(cast("tuple[str, ...]", example), bins)
        lookup = None
        if isinstance(example, Shown) and ab is not None and self.manner != "mood":
            seen = (example.logits, example.features, features)
            if architecture == example.architecture and all(part is not None for part in seen):
                its_logits, its_features, ours = (cast("Tensor", part).to(logits) for part in seen)
                lookup = borrow(logits, ours, its_logits, its_features, ab, bins)
        if self.manner == "match" and lookup is None:
            raise self._unmatched(architecture)
        if not self.amount:
            return logits
        if self.manner != "match":
            logits = tilt(logits, decoder, target, amount=self.amount**_EAGERNESS)
        if lookup is not None:
            logits = mix(logits, lookup.shares, lookup.trust * min(1.0, 2 * self.amount))
        return logits

    def _unmatched(self, architecture: str) -> ColorfulError:
        """Say why the example cannot be matched with a photo."""
        if not has_features(architecture):
            return unsupported("match", architecture)
        if not isinstance(self.example, Shown):
            return OptionError("manner: expected auto or mood with a palette, which shows no things to match")
        if self.example.logits is None:
            return OptionError("reference: expected a prediction to match with, made with features=True")
        if self.example.architecture != architecture:
            return OptionError(
                f"reference: expected a prediction of {architecture}, got {self.example.architecture}'s"
            )
        return OptionError(
            "reference: expected both predictions made with features=True, to match them; not by an ONNX file"
        )


def _ab(shown: Shown) -> Tensor:
    """Take the colors of an example: CIELAB units, shape ``(2, h, w)``."""
    # In float32 whatever torch's default is, which a quotient of integers has.
    return rgb_to_lab(torch.from_numpy(shown.thumbnail).movedim(-1, 0).float() / 255)[1:]


def palette(colors: Sequence[str], bins: Tensor) -> Tensor:
    """Make the histogram of a photo that has only these colors, each as much of it as the others.

    Args:
        colors: As for :class:`~colorful.Hint`, as text.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.

    Returns:
        Shares that sum to 1, shape ``(Q,)``.

    Raises:
        OptionError: If there is none, or one is no color.
    """
    if not colors:
        raise OptionError("palette: expected at least one color, got none")
    total = torch.zeros(len(bins), device=bins.device)
    for color in colors:
        if not isinstance(color, str):
            raise KindError(f"palette: expected colors such as '#8a5a3c', got {brief(color)}")
        try:
            ab = lab_of(color)[1:].to(bins)
        except ValueError as error:
            raise OptionError(f"palette: expected a color such as '#8a5a3c', got {brief(color)}") from error
        far = (bins - ab).square().sum(dim=1)
        total += (-far / (2 * _PALETTE_SPREAD**2)).softmax(dim=0)
    return total / len(colors)


def _hex_colors(light: Tensor, ab: Tensor) -> list[str]:
    """Write colors, L ``(K,)`` and ab ``(2, K)``, as ``"#rrggbb"``."""
    rgb = lab_to_rgb(torch.cat((light[None], ab))[:, None])[:, 0]  # (3, K)
    return ["#{:02x}{:02x}{:02x}".format(*codes) for codes in (rgb.mT * 255).round().int().tolist()]
