"""Lite: its decoder, and how hints enter."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from skimage import data
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor

from colorful import Colorizer, Hint
from colorful.errors import ShapeError
from colorful.models.efficientnet import ConvNorm
from colorful.models.lite import HintMap, HintPyramid, Lite, _Spread

Points = list[tuple[float, float]]
Mask = npt.NDArray[np.bool_]


@pytest.fixture(scope="module")
def network() -> Lite:
    """Give a network whose batch norm is not trivial."""
    torch.manual_seed(0)
    made = Lite().eval()
    for module in made.modules():
        if isinstance(module, ConvNorm) and module.gain is not None:
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return made


def test_it_is_small(network: Lite) -> None:
    """Lite has at most 5 million parameters, so that half precision fits into 10 MB."""
    assert sum(tensor.numel() for tensor in network.state_dict().values()) <= 5_000_000


@torch.inference_mode()
@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_any_multiple_of_32_will_do(network: Lite, size: tuple[int, int]) -> None:
    """Input of any height and width that are multiples of 32 gives logits at a quarter of that."""
    logits = network(torch.rand(2, 1, *size) * 100)
    assert logits.shape == (2, 313, size[0] // 4, size[1] // 4)
    assert network.decode(logits).shape == (2, 2, size[0] // 4, size[1] // 4)


@torch.inference_mode()
def test_folding_batch_norm_changes_nothing(network: Lite) -> None:
    """A fused copy gives the same numbers, with and without hints, and leaves the network as it was."""
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fused = network.fuse()
    light, ab, mask = _hinted(64)
    torch.testing.assert_close(fused(light), network(light), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fused(light, ab, mask), network(light, ab, mask), rtol=1e-4, atol=1e-4)
    assert not any("running" in name for name in fused.state_dict())
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


@torch.inference_mode()
def test_no_hints_are_hints_of_an_empty_mask(network: Lite) -> None:
    """An empty mask gives what no hints give, whatever color lies beneath it."""
    light, ab, mask = _hinted(64)
    torch.testing.assert_close(network(light, ab, mask * 0), network(light))


@torch.inference_mode()
def test_a_small_hint_is_not_diluted() -> None:
    """The hint of a single pixel has the same color at every stride, and is nowhere else."""
    pyramid = HintPyramid()
    seen: list[Tensor] = []
    pyramid.embed.register_forward_hook(lambda module, given, out: seen.append(given[0]))
    ab, mask = torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64)
    ab[..., 40, 21], mask[..., 40, 21] = torch.tensor([55.0, -22.0]), 1

    light = torch.rand(1, 1, 64, 64) * 100
    maps = pyramid(light, ab, mask)

    for stride, cell, hints in zip((4, 8, 16, 32), seen, maps, strict=True):
        row, column = 40 // stride, 21 // stride
        torch.testing.assert_close(cell[0, :3, row, column], torch.tensor([0.5, -0.2, 1.0]))
        torch.testing.assert_close(hints.light, F.avg_pool2d(light, stride))
        torch.testing.assert_close(hints.hinted_light[0, 0, row, column], light[0, 0, 40, 21])
        elsewhere = hints.added.abs().sum(dim=1)
        elsewhere[0, row, column] = 0
        assert elsewhere.max() == 0


@torch.inference_mode()
def test_hints_enter_every_level(network: Lite) -> None:
    """A hint changes what comes out where it is given, through each of the four levels alone."""
    light, ab, mask = _hinted(64)
    plain = network(light)
    for level in range(4):
        changed = copy.deepcopy(network)
        for other in {0, 1, 2, 3} - {level}:
            torch.nn.init.zeros_(changed.hints.project[other].weight)
        assert (changed(light, ab, mask) - plain).abs().max() > 1e-3


@torch.inference_mode()
def test_hints_are_carried_by_attention_with_a_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hints are carried by torch's own attention to hinted cells and one of value 0, at any band size."""
    torch.manual_seed(0)
    spread = _Spread(32, heads=4)
    for layer in (spread.reach, spread.out):
        torch.nn.init.normal_(layer.weight, 0, 0.2)
    embedded, features = torch.rand(2, 32, 6, 5), torch.randn(2, 32, 6, 5)
    present = torch.zeros(2, 1, 6, 5)
    present[0, 0, 2, 3] = present[1, 0, 1, 1] = present[1, 0, 5, 4] = 1
    light, hinted_light = torch.rand(2, 2, 1, 6, 5) * 100
    hints = HintMap(features, embedded, present, light, hinted_light)

    flat = torch.cat((embedded, spread.norm(features)), dim=1).flatten(2).mT
    hidden = F.relu(spread.join(flat))
    more, faster = spread.reach(hidden).mT[:, :, None].chunk(2, dim=1)
    looks = F.normalize(spread.looks(spread.norm(features)).reshape(2, 4, 16, 30).mT, dim=-1)
    values = spread.values(hidden).reshape(2, 30, 4, 8).transpose(1, 2)
    rows, columns = torch.arange(30) // 5, torch.arange(30) % 5
    apart = torch.hypot((rows[:, None] - rows).float(), (columns[:, None] - columns).float())
    lighter = (light.reshape(2, 1, 30, 1) - hinted_light.reshape(2, 1, 1, 30)).abs() / 10
    sharp, least, fading, contrast = spread.scale.exp()[:, :, None, None]
    bias = more - fading * faster.exp() * apart - contrast * lighter
    bias = bias.masked_fill(present.reshape(2, 1, 1, 30) == 0, -torch.inf)
    bias = torch.cat((bias, (sharp * least).expand(2, 4, 30, 1)), dim=-1)
    keys, values = (F.pad(part, (0, 0, 0, 1)) for part in (looks, values))
    seen = F.scaled_dot_product_attention(sharp * looks, keys, values, attn_mask=bias, scale=1)
    expected = spread.out(seen.transpose(2, 3).reshape(2, 32, 6, 5))

    torch.testing.assert_close(spread(features, hints), expected)
    monkeypatch.setattr("colorful.models.lite._PAIRS", 7)
    torch.testing.assert_close(spread(features, hints), expected)


@pytest.mark.parametrize(
    ("shape", "hints"),
    [((1, 1, 60, 64), None), ((1, 3, 64, 64), None), ((1, 1, 64, 64), (1, 2, 32, 32))],
)
def test_wrong_shapes_are_named(network: Lite, shape: tuple[int, ...], hints: tuple[int, ...] | None) -> None:
    """A wrong shape is an error of ours that names the argument."""
    ab = None if hints is None else torch.zeros(hints)
    with pytest.raises(ShapeError, match=r"^(light|ab): expected"):
        network(torch.zeros(shape), ab, None if hints is None else torch.zeros(1, 1, *shape[2:]))


def test_ab_without_a_mask_is_refused(network: Lite) -> None:
    """Colors say nothing without the mask that tells where they hold."""
    with pytest.raises(ShapeError, match="ab, mask"):
        network(torch.zeros(1, 1, 32, 32), torch.zeros(1, 2, 32, 32))


def _hinted(side: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    light = torch.rand(1, 1, side, side, generator=generator) * 100
    ab, mask = torch.full((1, 2, side, side), 40.0), torch.zeros(1, 1, side, side)
    mask[..., 16:20, 24:28] = 1
    return light, ab, mask


def _polygon(size: tuple[int, int], inside: Sequence[Points], outside: Sequence[Points] = ()) -> Mask:
    mask = Image.new("1", size)
    draw = ImageDraw.Draw(mask)
    for points, fill in [*((points, 1) for points in inside), *((points, 0) for points in outside)]:
        draw.polygon(points, fill=fill)
    return np.asarray(mask)


def _ellipse(x: float, y: float, across: float, down: float) -> Points:
    turns = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return [(x + across * np.cos(turn), y + down * np.sin(turn)) for turn in turns]


# Drawn by hand: the photo, the object in it, and a point on the object.
OBJECTS: dict[str, tuple[str, Mask, tuple[int, int]]] = {
    "saucer": (
        "coffee",
        _polygon(
            (600, 400),
            [_ellipse(278, 228, 198, 155)],
            [
                _ellipse(290, 150, 118, 132),
                [(190, 220), (265, 220), (265, 310), (190, 310)],
                [(310, 190), (425, 60), (410, 330), (320, 330)],
            ],
        ),
        (140, 290),
    ),
    "hair": (
        "astronaut",
        _polygon(
            (512, 512),
            [[(155, 90), (165, 45), (225, 15), (280, 35), (300, 90), (270, 130), (265, 90), (215, 75),
              (185, 100), (175, 125)]],
        ),
        (240, 35),
    ),
    "suit": (
        "astronaut",
        _polygon(
            (512, 512),
            [[(45, 300), (60, 262), (125, 215), (165, 270), (215, 295), (260, 295), (300, 240), (340, 270),
              (360, 345), (300, 400), (280, 440), (280, 512), (235, 512), (180, 470), (110, 512), (25, 512),
              (22, 420)]],
            [
                [(132, 345), (212, 345), (212, 425), (132, 425)],
                [(232, 295), (275, 350), (275, 512), (228, 512)],
                [(278, 338), (330, 338), (330, 378), (278, 378)],
            ],
        ),
        (90, 320),
    ),
}  # fmt: skip


@pytest.mark.parametrize("ab", [(-40, 30), (20, -50)], ids=["green", "violet"])
@pytest.mark.parametrize("name", OBJECTS)
def test_a_hint_colors_its_object_and_leaves_the_rest(name: str, ab: tuple[int, int]) -> None:
    """One hint moves the mean color of its object by at least 15 toward it, that of the rest by at most 3."""
    photo, mask, (x, y) = OBJECTS[name]
    grey = Image.fromarray(getattr(data, photo)()).convert("L")
    colorizer = Colorizer.from_pretrained("lite", device="cpu")
    before = rgb2lab(np.asarray(colorizer.colorize(grey)))
    wanted = (lab2rgb([[[before[y, x, 0], *ab]]])[0, 0] * 255).round().astype(np.uint8)
    after = rgb2lab(np.asarray(colorizer.colorize(grey, hints=[Hint(x, y, wanted)])))
    start = before[mask][:, 1:].mean(axis=0)
    way = rgb2lab(wanted[None, None])[0, 0, 1:] - start
    assert (after[mask][:, 1:].mean(axis=0) - start) @ way / np.linalg.norm(way) >= 15
    assert np.linalg.norm((after - before)[~mask][:, 1:].mean(axis=0)) <= 3
