from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch import Tensor
from web_samples import Painter, chroma

from colorful import Colorizer, errors, images
from colorful.models import create

Array = npt.NDArray[Any]


def test_a_new_temperature_does_not_run_the_network(grey: Array) -> None:
    """Temperature and saturation change the picture while the network has run once."""
    runs: list[None] = []

    class Counted(Painter):
        def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
            runs.append(None)
            return super().forward(light, ab, mask)

    prediction = Colorizer(Counted(), device="cpu").predict(grey)
    calm, vivid = (prediction.rgb(temperature=temperature) for temperature in (1.0, 0.0))
    assert chroma(Image.fromarray(calm)) < chroma(Image.fromarray(vivid))
    assert np.array_equal(prediction.rgb(saturation=0.0), np.repeat(grey[..., None], 3, axis=2))
    assert len(runs) == 1


def test_it_holds_the_distribution(painter: Colorizer, grey: Array) -> None:
    """Logits over the 313 bins, and the bins' centers, give ab by the annealed mean."""
    prediction = painter.predict(grey)
    weights = (prediction.logits / 0.5).softmax(dim=0)
    assert prediction.bins is not None
    expected = torch.einsum("qhw,qc->chw", weights, prediction.bins)
    torch.testing.assert_close(prediction.ab(temperature=0.5), expected)
    torch.testing.assert_close(prediction.ab(temperature=0.5, saturation=1.5, strength=0.5), 0.75 * expected)


@pytest.mark.parametrize("architecture", ["eccv16", "siggraph17"])
def test_its_pickle_holds_little_more_than_the_photo(architecture: str) -> None:
    """A pickled prediction has no network in it, nor the batch, and gives the same picture."""
    colorizer = Colorizer(create(architecture), device="cpu", network_size=128)
    photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    prediction = list(colorizer._run([images.read(photo)] * 3, [()] * 3))[1]
    data = pickle.dumps(prediction)
    cells = 313 * 32 * 32 if architecture == "eccv16" else 2 * 128 * 128
    assert len(data) < 1.1 * (photo.nbytes + 4 * (cells + 128 * 128)) + 10_000
    assert np.array_equal(pickle.loads(data).rgb(saturation=2), prediction.rgb(saturation=2))


def test_its_tensors_can_meet_gradients(painter: Colorizer, grey: Array) -> None:
    """What a prediction gives can be used in a loss, as any tensor can."""
    prediction = painter.predict(grey)
    for tensor in (prediction.logits, prediction.ab(), prediction.confidence(), prediction.light):
        scale = torch.ones(1, requires_grad=True)
        (tensor * scale).sum().backward()
        assert scale.grad is not None
        assert not tensor.requires_grad


def test_it_tells_what_it_is_about(painter: Colorizer, grey: Array) -> None:
    """The representation is one line: the network and the photo, not their numbers."""
    photo = "Picture(113 x 75, grey, uint8, array)"
    assert repr(painter.predict(grey)) == f"Prediction('painter', {photo})"
    photo = "Picture(113 x 75, grey, uint8, PNG)"
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    released = Colorizer(Painter(), device="cpu", protocol="released").predict(file.getvalue())
    assert repr(released) == f"Prediction('painter', {photo}, protocol='released')"


def test_a_regression_has_no_distribution(plain: Colorizer, grey: Array) -> None:
    """What needs a distribution is refused where there is none, and ab is still there."""
    prediction = plain.predict(grey)
    assert prediction.ab().shape[0] == 2
    assert prediction.bins is None
    for ask in (
        lambda: prediction.logits,
        lambda: prediction.suggest(x=1, y=1),
        prediction.confidence,
        lambda: prediction.ab(temperature=0.3),
    ):
        with pytest.raises(errors.UnsupportedOptionError, match="these can: lite, eccv16"):
            ask()


def test_suggestions_are_likely_and_different(painter: Colorizer, grey: Array) -> None:
    """The likeliest colors come first, differ clearly, have the photo's L and probabilities up to 1."""
    prediction = painter.predict(grey)
    suggestions = prediction.suggest(x=56.5, y=37.5, count=5)
    lab = rgb2lab(np.array([list(bytes.fromhex(color[1:])) for color, _ in suggestions]) / 255)
    probabilities = [probability for _, probability in suggestions]
    assert len(suggestions) == 5
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.9 < sum(probabilities) <= 1 + 1e-6
    assert np.linalg.norm(lab[0, 1:] - (-20, 25)) < 8  # the green that Painter likes best ...
    assert np.linalg.norm(lab[1, 1:]) < 8  # ... and the grey that comes next
    photo_light = rgb2lab(np.repeat(grey[37:38, 56:57, None], 3, axis=2))[0, 0, 0]
    assert np.abs(lab[:, 0] - photo_light).max() < 1


def test_points_outside_have_no_suggestions(painter: Colorizer, grey: Array) -> None:
    """A point outside the photo is an error that tells its size."""
    prediction = painter.predict(grey)
    for x, y in ((113, 0), (0, 75), (-0.1, 0)):
        with pytest.raises(errors.RangeError, match="inside 113 x 75 pixels"):
            prediction.suggest(x=x, y=y)
    with pytest.raises(errors.RangeError, match="count: expected an integer of at least 1"):
        prediction.suggest(x=0, y=0, count=0)


def test_confidence_goes_from_uniform_to_certain(grey: Array) -> None:
    """Confidence is 0 where all bins are equally likely and 1 where one has everything."""

    class Halves(Painter):
        def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
            logits = torch.zeros(1, 313, light.shape[2] // 8, light.shape[3] // 8)
            logits[:, 7, :, logits.shape[3] // 2 :] = 1000
            return logits

    confidence = Colorizer(Halves(), device="cpu").predict(grey).confidence()
    assert confidence.shape == (32, 32)
    torch.testing.assert_close(confidence[:, :16], torch.zeros(32, 16), atol=1e-6, rtol=0)
    torch.testing.assert_close(confidence[:, 16:], torch.ones(32, 16))


def test_it_shows_itself_before_and_after(painter: Colorizer, grey: Array) -> None:
    """A notebook shows a prediction as the photo in grey and in color, side by side."""
    sheet = Image.open(io.BytesIO(painter.predict(grey)._repr_png_()))
    assert sheet.size == (226, 75)
    assert chroma(sheet.crop((0, 0, 113, 75))) < 0.01 < 5 < chroma(sheet.crop((113, 0, 226, 75)))
