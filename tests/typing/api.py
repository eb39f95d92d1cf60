"""What type checkers make of the public names. Checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

import colorful
from colorful import Colorizer, Hint, Prediction
from colorful.models import ECCV16, register
from colorful.wishes import Suggestion


def check(array: npt.NDArray[np.uint8], picture: Image.Image, path: Path) -> None:
    """Use the public names as users would."""
    # An array gives an array, all else a PIL image.
    assert_type(colorful.colorize(array), npt.NDArray[Any])
    assert_type(colorful.colorize(picture), Image.Image)
    assert_type(colorful.colorize(path), Image.Image)
    assert_type(colorful.colorize("photo.jpg", temperature=0.3, saturation=1.1), Image.Image)
    assert_type(
        colorful.colorize(b"\xff\xd8", hints=[Hint(x=120, y=80, color="#c03020", radius=4)]), Image.Image
    )
    with path.open("rb") as file:
        assert_type(colorful.colorize(file), Image.Image)

    colorizer = Colorizer.from_pretrained("siggraph17", device="auto")
    assert_type(colorizer, Colorizer)
    assert_type(Colorizer.from_pretrained("lite", dtype=torch.bfloat16), Colorizer)
    assert_type(
        Colorizer.from_pretrained("org/name", revision="v1", network_size=384, protocol="photo"), Colorizer
    )
    assert_type(colorizer.tuned(temperature=0.2), Colorizer)
    assert_type(colorizer.colorize(array, strength=0.8, keep=array > 9), npt.NDArray[Any])
    assert_type(colorizer.colorize(picture, keep=picture, temperature=0.3), Image.Image)
    assert_type(colorizer.colorize_file("in.tif", path, overwrite=True), Path)
    assert_type(colorizer.colorize_many([array, array], batch_size=8), Iterator[npt.NDArray[Any]])
    assert_type(colorizer.colorize_many(["a.jpg", path], progress=print), Iterator[Image.Image])
    assert_type(colorizer.colorize_many(path.glob("*.jpg")), Iterator[Image.Image])
    assert_type(colorizer.colorize_many([array, path]), Iterator[npt.NDArray[Any] | Image.Image])
    assert_type(colorful.colorize_frames([array, array], steady=0.9), Iterator[npt.NDArray[Any]])
    assert_type(colorful.colorize_frames(map(Image.open, ["a.png", "b.png"])), Iterator[Image.Image])
    assert_type(colorizer.takes_hints, bool)
    assert_type(colorizer.save_pretrained("folder"), Path)

    prediction = colorizer.predict(picture)
    assert_type(prediction, Prediction)
    assert_type(prediction.logits, Tensor)
    assert_type(prediction.ab(temperature=0.2), Tensor)
    assert_type(prediction.rgb(temperature=0.2, saturation=1.1), npt.NDArray[Any])
    assert_type(prediction.suggest(x=120, y=80, count=5), list[Suggestion])
    assert_type(prediction.confidence(), Tensor)

    # A pixel of an array is a color, and a registered class stays what it was.
    assert_type(Hint(x=1, y=2, color=array[0, 0]), Hint)
    assert_type(Hint(x=1, y=2, color=[192, 48, 32]), Hint)
    assert_type(register(ECCV16), type[ECCV16])

    summary = colorful.colorize_folder("album", "color", colorizer=colorizer, skip_existing=True)
    assert_type(summary.done, int)

    # What is wrong is seen before it runs.
    colorful.colorize(3)  # type: ignore[call-overload]
    colorful.colorize(array, temprature=0.3)  # type: ignore[call-overload]
    colorful.colorize(array, upsample="bilinear")  # type: ignore[call-overload]
    colorizer.tuned(temprature=0.3)  # type: ignore[call-arg]
    Colorizer.from_pretrained("lite", upsample="cubic")  # type: ignore[arg-type]
    Colorizer.from_pretrained("lite", dtype="int8")  # type: ignore[arg-type]
