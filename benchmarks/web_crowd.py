"""How soon a slider's picture comes while others have scans of 50 megapixels colored."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
from measure import grey, jpeg, make_parser, photo, promised, serving, write
from PIL import Image

CLIENTS = 4
PROMISED = 1.5  # seconds, the 95th percentile of previews under load


def main() -> None:
    """Time previews alone, then beside the crowd."""
    parser = make_parser(__doc__)
    parser.add_argument("--model", default="lite")
    parser.add_argument("--seconds", type=float, default=90)
    options = parser.parse_args()
    seconds, megapixels = (5.0, 8) if options.small else (options.seconds, 50)
    with serving(options.model) as (address, server):
        results = measure(urlsplit(address).port, server.pid, megapixels, seconds)
    p95 = results["seconds_beside_the_crowd"]["p95"]
    what = f"a preview beside {CLIENTS} clients with {megapixels} MP"
    promised(what, f"p95 {p95:.2f} s", met=p95 <= PROMISED)
    print(f"         alone: p95 {results['seconds_alone']['p95']:.2f} s; {results['large_done']} scans done")
    write("web_crowd", results, small=options.small)


def measure(port: int | None, pid: int, megapixels: int, seconds: float) -> dict[str, Any]:
    """Time a slider's pictures, first alone, then beside clients that send large photos."""
    side = round((megapixels * 1e6) ** 0.5)
    large = jpeg(np.asarray(Image.fromarray(grey(photo(1000, 1000))).resize((side, side))))
    preview = slider(port, jpeg(grey(photo(512, 512))))
    alone = [preview(number) for number in range(20)]
    over, done = threading.Event(), []

    def client() -> None:
        while not over.is_set():
            status, _, wait = exchange(port, "POST", "/v1/colorize", *form(large))
            done.append(status)
            if status == 503:
                over.wait(wait)

    threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    beside, peak, begun = [], 0, time.monotonic()
    while time.monotonic() - begun < seconds:
        beside.append(preview(100 + len(beside)))
        peak = max(peak, psutil.Process(pid).memory_info().rss)
        time.sleep(0.2)
    over.set()
    return {
        "megapixels": megapixels,
        "clients": CLIENTS,
        "seconds_alone": quantiles(alone),
        "seconds_beside_the_crowd": quantiles(beside),
        "previews": len(beside),
        "large_done": done.count(200),
        "large_refused": done.count(503),
        "large_other": len(done) - done.count(200) - done.count(503),
        "rss_mib_at_most": peak / 2**20,
    }


def slider(port: int | None, data: bytes) -> Any:
    """Leave a photo, and give what asks for its picture at another point and saturation each time."""
    _, body, _ = exchange(port, "POST", "/v1/photos", *form(data))
    url = json.loads(body)["preview"]

    def preview(number: int) -> float:
        hint = {"x": 10 + number % 400, "y": 200, "color": "#c03020"}
        sent = json.dumps({"side": 512, "saturation": 0.5 + number % 50 / 50, "hints": [hint]}).encode()
        start = time.monotonic()
        status, _, _ = exchange(port, "POST", url, sent, {"Content-Type": "application/json"})
        if status != 200:
            raise RuntimeError(f"a preview was answered by {status}")
        return time.monotonic() - start

    return preview


def exchange(port: int | None, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
    """Send a request on a connection of its own; give status, body and Retry-After."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read(), float(reply.headers.get("Retry-After", 0))
    finally:
        connection.close()


def form(data: bytes) -> tuple[bytes, dict[str, str]]:
    """Encode a form with one photo."""
    head = b'--cut\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=cut", "Accept": "image/jpeg"}
    return head + data + b"\r\n--cut--\r\n", headers


def quantiles(values: list[float]) -> dict[str, float]:
    """Give median, 95th percentile and maximum."""
    return {
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
        "most": max(values),
    }


if __name__ == "__main__":
    main()
