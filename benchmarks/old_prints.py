"""How well old prints are colored: color photos, degraded in six ways, against the same photos as they are.

    python benchmarks/old_prints.py PHOTOS [--model lite] [--limit 1000]

For each degradation: AuC and rebalanced AuC less those of grey, against the true colors, and the colorfulness
of the result. The degradations are seeded by the photo's place, so that the table is the same each time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorful import Colorizer
from colorful.lab import lab_to_rgb, rgb_to_lab
from colorful.metrics import AbErrors, colorfulness
from colorful.photos import Photo, color_kind, find_photos
from colorful.training import aging

Degrade = Callable[[Tensor, np.random.Generator], Tensor]
SIZE = 256


def aged(**strengths: float) -> Degrade:
    """Make what degrades L, ``(1, H, W)``, in some of the ways of training, one after the other."""

    def degrade(light: Tensor, random: np.random.Generator) -> Tensor:
        for name, strength in strengths.items():
            way = aging.DEGRADATIONS[name]
            light = way.apply(light, [way.draw(random, strength, light.shape[1])]).clamp(0, 100)
        return light

    return degrade


def sepia(light: Tensor, random: np.random.Generator) -> Tensor:
    """Tone a print brown on yellowed paper, then scan it as grey."""
    tone = torch.tensor([1.0, random.uniform(0.8, 0.92), random.uniform(0.55, 0.75)])[:, None, None]
    grey = aged(contrast=0.5)(light, random) / 100
    return rgb_to_lab((0.06 + 0.9 * grey) * tone ** (1 - 0.5 * grey))[:1]  # (3, H, W) -> (1, H, W)


DEGRADATIONS: Mapping[str, Degrade] = {
    "clean": aged(),
    "faded": aged(contrast=0.7, fade=0.8),
    "grainy": aged(grain=0.8),
    "blurred": aged(blur=1.0),
    "scratched": aged(scratch=1.0),
    "strong JPEG": aged(jpeg=1.0),
    "sepia scan": sepia,
}


def measure(photos: list[Photo], model: str, limit: int) -> dict[str, dict[str, float]]:
    """Color every photo in each state."""
    colorizer = Colorizer.from_pretrained(model)
    errors = {name: AbErrors(ways=2) for name in DEGRADATIONS}
    vivid: dict[str, list[float]] = {name: [] for name in DEGRADATIONS}
    taken = 0
    for number, photo in enumerate(photos):
        pixels = photo.load()
        if color_kind(pixels) != "color":
            continue
        if taken == limit:
            break
        taken += 1
        square = np.array(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
        lab = rgb_to_lab(torch.from_numpy(square).movedim(-1, 0)[None] / 255)
        for place, (name, degrade) in enumerate(DEGRADATIONS.items()):
            light = degrade(lab[0, :1], np.random.default_rng((number, place)))
            grey = torch.cat((light, torch.zeros(2, SIZE, SIZE)))
            scan = (lab_to_rgb(grey)[0].numpy() * 255).round().astype(np.uint8)
            colored = torch.from_numpy(np.array(colorizer.colorize(scan))).movedim(-1, 0)[None]
            errors[name].update(lab[:, 1:], rgb_to_lab(colored / 255)[:, 1:], torch.zeros_like(lab[:, 1:]))
            vivid[name].append(float(colorfulness(colored)))
    table = {}
    for name, found in errors.items():
        (auc, grey_auc), (rebalanced, grey_rebalanced) = found.auc(), found.rebalanced_auc()
        table[name] = {
            "auc": auc - grey_auc,
            "auc_rebalanced": rebalanced - grey_rebalanced,
            "colorfulness": float(np.mean(vivid[name])),
        }
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photos", nargs="+", help="folders, files, tar shards")
    parser.add_argument("--model", default="lite")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument(
        "--names", help="a JSON file with a list of the photos' names to take, or photos.json"
    )
    arguments = parser.parse_args()
    photos = find_photos(arguments.photos)
    if arguments.names:
        names = json.loads(Path(arguments.names).read_text())
        chosen = set(names["test"] if isinstance(names, dict) else names)
        photos = [photo for photo in photos if photo.name in chosen]
    table = measure(photos, arguments.model, arguments.limit)
    clean = table["clean"]
    sys.stdout.write("| print | AuC | of clean | AuC rebalanced | of clean | colorfulness | of clean |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for name, row in table.items():
        cells = "".join(f" {row[key]:+.2f} | {row[key] / clean[key]:.0%} |" for key in clean)
        sys.stdout.write(f"| {name} |{cells}\n")


if __name__ == "__main__":
    main()
