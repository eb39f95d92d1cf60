"""A network as one ONNX graph: L and hints in, logits or ab out, at any size and in any batch."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

import colorful
from colorful.errors import MissingExtraError
from colorful.models import MODELS
from colorful.models.network import Network
from colorful.runtime.onnx import FORMAT, KEY
from colorful.runtime.runner import Description

try:
    import onnx
    import onnxscript  # noqa: F401 - torch's exporter asks for it
    from onnx import TensorProto, helper, numpy_helper
except ModuleNotFoundError as error:
    raise MissingExtraError("onnx") from error

OPSET = 20
_HALVED = 1 << 10  # numbers in a tensor from which on it is worth storing it in half precision
_MOST = 1 << 14  # cells along a side, or photos in a batch, that a graph is made for


def as_exported(network: Network) -> Network:
    """Give a copy on the CPU, in float32 and evaluation mode, its batch norm folded where that can be done.

    Args:
        network: Left as it is.

    Returns:
        The copy, of which the graph is made and with which it is compared.
    """
    return copy.deepcopy(network.fuse()).cpu().float().eval().requires_grad_(False)


def network_graph(network: Network, *, hints: bool = True) -> onnx.ModelProto:
    """Export a network.

    Args:
        network: As :func:`as_exported` gives it.
        hints: Whether the graph takes hints if the network does.

    Returns:
        Inputs ``light`` (N, 1, H, W) and, for networks that take hints, ``ab`` (N, 2, H, W) and ``mask``
        (N, 1, H, W), where an empty mask is "no hints"; output ``output``, as :meth:`Network.forward`.
    """
    side = network.multiple
    height, width = (side * max(2, count // side) for count in (96, 160))
    inputs = {"light": torch.full((2, 1, height, width), 50.0)}
    if network.takes_hints and hints:
        inputs |= {"ab": torch.zeros(2, 2, height, width), "mask": torch.zeros(2, 1, height, width)}
    dims = {0: Dim("N", max=_MOST), 2: side * Dim("rows", max=_MOST), 3: side * Dim("columns", max=_MOST)}
    model = traced(network, inputs, ["output"], [dims] * len(inputs))
    describe(model, "network", Description.of(network))
    return model


def traced(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    shapes: Sequence[Mapping[int, object]],
) -> onnx.ModelProto:
    """Let torch export a module.

    Args:
        module: In evaluation mode.
        inputs: Examples, by the names they will have.
        outputs: Names of the outputs.
        shapes: For each input the axes that may be of any length.

    Returns:
        The graph, without torch's notes of the source code it came from.
    """
    with _quiet():
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple(dict(axes) for axes in shapes),
            verbose=False,
        )
    if program is None:  # only where there is no dynamo
        raise MissingExtraError("onnx")
    model = program.model_proto
    for node in model.graph.node:  # paths of this machine among them
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    del model.graph.metadata_props[:], model.graph.value_info[:]
    return model


def describe(model: onnx.ModelProto, kind: str, network: Description) -> None:
    """Write what the library knows of a network into the metadata of its graph."""
    info = MODELS.get(network.architecture)
    known = {
        "format": FORMAT,
        "kind": kind,
        "architecture": network.architecture,
        "output": network.output,
        "takes_hints": network.takes_hints,
        "stride": network.stride,
        "multiple": network.multiple,
        "config": asdict(network.config),
        "bins": None if network.bins is None else network.bins.tolist(),
    }
    notes = {
        KEY: json.dumps(known),
        "license": info.license if info else "",
        "summary": info.summary if info else "",
    }
    helper.set_model_props(model, notes)
    model.producer_name, model.producer_version = "colorful", colorful.__version__


def stored_in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the large tensors of a graph in half precision; it goes on computing in float32.

    Every runtime turns them back when it loads the graph, so this costs file size alone, and no runtime
    needs arithmetic in half precision.

    Args:
        model: Left as it is.

    Returns:
        The smaller graph.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    casts = []
    for tensor in half.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _HALVED:
            continue
        name = tensor.name
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    return half


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's exporter from talking about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
