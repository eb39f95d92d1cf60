from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import run
from PIL import Image

from colorful.errors import OptionError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the current folder, with photos in album/."""
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        path = Path("album", f"{number % 3}", f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = np.tile(np.arange(40 + number, 200, 5, dtype=np.uint8), (24, 1))
        Image.fromarray(ramp).save(path)
    return tmp_path


def tree(folder: str) -> dict[str, bytes]:
    """Read all results below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("colorized_*")
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_lists_of_windows_are_read(here: Path, model: str, encoding: str) -> None:
    """Windows' editors and shells write a mark before text, two bytes a letter, and other ends of lines."""
    Path("album/0/0.png").rename("album/0/naïve 相.png")
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    Path("list").write_bytes(f"{mark}album/0/naïve 相.png\r\nalbum/1/1.png\r\n".encode(encoding))
    result = run("--list", "list", "-m", model, "-o", "out")
    assert (result.exit_code, len(tree("out"))) == (0, 2), result.stderr


def test_shards_of_the_command_are_the_whole(here: Path, model: str) -> None:
    """``--shard I/N`` for each I gives what one command gives; given again it has nothing to do."""
    run("album", "-r", "-m", model, "-o", "whole")
    for number in (1, 2, 3):
        result = run("album", "-r", "-m", model, "-o", "parts", "--shard", f"{number}/3")
        assert (result.exit_code, "4 of 4 photos colored" in result.stderr) == (0, True)
    assert tree("whole") == tree("parts")
    assert len(tree("whole")) == 12
    result = run("album", "-r", "-m", model, "-o", "parts", "--shard", "2/3")
    assert "0 of 4 photos colored, 4 skipped" in result.stderr
    assert run("album", "-r", "-m", model, "-o", "parts", "--shard", "13/13").exit_code == 0
    assert run("album", "-r", "--shard", "4/3").stderr == (
        "colorful: --shard: expected I/N with I from 1 to N, got '4/3'\n"
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_a_list_names_photos(end: bytes, here: Path, model: str) -> None:
    """``--list -`` takes names as ``find`` gives them; below ``--out`` they keep their folders."""
    names = end.join([b"album/0/0.png", os.fsencode(here / "album/1/1.png"), b"album/2/gone.png"]) + end
    result = run("--list", "-", "-m", model, "-o", "out", "--json", stdin=names)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert lines[-1]["summary"]["done"] == 2
    assert {line["source"]: line["status"] for line in lines[:-1]}["album/2/gone.png"] == "failed"
    below = (here / "album/1").as_posix().lstrip("/")
    assert set(tree("out")) == {"album/0/colorized_0.png", f"{below}/colorized_1.png"}
    Path("names").write_bytes(names)
    result = run("--list", "names", "-m", model, "-o", "out", "--outcomes", "parquet")
    assert "0 of 3 photos colored, 2 skipped, 1 failed" in result.stderr


def test_a_list_does_not_lead_out(here: Path, model: str) -> None:
    """A name that leads out of the folder of the results is refused, and the others are colored."""
    result = run("--list", "-", "-m", model, "-o", "deep/out", stdin=b"../album/0/0.png\nalbum/0/3.png\n")
    assert result.exit_code == 1
    assert "leads out of the folder of the results" in result.stderr
    assert set(tree(".")) == {"deep/out/album/0/colorized_3.png"}


def test_what_does_not_go_together(here: Path) -> None:
    """A list excludes photos beside it, and what belongs to one photo."""
    assert "PHOTO, --list: expected one of them, got both" in run("a.png", "--list", "names").stderr
    assert "Missing argument 'PHOTO...'" in run("--recursive").stderr
    assert "--list: none: cannot be read" in run("--list", "none").stderr
    assert "without --variants" in run("album", "--shard", "1/2", "--variants", "3").stderr
    assert "without --variants" in run("-", "--dask", "local", stdin=b"").stderr
    assert (
        "--out: expected a folder for several photos" in run("--list", "-", "-o", "a.png", stdin=b"a").stderr
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_killed_shard_goes_on(here: Path, model: str) -> None:
    """A shard that is killed with -9 in the middle, and started again, gives what one command gives."""
    run("album", "-r", "-m", model, "-o", "whole")
    command = [sys.executable, "-m", "colorful", "album", "-r", "-m", model, "-o", "parts", "--shard", "1/1"]
    process = subprocess.Popen([*command, "-j", "1"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(tree("parts")) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = len(tree("parts"))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert tree("parts") == tree("whole")
    assert killed_at >= 3
    assert f"{12 - killed_at} of 12 photos colored, {killed_at} skipped" in again.stderr or killed_at == 12


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bytes(range(1, 10)) * 20_000, "got something else"),
        (b"a.png\n" * 400_000, "bytes of names, got more"),
    ],
)
def test_what_is_no_list_has_an_end(
    here: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    """A pipe without an end, or a photo in place of its name, is refused before it fills the memory."""
    from colorful.cli import many

    monkeypatch.setattr(many, "_MOST_BYTES", 2 << 20)
    read = 0

    class Endless:
        def read(self, count: int) -> bytes:
            nonlocal read
            read += 1
            return content[:count]

    with pytest.raises(OptionError, match=said):
        many._read_list(Endless())  # type: ignore[arg-type]
    assert read == 1
