"""Hints for shots: a color that a user puts on one frame holds through its shot, along the motion."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

from colorful.errors import HintError, KindError, brief, is_number
from colorful.hints import Hint, load_each
from colorful.video.motion import Motion, Tracker

Codes = npt.NDArray[np.uint8]
Place = npt.NDArray[np.float32]

_LONGEST = 1e9
"""Seconds that a film may have: three decades."""
_REMEMBERED = 1500
"""Frames of a shot that are kept for the way back from a hint to where the shot begins: a minute."""
_WINDOWS = (15, 41)
"""Sides of the squares by which a point is followed: if the small one is too plain, the large one may do."""
_MISS = 1.0
"""Pixels at the network's size by which a point may miss its start on the way there and back."""
_DARKER = 30.0
"""Codes by which a point that is followed may become lighter or darker than where its hint was put."""
_REACH = 10
"""Pixels around a point that say what it looks like."""
_STEP_REACH = 5
"""The same from one frame to the next: fewer, as less else may change around a point there."""
_BLUR, _MARGIN = 1.5, 4
"""Width of the Gaussian that takes the grain out of it, in pixels, and how far it reaches."""
_NOISE, _TEXTURE_SHARE = 3.0, 0.3
"""Codes by which that may differ, in the mean square, where a point is found again or followed: so many, and
this share of the contrast in it."""
_NEAR, _FARTHER, _FARTHEST = 12, 2, 48
"""Pixels around the place where a point was lost in which it is looked for: at first, more with each frame,
and at most."""
_PLAIN, _STILL = 5.0, 4
"""Contrast, in codes, under which one place looks like another: then it is looked for in so many pixels."""


class _Seen(NamedTuple):
    """A frame of a shot, and the step from the one before that most of it makes."""

    number: int
    codes: Codes
    step: Place


_NO_STEP: Place = np.zeros(2, np.float32)


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
        if not is_number(self.time) or not 0 <= self.time <= _LONGEST:
            raise HintError(f"time: expected seconds, at least 0, got {brief(self.time)}")
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
    return load_each(path, _timed)


def _timed(value: object) -> TimedHint:
    if not isinstance(value, Mapping) or "time" not in value:
        raise HintError(f"expected an object with time, x, y and color, got {brief(value)}")
    rest = {key: part for key, part in value.items() if key != "time"}
    return TimedHint(value["time"], Hint.from_json(rest))


def place_hints(
    hints: Sequence[TimedHint],
    frames: Iterable[tuple[int, float, Tensor]],
    size: tuple[int, int],
    stride: int,
) -> dict[int, list[Hint]]:
    """Follow hints through their shots.

    A point is followed forward to the end of its shot and backward to its beginning, for a minute at most. If
    it gets out of sight, that place goes on with the camera, and the point is looked for around it, by what
    it looked like where its hint was put.

    Args:
        hints: Any number.
        frames: Number, seconds since the first one, and L as the network sees it, ``(1, 1, H, W)``. Read to
            the end of the last hint's shot.
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
    shot: list[_Seen] = []
    tracker, before, seconds = Tracker(stride), None, 0.0
    for number, seconds, light in frames:
        if not waiting and not walkers:
            break
        codes: Codes = (light[0, 0] * 2.55).clamp(0, 255).byte().numpy()
        step = _NO_STEP
        if before is not None:
            motion = tracker.compare(before, light)
            step = _step_of_all(motion, stride)
            if motion.is_cut:
                shot, walkers = [], []
        if shot:
            _walk(walkers, shot[-1].codes, codes, step)
        shot = [*shot[-_REMEMBERED + 1 :], _Seen(number, codes, step)]
        before = light
        new = []
        # Time stamps are rounded: a hint belongs to the first frame that is not clearly before it.
        while waiting and waiting[0].time <= seconds + 1e-3:
            new.append(_Walker(waiting.pop(0).hint, codes, size))
        walkers += new
        _note(found, number, walkers)
        _walk_back([walker.twin() for walker in new], shot, found)
    if waiting:
        raise HintError(
            f"hints: expected times within the film of {seconds:.2f} s, got {waiting[0].time:g} s"
        )
    return found


def _step_of_all(motion: Motion, stride: int) -> Place:
    """Give the step that most of a frame makes, to the right and down: the camera's motion does it."""
    sure = motion.ahead[:, motion.ahead_trust > 0.5]
    return sure.median(1).values.numpy() * np.float32(stride) if sure.numel() else _NO_STEP


def _walk_back(walkers: list[_Walker], shot: list[_Seen], found: dict[int, list[Hint]]) -> None:
    if not walkers:
        return
    for later, earlier in pairwise(reversed(shot)):
        _walk(walkers, later.codes, earlier.codes, -later.step)
        _note(found, earlier.number, walkers)


def _note(found: dict[int, list[Hint]], number: int, walkers: list[_Walker]) -> None:
    """Keep where the hints are that can be seen in a frame."""
    if hints := [walker.here() for walker in walkers if walker.seen]:
        found.setdefault(number, []).extend(hints)


def _walk(walkers: list[_Walker], here: Codes, there: Codes, step: Place) -> None:
    """Take hints from one frame to another, all together; those out of sight go with the camera's *step*."""
    lost = [walker for walker in walkers if walker.seen]
    for side in _WINDOWS:
        if not lost:
            break
        start = np.stack([walker.place for walker in lost])[:, None]
        options: dict[str, Any] = {"winSize": (side, side), "maxLevel": 3}
        end, seen, _ = cv2.calcOpticalFlowPyrLK(here, there, start, None, **options)
        back, seen_back, _ = cv2.calcOpticalFlowPyrLK(there, here, end, None, **options)
        missed = np.abs(back - start).max((1, 2))
        sure = (seen[:, 0] > 0) & (seen_back[:, 0] > 0) & (missed < _MISS)
        lost = [
            walker
            for walker, place, is_sure in zip(lost, end[:, 0], sure, strict=True)
            if not (is_sure and walker.go_to(place, here, there, step))
        ]
    for walker in walkers:
        if walker in lost or not walker.seen:
            walker.look_around(there, step)


class _Walker:
    """A hint on its way through a shot.

    Attributes:
        place: Where it is, or was when it was last seen, in pixels at the network's size.
        seen: Whether it is in sight.
    """

    def __init__(self, hint: Hint, codes: Codes, size: tuple[int, int]) -> None:
        self._hint = hint
        self._scale = np.array([codes.shape[1] / size[1], codes.shape[0] / size[0]], np.float32)
        # OpenCV counts from the middle of the first pixel.
        self.place: Place = np.array([hint.x, hint.y], np.float32) * self._scale - np.float32(0.5)
        self.seen = True
        self._lost_for = 0
        self._look = _around(codes, self.place, _REACH)
        self._texture = float(self._look.std())
        self._light, self._frame_light = float(_around(codes, self.place, 2).mean()), float(codes.mean())

    def twin(self) -> _Walker:
        """Give another one at the same place."""
        return copy.copy(self)

    def go_to(self, place: Place, here: Codes, there: Codes, step: Place) -> bool:
        """Go to a place to which the point was followed, unless it is not the same there."""
        if not _is_inside(place, there):
            self.place = place
            return False
        light = float(_around(there, place, 2).mean()) - self._light
        if min(abs(light - flicker) for flicker in self._flickers(there)) > _DARKER:
            return False
        # A point out of sight may be followed with the edge of what hides it: then its surroundings change.
        # Where it goes with all the rest, it may be a shadow or a reflection. Both steps may miss.
        before, after = (_around(*seen, _STEP_REACH) for seen in ((here, self.place), (there, place)))
        changed = (after - before).std() > _NOISE + _TEXTURE_SHARE * before.std()
        if changed and np.abs(place - self.place - step).max() > 2 * _MISS:
            return False
        self.place, self._lost_for = place, 0
        return True

    def look_around(self, codes: Codes, step: Place) -> None:
        """Look for the point near where it must be now: it may come out again from behind something."""
        self.seen = False
        self._lost_for += 1
        self.place = self.place + step
        far = _STILL if self._texture < _PLAIN else min(_NEAR + _FARTHER * self._lost_for, _FARTHEST)
        field = _around(codes, self.place, _REACH + far)
        unlike = np.minimum(
            *(
                cv2.matchTemplate(field, self._look + flicker, cv2.TM_SQDIFF) / self._look.size
                for flicker in self._flickers(codes)
            )
        )
        steps = np.indices(unlike.shape, np.float32) - far  # down, to the right
        # Of places that are alike the nearest.
        best = int((unlike + np.square(steps).sum(0) / far**2).argmin())
        place = np.rint(self.place) + steps.reshape(2, -1)[::-1, best]
        if unlike.flat[best] < (_NOISE + _TEXTURE_SHARE * self._texture) ** 2 and _is_inside(place, codes):
            self.place, self.seen, self._lost_for = place, True, 0

    def _flickers(self, codes: Codes) -> tuple[np.float32, np.float32]:
        """Give by how much all of a frame may have become lighter: old films flicker."""
        return np.float32(0), np.float32(codes.mean() - self._frame_light)

    def here(self) -> Hint:
        """Give the hint at its present place."""
        x, y = (self.place + 0.5) / self._scale
        return Hint(float(x), float(y), self._hint.color, self._hint.radius)


def _is_inside(place: Place, codes: Codes) -> bool:
    height, width = codes.shape
    return bool(-0.5 <= place[0] < width - 0.5 and -0.5 <= place[1] < height - 0.5)


def _around(codes: Codes, place: Place, reach: int) -> Place:
    """Cut out a square around a place; beyond the border the nearest pixel counts."""
    x, y = np.rint(place).astype(int)
    steps = np.arange(-reach - _MARGIN, reach + _MARGIN + 1)
    rows, columns = (np.clip(at + steps, 0, side - 1) for at, side in zip((y, x), codes.shape, strict=True))
    wide = cv2.GaussianBlur(codes[rows[:, None], columns].astype(np.float32), (0, 0), _BLUR)
    square: Place = wide[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return square
