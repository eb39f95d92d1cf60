"""Make docs/reference/benchmarks.md from the JSON in ``results``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from measure import RESULTS, table
from report_choices import SECTIONS as CHOICES
from report_costs import SECTIONS as COSTS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "benchmarks.md"


def ms(timing: dict[str, float]) -> str:
    """Write median and quartiles."""
    q1, median, q3 = (timing[key] * 1000 for key in ("q1", "median", "q3"))
    digits = 0 if median >= 100 else 1
    return f"{median:.{digits}f} ({q1:.{digits}f}..{q3:.{digits}f})"


def ratio(value: float | None) -> str:
    """Write how many times faster; below 1 is a loss."""
    return "" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def circumstances(document: dict[str, Any]) -> dict[str, str]:
    """Say at which commit, on what and with what something was measured."""
    machine, threads = document["machine"], document["threads"]
    memory = f"{machine['memory_gib']} GiB"
    return {
        "commit": f"commit {document['commit']}",
        "machine": f"{machine['cpu']}, {machine['cores']} cores, {memory}, {machine['system']}",
        "threads": f"{threads} thread{'s' * (threads != 1)}",
        "Python": f"Python {document['python']}",
        **{name: f"{name} {number}" for name, number in document["versions"].items()},
    }


def footer(document: dict[str, Any], first: dict[str, Any]) -> str:
    """Write when something was measured, and what was otherwise than for the *first* section."""
    usual = circumstances(first)
    other = [text for name, text in circumstances(document).items() if usual.get(name) != text]
    return f"*{'; '.join([document['date'] + ' UTC', *other])}.*\n"


def networks(results: dict[str, Any]) -> str:
    """Write the networks alone."""
    rows = [
        [
            name,
            ms(row["ours float32"]),
            ms(row["ours bfloat16"]),
            ms(row["peer"]) if "peer" in row else "",
            ratio(row.get("peer_over_ours")),
            ratio(row.get("peer_over_ours_bfloat16")),
            f"{row['gflop_per_s']:.0f}",
            f"{100 * row['share_of_matrix_rate']:.0f} %",
        ]
        for name, row in results["networks"].items()
    ]
    head = [
        "256 x 256",
        "float32, ms",
        "bfloat16, ms",
        "peer, ms",
        "times faster",
        "in bfloat16",
        "GFLOP/s",
        "of a matrix product",
    ]
    differences = [
        [name.split(",")[0], f"{row['ab_std']:.1f}", f"{row['bfloat16_ciede2000']:.3f}"]
        for name, row in results["networks"].items()
        if "ab_std" in row
    ]
    lite = results["networks"]["lite, batch 1"]
    rates = ", ".join(f"{rate:.0f} at N = {size}" for size, rate in results["matrix_gflop_per_s"].items())
    largest = results["networks"]["siggraph17, batch 1"].get("peer_largest_ab_difference")
    return (
        "## Networks alone\n\n"
        + table(head, rows)
        + f"\nMatrix products of the same run, best GFLOP/s: {rates}; bfloat16 "
        f"{results['matrix_gflop_per_s_bfloat16']:.0f}. `lite` is {ratio(lite['peer_eccv16_over_ours'])} "
        "times as fast as the peer's eccv16. Our siggraph17 and the peer's, with the "
        f"same weights, differ by at most {largest:.1e} in ab.\n\n"
        "What bfloat16 changes, as the mean CIEDE2000 to float32:\n\n"
        + table(["", "standard deviation of ab", "CIEDE2000"], differences)
    )


def pipeline(results: dict[str, Any]) -> str:
    """Write the whole pipeline and its memory."""
    rows = [
        [
            name,
            ms(row["ours"]),
            ms(row["peer"]),
            ratio(row["peer_over_ours"]),
            ms(row["ours outside the network"]),
            ms(row["peer outside the network"]),
            ratio(row["peer_over_ours_outside"]),
        ]
        for name, row in results["pipeline"].items()
    ]
    head = [
        "eccv16, float32",
        "colorful, ms",
        "peer, ms",
        "times faster",
        "outside the network, ms",
        "peer, ms",
        "times faster",
    ]
    used = [
        [
            name,
            f"{row['ours']['peak_bytes'] / 2**20:.0f}",
            f"{row['peer']['peak_bytes'] / 2**20:.0f}",
            ratio(row["peer_over_ours"]),
            f"{row['ours']['bytes_a_pixel']:.1f}",
            f"{row['peer']['bytes_a_pixel']:.1f}",
        ]
        for name, row in results["memory"].items()
    ]
    return (
        "## From array to array\n\ncolorful runs with its defaults: it maps colors into the gamut, and "
        "upsamples along the edges of the photo. The peer does neither.\n\n"
        + table(head, rows)
        + "\nPeak memory of the process, and for each pixel how much more that is than after a photo of "
        "256 x 256, with the result:\n\n"
        + table(
            [
                "",
                "colorful, MiB",
                "peer, MiB",
                "times less",
                "colorful, bytes a pixel",
                "peer, bytes a pixel",
            ],
            used,
        )
    )


def lab(results: dict[str, Any]) -> str:
    """Write the conversions."""
    rows = [
        [
            name,
            ms(row["there"]),
            ms(row["back"]),
            ratio(row["scikit_image_over_this"]),
            ratio(row["this_over_opencv"]),
        ]
        for name, row in results["conversions"].items()
    ]
    head = [
        f"{results['pixels'] / 1e6:.0f} megapixels",
        "to Lab, ms",
        "back, ms",
        "times faster than scikit-image",
        "times OpenCV's time",
    ]
    return "## To Lab and back\n\n" + table(head, rows)


def folder(results: dict[str, Any]) -> str:
    """Write the folder of JPEGs."""
    return (
        f"## A folder of {results['photos']} one-megapixel JPEGs with lite\n\n"
        f"{results['photos_per_s']:.2f} photos/s, from file to file. The {results['cores']} cores were "
        f"{100 * results['cores_busy']:.0f} % busy. A photo took {results['cpu_seconds_a_photo']:.3f} "
        f"CPU-seconds, and {results['cpu_seconds_a_photo_on_one_thread']:.3f} where one thread worked alone. "
        f"This is {100 * results['share_of_what_the_cores_could_do']:.0f} % of what the cores could do if "
        "each of them colored photos alone.\n"
    )


def start(results: dict[str, Any]) -> str:
    """Write the starts."""
    return "## Start\n\n" + table(
        ["each in a new process", "ms"], [[name, ms(t)] for name, t in results.items()]
    )


def guided(results: dict[str, Any]) -> str:
    """Write what guided upsampling gains."""
    text = "## Guided and bilinear upsampling\n\nMean CIEDE2000 to the true colors, with the L of the photo. "
    text += "Edges are the pixels within 3 pixels of the tenth of all pixels where L changes most.\n\n"
    for name, study in results.items():
        rows = [
            [
                key,
                f"{row['bilinear']:.3f}",
                f"{row['guided']:.3f}",
                f"{row['photos_where_guided_is_nearer']} of {study['photos']}",
            ]
            for key, row in study.items()
            if isinstance(row, dict)
        ]
        text += table([name, "bilinear", "guided", "guided is nearer"], rows) + "\n"
        if "names" in study:
            text += "The photos: " + ", ".join(f"`{Path(photo).name}`" for photo in study["names"]) + ".\n"
    return text


def measures(results: dict[str, Any]) -> str:
    """Write what evaluating costs."""
    few, many = (count for count in results["memory"] if count.isdigit())
    rows = [[name, ms(timing)] for name, timing in results["measures"].items()]
    return (
        "## Evaluating at 256 x 256\n\n"
        f"{ms(results['seconds_a_photo'])} ms a photo besides the network, for the columns "
        f"{', '.join(results['columns'])}. {int(many):,} photos take "
        f"{results['memory']['difference_mib']:.0f} MiB more than {few}.\n\n"
        + table(["a measure of one photo", "ms"], rows)
    )


def web_load(results: dict[str, Any]) -> str:
    """Write how the page's server bears many clients."""
    loops = " and ".join(f"{rate:.2f}" for rate in results["photos_per_second_of_the_bare_loop"])
    outcomes = ", ".join(f"{status}: {count:,}" for status, count in sorted(results["outcomes"].items()))
    return (
        f"## The page's server under {results['clients']} clients\n\n"
        f"One-megapixel photos with lite, results as {results['format'].upper()}: "
        f"{results['photos_per_second']:.2f} photos/s over {results['seconds']:.0f} s. "
        "A bare loop of decoding, `colorize_many` and encoding "
        f"for the same clients did {loops} before and after it; the server reached "
        f"{100 * results['share_of_the_bare_loop']:.0f} % of the faster of them. Replies by status: "
        f"{outcomes}. Memory after the first quarter was {results['rss_mib_after_warm_up']:.0f} MiB at most, "
        f"in the last quarter {results['rss_mib_at_the_end']:.0f} MiB "
        f"({results['rss_growth_percent']:+.1f} %). No pixel of "
        "photos colored at the same time differs from that of photos colored one by one by more than "
        f"{results['largest_difference_from_series']}/255. After SIGTERM under this load, the server ended "
        f"within {results['term_seconds']:.1f} s and left {len(results['files_left']) or 'no'} files.\n"
    )


def web_crowd(results: dict[str, Any]) -> str:
    """Write how long who moves a slider waits for others."""
    alone, beside = (
        {name: round(1000 * seconds) for name, seconds in results[key].items()}
        for key in ("seconds_alone", "seconds_beside_the_crowd")
    )
    return (
        f"## A preview beside {results['clients']} clients with {results['megapixels']} megapixels\n\n"
        f"The picture of 512 x 512 pixels after a new point: alone {alone['median']} ms (95 of 100 within "
        f"{alone['p95']}), beside them {beside['median']} ms (95 of 100 within {beside['p95']}). Meanwhile "
        f"{results['large_done']} of the large photos were done. The server took "
        f"{results['rss_mib_at_most']:.0f} MiB at most.\n"
    )


def web_preview(results: dict[str, Any]) -> str:
    """Write how soon the picture follows on the page."""
    rows = [
        [name, f"{row['median']:.0f} ({row['q1']:.0f} to {row['q3']:.0f})"]
        for name, row in results["milliseconds"].items()
    ]
    width, height = results["preview_pixels"]
    return (
        "## The editor of the page\n\nThe time from a click, or from a move of a slider, to the frame "
        f"that shows the new picture of {width} x {height} pixels. Headless Chromium ran on the same machine "
        "as the server, with a one-megapixel photo and lite.\n\n" + table(["", "ms"], rows)
    )


def web_app(results: dict[str, Any]) -> str:
    """Write how soon the page without a server colors a photo."""
    row = results["seconds"]
    return (
        "## The page without a server\n\nFrom the choice of a one-megapixel JPEG to its picture in color, "
        "lite: Chromium without a screen, by WebAssembly in one thread, "
        f"{row['median']:.2f} s ({row['q1']:.2f} to {row['q3']:.2f}); the first photo after the page was "
        f"opened {results['seconds_first_photo']:.1f} s.\n"
    )


INTRODUCTION = """# Benchmarks

This page shows how fast colorful is, what it costs, and how good its choices are, also where it loses. The
scripts in `benchmarks/` measured everything and wrote `benchmarks/results/*.json`; `benchmarks/report.py`
made this page from these files. `benchmarks/run_all.py` runs the scripts one after the other.

For speed, the peer is [rz-colorization](https://pypi.org/project/rz-colorization/), the package of the
authors' networks. It gets the same weights, photos and threads, and both run in turn. Each figure is a
median with its quartiles; a first round does not count. "Times faster" below 1 means that colorful is
slower.

How the networks run by default:

- They compute in float32, in channels-last order, each timed in a process of its own.
- In `lite`, batch norm is folded into the convolutions. In eccv16 and siggraph17 it stays: there it follows
  the ReLU, and zero padding follows it, so that to fold it into the next convolution would change the
  colors at the border.
- On CPUs, the 3 x 3 convolutions of eccv16 and siggraph17 use Winograd's algorithm down the columns, which
  needs half the products. GFLOP/s are counted as without it, so they can be higher than those of a matrix
  product.
- In float32 this needs no more memory, because the weights are transformed anew for each photo. In
  bfloat16, where products are fast, the transformed weights of the larger layers are kept; they need twice
  the memory of the weights.
- `dtype="bfloat16"` and `compile=True` are off by default. The first changes colors a little. The second
  takes a minute at the first photo, and needs a C++ compiler.

There is no int8: when it was tried, its error was more than twice that of bfloat16, and it must be calibrated
on photos.
"""


USUAL = """
Each section ends with the time when it was measured. All else was as follows, except where a section says
otherwise: {}. A + after a commit: with changes that were not committed.
"""

# Sections that run_all.py leaves out, and what they need.
APART = {
    "training": "needs an older state of the code beside this one",
    "ddcolor": "needs the authors' modules",
}


def main() -> None:
    """Write the page from whatever results there are."""
    parts = [INTRODUCTION]
    sections = {
        "speed": (networks, pipeline),
        "lab": (lab,),
        "folder": (folder,),
        "start": (start,),
        "measures": (measures,),
        "guided": (guided,),
        "web_load": (web_load,),
        "web_crowd": (web_crowd,),
        "web_preview": (web_preview,),
        "web_app": (web_app,),
        **COSTS,
        **CHOICES,
    }
    first: dict[str, Any] | None = None
    for name, writers in sections.items():
        file = RESULTS / f"{name}.json"
        if not file.exists():
            continue
        document = json.loads(file.read_text())
        parts += [writer(document["results"]) for writer in writers]
        if first is None:
            first = document
            parts[0] += USUAL.format(", ".join(circumstances(first).values()))
        if name in APART:
            parts.append(f"`benchmarks/run_all.py` leaves this section out, because it {APART[name]}.\n")
        parts.append(footer(document, first))
    PAGE.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
