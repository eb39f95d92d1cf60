"""Crops a second that lite learns from, of this code and of an older state of it, in turns.

    python benchmarks/training.py PHOTOS --before ../older/src

Each round takes some steps of training with each of the two, by its own recipe for going on from the bundled
weights, in a process of its own. Reading the photos and the first steps do not count. Where other programs
want the machine, the processor's time is the better figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from measure import write

_SOURCE = Path(__file__).parent.parent / "src"
_SELF = psutil.Process()
_WARM_UP = 4


def main() -> None:
    """Run rounds, or, as a child of such a run, train once."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--before", type=Path, help="the folder src of an older state")
    parser.add_argument("--steps", type=int, default=60, help="in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_train(options.photos, options.steps)))
        return
    trees = {"now": _SOURCE} | ({"before": options.before.resolve()} if options.before else {})
    found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    for _ in range(options.rounds):
        for name, tree in trees.items():
            command = [sys.executable, __file__, *options.photos, "--child", "--steps", str(options.steps)]
            environment = os.environ | {"PYTHONPATH": str(tree), "OMP_WAIT_POLICY": "passive"}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(name, found[name][-1], flush=True)
    result: dict[str, object] = {"rounds": found}
    for name, rounds in found.items():
        result[name] = {key: median(each[key] for each in rounds) for key in rounds[0]}
    if "before" in found:
        pairs = [*zip(found["now"], found["before"], strict=True)]
        for key in ("crops_a_second", "crops_a_processor_second"):
            result[f"times_{key}"] = median(now[key] / then[key] for now, then in pairs)
    write("training", result, small=options.steps < 40)


def _train(photos: list[str], steps: int) -> dict[str, float]:
    """Take some steps and count what was learned from."""
    from colorful import hub
    from colorful.photos import find_photos
    from colorful.training import recipe
    from colorful.training.data import survey
    from colorful.training.trainer import Trainer

    options = recipe("lite", init_from="lite", steps=steps)
    side = getattr(options.crops, "photo_side", None)  # before, photos were read anew for each sample
    found = survey(find_photos(photos), **({} if side is None else {"side": side}))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(hub.load("lite").float(), found, Path(folder), options)
        trainer.objective.train()
        crops = pixels = 0
        batches = trainer._batches()
        for step in range(-_WARM_UP, steps):
            if step == 0:
                started, spent = time.perf_counter(), _processor_seconds()
            batch = next(batches)
            light = batch[0]
            trainer._learn(batch)
            trainer.step += 1
            if step >= 0:
                crops, pixels = crops + light.shape[0], pixels + light.numel()
        seconds, spent = time.perf_counter() - started, _processor_seconds() - spent
        trainer.accelerator.end_training()
    return {
        "crops": crops,
        "crops_a_second": crops / seconds,
        "megapixels_a_second": pixels / seconds / 1e6,
        "crops_a_processor_second": crops / spent,
    }


def _processor_seconds() -> float:
    """Tell what this process and the workers it has now have used of the processors."""
    return sum(sum(each.cpu_times()[:2]) for each in (_SELF, *_SELF.children(recursive=True)))


if __name__ == "__main__":
    main()
