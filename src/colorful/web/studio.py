"""Take photos in, preview them while somebody edits, and color them at full size."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import TypeVar

import numpy as np

from colorful import images
from colorful.colorizer import Colorizer
from colorful.errors import ImageTooLargeError, OptionError, OutputError, RangeError
from colorful.hints import Hint
from colorful.images.log import collecting
from colorful.images.reading import count_pixels
from colorful.look import check_count
from colorful.prediction import Prediction
from colorful.raster import Region
from colorful.web import pictures
from colorful.web.edit import Edit, draw_mask
from colorful.web.limits import Limits
from colorful.web.pictures import Decoded
from colorful.web.queue import NOBODY, Asker, Queue
from colorful.web.store import EVERYBODY, Folder, GoneError, Owner, Store
from colorful.web.uploads import (
    EXTENSIONS,
    TYPES,
    Result,
    Upload,
    Wish,
    clean_stem,
    extension_of,
    is_animated,
)
from colorful.wishes import Suggestion

logger = logging.getLogger(__name__)

T = TypeVar("T")

PREVIEW_SIDES = (64, 2048)
REGION_SIDES = (64, 4096)
BEFORE_SIDES = (64, 16383)  # WebP's longest, which shows photos with alpha
MOST_SUGGESTIONS = 16
# What the network said is kept for the photos that were edited last: some 5 to 9 MB each.
_EDITED = 8
# What the photo decoded at full size is called among what came of it; results are called by their wish.
_FULL_SIZE = ""
# The L at which colors that look alike in a dark place can be told apart: as an sRGB code.
_MIDDLE = np.uint8(140)


class Studio:
    """Colors photos for visitors: shared models, a queue before them, and a store of what was made.

    Every method that works on a photo raises a ``BusyError`` if the queue is full, and a ``ColorfulError`` if
    what is asked for does not fit the photo or the model.

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
        self._sample: bytes | None = None
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

    def accept(
        self, data: bytes, filename: str | None, *, owner: Owner = EVERYBODY, asker: Asker = NOBODY
    ) -> Upload:
        """Take a photo in: see that it is one, and make its preview.

        Args:
            data: The file.
            filename: As the client calls it; only its stem lives on, in the name of the download.
            owner: Whose it is.
            asker: Who waits for it.

        Raises:
            ImageError: If it is no photo, broken, or too large.
        """
        pixels = count_pixels(data)
        return self.queue.run(lambda: self._accept(data, filename, owner)[1], pixels=pixels, asker=asker)

    def colorize(self, upload: Upload, wish: Wish, *, asker: Asker = NOBODY) -> Result:
        """Color a photo at full size, or find what came of the same wish before.

        Args:
            upload: The photo.
            wish: How.
            asker: Who waits for it.
        """
        made = self.made(upload, wish)
        if made is not None:
            return made

        def work() -> Result:
            # Somebody may have asked for the same while this waited.
            return self.made(upload, wish) or self._colorize(self._read(upload.data), upload, wish)

        return self.queue.run(work, pixels=upload.pixels, asker=asker)

    def accept_and_colorize(
        self,
        data: bytes,
        filename: str | None,
        wish: Wish,
        *,
        owner: Owner = EVERYBODY,
        asker: Asker = NOBODY,
    ) -> tuple[Upload, Result]:
        """Take a photo in and color it in one turn, decoding it once; arguments as for those two.

        Raises:
            ImageError: If it is no photo, broken, or too large.
        """

        def work() -> tuple[Upload, Result]:
            picture, upload = self._accept(data, filename, owner)
            return upload, self._colorize(picture, upload, wish)

        return self.queue.run(work, pixels=count_pixels(data), asker=asker)

    def preview(
        self,
        upload: Upload,
        edit: Edit | None,
        side: int,
        *,
        region: tuple[int, int, int, int] | None = None,
        exact: bool = False,
        asker: Asker = NOBODY,
    ) -> tuple[bytes, str]:
        """Show a photo, or a part of it, at display size.

        Args:
            upload: The photo.
            edit: How it is colored; None shows it as it came.
            side: Pixels of the longer side that the display has room for.
            region: Left, top, width and height in pixels of the photo. A part comes from the photo at full
                size and shows its very pixels, or the mean of a few; the whole comes from a small copy.
            exact: Whether it must not lose anything by being encoded.
            asker: Who waits for it.

        Returns:
            The encoded picture and its media type.
        """
        low, high = REGION_SIDES if region else BEFORE_SIDES if edit is None else PREVIEW_SIDES
        if not low <= side <= high:
            raise RangeError(f"side: expected {low} to {high} pixels, got {side}")
        part = None if region is None else pictures.check_region(region, upload.size)
        large = part is not None or (edit is None and side > max(upload.preview.size) < max(upload.size))
        pixels = upload.pixels if large and self._found(upload, _FULL_SIZE, Decoded) is None else 0

        def work() -> tuple[bytes, str]:
            if part is not None:
                picture = self._part(upload, edit, part, side)
            elif large:
                picture = pictures.shrunk(self._decoded(upload).photo, side)
            elif edit is None:
                picture = pictures.shrunk(upload.preview, side)
            else:
                prediction = self._predict(upload, edit, side)
                mask = draw_mask(edit.keep, upload.size, size=prediction.source.size)
                picture = prediction.picture(keep=mask, **edit.look)
            self.queue.check()
            return pictures.encode_for_display(picture, close=part is not None, exact=exact)

        return self.queue.run(work, pixels=pixels, asker=asker)

    def suggest(
        self, upload: Upload, edit: Edit, *, x: float, y: float, count: int, asker: Asker = NOBODY
    ) -> list[tuple[Suggestion, str]]:
        """Name the colors that the model finds likely at a point of the full-size photo.

        Returns:
            Each suggestion, and its color at a middle lightness: in dark places all colors look alike.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
            RangeError: If the point is outside the photo.
        """
        check_count("count", count, most=MOST_SUGGESTIONS, error=RangeError)
        height, width = upload.size
        if not (0 <= x < width and 0 <= y < height):
            raise RangeError(f"x, y: expected a point inside {width} x {height} pixels, got ({x:g}, {y:g})")

        def work() -> list[tuple[Suggestion, str]]:
            prediction = self._predict(upload, edit, None)
            rows, columns = prediction.source.size
            near_x, near_y = (min(v * n / m, n - 0.5) for v, n, m in ((x, columns, width), (y, rows, height)))
            evenly_lit = images.Picture(np.broadcast_to(_MIDDLE, prediction.source.size))
            there, lit = (
                one.suggest(x=near_x, y=near_y, count=count)
                for one in (prediction, replace(prediction, source=evenly_lit))
            )
            return [(one, other.color) for one, other in zip(there, lit, strict=True)]

        return self.queue.run(work, asker=asker)

    def variants(
        self, upload: Upload, edit: Edit, *, count: int, asker: Asker = NOBODY
    ) -> list[tuple[Hint, ...]]:
        """Find other colors that the photo may have, as hints to be added to those of the edit.

        Raises:
            UnsupportedOptionError: If the model takes no hints or predicts no distribution.
        """

        def work() -> list[tuple[Hint, ...]]:
            prediction = self._predict(upload, edit, None)
            found = prediction.variants(count=count + 1)[1:]  # the first one is the photo as it is
            return [
                tuple(_on_photo(hint, prediction.source.size, upload.size) for hint in variant.hints)
                for variant in found
            ]

        check_count("count", count, most=MOST_SUGGESTIONS, error=RangeError)
        return self.queue.run(work, asker=asker)

    def places(self, upload: Upload, edit: Edit, *, count: int, asker: Asker = NOBODY) -> list[Hint]:
        """Find the places where a hint helps most, each with its likeliest color.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution.
        """

        def work() -> list[Hint]:
            prediction = self._predict(upload, edit, None)
            places = prediction.ask(count=count)
            return [
                _on_photo(place.hint(place.suggestions[0].color), prediction.source.size, upload.size)
                for place in places
            ]

        check_count("count", count, most=MOST_SUGGESTIONS, error=RangeError)
        return self.queue.run(work, asker=asker)

    def sample(self, asker: Asker = NOBODY) -> bytes:
        """Color the sample photo with the default model, once; a JPEG."""
        if self._sample is None:
            data = files("colorful.web").joinpath("static", "sample.jpg").read_bytes()

            def work() -> bytes:
                picture = self.colorizers[self.default_model].predict(data).picture()
                return pictures.encode_for_display(picture)[0]

            self._sample = self.queue.run(work, asker=asker)
        return self._sample

    def made(self, upload: Upload, wish: Wish) -> Result | None:
        """Find the result of a wish that was fulfilled before and is still kept."""
        return self._found(upload, wish.key, Result)

    def keep_upload(self, upload: Upload) -> str:
        """Keep a photo for its visitor, and say what the store calls it."""
        return self.store.put(upload, upload.bytes, upload.owner)

    def keep_result(self, upload: Upload, wish: Wish, result: Result) -> str:
        """Keep a result, unless one like it is kept already, and say what the store calls it.

        Raises:
            GoneError: If the photo was forgotten meanwhile.
        """
        return self._keep_made(upload, wish.key, result, len(result.data))

    def forget(self, id: str) -> None:
        """Forget a photo and all that came of it.

        Raises:
            GoneError: If there is none of that name.
        """
        upload = self.store.get(id, Upload)
        with upload.lock:
            upload.forgotten = True
            for name in (id, *upload.made.values()):
                self.store.delete(name)

    def _read(self, data: bytes) -> images.Picture:
        picture = images.read(data, max_pixels=self.limits.pixels)
        self.queue.check()
        return picture

    def _accept(self, data: bytes, filename: str | None, owner: Owner) -> tuple[images.Picture, Upload]:
        with collecting() as warnings:
            picture = self._read(data)
        format = picture.format.lower() if picture.format else "png"
        upload = Upload(
            data=data,
            stem=clean_stem(filename),
            format=format if format in TYPES else "png",
            size=picture.size,
            animated=is_animated(data),
            warnings=tuple(warnings),
            preview=pictures.preview_of(picture),
            kept_as=None if self._keep is None else self._keep.save_upload(data, extension_of(format)),
            owner=owner,
        )
        if upload.bytes > self.limits.kept_bytes:
            raise ImageTooLargeError(
                f"photo: expected room for {upload.bytes} bytes, got {self.limits.kept_bytes}"
            )
        return picture, upload

    def _colorize(self, picture: images.Picture, upload: Upload, wish: Wish) -> Result:
        start, edit, format = time.monotonic(), wish.edit, wish.format or upload.format
        prediction = self._guided(picture, edit)
        self.queue.check()
        mask = draw_mask(edit.keep, upload.size, size=upload.size)
        colored = prediction.picture(keep=mask, **edit.look)
        self.queue.check()
        if wish.layout == "pair":
            colored = pictures.beside(picture, colored)
        try:
            data = images.encode(colored, format)
        except OutputError as error:
            raise OptionError(
                f"format: expected one that can hold this photo, got {format}: {error}"
            ) from error
        if self._keep is not None and upload.kept_as is not None:
            self._keep.save_result(data, EXTENSIONS[format], upload.kept_as)
        height, width = upload.size
        logger.info("colored %d x %d pixels in %.2f s", width, height, time.monotonic() - start)
        name = f"colorized_{upload.stem}.{EXTENSIONS[format]}"
        return Result(data, format, name, colored.size, edit.model)

    def _part(self, upload: Upload, edit: Edit | None, region: Region, side: int) -> images.Picture:
        """Make a part of the photo: of the copy that has just as many pixels as are needed."""
        decoded = self._decoded(upload)
        level = decoded.level(pictures.level_for(region, side))
        self.queue.check()
        part = pictures.moved(region, upload.size, level.size)
        if edit is None:
            return pictures.shrunk(level.part(part), side)
        prediction = decoded.predictions.find(*edit.guidance)
        if prediction is None:
            prediction = self._guided(decoded.photo, edit)
            decoded.predictions.keep(edit.guidance, prediction)
            self.queue.check()
        left, top, right, bottom = part
        mask = draw_mask(edit.keep, upload.size, size=(bottom - top, right - left), region=region)
        colored = replace(prediction, source=level).picture(keep=mask, region=part, **edit.look)
        return pictures.shrunk(colored, side)

    def _found(self, upload: Upload, what: str, kind: type[T]) -> T | None:
        """Find what came of a photo, if it is still kept."""
        try:
            return self.store.get(upload.made[what], kind)
        except (KeyError, GoneError):
            return None

    def _keep_made(self, upload: Upload, what: str, value: object, size: int) -> str:
        """Keep what came of a photo, for :meth:`forget` to find it, unless there is such already."""
        with upload.lock:
            if upload.forgotten:
                raise GoneError("id: expected one that is still kept, got one that was deleted meanwhile")
            if self._found(upload, what, type(value)) is None:
                upload.made[what] = self.store.put(value, size, upload.owner, spare=True)
            return upload.made[what]

    def _decoded(self, upload: Upload) -> Decoded:
        decoded = self._found(upload, _FULL_SIZE, Decoded)
        if decoded is None:
            decoded = Decoded(self._read(upload.data))
            if decoded.bytes <= self.limits.kept_bytes // 2:
                self._keep_made(upload, _FULL_SIZE, decoded, decoded.bytes)
        return decoded

    def _predict(self, upload: Upload, edit: Edit, side: int | None) -> Prediction:
        """Predict from the preview; the last few are kept, so that the sliders do not run the network again.

        Args:
            upload: The photo.
            edit: Of which only the guidance counts.
            side: Longer side of the picture that is wanted, or None where any will do.
        """
        key = edit.guidance
        size = upload.preview.size if side is None else pictures.fitting(upload.preview, side)
        prediction = upload.predictions.find(*key) if side is None else upload.predictions.find(*key, size)
        if prediction is None:
            picture = pictures.shrunk(upload.preview, max(size))
            prediction = self._guided(picture, edit, upload.size)
            upload.predictions.keep((*key, size), prediction)
            self._forget_predictions(upload)
        return prediction

    def _guided(self, picture: images.Picture, edit: Edit, size: tuple[int, int] | None = None) -> Prediction:
        """Predict; hints are in pixels of a photo of that size, by default the picture's own."""
        colorizer = self.colorizers[edit.model]
        if not edit.like:
            return colorizer.predict(picture, hints=edit.hints, hints_size=size)
        tuned = colorizer.tuned(temperature=edit.look.get("temperature"))  # at which the example is followed
        return tuned.predict(picture, hints=edit.hints, hints_size=size).like(edit.like)

    def _forget_predictions(self, latest: Upload) -> None:
        """Let go of what the network said of photos that were edited longer ago than some others."""
        with self._lock:
            edited = [kept for kept in self._edited if kept() not in (None, latest)]
            self._edited = [*edited, weakref.ref(latest)]
            old, self._edited = self._edited[:-_EDITED], self._edited[-_EDITED:]
        for upload in filter(None, (kept() for kept in old)):
            upload.predictions.clear()


def _on_photo(hint: Hint, smaller: tuple[int, int], size: tuple[int, int]) -> Hint:
    """Move a hint from the preview that it was found on to the photo."""
    (rows, columns), (height, width) = smaller, size
    radius = None if hint.radius is None else hint.radius * (height / rows)
    return replace(hint, x=hint.x * (width / columns), y=hint.y * (height / rows), radius=radius)
