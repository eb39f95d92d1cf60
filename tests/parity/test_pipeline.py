"""The whole released pipeline, as ``rz-colorization`` on PyPI has it, against ``protocol="released"``."""

from __future__ import annotations

import colorizers
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import torch
from parity.test_networks import bring_to_life
from torch import nn

from colorful import Colorizer
from colorful.models import ECCV16, SIGGRAPH17

PHOTOS = ("coffee", "astronaut", "camera")


@pytest.fixture(scope="module", params=["eccv16", "siggraph17"])
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, Colorizer]:
    """Give a reference network and our colorizer with its weights, in turn for both architectures."""
    reference = getattr(colorizers, request.param)(pretrained=False)
    light = colorizers.preprocess_img(skimage.data.coffee())[1]
    with torch.no_grad():
        bring_to_life(reference)
        if request.param == "eccv16":
            reference.model8[-1].weight *= 4  # as peaked as a trained network
        last = [module for module in reference.model_out.modules() if isinstance(module, nn.Conv2d)][-1]
        while not 15 <= (spread := reference(light).std()) <= 25:  # in steps, because of siggraph17's tanh
            last.weight *= 20 / spread
    ours = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17}[request.param]()
    ours.load_state_dict(reference.state_dict(), strict=True)
    return reference, Colorizer(ours, device="cpu", protocol="released")


@pytest.mark.parametrize("name", PHOTOS)
# The released code cuts colors outside sRGB, and scikit-image warns that it does.
@pytest.mark.filterwarnings("ignore:Conversion from CIE-LAB")
def test_reference_mode_gives_the_pictures_of_the_released_code(
    pair: tuple[nn.Module, Colorizer], name: str
) -> None:
    """With ``protocol="released"`` no pixel differs from the released pipeline by more than 1/255."""
    reference, colorizer = pair
    photo: npt.NDArray[np.uint8] = getattr(skimage.data, name)()
    rgb = photo if photo.ndim == 3 else np.tile(photo[:, :, None], 3)
    original, resized = colorizers.preprocess_img(rgb)
    with torch.no_grad():
        expected = colorizers.postprocess_tens(original, reference(resized).cpu())
    assert np.ptp(expected, axis=2).mean() > 0.1  # there is color to compare
    got = colorizer.colorize(photo)
    assert np.abs(got / 255 - expected).max() <= 1 / 255
