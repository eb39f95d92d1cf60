from __future__ import annotations

from math import inf

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from colorful.errors import RangeError, ShapeError
from colorful.lab.steady import Trail, follow, go_over, join, warp

STILL, SURE = torch.zeros(2, 8, 10), torch.ones(8, 10)


@given(dx=st.integers(-3, 3), dy=st.integers(-3, 3), smooth=st.booleans())
def test_whole_steps_move_cells(dx: int, dy: int, smooth: bool) -> None:
    """A motion of whole cells takes each cell's values from where it was, to the last bit of float32."""
    cells = torch.randn(5, 12, 14)
    motion = torch.tensor([dx, dy], dtype=torch.float32)[:, None, None].expand(2, 12, 14)
    moved = warp(cells, motion, smooth=smooth)
    rows, columns = torch.arange(12) + dy, torch.arange(14) + dx
    expected = cells[:, rows.clamp(0, 11)][:, :, columns.clamp(0, 13)]
    assert torch.allclose(moved, expected, atol=1e-6)


def test_parts_of_steps_interpolate() -> None:
    """Half a step on a straight ramp lies halfway, by both kernels; one on a curve nearer by the cubic."""
    ramp = torch.arange(10.0).expand(1, 8, 10)
    half = torch.zeros(2, 8, 10)
    half[0] = 0.5
    inside = slice(2, 7)
    for smooth in (True, False):
        assert torch.allclose(warp(ramp, half, smooth=smooth)[..., inside], ramp[..., inside] + 0.5)
    curve, wanted = torch.sin(ramp), torch.sin(ramp + 0.5)
    error = {
        smooth: (warp(curve, half, smooth=smooth) - wanted)[..., inside].abs().max()
        for smooth in (True, False)
    }
    assert error[True] < error[False] / 2


def test_without_memory_each_frame_is_its_own() -> None:
    """With memory 0, or no trust, what the network says of a frame is all that counts."""
    cells = torch.randn(4, 8, 10)
    trail = Trail(torch.randn(4, 8, 10), torch.full((8, 10), 9.0))
    for memory, trust in ((0.0, SURE), (1.0, SURE * 0)):
        after = follow(trail, cells, STILL, trust, memory=memory)
        assert torch.allclose(after.mean, cells, atol=1e-6)
        assert (after.weight == 1).all()


def test_a_long_memory_is_the_plain_mean() -> None:
    """With memory 1, any tolerance and no motion, a trail is the mean of all frames, and worth as many."""
    frames = torch.randn(7, 4, 8, 10)
    trail = None
    for cells in frames:
        trail = follow(trail, cells, STILL, SURE, memory=1, tolerance=inf)
    assert trail is not None
    assert torch.allclose(trail.mean, frames.mean(0), atol=1e-5)
    assert torch.allclose(trail.weight, torch.tensor(7.0))


def test_both_ways_count_each_frame_once() -> None:
    """Joined from before and after, with nothing moving, frames count by their distance in time alone."""
    frames, memory = torch.randn(5, 4, 8, 10), 0.8
    past = future = None
    for cells in frames[:3]:
        past = follow(past, cells, STILL, SURE, memory=memory, tolerance=inf)
    for cells in frames[2:].flip(0):
        future = follow(future, cells, STILL, SURE, memory=memory, tolerance=inf)
    assert past is not None
    assert future is not None
    weights = memory ** (torch.arange(5) - 2).abs().float()
    expected = (frames * weights[:, None, None, None]).sum(0) / weights.sum()
    assert torch.allclose(join(past, future, frames[2]), expected, atol=1e-5)


def test_a_short_trail_hardly_counts_beside_a_long_one() -> None:
    """Going over from a trail of 1 frame to one of 9, each frame counts alike at half of the way."""
    short, long = (
        Trail(torch.full((4, 8, 10), value), SURE * frames) for value, frames in ((0.0, 1), (1.0, 9))
    )
    half = go_over(short, long, 0.5)
    assert torch.allclose(half.mean, torch.tensor(0.9))
    assert torch.allclose(half.weight, torch.tensor(5.0))
    for share, end in ((0.0, short), (1.0, long)):
        assert all(torch.allclose(*pair) for pair in zip(go_over(short, long, share), end, strict=True))


def test_edges_stay_sharp_on_a_long_way() -> None:
    """After a hundred steps of a third of a cell an edge is still an edge: less than two cells wide."""
    cells = torch.zeros(1, 4, 60)
    cells[..., 20:] = 1
    step = torch.zeros(2, 4, 60)
    step[0] = -1 / 3
    for _ in range(99):
        cells = warp(cells, step)
    row = cells[0, 2]
    assert int(((row > 0.1) & (row < 0.9)).sum()) <= 4
    assert abs(float((row < 0.5).float().argmin()) - 53) <= 1


def test_what_is_far_off_is_let_go() -> None:
    """At the tolerance half of the weight stays; colors far off rule after three frames, and do not mix."""
    red, blue = (torch.tensor(ab)[:, None, None].expand(2, 8, 10) for ab in ((60.0, 40.0), (0.0, -60.0)))
    long = Trail(red, SURE * 30)
    near = follow(long, red + torch.tensor([9.0, 12.0])[:, None, None], STILL, SURE, memory=1, tolerance=15)
    assert torch.allclose(near.weight, torch.tensor(16.0))
    trail = long
    for _ in range(3):
        trail = follow(trail, blue, STILL, SURE)
    assert (trail.mean - blue).norm(dim=0).max() < 15


def test_unsure_frames_count_less() -> None:
    """A trail is the mean weighted by how sure each frame is, also joined from both ways."""
    frames, sure = torch.randn(3, 2, 8, 10), torch.rand(3, 8, 10) + 0.1
    past = future = None
    for cells, its in zip(frames[:2], sure[:2], strict=True):
        past = follow(past, cells, STILL, SURE, sure=its, memory=1, tolerance=inf)
    for cells, its in zip(frames[1:].flip(0), sure[1:].flip(0), strict=True):
        future = follow(future, cells, STILL, SURE, sure=its, memory=1, tolerance=inf)
    assert past is not None
    assert future is not None
    expected = np.average(frames.numpy(), 0, np.broadcast_to(sure[:, None].numpy(), frames.shape))
    assert np.allclose(join(past, future, frames[1], sure=sure[1]).numpy(), expected, atol=1e-5)


def test_the_mean_is_nearer_the_truth() -> None:
    """Where frames miss true colors by chance, a trail has less than half of their mean squared error."""
    real, total = torch.randn(2, 8, 10) * 20, torch.zeros(())
    frames = real + torch.randn(40, 2, 8, 10) * 5
    trail = None
    for cells in frames:
        trail = follow(trail, cells, STILL, SURE)
        total += (trail.mean - real).square().mean()
    assert total / 40 < (frames - real).square().mean() / 2


def test_halves_are_enough() -> None:
    """In float16 a trail is that in float32, within what float16 can hold."""
    frames = torch.randn(6, 4, 8, 10)
    trails = []
    for dtype in (torch.float32, torch.float16):
        trail = None
        for cells in frames:
            trail = follow(trail, cells.to(dtype), STILL + 0.3, SURE * 0.9)
        assert trail is not None
        assert trail.mean.dtype == dtype
        trails.append(trail.mean.float())
    assert (trails[0] - trails[1]).abs().max() < 0.02


def test_mistakes_are_named() -> None:
    """Maps that do not fit, a memory beyond 1 and a tolerance of 0 are errors that say what was expected."""
    cells = torch.zeros(4, 8, 10)
    with pytest.raises(ShapeError, match="cells, motion: expected"):
        warp(cells, torch.zeros(2, 3, 3))
    with pytest.raises(ShapeError, match="trail, trust: expected"):
        follow(Trail(torch.zeros(3, 8, 10), SURE), cells, STILL, SURE)
    with pytest.raises(RangeError, match="memory: expected"):
        follow(None, cells, STILL, SURE, memory=2)
    with pytest.raises(RangeError, match="tolerance: expected"):
        follow(None, cells, STILL, SURE, tolerance=0)
