"""Use colorful.hub in a process of its own, since the Hub's client reads its environment when imported.

Run as a script it answers one JSON line on standard output for each on standard input.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self


class Client:
    """A process that calls functions of ``colorful.hub``.

    Args:
        home: Its home folder, and so its cache.
        endpoint: Address of the Hub.
        environment: Further environment variables.
    """

    def __init__(self, home: Path, endpoint: str, **environment: str) -> None:
        env = {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "HOME": str(home),
            "HF_ENDPOINT": endpoint,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "OMP_NUM_THREADS": "1",
            **environment,
        }
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, function: str, *args: object, **options: object) -> None:
        """Ask for a call, without waiting."""
        assert self.process.stdin is not None
        line = {"function": function, "args": args, "options": options}
        self.process.stdin.write(json.dumps(line, default=str) + "\n")

    def receive(self) -> Answer:
        """Wait for the result of the call before."""
        assert self.process.stdout is not None
        return Answer(json.loads(self.process.stdout.readline()))

    def __call__(self, function: str, *args: object, **options: object) -> Answer:
        """Call a function and wait for its result."""
        self.send(function, *args, **options)
        return self.receive()


class Answer:
    """What came of a call: a value or an error, and what was logged.

    Attributes:
        value: What the function returned, None if it failed.
        error: Names of the classes of its error, the error's own first; none if it went well.
        message: What the error says.
        log: What colorful logged.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        self.value: Any = answer.get("value")
        self.error: list[str] = answer.get("error", [])
        self.message: str = answer.get("message", "")
        self.log: str = answer["log"]

    def assert_whole(self, weights: bytes) -> None:
        """Check that the call brought these weights."""
        assert not self.error, self
        assert Path(self.value["weights"]).read_bytes() == weights
        assert self.value["digest"] == hashlib.sha256(weights).hexdigest()

    def assert_failed(self, kind: str, *phrases: str) -> None:
        """Check that the call failed with an error of ours, in one paragraph that says all of these."""
        assert self.error[:1] == [kind], self
        assert "ColorfulError" in self.error
        assert len(self.message.splitlines()) == 1
        for phrase in phrases:
            assert phrase in self.message

    def __repr__(self) -> str:
        return (
            f"Answer(value={self.value}, error={self.error[:1]}, message={self.message!r}, log={self.log!r})"
        )


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds, half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def main() -> None:
    """Answer until the input ends."""
    import io
    import logging

    from colorful import hub
    from colorful.models import HubSource, ModelInfo, NetworkConfig, WeightSource

    log = io.StringIO()
    logging.getLogger("colorful").addHandler(logging.StreamHandler(log))
    logging.getLogger("colorful").setLevel("INFO")

    def entry(given: object) -> object:
        """Make a registry entry of its JSON."""
        if not isinstance(given, dict):
            return given
        sources = tuple(
            HubSource(**source) if "repo_id" in source else WeightSource(**source)
            for source in given.pop("sources", ())
        )
        known = {"config": NetworkConfig(), "summary": "", "license": "MIT"}
        return ModelInfo(**{**known, **given}, sources=sources)

    def load(model: object, **options: Any) -> object:
        network = hub.load(entry(model), **options)  # type: ignore[arg-type]
        state = network.state_dict().items()
        return {name: hashlib.sha256(tensor.numpy()).hexdigest() for name, tensor in state}

    def fetch(model: object, **options: Any) -> object:
        found = hub.fetch(entry(model), **options)  # type: ignore[arg-type]
        return {"weights": str(found.weights), "digest": found.digest, "source": found.source, **found.config}

    def limit_file_size(size: int) -> None:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def push(folder: str, repo_id: str, **options: Any) -> str:
        return hub.push_to_hub(hub.load(folder), repo_id, **options)

    def modules() -> list[str]:
        return sorted(sys.modules)

    functions = {f.__name__: f for f in (load, fetch, limit_file_size, push, modules)}
    for line in sys.stdin:
        request = json.loads(line)
        log.seek(0)
        log.truncate()
        answer: dict[str, Any] = {}
        try:
            answer["value"] = functions[request["function"]](*request["args"], **request["options"])
        except Exception as error:
            answer["error"] = [kind.__name__ for kind in type(error).__mro__]
            answer["message"] = str(error)
        sys.stdout.write(json.dumps({**answer, "log": log.getvalue()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
