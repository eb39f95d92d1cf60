"""Make L look like that of an old print: the network must color those, and is only given clean photos.

Each degradation changes L alone and has a strength in [0, 1]; all randomness comes from the generator.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Light = npt.NDArray[np.float32]
Degradation = Callable[[Light, np.random.Generator, float], Light]


def contrast(light: Light, random: np.random.Generator, strength: float) -> Light:
    """Bend the tone curve: gamma and contrast, up or down."""
    gamma = np.exp(random.uniform(-0.7, 0.7) * strength)
    steepness = 1 + random.uniform(-0.5, 0.4) * strength
    middle = light.mean()
    return _cut(100 * (_cut(middle + (light - middle) * steepness) / 100) ** gamma)


def fade(light: Light, random: np.random.Generator, strength: float) -> Light:
    """Lift the blacks and dull the whites."""
    low = random.uniform(8, 45) * strength
    high = 100 - random.uniform(3, 30) * strength
    return _cut(low + light * np.float32((high - low) / 100))


def grain(light: Light, random: np.random.Generator, strength: float) -> Light:
    """Add film grain: noise of one to three pixels, weaker in the whites."""
    noise = random.standard_normal(light.shape, dtype=np.float32)
    radius = random.uniform(0, 0.9)
    if radius > 0.3:
        noise = _filter(noise, ImageFilter.GaussianBlur(radius))
        noise /= noise.std() + 1e-6
    return _cut(light + noise * np.float32(random.uniform(3, 12) * strength) * (1.15 - light / 100))


def blur(light: Light, random: np.random.Generator, strength: float) -> Light:
    """Defocus, by up to 1 % of the shorter side."""
    radius = random.uniform(0.3, 1) * strength * 0.01 * min(light.shape)
    return _filter(light, ImageFilter.GaussianBlur(float(radius)))


def scratch(light: Light, random: np.random.Generator, strength: float) -> Light:
    """Draw scratches, creases and dust, most of them white."""
    height, width = light.shape
    picture = Image.fromarray(light)
    pen = ImageDraw.Draw(picture)
    for _ in range(round(random.uniform(2, 12) * strength)):
        x, y = random.uniform(0, width), random.uniform(0, height)
        angle, length = random.normal(np.pi / 2, 0.6), random.uniform(0.1, 1) * height
        bend = random.normal(0, 0.03, 2) * height
        middle = (x + np.cos(angle) * length / 2 + bend[0], y + np.sin(angle) * length / 2 + bend[1])
        points = [(x, y), middle, (x + np.cos(angle) * length, y + np.sin(angle) * length)]
        pen.line(points, fill=_ink(random), width=int(random.integers(1, max(2, height // 96) + 1)))
    for _ in range(round(random.uniform(0, 40) * strength)):
        x, y, radius = (
            random.uniform(0, width),
            random.uniform(0, height),
            random.uniform(0.3, max(0.5, height / 110)),
        )
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_ink(random))
    return np.asarray(picture, dtype=np.float32)


def jpeg(light: Light, random: np.random.Generator, strength: float) -> Light:
    """Compress hard."""
    file = io.BytesIO()
    quality = round(float(random.uniform(60, 90) - 55 * strength))
    Image.fromarray(np.rint(light * 2.55).astype(np.uint8)).save(file, "JPEG", quality=max(5, quality))
    return _cut(np.asarray(Image.open(file), dtype=np.float32) / np.float32(2.55))


def vignette(light: Light, random: np.random.Generator, strength: float) -> Light:
    """Darken, or bleach, toward the corners."""
    height, width = light.shape
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    off = random.uniform(-0.3, 0.3, 2)
    corner = np.clip(((x - off[0]) ** 2 + (y - off[1]) ** 2) / 2, 0, 1) ** random.uniform(0.7, 2)
    depth = random.uniform(0.15, 0.6) * strength
    target = np.float32(0 if random.random() < 0.7 else 100)
    return _cut(light + (target - light) * (depth * corner))


DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(
    {f.__name__: f for f in (contrast, fade, blur, vignette, grain, scratch, jpeg)}
)
"""All degradations by name, in the order in which a print suffers them."""

_CHANCES = {
    "contrast": 0.7,
    "fade": 0.4,
    "blur": 0.35,
    "vignette": 0.3,
    "grain": 0.45,
    "scratch": 0.3,
    "jpeg": 0.35,
}


def age(light: Light, random: np.random.Generator) -> Light:
    """Age L by a random choice of degradations of random strength.

    Args:
        light: 0..100, shape ``(H, W)``, float32.
        random: Where all choices come from.

    Returns:
        A new array, 0..100, of the same shape and dtype.
    """
    for name, degrade in DEGRADATIONS.items():
        if random.random() < _CHANCES[name]:
            light = degrade(light, random, float(random.uniform(0.2, 1)))
    return _cut(light)


def _cut(light: npt.NDArray[np.floating]) -> Light:
    cut: Light = np.clip(light, 0, 100).astype(np.float32)
    return cut


def _filter(light: Light, kernel: ImageFilter.GaussianBlur) -> Light:
    # Pillow blurs bytes only. Sixteen bits in two bytes would break at their seam, so the range is stretched.
    low, high = float(light.min()), float(light.max())
    scale = 255 / max(high - low, 1e-6)
    small = Image.fromarray(np.rint((light - low) * scale).astype(np.uint8)).filter(kernel)
    blurred: Light = np.asarray(small, dtype=np.float32) / np.float32(scale) + np.float32(low)
    return blurred


def _ink(random: np.random.Generator) -> float:
    return float(random.uniform(75, 100) if random.random() < 0.75 else random.uniform(0, 30))
