from __future__ import annotations

import pytest
import torch
from PIL import ImageColor

from colorful.lab import rgb_to_lab
from colorful.lab.names import color_name


@pytest.mark.parametrize(
    ("css", "name"),
    [
        ("black", "black"), ("white", "white"), ("grey", "grey"), ("dimgrey", "grey"), ("red", "red"),
        ("saddlebrown", "brown"), ("sienna", "brown"), ("darkorange", "orange"), ("gold", "yellow"),
        ("yellow", "yellow"), ("olive", "olive"), ("forestgreen", "green"), ("darkgreen", "green"),
        ("lightgreen", "green"), ("turquoise", "turquoise"), ("steelblue", "blue"), ("navy", "blue"),
        ("skyblue", "blue"), ("purple", "purple"), ("hotpink", "pink"), ("pink", "pink"),
        ("maroon", "red"), ("tan", "beige"),
    ],
)  # fmt: skip
def test_names_are_those_of_css(css: str, name: str) -> None:
    """Colors that CSS names are called by the same word, apart from light, dark and greyish."""
    rgb = torch.tensor(ImageColor.getrgb(css)[:3])[:, None, None] / 255
    assert color_name(*rgb_to_lab(rgb).flatten().tolist()).split()[-1] == name


def test_dark_and_light_are_said() -> None:
    """L decides between dark, light and neither."""
    assert [color_name(light, 0, -40) for light in (20, 50, 85)] == ["dark blue", "blue", "light blue"]
