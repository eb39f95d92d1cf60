"""A plain server of static files that tells what it has sent."""

from __future__ import annotations

import functools
import gzip
import http.server
import threading
from pathlib import Path
from typing import Any


class Site:
    """A folder behind the plainest server there is, as ``python -m http.server``."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[str] = []
        self.folder = folder
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def send_response(self, code: int, message: str | None = None) -> None:
                site.sent.append(f"{code} {self.path}")
                super().send_response(code, message)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        handler = functools.partial(Handler, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._runs = True

    def gzipped(self) -> int:
        """How many bytes have been sent, had the server gzipped them."""
        names = [line.partition(" /")[2] or "index.html" for line in self.sent if line.startswith("200")]
        return sum(len(gzip.compress((self.folder / name).read_bytes())) for name in names)

    def stop(self) -> None:
        if self._runs:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(15)
        self._runs = False
