"""Plans of a million names, shards that are killed, and the rate of Dask beside that of the folder command.

python benchmarks/cluster.py plan|shards|rate [--photos N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

ROUNDS = 3


def make_photos(folder: Path, count: int, size: tuple[int, int], broken: int = 0) -> None:
    """Write JPEGs cut out of scikit-image's photos, some of them broken."""
    rng = np.random.default_rng(0)
    scenes = [
        Image.fromarray(getattr(skimage.data, name)()).convert("L")
        for name in ("chelsea", "coffee", "astronaut", "camera")
    ]
    for number in range(count):
        scene = scenes[number % len(scenes)]
        left, top = rng.integers(0, scene.width // 4), rng.integers(0, scene.height // 4)
        cut = scene.crop((left, top, left + 3 * scene.width // 4, top + 3 * scene.height // 4))
        path = folder / f"{number // 100:03}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cut.resize(size).save(path, quality=90)
        if broken and number % (count // broken) == 3:
            path.write_bytes(path.read_bytes()[:300])


def measure_plan(count: int) -> dict[str, Any]:
    """Plan names that no file has, and tell seconds and the memory it took at most."""
    program = (
        "import resource, time\n"
        "from colorful.plan import make_plan\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, start = peak(), time.monotonic()\n"
        f"names = (f'/archive/{{i // 1000:05}}/scan-{{i:07}}.jpg' for i in range({count}))\n"
        "plan = make_plan(names, '/color', listed=True, existing='skip')\n"
        f"assert len({{job.target for job in plan.jobs[::1000]}}) == {count} // 1000\n"
        "print(time.monotonic() - start, before, peak())\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, before, after = map(float, run.stdout.split())
    return {
        "names": count,
        "s": round(seconds, 1),
        "MB": round(after / 1e3),
        "MB before": round(before / 1e3),
    }


def results(folder: Path) -> dict[str, bytes]:
    """Read all results below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("colorized_*.jpg")
    }


def measure_shards(count: int, work: Path) -> dict[str, Any]:
    """Color in four shards, each killed once, and compare with the plain command."""
    make_photos(work / "in", count, (96, 64), broken=20)
    command = [sys.executable, "-m", "colorful", str(work / "in"), "-r", "-j", "1", "--network-size", "64"]
    start = time.monotonic()
    subprocess.run([*command, "-o", str(work / "plain")], capture_output=True, check=False)
    plain = time.monotonic() - start
    killed = []
    for number in (1, 2, 3, 4):
        shard = [*command, "-o", str(work / "out"), "--shard", f"{number}/4"]
        process = subprocess.Popen(shard, stderr=subprocess.DEVNULL)
        before, wanted = len(results(work / "out")), random.randint(20, count // 8)
        while len(list((work / "out").rglob("colorized_*.jpg"))) < before + wanted:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed.append(len(results(work / "out")) - before)
        subprocess.run(shard, capture_output=True, check=False)
    start = time.monotonic()
    again = subprocess.run(shard, capture_output=True, text=True, check=False)
    second = time.monotonic() - start
    lines: list[dict[str, Any]] = []
    for file in sorted((work / "out" / "colorful-outcomes").iterdir()):
        lines += [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    done = [line["source"] for line in lines if line["status"] == "done"]
    return {
        "plain, s": round(plain, 1),
        "killed after": killed,
        "results": len(results(work / "out")),
        "equal to the plain command's": results(work / "out") == results(work / "plain"),
        "written twice as done": len(done) - len(set(done)),
        "second run of a shard, s": round(second, 1),
        "it said": again.stderr.splitlines()[-1],
    }


def measure_rate(count: int, work: Path) -> dict[str, Any]:
    """Color megapixel photos as the folder command does and by Dask, in turns: photos a second."""
    make_photos(work / "in", count // ROUNDS, (1152, 864))
    rates: dict[str, list[float]] = {"folder": [], "dask": []}
    for _ in range(ROUNDS):
        for name, found in rates.items():
            program = (
                "import sys, time\n"
                "from colorful import Colorizer, colorize_folder\n"
                "times = []\n"
                "tell = lambda outcome, finished, total: times.append(time.monotonic())\n"
                "model = Colorizer.from_pretrained('lite')\n"
                "given = dict(colorizer=model, recursive=True, overwrite=True, progress=tell)\n"
                "if __name__ == '__main__':\n"
                "    if sys.argv[1] == 'folder':\n"
                "        colorize_folder(*sys.argv[2:], workers=2, **given)\n"
                "    else:\n"
                "        from colorful import cluster\n"
                "        with cluster.start_local(2) as client:\n"
                "            cluster.colorize(client, *sys.argv[2:], **given)\n"
                "    first = len(times) // 10\n"
                "    print((len(times) - 1 - first) / (times[-1] - times[first]))\n"
            )
            file = work / "program.py"
            file.write_text(program)
            run = subprocess.run(
                [sys.executable, str(file), name, str(work / "in"), str(work / name)],
                env=os.environ | {"OMP_NUM_THREADS": "2" if name == "folder" else "1"},
                capture_output=True,
                text=True,
                check=True,
            )
            found.append(float(run.stdout))
            print(name, found[-1], flush=True)
    medians = {name: round(statistics.median(found), 2) for name, found in rates.items()}
    ratios = [dask / folder for dask, folder in zip(rates["dask"], rates["folder"], strict=True)]
    return {**medians, "ratio": round(statistics.median(ratios), 3)}


def main() -> None:
    """Measure what is named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["plan", "shards", "rate"])
    parser.add_argument("--photos", type=int)
    given = parser.parse_args()
    if given.part == "plan":
        for count in (250_000, 500_000, given.photos or 1_000_000):
            print(measure_plan(count), flush=True)
        return
    measure = {"shards": measure_shards, "rate": measure_rate}[given.part]
    with tempfile.TemporaryDirectory() as work:
        print(measure(given.photos or {"shards": 2000, "rate": 600}[given.part], Path(work)))
    print(f"at most {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3:.0f} MB in one process")


if __name__ == "__main__":
    main()
