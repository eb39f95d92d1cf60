"""How long a start takes: the import, the command's version, the first photo."""

from __future__ import annotations

import subprocess
import sys

from measure import make_parser, timed, write

CALLS = {
    "import colorful": "import colorful",
    "import torch": "import torch",
    "colorful --version": "import sys; sys.argv[1:] = ['--version']; from colorful.cli import main; main()",
    "colorful --help": "import sys; sys.argv[1:] = ['--help']; from colorful.cli import main; main()",
}


def main() -> None:
    """Time each in a process of its own."""
    small = make_parser(__doc__).parse_args().small

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    took = timed(
        *(lambda code=code: run(code) for code in ("pass", *CALLS.values())), repeats=2 if small else 7
    )
    write("start", dict(zip(("python alone", *CALLS), took, strict=True)), small=small)


if __name__ == "__main__":
    main()
