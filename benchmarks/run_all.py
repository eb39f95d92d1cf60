"""Run every benchmark, one after the other, and make the page of the documentation from what they found.

What is not given to it (``--photos``, ``--large`` and ``--films``, see guided.py, wishes.py and video.py) is
not measured anew; the page keeps the figures of the last run. If a benchmark fails, the others go on, and it
is named at the end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run them all, and make the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="try out that all run; the figures mean nothing")
    parser.add_argument("--photos", nargs="+", help="see guided.py")
    parser.add_argument("--large", help="see guided.py")
    parser.add_argument("--sheet", help="see guided.py")
    parser.add_argument("--films", nargs="+", help="see video.py")
    options = parser.parse_args()
    runs = [
        ["start.py"],
        ["lab.py"],
        ["speed.py"],
        ["folder.py"],
        ["shapes.py"],
        ["beside.py"],
        ["measures.py"],
    ]
    runs += [["web_load.py"], ["web_crowd.py"], ["web_preview.py"], ["web_app.py"]]
    if options.photos or options.large:
        guided = ["guided.py"]
        guided += ["--photos", *options.photos] if options.photos else []
        guided += ["--large", options.large] if options.large else []
        guided += ["--sheet", options.sheet] if options.sheet else []
        runs.append(guided)
    wishes = ["wishes.py", *(["--photos", *options.photos] if options.photos else ["--only", "speed"])]
    runs.append([*wishes, *(["--clips", *options.films] if options.films else [])])
    if options.films:
        runs.append(["video.py", "--films", *options.films])
    failed = []
    for script, *arguments in runs:
        started = time.perf_counter()
        command = [sys.executable, str(HERE / script), *arguments, *(["--small"] if options.small else [])]
        ended = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        failed += [script] if ended.returncode else []
        took = f"{time.perf_counter() - started:.0f} s"
        sys.stdout.write(f"{script}: {took}{', failed' if ended.returncode else ''}\n")
        sys.stdout.flush()
    if not options.small:
        subprocess.run([sys.executable, str(HERE / "report.py")], check=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
