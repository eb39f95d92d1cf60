"""Color the frames of a film that a program has in hand, and show a few of one that is in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from colorful import images
from colorful.colorizer import Colorizer
from colorful.errors import KindError, RangeError, ShapeError, brief, check_choice, is_number
from colorful.images import Picture
from colorful.images.sheet import lay_out
from colorful.look import check_count, check_number
from colorful.raster import light, render
from colorful.video.film import Film
from colorful.video.run import STEADY, default_colorizer
from colorful.video.stages import WINDOWS, Scene, Settling, Wait, stages

Photo = TypeVar("Photo", npt.NDArray[Any], Image.Image)

_ACROSS = 5
_TILE = 320
_MOST_TILES = 1000


def colorize_frames(
    frames: Iterable[Photo],
    *,
    colorizer: Colorizer | None = None,
    steady: float = STEADY,
    wait: Wait = "short",
    rate: float = 25,
) -> Iterator[Photo]:
    """Color frames one after another, with colors that are steady along the motion. L stays as it is.

    Frames are read when they are needed: eight go through the network together. Cuts between shots are found
    by themselves.

    Args:
        frames: Arrays or PIL images as :meth:`colorful.Colorizer.colorize` takes them, all of one size.
        colorizer: The model; by default the one that comes with the library.
        steady: As for :func:`colorize_video`.
        wait: How long a frame waits for later ones: ``"short"``, for up to 14, or ``"long"``, for up to 38.
        rate: Frames a second.

    Yields:
        One colored frame for each frame, of the same type.

    Raises:
        ShapeError: If a frame has another size than the first.
        RangeError: If *steady* or *rate* is out of its range.
        OptionError: If *wait* is none of the two.
        ColorfulError: As for :meth:`colorful.Colorizer.colorize`.

    Example:
        >>> import numpy as np
        >>> grey = [np.full((48, 64), level, np.uint8) for level in (80, 81, 82)]
        >>> [frame.shape for frame in colorize_frames(grey)]
        [(48, 64, 3), (48, 64, 3), (48, 64, 3)]
    """
    check_number("steady", steady, most=1)
    check_choice("wait", wait, WINDOWS)
    if not is_number(rate):
        raise KindError(f"rate: expected a number, got {brief(rate)}")
    if not rate > 0:
        raise RangeError(f"rate: expected frames a second, above 0, got {brief(rate)}")
    if isinstance(frames, np.ndarray) and frames.ndim < 3:
        raise KindError("frames: expected several, got a single one, which colorize takes")
    return _colored(frames, colorizer or default_colorizer(), steady, wait, 1 / rate)


def _colored(
    frames: Iterable[Any], colorizer: Colorizer, steady: float, wait: Wait, seconds: float
) -> Iterator[Any]:
    def scenes() -> Iterator[Scene[Picture]]:
        size: tuple[int, int] | None = None
        for number, frame in enumerate(frames):
            picture = images.read(frame)
            size = size or picture.size
            if picture.size != size:
                raise ShapeError(
                    f"frames: expected {size[1]} x {size[0]} pixels like the first, "
                    f"got {picture.width} x {picture.height} in frame {number}"
                )
            yield Scene(picture, number, seconds, light(picture.pixels, colorizer.input_size(size)))

    settling = Settling[Picture](steady=steady, wait=wait)
    settings = colorizer.settings
    # One after the other, in the caller's own thread: there is no telling what *frames* may do in another.
    for scene in stages(scenes(), colorizer, settling, hints={}, size=(0, 0), ahead=_in_turn):
        rgb = render(
            scene.source.pixels,
            scene.ab,
            upsample=settings["upsample"],
            gamut=settings["gamut"],
            guide=scene.light,
        )
        yield scene.source.colored(rgb).unwrap()


def _in_turn(items: Iterable[Any], *, room: int) -> Iterator[Any]:
    return iter(items)


def preview_video(
    source: str | os.PathLike[str],
    *,
    colorizer: Colorizer | None = None,
    count: int = 10,
    deinterlace: bool = False,
) -> Image.Image:
    """Color a few frames of a film, evenly spaced, to see the colors before the long run.

    Args:
        source: The film.
        colorizer: The model; by default the one that comes with the library.
        count: How many frames, 1 to 1000.
        deinterlace: Whether to make whole frames of interlaced ones.

    Returns:
        A sheet of them, five in a row, each with its time.

    Raises:
        VideoError: If *source* is no film.
        OptionError: If *count* is out of its range.
    """
    count = check_count("count", count, most=_MOST_TILES)
    colorizer = colorizer or default_colorizer()
    tiles: list[Image.Image] = []
    with Film(source, deinterlace=deinterlace) as film:
        for seconds, picture in film.glances(count):
            tile = colorizer.colorize(picture)
            tile.thumbnail((_TILE, _TILE), Image.Resampling.LANCZOS)
            minutes = f"{int(seconds // 60)}:{seconds % 60:05.2f}"
            ImageDraw.Draw(tile).text(
                (6, tile.height - 20), minutes, fill="white", stroke_width=1, stroke_fill="black"
            )
            tiles.append(tile)
    return lay_out([tiles[start : start + _ACROSS] for start in range(0, len(tiles), _ACROSS)], gap=0)
