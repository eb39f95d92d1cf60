"""A model for the command line."""

from __future__ import annotations

import pytest
import torch

from colorful import Colorizer
from colorful.models import NetworkConfig, create


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the folder of a small model with random weights."""
    torch.manual_seed(3)
    colorizer = Colorizer(create("lite", NetworkConfig(network_size=32, saturation=3)), device="cpu")
    return str(colorizer.save_pretrained(tmp_path_factory.mktemp("model")))
