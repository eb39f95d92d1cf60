"""Hub ids against a Hub on the loopback, asked by the real client in processes of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hub_client import Client, wait_for
from hub_server import PAGE, HubServer
from safetensors.numpy import save

MakeRepo = Callable[..., str]


def test_a_model_is_downloaded_once(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """The second use of a branch asks once whether it has moved and brings nothing; of a commit, nor that."""
    repo = make_repo()
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)
    with hub.watch() as seen:
        again = client("fetch", repo, cache_dir=tmp_path)
    again.assert_whole(weights)
    assert seen == [f"HEAD /{repo}/resolve/main/config.json"]
    commit = hub.repos[repo].refs["main"]
    assert again.value["source"] == f"{repo}@{commit}"
    with hub.watch() as seen:
        client("fetch", repo, revision=commit, cache_dir=tmp_path).assert_whole(weights)
    assert seen == []


def test_a_branch_that_has_moved_is_fetched_anew(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A branch gives its newest commit, a tag or commit what it always gave."""
    repo = make_repo()
    first = hub.repos[repo].refs["main"]
    hub.repos[repo].refs["v1"] = first
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)
    retrained = weights[:-8] + bytes(8)
    hub.repos[repo].commit({"model.safetensors": retrained})
    client("fetch", repo, cache_dir=tmp_path).assert_whole(retrained)
    client("fetch", repo, revision=first, cache_dir=tmp_path).assert_whole(weights)
    client("fetch", repo, revision="v1", cache_dir=tmp_path).assert_whole(weights)


def test_offline(hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path) -> None:
    """With HF_HUB_OFFLINE what is cached works without a request; else a command that helps is named."""
    repo = make_repo()
    commit = hub.repos[repo].refs["main"]
    client("fetch", repo, cache_dir=tmp_path)
    with Client(tmp_path, hub.url, HF_HUB_OFFLINE="1") as offline, hub.watch() as seen:
        offline("fetch", repo, cache_dir=tmp_path).assert_whole(weights)
        offline("fetch", repo, revision=commit, cache_dir=tmp_path).assert_whole(weights)
        command = f"colorful download {repo}"
        offline("fetch", repo).assert_failed("WeightsOfflineError", "not cached", command)
        answer = offline("fetch", repo, revision="v1")
        answer.assert_failed("WeightsOfflineError", f"{command} --revision v1")
        answer = offline("fetch", repo, cache_dir=tmp_path, force_download=True)
        answer.assert_failed("WeightsOfflineError", "force_download")
        offline("fetch", "eccv16").assert_failed("WeightsOfflineError", "colorful download eccv16")
    assert seen == []


def test_local_files_only(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """local_files_only does for one call what HF_HUB_OFFLINE does for a process."""
    repo = make_repo()
    with hub.watch() as seen:
        answer = client("fetch", repo, cache_dir=tmp_path, local_files_only=True)
    answer.assert_failed("WeightsOfflineError", f"colorful download {repo}")
    assert seen == []
    client("fetch", repo, cache_dir=tmp_path)
    with hub.watch() as seen:
        client("fetch", repo, cache_dir=tmp_path, local_files_only=True).assert_whole(weights)
    assert seen == []


def test_hub_out_of_reach(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """Where nobody answers, the cache serves; and what is not cached fails at once."""
    repo = make_repo()
    home = tmp_path / "huggingface"
    with Client(tmp_path, hub.url, HF_HOME=str(home)) as online:
        online("fetch", repo).assert_whole(weights)
    assert list((home / "hub").glob("models--org--*")), "HF_HOME is where things are kept"
    with Client(tmp_path, "http://127.0.0.1:9", HF_HOME=str(home)) as cut_off:
        cut_off("fetch", repo).assert_whole(weights)
        start = time.monotonic()
        answer = cut_off("fetch", "org/unheard-of")
        answer.assert_failed("WeightsOfflineError", "no connection", "colorful download org/unheard-of")
        assert time.monotonic() - start < 5


def test_private_repo(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A private repo needs a token, by argument or by HF_TOKEN; without one it is as good as not there."""
    repo = make_repo(private=True)
    answer = client("fetch", repo, cache_dir=tmp_path)
    answer.assert_failed("WeightsNotFoundError", "private", "hf auth login")
    answer = client("fetch", repo, cache_dir=tmp_path, token="hf_stale")
    answer.assert_failed("WeightsAccessError", "401", "token")
    answer = client("fetch", repo, cache_dir=tmp_path, token=True)
    answer.assert_failed("WeightsAccessError", "hf auth login")
    client("fetch", repo, cache_dir=tmp_path, token="hf_good").assert_whole(weights)
    with Client(tmp_path / "home", hub.url, HF_TOKEN="hf_good") as known:
        known("fetch", repo).assert_whole(weights)


def test_gated_repo(client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path) -> None:
    """A gated repo says where to ask for access."""
    repo = make_repo(gated=True)
    client("fetch", repo, cache_dir=tmp_path).assert_failed("WeightsAccessError", "gated", "Ask for access")
    client("fetch", repo, cache_dir=tmp_path, token="hf_good").assert_whole(weights)


def test_what_is_not_there(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A missing repo, revision and file are told apart; once it is there, the next try works."""
    answer = client("fetch", "org/nowhere", cache_dir=tmp_path, token="hf_good")
    answer.assert_failed("WeightsNotFoundError", "org/nowhere: expected a repo on the Hub", "HTTP 404")
    repo = make_repo()
    answer = client("fetch", repo, revision="v9", cache_dir=tmp_path)
    answer.assert_failed("WeightsNotFoundError", "no revision 'v9'")
    config = hub.repos[repo].commits[hub.repos[repo].refs["main"]]["config.json"]
    for missing in ("config.json", "model.safetensors"):
        bare = hub.repos[repo].commit({})
        hub.repos[repo].commits[bare] = {"config.json": config, "model.safetensors": weights}
        del hub.repos[repo].commits[bare][missing]
        answer = client("fetch", repo, cache_dir=tmp_path)
        answer.assert_failed("WeightsNotFoundError", f"no file '{missing}'", "no colorful model")
        hub.repos[repo].commit({"config.json": config, "model.safetensors": weights})
        client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "WeightsAccessError"),
        (403, "WeightsAccessError"),
        (429, "WeightsOfflineError"),
        (500, "WeightsOfflineError"),
        (503, "WeightsOfflineError"),
    ],
)
def test_error_status(
    hub: HubServer,
    client: Client,
    make_repo: MakeRepo,
    weights: bytes,
    tmp_path: Path,
    status: int,
    kind: str,
) -> None:
    """A refusal or failure comes with its status; the next try works, and so does what is cached."""
    repo = make_repo()
    message = "Invalid credentials in Authorization header" if status == 401 else None
    with hub.fault("HEAD", repo, status=status, message=message):
        client("fetch", repo, cache_dir=tmp_path).assert_failed(kind, f"HTTP {status}")
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)
    with hub.fault("HEAD", repo, status=status, message=message):
        client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_connection_breaks_once(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path, reset: bool
) -> None:
    """A connection that closes halfway is resumed where it broke; one that is reset may start over."""
    repo = make_repo()
    large = save({"x": np.zeros(3 << 19)})
    hub.repos[repo].commit({"model.safetensors": large})
    with hub.fault("GET", "/cdn/", cut=11 << 20, reset=reset, times=1), hub.watch() as seen:
        client("fetch", repo, cache_dir=tmp_path).assert_whole(large)
    ranges = [headers.get("Range") for _, path, headers in hub.requests[-len(seen) :] if "/cdn/" in path]
    resumed = [None, f"bytes={10 << 20}-"]  # The client keeps pieces of 10 MB.
    assert ranges == resumed or (reset and ranges == [None, None])


def kept(cache: Path) -> list[Path]:
    """List the large files in a cache; what older clients keep to resume from is their own affair."""
    large = (path for path in cache.rglob("*") if path.is_file() and path.stat().st_size > 1000)
    return [path for path in large if path.suffix != ".incomplete"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda weights: weights[:-1000], id="truncated"),
        pytest.param(lambda weights: weights[:-1000] + bytes(1000), id="changed"),
        pytest.param(lambda weights: PAGE, id="page"),
        pytest.param(lambda weights: PAGE.ljust(len(weights)), id="page of the right length"),
    ],
)
def test_damaged_weights(
    hub: HubServer,
    client: Client,
    make_repo: MakeRepo,
    weights: bytes,
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
) -> None:
    """Weights that are not what the Hub promised never enter the cache; the next try works."""
    repo = make_repo()
    damaged = damage(weights)
    with hub.fault("GET", "/cdn/", body=damaged):
        answer = client("fetch", repo, cache_dir=tmp_path)
    if len(damaged) == len(weights):
        sums = [hashlib.sha256(data).hexdigest() for data in (weights, damaged)]
        answer.assert_failed("WeightsIntegrityError", *sums)
    else:
        answer.assert_failed("WeightsIntegrityError", "truncated")
    assert not kept(tmp_path)
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


def test_page_in_place_of_the_hub(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A login page in place of the Hub is called that; the next try works."""
    repo = make_repo()
    with hub.fault("HEAD", repo, body=PAGE, plain=True), hub.fault("GET", repo, body=PAGE, plain=True):
        answer = client("fetch", repo, cache_dir=tmp_path)
    answer.assert_failed("WeightsOfflineError", "not the Hub")
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


@pytest.mark.parametrize(
    ("config", "kind", "phrase"),
    [
        (b"<html>", "WeightsIntegrityError", "expected JSON"),
        (b"[]", "ForeignConfigError", "got that of something else"),
        (json.dumps({"model_type": "bert"}).encode(), "ForeignConfigError", "got that of something else"),
    ],
)
def test_repo_of_something_else(
    hub: HubServer,
    client: Client,
    make_repo: MakeRepo,
    weights: bytes,
    tmp_path: Path,
    config: bytes,
    kind: str,
    phrase: str,
) -> None:
    """A repo whose config is not ours is refused, and may be mended."""
    repo = make_repo()
    good = hub.repos[repo].commits[hub.repos[repo].refs["main"]]["config.json"]
    hub.repos[repo].commit({"config.json": config})
    client("fetch", repo, cache_dir=tmp_path).assert_failed(kind, phrase)
    hub.repos[repo].commit({"config.json": good})
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


def test_model_that_needs_more_is_kept(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """What this process cannot load, as its network is not registered here, stays cached for one that can."""
    repo = make_repo()
    config = {"format_version": 1, "library_name": "colorful", "architecture": "mine", "config": {}}
    hub.repos[repo].commit({"config.json": json.dumps(config).encode()})
    for local in (False, True):
        answer = client("fetch", repo, cache_dir=tmp_path, local_files_only=local)
        answer.assert_failed("WeightsFormatError", "got 'mine'")
    assert [path.stat().st_size for path in kept(tmp_path) if not path.is_symlink()] == [len(weights)]


def test_config_damaged_in_the_cache(
    client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A cached config that is no JSON any more is dropped, and fetched by the next attempt."""
    repo = make_repo()
    client("fetch", repo, cache_dir=tmp_path)
    (config,) = tmp_path.rglob("config.json")
    config.write_bytes(b"")
    client("fetch", repo, cache_dir=tmp_path).assert_failed("WeightsIntegrityError", "expected JSON")
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


def test_weights_damaged_in_the_cache(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A cached file that no longer has its checksum is not loaded but fetched again, where that may be."""
    repo = make_repo()
    path = Path(client("fetch", repo, cache_dir=tmp_path).value["weights"])
    path.write_bytes(weights[:-8] + bytes(8))
    answer = client("fetch", repo, cache_dir=tmp_path)
    answer.assert_whole(weights)
    assert "downloading it again" in answer.log
    path.write_bytes(weights[:-8] + bytes(8))
    answer = client("fetch", repo, cache_dir=tmp_path, local_files_only=True)
    answer.assert_failed("WeightsIntegrityError", "wrong checksum")
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


def test_disk_full(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A full disk is called that, nothing half-written stays, and with more space the next try works."""
    repo = make_repo()
    with Client(tmp_path, hub.url) as full:
        full("limit_file_size", 300_000)
        full("fetch", repo, cache_dir=tmp_path / "cache").assert_failed(
            "WeightsError", "too large for this file system"
        )
    assert not kept(tmp_path)
    client("fetch", repo, cache_dir=tmp_path / "cache").assert_whole(weights)


def test_two_processes_at_once(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """Two processes that want the same model both get it whole."""
    repo = make_repo()
    with Client(tmp_path, hub.url) as other, hub.fault("GET", "/cdn/", pause=0.02):
        for process in (client, other):
            process.send("fetch", repo, cache_dir=tmp_path)
        for process in (client, other):
            process.receive().assert_whole(weights)


def test_killed_in_mid_download(
    hub: HubServer, client: Client, make_repo: MakeRepo, weights: bytes, tmp_path: Path
) -> None:
    """A process killed in mid-download leaves nothing that stops the next one."""
    repo = make_repo()
    with Client(tmp_path, hub.url) as doomed, hub.fault("GET", "/cdn/", pause=0.1):
        doomed.send("fetch", repo, cache_dir=tmp_path)
        wait_for(lambda: list(tmp_path.rglob("*.incomplete")) and "/cdn/" in hub.requests[-1][1])
        os.kill(doomed.process.pid, signal.SIGKILL)
        doomed.process.wait()
    client("fetch", repo, cache_dir=tmp_path).assert_whole(weights)


def test_fetching_needs_no_torch(hub: HubServer, make_repo: MakeRepo, tmp_path: Path) -> None:
    """To download a model takes none of the seconds and megabytes that torch takes to load."""
    with Client(tmp_path, hub.url) as fresh:
        assert not fresh("fetch", make_repo()).error
        assert "torch" not in fresh("modules").value
