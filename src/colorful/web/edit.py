"""What a visitor asks for: a model, colors of spots, what stays grey, and how to decode. It is read here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from colorful.colorizer import Colorizer
from colorful.errors import HintError, OptionError, RangeError, brief, check_choice, finite
from colorful.hints import Hint, make_each, rgb_of
from colorful.look import Look
from colorful.models.abilities import unsupported

MOST_HINTS = 1000
MOST_POINTS = 20_000  # of all strokes together
MOST_COLORS = 256  # of an example

LOOK = tuple(Look.__annotations__)
KEYS = frozenset({"model", "hints", "keep", "like", *LOOK})

# Strokes are drawn on a canvas of about as many pixels, twice as fine, whatever size is wanted then: so edges
# are smooth, and a preview shows those of the result.
_CANVAS = 1_250_000


@dataclass(frozen=True)
class Stroke:
    """A line drawn with a round brush, below which the photo stays as it is.

    Args:
        points: x and y in pixels of the upright photo; one alone is a dot.
        radius: Of the brush, in the same pixels.
        erase: Whether it takes away what strokes before it have covered.
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    erase: bool = False


@dataclass(frozen=True)
class Edit:
    """What a visitor asks for.

    Args:
        model: By the name that visitors choose it by.
        hints: In pixels of the upright photo.
        keep: What stays grey.
        like: Colors of an example that the photo follows; none of them follows nothing.
        look: How to decode.
    """

    model: str
    hints: tuple[Hint, ...] = ()
    keep: tuple[Stroke, ...] = ()
    like: tuple[str, ...] = ()
    look: Look = field(default_factory=Look)

    @property
    def guidance(self) -> tuple[object, ...]:
        """What the prediction depends on; the rest is a matter of decoding it."""
        return self.model, self.hints, self.like, self.look.get("temperature") if self.like else None


def read_form(values: Mapping[str, str], models: Mapping[str, Colorizer]) -> Edit:
    """Read an edit from the fields of a form, where an empty one counts as missing.

    Args:
        values: By name; others than :data:`KEYS` are not looked at.
        models: Those offered by name, the default first.

    Raises:
        OptionError: If the model is none of those.
        ColorfulError: If another value means nothing.
    """
    given: dict[str, Any] = {key: value for key, value in values.items() if value != ""}
    for key in ("hints", "keep", "like"):
        if key in given:
            given[key] = parsed(key, given[key])
    for key in LOOK:
        if key in given:
            given[key] = _as_number(key, given[key])
    return read_json(given, models)


def read_json(values: Mapping[str, Any], models: Mapping[str, Colorizer]) -> Edit:
    """Read an edit from a JSON object, where null counts as missing.

    Args:
        values: By name; others than :data:`KEYS` are not looked at.
        models: Those offered by name, the default first.

    Raises:
        OptionError: If the model is none of those.
        ColorfulError: If another value means nothing.
    """
    model = next(iter(models)) if values.get("model") is None else values["model"]
    check_choice("model", model, models)
    hints = _list("hints", values.get("hints"), MOST_HINTS)
    strokes = _list("keep", values.get("keep"), MOST_POINTS)
    keep = tuple(_stroke(number, value) for number, value in enumerate(strokes, start=1))
    if sum(len(stroke.points) for stroke in keep) > MOST_POINTS:
        raise RangeError(f"keep: expected at most {MOST_POINTS} points in all strokes together")
    look = cast("Look", {key: number(key, values[key]) for key in LOOK if values.get(key) is not None})
    like = _colors(values.get("like"), models[model])
    given = tuple(make_each(hints, Hint.from_json))
    edit = Edit(model, given, keep, like, look)
    models[model].tuned(**edit.look)  # refuses what has no meaning
    return edit


def number(name: str, value: object) -> float:
    """Take a number out of JSON.

    Raises:
        RangeError: If it is none, or not finite.
    """
    found = finite(value)
    if found is None:
        raise RangeError(f"{name}: expected a finite number, got {brief(value)}")
    return found


def parsed(name: str, text: str | bytes, *, kind: str = "array") -> object:
    """Read JSON, of which a certain *kind* is expected; it may still be another one.

    Raises:
        OptionError: If it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{name}: expected a JSON {kind}, got something else: {str(error)[:80]}") from error


def whole_number(name: str, value: object) -> int:
    """Take a whole number out of JSON; 2.0 is one, too.

    Raises:
        RangeError: If it is none.
    """
    found = number(name, value)
    if not found.is_integer():
        raise RangeError(f"{name}: expected a whole number, got {brief(value)}")
    return int(found)


def draw_mask(
    strokes: tuple[Stroke, ...],
    photo: tuple[int, int],
    *,
    size: tuple[int, int],
    region: tuple[float, float, float, float] | None = None,
) -> npt.NDArray[np.uint8] | None:
    """Draw what stays grey.

    Args:
        strokes: In the order they were made.
        photo: Its height and width, in whose pixels the strokes are.
        size: Height and width that are wanted.
        region: Of the photo: left, top, right and bottom; all of it by default.

    Returns:
        Shape *size*: 255 where the photo stays as it is. None if nothing is covered.
    """
    if all(stroke.erase for stroke in strokes):
        return None
    height, width = photo
    scale = min(1.0, (_CANVAS / (height * width)) ** 0.5, 4096 / max(photo)) * 2
    canvas = Image.new("L", (max(1, round(width * scale)), max(1, round(height * scale))))
    across, down = canvas.width / width, canvas.height / height
    draw = ImageDraw.Draw(canvas)
    for stroke in strokes:
        shade, radius = 0 if stroke.erase else 255, max(0.5, stroke.radius * scale)
        places = [(x * across, y * down) for x, y in stroke.points]
        if len(places) > 1:
            draw.line(places, fill=shade, width=max(1, round(2 * radius)))
        for x, y in places:  # round ends and corners
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)
    left, top, right, bottom = region or (0, 0, width, height)
    box = (left * across, top * down, right * across, bottom * down)
    return np.asarray(canvas.resize(size[::-1], Image.Resampling.BILINEAR, box=box))


def _stroke(order: int, value: object) -> Stroke:
    name = f"keep, stroke {order}"
    if not isinstance(value, Mapping) or not {"points", "radius"} <= value.keys() <= {
        "points",
        "radius",
        "erase",
    }:
        raise OptionError(f"{name}: expected an object with points, radius and erase, got {brief(value)}")
    points, erase = value["points"], value.get("erase", False)
    if not isinstance(erase, bool):
        raise OptionError(f"{name}, erase: expected true or false, got {brief(erase)}")
    if (
        not isinstance(points, list)
        or not points
        or any(not isinstance(p, list) or len(p) != 2 for p in points)
    ):
        raise OptionError(f"{name}, points: expected pairs of x and y, at least one, got {brief(points)}")
    # What lies far outside of any photo is drawn as if it lay just outside.
    places = tuple(
        (min(max(number(name, x), -1e6), 1e6), min(max(number(name, y), -1e6), 1e6)) for x, y in points
    )
    radius = number(f"{name}, radius", value["radius"])
    if not 0 < radius <= 1e5:
        raise RangeError(f"{name}, radius: expected more than 0 and at most 100000 pixels, got {radius:g}")
    return Stroke(places, radius, erase)


def _colors(value: object, model: Colorizer) -> tuple[str, ...]:
    colors = _list("like", value, MOST_COLORS)
    if colors and not model.has_temperature:
        raise unsupported("like", model.architecture)
    for color in colors:
        try:
            rgb_of(color)
        except (ValueError, AttributeError, TypeError):
            raise OptionError(f"like: expected colors such as '#8a5a3c', got {brief(color)}") from None
    return tuple(colors)


def _list(name: str, value: object, most: int) -> list[Any]:
    kind = HintError if name == "hints" else OptionError
    if value is None:
        return []
    if not isinstance(value, list):
        raise kind(f"{name}: expected a JSON array, got {type(value).__name__}")
    if len(value) > most:
        raise kind(f"{name}: expected at most {most}, got {len(value)}")
    return value


def _as_number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RangeError(f"{name}: expected a number, got {brief(text)}") from None
