"""Lite: the small network that comes with the library, colors by itself and follows hints.

EfficientNet-Lite0 sees L; a decoder with skips goes from stride 32 up to stride 4 and gives a distribution
over the 313 ab bins there. Hints enter every level of the decoder, and at stride 8 attention also
carries them to cells that look like the hinted ones. About 4.3 M parameters.

References:
    Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016 (the distribution over bins).
    Press, Smith, Lewis. Train Short, Test Long. ICLR 2022 (attention that fades with distance).
    Levin, Lischinski, Weiss. Colorization using Optimization. SIGGRAPH 2004 (like lightness, like color).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.errors import ShapeError
from colorful.lab.bins import AbBins
from colorful.models.efficientnet import TAPS, ConvNorm, Encoder
from colorful.models.network import ALL_CELLS, Cells, Network, NetworkConfig

_TAP_CHANNELS = (24, 40, 112, 320)
_WIDTHS = (80, 128, 192, 256)  # of the decoder at strides 4, 8, 16 and 32
_HINT_WIDTH = 32
_LOOKS = 64  # channels by which cells are compared
_PAIRS = 1 << 20  # of a cell and a hinted one that are compared at a time


class Lite(Network):
    """Colorize with EfficientNet-Lite0 and a small decoder.

    Args:
        config: Settings of the pipeline around the network.
    """

    architecture: ClassVar[str] = "lite"
    output: ClassVar[Literal["distribution", "regression"]] = "distribution"
    takes_hints: ClassVar[bool] = True
    stride: ClassVar[int] = 4
    multiple: ClassVar[int] = 32
    # The first filters see L itself, whose fine steps bfloat16 does not have.
    float32_islands: ClassVar[tuple[str, ...]] = ("encoder.blocks.0",)
    recipe: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "batch_size": 40,
            "lr": 1e-3,
            "encoder_rate": 0.4,
            "encoder_delay": 0.07,
            "norm_share": 0.45,
            "weight_decay": 1e-2,
            "every": 2,
            "rebalance": 0.5,
            "distance": 0.02,
            "vivid": 0.04,
            "harm": 0.07,
            "precision": "bf16",
            "crops": {
                "photo_side": 160,
                "balance": 0.8,
                "large_share": 0.15,
                "hinted": 0.2,
                "recolored": 0.8,
            },
        }
    )
    # The finest layers are the slowest to train, and have little left to learn. At a higher rate the others
    # forget what ImageNet taught them of things.
    later_recipe: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "lr": 7e-4,
            "encoder_rate": 0.15,
            "perception": 1.5,
            "patchy": 0.08,
            "fixed": ("encoder.stem", "encoder.blocks.0", "encoder.blocks.1", "encoder.blocks.2"),
        }
    )
    imagenet_part: ClassVar[str] = "encoder"

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__(config)
        self.encoder = Encoder()
        self.hints = HintPyramid()
        self.level32 = _Level(_TAP_CHANNELS[3], None, _WIDTHS[3], attention_heads=8)
        self.level16 = _Level(_TAP_CHANNELS[2], _WIDTHS[3], _WIDTHS[2])
        self.level8 = _Level(_TAP_CHANNELS[1], _WIDTHS[2], _WIDTHS[1], spread_heads=4)
        self.level4 = _Level(_TAP_CHANNELS[0], _WIDTHS[1], _WIDTHS[0])
        self.head = nn.Conv2d(_WIDTHS[0], len(AbBins()), 1)

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Run the network once; see :meth:`Network.forward`.

        Raises:
            ShapeError: If a shape is not as there, or only one of *ab* and *mask* is given.
        """
        return self.heads(light, ab, mask)[0]

    def heads(
        self,
        light: Tensor,
        ab: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        cells: Cells = ALL_CELLS,
    ) -> tuple[Tensor, Tensor | None]:
        """Run the network once, the last layer on some cells alone; see :meth:`Network.heads`."""
        self.check(light, ab, mask)
        if (ab is None) != (mask is None):
            raise ShapeError("ab, mask: expected both or neither")
        at4, at8, at16, at32 = self.encoder(light)
        hint4, hint8, hint16, hint32 = (
            self.hints(light, ab, mask) if ab is not None and mask is not None else [None] * 4
        )
        x = self.level32(at32, None, hint32)  # (N, 320, H/32, W/32) -> (N, 256, H/32, W/32)
        x = self.level16(at16, x, hint16)  # -> (N, 192, H/16, W/16)
        x = self.level8(at8, x, hint8)  # -> (N, 128, H/8, W/8)
        x = self.level4(at4, x, hint4)  # -> (N, 80, H/4, W/4)
        return self.head(x[:, :, cells[0], cells[1]]), None  # -> (N, 313, H/4, W/4)

    def features(self, light: Tensor) -> Tensor:
        """Give the encoder's map at stride 16, ``(N, 112, H/16, W/16)``; see :meth:`Network.features`."""
        self.check(light)
        return self.encoder(light, last=TAPS[2])[2]

    def hint_parts(self) -> list[nn.Module]:
        """Give the layers that only hints pass through; see :meth:`Network.hint_parts`."""
        return [self.hints, *(part for part in self.modules() if isinstance(part, _Spread))]

    @property
    def logit_bias(self) -> Tensor | None:
        """The bias of the head."""
        return self.head.bias

    def fuse(self) -> Lite:
        """Return a copy with batch norm folded into the convolutions: same numbers, less time."""
        fused = copy.deepcopy(self).eval().requires_grad_(False)
        for module in fused.modules():
            if isinstance(module, ConvNorm):
                module.fold()
        return fused


class HintMap(NamedTuple):
    """Hints at one stride.

    Attributes:
        added: What is added to the decoder's features, shape ``(N, C, h, w)``; 0 where no hint is.
        embedded: The hint of each cell, shape ``(N, 32, h, w)``; 0 where no hint is.
        present: 1 where a cell holds a hint, else 0; shape ``(N, 1, h, w)``.
        light: Mean L of each cell, in 0..100, shape ``(N, 1, h, w)``.
        hinted_light: Mean L of the hinted pixels in each cell; 0 where there are none.
    """

    added: Tensor
    embedded: Tensor
    present: Tensor
    light: Tensor
    hinted_light: Tensor


class HintPyramid(nn.Module):
    """Bring hinted colors to strides 4, 8, 16 and 32.

    A cell gets the mean of the hinted colors inside it, weighted by the mask, however small their area is,
    and is told that it holds a hint and how much of it is covered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(4, _HINT_WIDTH, 1)
        self.project = nn.ModuleList(nn.Conv2d(_HINT_WIDTH, width, 1, bias=False) for width in _WIDTHS)

    def forward(self, light: Tensor, ab: Tensor, mask: Tensor) -> list[HintMap]:
        """Map L, hints ``(N, 2, H, W)`` and their mask to the hints at each level, the finest first."""
        # All means over cells are taken at once: of hinted a, b and L, of the mask, of L.
        sums = torch.cat((ab * mask, light * mask, mask, light), dim=1)
        maps = []
        for number, project in enumerate(self.project):
            sums = F.avg_pool2d(sums, 2 if number else 4)
            covered = sums[:, 3:4]
            present = (covered > 0).to(covered)
            mean = sums[:, :3] / covered.clamp(min=1e-6)
            cell = torch.cat((mean[:, :2] / 110, present, covered), dim=1)  # (N, 4, h, w)
            embedded = F.relu(self.embed(cell.to(self.embed.weight.dtype))) * present.to(self.embed.weight)
            maps.append(HintMap(project(embedded), embedded, present, sums[:, 4:], mean[:, 2:]))
        return maps


class _Level(nn.Module):
    """One level of the decoder: join skip, coarser level and hints, look around, spread the hints, mix."""

    def __init__(
        self,
        skip: int,
        below: int | None,
        width: int,
        *,
        attention_heads: int = 0,
        spread_heads: int = 0,
    ) -> None:
        super().__init__()
        self.skip = ConvNorm(skip, width, 1)
        # A 1x1 convolution and bilinear upsampling commute: the convolution goes first, where it is cheaper.
        self.lift = nn.Conv2d(below, width, 1, bias=False) if below else None
        self.attention = _Attention(width, attention_heads) if attention_heads else None
        self.feed_forward = _FeedForward(width) if attention_heads else None
        self.spread = _Spread(width, spread_heads) if spread_heads else None
        self.mix = None if attention_heads else ConvNorm(width, width, 3)

    def forward(self, skip: Tensor, below: Tensor | None, hint: HintMap | None) -> Tensor:
        lifted = None
        if self.lift is not None and below is not None:
            lifted = F.interpolate(self.lift(below), scale_factor=2, mode="bilinear", align_corners=False)
            lifted = lifted if hint is None else lifted + hint.added
        x: Tensor = self.skip(skip, lifted)
        if self.attention is not None and self.feed_forward is not None:
            x = x + self.attention(x)
            # The attention looks at the whole photo. Hints are added after it: they hold for their
            # surroundings, not for everything in the photo that looks alike.
            x = x if hint is None else x + hint.added
            x = x + self.feed_forward(x)
        if self.spread is not None and hint is not None:
            x = x + self.spread(x, hint)
        if self.mix is not None:
            x = self.mix(x)
        return x


class _ChannelNorm(nn.Module):
    """Layer norm over the channels of a map."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(x.movedim(1, -1))
        return normed.movedim(-1, 1)


class _Attention(nn.Module):
    """Let every cell look at all others, the near ones more: for skies, walls and skin of one color."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _ChannelNorm(width)
        self.queries_keys_values = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)
        # How fast each head's sight fades with the distance in cells, the first one's the least.
        self.fading = nn.Parameter(torch.linspace(0, 0.7, heads))

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        packed = self.queries_keys_values(self.norm(x)).reshape(n, 3, self.heads, c // self.heads, h * w)
        query, key, value = packed.transpose(-1, -2).unbind(dim=1)  # each (N, heads, h w, c / heads)
        spots = _spots(h, w, x.device)
        distance = (spots[:, None] - spots).norm(dim=2)  # (h w, h w)
        bias = (-self.fading[:, None, None] * distance).to(query.dtype)  # (heads, h w, h w)
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        out: Tensor = self.out(seen.transpose(-1, -2).reshape(n, c, h, w))
        return out


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = _ChannelNorm(width)
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.narrow = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        narrowed: Tensor = self.narrow(F.relu(self.widen(self.norm(x))))
        return narrowed


class _Spread(nn.Module):
    """Carry hints to cells that look like the hinted ones, more to near ones; to cells unlike all, nothing.

    This is attention to the hinted cells only, with a further choice "nothing" for cells that none of them is
    like. How alike two cells are depends on their features and their L. How far a hint reaches depends on its
    color and on what it lies on: a common color is likely to hold for more of the photo than a strange one.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = _ChannelNorm(width)
        self.looks = nn.Conv2d(width, _LOOKS, 1)
        self.join = nn.Linear(_HINT_WIDTH + width, width)
        self.values = nn.Linear(width, width)
        self.reach = nn.Linear(width, 2 * heads)
        self.out = nn.Conv2d(width, width, 1)
        for start in (*self.reach.parameters(), *self.out.parameters()):
            nn.init.zeros_(start)  # at first nothing is carried
        # Logarithms, in rows: sharpness of the softmax; least likeness, as a share of the sharpness; how fast
        # attention fades with the distance in cells; how fast with the difference in L, in tens.
        self.scale = nn.Parameter(
            torch.stack(
                (
                    torch.full((heads,), 10.0),
                    torch.full((heads,), 0.5),
                    torch.linspace(0.04, 0.6, heads),
                    torch.linspace(0.75, 3.0, heads),
                )
            ).log()
        )

    def forward(self, x: Tensor, hints: HintMap) -> Tensor:
        """Map features ``(N, C, h, w)`` to what the hints add to them, same shape."""
        n, c, h, w = x.shape
        # A graph that is exported has all cells, hinted or not: its shapes cannot depend on their number.
        exporting = torch.compiler.is_exporting()
        count = h * w if exporting else int(hints.present.sum(dim=(1, 2, 3)).max())
        if not exporting and not count:
            return torch.zeros_like(x)
        there, places = hints.present.flatten(1), None
        if not exporting:
            there, places = there.topk(count)  # (N, K); a photo with fewer hints has gaps

        def hinted(cells: Tensor) -> Tensor:  # (N, h w, D) to (N, K, D)
            if places is None:
                return cells
            return cells.gather(1, places[..., None].expand(-1, -1, cells.shape[2]))

        normed = self.norm(x)
        hidden = F.relu(self.join(hinted(_cells(torch.cat((hints.embedded, normed), dim=1)))))
        values = self.values(hidden) * there[..., None].to(hidden)
        values = values.reshape(n, count, self.heads, -1).transpose(1, 2)  # (N, heads, K, C / heads)
        # For each hint, (N, heads, 1, K): how much more it counts, and how much faster it fades.
        more, faster = self.reach(hidden).float().transpose(1, 2)[:, :, None].chunk(2, dim=1)
        sharp, least, fading, contrast = self.scale.float().exp()[:, :, None, None]  # (heads, 1, 1)
        more = (more - sharp * least).masked_fill(there[:, None, None] == 0, -torch.inf)
        fading = fading * faster.exp()

        cells = _cells(self.looks(normed)).float()  # (N, h w, heads D)
        looks, wanted = (
            F.normalize(part.reshape(n, part.shape[1], self.heads, -1), dim=3).transpose(1, 2)
            for part in (cells, hinted(cells))
        )  # (N, heads, h w, D) and (N, heads, K, D)
        light, hinted_light = _cells(hints.light), hinted(_cells(hints.hinted_light))
        spots = _spots(h, w, x.device)
        hinted_spots = hinted(spots.expand(n, -1, -1))  # (N, K, 2)
        seen = []
        band = max(1, _PAIRS // count)
        # An exported graph cannot have loops whose length depends on the photo.
        for part in [slice(None)] if exporting else [slice(at, at + band) for at in range(0, h * w, band)]:
            logits = sharp * (looks[:, :, part] @ wanted.transpose(2, 3)) + more  # (N, heads, cells, K)
            steps = spots[part, None] - hinted_spots[:, None]  # (N, cells, K, 2)
            logits = logits - fading * steps.norm(dim=3)[:, None]
            logits = logits - contrast * (light[:, part] - hinted_light.transpose(1, 2))[:, None].abs() / 10
            shares = F.pad(logits, (0, 1)).softmax(dim=3)[..., :-1]  # the last is nothing's
            seen.append(shares.to(values) @ values)
        spread: Tensor = self.out(torch.cat(seen, dim=2).transpose(2, 3).reshape(n, c, h, w))
        # A photo without hints gets none, whatever others in its batch have.
        return spread * there.amax(dim=1)[:, None, None, None].to(spread)


def _cells(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)  # (N, C, h, w) to (N, h w, C)


def _spots(h: int, w: int, device: torch.device) -> Tensor:
    """Give row and column of each cell of a map, shape ``(h w, 2)``."""
    rows, columns = (torch.arange(count, device=device, dtype=torch.float32) for count in (h, w))
    return torch.stack((rows[:, None].expand(h, w), columns.expand(h, w)), dim=2).reshape(h * w, 2)
