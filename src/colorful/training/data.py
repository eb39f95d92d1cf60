"""From photos to batches: photos are decoded once, then cropped, aged and given hints anew for each batch.

Sample number k of a run is a pure function of the seed and k. So an interrupted run continues with the same
batches, however many processes make them. The random choices for a sample are made on the CPU; all work on
pixels is done for a whole batch at once, on the device that trains.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from colorful.errors import PhotosError
from colorful.lab import AbBins, rgb_to_lab
from colorful.photos import Photo
from colorful.training import aging, hints
from colorful.training.pool import Box, Pool, read

_ASPECT = 0.18  # crops are stretched by up to exp of this, as photos are that are squeezed into a square
_LOOK_SIDE = 64  # of the miniatures that the prior is counted on


@dataclass(frozen=True)
class Survey:
    """What was found when all photos were looked through before training.

    Attributes:
        usable: The photos with colors to learn from.
        pool: Their pixels.
        counts: How often each ab bin occurs in them, shape ``(313,)``.
        skipped: How many photos were left out for what reason (grey, toned, broken).
    """

    usable: list[Photo]
    pool: Pool
    counts: Tensor
    skipped: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CropOptions:
    """How samples are cut and disturbed.

    Args:
        photo_side: Longest that the shorter side of a photo is kept in memory, in pixels.
        balance: How samples are divided among the photos' sources (folders, sets of shards): at 1 each photo
            is taken equally often, at 0 each source.
        size: Side of the crops in pixels.
        large_size: Side of the crops in some batches. These have fewer samples, with as many pixels in all.
        large_share: Share of such batches, in [0, 1].
        least_scale: Smallest side of a crop's box as a share of the photo's shorter side, in (0, 1].
        aged: Share of samples whose L is aged, in [0, 1].
        old_film: Share of samples whose L is as on film that is blind to red, in [0, 1].
        hinted: Share of batches with hints, in [0, 1]; 0 for networks that take none.
        recolored: Share of the samples with several hints in which one region gets another color, in [0, 1].
            In samples with a single hint one always does, unless this is 0.
    """

    photo_side: int = 256
    balance: float = 1.0
    size: int = 128
    large_size: int = 192
    large_share: float = 0.0
    least_scale: float = 0.5
    aged: float = 0.35
    old_film: float = 0.1
    hinted: float = 0.0
    recolored: float = 0.5


class Plan(NamedTuple):
    """What a batch is made of.

    Attributes:
        numbers: Of its samples in the run.
        size: Side of its crops.
        hinted: Whether they have hints.
    """

    numbers: range
    size: int
    hinted: bool


class Batch(NamedTuple):
    """Samples on the device that trains.

    Attributes:
        light: L, shape ``(N, 1, S, S)``, channels last.
        target: True ab, averaged over the network's cells, shape ``(N, 2, S / stride, S / stride)``.
        ab: Hinted ab, shape ``(N, 2, S, S)``; None without hints.
        mask: Where it is hinted, shape ``(N, 1, S, S)``; None without hints.
    """

    light: Tensor
    target: Tensor
    ab: Tensor | None
    mask: Tensor | None


def survey(photos: Sequence[Photo], *, side: int) -> Survey:
    """Decode all photos and look through them.

    Args:
        photos: What there is.
        side: As ``photo_side`` of :class:`CropOptions`.

    Raises:
        PhotosError: If none of them is a color photo.
        TrainingError: If there is not enough memory for them.
    """
    pool, kinds = read(photos, side=side)
    colored = [number for number, kind in enumerate(kinds) if kind == "color"]
    skipped = dict(Counter(kind for kind in kinds if kind != "color"))
    if not colored:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(skipped.items()))
        raise PhotosError(f"photos: expected color photos to learn from, got {found or 'none'}")
    pool = pool.subset(colored)
    bins = AbBins()
    counts = torch.zeros(len(bins), dtype=torch.float64)
    for start in range(0, len(pool), 256):
        numbers = range(start, min(start + 256, len(pool)))
        small = torch.from_numpy(np.stack([_miniature(pool.photo(number)) for number in numbers]))
        nearest = bins.nearest(rgb_to_lab(small.movedim(-1, 1).contiguous().float() / 255)[:, 1:])
        counts += torch.bincount(nearest.flatten(), minlength=len(bins))
    return Survey([photos[number] for number in colored], pool, counts, skipped)


def _miniature(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    rows, columns = ((np.arange(_LOOK_SIDE) + 0.5) * length / _LOOK_SIDE for length in pixels.shape[:2])
    small: npt.NDArray[np.uint8] = pixels[rows.astype(int)[:, None], columns.astype(int)]
    return small


def sources_of(photos: Sequence[Photo]) -> list[str]:
    """Name the source of each photo: the first folder of its name, without the number of a shard."""
    return [re.sub(r"-\d+$", "", photo.name.rpartition("/")[0].partition("/")[0]) for photo in photos]


class Crops:
    """Training samples by number.

    Args:
        pool: What to cut from; on the device that trains.
        options: How.
        stride: Side of a network's output cell in pixels.
        seed: Of all choices.
        sources: Of each photo; all of one by default.
    """

    def __init__(
        self,
        pool: Pool,
        options: CropOptions,
        *,
        stride: int,
        seed: int,
        sources: Sequence[str] | None = None,
    ) -> None:
        self.pool, self.options, self.stride, self.seed = pool, options, stride, seed
        sources = sources or [""] * len(pool)
        sizes = Counter(sources)
        weights = np.array([sizes[source] ** (options.balance - 1.0) for source in sources])
        self._shares = weights.cumsum() / weights.sum()
        self._order: tuple[int, npt.NDArray[np.intp]] = (-1, np.empty(0, np.intp))

    def photo(self, number: int) -> int:
        """Tell which photo a sample is cut from: in an epoch each comes as often as its weight says."""
        count = len(self.pool)
        epoch, place = divmod(number, count)
        if self._order[0] != epoch:
            random = np.random.default_rng((self.seed, epoch, 1))
            even = (np.arange(count) + random.random()) / count
            order = random.permutation(np.searchsorted(self._shares, even).clip(max=count - 1))
            self._order = (epoch, order)
        return int(self._order[1][place])

    def batch(self, plan: Plan) -> Batch:
        """Make the samples of a batch."""
        options, size = self.options, plan.size
        randoms = [np.random.default_rng((self.seed, number)) for number in plan.numbers]
        photos = [self.photo(number) for number in plan.numbers]
        boxes = [self._box(photo, random) for photo, random in zip(photos, randoms, strict=True)]
        rgb = self.pool.cut(photos, boxes, size)
        lab = rgb_to_lab(rgb)
        light, ab = lab[:, 0], lab[:, 1:]  # (N, S, S), (N, 2, S, S)
        films = {i: random.random() for i, random in enumerate(randoms) if random.random() < options.old_film}
        if films:
            seen = torch.tensor([*films], device=rgb.device)
            light = light.index_copy(0, seen, aging.on_old_film(rgb[seen], [*films.values()]))
        hinted = mask = None
        if plan.hinted:
            ab, hinted, mask = self._hint(light, ab, randoms)
        aged = [number for number, random in enumerate(randoms) if random.random() < options.aged]
        if aged:
            old = torch.tensor(aged, device=rgb.device)
            light = light.index_copy(0, old, aging.age(light[old], [randoms[number] for number in aged]))
        light = light[:, None].contiguous(memory_format=torch.channels_last)
        return Batch(light, F.avg_pool2d(ab, self.stride) if self.stride > 1 else ab, hinted, mask)

    def _hint(
        self, light: Tensor, ab: Tensor, randoms: Sequence[np.random.Generator]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Choose true colors, hinted ones and their mask."""
        counts: list[int | None] = []
        recolored: list[int] = []
        share = self.options.recolored
        for number, random in enumerate(randoms):
            # Often one, as users begin with; now and then more than a geometric distribution ever gives.
            kind = random.random()
            many = round(math.exp(random.uniform(2, 4.3)))
            counts.append(1 if kind < 0.3 else many if kind > 0.85 else None)
            # The color of a single hint may be arbitrary: it holds for its own region only. Several hints
            # that agree with the photo also tell the mood of the whole.
            if share and (counts[-1] == 1 or random.random() < share):
                recolored.append(number)
        first: list[hints.Place | None] = [None] * len(randoms)
        if recolored:
            chosen = torch.tensor(recolored, device=ab.device)
            changed, places = hints.recolor(light[chosen], ab[chosen], [randoms[i] for i in recolored])
            ab = ab.index_copy(0, chosen, changed)
            for number, place in zip(recolored, places, strict=True):
                first[number] = place
        return (ab, *hints.simulate(ab, randoms, counts=counts, first=first))

    def _box(self, photo: int, random: np.random.Generator) -> Box:
        height, width = self.pool.sizes[photo].tolist()
        side = min(height, width) * random.uniform(self.options.least_scale, 1)
        bend = math.exp(random.uniform(-_ASPECT, _ASPECT))
        box_width, box_height = min(width, side * bend), min(height, side / bend)
        left, top = random.uniform(0, width - box_width), random.uniform(0, height - box_height)
        return Box(top, left, box_height, box_width, random.random() < 0.5)


def plans(
    options: CropOptions,
    *,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    rank: int = 0,
    processes: int = 1,
) -> Iterator[Plan]:
    """Plan all batches from some step on, without end, for one of several processes.

    Args:
        options: Sizes of the crops.
        batch_size: Samples of a batch of one process, at the usual size.
        seed: Of the choice of sizes.
        first_step: Where to begin.
        rank: Which process this is.
        processes: How many there are.
    """
    for step in itertools.count(first_step):
        large, hinted = np.random.default_rng((seed, step, 2)).random(2)
        size = options.large_size if large < options.large_share else options.size
        count = max(1, round(batch_size * (options.size / size) ** 2))
        start = (step * processes + rank) * batch_size
        yield Plan(range(start, start + count), size, bool(hinted < options.hinted))
