"""How to train."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch

from colorful.errors import OptionError, check_choice
from colorful.training.data import CropOptions

DTYPES = {"no": None, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Types of the matrix products, by the name of a precision."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How to train; :func:`recipe` gives what suits an architecture.

    Args:
        steps: Length of the run in steps. Give either this or *minutes*.
        minutes: Length of the run in minutes of wall clock, all resumed parts together.
        batch_size: Samples of a step in each process.
        lr: Highest learning rate.
        warmup: Share of the run in which the rate rises to it.
        schedule: The rate after that: ``cosine`` lets it fall to nearly 0, ``constant`` keeps it.
        encoder_rate: Factor on the rate of a pretrained encoder.
        encoder_delay: Share of the run, at its beginning, in which a pretrained encoder does not change.
        freeze_encoder: Whether it does not change in the whole run.
        fixed: Names of parts that do not change, such as ``encoder.stem``.
        hints_only: Whether to train only the layers for hints: colors without hints do not change.
        norm_share: Share of the run in which batch norm updates its statistics. After that they are measured
            once more and stay constant, so that the network is trained as it will be used.
        freeze_norm: Whether batch norm keeps the statistics it came with.
        betas: The two decay rates of Adam.
        weight_decay: Weight decay of AdamW, for matrices and kernels only.
        clip: Highest norm of the gradient.
        every: 1 to learn from all output cells in each step; 2 or 3 to take only every second or third one in
            both directions, other ones in each step. Neighbors teach nearly the same.
        uniform: Share of the uniform distribution in the rebalancing (lambda of the paper).
        rebalance: Exponent of the rebalancing weights: 1 as published, 0 for none.
        distance: Weight of how far the decoded color is off, in CIELAB units, rare colors counting more.
        vivid: Weight of colors that are vivid and wrong.
        patchy: Weight of differences of color between places whose true colors are alike.
        perception: Weight of how unlike the real colors the decoded ones look to EfficientNet-Lite0.
        harm: Weight of what hints make worse, in CIELAB units. These five are for networks that give a
            distribution, decoded at their own temperature.
        ema: Decay of the moving average of the weights that is kept as the result; 0 for none.
        seed: Seed of all random choices.
        precision: Number type of the matrix products: ``no`` means float32.
        save_minutes: Time between checkpoints.
        report_minutes: Time between validations.
        crops: How samples are made.
    """

    steps: int | None = None
    minutes: float | None = None
    batch_size: int = 32
    lr: float = 1e-3
    warmup: float = 0.02
    schedule: Literal["cosine", "constant"] = "cosine"
    encoder_rate: float = 1.0
    encoder_delay: float = 0.0
    freeze_encoder: bool = False
    fixed: tuple[str, ...] = ()
    hints_only: bool = False
    norm_share: float = 1.0
    freeze_norm: bool = False
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-3
    clip: float = 1.0
    every: int = 1
    uniform: float = 0.5
    rebalance: float = 1.0
    distance: float = 0.0
    vivid: float = 0.0
    patchy: float = 0.0
    perception: float = 0.0
    harm: float = 0.0
    ema: float = 0.998
    seed: int = 0
    precision: Literal["no", "bf16", "fp16"] = "no"
    save_minutes: float = 5
    report_minutes: float = 10
    crops: CropOptions = field(default_factory=CropOptions)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise OptionError("steps, minutes: expected one of the two")
        if (length := self.steps or self.minutes or 0) <= 0:
            raise OptionError(f"steps, minutes: expected a length above 0, got {length}")
        check_choice("precision", self.precision, DTYPES)
