"""The options of coloring, each declared and documented here and nowhere else.

They are typed keywords rather than objects: a caller writes ``temperature=0.3``, an editor completes it, and
a type checker knows its type, wherever a function takes ``**look: Unpack[Look]``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal, TypedDict, get_args

from colorful.errors import (
    ColorfulError,
    KindError,
    OptionError,
    RangeError,
    brief,
    check_choice,
    is_number,
    is_whole,
    refuse_unknown,
)
from colorful.images import MAX_PIXELS
from colorful.lab.space import Gamut
from colorful.raster import Upsampling

ProtocolName = Literal["photo", "released"]


class Look(TypedDict, total=False):
    """Options for how the colors look. If one is None or not given, the value of the colorizer is used.

    Attributes:
        temperature: How to choose among likely colors, in [0, 1]: 1 gives calm, greyish colors, 0 vivid
            colors, which can be blotchy. Only for models that predict a distribution.
        saturation: Factor on the chroma, at least 0.
        strength: How much color to add to the grey photo, in [0, 1].
    """

    temperature: float | None
    saturation: float | None
    strength: float | None


class Settings(TypedDict, total=False):
    """Settings of a colorizer, which are chosen when it is made.

    Attributes:
        network_size: Side in pixels at which the network sees a photo, rounded to a size that it takes; by
            default the one it was made for.
        upsample: How colors are enlarged from the network's size to the photo's: with ``"guided"`` (the
            default) they end at the edges of the photo, with ``"bilinear"`` they do not.
        gamut: What to do with colors outside sRGB: ``"map"`` (the default) lowers their chroma, ``"clip"``
            limits each channel separately.
        protocol: ``"photo"`` (the default) is made for photos of any size. ``"released"`` follows the code
            that Zhang et al. released, to compare with published figures; it fixes the three options above.
        max_pixels: Files and PIL images with more pixels are refused before they are decoded, because they
            may be made to fill the memory. 178,956,970 by default; None means no limit.
    """

    network_size: int | None
    upsample: Upsampling
    gamut: Gamut
    protocol: ProtocolName
    max_pixels: int | None


class Numbers(Mapping[str, float]):
    """A look that nothing can change. Other than a read-only mapping of Python, it can be pickled."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


_HIGHEST = {"temperature": 1.0, "saturation": math.inf, "strength": 1.0}

_MOST_FACTOR = 1e30

_RELEASED: Settings = {"network_size": 256, "upsample": "bilinear", "gamut": "clip", "protocol": "released"}


def tune(look: Mapping[str, float], changes: Look) -> Mapping[str, float]:
    """Return a look with some of its options changed.

    Args:
        look: A number for each option of :class:`Look` that has a meaning for the model.
        changes: As a caller gave them.

    Returns:
        The changed look; *look* itself stays as it is.

    Raises:
        TypeError: If there is no option of that name.
        KindError: If a value is no number.
        RangeError: If a number is outside its range.
    """
    refuse_unknown(changes, Look)
    given = {
        name: check_number(name, value, most=_HIGHEST[name])
        for name, value in changes.items()
        if value is not None
    }
    return Numbers({**look, **given}) if given else look


def chroma_factor(look: Mapping[str, float]) -> float:
    """Give the factor by which a look changes ab.

    Args:
        look: A number for each option of :class:`Look`.

    Returns:
        The product of saturation and strength, at most far beyond any gamut: a larger factor would overflow.
    """
    return min(look["saturation"] * look["strength"], _MOST_FACTOR)


def settle(settings: Settings, *, multiple: int, largest: int) -> Settings:
    """Check settings, and fill in what was not given.

    Args:
        settings: As a caller gave them.
        multiple: The least side that the network takes.
        largest: The highest *network_size*.

    Returns:
        A value for each option of :class:`Settings`.

    Raises:
        TypeError: If there is no option of that name.
        OptionError: If a value is not one of those offered, or is given although the protocol fixes it.
    """
    refuse_unknown(settings, Settings)
    given: Mapping[str, object] = settings
    for name, offered in (("upsample", Upsampling), ("gamut", Gamut), ("protocol", ProtocolName)):
        check_choice(name, given.get(name, get_args(offered)[0]), get_args(offered))
    most = settings.get("max_pixels", MAX_PIXELS)
    if most is not None and (not is_whole(most) or most < 1):
        raise OptionError(f"max_pixels: expected an integer of at least 1, or None, got {brief(most)}")
    if settings.get("protocol") == "released":
        for name in ("network_size", "upsample", "gamut"):
            if given.get(name) is not None:
                raise OptionError(f"{name}: expected none, since protocol='released' fixes it")
        return {**_RELEASED, "max_pixels": most}
    side = settings.get("network_size")
    if side is not None and not (is_whole(side) and multiple <= side <= largest):
        raise OptionError(f"network_size: expected an integer in {multiple}..{largest}, got {brief(side)}")
    default: Settings = {"network_size": None, "upsample": "guided", "gamut": "map", "protocol": "photo"}
    return {**default, **settings, "max_pixels": most}


def check_count(
    name: str,
    value: object,
    *,
    least: int = 1,
    most: int | None = None,
    error: type[ColorfulError] = OptionError,
) -> int:
    """Check that this is an integer of at least *least*, else raise *error*.

    Args:
        name: For the message.
        value: As a caller gave it; NumPy's integers will do.
        least: The lowest that has a meaning.
        most: The highest, if there is one.
        error: The kind of error.

    Returns:
        The number, as one of Python's.
    """
    if not is_whole(value) or value < least or (most is not None and value > most):
        wanted = f"of at least {least}" if most is None else f"in {least}..{most}"
        raise error(f"{name}: expected an integer {wanted}, got {brief(value)}")
    return int(value)


def check_number(name: str, value: object, *, most: float = math.inf) -> float:
    """Check that this is a finite number of at least 0.

    Args:
        name: For the message.
        value: As a caller gave it; NumPy's numbers will do.
        most: The highest that has a meaning: 1, or any.

    Returns:
        The number, as one of Python's.

    Raises:
        KindError: If it is no number.
        RangeError: If it is out of the range.
    """
    if not is_number(value):
        raise KindError(f"{name}: expected a number, got {brief(value)}")
    try:
        number = float(value)
    except OverflowError:  # an integer past the range of floats
        number, value = math.inf, "one past the range of floats"
    if not (0 <= number <= most and math.isfinite(number)):
        wanted = "a number in [0, 1]" if most == 1 else "a finite number of at least 0"
        raise RangeError(f"{name}: expected {wanted}, got {value}")
    return number
