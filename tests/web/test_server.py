"""The server under real connections: slow, short, large, broken ones, and its end."""

from __future__ import annotations

import http.client
import io
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from flask import Flask
from PIL import Image
from web_samples import chroma, png

from colorful import Colorizer
from colorful.errors import OutputError
from colorful.web import Limits, create_app
from colorful.web import server as server_module
from colorful.web.app import studio_of
from colorful.web.queue import Asker
from colorful.web.server import Server

Serve = Callable[..., str]


def multipart(photo: bytes, name: str = "photo.png") -> tuple[bytes, dict[str, str]]:
    """Encode a form with one photo; the name is sent as it is."""
    head = f'--cut\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n\r\n'.encode()
    return head + photo + b"\r\n--cut--\r\n", {"Content-Type": "multipart/form-data; boundary=cut"}


def post(address: str, photo: bytes, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Send a photo over a connection of its own."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    body, own = multipart(photo)
    try:
        connection.request("POST", "/v1/colorize", body, {**own, **headers})
        reply = connection.getresponse()
        return reply.status, reply.read(), dict(reply.headers)
    finally:
        connection.close()


def connect(address: str) -> socket.socket:
    """Open a bare connection."""
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=40)


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    while data := connection.recv(1 << 16):
        received += data
    return received


def test_many_clients_are_served_at_once(app: Flask, serve: Serve, grey: bytes) -> None:
    """Clients that come together all get their photo, the same one."""
    address = serve(app)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: post(address, grey), range(16)))
    assert {status for status, _, _ in replies} == {200}
    assert len({body for _, body, _ in replies}) == 1
    assert chroma(replies[0][1]) > 5


def test_a_full_queue_is_a_503_with_retry_after(serve: Serve, painter: Colorizer, grey: bytes) -> None:
    """Who finds the queue full is told when to come back, while those inside are served."""
    app = create_app(colorizer=painter, limits=Limits(workers=1, waiting=1))
    address, gate = serve(app), threading.Event()
    queue = studio_of(app).queue
    same = {"asker": Asker(address="127.0.0.1", visitor="127.0.0.1 ")}
    blockers = [threading.Thread(target=queue.run, args=(gate.wait,), kwargs=same) for _ in range(2)]
    for blocker in blockers:
        blocker.start()
    while queue.taken < 2:
        time.sleep(0.01)
    status, body, headers = post(address, grey)
    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert json.loads(body)["code"] == "busy"
    gate.set()
    for blocker in blockers:
        blocker.join()
    assert post(address, grey)[0] == 200


def test_a_body_of_200_mb_is_refused_in_words(app: Flask, serve: Serve, grey: bytes) -> None:
    """A client that sends far too much is told so, though it never stopped sending, and others go on."""
    address = serve(app)
    chunk = bytes(1 << 20)
    with connect(address) as connection:
        connection.sendall(
            b"POST /v1/colorize HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 209715200\r\n\r\n"
        )
        for number in range(200):
            connection.sendall(chunk)
            if number == 100:
                assert post(address, grey)[0] == 200
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 413


def test_a_chunked_body_is_bounded_too(app: Flask, serve: Serve) -> None:
    """A body that does not say its length is refused when it has grown too long."""
    with connect(serve(app)) as connection:
        connection.sendall(
            b"POST /v1/colorize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(40):
            connection.sendall(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_broken_requests_are_4xx(app: Flask, serve: Serve, sent: bytes) -> None:
    """What is no proper request is refused, never a 5xx and never a traceback."""
    with connect(serve(app)) as connection:
        connection.sendall(sent)
        reply = connection.recv(1 << 16)
    assert reply.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), reply[:200]
    assert b"Traceback" not in reply


def test_slow_and_short_requests_are_dropped(
    app: Flask, serve: Serve, grey: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that stops sending, or sends a byte now and then, is dropped; a slow honest one is not."""
    monkeypatch.setattr(server_module, "_SILENCE", 2)
    address = serve(app)
    head = b"POST /v1/colorize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n"
    start = time.monotonic()
    with (
        connect(address) as short,
        connect(address) as silent,
        connect(address) as drip,
        connect(address) as honest,
    ):
        short.sendall(head + b"x" * 1000)
        silent.sendall(b"POST /v1/colo")
        drip.sendall(head)
        body, _ = multipart(grey)
        honest.sendall(
            b"POST /v1/colorize HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        dropped, sent = False, 0
        while sent < len(body):
            honest.sendall(body[sent : sent + 1200])
            sent += 1200
            if not dropped:
                try:
                    drip.sendall(b"x")
                except OSError:
                    dropped = True
            time.sleep(0.3)
        lasted = time.monotonic() - start
        assert lasted > 2.5
        assert honest.recv(12) == b"HTTP/1.1 200"
        for connection in (short, silent):
            connection.settimeout(10)
            assert read_all(connection) == b""
        deadline = time.monotonic() + 10
        while not dropped and time.monotonic() < deadline:
            try:
                drip.sendall(b"x")
            except OSError:
                dropped = True
            time.sleep(0.2)
        assert dropped


def test_the_limits_drop_slow_clients_within_thirty_seconds() -> None:
    """As shipped, a client may be silent for 20 s, and is seen at the latest two seconds later."""
    assert server_module._SILENCE == 20


def test_an_address_in_use_is_an_error_in_words(app: Flask, serve: Serve) -> None:
    """A port that somebody else listens on is named."""
    port = urlsplit(serve(app)).port or 0
    with pytest.raises(OutputError, match=f"cannot listen on 127.0.0.1 port {port}"):
        Server(app, studio_of(app), host="127.0.0.1", port=port)


HOSTILE = {
    "0 bytes": b"",
    "text": b"This is not a photo.\n" * 100,
    "truncated jpeg": b"",  # filled in below
    "65,000 x 65,000 png": b"",  # likewise
    "svg with script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "zip": b"PK\x03\x04" + bytes(200),
    "pdf": b"%PDF-1.7\n" + bytes(200),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(/etc/passwd) (r) file\n",
    "random": bytes(range(256)) * 40,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_while_others_are_served(
    app: Flask, serve: Serve, grey: bytes, kind: str
) -> None:
    """Whatever is sent as a photo gets a 4xx in words; meanwhile an honest client gets its photo."""
    address, data = serve(app), HOSTILE[kind]
    if kind == "truncated jpeg":
        buffer = io.BytesIO()
        Image.linear_gradient("L").save(buffer, "JPEG")
        data = buffer.getvalue()[: len(buffer.getvalue()) // 2]
    elif kind == "65,000 x 65,000 png":
        chunk = b"IHDR" + struct.pack(">II5B", 65_000, 65_000, 8, 0, 0, 0, 0)
        data = b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk)) + grey[33:]
    with ThreadPoolExecutor(4) as pool:
        honest = [pool.submit(post, address, grey) for _ in range(3)]
        status, body, headers = post(address, data)
        assert 400 <= status < 500
        assert headers["Content-Type"] == "application/problem+json"
        assert len(json.loads(body)["detail"]) > 10
        assert "Traceback" not in body.decode()
        assert all(future.result()[0] == 200 for future in honest)


@pytest.mark.parametrize(
    "tail", [b"<script>alert(1)</script>", b"PK\x05\x06" + bytes(18), b"<?php phpinfo();"]
)
def test_polyglots_come_back_as_clean_pictures(app: Flask, serve: Serve, grey: bytes, tail: bytes) -> None:
    """What was hidden in or behind a valid photo is not in the picture that comes back."""
    body = post(serve(app), grey + tail)[1]
    assert tail not in body
    picture = Image.open(io.BytesIO(body))
    picture.load()
    assert picture.format == "PNG"


TERM = """
from flask import request
from web_samples import Painter
from colorful import Colorizer
from colorful.web import create_app
from colorful.web.app import studio_of
from colorful.web.server import Server
app = create_app(colorizer=Colorizer(Painter(), name="painter", device="cpu"))
queue, accepted = studio_of(app).queue, []
class Counting(list):
    def append(self, job):
        accepted.append(request.headers["X-Number"])
        super().append(job)
queue._waiting = Counting()
class Told(Server):
    def stop(self):
        print(queue.taken, *accepted, flush=True)
        super().stop()
server = Told(app, studio_of(app), host="127.0.0.1", port=0)
print(server.port, flush=True)
server.run()
print("ended", flush=True)
"""


@pytest.mark.slow
def test_term_under_load_finishes_every_photo_in_hand(tmp_path: Path) -> None:
    """Told to end, the server answers each photo that it has taken, refuses the rest, and leaves no file."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    rng = np.random.default_rng(0)
    photo = png(rng.integers(0, 255, (1000, 1000), np.uint8))
    with subprocess.Popen(
        [sys.executable, "-c", TERM],
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = f"http://127.0.0.1:{int(process.stdout.readline())}"
        outcomes: dict[str, int | str] = {}
        numbers = itertools.count()

        def client() -> None:
            while True:
                number = str(next(numbers))
                try:
                    status, body, _ = post(address, photo, **{"X-Number": number})
                    if status == 200:
                        Image.open(io.BytesIO(body)).load()
                    outcomes[number] = status
                except (OSError, http.client.HTTPException) as error:
                    outcomes[number] = type(error).__name__
                    return

        threads = [threading.Thread(target=client) for _ in range(8)]
        for thread in threads:
            thread.start()
        while len(outcomes) < 8:
            time.sleep(0.01)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
        lasted = time.monotonic() - start
        for thread in threads:
            thread.join()
    assert process.returncode == 0
    assert lasted < 15
    assert list(folder.iterdir()) == []
    told, ended = rest.splitlines()
    taken, *accepted = told.split()
    assert ended == "ended"
    assert int(taken) >= 2
    assert len(accepted) >= 8 + int(taken)
    assert {number: outcomes[number] for number in accepted} == dict.fromkeys(accepted, 200)
    # Who came too late was told to come again, or found that nobody listens any more.
    refused = {outcome for number, outcome in outcomes.items() if number not in accepted}
    assert refused <= {200, 503, "ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"}
