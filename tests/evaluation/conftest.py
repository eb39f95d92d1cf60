from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor

from colorful.models import Network, NetworkConfig


class Guess(Network):
    """A regression that gives one color, changing with L if wished; hinted colors where they are hinted."""

    architecture = "lite"
    output = "regression"
    takes_hints = True
    stride = 4
    multiple = 4

    def __init__(
        self,
        ab: tuple[float, float] = (0, 0),
        slope: float = 0,
        fails: Callable[[Tensor], bool] = lambda light: False,
    ) -> None:
        super().__init__(NetworkConfig(network_size=64))
        self.color = torch.nn.Parameter(torch.tensor(ab, dtype=torch.float32))
        self.slope, self.fails = slope, fails

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Give the color, at a quarter of the input's size."""
        if self.fails(light):
            raise RuntimeError("out of luck")
        guess = self.color[:, None, None] + self.slope * (light - 50) * torch.ones(2, 1, 1)
        if ab is not None and mask is not None:
            guess = torch.where(mask > 0, ab, guess)
        return torch.nn.functional.avg_pool2d(guess, 4)


@pytest.fixture
def guess() -> Callable[..., Guess]:
    """Make a network that guesses one color."""
    return Guess


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five color photos, one grey, one toned and one broken one."""
    folder = tmp_path_factory.mktemp("album")
    astronaut, coffee = skimage.data.astronaut(), skimage.data.coffee()
    photos: dict[str, npt.NDArray[np.uint8]] = {
        "astronaut.png": astronaut[::4, ::4],
        "face.png": astronaut[:200:2, 150:330:2],
        "cat.png": skimage.data.chelsea()[::3, ::3],
        "cup.png": coffee[::4, ::4],
        "rocket.png": skimage.data.rocket()[::4, ::4],
        "grey.png": np.asarray(Image.fromarray(coffee[::4, ::4]).convert("L").convert("RGB")),
        "toned.png": (coffee[::4, ::4].mean(axis=2, keepdims=True) * (1, 0.9, 0.7)).astype(np.uint8),
    }
    for name, pixels in photos.items():
        Image.fromarray(pixels).save(folder / name)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return folder
