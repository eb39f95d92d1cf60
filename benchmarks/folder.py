"""A folder of one-megapixel JPEGs with lite: are the cores kept busy, and with work that counts?"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import make_parser, photo, write
from PIL import Image
from speed import lite

from colorful import Colorizer
from colorful.folder import colorize_folder


def main() -> None:
    """Color the folder, and a few of its photos one by one on one thread, in turn."""
    small = make_parser(__doc__).parse_args().small
    count, alone, rounds = (4, 2, 1) if small else (200, 20, 9)
    colorizer = Colorizer(lite(), device="cpu", name="lite")
    cores, threads = len(os.sched_getaffinity(0)), torch.get_num_threads()
    taken: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "photos"), Path(folder, "out")
        source.mkdir()
        scenes = [photo(866, 1155, name) for name in ("coffee", "astronaut", "chelsea", "rocket")]
        for number in range(count):
            turned = np.roll(scenes[number % len(scenes)], 37 * number, axis=1)
            Image.fromarray(turned).save(source / f"{number:04}.jpg", quality=90)
        colorizer.colorize(scenes[0])
        for _ in range(rounds):
            torch.set_num_threads(1)
            before = time.process_time()
            for path in sorted(source.iterdir())[:alone]:
                colorizer.colorize_file(path, Path(folder, path.name), overwrite=True)
            cpu_alone = (time.process_time() - before) / alone
            torch.set_num_threads(threads)

            started, cpu = time.perf_counter(), time.process_time()
            summary = colorize_folder(source, out, colorizer=colorizer, overwrite=True)
            wall, cpu = time.perf_counter() - started, time.process_time() - cpu
            if summary.done != count:
                raise RuntimeError(f"{summary.done} of {count} photos were done")
            taken.append(
                {
                    "seconds": wall,
                    "photos_per_s": count / wall,
                    "cores_busy": cpu / (wall * cores),
                    "cpu_seconds_a_photo": cpu / count,
                    "cpu_seconds_a_photo_on_one_thread": cpu_alone,
                    "share_of_what_the_cores_could_do": (count / wall) / (cores / cpu_alone),
                }
            )
    middle = {name: float(np.median([one[name] for one in taken])) for name in taken[0]}
    write("folder", {"photos": count, "cores": cores, "rounds": rounds} | middle, small=small)


if __name__ == "__main__":
    main()
