"""How alike two colorings look."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data

from colorful.lab import rgb_to_lab
from colorful.models import create
from colorful.training import recipe
from colorful.training.objective import Objective
from colorful.training.perception import Perception

COUNTS = torch.ones(313, dtype=torch.float64)


@pytest.fixture(scope="module")
def seen() -> Perception:
    return Perception()


def photo(pixels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    lab = rgb_to_lab(torch.from_numpy(pixels[:256, :256] / np.float32(255)).movedim(-1, 0)[None])
    return lab[:, :1], torch.nn.functional.avg_pool2d(lab[:, 1:], 4)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_what_looks_wrong_is_farther(seen: Perception, name: str) -> None:
    """Paler colors look nearly right, neither no colors nor those of opposite hue do."""
    light, ab = photo(getattr(data, name)())
    same, paler, grey, opposite = (float(seen(light, factor * ab, ab)) for factor in (1.0, 0.7, 0.0, -1.0))
    assert same == 0
    assert 0 < paler < min(grey, opposite) / 4


def test_its_gradient_leads_to_the_real_colors(seen: Perception) -> None:
    """Descending from grey by this alone brings colors of regions nearer to the real ones."""
    light, ab = photo(data.chelsea())
    regions = torch.nn.functional.avg_pool2d(ab, 16)
    guess = torch.zeros_like(regions, requires_grad=True)
    optimizer = torch.optim.Adam([guess], lr=2)
    for _ in range(20):
        optimizer.zero_grad()
        wide = torch.nn.functional.interpolate(guess, ab.shape[-2:], mode="bilinear")
        seen(light, wide, ab).backward()
        assert guess.grad is not None
        assert guess.grad.isfinite().all()
        optimizer.step()
    assert (guess - regions).norm(dim=1).mean() < 0.7 * regions.norm(dim=1).mean()


def test_it_counts_in_some_steps_and_learns_nothing_itself() -> None:
    """The term is added in every fourth step, with four times its weight, to the network's loss alone."""
    torch.manual_seed(0)
    network = create("lite").eval()
    light, ab = photo(data.coffee())
    with_it, without = (
        Objective(network, COUNTS, recipe("lite", steps=1, perception=weight)) for weight in (0.5, 0.0)
    )
    assert with_it.perception is not None
    with torch.no_grad():
        added = [
            float(with_it(light, ab, step=step)[0] - without(light, ab, step=step)[0]) for step in range(4)
        ]
        expected = 2 * float(with_it.perception(light, network.decode(network(light)), ab))
    assert added[0] == pytest.approx(expected, rel=1e-3)
    assert added[1:] == [0, 0, 0]
    learning = {name for name, tensor in with_it.named_parameters() if tensor.requires_grad}
    assert learning == {f"network.{name}" for name, _ in network.named_parameters()}
