"""A model, loaded once: its network in a fast form, on a device, with its settings."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self, Unpack, cast, get_args

import torch
from torch import Tensor

from colorful import hub
from colorful.errors import KindError, OptionError, UnsupportedOptionError, check_choice, refuse_unknown
from colorful.host import unaffected
from colorful.hub import FetchOptions, ModelFiles
from colorful.lab.decode import Decoder
from colorful.look import Numbers, Settings, settle
from colorful.models import DEFAULT_MODEL
from colorful.models.network import Network, NetworkConfig
from colorful.protocols import PROTOCOLS
from colorful.runtime import Eager, Runner, find_device
from colorful.wishes import Following

Precision = Literal["float32", "bfloat16"]
# Highest side at which a network looks at a photo.
_LARGEST_SIDE = 2048


class PretrainedOptions(FetchOptions, Settings, total=False):
    """Where weights come from, and what the colorizer is set to."""


class LoadedModel:
    """The model behind a :class:`colorful.Colorizer`; the arguments are described there."""

    _example: Following | None = None

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
            raise KindError(
                f"network: expected a colorful.models.Network, got {type(network).__name__}"
                + "; from_pretrained loads a model by its name" * isinstance(network, str | os.PathLike)
            )
        dtype_name = str(dtype).removeprefix("torch.")
        check_choice("dtype", dtype_name, get_args(Precision))
        self._wanted_device = device
        self.device = find_device(device)
        self.dtype = cast("Precision", dtype_name)
        self.compile = compile
        self._files: ModelFiles | None = None
        self._weights_digest = network.digest if isinstance(network, ModelFiles) else None
        self._about = network.about() if isinstance(network, ModelFiles) else {}
        if isinstance(network, ModelFiles):  # absolute: it may be read again from another working folder
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
        self.look: Mapping[str, float] = Numbers(
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
    ) -> Self:
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
        if not isinstance(model, str | os.PathLike):
            raise KindError(f"model: expected a name, a Hub id or a path, got {type(model).__name__}")
        given = options.items()
        settings = cast(
            "Settings", {name: value for name, value in given if name in Settings.__annotations__}
        )
        fetching = cast("FetchOptions", {name: value for name, value in given if name not in settings})
        if Path(model).suffix.lower() == ".onnx":
            own = {"dtype": str(dtype).removeprefix("torch.") != "float32", "compile": compile, **fetching}
            if meaningless := sorted(name for name, value in own.items() if value):
                raise OptionError(f"{meaningless[0]}: has no meaning for an ONNX file")
            from colorful.runtime.onnx import OnnxRunner

            runner = OnnxRunner(Path(model).expanduser(), device=str(device))
            return cls(runner, device="cpu", name=os.fspath(model), **settings)
        find_device(device)  # before a download that would be for nothing
        found = hub.fetch(model, **fetching)
        return cls(found, device=device, dtype=dtype, compile=compile, name=os.fspath(model), **settings)

    @property
    def network(self) -> Network:
        """The network as it was given, in float32 and evaluation mode, on the device.

        Of a network that was loaded from a file, only the fast form is kept in memory. The first use of this
        property reads the file again.

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

    @property
    def runner(self) -> Runner:
        """What runs the network."""
        return self._runner

    @unaffected()
    def answer(
        self, light: Tensor, *hints: Tensor, features: bool = False
    ) -> tuple[Sequence[Tensor], Tensor | None]:
        """Run the network on L, and follow the example if there is one.

        This is for programs that compute L themselves, such as from the frames of a film.

        Args:
            light: As the network takes it, shape ``(N, 1, H, W)``.
            *hints: ab and mask of known colors, shape ``(N, 2, H, W)`` and ``(N, 1, H, W)``.
            features: Whether to return the features of the network, too.

        Returns:
            Logits or ab for each photo; and their features, if they are needed and the network has them.
        """
        outputs, network, example = self._runner.run(light, *hints), self._runner.description, self._example
        wanted = features or (example is not None and example.matches)
        seen = self._runner.features(light) if wanted else None
        if example is None or network.bins is None:
            return list(outputs), seen
        decoder = Decoder(network.bins.to(outputs), self.look["temperature"])
        each = [None] * len(outputs) if seen is None else list(seen)
        return [
            example.choose(output, its, decoder, network.architecture)
            for output, its in zip(outputs, each, strict=True)
        ], seen

    @property
    def weights_digest(self) -> str:
        """SHA-256, in hex, of the file the weights came from, or of the tensors if there is none."""
        if self._weights_digest is None:
            self._weights_digest = self._sum_up()
        return self._weights_digest

    def _sum_up(self) -> str:
        path = getattr(self._runner, "path", None)  # of an ONNX file
        if path is not None:
            return hub.weights.sha256(path)
        total = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return total.hexdigest()

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Tell at which size the network looks at a photo.

        Args:
            size: Height and width of the upright photo.

        Returns:
            Height and width of the network's input.
        """
        return PROTOCOLS[self.settings["protocol"]].input_size(size, self._runner.description, self.settings)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Save the model so that :meth:`from_pretrained` can load it.

        That is the network with its config, and with the card and the training entry that it came with. What
        this colorizer alone is set to, such as a look of :meth:`colorful.Colorizer.tuned` or an example, is
        not saved.

        Args:
            folder: Made if it is not there.

        Returns:
            The folder.

        Raises:
            OutputError: If it cannot be written.
        """
        return hub.save_pretrained(self.network, folder, **self._about)

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
        return hub.push_to_hub(self.network, repo_id, token=token, private=private, **self._about)

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
            whole: Write the whole pipeline, from RGB to RGB, instead of the network alone.
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
        return f"{type(self).__name__}({self.name!r}, device={str(self.device)!r}, dtype={self.dtype!r})"

    def __getstate__(self) -> dict[str, Any]:
        left_out = {"_files"}
        held: dict[str, Any] = {"_weights_digest": None}  # what reads a file anew may find another one there
        if isinstance(self._runner, Eager):
            left_out.add("_runner")
            network = self.network
            if self.device.type != "cpu":  # which the reader may not have
                network = copy.deepcopy(network).cpu()
            held = {"_network": network}
        state = {key: value for key, value in self.__dict__.items() if key not in left_out}
        return state | held

    @unaffected()
    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._files = None
        if state["_network"] is not None:
            self.device = find_device(self._wanted_device)
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
