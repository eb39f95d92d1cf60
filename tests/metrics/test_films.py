from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from colorful.errors import ShapeError
from colorful.metrics import ColorConsistency, static_flicker, warp_error


def moving(step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give a frame, the one before, and the motion between: all of it goes to the right."""
    wide = torch.randn(1, 2, 20, 60) * 20
    back, ahead = torch.zeros(1, 2, 20, 40), torch.zeros(1, 2, 20, 40)
    back[:, 0], ahead[:, 0] = -step, step
    return wide[..., 10 - step : 50 - step], wide[..., 10:50], back, ahead


def test_colors_that_move_along_have_no_error() -> None:
    """Where colors follow the motion the warp error is 0; without the motion it is not."""
    now, before, back, ahead = moving(3)
    error, followed = warp_error(now[..., 3:-3], before[..., 3:-3], back[..., 3:-3], ahead[..., 3:-3])
    inner = warp_error(now, before, back, ahead)[0]
    assert float(followed) == 1
    still = torch.zeros_like(back)
    assert float(warp_error(now, before, still, still)[0]) > 10 * float(inner)
    assert math.isfinite(float(error))


def test_a_shift_of_all_colors_is_the_error() -> None:
    """Colors that all change by 3 in a and 4 in b have an error of 5, and as much static flicker."""
    before = torch.randn(1, 2, 20, 40)
    now = before + torch.tensor([3.0, 4.0])[:, None, None]
    still, light = torch.zeros(1, 2, 20, 40), torch.full((1, 1, 20, 40), 50.0)
    assert warp_error(now, before, still, still)[0].item() == pytest.approx(5)
    assert static_flicker(now, before, still, light, light).item() == pytest.approx(5)


def test_what_is_hidden_is_not_counted() -> None:
    """Pixels whose way back does not lead ahead to them again count for nothing."""
    before, now = torch.zeros(1, 2, 20, 40), torch.zeros(1, 2, 20, 40)
    now[..., :10] = 100
    back, ahead = torch.zeros(1, 2, 20, 40), torch.zeros(1, 2, 20, 40)
    back[..., :10] = 6
    error, followed = warp_error(now, before, back, ahead)
    assert float(error) == 0
    assert followed.item() == pytest.approx(0.75)


def test_what_moves_or_grows_light_is_no_flicker() -> None:
    """Static flicker looks only at pixels that keep their place and their light."""
    before, now = torch.zeros(1, 2, 8, 8), torch.ones(1, 2, 8, 8)
    still, light = torch.zeros(1, 2, 8, 8), torch.zeros(1, 1, 8, 8)
    assert static_flicker(now, before, still + 1, light, light).isnan()
    assert static_flicker(now, before, still, light + 5, light).isnan()


def test_consistency_is_the_divergence_of_histograms() -> None:
    """CDC is the mean of squared Jensen-Shannon distances, as SciPy has them, at 1, 2 and 4 frames."""
    random = np.random.default_rng(0)
    frames = [random.integers(0, 60 + 30 * number, (1, 3, 24, 24)).astype(np.uint8) for number in range(6)]
    measure = ColorConsistency()
    for frame in frames:
        measure.update(torch.from_numpy(frame))
    counts = [[np.bincount(channel.ravel(), minlength=256) for channel in frame[0]] for frame in frames]
    means = []
    for step in (1, 2, 4):
        pairs = [(counts[i][c], counts[i + step][c]) for i in range(6 - step) for c in range(3)]
        means.append(np.mean([jensenshannon(a, b, base=2) ** 2 for a, b in pairs]))
    assert measure.value() == pytest.approx(np.mean(means), rel=1e-4)
    assert math.isnan(ColorConsistency().value())


def test_shapes_are_checked() -> None:
    """A flow of another size than the colors is named."""
    ab = torch.zeros(1, 2, 8, 8)
    with pytest.raises(ShapeError, match="back: expected shape"):
        warp_error(ab, ab, torch.zeros(1, 2, 4, 4), ab)
