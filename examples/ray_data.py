"""Color photos on a Ray cluster: Ray Data hands out the jobs of a plan.

python ray_data.py SOURCE TARGET    both on a file system that all machines share, or s3://...
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import ray

from colorful import Colorizer
from colorful.folder import color
from colorful.outcomes import Record
from colorful.plan import Job, Outcome, Plan, make_plan


class Coloring:
    """An actor on one core: it has the model, and colors batches of jobs."""

    def __init__(self, plan: Plan, colorizer: Colorizer) -> None:
        self.plan, self.colorizer = plan, colorizer

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Color what a batch names, and give a row for each photo."""
        rows = []
        for source, target in zip(batch["source"], batch["target"], strict=True):
            job = Job(str(source), str(target))
            rows.append(color(job, self.colorizer, existing="skip", **self.plan.options).row())
        return {name: np.array([row[name] for row in rows], dtype=object) for name in rows[0]}


def colorize(source: str, target: str) -> dict[str, int]:
    """Color the photos below *source*, and count what became of them."""
    colorizer = Colorizer.from_pretrained(os.environ.get("MODEL", "lite"))
    plan = make_plan(source, target, recursive=True, existing="skip").agreed(colorizer)
    header = Plan([], existing="skip", options=plan.options, agreement=plan.agreement)
    counts = {"done": 0, "skipped": 0, "failed": 0}
    with Record(plan) as record:  # so that a second run goes on
        jobs = [{"source": str(job.source), "target": str(job.target)} for job in record.remaining()]
        counts["skipped"] = len(plan.jobs) - len(jobs)
        if not jobs:
            return counts
        cores = int(ray.cluster_resources()["CPU"])
        rows = ray.data.from_items(jobs, override_num_blocks=min(len(jobs), 4 * cores)).map_batches(
            Coloring,
            fn_constructor_args=(header, colorizer),
            batch_size=8,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=cores),
        )
        for row in rows.iter_rows():
            record.add(Outcome.of(row))
            counts[row["status"]] += 1
    return counts


if __name__ == "__main__":
    ray.init(address=os.environ.get("RAY_ADDRESS"))
    print(colorize(*sys.argv[1:]))
