"""The registry of models: plain data and names, so that looking something up does not load torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import lazy_loader as _lazy

from colorful.errors import KindError, OptionError, check_choice
from colorful.models.config import NetworkConfig

if TYPE_CHECKING:
    from colorful.models.ddcolor import DDColor
    from colorful.models.eccv16 import ECCV16
    from colorful.models.lite import Lite
    from colorful.models.network import Network
    from colorful.models.siggraph17 import SIGGRAPH17

    Kind = TypeVar("Kind", bound=type[Network])

__all__ = [
    "ARCHITECTURES",
    "DEFAULT_MODEL",
    "ECCV16",
    "MODELS",
    "SIGGRAPH17",
    "DDColor",
    "HubSource",
    "Lite",
    "ModelInfo",
    "Network",
    "NetworkConfig",
    "WeightSource",
    "create",
    "identify",
    "network_class",
    "register",
]

__getattr__, _, _ = _lazy.attach(
    __name__,
    submod_attrs={
        "ddcolor": ["DDColor"],
        "eccv16": ["ECCV16"],
        "lite": ["Lite"],
        "network": ["Network"],
        "siggraph17": ["SIGGRAPH17"],
    },
)


@dataclass(frozen=True)
class WeightSource:
    """An address that has a model's weights as their authors released them.

    Args:
        url: Where the file is.
        filename: The name the file goes by, whatever the URL ends in.
        sha256: Its checksum in hex, without which nothing is loaded.
    """

    url: str
    filename: str
    sha256: str


@dataclass(frozen=True)
class HubSource:
    """A repo on the Hugging Face Hub that has a model's weights.

    Args:
        repo_id: ``org/name``.
        filename: Path of the file in it; ``pytorch_model.bin`` in most repos of others.
        revision: The commit; ``main`` where none is pinned.
        sha256: Checksum of the file in hex; the one that the Hub names where none is pinned.
    """

    repo_id: str
    filename: str = "model.safetensors"
    revision: str | None = None
    sha256: str | None = None

    @property
    def url(self) -> str:
        """The page of the repo."""
        return f"https://huggingface.co/{self.repo_id}"


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before its weights are there.

    Args:
        name: The name users give.
        architecture: A key of :data:`ARCHITECTURES`.
        config: The settings of the model as released.
        summary: One line for a table of models.
        license: SPDX identifier of the license of the weights.
        bundled: Whether the weights come with the package.
        sources: Where else the weights are, tried in this order.
    """

    name: str
    architecture: str
    config: NetworkConfig
    summary: str
    license: str
    bundled: bool = False
    sources: tuple[WeightSource | HubSource, ...] = ()


_architectures = {
    "lite": "colorful.models.lite:Lite",
    "eccv16": "colorful.models.eccv16:ECCV16",
    "siggraph17": "colorful.models.siggraph17:SIGGRAPH17",
    "ddcolor": "colorful.models.ddcolor:DDColor",
}
_registered: dict[str, type[Network]] = {}

ARCHITECTURES: Mapping[str, str] = MappingProxyType(_architectures)
"""Where the class of each architecture is, as ``module:Class``; :func:`register` adds to them."""

_OFFICIAL = "https://colorizers.s3.us-east-2.amazonaws.com"
_MIRROR = "https://github.com/clibdev/colorization/releases/latest/download"


def _released(filename: str, mirrored_as: str, sha256: str) -> tuple[WeightSource, ...]:
    return (
        WeightSource(f"{_OFFICIAL}/{filename}", filename, sha256),
        WeightSource(f"{_MIRROR}/{mirrored_as}", filename, sha256),
    )


def _ddcolor(name: str, repo: str, summary: str) -> ModelInfo:
    return ModelInfo(
        name=name,
        architecture="ddcolor",
        config=NetworkConfig(network_size=512),
        summary=summary,
        license="Apache-2.0",
        # No commit of these repos could be looked up where this was written: the Hub's own sums count.
        sources=(HubSource(f"piddnad/{repo}", "pytorch_model.bin"),),
    )


_MODELS = (
    ModelInfo(
        name="lite",
        architecture="lite",
        config=NetworkConfig(),
        summary="Small and fast, comes with the package, takes hints",
        license="MIT",
        bundled=True,
    ),
    ModelInfo(
        name="eccv16",
        architecture="eccv16",
        config=NetworkConfig(),
        summary="Zhang et al., ECCV 2016: a distribution over 313 colors, vivid",
        license="BSD-2-Clause",
        sources=_released(
            "colorization_release_v2-9b330a0b.pth",
            "colorization-eccv-16.pth",
            "9b330a0bae53f4ded77b1e23defbf78beaa09c10ebc4c4999e8e4f4a160b93f9",
        ),
    ),
    ModelInfo(
        name="siggraph17",
        architecture="siggraph17",
        config=NetworkConfig(),
        summary="Zhang et al., SIGGRAPH 2017: takes hints, calm colors",
        license="BSD-2-Clause",
        sources=_released(
            "siggraph17-df00044c.pth",
            "colorization-siggraph-17.pth",
            "df00044c0a4d7c3edcecf6f75437ce346a66e7a42612d9b968e1a7e17dbc6f66",
        ),
    ),
    _ddcolor("ddcolor", "ddcolor_modelscope", "DDColor, ICCV 2023: large, the authors' default"),
    _ddcolor("ddcolor-tiny", "ddcolor_paper_tiny", "DDColor with a quarter of the weights"),
    _ddcolor("ddcolor-paper", "ddcolor_paper", "DDColor as in the paper"),
    _ddcolor("ddcolor-artistic", "ddcolor_artistic", "DDColor for pictures of all kinds"),
)
MODELS: Mapping[str, ModelInfo] = MappingProxyType({model.name: model for model in _MODELS})
"""The models that go by a short name."""

DEFAULT_MODEL = "lite"


def network_class(architecture: str) -> type[Network]:
    """Find the class of an architecture.

    Args:
        architecture: A key of :data:`ARCHITECTURES`.

    Returns:
        A subclass of :class:`Network`.

    Raises:
        OptionError: If there is no such architecture.
    """
    check_choice("architecture", architecture, ARCHITECTURES)
    found: type[Network] = _registered.get(architecture) or resolve_name(ARCHITECTURES[architecture])
    return found


def identify(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Name the architecture of a state dict.

    Args:
        shapes: Of its tensors, by name.

    Returns:
        A key of :data:`ARCHITECTURES`; None if the tensors bear the marks of none.
    """
    for architecture in ARCHITECTURES:
        marks = network_class(architecture).marks
        if marks and all(shapes.get(name) == shape for name, shape in marks.items()):
            return architecture
    return None


def create(
    architecture: str,
    config: NetworkConfig | None = None,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    device: str = "cpu",
) -> Network:
    """Make a network with fresh weights.

    Args:
        architecture: A key of :data:`ARCHITECTURES`.
        config: Its settings; those of the architecture by default.
        shapes: Of the tensors in a state dict that shall fit, by name, for an architecture of several sizes.
        device: Where it is made, whatever torch's default device.

    Returns:
        The network, in training mode, in float32.

    Raises:
        OptionError: If there is no such architecture.
    """
    import torch

    kind = network_class(architecture)
    with torch.device(device):
        network = kind(config) if shapes is None else kind.sized(shapes, config)
    return network.to(torch.float32)  # whatever torch's default dtype


def register(network: Kind) -> Kind:
    """Make a network class known by its ``architecture``, so that models of it can be saved and loaded.

    Can decorate the class. A saved model names its architecture only: where it is loaded, the class has to
    be registered, too. The same class may be registered again, as when a notebook's cell is run twice.

    Args:
        network: A subclass of :class:`Network` that is made with a :class:`NetworkConfig` or None alone.

    Returns:
        The class.

    Raises:
        KindError: If it is no such class, or lacks one of the attributes that a network tells of itself.
        OptionError: If another class has that architecture.
    """
    from colorful.models.network import Network

    if not (isinstance(network, type) and issubclass(network, Network)):
        raise KindError(f"network: expected a subclass of colorful.models.Network, got {network!r}")
    network.check_attributes()
    where = f"{network.__module__}:{network.__qualname__}"
    if ARCHITECTURES.get(network.architecture, where) != where:
        taken = ARCHITECTURES[network.architecture]
        raise OptionError(
            f"architecture: expected a name of its own, got {network.architecture!r} of {taken}"
        )
    _architectures[network.architecture] = where
    _registered[network.architecture] = network
    return network
