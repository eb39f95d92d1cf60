"""What was converted or downloaded is kept once, whole, and found again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import filelock
import pytest
import torch
from hub_client import Client
from hub_server import HubServer

from colorful.hub import cached, fetch
from colorful.hub.cache import find
from colorful.models import create

Entry = dict[str, Any]


def test_cache_is_below_hf_home(hub: HubServer, released: Entry, weights: bytes, tmp_path: Path) -> None:
    """What is not from the Hub is kept below HF_HOME as well."""
    with Client(tmp_path, hub.url, HF_HOME=str(tmp_path / "elsewhere")) as process:
        answer = process("fetch", released)
    answer.assert_whole(weights)
    assert Path(answer.value["weights"]).is_relative_to(tmp_path / "elsewhere" / "assets" / "colorful")


def test_damaged_in_the_cache(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """A cached file that is no longer what was written is fetched again."""
    path = Path(client("fetch", released, cache_dir=tmp_path).value["weights"])
    path.write_bytes(weights[:-1])
    answer = client("fetch", released, cache_dir=tmp_path)
    answer.assert_whole(weights)
    assert "damaged" in answer.log


def test_a_file_that_another_process_deletes_meanwhile_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that goes while the cache is being looked through, as an ended download's does, is no error."""
    gone = tmp_path / "lite.0123456789abcdef.fedcba.safetensors"
    monkeypatch.setattr(Path, "glob", lambda *_: iter([gone]))
    assert find("0123456789abcdef", tmp_path) is None
    assert cached(tmp_path) == []


def test_disk_full(hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path) -> None:
    """A full disk is called that and given back what it had; with more space the next try works."""
    with Client(tmp_path, hub.url) as full, hub.watch() as seen:
        full("limit_file_size", 300_000)
        answer = full("fetch", released, cache_dir=tmp_path)
    answer.assert_failed("WeightsError", "too large for this file system or its limit", "cache_dir=")
    assert seen == ["GET /official/released.safetensors"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]
    client("fetch", released, cache_dir=tmp_path).assert_whole(weights)


def test_cache_that_cannot_be_written(client: Client, released: Entry, tmp_path: Path) -> None:
    """A cache folder that cannot be there is named, with the ways to another."""
    (tmp_path / "file").touch()
    answer = client("fetch", released, cache_dir=tmp_path / "file")
    answer.assert_failed("WeightsError", "cannot be written", "cache_dir=", "HF_HOME")


def test_two_processes_at_once(
    hub: HubServer, client: Client, released: Entry, weights: bytes, tmp_path: Path
) -> None:
    """Of two processes that want the same model one downloads it and the other waits."""
    with Client(tmp_path, hub.url) as other, hub.fault("GET", "/official/", pause=0.02), hub.watch() as seen:
        for process in (client, other):
            process.send("fetch", released, cache_dir=tmp_path)
        for process in (client, other):
            process.receive().assert_whole(weights)
    assert seen == ["GET /official/released.safetensors"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_a_share_without_locks_keeps_weights_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where files cannot be locked a conversion is written all the same, whole as ever."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)
    torch.save(create("eccv16").state_dict(), tmp_path / "x.pth")
    found = fetch(tmp_path / "x.pth", cache_dir=tmp_path / "cache")
    assert found.weights.is_relative_to(tmp_path / "cache")
    assert found.build().architecture == "eccv16"
