"""Names of colors, as people say them."""

from __future__ import annotations

import math

# Hue angles in CIELAB at which one name gives way to the next, in degrees. Orange when dark is brown, red
# and purple when light are pink.
_HUES = (
    (20, "pink"), (48, "red"), (76, "orange"), (104, "yellow"), (168, "green"), (216, "turquoise"),
    (312, "blue"), (340, "purple"), (360, "pink"),
)  # fmt: skip
_GREY, _DULL = 6.0, 18.0


def color_name(light: float, a: float, b: float) -> str:
    """Name a color in one to three plain English words.

    Args:
        light: L in 0..100.
        a: CIELAB units.
        b: CIELAB units.

    Returns:
        Such as ``"dark brown"``, ``"light greyish blue"`` or ``"grey"``.
    """
    chroma, hue = math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360
    if chroma < _GREY:
        return "black" if light < 12 else "white" if light > 94 else f"{_shade(light)}grey"
    name = next(name for end, name in _HUES if hue <= end)
    greyish = "greyish " if chroma < _DULL else ""
    if name == "orange" and light < 60:
        return f"{_shade(light + 12)}{greyish}brown"
    if name == "yellow" and light < 58:
        return f"{_shade(light + 12)}{greyish}olive"
    if chroma < 32 and (name == "orange" or (name == "yellow" and hue < 95)):
        return f"{_shade(light)}beige" if light < 88 else "cream"
    if name == "pink" and light < 48:
        name = "red" if hue <= 20 else "purple"
    elif name == "red" and light > 62:
        name = "pink"
    return f"{_shade(light)}{greyish}{name}"


def _shade(light: float) -> str:
    return "dark " if light < 35 else "light " if light > 75 else ""
