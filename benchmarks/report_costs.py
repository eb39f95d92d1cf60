"""Sections of the page of benchmarks: what odd shapes, busy cores, training and DDColor cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from measure import table


def shapes(results: dict[str, Any]) -> str:
    """Write what photos of one number of pixels and any shape take."""
    rows = [
        [
            f"{size}, {name}",
            f"{row['bytes'] / 2**20:.0f}",
            f"{row['bytes'] / row['pixels']:.1f}",
            *(f"{row[key]:.2f}" if key in row else "" for key in ("seconds", "seconds from file to file")),
        ]
        for size, photos in results.items()
        for name, row in photos.items()
    ]
    return (
        "## Photos of any shape\n\nBy lite, each in its own process. Memory is the peak above what was "
        "held before, from file to file.\n\n"
        + table(["", "MiB", "bytes a pixel", "array to array, s", "file to file, s"], rows)
    )


def beside(results: dict[str, Any]) -> str:
    """Write how long coloring takes beside others on the same cores."""
    (ratios,) = (rows for name, rows in results.items() if name.startswith("times as long"))
    subjects = {name: rows for name, rows in results.items() if rows is not ratios}
    conditions = [*next(iter(subjects.values()))]
    rows = [
        [
            name,
            *(f"{took[condition]['median'] * 1000:.0f}" for condition in conditions),
            f"{ratios[name]:.2f}",
        ]
        for name, took in subjects.items()
    ]
    return (
        "## Beside other programs\n\nMedian, in ms, with others at work on the same cores; last, how many "
        "times as long it takes beside two processes with torch. The command, the page and folders let "
        "threads that wait sleep; the library leaves this to your program "
        "([how](../how-to/embed.md#beside-other-programs)).\n\n"
        + table(["", *conditions, "times as long"], rows)
    )


def training(results: dict[str, Any]) -> str:
    """Write how many crops a second lite learns from."""
    rows = [
        [
            name,
            f"{results[name]['crops_a_second']:.1f}",
            f"{results[name]['megapixels_a_second']:.2f}",
            f"{results[name]['crops_a_processor_second']:.1f}",
        ]
        for name in results["rounds"]
    ]
    head = ["lite", "crops a second", "megapixels a second", "crops in a second of processor time"]
    text = "## Training\n\nHow fast `lite` learns on processors. *Before* is an older state of the code.\n\n"
    text += table(head, rows)
    if "times_crops_a_second" in results:
        text += (
            f"\nBoth were measured in turns. Now there are {results['times_crops_a_second']:.2f} times as "
            f"many crops a second, and {results['times_crops_a_processor_second']:.2f} times as many in a "
            "second of processor time.\n"
        )
    return text


def ddcolor(results: dict[str, Any]) -> str:
    """Write DDColor beside its authors' network."""
    rows = []
    alone_key = "the authors' network alone"
    for name, peer in results.items():
        if not name.endswith(", peer"):
            continue
        authors = peer[alone_key]["median"]
        size = name.removesuffix(", peer")
        for dtype in ("float32", "bfloat16"):
            alone = results[f"{size}, {dtype}"]
            rows.append(
                [
                    f"{size}, {dtype}",
                    f"{authors:.2f}",
                    f"{peer[dtype]['median']:.2f}",
                    f"{peer[f'peer_over_{dtype}']:.2f}",
                    f"{alone['peak_mib_above_import']:.0f}",
                    f"{alone['seconds_outside_the_network_at_12_megapixels']:.2f}",
                ]
            )
    head = [
        "512 x 512",
        "the authors' network alone, s",
        "colorful, photo to photo, s",
        "times faster",
        "peak, MiB",
        "beside the network at 12 megapixels, s",
    ]
    return "## DDColor\n\nThe same random weights for both.\n\n" + table(head, rows)


SECTIONS: dict[str, tuple[Callable[[dict[str, Any]], str], ...]] = {
    "shapes": (shapes,),
    "beside": (beside,),
    "training": (training,),
    "ddcolor": (ddcolor,),
}
