"""Score a network in training on photos that it does not learn from, always against the grey photo.

The measures are those of :mod:`colorful.metrics`. Only a few of them are taken, without intervals: the
calibration compares more than a hundred colorings of all photos.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from colorful import metrics
from colorful.errors import ImageError, PhotosError
from colorful.images.sheet import lay_out
from colorful.lab import AbBins, lab_to_rgb, rgb_to_lab
from colorful.lab.decode import Decoder
from colorful.models.network import Network
from colorful.photos import Photo, color_kind

log = logging.getLogger(__name__)

_BATCH = 8
# The grid on which a calibration begins.
_BALANCES = (-0.4, -0.2, 0.0, 0.2, 0.4)
_TEMPERATURES = (0.38, 0.5, 0.65, 0.85)
_SATURATIONS = (0.9, 1.05, 1.25, 1.5)
_PALE, _GAUDY = 0.85, 1.05  # colorfulness over the real one, below and above which people notice

Margins = dict[str, float]
"""AuC, rebalanced AuC and PSNR less those of grey; the percentage of pixels that are vivid and wrong; and
colorfulness over that of the real photos."""


class Scorer:
    """Photos in memory, to compare colorings of them with what grey scores.

    Args:
        pixels: 8-bit RGB, shape ``(N, 3, S, S)``.
    """

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels
        self._grey = self._measure(torch.zeros(len(pixels), 2, 1, 1))

    def margins(self, ab: Tensor) -> Margins:
        """Score a coloring.

        Args:
            ab: Predicted colors of all photos in CIELAB units, shape ``(N, 2, h, w)``, of any size.
        """
        found = self._measure(ab)
        return {
            name: value / self._grey["real"] if name == "colorfulness" else value - self._grey[name]
            for name, value in found.items()
            if name != "real"
        }

    @torch.inference_mode()
    def _measure(self, ab: Tensor) -> Margins:
        errors, psnr, vivid, colorful, real_colorful = metrics.AbErrors(), [], [], [], []
        for real_rgb, predicted in zip(
            torch.split(self.pixels, _BATCH), torch.split(ab, _BATCH), strict=True
        ):
            lab = rgb_to_lab(real_rgb / 255)
            real = lab[:, 1:]
            mine = _resize(predicted, real)
            rgb = (lab_to_rgb(torch.cat((lab[:, :1], mine), dim=1)) * 255).round().byte()
            errors.update(real, mine)
            psnr.append(metrics.psnr(rgb, real_rgb))
            vivid.append(metrics.vivid_and_wrong(mine, real))
            colorful.append(metrics.colorfulness(rgb))
            real_colorful.append(metrics.colorfulness(real_rgb))
        return {
            "auc": errors.auc()[0],
            "auc_rebalanced": errors.rebalanced_auc()[0],
            "psnr": float(torch.cat(psnr).mean()),
            "vivid_and_wrong": 100 * float(torch.cat(vivid).mean()),
            "colorfulness": float(torch.cat(colorful).mean()),
            "real": float(torch.cat(real_colorful).mean()),
        }


class Validation(Scorer):
    """Photos to score a network on.

    Args:
        photos: Where they come from; what is broken, grey or toned is passed over.
        size: Side in pixels of the square they are squeezed into.
        limit: How many to take at most, the first ones.

    Raises:
        PhotosError: If none is left.
    """

    def __init__(self, photos: Iterable[Photo], *, size: int = 256, limit: int = 200) -> None:
        loaded = list(itertools.islice(_load(photos, size), limit))
        if not loaded:
            raise PhotosError("validation: expected color photos, got none")
        super().__init__(torch.stack(loaded))

    @torch.inference_mode()
    def score(self, network: Network) -> Margins:
        """Score a network at its own temperature and saturation."""
        outputs = torch.split(self.outputs(network), _BATCH)
        ab = torch.cat([network.decode(output.float()) for output in outputs])
        return self.margins(ab * network.config.saturation)

    @torch.inference_mode()
    def outputs(self, network: Network) -> Tensor:
        """Run a network on all photos, without hints; the outputs are kept in half precision."""
        device = next(network.parameters()).device
        found = []
        for pixels in torch.split(self.pixels, _BATCH):
            light = rgb_to_lab(pixels / 255)[:, :1].to(device, memory_format=torch.channels_last)
            found.append(network(light).half().cpu())
        return torch.cat(found)

    @torch.inference_mode()
    def sheet(self, network: Network, *, count: int = 24, columns: int = 6) -> Image.Image:
        """Draw photos, each as the network colors it above the real one."""
        device = next(network.parameters()).device
        colored: list[Tensor] = []
        for pixels in torch.split(self.pixels[:count], _BATCH):
            light = rgb_to_lab(pixels / 255)[:, :1]
            ab = network.decode(network(light.to(device))).cpu() * network.config.saturation
            drawn = lab_to_rgb(torch.cat((light, _resize(ab, light)), dim=1))
            colored += (drawn * 255).round().byte()
        rows = []
        for start in range(0, len(colored), columns):
            for pictures in (colored, self.pixels[:count]):
                row = pictures[start : start + columns]
                rows.append([Image.fromarray(picture.movedim(0, -1).numpy()) for picture in row])
        return lay_out(rows, gap=0)


@dataclass(frozen=True)
class Calibration:
    """A balance between rare colors and calm.

    Attributes:
        balance: Exponent of the rebalancing weights that multiply the probabilities.
        temperature: Of the annealed mean.
        saturation: Factor on its chroma.
        margins: What it scores on the validation photos.
    """

    balance: float
    temperature: float
    saturation: float
    margins: Margins


def calibrate(network: Network, validation: Validation, weights: Tensor) -> Calibration:
    """Choose how much rare colors count, after training, on photos that were not trained on.

    A network that is trained with weight w(q) on color q learns p(q) w(q). So adding a multiple of log w(q)
    to the logits gives the network of any other weighting, without training. Together with temperature and
    saturation there are three numbers to choose. A grid is tried, then the neighborhood of the best, at the
    size of the network's output; a weighted sum of the margins decides. The margins that are returned are
    those at full size.

    Args:
        network: What was trained.
        validation: Photos to score on.
        weights: Rebalancing weights, shape ``(Q,)``.

    References:
        Menon et al. Long-tail learning via logit adjustment. ICLR 2021.
    """
    outputs = validation.outputs(network)
    coarse = Scorer(F.avg_pool2d(validation.pixels.float(), network.stride).round().byte())
    shift = weights.log()[:, None, None]
    bins = AbBins().centers

    def decode(place: tuple[float, float]) -> Tensor:
        balance, temperature = place
        decoder = Decoder(bins, temperature)
        return torch.cat([decoder(part + balance * shift) for part in torch.split(outputs, _BATCH)])

    def attempt(place: tuple[float, float], many: Sequence[float]) -> list[Calibration]:
        means = decode(place)
        return [Calibration(*place, factor, coarse.margins(means * factor)) for factor in many]

    grid = itertools.product(_BALANCES, _TEMPERATURES)
    best = max(itertools.chain(*(attempt(place, _SATURATIONS) for place in grid)), key=_merit)
    around = itertools.product(
        (best.balance - 0.1, best.balance, best.balance + 0.1),
        (best.temperature * 0.88, best.temperature, min(1.0, best.temperature * 1.12)),
    )
    saturations = [best.saturation * factor for factor in (0.93, 1.0, 1.07)]
    best = max(itertools.chain(*(attempt(place, saturations) for place in around)), key=_merit)
    final = decode((best.balance, best.temperature)) * best.saturation
    return replace(best, margins=validation.margins(final))


def apply(network: Network, calibration: Calibration, weights: Tensor) -> None:
    """Build a calibration into a network: the balance into the bias of its head, the rest into its config."""
    bias = network.logit_bias
    if bias is not None:
        bias.data += calibration.balance * weights.log().to(bias)
    network.config = replace(
        network.config,
        temperature=round(calibration.temperature, 3),
        saturation=round(calibration.saturation, 3),
    )


def _merit(found: Calibration) -> float:
    """Weigh the margins against each other: calm colors win the first two, vivid ones the next two."""
    margins = found.margins
    pale, gaudy = max(0.0, _PALE - margins["colorfulness"]), max(0.0, margins["colorfulness"] - _GAUDY)
    return (
        margins["auc"]
        + margins["psnr"]
        + 0.25 * margins["auc_rebalanced"]
        - 10 * (pale + gaudy)
        - 0.5 * margins["vivid_and_wrong"]
    )


def _load(photos: Iterable[Photo], size: int) -> Iterable[Tensor]:
    for photo in photos:
        try:
            pixels = photo.load()
        except ImageError as error:
            log.warning("%s", error)
            continue
        if color_kind(pixels) == "color":
            small = Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC)
            yield torch.from_numpy(np.array(small)).movedim(-1, 0)


def _resize(ab: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(ab.float(), like.shape[-2:], mode="bilinear", align_corners=False)
