"""Hints for shots: a color that a user puts on one frame holds through its shot, along the motion."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

from colorful.errors import HintError, KindError
from colorful.hints import Hint
from colorful.video.motion import Tracker

Codes = npt.NDArray[np.uint8]

_REMEMBERED = 1500
"""Frames of a shot that are kept for the way back from a hint to where the shot begins: a minute."""
_MISS = 1.0
"""Pixels at the network's size by which a point may miss its start on the way there and back."""


@dataclass(frozen=True)
class TimedHint:
    """A color hint on one frame of a film.

    Args:
        time: Of the frame, in seconds from the film's first.
        hint: The color and its place, in pixels of the upright frame.

    Raises:
        HintError: If *time* is no number of at least 0.
        KindError: If *hint* is none.

    Example:
        >>> TimedHint(12.5, Hint(x=120, y=80, color="#c03020")).time
        12.5
    """

    time: float
    hint: Hint

    def __post_init__(self) -> None:
        is_number = isinstance(self.time, Real) and not isinstance(self.time, bool)
        if not is_number or not math.isfinite(self.time) or self.time < 0:
            raise HintError(f"time: expected seconds, at least 0, got {self.time!r}")
        if not isinstance(self.hint, Hint):
            raise KindError(f"hint: expected a Hint, got {type(self.hint).__name__}")


def load_timed_hints(path: str | os.PathLike[str]) -> list[TimedHint]:
    """Read hints for a film from a JSON file: an array of hints that have a ``time``, too.

    Args:
        path: The file, in UTF-8. An entry is
            ``{"time": 12.5, "x": 120, "y": 80, "color": "#c03020", "radius": 4}``; ``radius`` may be missing.

    Returns:
        The hints, in the order of the file.

    Raises:
        HintError: If the file cannot be read or does not hold such hints; the message says which is wrong.
    """
    name = os.fspath(path)
    try:
        values = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise HintError(f"hints: cannot read {name!r}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise HintError(f"{name}: expected a JSON array, got something else: {error}") from error
    if not isinstance(values, list):
        raise HintError(f"{name}: expected a JSON array, got {type(values).__name__}")
    hints = []
    for number, value in enumerate(values, start=1):
        try:
            if not isinstance(value, Mapping) or "time" not in value:
                raise HintError(f"expected an object with time, x, y and color, got {value!r}")
            rest = {key: part for key, part in value.items() if key != "time"}
            hints.append(TimedHint(value["time"], Hint.from_json(rest)))
        except HintError as error:
            words = str(error).removeprefix("hint: ")
            raise HintError(f"{name}: hint {number} of {len(values)}: {words}") from error
    return hints


def place_hints(
    hints: Sequence[TimedHint],
    frames: Iterable[tuple[int, float, Tensor]],
    size: tuple[int, int],
    stride: int,
) -> dict[int, list[Hint]]:
    """Follow hints through their shots.

    A point is followed forward to the end of its shot and backward to its beginning, for a minute at most,
    until it is out of sight.

    Args:
        hints: Any number.
        frames: Number, seconds since the first one, and L as the network sees it, ``(1, 1, H, W)``. Read as
            far as hints reach.
        size: Height and width of the upright frames.
        stride: Side of a network's cell in pixels of L.

    Returns:
        The hints of each frame that has some, by its number.

    Raises:
        HintError: If a hint lies outside the frame, or after the film's end.
    """
    for number, timed in enumerate(hints, start=1):
        if not (timed.hint.x < size[1] and timed.hint.y < size[0] and timed.hint.x >= 0 <= timed.hint.y):
            raise HintError(
                f"hint {number}: expected a point inside the frame of {size[1]} x {size[0]} pixels, "
                f"got ({timed.hint.x:g}, {timed.hint.y:g})"
            )
    found: dict[int, list[Hint]] = {}
    waiting = sorted(hints, key=lambda timed: timed.time)
    walkers: list[_Walker] = []
    shot: list[tuple[int, Codes]] = []
    tracker, before, seconds = Tracker(stride), None, 0.0
    for number, seconds, light in frames:
        if not waiting and not walkers:
            break
        codes: Codes = (light[0, 0] * 2.55).clamp(0, 255).byte().numpy()
        if before is not None and tracker.compare(before, light).is_cut:
            shot, walkers = [], []
        walkers = [walker for walker in walkers if walker.step(shot[-1][1], codes)]
        shot = [*shot[-_REMEMBERED + 1 :], (number, codes)]
        before = light
        # Time stamps are rounded: a hint belongs to the first frame that is not clearly before it.
        while waiting and waiting[0].time <= seconds + 1e-3:
            walker = _Walker(waiting.pop(0).hint, codes.shape, size)
            _walk_back(walker.twin(), shot, found)
            walkers.append(walker)
        for walker in walkers:
            found.setdefault(number, []).append(walker.here())
    if waiting:
        raise HintError(
            f"hints: expected times within the film of {seconds:.2f} s, got {waiting[0].time:g} s"
        )
    return found


def _walk_back(walker: _Walker, shot: list[tuple[int, Codes]], found: dict[int, list[Hint]]) -> None:
    for (_, later), (number, earlier) in zip(reversed(shot), list(reversed(shot))[1:], strict=False):
        if not walker.step(later, earlier):
            return
        found.setdefault(number, []).append(walker.here())


class _Walker:
    """A hint on its way through a shot."""

    def __init__(self, hint: Hint, shape: tuple[int, ...], size: tuple[int, int]) -> None:
        self._hint, self._shape = hint, shape
        self._scale = np.array([shape[1] / size[1], shape[0] / size[0]], np.float32)
        # OpenCV counts from the middle of the first pixel.
        self._place = np.array([hint.x, hint.y], np.float32) * self._scale - 0.5

    def twin(self) -> _Walker:
        """Give another one at the same place."""
        twin: _Walker = object.__new__(_Walker)
        twin.__dict__.update(self.__dict__)
        return twin

    def step(self, here: Codes, there: Codes) -> bool:
        """Go from one frame to another; False if the point is lost."""
        start = self._place[None, None]
        options: dict[str, Any] = {"winSize": (15, 15), "maxLevel": 3}
        end, seen, _ = cv2.calcOpticalFlowPyrLK(here, there, start, None, **options)
        back, seen_back, _ = cv2.calcOpticalFlowPyrLK(there, here, end, None, **options)
        self._place = end[0, 0]
        height, width = self._shape[:2]
        x, y = self._place
        inside = -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5
        return bool(inside and seen[0, 0] and seen_back[0, 0] and np.abs(back - start).max() < _MISS)

    def here(self) -> Hint:
        """Give the hint at its present place."""
        x, y = (self._place + 0.5) / self._scale
        return Hint(float(x), float(y), self._hint.color, self._hint.radius)
