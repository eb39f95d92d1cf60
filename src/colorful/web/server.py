"""Serve on waitress: drop slow clients, refuse large bodies with a message, and shut down in order."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask
from waitress.utilities import Error, RequestEntityTooLarge

from colorful.crew import deep
from colorful.errors import OutputError
from colorful.host import handling
from colorful.web.archive import STREAMS
from colorful.web.problems import JSON_TYPE, Problem, lacks_room
from colorful.web.studio import Studio

logger = logging.getLogger(__name__)

# Seconds that a client may be silent. A request must be there by then, plus a second for each so many bytes.
_SILENCE = 20
_BYTES_A_SECOND = 8 << 10
# Bytes of an answer from which on it is sent from where it lies, and at which a stream waits for its reader.
_LARGE = 64 << 10
_AHEAD = 32 << 20
# Seconds that a refused client may go on sending, so that it can read why: a closed connection is reset.
_LINGER = 10.0
# Seconds after the server was told to end in which photos that wait still get their turn, and by which all
# that are being colored must be done.
_LAST_TURN = 8.0
_GRACE = 12.0
# Seconds in which requests that are just arriving then are still answered.
_PARTING = 0.3


class _NoRoomError(Error):  # type: ignore[misc]
    """The disk on which bodies wait until they have arrived is full."""

    code = 507
    reason = "Insufficient Storage"


class _RefusalTask(ErrorTask):  # type: ignore[misc]
    """Say in our own words what waitress refuses before the application sees it."""

    def execute(self) -> None:
        error = self.request.error
        self.channel.refused = True
        code = {RequestEntityTooLarge: "too-large", _NoRoomError: "no-room"}.get(type(error), "bad-request")
        problem = Problem(error.code, code, f"request: {error.body}")
        body = json.dumps(problem.to_json()).encode()
        self.status = f"{problem.status} {problem.title}"
        self.response_headers += [
            ("Content-Type", JSON_TYPE),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that drops who neither sends nor reads on, and lets a client that was refused read why."""

    error_task_class = _RefusalTask
    close_when_flushed: bool = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._received = 0
        self._since = time.monotonic()
        self._unread = 0
        self._unread_since = 0.0
        self.refused = False
        self._linger_until: float | None = None

    def received(self, data: bytes) -> bool:
        """Take data in, counting what an unfinished request has sent so far."""
        if self.refused:  # what it goes on sending is read and dropped
            return False
        if self.request is None:
            self._received, self._since = 0, time.monotonic()
        self._received += len(data)
        try:
            taken = bool(super().received(data))
        except OSError as error:
            if not lacks_room(error):
                raise
            taken = self._refuse_for_lack_of_room()
        if any(request.error for request in self.requests):  # else it is answered already, or fine
            self.refused = True
        return taken

    def _refuse_for_lack_of_room(self) -> bool:
        logger.error("no space in the temporary folder for uploads")
        with self.requests_lock:
            request: Any = self.request  # type: ignore[has-type]
            self.request = None
            spooled, request.body_rcv = request.body_rcv, None
            with contextlib.suppress(OSError):
                spooled.getbuf().close()  # which tries to write once more
            request.error = _NoRoomError("expected room for it on the server's disk, got none")
            request.completed = True
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)
        return True

    def write_soon(self, data: Any) -> int:
        """Send data; large ones from where they are, without a copy in memory or on the disk."""
        if isinstance(data, bytes) and len(data) >= _LARGE:
            lying = ReadOnlyFileBasedBuffer(io.BytesIO(data))
            lying.prepare()
            data = lying
        return int(super().write_soon(data))

    def readable(self) -> bool:
        """Tell whether more data is wanted; the loop asks at least once a second."""
        now = time.monotonic()
        if self._linger_until is not None:
            if now > self._linger_until:
                self.will_close = True
            return not self.will_close
        allowed = _SILENCE + self._received / _BYTES_A_SECOND
        if self.request is not None and now - self._since > allowed:
            logger.info("dropped a connection that sent %d bytes in %d s", self._received, now - self._since)
            self.will_close = True
        if self.total_outbufs_len != self._unread:
            self._unread, self._unread_since = self.total_outbufs_len, now
        elif self._unread and now - self._unread_since > _SILENCE:
            logger.info("dropped a connection that left %d bytes unread for %d s", self._unread, _SILENCE)
            self.will_close = True
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)  # else it would be closed when it can be written to
        return bool(super().readable())

    def handle_read(self) -> None:
        """Read; what a refused client goes on sending is dropped."""
        if self._linger_until is None:
            super().handle_read()
        else:
            with contextlib.suppress(OSError):
                self.recv(1 << 20)

    def handle_write(self) -> None:
        """Write; after a refusal half-close the connection, so that the client can read it."""
        if not (self.refused and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.total_outbufs_len == 0 and not self.will_close:
            self.close_when_flushed = False
            self._linger_until = time.monotonic() + _LINGER
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)


class Server:
    """An application on a port.

    Args:
        app: The application.
        studio: What works for it; its queue decides how many threads are needed.
        host: Address or name to listen on.
        port: Port to listen on; 0 takes a free one.
        trust_proxy: Whether to hand on what a proxy in front says of itself.

    Raises:
        OutputError: If the address cannot be listened on.
    """

    def __init__(
        self, app: Flask, studio: Studio, *, host: str, port: int, trust_proxy: bool = False
    ) -> None:
        self._studio = studio
        self._ending = False
        # For a name with several addresses there is one listener each; they share this map and the threads.
        self._map: dict[int, Any] = {}
        try:
            with deep():
                create_server(
                    app,
                    map=self._map,
                    host=host,
                    port=port,
                    # Every place of the queue blocks a thread; what needs no model is served beside them.
                    threads=studio.queue.places + STREAMS + 4,
                    channel_timeout=_SILENCE,
                    cleanup_interval=2,
                    connection_limit=512,
                    max_request_body_size=studio.limits.request_bytes + 1,
                    # One answer is taken whole, so that a slow reader holds no thread; of a stream only so
                    # much.
                    outbuf_high_watermark=_AHEAD,
                    channel_request_lookahead=1,  # so that it is noticed when a client leaves
                    clear_untrusted_proxy_headers=not trust_proxy,
                    ident=None,
                )
        except (OSError, ValueError) as error:
            wasyncore.close_all(self._map, ignore_all=True)
            raise OutputError(f"cannot listen on {host} port {port}: {error}") from error
        for listener in self._listeners():
            listener.channel_class = _Channel
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(next(self._listeners()).effective_port)

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; then finish the photos in hand, refuse the rest, and return."""
        with handling(self._on_signal, signal.SIGTERM, signal.SIGINT):
            while not self._ending:
                wasyncore.loop(timeout=1.0, map=self._map, count=1)
            self._end()

    def stop(self) -> None:
        """Make :meth:`run` return soon; can be called from any thread."""
        self._ending = True
        with contextlib.suppress(OSError, StopIteration):  # it may be over already
            next(self._listeners()).pull_trigger()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._ending:
            os._exit(1)  # asked twice: somebody is in a hurry
        self.stop()

    def _end(self) -> None:
        begun = time.monotonic()
        self._studio.queue.close(finish_waiting=True)
        listeners = list(self._listeners())
        for listener in listeners:
            known = -1
            while known < len(self._map):  # whoever has connected already is refused in words, not reset
                known = len(self._map)
                listener.handle_accept()
            listener.accepting = False
            listener.socket.close()
            listener.del_channel()
        channels, pending = [], True
        while (pending and time.monotonic() < begun + _GRACE) or time.monotonic() < begun + _PARTING:
            # The trigger wakes the loop when a thread has an answer; what is answered is sent before the end.
            wasyncore.loop(timeout=0.1, map=self._map, count=1)
            if time.monotonic() > begun + _LAST_TURN:
                self._studio.queue.close()
            channels = [channel for channel in self._map.values() if isinstance(channel, HTTPChannel)]
            pending = bool(self._studio.queue.taken) or any(
                c.requests or c.total_outbufs_len for c in channels
            )
        listeners[0].task_dispatcher.shutdown(timeout=1)
        for channel in channels:
            channel.handle_close()  # closes its buffers as well, which may be temporary files
        wasyncore.close_all(self._map, ignore_all=True)
        self._studio.store.clear()
        if pending:
            logger.warning("ended before all photos were finished")
            os._exit(1)

    def _listeners(self) -> Iterator[BaseWSGIServer]:
        return (one for one in list(self._map.values()) if isinstance(one, BaseWSGIServer))
