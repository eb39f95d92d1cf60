"""The same convolutions with half the products, for CPUs.

3 x 3 convolutions already run at the rate of a matrix product, so only fewer products can make them faster.
Along a column, Winograd's F(4, 3) needs six products for four outputs of three taps each, in place of twelve;
along a row the taps stay a convolution. The additional sums are over whole rows of pixels and so are cheap.
F(2 x 2, 3 x 3), which works in both directions, needs fewer products still, but three times the sums. In
float32 the colors of whole networks are as exact as without it. In bfloat16, with the sums in float32, the
error of a layer is up to 2.5 times as large, that of the colors of whole networks a tenth larger. GPUs choose
such an algorithm themselves.

Down each column, six inputs and three taps are turned into their polynomials' values at six points: 0, a, -a,
b, -b and infinity, in this order. The products are the values of a polynomial that the outputs are found in.

References:
    Lavin, Gray. Fast Algorithms for Convolutional Neural Networks. CVPR 2016.
"""

from __future__ import annotations

import copy
import itertools
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.models.network import Network

_FEWEST_CHANNELS = {torch.float32: 64 * 64, torch.bfloat16: 256 * 256}
"""Input channels times output channels. With fewer, the additional sums cost more than is saved."""
_BAND = 1 << 21
"""Values of transformed input at a time: as many as the caches hold."""
_NEAR, _FAR = 2**-0.5, 2**0.5
"""The points a and b. With the usual ones, 1 and 2, rounding errors would be half as large again."""


def with_winograd(network: Network, exact: Network) -> Network:
    """Give a network with the large convolutions replaced; it shares all other weights with *network*.

    Args:
        network: In evaluation mode, in float32 or bfloat16; left as it is.
        exact: The same in float32, so that weights are rounded only once.

    Returns:
        The same function, to the rounding of its dtype.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    fast = copy.deepcopy(network, shared)
    for name, layer in list(fast.named_modules()):
        if isinstance(layer, nn.Conv2d) and _fits(layer):
            parent, _, child = name.rpartition(".")
            source = cast("nn.Conv2d", exact.get_submodule(name))
            replacement = (Winograd if layer.weight.dtype == torch.float32 else RoughWinograd)(source)
            setattr(fast.get_submodule(parent), child, replacement)
    return fast


def _fits(convolution: nn.Conv2d) -> bool:
    return (
        convolution.kernel_size == (3, 3)
        and convolution.stride == (1, 1)
        and convolution.padding == convolution.dilation
        and convolution.dilation[0] == convolution.dilation[1]
        and convolution.padding_mode == "zeros"
        and convolution.groups == 1
        and convolution.weight.dtype in _FEWEST_CHANNELS
        and convolution.in_channels * convolution.out_channels >= _FEWEST_CHANNELS[convolution.weight.dtype]
    )


class Winograd(nn.Module):
    """Do what a 3 x 3 convolution of stride 1 and same padding does, dilated or not.

    A dilated convolution is a plain one on each of the interleaved maps that its taps fall on. The weights
    are those of the convolution: transformed they would take twice the memory, and that is done fast.

    Args:
        convolution: Whose weights to share, in float32.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.dilation, self.channels = convolution.dilation[0], convolution.out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, H, W)`` to ``(N, K, H, W)``, channels last."""
        images = x.permute(0, 2, 3, 1)
        n, height, width, c = images.shape
        k, d = self.channels, self.dilation
        down = -(-height // (4 * d))  # tiles of four rows in each interleaved map
        size = d * width * max(c, k)
        band = min(max(_BAND // (6 * size), 1), down)
        batch = min(max(_BAND // (6 * size * down), 1), n)
        scratch = x.new_empty(8, batch * band * size, dtype=torch.float32)
        out = x.new_empty(n, down, 4, d, width, k, dtype=torch.float32)
        for first, tile in itertools.product(range(0, n, batch), range(0, down, band)):
            part = out[first : first + batch, tile : tile + band]
            top = (4 * tile - 1) * d
            bottom = top + (4 * part.shape[1] + 2) * d
            rows = images[first : first + batch, max(top, 0) : bottom].float()
            if top < 0 or bottom > height:
                rows = F.pad(rows, (0, 0, 0, 0, max(-top, 0), max(bottom - height, 0)))
            self._band(rows.view(len(rows), -1, d, width, c), part, scratch)
        whole = out.view(n, 4 * d * down, width, k)[:, :height]
        return whole.permute(0, 3, 1, 2).to(self.weight.dtype)

    def _band(self, x: Tensor, out: Tensor, scratch: Tensor) -> None:
        """Fill *out* ``(N, rows, 4, d, W, K)`` from *x* ``(N, 4 * rows + 2, d, W, C)``."""
        n, rows, _, d, width, k = out.shape
        c, area = x.shape[-1], n * rows * d * width
        *tiles, even, odd = scratch[:, : area * c].view(8, n, rows, d, width, c)
        _widen([x[:, i : i + 4 * rows - 3 : 4] for i in range(6)], tiles, even, odd)
        products = []
        for number, values in enumerate(tiles):
            maps = values.view(1, -1, width, c).permute(0, 3, 1, 2).to(self.weight.dtype)
            maps = F.conv2d(maps, self._plane(number), padding=(0, d), dilation=(1, d))
            products.append(maps.permute(0, 2, 3, 1).reshape(n, rows, d, width, k).float())
        even, odd = scratch[:2, : area * k].view(2, n, rows, d, width, k)
        _narrow(products, out, even, odd)
        if self.bias is not None:
            out += self.bias

    def _plane(self, number: int) -> Tensor:
        """Give the weights' values at one of the points, shape ``(K, C, 1, 3)``."""
        return _transform(self.weight, number)


class RoughWinograd(Winograd):
    """The same in bfloat16, whose products are so fast that the transformed weights are kept."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__(convolution)
        k, c = convolution.weight.shape[:2]
        planes = torch.empty(
            6 * k, c, 1, 3, dtype=torch.bfloat16, device=self.weight.device, memory_format=torch.channels_last
        )
        for number, plane in enumerate(planes.chunk(6)):
            plane.copy_(_transform(self.weight, number))
        self.weight = nn.Parameter(planes, requires_grad=False)

    def _plane(self, number: int) -> Tensor:
        return self.weight.chunk(6)[number]


def _transform(weight: Tensor, number: int) -> Tensor:
    """Take the three rows of taps in ``(K, C, 3, 3)`` to their values at a point, ``(K, C, 1, 3)``."""
    first, second, third = (weight[:, :, row : row + 1] for row in range(3))
    if number == 0:
        return first
    if number == 5:
        return third
    point, share = ((_NEAR, -2 / 3), (-_NEAR, -2 / 3), (_FAR, 1 / 6), (-_FAR, 1 / 6))[number - 1]
    return torch.add(first, third, alpha=point**2).add_(second, alpha=point).mul_(share)


def _widen(x: list[Tensor], out: list[Tensor], even: Tensor, odd: Tensor) -> None:
    """Take six inputs to the six points. What is even and what is odd in a point serves its negative, too."""
    for point, other, (plus, minus) in ((_NEAR, 2, out[1:3]), (_FAR, 0.5, out[3:5])):
        torch.sub(x[4], x[2], alpha=other, out=even)
        torch.sub(x[3], x[1], alpha=other, out=odd)
        torch.add(even, odd, alpha=point, out=plus)
        torch.sub(even, odd, alpha=point, out=minus)
    torch.sub(x[0], x[2], alpha=2, out=out[0]).add_(even)
    torch.sub(x[5], x[3], alpha=0.5, out=out[5]).sub_(odd, alpha=2)


def _narrow(x: list[Tensor], out: Tensor, even: Tensor, odd: Tensor) -> None:
    """Take the six points to four outputs, ``(N, rows, 4, ...)``; overwrite *x*."""
    first, second, third, fourth = out.unbind(2)
    torch.add(x[1], x[2], out=even)
    torch.add(x[3], x[4], out=odd)
    torch.add(even, odd, out=first).add_(x[0])
    torch.add(even, odd, alpha=4, out=third).mul_(_NEAR**2)
    even, odd = x[1].sub_(x[2]), x[3].sub_(x[4])
    torch.add(even, odd, alpha=2, out=second).mul_(_NEAR)
    torch.add(even, odd, alpha=8, out=fourth).mul_(_NEAR**3).add_(x[5])
