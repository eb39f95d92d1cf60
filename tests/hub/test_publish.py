"""Saving, and pushing to a Hub on the loopback that speaks the protocol of uploads."""

from __future__ import annotations

import errno
import hashlib
import json
from pathlib import Path

import pytest
import torch
from hub_client import Client
from hub_server import HubServer

from colorful import Colorizer
from colorful.errors import KindError, OutputError, WeightsFormatError
from colorful.hub import load, save_pretrained
from colorful.models import ARCHITECTURES, DDColor, NetworkConfig, create
from colorful.models.ddcolor import Sizes


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_save_and_load_is_exact(name: str, tmp_path: Path) -> None:
    """Every network comes back bit by bit, with its settings."""
    torch.manual_seed(3)
    config = NetworkConfig(network_size=192, fit="keep", mask_center=0.5, temperature=0.1, saturation=1.25)
    network = create(name, config)
    state = network.state_dict()
    for tensor in state.values():
        if tensor.is_floating_point():
            tensor.normal_()
    assert save_pretrained(network, tmp_path / "model") == tmp_path / "model"
    loaded = load(tmp_path / "model")
    assert loaded.config == config
    assert type(loaded) is type(network)
    for key, tensor in loaded.state_dict().items():
        assert tensor.dtype == state[key].dtype
        assert torch.equal(tensor, state[key]), key


def test_every_size_of_an_architecture_is_saved(tmp_path: Path) -> None:
    """A network of another size than its architecture's usual one comes back in that size."""
    sizes = Sizes(depths=(1, 1, 1, 1), widths=(4, 4, 4, 4), queries=3, layers=1, feed_forward=4)
    network = DDColor(sizes=sizes)
    loaded = load(save_pretrained(network, tmp_path))
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name


def test_saving_draws_no_random_numbers(tmp_path: Path) -> None:
    """What a caller draws after saving is what it would have been without."""
    network, before = create("lite"), torch.get_rng_state()
    save_pretrained(network, tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_equal_networks_give_equal_files(tmp_path: Path) -> None:
    """Saving twice gives the same bytes, so that sums can be pinned."""
    network = create("lite")
    sums = set()
    for folder in ("a", "b", "c"):
        save_pretrained(network, tmp_path / folder)
        sums.add(hashlib.sha256((tmp_path / folder / "model.safetensors").read_bytes()).hexdigest())
    assert len(sums) == 1


def test_three_files(tmp_path: Path) -> None:
    """A saved model is a config, the weights and a card, as a Hub repo is."""
    training = {"photos": 9000, "steps": [1, 2]}
    save_pretrained(create("lite"), tmp_path, training=training)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    config = json.loads((tmp_path / "config.json").read_text())
    assert {key: config[key] for key in ("format_version", "library_name", "architecture", "training")} == {
        "format_version": 1,
        "library_name": "colorful",
        "architecture": "lite",
        "training": training,
    }
    card = (tmp_path / "README.md").read_text()
    assert '"photos": 9000' in card
    save_pretrained(create("lite"), tmp_path, card="# Mine\n")
    assert (tmp_path / "README.md").read_text() == "# Mine\n"


@pytest.mark.parametrize("broken", ["model.safetensors", "README.md", "config.json"])
def test_failure_leaves_one_model_whole(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that fails at any file leaves the older model or the new one, and nothing hidden."""
    older = create("lite", NetworkConfig(temperature=0.25))
    newer = create("lite", NetworkConfig(temperature=0.75))
    save_pretrained(older, tmp_path)
    replace = Path.replace

    def fail(path: Path, place: Path) -> Path:
        if place.name == broken:
            raise OSError(errno.EIO, "Input/output error")
        return replace(path, place)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        save_pretrained(newer, tmp_path)
    found = load(tmp_path)
    key = "level16.mix.weight"
    whose = older if torch.equal(found.state_dict()[key], older.state_dict()[key]) else newer
    assert torch.equal(found.state_dict()[key], whose.state_dict()[key])
    assert found.config == whose.config
    assert not list(tmp_path.glob(".*"))
    monkeypatch.undo()
    save_pretrained(newer, tmp_path)
    assert load(tmp_path).config == newer.config


def test_saving_again_keeps_permissions_and_links(tmp_path: Path) -> None:
    """What a user made of the files of a model, such as private ones or links, stays so."""
    (tmp_path / "kept").mkdir()
    folder = save_pretrained(create("lite"), tmp_path / "model")
    (folder / "config.json").rename(tmp_path / "kept" / "config.json")
    (folder / "config.json").symlink_to(tmp_path / "kept" / "config.json")
    (tmp_path / "kept" / "config.json").chmod(0o600)
    save_pretrained(create("lite", NetworkConfig(temperature=0.75)), folder)
    assert (folder / "config.json").is_symlink()
    assert (tmp_path / "kept" / "config.json").stat().st_mode & 0o777 == 0o600
    assert load(folder).config.temperature == 0.75


def test_changed_network_is_not_saved(tmp_path: Path) -> None:
    """A network that could not be loaded again is not saved."""
    network = create("lite")
    network.extra = torch.nn.Linear(1, 1)
    with pytest.raises(WeightsFormatError, match=r"2 extra: extra\.weight, extra\.bias"):
        save_pretrained(network, tmp_path)
    assert not list(tmp_path.iterdir())


def test_numbers_too_large_for_half_precision_are_not_saved(tmp_path: Path) -> None:
    """A network whose numbers half() has made infinite would color without a word, only worse."""
    network = create("lite")
    network.level16.mix.running_var[3] = 1e5
    with pytest.raises(WeightsFormatError, match=r"finite numbers, got others in level16\.mix\.running_var"):
        save_pretrained(network.half(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be(tmp_path: Path) -> None:
    """A place that cannot be written is named."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made: a file is in its place"):
        save_pretrained(create("lite"), tmp_path / "file")


def test_push_and_load_back(hub: HubServer, client: Client, tmp_path: Path) -> None:
    """What is pushed comes back bit by bit, from one commit of three files."""
    torch.manual_seed(5)
    network = create("lite", NetworkConfig(temperature=0.5))
    save_pretrained(network, tmp_path / "model")
    answer = client("push", tmp_path / "model", "org/pushed", token="hf_good", private=True)
    assert not answer.error, answer
    repo = hub.repos["org/pushed"]
    assert repo.private
    assert list(repo.commits) == [answer.value]
    files = repo.commits[answer.value]
    assert files["model.safetensors"] == (tmp_path / "model" / "model.safetensors").read_bytes()
    assert files["config.json"] == (tmp_path / "model" / "config.json").read_bytes()
    assert b'from_pretrained("org/pushed")' in files["README.md"]
    back = client("load", "org/pushed", revision=answer.value, token="hf_good", cache_dir=tmp_path / "cache")
    state = network.state_dict()
    assert back.value == {key: hashlib.sha256(tensor.numpy()).hexdigest() for key, tensor in state.items()}
    again = client("push", tmp_path / "model", "org/pushed", token="hf_good")
    assert not again.error, "a repo that is there is no obstacle"


def test_push_that_fails(hub: HubServer, client: Client, tmp_path: Path) -> None:
    """A refused or broken upload is told in words, commits nothing, and the next try works."""
    save_pretrained(create("lite"), tmp_path / "model")

    def push(**options: object) -> object:
        return client("push", tmp_path / "model", "org/unlucky", **options)

    push().assert_failed("WeightsAccessError", "HTTP 401", "hf auth login")
    push(token="hf_stale").assert_failed("WeightsAccessError", "HTTP 401", "hf auth login")
    for path in ("/cdn/", "/commit/"):
        method = "PUT" if path == "/cdn/" else "POST"
        with hub.fault(method, path, status=403):
            push(token="hf_good").assert_failed("WeightsAccessError", "HTTP 403")
    with hub.fault("POST", "/commit/", status=500):
        push(token="hf_good").assert_failed("WeightsOfflineError", "HTTP 500")
    assert hub.repos["org/unlucky"].commits == {}
    assert not push(token="hf_good").error


def test_only_networks_are_saved(tmp_path: Path) -> None:
    """A colorizer, which holds a network, is not taken for one, and nothing is written."""
    colorizer = Colorizer(create("lite"), device="cpu")
    with pytest.raises(KindError, match=r"network: expected a colorful\.models\.Network, got Colorizer"):
        save_pretrained(colorizer, tmp_path / "model")  # type: ignore[arg-type]
    assert not (tmp_path / "model").exists()
