"""The public face: a loaded model that colors photos."""

from __future__ import annotations

import copy
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from numbers import Integral
from pathlib import Path
from typing import IO, Any, Literal, cast, get_args, overload

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from colorful import hub, images
from colorful.errors import KindError, OptionError, OutputExistsError
from colorful.hints import Hint, check_hints
from colorful.hub import ModelFiles
from colorful.images import Picture
from colorful.inference import Inference
from colorful.lab.space import Gamut
from colorful.models import DEFAULT_MODEL
from colorful.models.network import Network, NetworkConfig
from colorful.prediction import Decoding, Mask, Prediction, unsupported
from colorful.raster import Upsampling
from colorful.runtime import Eager, find_device

__all__ = ["Colorizer", "Prediction", "colorize"]

logger = logging.getLogger(__name__)

Precision = Literal["float32", "bfloat16"]
FileLike = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]


class Colorizer:
    """A model, loaded once, that colors any number of photos; threads can share it, and it can be pickled.

    Args:
        network: Left as it is: the colorizer works on a copy. Or the files of one, as
            :func:`colorful.hub.fetch` finds them.
        device: ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or any device of torch.
        dtype: What the network computes in, as a name or as torch's own. ``"bfloat16"`` is faster on CPUs and
            GPUs that have it, at a hardly visible difference in color.
        compile: Whether to run the network through :func:`torch.compile`: faster after a first photo that
            takes a minute; needs a C++ compiler.
        name: What the model is called in messages and metadata; its architecture by default.

    Raises:
        DeviceError: If the device is not there.
        OptionError: If *dtype* is not one of those offered.
        KindError: If *network* is no network.

    Example:
        >>> import numpy as np
        >>> colorizer = Colorizer.from_pretrained("lite")
        >>> colorizer.colorize(np.full((48, 64), 0.5)).shape
        (48, 64, 3)
    """

    def __init__(
        self,
        network: Network | ModelFiles,
        *,
        device: str | torch.device = "auto",
        dtype: Precision | torch.dtype = "float32",
        compile: bool = False,
        name: str | None = None,
    ) -> None:
        if not isinstance(network, Network | ModelFiles):
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
        self._network: Network | None
        self._settle(copy.deepcopy(network) if isinstance(network, Network) else network.build(mapped=True))
        self.name = name or self.architecture

    @classmethod
    def from_pretrained(
        cls,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        token: str | bool | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        architecture: str | None = None,
        namespace: str | None = None,
        device: str | torch.device = "auto",
        dtype: Precision | torch.dtype = "float32",
        compile: bool = False,
    ) -> Colorizer:
        """Load a model by name, from the Hub or from disk.

        Args:
            model: A name (``colorful models`` lists them), a Hub id ``org/name``, a folder, or a
                ``.safetensors`` or ``.pth`` file.
            revision: Branch, tag or commit on the Hub.
            cache_dir: Where downloads are kept.
            token: For private repos; the one of ``hf auth login`` by default.
            local_files_only: Ask no server.
            force_download: Fetch again what is cached.
            architecture: What a bare file holds, where it does not say so itself.
            namespace: Owner of the Hub repos of the models that go by a name, in place of ours; see
                :func:`colorful.hub.load`.
            device: As in the class, like *dtype* and *compile*.
            dtype: What the network computes in.
            compile: Whether to run the network through :func:`torch.compile`.

        Returns:
            The model, ready for photos.

        Raises:
            WeightsError: If the weights cannot be found, fetched, trusted or read.
            DeviceError: If the device is not there.
        """
        device = find_device(device)  # before a download that would be for nothing
        found = hub.fetch(
            model,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
            architecture=architecture,
            namespace=namespace,
        )
        return cls(found, device=device, dtype=dtype, compile=compile, name=os.fspath(model))

    @property
    def network(self) -> Network:
        """The network as it was given, in float32 and evaluation mode, on the device.

        Of one that was loaded only the fast form is held in memory: this reads its file again, once.

        Raises:
            WeightsError: If the file is not there any more, or is another.
        """
        if self._network is None and self._files is not None:
            network = self._files.build(checked=True)
            self._network = network.requires_grad_(False).to(self.device, torch.float32)
        return self._network or self._inference.network

    @property
    def config(self) -> NetworkConfig:
        """Settings of the pipeline around the network, as they came with the model."""
        return self._inference.network.config

    @property
    def architecture(self) -> str:
        """Name of the network's architecture."""
        return self._inference.network.architecture

    @property
    def takes_hints(self) -> bool:
        """Whether the model follows color hints."""
        return self._inference.network.takes_hints

    @property
    def has_temperature(self) -> bool:
        """Whether the model predicts a distribution, out of which a temperature chooses."""
        return self._inference.network.output == "distribution"

    @overload
    def colorize(
        self,
        photo: npt.NDArray[Any],
        *,
        hints: Sequence[Hint] = (),
        temperature: float | None = None,
        saturation: float | None = None,
        strength: float = 1.0,
        keep: Mask | None = None,
        network_size: int | None = None,
        upsample: Upsampling | None = None,
        gamut: Gamut | None = None,
        reference: bool = False,
    ) -> npt.NDArray[Any]: ...
    @overload
    def colorize(
        self,
        photo: Image.Image | FileLike,
        *,
        hints: Sequence[Hint] = (),
        temperature: float | None = None,
        saturation: float | None = None,
        strength: float = 1.0,
        keep: Mask | None = None,
        network_size: int | None = None,
        upsample: Upsampling | None = None,
        gamut: Gamut | None = None,
        reference: bool = False,
    ) -> Image.Image: ...
    def colorize(
        self,
        photo: npt.NDArray[Any] | Image.Image | FileLike,
        *,
        hints: Sequence[Hint] = (),
        temperature: float | None = None,
        saturation: float | None = None,
        strength: float = 1.0,
        keep: Mask | None = None,
        network_size: int | None = None,
        upsample: Upsampling | None = None,
        gamut: Gamut | None = None,
        reference: bool = False,
    ) -> npt.NDArray[Any] | Image.Image:
        """Color a photo. Its size and its L stay; a color photo is taken by its L.

        Args:
            photo: An array ``(H, W)`` or ``(H, W, 1 to 4)`` of bools, uint8, uint16, or floats in [0, 1]; a
                PIL image; a path, the bytes of a file, or a binary file.
            hints: Colors that spots of the photo have.
            temperature: Sharpness of the choice among likely colors, in [0, 1]: 1 is calm and greyish, 0
                vivid and blotchy; the model's own by default.
            saturation: Factor on the chroma, at least 0; the model's own by default.
            strength: Share of the color that is mixed with the grey photo, in [0, 1].
            keep: Where the photo stays as it is: an array ``(H, W)`` of bools, of floats in [0, 1] or of
                uint8 (255 keeps), or a grey PIL image, of the upright photo's size.
            network_size: Side in pixels at which the network looks at the photo, rounded to what it takes;
                the model's own by default.
            upsample: ``"guided"`` (the default: colors end at the photo's edges) or ``"bilinear"``.
            gamut: What becomes of colors outside sRGB: ``"map"`` (the default: chroma is lowered) or
                ``"clip"``.
            reference: Do as the released code of Zhang et al.: Pillow's bicubic to 256 x 256, bilinear ab,
                clipping.

        Returns:
            For an array an array ``(H, W, 3)``, with alpha ``(H, W, 4)``, of its dtype (uint8 for bools); for
            all else a PIL image.

        Raises:
            ImageError: If *photo* cannot be read.
            KindError: If *photo*, *hints* or an option is of a type that is not taken.
            HintError: If a hint lies outside the photo.
            UnsupportedOptionError: If the model has no temperature or takes no hints.
            ColorfulError: If an option is out of its range, or *reference* is combined with one it fixes.
        """
        decoding = self.decoding(
            temperature=temperature,
            saturation=saturation,
            strength=strength,
            keep=keep,
            upsample=upsample,
            gamut=gamut,
            reference=reference,
        )
        prediction = self.predict(photo, hints=hints, network_size=network_size, reference=reference)
        return prediction.picture(decoding).unwrap()

    def colorize_many(
        self,
        photos: Iterable[npt.NDArray[Any] | Image.Image | FileLike],
        *,
        batch_size: int = 8,
        progress: Callable[[int], object] | None = None,
        temperature: float | None = None,
        saturation: float | None = None,
        strength: float = 1.0,
        network_size: int | None = None,
        upsample: Upsampling | None = None,
        gamut: Gamut | None = None,
        reference: bool = False,
    ) -> Iterator[npt.NDArray[Any] | Image.Image]:
        """Color photos lazily and in order, the network running on several at once.

        Not more than *batch_size* photos are read ahead. For files on disk, :func:`colorful.colorize_folder`
        is faster and goes on after a broken one.

        Args:
            photos: As for :meth:`colorize`, of any sizes.
            batch_size: How many go through the network together, at least 1.
            progress: Called with the number of photos done, after each.
            temperature: As for :meth:`colorize`, like all that follow.
            saturation: Factor on the chroma.
            strength: Share of the color.
            network_size: Side in pixels at which the network looks.
            upsample: ``"guided"`` or ``"bilinear"``.
            gamut: ``"map"`` or ``"clip"``.
            reference: Do as the released code.

        Yields:
            As :meth:`colorize` returns.

        Raises:
            ImageError: If a photo cannot be read; those before it have been yielded.
            KindError: If *photos* is a single photo.
            ColorfulError: As for :meth:`colorize`.
        """
        decoding = self.decoding(
            temperature=temperature,
            saturation=saturation,
            strength=strength,
            upsample=upsample,
            gamut=gamut,
            reference=reference,
        )
        if _is_single(photos):
            raise KindError("photos: expected several, got a single one, which colorize takes")
        if isinstance(batch_size, bool) or not isinstance(batch_size, Integral) or batch_size < 1:
            raise OptionError(f"batch_size: expected an integer of at least 1, got {batch_size!r}")
        return self._many(iter(photos), batch_size, progress, decoding, network_size, reference)

    def colorize_file(
        self,
        source: str | os.PathLike[str],
        target: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        format: str | None = None,
        quality: int | None = None,
        provenance: bool = True,
        hints: Sequence[Hint] = (),
        temperature: float | None = None,
        saturation: float | None = None,
        strength: float = 1.0,
        keep: Mask | None = None,
        network_size: int | None = None,
        upsample: Upsampling | None = None,
        gamut: Gamut | None = None,
        reference: bool = False,
    ) -> Path:
        """Color a photo from file to file; bit depth, alpha and metadata stay.

        Args:
            source: The photo.
            target: Written whole or not at all.
            overwrite: Whether *target* may be there already. The photo itself is never overwritten.
            format: Such as ``"jpeg"``; by the ending of *target* if None.
            quality: Of formats that lose something, 1..100.
            provenance: Whether the metadata say that a model made the colors.
            hints: As for :meth:`colorize`, like all that follow.
            temperature: Sharpness of the choice among likely colors.
            saturation: Factor on the chroma.
            strength: Share of the color.
            keep: Where the photo stays as it is.
            network_size: Side in pixels at which the network looks.
            upsample: ``"guided"`` or ``"bilinear"``.
            gamut: ``"map"`` or ``"clip"``.
            reference: Do as the released code.

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
        decoding = self.decoding(
            temperature=temperature,
            saturation=saturation,
            strength=strength,
            keep=keep,
            upsample=upsample,
            gamut=gamut,
            reference=reference,
        )
        prediction = self.predict(source, hints=hints, network_size=network_size, reference=reference)
        picture = prediction.picture(decoding)
        return images.write(
            picture, target, format=format, quality=quality, overwrite=overwrite, provenance=provenance
        )

    def predict(
        self,
        photo: npt.NDArray[Any] | Image.Image | FileLike | Picture,
        *,
        hints: Sequence[Hint] = (),
        network_size: int | None = None,
        reference: bool = False,
    ) -> Prediction:
        """Run the network on a photo and keep what it says, to be decoded in several ways.

        Args:
            photo: As for :meth:`colorize`; or a picture that was read already.
            hints: Colors that spots of the photo have.
            network_size: Side in pixels at which the network looks at the photo.
            reference: Do as the released code.

        Returns:
            The network's answer beside the photo it is about.

        Raises:
            ColorfulError: As for :meth:`colorize`.
        """
        check_hints(hints)
        picture = photo if isinstance(photo, Picture) else images.read(photo)
        return self._inference.run([picture], [hints], network_size=network_size, reference=reference)[0]

    def decoding(
        self,
        *,
        temperature: float | None = None,
        saturation: float | None = None,
        strength: float = 1.0,
        keep: Mask | None = None,
        upsample: Upsampling | None = None,
        gamut: Gamut | None = None,
        reference: bool = False,
    ) -> Decoding:
        """Bundle the options of decoding, checked against this model before anything is read or computed.

        Args:
            temperature: As for :meth:`colorize`, like all that follow.
            saturation: Factor on the chroma.
            strength: Share of the color.
            keep: Where the photo stays as it is.
            upsample: ``"guided"`` or ``"bilinear"``.
            gamut: ``"map"`` or ``"clip"``.
            reference: Whether the released code is followed, which fixes *upsample* and *gamut*.

        Returns:
            The options, for :meth:`Prediction.picture`.

        Raises:
            UnsupportedOptionError: If the model has no temperature.
            ColorfulError: If an option is out of its range.
        """
        if reference and (upsample or gamut):
            raise OptionError("reference: fixes upsample and gamut, which were given too")
        if temperature is not None and not self.has_temperature:
            raise unsupported("temperature", self._inference.network)
        return Decoding(
            temperature=temperature,
            saturation=saturation,
            strength=strength,
            keep=keep,
            upsample=upsample,
            gamut=gamut,
        )

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

    def __repr__(self) -> str:
        return f"Colorizer({self.name!r}, device={str(self.device)!r}, dtype={self.dtype!r})"

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_inference", "_files")
        state = {key: value for key, value in self.__dict__.items() if key not in left_out}
        return state | {"_network": self.network}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._files = None
        self._settle(state["_network"])

    def _settle(self, network: Network) -> None:
        """Make the fast form of the network; keep the network itself only if no file holds it."""
        eager = Eager(
            network,
            device=self.device,
            dtype=getattr(torch, self.dtype),
            compile=self.compile,
            mapped=self._files is not None,
        )
        self._inference = Inference(eager)
        self._network = None if self._files else network

    def _many(
        self,
        photos: Iterator[npt.NDArray[Any] | Image.Image | FileLike],
        batch_size: int,
        progress: Callable[[int], object] | None,
        decoding: Decoding,
        network_size: int | None,
        reference: bool,
    ) -> Iterator[npt.NDArray[Any] | Image.Image]:
        done = 0
        failure: Exception | None = None
        while failure is None:
            pictures: list[Picture] = []
            try:
                for photo in islice(photos, batch_size):
                    pictures.append(images.read(photo))
            except Exception as error:  # those read before it are still owed to the caller
                failure = error
            if not pictures:
                break
            for prediction in self._inference.run(
                pictures, [()] * len(pictures), network_size=network_size, reference=reference
            ):
                yield prediction.picture(decoding).unwrap()
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
    temperature: float | None = None,
    saturation: float | None = None,
    strength: float = 1.0,
    keep: Mask | None = None,
    network_size: int | None = None,
    upsample: Upsampling | None = None,
    gamut: Gamut | None = None,
    reference: bool = False,
) -> npt.NDArray[Any]: ...
@overload
def colorize(
    photo: Image.Image | FileLike,
    *,
    hints: Sequence[Hint] = (),
    temperature: float | None = None,
    saturation: float | None = None,
    strength: float = 1.0,
    keep: Mask | None = None,
    network_size: int | None = None,
    upsample: Upsampling | None = None,
    gamut: Gamut | None = None,
    reference: bool = False,
) -> Image.Image: ...
def colorize(
    photo: npt.NDArray[Any] | Image.Image | FileLike,
    *,
    hints: Sequence[Hint] = (),
    temperature: float | None = None,
    saturation: float | None = None,
    strength: float = 1.0,
    keep: Mask | None = None,
    network_size: int | None = None,
    upsample: Upsampling | None = None,
    gamut: Gamut | None = None,
    reference: bool = False,
) -> npt.NDArray[Any] | Image.Image:
    """Color a photo with the default model, which is loaded at the first call.

    See :meth:`Colorizer.colorize`, which this calls, for each option.

    Args:
        photo: An array, a PIL image, a path, the bytes of a file, or a binary file.
        hints: Colors that spots of the photo have.
        temperature: Sharpness of the choice among likely colors, in [0, 1].
        saturation: Factor on the chroma, at least 0.
        strength: Share of the color that is mixed with the grey photo, in [0, 1].
        keep: Where the photo stays as it is.
        network_size: Side in pixels at which the network looks at the photo.
        upsample: ``"guided"`` or ``"bilinear"``.
        gamut: ``"map"`` or ``"clip"``.
        reference: Do as the released code of Zhang et al.

    Returns:
        For an array an array, for all else a PIL image.

    Raises:
        ColorfulError: As :meth:`Colorizer.colorize` and :meth:`Colorizer.from_pretrained`.
    """
    return _default_colorizer().colorize(
        photo,
        hints=hints,
        temperature=temperature,
        saturation=saturation,
        strength=strength,
        keep=keep,
        network_size=network_size,
        upsample=upsample,
        gamut=gamut,
        reference=reference,
    )


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
