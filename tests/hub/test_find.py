"""Registered models at plain addresses: order, checks, and everything that can happen on the way."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hub_client import Client, wait_for
from hub_server import PAGE, HubServer, Repo
from safetensors.numpy import save

from colorful.hub import clear
from colorful.models import MODELS, DDColor, create
from colorful.models.ddcolor import Sizes

Entry = dict[str, Any]


def leftovers(folder: Path) -> list[str]:
    """Name what a failed attempt left besides locks."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_first_source_is_taken_and_kept(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """A registered model comes from its first source, once; then from the cache without a request."""
    with hub.watch() as seen:
        answer = client("fetch", released, cache_dir=tmp_path)
    answer.assert_whole(weights)
    assert answer.value["source"] == released["sources"][0]["url"]
    assert seen == ["GET /official/released.safetensors"]
    with Client(tmp_path, hub.url, HF_HUB_OFFLINE="1") as offline, hub.watch() as seen:
        client("fetch", released, cache_dir=tmp_path).assert_whole(weights)
        offline("fetch", released, cache_dir=tmp_path).assert_whole(weights)
        answer = offline("fetch", released, cache_dir=tmp_path / "empty")
        answer.assert_failed("WeightsOfflineError", "not cached", "colorful download released")
    assert seen == []


@pytest.mark.parametrize(
    ("fault", "logged"),
    [
        ({"status": 403}, "refused (HTTP 403)"),
        ({"status": 404}, "no such file (HTTP 404)"),
        ({"status": 416}, "cannot answer now (HTTP 416)"),
        ({"status": 500}, "cannot answer now (HTTP 500)"),
        ({"status": 503}, "cannot answer now (HTTP 503)"),
        ({"cut": 0}, "no connection, or it keeps breaking"),
        ({"cut": 0, "reset": True}, "no connection, or it keeps breaking"),
        ({"body": PAGE}, "a web page"),
    ],
    ids=str,
)
def test_second_source_helps_out(
    hub: HubServer,
    client: Client,
    released: Entry,
    weights: bytes,
    tmp_path: Path,
    fault: dict[str, Any],
    logged: str,
) -> None:
    """Where the first source has nothing to give, the log says so and the second is asked."""
    with hub.fault("GET", "/official/", **fault):
        answer = client("fetch", released, cache_dir=tmp_path)
    answer.assert_whole(weights)
    assert answer.value["source"] == released["sources"][1]["url"]
    assert logged in answer.log


@pytest.mark.parametrize(
    ("fault", "kind", "phrase"),
    [
        ({"status": 403}, "WeightsAccessError", "refused (HTTP 403)"),
        ({"status": 404}, "WeightsNotFoundError", "no such file (HTTP 404)"),
        ({"status": 500}, "WeightsOfflineError", "the server cannot answer now (HTTP 500)"),
        ({"cut": 0}, "WeightsOfflineError", "keeps breaking"),
        ({"body": PAGE}, "WebPageError", "got a web page"),
    ],
    ids=str,
)
def test_no_source_helps(
    hub: HubServer,
    client: Client,
    released: Entry,
    weights: bytes,
    tmp_path: Path,
    fault: dict[str, Any],
    kind: str,
    phrase: str,
) -> None:
    """Where no source gives the file, the error names each with its reason; the next try works."""
    with hub.fault("GET", "/(official|mirror)/", **fault):
        answer = client("fetch", released, cache_dir=tmp_path)
    answer.assert_failed(kind, phrase, *(source["url"] for source in released["sources"]), "by other means")
    assert leftovers(tmp_path) == []
    client("fetch", released, cache_dir=tmp_path).assert_whole(weights)


def test_nobody_there(client: Client, released: Entry, tmp_path: Path) -> None:
    """Without a network the error is about that, and says what to do once there is one."""
    for source in released["sources"]:
        source["url"] = "http://127.0.0.1:9/released.safetensors"
    answer = client("fetch", released, cache_dir=tmp_path)
    answer.assert_failed(
        "WeightsOfflineError", "no connection", "Once online, run: colorful download released"
    )


@pytest.mark.parametrize(
    ("fault", "phrase"),
    [("changed", "wrong checksum"), ("longer", "wrong checksum"), ("shorter", "wrong checksum")],
)
def test_wrong_file_stops(
    hub: HubServer,
    client: Client,
    released: Entry,
    weights: bytes,
    tmp_path: Path,
    fault: str,
    phrase: str,
) -> None:
    """A whole file that is the wrong one stops the search: somebody should look into that."""
    body = {"changed": weights[:-1] + b"!", "longer": weights + b"!", "shorter": weights[:-1]}[fault]
    with hub.fault("GET", "/official/", body=body), hub.watch() as seen:
        answer = client("fetch", released, cache_dir=tmp_path)
    answer.assert_failed("WeightsIntegrityError", phrase)
    if fault == "changed":
        for content in (weights, body):
            assert hashlib.sha256(content).hexdigest() in answer.message
    assert seen == ["GET /official/released.safetensors"]
    assert leftovers(tmp_path) == []
    client("fetch", released, cache_dir=tmp_path).assert_whole(weights)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_broken_connection_is_resumed(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path, reset: bool
) -> None:
    """A download goes on where the connection broke, as often as each try brings something."""
    with hub.fault("GET", "/official/", cut=300_000, reset=reset, times=3), hub.watch() as seen:
        client("fetch", released, cache_dir=tmp_path).assert_whole(weights)
    assert len(seen) == 4
    ranges = [headers.get("Range") for _, _, headers in hub.requests[-4:]]
    assert ranges == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_server_that_cannot_resume(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """A server that sends all from the start again is understood."""
    with (
        hub.fault("GET", "/official/", cut=300_000, times=1),
        hub.fault("GET", "/official/", ignore_range=True),
    ):
        client("fetch", released, cache_dir=tmp_path).assert_whole(weights)


def test_source_that_gives_up_halfway(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """What the first source brought before it failed is completed from the second."""
    with (
        hub.fault("GET", "/official/", cut=300_000, times=1),
        hub.fault("GET", "/official/", status=500),
        hub.watch() as seen,
    ):
        client("fetch", released, cache_dir=tmp_path).assert_whole(weights)
    assert [line.split("/")[1] for line in seen] == ["official", "official", "mirror"]
    assert hub.requests[-1][2]["Range"] == "bytes=300000-"


@pytest.mark.parametrize("length", [1000, 2_000_000])
def test_remains_that_do_not_fit(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path, length: int
) -> None:
    """Remains of an attempt that are not the beginning of the file are thrown away."""
    with hub.fault("GET", "/official/", cut=1000, times=1), hub.fault("GET", ".", status=500):
        assert client("fetch", released, cache_dir=tmp_path).error
    (partial,) = tmp_path.rglob("*.partial")
    partial.write_bytes(b"?" * length)
    client("fetch", released, cache_dir=tmp_path).assert_whole(weights)
    assert [path.suffix for path in partial.parent.iterdir() if path.suffix != ".lock"] == [".safetensors"]


def test_remains_that_are_whole(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """A file that came whole before the process ended is taken as it is."""
    with hub.fault("GET", "/official/", cut=1000, times=1), hub.fault("GET", ".", status=500):
        assert client("fetch", released, cache_dir=tmp_path).error
    (partial,) = tmp_path.rglob("*.partial")
    partial.write_bytes(weights)
    with hub.watch() as seen:
        client("fetch", released, cache_dir=tmp_path).assert_whole(weights)
    assert seen == ["GET /official/released.safetensors"]
    assert hub.requests[-1][2]["Range"] == f"bytes={len(weights)}-"


def test_redirects_are_followed(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """An address may send on to another, as those of GitHub releases do."""
    elsewhere = f"{hub.cdn}/mirror/other-name.safetensors"
    with hub.fault("GET", "/official/", status=302, location=elsewhere):
        client("fetch", released, cache_dir=tmp_path).assert_whole(weights)


def test_token_stays_home(hub: HubServer, released: Entry, weights: bytes, tmp_path: Path) -> None:
    """The token for the Hub is sent to no other address."""
    with Client(tmp_path, hub.url, HF_TOKEN="hf_good") as process:
        process("fetch", released).assert_whole(weights)
    assert "authorization" not in {name.lower() for name in hub.requests[-1][2]}


def test_force_download(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """force_download fetches what is cached once more."""
    client("fetch", released, cache_dir=tmp_path)
    with hub.watch() as seen:
        client("fetch", released, cache_dir=tmp_path, force_download=True).assert_whole(weights)
    assert seen == ["GET /official/released.safetensors"]


def test_cleared_in_mid_download(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """When another process clears the cache in mid-download, the download says so, and the next one works."""
    with Client(tmp_path, hub.url) as other, hub.fault("GET", "/official/", pause=0.1):
        other.send("fetch", released, cache_dir=tmp_path)
        wait_for(lambda: any(path.stat().st_size > 100_000 for path in tmp_path.rglob("*.partial")))
        clear(tmp_path)
        other.receive().assert_failed("WeightsError", "deleted by another process")
    client("fetch", released, cache_dir=tmp_path).assert_whole(weights)


def test_killed_in_mid_download(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """What a killed process has brought is not brought again."""
    with Client(tmp_path, hub.url) as doomed, hub.fault("GET", "/official/", pause=0.05):
        doomed.send("fetch", released, cache_dir=tmp_path)
        wait_for(lambda: any(path.stat().st_size > 100_000 for path in tmp_path.rglob("*.partial")))
        os.kill(doomed.process.pid, signal.SIGKILL)
        doomed.process.wait()
    client("fetch", released, cache_dir=tmp_path).assert_whole(weights)
    assert int(hub.requests[-1][2]["Range"].removeprefix("bytes=").removesuffix("-")) > 100_000


@pytest.fixture
def published(hub: HubServer, released: Entry, weights: bytes) -> Iterator[Entry]:
    """The same model, in a pinned repo on the Hub as well, which is asked first."""
    hub.repos["org/published"] = Repo()
    commit = hub.repos["org/published"].commit({"model.safetensors": weights})
    source = {"repo_id": "org/published", "revision": commit, "sha256": hashlib.sha256(weights).hexdigest()}
    yield {**released, "sources": [source, *released["sources"]]}
    del hub.repos["org/published"]


def test_a_repo_can_be_a_source(
    hub: HubServer, client: Client, published: Entry, weights: bytes, tmp_path: Path
) -> None:
    """A repo on the Hub is asked in its turn, at the pinned commit; from then on the cache serves."""
    commit = published["sources"][0]["revision"]
    hub.repos["org/published"].commit({"model.safetensors": b"moved on"})
    with hub.watch() as seen:
        answer = client("fetch", published, cache_dir=tmp_path)
    answer.assert_whole(weights)
    assert answer.value["source"] == f"org/published@{commit}"
    assert not any("official" in line for line in seen)
    with hub.watch() as seen:
        client("fetch", published, cache_dir=tmp_path).assert_whole(weights)
    assert seen == []


def test_a_repo_without_a_pinned_sum_is_checked_by_the_hubs_own(
    hub: HubServer, client: Client, published: Entry, weights: bytes, tmp_path: Path
) -> None:
    """Where neither commit nor sum is known, the Hub names the sum, and the file has to have it."""
    del published["sources"][0]["revision"], published["sources"][0]["sha256"]
    client("fetch", published, cache_dir=tmp_path).assert_whole(weights)
    with hub.fault("GET", "/cdn/", body=weights[:-1] + b"!"):
        answer = client("fetch", published, cache_dir=tmp_path / "other")
    answer.assert_failed("WeightsIntegrityError", "wrong checksum")


def test_pinned_file_damaged_in_the_cache(
    client: Client, published: Entry, weights: bytes, tmp_path: Path
) -> None:
    """A pinned file that is no longer what it was is fetched again."""
    path = Path(client("fetch", published, cache_dir=tmp_path).value["weights"])
    path.write_bytes(weights[:-1] + b"!")
    client("fetch", published, cache_dir=tmp_path).assert_whole(weights)


def test_pinned_repo_with_another_file(
    hub: HubServer, client: Client, published: Entry, weights: bytes, tmp_path: Path
) -> None:
    """A file in the repo whose sum is not the pinned one stops the search."""
    published["sources"][0]["revision"] = hub.repos["org/published"].commit(
        {"model.safetensors": weights[:-1] + b"!"}
    )
    answer = client("fetch", published, cache_dir=tmp_path)
    answer.assert_failed("WeightsIntegrityError", "wrong checksum", published["sources"][0]["sha256"])


@pytest.mark.parametrize("status", [404, 500])
def test_pinned_repo_out_of_order(
    hub: HubServer, client: Client, published: Entry, weights: bytes, tmp_path: Path, status: int
) -> None:
    """Where the repo is missing or the Hub fails, the next source serves."""
    code = "RepoNotFound" if status == 404 else None
    with hub.fault("HEAD", "/resolve/", status=status, error_code=code):
        answer = client("fetch", published, cache_dir=tmp_path)
    answer.assert_whole(weights)
    assert answer.value["source"] == published["sources"][1]["url"]


@pytest.fixture
def foreign(hub: HubServer, tmp_path: Path) -> Iterator[tuple[Repo, dict[str, torch.Tensor]]]:
    """A repo of another library: a config of its own, and the tensors of a network that is known, pickled."""
    torch.manual_seed(2)
    state = dict(create("siggraph17").state_dict())
    torch.save(state, tmp_path / "foreign.bin")
    content = (tmp_path / "foreign.bin").read_bytes()
    repo = hub.repos["org/foreign"] = Repo()
    repo.commit({"config.json": b'{"config": {"input_size": [256, 256]}}', "pytorch_model.bin": content})
    yield repo, state
    del hub.repos["org/foreign"]


def test_a_repo_of_another_library_is_known_by_its_tensors(
    hub: HubServer, client: Client, foreign: tuple[Repo, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    """Its pickle is converted once, by name or by id; then the network is not needed."""
    sums = {name: hashlib.sha256(tensor.numpy()).hexdigest() for name, tensor in foreign[1].items()}
    entry = {
        "name": "named",
        "architecture": "siggraph17",
        "sources": [{"repo_id": "org/foreign", "filename": "pytorch_model.bin"}],
    }
    for model in ("org/foreign", entry):
        answer = client("load", model, cache_dir=tmp_path / "cache")
        assert not answer.error, answer
        assert answer.value == sums
        with Client(tmp_path, hub.url, HF_HUB_OFFLINE="1") as offline, hub.watch() as seen:
            assert offline("load", model, cache_dir=tmp_path / "cache").value == sums
        assert seen == []
    (kept,) = (tmp_path / "cache" / "colorful").rglob("*.safetensors")
    found = client("fetch", "org/foreign", cache_dir=tmp_path / "cache").value
    assert (found["weights"], found["architecture"]) == (str(kept), "siggraph17")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_repo_of_something_else_is_refused(
    client: Client, foreign: tuple[Repo, dict[str, torch.Tensor]], tmp_path: Path, name: str
) -> None:
    """A foreign config with tensors of no known network is no model of ours."""
    content = save({"x": np.zeros(3)})
    if name == "pytorch_model.bin":
        torch.save({"x": torch.zeros(3)}, tmp_path / "x.bin")
        content = (tmp_path / "x.bin").read_bytes()
    foreign[0].commit({"config.json": b'{"library_name": "diffusers"}', name: content})
    answer = client("load", "org/foreign", cache_dir=tmp_path / "cache")
    answer.assert_failed("ForeignConfigError", "expected the config of a colorful model")


def test_a_pickle_on_the_hub_never_runs(
    client: Client, foreign: tuple[Repo, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    """A repo whose pickle is more than tensors is refused."""
    foreign[0].commit({"pytorch_model.bin": b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00x\x85R."})
    answer = client("load", "org/foreign", cache_dir=tmp_path / "cache")
    answer.assert_failed("WeightsFormatError", "a pickle that asks for more")


@pytest.mark.parametrize("name", ["eccv16", "siggraph17"])
def test_released_files(hub: HubServer, client: Client, tmp_path: Path, name: str) -> None:
    """A released network loads by its name; a refusal of the official address leads to the mirror.

    The true files cannot be had here, so files of their names and shapes, with sums of their own, stand in.
    """
    torch.manual_seed(1)
    state = create(name).state_dict()
    file = tmp_path / "released.pth"
    torch.save(state, file)
    content = file.read_bytes()
    official, mirror = MODELS[name].sources
    paths = ["/" + source.url.split("/", 3)[3] for source in (official, mirror)]
    sources = [
        {
            "url": hub.url + path,
            "filename": official.filename,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for path in paths
    ]
    entry = {"name": name, "architecture": name, "sources": sources}
    hub.files[paths[1]] = content
    cache = tmp_path / "cache"
    with hub.fault("GET", paths[0], status=403), hub.watch() as seen:
        answer = client("load", entry, cache_dir=cache)
    assert not answer.error, answer
    assert answer.value == {key: hashlib.sha256(tensor.numpy()).hexdigest() for key, tensor in state.items()}
    assert seen == [f"GET {path}" for path in paths]
    assert "refused (HTTP 403)" in answer.log
    del hub.files[paths[1]]
    with hub.watch() as seen:
        again = client("load", entry, cache_dir=cache, local_files_only=True)
    assert again.value == answer.value
    assert seen == []
    kept = [path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert [Path(path).suffix for path in kept] == [".safetensors"], "the .pth is not kept beside it"


@pytest.fixture
def ddcolor(hub: HubServer, tmp_path: Path) -> Iterator[dict[str, torch.Tensor]]:
    """The repo of ``ddcolor-tiny`` as its authors publish it, but with a network of few blocks."""
    torch.manual_seed(3)
    sizes = Sizes(depths=(1, 2, 1, 1), widths=(8, 16, 24, 32), layers=3, feed_forward=32)
    released = {}
    for name, tensor in DDColor(sizes=sizes).state_dict().items():
        if name.endswith(("shuf.conv.0.weight", "layers.0.conv.0.weight")):  # spectral norm, as it is stored
            u, v = torch.randn(len(tensor)), torch.randn(tensor[0].numel())
            released |= {f"{name}_orig": tensor, f"{name}_u": u, f"{name}_v": v}
        else:
            released[name] = tensor
    released["encoder.arch.head_cls.weight"] = torch.zeros(1000, 32)
    torch.save({"params": released}, tmp_path / "released.bin")
    (source,) = MODELS["ddcolor-tiny"].sources
    repo = hub.repos[source.repo_id] = Repo()
    config = b'{"config": {"encoder_name": "convnext-t", "num_queries": 100, "input_size": [512, 512]}}'
    repo.commit({"config.json": config, "pytorch_model.bin": (tmp_path / "released.bin").read_bytes()})
    yield released
    del hub.repos[source.repo_id]


@pytest.mark.parametrize("model", ["ddcolor-tiny", MODELS["ddcolor-tiny"].sources[0].repo_id])
def test_ddcolor_is_fetched_as_its_authors_publish_it(
    hub: HubServer, client: Client, ddcolor: dict[str, torch.Tensor], tmp_path: Path, model: str
) -> None:
    """By name or id, sizes are read off the tensors, spectral norm is folded; then no network is needed."""
    cache = tmp_path / "cache"
    answer = client("load", model, cache_dir=cache)
    assert not answer.error, answer
    plain = {name for name in ddcolor if not name.endswith(("_orig", "_u", "_v", "head_cls.weight"))}
    sums = {name: hashlib.sha256(ddcolor[name].numpy()).hexdigest() for name in plain}
    assert sums.items() <= answer.value.items()
    folded = {name.removesuffix("_orig") for name in ddcolor if name.endswith("_orig")}
    assert set(answer.value) == plain | folded
    with Client(tmp_path, hub.url, HF_HUB_OFFLINE="1") as offline, hub.watch() as seen:
        assert offline("load", model, cache_dir=cache).value == answer.value
    assert seen == []
