"""Large photos, which are converted in bands."""

from __future__ import annotations

import pytest
import torch

from colorful.lab import lab_to_rgb, rgb_to_lab, space


@pytest.mark.parametrize("shape", [(3, 700, 401), (2, 3, 513, 300), (4, 3, 1, 90_000)], ids=str)
def test_bands_give_what_the_whole_gives(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A large photo is converted in bands of rows, to the same colors as in one piece, laid out anyhow."""
    torch.manual_seed(0)
    rgb = torch.rand(shape)
    lab = rgb_to_lab(rgb)
    back = lab_to_rgb(lab * 1.2)
    turned = rgb_to_lab(rgb.mT.contiguous().mT)
    monkeypatch.setattr(space, "_BAND", rgb.numel())
    torch.testing.assert_close(lab, rgb_to_lab(rgb), atol=1e-4, rtol=0)
    torch.testing.assert_close(turned, lab, atol=1e-4, rtol=0)
    torch.testing.assert_close(back, lab_to_rgb(lab * 1.2), atol=1e-5, rtol=0)


def test_a_large_photo_has_a_gradient() -> None:
    """A photo large enough for bands is converted in one piece when a gradient is asked for."""
    rgb = torch.rand(3, 600, 600, requires_grad=True)
    rgb_to_lab(rgb).sum().backward()
    assert rgb.grad is not None
    assert rgb.grad.isfinite().all()
