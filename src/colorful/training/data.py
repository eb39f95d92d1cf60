"""From photos on disk to batches: looked through once, then cropped, aged and hinted anew each time.

Sample number k of a run is a pure function of the seed and k. So a run that was cut off goes on with the same
batches, and it does not matter how many workers or processes make them.
"""

from __future__ import annotations

import logging
import math
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from colorful import parallel
from colorful.errors import ImageError, PhotosError
from colorful.lab import AbBins, rgb_to_lab
from colorful.photos import Photo, color_kind
from colorful.training import aging, hints

log = logging.getLogger(__name__)

_ASPECT = 0.18  # crops are stretched by up to exp of this, as photos are that are squeezed into a square
_LOOK_SIDE = 64  # of the miniatures that the prior is counted on


@dataclass(frozen=True)
class Survey:
    """What a first look through the photos found.

    Attributes:
        usable: The photos with colors to learn from.
        counts: How often each ab bin occurs in them, shape ``(313,)``.
        skipped: How many photos were left out for what reason (grey, toned, broken).
    """

    usable: list[Photo]
    counts: Tensor
    skipped: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CropOptions:
    """How samples are cut and disturbed.

    Args:
        size: Side of the crops in pixels.
        large_size: Side of the crops of some batches, which have as many pixels in fewer samples.
        large_share: Share of such batches, in [0, 1].
        least_scale: Smallest side of a crop's box as a share of the photo's shorter side, in (0, 1].
        aged: Share of samples whose L is aged, in [0, 1].
        hinted: Share of samples with hints, in [0, 1]; 0 for networks that take none.
        recolored: Share of the samples with several hints in which one region is changed, in [0, 1]; with a
            single one it always is, unless this is 0.
    """

    size: int = 128
    large_size: int = 192
    large_share: float = 0.0
    least_scale: float = 0.5
    aged: float = 0.35
    hinted: float = 0.0
    recolored: float = 0.5


Sample = tuple[int, int]
"""Number of a sample in the run, and the side of its crop."""


def survey(photos: Sequence[Photo]) -> Survey:
    """Look through all photos once.

    Raises:
        PhotosError: If none of them is a color photo.
    """
    bins = AbBins()

    def look(photo: Photo) -> tuple[str, npt.NDArray[np.float32] | None]:
        try:
            pixels = photo.load(min_side=_LOOK_SIDE)
        except ImageError as error:
            log.warning("%s", error)
            return "broken", None
        kind = color_kind(pixels)
        if kind != "color":
            return kind, None
        small = Image.fromarray(pixels).resize((_LOOK_SIDE, _LOOK_SIDE), Image.Resampling.NEAREST)
        return kind, _unit(small)

    usable, skipped, counts = [], Counter[str](), torch.zeros(len(bins), dtype=torch.float64)
    for photo, (kind, rgb) in zip(photos, parallel.ahead(look, photos), strict=True):
        if rgb is None:
            skipped[kind] += 1
            continue
        usable.append(photo)
        nearest = bins.nearest(rgb_to_lab(torch.from_numpy(rgb).movedim(-1, 0))[1:])
        counts += torch.bincount(nearest.flatten(), minlength=len(bins))
    if not usable:
        found = ", ".join(f"{count} {kind}" for kind, count in sorted(skipped.items()))
        raise PhotosError(f"photos: expected color photos to learn from, got {found or 'none'}")
    return Survey(usable, counts, dict(skipped))


class Crops(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Training samples by number: L ``(1, S, S)``, true ab at the network's stride, hinted ab and mask.

    Args:
        photos: What to cut from.
        options: How.
        stride: Side of a network's output cell in pixels.
        seed: Of all choices.
    """

    def __init__(self, photos: Sequence[Photo], options: CropOptions, *, stride: int, seed: int) -> None:
        self.photos, self.options, self.stride, self.seed = photos, options, stride, seed
        self._order: tuple[int, npt.NDArray[np.intp]] = (-1, np.empty(0, np.intp))

    def __getitem__(self, sample: Sample) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        number, size = sample
        random = np.random.default_rng((self.seed, number))
        rgb = self._cut(self._pixels(number, size), size, random)
        lab = rgb_to_lab(torch.from_numpy(rgb).movedim(-1, 0).contiguous())  # (3, S, S)
        light, ab = lab[0].numpy(), lab[1:].numpy()
        hinted, mask = np.zeros_like(ab), np.zeros((1, size, size), np.float32)
        if random.random() < self.options.hinted:
            # Often one, as a user begins; now and then many, where the geometric number hardly ever comes.
            kind = random.random()
            count = 1 if kind < 0.3 else round(float(np.exp(random.uniform(2, 4.3)))) if kind > 0.85 else None
            first = None
            # A single hint may be a whim: what it says holds for its own region. Several that agree with the
            # photo tell its mood, too.
            recolored = self.options.recolored
            if recolored and (count == 1 or random.random() < recolored):
                ab, first = hints.recolor(light, ab, random)
            hinted, mask = hints.simulate(ab, random, count=count, first=first)
        if random.random() < self.options.aged:
            light = aging.age(light, random)
        target = torch.from_numpy(ab)
        if self.stride > 1:
            target = torch.nn.functional.avg_pool2d(target, self.stride)
        return torch.from_numpy(light)[None], target, torch.from_numpy(hinted), torch.from_numpy(mask)

    def _pixels(self, number: int, size: int) -> npt.NDArray[np.uint8]:
        # No smaller than crops need; decoding a camera's photo whole would take longer than the training.
        least = math.ceil(size * math.exp(_ASPECT) / self.options.least_scale)
        for attempt in range(len(self.photos)):
            epoch, place = divmod(number + attempt, len(self.photos))
            if self._order[0] != epoch:
                self._order = (
                    epoch,
                    np.random.default_rng((self.seed, epoch, 1)).permutation(len(self.photos)),
                )
            try:
                pixels: npt.NDArray[np.uint8] = self.photos[self._order[1][place]].load(min_side=least)
                return pixels
            except ImageError as error:  # it was whole when the run began
                log.warning("%s", error)
        raise PhotosError("photos: expected color photos to learn from, got none that can be read any more")

    def _cut(
        self, pixels: npt.NDArray[np.uint8], size: int, random: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        height, width = pixels.shape[:2]
        side = min(height, width) * random.uniform(self.options.least_scale, 1)
        bend = np.exp(random.uniform(-_ASPECT, _ASPECT))
        box_width, box_height = min(width, side * bend), min(height, side / bend)
        left, top = random.uniform(0, width - box_width), random.uniform(0, height - box_height)
        crop = Image.fromarray(pixels).resize(
            (size, size), Image.Resampling.BICUBIC, (left, top, left + box_width, top + box_height)
        )
        if random.random() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return _unit(crop)


class Batches(Sampler[list[Sample]]):
    """Sample numbers of the batches from one step on, without end, for one of several processes.

    Args:
        options: Sizes of the crops.
        batch_size: Samples of a batch of one process, at the usual size.
        seed: Of the choice of sizes.
        first_step: Where to begin.
        rank: Which process this is.
        processes: How many there are.
    """

    def __init__(
        self,
        options: CropOptions,
        *,
        batch_size: int,
        seed: int,
        first_step: int = 0,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        self.options, self.batch_size, self.seed = options, batch_size, seed
        self.first_step, self.rank, self.processes = first_step, rank, processes

    def __iter__(self) -> Iterator[list[Sample]]:
        step = self.first_step
        while True:
            large = np.random.default_rng((self.seed, step, 2)).random() < self.options.large_share
            size = self.options.large_size if large else self.options.size
            count = max(1, round(self.batch_size * (self.options.size / size) ** 2))
            start = (step * self.processes + self.rank) * self.batch_size
            yield [(number, size) for number in range(start, start + count)]
            step += 1


def loader(crops: Crops, batches: Batches, *, workers: int) -> DataLoader[tuple[Tensor, ...]]:
    """Make batches in *workers* processes beside the training, or in it when there are none."""
    return DataLoader(
        crops,
        batch_sampler=batches,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_it_to_the_training,
    )


def _leave_it_to_the_training(worker: int) -> None:
    """Live on when SIGTERM is for all processes of a run: the first one saves, then ends its workers."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _unit(image: Image.Image) -> npt.NDArray[np.float32]:
    rgb: npt.NDArray[np.float32] = np.asarray(image, np.float32) / np.float32(255)
    return rgb
