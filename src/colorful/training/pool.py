"""Photos in memory: decoded once, then cut into crops on the device that trains."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor

from colorful import parallel
from colorful.errors import ImageError, MissingExtraError, TrainingError
from colorful.images import read_rgb, read_size
from colorful.images.jpeg import mean_step
from colorful.photos import Photo, color_kind

log = logging.getLogger(__name__)

_COARSE = 80
"""Mean step of a JPEG's first table from which on its grey shows blocks; at quality 35 it is 83."""
_SMOOTHING = 0.7


class Box(NamedTuple):
    """A rectangle of a photo, in its pixels, and whether it is mirrored."""

    top: float
    left: float
    height: float
    width: float
    mirrored: bool


@dataclass(frozen=True)
class Pool:
    """Decoded photos, one after the other in one block of memory.

    Attributes:
        pixels: 8-bit RGB of all photos, row by row, shape ``(P, 3)``.
        offsets: Where each photo begins in *pixels*, int64, shape ``(N,)``.
        sizes: Height and width of each, int64, shape ``(N, 2)``; on the CPU.
    """

    pixels: Tensor
    offsets: Tensor
    sizes: Tensor

    def __len__(self) -> int:
        return len(self.sizes)

    def photo(self, number: int) -> npt.NDArray[np.uint8]:
        """Give one photo, shape ``(H, W, 3)``."""
        height, width = self.sizes[number].tolist()
        start = int(self.offsets[number])
        pixels: npt.NDArray[np.uint8] = self.pixels[start : start + height * width].cpu().numpy()
        return pixels.reshape(height, width, 3)

    def subset(self, numbers: Sequence[int]) -> Pool:
        """Give some of the photos, which share the memory."""
        chosen = torch.tensor(numbers, dtype=torch.long)
        return Pool(self.pixels, self.offsets[chosen], self.sizes[chosen])

    def to(self, device: torch.device) -> Pool:
        """Bring all photos to a device."""
        return Pool(self.pixels.to(device), self.offsets, self.sizes)

    def cut(self, photos: Sequence[int], boxes: Sequence[Box], size: int) -> Tensor:
        """Cut boxes out of photos and bring them to one size, on the device of the pixels.

        Args:
            photos: The number of the photo of each box.
            boxes: Where.
            size: Side of the crops.

        Returns:
            RGB in [0, 1], float32, shape ``(N, 3, size, size)``.
        """
        # Bilinear sampling would skip pixels where a box is larger than its crop. Such a box is sampled at a
        # higher resolution, which is then averaged down.
        finer = [max(1, round(max(box.height, box.width) / size)) for box in boxes]
        rgb = torch.empty(len(boxes), 3, size, size, device=self.pixels.device)
        for factor in set(finer):
            chosen = [number for number, its in enumerate(finer) if its == factor]
            cut = self._sample([photos[i] for i in chosen], [boxes[i] for i in chosen], size * factor)
            rgb[chosen] = F.avg_pool2d(cut, factor) if factor > 1 else cut
        return rgb

    def _sample(self, photos: Sequence[int], boxes: Sequence[Box], side: int) -> Tensor:
        chosen = torch.tensor(photos)
        shapes = self.sizes[chosen]  # (N, 2)
        steps = (torch.arange(side, dtype=torch.float64) + 0.5) / side
        corner = torch.tensor([box[:2] for box in boxes], dtype=torch.float64)
        extent = torch.tensor([box[2:4] for box in boxes], dtype=torch.float64)
        places = corner[..., None] + extent[..., None] * steps - 0.5  # (N, 2, side): rows and columns
        mirrored = torch.tensor([box.mirrored for box in boxes])
        places[mirrored, 1] = places[mirrored, 1].flip(1)
        places = torch.minimum(places.clamp(min=0), shapes[..., None] - 1.0)
        before = places.long()
        after = torch.minimum(before + 1, shapes[..., None] - 1)
        device = self.pixels.device
        share = (places - before).float().to(device)
        starts = self.offsets[chosen][:, None]
        rows = [(starts + index[:, 0] * shapes[:, 1:]).to(device) for index in (before, after)]
        columns = [index[:, 1].to(device) for index in (before, after)]
        down, across = share[:, 0, :, None, None], share[:, 1, None, :, None]

        def row(start: Tensor) -> Tensor:  # (N, side) to (N, side, side, 3)
            left, right = (
                self.pixels[(start[:, :, None] + column[:, None]).flatten()]
                .reshape(len(boxes), side, side, 3)
                .float()
                for column in columns
            )
            return left.lerp_(right, across)

        return row(rows[0]).lerp_(row(rows[1]), down).movedim(-1, 1).contiguous() / 255


def read(photos: Sequence[Photo], *, side: int) -> tuple[Pool, list[str]]:
    """Decode photos into memory, in threads.

    Args:
        photos: Which.
        side: Longest that the shorter side of a photo is kept; larger ones are scaled down.

    Returns:
        The photos, and of each whether it is ``color``, ``grey``, ``toned`` or ``broken``; a broken one has
        pixels of no meaning.

    Raises:
        TrainingError: If there is not enough memory.
    """
    kept = list(parallel.ahead(lambda photo: _size(photo, side), photos))
    sizes = torch.tensor(kept).reshape(-1, 2)
    ends = sizes.prod(dim=1).cumsum(0)
    total = int(ends[-1]) if len(photos) else 0
    try:
        pixels = torch.empty(total, 3, dtype=torch.uint8)
    except RuntimeError as error:
        need = f"{len(photos)} photos of {side} pixels take {3 * total / 1e9:.1f} GB of memory"
        raise TrainingError(f"photo_side: {need}, which are not there; take a lower one") from error
    pool = Pool(pixels, ends - sizes.prod(dim=1), sizes)

    def fill(number: int) -> str:
        try:
            decoded = _decode(photos[number], side, kept[number])
        except (ImageError, MissingExtraError) as error:
            log.warning("%s", error)
            return "broken"
        pool.photo(number)[:] = decoded
        return color_kind(decoded)

    return pool, list(parallel.ahead(fill, range(len(photos))))


def _size(photo: Photo, side: int) -> tuple[int, int]:
    """Tell the height and width that a photo will have."""
    try:
        height, width = read_size(photo.read(), upright=True)
    except (ImageError, MissingExtraError):  # decoding it will say what is wrong with it
        return 1, 1
    scale = min(1.0, side / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _decode(photo: Photo, side: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    data = photo.read()
    image = Image.fromarray(read_rgb(data, min_side=side, name=photo.name))
    if image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.LANCZOS)
    if mean_step(data) > _COARSE:
        # Otherwise a network would learn to tell colors by the JPEG blocks.
        luma, *chroma = image.convert("YCbCr").split()
        luma = luma.filter(ImageFilter.GaussianBlur(_SMOOTHING))
        image = Image.merge("YCbCr", (luma, *chroma)).convert("RGB")
    return np.asarray(image)
