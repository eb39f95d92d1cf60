"""The page's server under load from another process: errors, memory, throughput, pixels as in series.

The bound on throughput is what the library can do at all for such clients: a bare loop that takes whatever
photos wait on plain sockets, decodes them, colors them with ``colorize_many``, encodes and returns them.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
from measure import grey, jpeg, make_parser, photo, promised, serving, write
from PIL import Image

CLIENTS = 8
Exchange = Callable[[bytes], tuple[int, bytes, float]]


def main() -> None:
    """Run the bare loop, then the server, under the same clients."""
    parser = make_parser(__doc__)
    parser.add_argument("--model", default="lite")
    parser.add_argument("--format", default="jpeg", choices=["jpeg", "png", "webp"])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--loop", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop is not None:
        bare_loop(options.loop, options.model, options.format)
        return
    seconds = 8.0 if options.small else options.seconds
    photos = [jpeg(grey(photo(1000, 1000, name))) for name in ("coffee", "astronaut", "chelsea", "rocket")]
    # The bare loop before and after, so that a machine that changes its pace is seen.
    bound = [run_loop(photos, options, seconds / 4)]
    served = run_server(photos, options, seconds)
    bound.append(run_loop(photos, options, seconds / 4))
    served["photos_per_second_of_the_bare_loop"] = bound
    served["share_of_the_bare_loop"] = served["photos_per_second"] / max(bound)
    for bar, figure, met in bars(served):
        promised(bar, figure, met=met)
    write("web_load", served | {"clients": CLIENTS, "format": options.format}, small=options.small)


def bars(served: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Hold what was measured against what is promised: each bar, its figure, whether it is met."""
    yield "no outcome but 200 and 503", str(served["outcomes"]), served["outcomes"].keys() <= {"200", "503"}
    growth = served["rss_growth_percent"]
    yield "memory after warm-up grows < 5 %", f"{growth:.1f} %", growth < 5
    share, rate = served["share_of_the_bare_loop"], served["photos_per_second"]
    yield "at least 85 % of the bare loop", f"{100 * share:.0f} % ({rate:.2f} photos/s)", share >= 0.85
    largest = served["largest_difference_from_series"]
    yield "pixels within 1/255 of those in series", str(largest), largest <= 1
    took, status = served["term_seconds"], served["term_exit_status"]
    yield "TERM ends it within 15 s", f"{took:.1f} s, status {status}", took < 15 and status == 0
    left = served["files_left"]
    yield "no temporary file is left", str(left), not left


def run_server(photos: list[bytes], options: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Put `colorful serve` under load, then end it in the midst of it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(options.model, os.environ | {"TMPDIR": folder}) as (address, server),
    ):
        port, process, memory = urlsplit(address).port or 80, psutil.Process(server.pid), []
        largest = largest_difference(photos, options.model, port)
        begun = time.monotonic()

        def watch() -> None:
            memory.append((time.monotonic() - begun, process.memory_info().rss))

        def connect() -> Exchange:
            return http_exchange(port, options.format)

        outcomes, rate, _ = load(photos, connect, seconds, watch)
        warm = [rss for at, rss in memory if seconds / 4 <= at < seconds / 2]
        late = [rss for at, rss in memory if at >= seconds * 3 / 4]
        stop = threading.Timer(2, server.send_signal, [signal.SIGTERM])
        stop.start()
        ending, _, ended = load(photos, connect, 60, until=server.poll)
        left = sorted(path.name for path in Path(folder).iterdir())
    return {
        "seconds": seconds,
        "outcomes": dict(outcomes),
        "photos_per_second": rate,
        "rss_mib_after_warm_up": max(warm) / 2**20,
        "rss_mib_at_the_end": max(late) / 2**20,
        "rss_growth_percent": 100 * (max(late) / max(warm) - 1),
        "largest_difference_from_series": largest,
        "term_seconds": ended - 2,
        "term_exit_status": server.returncode,
        "outcomes_around_term": dict(ending),
        "files_left": left,
    }


def run_loop(photos: list[bytes], options: argparse.Namespace, seconds: float) -> float:
    """Put the bare loop under the same load; give its photos per second."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, __file__, "--loop", str(listener.fileno())]
        command += ["--model", options.model, "--format", options.format]
        port = listener.getsockname()[1]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as loop:
            try:
                # What loading the model takes is not the loop's pace.
                bare_exchange(port)(photos[0])
                outcomes, rate, _ = load(photos, lambda: bare_exchange(port), seconds)
            finally:
                loop.kill()
    if outcomes.keys() != {"200"}:
        raise RuntimeError(f"the bare loop failed: {dict(outcomes)}")
    return rate


def load(
    photos: list[bytes],
    connect: Callable[[], Exchange],
    seconds: float,
    watch: Callable[[], None] = lambda: None,
    until: Callable[[], int | None] = lambda: None,
) -> tuple[Counter[str], float, float]:
    """Let clients send photo after photo, and count what becomes of them.

    Returns:
        Outcomes, photos per second after a warm-up of a tenth of the time, and the seconds that it took.
    """
    outcomes: Counter[str] = Counter()
    done: list[float] = []
    begun = time.monotonic()
    over = threading.Event()

    def client(number: int) -> None:
        exchange, turn = connect(), number
        while not over.is_set():
            turn += 1
            try:
                status, body, retry_after = exchange(photos[turn % len(photos)])
            except (OSError, http.client.HTTPException) as error:
                outcomes[type(error).__name__] += 1
                if until() is not None:
                    return
                exchange = connect()
                time.sleep(0.05)
                continue
            if status == 200 and (size := size_of(body)) != (1000, 1000):
                outcomes[f"200 with {size or 'no picture'}"] += 1
            else:
                outcomes[str(status)] += 1
            if status == 200:
                done.append(time.monotonic() - begun)
            elif status == 503:
                over.wait(retry_after)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while time.monotonic() - begun < seconds and until() is None:
        watch()
        time.sleep(0.1)
    over.set()
    took = time.monotonic() - begun
    for thread in threads:
        thread.join()
    start = seconds / 10
    counted = [at for at in done if start < at <= took]
    return outcomes, len(counted) / max(took - start, 1e-9), took


def size_of(body: bytes) -> tuple[int, int] | None:
    """Give width and height of an encoded picture, from its head."""
    try:
        return Image.open(io.BytesIO(body)).size
    except OSError:
        return None


def http_exchange(port: int, format: str) -> Exchange:
    """Make a client that keeps its connection, as browsers do."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "multipart/form-data; boundary=cut", "Accept": f"image/{format}"}
    head = b'--cut\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'

    def exchange(data: bytes) -> tuple[int, bytes, float]:
        connection.request("POST", "/v1/colorize", head + data + b"\r\n--cut--\r\n", headers)
        reply = connection.getresponse()
        return reply.status, reply.read(), float(reply.headers.get("Retry-After", 0))

    return exchange


def bare_exchange(port: int) -> Exchange:
    """Make a client of the bare loop: a length and the bytes, both ways."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)

    def exchange(data: bytes) -> tuple[int, bytes, float]:
        connection.sendall(struct.pack("<I", len(data)) + data)
        (length,) = struct.unpack("<I", receive(connection, 4))
        return 200, receive(connection, length), 0.0

    return exchange


def receive(connection: socket.socket, length: int) -> bytes:
    """Read so many bytes."""
    data = bytearray()
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return bytes(data)


def bare_loop(descriptor: int, model: str, format: str) -> None:
    """Decode, color and encode whatever photos wait, together, for ever."""
    from colorful import Colorizer, images

    colorizer = Colorizer.from_pretrained(model)
    listener = socket.socket(fileno=descriptor)
    clients: list[socket.socket] = []
    while True:
        ready, _, _ = select.select([listener, *clients], [], [])
        if listener in ready:
            clients.append(listener.accept()[0])
            ready.remove(listener)
        waiting = []
        for client in ready:
            try:
                (length,) = struct.unpack("<I", receive(client, 4))
                waiting.append((client, receive(client, length)))
            except ConnectionResetError:
                clients.remove(client)
        pictures = [images.read(data) for _, data in waiting]
        colored = colorizer.colorize_many([picture.pixels for picture in pictures])
        for (client, _), picture, rgb in zip(waiting, pictures, colored, strict=True):
            data = images.encode(picture.colored(np.asarray(rgb)), format)
            client.sendall(struct.pack("<I", len(data)) + data)


def largest_difference(photos: list[bytes], model: str, port: int) -> int:
    """Compare what many clients get at once with what the library makes of the same bytes in series."""
    from colorful import Colorizer

    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = [photos[number % len(photos)] for number in range(CLIENTS)]
        replies = list(pool.map(lambda data: http_exchange(port, "png")(data)[1], sent))
    colorizer = Colorizer.from_pretrained(model)
    series = [np.asarray(colorizer.colorize(data)).astype(int) for data in photos]
    return max(
        int(np.abs(np.asarray(Image.open(io.BytesIO(body))).astype(int) - series[number % len(photos)]).max())
        for number, body in enumerate(replies)
    )


if __name__ == "__main__":
    main()
