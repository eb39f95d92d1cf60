from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from web_samples import Painter

from colorful import hub, models
from colorful.errors import KindError, OptionError, ShapeError, UnsupportedOptionError, WeightsFormatError
from colorful.models import (
    ARCHITECTURES,
    DEFAULT_MODEL,
    MODELS,
    HubSource,
    Network,
    NetworkConfig,
    create,
    identify,
    register,
)


def test_every_model_names_an_architecture_and_itself() -> None:
    """Each entry is found under its own name, and its architecture exists."""
    large = {"ddcolor", "ddcolor-tiny", "ddcolor-paper", "ddcolor-artistic"}
    assert set(MODELS) == {"lite", "eccv16", "siggraph17"} | large
    for name, info in MODELS.items():
        assert info.name == name
        assert info.architecture in ARCHITECTURES
        assert info.bundled or info.sources


def test_the_default_model_needs_no_network() -> None:
    """The default model comes with the package."""
    assert MODELS[DEFAULT_MODEL].bundled


def test_released_weights_are_pinned_by_checksum() -> None:
    """Each place outside the Hub is https and has a whole SHA-256; mirrors promise the same file."""
    for info in MODELS.values():
        assert len({source.sha256 for source in info.sources}) <= 1
        for source in info.sources:
            assert source.url.startswith("https://")
            if isinstance(source, HubSource):  # whose own sums are checked
                continue
            assert re.fullmatch("[0-9a-f]{64}", source.sha256)
            assert source.filename.endswith(f"{source.sha256[:8]}.pth")


def test_the_registry_cannot_be_changed() -> None:
    """A caller cannot change what another one looks up."""
    with pytest.raises(TypeError):
        MODELS["mine"] = MODELS["lite"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODELS["lite"].name = "mine"  # type: ignore[misc]


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_every_architecture_keeps_the_contract(architecture: str) -> None:
    """Each network says what it is, takes L, gives its output at its stride, and decodes it to finite ab."""
    network = create(architecture, NetworkConfig(network_size=128)).eval()
    assert isinstance(network, Network)
    assert network.architecture == architecture
    assert network.config.network_size == 128
    height, width = network.multiple, 2 * network.multiple
    light = torch.rand(2, 1, height, width) * 100
    hints = (torch.zeros(2, 2, height, width), torch.zeros(2, 1, height, width))
    with torch.no_grad():
        output = network(light, *(hints if network.takes_hints else ()))
        alone = network(light[:1])
        ab = network.decode(output)
    channels = {"distribution": 313, "regression": 2}[network.output]
    assert output.shape == (2, channels, height // network.stride, width // network.stride)
    assert ab.shape == (2, 2, *output.shape[2:])
    assert ab.isfinite().all()
    torch.testing.assert_close(output[:1], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_state_dict_comes_back(architecture: str) -> None:
    """A network's state dict loads strictly into another of its kind, which then gives the same output."""
    first, second = create(architecture).eval(), create(architecture).eval()
    second.load_state_dict(first.state_dict(), strict=True)
    light = torch.rand(1, 1, first.multiple, first.multiple) * 100
    with torch.no_grad():
        assert torch.equal(first(light), second(light))


@pytest.mark.parametrize("architecture", ["eccv16", "siggraph17"])
@pytest.mark.parametrize("shape", [(1, 1, 60, 64), (1, 3, 64, 64), (64, 64)])
def test_wrong_sizes_are_named(architecture: str, shape: tuple[int, ...]) -> None:
    """A side that is no multiple of 8 is refused in words, not by a failing convolution."""
    with pytest.raises(
        ShapeError, match=r"light: expected shape \(N, 1, H, W\) with H and W multiples of 8, got"
    ):
        create(architecture)(torch.zeros(shape))


def test_wrong_hints_are_named() -> None:
    """Hints of another size are refused, and so are hints to a network that takes none."""
    light, ab, mask = torch.zeros(1, 1, 64, 64), torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 32, 64)
    with pytest.raises(ShapeError, match=r"mask: expected shape \(1, 1, 64, 64\), got \(1, 1, 32, 64\)"):
        create("siggraph17")(light, ab, mask)
    with pytest.raises(UnsupportedOptionError, match="ab: expected None, since eccv16 takes no hints"):
        create("eccv16")(light, ab)


def test_unknown_architecture_is_named() -> None:
    """An unknown architecture is refused with the list of those there are."""
    with pytest.raises(OptionError, match=r"architecture: expected one of .*eccv16.*, got 'gan'"):
        create("gan")


def test_classes_load_on_first_use() -> None:
    """The classes are found in ``colorful.models``; a name that is not there is an AttributeError."""
    for name in ("ECCV16", "SIGGRAPH17", "Lite", "Network"):
        assert getattr(models, name).__name__ == name
    with pytest.raises(AttributeError):
        models.nothing  # type: ignore[attr-defined]  # noqa: B018


class Scaled(Painter):
    """A network of one's own, with one number to be kept and settings of its own."""

    architecture = "scaled"

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config or NetworkConfig(fit="keep"))
        self.scale = torch.nn.Parameter(torch.rand(1))


@pytest.fixture
def _registered() -> Iterator[None]:
    """Register that network, for one test."""
    register(Scaled)
    yield
    models._architectures.pop("scaled")
    models._registered.pop("scaled")


@pytest.mark.usefixtures("_registered")
def test_a_registered_network_is_saved_and_loaded(tmp_path: Path) -> None:
    """A network of one's own comes back from its folder, and from its file where the architecture is said."""
    network = Scaled(NetworkConfig(network_size=64))
    folder = hub.save_pretrained(network, tmp_path / "mine")
    alone = tmp_path / "alone.pth"
    torch.save(network.state_dict(), alone)
    found = hub.load(folder)
    assert isinstance(found, Scaled)
    assert (found.config, found.scale) == (network.config, network.scale)
    lone = hub.load(alone, architecture="scaled", cache_dir=tmp_path / "cache")
    assert isinstance(lone, Scaled)
    assert (lone.config, lone.scale) == (Scaled().config, network.scale)


def test_a_network_that_is_not_registered_is_named(tmp_path: Path) -> None:
    """Where a saved network's class is not known, the error says how to make it known."""
    register(Scaled)
    folder = hub.save_pretrained(Scaled(), tmp_path / "mine")
    models._architectures.pop("scaled")
    models._registered.pop("scaled")
    with pytest.raises(WeightsFormatError, match=r"got 'scaled'; colorful\.models\.register makes"):
        hub.load(folder)


@pytest.mark.usefixtures("_registered")
def test_a_name_is_registered_once() -> None:
    """A class can be registered again, but no other one under its name or under that of a network of ours."""
    assert register(Scaled) is Scaled
    for name in ("scaled", "lite"):
        with pytest.raises(OptionError, match=f"architecture: expected a name of its own, got '{name}'"):
            register(type("Other", (Painter,), {"architecture": name}))
    assert create("scaled").architecture == "scaled"


def test_only_networks_are_registered() -> None:
    """A class that is no network, or does not say what it takes, is refused in words."""
    with pytest.raises(KindError, match=r"network: expected a subclass of colorful\.models\.Network, got"):
        register(torch.nn.Linear)  # type: ignore[type-var]
    with pytest.raises(KindError, match="expected a class with the attribute 'architecture', got Silent"):
        register(type("Silent", (Network,), {}))
    with pytest.raises(KindError, match="expected a class with the attribute 'output', got Half"):
        type("Half", (Network,), {"architecture": "half"})()


@pytest.mark.parametrize("architecture", ["eccv16", "siggraph17"])
def test_a_state_dict_tells_its_architecture(architecture: str) -> None:
    """The marks that stand with a class are borne by its own state dict, and by that of no other."""
    state = create(architecture, device="meta").state_dict()
    assert identify({name: tuple(tensor.shape) for name, tensor in state.items()}) == architecture


def test_tensors_of_something_else_tell_nothing() -> None:
    """A state dict with none of the marks is of no architecture of ours."""
    assert identify({"conv.weight": (64, 1, 3, 3)}) is None


def test_networks_do_not_depend_on_the_defaults_of_torch() -> None:
    """With another default dtype and device a network is still made in float32, on the CPU."""
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        network = create("lite")
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert {(tensor.device.type, tensor.dtype) for tensor in network.state_dict().values()} == {
        ("cpu", torch.float32)
    }
