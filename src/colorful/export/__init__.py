"""Models for other runtimes: ONNX files of a network, or of all that makes a color photo of a grey one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from colorful import files
from colorful.errors import ExportError, MissingExtraError
from colorful.lab import annealed_mean
from colorful.models.network import Network

try:
    import onnx

    from colorful.export.graph import as_exported, network_graph, stored_in_half
    from colorful.export.whole import whole_graph
    from colorful.runtime.onnx import open_session
except ModuleNotFoundError as error:
    raise MissingExtraError("onnx") from error

__all__ = ["export_onnx", "network_file"]

# Shapes that no graph was made with, in multiples of the network's own: photos, rows, columns.
_UNSEEN = ((1, 1, 1), (3, 2, 5), (1, 7, 3), (2, 4, 4), (1, 3, 9))
_CLOSE, _CLOSE_IN_HALF = 1e-3, 0.5  # CIELAB units, at worst


def export_onnx(
    network: Network,
    path: str | os.PathLike[str],
    *,
    half: bool = False,
    whole: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write a network as an ONNX file, after trying it out.

    Args:
        network: Left as it is.
        path: Where; written whole or not at all.
        half: Store the weights in half precision; runtimes still compute in float32.
        whole: Write all of the pipeline: RGB in, RGB out, at any size, with temperature and saturation as
            inputs. Else the network alone: L and hints in, logits or ab out, as
            :meth:`colorful.Colorizer.from_pretrained` takes it.
        overwrite: Whether *path* may be there already.

    Returns:
        The path written.

    Raises:
        ExportError: If the graph does not agree with the network at shapes that it was not made with.
        OutputExistsError: If *path* is there and *overwrite* is not set.
        OutputError: If it cannot be written.
    """
    files.check_target(path, overwrite=overwrite)  # before the minute that this takes
    if whole:
        content = _checked(whole_graph(as_exported(network)), half=half)
    else:
        content = network_file(network, half=half)
    files.write(path, content, overwrite=overwrite)
    return Path(path)


def network_file(network: Network, *, half: bool = False, hints: bool = True) -> bytes:
    """Make the ONNX file of a network, after trying it out.

    Args:
        network: As for :func:`export_onnx`, like *half*.
        half: See there.
        hints: Whether it takes hints if the network does.

    Returns:
        The content of the file.

    Raises:
        ExportError: As there.
    """
    network = as_exported(network)
    content = _checked(network_graph(network, hints=hints), half=half)
    worst = _difference(network, content, hints=hints and network.takes_hints)
    if not worst <= (_CLOSE_IN_HALF if half else _CLOSE):
        raise ExportError(
            f"{network.architecture}: expected the graph to give the network's colors at all sizes, "
            f"got a difference of {worst:.2g} CIELAB units"
        )
    return content


def _checked(model: onnx.ModelProto, *, half: bool) -> bytes:
    if half:
        model = stored_in_half(model)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


@torch.no_grad()
def _difference(network: Network, content: bytes, *, hints: bool) -> float:
    """Give the largest difference in ab between a graph and its network, at shapes that are new to both."""
    session = open_session(content)
    random = torch.Generator().manual_seed(0)
    worst = 0.0
    for n, rows, columns in _UNSEEN:
        height, width = rows * network.multiple, columns * network.multiple
        light = torch.rand(n, 1, height, width, generator=random) * 100
        ab, mask = torch.zeros(n, 2, height, width), torch.zeros(n, 1, height, width)
        for hinted in (False, True) if hints else (False,):
            if hinted:
                mask[..., : height // 4, : width // 4] = 1
                ab[:, :, : height // 4, : width // 4] = torch.rand(n, 2, 1, 1, generator=random) * 120 - 60
            inputs = (light, ab, mask) if hints else (light,)
            expected = network(*(inputs if hinted else (light,)))
            names = [entry.name for entry in session.get_inputs()]
            feed = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
            got = torch.from_numpy(np.asarray(session.run(None, feed)[0]))
            if (bins := network.bins) is not None:
                temperature = network.config.temperature
                expected, got = (
                    annealed_mean(logits, bins.float(), temperature=temperature) for logits in (expected, got)
                )
            worst = max(worst, float((expected - got).abs().max()))
    return worst
