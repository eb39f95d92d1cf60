"""Files that claim to be models for onnxruntime: broken, foreign, hostile."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch

from colorful import Colorizer, Hint
from colorful.errors import (
    DeviceError,
    OptionError,
    UnsupportedOptionError,
    WeightsError,
    WeightsFormatError,
    WeightsNotFoundError,
)
from colorful.evaluation import evaluate

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from colorful.runtime.onnx import KEY, OnnxRunner  # noqa: E402 - needs the extra

NOTES = {
    "format": 1,
    "kind": "network",
    "architecture": "plain",
    "output": "regression",
    "takes_hints": False,
    "stride": 1,
    "multiple": 4,
    "config": {"network_size": 16},
    "bins": None,
}
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a graph that gives L / 10 as a and -L / 10 as b, or one that differs from it."""

    def write(*, notes: Any = NOTES, change: Callable[[Any], object] | None = None) -> Path:
        factor = onnx.numpy_helper.from_array(np.array([0.1, -0.1], np.float32).reshape(1, 2, 1, 1), "factor")
        light, output = (
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", channels, "H", "W"])
            for name, channels in (("light", 1), ("output", 2))
        )
        nodes = [onnx.helper.make_node("Mul", ["light", "factor"], ["output"])]
        graph = onnx.helper.make_graph(nodes, "plain", [light], [output], [factor])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
        if notes is not None:
            text = notes if isinstance(notes, str) else json.dumps(notes)
            onnx.helper.set_model_props(model, {KEY: text})
        if change is not None:
            change(model)
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


def test_a_file_is_a_model(make: Make) -> None:
    """It colors arrays, takes settings and looks, travels in a pickle, and is nobody's network of torch."""
    colorizer = Colorizer.from_pretrained(make(), upsample="bilinear")
    photo = np.full((20, 30), 128, np.uint8)
    prediction = colorizer.predict(photo)
    assert torch.allclose(prediction.ab(), prediction.light * torch.tensor([0.1, -0.1])[:, None, None])
    colored = colorizer.colorize(photo, saturation=0.5)
    assert colored.shape == (20, 30, 3)
    again = pickle.loads(pickle.dumps(colorizer))
    assert np.array_equal(again.colorize(photo, saturation=0.5), colored)
    with pytest.raises(UnsupportedOptionError, match="holds no network of torch"):
        _ = colorizer.network
    with pytest.raises(UnsupportedOptionError, match="hints: plain takes no hints"):
        colorizer.predict(photo, hints=[Hint(x=1, y=1, color="red")])


@pytest.mark.parametrize(
    ("option", "value"),
    [("dtype", "bfloat16"), ("compile", True), ("revision", "main"), ("architecture", "lite")],
)
def test_what_has_no_meaning_is_said(make: Make, option: str, value: object) -> None:
    """An option of torch or of the Hub does not get lost."""
    with pytest.raises(OptionError, match=f"{option}: has no meaning for an ONNX file"):
        Colorizer.from_pretrained(make(), **{option: value})


def test_devices(make: Make) -> None:
    """A device that onnxruntime does not have, or does not know, is an error that says what there is."""
    with pytest.raises(DeviceError, match="expected one of auto, cpu, cuda, mps"):
        Colorizer.from_pretrained(make(), device="tpu")
    if "CUDAExecutionProvider" not in __import__("onnxruntime").get_available_providers():
        with pytest.raises(DeviceError, match="CPUExecutionProvider"):
            Colorizer.from_pretrained(make(), device="cuda")


def test_no_such_file(tmp_path: Path) -> None:
    """A missing file is one."""
    with pytest.raises(WeightsNotFoundError, match="got no such file"):
        Colorizer.from_pretrained(tmp_path / "gone.onnx")


def test_where_it_is_unpickled_its_own_file_counts(make: Make) -> None:
    """The digest of a model tells that another machine has another file of that name."""
    colorizer = Colorizer.from_pretrained(make())
    before, packed = colorizer.digest, pickle.dumps(colorizer)
    assert pickle.loads(packed).digest == before
    make(notes=NOTES | {"remark": "another file"})
    assert pickle.loads(packed).digest != before


def test_it_is_evaluated_like_any_model(make: Make) -> None:
    """A file can be scored, though it holds no network of torch; the report names its checksum."""
    path = make()
    report = evaluate([skimage.data.coffee()[::8, ::8]], model=path, size=32)
    (facts,) = report.models.values()
    assert facts["weights_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report.measures["model.onnx"]["psnr"].value is not None


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x08\x0a" * 50, bytes(100)])
def test_no_onnx(tmp_path: Path, content: bytes) -> None:
    """A file of something else is an error of ours."""
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(WeightsError):
        Colorizer.from_pretrained(tmp_path / "x.onnx")


def test_truncated_anywhere(make: Make) -> None:
    """A file cut off at any byte is refused in words."""
    path = make()
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            OnnxRunner(path)


def external(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def external_in_a_constant(model: Any) -> None:
    tensor = onnx.TensorProto()
    tensor.CopyFrom(model.graph.initializer[0])
    external_model = onnx.ModelProto()
    external_model.graph.initializer.append(tensor)
    external(external_model)
    node = onnx.helper.make_node("Constant", [], ["more"], value=external_model.graph.initializer[0])
    model.graph.node.insert(0, node)


def foreign_operator(model: Any) -> None:
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))


def other_input(model: Any) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "image"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (external, "keeps weights in other files"),
        (external_in_a_constant, "keeps weights in other files"),
        (foreign_operator, "operators that are not ONNX's own: com.example"),
        (other_input, "expected the inputs light, got image"),
    ],
)
def test_hostile_graphs(make: Make, change: Callable[[Any], None], message: str) -> None:
    """A graph that reaches outside its file, or is no colorizer, is refused before it runs."""
    with pytest.raises(WeightsFormatError, match=message):
        OnnxRunner(make(change=change))


@pytest.mark.parametrize(
    "notes",
    [
        None,
        "{",
        "[]",
        "[" * 5000,
        NOTES | {"format": 2},
        NOTES | {"kind": "whole"},
        NOTES | {"output": "distribution"},
        NOTES | {"bins": [[1, 2, 3]]},
        NOTES | {"bins": [[0, float("nan")]], "output": "distribution"},
        NOTES | {"stride": 0},
        NOTES | {"multiple": "8"},
        NOTES | {"config": {"network_size": -1}},
        NOTES | {"config": {"temperature": 10**400}},
        NOTES | {"config": {"surprise": 1}},
        {key: value for key, value in NOTES.items() if key != "architecture"},
    ],
    ids=lambda notes: str(notes)[:30],
)
def test_metadata_that_make_no_sense(make: Make, notes: Any) -> None:
    """Missing, broken or impossible metadata are an error of ours."""
    with pytest.raises(WeightsFormatError):
        OnnxRunner(make(notes=notes))


def test_an_output_of_another_shape(make: Make) -> None:
    """What a graph says of its stride is checked against what it gives."""
    runner = OnnxRunner(make(notes=NOTES | {"stride": 2}))
    with pytest.raises(WeightsFormatError, match=r"expected an output of shape \(1, 2, 4, 4\)"):
        runner.run(torch.zeros(1, 1, 8, 8))
