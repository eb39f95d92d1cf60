"""The same convolutions with 2.25 times fewer products, for CPUs.

Large 3 x 3 convolutions already run at the rate of a matrix product, so that only fewer products make them
faster. Winograd's F(2 x 2, 3 x 3) takes 16 for four outputs instead of 36. Its transforms are sums, and
halves in the weights: what float32 loses is as little as another order of summation does. Where bfloat16 is
asked for, only the products are in it; even so a layer is off by 1.7 times as much as without, which the
colors hardly show. GPUs choose such an algorithm themselves.

Along each side, four inputs and three taps are turned into four numbers each: their polynomials at the points
0, 1, infinity and -1, in this order. For the taps, the last is the first plus the third less the second. So
nine planes of weights are held, as many as before, and the other seven made when they are needed.

References:
    Lavin, Gray. Fast Algorithms for Convolutional Neural Networks. CVPR 2016.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.models.network import Network

_FEWEST_CHANNELS = {torch.float32: 256 * 256, torch.bfloat16: 512 * 512}
"""Inputs times outputs. With fewer, the sums around the products cost more than is saved."""
_BAND = 1 << 21
"""Floats of transformed input at a time: what the caches hold."""


def with_winograd(network: Network, exact: Network) -> Network:
    """Give a network with the large convolutions replaced; it shares all other weights with *network*.

    Args:
        network: In evaluation mode, in float32 or bfloat16; left as it is.
        exact: The same in float32, so that weights are rounded only once.

    Returns:
        The same function, to float32's rounding.
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

    A dilated convolution is a plain one on each of the interleaved maps that its taps fall on.

    Args:
        convolution: Whose weights to transform, in float32.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        taps = convolution.weight.detach().permute(2, 3, 1, 0)  # (K, C, 3, 3) -> (3, 3, C, K)
        weight = taps.new_empty(taps.shape).copy_(taps)
        for side in (weight, weight.transpose(0, 1)):
            # In place: what temporary tensors leave behind, the process would keep.
            side[1].add_(side[0]).add_(side[2]).mul_(0.5)
        self.register_buffer("weight", weight.flatten(0, 1))
        self.register_buffer("bias", None if convolution.bias is None else convolution.bias.detach())
        self.dilation = convolution.dilation[0]

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, H, W)`` to ``(N, K, H, W)``, channels last."""
        x = x.float()
        n, c, height, width = x.shape
        k, d = self.weight.shape[-1], self.dilation
        down, across = -(-height // (2 * d)), -(-width // (2 * d))  # tiles of 2 x 2 in each interleaved map
        weights = self.weight, _others(self.weight)
        # No more tiles at a time than channels: with more, products are not faster but fill the caches.
        size = 16 * d * across * d * max(c, k)
        band = min(_BAND // 2, 16 * c * k) // size
        band = min(max(band, 1), down)
        # Both are used twice: many tensors of many sizes would leave holes in memory.
        scratch = x.new_empty(2, band * size)
        out = x.new_empty(n, down, 2, d, across, 2, d, k)
        for image, result in zip(x.permute(0, 2, 3, 1), out, strict=True):
            for tile in range(0, down, band):
                part = result[tile : tile + band]
                top = (2 * tile - 1) * d
                bottom = top + 2 * (len(part) + 1) * d
                rows = image[max(top, 0) : bottom]
                if top < 0 or bottom > height:
                    rows = F.pad(rows, (0, 0, 0, 0, max(-top, 0), max(bottom - height, 0)))
                self._band(rows.view(-1, d, width, c), weights, part, scratch)
        whole = out.view(n, 2 * d * down, 2 * d * across, k)
        return whole[:, :height, :width].permute(0, 3, 1, 2)

    def _band(self, x: Tensor, weights: Sequence[Tensor], out: Tensor, scratch: Tensor) -> None:
        """Fill *out* ``(rows, 2, d, columns, 2, d, K)`` from *x* ``(2 * rows + 2, d, W, C)``."""
        rows, _, d, columns, _, _, k = out.shape
        _, _, width, c = x.shape
        lines = _shaped(scratch[1], 4, rows, d, (2 * columns + 2) * d, c)
        lines[..., :d, :] = 0
        lines[..., d + width :, :] = 0
        _widen([x[i : i + 2 * rows : 2] for i in range(4)], lines[..., d : d + width, :])
        lines = lines.view(4, rows, d, 2 * columns + 2, d, c)
        tiles = _shaped(scratch[0], 16, rows, d, columns, d, c)
        _widen([lines[:, :, :, i : i + 2 * columns : 2] for i in range(4)], _columns(tiles))
        tiles = tiles.view(16, -1, c)
        products = _shaped(scratch[1], 16, tiles.shape[1], k)
        for part, weight in zip((slice(9), slice(9, 16)), weights, strict=True):
            torch.bmm(tiles[part], weight, out=products[part])
        if self.bias is not None:
            products[4] += self.bias  # that of 1 and 1: the one product in every output with a plus
        lines = _shaped(scratch[0], 2, 4, rows, d, columns, d, k)
        _narrow(_columns(products.view(16, rows, d, columns, d, k)), lines)
        for i, line in enumerate(lines):
            _narrow(line, out[:, :, :, :, i].unbind(1))


class RoughWinograd(Winograd):
    """The same with products in bfloat16, the sums around them in float32.

    All 16 planes are held, so that each is rounded but once.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__(convolution)
        self.weight = torch.cat((self.weight, _others(self.weight))).bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, C, H, W)`` to ``(N, K, H, W)``, channels last."""
        n, c, height, width = x.shape
        d = self.dilation
        down, across = -(-height // (2 * d)), -(-width // (2 * d))  # tiles of 2 x 2 in each interleaved map
        right, below = 2 * d * across - width + d, 2 * d * down - height + d
        padded = F.pad(x.float().permute(0, 2, 3, 1), (0, 0, d, right, d, below))
        padded = padded.view(n, 2 * down + 2, d, 2 * across + 2, d, c)
        out = x.new_empty(n, down, 2, d, across, 2, d, self.weight.shape[-1], dtype=torch.float32)
        band = max(1, _BAND // (16 * d * across * d * c))
        for image, result in zip(padded, out, strict=True):
            for top in range(0, down, band):
                self._tiles(image[2 * top :], result[top : top + band])
        whole = out.view(n, 2 * d * down, 2 * d * across, -1).to(self.weight.dtype)
        return whole[:, :height, :width].permute(0, 3, 1, 2)

    def _tiles(self, x: Tensor, out: Tensor) -> None:
        """Fill *out* ``(rows, 2, d, columns, 2, d, K)`` from the rows of *x* at its top."""
        rows, _, d, columns, _, _, k = out.shape
        c = x.shape[-1]
        lines = x.new_empty(4, rows, *x.shape[1:])
        _widen([x[i : i + 2 * rows : 2] for i in range(4)], lines)
        tiles = x.new_empty(16, rows, d, columns, d, c)
        _widen([lines[:, :, :, i : i + 2 * columns : 2] for i in range(4)], _columns(tiles))
        tiles = tiles.view(16, -1, c).to(self.weight.dtype)
        products = torch.bmm(tiles, self.weight).float()
        if self.bias is not None:
            products[4] += self.bias  # that of 1 and 1: the one product in every output with a plus
        lines = x.new_empty(2, 4, rows, d, columns, d, k)
        _narrow(_columns(products.view(16, rows, d, columns, d, k)), lines)
        for i, line in enumerate(lines):
            _narrow(line, out[:, :, :, :, i].unbind(1))


def _others(weight: Tensor) -> Tensor:
    """Make the planes of -1, ``(7, C, K)``, from those of the other points, ``(9, C, K)``."""
    held = weight.view(3, 3, *weight.shape[1:])
    others = weight.new_empty(7, *weight.shape[1:])
    torch.add(held[0], held[2], out=others[:3]).sub_(held[1])
    torch.add(held[:, 0], held[:, 2], out=others[3:6]).sub_(held[:, 1])
    torch.add(others[0], others[2], out=others[6]).sub_(others[1])
    return others


def _columns(planes: Tensor) -> list[Tensor]:
    """Sort the 16 planes by their point across: with those of -1 last, nine are first that hold no -1."""
    return [*planes[:12].view(4, 3, *planes.shape[1:]).unbind(1), planes[12:]]


def _widen(x: Sequence[Tensor], out: Tensor | Sequence[Tensor]) -> None:
    """Take four inputs to the four points."""
    torch.sub(x[0], x[2], out=out[0])
    torch.add(x[1], x[2], out=out[1])
    torch.sub(x[1], x[3], out=out[2])
    torch.sub(x[2], x[1], out=out[3])


def _narrow(x: Sequence[Tensor] | Tensor, out: Tensor | Sequence[Tensor]) -> None:
    """Take the four points to two outputs."""
    torch.add(x[1], x[3], out=out[0]).add_(x[0])
    torch.sub(x[1], x[3], out=out[1]).sub_(x[2])


def _shaped(scratch: Tensor, *shape: int) -> Tensor:
    return scratch[: math.prod(shape)].view(shape)
