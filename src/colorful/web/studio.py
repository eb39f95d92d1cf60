"""What happens to a photo here: it is taken in, previewed while somebody edits, and colored at full size."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from colorful import images
from colorful.colorizer import Colorizer
from colorful.errors import HintError, ImageError, ImageTooLargeError, OptionError, OutputError, RangeError
from colorful.hints import Hint, parse_hints
from colorful.look import Look
from colorful.prediction import Prediction, Suggestion
from colorful.web.queue import Queue
from colorful.web.store import Folder, Store

logger = logging.getLogger(__name__)

# Previews have at most as many pixels; a photo up to this size is previewed as it is.
_PREVIEW_PIXELS = 1_250_000
PREVIEW_SIDES = (64, 2048)
BEFORE_SIDES = (64, 16383)  # WebP's longest, which shows photos with alpha
# What is kept so that the sliders do not run the network again: some 5 to 9 MB each, for the photos that were
# edited last.
_PREDICTIONS = 3
_EDITED = 8
_MOST_HINTS = 1000

TYPES: Mapping[str, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp"}


class NoPhotoError(ImageError):
    """A form came without a photo."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is taken in, kept and done at once.

    Args:
        request_bytes: Size of a request's body, photos and all.
        pixels: Width times height of a photo, checked before it is decoded.
        photos: Photos in one request.
        workers: Photos that are colored at the same time.
        waiting: Photos that may wait for that.
        kept_bytes: Photos and results kept for their visitors, together.
        kept_seconds: How long after its last use something is kept.
    """

    request_bytes: int = 64 << 20
    pixels: int = 64_000_000
    photos: int = 32
    workers: int = 2
    waiting: int = 16
    kept_bytes: int = 512 << 20
    kept_seconds: float = 3600

    @property
    def words(self) -> Mapping[str, str]:
        """What the pages say of the largest request and photo."""
        return {
            "megabytes": f"{self.request_bytes / (1 << 20):.6g}",
            "megapixels": f"{self.pixels / 1_000_000:.6g}",
        }


@dataclass(frozen=True)
class Edit:
    """What a visitor asks for: a model, hints in pixels of the upright photo, and how to decode."""

    model: str
    hints: tuple[Hint, ...] = ()
    look: Look = field(default_factory=Look)


@dataclass(frozen=True, eq=False)
class Upload:
    """A photo as it came, and what is needed to answer quickly while somebody edits it."""

    data: bytes = field(repr=False)
    stem: str
    format: str
    size: tuple[int, int]
    preview: images.Picture = field(repr=False)
    kept_as: str | None
    results: list[str] = field(default_factory=list)  # what the store calls those that go with it
    predictions: OrderedDict[tuple[object, ...], Prediction] = field(default_factory=OrderedDict, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def bytes(self) -> int:
        """What it takes in memory, beside predictions, of which there are few at any time."""
        alpha = self.preview.alpha
        return len(self.data) + self.preview.pixels.nbytes + (0 if alpha is None else alpha.nbytes)


@dataclass(frozen=True, eq=False)
class Result:
    """A colored photo, encoded."""

    data: bytes = field(repr=False)
    format: str
    filename: str
    size: tuple[int, int]
    model: str

    @property
    def type(self) -> str:
        """Its media type."""
        return TYPES[self.format]


class Studio:
    """Colors photos for visitors: shared models, a queue before them, and a store of what was made.

    Args:
        colorizers: By the name that visitors choose them by; the first is the default.
        limits: How much is taken in, kept and done at once.
        keep: A folder that gets a copy of every upload and result, or None.
    """

    def __init__(self, colorizers: Mapping[str, Colorizer], limits: Limits, keep: Folder | None) -> None:
        self.colorizers = dict(colorizers)
        self.default_model = next(iter(self.colorizers))
        self.limits = limits
        self.queue = Queue(workers=limits.workers, waiting=limits.waiting)
        self.store = Store(max_bytes=limits.kept_bytes, max_age=limits.kept_seconds)
        self._keep = keep
        self._edited: list[weakref.ref[Upload]] = []
        self._lock = threading.Lock()

    @property
    def keeps(self) -> bool:
        """Whether uploads and results are copied to a folder."""
        return self._keep is not None

    def close(self) -> None:
        """Take nothing more, refuse those who wait, forget what is kept."""
        self.queue.close()
        self.store.clear()

    def edit(self, values: Mapping[str, Any]) -> Edit:
        """Read what a visitor asks for, from a form's texts or from JSON.

        Args:
            values: ``model``, ``hints``, ``temperature``, ``saturation``; each may be missing or empty.

        Raises:
            OptionError: If the model is none of those offered.
            ColorfulError: If another value means nothing.
        """
        model = values.get("model") or self.default_model
        if not isinstance(model, str) or model not in self.colorizers:
            raise OptionError(f"model: expected one of {', '.join(self.colorizers)}, got {str(model)[:80]!r}")
        wished = values.get("hints") or "[]"
        hints = parse_hints(wished if isinstance(wished, str) else json.dumps(wished))
        if len(hints) > _MOST_HINTS:
            raise HintError(f"hints: expected at most {_MOST_HINTS}, got {len(hints)}")
        look = Look(
            temperature=_number("temperature", values.get("temperature")),
            saturation=_number("saturation", values.get("saturation")),
        )
        self.colorizers[model].tuned(**look)  # refuses what has no meaning
        return Edit(model, tuple(hints), look)

    def accept(self, data: bytes, filename: str | None) -> Upload:
        """Take a photo in: see that it is one, and make its preview.

        Args:
            data: The file.
            filename: As the client calls it; only its stem lives on, in the name of the download.

        Raises:
            ImageError: If it is no photo, broken, or too large.
            BusyError: If the queue is full.
        """
        return self.queue.run(lambda: self._accept(self._read(data), data, filename))

    def colorize(self, upload: Upload, edit: Edit, format: str | None = None) -> Result:
        """Color a photo at full size.

        Args:
            upload: The photo.
            edit: How.
            format: ``png``, ``jpeg`` or ``webp``; by default what came, or PNG for other kinds.

        Raises:
            BusyError: If the queue is full.
            ColorfulError: If the edit does not fit the photo or the model.
        """
        return self.queue.run(lambda: self._colorize(self._read(upload.data), upload, edit, format))

    def accept_and_colorize(
        self, data: bytes, filename: str | None, edit: Edit, format: str | None = None
    ) -> tuple[Upload, Result]:
        """Take a photo in and color it in one turn, decoding it once.

        Args:
            data: The file.
            filename: As for :meth:`accept`.
            edit: How.
            format: As for :meth:`colorize`.

        Raises:
            BusyError: If the queue is full.
            ColorfulError: As for :meth:`accept` and :meth:`colorize`.
        """

        def work() -> tuple[Upload, Result]:
            picture = self._read(data)
            upload = self._accept(picture, data, filename)
            return upload, self._colorize(picture, upload, edit, format)

        return self.queue.run(work)

    def preview(self, upload: Upload, edit: Edit | None, side: int) -> tuple[bytes, str]:
        """Color a photo at display size, or show it as it came.

        Args:
            upload: The photo.
            edit: How; None shows it as it came.
            side: Pixels of the longer side that the display has room for. As it came, a photo is shown as
                large as that; in color, full size is what :meth:`colorize` is for.

        Returns:
            The encoded picture and its media type.

        Raises:
            BusyError: If the queue is full.
            ColorfulError: If the edit does not fit the photo or the model.
        """
        low, high = BEFORE_SIDES if edit is None else PREVIEW_SIDES
        if not low <= side <= high:
            raise RangeError(f"side: expected {low} to {high} pixels, got {side}")
        return self.queue.run(lambda: self._preview(upload, edit, side))

    def suggest(self, upload: Upload, edit: Edit, *, x: float, y: float, count: int) -> list[Suggestion]:
        """Name the colors that the model finds likely at a point of the full-size photo.

        Raises:
            BusyError: If the queue is full.
            UnsupportedOptionError: If the model predicts no distribution.
            RangeError: If the point is outside the photo.
        """
        if not 1 <= count <= 16:
            raise RangeError(f"count: expected 1 to 16, got {count}")
        height, width = upload.size
        if not (0 <= x < width and 0 <= y < height):
            raise RangeError(f"x, y: expected a point inside {width} x {height} pixels, got ({x:g}, {y:g})")

        def work() -> list[Suggestion]:
            prediction = self._predict(upload, edit, None)
            rows, columns = prediction.source.height, prediction.source.width
            near_x, near_y = (min(v * n / m, n - 0.5) for v, n, m in ((x, columns, width), (y, rows, height)))
            return prediction.suggest(x=near_x, y=near_y, count=count)

        return self.queue.run(work)

    def _read(self, data: bytes) -> images.Picture:
        return images.read(data, max_pixels=self.limits.pixels)

    def _accept(self, picture: images.Picture, data: bytes, filename: str | None) -> Upload:
        format = picture.format.lower() if picture.format else "png"
        upload = Upload(
            data=data,
            stem=clean_stem(filename),
            format=format if format in TYPES else "png",
            size=(picture.height, picture.width),
            preview=_shrunk(picture, _PREVIEW_PIXELS),
            kept_as=None if self._keep is None else self._keep.save_upload(data, _extension(format)),
        )
        if upload.bytes > self.limits.kept_bytes:
            raise ImageTooLargeError(
                f"photo: expected room for {upload.bytes} bytes, got {self.limits.kept_bytes}"
            )
        return upload

    def _colorize(self, picture: images.Picture, upload: Upload, edit: Edit, format: str | None) -> Result:
        start, format = time.monotonic(), format or upload.format
        prediction = self.colorizers[edit.model].predict(picture, hints=edit.hints)
        try:
            data = images.encode(prediction.picture(**edit.look), format)
        except OutputError as error:
            raise OptionError(
                f"format: expected one that can hold this photo, got {format}: {error}"
            ) from error
        if self._keep is not None and upload.kept_as is not None:
            self._keep.save_result(data, _EXTENSIONS[format], upload.kept_as)
        height, width = upload.size
        logger.info("colored %d x %d pixels in %.2f s", width, height, time.monotonic() - start)
        return Result(data, format, f"colorized_{upload.stem}.{_EXTENSIONS[format]}", upload.size, edit.model)

    def _preview(self, upload: Upload, edit: Edit | None, side: int) -> tuple[bytes, str]:
        if edit is not None:
            picture = self._predict(upload, edit, side).picture(**edit.look)
        elif side > max(upload.preview.size) < max(upload.size):
            picture = _sized(_shrunk(self._read(upload.data), self.limits.pixels), side)
        else:
            picture = _sized(upload.preview, side)
        buffer = io.BytesIO()
        if picture.alpha is not None:
            Image.fromarray(picture.channels(np.uint8)).save(buffer, "WEBP", quality=85, method=1)
            return buffer.getvalue(), "image/webp"
        Image.fromarray(picture.pixels).save(buffer, "JPEG", quality=90)
        return buffer.getvalue(), "image/jpeg"

    def _predict(self, upload: Upload, edit: Edit, side: int | None) -> Prediction:
        """Predict from the preview; the last few are kept, so that the sliders do not run the network again.

        Args:
            upload: The photo.
            edit: Of which only model and hints count.
            side: Longer side of the picture that is wanted, or None where any will do.
        """
        size = upload.preview.size if side is None else _fitting(upload.preview, side)
        key = (edit.model, edit.hints, size)
        with upload.lock:
            for kept in reversed(upload.predictions):
                if kept == key or (side is None and kept[:2] == key[:2]):
                    upload.predictions.move_to_end(kept)
                    return upload.predictions[kept]
        prediction = self.colorizers[edit.model].predict(
            _sized(upload.preview, max(size)), hints=edit.hints, hints_size=upload.size
        )
        with upload.lock:
            upload.predictions[key] = prediction
            while len(upload.predictions) > _PREDICTIONS:
                upload.predictions.popitem(last=False)
        self._forget_predictions(upload)
        return prediction

    def _forget_predictions(self, latest: Upload) -> None:
        """Let go of what the network said of photos that were edited longer ago than some others."""
        with self._lock:
            edited = [kept for kept in self._edited if kept() not in (None, latest)]
            self._edited = [*edited, weakref.ref(latest)]
            old, self._edited = self._edited[:-_EDITED], self._edited[-_EDITED:]
        for upload in filter(None, (kept() for kept in old)):
            with upload.lock:
                upload.predictions.clear()


def clean_stem(filename: str | None) -> str:
    """Make what a client calls its file into a harmless stem for the name of the download.

    It never becomes a path; this is for those who save the download: no separators, no control characters, no
    leading dots, a bounded length.
    """
    name = re.split(r"[/\\]", filename or "")[-1]
    stem = name.rpartition(".")[0] or name
    stem = "".join(c if c.isalnum() or c in " ._-()+,'" else "_" for c in stem if c.isprintable())
    return stem.strip(" .")[:80] or "photo"


def _number(name: str, value: object) -> float | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        return float(value)
    except ValueError:
        raise RangeError(f"{name}: expected a number, got {str(value)[:80]!r}") from None


def _extension(format: str) -> str:
    return _EXTENSIONS.get(format) or re.sub(r"[^a-z0-9]", "", format)[:8] or "bin"


def _shrunk(picture: images.Picture, pixels: int) -> images.Picture:
    """Bring a photo to 8 bits and at most so many pixels."""
    scale = min(1.0, (pixels / (picture.height * picture.width)) ** 0.5)
    size = (max(1, round(picture.height * scale)), max(1, round(picture.width * scale)))
    return _resized(picture, size, Image.Resampling.LANCZOS)


def _sized(preview: images.Picture, side: int) -> images.Picture:
    """Shrink a preview until its longer side is *side* at most."""
    size = _fitting(preview, side)
    return preview if size == preview.size else _resized(preview, size, Image.Resampling.BOX)


def _fitting(preview: images.Picture, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(preview.size))
    return max(1, round(preview.height * scale)), max(1, round(preview.width * scale))


def _resized(picture: images.Picture, size: tuple[int, int], kernel: Image.Resampling) -> images.Picture:
    """Resize color and alpha together, so that what is transparent does not bleed; at 8 bits."""
    image = Image.fromarray(picture.channels(np.uint8)).resize(size[::-1], kernel, reducing_gap=3.0)
    channels = np.array(image)
    if picture.alpha is None:
        return images.Picture(channels)
    pixels = channels[..., 0] if picture.pixels.ndim == 2 else channels[..., :3]
    return images.Picture(np.ascontiguousarray(pixels), np.ascontiguousarray(channels[..., -1]))
