from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from colorful.evaluation import evaluate
from colorful.models import Network
from colorful.photos import find_photos

Guess = Callable[..., Network]


def test_figures_do_not_depend_on_how_photos_are_handed_over(
    album: Path, guess: Guess, tmp_path: Path
) -> None:
    """Folder, list of files, Photo objects: the same report. The seed decides the order alone."""
    files = sorted(path for path in album.iterdir() if path.name != "broken.png")
    reports = [
        evaluate(photos, model=guess((5.0, 5.0)), size=32)
        for photos in (str(album), files[::-1], find_photos(album))
    ]
    assert reports[0].measures == reports[1].measures == reports[2].measures
    assert reports[0].names == reports[1].names
    other = evaluate(album, model=guess((5.0, 5.0)), size=32, seed=1)
    assert other.names != reports[0].names
    assert other.measures["lite"]["psnr"].value == pytest.approx(reports[0].measures["lite"]["psnr"].value)


@pytest.mark.parametrize("resize", ["stretch", "crop"])
def test_photos_are_stretched_or_cropped(resize: str, guess: Guess) -> None:
    """Stretching squeezes the whole photo into the square, cropping takes its middle undistorted."""
    photo = skimage.data.coffee()[::2, ::2]  # 200 x 300
    report = evaluate([photo], model=guess(), size=100, resize=resize)  # type: ignore[arg-type]
    image = Image.fromarray(photo)
    expected = image.resize((100, 100), Image.Resampling.BICUBIC)
    if resize == "crop":
        expected = image.resize((150, 100), Image.Resampling.BICUBIC).crop((25, 0, 125, 100))
    assert (report.best[0].real == np.asarray(expected)).all()
