"""Sections of the page of benchmarks: choosing colors, and films."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from measure import table


def pm(value: dict[str, float], *, share: bool = False) -> str:
    """Write a mean with its interval."""
    digits, factor, unit = (0, 100, " %") if share else (2, 1, "")
    mean, half = factor * value["mean"], factor * value["half_95"]
    return f"{mean:{'' if share else '+'}.{digits}f} ± {half:.{digits}f}{unit}"


def of_photos(results: dict[str, Any]) -> str:
    """Write on how many photos something was measured."""
    return (
        f"{results['photos']} {results['part']} photos of 160 pixels; PSNR in dB, gain over the plain picture"
    )


def wishes_ask(results: dict[str, Any]) -> str:
    """Write what answers are worth."""
    ways = ("asked", "random", "random, asked radius", "asked over random")
    rows = [
        [way, *(pm(gain) + (f", {gain['worse']:.1%} worse" if "worse" in gain else "") for gain in gains)]
        for way, gains in ((way, results[way].values()) for way in ways)
    ]
    return (
        "## Answers to questions\n\nTrue colors, given as hints at the places that `ask` names, and at "
        f"random places. {of_photos(results)}, and the share of photos that become worse.\n\n"
        + table(["", *(f"{count} place{'s'[: count != '1']}" for count in results["asked"])], rows)
    )


def wishes_like(results: dict[str, Any]) -> str:
    """Write what examples do."""
    rows = [
        [
            name,
            pm(value, share=name.endswith("nearer")) + ("" if "near" in name or "moves" in name else " dB"),
        ]
        for name, value in results.items()
        if isinstance(value, dict)
    ]
    return (
        "## Colors like an example's\n\nThe example is the photo itself, mirrored and cropped; or a photo of "
        "something else; or the frame of a film two seconds earlier. *Moves* is how far colors change, in "
        "CIELAB units. *Nearer* is how much smaller the sliced earth mover's distance between the colors of "
        f"both photos becomes. {of_photos(results)}.\n\n" + table(["", "95 % interval"], rows)
    )


def wishes_variants(results: dict[str, Any]) -> str:
    """Write how variants differ and how good they are."""
    rows = [
        ["best of five", pm(results["best of five"]) + " dB"],
        ["mean of the four others", pm(results["the others' mean"]) + " dB"],
        ["mean difference of a pair, CIELAB units", pm(results["mean difference"]).lstrip("+")],
        ["photos with a pair that differs by less than 3", f"{results['photos with a pair under 3']}"],
        ["vivid and wrong pixels, the plain picture", f"{results['vivid and wrong, plain']:.2%}"],
        ["vivid and wrong pixels, the others", f"{results['vivid and wrong, others']:.2%}"],
    ]
    return (
        f"## Variants\n\nFive variants of each photo; the first is the plain picture. {of_photos(results)}. "
        "*Vivid and wrong* means a chroma above 25, and more than 40 from the true color.\n\n"
        + table(["", "95 % interval"], rows)
    )


def wishes_speed(results: dict[str, Any]) -> str:
    """Write what choosing costs."""
    last = "four variants, in colorings"
    rows = [
        [name, f"{value:.1f}"] for name, value in results.items() if isinstance(value, float) and name != last
    ]
    return (
        "## Time to choose, at one megapixel with lite\n\n"
        + table(["", "ms"], rows)
        + f"\nFour variants take as long as {results[last]:.1f} colorings.\n"
    )


def video_steady(results: dict[str, Any]) -> str:
    """Write how steady films are."""
    names = {"film": "the film's own", "short wait": "steady, short wait", "long wait": "steady, long wait"}
    rows, plain = [], {}
    for row in results["steady"]:
        if row["way"] == "film" and row["film"].endswith("aged"):
            continue
        if row["way"] == "frame by frame":
            plain = row
        against = row["way"] in ("short wait", "long wait")
        rows.append(
            [
                row["film"],
                names.get(row["way"], row["way"]),
                f"{row['warp_error']:.2f}"
                + (f" ({row['warp_error'] / plain['warp_error']:.2f} x)" if against else ""),
                f"{row['static_flicker']:.2f}",
                f"{1000 * row['consistency']:.1f}",
                f"{row['colorfulness']:.1f}"
                + (f" ({row['colorfulness'] / plain['colorfulness']:.0%})" if against else ""),
                "" if row["psnr"] is None else f"{row['psnr']:.2f}",
            ]
        )
    head = ["film", "colors", "warp error", "static flicker", "CDC x 1000", "colorfulness", "PSNR"]
    return (
        "## Films: how steady\n\nFilms in color that `lite` colored from their light alone "
        f"({results['dtype']}). In brackets: compared with frame by frame. *Aged* films have lighter blacks, "
        "and grain and another exposure in each frame. [](metrics.md) has the definitions.\n\n"
        + table(head, rows)
    )


def video_speed(results: dict[str, Any]) -> str:
    """Write how fast films are colored."""
    rows = [
        [
            f"{row['height']} rows, {row['frames']} frames",
            f"{row['frames_per_second']:.1f}",
            f"{1000 * row['processor_seconds_per_frame']:.0f}",
            f"{row['peak_megabytes']:.0f}",
        ]
        for row in results.get("speed") or results["memory"]
    ]
    what = "how fast" if "speed" in results else "memory of short and long ones"
    return f"## Films: {what}\n\n`colorful video`, from file to file, H.264, {results['dtype']}.\n\n" + table(
        ["", "frames/s", "processor ms a frame", "peak, MB"], rows
    )


def video_hints(results: dict[str, Any]) -> str:
    """Write how far hints reach."""
    rows = [
        [
            film,
            f"{row['without']:.2f}",
            *(
                f"{row[way]:.2f} ({row[way] - row['without']:+.2f})"
                for way in ("with", "asked")
                if way in row
            ),
        ]
        for film, row in results["hints"].items()
    ]
    ways = ["", "without", "on a grid", "where `ask` asks"][: len(rows[0])]
    return (
        "## Films: eight hints on one frame\n\nTrue colors at eight places of the frame in the middle of a "
        "shot: once on a grid, whatever lies there, and once where `ask` asks for them on that frame. Mean "
        "PSNR over the shot, in dB. In bikes, a bus and two cars hide up to six of the places on the grid in "
        "27 of the 60 frames. A hint rests while its place is hidden.\n\n" + table(ways, rows)
    )


def video_cuts(results: dict[str, Any]) -> str:
    """Write which cuts are found."""
    found = results["cuts"]
    return (
        f"## Films: cuts\n\n{found['cuts']} cuts between the films at random frames: precision "
        f"{found['precision']:.3f}, recall {found['recall']:.3f}.\n"
    )


SECTIONS: dict[str, tuple[Callable[[dict[str, Any]], str], ...]] = {
    "wishes_ask": (wishes_ask,),
    "wishes_like": (wishes_like,),
    "wishes_variants": (wishes_variants,),
    "wishes_speed": (wishes_speed,),
    "video_steady": (video_steady,),
    "video_hints": (video_hints,),
    "video_cuts": (video_cuts,),
    "video_speed": (video_speed,),
    "video_memory": (video_speed,),
}
