"""``config.json``: all that is needed, besides the weights, to build a network."""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from colorful.errors import (
    ColorfulError,
    WeightsError,
    WeightsFormatError,
    WeightsIntegrityError,
    WeightsNotFoundError,
)
from colorful.files import in_words, open_regular
from colorful.models import ARCHITECTURES, NetworkConfig

CONFIG = "config.json"
FORMAT_VERSION = 1


class ForeignConfigError(WeightsFormatError):
    """The config belongs to another library. The weights may still be of a network that we know."""


def new_config(architecture: str, settings: NetworkConfig) -> dict[str, Any]:
    """Make the config of a network."""
    return {
        "format_version": FORMAT_VERSION,
        "library_name": "colorful",
        "architecture": architecture,
        "config": dataclasses.asdict(settings),
    }


def to_json(config: Mapping[str, Any]) -> bytes:
    """Encode a config as indented JSON."""
    return (json.dumps(config, indent=2) + "\n").encode()


def read_config(path: Path) -> dict[str, Any]:
    """Read and check a ``config.json``.

    Raises:
        WeightsError: If it is not there, cannot be read, or as for :func:`parse_config`.
    """
    try:
        with open_regular(path) as file:
            text = file.read().decode("utf-8")
    except FileNotFoundError:
        raise WeightsNotFoundError(f"{path}: expected the config of a model, got no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: cannot be read: {in_words(error)}") from error
    return parse_config(text, str(path))


def parse_config(text: str, where: str) -> dict[str, Any]:
    """Read and check a config, but not yet the settings in it.

    Raises:
        WeightsIntegrityError: If it is not JSON.
        ForeignConfigError: If it is of another library.
        WeightsFormatError: If it is of a newer format or of an unknown network.
    """
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        page = " (it looks like a web page)" if text.lstrip().startswith("<") else ""
        raise WeightsIntegrityError(f"{where}: expected JSON, got none{page}: {error}") from error
    if not isinstance(config, dict) or config.get("library_name") != "colorful":
        raise ForeignConfigError(
            f"{where}: expected the config of a colorful model, got that of something else"
        )
    version = config.get("format_version")
    if type(version) is not int or version < 1:
        raise WeightsFormatError(f"{where}: format_version: expected {FORMAT_VERSION}, got {version!r}")
    if version > FORMAT_VERSION:
        raise WeightsFormatError(
            f"{where}: format_version: expected {FORMAT_VERSION} or less, got {version}. The model was saved "
            "by a newer colorful than this one. Run: pip install --upgrade colorful-colorization"
        )
    architecture = config.get("architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise WeightsFormatError(
            f"{where}: architecture: expected one of {', '.join(ARCHITECTURES)}, "
            f"got {architecture!r}; colorful.models.register makes a class of your own known"
        )
    if not isinstance(config.setdefault("config", {}), dict):
        raise WeightsFormatError(f"{where}: config: expected an object, got {config['config']!r}")
    return config


def settings_of(config: Mapping[str, Any], where: str) -> NetworkConfig:
    """Check the settings in a config.

    Raises:
        WeightsFormatError: If one is unknown, of another type, or has no meaning.
    """
    kinds = typing.get_type_hints(NetworkConfig)
    for name, value in config["config"].items():
        if name not in kinds:
            raise WeightsFormatError(f"{where}: config: expected one of {', '.join(kinds)}, got {name!r}")
        if not _fits(value, kinds[name]):
            wanted = getattr(kinds[name], "__name__", None)
            wanted = wanted if isinstance(kinds[name], type) else str(typing.get_args(kinds[name]))
            raise WeightsFormatError(f"{where}: config.{name}: expected {wanted}, got {value!r}")
    try:
        return NetworkConfig(**config["config"])
    except ColorfulError as error:
        raise WeightsFormatError(f"{where}: config.{error}") from error


def _fits(value: object, kind: Any) -> bool:
    if typing.get_origin(kind) is Literal:
        return value in typing.get_args(kind)
    if kind is float:
        return type(value) in (int, float) and abs(typing.cast("float", value)) <= sys.float_info.max
    return type(value) is kind
