"""Peak memory and time for photos of one number of pixels and any shape, each in a process of its own.

From file to file by ``lite``. Memory is what the process holds above what it held before; the time is that of
coloring an array, and that from file to file.

It can be run in parts: what ``results/shapes.json`` has of other sizes, shapes and kinds stays there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import RESULTS, forget_peak, in_own_process, make_parser, peak, promised, write
from PIL import Image

SHAPES = {"square": 0, "1 x N": 1, "N x 1": -1, "8 x N": 8, "N x 8": -8}
"""The shorter side; negative where the photo stands upright."""
KINDS = {"grey": 1, "color": 3}

BYTES_A_PIXEL, BYTES = 24, 200e6
RATIO = 3.0


def main() -> None:
    """Measure all, and hold it against what is promised."""
    parser = make_parser(__doc__)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 8, 64])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=[*SHAPES])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[*KINDS])
    parser.add_argument("--memory-only", action="store_true", help="for a machine that has other work")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        height, width, channels, folder = options.one
        sys.stdout.write(json.dumps(one(int(height), int(width), int(channels), Path(folder))))
        return
    results: dict[str, Any] = {} if options.small else before()
    for megapixels in [0.25] if options.small else options.megapixels:
        rows = results.setdefault(f"{megapixels:g} MP", {})
        for name in options.shapes:
            for kind in options.kinds:
                found = measure(shape(round(megapixels * 1e6), SHAPES[name]), KINDS[kind])
                if options.memory_only:
                    found = {key: figure for key, figure in found.items() if not key.startswith("seconds")}
                rows[f"{name}, {kind}"] = found
                sys.stderr.write(f"{megapixels:g} MP, {name}, {kind}: {found}\n")
        write("shapes", results, small=options.small)
        judge(f"{megapixels:g} MP", rows)


def before() -> dict[str, Any]:
    """Give what earlier runs have measured."""
    path = RESULTS / "shapes.json"
    return dict(json.loads(path.read_text())["results"]) if path.exists() else {}


def shape(pixels: int, side: int) -> tuple[int, int]:
    """Give height and width."""
    short = abs(side) or round(pixels**0.5)
    long = pixels // short
    return (long, short) if side < 0 else (short, long)


def measure(size: tuple[int, int], channels: int) -> dict[str, float]:
    """Color one photo in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return dict(in_own_process(__file__, "--one", *size, channels, folder))


def one(height: int, width: int, channels: int, folder: Path) -> dict[str, float]:
    """Make a photo and color it; give bytes and seconds."""
    from colorful import Colorizer, images

    source = folder / "photo.png"
    rng = np.random.default_rng(0)
    values = rng.integers(100, 140, (height, width, channels), np.uint8)
    values += (np.arange(width) * (80 / width)).astype(np.uint8)[:, None]
    pixels = values if channels == 3 else values[..., 0]
    if width == 1:  # row by row it would take minutes
        images.write(images.read(pixels), source)
    else:
        Image.fromarray(pixels).save(source, compress_level=1)
    colorizer = Colorizer.from_pretrained("lite", device="cpu")
    small = np.ascontiguousarray(pixels[:1000, :1000])
    colorizer.colorize(small)  # makes what is made once
    del values, pixels
    forget_peak()  # what went before was not the library's
    before = peak()
    start = time.perf_counter()
    colorizer.colorize_file(source, folder / "colored.png")
    whole, most = time.perf_counter() - start, peak()
    pixels = images.read(source).pixels
    start = time.perf_counter()
    colorizer.colorize(pixels)
    return {
        "pixels": height * width,
        "seconds": time.perf_counter() - start,
        "seconds from file to file": whole,
        "bytes": most - before,
    }


def judge(what: str, rows: dict[str, dict[str, float]]) -> None:
    """Print whether the promises are kept."""
    over = max(row["bytes"] / (BYTES_A_PIXEL * row["pixels"] + BYTES) for row in rows.values())
    promises = [("memory, as a share of what is promised", over, 1.0)]
    for key in ("seconds", "seconds from file to file"):
        for kind in KINDS:
            square = rows.get(f"square, {kind}", {}).get(key)
            took = [row[key] for name, row in rows.items() if name.endswith(kind) and key in row]
            if square:
                promises.append((f"{key}, {kind}, the slowest to the square one", max(took) / square, RATIO))
    for promise, figure, limit in promises:
        promised(f"{what}, {promise}", f"{figure:.2f}, at most {limit:g}", met=figure <= limit)


if __name__ == "__main__":
    main()
