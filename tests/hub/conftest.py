"""A Hub on the loopback, a process that uses it, and something small to fetch."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hub_client import Client
from hub_server import HubServer, Repo
from safetensors.numpy import save

from colorful.hub import save_pretrained
from colorful.models import Network, NetworkConfig, create

CONFIG = {"format_version": 1, "library_name": "colorful", "architecture": "lite", "config": {}}


@pytest.fixture(scope="session")
def hub() -> Iterator[HubServer]:
    """Serve a Hub."""
    with HubServer() as server:
        yield server


@pytest.fixture(scope="session")
def client(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A process with no settings but the address of the Hub."""
    with Client(tmp_path_factory.mktemp("home"), hub.url) as process:
        yield process


@pytest.fixture
def weights() -> bytes:
    """A whole safetensors file of 1 MB that is no network; enough for what only fetches."""
    return save({"x": np.random.default_rng(0).random(1 << 17)})


@pytest.fixture
def make_repo(hub: HubServer, weights: bytes, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Make a repo named after the test and give its id."""
    made: list[str] = []

    def make(**options: bool) -> str:
        repo_id = "org/" + re.sub(r"\W+", "-", request.node.name).strip("-")
        made.append(repo_id)
        hub.repos[repo_id] = Repo(**options)
        hub.repos[repo_id].commit({"config.json": json.dumps(CONFIG).encode(), "model.safetensors": weights})
        return repo_id

    yield make
    for repo_id in made:
        del hub.repos[repo_id]


@pytest.fixture
def released(hub: HubServer, weights: bytes) -> Iterator[dict[str, object]]:
    """A registry entry, as JSON, of a model with an official address and a mirror."""
    digest = hashlib.sha256(weights).hexdigest()
    paths = ("/official/released.safetensors", "/mirror/other-name.safetensors")
    for path in paths:
        hub.files[path] = weights
    source = {"filename": "released.safetensors", "sha256": digest}
    yield {
        "name": "released",
        "architecture": "lite",
        "sources": [{"url": hub.url + path, **source} for path in paths],
    }
    for path in paths:
        del hub.files[path]


@pytest.fixture(scope="session")
def network() -> Network:
    """Make a Lite network with settings of its own."""
    torch.manual_seed(0)
    return create("lite", NetworkConfig(temperature=0.25, saturation=1.5)).eval()


@pytest.fixture(scope="session")
def saved(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save that network."""
    return save_pretrained(network, tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """Copy it, to be damaged."""
    return shutil.copytree(saved, tmp_path / "model")
