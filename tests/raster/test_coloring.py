"""Colors into a photo, against full-size conversions in double precision."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raster_samples import WHITES, lightness, photo, random_ab
from skimage import color

from colorful.errors import KindError, OptionError, RangeError, ShapeError
from colorful.lab.space import Gamut
from colorful.parallel import Cores
from colorful.raster import bands, light, render


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("upsample", ["guided", "bilinear"])
def test_no_color_gives_every_grey_back(dtype: str, channels: int, upsample: str) -> None:
    """With ab 0, every grey code comes back as it was, in all three channels."""
    codes = np.arange(WHITES[dtype] + 1).astype(dtype).reshape(256, -1)
    pixels = codes if channels == 1 else np.repeat(codes[..., None], 3, axis=2)
    result = render(pixels, np.zeros((2, 3, 2), np.float32), upsample=upsample)
    np.testing.assert_array_equal(result, np.repeat(codes[..., None], 3, axis=2))


@pytest.mark.parametrize("upsample", ["guided", "bilinear"])
@pytest.mark.parametrize("dtype", WHITES)
def test_codes_are_those_of_scikit_image(upsample: str, dtype: str) -> None:
    """Inside the gamut, colors are within one code of scikit-image's Lab to RGB, and mostly the same."""
    pixels = (photo(90, 120, dtype) * 0.5 + WHITES[dtype] / 4).astype(dtype)
    ab = random_ab(12, 16, 4)
    result = render(pixels, ab, upsample=upsample)
    lab = color.rgb2lab(pixels / WHITES[dtype])
    if upsample == "bilinear":
        small = torch.from_numpy(ab)[None].double()
        wide = torch.nn.functional.interpolate(small, size=(90, 120), mode="bilinear")[0]
        lab[..., 1:] = wide.permute(1, 2, 0)
        expected = color.lab2rgb(lab)
        off = np.abs(result / WHITES[dtype] - expected)
        assert off.max() <= 1 / 255
        assert np.mean(off <= 0.51 / 255) > 0.99
    got = color.rgb2lab(result / WHITES[dtype])[..., 0]
    np.testing.assert_allclose(got, lab[..., 0], atol=0.5)


@pytest.mark.parametrize("spread", [10, 40, 120])
def test_l_stays_however_wild_the_color(spread: float) -> None:
    """Colors far outside sRGB leave the photo's L within 0.5 when they are mapped."""
    pixels = photo(80, 100)
    result = render(pixels, random_ab(10, 10, spread))
    np.testing.assert_allclose(lightness(result), lightness(pixels), atol=0.5)


def test_mapping_keeps_l_and_hue_over_the_whole_lab_box() -> None:
    """Every L and flat ab: L within 0.5, and the hue of what still has chroma within 3 degrees."""
    greys = np.repeat(np.arange(0, 256, 3, dtype=np.uint8)[:, None], 8, 1)
    for degrees in range(0, 360, 15):
        for chroma in (30, 70, 180):
            angle = np.deg2rad(degrees)
            ab = np.array([np.cos(angle), np.sin(angle)], np.float32).reshape(2, 1, 1) * chroma
            lab = color.rgb2lab(render(greys, ab))
            assert np.abs(lab[..., 0] - lightness(greys)).max() <= 0.5
            left = np.hypot(lab[..., 1], lab[..., 2])
            turn = (np.rad2deg(np.arctan2(lab[..., 2], lab[..., 1])) - degrees + 180) % 360 - 180
            # Rounding to 8 bits alone moves ab by up to about 1.
            assert np.abs(turn * left / 57.3).max() <= 1.5


def test_mapping_takes_no_more_chroma_than_it_must() -> None:
    """What is mapped lies on the surface of sRGB: 5 % more chroma would not fit."""
    greys = np.repeat(np.linspace(0.1, 0.9, 30, dtype=np.float32)[:, None], 4, 1)
    ab = np.array([60, -140], np.float32).reshape(2, 1, 1)
    lab = color.rgb2lab(render(greys, ab).astype(np.float64))
    lab[..., 1:] *= 1.05
    y = (lab[..., 0] + 16) / 116
    f = np.stack((y + lab[..., 1] / 500, y, y - lab[..., 2] / 200), -1)
    white = np.array([0.950456, 1.0, 1.088754])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * white
    linear = xyz @ np.linalg.inv(color.colorconv.xyz_from_rgb).T
    assert ((linear < 0) | (linear > 1)).any(axis=-1).all()


def test_clipping_is_cutting_each_channel() -> None:
    """``clip`` gives scikit-image's clipped colors."""
    pixels = photo(40, 50)
    lab = color.rgb2lab(pixels)
    lab[..., 1], lab[..., 2] = 60, -90
    xyz_free = color.lab2rgb(lab.clip([0, -128, -128], [100, 127, 127]))
    result = render(pixels, np.array([60, -90], np.float32).reshape(2, 1, 1), gamut="clip")
    # scikit-image itself cuts z < 0, which only the darkest blues and yellows have.
    inside = (lab[..., 0] + 16) / 116 > 0.3
    assert np.abs(result / 255 - xyz_free)[inside].max() <= 1 / 255


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from(list(WHITES)),
    st.sampled_from([1, 3]),
    st.sampled_from(["guided", "bilinear"]),
)
def test_any_size_comes_back_at_that_size(
    height: int, width: int, h: int, w: int, dtype: str, channels: int, upsample: str
) -> None:
    """Any photo with any ab gives (H, W, 3) of its own dtype, with its own L."""
    pixels = photo(height, width, dtype, channels, seed=height * 71 + width)
    result = render(pixels, random_ab(h, w, 15), upsample=upsample)
    assert result.shape == (height, width, 3)
    assert result.dtype == pixels.dtype
    assert light(pixels, (h, w)).shape == (1, 1, h, w)
    np.testing.assert_allclose(lightness(result), lightness(pixels), atol=0.5)


@pytest.mark.parametrize(("height", "width"), [(1, 70000), (70000, 1), (3, 9001)])
def test_slivers_are_colored(height: int, width: int) -> None:
    """A photo one pixel high or wide is colored like any other."""
    pixels = photo(height, width)
    result = render(pixels, random_ab(16, 16, 8))
    assert result.shape == (height, width, 3)
    np.testing.assert_allclose(light(result)[0, 0], light(pixels)[0, 0], atol=0.5)


def test_a_sliver_takes_little_memory() -> None:
    """What resizes the rows of a photo one pixel wide does not grow with the square of its height."""
    pixels, ab = photo(70000, 1), random_ab(200, 8, 8)
    tracemalloc.start()
    try:
        render(pixels, ab, guide=light(pixels, (800, 32)))
        highest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert highest < 60e6  # over 200e6 with the whole height in one band


def test_bands_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """One band or many: the same bytes, and the same L but for the order in which its parts are added."""
    pixels, ab = photo(201, 64), random_ab(8, 8, 30)
    guide = light(pixels, (8, 8))
    whole = render(pixels, ab, guide=guide)
    monkeypatch.setattr(bands, "_PIXELS", 64 * 3)
    np.testing.assert_array_equal(render(pixels, ab, guide=guide), whole)
    torch.testing.assert_close(light(pixels, (8, 8)), guide, rtol=0, atol=1e-4)


def test_threads_change_nothing() -> None:
    """With one thread or several, to the bit."""
    pixels, ab, before = photo(1000, 900), random_ab(8, 8, 30), torch.get_num_threads()
    results = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            results.append((light(pixels, (40, 40)), render(pixels, ab)))
    finally:
        torch.set_num_threads(before)
    (light_alone, alone), (light_beside, beside) = results
    torch.testing.assert_close(light_beside, light_alone, rtol=0, atol=0)
    np.testing.assert_array_equal(beside, alone)


def test_a_mask_keeps_the_photo() -> None:
    """Where the mask is 1 the photo's own bytes come back; where it is 0, the rendered color."""
    pixels, ab = photo(30, 40), random_ab(4, 4, 30)
    keep = np.zeros((30, 40), bool)
    keep[:, :20] = True
    result = render(pixels, ab, keep=keep)
    np.testing.assert_array_equal(result[:, :20], pixels[:, :20])
    np.testing.assert_array_equal(result[:, 20:], render(pixels, ab)[:, 20:])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_soft_mask_keeps_l(channels: int) -> None:
    """A mask between 0 and 1 mixes photo and color without moving L."""
    pixels = photo(30, 40, channels=channels)
    keep = np.linspace(0, 1, 40, dtype=np.float32)[None].repeat(30, 0)
    result = render(pixels, random_ab(4, 4, 30), keep=keep)
    np.testing.assert_allclose(lightness(result), lightness(pixels), atol=0.5)


def test_a_guide_at_hand_spares_a_pass() -> None:
    """Given the L that the network saw, the result is that of taking L anew, to a few codes."""
    pixels, ab = photo(300, 400), random_ab(16, 16, 15)
    given_guide = render(pixels, ab, guide=light(pixels, (64, 64)))
    difference = np.abs(given_guide.astype(int) - render(pixels, ab))
    assert difference.mean() < 1
    assert not np.array_equal(given_guide, render(pixels, ab, upsample="bilinear"))


def test_views_are_read_as_they_are() -> None:
    """Mirrored, transposed, big-endian and read-only arrays are colored without a word."""
    pixels, ab = photo(33, 44, "uint16"), random_ab(4, 4, 20)
    plain = render(pixels[::-1].copy(), ab)
    np.testing.assert_array_equal(render(pixels[::-1], ab), plain)
    np.testing.assert_array_equal(render(pixels[::-1].astype(">u2"), ab), plain)
    frozen = pixels[::-1].copy()
    frozen.setflags(write=False)
    np.testing.assert_array_equal(render(frozen, ab), plain)
    turned = pixels.transpose(1, 0, 2)
    np.testing.assert_array_equal(render(turned, ab), render(turned.copy(), ab))


@pytest.mark.slow
def test_memory_stays_within_five_bytes_a_pixel() -> None:
    """Beside the result's three bytes a pixel, less than five are ever held."""
    pixels, ab = photo(3000, 2000), random_ab(64, 64, 20)
    render(pixels[:64], ab)
    tracemalloc.start()
    render(pixels, ab, guide=light(pixels, (256, 256)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 8 * 3000 * 2000


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"pixels": np.zeros((4, 4), np.int32)}, KindError),
        ({"pixels": [[0]]}, KindError),
        ({"pixels": np.zeros((4, 4, 4), np.uint8)}, ShapeError),
        ({"pixels": np.zeros((0, 4), np.uint8)}, ShapeError),
        ({"ab": np.zeros((3, 4, 4), np.float32)}, ShapeError),
        ({"ab": np.full((2, 4, 4), np.nan, np.float32)}, RangeError),
        ({"keep": np.zeros((5, 4), bool)}, ShapeError),
        ({"upsample": "nearest"}, OptionError),
        ({"gamut": "wrap"}, OptionError),
    ],
)
def test_what_cannot_be_rendered_is_refused(change: dict, error: type[Exception]) -> None:
    """Each argument that makes no sense is named in an error of ours."""
    options = {"pixels": np.zeros((4, 4), np.uint8), "ab": np.zeros((2, 2, 2), np.float32)} | change
    name = next(iter(change))
    with pytest.raises(error, match=f"^{name}: expected"):
        render(options.pop("pixels"), options.pop("ab"), **options)


@pytest.mark.parametrize("gamut", ["map", "clip"])
@pytest.mark.parametrize("chroma", [1e12, 6.5e16, 1e36])
def test_chroma_without_measure_gives_the_most_saturated_colors(chroma: float, gamut: Gamut) -> None:
    """However large the factor, nothing overflows, and colors are those of a factor far outside any gamut."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (50, 60), dtype=np.uint8)
    ab = random.normal(0, 30, (2, 16, 16)).astype(np.float32)
    wild = render(pixels, ab * np.float32(chroma), gamut=gamut)
    np.testing.assert_array_equal(wild, render(pixels, ab * np.float32(1e9), gamut=gamut))


def test_memory_is_kept_for_bands_only() -> None:
    """What a thread keeps from photo to photo is ten planes of a band, however long a photo's rows are."""
    seen: list[int] = []

    def work() -> None:
        with Cores().lend(1):  # else another thread may take all the bands of a photo
            for width in (100, 1 << 18, 1 << 20):
                render(np.zeros((2, width), np.uint8), torch.zeros(2, 2, 2))
                seen.append(sum(plane.nbytes for plane in bands.scratch_of_thread()._planes.values()))

    thread = threading.Thread(target=work)  # whose memory is still empty
    thread.start()
    thread.join()
    assert 0 < seen[0] < 100_000
    assert seen[1] == seen[2] <= 10 * 4 * 2**18


@pytest.mark.parametrize("upsample", ["guided", "bilinear"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_region_is_the_same_as_in_the_whole(upsample: str, dtype: type) -> None:
    """A part made alone has the very pixels that it has in the whole, also where some are kept."""
    rng = np.random.default_rng(3)
    top = np.iinfo(dtype).max
    pixels = rng.integers(0, top, (123, 157), dtype=dtype, endpoint=True)
    ab = torch.from_numpy(rng.uniform(-60, 60, (2, 12, 16)).astype(np.float32))
    keep = rng.random((123, 157)).astype(np.float32).round(1)
    guide = light(pixels, (48, 64))
    whole = render(pixels, ab, keep=keep, upsample=upsample, guide=guide)  # type: ignore[arg-type]
    for left, upper, right, lower in [
        (0, 0, 157, 123),
        (31, 7, 90, 101),
        (156, 122, 157, 123),
        (0, 50, 157, 51),
    ]:
        part = render(
            pixels,
            ab,
            keep=keep[upper:lower, left:right],
            upsample=upsample,  # type: ignore[arg-type]
            guide=guide,
            region=(left, upper, right, lower),
        )
        np.testing.assert_array_equal(part, whole[upper:lower, left:right])
    with pytest.raises(RangeError, match="region: expected a part of 157 x 123 pixels"):
        render(pixels, ab, region=(0, 0, 158, 1))


def test_a_region_of_a_strip_is_the_same_as_in_the_whole() -> None:
    """Also where many pixels share what the network said of one cell."""
    pixels = np.random.default_rng(4).integers(0, 256, (3, 400_000), dtype=np.uint8)
    ab = torch.tensor([[20.0, -30.0], [5.0, 40.0]])[:, None]
    whole = render(pixels, ab)
    part = render(pixels, ab, guide=light(pixels, (1, 2)), region=(123_457, 1, 301_001, 3))
    np.testing.assert_array_equal(part, render(pixels, ab, guide=light(pixels, (1, 2)))[1:3, 123_457:301_001])
    assert whole.shape == (3, 400_000, 3)
