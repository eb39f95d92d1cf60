"""Looking into files of weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file

from colorful.errors import UnsupportedOptionError, WeightsIntegrityError, WeightsNotFoundError
from colorful.hub import inspect, save_pretrained
from colorful.hub.cards import released_card
from colorful.hub.inspection import check_temperature, released_as
from colorful.models import MODELS, NetworkConfig, create


def test_what_a_folder_holds(tmp_path: Path) -> None:
    """Of a saved model the inspection tells network, settings, sum and every tensor."""
    network = create("lite", NetworkConfig(temperature=0.2))
    save_pretrained(network, tmp_path)
    found = inspect(tmp_path)
    assert (found.kind, found.architecture, found.mismatch) == ("safetensors", "lite", "")
    assert found.sha256 == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert found.config is not None
    assert found.config["config"]["temperature"] == 0.2
    state = network.state_dict()
    assert found.parameters == sum(tensor.numel() for tensor in state.values())
    assert {name: (info.dtype, info.shape) for name, info in found.tensors.items()} == {
        name: (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
        for name, tensor in state.items()
    }


def test_what_does_not_fit(tmp_path: Path) -> None:
    """A released network that lacks a tensor is still known, and the tensor named."""
    state = create("siggraph17").state_dict()
    del state["model_out.0.bias"]
    torch.save(state, tmp_path / "x.pth")
    found = inspect(tmp_path / "x.pth")
    assert (found.kind, found.architecture) == ("pickle", "siggraph17")
    assert found.mismatch == "1 missing: model_out.0.bias"


def test_file_that_does_not_tell(tmp_path: Path) -> None:
    """A file of tensors of something else is described all the same."""
    save_file({"x": torch.zeros(2, 3, dtype=torch.bfloat16)}, tmp_path / "x.safetensors")
    found = inspect(tmp_path / "x.safetensors")
    assert (found.architecture, found.config, found.released_as) == (None, None, None)
    assert found.tensors["x"] == ("bfloat16", (2, 3))


def test_no_weights(tmp_path: Path) -> None:
    """A missing file and a truncated one are called that."""
    with pytest.raises(WeightsNotFoundError, match="no such file"):
        inspect(tmp_path / "gone.pth")
    save_file({"x": torch.zeros(100)}, tmp_path / "x.safetensors")
    content = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "x.safetensors").write_bytes(content[:-1])
    with pytest.raises(WeightsIntegrityError, match="truncated"):
        inspect(tmp_path / "x.safetensors")


@pytest.mark.parametrize("name", ["eccv16", "siggraph17"])
def test_released_files_are_known_by_their_sums(name: str) -> None:
    """A released file is recognized, and its card says license, source, sum and what was not measured."""
    sums = {source.sha256 for source in MODELS[name].sources}
    assert [released_as(digest) for digest in sums] == [name]
    assert released_as("0" * 64) is None
    (digest,) = sums
    card = released_card(name, model="org/name", sha256=digest)
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "bsd-2-clause"
    for phrase in (digest, MODELS[name].sources[1].url, "not measured anew", "ImageNet"):
        assert phrase.lower() in card.lower()
    assert "Not stated" not in card


def test_temperature_in_the_logits_is_found() -> None:
    """Logits sharpened by 1 / 0.38 show in the peaks; softened again they are what they were."""
    torch.manual_seed(0)
    network = create("eccv16").eval()
    final = network.get_submodule("model8.6")
    with torch.no_grad():
        final.weight *= 300  # Fresh weights give next to equal probabilities.
    light = torch.rand(2, 1, 32, 32) * 100
    plain = check_temperature(network, light)
    with torch.no_grad():
        final.weight /= 0.38
        final.bias /= 0.38
    sharpened = check_temperature(network, light)
    assert plain.peak > 2 / 313
    assert sharpened.peak > plain.peak
    assert sharpened.softened_peak == pytest.approx(plain.peak, rel=1e-4)


def test_decoder_is_compared_with_the_bin_centers() -> None:
    """The distance of the last layer's weights from the 313 centers is in CIELAB units."""
    network = create("eccv16").eval()
    with torch.no_grad():
        network.state_dict()["model_out.weight"][0, 100, 0, 0] += 3 / 110
    check = check_temperature(network, torch.zeros(1, 1, 8, 8))
    assert check.decoder_error == pytest.approx(3, abs=1e-3)
    with pytest.raises(UnsupportedOptionError, match="expected eccv16, got lite"):
        check_temperature(create("lite"), torch.zeros(1, 1, 32, 32))
