from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import skimage.color
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from colorful.errors import KindError, OptionError, ShapeError
from colorful.lab import lab_to_rgb, map_to_gamut, rgb_to_lab

unit = st.floats(0, 1, width=32)


def cube(step: int) -> Tensor:
    """Give every *step*-th 8-bit level of each channel, and 255, as an image (1, 3, n, n * n) in [0, 1]."""
    levels = torch.tensor([*range(0, 255, step), 255], dtype=torch.float32) / 255
    n = len(levels)
    return torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, n, n * n)


def lab_box(step: float) -> Tensor:
    """Give a grid over L 0..100 and ab -128..128, denser where L is near 0 and 100."""
    ends = torch.tensor([0.01, 0.1, 0.3, 1, 2])
    light = torch.cat((torch.arange(0, 100.1, 2.5), ends, 100 - ends))
    ab = torch.arange(-128, 128.1, step)
    return torch.cartesian_prod(light, ab, ab).T.reshape(1, 3, len(light), -1)


@pytest.mark.slow
def test_every_8_bit_color_survives_the_round_trip() -> None:
    """All 16,777,216 8-bit colors come back from CIELAB exactly, in float32, mapped or clipped."""
    levels = torch.arange(256)
    for red in range(0, 256, 16):
        colors = torch.cartesian_prod(levels[red : red + 16], levels, levels).T.reshape(1, 3, 1024, 1024)
        lab = rgb_to_lab(colors / 255)
        assert torch.equal((lab_to_rgb(lab, gamut="map") * 255).round(), colors.float())
        assert torch.equal((lab_to_rgb(lab, gamut="clip") * 255).round(), colors.float())


def test_agrees_with_scikit_image() -> None:
    """L, a and b differ by less than 0.01 from scikit-image's, R, G and B by a tenth of an 8-bit step."""
    rgb = cube(15).double()[0].movedim(0, -1).numpy()
    np.testing.assert_allclose(rgb_to_lab(rgb), skimage.color.rgb2lab(rgb), atol=0.01)
    lab = skimage.color.rgb2lab(rgb)
    np.testing.assert_allclose(lab_to_rgb(lab, gamut="clip"), skimage.color.lab2rgb(lab), atol=4e-4)


def test_grey_has_no_color() -> None:
    """R = G = B gives a = b = 0, and a = b = 0 gives R = G = B, to the last bit."""
    grey = torch.linspace(0, 1, 1001).expand(3, 1, -1)
    lab = rgb_to_lab(grey)
    assert torch.equal(lab[1:], torch.zeros_like(lab[1:]))
    back = lab_to_rgb(lab)
    assert torch.equal(back[0], back[1])
    assert torch.equal(back[1], back[2])


def test_white_and_black_are_the_ends_of_l() -> None:
    """Black is L = 0, white is L = 100."""
    lab = rgb_to_lab(torch.tensor([0.0, 1.0]).expand(3, 1, 2))
    torch.testing.assert_close(lab[0], torch.tensor([[0.0, 100.0]]), atol=1e-5, rtol=0)


@given(unit, unit, unit)
def test_float_colors_survive_the_round_trip(red: float, green: float, blue: float) -> None:
    """Any color in [0, 1] comes back within a thousandth of an 8-bit step, in float64."""
    rgb = torch.tensor([red, green, blue], dtype=torch.float64).reshape(3, 1, 1)
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(rgb), gamut="clip"), rgb, atol=4e-6, rtol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (4, 7), (2, 4, 7), (2, 3, 4, 7), (0, 7)])
def test_arrays_and_tensors_give_the_same(shape: tuple[int, ...], dtype: type) -> None:
    """A NumPy array has its channels last, a tensor before height and width; shape and dtype come back."""
    rgb = np.random.default_rng(1).random((*shape, 3)).astype(dtype)
    lab = rgb_to_lab(rgb)
    assert (lab.shape, lab.dtype) == (rgb.shape, rgb.dtype)
    assert lab.flags.c_contiguous
    tensor = rgb_to_lab(torch.from_numpy(rgb).movedim(-1, -3))
    np.testing.assert_allclose(tensor.movedim(-3, -1).numpy(), lab, atol=1e-4)


def test_odd_arrays_are_taken() -> None:
    """Read-only, flipped and sliced arrays are taken as they are, and left as they are."""
    rgb = np.random.default_rng(1).random((4, 6, 3))
    expected = rgb_to_lab(rgb.copy())
    rgb.setflags(write=False)
    np.testing.assert_allclose(rgb_to_lab(rgb), expected, atol=1e-9)
    np.testing.assert_allclose(rgb_to_lab(rgb[::-1, ::2]), expected[::-1, ::2], atol=1e-9)
    np.testing.assert_allclose(rgb_to_lab(rgb[:1, :1]), expected[:1, :1], atol=1e-9)


@pytest.mark.parametrize("gamut", ["map", "clip"])
def test_gradients_are_finite_everywhere(gamut: str) -> None:
    """Black, white, the knees of both curves and colors outside sRGB have finite gradients."""
    special = torch.tensor([0.0, 1e-8, 0.04045, 0.0404500001, 0.5, 1.0])
    rgb = torch.cartesian_prod(special, special, special).T.reshape(3, 1, -1).requires_grad_()
    rgb_to_lab(rgb).sum().backward()
    assert rgb.grad is not None
    assert rgb.grad.isfinite().all()
    lab = lab_box(16).requires_grad_()
    lab_to_rgb(lab, gamut=gamut).sum().backward()  # type: ignore[arg-type]
    assert lab.grad is not None
    assert lab.grad.isfinite().all()


def test_gradients_are_right() -> None:
    """Gradients equal finite differences inside the gamut."""
    rgb = (torch.rand(1, 3, 2, 3, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(rgb_to_lab, (rgb,))
    lab = rgb_to_lab(rgb.detach()).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: lab_to_rgb(t, gamut="clip"), (lab,))


def test_mapping_keeps_l_at_8_bits() -> None:
    """After gamut mapping and rounding to 8 bits L is within 0.5 of what it was, over the whole Lab box."""
    lab = lab_box(8)
    rgb = (lab_to_rgb(lab) * 255).round() / 255
    assert (rgb_to_lab(rgb)[:, 0] - lab[:, 0]).abs().max() <= 0.5


def test_mapping_keeps_hue_and_lowers_chroma() -> None:
    """Mapping scales a and b by one factor in [0, 1]; no color wraps to the opposite one."""
    lab = lab_box(8)
    mapped = map_to_gamut(lab)
    before, after = lab[:, 1:], mapped[:, 1:]
    torch.testing.assert_close(before[:, 0] * after[:, 1], before[:, 1] * after[:, 0], atol=1e-2, rtol=0)
    assert (before * after >= 0).all()
    assert (after.abs() <= before.abs()).all()
    assert torch.equal(mapped[:, 0], lab[:, 0])


def test_mapping_lands_on_the_border_of_the_gamut() -> None:
    """A mapped color is one that scikit-image can show, and a hundredth more chroma is one it cannot."""
    lab = lab_box(16)
    lab = lab[:, :, ((lab[0, 0] >= 5) & (lab[0, 0] <= 95)).all(dim=1)]
    mapped = map_to_gamut(lab)
    moved = (mapped != lab).any(dim=1, keepdim=True) & (mapped[:, 1:].norm(dim=1, keepdim=True) > 1)
    wider = torch.cat((mapped[:, :1], mapped[:, 1:] * 1.01), dim=1)

    def outside(lab: Tensor) -> npt.NDArray[np.float64]:
        xyz = skimage.color.lab2xyz(lab.double()[0].movedim(0, -1).numpy())
        linear = xyz @ np.linalg.inv(skimage.color.colorconv.xyz_from_rgb).T
        return np.maximum(-linear, linear - 1).max(axis=-1)

    assert outside(mapped).max() < 3e-4  # the two white points differ by that much
    assert moved.float().mean() > 0.5
    assert outside(wider)[moved[0, 0].numpy()].min() > -3e-4


def test_mapping_leaves_colors_of_srgb_alone() -> None:
    """A color that sRGB can show is not changed."""
    lab = rgb_to_lab(cube(17))
    assert torch.equal(map_to_gamut(lab), lab)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            torch.zeros(3, 2, 2, dtype=torch.uint8),
            KindError,
            "rgb: expected float32 or float64, got torch.uint8",
        ),
        (torch.zeros(3, 2, 2).half(), KindError, "rgb: expected float32 or float64, got torch.float16"),
        (np.zeros((2, 2, 3), np.uint8), KindError, "rgb: expected float32 or float64, got uint8"),
        ([[0.0]], KindError, "rgb: expected a torch tensor or a NumPy array, got list"),
        (torch.zeros(4, 2, 2), ShapeError, r"rgb: expected shape \(\*, 3, H, W\), got \(4, 2, 2\)"),
        (torch.zeros(3, 2), ShapeError, r"rgb: expected shape \(\*, 3, H, W\), got \(3, 2\)"),
        (np.zeros((3, 2, 2)), ShapeError, r"rgb: expected shape \(\*, H, W, 3\), got \(3, 2, 2\)"),
    ],
    ids=str,
)
def test_wrong_input_is_named(value: Tensor, error: type[Exception], message: str) -> None:
    """A wrong type or shape gets an error that says what was expected and what came."""
    with pytest.raises(error, match=message):
        rgb_to_lab(value)


def test_unknown_gamut_is_named() -> None:
    """An unknown way of treating the gamut is refused, not ignored."""
    with pytest.raises(OptionError, match=r"gamut: expected one of map, clip, got 'wrap'"):
        lab_to_rgb(torch.zeros(3, 1, 1), gamut="wrap")  # type: ignore[arg-type]
