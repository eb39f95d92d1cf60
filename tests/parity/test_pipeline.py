"""The whole reference pipeline, as the PyPI package ``rz-colorization`` has it, against ``reference=True``."""

from __future__ import annotations

import colorizers
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import torch
from torch import Tensor, nn

from colorful import Colorizer
from colorful.models import ECCV16, SIGGRAPH17

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "camera")


@torch.no_grad()
def enliven(network: nn.Module, light: Tensor) -> None:
    """Take batch-norm statistics from a photo, and scale the last layer until ab varies as in a real one."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    network.train()
    network(light)
    network.eval()
    last = [module for module in network.model_out.modules() if isinstance(module, nn.Conv2d)][-1]
    while not 15 <= (spread := network(light).std()) <= 25:  # in steps, because of siggraph17's tanh
        last.weight *= 20 / spread


@pytest.fixture(scope="module", params=["eccv16", "siggraph17"])
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, Colorizer]:
    """Give a reference network and our colorizer with its weights, in turn for both architectures."""
    torch.manual_seed(313)
    reference = getattr(colorizers, request.param)(pretrained=False)
    if request.param == "eccv16":
        with torch.no_grad():
            reference.model8[-1].weight *= 8  # logits as peaked as a trained network's
    enliven(reference, colorizers.preprocess_img(skimage.data.coffee())[1])
    ours = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17}[request.param]()
    ours.load_state_dict(reference.state_dict(), strict=True)
    return reference, Colorizer(ours, device="cpu")


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")  # the released code clips, and scikit-image tells
def test_reference_mode_gives_the_pictures_of_the_released_code(
    pair: tuple[nn.Module, Colorizer], name: str
) -> None:
    """With ``reference=True`` no channel of any pixel differs from the released pipeline by more than 1/255."""
    reference, colorizer = pair
    photo: npt.NDArray[np.uint8] = getattr(skimage.data, name)()
    rgb = photo if photo.ndim == 3 else np.tile(photo[:, :, None], 3)
    original, resized = colorizers.preprocess_img(rgb)
    with torch.no_grad():
        expected = colorizers.postprocess_tens(original, reference(resized).cpu())
    assert np.ptp(expected, axis=2).mean() > 0.1  # there is color to compare
    got = colorizer.colorize(photo, reference=True)
    assert np.abs(got / 255 - expected).max() <= 1 / 255
