"""DDColor beside its authors' modules, at 512 x 512, and what stands around it at 12 megapixels.

Needs the peer in the way of the session ``parity`` of nox. Weights are random, but the same for both; each
size is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from measure import grey, in_own_process, make_parser, photo, timed, write
from safetensors.torch import save_file

from colorful import Colorizer
from colorful.lab import lab_to_rgb
from colorful.models import DDColor

TESTS = Path(__file__).parent.parent / "tests"


def side_by_side(size: str, file: Path, *, small: bool) -> dict[str, Any]:
    """Time the authors' network and ours, whole photo in and out, and leave the weights in a file."""
    sys.path.insert(0, str(TESTS))
    from ddcolor_reference import authors_ddcolor, released

    with authors_ddcolor() as network:
        theirs = released(network, size)
    save_file(DDColor.converted(theirs.state_dict()), file)
    side = 64 if small else 512
    pixels = grey(photo(side, side))
    light = torch.rand(1, 1, side, side) * 100
    rgb = lab_to_rgb(torch.cat((light, torch.zeros(1, 2, side, side)), dim=1))
    ours = {
        name: Colorizer.from_pretrained(file, dtype=name, network_size=side)
        for name in ("float32", "bfloat16")
    }
    with torch.inference_mode():
        peer, *took = timed(
            lambda: theirs(rgb),
            *(lambda c=colorizer: c.colorize(pixels) for colorizer in ours.values()),
            repeats=1 if small else 7,
            spend=90,
        )
    row = {"the authors' network alone": peer} | dict(zip(ours, took, strict=True))
    return row | {f"peer_over_{name}": peer["median"] / row[name]["median"] for name in ours}


def alone(file: Path, dtype: str, *, small: bool) -> dict[str, Any]:
    """Measure a process that has nothing but one colorizer: its memory, and 12 megapixels."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    colorizer = Colorizer.from_pretrained(file, dtype=dtype, network_size=64 if small else None)
    colorizer.colorize(grey(photo(64, 64) if small else photo(512, 512)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    large = photo(300, 400) if small else photo(3000, 4000)
    inside = []
    runner = type(colorizer._runner)
    run = runner.run

    def watched(*arguments: Any, **options: Any) -> Any:
        start = time.perf_counter()
        output = run(*arguments, **options)
        inside.append(time.perf_counter() - start)
        return output

    runner.run = watched  # type: ignore[method-assign]
    outside = []
    for _ in range(1 if small else 5):
        inside.clear()
        start = time.perf_counter()
        colorizer.colorize(large)
        outside.append(time.perf_counter() - start - sum(inside))
    return {
        "peak_mib_above_import": memory / 1024,
        "seconds_outside_the_network_at_12_megapixels": sorted(outside)[len(outside) // 2],
    }


def main() -> None:
    """Measure both sizes, each thing in a process of its own."""
    parser = make_parser(__doc__)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        size, file, dtype = options.part
        row = (
            alone(Path(file), dtype, small=options.small)
            if dtype != "peer"
            else side_by_side(size, Path(file), small=options.small)
        )
        sys.stdout.write(json.dumps(row))
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in ("tiny", "large"):
            for part in ("peer", "float32", "bfloat16"):
                file = f"{folder}/{size}.safetensors"
                how = ["--small"] if options.small else []
                results[f"{size}, {part}"] = in_own_process(__file__, "--part", size, file, part, *how)
    write("ddcolor", results, small=options.small)


if __name__ == "__main__":
    main()
