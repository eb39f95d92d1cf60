"""Crops a second that lite learns from, of this code and of an older state of it, in turns.

    python benchmarks/training.py PHOTOS --before ../older/src

Each round trains each of the two for some minutes, with its own default recipe for going on from the bundled
weights, in a process of its own. What counts is the time between the first and the last step that was logged,
without starting up.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from measure import write

_SOURCE = Path(__file__).parent.parent / "src"


def main() -> None:
    """Run rounds, or, as a child of such a run, train once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--before", type=Path, help="the folder src of an older state")
    parser.add_argument("--minutes", type=float, default=2.0, help="of training in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_train(options.photos, options.minutes)))
        return
    trees = {"now": _SOURCE} | ({"before": options.before.resolve()} if options.before else {})
    found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    for _ in range(options.rounds):
        for name, tree in trees.items():
            command = [
                sys.executable,
                __file__,
                *options.photos,
                "--child",
                "--minutes",
                str(options.minutes),
            ]
            environment = os.environ | {"PYTHONPATH": str(tree), "OMP_WAIT_POLICY": "passive"}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(name, found[name][-1], flush=True)
    result: dict[str, object] = {"rounds": found}
    for name, rounds in found.items():
        result[name] = {key: median(each[key] for each in rounds) for key in rounds[0]}
    if "before" in found:
        pairs = zip(found["now"], found["before"], strict=True)
        result["times_as_many_crops"] = median(
            now["crops_a_second"] / then["crops_a_second"] for now, then in pairs
        )
    write("training", result, small=options.minutes < 1)


def _train(photos: list[str], minutes: float) -> dict[str, float]:
    """Train for some minutes and count what was learned from."""
    from colorful.training import recipe, train
    from colorful.training.data import Batches

    options = recipe("lite", init_from="lite", minutes=minutes, report_minutes=1e6)
    with tempfile.TemporaryDirectory() as folder:
        train(photos, folder, init_from="lite", options=options, validation=1)
        lines = Path(folder, "log.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if "train/loss" in row]
    first, last = rows[0], rows[-1]
    plans = itertools.islice(Batches(options.crops, batch_size=options.batch_size, seed=0), last["step"])
    # A batch was a list of samples once, each a number and the side of its crop; now it is a plan.
    sizes = [
        (len(plan), plan[0][1]) if isinstance(plan, list) else (len(plan.numbers), plan.size)
        for plan in plans
    ][first["step"] :]
    seconds = 60 * (last["minutes"] - first["minutes"])
    return {
        "steps": len(sizes),
        "crops_a_second": sum(count for count, _ in sizes) / seconds,
        "megapixels_a_second": sum(count * side**2 for count, side in sizes) / seconds / 1e6,
    }


if __name__ == "__main__":
    main()
