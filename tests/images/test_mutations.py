"""Files broken at random: 300 of them on every run, 5,000 and more in the nox session fuzz.

Each batch runs in a process of its own, so that a crash of a decoder is seen and memory can be bounded. To
run one case again: python tests/images/test_mutations.py CASE CASE+1, in an empty folder.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sample_files
from hypothesis import given
from hypothesis import strategies as st

from colorful import images
from colorful.errors import ColorfulError

MEGAPIXEL = 1 << 20
MEMORY = 1 << 30  # bytes a batch may take beside what the imports took; the largest picture allowed has 64 MP
SECONDS = 10


def mutate(case: int, files: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Break the file of a case: flipped bytes, a cut, a header of another file, a block moved or lost."""
    chance = random.Random(case)
    name, data = chance.choice(files)
    broken = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        kind = chance.choice(["flip", "flip", "header", "number", "cut", "splice", "drop", "repeat", "noise"])
        place = chance.randrange(max(1, len(broken)))
        length = chance.choice([1, 2, 4, 16, 200])
        if kind == "flip":
            for _ in range(chance.choice([1, 3, 30])):
                broken[chance.randrange(max(1, len(broken)))] ^= 1 << chance.randrange(8)
        elif kind == "header":
            broken[chance.randrange(min(64, len(broken)))] = chance.randrange(256)
        elif kind == "number":
            extreme = chance.choice(
                [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\1\0\0", b"\xff\xff"]
            )
            broken[place : place + len(extreme)] = extreme
        elif kind == "cut":
            del broken[place:]
        elif kind == "splice":
            other = chance.choice(files)[1]
            split = chance.randrange(min(400, len(other)))
            broken = bytearray(other[:split]) + broken[split:]
        elif kind == "drop":
            del broken[place : place + length]
        elif kind == "repeat":
            broken[place:place] = broken[place : place + length] * 2
        else:
            broken[place : place + length] = chance.randbytes(length)
        broken = broken or bytearray(b"\0")
    return name, bytes(broken)


def run(first: int, last: int) -> dict[str, object]:
    """Read the broken files of some cases and color and write what can be read; raise on what must not be."""
    files = sorted(sample_files.every_file().items())
    for _, data in files:  # so that all that is imported late is imported
        images.read(data)
    # Nothing may reach the user but what colorful itself logs. (libtiff, in C, writes to stderr what is wrong
    # with a strip, and Pillow has no switch for it.)
    logging.getLogger("colorful").addHandler(logging.NullHandler())
    loud: list[str] = []
    logging.lastResort = logging.Handler()
    logging.lastResort.emit = lambda record: loud.append(record.getMessage())  # type: ignore[method-assign]
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *_: loud.append(str(message))
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for case in range(first, last):
        name, data = mutate(case, files)
        Path("case").write_text(f"{case} {name}")
        before = set(Path().iterdir())
        signal.alarm(SECONDS)
        start = time.perf_counter()
        try:
            picture = images.read(data, max_pixels=8 * MEGAPIXEL)
        except ColorfulError as error:
            outcomes[type(error).__name__] += 1
            if "\n" in str(error) or not str(error).startswith("bytes: "):
                raise AssertionError(f"{name}: {error!r}") from error
        else:
            outcomes["picture"] += 1
            pixels = picture.pixels if picture.pixels.ndim == 3 else np.dstack([picture.pixels] * 3)
            try:
                written = images.write(picture.colored(pixels), Path("result.png"))
            except ColorfulError as error:
                raise AssertionError(f"{name}: {error!r}") from error
            if images.read(written).size != picture.size:
                raise AssertionError(f"{name}: another size came back")
            for format in ("jpeg", "tiff", "webp"):
                if max(picture.size) < 2000:
                    images.encode(picture, format)
            written.unlink()
        slowest = max(slowest, time.perf_counter() - start)
        signal.alarm(0)
        if loud or set(Path().iterdir()) != before:
            raise AssertionError(f"{name}: said {loud}, left {set(Path().iterdir()) - before}")
    return {"outcomes": outcomes, "slowest": round(slowest, 2)}


def check(first: int, last: int, folder: Path) -> dict[str, object]:
    """Run some cases in another process and see that it ends well."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    command = [sys.executable, __file__, str(first), str(last)]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    case = (folder / "case").read_text() if (folder / "case").exists() else "none"
    assert done.returncode == 0, f"case {case}: exit {done.returncode}\n{done.stderr[-1500:]}"
    report: dict[str, object] = json.loads(done.stdout)
    return report


def test_broken_files_are_a_picture_or_an_error(tmp_path: Path) -> None:
    """300 broken files each give a picture or a ColorfulError: no warning, crash, hang, or file left."""
    report = check(0, 300, tmp_path)
    print(report)
    assert sum(report["outcomes"].values()) == 300
    assert min(report["outcomes"].get(kind, 0) for kind in ("picture", "ImageError")) > 30


@given(st.data())
def test_bytes_changed_anywhere_are_a_picture_or_an_error(data: st.DataObject) -> None:
    """Whatever bytes of a file are replaced, and wherever it ends, reading gives a picture or an error."""
    broken = bytearray(data.draw(st.sampled_from(list(sample_files.every_file().values()))))
    places = st.integers(0, min(len(broken), 600) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        broken[place] = value
    end = data.draw(st.integers(0, len(broken)))
    try:
        picture = images.read(bytes(broken[:end] if end % 2 else broken), max_pixels=MEGAPIXEL)
    except ColorfulError:
        return
    assert picture.pixels.size > 0


@pytest.mark.fuzz
@pytest.mark.parametrize("first", range(0, int(os.environ.get("COLORFUL_MUTATIONS", "5000")), 500))
def test_many_broken_files_are_a_picture_or_an_error(first: int, tmp_path: Path) -> None:
    """5,000 broken files, or COLORFUL_MUTATIONS of them, each give a picture or a ColorfulError."""
    print(check(first, first + 500, tmp_path))


if __name__ == "__main__":
    faulthandler.enable()
    faulthandler.register(signal.SIGALRM, chain=True)
    json.dump(run(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
