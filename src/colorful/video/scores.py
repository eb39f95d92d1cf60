"""How good and how steady are a model's colors? Measured on films that are in color."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice, tee
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from colorful.colorizer import Colorizer
from colorful.errors import VideoError
from colorful.lab import rgb_to_lab
from colorful.metrics import ColorConsistency, colorfulness, psnr, static_flicker, warp_error
from colorful.video.film import Film
from colorful.video.frames import colorize_frames
from colorful.video.run import STEADY, default_colorizer

Rgb = npt.NDArray[np.float32]

_TALLEST, _LEAST_SIDE = 480, 16
_LEAST_FOLLOWED = 0.3
"""Share of the pixels below which two frames are taken to be of different shots, and are not compared."""


class FilmScore(NamedTuple):
    """How one way of coloring a film did.

    Attributes:
        way: ``"film"`` (its own colors), ``"frame by frame"``, ``"short wait"`` or ``"long wait"``.
        warp_error: Mean of :func:`colorful.metrics.warp_error` over pairs of frames.
        static_flicker: Mean of :func:`colorful.metrics.static_flicker`.
        consistency: :class:`colorful.metrics.ColorConsistency`.
        colorfulness: Mean over the frames, after Hasler and Suesstrunk.
        psnr: Mean over the frames, in dB; infinite for the film's own.
    """

    way: str
    warp_error: float
    static_flicker: float
    consistency: float
    colorfulness: float
    psnr: float


def evaluate_film(
    source: str | os.PathLike[str],
    *,
    colorizer: Colorizer | None = None,
    steady: float = STEADY,
    frames: int | None = None,
    age: Callable[[Rgb], Rgb] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> list[FilmScore]:
    """Color a film that is in color by its light, in three ways, and compare each with its own colors.

    Frames of more than 480 rows are scored at 480. Motion is found by another search than the one that keeps
    colors steady: at full size, with OpenCV's finest steps, in the film as it is.

    Args:
        source: A film in color.
        colorizer: The model; by default the one that comes with the library.
        steady: As for :func:`colorize_video`.
        frames: How many to score at most, from the beginning; all by default.
        age: Makes an old one of each frame, ``(H, W, 3)`` in [0, 1], before it is colored in each way.
        progress: Called after each frame with the number of frames done and that of all.

    Returns:
        The film's own colors, each frame by itself, and steady colors after a short and a long wait.

    Raises:
        VideoError: If *source* is no film, or has fewer than two frames.
    """
    colorizer = colorizer or default_colorizer()
    with Film(source) as film:
        total = min(film.facts.frames, frames or film.facts.frames)
        rate = float(film.facts.rate)
    own, seen = tee(islice(_pictures(source), frames))
    old = tee(seen if age is None else map(age, seen), 3)  # aged once: all ways color the same grain
    ways = {
        "film": own,
        "frame by frame": colorize_frames(old[0], colorizer=colorizer, steady=0, rate=rate),
        "short wait": colorize_frames(old[1], colorizer=colorizer, steady=steady, rate=rate),
        "long wait": colorize_frames(old[2], colorizer=colorizer, steady=steady, wait="long", rate=rate),
    }
    tallies = {way: _Tally() for way in ways}
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    before: npt.NDArray[np.uint8] | None = None
    for number, pictures in enumerate(zip(*ways.values(), strict=True), start=1):
        grey = np.rint(cv2.cvtColor(pictures[0], cv2.COLOR_RGB2GRAY) * 255).astype(np.uint8)
        flows = None if before is None else (_flow(search, grey, before), _flow(search, before, grey))
        for tally, picture in zip(tallies.values(), pictures, strict=True):
            tally.add(_tensor(picture), _tensor(pictures[0]), flows)
        before = grey
        if progress is not None:
            progress(number, total)
    if before is None or not tallies["film"].pairs:
        raise VideoError(f"{os.fspath(source)}: expected at least two frames that can be compared")
    return [tally.score(way) for way, tally in tallies.items()]


class _Tally:
    """Sums over the frames of a film in one way of coloring it."""

    def __init__(self) -> None:
        self._before: Tensor | None = None
        self._errors: list[float] = []
        self._flickers: list[float] = []
        self._colorfulness: list[float] = []
        self._psnr: list[float] = []
        self._consistency = ColorConsistency()

    @property
    def pairs(self) -> int:
        """How many pairs of frames were compared."""
        return len(self._errors)

    def add(self, rgb: Tensor, real: Tensor, flows: tuple[Tensor, Tensor] | None) -> None:
        """Take in the next frame."""
        lab = rgb_to_lab(rgb)
        self._colorfulness.append(float(colorfulness(rgb)))
        self._psnr.append(float(psnr(rgb, real)))
        self._consistency.update((rgb * 255).round().byte())
        if self._before is not None and flows is not None:
            back, ahead = flows
            error, followed = warp_error(lab[:, 1:], self._before[:, 1:], back, ahead)
            if followed >= _LEAST_FOLLOWED:
                self._errors.append(float(error))
                flicker = static_flicker(
                    lab[:, 1:], self._before[:, 1:], back, lab[:, :1], self._before[:, :1]
                )
                self._flickers.append(float(flicker))
        self._before = lab

    def score(self, way: str) -> FilmScore:
        """Give the means."""
        flickers = [flicker for flicker in self._flickers if flicker == flicker]
        return FilmScore(
            way,
            float(np.mean(self._errors)),
            float(np.mean(flickers)) if flickers else float("nan"),
            self._consistency.value(),
            float(np.mean(self._colorfulness)),
            float(np.mean(self._psnr)),
        )


def _pictures(source: str | os.PathLike[str]) -> Iterator[Rgb]:
    """Decode a film to RGB, at 480 rows at most."""
    with Film(source) as film:
        for frame in film.pictures():
            scale = min(1, _TALLEST / frame.height)
            size = [max(_LEAST_SIDE, round(side * scale)) for side in (frame.width, frame.height)]
            rgb = frame.to_ndarray(format="rgb24")
            if size != [frame.width, frame.height]:
                rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
            # In floats: rounding to 8 bits alone would be a third of a unit of flicker.
            upright = np.ascontiguousarray(np.rot90(rgb, film.facts.turns))
            yield upright.astype(np.float32) / np.float32(255)


def _flow(search: Any, start: npt.NDArray[np.uint8], end: npt.NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(search.calc(start, end, None).transpose(2, 0, 1)[None].copy())


def _tensor(picture: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
