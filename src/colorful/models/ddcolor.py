"""DDColor: a large modern network, a ConvNeXt with two decoders, one for pixels and one for colors.

The pixel decoder brings features back to the size of the input. The color decoder is a transformer: a
hundred learned queries look at the features of three scales, and each becomes one map of how much of "its"
color a pixel takes. A last 1x1 convolution turns these maps, and the input itself, into ab. The layers carry
the names of the released files, so that these load as they are.

References:
    Kang, Yang, Ouyang, Ren, Li, Xie. DDColor: Towards Photo-Realistic Image Colorization via Dual Decoders.
    ICCV 2023.
    Liu, Mao, Wu, Feichtenhofer, Darrell, Xie. A ConvNet for the 2020s. CVPR 2022 (the encoder).
    Carion, Massa, Synnaeve, Usunier, Kirillov, Zagoruyko. End-to-End Object Detection with Transformers.
    ECCV 2020 (queries, and the sines that tell places apart).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar, Literal, Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorful.lab.space import encode, unroot
from colorful.models.network import Card, Network, NetworkConfig

_HIDDEN, _HEADS = 256, 8  # width of the queries, and of the features that they are compared with


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large the parts are; :meth:`DDColor.sized` reads them off a state dict.

    Args:
        depths: Blocks of the encoder's four stages.
        widths: Channels of the encoder's four stages.
        decoded: Channels of the pixel decoder at strides 16 and 8.
        queries: Number of color queries.
        layers: Layers of the color decoder.
        feed_forward: Inner width of those layers.
    """

    depths: tuple[int, ...] = (3, 3, 27, 3)
    widths: tuple[int, ...] = (192, 384, 768, 1536)
    decoded: int = 512
    queries: int = 100
    layers: int = 9
    feed_forward: int = 2048


class DDColor(Network):
    """Regress ab at every pixel; 228 M parameters in the large form, 55 M in the tiny one.

    Args:
        config: The settings that are data.
        sizes: How large the parts are; the large form by default.
    """

    architecture: ClassVar[str] = "ddcolor"
    output: ClassVar[Literal["distribution", "regression"]] = "regression"
    takes_hints: ClassVar[bool] = False
    stride: ClassVar[int] = 1
    multiple: ClassVar[int] = 32
    marks: ClassVar[Mapping[str, tuple[int, ...]]] = MappingProxyType(
        {
            "mean": (1, 3, 1, 1),
            "decoder.color_decoder.level_embed.weight": (3, _HIDDEN),
            "decoder.color_decoder.decoder_norm.weight": (_HIDDEN,),
        }
    )
    card: ClassVar[Card] = Card(
        title="DDColor (ICCV 2023)",
        data="ImageNet for the models of the paper; the authors do not name that of the others.",
        recipe="As published: a pixel, a perceptual, an adversarial and a colorfulness loss.",
        measures="Not measured anew on this file; see table 1 of the paper (Kang et al., ICCV 2023).",
    )

    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig | None = None, *, sizes: Sizes | None = None) -> None:
        super().__init__(config or NetworkConfig(network_size=512))
        sizes = sizes or Sizes()
        self.encoder = nn.ModuleDict({"arch": _ConvNeXt(sizes.depths, sizes.widths)})
        self.decoder = _Decoder(sizes)
        self.refine_net = nn.Sequential(nn.Sequential(nn.Conv2d(sizes.queries + 3, 2, 1)))
        # Of ImageNet's photos; in the released files, too.
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1))

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map L to ab; see :meth:`Network.forward`."""
        self.check(light, ab, mask)
        last = cast("nn.Conv2d", self.refine_net.get_submodule("0.0"))
        grey = ((_grey(light) - self.mean) / self.std).to(last.weight)  # (N, 3, H, W)
        pixels, colors = self.decoder(self.encoder["arch"](grey))
        # Each query's map is the product of its color with the pixels' features, and the last convolution
        # mixes the maps. Mixing the colors first gives the same, with two maps in place of a hundred.
        ours, its = last.weight[:, :-3, 0, 0], last.weight[:, -3:]  # (2, Q) and (2, 3, 1, 1)
        mixed = ours @ colors  # (N, Q, 256) -> (N, 2, 256)
        return self.decoder.last_shuf.forward(pixels, mixed) + F.conv2d(grey, its, last.bias)  # (N, 2, H, W)

    @classmethod
    def sized(cls, shapes: Mapping[str, tuple[int, ...]], config: NetworkConfig | None = None) -> Self:
        """Make the network that a state dict of these shapes fits; see :meth:`Network.sized`."""

        def count(pattern: str) -> int:
            return len({match[1] for name in shapes if (match := re.match(pattern, name))})

        def width(name: str) -> int:
            return shapes.get(name, (1,))[0]  # what is missing is named when the tensors are compared

        sizes = Sizes(
            depths=tuple(count(rf"encoder\.arch\.stages\.{stage}\.(\d+)\.") for stage in range(4)),
            widths=tuple(width(f"encoder.arch.norm{stage}.weight") for stage in range(4)),
            decoded=width("decoder.layers.0.conv.0.weight"),
            queries=width("decoder.color_decoder.query_feat.weight"),
            layers=count(r"decoder\.color_decoder\.transformer_ffn_layers\.(\d+)\."),
            feed_forward=width("decoder.color_decoder.transformer_ffn_layers.0.linear1.weight"),
        )
        return cls(config, sizes=sizes)

    @classmethod
    def converted(cls, released: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring a released state dict into this library's form; see :meth:`Network.converted`.

        Its spectral norm is folded: ``weight_orig``, divided by its largest singular value as the stored
        vectors ``weight_u`` and ``weight_v`` give it, becomes ``weight``. The classifier of the encoder's
        pretraining is dropped.
        """
        state = {}
        for name, tensor in released.items():
            if name.startswith("encoder.arch.head_cls.") or name.endswith((".weight_u", ".weight_v")):
                continue
            stem = name.removesuffix("_orig")
            if stem != name and f"{stem}_u" in released and f"{stem}_v" in released:
                u, v = released[f"{stem}_u"].float(), released[f"{stem}_v"].float()
                norm = u @ (tensor.float().flatten(1) @ v)
                tensor = (tensor.float() / norm).to(tensor.dtype)
            state[stem] = tensor
        return state


class _ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class _ConvNeXt(nn.Module):
    """The encoder: normalized features at strides 4, 8, 16 and 32."""

    def __init__(self, depths: tuple[int, ...], widths: tuple[int, ...]) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), _ChannelNorm(widths[0]))
        halvings = (
            nn.Sequential(_ChannelNorm(above), nn.Conv2d(above, width, 2, stride=2))
            for above, width in pairwise(widths)
        )
        self.downsample_layers = nn.ModuleList([stem, *halvings])
        self.stages = nn.ModuleList()
        for number, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            self.stages.append(nn.Sequential(*(_Block(width) for _ in range(depth))))
            self.add_module(f"norm{number}", _ChannelNorm(width))
        # Ends the classifier that the encoder once was; in the released files, never run.
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map a normalized RGB picture ``(N, 3, H, W)`` to four feature maps, the finest first."""
        features = []
        for number, (halve, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(halve(x))
            features.append(self.get_submodule(f"norm{number}")(x))
        return features


class _Block(nn.Module):
    """Filter each channel by 7x7, mix the channels by two products, add to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        cells = self.norm(self.dwconv(x).movedim(1, -1))  # (N, C, h, w) -> (N, h, w, C)
        cells = self.gamma * self.pwconv2(F.gelu(self.pwconv1(cells)))
        return x + cells.movedim(-1, 1)


class _Decoder(nn.Module):
    """Both decoders: features of the pixels, and embeddings of the colors."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        finest, fine, coarse, coarsest = sizes.widths
        half = sizes.decoded // 2
        levels = ((coarsest, coarse, sizes.decoded), (sizes.decoded, fine, sizes.decoded))
        self.layers = nn.ModuleList(_Rise(*level) for level in (*levels, (sizes.decoded, finest, half)))
        self.last_shuf = _LastRise(half)
        self.color_decoder = _ColorDecoder((sizes.decoded, sizes.decoded, half), sizes)

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Map the encoder's features to pixels, ``(N, 256, H/4, W/4)``, and colors, ``(N, Q, 256)``."""
        *skips, x = features
        scales = []
        for layer, skip in zip(self.layers, reversed(skips), strict=True):
            x = layer(x, skip)
            scales.append(x)
        return x, self.color_decoder(scales)


class _Widen(nn.Module):
    """Double the resolution: channels become pixels, and a mean over 2x2 takes away their checkered look."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        inner = 4 * channels_out
        self.conv = nn.Sequential(nn.Conv2d(channels_in, inner, 1, bias=False), nn.BatchNorm2d(inner))

    def forward(self, x: Tensor) -> Tensor:
        return _smooth(F.pixel_shuffle(F.relu(self.conv(x)), 2))


class _Rise(nn.Module):
    """One level of the pixel decoder: widen, join the encoder's features, mix."""

    def __init__(self, below: int, skip: int, width: int) -> None:
        super().__init__()
        self.shuf = _Widen(below, width)
        self.bn = nn.BatchNorm2d(skip)
        mix = nn.Conv2d(width + skip, width, 3, padding=1, bias=False)
        self.conv = nn.Sequential(mix, nn.ReLU(), nn.BatchNorm2d(width))

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        joined = F.relu(torch.cat((self.shuf(below), self.bn(skip)), dim=1))
        out: Tensor = self.conv(joined)
        return out


class _LastRise(nn.Module):
    """From stride 4 to the pixels, each of which is compared with the embedded colors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(width, 16 * width, 1))

    def forward(self, x: Tensor, colors: Tensor) -> Tensor:
        """Map features ``(N, 256, h, w)`` and colors ``(N, 2, 256)`` to ``(N, 2, 4 h, 4 w)``.

        The product with the colors goes before shuffling and smoothing, which leave the channels alone: so
        the 256 maps of the input's size are never made.
        """
        n, _, h, w = x.shape
        weight, bias = (self.get_parameter(f"conv.0.{name}") for name in ("weight", "bias"))
        parts = []
        for place in range(16):  # a pixel's place in its cell of 4x4; channel c of it is number 16 c + place
            its = F.relu(F.conv2d(x, weight[place::16], bias[place::16]))  # (N, 256, h, w)
            parts.append(colors @ its.flatten(2))  # -> (N, 2, h w)
        shares = torch.stack(parts, dim=2).reshape(n, -1, h, w)  # (N, 2 x 16, h, w)
        return _smooth(F.pixel_shuffle(shares, 4))


class _ColorDecoder(nn.Module):
    """Queries that look at the pixel decoder's features, scale by scale, until each stands for a color."""

    def __init__(self, channels: tuple[int, ...], sizes: Sizes) -> None:
        super().__init__()
        rounds = range(sizes.layers)
        self.transformer_self_attention_layers = nn.ModuleList(_Attend("self_attn") for _ in rounds)
        self.transformer_cross_attention_layers = nn.ModuleList(_Attend("multihead_attn") for _ in rounds)
        self.transformer_ffn_layers = nn.ModuleList(_FeedForward(sizes.feed_forward) for _ in rounds)
        self.decoder_norm = nn.LayerNorm(_HIDDEN)
        self.query_feat = nn.Embedding(sizes.queries, _HIDDEN)
        self.query_embed = nn.Embedding(sizes.queries, _HIDDEN)
        self.level_embed = nn.Embedding(len(channels), _HIDDEN)
        self.input_proj = nn.ModuleList(nn.Conv2d(width, _HIDDEN, 1) for width in channels)
        layers = nn.Sequential(*(nn.Linear(_HIDDEN, _HIDDEN) for _ in range(3)))
        self.color_embed = nn.ModuleDict({"layers": layers})

    def forward(self, scales: list[Tensor]) -> Tensor:
        """Map features at strides 16, 8 and 4 to embeddings of the colors, ``(N, Q, 256)``."""
        seen, placed = [], []
        for scale, project, level in zip(scales, self.input_proj, self.level_embed.weight, strict=True):
            cells = project(scale).flatten(2).transpose(1, 2) + level  # -> (N, h w, 256)
            seen.append(cells)
            placed.append(cells + _places(scale))
        n = scales[0].shape[0]
        own = self.query_embed.weight
        x = self.query_feat.weight.expand(n, -1, -1)  # (N, Q, 256)
        rounds = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for number, (look, exchange, think) in enumerate(rounds):
            level = number % len(scales)
            x = look(x, x + own, placed[level], seen[level])
            x = exchange(x, x + own, x + own, x)
            x = think(x)
        x = self.decoder_norm(x)
        first, second, last = cast("nn.Sequential", self.color_embed["layers"])
        colors: Tensor = last(F.relu(second(F.relu(first(x)))))
        return colors


class _Attend(nn.Module):
    """Attention whose result is added and normalized; the released files name it in two ways."""

    def __init__(self, name: Literal["self_attn", "multihead_attn"]) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, nn.MultiheadAttention(_HIDDEN, _HEADS, batch_first=True))
        self.norm = nn.LayerNorm(_HIDDEN)

    def forward(self, x: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        attention = cast("nn.MultiheadAttention", self.get_submodule(self.name))
        weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
        n = x.shape[0]
        query, key, value = (
            F.linear(cells, weight, bias).reshape(n, -1, _HEADS, _HIDDEN // _HEADS).transpose(1, 2)
            for cells, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )  # each (N, heads, cells, 32)
        found = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
        out: Tensor = self.norm(x + attention.out_proj(found))
        return out


class _FeedForward(nn.Module):
    def __init__(self, inner: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(_HIDDEN, inner)
        self.linear2 = nn.Linear(inner, _HIDDEN)
        self.norm = nn.LayerNorm(_HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(x + self.linear2(F.relu(self.linear1(x))))
        return out


def _grey(light: Tensor) -> Tensor:
    """Turn L, ``(N, 1, H, W)``, into sRGB with a = b = 0: one channel, in [0, 1]."""
    return encode(unroot((light + 16) / 116))


def _smooth(x: Tensor) -> Tensor:
    """Give each pixel the mean of itself and those above and left of it; the edge is repeated."""
    return F.avg_pool2d(F.pad(x, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


def _places(scale: Tensor) -> Tensor:
    """Tell the cells of a map ``(N, C, h, w)`` apart by sines of their place, shape ``(h w, 256)``."""
    h, w = scale.shape[2:]
    half = _HIDDEN // 2
    steps = torch.arange(half // 2, device=scale.device, dtype=torch.float32)
    periods = 10000 ** (2 * steps / half)  # (64,)

    def waves(count: int) -> Tensor:
        along = torch.arange(1, count + 1, device=scale.device, dtype=torch.float32)
        angles = (along * (2 * math.pi / (count + 1e-6)))[:, None] / periods  # (count, 64)
        return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)  # -> (count, 128)

    parts = (waves(h)[:, None].expand(h, w, half), waves(w).expand(h, w, half))
    return torch.cat(parts, dim=2).flatten(0, 1).to(scale.dtype)
