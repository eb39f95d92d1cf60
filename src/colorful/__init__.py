"""Color black-and-white photos.

Public names load on first use, so that ``import colorful`` is instant.
"""

import os as _os

import lazy_loader as _lazy

__version__ = "0.1.0"

# Not what needs an extra (cluster, export, video, web), which is found by its name: without the extra,
# `from colorful import *` and help() would fail.
__all__ = [
    "ColorfulError",
    "Colorizer",
    "Hint",
    "Look",
    "Prediction",
    "Settings",
    "colorize",
    "colorize_folder",
    "errors",
    "evaluate",
    "evaluation",
    "hub",
    "images",
    "lab",
    "load_hints",
    "metrics",
    "models",
    "photos",
    "training",
]

# For type checkers, and for programs such as PyInstaller that look for imports. To load `typing` for the name
# would be most of the time of `import colorful`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from colorful import cluster as cluster
    from colorful import errors, evaluation, hub, images, lab, metrics, models, photos, training
    from colorful import export as export
    from colorful import video as video
    from colorful import web as web
    from colorful.colorizer import Colorizer, Prediction
    from colorful.default import colorize
    from colorful.errors import ColorfulError
    from colorful.evaluation import evaluate
    from colorful.folder import colorize_folder
    from colorful.hints import Hint, load_hints
    from colorful.look import Look, Settings
    from colorful.video import colorize_frames as colorize_frames
    from colorful.video import colorize_video as colorize_video

# The same for Python, when a name is asked for.
__getattr__, _, _ = _lazy.attach(
    __name__,
    {
        "cluster",
        "errors",
        "evaluation",
        "export",
        "hub",
        "images",
        "lab",
        "metrics",
        "models",
        "photos",
        "training",
        "video",
        "web",
    },
    {
        "colorizer": ["Colorizer", "Prediction"],
        "default": ["colorize"],
        "errors": ["ColorfulError"],
        "evaluation": ["evaluate"],
        "folder": ["colorize_folder"],
        "hints": ["Hint", "load_hints"],
        "look": ["Look", "Settings"],
        "video": ["colorize_frames", "colorize_video"],
    },
)


# Of PyPI's `colorful`, see there. One question to the file system is all that a sound installation pays.
if _os.path.lexists(f"{__path__[0]}/terminal.py"):
    from colorful import installation as _installation

    _installation.warn_of_others(__path__[0])


def __dir__() -> list[str]:
    return list(__all__)
