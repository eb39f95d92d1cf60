"""From a distribution over ab bins to one ab value per cell."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from colorful.errors import RangeError, ShapeError


class Decoder(NamedTuple):
    """How the logits of a photo become ab: what :func:`annealed_mean` needs besides the logits.

    Attributes:
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.
        temperature: Sharpness of the decoding, in [0, 1].
    """

    bins: Tensor
    temperature: float

    def __call__(self, logits: Tensor) -> Tensor:
        """Decode logits ``(*, Q, h, w)`` into ab ``(*, 2, h, w)``."""
        return annealed_mean(logits, self.bins, temperature=self.temperature)


def annealed_mean(logits: Tensor, bins: Tensor, *, temperature: float = 0.38) -> Tensor:
    """Decode logits over ab bins into one ab value per cell.

    The softmax is sharpened by *temperature*, then averaged over the bin centers: 1 gives the plain mean
    (smooth, greyish), 0 the mode (vivid, blotchy).

    Args:
        logits: Unnormalized scores, shape ``(*, Q, h, w)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.
        temperature: Sharpness of the decoding, in [0, 1].

    Returns:
        ab in CIELAB units, shape ``(*, 2, h, w)``; dtype and device of *logits*.

    Raises:
        ShapeError: If axis -3 of *logits* is not Q long.
        RangeError: If *temperature* is outside [0, 1].

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, eq. 5.
    """
    _check(logits, bins)
    if not 0 <= temperature <= 1:
        raise RangeError(f"temperature: expected a number in [0, 1], got {temperature}")
    if temperature == 0:
        return mode(logits, bins)
    # Networks give logits channels-last, so this axis order needs no copy. The largest logit is subtracted
    # before the division, so that a small temperature cannot overflow. Below 1e-6 it makes no difference in
    # float32, but 1 / temperature might be infinite.
    cells = logits.movedim(-3, -1)  # (*, Q, h, w) -> (*, h, w, Q)
    # Weights under e**-80 count for nothing, but processors take several times as long for numbers so small.
    weights = (cells - cells.amax(dim=-1, keepdim=True)).div_(max(temperature, 1e-6)).clamp_(min=-80).exp_()
    centers = bins.to(weights).mT.contiguous().mT  # in this order the product takes a fifth of the time
    ab = weights @ centers / weights.sum(dim=-1, keepdim=True)  # -> (*, h, w, 2)
    return ab.movedim(-1, -3).contiguous()


def mode(logits: Tensor, bins: Tensor) -> Tensor:
    """Decode logits into the center of the likeliest bin of each cell.

    Args:
        logits: Unnormalized scores, shape ``(*, Q, h, w)``.
        bins: Bin centers in CIELAB units, shape ``(Q, 2)``.

    Returns:
        ab in CIELAB units, shape ``(*, 2, h, w)``; dtype and device of *logits*.

    Raises:
        ShapeError: If axis -3 of *logits* is not Q long.
    """
    _check(logits, bins)
    best = bins.to(logits)[logits.argmax(dim=-3)]  # (*, h, w) -> (*, h, w, 2)
    return best.movedim(-1, -3)


def _check(logits: Tensor, bins: Tensor) -> None:
    if logits.dim() < 3 or logits.shape[-3] != bins.shape[0]:
        raise ShapeError(f"logits: expected shape (*, {bins.shape[0]}, h, w), got {tuple(logits.shape)}")
