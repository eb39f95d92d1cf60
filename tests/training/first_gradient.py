"""Write the gradient of a run's first step; started by ``accelerate launch`` in one or several processes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

from colorful import hub
from colorful.photos import find_photos
from colorful.training import recipe
from colorful.training.data import survey
from colorful.training.trainer import Trainer


def main(photos: str, batch_size: str, target: str) -> None:
    """Run forward and backward once, from weights whose batch norm is measured: others magnify rounding."""
    options = recipe("lite", steps=1, batch_size=int(batch_size), size=64, large_share=0.0, freeze_norm=True)
    with tempfile.TemporaryDirectory() as out:
        options = type(options)(**{**vars(options), "precision": "no"})
        trainer = Trainer(hub.load("lite"), survey(find_photos(photos), side=96), Path(out), options)
        trainer.objective.train()
        loss, _ = trainer.objective(*next(trainer._batches()))
        trainer.accelerator.backward(loss)
        gradient = torch.cat(
            [tensor.grad.flatten() for tensor in trainer.network.parameters() if tensor.grad is not None]
        )
        if trainer.accelerator.is_main_process:
            torch.save(gradient, target)
        trainer.accelerator.wait_for_everyone()
        trainer.accelerator.end_training()


main(*sys.argv[1:])
