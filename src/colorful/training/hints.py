"""Simulate the hints a user would give, so that a network learns to follow them.

References:
    Zhang, Zhu, Isola, Geng, Lin, Yu, Efros. Real-Time User-Guided Image Colorization. SIGGRAPH 2017,
    section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorful.errors import OptionError
from colorful.training.fields import gaussian, grow

_STOP = 1 / 8  # chance to stop after each point
_REFERENCE_SIDE = 176  # crops were of this side where patches had sides of 1 to 9
_LARGEST = 9
_WHOLE = 0.01  # how often the whole picture is revealed
_TRIES = 4  # places looked at for a region to recolor

Place = tuple[int, int]


def simulate(
    ab: Tensor,
    randoms: Sequence[np.random.Generator],
    *,
    counts: Sequence[int | None] | None = None,
    first: Sequence[Place | None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Reveal the true color in a few small patches.

    Args:
        ab: True colors in CIELAB units, shape ``(N, 2, H, W)``.
        randoms: Where all choices for each sample come from.
        counts: How many points for each sample; where it is None a geometric number (at least one where
            *first* has a place), and for one sample in a hundred the whole picture.
        first: For each sample row and column that the first patch must cover, or None.

    Returns:
        Hinted ab, shape ``(N, 2, H, W)``, 0 outside the hints, and the 0/1 mask, shape ``(N, 1, H, W)``.

    Raises:
        OptionError: If a count is negative.
    """
    n, _, height, width = ab.shape
    counts, first = counts or [None] * n, first or [None] * n
    whole = torch.zeros(n, dtype=torch.bool)
    patches: list[list[tuple[int, int, int]]] = []
    for sample, (random, count, place) in enumerate(zip(randoms, counts, first, strict=True)):
        if count is not None and count < 0:
            raise OptionError(f"count: expected a number of at least 0, got {count}")
        if count is None:
            whole[sample] = random.random() < _WHOLE
            count = max(int(random.geometric(_STOP)) - 1, place is not None)
        patches.append(_patches(random, height, width, count, place))
    most = max(1, *map(len, patches))
    # A sample with fewer patches than others has some of side 0.
    corners = torch.tensor([these + [(0, 0, 0)] * (most - len(these)) for these in patches])  # (N, K, 3)
    top, left, side = corners.to(ab.device).unbind(dim=2)
    reach = torch.arange(max(1, int(corners[..., 2].max())), device=ab.device)
    inside = (reach < side[..., None]).float()  # (N, K, M)
    inside = inside[..., :, None] * inside[..., None, :]  # -> (N, K, M, M)
    rows = (top[..., None] + reach).clamp(max=height - 1)
    columns = (left[..., None] + reach).clamp(max=width - 1)
    cells = rows[..., :, None] * width + columns[..., None, :]  # (N, K, M, M)
    every = cells.reshape(n, 1, -1).expand(-1, 2, -1)
    colors = ab.flatten(2).gather(2, every).reshape(n, 2, *cells.shape[1:])
    area = inside.sum(dim=(2, 3)).clamp(min=1)
    means = (colors * inside[:, None]).sum(dim=(3, 4)) / area[:, None]  # -> (N, 2, K)
    # Where patches overlap, the last one counts.
    order = torch.arange(1, most + 1, device=ab.device)[:, None, None] * inside.long()
    owner = torch.zeros(n, height * width, dtype=torch.long, device=ab.device)
    owner.scatter_reduce_(1, cells.reshape(n, -1), order.reshape(n, -1), "amax")
    hinted = F.pad(means, (1, 0)).gather(2, owner[:, None].expand(-1, 2, -1)).reshape(ab.shape)
    mask = (owner > 0).to(ab).reshape(n, 1, height, width)
    whole = whole.to(ab.device)[:, None, None, None]
    return torch.where(whole, ab, hinted), torch.where(whole, 1.0, mask)


def _patches(
    random: np.random.Generator, height: int, width: int, count: int, first: Place | None
) -> list[tuple[int, int, int]]:
    """Draw top, left and side of each patch; most lie near the middle."""
    found = []
    for number in range(count):
        side = max(1, round(int(random.integers(1, _LARGEST + 1)) * min(height, width) / _REFERENCE_SIDE))
        if number == 0 and first is not None:
            top, left = float(first[0] - side // 2), float(first[1] - side // 2)
        else:
            top = random.normal((height - side + 1) / 2, (height - side + 1) / 4)
            left = random.normal((width - side + 1) / 2, (width - side + 1) / 4)
        found.append((int(np.clip(top, 0, height - side)), int(np.clip(left, 0, width - side)), side))
    return found


def recolor(
    light: Tensor, ab: Tensor, randoms: Sequence[np.random.Generator]
) -> tuple[Tensor, list[Place | None]]:
    """Give one region of each sample another color, as a user might wish.

    A hint that confirms what the network believes anyway teaches it little. In a recolored sample only the
    hint can tell the color, and it holds for its own region alone. A region is what hangs together around a
    pixel and looks like it, at most a third of the picture.

    Args:
        light: L in 0..100, shape ``(N, H, W)``.
        ab: True colors in CIELAB units, shape ``(N, 2, H, W)``; left as they are.
        randoms: Where all choices for each sample come from.

    Returns:
        The changed ab, and for each sample row and column of a pixel inside its region, which must be hinted;
        None where no region was found, and nothing is changed.
    """
    n, _, height, width = ab.shape
    # Smoothed and with L scaled down, both by a random amount; else only plain surfaces would make regions.
    widths = [math.exp(random.uniform(math.log(0.8), math.log(3.5))) for random in randoms]
    shading = torch.tensor([random.uniform(0.3, 1) for random in randoms], device=ab.device)[:, None, None]
    lab = gaussian(torch.cat(((shading * light)[:, None], ab), dim=1), widths)
    # Several places are tried at once.
    places = torch.tensor(
        [[(random.integers(height), random.integers(width)) for _ in range(_TRIES)] for random in randoms]
    ).to(ab.device)  # (N, T, 2)
    reach = torch.from_numpy(np.stack([random.uniform(8, 20, _TRIES) for random in randoms])).to(lab)
    flat = places[..., 0] * width + places[..., 1]  # (N, T)
    there = lab.flatten(2).gather(2, flat[:, None].expand(-1, 3, -1))  # (N, 3, T)
    far = (lab[:, :, None] - there[..., None, None]).square().sum(dim=1).sqrt()  # (N, T, H, W)
    alike = (far < reach[..., None, None]).float()
    seeds = torch.zeros_like(alike).flatten(2).scatter_(2, flat[..., None], 1).reshape(alike.shape)
    regions = grow(seeds.flatten(0, 1), alike.flatten(0, 1))  # (N T, H, W)
    # The changed color ends softly, as colors do in photos. Gaps of a pixel are closed, and a
    # place on a thin spur is not taken for the hint.
    closed = -F.max_pool2d(-F.max_pool2d(regions[:, None], 3, 1, 1), 3, 1, 1)
    shares = gaussian(closed, [0.7] * len(closed)).reshape(alike.shape)
    regions = regions.reshape(alike.shape)
    area = regions.mean(dim=(2, 3))
    sound = shares.flatten(2).gather(2, flat[..., None])[..., 0] > 0.5
    suits = ((area > 0.01) & (area < 0.33) & sound).cpu()  # (N, T)
    best = suits.float().argmax(dim=1)  # the first that fits
    found = suits.any(dim=1)
    each, best_there = torch.arange(n, device=ab.device), best.to(ab.device)
    region, share = regions[each, best_there][:, None], shares[each, best_there][:, None]
    colors = []
    for random in randoms:
        hue, chroma = random.uniform(0, 2 * math.pi), random.uniform(10, 65)
        colors.append((chroma * math.cos(hue), chroma * math.sin(hue)))
    mean = (ab * region).sum(dim=(2, 3)) / region.sum(dim=(2, 3)).clamp(min=1)
    shift = (torch.tensor(colors).to(ab) - mean) * found.to(ab)[:, None]
    chosen = places.cpu()[torch.arange(n), best].tolist()
    spots = zip(chosen, found.tolist(), strict=True)
    return ab + share * shift[..., None, None], [
        (place[0], place[1]) if fit else None for place, fit in spots
    ]
