"""Requests that cross: deleted, left or evicted just while something else goes on with the same photo."""

from __future__ import annotations

import gc
import io
import logging
import socket
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from waitress.channel import HTTPChannel
from web_samples import png

from colorful import Colorizer
from colorful.web import Limits, create_app
from colorful.web import archive as archive_module
from colorful.web import server as server_module
from colorful.web.app import studio_of
from colorful.web.archive import STREAMS
from colorful.web.store import GoneError, Store
from colorful.web.studio import Studio
from colorful.web.uploads import Upload


def add(client: FlaskClient, photo: bytes) -> dict[str, Any]:
    """Leave a photo with the server."""
    return dict(client.post("/v1/photos", data={"photo": (io.BytesIO(photo), "a.png")}).json)


@pytest.mark.parametrize(
    ("moment", "kind", "body"),
    [
        ("_read", "results", {}),
        ("keep_result", "results", {}),
        ("_read", "preview", {"region": [0, 0, 90, 90], "side": 90}),
    ],
)
def test_nothing_stays_of_a_photo_that_is_deleted_while_it_is_worked_on(
    app: Flask,
    client: FlaskClient,
    grey: bytes,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    kind: str,
    body: object,
) -> None:
    """Whether it is just being decoded, for the result or for a part in the editor, or kept."""
    info, method = add(client, grey), getattr(Studio, moment)

    def deleted(self: Studio, *args: object) -> object:
        assert client.delete(f"/v1/photos/{info['id']}").status_code == 204
        return method(self, *args)

    monkeypatch.setattr(Studio, moment, deleted)
    assert app.test_client().post(info[kind], json=body).status_code == 404
    assert len(studio_of(app).store) == 0


def test_a_deletion_finds_all_that_was_made_at_the_same_time(
    app: Flask, client: FlaskClient, grey: bytes
) -> None:
    """Also results of one wish, and copies at full size, that several requests made beside each other."""
    info, studio = add(client, grey), studio_of(app)
    both, read = threading.Barrier(2), Studio._read

    def together(self: Studio, data: bytes) -> object:
        both.wait(10)
        return read(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Studio, "_read", together)
        replies = []
        for url, body in ((info["results"], {}), (info["preview"], {"region": [0, 0, 90, 90], "side": 90})):
            threads = [
                threading.Thread(
                    target=lambda u=url, b=body: replies.append(app.test_client().post(u, json=b))
                )
                for _ in range(2)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert [reply.status_code for reply in replies] == [201, 201, 200, 200]
    assert replies[0].json == replies[1].json
    assert len(studio.store) == 3  # the photo, its result, its copy
    studio.forget(info["id"])
    assert len(studio.store) == 0


def test_an_archive_holds_no_photo_that_was_deleted(app: Flask, client: FlaskClient, grey: bytes) -> None:
    """Neither is it sent, nor does it stay in memory until the archive is forgotten."""
    info, studio = add(client, grey), studio_of(app)
    upload = weakref.ref(studio.store.get(info["id"], Upload))
    url = client.post("/v1/archives", json={"photos": [{"id": info["id"]}]}).json["url"]
    assert client.delete(f"/v1/photos/{info['id']}").status_code == 204
    gc.collect()
    assert upload() is None
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("route", ["/v1/colorize", "/v1/index"])
def test_who_leaves_costs_no_more_of_his_photos(
    app: Flask, client: FlaskClient, grey: bytes, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    """Of several photos in one request none is begun any more once nobody waits for them."""
    begun, go_on = [], threading.Event()

    def accept(self: Studio, *args: object) -> object:
        begun.append(args)
        go_on.wait(10)
        raise GoneError("of the test")

    monkeypatch.setattr(Studio, "_accept", accept)
    form = {"photo": [(io.BytesIO(grey), f"{number}.png") for number in range(4)]}
    environ = {"waitress.client_disconnected": lambda: True}
    reply = client.post(route, data=form, headers={"Accept": "application/json"}, environ_overrides=environ)
    go_on.set()
    assert reply.status_code == 503
    assert len(begun) == 1


def test_a_photo_whose_sender_has_left_is_not_kept(app: Flask, client: FlaskClient, grey: bytes) -> None:
    """Nobody learns its name, and nobody could delete it."""
    environ = {"waitress.client_disconnected": lambda: True}
    form = {"photo": (io.BytesIO(grey), "a.png")}
    assert client.post("/v1/photos", data=form, environ_overrides=environ).status_code == 503
    assert len(studio_of(app).store) == 0


def test_who_is_refused_at_once_can_read_why(
    app: Flask, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the refusal is written before the thread that reads goes on."""
    received = HTTPChannel.received

    def slow(self: HTTPChannel, data: bytes) -> bool:
        taken = bool(received(self, data))
        end = time.monotonic() + 0.5
        while not self.close_when_flushed and time.monotonic() < end:
            time.sleep(0.01)
        return taken

    monkeypatch.setattr(HTTPChannel, "received", slow)
    parts = urlsplit(serve(app))
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/colorize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
        )
        for _ in range(9):
            connection.sendall(bytes(1_000_000))
            time.sleep(0.1)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_downloads_that_nobody_reads_on_block_no_others(
    serve: Callable[..., str], painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Archives whose readers have stopped, as a browser where downloads are paused, are given up."""
    monkeypatch.setattr(server_module, "_SILENCE", 2)
    monkeypatch.setattr(server_module, "_AHEAD", 1 << 16)
    app = create_app(colorizer=painter)
    client = app.test_client()
    photo = add(client, png(np.random.default_rng(0).integers(0, 255, (600, 700), np.uint8)))
    client.post(photo["results"], json={})
    url = client.post("/v1/archives", json={"photos": [{"id": photo["id"]}] * 60}).json["url"]
    parts = urlsplit(serve(app))
    with ExitStack() as stack:
        for _ in range(STREAMS):
            paused = stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=20))
            paused.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert paused.recv(12) == b"HTTP/1.1 200"
        with client.get(url) as reply:
            assert reply.status_code == 503
        end = time.monotonic() + 20
        while reply.status_code == 503 and time.monotonic() < end:
            time.sleep(0.2)
            with client.get(url) as reply:
                pass
        assert reply.status_code == 200


def test_who_leaves_an_archive_leaves_no_traceback(
    serve: Callable[..., str], painter: Colorizer, grey: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A download that is broken off in the middle is nothing that the log has to name as an error."""
    app = create_app(colorizer=painter, limits=Limits(workers=1))
    client, queue, gate = app.test_client(), studio_of(app).queue, threading.Event()
    ids = [{"id": add(client, grey)["id"]}]
    url = client.post("/v1/archives", json={"photos": ids}).json["url"]
    blocker = threading.Thread(target=queue.run, args=(gate.wait,))
    blocker.start()
    parts = urlsplit(serve(app))
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while queue.taken < 2:
            time.sleep(0.01)
    while queue.taken > 1:
        time.sleep(0.01)
    gate.set()
    blocker.join()
    while archive_module._open._value < STREAMS:
        time.sleep(0.01)
    time.sleep(0.2)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_photos_go_in_time_also_after_no_thread_could_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo that comes while the system starts no threads is kept, and goes like the others."""
    store = Store(max_bytes=100, max_age=0.2)
    with monkeypatch.context() as patch:

        def refuse(timer: threading.Timer) -> None:
            raise RuntimeError("can't start new thread")

        patch.setattr(threading.Timer, "start", refuse)
        assert store.get(store.put("one", 1), str) == "one"
    store.put("two", 1)
    end = time.monotonic() + 10
    while len(store) and time.monotonic() < end:
        time.sleep(0.05)
    assert len(store) == 0
