"""The last layers of a network on a strip of rows at a time, for less memory.

Where a network ends at the photo's full size, the maps of its last layers are by far its largest: as a whole
they fit in no cache, and beside them the rest hardly counts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from colorful.models.network import Network

_PIXELS = 1 << 15
"""In a strip, at full size."""


def with_strips(network: Network) -> Network:
    """Give a network that runs the method named by its ``local_end`` in strips; it shares all weights.

    Args:
        network: Left as it is, and given back where it names none.

    Returns:
        The same function, to rounding.
    """
    if not network.local_end:
        return network
    end: Callable[[Tensor, Tensor], Tensor] = getattr(network, network.local_end)

    def in_strips(half: Tensor, full: Tensor) -> Tensor:
        step = max(1, _PIXELS // (4 * half.shape[3]))
        strips = []
        for top in range(0, half.shape[2], step):
            # What lies within two rows beyond a strip has a say in it: one row at half the size.
            above = min(top, 1)
            rows = slice(top - above, top + step + 1)
            strip = end(half[:, :, rows], full[:, :, 2 * rows.start : 2 * rows.stop])
            strips.append(strip[:, :, 2 * above : 2 * (above + step)])
        return torch.cat(strips, dim=2)

    fast = copy.copy(network)
    setattr(fast, network.local_end, in_strips)
    return fast
