"""How long coloring takes beside other people's work on the same cores, against an idle machine.

Others are two plain busy loops, and two processes that compute with torch as it comes. One photo is colored
in a process as the command sets it up, in one whose threads also wait for a little before they sleep, and in
one like a program that embeds the library and sets nothing. A folder is colored by the command. A preview is
asked of ``colorful serve``, a hint at a new place each time, so that the network runs. The conditions take
turns, round by round.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from measure import grey, make_parser, photo, promised, quartiles, serving, write
from PIL import Image

LOOP = "while True: pass"
TORCH = """
import torch
a = torch.rand(1, 64, 128, 128)
layer = torch.nn.Conv2d(64, 64, 3, padding=1)
with torch.no_grad():
    while True:
        layer(a).relu_()
"""
OTHERS = {"idle": (), "two busy loops": (LOOP, LOOP), "two torch processes": (TORCH, TORCH)}

# Colors one photo for each line that it reads, and tells the seconds.
ONE = """
import sys, time
{setting}
import numpy as np
from colorful import Colorizer
colorizer, photo = Colorizer.from_pretrained("lite", device="cpu"), np.load(sys.argv[1])
for _ in range(3):
    colorizer.colorize(photo)
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    colorizer.colorize(photo)
    print(time.perf_counter() - start, flush=True)
"""
COMMAND = "from colorful.cli import own_process; own_process()"
BRIEFLY = f"{COMMAND}; import os; os.environ['GOMP_SPINCOUNT'] = '4000'"

BESIDE_TORCH = 3.0  # times as long as idle, at most, for one photo in the command's process
IDLE = 1.1  # times as long as without the setting


def main() -> None:
    """Measure all, and hold it against what is promised."""
    small = make_parser(__doc__).parse_args().small
    rounds, photos, several = (1, 2, 2) if small else (5, 24, 15)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    took: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        np.save(folder / "photo.npy", grey(photo(512, 512)))
        (folder / "album").mkdir()
        for number in range(photos):
            Image.fromarray(grey(photo(512, 512))).save(folder / "album" / f"{number}.png")
        subjects: dict[str, tuple[Callable[[], float], int]] = {}
        settings = {
            "one photo, command": COMMAND,
            "one photo, GOMP_SPINCOUNT=4000": BRIEFLY,
            "one photo, library": "",
        }
        for name, setting in settings.items():
            command = [sys.executable, "-c", ONE.format(setting=setting), str(folder / "photo.npy")]
            child = stack.enter_context(process(command, environment))
            subjects[name] = (lambda child=child: answer(child), several)
        address, _ = stack.enter_context(serving(environment=environment))
        subjects["preview on the page"] = (preview(address, folder / "album" / "0.png"), several)
        subjects["a folder of photos, a photo"] = (lambda: album(folder, environment) / photos, 1)
        for _ in range(rounds):
            for others, programs in OTHERS.items():
                with ExitStack() as running:
                    for program in programs:
                        running.enter_context(process([sys.executable, "-c", program], environment))
                    time.sleep(0.1 if small else 3 if programs else 1)
                    for name, (subject, times) in subjects.items():
                        found = took.setdefault(name, {}).setdefault(others, [])
                        found += [subject() for _ in range(times)]
    results: dict[str, Any] = {
        name: {others: quartiles(seconds) for others, seconds in rows.items()} for name, rows in took.items()
    }
    ours, library = results["one photo, command"], results["one photo, library"]
    results["times as long beside two torch processes"] = {
        name: rows["two torch processes"]["median"] / rows["idle"]["median"] for name, rows in results.items()
    }
    bars = (
        ("beside two torch processes / idle", ours["two torch processes"], ours["idle"], BESIDE_TORCH),
        ("idle, as the command is set up / nothing set", ours["idle"], library["idle"], IDLE),
    )
    for bar, these, those, limit in bars:
        figure = these["median"] / those["median"]
        promised(bar, f"{figure:.2f}, at most {limit}", met=figure <= limit)
    write("beside", results, small=small)


@contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the block ends."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child: subprocess.Popen[str] = subprocess.Popen(command, env=environment, text=True, **pipes)
    try:
        if "ready" in command[2]:
            assert child.stdout is not None
            child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.communicate()


def answer(child: subprocess.Popen[str]) -> float:
    """Have the child color one photo."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return float(child.stdout.readline())


def preview(address: str, path: Path) -> Callable[[], float]:
    """Upload a photo; give what asks for its preview and tells the seconds."""
    boundary = "a-line-between-parts"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="photo"; filename="photo.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    sent = send(f"{address}/v1/photos", body, f"multipart/form-data; boundary={boundary}")
    where = address + json.loads(sent)["preview"]
    places = iter(range(1_000_000))

    def ask() -> float:
        place = next(places)
        hint = {"x": 5 + place % 500, "y": 5 + place // 500 % 500, "color": "#b03020"}
        start = time.perf_counter()
        send(where, json.dumps({"hints": [hint]}).encode(), "application/json")
        return time.perf_counter() - start

    ask()
    return ask


def send(url: str, body: bytes, kind: str) -> bytes:
    """Post to this machine."""
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=120) as reply:
        return bytes(reply.read())


def album(folder: Path, environment: dict[str, str]) -> float:
    """Color the folder by the command, from its start to its end."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "colorful", str(folder / "album"), "--out", out]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
