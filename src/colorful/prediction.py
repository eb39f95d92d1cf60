"""What a network says of one photo, from which pictures are decoded without running it again."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from colorful.errors import KindError, RangeError, ShapeError, UnsupportedOptionError
from colorful.host import unaffected
from colorful.images import Picture
from colorful.lab import annealed_mean, lab_to_rgb
from colorful.look import Look, Settings, tune
from colorful.models import ARCHITECTURES, MODELS
from colorful.models.network import Network
from colorful.protocols import PROTOCOLS
from colorful.raster import Region, light

Mask = npt.NDArray[Any] | Image.Image

# Colors nearer to each other than this, in CIELAB units, are one suggestion: two bins' sides.
_ALIKE = 20.0
# Side of each half of the before/after picture that a notebook shows.
_SHOWN = 512


class Suggestion(NamedTuple):
    """A color that the network finds likely at a point.

    Attributes:
        color: As ``"#rrggbb"``, with the L of the photo at that point.
        probability: Of this color and those hardly different from it, in [0, 1].
    """

    color: str
    probability: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one photo, as data. A new temperature or saturation does not run it again.

    Made by :meth:`colorful.Colorizer.predict`. A notebook shows it as the photo before and after. No network
    is inside: a pickle holds little more than the photo, and decodes on a machine that has no model.

    Attributes:
        source: The photo.
        light: L as the network saw it, shape ``(1, H, W)``, 0..100.
        output: What the network gave: logits ``(Q, h, w)`` or ab ``(2, h, w)``, float32.
        bins: Centers of the bins in CIELAB units, shape ``(Q, 2)``; None where *output* is ab.
        look: The colorizer's number for each option of :class:`~colorful.look.Look` that counts here.
        settings: Its value for each option of :class:`~colorful.look.Settings`.
        architecture: Of the network.
    """

    source: Picture
    light: Tensor
    output: Tensor
    bins: Tensor | None
    look: Mapping[str, float]
    settings: Settings
    architecture: str

    def __repr__(self) -> str:
        protocol = "" if self.settings["protocol"] == "photo" else f", protocol={self.settings['protocol']!r}"
        return f"Prediction({self.architecture!r}, {self.source!r}{protocol})"

    def __getstate__(self) -> dict[str, Any]:
        # A tensor may be a view of a whole batch, on a device that the reader does not have.
        tensors = ("light", "output", "bins")
        return {
            name: value.cpu().clone() if name in tensors and value is not None else value
            for name, value in self.__dict__.items()
        } | {"look": dict(self.look)}

    @property
    def logits(self) -> Tensor:
        """Unnormalized scores of the bins, shape ``(Q, h, w)``; their softmax is the distribution.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
        """
        return self._distribution("logits")[0]

    @unaffected()
    def ab(self, **look: Unpack[Look]) -> Tensor:
        """Decode ab.

        Args:
            **look: Options that shall be others than the colorizer's.

        Returns:
            Shape ``(2, h, w)``, CIELAB units, with saturation and strength applied.

        Raises:
            RangeError: If an option is outside its range.
            UnsupportedOptionError: If the model has no temperature.
        """
        if look.get("temperature") is not None:
            self._distribution("temperature")
        numbers = tune(self.look, look)
        ab = self.output
        if self.bins is not None:
            ab = annealed_mean(self.output, self.bins, temperature=numbers["temperature"])
        ab = PROTOCOLS[self.settings["protocol"]].widen(ab, (self.light.shape[1], self.light.shape[2]))
        return ab * (numbers["saturation"] * numbers["strength"])

    def rgb(self, *, keep: Mask | None = None, **look: Unpack[Look]) -> npt.NDArray[Any]:
        """Decode the photo's pixels in color.

        Args:
            keep: Where the photo stays as it is; see :meth:`colorful.Colorizer.colorize`.
            **look: Options that shall be others than the colorizer's.

        Returns:
            sRGB-encoded, shape ``(H, W, 3)`` of the upright photo; uint8, uint16, or float32 in [0, 1] after
            the photo.

        Raises:
            ColorfulError: If an option has no meaning here.
        """
        return self.picture(keep=keep, **look).pixels

    @unaffected()
    def picture(
        self, *, keep: Mask | None = None, region: Region | None = None, **look: Unpack[Look]
    ) -> Picture:
        """Decode a picture that carries the photo's alpha and metadata, ready to be written or unwrapped.

        Args:
            keep: As for :meth:`rgb`, like the others.
            region: Left, top, right and bottom in pixels of the photo: only that part is made, the same as in
                the whole, in time and memory that go with its size. *keep* has its size then.
            **look: Options that shall be others than the colorizer's.

        Returns:
            A picture in color, of the photo's size and dtype, or of the size of the region.

        Raises:
            ColorfulError: If an option has no meaning here.
        """
        part = self.source if region is None else self.source.part(region)
        shares = None if keep is None else shares_of(keep, part.size)
        rgb = PROTOCOLS[self.settings["protocol"]].paint(
            self.source,
            self.ab(**look).cpu(),
            self.settings,
            guide=self.light[None].cpu(),
            keep=shares,
            region=region,
        )
        return part.colored(rgb)

    @unaffected()
    def suggest(self, *, x: float, y: float, count: int = 5) -> list[Suggestion]:
        """Name the likeliest colors at a point, clearly different ones.

        The likeliest bin is taken together with the bins within 20 CIELAB units around it, their mean being
        the color; then the same among those left.

        Args:
            x: From the left edge of the upright photo, in its pixels.
            y: From the top edge, likewise.
            count: How many at most, at least 1.

        Returns:
            The likeliest first.

        Raises:
            RangeError: If the point is outside the photo or *count* is under 1.
            UnsupportedOptionError: If the model predicts no distribution.
        """
        logits, bins = self._distribution("suggest")
        height, width = self.source.height, self.source.width
        if not (0 <= x < width and 0 <= y < height):
            raise RangeError(f"x, y: expected a point inside {width} x {height} pixels, got ({x:g}, {y:g})")
        if count < 1:
            raise RangeError(f"count: expected at least 1, got {count}")
        rows, columns = logits.shape[1:]
        row, column = (min(int(v * n), n - 1) for v, n in ((y / height, rows), (x / width, columns)))
        left = logits[:, row, column].softmax(dim=0)  # (Q,)
        lightness = light(self.source.pixels[int(y) : int(y) + 1, int(x) : int(x) + 1])[0, 0]  # (1, 1)
        suggestions: list[Suggestion] = []
        while len(suggestions) < count and left.any():
            alike = (bins - bins[left.argmax()]).square().sum(dim=1) <= _ALIKE**2
            share = left * alike
            ab = (share / share.sum()) @ bins
            lab = torch.cat((lightness, ab.cpu()[:, None]))[..., None]  # -> (3, 1, 1)
            red, green, blue = (lab_to_rgb(lab).flatten() * 255).round().int().tolist()
            suggestions.append(Suggestion(f"#{red:02x}{green:02x}{blue:02x}", float(share.sum())))
            left = left * ~alike
        return sorted(suggestions, key=lambda suggestion: -suggestion.probability)

    @unaffected()
    def confidence(self) -> Tensor:
        """Tell how sure the network is of each cell.

        Returns:
            1 - H(p) / ln Q with H the entropy of the distribution p, shape ``(h, w)``: 1 where one bin has
            all the probability, 0 where all bins are equally likely.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
        """
        logarithms = self.logits.log_softmax(dim=0)  # (Q, h, w)
        return 1 + (logarithms.exp() * logarithms).sum(dim=0) / math.log(logarithms.shape[0])

    def _distribution(self, option: str) -> tuple[Tensor, Tensor]:
        if self.bins is None:
            raise unsupported(option, self.architecture)
        return self.output, self.bins.to(self.output)

    def _repr_png_(self) -> bytes:
        halves = [
            Image.fromarray(picture.opaque_uint8()).convert("RGB")
            for picture in (self.source, self.picture())
        ]
        for half in halves:
            half.thumbnail((_SHOWN, _SHOWN))
        sheet = Image.new("RGB", (halves[0].width * 2, halves[0].height))
        sheet.paste(halves[0], (0, 0))
        sheet.paste(halves[1], (halves[0].width, 0))
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        return buffer.getvalue()


def unsupported(option: str, architecture: str) -> UnsupportedOptionError:
    """Word the error for an option that a network has no use for, and name the models that have."""
    kinds: dict[str, type[Network]] = {
        name: resolve_name(ARCHITECTURES[info.architecture]) for name, info in MODELS.items()
    }
    if option == "hints":
        lack = "takes no hints"
        names = [name for name, kind in kinds.items() if kind.takes_hints]
    else:
        lack = "predicts one color for each cell, no distribution"
        names = [name for name, kind in kinds.items() if kind.output == "distribution"]
    return UnsupportedOptionError(f"{option}: {architecture} {lack}; these can: {', '.join(names)}")


def shares_of(keep: Mask, size: tuple[int, int]) -> npt.NDArray[Any]:
    """Read a mask.

    Args:
        keep: As for :meth:`colorful.Colorizer.colorize`.
        size: Height and width of the upright photo.

    Returns:
        The share of the photo in each pixel of the result, shape *size*: bools, or floats in [0, 1].

    Raises:
        KindError: If *keep* is no mask.
        ShapeError: If it has another size.
        RangeError: If a number is outside its range.
    """
    if not isinstance(keep, np.ndarray | Image.Image):
        raise KindError(f"keep: expected an array or a PIL image, got {type(keep).__name__}")
    mask = np.asarray(keep.convert("L")) if isinstance(keep, Image.Image) else keep
    if mask.shape != size:
        raise ShapeError(f"keep: expected shape {size} like the upright photo, got {mask.shape}")
    if mask.dtype == np.uint8:
        return mask / np.float32(255)
    if mask.dtype.kind not in "bf":
        raise KindError(f"keep: expected bools, floats in [0, 1] or uint8, got {mask.dtype}")
    if mask.dtype.kind == "f" and not ((mask >= 0) & (mask <= 1)).all():
        raise RangeError("keep: expected numbers in [0, 1]")
    return mask
