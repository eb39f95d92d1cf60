"""Photos, applications and servers for the tests of the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from skimage import data
from web_samples import Painter, Plain, png

from colorful import Colorizer
from colorful.web import Limits, create_app
from colorful.web.app import studio_of
from colorful.web.server import Server


@pytest.fixture(scope="session")
def painter() -> Colorizer:
    return Colorizer(Painter(), name="painter", device="cpu")


@pytest.fixture(scope="session")
def plain() -> Colorizer:
    return Colorizer(Plain(), name="plain", device="cpu")


@pytest.fixture(scope="session")
def grey() -> bytes:
    """A grey photo as a PNG file, 160 x 120."""
    return png(Image.fromarray(data.chelsea()).convert("L").resize((160, 120)))


@pytest.fixture
def app(painter: Colorizer, plain: Colorizer) -> Iterator[Flask]:
    limits = Limits(request_bytes=2 << 20, pixels=1_000_000, photos=4)
    app = create_app(colorizer={"painter": painter, "plain": plain}, limits=limits)
    yield app
    studio_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve applications on the loopback, each on a free port; call it with an app, get the address."""
    running = []

    def start(app: Flask, **options: Any) -> str:
        server = Server(app, studio_of(app), host="127.0.0.1", port=0, **options)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server, _ in running:
        server.stop()
    for _, thread in running:
        thread.join(15)
        assert not thread.is_alive()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two grey photos on disk."""
    paths = []
    for name in ("coffee", "chelsea"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(getattr(data, name)()).convert("L").resize((300, 200)).save(path)
        paths.append(path)
    return paths
