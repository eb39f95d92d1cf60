"""Colors that a user puts on a photo, and how a network sees them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import ImageColor
from torch import Tensor

from colorful.errors import HintError, KindError, brief, finite, is_whole
from colorful.files import in_words, open_regular
from colorful.lab.space import rgb_to_lab

Made = TypeVar("Made")

# Half of the patches' mean side in the training of Zhang et al. 2017 (1 to 9 cells).
_DEFAULT_CELLS = 2.5


@dataclass(frozen=True)
class Hint:
    """The known color of a spot in a photo.

    Only a and b of the color count. How light the spot is stays as in the photo.

    Args:
        x: Distance from the left edge in pixels of the upright photo (turned as its EXIF data say). The
            center of the first pixel is at 0.5.
        y: Distance from the top edge, in the same way.
        color: A name of CSS, ``"#c03020"``, ``"rgb(192, 48, 32)"`` or ``"hsl(6, 71%, 44%)"``, with commas; or
            three integers in 0..255, such as a pixel of an array. It is stored as ``"#rrggbb"``.
        radius: Radius of the disc that gets this color, in pixels of the photo. It covers at least one cell
            of the network's input. By default two and a half cells: about a hundredth of the photo's side.

    Raises:
        HintError: If a number is not finite, *radius* is negative or *color* is no color.

    Example:
        >>> Hint(x=120, y=80, color=(192, 48, 32)).color
        '#c03020'
    """

    x: float
    y: float
    color: str | Sequence[int] | npt.NDArray[np.integer[Any]]
    radius: float | None = None

    def __post_init__(self) -> None:
        # The class is frozen, so that the one form of each value is set past it.
        object.__setattr__(self, "x", _pixels("x", self.x))
        object.__setattr__(self, "y", _pixels("y", self.y))
        if self.radius is not None:
            object.__setattr__(self, "radius", _pixels("radius", self.radius))
            if self.radius < 0:
                raise HintError(f"radius: expected at least 0, got {self.radius:g}")
        object.__setattr__(self, "color", _hex_color(self.color))

    @classmethod
    def from_json(cls, value: object) -> Hint:
        """Make a hint of its JSON object, ``{"x": 120, "y": 80, "color": "#c03020", "radius": 4}``.

        Args:
            value: The decoded object; ``radius`` may be missing, and ``likely``, the colors to choose from
                that ``colorful ask`` writes, is ignored.

        Returns:
            The hint.

        Raises:
            HintError: If a key is missing or unknown, or a value is none that a hint can have.
        """
        keys = {"x", "y", "color", "radius", "likely"}
        if not isinstance(value, Mapping):
            raise HintError(f"hint: expected an object with x, y, color and radius, got {brief(value)}")
        if unknown := sorted(map(str, value.keys() - keys)):
            raise HintError(f"hint: expected the keys x, y, color and radius, got {', '.join(unknown)}")
        if missing := sorted(keys - value.keys() - {"radius", "likely"}):
            raise HintError(f"hint: expected x, y and color, got none for {', '.join(missing)}")
        return cls(value["x"], value["y"], value["color"], value.get("radius"))

    def to_json(self) -> dict[str, Any]:
        """Give the object that :meth:`from_json` takes."""
        values = {"x": self.x, "y": self.y, "color": self.color, "radius": self.radius}
        return {key: value for key, value in values.items() if value is not None}


def parse_hints(text: str | bytes) -> list[Hint]:
    """Read hints from JSON: an array of the objects that :meth:`Hint.from_json` takes.

    A place that ``colorful ask`` wrote is ignored if its color is still null.

    Args:
        text: The JSON document.

    Returns:
        The hints, in the order of the array.

    Raises:
        HintError: If it is no JSON, no array, or an entry is no hint; the message says which.
    """
    return _parse(text, Hint.from_json)


def load_hints(path: str | os.PathLike[str]) -> list[Hint]:
    """Read hints from a JSON file, as :func:`parse_hints` does.

    Args:
        path: The file, in UTF-8.

    Returns:
        The hints, in the order of the file.

    Raises:
        HintError: If the file cannot be read or does not hold hints.
    """
    return load_each(path, Hint.from_json)


def load_each(path: str | os.PathLike[str], make: Callable[[object], Made]) -> list[Made]:
    """Read hints of some kind from a JSON file; see :func:`load_hints` and :func:`make_each`."""
    try:
        with open_regular(path) as file:
            return _parse(file.read(), make)
    except HintError as error:
        raise HintError(f"{os.fspath(path)}: {error}") from error
    except (OSError, ValueError) as error:
        raise HintError(f"hints: cannot read {os.fspath(path)!r}: {in_words(error)}") from error


def make_each(values: Sequence[object], make: Callable[[object], Made]) -> list[Made]:
    """Make hints of decoded JSON objects; those of ``colorful ask`` that have no color yet are left out.

    Args:
        values: The objects.
        make: Makes a hint of one, or raises a :class:`~colorful.errors.HintError`.

    Raises:
        HintError: If one is no hint; the message says which.
    """
    hints = []
    for number, value in enumerate(values, start=1):
        if isinstance(value, Mapping) and "likely" in value and value.get("color") is None:
            continue
        try:
            hints.append(make(value))
        except HintError as error:
            words = str(error).removeprefix("hint: ")
            raise HintError(f"hint {number} of {len(values)}: {words}") from error
    return hints


def _parse(text: str | bytes, make: Callable[[object], Made]) -> list[Made]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HintError(f"hints: expected a JSON array, got something else: {error}") from error
    if not isinstance(values, list):
        raise HintError(f"hints: expected a JSON array, got {type(values).__name__}")
    return make_each(values, make)


def check_hints(hints: object) -> None:
    """Raise a :class:`~colorful.errors.KindError` unless this is a sequence of hints."""
    if not isinstance(hints, Sequence):
        raise KindError(f"hints: expected a sequence of Hint, got {type(hints).__name__}")
    for hint in hints:
        if not isinstance(hint, Hint):
            raise KindError(f"hints: expected a sequence of Hint, got {type(hint).__name__} in it")


def rasterize(
    hints: Sequence[Hint], photo_size: tuple[int, int], input_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Draw hints the way a network takes them.

    A cell is covered where its center lies inside the disc; the cell that holds the hint's point always is.
    Where hints overlap, the later one covers the earlier.

    Args:
        hints: In pixels of the photo.
        photo_size: Height and width of the upright photo.
        input_size: Height and width of the network's input.

    Returns:
        ab in CIELAB units, shape ``(1, 2, *input_size)``, 0 where nothing is hinted; and the mask, 1 where
        something is, shape ``(1, 1, *input_size)``. Both float32.

    Raises:
        HintError: If a hint lies outside the photo.
    """
    (height, width), (rows, columns) = photo_size, input_size
    drawn = torch.zeros(1, 3, rows, columns, dtype=torch.float32, device="cpu")
    ab, mask = drawn[:, :2], drawn[:, 2:]
    cell_height, cell_width = height / rows, width / columns
    ys = (torch.arange(rows, dtype=torch.float64, device="cpu")[:, None] + 0.5) * cell_height
    xs = (torch.arange(columns, dtype=torch.float64, device="cpu") + 0.5) * cell_width
    for number, hint in enumerate(hints, start=1):
        if not (0 <= hint.x < width and 0 <= hint.y < height):
            raise HintError(
                f"hint {number}: expected a point inside the photo of {width} x {height} pixels, "
                f"got ({hint.x:g}, {hint.y:g})"
            )
        radius = _DEFAULT_CELLS * max(cell_height, cell_width) if hint.radius is None else hint.radius
        covered = (ys - hint.y) ** 2 + (xs - hint.x) ** 2 <= radius * radius  # a power may overflow
        covered[min(int(hint.y / cell_height), rows - 1), min(int(hint.x / cell_width), columns - 1)] = True
        ab[0, :, covered] = lab_of(str(hint.color))[1:, None]
        mask[0, 0, covered] = 1
    return ab, mask


def lab_of(color: str) -> Tensor:
    """Give L, a and b of a color.

    Args:
        color: As for :class:`Hint`, as text.

    Returns:
        L in 0..100 and ab in CIELAB units, shape ``(3,)``, float32.

    Raises:
        ValueError: If it is no color.
    """
    rgb = torch.tensor(rgb_of(color), dtype=torch.float32, device="cpu")[:, None, None] / 255  # -> (3, 1, 1)
    return rgb_to_lab(rgb)[:, 0, 0]


def rgb_of(color: str) -> tuple[int, int, int]:
    """Give red, green and blue of a color.

    Args:
        color: As for :class:`Hint`, as text; alpha is left out.

    Returns:
        Three integers in 0..255.

    Raises:
        ValueError: If it is no color.
    """
    red, green, blue = ImageColor.getrgb(color)[:3]
    if not all(0 <= channel <= 255 for channel in (red, green, blue)):  # Pillow takes rgb(999, 0, 0)
        raise ValueError(f"expected channels in 0..255, got {color!r}")
    return red, green, blue


def _pixels(name: str, value: object) -> float:
    number = finite(value)
    if number is None:
        raise HintError(f"{name}: expected a finite number of pixels, got {brief(value)}")
    return number


def _hex_color(color: object) -> str:
    if isinstance(color, str):
        try:
            channels: tuple[object, ...] = rgb_of(color)
        except ValueError as error:
            raise HintError(f"color: expected a color such as '#c03020', got {brief(color)}") from error
    elif isinstance(color, tuple | list) or (isinstance(color, np.ndarray) and color.ndim == 1):
        channels = tuple(color)
    else:
        raise HintError(f"color: expected a color such as '#c03020' or (192, 48, 32), got {brief(color)}")
    if len(channels) != 3 or not all(is_whole(channel) and 0 <= channel <= 255 for channel in channels):
        raise HintError(f"color: expected three integers in 0..255, got {brief(color)}")
    return "#{:02x}{:02x}{:02x}".format(*channels)
