"""How a frame moved on from the one before, and whether both are of one shot."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from colorful.host import unaffected

Plane = npt.NDArray[np.float32]

_FLOW_TOLERANCE = 0.25 / 16
"""Squared cells by which the way there and back may miss its start: half a pixel of the network's input."""
_FLOW_SHARE = 0.01
"""What it may miss beyond that, as a share of the squared ways."""
_LIGHT_TOLERANCE = 6.0
"""Units of L by which a cell may become lighter or darker beside its surroundings."""
_MOST_NOISE = 2.5
"""Units of L that count as grain at most, in the median of the cells."""
_CUT_TRUST, _CUT_LIKENESS = 0.3, 0.75
"""Below both, a new shot begins: little can be followed, and what was moved does not look like the frame.

Within a shot, grain and fast motion lower the first, hardly the second; a flash lowers neither.
"""


class Motion(NamedTuple):
    """What became of the frame before. Steps go to the right and down and are counted in cells.

    Attributes:
        back: Where each cell of this frame was in the one before, ``(2, h, w)``.
        back_trust: How sure that is, in [0, 1], ``(h, w)``.
        ahead: Where each cell of the frame before is in this one, likewise.
        ahead_trust: How sure that is.
        is_cut: Whether a new shot begins with this frame.
    """

    back: Tensor
    back_trust: Tensor
    ahead: Tensor
    ahead_trust: Tensor
    is_cut: bool


class Tracker:
    """Find the motion between frames by dense inverse search, and the cuts between shots.

    Args:
        stride: Side of a cell in pixels of the network's input.

    References:
        Kroeger, Timofte, Dai, Van Gool. Fast Optical Flow using Dense Inverse Search. ECCV 2016.
        Sundaram, Brox, Keutzer. Dense Point Trajectories by GPU-accelerated Large Displacement Optical Flow.
        ECCV 2010, eq. 5 (how far the way there and back may miss its start).
    """

    def __init__(self, stride: int) -> None:
        self._stride = stride
        # Between OpenCV's presets "fast" and "medium": a third of the work of the latter, nearly as steady.
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._search.setFinestScale(1)

    @unaffected()
    def compare(self, before: Tensor, now: Tensor) -> Motion:
        """Compare a frame with the one before.

        Args:
            before: L of the frame before as the network saw it, ``(1, 1, H, W)``.
            now: L of this frame, likewise.

        Returns:
            The motion, in cells of ``(H / stride, W / stride)``.
        """
        codes = [(light[0, 0] * 2.55).clamp(0, 255).byte().numpy() for light in (before, now)]
        cells = [functional.avg_pool2d(light, self._stride)[0, 0].numpy() for light in (before, now)]
        ahead, back = (self._flow(codes[k], codes[1 - k]) for k in range(2))
        moved, came = _sample(cells[0], back), _sample(cells[1], ahead)
        back_trust = _trust(back, ahead, cells[1], moved)
        ahead_trust = _trust(ahead, back, cells[0], came)
        return Motion(
            torch.from_numpy(back.transpose(2, 0, 1)),
            torch.from_numpy(back_trust),
            torch.from_numpy(ahead.transpose(2, 0, 1)),
            torch.from_numpy(ahead_trust),
            _is_cut(cells, moved, came, float(back_trust.mean() + ahead_trust.mean()) / 2),
        )

    def _flow(self, start: npt.NDArray[np.uint8], end: npt.NDArray[np.uint8]) -> Plane:
        """Give where each cell of *start* is in *end*, ``(h, w, 2)``, in cells."""
        flow = self._search.calc(start, end, None)
        height, width = flow.shape[0] // self._stride, flow.shape[1] // self._stride
        small: Plane = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA)
        small /= self._stride
        return small


def _sample(cells: Plane, flow: Plane) -> Plane:
    """Take from *cells* what lies where *flow* points."""
    height, width = flow.shape[:2]
    columns = flow[..., 0] + np.arange(width, dtype=np.float32)
    rows = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    taken: Plane = cv2.remap(cells, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return taken


def _trust(flow: Plane, other: Plane, own: Plane, moved: Plane) -> Plane:
    """Say how sure a flow is: whether it leads back to its start, inside the frame, to the same lightness.

    Old films flicker: what all of a frame became lighter by does not count. And they have grain: in it, a
    difference says less.
    """
    height, width = own.shape
    back = _sample(other, flow)
    missed = np.square(flow + back).sum(-1)
    ways = np.square(flow).sum(-1) + np.square(back).sum(-1)
    change = own - moved
    change -= cv2.blur(change, (width // 4 | 1, height // 4 | 1))
    noise = min(float(np.median(np.abs(change))), _MOST_NOISE)
    # In grain a flow wanders where a surface is plain, where it does no harm.
    tolerance = _FLOW_TOLERANCE * min(1 + (noise / 0.2) ** 2, 16)
    trust = np.exp(-missed / (_FLOW_SHARE * ways + tolerance))
    trust *= np.exp(-np.square(change / (_LIGHT_TOLERANCE + 3 * noise)))
    columns = flow[..., 0] + np.arange(width, dtype=np.float32)
    rows = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    trust *= (columns > -0.5) & (columns < width - 0.5) & (rows > -0.5) & (rows < height - 0.5)
    result: Plane = trust.astype(np.float32)
    return result


def _is_cut(cells: list[Plane], moved: Plane, came: Plane, trust: float) -> bool:
    alike = (_likeness(cells[1], moved) + _likeness(cells[0], came)) / 2
    return trust < _CUT_TRUST and alike < _CUT_LIKENESS


def _likeness(first: Plane, second: Plane) -> float:
    """Correlate two maps: 1 if they are alike but for brightness and contrast, 0 if they are unrelated."""
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / max(1e-6, float(np.sqrt(np.square(a).sum() * np.square(b).sum()))))
