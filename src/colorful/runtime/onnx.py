"""A network that was exported to ONNX, run by onnxruntime: nothing of torch's is used to compute."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, cast

import numpy as np
import torch
from torch import Tensor

from colorful.errors import (
    ColorfulError,
    DeviceError,
    MissingExtraError,
    UnsupportedOptionError,
    WeightsFormatError,
    WeightsIntegrityError,
    WeightsNotFoundError,
    first_line,
)
from colorful.files import in_words, open_regular
from colorful.models import NetworkConfig
from colorful.runtime.runner import Description

try:
    import onnx
    import onnxruntime
except ModuleNotFoundError as error:
    raise MissingExtraError("onnx") from error

KEY = "colorful"
"""Under which the metadata of a graph hold all that the library wants to know of it, as JSON."""

FORMAT = 1
"""Of that JSON."""
_PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "auto": ("CUDAExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider"),
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider",),
    "mps": ("CoreMLExecutionProvider",),
}
_MOST_BINS = 10_000


class OnnxRunner:
    """A network in a file of :func:`colorful.export.export_onnx`. Threads can share it; it can be pickled.

    Args:
        path: The file, of the kind that holds the network alone.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``; which of onnxruntime's providers computes.

    Attributes:
        path: The file, absolute.
        description: What the network is.

    Raises:
        WeightsNotFoundError: If there is no such file.
        WeightsIntegrityError: If it is no ONNX file, or a damaged one.
        WeightsFormatError: If it is another program's, keeps weights in other files, or asks for operators
            that are not ONNX's own.
        DeviceError: If onnxruntime has no such device here.
    """

    def __init__(self, path: Path, *, device: str = "auto") -> None:
        self.path, self.device = path.absolute(), device
        self._load()

    def _load(self) -> None:
        providers = _providers(self.device)
        content = _read(self.path)
        self.description = _described(content, self.path)
        try:
            self._session = open_session(
                content.SerializeToString(), providers, threads=torch.get_num_threads()
            )
        except Exception as error:  # onnxruntime has an exception of its own for each kind of trouble
            _refuse(self.path, f"onnxruntime cannot load it: {first_line(error)}", error)
        wanted = ["light", *(["ab", "mask"] if self.description.takes_hints else [])]
        found = [entry.name for entry in self._session.get_inputs()]
        if found != wanted:
            _refuse(self.path, f"expected the inputs {', '.join(wanted)}, got {', '.join(found) or 'none'}")

    def run(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Run the network once; see :meth:`colorful.runtime.Runner.run`.

        Args:
            light: L, on any device, like the others.
            ab: Hinted ab.
            mask: Where it is.

        Returns:
            Logits or ab, float32, on the CPU.

        Raises:
            UnsupportedOptionError: If there are hints and the network takes none.
            WeightsFormatError: If the graph gives another shape than it says.
        """
        known = self.description
        if ab is not None and not known.takes_hints:
            raise UnsupportedOptionError(f"ab: expected None, since {known.architecture} takes no hints")
        inputs = {"light": light}
        if known.takes_hints:  # of a graph all inputs are there; an empty mask is "no hints"
            n, _, height, width = light.shape
            inputs["ab"] = torch.zeros(n, 2, height, width) if ab is None else ab
            inputs["mask"] = torch.zeros(n, 1, height, width) if mask is None else mask
        arrays = {name: tensor.float().cpu().contiguous().numpy() for name, tensor in inputs.items()}
        try:
            (output,) = self._session.run(None, arrays)
        except Exception as error:
            _refuse(self.path, f"onnxruntime cannot run it: {first_line(error)}", error)
        channels = 2 if known.bins is None else len(known.bins)
        rows, columns = (side // known.stride for side in light.shape[2:])
        expected = (light.shape[0], channels, rows, columns)
        if output.shape != expected or output.dtype != np.float32:
            _refuse(self.path, f"expected an output of shape {expected}, got {output.shape}")
        return torch.from_numpy(output)

    def features(self, light: Tensor) -> None:
        """Offer none, since a graph has one output; see :meth:`colorful.runtime.Runner.features`.

        Args:
            light: L.
        """

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "device": self.device}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()  # from the file: sessions do not travel


def open_session(
    graph: bytes, providers: Sequence[str] = ("CPUExecutionProvider",), *, threads: int = 0
) -> onnxruntime.InferenceSession:
    """Make onnxruntime ready to run a graph, with nothing printed.

    Args:
        graph: The content of an ONNX file.
        providers: What computes, the first that can.
        threads: How many work on one operation; as onnxruntime chooses if 0.

    Returns:
        The session.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(graph, options, providers=list(providers))


def _providers(device: str) -> tuple[str, ...]:
    if device not in _PROVIDERS:
        raise DeviceError(f"device: expected one of {', '.join(_PROVIDERS)} for an ONNX file, got {device!r}")
    there = onnxruntime.get_available_providers()
    found = tuple(provider for provider in _PROVIDERS[device] if provider in there)
    if not found:
        raise DeviceError(
            f"device: expected one that is there, got {device!r}: onnxruntime has {', '.join(there)}"
        )
    return found


def _read(path: Path) -> onnx.ModelProto:
    """Read a graph, and make sure that it is one of ONNX's own operators and brings its weights itself."""
    try:
        with open_regular(path) as file:
            content = file.read()
    except FileNotFoundError:
        raise WeightsNotFoundError(f"{path}: expected an ONNX file, got no such file") from None
    except OSError as error:
        raise WeightsIntegrityError(f"{path}: cannot be read: {in_words(error)}") from error
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:
        raise WeightsIntegrityError(f"{path}: expected an ONNX file, got none, or a damaged one") from error
    graphs = [model.graph]
    domains = {entry.domain for entry in model.opset_import} | {"" if not model.functions else "functions"}
    while graphs:
        graph = graphs.pop()
        tensors = list(graph.initializer)
        for node in graph.node:
            domains.add(node.domain)
            for attribute in node.attribute:
                graphs += [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
                tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
        if any(
            tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data for tensor in tensors
        ):
            _refuse(path, "it keeps weights in other files, which are not read")
    if foreign := domains - {"", "ai.onnx"}:
        _refuse(path, f"it asks for operators that are not ONNX's own: {', '.join(sorted(foreign))}")
    try:
        onnx.checker.check_model(content)
    except Exception as error:
        raise WeightsIntegrityError(f"{path}: the graph is not valid: {first_line(error)}") from error
    return model


def _described(model: onnx.ModelProto, path: Path) -> Description:
    notes = {entry.key: entry.value for entry in model.metadata_props}
    if KEY not in notes:
        _refuse(path, "it has no metadata of colorful; colorful export makes such files")
    try:
        known = json.loads(notes[KEY])
        if known["format"] != FORMAT:
            _refuse(path, f"its format is {known['format']!r}, this version reads {FORMAT}")
        if known["kind"] != "network":
            _refuse(path, "it holds a whole pipeline, which takes RGB; export the network without --whole")
        bins = known["bins"]
        if bins is not None:
            bins = torch.tensor(bins, dtype=torch.float32, device="cpu")
            if bins.dim() != 2 or bins.shape[1] != 2 or len(bins) > _MOST_BINS or not bins.isfinite().all():
                raise ValueError("bins")
        output = known["output"]
        if output not in ("distribution", "regression") or (output == "distribution") != (bins is not None):
            raise ValueError("output")
        whole = {name: known[name] for name in ("stride", "multiple")}
        if any(type(value) is not int or not 1 <= value <= 1024 for value in whole.values()):
            raise ValueError("stride, multiple")
        return Description(
            architecture=str(known["architecture"]),
            output=cast("Literal['distribution', 'regression']", output),
            takes_hints=bool(known["takes_hints"]),
            config=NetworkConfig(**known["config"]),
            bins=bins,
            **whole,
        )
    except WeightsFormatError:
        raise
    except (ColorfulError, KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
        _refuse(path, f"its metadata make no sense: {first_line(error)}", error)


def _refuse(path: Path, reason: str, error: BaseException | None = None) -> NoReturn:
    raise WeightsFormatError(f"{path}: expected a network that colorful exported; {reason}") from error
