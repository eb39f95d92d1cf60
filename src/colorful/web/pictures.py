"""Photos at the size of a display: a preview of the whole, and any part at any scale."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from colorful.errors import RangeError
from colorful.images import Picture
from colorful.prediction import Prediction
from colorful.raster import Region

# Previews have at most as many pixels; a photo up to this size is previewed as it is.
PREVIEW_PIXELS = 1_250_000
# And no side longer than this: a strip of a few rows can have any length.
_LONGEST_PREVIEW = 8192
# What the network said is kept for as many edits of a photo.
_PREDICTIONS = 3


class Predictions:
    """What the network said of one photo, for the edits that came last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Prediction] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, *key: object) -> Prediction | None:
        """Return the prediction whose key begins with *key*, the latest if there are several."""
        with self._lock:
            for kept in reversed(self._kept):
                if kept[: len(key)] == key:
                    self._kept.move_to_end(kept)
                    return self._kept[kept]
        return None

    def keep(self, key: tuple[object, ...], prediction: Prediction) -> None:
        """Keep a prediction; the oldest goes."""
        with self._lock:
            self._kept[key] = prediction
            while len(self._kept) > _PREDICTIONS:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._kept.clear()


@dataclass(frozen=True, eq=False)
class Decoded:
    """A photo decoded at its full size, for visitors who zoom in, and copies half, a quarter ... as large.

    Attributes:
        photo: At full size.
        copies: By how often they are halved, each made when it is looked at.
        predictions: Of the photo at full size.
    """

    photo: Picture = field(repr=False)
    copies: dict[int, Picture] = field(default_factory=dict, repr=False)
    predictions: Predictions = field(default_factory=Predictions, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def bytes(self) -> int:
        """What it takes in memory at most: all copies together are a third of the photo."""
        return weight(self.photo) * 4 // 3

    def level(self, number: int) -> Picture:
        """Give the photo after halving it so many times."""
        with self.lock:
            if number and number not in self.copies:
                # From the photo itself: half of a half would be rounded twice.
                size = (max(1, self.photo.height >> number), max(1, self.photo.width >> number))
                self.copies[number] = resized(self.photo, size, Image.Resampling.BOX)
            return self.copies[number] if number else self.photo


def level_for(region: Region, side: int) -> int:
    """Choose the smallest copy that still has as many pixels of a region as are wanted.

    Args:
        region: Of the photo.
        side: Pixels of its longer side on the display.

    Returns:
        How often the photo is to be halved.
    """
    left, top, right, bottom = region
    longer = max(right - left, bottom - top)
    return max(0, (longer // max(1, side)).bit_length() - 1)


def check_region(region: tuple[int, int, int, int], size: tuple[int, int]) -> Region:
    """Turn left, top, width and height into a region.

    Raises:
        RangeError: If it is not within the photo of that *size*.
    """
    left, top, width, height = region
    if not (left >= 0 <= top and width > 0 < height and left + width <= size[1] and top + height <= size[0]):
        raise RangeError(
            f"region: expected left, top, width and height of a part of {size[1]} x {size[0]} pixels, "
            f"got {list(region)}"
        )
    return left, top, left + width, top + height


def moved(region: Region, size: tuple[int, int], smaller: tuple[int, int]) -> Region:
    """Find a region again in a smaller copy of the photo: what covers it, at least a pixel."""
    left, top, right, bottom = region
    (height, width), (rows, columns) = size, smaller
    x, y = left * columns // width, top * rows // height
    return (
        min(x, columns - 1),
        min(y, rows - 1),
        max(min(x, columns - 1) + 1, -(-right * columns // width)),
        max(min(y, rows - 1) + 1, -(-bottom * rows // height)),
    )


def preview_of(picture: Picture) -> Picture:
    """Bring a photo to 8 bits and the size of a preview."""
    scale = min(
        1.0,
        (PREVIEW_PIXELS / (picture.height * picture.width)) ** 0.5,
        _LONGEST_PREVIEW / max(picture.size),
    )
    size = (max(1, round(picture.height * scale)), max(1, round(picture.width * scale)))
    return resized(picture, size, Image.Resampling.LANCZOS)


def shrunk(picture: Picture, side: int) -> Picture:
    """Shrink a picture until its longer side is *side* at most."""
    size = fitting(picture, side)
    return picture if size == picture.size else resized(picture, size, Image.Resampling.BOX)


def fitting(picture: Picture, side: int) -> tuple[int, int]:
    """Give height and width of a picture whose longer side is to be *side* at most."""
    scale = min(1.0, side / max(picture.size))
    return max(1, round(picture.height * scale)), max(1, round(picture.width * scale))


def resized(picture: Picture, size: tuple[int, int], kernel: Image.Resampling) -> Picture:
    """Resize color and alpha together, so that what is transparent does not bleed; at 8 bits."""
    image = Image.fromarray(picture.channels(np.uint8)).resize(size[::-1], kernel, reducing_gap=3.0)
    channels = np.array(image)
    if picture.alpha is None:
        return Picture(channels)
    pixels = channels[..., 0] if picture.pixels.ndim == 2 else channels[..., :3]
    return Picture(np.ascontiguousarray(pixels), np.ascontiguousarray(channels[..., -1]))


def beside(before: Picture, after: Picture) -> Picture:
    """Put a photo as it came to the left of what was made of it, a narrow gap between."""
    height, width = after.size
    gap = max(1, width // 100)
    one = np.iinfo(after.pixels.dtype).max if after.pixels.dtype.kind == "u" else 1
    pixels = np.full((height, 2 * width + gap, 3), one, after.pixels.dtype)
    pixels[:, :width] = before.pixels if before.pixels.ndim == 3 else before.pixels[..., np.newaxis]
    pixels[:, width + gap :] = after.pixels
    alpha = None
    if after.alpha is not None:
        alpha = np.zeros((height, 2 * width + gap), after.alpha.dtype)
        alpha[:, :width] = alpha[:, width + gap :] = after.alpha
    return replace(after, pixels=pixels, alpha=alpha)


def weight(picture: Picture) -> int:
    """Count the bytes that a picture takes."""
    return int(picture.pixels.nbytes) + (0 if picture.alpha is None else int(picture.alpha.nbytes))


def encode_for_display(picture: Picture, *, close: bool = False, exact: bool = False) -> tuple[bytes, str]:
    """Encode a picture quickly, for a browser to show.

    Args:
        picture: At 8 bits, or it becomes so.
        close: Whether somebody looks at single pixels.
        exact: Whether they must be just those of the picture.

    Returns:
        The encoded picture and its media type.
    """
    buffer = io.BytesIO()
    image = Image.fromarray(picture.channels(np.uint8))
    if exact:
        image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue(), "image/png"
    if picture.alpha is not None:
        image.save(buffer, "WEBP", quality=95 if close else 85, method=1)
        return buffer.getvalue(), "image/webp"
    if close:
        image.save(buffer, "JPEG", quality=95, subsampling=0)
    else:
        image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue(), "image/jpeg"
