"""The default model, loaded when a photo first needs it."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any, Unpack, overload

import numpy.typing as npt
from PIL import Image

from colorful.colorizer import Colorizer
from colorful.hints import Hint
from colorful.look import Look
from colorful.prediction import Example, FileLike, Mask

_default: Colorizer | None = None
_loading: dict[int, threading.Lock] = {}  # by process: a fork has none of the threads that load


@overload
def colorize(
    photo: npt.NDArray[Any],
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    like: Example | None = None,
    **look: Unpack[Look],
) -> npt.NDArray[Any]: ...
@overload
def colorize(
    photo: Image.Image | FileLike,
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    like: Example | None = None,
    **look: Unpack[Look],
) -> Image.Image: ...
def colorize(
    photo: npt.NDArray[Any] | Image.Image | FileLike,
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    like: Example | None = None,
    **look: Unpack[Look],
) -> npt.NDArray[Any] | Image.Image:
    """Color a photo with the default model, which is loaded when this is first called.

    Args:
        photo: An array, a PIL image, a path, the bytes of a file, or a binary file.
        hints: Known colors of spots in the photo.
        keep: Where the photo stays as it is; see :meth:`Colorizer.colorize`.
        like: An example: a color photo, or the colors of a palette.
        **look: Options instead of the model's own; see :class:`~colorful.look.Look`.

    Returns:
        For an array, an array; for everything else, a PIL image.

    Raises:
        ColorfulError: As :meth:`Colorizer.colorize` and :meth:`Colorizer.from_pretrained`.
    """
    return _default_colorizer().colorize(photo, hints=hints, keep=keep, like=like, **look)


def _default_colorizer() -> Colorizer:
    """Load the default model once for all callers."""
    global _default
    with _loading.setdefault(os.getpid(), threading.Lock()):
        if _default is None:
            _default = Colorizer.from_pretrained()
        return _default
