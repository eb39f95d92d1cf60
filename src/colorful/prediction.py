"""The output of a network for one photo, from which pictures are decoded without running it again."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, NamedTuple, TypeAlias, TypeGuard, Unpack, cast, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from colorful import images
from colorful.errors import KindError, OptionError, RangeError, ShapeError, brief, check_choice, is_whole
from colorful.hints import Hint
from colorful.host import unaffected
from colorful.images import Picture
from colorful.images.sheet import lay_out
from colorful.lab.decode import Decoder
from colorful.lab.kinship import variance
from colorful.look import Look, Settings, check_count, check_number, chroma_factor, tune
from colorful.models.abilities import unsupported
from colorful.protocols import PROTOCOLS
from colorful.raster import Region, light
from colorful.wishes import (
    Following,
    Manner,
    Place,
    Shown,
    Suggestion,
    alternatives,
    places,
    show,
    suggestions,
)

Mask = npt.NDArray[Any] | Image.Image
FileLike = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
Photo: TypeAlias = Picture | npt.NDArray[Any] | Image.Image | FileLike
Example: TypeAlias = "Prediction | Photo | Sequence[str]"
"""An example of the colors wanted: a photo in color, a prediction for one, or the colors of a palette."""


MOST_VARIANTS = 100
"""How many pictures of one photo can be made at a time: long before, they look alike."""
# Side of each half of the before/after picture that a notebook shows.
_SHOWN = 512


@dataclass(frozen=True, eq=False)
class Prediction:
    """The output of a network for one photo, as data. From it, pictures are made without the network.

    :meth:`colorful.Colorizer.predict` makes it. A notebook shows it as the photo before and after. It holds
    no network, so a pickle is only a little larger than the photo, and works where there is no model.

    Attributes:
        source: The photo.
        light: L as the network saw it, shape ``(1, H, W)``, 0..100.
        output: Output of the network: logits ``(Q, h, w)`` or ab ``(2, h, w)``, float32.
        bins: Centers of the bins in CIELAB units, shape ``(Q, 2)``; None if *output* is ab.
        look: The colorizer's value of each option of :class:`~colorful.look.Look` that counts here.
        settings: The colorizer's value of each option of :class:`~colorful.look.Settings`.
        architecture: Architecture of the network.
        features: A map that describes what the network sees, shape ``(C, h', w')``. With it, :meth:`like`
            finds the same things in two photos. None if it was not asked for, or the network has none.
    """

    source: Picture
    light: Tensor
    output: Tensor
    bins: Tensor | None
    look: Mapping[str, float]
    settings: Settings
    architecture: str
    features: Tensor | None = None

    def __repr__(self) -> str:
        protocol = "" if self.settings["protocol"] == "photo" else f", protocol={self.settings['protocol']!r}"
        return f"Prediction({self.architecture!r}, {self.source!r}{protocol})"

    def __getstate__(self) -> dict[str, Any]:
        # A tensor may be a view of a whole batch, on a device that the reader does not have.
        tensors = ("light", "output", "bins", "features")
        return {
            name: value.cpu().clone() if name in tensors and value is not None else value
            for name, value in self.__dict__.items()
        }

    @property
    def logits(self) -> Tensor:
        """Unnormalized scores of the bins, shape ``(Q, h, w)``. Their softmax is the distribution.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
        """
        return self._distribution("logits")[0]

    @unaffected()
    def ab(self, **look: Unpack[Look]) -> Tensor:
        """Choose one color for each cell, as ab.

        Args:
            **look: Options instead of the colorizer's own; see :class:`~colorful.look.Look`.

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
            ab = Decoder(self.bins, numbers["temperature"])(self.output)
        ab = PROTOCOLS[self.settings["protocol"]].widen(ab, (self.light.shape[1], self.light.shape[2]))
        return ab * chroma_factor(numbers)

    def rgb(self, *, keep: Mask | None = None, **look: Unpack[Look]) -> npt.NDArray[Any]:
        """Return the pixels of the photo in color.

        Args:
            keep: Where the photo stays as it is; see :meth:`colorful.Colorizer.colorize`.
            **look: Options instead of the colorizer's own; see :class:`~colorful.look.Look`.

        Returns:
            sRGB-encoded, shape ``(H, W, 3)`` of the upright photo; uint8, uint16, or float32 in [0, 1], as in
            the photo.

        Raises:
            ColorfulError: If an option has no meaning here.
        """
        return self.picture(keep=keep, **look).pixels

    @unaffected()
    def picture(
        self, *, keep: Mask | None = None, region: Region | None = None, **look: Unpack[Look]
    ) -> Picture:
        """Return the colored picture with the alpha and the metadata of the photo, ready to be written.

        Args:
            keep: As for :meth:`rgb`.
            region: Left, top, right and bottom in pixels of the photo. Only this part is made, with the same
                pixels as in the whole picture. *keep* then has the size of the part.
            **look: As for :meth:`rgb`.

        Returns:
            A picture in color, of the photo's size and dtype, or of the size of the region.

        Raises:
            ColorfulError: If an option has no meaning here.
        """
        return paint(self, keep=keep, region=region, over=False, **look)

    @unaffected()
    def suggest(self, *, x: float, y: float, count: int = 5) -> list[Suggestion]:
        """Name the likeliest colors at a point, clearly different ones.

        The likeliest bin and the bins within 20 CIELAB units of it together make one color, which is their
        mean. The next color comes from the remaining bins in the same way.

        Args:
            x: From the left edge of the upright photo, in its pixels.
            y: From the top edge, likewise.
            count: How many colors at most; at least 1.

        Returns:
            The colors, the likeliest first.

        Raises:
            RangeError: If the point is outside the photo or *count* is under 1.
            UnsupportedOptionError: If the model predicts no distribution.
        """
        logits, bins = self._distribution("suggest")
        height, width = self.source.height, self.source.width
        if not (0 <= x < width and 0 <= y < height):
            raise RangeError(
                f"x, y: expected a point inside {width} x {height} pixels, got ({brief(x)}, {brief(y)})"
            )
        check_count("count", count, error=RangeError)
        rows, columns = logits.shape[1:]
        row, column = (min(int(v * n), n - 1) for v, n in ((y / height, rows), (x / width, columns)))
        shares = logits[:, row, column].softmax(dim=0)  # (Q,)
        lightness = light(self.source.pixels[int(y) : int(y) + 1, int(x) : int(x) + 1])
        return suggestions(shares[None], bins, lightness.flatten().to(shares), count)[0]

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

    @unaffected()
    def uncertainty(self) -> Tensor:
        """Tell how far the color of each cell may be wrong.

        Returns:
            Root of the expected squared distance from the mean color, CIELAB units, shape ``(h, w)``.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
        """
        return variance(*self._distribution("uncertainty")).sqrt()

    @unaffected()
    def ask(self, count: int = 3, *, choices: int = 4) -> list[Place]:
        """Find the places where a hint helps most.

        A place is chosen by how much uncertainty its color would remove: its own, and that of all cells that
        probably have the same color, because they are alike in likely colors and lightness, and near. The
        next place is away from it, and on another thing as far as the network can tell them apart. Ask for at
        least three, because one unusual answer alone can mislead the network.

        Args:
            count: How many places, at least 1.
            choices: How many colors to suggest for each place, at most.

        Returns:
            The most helpful place first, each with its likeliest colors.

        Raises:
            RangeError: If *count* or *choices* is under 1.
            UnsupportedOptionError: If the model predicts no distribution.
        """
        logits, bins = self._distribution("ask")
        check_count("count", count, error=RangeError)
        check_count("choices", choices, error=RangeError)
        return places(logits, bins, self.light.to(logits), self.source.size, count=count, choices=choices)

    @unaffected()
    def like(self, reference: Example, *, amount: float = 0.5, manner: Manner = "auto") -> Prediction:
        """Choose colors like those of an example.

        Args:
            reference: A color photo; or a prediction for one, made with features (see
                :meth:`colorful.Colorizer.predict`), which is needed to match; or the colors of a palette,
                such as ``["#8a5a3c", "#2e5d8a"]``.
            amount: How far to follow the example, in [0, 1]: 0 changes nothing, 0.5 looks natural, 1 looks
                toned. Where both photos show the same thing, 0.5 and more take its colors completely.
            manner: ``"match"`` takes colors where both photos show the same thing, and changes nothing
                elsewhere; ``"mood"`` brings the photo's colors as a whole nearer to the example's;
                ``"auto"`` matches where it can and applies the mood elsewhere.

        Returns:
            A prediction with other probabilities of the colors.

        Raises:
            RangeError: If *amount* is outside [0, 1].
            OptionError: If *manner* is not one of those named, *reference* has no color, or ``"match"`` is
                asked for and one of the two was made without features.
            UnsupportedOptionError: If the model predicts no distribution, or has no features to match by.
        """
        logits, bins = self._distribution("like")
        decoder = Decoder(bins, self.look["temperature"])
        given = following(reference, amount, manner, max_pixels=self.settings["max_pixels"])
        chosen = given.choose(logits, self.features, decoder, self.architecture)
        return self if chosen is logits else replace(self, output=chosen)

    @unaffected()
    def variants(self, count: int = 4, *, seed: int = 0) -> list[Variant]:
        """Make several plausible colorings of the photo, to choose from.

        Args:
            count: How many, 1 to 100. If there are more than eight, some begin to look alike.
            seed: Any integer. The same seed gives exactly the same variants; another seed gives others.

        Returns:
            The variants, the plain prediction first. Each has hints, which say which places got which colors.

        Raises:
            RangeError: If *count* is out of its range.
            KindError: If *seed* is no integer.
            UnsupportedOptionError: If the model predicts no distribution.
        """
        logits, bins = self._distribution("variants")
        check_count("count", count, most=MOST_VARIANTS, error=RangeError)
        if not is_whole(seed):
            raise KindError(f"seed: expected an integer, got {brief(seed)}")
        decoder = Decoder(bins, self.look["temperature"])
        size, seed = self.source.size, int(seed)  # NumPy's integers, too
        found = alternatives(logits, decoder, self.light.to(logits), size, count=count, seed=seed)
        return [Variant(replace(self, output=it.logits) if it.hints else self, it.hints) for it in found]

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
        buffer = io.BytesIO()
        lay_out([halves], gap=0).save(buffer, "PNG")
        return buffer.getvalue()


@unaffected()
def paint(
    prediction: Prediction,
    *,
    keep: Mask | None,
    region: Region | None = None,
    over: bool,
    **look: Unpack[Look],
) -> Picture:
    """Make the picture of a prediction; see :meth:`Prediction.picture`.

    Args:
        prediction: What a network said of a photo.
        keep: As there, like *region* and *look*.
        region: The part that is wanted.
        over: Whether the picture may take the memory of the photo, so that a large one is there only once.
            Then the prediction must not be used any more.
        **look: Options instead of the colorizer's own.
    """
    part = prediction.source if region is None else prediction.source.part(region)
    shares = None if keep is None else shares_of(keep, part.size)
    rgb = PROTOCOLS[prediction.settings["protocol"]].paint(
        prediction.source,
        prediction.ab(**look).cpu(),
        prediction.settings,
        guide=prediction.light[None].cpu(),
        keep=shares,
        region=region,
        over=over,
    )
    return part.colored(rgb)


class Variant(NamedTuple):
    """One way to color a photo.

    Attributes:
        prediction: The prediction that gives the picture.
        hints: Which places got which colors; empty for the plain prediction. With these hints, a model that
            takes hints gives nearly the same picture, which you can then change.
    """

    prediction: Prediction
    hints: list[Hint]


def following(reference: Example, amount: float, manner: Manner, *, max_pixels: int | None) -> Following:
    """Make an example one that can be followed.

    Args:
        reference: As for :meth:`Prediction.like`, like the others.
        amount: How far to go.
        manner: How.
        max_pixels: As in :class:`~colorful.look.Settings`.

    Raises:
        ColorfulError: As there.
    """
    check_choice("manner", manner, get_args(Manner))
    amount = check_number("amount", amount, most=1)
    example: Shown | tuple[str, ...]
    if isinstance(reference, Prediction):
        example = show(reference.source)._replace(
            logits=reference.output.cpu(),
            features=None if reference.features is None else reference.features.cpu(),
            architecture=reference.architecture,
        )
    elif is_palette(reference):
        example = tuple(reference)
    else:
        photo = cast("Photo", reference)
        example = show(photo if isinstance(photo, Picture) else images.read(photo, max_pixels=max_pixels))
    return Following(example, amount, manner)


def is_palette(example: Example) -> TypeGuard[Sequence[str]]:
    """Tell a palette from a photo.

    Raises:
        OptionError: If it is a single color, which would be taken for the name of a file.
    """
    if isinstance(example, str) and example.startswith("#"):
        raise OptionError(f"palette: expected a list of colors, got the single one {example!r}")
    return isinstance(example, list | tuple)


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
    if isinstance(keep, np.ma.MaskedArray):
        raise KindError("keep: expected an array without a mask, got a masked array")
    if isinstance(keep, Image.Image):  # upright, and of whatever depth
        keep = Image.fromarray(images.read(keep, max_pixels=None).opaque_uint8()).convert("L")
    mask = np.asarray(keep)
    if mask.shape != size:
        raise ShapeError(f"keep: expected shape {size} like the upright photo, got {mask.shape}")
    if mask.dtype == np.uint8:
        return mask / np.float32(255)
    if mask.dtype.kind not in "bf":
        raise KindError(f"keep: expected bools, floats in [0, 1] or uint8, got {mask.dtype}")
    if mask.dtype.kind == "f" and not ((mask >= 0) & (mask <= 1)).all():
        raise RangeError("keep: expected numbers in [0, 1]")
    return mask
