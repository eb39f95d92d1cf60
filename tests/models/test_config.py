from __future__ import annotations

from typing import Any

import pytest

from colorful.errors import OptionError, RangeError
from colorful.models import NetworkConfig


@pytest.mark.parametrize(
    ("setting", "error", "words"),
    [
        ({"temperature": 1.5}, RangeError, r"temperature: expected a finite number in 0\.\.1, got 1\.5"),
        ({"saturation": -1}, RangeError, "saturation: .* got -1"),
        ({"saturation": float("inf")}, RangeError, "saturation: .* got inf"),
        ({"mask_center": float("nan")}, RangeError, "mask_center: .* got nan"),
        ({"network_size": 0}, RangeError, "network_size: .* got 0"),
        ({"network_size": 10**400}, RangeError, "network_size: .* in 1..16384"),
        ({"saturation": 10**400}, RangeError, "saturation: expected a finite number"),
        ({"fit": "crop"}, OptionError, "fit: expected one of stretch, keep, got 'crop'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_settings_without_a_meaning_are_refused(
    setting: dict[str, Any], error: type[Exception], words: str
) -> None:
    """A setting outside its range is an error where it is made, not where it colors."""
    with pytest.raises(error, match=words):
        NetworkConfig(**setting)
