"""Small color photos to train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

PIECES = (data.astronaut, data.chelsea, data.coffee, data.rocket)


def write_photos(folder: Path, count: int, *, side: int = 72) -> list[str]:
    """Cut *count* pieces out of scikit-image's photos; give their names."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for number in range(count):
        photo = PIECES[number % len(PIECES)]()
        top, left = (int(random.integers(0, length - 200)) for length in photo.shape[:2])
        piece = Image.fromarray(photo[top : top + 200, left : left + 200]).resize((side, side + 8))
        piece.save(folder / f"{number:03d}.png")
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of 24 photos."""
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder, 24)
    return folder
