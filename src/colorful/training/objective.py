"""What training descends on: a network and its loss in one module."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.lab import annealed_mean, rebalancing_weights, smooth_prior
from colorful.models.network import ALL_CELLS, Network
from colorful.training.loss import (
    RebalancedCrossEntropy,
    class_cross_entropy,
    harm,
    patchy,
    smooth_l1,
    vividly_wrong,
)
from colorful.training.options import TrainingOptions
from colorful.training.perception import Perception

_CLASS_SHARE = 0.1  # of a second head's loss beside the regression's, as siggraph17's code has it
_NEAR = 10.0  # distances below this, in CIELAB units, count by their square
_LOOK_EVERY = 4  # steps: to compare what is seen costs more than a step does


class Objective(nn.Module):
    """A network and its loss in one module, as data-parallel training needs it.

    Args:
        network: What is trained.
        counts: How often each bin occurs in the photos, shape ``(313,)``.
        options: The weights of the terms of the loss, and ``every``, count here.
    """

    bins: Tensor | None

    def __init__(self, network: Network, counts: Tensor, options: TrainingOptions) -> None:
        super().__init__()
        self.network, self.options = network, options
        prior = smooth_prior(counts)
        weights = rebalancing_weights(prior, uniform=options.uniform) ** options.rebalance
        self.cross_entropy = RebalancedCrossEntropy(weights / (prior * weights).sum())
        self.perception = Perception() if options.perception else None
        bins = network.bins
        self.register_buffer("bins", None if bins is None else bins.detach().clone(), persistent=False)

    def forward(
        self,
        light: Tensor,
        target: Tensor,
        ab: Tensor | None = None,
        mask: Tensor | None = None,
        step: int = 0,
    ) -> tuple[Tensor, Tensor]:
        """Score a batch.

        Args:
            light: As :class:`colorful.training.data.Batch` has it, like the next three.
            target: The true colors.
            ab: Colors of the hints.
            mask: Where they are.
            step: Number of the step; it says which cells are learned from.

        Returns:
            The loss, and a figure to watch, which is 0 when nothing is left to learn.
        """
        network, options = self.network, self.options
        row, column = divmod(step % options.every**2, options.every)
        cells = slice(row, None, options.every), slice(column, None, options.every)
        looks = self.perception is not None and step % _LOOK_EVERY == 0
        output, classes = network.heads(light, ab, mask, cells=ALL_CELLS if looks else cells)
        whole = output
        if looks:
            output = output[:, :, cells[0], cells[1]]
        here = target[:, :, cells[0], cells[1]]
        bins = self.bins
        if bins is None:
            loss = smooth_l1(output, here)
            rest = 0 if classes is None else _CLASS_SHARE * class_cross_entropy(classes, target)
            return loss + rest, loss.detach()
        loss, left = self.cross_entropy(output, here)
        if options.distance or options.vivid or options.patchy:
            decoded = self._decode(output, bins)
            off = ((decoded - here).square().sum(dim=1) + 1).sqrt() - 1
            near = F.smooth_l1_loss(off, torch.zeros_like(off), beta=_NEAR, reduction="none")
            loss = loss + options.distance * (near * self.cross_entropy.weigh(here)).mean()
            loss = loss + options.vivid * vividly_wrong(decoded, here)
            loss = loss + options.patchy * patchy(decoded, here)
        if looks and self.perception is not None:
            seen = self.perception(light, self._decode(whole, bins), target)
            loss = loss + _LOOK_EVERY * options.perception * seen
        if options.harm and ab is not None:
            with torch.no_grad():
                plain = self._decode(network.heads(light, cells=cells)[0], bins)
            loss = loss + options.harm * harm(self._decode(output, bins), plain, here)
        return loss, left

    def _decode(self, output: Tensor, bins: Tensor) -> Tensor:
        return annealed_mean(output.float(), bins, temperature=self.network.config.temperature)
