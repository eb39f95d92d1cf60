"""Lab there and back on 12 megapixels: ours, scikit-image, OpenCV, kornia."""

from __future__ import annotations

from typing import Any

import cv2
import kornia
import numpy as np
import torch
from measure import make_parser, photo, timed, write
from skimage import color

from colorful.lab import lab_to_rgb, rgb_to_lab
from colorful.raster import light, render


def main() -> None:
    """Time every conversion in turn."""
    small = make_parser(__doc__).parse_args().small
    pixels = photo(300, 400) if small else photo(3000, 4000)
    unit = pixels / np.float32(255)
    tensor = torch.from_numpy(unit).permute(2, 0, 1)[None].contiguous()
    double = color.rgb2lab(pixels)
    single = double.astype(np.float32)
    lab_tensor = torch.from_numpy(single).permute(2, 0, 1)[None].contiguous()
    ab = torch.nn.functional.interpolate(lab_tensor[:, 1:], size=(64, 64), mode="area")[0]
    guide = light(pixels, (256, 256))
    calls = {
        "colorful, as the pipeline does: bytes to L, guided ab mapped into the gamut, to bytes": (
            lambda: light(pixels, (256, 256)),
            lambda: render(pixels, ab, guide=guide),
        ),
        "colorful, float32 tensors": (
            lambda: rgb_to_lab(tensor),
            lambda: lab_to_rgb(lab_tensor, gamut="clip"),
        ),
        "colorful, float32 tensors, gamut mapping": (
            lambda: rgb_to_lab(tensor),
            lambda: lab_to_rgb(lab_tensor),
        ),
        "scikit-image, uint8 and float64": (lambda: color.rgb2lab(pixels), lambda: color.lab2rgb(double)),
        "scikit-image, float32": (lambda: color.rgb2lab(unit), lambda: color.lab2rgb(single)),
        "OpenCV, float32": (
            lambda: cv2.cvtColor(unit, cv2.COLOR_RGB2Lab),
            lambda: cv2.cvtColor(single, cv2.COLOR_Lab2RGB),
        ),
        "kornia, float32 tensors": (
            lambda: kornia.color.rgb_to_lab(tensor),
            lambda: kornia.color.lab_to_rgb(lab_tensor),
        ),
    }
    cv2.setNumThreads(torch.get_num_threads())
    took = timed(*(call for pair in calls.values() for call in pair), repeats=2 if small else 7)
    rows: dict[str, Any] = {}
    for number, name in enumerate(calls):
        there, back = took[2 * number : 2 * number + 2]
        rows[name] = {"there": there, "back": back, "both": there["median"] + back["median"]}
    for row in rows.values():
        row["scikit_image_over_this"] = rows["scikit-image, uint8 and float64"]["both"] / row["both"]
        row["this_over_opencv"] = row["both"] / rows["OpenCV, float32"]["both"]
    write("lab", {"pixels": pixels.shape[0] * pixels.shape[1], "conversions": rows}, small=small)


if __name__ == "__main__":
    main()
