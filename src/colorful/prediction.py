"""What a network says of one photo, from which pictures are decoded without running it again."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from numbers import Real
from pkgutil import resolve_name
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from colorful.errors import KindError, OptionError, RangeError, ShapeError, UnsupportedOptionError
from colorful.images import Picture
from colorful.lab import AbBins, lab_to_rgb
from colorful.lab.space import Gamut
from colorful.models import ARCHITECTURES, MODELS
from colorful.models.network import Network
from colorful.raster import Upsampling, light, render

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


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How a prediction becomes a picture; checked once, here.

    Args:
        temperature: Sharpness of the choice among likely colors, in [0, 1]: 1 is calm and greyish, 0 vivid
            and blotchy; the model's own by default.
        saturation: Factor on the chroma, at least 0; the model's own by default.
        strength: Share of the color that is mixed with the grey photo, in [0, 1].
        keep: Where the photo stays as it is: an array ``(H, W)`` of bools, of floats in [0, 1] or of uint8
            (255 keeps), or a grey PIL image, of the upright photo's size.
        upsample: How ab gets to the photo's size; ``"guided"`` (along the photo's edges) by default.
        gamut: As in :func:`colorful.lab.lab_to_rgb`; ``"map"`` by default.

    Raises:
        RangeError: If a number is outside its range.
        OptionError: If *upsample* or *gamut* is not one of those offered.
        KindError: If a value is of the wrong type.
    """

    temperature: float | None = None
    saturation: float | None = None
    strength: float = 1.0
    keep: Mask | None = None
    upsample: Upsampling | None = None
    gamut: Gamut | None = None

    def __post_init__(self) -> None:
        for name, high in (("temperature", 1.0), ("saturation", math.inf), ("strength", 1.0)):
            value = getattr(self, name)
            if value is None and name != "strength":
                continue
            if not isinstance(value, Real) or isinstance(value, bool):
                raise KindError(f"{name}: expected a number, got {value!r}")
            if not (0 <= float(value) <= high and math.isfinite(value)):
                wanted = "a number in [0, 1]" if high == 1 else "a finite number of at least 0"
                raise RangeError(f"{name}: expected {wanted}, got {value}")
        for name, offered in (("upsample", get_args(Upsampling)), ("gamut", get_args(Gamut))):
            value = getattr(self, name)
            if value is not None and value not in offered:
                raise OptionError(f"{name}: expected one of {', '.join(map(repr, offered))}, got {value!r}")
        if not isinstance(self.keep, np.ndarray | Image.Image | None):
            raise KindError(f"keep: expected an array or a PIL image, got {type(self.keep).__name__}")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one photo. A new temperature or saturation does not run it again.

    Made by :meth:`colorful.Colorizer.predict`. A notebook shows it as the photo before and after.

    Attributes:
        source: The photo.
        light: L as the network saw it, shape ``(1, H, W)``, 0..100.
        output: What the network gave: logits ``(Q, h, w)`` or ab ``(2, h, w)``, float32.
        network: Decodes *output*.
        reference: Whether pictures are made as by the released code of Zhang et al.: ab goes bilinearly to
            the network's size, then to the photo's, and colors outside sRGB are clipped.
    """

    source: Picture
    light: Tensor
    output: Tensor
    network: Network
    reference: bool = False

    def __repr__(self) -> str:
        reference = ", reference=True" if self.reference else ""
        return f"Prediction({self.network.architecture!r}, {self.source!r}{reference})"

    @property
    def logits(self) -> Tensor:
        """Unnormalized scores of the bins, shape ``(Q, h, w)``; their softmax is the distribution.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
        """
        self._need_distribution("logits")
        return self.output

    @property
    def bins(self) -> Tensor:
        """Centers of the bins in CIELAB units, shape ``(Q, 2)``.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
        """
        self._need_distribution("bins")
        return AbBins(self.output.device).centers

    @torch.no_grad()
    def ab(self, *, temperature: float | None = None) -> Tensor:
        """Decode ab.

        Args:
            temperature: As in :class:`Decoding`.

        Returns:
            Shape ``(2, h, w)``, CIELAB units, the model's saturation not yet applied.

        Raises:
            RangeError: If *temperature* is outside [0, 1].
            UnsupportedOptionError: If the model has no temperature.
        """
        if temperature is not None:
            self._need_distribution("temperature")
        ab = self.network.decode(self.output[None], temperature=temperature)
        if self.reference and ab.shape[2:] != self.light.shape[1:]:
            ab = functional.interpolate(ab, size=self.light.shape[1:], mode="bilinear")
        return ab[0]

    def rgb(
        self,
        *,
        temperature: float | None = None,
        saturation: float | None = None,
        strength: float = 1.0,
        keep: Mask | None = None,
        upsample: Upsampling | None = None,
        gamut: Gamut | None = None,
    ) -> npt.NDArray[Any]:
        """Decode the photo's pixels in color.

        Args:
            temperature: Sharpness of the choice among likely colors, in [0, 1]: 1 is calm and greyish, 0
                vivid and blotchy; the model's own by default.
            saturation: Factor on the chroma, at least 0; the model's own by default.
            strength: Share of the color that is mixed with the grey photo, in [0, 1].
            keep: Where the photo stays as it is; see :class:`Decoding`.
            upsample: ``"guided"`` (along the photo's edges) or ``"bilinear"``.
            gamut: ``"map"`` or ``"clip"``; see :func:`colorful.lab.lab_to_rgb`.

        Returns:
            sRGB-encoded, shape ``(H, W, 3)`` of the upright photo; uint8, uint16, or float32 in [0, 1] after
            the photo.

        Raises:
            ColorfulError: If an option has no meaning here; see :class:`Decoding`.
        """
        decoding = Decoding(
            temperature=temperature,
            saturation=saturation,
            strength=strength,
            keep=keep,
            upsample=upsample,
            gamut=gamut,
        )
        return self.picture(decoding).pixels

    def picture(self, decoding: Decoding | None = None) -> Picture:
        """Decode a picture that carries the photo's alpha and metadata, ready to be written or unwrapped.

        Args:
            decoding: How; by the model's own settings if None.

        Returns:
            A picture in color, of the photo's size and dtype.

        Raises:
            ColorfulError: If an option has no meaning here; see :class:`Decoding`.
        """
        how = decoding or Decoding()
        saturation = self.network.config.saturation if how.saturation is None else how.saturation
        ab = self.ab(temperature=how.temperature).cpu() * (saturation * how.strength)
        upsample, gamut = how.upsample or "guided", how.gamut or "map"
        if self.reference:
            ab, upsample, gamut = _cut_z(ab, self.source), how.upsample or "bilinear", how.gamut or "clip"
        rgb = render(
            self.source.pixels,
            ab,
            keep=_mask(how.keep, self.source.size),
            upsample=upsample,
            gamut=gamut,
            guide=self.light[None].cpu(),
        )
        return self.source.colored(rgb)

    @torch.no_grad()
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
        logits, bins = self.logits, self.bins
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

    @torch.no_grad()
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

    def _need_distribution(self, option: str) -> None:
        if self.network.output != "distribution":
            raise unsupported(option, self.network)

    def _repr_png_(self) -> bytes:
        halves = [
            Image.fromarray(opaque_uint8(picture)).convert("RGB") for picture in (self.source, self.picture())
        ]
        for half in halves:
            half.thumbnail((_SHOWN, _SHOWN))
        sheet = Image.new("RGB", (halves[0].width * 2, halves[0].height))
        sheet.paste(halves[0], (0, 0))
        sheet.paste(halves[1], (halves[0].width, 0))
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        return buffer.getvalue()


def unsupported(option: str, network: Network) -> UnsupportedOptionError:
    """Word the error for an option that *network* has no use for, and name the models that have."""
    kinds: dict[str, type[Network]] = {
        name: resolve_name(ARCHITECTURES[info.architecture]) for name, info in MODELS.items()
    }
    if option == "hints":
        lack = "takes no hints"
        names = [name for name, kind in kinds.items() if kind.takes_hints]
    else:
        lack = "predicts one color for each cell, no distribution"
        names = [name for name, kind in kinds.items() if kind.output == "distribution"]
    return UnsupportedOptionError(f"{option}: {network.architecture} {lack}; these can: {', '.join(names)}")


def opaque_uint8(picture: Picture) -> npt.NDArray[np.uint8]:
    """Give a picture's pixels at 8 bits, without alpha."""
    return replace(picture, alpha=None).channels(np.uint8)


def _cut_z(ab: Tensor, picture: Picture) -> Tensor:
    """Bring ab to the photo's size, and lower b to where Z is 0.

    The released code converts with scikit-image, which cuts negative Z before it goes on to RGB; without
    that, dark and very yellow pixels would differ.
    """
    full = functional.interpolate(ab[None], size=picture.size, mode="bilinear")[0]
    highest = 200 * (light(picture.pixels)[0] + 16) / 116  # (1, H, W)
    return torch.cat((full[:1], torch.minimum(full[1:], highest)))


def _mask(keep: Mask | None, size: tuple[int, int]) -> npt.NDArray[Any] | None:
    if keep is None:
        return None
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
