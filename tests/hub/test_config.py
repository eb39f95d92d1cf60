"""Configs: what is refused, and what does not matter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colorful import hub
from colorful.errors import (
    WeightsFormatError,
    WeightsIntegrityError,
)
from colorful.models import Network, NetworkConfig


def edit(folder: Path, **changes: object) -> None:
    """Change entries of the config in *folder*."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"format_version": 2}, "saved by a newer colorful than this one. Run: pip install --upgrade"),
        ({"format_version": "1"}, "format_version: expected 1, got '1'"),
        ({"format_version": None}, "format_version: expected 1, got None"),
        ({"library_name": "diffusers"}, "expected the config of a colorful model"),
        (
            {"architecture": "vgg"},
            "architecture: expected one of lite, eccv16, siggraph17, ddcolor, got 'vgg'",
        ),
        ({"architecture": ["lite"]}, r"architecture: expected one of .*, got \['lite'\]"),
        ({"config": 3}, "config: expected an object, got 3"),
        ({"config": {"size": 3}}, "config: expected one of network_size, .*, got 'size'"),
        ({"config": {"network_size": "big"}}, "config.network_size: expected int, got 'big'"),
        ({"config": {"network_size": 10**400}}, r"network_size: expected a finite number in 1\.\.16384"),
        ({"config": {"saturation": 10**400}}, "config.saturation: expected float, got 10"),
        ({"config": {"network_size": True}}, "config.network_size: expected int, got True"),
        ({"config": {"fit": "crop"}}, "config.fit: expected .*stretch.*keep.*, got 'crop'"),
        ({"config": {"temperature": 7}}, r"config.temperature: expected a finite number in 0\.\.1, got 7"),
        ({"config": {"temperature": float("nan")}}, "config.temperature: expected float, got nan"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_config_that_makes_no_sense(changes: dict[str, object], phrase: str, folder: Path) -> None:
    """A config of a newer format, of another library or with unknown settings is refused in words."""
    edit(folder, **changes)
    with pytest.raises(WeightsFormatError, match=phrase):
        hub.load(folder)


def test_config_nested_without_end(folder: Path) -> None:
    """A config that would exhaust the reader of JSON is called none."""
    (folder / "config.json").write_text("[" * 100_000)
    with pytest.raises(WeightsIntegrityError, match="expected JSON"):
        hub.load(folder)


def test_config_with_more_to_say(network: Network, folder: Path) -> None:
    """Notes in the config beside what we write do not matter, and an int will do for a float."""
    edit(folder, note="made on a rainy day", config={"saturation": 2})
    assert hub.load(folder).config == NetworkConfig(saturation=2.0)
