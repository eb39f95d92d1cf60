"""Files and folders on disk: which network they hold, and what is wrong with those that hold none."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_client import Client
from hub_server import PAGE
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from colorful import hub
from colorful.errors import (
    KindError,
    OptionError,
    WeightsError,
    WeightsFormatError,
    WeightsIntegrityError,
    WeightsNotFoundError,
)
from colorful.hub.weights import read_tensors
from colorful.models import Network, create


def assert_same(left: Network, right: Network) -> None:
    """Check that two networks are of one kind, with equal settings and weights."""
    assert left.config == right.config
    assert type(left) is type(right)
    states = left.state_dict(), right.state_dict()
    assert list(states[0]) == list(states[1])
    for one, other in zip(states[0].values(), states[1].values(), strict=True):
        assert torch.equal(one, other)


def test_a_folder_a_file_in_it_and_a_file_alone(network: Network, folder: Path, tmp_path: Path) -> None:
    """A folder, the file in it and the same file elsewhere under another name give one network."""
    alone = shutil.copy(folder / "model.safetensors", tmp_path / "other.safetensors")
    for path in (folder, str(folder), folder / "model.safetensors", alone):
        loaded = hub.load(path)
        assert_same(loaded, network)
        assert not loaded.training
    assert hub.fetch(alone).digest == hashlib.sha256(Path(alone).read_bytes()).hexdigest()


def test_home_folder(network: Network, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path may begin with ~."""
    monkeypatch.setenv("HOME", str(folder.parent))
    assert_same(hub.load("~/model"), network)


def test_path_that_looks_like_a_hub_id(
    network: Network, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What exists on disk is not looked for on the Hub."""
    (folder.parent / "org").mkdir()
    folder.rename(folder.parent / "org" / "name")
    monkeypatch.chdir(folder.parent)
    assert_same(hub.load("org/name"), network)


def test_half_precision_is_widened(network: Network, folder: Path) -> None:
    """Weights kept in float16 come back as float32."""
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    save_file(half, folder / "model.safetensors")
    loaded = hub.load(folder).state_dict()
    for name, tensor in half.items():
        assert loaded[name].dtype == network.state_dict()[name].dtype
        assert torch.equal(loaded[name], tensor.to(loaded[name].dtype))


def test_loading_leaves_random_numbers_alone(folder: Path) -> None:
    """Loading a network does not move the caller's stream of random numbers."""
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    hub.load(folder)
    assert torch.equal(torch.rand(3), expected)


def test_released_file_tells_its_architecture_by_its_tensors(tmp_path: Path) -> None:
    """A .pth with the tensors of a released network needs no word about what it is, and is converted once."""
    network = create("siggraph17").eval()
    state = network.state_dict()
    torch.save(state, tmp_path / "found.pth")
    assert_same(hub.load(tmp_path / "found.pth", cache_dir=tmp_path / "cache"), network)
    (kept,) = (tmp_path / "cache").rglob("*.safetensors")
    written = kept.stat().st_mtime_ns
    found = hub.fetch(tmp_path / "found.pth", cache_dir=tmp_path / "cache")
    assert (found.weights, kept.stat().st_mtime_ns) == (kept, written)
    assert load_file(kept).keys() == state.keys()


def test_old_file_without_counters(tmp_path: Path) -> None:
    """A .pth from before batch normalization counted its steps loads as well, in torch's old format too."""
    network = create("eccv16").eval()
    counters = [name for name in network.state_dict() if name.endswith("num_batches_tracked")]
    assert counters
    state = {name: tensor for name, tensor in network.state_dict().items() if name not in counters}
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_same(hub.load(tmp_path / "old.pth", cache_dir=tmp_path), network)


def test_file_that_does_not_tell(network: Network, tmp_path: Path) -> None:
    """Where a file does not tell its architecture, the argument does; a wrong one is found out."""
    path = tmp_path / "mystery.pth"
    torch.save(network.state_dict(), path)
    with pytest.raises(
        WeightsFormatError, match=r"does not tell what network it is for\. Pass architecture="
    ):
        hub.load(path, cache_dir=tmp_path)
    with pytest.raises(
        OptionError, match="architecture: expected one of lite, eccv16, siggraph17, ddcolor, got 'vgg'"
    ):
        hub.load(path, cache_dir=tmp_path, architecture="vgg")
    with pytest.raises(WeightsFormatError, match=r"missing: model1\.0\.weight"):
        hub.load(path, cache_dir=tmp_path, architecture="eccv16")
    loaded = hub.load(path, cache_dir=tmp_path, architecture="lite")
    assert torch.equal(next(iter(loaded.state_dict().values())), next(iter(network.state_dict().values())))


def test_cache_that_cannot_be_written(
    network: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A .pth of the user's still loads where nothing can be kept."""
    path = tmp_path / "mine.pth"
    torch.save(network.state_dict(), path)
    (tmp_path / "file").touch()
    hub.load(path, cache_dir=tmp_path / "file", architecture="lite")
    assert "is read without being converted" in caplog.text


class Canary:
    """Sings when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sang")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_malicious_pickle(zipped: bool, tmp_path: Path) -> None:
    """A pickle that is more than plain tensors is refused, and what it carries does not run."""
    canary = tmp_path / "canary"
    path = tmp_path / "evil.pth"
    content = {"model1.0.weight": torch.zeros(1), "x": Canary(canary)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsFormatError, match="a pickle that asks for more") as caught:
        hub.load(path, cache_dir=tmp_path)
    assert "Traceback" not in str(caught.value)
    assert not canary.exists()
    torch.load(path, weights_only=False)
    assert canary.read_text() == "sang", "it is a pickle that would have run"


def test_malicious_pickle_from_an_address(
    hub_client_released: dict[str, Any], client: Client, tmp_path: Path
) -> None:
    """A pinned sum does not make a pickle trusted."""
    answer = client("load", hub_client_released["entry"], cache_dir=tmp_path)
    answer.assert_failed("WeightsFormatError", "a pickle that asks for more")
    assert not hub_client_released["canary"].exists()


@pytest.fixture
def hub_client_released(hub: Any, released: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Put a malicious pickle with the right sum at the official address."""
    canary = tmp_path / "canary"
    torch.save({"x": Canary(canary)}, tmp_path / "evil.pth")
    content = (tmp_path / "evil.pth").read_bytes()
    hub.files["/official/released.safetensors"] = content
    source = {"filename": "evil.pth", "sha256": hashlib.sha256(content).hexdigest()}
    released["sources"] = [{"url": released["sources"][0]["url"], **source}]
    return {"entry": released, "canary": canary}


@pytest.mark.parametrize(
    ("content", "error", "phrase"),
    [
        (b"", WeightsIntegrityError, "an empty file"),
        (PAGE, WeightsIntegrityError, "a web page"),
        (b"\n<?xml version='1.0'?><Error><Code>AccessDenied", WeightsIntegrityError, "a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            WeightsIntegrityError,
            "git lfs pull",
        ),
        (b"\xff\xd8\xff\xe0 a photo", WeightsFormatError, "something else"),
        (b"PK\x03\x04 no archive", WeightsIntegrityError, "truncated or damaged"),
        (b"\x80\x02 no pickle", WeightsFormatError, "or is damaged"),
        (b"\x10\0\0\0\0\0\0\0{no header      ", WeightsIntegrityError, "truncated or damaged"),
    ],
    ids=lambda value: None if isinstance(value, type) else str(value)[:20],
)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_no_weights(content: bytes, error: type[Exception], phrase: str, suffix: str, tmp_path: Path) -> None:
    """A file that holds no weights is called what it is, whatever its name."""
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(content)
    with pytest.raises(error, match=phrase) as caught:
        hub.load(path, cache_dir=tmp_path / "cache", architecture="lite")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kept", [0.999, 0.5, 0.001])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_truncated(network: Network, folder: Path, suffix: str, kept: float) -> None:
    """A file that ends early is called truncated."""
    path = folder / "model.safetensors"
    if suffix == "pth":
        path = folder / "model.pth"
        torch.save(network.state_dict(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(WeightsIntegrityError, match="truncated or damaged"):
        hub.load(path, cache_dir=folder, architecture="lite")


@given(
    old=st.booleans(),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=8)), min_size=1),
)
def test_pickle_damaged_anywhere(
    old: bool, edits: list[tuple[float, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Wherever a .pth is damaged, it still gives tensors or an error of ours."""
    path = tmp_path_factory.getbasetemp() / "damaged.pth"
    torch.save(
        {f"{n}.weight": torch.zeros(3) for n in range(3)}, path, _use_new_zipfile_serialization=not old
    )
    content = bytearray(path.read_bytes())
    for place, new in edits:
        start = int(place * len(content))
        content[start : start + max(1, len(new))] = new
    path.write_bytes(content)
    with warnings.catch_warnings(), suppress(WeightsError):
        warnings.simplefilter("ignore")
        assert all(isinstance(tensor, torch.Tensor) for tensor in read_tensors(path).values())


@pytest.mark.parametrize("length", [60, 128, 0x3C20], ids=["like <", "like a pickle", "like space and <"])
def test_safetensors_whose_length_reads_like_something_else(length: int, tmp_path: Path) -> None:
    """Safetensors begin with a number, whose bytes may look like the beginning of another kind of file."""
    header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    (tmp_path / "x.safetensors").write_bytes(length.to_bytes(8, "little") + header + bytes(4))
    found = hub.inspect(tmp_path / "x.safetensors")
    assert (found.kind, found.tensors) == ("safetensors", {"x": ("float32", (1,))})


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(1)],
        {"epoch": 3},
        torch.zeros(1),
        {1: torch.zeros(1)},
        {"\ud800": torch.zeros(1)},
        {"x": torch.zeros(1).expand(10**6, 10**6)},
        {"x": torch.eye(3).to_sparse()},
        {"x": torch.zeros(3, device="meta")},
    ],
    ids=["list", "int", "tensor", "number for a name", "no text", "4 TB", "sparse", "meta"],
)
def test_pickle_of_something_else(content: object, tmp_path: Path) -> None:
    """A .pth that holds anything but named tensors, of the size they claim, is refused."""
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(WeightsFormatError, match="expected a dictionary of tensors"):
        hub.load(tmp_path / "x.pth", cache_dir=tmp_path, architecture="lite")


def test_tensors_that_do_not_fit(network: Network, folder: Path) -> None:
    """Missing, extra and misshapen tensors are named, the first five of each."""
    state = network.state_dict()
    names = list(state)
    for name in names[:7]:
        del state[name]
    state["stowaway"] = torch.zeros(1)
    state[names[8]] = torch.zeros(2, 3)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors")
    with pytest.raises(WeightsFormatError) as caught:
        hub.load(folder)
    message = str(caught.value)
    assert f"7 missing: {', '.join(names[:5])} and 2 more" in message
    assert "1 extra: stowaway" in message
    assert f"1 of another shape: {names[8]} (expected" in message
    assert "got (2, 3)" in message


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_incomplete_folder(name: str, network: Network, folder: Path) -> None:
    """A folder that lacks a file says which, unless the weights carry the config."""
    save_file(network.state_dict(), folder / "model.safetensors")  # these carry none
    (folder / name).unlink()
    with pytest.raises(WeightsNotFoundError, match=name):
        hub.load(folder)


def test_weights_that_carry_their_config_need_no_other(network: Network, folder: Path) -> None:
    """What save_pretrained wrote is loaded without config.json, with the settings that it was saved with."""
    (folder / "config.json").unlink()
    assert hub.load(folder).config == network.config


@pytest.mark.parametrize(
    "model", ["lite2", "no/such/folder", "./model", "gone.pth", "models/gone.safetensors", "a\0b"]
)
def test_nothing_there(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither a name nor on disk is answered with what could be given, and the Hub is left alone."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsNotFoundError, match=r"expected one of lite, eccv16, .*, a Hub id"):
        hub.load(model)


@pytest.mark.parametrize("model", ["~nobody-of-this-name/model", "x" * 5000], ids=["home", "long"])
def test_name_that_cannot_be_looked_up(model: str) -> None:
    """A home that is not there and a name that no file system takes are not found, in words."""
    with pytest.raises(WeightsNotFoundError, match="cannot be looked up"):
        hub.load(model)


def test_arguments_without_meaning(folder: Path) -> None:
    """A revision of what has none, and an architecture that contradicts the config, are refused."""
    with pytest.raises(
        OptionError, match=r"revision: expected None, since .* is no Hub id org/name, got 'v1'"
    ):
        hub.load(folder, revision="v1")
    with pytest.raises(OptionError, match="revision: expected None, since eccv16 is registered"):
        hub.fetch("eccv16", revision="v1")
    with pytest.raises(OptionError, match="architecture: expected 'siggraph17', got 'eccv16'"):
        hub.fetch("siggraph17", architecture="eccv16")
    with pytest.raises(KindError, match="model: expected a name, a Hub id or a path, got int"):
        hub.load(17)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="architecture: expected 'lite', got 'eccv16'"):
        hub.load(folder, architecture="eccv16")


def test_the_file_carries_its_config_and_nothing_else(saved: Path) -> None:
    """The config travels in the header of the weights as well, under one key, so that sums are stable."""
    with safe_open(saved / "model.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert list(metadata) == ["colorful"]
    assert json.loads(metadata["colorful"]) == json.loads((saved / "config.json").read_text())


def test_safetensors_only_needs_no_pickle(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a saved model never opens a pickle."""
    monkeypatch.setattr(pickle, "Unpickler", None)
    monkeypatch.setattr(torch, "load", None)
    hub.load(saved)


def test_an_address_is_told_apart_from_a_path() -> None:
    """An address is not fetched, and the error shows it as it was given."""
    with pytest.raises(
        WeightsNotFoundError, match=r"^https://example\.org/x\.pth: .* got an address; download"
    ):
        hub.load("https://example.org/x.pth")
