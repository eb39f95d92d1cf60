"""Words for an installation that two packages share: ours, and PyPI's ``colorful``, colors for terminals.

Both are imported as ``colorful``, and pip lets one overwrite files of the other without a word.
``ray[default]`` brings the other along.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

# Beside the files of the other package that we have, too: __init__.py and core.py.
_THEIRS = ("ansi.py", "colors.py", "styles.py", "terminal.py", "utils.py", "data")
_REPAIR = (
    "pip uninstall --yes colorful colorful-colorization; pip install colorful-colorization "
    "(Ray's commands do without the other)"
)


def warn_of_others(folder: str) -> None:
    """Warn that files of the other package lie under ours.

    Args:
        folder: That of this package.
    """
    there = ", ".join(name for name in _THEIRS if Path(folder, name).exists())
    warnings.warn(
        f"colorful: files of another package, PyPI's 'colorful', lie in {folder}: {there}. Photos are "
        f"colored, but to uninstall one of both breaks the other. To have ours alone: {_REPAIR}",
        stacklevel=3,
    )


def check() -> None:
    """Check that the ``colorful`` which is imported is ours.

    Raises:
        ImportError: If its ``__init__.py`` was overwritten, or was deleted with the other package.
    """
    package = sys.modules["colorful"]
    # Not getattr: of the other package it gives a color for any name.
    if vars(package).get("__all__"):
        return
    file = vars(package).get("__file__") or vars(sys.modules.get("colorful_orig", package)).get("__file__")
    folder = Path(__file__).parent
    what = (
        f"{file} is that of another package, PyPI's 'colorful'"
        if file
        else f"{folder / '__init__.py'} is gone"
    )
    raise ImportError(
        f"colorful: the package that colors photos is damaged: {what}. It was installed over ours, or "
        f"uninstalled after it. To repair it: {_REPAIR}"
    )
