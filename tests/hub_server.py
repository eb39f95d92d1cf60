"""A Hub on the loopback: what the real client asks of the real one, and whatever can go wrong with it.

Downloads go as on the Hub: ``/resolve/`` names commit, ETag and size, and sends large files off to another
address. Uploads speak create-repo, preupload, LFS batch, PUT and commit. Besides, :attr:`HubServer.files` are
plain files at plain addresses, for what is not on any Hub.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".pth", ".bin")
"""Endings of the files that are kept as LFS objects."""

PAGE = b"<!DOCTYPE html><html><body>Please log in to the network of your hotel</body></html>"
"""What a network sends in place of everything until one has logged in."""


@dataclass
class Fault:
    """One thing that goes wrong with the next *times* requests that fit.

    Args:
        status: Answer with this status and nothing else.
        error_code: What the Hub's ``X-Error-Code`` says with it.
        message: What its ``X-Error-Message`` says with it.
        location: Where else to look, with a status that says so.
        body: Send this in place of the content, everything else being right.
        cut: Send so many bytes of the body, then end the connection.
        reset: End it with a TCP reset, not in good order.
        pause: Seconds to wait between pieces of the body.
        ignore_range: Send all, whatever part was asked for.
        plain: Answer without any header of the Hub.
        times: How many requests it befalls.
    """

    status: int = 200
    error_code: str | None = None
    message: str | None = None
    location: str | None = None
    body: bytes | None = None
    cut: int | None = None
    reset: bool = False
    pause: float = 0.0
    ignore_range: bool = False
    plain: bool = False
    times: int = 1_000_000


@dataclass
class Repo:
    """A model repo: commits by id, branches and tags by name."""

    private: bool = False
    gated: bool = False
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, changes: dict[str, bytes], branch: str = "main") -> str:
        """Add a commit on top of *branch* and give its id."""
        files = {**self.commits.get(self.refs.get(branch, ""), {}), **changes}
        text = repr(
            (self.refs.get(branch), sorted((k, hashlib.sha1(v).hexdigest()) for k, v in files.items()))
        )
        oid = hashlib.sha1(text.encode()).hexdigest()
        self.commits[oid] = files
        self.refs[branch] = oid
        return oid


class HubServer:
    """The server; start it as a context manager.

    Attributes:
        repos: The repos by id.
        files: Plain files by path.
        tokens: Tokens that may read private repos and write.
        faults: What goes wrong, by method and a pattern for the path.
        requests: Method, path and headers of each request so far.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.files: dict[str, bytes] = {}
        self.tokens = {"hf_good"}
        self.objects: dict[str, bytes] = {}
        self.faults: list[tuple[str, str, Fault]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        # Another host, as on the Hub, so that the client looks for no metadata there and sends no token.
        self.cdn = self.url.replace("127.0.0.1", "localhost")
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @contextlib.contextmanager
    def fault(self, method: str, path: str, **options: Any) -> Iterator[Fault]:
        """Let requests of *method* whose path holds the pattern *path* go wrong for a while."""
        entry = (method, path, Fault(**options))
        self.faults.append(entry)
        try:
            yield entry[2]
        finally:
            self.faults.remove(entry)

    @contextlib.contextmanager
    def watch(self) -> Iterator[list[str]]:
        """Collect the requests of a block, as ``METHOD path``."""
        seen: list[str] = []
        start = len(self.requests)
        yield seen
        seen += [f"{method} {path}" for method, path, _ in self.requests[start:]]

    def take_fault(self, method: str, path: str) -> Fault | None:
        """Give the fault that befalls a request, if one."""
        with self._lock:
            for wanted, pattern, fault in self.faults:
                if wanted == method and fault.times > 0 and re.search(pattern, path):
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, dict(self.headers)))
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length) if length else b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = self._read_chunks()
        fault = self.hub.take_fault(self.command, path)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if fault and fault.status != 200:
                elsewhere = {"Location": fault.location} if fault.location else {}
                self._refuse(fault.status, fault.error_code, fault.message, fault.body or b"", elsewhere)
            elif path in self.hub.files:
                self._send(self.hub.files[path], {}, fault)
            elif match := re.fullmatch(r"/cdn/([0-9a-f]{64})", path):
                if self.command == "PUT":
                    self._receive(match[1], content)
                else:
                    self._send(self.hub.objects[match[1]], {}, fault)
            elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self._resolve(*match.groups(), fault)
            elif self.command == "POST":
                self._post(path, content)
            else:
                self._refuse(404)

    def _authorized(self) -> bool:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") in self.hub.tokens

    def _resolve(self, repo_id: str, revision: str, filename: str, fault: Fault | None) -> None:
        repo = self.hub.repos.get(repo_id)
        if self.headers.get("Authorization") and not self._authorized():
            return self._refuse(401, None, "Invalid credentials in Authorization header")
        if repo is None or (repo.private and not self._authorized()):
            # As the Hub does: who shows no token is not told whether there is such a repo.
            return self._refuse(404 if self._authorized() else 401, "RepoNotFound", "Repository not found")
        if repo.gated and not self._authorized():
            return self._refuse(403, "GatedRepo", "Access to this model is restricted")
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            return self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if filename not in repo.commits[commit]:
            return self._refuse(404, "EntryNotFound", "Entry not found", headers={"X-Repo-Commit": commit})
        content = repo.commits[commit][filename]
        headers = {} if fault and fault.plain else {"X-Repo-Commit": commit}
        if not filename.endswith(LARGE):
            etag = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            return self._send(content, {**headers, "ETag": f'"{etag}"'}, fault)
        oid = hashlib.sha256(content).hexdigest()
        self.hub.objects[oid] = content
        headers |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        return self._reply(302, b"", {**headers, "Location": f"{self.hub.cdn}/cdn/{oid}"})

    def _post(self, path: str, content: bytes) -> None:
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if not self._authorized():
            return self._refuse(401, None, "Invalid username or password.")
        if path.endswith("/commit/main"):
            return self._commit(path, [json.loads(line) for line in content.splitlines()])
        request = json.loads(content)
        if path == "/api/repos/create":
            repo_id = f"{request['organization']}/{request['name']}"
            private = bool(request.get("private")) or request.get("visibility") == "private"
            existed = repo_id in self.hub.repos
            self.hub.repos.setdefault(repo_id, Repo(private=private))
            return self._json(
                {"url": f"{self.hub.url}/{repo_id}", "name": repo_id}, status=409 if existed else 200
            )
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            if match[1] not in self.hub.repos:
                return self._refuse(404, "RepoNotFound", "Repository not found")
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                    "shouldIgnore": False,
                }
                for file in request["files"]
            ]
            return self._json({"files": modes})
        if path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {**wanted, "actions": {"upload": {"href": f"{self.hub.url}/cdn/{wanted['oid']}"}}}
                for wanted in request["objects"]
            ]
            return self._json({"transfer": "basic", "objects": objects})
        return self._refuse(404)

    def _receive(self, oid: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != oid:
            return self._refuse(400, None, "the content does not match its oid")
        self.hub.objects[oid] = content
        return self._reply(200, b"", {})

    def _commit(self, path: str, lines: list[dict[str, Any]]) -> None:
        repo_id = path.removeprefix("/api/models/").removesuffix("/commit/main")
        changes = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                changes[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                changes[value["path"]] = self.hub.objects[value["oid"]]
        oid = self.hub.repos[repo_id].commit(changes)
        self._json({"commitUrl": f"{self.hub.url}/{repo_id}/commit/{oid}", "commitOid": oid, "success": True})

    def _send(self, content: bytes, headers: dict[str, str], fault: Fault | None) -> None:
        fault = fault or Fault()
        body = content if fault.body is None else fault.body
        status = 200
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if wanted and not fault.ignore_range:
            start = int(wanted[1])
            if start >= len(body):
                return self._refuse(416, headers={"Content-Range": f"bytes */{len(body)}"})
            headers = {**headers, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            body, status = body[start:], 206
        kind = "text/html" if body.startswith(b"<") else "application/octet-stream"
        self._head(status, len(body), {**headers, "Content-Type": kind, "Accept-Ranges": "bytes"})
        if self.command == "HEAD":
            return None
        part = body if fault.cut is None else body[: fault.cut]
        step = len(part) if not fault.pause else 1 << 16
        for start in range(0, len(part), step or 1):
            self.wfile.write(part[start : start + step])
            if fault.pause:
                self.wfile.flush()
                time.sleep(fault.pause)
        if fault.cut is not None:
            self.wfile.flush()
            self.close_connection = True
            if fault.reset:
                time.sleep(0.05)  # Else the reset overtakes what was sent.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        return None

    def _json(self, answer: object, status: int = 200) -> None:
        self._reply(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _refuse(
        self,
        status: int,
        error_code: str | None = None,
        message: str | None = None,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        said = {"X-Error-Code": error_code, "X-Error-Message": message, **(headers or {})}
        self._reply(status, body, {name: value for name, value in said.items() if value is not None})

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._head(status, len(body), headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
