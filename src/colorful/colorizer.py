"""The public face: a loaded model that colors photos."""

from __future__ import annotations

import copy
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from numbers import Integral
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Literal, Unpack, cast, get_args, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from colorful import hub, images
from colorful.errors import KindError, OptionError, OutputExistsError, UnsupportedOptionError
from colorful.hints import Hint, check_hints, rasterize
from colorful.host import unaffected
from colorful.hub import FetchOptions, ModelFiles
from colorful.images import Picture, Saving
from colorful.look import Look, Settings, refuse_unknown, settle, tune
from colorful.models import DEFAULT_MODEL
from colorful.models.abilities import unsupported
from colorful.models.network import Network, NetworkConfig
from colorful.prediction import Example, Following, Mask, Photo, Prediction
from colorful.protocols import PROTOCOLS
from colorful.runtime import Eager, Runner, find_device
from colorful.wishes import Manner

__all__ = ["Colorizer", "Prediction", "colorize"]

logger = logging.getLogger(__name__)

Precision = Literal["float32", "bfloat16"]
# Highest side at which a network looks at a photo.
_LARGEST_SIDE = 2048
FileLike = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]


class PretrainedOptions(FetchOptions, Settings, total=False):
    """Where weights come from, and what the colorizer is set to."""


class FileOptions(Saving, total=False):
    """What becomes of a file, and how it is encoded.

    Attributes:
        pages: Of a TIFF with several pages, ``"first"`` (the default) colors the first, with a warning, and
            ``"all"`` colors all, into one TIFF.
    """

    pages: Literal["first", "all"]


class Colorizer:
    """A model, loaded once, that colors any number of photos; threads can share it, and it can be pickled.

    Args:
        network: Left as it is: the colorizer works on a copy. Or the files of one, as
            :func:`colorful.hub.fetch` finds them; or what runs one already, whose device it is.
        device: ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or any device of torch.
        dtype: What the network computes in, as a name or as torch's own. ``"bfloat16"`` is faster on CPUs and
            GPUs that have it, at a hardly visible difference in color.
        compile: Whether to run the network through :func:`torch.compile`: faster after a first photo that
            takes a minute; needs a C++ compiler.
        name: What the model is called in messages and metadata; its architecture by default.
        **settings: What the colorizer is set to.

    Attributes:
        look: A number for each option of :class:`Look` that the model has; see :meth:`tuned`.
        settings: A value for each option of :class:`Settings`.

    Raises:
        DeviceError: If the device is not there.
        OptionError: If *dtype* or a setting is not one of those offered.
        KindError: If *network* is no network.

    Example:
        >>> import numpy as np
        >>> colorizer = Colorizer.from_pretrained("lite")
        >>> colorizer.colorize(np.full((48, 64), 0.5)).shape
        (48, 64, 3)
    """

    @unaffected()
    def __init__(
        self,
        network: Network | ModelFiles | Runner,
        *,
        device: str | torch.device = "auto",
        dtype: Precision | torch.dtype = "float32",
        compile: bool = False,
        name: str | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        if not isinstance(network, Network | ModelFiles | Runner):
            raise KindError(f"network: expected a colorful.models.Network, got {type(network).__name__}")
        dtype_name = str(dtype).removeprefix("torch.")
        if dtype_name not in get_args(Precision):
            raise OptionError(f"dtype: expected one of {', '.join(get_args(Precision))}, got {dtype!r}")
        self.device = find_device(device)
        self.dtype = cast("Precision", dtype_name)
        self.compile = compile
        self._files: ModelFiles | None = None
        if isinstance(network, ModelFiles):  # which is read again when the program may be in another folder
            self._files = replace(network, weights=network.weights.absolute())
        self._network: Network | None = None
        self._runner: Runner
        if isinstance(network, Network):
            self._make_fast(copy.deepcopy(network))
        elif isinstance(network, ModelFiles):
            self._make_fast(network.build(mapped=True))
        else:
            self._runner = network
        self.name = name or self.architecture
        self.settings = settle(settings, multiple=self._runner.description.multiple, largest=_LARGEST_SIDE)
        own = {"saturation": self.config.saturation, "strength": 1.0}
        self._example: Following | None = None
        self.look: Mapping[str, float] = MappingProxyType(
            own | ({"temperature": self.config.temperature} if self.has_temperature else {})
        )

    @classmethod
    def from_pretrained(
        cls,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        device: str | torch.device = "auto",
        dtype: Precision | torch.dtype = "float32",
        compile: bool = False,
        **options: Unpack[PretrainedOptions],
    ) -> Colorizer:
        """Load a model by name, from the Hub or from disk.

        Args:
            model: A name (``colorful models`` lists them), a Hub id ``org/name``, a folder, a
                ``.safetensors`` or ``.pth`` file, or an ``.onnx`` file of :meth:`export_onnx`.
            device: As in the class, like *dtype* and *compile*.
            dtype: What the network computes in.
            compile: Whether to run the network through :func:`torch.compile`.
            **options: Where weights come from, and what the colorizer is set to.

        Returns:
            The model, ready for photos.

        Raises:
            WeightsError: If the weights cannot be found, fetched, trusted or read.
            DeviceError: If the device is not there.
            OptionError: If an option has no meaning.
        """
        refuse_unknown(options, PretrainedOptions)
        if Path(model).suffix.lower() == ".onnx":
            return cls._from_onnx(Path(model), device, dtype, compile, options)
        device = find_device(device)  # before a download that would be for nothing
        given = options.items()
        fetching = cast(
            "FetchOptions", {key: value for key, value in given if key not in Settings.__annotations__}
        )
        settings = cast("Settings", {key: value for key, value in given if key in Settings.__annotations__})
        found = hub.fetch(model, **fetching)
        return cls(found, device=device, dtype=dtype, compile=compile, name=os.fspath(model), **settings)

    @classmethod
    def _from_onnx(
        cls,
        path: Path,
        device: str | torch.device,
        dtype: Precision | torch.dtype,
        compile: bool,
        options: PretrainedOptions,
    ) -> Colorizer:
        """Load a file that onnxruntime runs; what is torch's own has no meaning there."""
        from colorful.runtime.onnx import OnnxRunner

        fixed = {"dtype": str(dtype).removeprefix("torch.") != "float32", "compile": compile}
        wanted = {name for name, value in options.items() if value and name not in Settings.__annotations__}
        if meaningless := sorted(wanted | {name for name, is_set in fixed.items() if is_set}):
            raise OptionError(f"{meaningless[0]}: has no meaning for an ONNX file")
        given = {name: value for name, value in options.items() if name in Settings.__annotations__}
        runner = OnnxRunner(path.expanduser(), device=str(device))
        return cls(runner, device="cpu", name=str(path), **cast("Settings", given))

    @property
    def network(self) -> Network:
        """The network as it was given, in float32 and evaluation mode, on the device.

        Of one that was loaded only the fast form is held in memory: this reads its file again, once.

        Raises:
            WeightsError: If the file is not there any more, or is another.
            UnsupportedOptionError: If the model is an ONNX file, which holds no network of torch.
        """
        if self._network is None and self._files is not None:
            network = self._files.build(checked=True)
            self._network = network.requires_grad_(False).to(self.device, torch.float32)
        if self._network is None:
            raise UnsupportedOptionError(f"network: {self.name} holds no network of torch")
        return self._network

    @property
    def config(self) -> NetworkConfig:
        """Settings of the pipeline around the network, as they came with the model."""
        return self._runner.description.config

    @property
    def architecture(self) -> str:
        """Name of the network's architecture."""
        return self._runner.description.architecture

    @property
    def takes_hints(self) -> bool:
        """Whether the model follows color hints."""
        return self._runner.description.takes_hints

    @property
    def has_temperature(self) -> bool:
        """Whether the model predicts a distribution, out of which a temperature chooses."""
        return self._runner.description.output == "distribution"

    def tuned(self, **look: Unpack[Look]) -> Colorizer:
        """Return a colorizer whose defaults are others; it shares the network, so that it costs nothing.

        Args:
            **look: What is to change.

        Returns:
            The same model with that look.

        Raises:
            UnsupportedOptionError: If the model has no temperature.
            ColorfulError: If a number is outside its range.

        Example:
            >>> vivid = Colorizer.from_pretrained("lite").tuned(temperature=0.2)
            >>> vivid.look["temperature"]
            0.2
        """
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.look = self._tune(look)
        return twin

    def liking(self, example: Example, *, amount: float = 0.5, manner: Manner = "auto") -> Colorizer:
        """Return a colorizer whose photos get colors like an example's; it shares the network.

        So a whole folder or a page can follow one photo, which is read and looked at once, here.

        Args:
            example: A photo in color, or the colors of a palette; see :meth:`Prediction.like`.
            amount: How far to go, in [0, 1].
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
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._example = None
        if not self.has_temperature:
            raise unsupported("like", self.architecture)
        if not isinstance(example, list | tuple | Prediction):
            example = twin.predict(cast("Photo", example), features=True)
        chosen = Following(example, amount, manner)
        # What is wrong with it is said now, not at the first photo.
        trial = example if isinstance(example, Prediction) else twin.predict(np.zeros((8, 8), np.uint8))
        chosen.follow(trial)
        twin._example = chosen
        return twin

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
        photo: npt.NDArray[Any] | Image.Image | FileLike,
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        like: Example | None = None,
        **look: Unpack[Look],
    ) -> npt.NDArray[Any] | Image.Image:
        """Color a photo. Its size and its L stay; a color photo is taken by its L.

        Args:
            photo: An array ``(H, W)`` or ``(H, W, 1 to 4)`` of bools, uint8, uint16, or floats in [0, 1]; a
                PIL image; a path, the bytes of a file, or a binary file.
            hints: Colors that spots of the photo have.
            keep: Where the photo stays as it is: an array ``(H, W)`` of bools, of floats in [0, 1] or of
                uint8 (255 keeps), or a grey PIL image, of the upright photo's size.
            like: A photo in color, or the colors of a palette, that the colors shall be like; see
                :meth:`liking`, which takes more options.
            **look: Options that shall be others than the colorizer's, for this photo.

        Returns:
            For an array an array ``(H, W, 3)``, with alpha ``(H, W, 4)``, of its dtype (uint8 for bools); for
            all else a PIL image.

        Raises:
            ImageError: If *photo* cannot be read.
            KindError: If *photo*, *hints* or an option is of a type that is not taken.
            HintError: If a hint lies outside the photo.
            UnsupportedOptionError: If the model has no temperature or takes no hints.
            ColorfulError: If an option is out of its range.
        """
        self._tune(look)  # what is wrong with it is said before anything is read or computed
        colorizer = self if like is None else self.liking(like)
        return colorizer.predict(photo, hints=hints).picture(keep=keep, **look).unwrap()

    def colorize_many(
        self,
        photos: Iterable[npt.NDArray[Any] | Image.Image | FileLike],
        *,
        batch_size: int = 8,
        progress: Callable[[int], object] | None = None,
    ) -> Iterator[npt.NDArray[Any] | Image.Image]:
        """Color photos lazily and in order, the network running on several at once.

        Not more than *batch_size* photos are read ahead. For files on disk, :func:`colorful.colorize_folder`
        is faster and goes on after a broken one. For another look, see :meth:`tuned`.

        Args:
            photos: As for :meth:`colorize`, of any sizes.
            batch_size: How many go through the network together, at least 1.
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
        if isinstance(batch_size, bool) or not isinstance(batch_size, Integral) or batch_size < 1:
            raise OptionError(f"batch_size: expected an integer of at least 1, got {batch_size!r}")
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
        """Color a photo from file to file; bit depth, alpha and metadata stay.

        For another look, see :meth:`tuned`.

        Args:
            source: The photo.
            target: Written whole or not at all.
            hints: Colors that spots of the photo have.
            keep: Where the photo stays as it is; see :meth:`colorize`.
            overwrite: Whether *target* may be there already. The photo itself is never overwritten.
            **options: Which pages are colored, and how the result is encoded.

        Returns:
            The path written.

        Raises:
            OutputExistsError: If *target* is there and *overwrite* is not set, or it is the photo itself.
            OutputError: If *target* cannot be written.
            ColorfulError: As for :meth:`colorize`.
        """
        if not overwrite and os.path.lexists(target):
            raise OutputExistsError(f"target: {os.fspath(target)!r} exists, and overwrite is not set")
        if Path(source).exists() and Path(target).exists() and Path(source).samefile(target):
            raise OutputExistsError(
                f"target: expected another file than the photo, got {os.fspath(target)!r}"
            )
        picture = self.color_pages(source, hints=hints, keep=keep, pages=options.pop("pages", "first"))
        return images.write(picture, target, overwrite=overwrite, **cast("Saving", options))

    def color_pages(
        self,
        source: FileLike,
        *,
        hints: Sequence[Hint] = (),
        keep: Mask | None = None,
        pages: Literal["first", "all"] = "first",
    ) -> Picture | Iterator[Picture]:
        """Color a file, or all pages of it, into what :func:`colorful.images.write` takes.

        Args:
            source: The photo.
            hints: Colors that spots of it have.
            keep: Where it stays as it is; see :meth:`colorize`.
            pages: See :class:`colorful.colorizer.FileOptions`.

        Returns:
            For ``"first"`` the colored picture, for ``"all"`` the pages, each read and colored when it is
            asked for.

        Raises:
            OptionError: If there are hints or a mask, which belong to one photo, for all pages.
            ColorfulError: As for :meth:`colorize`.
        """
        if pages not in ("first", "all"):
            raise OptionError(f"pages: expected 'first' or 'all', got {pages!r}")
        if pages == "first":
            return self.predict(source, hints=hints).picture(keep=keep)
        if hints or keep is not None:
            raise OptionError("pages: expected 'first' with hints or keep, which belong to one photo")
        return self._color_pages(source)

    @unaffected()
    def predict(
        self,
        photo: npt.NDArray[Any] | Image.Image | FileLike | Picture,
        *,
        hints: Sequence[Hint] = (),
        hints_size: tuple[int, int] | None = None,
        features: bool = False,
    ) -> Prediction:
        """Run the network on a photo and keep what it says, to be decoded in several ways.

        Args:
            photo: As for :meth:`colorize`; or a picture that was read already.
            hints: Colors that spots of the photo have.
            hints_size: Height and width in pixels of the photo that the hints were placed on, where *photo*
                is a smaller copy of it, such as a preview.
            features: Whether to keep what the network sees where, too, by which :meth:`Prediction.like` finds
                the same in two photos.

        Returns:
            The network's answer beside the photo it is about.

        Raises:
            ColorfulError: As for :meth:`colorize`.
        """
        check_hints(hints)
        picture = photo if isinstance(photo, Picture) else self._read(photo)
        return self._run([picture], [hints], hints_size, features=features)[0]

    @property
    def runner(self) -> Runner:
        """What runs the network, for callers that have L of their own, such as that of a film's frames."""
        return self._runner

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Tell at which size the network looks at a photo.

        Args:
            size: Height and width of the upright photo.

        Returns:
            Height and width of the network's input.
        """
        return PROTOCOLS[self.settings["protocol"]].input_size(size, self._runner.description, self.settings)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model in the form that :meth:`from_pretrained` loads.

        Args:
            folder: Made if it is not there.

        Returns:
            The folder.

        Raises:
            OutputError: If it cannot be written.
        """
        return hub.save_pretrained(self.network, folder)

    def push_to_hub(self, repo_id: str, *, token: str | bool | None = None, private: bool = False) -> str:
        """Publish the model on the Hugging Face Hub.

        Args:
            repo_id: ``org/name``; made if it is not there.
            token: With the right to write; the one of ``hf auth login`` by default.
            private: Whether a new repo is private.

        Returns:
            The id of the commit, for ``revision=``.

        Raises:
            WeightsError: If the Hub refuses or is out of reach.
        """
        return hub.push_to_hub(self.network, repo_id, token=token, private=private)

    def export_onnx(
        self,
        path: str | os.PathLike[str],
        *,
        half: bool = False,
        whole: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Write the model for other runtimes, as an ONNX file; needs the extra ``onnx``.

        Args:
            path: Where; written whole or not at all.
            half: Store the weights in half precision.
            whole: Write all of the pipeline, RGB in and RGB out, in place of the network alone.
            overwrite: Whether *path* may be there already.

        Returns:
            The path written.

        Raises:
            ExportError: If the graph would not give the network's own colors.
            OutputError: If *path* cannot be written.
            UnsupportedOptionError: If the model is an ONNX file itself.
        """
        from colorful.export import export_onnx

        return export_onnx(self.network, path, half=half, whole=whole, overwrite=overwrite)

    def __repr__(self) -> str:
        return f"Colorizer({self.name!r}, device={str(self.device)!r}, dtype={self.dtype!r})"

    def __getstate__(self) -> dict[str, Any]:
        left_out = {"_files", "look"}
        held = {}
        if isinstance(self._runner, Eager):
            left_out.add("_runner")
            held = {"_network": self.network}
        state = {key: value for key, value in self.__dict__.items() if key not in left_out}
        return state | held | {"look": dict(self.look)}

    @unaffected()
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._files = None
        if state["_network"] is not None:
            self._make_fast(state["_network"])

    def _make_fast(self, network: Network) -> None:
        """Make the fast form of the network; keep the network itself only if no file holds it."""
        self._runner = Eager(
            network,
            device=self.device,
            dtype=getattr(torch, self.dtype),
            compile=self.compile,
            mapped=self._files is not None,
        )
        self._network = None if self._files else network

    def _color_pages(self, source: FileLike) -> Iterator[Picture]:
        rest = images.read_pages(source, max_pixels=self.settings["max_pixels"])
        while True:
            with unaffected():  # a page is read when it is its turn
                page = next(rest, None)
            if page is None:
                return
            yield self.predict(page).picture()

    @unaffected()
    def _read(self, photo: npt.NDArray[Any] | Image.Image | FileLike) -> Picture:
        return images.read(photo, max_pixels=self.settings["max_pixels"])

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
            outputs = self._runner.run(*inputs)
            wanted = features or (self._example is not None and self._example.matches)
            seen = self._runner.features(lights) if wanted else None
            for place, index in enumerate(members):
                prediction = Prediction(
                    source=pictures[index],
                    light=lights[place],
                    output=outputs[place],
                    bins=network.bins,
                    look=self.look,
                    settings=self.settings,
                    architecture=network.architecture,
                    features=None if seen is None else seen[place],
                )
                predictions[index] = prediction if self._example is None else self._example.follow(prediction)
        return [predictions[index] for index in range(len(pictures))]

    def _many(
        self,
        photos: Iterator[npt.NDArray[Any] | Image.Image | FileLike],
        batch_size: int,
        progress: Callable[[int], object] | None,
    ) -> Iterator[npt.NDArray[Any] | Image.Image]:
        done = 0
        failure: Exception | None = None
        while failure is None:
            pictures: list[Picture] = []
            try:
                for photo in islice(photos, batch_size):
                    pictures.append(self._read(photo))
            except Exception as error:  # those read before it are still owed to the caller
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


_default: Colorizer | None = None
_default_lock = threading.Lock()


@overload
def colorize(
    photo: npt.NDArray[Any],
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    like: Example | None = None,
    **look: Unpack[Look],
) -> npt.NDArray[Any]: ...
@overload
def colorize(
    photo: Image.Image | FileLike,
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    like: Example | None = None,
    **look: Unpack[Look],
) -> Image.Image: ...
def colorize(
    photo: npt.NDArray[Any] | Image.Image | FileLike,
    *,
    hints: Sequence[Hint] = (),
    keep: Mask | None = None,
    like: Example | None = None,
    **look: Unpack[Look],
) -> npt.NDArray[Any] | Image.Image:
    """Color a photo with the default model, which is loaded at the first call.

    Args:
        photo: An array, a PIL image, a path, the bytes of a file, or a binary file.
        hints: Colors that spots of the photo have.
        keep: Where the photo stays as it is; see :meth:`Colorizer.colorize`.
        like: A photo in color, or the colors of a palette, that the colors shall be like.
        **look: Options that shall be others than the model's.

    Returns:
        For an array an array, for all else a PIL image.

    Raises:
        ColorfulError: As :meth:`Colorizer.colorize` and :meth:`Colorizer.from_pretrained`.
    """
    return _default_colorizer().colorize(photo, hints=hints, keep=keep, like=like, **look)


def _default_colorizer() -> Colorizer:
    """Load the default model once for all callers."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Colorizer.from_pretrained()
        return _default


def _is_single(photos: object) -> bool:
    """Tell a photo from a collection of them: rows, characters and lines can be iterated over as well."""
    if isinstance(photos, np.ndarray):
        return photos.ndim == 2 or (photos.ndim == 3 and photos.shape[2] <= 4)
    if isinstance(photos, str | os.PathLike | bytes | bytearray | memoryview | Image.Image):
        return True
    return hasattr(photos, "read")
