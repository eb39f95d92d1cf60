from __future__ import annotations

import av
import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import rgb2lab

from colorful.lab import rgb_to_lab
from colorful.look import Settings
from colorful.raster import light
from colorful.video.chroma import Palette
from colorful.video.facts import Color

SETTINGS: Settings = {"network_size": None, "upsample": "guided", "gamut": "map", "protocol": "photo"}


@pytest.mark.parametrize(("matrix", "range_", "depth"), [(1, 1, 8), (6, 2, 8), (9, 1, 10), (5, 2, 10)])
@pytest.mark.parametrize("subsampling", ["420", "444"])
def test_ffmpeg_sees_the_colors_that_were_meant(
    matrix: int, range_: int, depth: int, subsampling: str
) -> None:
    """What FFmpeg makes of luma and our chroma has the ab that was asked for, within what 8 bits can say."""
    palette = Palette(Color(matrix, 1, 1, range_), depth, subsampling, SETTINGS)  # type: ignore[arg-type]
    unit = 1 << (depth - 8)
    for code, ab in ((120, (12, 18)), (150, (-8, -22)), (90, (0, 0)), (200, (4, 9)), (70, (-15, 14))):
        luma = np.full((32, 32), code * unit, np.uint8 if depth == 8 else np.uint16)
        seen = palette.light(luma, (32, 32))
        wanted = torch.tensor(ab, dtype=torch.float32)[:, None, None].expand(2, 8, 8)
        chroma = palette.paint(luma, wanted, seen)
        frame = av.VideoFrame(32, 32, f"yuv{subsampling}p" + ("10le" if depth == 10 else ""))
        for plane, values in zip(frame.planes, (luma, *chroma), strict=True):
            width = plane.line_size // values.itemsize
            np.frombuffer(plane, values.dtype).reshape(-1, width)[:, : values.shape[1]] = values  # type: ignore[call-overload]
        rgb = frame.reformat(
            format="rgb24", src_colorspace=matrix, src_color_range=range_, dst_color_range=2
        ).to_ndarray()
        got = rgb2lab(rgb[8:24, 8:24] / 255).mean((0, 1))
        assert np.abs(got[1:] - ab).max() < 2.5, (code, ab, got)
        assert abs(got[0] - float(seen.mean())) < 3


def test_light_is_that_of_a_photo() -> None:
    """L of a film's luma is L of a grey photo with the same codes, at full size and small."""
    grey = data.camera()
    palette = Palette(Color(1, 1, 1, 2), 8, "420", SETTINGS)
    assert (palette.light(grey, grey.shape) - light(grey, grey.shape)).abs().max() < 0.02
    difference = (palette.light(grey, (96, 96)) - light(grey, (96, 96))).abs()
    assert difference.mean() < 0.15
    narrow = np.rint(16 + grey * (219 / 255)).astype(np.uint8)
    film = Palette(Color(1, 1, 1, 1), 8, "420", SETTINGS)
    assert (film.light(narrow, (512, 512)) - light(grey, (512, 512))).abs().max() < 0.3


def test_chroma_lies_where_players_look_for_it() -> None:
    """At an edge between black and a color, 4:2:0 chroma differs from the mean of 4:4:4 by no shift."""
    luma = np.full((32, 64), 20, np.uint8)
    luma[:, 31:] = 180
    ab = torch.tensor([25.0, 30.0])[:, None, None].expand(2, 32, 64).clone()
    ab[..., :31] = 0
    planes = {}
    for subsampling in ("420", "444"):
        palette = Palette(Color(1, 1, 1, 1), 8, subsampling, SETTINGS)  # type: ignore[arg-type]
        planes[subsampling] = palette.paint(luma, ab, palette.light(luma, (32, 64))).red.astype(int)
    fine, coarse = planes["444"], planes["420"]
    # Weights 1, 2, 1 around every other pixel across, as H.264's default says, and pairs of rows.
    padded = np.pad(fine, ((0, 0), (1, 1)), mode="edge")
    wide = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]) / 4
    expected = (wide[::2, ::2] + wide[1::2, ::2]) / 2
    assert np.abs(coarse - expected)[4:-4, 4:-4].mean() < 1


def test_grey_stays_grey() -> None:
    """Where ab is 0 both planes of chroma are exactly in the middle."""
    luma = np.arange(256, dtype=np.uint8).reshape(16, 16)
    palette = Palette(Color(1, 1, 1, 1), 8, "420", SETTINGS)
    chroma = palette.paint(luma, torch.zeros(2, 4, 4), palette.light(luma, (16, 16)))
    assert (chroma.blue == 128).all()
    assert (chroma.red == 128).all()


def test_colors_fit_beside_their_luma() -> None:
    """However vivid ab is, red, green and blue of the result stay within what the codes can say."""
    generator = np.random.default_rng(0)
    luma = generator.integers(16, 236, (64, 64)).astype(np.uint8)
    palette = Palette(Color(1, 1, 1, 1), 8, "444", SETTINGS)
    ab = torch.from_numpy(generator.uniform(-110, 110, (2, 64, 64)).astype(np.float32))
    blue, red = (
        plane.astype(float) - 128 for plane in palette.paint(luma, ab, palette.light(luma, (64, 64)))
    )
    y = (luma - 16.0) / 219
    r, b = y + 1.5748 * red / 224, y + 1.8556 * blue / 224
    g = (y - 0.2126 * r - 0.0722 * b) / 0.7152
    for channel in (r, g, b):
        assert channel.min() > -0.02
        assert channel.max() < 1.02
    assert rgb_to_lab(torch.from_numpy(np.stack((r, g, b)).clip(0, 1)))[1:].abs().max() > 60
