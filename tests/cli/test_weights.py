"""The commands around weights, as a user types them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from hub_server import HubServer, Repo

from colorful.cli import cli
from colorful.hub import load, save_pretrained
from colorful.models import create


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a fresh Lite network."""
    torch.manual_seed(0)
    return save_pretrained(create("lite"), tmp_path_factory.mktemp("saved"))


def run(*arguments: object) -> tuple[int, str, str]:
    """Run the command line in this process; give status, output and errors."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_download_then_offline(saved: Path, tmp_path: Path) -> None:
    """What `colorful download` brought is listed by `colorful cache`, serves offline, and can be cleared."""
    content = {path.name: path.read_bytes() for path in saved.iterdir()}
    with HubServer() as server:
        server.repos["org/lite"] = Repo()
        server.repos["org/lite"].commit(content)
        server.repos["org/other"] = Repo()
        server.repos["org/other"].commit({"model.safetensors": b"", "config.json": b"{}"})
        base = {
            **os.environ,
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path),
            "NO_PROXY": "127.0.0.1,localhost",
        }

        def colorful(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "colorful", *arguments],
                env={**base, **variables},
                capture_output=True,
                text=True,
                check=False,
            )

        missing = colorful("download", "org/lite", HF_HUB_OFFLINE="1")
        assert missing.returncode == 1
        assert missing.stderr.startswith("colorful: org/lite")
        assert missing.stderr.strip().endswith("colorful download org/lite")
        first = colorful("download", "org/lite")
        assert first.returncode == 0, first.stderr
        assert Path(first.stdout.strip()).read_bytes() == content["model.safetensors"]
        assert hashlib.sha256(content["model.safetensors"]).hexdigest() in first.stderr
        again = colorful("download", "org/lite", HF_HUB_OFFLINE="1")
        assert (again.returncode, again.stdout) == (0, first.stdout)
        listed = colorful("cache")
        assert "org/lite" in listed.stdout
        kept = colorful("cache", "--clear")
        assert kept.returncode == 1, "it asks first"
        assert Path(first.stdout.strip()).exists()
        assert colorful("cache", "--clear", "--yes").returncode == 0
        assert not Path(first.stdout.strip()).exists()
        assert "nothing is cached" in colorful("cache").stderr


def test_cache_leaves_other_models_alone(saved: Path, tmp_path: Path) -> None:
    """Only models of colorful are listed and deleted; half-done downloads are marked."""
    ours = tmp_path / "colorful" / "weights"
    ours.mkdir(parents=True)
    (ours / f"eccv16.{'0' * 16}.{'1' * 64}.safetensors").write_bytes(bytes(2_000_000))
    (ours / f"{'0' * 16}.siggraph17-df00044c.pth.partial").write_bytes(bytes(500_000))
    (ours / ".0000000000000000.lock").touch()
    for name, content in {"ours": (saved / "model.safetensors").read_bytes(), "theirs": b"other"}.items():
        repo = tmp_path / f"models--org--{name}"
        blob = repo / "blobs" / "abc"
        blob.parent.mkdir(parents=True)
        blob.write_bytes(content)
        snapshot = repo / "snapshots" / ("0" * 40)
        snapshot.mkdir(parents=True)
        (snapshot / "model.safetensors").symlink_to("../../blobs/abc")
        (repo / "refs").mkdir()
        (repo / "refs" / "main").write_text("0" * 40)
    status, output, _ = run("cache", "--cache-dir", tmp_path)
    assert status == 0
    lines = output.splitlines()
    assert [line.split()[2] for line in lines] == [
        "eccv16",
        "siggraph17-df00044c.pth.partial",
        "org/ours",
    ]
    assert ["unfinished" in line for line in lines] == [False, True, False]
    assert lines[0].startswith("      2.0 MB")
    status, _, errors = run("cache", "--cache-dir", tmp_path, "--clear", "--yes")
    assert status == 0
    assert "MB freed" in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colorful", "models--org--theirs"]
    assert [path.name for path in ours.iterdir()] == [".0000000000000000.lock"]


def test_convert_then_inspect(tmp_path: Path) -> None:
    """A released .pth becomes a folder that loads to the same tensors and is known for what it is."""
    state = create("eccv16").state_dict()
    torch.save(state, tmp_path / "released.pth")
    status, output, errors = run("convert", tmp_path / "released.pth", tmp_path / "folder")
    assert (status, output.strip()) == (0, str(tmp_path / "folder"))
    loaded = load(tmp_path / "folder").state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
    digest = hashlib.sha256((tmp_path / "folder" / "model.safetensors").read_bytes()).hexdigest()
    assert digest in errors
    status, output, _ = run("inspect", tmp_path / "folder", "--tensors")
    assert status == 0
    facts = dict(line.split(None, 1) for line in output.splitlines() if "  " in line)
    assert facts["network"] == "eccv16"
    assert facts["sha256"] == digest
    assert facts["fits"] == "yes"
    assert facts["model_out.weight"] == "float32  2 x 313 x 1 x 1"


def test_convert_refuses(saved: Path, tmp_path: Path) -> None:
    """A folder with files in it is not written into, and a file that does not tell needs --architecture."""
    torch.save(load(saved).state_dict(), tmp_path / "mine.pth")
    before = (saved / "model.safetensors").read_bytes()
    status, _, errors = run("convert", tmp_path / "mine.pth", saved, "--architecture", "lite")
    assert status == 1
    assert "--overwrite" in errors
    assert (saved / "model.safetensors").read_bytes() == before
    status, _, errors = run("convert", tmp_path / "mine.pth", tmp_path / "new")
    assert status == 1
    assert "--architecture" in errors
    assert not (tmp_path / "new").exists()
    status, *_ = run("convert", tmp_path / "mine.pth", tmp_path / "new", "--architecture", "lite")
    assert status == 0


@pytest.mark.parametrize("content", [None, b"", b"<html>", b"a photo"])
def test_inspect_something_else(content: bytes | None, tmp_path: Path) -> None:
    """What is no file of weights is answered in one line."""
    path = tmp_path / "x.pth"
    if content is not None:
        path.write_bytes(content)
    status, output, errors = run("inspect", path)
    assert (status, output) == (1, "")
    assert errors.startswith(f"colorful: {path}: expected")
    assert len(errors.splitlines()) == 1
