"""Model cards."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from colorful.hub import Inspection, model_card
from colorful.hub.cards import released_card
from colorful.models import MODELS


def test_model_card() -> None:
    """A card begins with metadata the Hub reads, and what is not known of the model is "not stated"."""
    card = model_card("eccv16", license="BSD-2-Clause", data="ImageNet", title="A title")
    _, header, text = card.split("---\n", 2)
    assert yaml.safe_load(header) == {
        "license": "bsd-2-clause",
        "library_name": "colorful",
        "pipeline_tag": "image-to-image",
        "tags": ["colorization", "eccv16"],
    }
    for section in ("License", "Training data", "Recipe", "Measures", "Limits"):
        assert f"\n## {section}\n" in text
    assert "## Training data\n\nImageNet" in text
    assert "## Recipe\n\nNot stated." in text
    assert "license" not in yaml.safe_load(model_card("lite").split("---\n")[1])


@pytest.mark.parametrize("name", ["eccv16", "siggraph17"])
def test_released_files_are_known_by_their_sums(name: str) -> None:
    """A released file is recognized, and its card says license, source, sum and what was not measured."""
    (digest,) = {source.sha256 for source in MODELS[name].sources}
    assert digest is not None
    found = Inspection(Path("x.pth"), "pickle", None, None, {})
    vars(found)["sha256"] = digest
    assert found.released_as == name
    vars(found)["sha256"] = "0" * 64
    assert found.released_as is None
    card = released_card(name, model="org/name", sha256=digest)
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "bsd-2-clause"
    for phrase in (digest, MODELS[name].sources[1].url, "not measured anew", "ImageNet"):
        assert phrase.lower() in card.lower()
    assert "Not stated" not in card
