"""Make L look like that of an old print: the network shall color those, but is trained on clean photos.

A degradation draws its numbers for one sample on the CPU, from that sample's own generator, and is then
applied to all samples that suffer it at once, on the device that trains. Each has a strength in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorful.lab.space import decode, root
from colorful.training.fields import gaussian, noise

Numbers = list[float]

_CURVES, _DOTS = 12, 40
_POINTS = 3  # of a scratch

# Quantization of luminance at quality 50: ITU-T T.81, table K.1.
_JPEG_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_ORTHOCHROMATIC = (0.02, 0.55, 0.43)
"""What linear R, G and B give to the grey of a film that is blind to red."""
_PANCHROMATIC = (0.2127, 0.7152, 0.0722)


class Degradation(NamedTuple):
    """One way in which prints are not as photos are.

    Attributes:
        chance: How often an aged sample suffers it.
        draw: Numbers for one sample, from its generator, the strength and the side of the crop.
        apply: L of some samples, ``(n, H, W)``, and the numbers of each, to new L.
    """

    chance: float
    draw: Callable[[np.random.Generator, float, int], Numbers]
    apply: Callable[[Tensor, Sequence[Numbers]], Tensor]


def _column(numbers: Sequence[Numbers], index: int, like: Tensor) -> Tensor:
    """Give the number at *index* of each sample, shape ``(n, 1, 1)``."""
    return torch.tensor([row[index] for row in numbers], dtype=like.dtype, device=like.device)[:, None, None]


def _contrast_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    gamma = math.exp(random.uniform(-0.7, 0.7) * strength)
    return [gamma, 1 + random.uniform(-0.5, 0.4) * strength]


def _contrast(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Bend the tone curve: gamma and contrast, up or down."""
    gamma, steepness = (_column(numbers, index, light) for index in range(2))
    middle = light.mean(dim=(1, 2), keepdim=True)
    return 100 * ((middle + (light - middle) * steepness).clamp(0, 100) / 100) ** gamma


def _fade_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    return [random.uniform(8, 45) * strength, 100 - random.uniform(3, 30) * strength]


def _fade(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Lift the blacks and dull the whites."""
    low, high = (_column(numbers, index, light) for index in range(2))
    return low + light * (high - low) / 100


def _blur_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    return [random.uniform(0.3, 1) * strength * 0.01 * side]


def _blur(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Defocus, by up to 1 % of the side."""
    return gaussian(light[:, None], [row[0] for row in numbers])[:, 0]


def _halation_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    return [random.uniform(0.01, 0.05) * side, random.uniform(0.3, 1.2) * strength]


def _halation(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Let bright places glow: light that the back of the film threw back."""
    glow = gaussian((light - 70).clamp(min=0)[:, None], [row[0] for row in numbers])[:, 0]
    return light + glow * _column(numbers, 1, light)


def _vignette_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    off = random.uniform(-0.3, 0.3, 2)
    steepness, depth = random.uniform(0.7, 2), random.uniform(0.15, 0.6) * strength
    return [*off, steepness, depth, 0.0 if random.random() < 0.7 else 100.0]


def _vignette(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Darken, or bleach, toward the corners."""
    x_off, y_off, steepness, depth, target = (_column(numbers, index, light) for index in range(5))
    y = torch.linspace(-1, 1, light.shape[1], device=light.device)[:, None]
    x = torch.linspace(-1, 1, light.shape[2], device=light.device)
    corner = (((x - x_off) ** 2 + (y - y_off) ** 2) / 2).clamp(0, 1) ** steepness
    return light + (target - light) * depth * corner


def _grain_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    radius = random.uniform(0, 0.9)
    key = float(random.integers(1 << 32))
    return [radius if radius > 0.3 else 0.0, random.uniform(3, 12) * strength, key]


def _grain(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Add film grain: noise of one to three pixels, weaker in the whites."""
    speckles = noise([int(row[2]) for row in numbers], light.shape[1:], light.device)
    speckles = gaussian(speckles[:, None], [row[0] for row in numbers])[:, 0]
    speckles = speckles / (speckles.std(dim=(1, 2), keepdim=True) + 1e-6)
    return light + speckles * _column(numbers, 1, light) * (1.15 - light / 100)


def _scratch_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    def ink() -> float:
        return float(random.uniform(75, 100) if random.random() < 0.75 else random.uniform(0, 30))

    numbers: Numbers = []
    curves = round(random.uniform(2, _CURVES) * strength)
    for number in range(_CURVES):
        start = random.uniform(0, side, 2)
        angle, length = random.normal(np.pi / 2, 0.6), random.uniform(0.1, 1) * side
        along = length * np.array((np.cos(angle), np.sin(angle)))
        bend = random.normal(0, 0.03, 2) * side
        width = random.integers(1, max(2, side // 96) + 1) / 2 if number < curves else -1.0
        points = (start, start + along / 2 + bend, start + along)
        numbers += [width, ink(), *np.concatenate(points)]
    dots = round(random.uniform(0, _DOTS) * strength)
    for number in range(_DOTS):
        radius = random.uniform(0.3, max(0.5, side / 110)) if number < dots else -1.0
        numbers += [radius, ink(), *random.uniform(0, side, 2)]
    return numbers


def _scratch(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Draw scratches, creases and dust, most of them white."""
    n, height, width = light.shape
    values = torch.tensor(numbers, dtype=light.dtype, device=light.device)
    curves = values[:, : _CURVES * (2 + 2 * _POINTS)].reshape(n, _CURVES, -1)
    dots = values[:, _CURVES * (2 + 2 * _POINTS) :].reshape(n, _DOTS, 4)
    points = curves[:, :, 2:].reshape(n, _CURVES, _POINTS, 2)
    # A scratch is two strokes; a speck of dust is one of no length.
    starts = torch.cat((points[:, :, :-1].flatten(1, 2), dots[:, :, 2:]), dim=1)
    ends = torch.cat((points[:, :, 1:].flatten(1, 2), dots[:, :, 2:]), dim=1)
    radii, inks = (
        torch.cat((curves[:, :, index].repeat_interleave(_POINTS - 1, dim=1), dots[:, :, index]), dim=1)
        for index in range(2)
    )
    y = torch.arange(height, device=light.device).to(light)[:, None] + 0.5
    x = torch.arange(width, device=light.device).to(light) + 0.5
    for stroke in range(radii.shape[1]):
        start, end = starts[:, stroke, :, None, None], ends[:, stroke, :, None, None]
        way, to_x, to_y = end - start, x - start[:, 0], y - start[:, 1]
        share = (to_x * way[:, 0] + to_y * way[:, 1]) / way.square().sum(dim=1).clamp(min=1e-6)
        share = share.clamp(0, 1)
        far = (to_x - share * way[:, 0]).square() + (to_y - share * way[:, 1]).square()
        radius = radii[:, stroke, None, None]
        light = torch.where((far < radius.square()) & (radius > 0), inks[:, stroke, None, None], light)
    return light


def _jpeg_numbers(random: np.random.Generator, strength: float, side: int) -> Numbers:
    return [max(5.0, float(round(random.uniform(60, 90) - 55 * strength)))]


def _jpeg(light: Tensor, numbers: Sequence[Numbers]) -> Tensor:
    """Compress hard: round the cosine transform of each 8 x 8 block, as the standard's table has it."""
    height, width = light.shape[1:]
    frequency = torch.arange(8, device=light.device, dtype=light.dtype)
    basis = torch.cos((2 * frequency + 1) * frequency[:, None] * math.pi / 16) / 2  # (8, 8)
    basis[0] /= math.sqrt(2)
    quality = _column(numbers, 0, light)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    table = torch.tensor(_JPEG_TABLE, device=light.device, dtype=light.dtype)
    steps = (table * scale).round().clamp(1, 255)[:, None, None]  # (n, 1, 1, 8, 8)
    padded = F.pad(light[:, None], (0, -width % 8, 0, -height % 8), mode="replicate")[:, 0]
    blocks = padded.unfold(1, 8, 8).unfold(2, 8, 8) * 2.55 - 128  # (n, h, w, 8, 8)
    rounded = ((basis @ blocks @ basis.T) / steps).round() * steps
    blocks = (basis.T @ rounded @ basis + 128) / 2.55
    return blocks.transpose(2, 3).reshape(padded.shape)[:, :height, :width]


DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(
    {
        "halation": Degradation(0.15, _halation_numbers, _halation),
        "contrast": Degradation(0.7, _contrast_numbers, _contrast),
        "fade": Degradation(0.4, _fade_numbers, _fade),
        "blur": Degradation(0.35, _blur_numbers, _blur),
        "vignette": Degradation(0.3, _vignette_numbers, _vignette),
        "grain": Degradation(0.45, _grain_numbers, _grain),
        "scratch": Degradation(0.3, _scratch_numbers, _scratch),
        "jpeg": Degradation(0.35, _jpeg_numbers, _jpeg),
    }
)
"""All degradations by name, in the order in which a film and its print suffer them."""


def age(light: Tensor, randoms: Sequence[np.random.Generator]) -> Tensor:
    """Age L by a random choice of degradations of random strength.

    Args:
        light: 0..100, shape ``(N, H, W)``; left as it is.
        randoms: Where the choices for each sample come from.

    Returns:
        0..100, same shape.
    """
    drawn: dict[str, dict[int, Numbers]] = {name: {} for name in DEGRADATIONS}
    for sample, random in enumerate(randoms):
        for name, degradation in DEGRADATIONS.items():
            if random.random() < degradation.chance:
                drawn[name][sample] = degradation.draw(random, random.uniform(0.2, 1), light.shape[1])
    light = light.clone()
    for name, numbers in drawn.items():
        if numbers:
            chosen = torch.tensor([*numbers], device=light.device)
            changed = DEGRADATIONS[name].apply(light[chosen], [*numbers.values()])
            light[chosen] = changed.clamp(0, 100)
    return light


def on_old_film(rgb: Tensor, blindness: Sequence[float]) -> Tensor:
    """Give L as a film saw it that is blind to red, as most were until the 1920s.

    Args:
        rgb: In [0, 1], shape ``(N, 3, H, W)``.
        blindness: Of each film, in [0, 1]; 0 gives nearly L itself.

    Returns:
        0..100, shape ``(N, H, W)``.
    """
    share = torch.tensor(blindness, dtype=rgb.dtype)[:, None]
    weights = torch.lerp(torch.tensor([_PANCHROMATIC]), torch.tensor([_ORTHOCHROMATIC]), share)
    grey = (decode(rgb) * weights.to(rgb)[:, :, None, None]).sum(dim=1)
    return (116 * root(grey) - 16).clamp(0, 100)
