"""The losses as published: rebalanced cross-entropy for distributions, smooth L1 for regressions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.lab.bins import AbBins

CALM, CLOSE = 20.0, 25.0
"""Chroma from which on a color is vivid, and distance from which on it is wrong, in CIELAB units."""


_APART = (1, 2, 4, 8)  # cells from one to the other whose colors are compared


class RebalancedCrossEntropy(nn.Module):
    """Compare logits with soft-encoded colors; rare colors count more.

    Args:
        weights: Weight of each bin, shape ``(Q,)``; a cell has the weight of the bin nearest to its color.

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, eq. 2 to 4.
    """

    weights: Tensor

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("weights", weights.float())
        self.bins = AbBins(weights.device)

    def weigh(self, ab: Tensor) -> Tensor:
        """Give the weight of each cell, shape ``(N, h, w)``, by its true color."""
        return self.weights[self.bins.soft_encode(ab, neighbors=1)[0][:, 0]]

    def forward(self, logits: Tensor, ab: Tensor) -> tuple[Tensor, Tensor]:
        """Score a batch.

        Args:
            logits: Shape ``(N, Q, h, w)``.
            ab: True colors in CIELAB units, shape ``(N, 2, h, w)``.

        Returns:
            The weighted loss to descend on, and the unweighted cross-entropy less the targets' own entropy (0
            where nothing is left to learn), both scalars.
        """
        # Only the few bins of the target are looked up: a dense target would be as large as the logits.
        bins, shares = self.bins.soft_encode(ab)  # (N, K, h, w)
        logged = logits.float().log_softmax(dim=1)
        cross = -(logged.gather(1, bins) * shares).sum(dim=1)  # (N, h, w)
        entropy = torch.special.entr(shares).sum(dim=1)
        # The mean is over cells, not weights: so processes that share a batch average to the same gradient.
        return (cross * self.weights[bins[:, 0]]).mean(), (cross - entropy).mean().detach()


def smooth_l1(ab: Tensor, target: Tensor) -> Tensor:
    """Huber's loss on ab in units of 110, summed over a and b.

    Args:
        ab: Predicted colors in CIELAB units, shape ``(N, 2, h, w)``.
        target: True colors, same shape.

    References:
        Zhang et al. Real-Time User-Guided Image Colorization. SIGGRAPH 2017, eq. 2.
    """
    return F.smooth_l1_loss(ab.float() / 110, target / 110, beta=1 / 110, reduction="none").sum(dim=1).mean()


def harm(hinted: Tensor, plain: Tensor, target: Tensor) -> Tensor:
    """Measure by how much hints make colors worse, in CIELAB units: 0 where they help or change nothing.

    Cross-entropy hardly changes when a hint tints a region that it is not about, as long as the network is
    unsure of that region anyway. So this is a term of its own.

    Args:
        hinted: Colors with hints in CIELAB units, shape ``(N, 2, h, w)``.
        plain: Colors without, same shape.
        target: True colors, same shape.
    """
    return F.relu((hinted - target).norm(dim=1) - (plain - target).norm(dim=1)).mean()


def vividly_wrong(ab: Tensor, target: Tensor) -> Tensor:
    """Measure how vivid and at the same time how wrong colors are, in CIELAB units: what users see first.

    Where a network is not sure, this makes its colors calm: a grey coat costs little, a red one much.

    Args:
        ab: Predicted colors in CIELAB units, shape ``(N, 2, h, w)``.
        target: True colors, same shape.
    """
    chroma = (ab.square().sum(dim=1) + 1e-3).sqrt()
    off = ((ab - target).square().sum(dim=1) + 1e-3).sqrt()
    return (F.relu(chroma - CALM) * F.relu(off - CLOSE)).mean() / CLOSE


def patchy(ab: Tensor, target: Tensor) -> Tensor:
    """Measure how much more colors differ from place to place than the true ones do, in CIELAB units.

    A shirt of any one color is believable, a shirt with a red patch is not. But while a network is unsure of
    the shirt, how far each cell is from the truth hardly tells the two apart.

    Args:
        ab: Predicted colors in CIELAB units, shape ``(N, 2, h, w)`` with h and w above 1.
        target: True colors, same shape.
    """
    excess = [
        F.relu(_steps(ab, apart, axis) - _steps(target, apart, axis)).mean()
        for axis in (2, 3)
        for apart in _APART
        if apart < ab.shape[axis]
    ]
    return torch.stack(excess).mean()


def _steps(ab: Tensor, apart: int, axis: int) -> Tensor:
    """Give by how much the colors of cells that far apart differ, ``(N, h, w)``, less along *axis*."""
    length = ab.shape[axis] - apart
    difference = ab.narrow(axis, apart, length) - ab.narrow(axis, 0, length)
    return (difference.square().sum(dim=1) + 1e-3).sqrt()


def class_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Compare the class head of SIGGRAPH17 with the class that holds the true color.

    Args:
        logits: Over 23 x 23 squares of side 10 from -110 to 110, by a, then by b; ``(N, 529, h, w)``.
        target: True colors in CIELAB units, shape ``(N, 2, H, W)`` with H and W multiples of h and w.

    References:
        Zhang et al. Real-Time User-Guided Image Colorization. SIGGRAPH 2017, section 3.3.
    """
    cells = F.avg_pool2d(target, target.shape[-1] // logits.shape[-1])  # (N, 2, h, w)
    places = ((cells + 110) / 10).round().long().clamp(0, 22)
    return F.cross_entropy(logits.float(), places[:, 0] * 23 + places[:, 1])
