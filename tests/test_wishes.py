from __future__ import annotations

import itertools
import json
import math
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import torch
from PIL import Image, ImageColor

from colorful import Colorizer, Hint, errors
from colorful.hints import parse_hints
from colorful.lab import AbBins, rgb_to_lab
from colorful.raster import light
from colorful.wishes import palette, suggestions

Array = npt.NDArray[Any]


@pytest.fixture(scope="module")
def lite() -> Colorizer:
    """The network that comes with the library: random weights know no likely colors."""
    return Colorizer.from_pretrained("lite", device="cpu")


@pytest.fixture(scope="module")
def cat() -> Array:
    """A photo in color."""
    picture = Image.fromarray(skimage.data.chelsea()).resize((228, 152), Image.Resampling.BOX)
    return np.array(picture)


@pytest.fixture(scope="module")
def coffee() -> Array:
    """Another one, of something else."""
    return np.array(Image.fromarray(skimage.data.coffee()).resize((240, 160), Image.Resampling.BOX))


def test_places_are_inside_the_photo_and_can_be_answered(lite: Colorizer, cat: Array) -> None:
    """Each place lies in the photo, names likely colors that sum to at most 1, and becomes a hint."""
    prediction = lite.predict(cat)
    places = prediction.ask(4)
    assert len(places) == 4
    for place in places:
        assert 0 <= place.x < 228
        assert 0 <= place.y < 152
        assert place.region.shape == prediction.logits.shape[1:]
        assert 0 < sum(found.probability for found in place.suggestions) <= 1 + 1e-5
        assert all(found.name for found in place.suggestions)
    shares = [place.share for place in places]
    assert shares == sorted(shares, reverse=True)
    hints = [place.hint(place.suggestions[0].color) for place in places]
    assert lite.colorize(cat, hints=hints).shape == cat.shape


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_places_are_apart(lite: Colorizer, name: str) -> None:
    """Two places are at least a tenth of the photo's side from each other."""
    picture = Image.fromarray(getattr(skimage.data, name)())
    picture.thumbnail((228, 228))
    places = lite.predict(picture).ask(5)
    least = 0.1 * math.sqrt(picture.width * picture.height)
    for one, other in itertools.combinations(places, 2):
        assert math.hypot(one.x - other.x, one.y - other.y) > least


def test_true_answers_bring_a_photo_nearer_to_the_truth(lite: Colorizer, coffee: Array) -> None:
    """With the true color of each place as a hint, more places make a smaller error."""
    places = lite.predict(coffee).ask(3)
    rows, columns = np.mgrid[: coffee.shape[0], : coffee.shape[1]] + 0.5
    hints = [
        place.hint(
            coffee[np.hypot(rows - place.y, columns - place.x) <= place.radius].mean(axis=0).astype(int)
        )
        for place in places
    ]
    errors_of = [
        np.square(lite.colorize(coffee, hints=hints[:count]) - coffee.astype(float)).mean()
        for count in (0, 1, 3)
    ]
    assert errors_of == sorted(errors_of, reverse=True)
    assert errors_of[-1] < 0.7 * errors_of[0]


def test_a_questions_json_is_hints_once_it_is_filled_in(lite: Colorizer, cat: Array) -> None:
    """The JSON of a place becomes a hint when its color is filled in; one left open is passed over."""
    first, second = (place.to_json() for place in lite.predict(cat).ask(2))
    assert parse_hints(json.dumps([first, second])) == []
    first["color"] = first["likely"][0]["color"]
    assert parse_hints(json.dumps([first, second])) == [
        Hint(first["x"], first["y"], first["color"], first["radius"])
    ]


def test_uncertainty_is_in_cielab_units(lite: Colorizer, cat: Array) -> None:
    """Uncertainty is at least 0, and no color is further off than the bins reach."""
    prediction = lite.predict(cat)
    found = prediction.uncertainty()
    assert found.shape == prediction.logits.shape[1:]
    assert 0 <= found.min() < found.max() < 150


def test_amount_0_is_the_plain_picture(lite: Colorizer, cat: Array, coffee: Array) -> None:
    """With amount 0 nothing changes, to the byte."""
    prediction, reference = (lite.predict(photo, features=True) for photo in (cat, coffee))
    assert np.array_equal(prediction.like(reference, amount=0).rgb(), prediction.rgb())


@pytest.mark.parametrize("manner", ["auto", "match", "mood"])
def test_light_is_kept(lite: Colorizer, cat: Array, coffee: Array, manner: Any) -> None:
    """An example changes ab, never L by more than 8-bit colors can tell."""
    prediction, reference = (lite.predict(photo, features=True) for photo in (cat, coffee))
    toned = prediction.like(reference, amount=1, manner=manner).rgb()
    assert (light(toned) - light(cat)).abs().max() < 1.5
    assert (light(toned) - light(cat)).abs().mean() < 0.2


def test_a_mirror_image_gives_the_true_colors(lite: Colorizer, cat: Array) -> None:
    """Matched with its own mirror image in color, a photo comes nearer to the truth."""
    prediction = lite.predict(cat, features=True)
    mirrored = lite.predict(np.ascontiguousarray(cat[:, ::-1]), features=True)
    before = np.square(prediction.rgb() - cat.astype(float)).mean()
    after = np.square(prediction.like(mirrored, manner="match").rgb() - cat.astype(float)).mean()
    assert after < 0.4 * before


def test_something_else_is_not_matched(lite: Colorizer, cat: Array, coffee: Array) -> None:
    """A match with a photo of something else leaves the colors nearly as they were."""
    prediction, reference = (lite.predict(photo, features=True) for photo in (cat, coffee))
    moved = (prediction.like(reference, manner="match").ab() - prediction.ab()).norm(dim=0)
    assert moved.mean() < 4


def test_a_photo_can_be_the_example_at_once(lite: Colorizer, cat: Array, coffee: Array) -> None:
    """``colorize(like=)``, a colorizer that follows the photo, and the prediction give the same picture."""
    prediction, reference = (lite.predict(photo, features=True) for photo in (cat, coffee))
    expected = prediction.like(reference).rgb()
    assert np.array_equal(lite.colorize(cat, like=coffee), expected)
    following = lite.liking(coffee)
    assert np.array_equal(following.colorize(cat), expected)
    assert np.array_equal(next(iter(following.colorize_many([cat]))), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(following)).colorize(cat), expected)
    calm = lite.tuned(temperature=0.9).liking(coffee).colorize(cat)
    for said in (lite.colorize(cat, like=coffee, temperature=0.9), following.colorize(cat, temperature=0.9)):
        assert np.array_equal(said, calm)
    assert not np.array_equal(lite.colorize(cat), expected)


def test_colorizers_that_color_differently_have_other_digests(
    lite: Colorizer, cat: Array, coffee: Array
) -> None:
    """An example without features is followed in another way, which the digest tells."""
    plain, matching = (lite.liking(lite.predict(coffee, features=features)) for features in (False, True))
    assert not np.array_equal(plain.colorize(cat), matching.colorize(cat))
    assert plain.digest != matching.digest == lite.liking(coffee).digest


def test_a_palette_draws_colors_to_it(lite: Colorizer, cat: Array) -> None:
    """With a palette of one color the picture gets nearer to it the larger the amount is."""
    prediction = lite.predict(cat)
    blue = palette(["#4060a0"], AbBins().centers) @ AbBins().centers
    distances = [
        float((prediction.like(["#4060a0"], amount=amount).ab().mean(dim=(1, 2)) - blue).norm())
        for amount in (0.0, 0.3, 0.6, 1.0)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.6 * distances[0]


def test_variants_differ_and_say_how_they_were_made(lite: Colorizer, cat: Array) -> None:
    """The first variant is the plain picture; all others differ clearly, and carry hints in the photo."""
    prediction = lite.predict(cat)
    variants = prediction.variants(5)
    assert np.array_equal(variants[0].prediction.rgb(), prediction.rgb())
    assert variants[0].hints == []
    for number, variant in enumerate(variants):
        for other in variants[:number]:
            assert (variant.prediction.ab() - other.prediction.ab()).norm(dim=0).mean() > 3
    assert all(0 <= hint.x < 228 and 0 <= hint.y < 152 for variant in variants for hint in variant.hints)
    assert (light(variants[1].prediction.rgb()) - light(cat)).abs().mean() < 0.2


def test_the_hints_of_a_variant_have_its_colors(lite: Colorizer, cat: Array) -> None:
    """The color of a variant's hint is about the one that the variant has there, if not on an edge of it."""
    off = []
    for variant in lite.predict(cat).variants(4)[1:]:
        ab = variant.prediction.ab()
        for hint in variant.hints:
            row, column = int(hint.y / 152 * ab.shape[1]), int(hint.x / 228 * ab.shape[2])
            around = ab[:, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].mean(dim=(1, 2))
            rgb = torch.tensor(ImageColor.getrgb(str(hint.color)))[:, None, None] / 255
            off.append(float((rgb_to_lab(rgb)[1:, 0, 0] - around).norm()))
    assert sorted(off)[-2] < 5
    assert max(off) < 20


def test_a_seed_repeats_to_the_byte(lite: Colorizer, cat: Array) -> None:
    """The same seed gives the same variants, another one others."""
    first, again, other = (lite.predict(cat).variants(3, seed=seed)[1].prediction.rgb() for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_a_model_cannot_do_is_said_with_those_that_can(plain: Colorizer, grey: Array) -> None:
    """A model without a distribution names those that have one."""
    prediction = plain.predict(grey)
    for call in (
        prediction.ask,
        prediction.uncertainty,
        prediction.variants,
        lambda: prediction.like(["red"]),
        lambda: plain.colorize(grey, like=["red"]),
    ):
        with pytest.raises(errors.UnsupportedOptionError, match=r"these can: .*lite"):
            call()


def test_what_cannot_be_matched_is_said(lite: Colorizer, painter: Colorizer, cat: Array, grey: Array) -> None:
    """A match needs features on both sides, of one model; mood needs none."""
    with pytest.raises(errors.UnsupportedOptionError, match=r"^match: painter .*these can: lite"):
        painter.predict(grey).like(painter.predict(cat), manner="match")
    without, with_them = lite.predict(cat), lite.predict(cat, features=True)
    for mine, reference in ((without, with_them), (with_them, without), (with_them, cat)):
        with pytest.raises(errors.OptionError, match=r"^reference: expected .*features=True"):
            mine.like(reference, manner="match")
    with pytest.raises(errors.OptionError, match="got painter's"):
        with_them.like(painter.predict(cat), manner="match")
    assert painter.predict(cat).like(cat).rgb().shape == cat.shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reference": ["red"], "amount": 1.5}, r"^amount: expected a number in \[0, 1\], got 1.5"),
        ({"reference": ["red"], "amount": float("nan")}, "^amount: "),
        ({"reference": ["red"], "manner": "copy"}, "^manner: expected one of auto, match, mood"),
        ({"reference": ["#12"]}, "^palette: expected a color"),
        ({"reference": []}, "^palette: expected at least one color"),
        ({"reference": [3]}, "^palette: expected colors"),
        ({"reference": np.zeros((9, 9, 3), np.uint8)}, "^reference: expected a photo in color"),
        ({"reference": "there/is/none.jpg"}, "none.jpg"),
        ({"reference": "#8a5a3c"}, "^palette: expected a list of colors, got the single one '#8a5a3c'"),
    ],
)
def test_bad_examples_are_refused(
    lite: Colorizer, cat: Array, arguments: dict[str, Any], message: str
) -> None:
    """What cannot be an example is named, with what was expected."""
    with pytest.raises(errors.ColorfulError, match=message):
        lite.predict(cat).like(**arguments)


@pytest.mark.parametrize("call", ["ask", "variants"])
@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_counts_are_checked(lite: Colorizer, cat: Array, call: str, count: Any) -> None:
    """A count is an integer of at least 1; more than a hundred variants are none to choose from."""
    with pytest.raises(errors.RangeError, match=r"^count: expected an integer (of at least 1|in 1\.\.100)"):
        getattr(lite.predict(cat), call)(count)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (300, 20)])
def test_any_size_will_do(lite: Colorizer, cat: Array, size: tuple[int, int]) -> None:
    """Photos of a few pixels can be asked about, follow an example and have variants."""
    photo = np.resize(np.arange(256, dtype=np.uint8), size)
    prediction = lite.predict(photo, features=True)
    assert all(0 <= it.x < size[1] and 0 <= it.y < size[0] for it in prediction.ask(3))
    assert prediction.like(lite.predict(cat, features=True)).rgb().shape == (*size, 3)
    assert all(it.prediction.rgb().shape == (*size, 3) for it in prediction.variants(3))


def test_suggestions_are_clearly_different() -> None:
    """Bins around the likeliest one count as one color, with its mean."""
    bins = AbBins().centers
    shares = (bins.abs().sum(dim=1) <= 10).float() * 0.1
    shares[(bins == 0).all(dim=1)] = 0.2
    shares[(bins[:, 0] == 60) & (bins[:, 1] == 40)] = 0.4
    [[grey, red]] = suggestions(shares[None], bins, torch.tensor([50.0]), 5)
    assert (grey.color, grey.name) == ("#777777", "grey")
    assert (round(red.probability, 3), red.name) == (0.4, "red")
