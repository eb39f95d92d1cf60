"""What training descends on."""

from __future__ import annotations

import pytest
import torch

from colorful.models import create
from colorful.training import recipe
from colorful.training.loss import patchy, vividly_wrong
from colorful.training.objective import Objective

COUNTS = torch.ones(313, dtype=torch.float64)


def test_every_cell_has_its_turn() -> None:
    """With every second cell, four steps see the cells that one step with all of them sees."""
    torch.manual_seed(0)
    network = create("lite").eval()
    light, target = torch.rand(1, 1, 64, 64) * 100, torch.rand(1, 2, 16, 16) * 60 - 30
    figures = {}
    for every in (1, 2):
        options = recipe("lite", steps=1, every=every, distance=0.1, vivid=0.1)
        objective = Objective(network, COUNTS, options)
        with torch.no_grad():
            parts = [torch.stack(objective(light, target, step=step)) for step in range(every**2)]
        figures[every] = torch.stack(parts).mean(dim=0)
        assert len({float(part[0]) for part in parts}) == every**2
    torch.testing.assert_close(figures[1], figures[2], rtol=1e-4, atol=1e-4)


def test_each_term_counts_by_its_weight() -> None:
    """The loss grows by each term's weight times the term, which is that of the decoded colors."""
    torch.manual_seed(0)
    network = create("lite").eval()
    with torch.no_grad():
        network.head.weight.mul_(20)
    light, target = torch.rand(1, 1, 64, 64) * 100, torch.rand(1, 2, 16, 16) * 60 - 30
    none = {"distance": 0.0, "vivid": 0.0, "patchy": 0.0, "perception": 0.0}

    @torch.no_grad()
    def loss(**weights: float) -> torch.Tensor:
        objective = Objective(network, COUNTS, recipe("lite", steps=1, every=1, **(none | weights)))
        scored: torch.Tensor = objective(light, target)[0]
        return scored

    decoded = network.decode(network(light)).detach()
    for name, term in (("vivid", vividly_wrong), ("patchy", patchy)):
        worth = term(decoded, target)
        assert worth > 0.1
        torch.testing.assert_close(loss(**{name: 0.5}) - loss(), 0.5 * worth, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("weight", ["distance", "vivid"])
def test_descending_on_decoded_colors_brings_them_nearer(weight: str) -> None:
    """A few steps on one of the two terms make the decoded colors of a vivid mistake less wrong."""
    torch.manual_seed(0)
    network = create("lite").eval()
    objective = Objective(
        network, COUNTS, recipe("lite", steps=1, every=1, **{"distance": 0.0, "vivid": 0.0, weight: 1.0})
    )
    light, target = torch.rand(1, 1, 64, 64) * 100, torch.full((1, 2, 16, 16), -20.0)
    with torch.no_grad():
        network.head.bias[objective.cross_entropy.bins.nearest(torch.full((2, 1, 1), 50.0))[0, 0]] = 6
    optimizer = torch.optim.SGD([network.head.bias], lr=0.5)
    off = []
    for _ in range(10):
        decoded = network.decode(network(light))
        off.append(float((decoded - target).norm(dim=1).mean().detach()))
        optimizer.zero_grad()
        objective(light, target)[0].backward()
        optimizer.step()
    assert off[-1] < off[0] - 5
