"""The public face: a loaded model that colors photos."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Self, Unpack, cast, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from colorful import images
from colorful.errors import KindError, OptionError, refuse_unknown
from colorful.files import check_target
from colorful.hints import Hint, check_hints, rasterize
from colorful.host import unaffected
from colorful.images import Picture, Saving
from colorful.loaded import LoadedModel
from colorful.look import Look, check_count, tune
from colorful.models.abilities import unsupported
from colorful.prediction import Example, FileLike, Mask, Photo, Prediction, following, is_palette, paint
from colorful.protocols import PROTOCOLS
from colorful.wishes import Manner

__all__ = ["Colorizer", "Prediction"]

logger = logging.getLogger(__name__)

Source = npt.NDArray[Any] | Image.Image | FileLike
Progress = Callable[[int], object]


class FileOptions(Saving, total=False):
    """How a result file is encoded, and which pages of a photo are colored.

    Attributes:
        pages: For a TIFF with several pages: ``"first"`` (the default) colors the first page, with a warning;
            ``"all"`` colors all pages, into one TIFF.
    """

    pages: Literal["first", "all"]


def saving_of(options: FileOptions) -> Saving:
    """Leave out which pages are colored: what stays says how they are encoded."""
    return cast("Saving", {name: value for name, value in options.items() if name != "pages"})


class Colorizer(LoadedModel):
    """A loaded model that colors any number of photos. Threads can share it, and it can be pickled.

    Args:
        network: A network, of which the colorizer makes a copy; or the files of one, as
            :func:`colorful.hub.fetch` finds them; or an object that runs one already, on its own device.
        device: ``"auto"`` uses CUDA if it is there, else Apple's MPS, else the CPU; or any device of torch.
        dtype: Number type in which the network computes, as a name or as torch's own. ``"bfloat16"`` is
            faster on CPUs and GPUs that support it, and changes colors hardly visibly.
        compile: Whether to compile the network with :func:`torch.compile`. The first photo then takes a
            minute, the next ones are faster; this needs a C++ compiler.
        name: Name of the model in messages and metadata; by default its architecture.
        **settings: See :class:`~colorful.look.Settings`.

    Raises:
        DeviceError: If the device is not there.
        OptionError: If *dtype* or a setting is not one of those offered.
        KindError: If *network* is no network.

    Attributes:
        look: The value of each option of :class:`Look` that the model has; see :meth:`tuned`.
        settings: The value of each option of :class:`Settings`.

    Example:
        >>> import numpy as np
        >>> colorizer = Colorizer.from_pretrained("lite")
        >>> colorizer.colorize(np.full((48, 64), 0.5)).shape
        (48, 64, 3)
    """

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of what decides the colors (weights, look, settings, precision and example).

        Two machines whose colorizers have the same digest color a photo alike.
        """
        said: list[object] = [self.weights_digest, self.architecture, dataclasses.asdict(self.config)]
        said += [dict(self.look), dict(self.settings), self.dtype]
        if self._example is not None:
            said.append(self._example.said())
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()

    def tuned(self, **look: Unpack[Look]) -> Self:
        """Return a colorizer with other defaults. Both share the network, so this takes no time or memory.

        Args:
            **look: The options to change.

        Returns:
            The same model with these options.

        Raises:
            UnsupportedOptionError: If the model has no temperature.
            ColorfulError: If a number is outside its range.

        Example:
            >>> vivid = Colorizer.from_pretrained("lite").tuned(temperature=0.2)
            >>> vivid.look["temperature"]
            0.2
        """
        return self._with(look=self._tune(look))

    def liking(self, example: Example, *, amount: float = 0.5, manner: Manner = "auto") -> Self:
        """Return a colorizer that gives photos colors like those of an example. Both share the network.

        Use it to color a whole folder, or a page, like one photo. The example is read, and run through the
        network, only once: here.

        Args:
            example: A photo in color, or the colors of a palette; see :meth:`Prediction.like`.
            amount: How far to follow the example, in [0, 1].
            manner: ``"match"``, ``"mood"`` or ``"auto"``.

        Returns:
            The same model, following the example.

        Raises:
            UnsupportedOptionError: If the model predicts no distribution, or cannot match.
            ColorfulError: If the example cannot be read or has no color, or an option is out of its range.

        Example:
            >>> warm = Colorizer.from_pretrained("lite").liking(["#8a5a3c", "#d9a066"])
            >>> warm.look == Colorizer.from_pretrained("lite").look
            True
        """
        if not self.has_temperature:
            raise unsupported("like", self.architecture)
        plain = self._with(_example=None)
        if not is_palette(example) and not isinstance(example, Prediction):
            example = plain.predict(cast("Photo", example), features=True)
        chosen = following(example, amount, manner, max_pixels=self.settings["max_pixels"])
        # So that a bad example is reported now and not at the first photo.
        trial = example if isinstance(example, Prediction) else plain.predict(np.zeros((8, 8), np.uint8))
        trial.like(example, amount=amount, manner=manner)
        return self._with(_example=chosen)

    @overload
    def colorize(
        self,
        photo: npt.NDArray[Any],
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        like: Example | None = None,
        **look: Unpack[Look],
    ) -> npt.NDArray[Any]: ...
    @overload
    def colorize(
        self,
        photo: Image.Image | FileLike,
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        like: Example | None = None,
        **look: Unpack[Look],
    ) -> Image.Image: ...
    @unaffected()
    def colorize(
        self,
        photo: Source,
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        like: Example | None = None,
        **look: Unpack[Look],
    ) -> npt.NDArray[Any] | Image.Image:
        """Color a photo. Its size and its L (lightness) stay as they are. If it is in color, only L is used.

        Args:
            photo: An array ``(H, W)`` or ``(H, W, 1 to 4)`` of bools, uint8, uint16, or floats in [0, 1]; a
                PIL image; a path, the bytes of a file, or a binary file.
            hints: Known colors of spots in the photo.
            keep: Where the photo stays as it is: an array ``(H, W)`` of bools, of floats in [0, 1] or of
                uint8 (255 keeps), or a grey PIL image, of the upright photo's size.
            like: An example: a color photo, or the colors of a palette. :meth:`liking` takes more options.
            **look: Options for this photo, instead of the colorizer's own; see :class:`~colorful.look.Look`.

        Returns:
            For an array, an array ``(H, W, 3)``, or ``(H, W, 4)`` with alpha, of the same dtype (uint8 for
            bools); for everything else, a PIL image.

        Raises:
            ImageError: If *photo* cannot be read.
            KindError: If *photo*, *hints* or an option is of a type that is not taken.
            HintError: If a hint lies outside the photo.
            UnsupportedOptionError: If the model has no temperature or takes no hints.
            ColorfulError: If an option is out of its range.
        """
        tuned = self.tuned(**look)  # reports a bad option before anything is read or computed
        colorizer = tuned if like is None else tuned.liking(like)
        return colorizer.predict(photo, hints=hints).picture(keep=keep).unwrap()

    @overload
    def colorize_many(
        self, photos: Iterable[npt.NDArray[Any]], *, batch_size: int = 8, progress: Progress | None = None
    ) -> Iterator[npt.NDArray[Any]]: ...
    @overload
    def colorize_many(
        self,
        photos: Iterable[Image.Image | FileLike],
        *,
        batch_size: int = 8,
        progress: Progress | None = None,
    ) -> Iterator[Image.Image]: ...
    @overload
    def colorize_many(
        self, photos: Iterable[Source], *, batch_size: int = 8, progress: Progress | None = None
    ) -> Iterator[npt.NDArray[Any] | Image.Image]: ...
    def colorize_many(
        self, photos: Iterable[Source], *, batch_size: int = 8, progress: Progress | None = None
    ) -> Iterator[npt.NDArray[Any] | Image.Image]:
        """Color photos one after another, in order. The network runs on several photos together.

        Photos are read when they are needed, at most *batch_size* ahead. For files on disk,
        :func:`colorful.colorize_folder` is faster, and goes on after a broken one. To change how the colors
        look, see :meth:`tuned`.

        Args:
            photos: As for :meth:`colorize`, of any sizes.
            batch_size: How many photos go through the network together, at least 1.
            progress: Called with the number of photos done, after each.

        Yields:
            As :meth:`colorize` returns.

        Raises:
            ImageError: If a photo cannot be read; those before it have been yielded.
            KindError: If *photos* is a single photo.
            ColorfulError: As for :meth:`colorize`.
        """
        if _is_single(photos):
            raise KindError("photos: expected several, got a single one, which colorize takes")
        check_count("batch_size", batch_size)
        return self._many(iter(photos), batch_size, progress)

    def colorize_file(
        self,
        source: str | os.PathLike[str],
        target: str | os.PathLike[str],
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        overwrite: bool = False,
        **options: Unpack[FileOptions],
    ) -> Path:
        """Color a photo from file to file. Bit depth, alpha and metadata stay as they are.

        To change how the colors look, see :meth:`tuned`.

        Args:
            source: The photo.
            target: The result. It is written completely or not at all.
            hints: Known colors of spots in the photo.
            keep: Where the photo stays as it is; see :meth:`colorize`.
            overwrite: Whether *target* is replaced if it exists. The photo itself is never overwritten.
            **options: Which pages are colored, and how the result is encoded.

        Returns:
            The path written.

        Raises:
            OutputExistsError: If *target* exists and *overwrite* is not set, or it is the photo itself.
            OutputError: If *target* cannot be written.
            ColorfulError: As for :meth:`colorize`.
        """
        refuse_unknown(options, FileOptions)
        for name, path in (("source", source), ("target", target)):
            if not isinstance(path, str | os.PathLike):
                raise KindError(f"{name}: expected a path, got {type(path).__name__}")
        check_target(target, overwrite=overwrite, source=source)
        pages = options.get("pages", "first")
        picture = self.color_pages(source, hints=hints, keep=keep, pages=pages)
        return images.write(picture, target, overwrite=overwrite, **saving_of(options))

    def color_pages(
        self,
        source: FileLike,
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        pages: Literal["first", "all"] = "first",
    ) -> Picture | Iterator[Picture]:
        """Color a file, or all its pages, and return what :func:`colorful.images.write` takes.

        Args:
            source: The photo.
            hints: Known colors of spots in the photo.
            keep: Where the photo stays as it is; see :meth:`colorize`.
            pages: See :class:`colorful.colorizer.FileOptions`.

        Returns:
            For ``"first"``, the colored picture. For ``"all"``, the pages: each is read and colored when the
            caller asks for it.

        Raises:
            OptionError: If there are hints or a mask, which belong to one photo, for all pages.
            ColorfulError: As for :meth:`colorize`.
        """
        if pages not in ("first", "all"):
            raise OptionError(f"pages: expected 'first' or 'all', got {pages!r}")
        if pages == "first":
            return paint(self.predict(source, hints=hints), keep=keep, over=_is_read(source))
        if hints or keep is not None:
            raise OptionError("pages: expected 'first' with hints or keep, which belong to one photo")
        return self._color_pages(source)

    @unaffected()
    def predict(
        self,
        photo: Source | Picture,
        *,
        hints: Sequence[Hint] = (),
        hints_size: tuple[int, int] | None = None,
        features: bool = False,
    ) -> Prediction:
        """Run the network on a photo, and keep its output, from which several pictures can be made.

        Args:
            photo: As for :meth:`colorize`; or a picture that was read already.
            hints: Known colors of spots in the photo.
            hints_size: Height and width in pixels of the photo that the hints were placed on, if *photo* is a
                smaller copy of it, such as a preview.
            features: Whether to keep the features of the network, too. :meth:`Prediction.like` needs them to
                find what two photos have in common.

        Returns:
            The network's output, together with the photo.

        Raises:
            ColorfulError: As for :meth:`colorize`.
        """
        check_hints(hints)
        picture = photo if isinstance(photo, Picture) else self._read(photo)
        return self._run([picture], [hints], hints_size, features=features)[0]

    def _color_pages(self, source: FileLike) -> Iterator[Picture]:
        rest = images.read_pages(source, max_pixels=self.settings["max_pixels"])
        while True:
            with unaffected():  # a page is read when it is its turn
                page = next(rest, None)
            if page is None:
                return
            yield paint(self.predict(page), keep=None, over=_is_read(source))

    @unaffected()
    def _read(self, photo: Source) -> Picture:
        return images.read(photo, max_pixels=self.settings["max_pixels"])

    def _with(self, **changes: object) -> Self:
        """Return a colorizer that shares everything with this one but some attributes."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__ | changes)
        return twin

    def _tune(self, changes: Look) -> Mapping[str, float]:
        if changes.get("temperature") is not None and not self.has_temperature:
            raise unsupported("temperature", self.architecture)
        return tune(self.look, changes)

    def _run(
        self,
        pictures: Sequence[Picture],
        hints: Sequence[Sequence[Hint]],
        hints_size: tuple[int, int] | None = None,
        *,
        features: bool = False,
    ) -> list[Prediction]:
        """Run the network on pictures, together where they have the same size at its input."""
        network, protocol = self._runner.description, PROTOCOLS[self.settings["protocol"]]
        if any(hints) and not network.takes_hints:
            raise unsupported("hints", network.architecture)
        sizes = [protocol.input_size(picture.size, network, self.settings) for picture in pictures]
        predictions: dict[int, Prediction] = {}
        for size in dict.fromkeys(sizes):
            members = [index for index, its in enumerate(sizes) if its == size]
            lights = torch.cat([protocol.light(pictures[index], size) for index in members])
            inputs = [lights]
            if any(hints[index] for index in members):
                drawn = [rasterize(hints[i], hints_size or pictures[i].size, size) for i in members]
                inputs += [torch.cat(maps) for maps in zip(*drawn, strict=True)]
            outputs, seen = self.answer(*inputs, features=features)
            for place, index in enumerate(members):
                predictions[index] = Prediction(
                    source=pictures[index],
                    light=lights[place],
                    output=outputs[place],
                    bins=network.bins,
                    look=self.look,
                    settings=self.settings,
                    architecture=network.architecture,
                    features=None if seen is None else seen[place],
                )
        return [predictions[index] for index in range(len(pictures))]

    def _many(
        self, photos: Iterator[Source], batch_size: int, progress: Progress | None
    ) -> Iterator[npt.NDArray[Any] | Image.Image]:
        done = 0
        failure: Exception | None = None
        while failure is None:
            pictures: list[Picture] = []
            try:
                for photo in islice(photos, batch_size):
                    pictures.append(self._read(photo))
            except Exception as error:  # raised once the photos read before this one are yielded
                failure = error
            if not pictures:
                break
            with unaffected():
                predictions = self._run(pictures, [()] * len(pictures))
            for prediction in predictions:
                yield prediction.picture().unwrap()
                done += 1
                if progress is not None:
                    progress(done)
        if failure is not None:
            raise failure


def _is_read(source: object) -> bool:
    """Tell whether the pixels of a photo are ours, since we have read them."""
    return not isinstance(source, np.ndarray | Picture)


def _is_single(photos: object) -> bool:
    """Tell whether this is one photo. It may be iterable, too: by rows, characters or lines."""
    if isinstance(photos, np.ndarray):
        return photos.ndim == 2 or (photos.ndim == 3 and photos.shape[2] <= 4)
    if isinstance(photos, str | os.PathLike | bytes | bytearray | memoryview | Image.Image):
        return True
    return hasattr(photos, "read")
