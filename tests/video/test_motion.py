from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize

from colorful.video.motion import Tracker

PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket", "coins", "brick", "page")


def shot(name: str, count: int, *, step: float, seed: int | None = None) -> list[torch.Tensor]:
    """Pan over a photo, ``count`` frames of L at 64 x 96; with *seed* as an old film: grain and flicker."""
    photo = getattr(data, name)()
    photo = photo.mean(-1) if photo.ndim == 3 else photo
    wide = resize(photo / 255, (80, int(112 + step * count)), anti_aliasing=True) * 100
    random = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        left = round(step * number)
        frame = wide[8:72, left : left + 96]
        if seed is not None:
            frame = (
                frame * random.uniform(0.85, 1.1) + random.normal(0, 4, frame.shape) + random.uniform(-6, 6)
            )
        frames.append(torch.from_numpy(frame.clip(0, 100).astype(np.float32))[None, None])
    return frames


@pytest.mark.parametrize("seed", [None, 3])
def test_cuts_are_found(seed: int | None) -> None:
    """Of cuts between shots, at least 95 % are found, and as many of those found are cuts; old films, too."""
    order = np.random.default_rng(1)
    frames, cuts = [], set()
    for number in range(24):
        name = PHOTOS[(3 * number + number // 8) % len(PHOTOS)]
        if frames:
            cuts.add(len(frames))
        step = float(order.uniform(0, 5))
        frames += shot(name, 6, step=step, seed=None if seed is None else seed + number)
    tracker = Tracker(4)
    found = {n for n in range(1, len(frames)) if tracker.compare(frames[n - 1], frames[n]).is_cut}
    assert len(found & cuts) / len(cuts) >= 0.95
    assert len(found & cuts) / len(found) >= 0.95


def test_a_flash_is_no_cut() -> None:
    """A frame that is much lighter than those around it belongs to their shot."""
    frames = shot("coffee", 3, step=1)
    frames[1] = (frames[1] * 0.6 + 40).clamp(0, 100)
    tracker = Tracker(4)
    assert not tracker.compare(frames[0], frames[1]).is_cut
    assert not tracker.compare(frames[1], frames[2]).is_cut


def test_a_still_picture_is_one_shot() -> None:
    """Frames that are equal, even all black, do not begin a shot, and are trusted."""
    for frame in (shot("coins", 1, step=0)[0], torch.zeros(1, 1, 64, 96)):
        motion = Tracker(4).compare(frame, frame)
        assert not motion.is_cut
        assert motion.back.abs().max() < 0.05
        assert motion.back_trust.min() > 0.9


def test_motion_is_in_cells() -> None:
    """A picture that moves by eight pixels to the right was two cells of four pixels to the left."""
    frames = shot("coffee", 2, step=8)
    motion = Tracker(4).compare(frames[1], frames[0])
    assert motion.back.shape == (2, 16, 24)
    inner = (slice(3, 13), slice(4, 20))
    assert abs(float(motion.back[0][inner].median()) + 2) < 0.1
    assert abs(float(motion.ahead[0][inner].median()) - 2) < 0.1
    assert float(motion.back_trust[inner].mean()) > 0.8


def test_what_comes_into_sight_is_not_trusted() -> None:
    """Where a thing has just appeared there is nothing to follow, and trust is low."""
    before = shot("coffee", 1, step=0)[0]
    now = before.clone()
    now[..., 16:48, 32:64] = torch.from_numpy(np.indices((32, 32)).sum(0) % 8 * 12.0).float()
    motion = Tracker(4).compare(before, now)
    assert float(motion.back_trust[5:11, 9:15].mean()) < 0.4
    assert float(motion.back_trust[:, :5].mean()) > 0.8
