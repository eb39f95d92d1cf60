"""Networks made fast for inference, against the plain ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from colorful.models import ECCV16, SIGGRAPH17, Network
from colorful.runtime.precision import with_bfloat16
from colorful.runtime.winograd import RoughWinograd, Winograd, with_winograd


def same(network: nn.Module, other: nn.Module, x: Tensor, tolerance: float) -> None:
    with torch.inference_mode():
        expected = network(x)
        torch.testing.assert_close(other(x), expected, atol=tolerance * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (2, 7), (12, 12), (31, 22)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_winograd_equals_the_convolution(size: tuple[int, int], dilation: int, bias: bool) -> None:
    """Winograd's algorithm gives what the convolution gives, at any size, dilated or not."""
    torch.manual_seed(0)
    plain = nn.Conv2d(5, 7, 3, padding=dilation, dilation=dilation, bias=bias)
    same(plain, Winograd(plain), torch.randn(2, 5, *size), 2e-6)


def test_bands_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map that is worked on in bands comes out as one that is worked on whole."""
    monkeypatch.setattr("colorful.runtime.winograd._BAND", 1)
    test_winograd_equals_the_convolution((31, 22), 2, True)


def test_photos_of_a_batch_are_taken_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three photos of which two fit at a time come out as all three at once."""
    monkeypatch.setattr("colorful.runtime.winograd._BAND", 2 * 6 * 2 * 8 * 7)
    torch.manual_seed(0)
    plain = nn.Conv2d(5, 7, 3, padding=1)
    same(plain, Winograd(plain), torch.randn(3, 5, 8, 8), 2e-6)


@pytest.mark.parametrize("make", [ECCV16, SIGGRAPH17])
def test_fast_network_equals_the_plain_one(make: type[Network]) -> None:
    """The network with its large convolutions replaced gives the same output and shares what it can."""
    torch.manual_seed(0)
    network = make().eval()
    fast = with_winograd(network, network)
    assert sum(isinstance(module, Winograd) for module in fast.modules()) > 10
    assert fast.model1[0].weight is network.model1[0].weight
    assert not any(isinstance(module, Winograd) for module in network.modules())
    same(network, fast, torch.rand(1, 1, 72, 88) * 100, 1e-5)


@pytest.mark.parametrize("make", [ECCV16, SIGGRAPH17])
def test_bfloat16_keeps_fine_steps_of_light(make: type[Network]) -> None:
    """In bfloat16 the network still tells L 80 from L 80.2, which bfloat16 itself cannot."""
    torch.manual_seed(0)
    rough = with_bfloat16(make().eval())
    flat = torch.full((1, 1, 32, 32), 80.0)
    with torch.inference_mode():
        assert not torch.equal(rough(flat), rough(flat + 0.2))


def test_winograd_in_bfloat16_stays_near_the_convolution() -> None:
    """In bfloat16 the algorithm is off by less than 2.5 times of what the convolution itself is."""
    torch.manual_seed(0)
    plain = nn.Conv2d(64, 64, 3, padding=1)
    x = torch.randn(1, 64, 24, 24)
    with torch.inference_mode():
        exact = plain(x)
        ours = RoughWinograd(plain)(x.bfloat16())
        theirs = plain.bfloat16()(x.bfloat16())
    assert ours.dtype == torch.bfloat16
    assert (ours.float() - exact).std() < 2.5 * (theirs.float() - exact).std()


def test_float32_layers_stay_in_float32() -> None:
    """What an architecture names as in need of float32 stays so, with the original's own tensors."""
    network = ECCV16().eval()
    rough = with_bfloat16(network)
    assert rough.model1[0].weight.dtype == torch.bfloat16
    assert rough.model8[0].weight.dtype == torch.float32
    assert rough.model8[0].weight.data_ptr() == network.model8[0].weight.data_ptr()
    assert network.model1[0].weight.dtype == torch.float32


def test_float32_islands_hand_on_bfloat16() -> None:
    """A layer in the middle that needs float32 computes in it, and the next one gets bfloat16."""

    class Careful(SIGGRAPH17):
        float32_islands = ("model2.0",)

    rough = with_bfloat16(Careful().eval())
    seen: list[torch.dtype] = []
    rough.model2[0].register_forward_hook(lambda _layer, _inputs, output: seen.append(output.dtype))
    with torch.inference_mode():
        assert rough(torch.full((1, 1, 8, 8), 80.0)).isfinite().all()
    assert (rough.model2[0].weight.dtype, seen) == (torch.float32, [torch.bfloat16])
