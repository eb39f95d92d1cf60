"""Graphs against the library's own results, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from skimage import data

from colorful import Colorizer, Hint, hub
from colorful.errors import ExportError, OutputExistsError
from colorful.export import export_onnx, graph
from colorful.models import DDColor, create
from colorful.models.ddcolor import Sizes
from colorful.models.network import Network

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="session")
def lite_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lite's network, in half precision."""
    path = tmp_path_factory.mktemp("onnx") / "lite.onnx"
    return export_onnx(hub.load("lite"), path, half=True)


@pytest.fixture(scope="session")
def whole_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of lite's pipeline, in half precision."""
    path = tmp_path_factory.mktemp("onnx") / "whole.onnx"
    return export_onnx(hub.load("lite"), path, half=True, whole=True)


@pytest.mark.slow
def test_a_file_colors_as_the_model_does(lite_onnx: Path) -> None:
    """By onnxruntime, photos, temperatures, hints and batches give torch's ab within 0.15 on average."""
    ours, theirs = Colorizer.from_pretrained("lite"), Colorizer.from_pretrained(lite_onnx)
    assert lite_onnx.stat().st_size < 9_000_000
    assert (theirs.architecture, theirs.takes_hints, theirs.look) == ("lite", True, ours.look)
    for photo in (data.astronaut(), data.camera()[:97, :301], data.chelsea()):
        for hints in ((), [Hint(x=20, y=30, color="#3050c0"), Hint(x=80, y=10, color="#c03030")]):
            expected, got = (model.predict(photo, hints=hints) for model in (ours, theirs))
            difference = (expected.ab(temperature=0.3) - got.ab(temperature=0.3)).abs()
            assert difference.mean() < 0.15
            assert difference.max() < 2
    pair = list(theirs.colorize_many([data.camera(), data.camera()[:64]]))
    assert np.abs(pair[0].astype(int) - theirs.colorize(data.camera()).astype(int)).max() <= 1


@pytest.mark.slow
def test_a_whole_pipeline_needs_no_color_science(whole_onnx: Path) -> None:
    """RGB in, RGB out: as the library's bilinear colors, within one step of 8 bits in nearly every pixel."""
    session = onnxruntime.InferenceSession(whole_onnx)
    assert [entry.name for entry in session.get_inputs()] == ["rgb"]
    tuned = {entry.name for entry in session.get_overridable_initializers()}
    assert tuned == {"temperature", "saturation"}
    ours = Colorizer.from_pretrained("lite", upsample="bilinear")
    photos = (
        data.astronaut()[:301, :477],
        data.coffee(),
        data.chelsea(),
        np.asarray(Image.fromarray(data.camera()[:97, :401]).convert("RGB")),
        data.rocket()[:33, :35],
    )
    for photo in photos:
        rgb = np.moveaxis(photo, 2, 0)[None].astype(np.float32) / 255
        for look in ({}, {"temperature": 0.2, "saturation": 0.7}):
            feed = {"rgb": rgb} | {name: np.array(value, np.float32) for name, value in look.items()}
            colored = np.rint(np.moveaxis(session.run(None, feed)[0][0], 0, 2).clip(0, 1) * 255)
            difference = np.abs(colored - ours.colorize(photo, **look).astype(float))
            assert difference.max() <= 2
            assert (difference > 1).mean() < 1e-3


def test_a_graph_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph is tried at shapes it was not made with, and refused if its colors are others."""

    def wrong(network: Network, *, hints: bool = True) -> onnx.ModelProto:
        nodes = [onnx.helper.make_node("Mul", ["light", "two"], ["output"])]
        two = onnx.numpy_helper.from_array(np.full((1, 2, 1, 1), 2, np.float32), "two")
        light, output = (
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", channels, "H", "W"])
            for name, channels in (("light", 1), ("output", 2))
        )
        made = onnx.helper.make_graph(nodes, "wrong", [light], [output], [two])
        opset = onnx.helper.make_opsetid("", graph.OPSET)
        return onnx.helper.make_model(made, opset_imports=[opset], ir_version=10)

    monkeypatch.setattr("colorful.export.network_graph", wrong)
    sizes = Sizes(depths=(1, 1, 1, 1), widths=(8, 8, 8, 8), layers=3, feed_forward=8)
    network = DDColor(sizes=sizes).train()
    with pytest.raises(ExportError, match="ddcolor: expected the graph to give the network's colors"):
        export_onnx(network, tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []
    assert network.training, "to try a network out must not change it"


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    """What is there stays, and is said before the work."""
    (tmp_path / "x.onnx").write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        export_onnx(create("eccv16"), tmp_path / "x.onnx")
    assert (tmp_path / "x.onnx").read_bytes() == b"mine"


def small_ddcolor() -> DDColor:
    return DDColor(sizes=Sizes(depths=(1, 1, 1, 1), widths=(16, 16, 16, 16), layers=3, feed_forward=32))


@pytest.mark.export
@pytest.mark.parametrize("network", ["eccv16", "siggraph17", "ddcolor"])
def test_every_network_exports(tmp_path: Path, network: str) -> None:
    """Each published network gives torch's colors within 0.001 at five new shapes, with hints and without."""
    torch.manual_seed(0)
    made = small_ddcolor() if network == "ddcolor" else create(network)
    path = export_onnx(made.eval(), tmp_path / "x.onnx")
    assert Colorizer.from_pretrained(path).architecture == network
