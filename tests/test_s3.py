"""Photos in S3, by the real s3fs from a server that speaks S3 and sometimes refuses."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.s3

COUNT = 200


class Flaky:
    """An S3 server of moto, which answers three of ten requests to write below *color* by *503 Slow Down*."""

    def __init__(self) -> None:
        server: Any = pytest.importorskip("moto.server", reason="moto is not there: nox -s s3 installs it")
        serving: Any = pytest.importorskip("werkzeug.serving")
        self._application = server.DomainDispatcherApplication(server.create_backend_app)
        self._dice = random.Random(1)
        self.refused = 0
        self.server = serving.make_server("127.0.0.1", 0, self, threaded=True)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __call__(
        self, request: dict[str, Any], start: Callable[[str, list[tuple[str, str]]], object]
    ) -> Iterable[bytes]:
        """Answer a request, by WSGI."""
        writes = request["REQUEST_METHOD"] == "PUT" and "/color/" in request["PATH_INFO"]
        if not (writes and self._dice.random() < 0.3):
            answer: Iterable[bytes] = self._application(request, start)
            return answer
        self.refused += 1
        request["wsgi.input"].read(int(request.get("CONTENT_LENGTH") or 0))
        start("503 Slow Down", [("Content-Type", "application/xml")])
        return [b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Flaky]:
    """Run the server, and have s3fs use it."""
    made = Flaky()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": made.address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield made
    made.server.shutdown()
    thread.join()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Give a folder with photos in folders."""
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        path = tmp_path / "album" / f"{number % 7}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(20, 140, (24, 36), np.uint8)).save(path)
    return tmp_path / "album"


def run(*arguments: object) -> dict[str, int]:
    """Run the command: how many photos came to which end."""
    command = [sys.executable, "-m", "colorful", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    return {status: summary[status] for status in ("done", "skipped", "failed") if summary[status]}


def test_photos_go_from_s3_to_s3(store: Flaky, album: Path, tmp_path: Path) -> None:
    """However often writing is refused: all are there, as from a run on a folder; a second run skips them."""
    s3fs: Any = pytest.importorskip("s3fs")
    files = s3fs.S3FileSystem()
    files.mkdir("photos")
    files.put(f"{album}/", "photos/grey/", recursive=True)
    given = ("s3://photos/grey", "--recursive", "--out", "s3://photos/color")
    assert run(*given) == {"done": COUNT}
    assert store.refused > COUNT / 5
    assert run(album, "--recursive", "--out", tmp_path / "color") == {"done": COUNT}
    s3fs.S3FileSystem.clear_instance_cache()
    names = [name for name in files.find("photos/color") if name.endswith(".png")]
    assert {name.removeprefix("photos/"): files.cat_file(name) for name in names} == {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in (tmp_path / "color").rglob("*.png")
    }
    assert run(*given, "--skip-existing") == {"skipped": COUNT}
