"""What evaluating costs beyond the network: time a photo at 256 x 256, and memory as the set grows.

The network is a stand-in that costs nothing, and the 10,000 photos of the memory part are a few files under
many names: what is kept of each is the same. They take a few minutes.
"""

from __future__ import annotations

import argparse
import atexit
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import (
    forget_peak,
    in_own_process,
    make_parser,
    peak,
    photo,
    quartiles,
    resident,
    timed,
    write,
)
from PIL import Image

from colorful import Colorizer
from colorful.evaluation import evaluate
from colorful.lab import rgb_to_lab
from colorful.metrics import ciede2000, ssim
from colorful.models import Network, NetworkConfig
from colorful.photos import Photo

SIZE = 256
NAMES = ("astronaut", "chelsea", "coffee", "rocket")


class Nothing(Network):
    """A network that costs nothing: what is left is the evaluation."""

    architecture = "lite"
    output = "regression"
    takes_hints = False
    stride = 4
    multiple = 4

    def forward(
        self, light: torch.Tensor, ab: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Give ab that changes with L."""
        light = light[..., ::4, ::4] / 4
        return torch.cat((light, 20 - light), dim=1)


def pictures(count: int) -> list[np.ndarray]:
    """Give photos that differ, each shifted by another distance."""
    originals = [photo(SIZE, SIZE, name) for name in NAMES]
    return [np.roll(originals[number % len(NAMES)], number, axis=1) for number in range(count)]


def on_disk(count: int) -> list[Photo]:
    """Give as many photos as wished that lie in a few files."""
    folder = Path(tempfile.mkdtemp(prefix="colorful-measures-"))
    atexit.register(shutil.rmtree, folder)
    files = [folder / f"{name}.png" for name in NAMES]
    for name, file in zip(NAMES, files, strict=True):
        Image.fromarray(photo(SIZE, SIZE, name)).save(file)
    return [Photo(f"{number:06d}", files[number % len(files)]) for number in range(count)]


def measure_peak(colorizer: Colorizer, count: int) -> dict[str, int]:
    """Evaluate, and tell the resident memory before, and at its highest from then on (Linux only)."""
    evaluate(on_disk(4), model=colorizer)  # code and tables that the first photos bring in
    level = resident()
    forget_peak()
    evaluate(on_disk(count), model=colorizer).as_dict()
    return {"level_bytes": level, "peak_bytes": peak()}


def main() -> None:
    """Time evaluations with a network that costs nothing, and two of the measures."""
    parser = make_parser(__doc__)
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    colorizer = Colorizer(Nothing(NetworkConfig()), device="cpu", name="nothing")
    if options.peak:
        sys.stdout.write(json.dumps(measure_peak(colorizer, options.peak)))
        return
    few, many = (8, 16) if options.small else (100, 10_000)
    photos = pictures(few)
    evaluate(photos[:4], model=colorizer)
    # Resampling is done once a set; it is not in the time of a photo.
    rounds = []
    for _ in range(1 if options.small else 5):
        start = time.perf_counter()
        evaluate(photos, model=colorizer)
        rounds.append((time.perf_counter() - start) / few)
    network = timed(lambda: colorizer.predict(photos[0]), repeats=2 if options.small else 20)[0]["median"]
    one, other = photos[0], photos[1]
    tensors = [torch.from_numpy(pixels).permute(2, 0, 1)[None] for pixels in (one, other)]
    labs = [rgb_to_lab(tensor / 255) for tensor in tensors]
    calls = {
        "ssim": lambda: ssim(*tensors),
        "ciede2000": lambda: ciede2000(*labs),
    }
    took = timed(*calls.values(), repeats=2 if options.small else 20)
    results: dict[str, Any] = {
        "seconds_a_photo": quartiles(rounds),
        "of_these_light_and_an_empty_network": network,
        "columns": ["grey", "random", "model"],
        "measures": dict(zip(calls, took, strict=True)),
        "memory": {str(count): in_own_process(__file__, "--peak", count) for count in (few, many)},
    }
    above = [each["peak_bytes"] - each["level_bytes"] for each in results["memory"].values()]
    results["memory"]["difference_mib"] = (above[1] - above[0]) / 2**20
    write("measures", results, small=options.small)


if __name__ == "__main__":
    main()
