"""Numbers without bounds, in every option that takes one."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import colorful
from colorful import Colorizer, Hint, images
from colorful.errors import ColorfulError
from colorful.plan import Plan

GREY = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)
# Past floats; past what Python writes out; more than any float; not a number at all.
NUMBERS = [10**401, -(10**401), 10**5000, -(10**5000), Fraction(10**401), float("inf"), float("nan")]


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    """A model that looks at little."""
    return Colorizer.from_pretrained("lite", device="cpu", network_size=64)


OPTIONS: dict[str, Callable[[Colorizer, Any], object]] = {
    "temperature": lambda model, value: model.tuned(temperature=value),
    "saturation": lambda model, value: model.tuned(saturation=value),
    "strength": lambda model, value: model.colorize(GREY, strength=value),
    "network_size": lambda model, value: Colorizer.from_pretrained("lite", network_size=value),
    "max_pixels": lambda model, value: Colorizer.from_pretrained("lite", max_pixels=-abs(value)),
    "hint x": lambda model, value: model.predict(GREY, hints=[Hint(value, 1, "red")]),
    "hint radius": lambda model, value: Hint(1, 1, "red", radius=value),
    "hint color": lambda model, value: Hint(1, 1, (value, 0, 0)),
    "suggest x": lambda model, value: model.predict(GREY).suggest(x=value, y=1),
    "suggest count": lambda model, value: model.predict(GREY).suggest(x=1, y=1, count=-abs(value)),
    "ask count": lambda model, value: model.predict(GREY).ask(-abs(value)),
    "variants count": lambda model, value: model.predict(GREY).variants(value),
    "like amount": lambda model, value: model.liking(["red"], amount=value),
    "region": lambda model, value: model.predict(GREY).picture(region=(0, 0, value, 1)),
    "quality": lambda model, value: images.encode(images.read(GREY), "jpeg", quality=value),
    "batch_size": lambda model, value: list(model.colorize_many([GREY], batch_size=-abs(value))),
    "shard": lambda model, value: Plan([]).shard(value, 2),
}


@pytest.mark.parametrize("value", NUMBERS, ids=lambda value: f"{type(value).__name__}{NUMBERS.index(value)}")
@pytest.mark.parametrize("option", OPTIONS)
def test_numbers_beyond_float_are_refused(colorizer: Colorizer, option: str, value: Any) -> None:
    """A number that no float or no text can hold is refused in words, and the message stays short."""
    with pytest.raises(ColorfulError) as refused:
        OPTIONS[option](colorizer, value)
    assert len(str(refused.value)) < 300
    assert option.split()[-1].removesuffix("x") in str(refused.value)


@pytest.mark.parametrize("region", [(0.0, 0, 1, 1), (0, 0, 1), "0011"])
def test_a_region_is_four_integers(colorizer: Colorizer, region: Any) -> None:
    """Anything else is refused in words; NumPy's integers, also in an array, are taken."""
    prediction = colorizer.predict(GREY)
    with pytest.raises(ColorfulError, match="region: expected four integers"):
        prediction.picture(region=region)
    taken = prediction.picture(region=np.array([0, 0, 1, 1]))  # type: ignore[arg-type]
    assert np.array_equal(taken.pixels, prediction.rgb()[:1, :1])


@pytest.mark.parametrize("seed", [2**64, -1, 10**401, np.int64(5)])
def test_any_integer_is_a_seed(colorizer: Colorizer, seed: int) -> None:
    """Seeds larger than torch takes give variants, the same ones each time."""
    prediction = colorizer.predict(GREY)
    first, again = (
        [variant.prediction.output for variant in prediction.variants(2, seed=seed)] for _ in range(2)
    )
    assert all(bool((a == b).all()) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("color", ["rgb(999, 0, 0)", "hsl(0, 100%, 900%)", "rgb(900%, 0%, 0%)", "9" * 99])
def test_colors_outside_of_their_range_are_refused(colorizer: Colorizer, color: str) -> None:
    """What Pillow makes channels above 255 of is no color of a hint, and none of a palette."""
    with pytest.raises(ColorfulError, match="color"):
        Hint(1, 1, color)
    with pytest.raises(ColorfulError, match="palette"):
        colorizer.colorize(GREY, like=[color])


@pytest.mark.parametrize("saturation", [1e300, 1e30, 1e6])
def test_any_saturation_gives_a_photo_and_a_film(colorizer: Colorizer, saturation: float) -> None:
    """The most vivid colors there are, and no overflow; films get those of photos."""
    vivid = colorizer.tuned(saturation=saturation)
    photo = vivid.colorize(GREY)
    pytest.importorskip("cv2")
    (frame,) = colorful.colorize_frames([GREY], colorizer=vivid, steady=0)
    assert np.ptp(photo, axis=2).max() > 100
    assert np.abs(photo.astype(int) - np.asarray(frame)).mean() < 3
