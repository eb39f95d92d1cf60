"""Looking into files of weights."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from colorful.errors import WeightsError, WeightsIntegrityError, WeightsNotFoundError
from colorful.hub import inspect, load, save_pretrained
from colorful.models import NetworkConfig, create


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


def test_the_params_of_a_training_run_are_unwrapped(tmp_path: Path) -> None:
    """A .pth that holds its tensors one level down, as some training code saves them, is read."""
    torch.save({"params": create("eccv16").state_dict()}, tmp_path / "x.pth")
    found = inspect(tmp_path / "x.pth")
    assert (found.architecture, found.mismatch) == ("eccv16", "")


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """A named pipe in the place of weights or of a config would be waited for without an end."""
    os.mkfifo(tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="expected a file, got a "):
        inspect(tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="expected a file, got a "):
        load(tmp_path / "x.pth")
    save_pretrained(create("lite"), tmp_path / "model")
    (tmp_path / "model" / "config.json").unlink()
    os.mkfifo(tmp_path / "model" / "config.json")
    with pytest.raises(WeightsError, match=r"config\.json: cannot be read: expected a file, got a "):
        load(tmp_path / "model")
