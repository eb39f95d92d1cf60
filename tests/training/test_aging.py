"""Aged L."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import laplace
from skimage import data
from skimage.color import rgb2lab

from colorful.training.aging import DEGRADATIONS, age, on_old_film


@pytest.fixture(scope="module")
def light() -> torch.Tensor:
    """Give L of two photos, 96 x 96 pixels."""
    photos = [data.camera()[100:388:3, 60:348:3], data.moon()[100:388:3, 60:348:3]]
    return torch.from_numpy(np.stack(photos).astype(np.float32) / 2.55)


def degraded(name: str, light: torch.Tensor, seed: int, strength: float) -> torch.Tensor:
    """Apply one degradation to all samples."""
    degradation = DEGRADATIONS[name]
    random = np.random.default_rng(seed)
    return degradation.apply(light, [degradation.draw(random, strength, light.shape[1]) for _ in light])


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_a_degradation_gives_pictures_of_the_same_kind(
    light: torch.Tensor, name: str, strength: float
) -> None:
    """Each degradation changes L, keeps its shape and type, and is the same for the same seed."""
    before = light.clone()
    aged = degraded(name, light, 7, strength)
    assert aged.shape == light.shape
    assert aged.dtype == torch.float32
    assert torch.isfinite(aged).all()
    assert strength < 1 or (aged - light).abs().mean() > 0.05
    torch.testing.assert_close(light, before, rtol=0, atol=0)
    torch.testing.assert_close(aged, degraded(name, light, 7, strength), rtol=0, atol=0)


def test_fading_lifts_the_blacks_and_dulls_the_whites(light: torch.Tensor) -> None:
    """A faded print has neither black nor white."""
    aged = degraded("fade", light, 0, 1.0)
    assert aged.min() > light.min() + 5
    assert (aged.max() - aged.min()) < (light.max() - light.min()) * 0.9


def test_blur_takes_detail_and_grain_adds_it(light: torch.Tensor) -> None:
    """Blur lowers the energy of the Laplacian, grain raises it."""
    energy = {
        name: np.square(laplace(degraded(name, light, 1, 1.0)[0].numpy())).mean()
        for name in ("blur", "grain")
    }
    plain = np.square(laplace(light[0].numpy())).mean()
    assert energy["blur"] < plain < energy["grain"]


def test_only_bright_places_glow(light: torch.Tensor) -> None:
    """Halation lifts what lies near the lights of a picture and nothing far from them."""
    spot = torch.full((1, 96, 96), 20.0)
    spot[:, 10:14, 10:14] = 100
    glow = degraded("halation", spot, 3, 1.0) - spot
    assert glow[0, 8, 12] > 0.5
    assert glow[0, 60:, 60:].abs().max() < 1e-3


@pytest.mark.parametrize("quality", [10, 35, 60])
def test_compression_is_that_of_a_jpeg(light: torch.Tensor, quality: int) -> None:
    """What is left of L after rounding is what Pillow's JPEG of that quality leaves."""
    pixels = (light[0] * 2.55).round()
    file = io.BytesIO()
    Image.fromarray(pixels.byte().numpy()).save(file, "JPEG", quality=quality)
    expected = torch.from_numpy(np.array(Image.open(file), np.float32))
    ours = DEGRADATIONS["jpeg"].apply(pixels[None] / 2.55, [[float(quality)]])[0] * 2.55
    # Where a coefficient lies between two steps, the one may take the upper and the other the lower.
    assert (ours.clamp(0, 255) - expected).abs().mean() < 0.8
    assert (pixels - expected).abs().mean() > 5


def test_a_film_blind_to_red_sees_red_as_dark() -> None:
    """At blindness 0 it sees L itself; at 1 red lips and roses turn dark, and the sky pale."""
    photo = torch.from_numpy(data.astronaut()[:96, 200:296].copy()).movedim(-1, 0).float() / 255
    seen = on_old_film(photo[None].expand(2, -1, -1, -1), [0.0, 1.0])
    expected = rgb2lab(photo.movedim(0, -1).numpy())[..., 0]
    np.testing.assert_allclose(seen[0], expected, atol=0.05)
    patches = torch.tensor([[0.8, 0.1, 0.1], [0.4, 0.6, 0.9], [0.5, 0.5, 0.5]]).T[:, :, None]
    red, sky, grey = (on_old_film(patches[None], [1.0]) - on_old_film(patches[None], [0.0]))[0, :, 0].tolist()
    assert red < -15
    assert sky > 3
    assert grey == pytest.approx(0, abs=0.1)


def test_age_leaves_the_original_alone_and_depends_on_the_generators(light: torch.Tensor) -> None:
    """Aging is drawn anew for every generator; a sample ages the same whatever others do."""
    before = light.clone()

    def randoms(*seeds: int) -> list[np.random.Generator]:
        return [np.random.default_rng(seed) for seed in seeds]

    first, again, other = (age(light, randoms(*seeds)) for seeds in ((1, 2), (1, 2), (3, 2)))
    torch.testing.assert_close(light, before, rtol=0, atol=0)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert (first[0] - other[0]).abs().mean() > 0.5
    torch.testing.assert_close(first[1], other[1], rtol=1e-5, atol=1e-3)
    assert 0 <= first.min() <= first.max() <= 100
