"""The training loop, for one process or several. A resumed run gives the same weights to the bit."""

from __future__ import annotations

import copy
import itertools
import json
import logging
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

import torch
from torch import Tensor, nn

from colorful import files
from colorful.errors import MissingExtraError, OptionError, TrainingError
from colorful.host import handling
from colorful.models.config import NetworkConfig
from colorful.models.network import Network
from colorful.training import checkpoint
from colorful.training.data import Batch, Crops, Survey, plans, sources_of
from colorful.training.norm import freeze_norm, settle_norm
from colorful.training.objective import Objective
from colorful.training.options import DTYPES, TrainingOptions

try:
    import accelerate
    from accelerate.utils import DistributedDataParallelKwargs, broadcast
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter
except ModuleNotFoundError as error:
    raise MissingExtraError("train") from error

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"

_SETTLING = 24  # batches on which the statistics of batch norm are measured
_FRESH = 10**9  # number of the first of these batches: no run has so many steps


class Trainer:
    """One training run in a folder.

    Args:
        network: What is trained, in place.
        found: The photos to learn from.
        out: The run's folder; it is there.
        options: How to train.
        report: Called every few minutes and at the end, in the first process, with the averaged network and
            the step. It returns figures to log.
    """

    def __init__(
        self,
        network: Network,
        found: Survey,
        out: Path,
        options: TrainingOptions,
        *,
        report: Callable[[Network, int], Mapping[str, float]] | None = None,
    ) -> None:
        if options.hints_only:  # a batch without hints would have nothing to teach; looks were learned before
            options = replace(options, perception=0.0, crops=replace(options.crops, hinted=1.0))
        # We set the precision ourselves: accelerate would keep the first one for the whole process.
        # Batches without hints leave the layers of hints without gradients.
        handler = DistributedDataParallelKwargs(find_unused_parameters=0 < options.crops.hinted < 1)
        self.accelerator = accelerate.Accelerator(mixed_precision="no", kwargs_handlers=[handler])
        self._scaler = torch.amp.GradScaler(self.accelerator.device.type, enabled=options.precision == "fp16")
        self.options, self.out, self.report = options, out, report
        self._events = out / "tensorboard" / f"events.out.tfevents.{time.time_ns()}"
        self.network, self.found = network, found
        self.encoder = getattr(network, "encoder", None)
        freeze_norm(network if options.freeze_norm else self.encoder)
        if options.freeze_encoder and self.encoder is not None:
            self.encoder.requires_grad_(False)
        self._fix(options.fixed)
        if options.hints_only:
            if not network.hint_parts():
                raise OptionError(
                    f"hints_only: expected False, got True; {network.architecture} is of one piece"
                )
            freeze_norm(network)
            network.requires_grad_(False)
            for part in network.hint_parts():
                part.requires_grad_(True)
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        # torch's annotations of Module.to know no memory_format without a dtype.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.step, self.seconds = 0, 0.0
        self.settled = options.freeze_norm or options.hints_only
        objective = Objective(network, found.counts, options)
        self.objective, self.optimizer = self.accelerator.prepare(objective, self._optimizer())
        self.average.to(self.accelerator.device)
        self._stop: int | None = None
        self.crops = Crops(
            found.pool.to(self.accelerator.device),
            options.crops,
            stride=network.stride,
            seed=options.seed,
            sources=sources_of(found.usable),
        )

    def run(self) -> bool:
        """Train to the end, or until SIGTERM or SIGINT.

        Returns:
            Whether the end was reached.

        Raises:
            OutputError: If a checkpoint cannot be written; the one before is whole.
            TrainingError: If the loss is no number any more.
        """
        started = time.monotonic() - self.seconds
        saved = reported = time.monotonic()
        watched: list[Tensor] = []
        self.objective.train()
        with handling(self._on_signal, signal.SIGTERM, signal.SIGINT):
            own = {"rank": self.accelerator.process_index, "processes": self.accelerator.num_processes}
            for batch in self._batches(first_step=self.step, **own):
                self.seconds = time.monotonic() - started
                progress, stop = self._agree()
                if stop or progress >= 1:
                    break
                if progress >= self.options.norm_share and not self.settled:
                    self._settle()
                self._set_rates(progress)
                watched.append(self._learn(batch))
                self.step += 1
                now = time.monotonic()
                if self.step % 20 == 0:
                    self._log({"train/loss": float(torch.stack(watched).mean())}, progress)
                    watched.clear()
                if now - saved > 60 * self.options.save_minutes:
                    self.save()
                    saved = time.monotonic()
                if now - reported > 60 * self.options.report_minutes:
                    self._report(progress)
                    reported = time.monotonic()
        self.seconds = time.monotonic() - started
        self.save()
        if stop:
            log.warning("stopped by signal %d at step %d; use resume to continue", self._stop or 0, self.step)
            return False
        if not self.settled:
            settle_norm(self.average, self._fresh())
        self._report(1.0)
        return True

    def save(self) -> None:
        """Write the checkpoint."""
        if self.accelerator.is_main_process:
            state = {
                "architecture": self.network.architecture,
                "config": asdict(self.network.config),
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self._scaler.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "settled": self.settled,
            }
            checkpoint.save(self.out / CHECKPOINT, state)

    def resume(self) -> None:
        """Continue the run from its checkpoint.

        Raises:
            TrainingError: If there is no checkpoint, or it does not fit.
        """
        state = checkpoint.load(self.out / CHECKPOINT)
        try:
            if state["architecture"] != self.network.architecture:
                raise TrainingError(
                    f"resume: expected {self.network.architecture}, got a run of {state['architecture']}"
                )
            # The loss decodes by these settings, and the model comes out with them.
            self.network.config = self.average.config = NetworkConfig(**state["config"])
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self._scaler.load_state_dict(state["scaler"])
            self.step, self.seconds = state["step"], state["seconds"]
            if state["settled"]:
                freeze_norm(self.network)
                self.settled = True
        except TrainingError:
            raise
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise TrainingError(f"resume: the checkpoint does not fit the options: {error}") from error
        if self.accelerator.is_main_process:
            for torn in self.out.glob(f".{CHECKPOINT}.*.tmp"):  # what a kill in the midst of saving left
                torn.unlink(missing_ok=True)

    def _learn(self, batch: Batch) -> Tensor:
        device, dtype = self.accelerator.device, DTYPES[self.options.precision]
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            result: tuple[Tensor, Tensor] = self.objective(*batch, step=self.step)
            loss, figure = result
        self.accelerator.backward(self._scaler.scale(loss))
        self._scaler.unscale_(self.optimizer)
        norm = self.accelerator.clip_grad_norm_(self.objective.parameters(), self.options.clip)
        if not torch.isfinite(figure):
            raise TrainingError(f"the loss is {float(figure)} at step {self.step}: try a lower learning rate")
        # A step of bad gradients is left out; a scaler does that itself, and learns from it.
        if self._scaler.is_enabled() or norm is None or torch.isfinite(norm):
            self._scaler.step(self.optimizer)
        self._scaler.update()
        self.optimizer.zero_grad()
        self._follow()
        return figure

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average toward the network, faster at first."""
        decay = min(self.options.ema, (1 + self.step) / (10 + self.step)) if self.options.ema else 0.0
        mine = [tensor for tensor in self.average.state_dict().values() if tensor.is_floating_point()]
        theirs = [tensor for tensor in self.network.state_dict().values() if tensor.is_floating_point()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)

    def _fix(self, names: Sequence[str]) -> None:
        for name in names:
            try:
                self.network.get_submodule(name).requires_grad_(False)
            except AttributeError as error:
                raise OptionError(f"fixed: {self.network.architecture} has no part {name!r}") from error

    def _settle(self) -> None:
        for network in (self.network, self.average):
            settle_norm(network, self._fresh())
            freeze_norm(network)
        self.settled = True

    def _optimizer(self) -> torch.optim.Optimizer:
        inside = set(map(id, self.encoder.parameters())) if self.encoder is not None else set()
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for parameter in self.network.parameters():
            groups.setdefault((id(parameter) in inside, parameter.dim() > 1), []).append(parameter)
        return torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "rate": self.options.encoder_rate if encoder else 1.0,
                    "encoder": encoder,
                    "weight_decay": self.options.weight_decay if matrix else 0.0,
                }
                for (encoder, matrix), parameters in sorted(groups.items())
            ],
            lr=self.options.lr,
            betas=self.options.betas,
            fused=True,
        )

    def _set_rates(self, progress: float) -> None:
        options = self.options
        rate = self._rate(progress, 0.0)
        waiting = progress < options.encoder_delay
        for group in self.optimizer.param_groups:
            if group["encoder"]:
                # The encoder has a warm-up of its own when its turn comes.
                group["lr"] = 0.0 if waiting else self._rate(progress, options.encoder_delay) * group["rate"]
            else:
                group["lr"] = rate
        frozen = options.freeze_encoder or options.hints_only
        if self.encoder is not None and not frozen and self.accelerator.num_processes == 1:
            # No gradients while it waits, which saves half of the time. Data-parallel training needs them.
            self.encoder.requires_grad_(not waiting)
            self._fix(options.fixed)

    def _rate(self, progress: float, start: float) -> float:
        options = self.options
        rise = min(1.0, (progress - start) / options.warmup) if options.warmup else 1.0
        fall = (1 + math.cos(math.pi * min(progress, 1))) / 2 if options.schedule == "cosine" else 1.0
        return options.lr * max(rise, 0.01) * max(fall, 0.01)

    def _agree(self) -> tuple[float, bool]:
        """Let all processes follow the clock and the signals of the first one."""
        options = self.options
        done = self.step / options.steps if options.steps else self.seconds / (60 * (options.minutes or 1))
        said = torch.tensor([done, float(self._stop is not None)], dtype=torch.float64)
        if self.accelerator.num_processes > 1:
            said = broadcast(said.to(self.accelerator.device))
        return float(said[0]), bool(said[1])

    def _fresh(self) -> Iterator[Batch]:
        """Give a few batches that are the same in every process."""
        return itertools.islice(self._batches(first_step=_FRESH), _SETTLING)

    def _batches(self, **where: int) -> Iterator[Batch]:
        options = self.options
        planned = plans(options.crops, batch_size=options.batch_size, seed=options.seed, **where)
        return map(self.crops.batch, planned)

    def _log(self, figures: Mapping[str, float], progress: float) -> None:
        if self.accelerator.is_main_process:
            row = {"step": self.step, "minutes": round(self.seconds / 60, 2), "progress": round(progress, 4)}
            log.info("%s", "  ".join(f"{name} {value:.4g}" for name, value in (row | dict(figures)).items()))
            values = [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
            event = Event(wall_time=time.time(), step=self.step, summary=Summary(value=values))
            with files.failures_in_words(self.out / LOG), (self.out / LOG).open("a") as file:
                file.write(json.dumps(row | dict(figures)) + "\n")
            files.make_folder(self._events.parent)
            # Not by TensorBoard's own writer, whose thread prints a traceback when the disk is full.
            with files.failures_in_words(self._events), self._events.open("ab") as events:
                RecordWriter(events).write(event.SerializeToString())

    def _report(self, progress: float) -> None:
        if self.accelerator.is_main_process and self.report is not None:
            network = self.average
            if not self.settled and progress < 1:
                network = copy.deepcopy(network)
                settle_norm(network, self._fresh())
            self._log(self.report(network, self.step), progress)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop = number
