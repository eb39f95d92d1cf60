"""A whole colorizer as one ONNX graph: RGB in, RGB out, so that no program around it needs color science.

The parts are the library's own functions, exported by torch. Only the two changes of size are ONNX's own
operator, since the size at which a network looks depends on the photo.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import torch
from onnx import TensorProto, compose, helper
from torch import Tensor, nn
from torch.export import Dim

from colorful.export.graph import OPSET, describe, network_graph, traced
from colorful.lab import lab_to_rgb, rgb_to_lab
from colorful.models.network import Network
from colorful.protocols import LONGEST
from colorful.runtime import Description

_LEAST_TEMPERATURE = 1e-6  # below it float32 shows no difference to the likeliest bin


class _Lightness(nn.Module):
    def forward(self, rgb: Tensor) -> Tensor:
        return rgb_to_lab(rgb)[:, :1]


class _Decoded(nn.Module):
    """The annealed mean, with the temperature as an input; a regression has none."""

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.bins = description.bins

    def forward(self, output: Tensor, saturation: Tensor, temperature: Tensor | None = None) -> Tensor:
        if self.bins is None or temperature is None:
            return output * saturation
        scores = output.movedim(1, -1)  # (N, Q, h, w) -> (N, h, w, Q)
        shares = (scores / temperature.clamp(min=_LEAST_TEMPERATURE)).softmax(dim=-1)
        return (shares @ self.bins).movedim(-1, 1) * saturation


class _Joined(nn.Module):
    def forward(self, light: Tensor, ab: Tensor) -> Tensor:
        return lab_to_rgb(torch.cat((light, ab), dim=1))


def whole_graph(network: Network) -> onnx.ModelProto:
    """Export a network with all that is around it.

    Args:
        network: As :func:`colorful.export.graph.as_exported` gives it.

    Returns:
        Input ``rgb`` (N, 3, H, W), sRGB in [0, 1], grey or in color, of any size; ``saturation`` and, for a
        distribution, ``temperature``, numbers with the model's own as their default; output ``colored``, as
        ``rgb``. L is kept; ab is upsampled bilinearly; colors outside sRGB lose chroma.
    """
    description = Description.of(network)
    photo = {0: Dim("N", max=64), 2: Dim("H", max=1 << 15), 3: Dim("W", max=1 << 15)}
    rgb, light, ab = torch.rand(1, 3, 40, 56), torch.rand(1, 1, 40, 56) * 100, torch.rand(1, 2, 40, 56) * 40
    lightness = traced(_Lightness(), {"rgb": rgb}, ["light"], [photo])
    joined = traced(_Joined(), {"light": light, "ab": ab}, ["colored"], [photo, photo])

    channels = 2 if description.bins is None else len(description.bins)
    given = {"output": torch.rand(2, channels, 8, 12), "saturation": torch.tensor(1.0)}
    if description.bins is not None:
        given["temperature"] = torch.tensor(0.5)
    cells = {0: Dim("N", max=64), 2: Dim("h", max=1 << 14), 3: Dim("w", max=1 << 14)}
    decoded = traced(_Decoded(description), given, ["small_ab"], [cells, *[{}] * (len(given) - 1)])

    parts = {
        "lightness": lightness,
        "shrink": _shrink(description),
        "network": _seeing(network_graph(network, hints=False)),
        "decoded": decoded,
        "enlarge": onnx.parser.parse_model(_ENLARGE),
        "joined": joined,
    }
    tuned = {name: getattr(description.config, name) for name in list(given)[1:]}
    model = _concatenated(parts, tuned)
    describe(model, "whole", description)
    return model


_HEAD = f'<ir_version: 10, opset_import: ["": {OPSET}]>'
# torch's antialiased interpolation, in ONNX's words: the kernel is normalized where it leaves the photo.
_RESIZED = 'antialias = 1, exclude_outside = 1, coordinate_transformation_mode = "half_pixel"'

_SHRINK_KEEP = """
shrink (float[N, 1, H, W] light) => (float[N, 1, h, w] seen)
<float side = {{{side}}}, float multiple = {{{multiple}}}, float least = {{{least}}}, float most = {{{most}}},
 float one = {{1}}>
{{
    pixels = Shape <start = 2> (light)
    sides = Cast <to = 1> (pixels)
    height, width = Split <num_outputs = 2> (sides)
    ratio = Div(height, width)
    bounded = Clip(ratio, least, most)
    root = Sqrt(bounded)
    rows = Mul(side, root)
    columns = Div(side, root)
    wanted = Concat <axis = 0> (rows, columns)
    cells = Div(wanted, multiple)
    whole = Round(cells)
    positive = Max(whole, one)
    rounded = Mul(positive, multiple)
    square = Cast <to = 7> (rounded)
"""
_SHRINK_STRETCH = """
shrink (float[N, 1, H, W] light) => (float[N, 1, h, w] seen)
<int64[2] square = {{{rounded}, {rounded}}}>
{{
"""
_SHRINK_END = f"""
    photos = Shape <end = 2> (light)
    size = Concat <axis = 0> (photos, square)
    seen = Resize <mode = "cubic", cubic_coeff_a = -0.5, {_RESIZED}> (light, , , size)
}}
"""
_ENLARGE = f"""{_HEAD}
enlarge (float[N, 1, H, W] light, float[N, 2, h, w] small_ab) => (float[N, 2, H, W] ab)
{{
    colors = Shape <end = 2> (small_ab)
    pixels = Shape <start = 2> (light)
    size = Concat <axis = 0> (colors, pixels)
    ab = Resize <mode = "linear", {_RESIZED}> (small_ab, , , size)
}}
"""


def _shrink(description: Description) -> onnx.ModelProto:
    """Bring L to the size at which the network looks, as :mod:`colorful.runtime` chooses it."""
    side, multiple = description.config.network_size, description.multiple
    if description.config.fit == "stretch":
        body = _SHRINK_STRETCH.format(rounded=multiple * max(1, round(side / multiple)))
    else:
        body = _SHRINK_KEEP.format(side=side, multiple=multiple, least=1 / LONGEST, most=LONGEST)
    return onnx.parser.parse_model(_HEAD + body + _SHRINK_END)


def _seeing(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let the network take L by the name that the smaller one has."""
    for node in model.graph.node:
        node.input[:] = ["seen" if name == "light" else name for name in node.input]
    model.graph.input[0].name = "seen"
    return model


def _concatenated(parts: Mapping[str, onnx.ModelProto], tuned: Mapping[str, float]) -> onnx.ModelProto:
    """Make one graph of parts that hand on what they make by its name."""
    nodes, stored = [], []
    for name, part in parts.items():
        # Inputs and outputs keep their names, by which the parts meet; all else gets one of its own.
        inner = compose.add_prefix(part, f"{name}.", rename_inputs=False, rename_outputs=False)
        nodes += list(inner.graph.node)
        stored += list(inner.graph.initializer)
    numbers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in tuned]
    photo, colored = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, "H", "W"])
        for name in ("rgb", "colored")
    )
    defaults = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in tuned.items()]
    graph = helper.make_graph(nodes, "colorful", [photo, *numbers], [colored], [*stored, *defaults])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
