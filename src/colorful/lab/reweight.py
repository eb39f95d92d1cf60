"""Choose among the colors a network holds possible: toward a histogram, another photo, or another thought.

Colors are never painted over: each function takes logits over ab bins and gives logits, so that a color
stays as unlikely as the network finds it, as long as nothing better is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from colorful.lab.decode import Decoder

_SMOOTH = 10.0
"""Width of the Gaussian that histograms are compared under, in CIELAB units."""
_SPREAD = 5.0
"""Width of the Gaussian that spreads a color over bins, as in the training of Zhang et al."""
_LEAST = 3e-3
"""Share of a histogram under which a bin counts as empty."""
_ROUNDS = 6
_COOLEST = 0.2
"""Temperature under which distributions are too narrow to be mixed."""
_SAMPLES = 256
"""Cells that a histogram is taken of: more tell nothing new."""
_CELLS = 32
"""Cells along the side of a square photo whose features are compared with another's."""
_SHARPNESS = 25.0
"""Of the choice among the cells of the other photo."""
_UNLIKE, _SAME = 0.3, 0.5
"""Likeness of features up to which nothing, and from which on everything, is taken from the other photo."""

_DISTANCE = 7.8
"""Mean distance of a variant from the plain picture, in CIELAB units."""
_REACH = 15.0
"""Greatest distance of one of its cells, about."""
_WHOLE = 0.5
"""How far the regions of a variant go together, as one tilt of all: 1 would be a mere filter."""
_CHROMA = 24.0
"""Chroma beyond which a variant pushes no color that has less: vivid and moved is mostly wrong."""
_CALM = 0.15
"""Share of that limit that holds in all directions: the rest holds along the push alone, or what is moved
across would turn grey."""
_TRIES = 6


def histogram(ab: Tensor, bins: Tensor) -> Tensor:
    """Count colors softly in bins.

    Args:
        ab: CIELAB units, shape ``(2, H, W)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.

    Returns:
        Shares that sum to 1, shape ``(Q,)``.
    """
    return _soft(ab.flatten(1), bins).mean(dim=0)


def tilt(logits: Tensor, decoder: Decoder, target: Tensor, *, amount: float) -> Tensor:
    """Weigh bins so that the photo as a whole has other colors.

    One weight for each bin is sought, the same for all cells, under which the histogram of the decoded colors
    is the mixture of its own and *target*: in each round a bin's weight grows by what it lacks. A cell that
    is sure of its color keeps it; one that hesitates follows.

    Args:
        logits: Unnormalized scores, shape ``(Q, h, w)``.
        decoder: What the result will be decoded with.
        target: The histogram wanted, shape ``(Q,)``.
        amount: Share of *target* in the mixture, in [0, 1].

    Returns:
        Logits, shape and dtype of *logits*.
    """
    bins = decoder.bins
    smooth = (-torch.cdist(bins, bins).square() / (2 * _SMOOTH**2)).exp()
    smooth = smooth / smooth.sum(dim=1, keepdim=True)
    step = max(1, math.isqrt(logits[0].numel() // _SAMPLES))
    heat = max(decoder.temperature, _COOLEST)
    cells = (logits[:, ::step, ::step].flatten(1).mT / heat).softmax(dim=1)  # (P, Q)

    def count(weights: Tensor) -> Tensor:
        decoded = (cells * weights) @ bins / (cells @ weights)[:, None]  # (P, 2)
        return _soft(decoded.mT, bins).mean(dim=0) @ smooth

    weights = torch.ones_like(target)
    wanted = torch.lerp(count(weights), target @ smooth, amount) + _LEAST
    for _ in range(_ROUNDS):
        weights = weights * wanted / (count(weights) + _LEAST)
    return logits + heat * weights.log()[:, None, None]


class Lookup(NamedTuple):
    """Colors found in another photo.

    Attributes:
        shares: A distribution for each cell, shape ``(Q, h, w)``.
        trust: How far each can be relied on, in [0, 1], shape ``(h, w)``.
    """

    shares: Tensor
    trust: Tensor


def borrow(
    logits: Tensor,
    features: Tensor,
    other_logits: Tensor,
    other_features: Tensor,
    other_ab: Tensor,
    bins: Tensor,
) -> Lookup:
    """Look up colors where another photo shows the same.

    Each cell attends to the cells of the other photo whose features and logits are like its own. Features are
    compared after each channel has been brought to mean 0 and variance 1 over both photos, so that their
    cosine is an absolute measure: of the same scene it is mostly above 0.4, of others below 0.3.

    Args:
        logits: Of the photo, shape ``(Q, h, w)``.
        features: Of the photo, from the network's middle, shape ``(C, h', w')``.
        other_logits: Of the other photo.
        other_features: Of the other photo.
        other_ab: Its true colors, CIELAB units, shape ``(2, H, W)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.

    Returns:
        What was found.

    References:
        He, Chen, Liao, Sander, Yuan. Deep Exemplar-based Colorization. SIGGRAPH 2018 (the task).
    """
    coarse, other_coarse = (
        pool(maps, math.ceil(math.sqrt(maps[0].numel()) / _CELLS)) for maps in (logits, other_logits)
    )
    here, there = coarse.shape[1:], other_coarse.shape[1:]
    features_alike = cosines(_resize(features, here), _resize(other_features, there))  # (P, P')
    look = ((features_alike + cosines(coarse, other_coarse)) * (_SHARPNESS / 2)).softmax(dim=1)
    colors = _soft(_resize(other_ab.to(logits), there).flatten(1), bins)  # (P', Q)
    found = (look @ colors).reshape(1, *here, -1).movedim(-1, 1)  # (1, Q, h, w)
    likeness = (look * features_alike).sum(dim=1).reshape(1, 1, *here)
    # Of a whole thing one cell may be unlike by chance, or a single one of another like: a vote among nine.
    voted = functional.avg_pool2d(functional.pad(likeness, (1,) * 4, mode="replicate"), 3, stride=1)
    trust = ((voted - _UNLIKE) / (_SAME - _UNLIKE)).clamp(0, 1)
    size = (logits.shape[1], logits.shape[2])
    shares, trust = (
        functional.interpolate(maps, size, mode="bilinear")[0]
        for maps in (found, trust * trust * (3 - 2 * trust))
    )
    return Lookup(shares, trust[0])


def mix(logits: Tensor, shares: Tensor, trust: Tensor) -> Tensor:
    """Replace a part of each cell's distribution.

    Args:
        logits: Unnormalized scores, shape ``(Q, h, w)``.
        shares: Distributions, same shape.
        trust: Their share in the mixture, in [0, 1], shape ``(h, w)``.

    Returns:
        Logits of the mixture.
    """
    # By cell, as networks lay logits out.
    own, other = (maps.movedim(0, -1) for maps in (logits, shares))
    mixed = torch.lerp(own.softmax(dim=-1), other, trust[..., None])
    return mixed.clamp_(min=1e-12).log_().movedim(-1, 0)


class Leaning(NamedTuple):
    """Logits that lean to one side.

    Attributes:
        logits: Shape ``(Q, h, w)``.
        ab: What they decode to on the grid of the regions, shape ``(2, h', w')``.
    """

    logits: Tensor
    ab: Tensor


def lean(
    logits: Tensor, decoder: Decoder, regions: Tensor, *, step: int, angles: Sequence[float]
) -> list[Leaning]:
    """Move open colors to one side, regions most, in several ways.

    In each region the colors that it hesitates between have a main axis. An angle is taken from it, in the
    ellipse of their spread; main axes point to the same side in all regions. Each cell's logits are then
    raised along that direction (an exponential tilt), as much as brings the whole photo to a fixed mean
    distance from where it was. A cell that is sure hardly follows, and none goes further than about twice
    that distance or becomes more vivid than usual, where colors are mostly wrong.

    Args:
        logits: Unnormalized scores, shape ``(Q, h, w)``.
        decoder: What the results will be decoded with.
        regions: How much each cell of a coarse grid belongs to each region, in [0, 1], ``(R, h', w')``.
        step: Side of a coarse cell in cells of *logits*.
        angles: In radians, one for each way.

    Returns:
        One for each angle.
    """
    bins = decoder.bins
    coarse = pool(logits, step)  # (Q, h', w')
    cells = coarse.flatten(1).mT.contiguous()  # (P, Q)
    start = _decode(cells, decoder)  # (P, 2)
    belongs = (regions / regions.sum(dim=0).clamp(min=1)).flatten(1)  # (R, P)
    sizes = belongs.sum(dim=1, keepdim=True).clamp(min=1e-6)
    ellipses = _ellipses(belongs @ cells.softmax(dim=1) / sizes, bins)  # (R, 2, 2)
    slopes = torch.cat((bins, _products(bins) * bins.new_tensor([1, 2, 1])), dim=1).mT  # (5, Q)
    size = (logits.shape[1], logits.shape[2])
    found = []
    for angle in angles:
        turned = math.cos(angle) * ellipses[:, 0] + math.sin(angle) * ellipses[:, 1]  # (R, 2)
        whole = (turned * sizes).sum(dim=0) / sizes.sum()
        direction = torch.lerp(belongs.mT @ turned, whole, _WHOLE)  # (P, 2)
        # A parabola along it: what lies beyond its top is raised no further.
        length = direction.norm(dim=1, keepdim=True)
        top = start.norm(dim=1, keepdim=True).clamp(min=_CHROMA)
        bend = _products(direction).lerp(length.square() * bins.new_tensor([1, 0, 1]), _CALM)
        along = torch.cat((direction, -bend / (2 * top * length.clamp(min=1e-6))), dim=1)  # (P, 5)
        force, ab = _force(cells, along @ slopes, start, decoder)
        grid = (force * along).mT.reshape(1, 5, *regions.shape[1:])
        wide = functional.interpolate(grid, size, mode="bilinear")[0]
        push = (wide.movedim(0, -1) @ slopes).movedim(-1, 0)
        found.append(Leaning(logits + push, ab.mT.reshape(2, *regions.shape[1:])))
    return found


def _ellipses(shares: Tensor, bins: Tensor) -> Tensor:
    """Give the axes, one standard deviation long, of distributions ``(R, Q)``: -> ``(R, 2, 2)``, main first.

    Those of all regions point to about the same side as the first one's.
    """
    axes: list[Tensor] = []
    for its in shares:
        away = bins - its @ bins
        spread, directions = torch.linalg.eigh((away * its[:, None]).mT @ away)
        deviations = spread.clamp(min=1).sqrt()
        main = directions[:, 1] * deviations[1]
        across = torch.stack((-directions[1, 1], directions[0, 1])) * deviations[0]
        pair = torch.stack((main, across))
        axes.append(-pair if axes and main @ axes[0][0] < 0 else pair)
    return torch.stack(axes)


def _products(points: Tensor) -> Tensor:
    """Give a², ab and b²: ``(P, 2)`` -> ``(P, 3)``."""
    a, b = points.unbind(dim=1)
    return torch.stack((a * a, a * b, b * b), dim=1)


def _force(cells: Tensor, push: Tensor, start: Tensor, decoder: Decoder) -> tuple[Tensor, Tensor]:
    """Find how hard each cell is to be pushed: -> ``(P, 1)``, and the ab that come of it."""
    # Small at first: a distance grows in proportion to the push, until what goes too far is held back.
    low, high, strength = 0.0, math.inf, 1e-5 * max(decoder.temperature, 0.1)
    for _ in range(_TRIES):
        force: float | Tensor = strength
        for _ in range(2):
            ab = _decode(cells + force * push, decoder)
            far = (ab - start).norm(dim=1, keepdim=True)
            force = force * (_REACH / far.clamp(min=1e-6)).clamp(max=1)
        moved = max(float(far.mean()), 1e-3)
        low, high = (strength, high) if moved < _DISTANCE else (low, strength)
        strength *= _DISTANCE / moved
        if not low <= strength <= high:
            strength = math.sqrt(low * high)
    return torch.as_tensor(force), ab


def _decode(cells: Tensor, decoder: Decoder) -> Tensor:
    return decoder(cells.mT[..., None])[..., 0].mT  # (P, Q) -> (P, 2)


def _soft(colors: Tensor, bins: Tensor) -> Tensor:
    """Spread colors ``(2, P)`` over the bins around them: -> ``(P, Q)``."""
    # A distance less what is the same for all bins.
    nearness = 2 * colors.mT @ bins.mT - bins.square().sum(dim=1)
    return (nearness / (2 * _SPREAD**2)).softmax(dim=1)


def pool(logits: Tensor, step: int) -> Tensor:
    """Average logits ``(Q, h, w)`` over squares of cells; those at the far edges may be cut."""
    by_cell = logits.movedim(0, -1)[None].movedim(-1, 1)  # torch pools several times as fast if it can tell
    return functional.avg_pool2d(by_cell, step, ceil_mode=True)[0]


def _resize(maps: Tensor, size: Sequence[int]) -> Tensor:
    return functional.interpolate(maps[None], tuple(size), mode="bilinear", antialias=True)[0]


def cosines(ours: Tensor, theirs: Tensor) -> Tensor:
    """Compare each cell of a map with each of another, by the cosine of their channels.

    Each channel is first brought to mean 0 and variance 1 over both maps, so that cells of unlike things are
    about at right angles.

    Args:
        ours: Shape ``(C, h, w)``.
        theirs: Shape ``(C, h', w')``.

    Returns:
        Shape ``(h w, h' w')``, at most 1.
    """
    both = torch.cat((ours.flatten(1).mT, theirs.flatten(1).mT))  # (P + P', C)
    both -= both.mean(dim=0)
    both /= both.square().mean(dim=0).sqrt() + 1e-3
    both /= both.norm(dim=1, keepdim=True).clamp(min=1e-6)
    count = ours[0].numel()
    return both[:count] @ both[count:].mT
