"""A whole training run: from a folder of photos to a folder with a model."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from colorful import files, hub
from colorful.errors import (
    MissingExtraError,
    OptionError,
    PhotosError,
    TrainingError,
    check_choice,
)
from colorful.host import unaffected
from colorful.lab import rebalancing_weights, smooth_prior
from colorful.models import ARCHITECTURES, MODELS, create, network_class
from colorful.models.network import Network
from colorful.photos import Photo, Source, find_photos, split_photos
from colorful.training.data import CropOptions, Survey, survey
from colorful.training.imagenet import load_imagenet
from colorful.training.options import TrainingOptions
from colorful.training.pool import read
from colorful.training.trainer import CHECKPOINT, LOG, Trainer
from colorful.training.validation import Calibration, Validation, apply, calibrate

try:
    import accelerate
except ModuleNotFoundError as error:
    raise MissingExtraError("train") from error

log = logging.getLogger(__name__)

MINUTES = 120.0
_UNTRAINED = (None, "none", "imagenet")
_SETTINGS, _PHOTOS, _MODEL = "run.json", "photos.json", "model"


@unaffected(training=True)
def train(
    photos: Source | Iterable[Source],
    out: str | os.PathLike[str],
    *,
    model: str = "lite",
    init_from: str | os.PathLike[str] | None = None,
    options: TrainingOptions | None = None,
    resume: bool = False,
    validation: int = 200,
) -> Path | None:
    """Train a network on photos.

    Photos are split by their names: one in twenty each is kept for testing and for validation.

    Args:
        photos: Folders, files, globs or tar shards with color photos.
        out: Folder of the run: checkpoint, log, sheets of pictures, and in the end the model.
        model: The architecture: ``lite``, ``eccv16`` or ``siggraph17``.
        init_from: Weights to begin with: the name of a model, a Hub id, a folder (also that of another run)
            or a file; ``imagenet`` for lite's encoder alone, the default there; ``none`` for random weights,
            the default elsewhere.
        options: How to train; :func:`recipe` of the architecture and *init_from* by default. With
            *resume* those of the run hold, and only ``steps`` and ``minutes`` are taken from here.
        resume: Whether to go on with the run in *out*, whose *model*, *init_from* and *validation* hold.
        validation: On how many photos to validate at most.

    Returns:
        The folder of the finished model, for :meth:`colorful.Colorizer.from_pretrained`; None if the run was
        stopped by a signal and can be resumed, and in all processes but the first.

    Raises:
        PhotosError: If there are no color photos.
        TrainingError: If the run cannot begin or go on.
        OptionError: If *model* is no architecture.
        OutputError: If *out* cannot be written.
        WeightsError: If *init_from* cannot be loaded.
    """
    check_choice("model", model, ARCHITECTURES)
    out = Path(out).expanduser()
    with files.failures_in_words(out):
        begun = (out / CHECKPOINT).exists()
    if begun and not resume:
        raise TrainingError(f"out: {out} holds a run already; resume it, or take another folder")
    if resume:
        model, init_from, options, validation = _resumed(out, options)
    options = options or recipe(model, init_from=init_from, minutes=MINUTES)
    files.make_folder(out)
    state = accelerate.PartialState()
    if state.is_main_process and not resume:  # of an attempt that ended before its first checkpoint
        with files.failures_in_words(out):
            for left in (out / LOG, *out.glob(f".{CHECKPOINT}.*.tmp")):
                left.unlink(missing_ok=True)
    with torch.random.fork_rng():  # the caller's generator stays as it is
        torch.manual_seed(options.seed)
        network = create(model) if resume else _start(model, init_from)

    with state.main_process_first():
        again = resume or not state.is_main_process
        found, held = _look_through(photos, out, side=options.crops.photo_side, again=again)
    validator = None
    try:
        if state.is_main_process and held:
            validator = Validation(held, limit=validation)
    except PhotosError as error:  # in a small collection none of the held-out photos may be in color
        log.warning("%s; training goes on without", error)

    def report(average: Network, step: int) -> Mapping[str, float]:
        if validator is None:
            return {}
        picture = validator.sheet(average)
        files.make_folder(out / "sheets")
        with files.writing(out / "sheets" / f"{step:07d}.png", overwrite=True) as file:
            picture.save(file, "PNG")
        return {f"validation/{name}": value for name, value in validator.score(average).items()}

    trainer = Trainer(network, found, out, options, report=report)
    options = trainer.options  # with what follows from others
    if resume:
        trainer.resume()
    if state.is_main_process:
        settings = {
            "model": model,
            "init_from": init_from and os.fspath(init_from),
            "options": asdict(options),
            "validation": validation,
        }
        _write_json(out / _SETTINGS, settings)
    finished = trainer.run()
    trainer.accelerator.end_training()
    if not finished or not state.is_main_process:
        return None
    average = trainer.average.cpu()
    calibration = None
    if validator is not None and average.logit_bias is not None and not options.hints_only:
        weights = rebalancing_weights(smooth_prior(found.counts), uniform=options.uniform).float()
        calibration = calibrate(average, validator, weights)
        apply(average, calibration, weights)
        chosen = (calibration.balance, calibration.temperature, calibration.saturation)
        log.info("calibrated: balance %.2f, temperature %.2f, saturation %.2f", *chosen)
    return export(
        average, out / _MODEL, found=found, options=options, steps=trainer.step, calibration=calibration
    )


def recipe(
    architecture: str, *, init_from: str | os.PathLike[str] | None = None, **changes: Any
) -> TrainingOptions:
    """Give the options an architecture is trained with by default.

    Args:
        architecture: A key of :data:`colorful.models.ARCHITECTURES`.
        init_from: Weights to begin with, as for :func:`train`. A network that is trained already has batch
            norm that fits, which it keeps, and a decoder that its encoder need not wait for.
        changes: Options to change, ``steps`` or ``minutes`` among them; those of the crops, too.

    Returns:
        The options, for :func:`train`.

    Raises:
        OptionError: If *architecture* is none of those.
    """
    settings = dict(network_class(architecture).recipe)
    if init_from not in _UNTRAINED:
        settings |= {"encoder_delay": 0.0, "freeze_norm": True, **network_class(architecture).later_recipe}
    crops = CropOptions(**settings.pop("crops", {}))
    of_crops = {name: changes.pop(name) for name in list(changes) if name in CropOptions.__dataclass_fields__}
    if changes.get("steps") is None and changes.get("minutes") is None:
        changes["minutes"] = MINUTES
    return TrainingOptions(**settings | changes, crops=replace(crops, **of_crops))


def export(
    network: Network,
    folder: Path,
    *,
    found: Survey,
    options: TrainingOptions,
    steps: int,
    calibration: Calibration | None = None,
) -> Path:
    """Write a trained network as a model folder, in half precision where that holds it, with its card.

    Args:
        network: What was trained, the average if there is one.
        folder: Where.
        found: What it was trained on.
        options: How.
        steps: For how long.
        calibration: The balance that was chosen and its margins.

    Returns:
        The folder.
    """
    training: dict[str, object] = {"steps": steps, "photos": len(found.usable), "options": asdict(options)}
    measures = None
    if calibration is not None:
        training["calibration"] = asdict(calibration)
        rows = "".join(f"| {name} | {value:+.3f} |\n" for name, value in calibration.margins.items())
        measures = (
            "On the validation photos at 256 pixels; AuC and PSNR less those of the grey photo, colorfulness "
            "over that of the real one. They were used to choose the calibration.\n\n| | |\n|---|---|\n"
            f"{rows}"
        )
    card = hub.model_card(
        network.architecture,
        data=f"{len(found.usable)} photos. {_skipped(found)}",
        recipe=f"`colorful train`, {steps} steps:\n\n```json\n{json.dumps(asdict(options), indent=2)}\n```",
        measures=measures,
    )
    half = copy.deepcopy(network).cpu()
    for tensor in (*half.parameters(), *half.buffers()):
        small = tensor.data.half()
        # A variance may be more than float16 holds, which is up to 65,504.
        if tensor.is_floating_point() and small.isfinite().all():
            tensor.data = small
    return hub.save_pretrained(half, folder, card=card, training=training)


def _resumed(out: Path, asked: TrainingOptions | None) -> tuple[str, str | None, TrainingOptions, int]:
    try:
        settings = json.loads((out / _SETTINGS).read_text())
        model, init_from, stored, validation = (
            settings[name] for name in ("model", "init_from", "options", "validation")
        )
        options = TrainingOptions(
            **stored
            | {name: tuple(stored[name]) for name in ("betas", "fixed")}
            | {"crops": CropOptions(**stored["crops"])}
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TrainingError(f"resume: expected a run in {out}, found none") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"resume: {out / _SETTINGS} is damaged: {error}") from error
    if asked is not None:
        options = replace(options, steps=asked.steps, minutes=asked.minutes)
    return model, init_from, options, validation


def _look_through(
    sources: Source | Iterable[Source], out: Path, *, side: int, again: bool
) -> tuple[Survey, list[Photo]]:
    """Find, split and survey the photos; *again* with what is kept of that in the run."""
    photos = {photo.name: photo for photo in find_photos(sources)}
    kept = out / _PHOTOS
    if again and kept.exists():
        try:
            known = json.loads(kept.read_text())
            gone = [name for name in known["train"] + known["validation"] if name not in photos]
            counts = torch.tensor(known["counts"], dtype=torch.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"resume: {kept} is damaged: {files.in_words(error)}") from error
        if gone:
            raise TrainingError(
                f"photos: {len(gone)} photos the run began with are gone, {gone[0]} is the first"
            )
        usable = [photos[name] for name in known["train"]]
        pool, kinds = read(usable, side=side)
        if "broken" in kinds:
            name = usable[kinds.index("broken")].name
            raise TrainingError(f"photos: {name}, which the run began with, cannot be read any more")
        return Survey(usable, pool, counts, known["skipped"]), [photos[name] for name in known["validation"]]
    split = split_photos(list(photos.values()))
    found = survey(split.train, side=side)
    log.info("%d photos to train on. %s", len(found.usable), _skipped(found))
    names = {
        "train": [photo.name for photo in found.usable],
        "validation": [photo.name for photo in split.validation],
        "test": [photo.name for photo in split.test],
        "counts": found.counts.tolist(),
        "skipped": found.skipped,
    }
    _write_json(kept, names)
    return found, split.validation


def _start(model: str, init_from: str | os.PathLike[str] | None) -> Network:
    default = "imagenet" if network_class(model).imagenet_part else "none"
    chosen = default if init_from is None else init_from
    if chosen == "none":
        return create(model)
    if chosen == "imagenet":
        network = create(model)
        if not network.imagenet_part:
            raise OptionError(f"init_from: imagenet is for lite, got {model}")
        load_imagenet(network.get_submodule(network.imagenet_part))
        return network
    finished = Path(chosen).expanduser() / _MODEL
    network = hub.load(finished if chosen not in MODELS and finished.is_dir() else chosen)
    if network.architecture != model:
        raise TrainingError(f"init_from: expected weights of {model}, got those of {network.architecture}")
    return network


def _skipped(found: Survey) -> str:
    if not found.skipped:
        return "None was skipped."
    return "Skipped: " + ", ".join(f"{count} {kind}" for kind, count in sorted(found.skipped.items())) + "."


def _write_json(path: Path, value: object) -> None:
    files.write(path, json.dumps(value, indent=1).encode(), overwrite=True)
