"""What models can do."""

from __future__ import annotations

import pytest

from colorful.models import _architectures, _registered, register
from colorful.models.abilities import has_features, unsupported
from colorful.models.eccv16 import ECCV16


@pytest.mark.parametrize(
    ("option", "words", "models"),
    [
        ("hints", "takes no hints", "lite, siggraph17"),
        ("match", "offers no features", "lite"),
        ("temperature", "no distribution", "lite, eccv16"),
    ],
)
def test_the_error_names_the_models_that_can(option: str, words: str, models: str) -> None:
    """What a model lacks is said, and which models have it."""
    message = str(unsupported(option, "mine"))
    assert message.startswith(f"{option}: mine ")
    assert words in message
    assert message.endswith(f"these can: {models}")


def test_a_class_inside_a_function_can_be_asked() -> None:
    """A network that is registered inside a function has features only if it says so."""

    @register
    class Mine(ECCV16):
        architecture = "mine"

    try:
        assert not has_features("mine")
        assert not has_features("nobody's")
        assert has_features("lite")
    finally:
        _architectures.pop("mine")
        _registered.pop("mine")
