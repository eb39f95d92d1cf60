"""Runs: cut off and resumed, in several processes, on few photos, and everything that can go wrong."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from skimage import data
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training.conftest import write_photos

from colorful import Colorizer
from colorful.errors import OptionError, OutputError, PhotosError, TrainingError, WeightsError
from colorful.hub import load as load_network
from colorful.hub import save_pretrained
from colorful.models import create
from colorful.models.network import Network
from colorful.photos import find_photos, split_photos
from colorful.training import TrainingOptions, recipe, train
from colorful.training.checkpoint import load
from colorful.training.data import Batch, survey
from colorful.training.objective import Objective
from colorful.training.session import _start, export
from colorful.training.trainer import CHECKPOINT, LOG, Trainer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SMALL = ["--size", "32", "--batch-size", "2", "--validation", "2"]


@pytest.fixture
def few_photos(photo_folder: Path) -> list[Path]:
    """Give so few photos that none is held out: without validation and calibration a run ends at once."""
    return sorted(photo_folder.iterdir())[:9]


def _small(steps: int, **changes: Any) -> TrainingOptions:
    settings = {
        "batch_size": 2,
        "size": 32,
        "large_share": 0.0,
        "precision": "no",
        "freeze_norm": True,
    }
    return recipe("lite", steps=steps, **settings | changes)


def _command(photos: Path, out: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "colorful", "train", str(photos), "--out", str(out), *arguments]


def _tensors(state: Any, path: str = "") -> dict[str, torch.Tensor]:
    if isinstance(state, torch.Tensor):
        return {path: state}
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    return {name: tensor for key, value in items for name, tensor in _tensors(value, f"{path}/{key}").items()}


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def kill_and_compare(photos: Path, folder: Path, *, steps: int, seed: int, init_from: str = "none") -> None:
    """Run once undisturbed, once killed at a random moment and resumed; the checkpoints must be equal."""
    arguments = [*SMALL, "--init-from", init_from, "--steps", str(steps), "--save-minutes", "0"]
    _run(_command(photos, folder / "whole", *arguments))

    torn, chance = folder / "torn", random.Random(seed)
    saved, enough = set[int](), chance.randint(1, steps // 2)
    with subprocess.Popen(
        _command(photos, torn, *arguments), env=_environment(), stderr=subprocess.DEVNULL
    ) as run:
        while len(saved) < enough:
            assert run.poll() is None
            with suppress(FileNotFoundError):
                saved.add((torn / CHECKPOINT).stat().st_mtime_ns)
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.1))
        run.kill()
    reached = load(torn / CHECKPOINT)["step"]
    assert 0 < reached < steps
    _run(_command(photos, torn, "--resume"))

    whole, resumed = (_tensors(load(folder / name / CHECKPOINT)) for name in ("whole", "torn"))
    assert whole.keys() == resumed.keys()
    assert len(whole) > 500
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, rtol=0, atol=0, msg=name)
    for name in ("model.safetensors", "config.json"):
        models = [(folder / run / "model" / name).read_bytes() for run in ("whole", "torn")]
        assert models[0] == models[1]


@pytest.mark.parametrize("init_from", ["none", "lite"])
def test_a_killed_run_is_resumed_to_the_bit(photo_folder: Path, tmp_path: Path, init_from: str) -> None:
    """After kill -9, resuming ends with the very numbers of an undisturbed run, by either recipe."""
    kill_and_compare(photo_folder, tmp_path, steps=14, seed=0, init_from=init_from)


@pytest.mark.training
@pytest.mark.parametrize("seed", range(3))
def test_sixty_steps_killed_at_random_are_resumed_to_the_bit(
    photo_folder: Path, tmp_path: Path, seed: int
) -> None:
    """The same with 60 steps and several random moments."""
    kill_and_compare(photo_folder, tmp_path, steps=60, seed=seed)


def test_sigterm_saves_and_leaves(photo_folder: Path, tmp_path: Path) -> None:
    """SIGTERM to all its processes writes a checkpoint of the step reached; the command says so and fails."""
    arguments = [
        *SMALL,
        "--init-from",
        "none",
        "--steps",
        "100000",
        "--save-minutes",
        "100",
    ]
    with subprocess.Popen(
        _command(photo_folder, tmp_path / "run", *arguments),
        env=_environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "step 20 " in line:
                os.killpg(run.pid, signal.SIGTERM)
                break
        rest = run.stderr.read()
    assert run.returncode == 130
    assert "stopped by signal 15" in rest
    assert load(tmp_path / "run" / CHECKPOINT)["step"] >= 20


def test_a_run_ends_in_a_model_that_colors(photo_folder: Path, tmp_path: Path) -> None:
    """The folder of the model is loaded by name of the folder; its card and config tell how it came to be."""
    options = _small(2, freeze_norm=False)
    folder = train(photo_folder, tmp_path / "run", init_from="none", options=options, validation=2)
    assert folder == tmp_path / "run" / "model"
    picture = Colorizer.from_pretrained(folder).colorize(Image.fromarray(data.camera()[::4, ::4]))
    assert picture.mode == "RGB"
    card = (folder / "README.md").read_text()
    assert "photos" in card
    assert '"steps": 2' in card or "2 steps" in card
    assert (folder / "model.safetensors").stat().st_size <= 10e6
    assert list((tmp_path / "run" / "sheets").glob("*.png"))


def test_training_goes_on_from_another_run(few_photos: list[Path], tmp_path: Path) -> None:
    """A run begins with the weights of another one when its folder is given."""
    first = train(few_photos, tmp_path / "a", init_from="none", options=_small(1))
    assert first is not None
    second = train(few_photos, tmp_path / "b", init_from=tmp_path / "a", options=_small(1, lr=1e-9))
    assert second is not None
    weights = [Colorizer.from_pretrained(folder).network.state_dict() for folder in (first, second)]
    torch.testing.assert_close(weights[0]["level4.mix.weight"], weights[1]["level4.mix.weight"])


def test_a_name_means_the_model_of_that_name(
    few_photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run in a folder called lite does not take the place of the bundled model."""
    monkeypatch.chdir(tmp_path)
    train(few_photos, "lite", init_from="none", options=_small(1))
    folder = train(few_photos, "run", init_from="lite", options=_small(1, lr=1e-9, hints_only=True))
    assert folder is not None
    assert '"hinted": 1.0,' in (folder / "README.md").read_text(), "options as they were used"
    ours, bundled = (Colorizer.from_pretrained(model).network.state_dict() for model in (folder, "lite"))
    torch.testing.assert_close(ours["level4.mix.weight"], bundled["level4.mix.weight"], rtol=1e-3, atol=1e-3)


def test_a_path_means_the_model_that_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is a model on disk, as everywhere, even where it reads like the name of another."""
    monkeypatch.chdir(tmp_path)
    network = create("lite")
    save_pretrained(network, "lite")
    torch.testing.assert_close(_start("lite", Path("lite")).state_dict(), network.state_dict())


def test_a_run_that_never_began_is_begun_anew(few_photos: list[Path], tmp_path: Path) -> None:
    """What an attempt left that ended before its first checkpoint does not choose the next one's photos."""
    run = tmp_path / "run"
    train(few_photos, run, init_from="none", options=_small(20))  # of 20 steps one writes into the log
    (run / CHECKPOINT).rename(run / f".{CHECKPOINT}.123-4.tmp")
    folder = train(few_photos[:3], run, init_from="none", options=_small(1))
    assert folder is not None
    assert not list(run.glob(".*"))
    assert '"step": 20,' not in (run / LOG).read_text()
    assert "3 photos. None was skipped" in (folder / "README.md").read_text()


def test_another_length_of_a_run_lasts(few_photos: list[Path], tmp_path: Path) -> None:
    """A run resumed with another length keeps it when resumed again; what a kill left is cleared away."""
    run = tmp_path / "run"
    train(few_photos, run, init_from="none", options=_small(1))
    (run / f".{CHECKPOINT}.123-4.tmp").write_bytes(b"torn")
    train(few_photos, run, resume=True, options=_small(3))
    assert load(run / CHECKPOINT)["step"] == 3
    folder = train(few_photos, run, resume=True)
    assert folder is not None
    assert '"steps": 3' in (folder / "README.md").read_text()
    assert not list(run.glob(".*"))


def test_what_half_precision_cannot_hold_is_exported_whole(few_photos: list[Path], tmp_path: Path) -> None:
    """A variance above 65,504 comes out as it is, and the model computes the same."""
    network = create("lite").eval()
    network.level16.mix.running_var.uniform_(1e4, 2e5)
    found = survey(find_photos(few_photos), side=32)
    model = load_network(export(network, tmp_path / "model", found=found, options=_small(1), steps=1))
    light = 100 * torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(model.eval()(light), network(light), atol=0.02, rtol=0.02)


def test_half_precision_is_resumed_to_the_bit(few_photos: list[Path], tmp_path: Path) -> None:
    """A run whose gradients are scaled goes on with the scale that it had come to."""
    steady: dict[str, Any] = {
        "precision": "fp16",
        "schedule": "constant",
        "warmup": 0.0,
        "encoder_delay": 0.0,
    }
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    train(few_photos, whole, init_from="none", options=_small(6, **steady))
    train(few_photos, torn, init_from="none", options=_small(3, **steady))
    train(few_photos, torn, resume=True, options=_small(6))
    ends = [load(run / CHECKPOINT)["network"] for run in (whole, torn)]
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=0)


def test_a_finished_run_is_resumed_to_the_same_model(tmp_path: Path) -> None:
    """Resumed at its end, a run is calibrated on as many photos as before, and its model stays."""
    write_photos(tmp_path / "photos", 60, side=32)
    assert len(split_photos(find_photos(tmp_path / "photos")).validation) > 1
    folder = train(tmp_path / "photos", tmp_path / "run", init_from="none", options=_small(1), validation=1)
    assert folder is not None
    before = (folder / "config.json").read_text()
    train(tmp_path / "photos", tmp_path / "run", resume=True)
    assert (folder / "config.json").read_text() == before


def test_a_photo_that_broke_stops_the_resuming(few_photos: list[Path], tmp_path: Path) -> None:
    """What is in memory in place of a photo that cannot be read any more is not trained on."""
    album = tmp_path / "album"
    album.mkdir()
    for photo in few_photos:
        shutil.copy(photo, album)
    train(album, tmp_path / "run", init_from="none", options=_small(1))
    (album / "003.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"photos: 003.png, which the run began with, cannot be read"):
        train(album, tmp_path / "run", resume=True, options=_small(2))
    (tmp_path / "run" / "photos.json").write_text('{"train": [')
    with pytest.raises(TrainingError, match=r"photos\.json is damaged"):
        train(album, tmp_path / "run", resume=True, options=_small(2))


@pytest.mark.parametrize("content", ["[]", '{"model": "lite"}', "{", '{"model": "lite", "options": 3}'])
def test_a_damaged_run_is_called_that(few_photos: list[Path], tmp_path: Path, content: str) -> None:
    """A run whose settings cannot be read is not resumed, in words."""
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(TrainingError, match=r"run\.json is damaged"):
        train(few_photos, tmp_path, resume=True)
    with pytest.raises(TrainingError, match=r"expected a run in .*, found none"):
        train(few_photos, tmp_path / "run.json" / "run", resume=True)


def test_grey_validation_photos_do_not_stop_a_run(
    photo_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no photo to validate on has color, the run says so and goes on without; in any thread, too."""
    photos = list(map(shutil.copy, sorted(photo_folder.iterdir())[14:], [tmp_path] * 10))
    (held,) = split_photos(find_photos(photos)).validation
    with Image.open(held.path) as image:
        image.convert("L").save(held.path)
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(train, photos, tmp_path / "run", init_from="none", options=_small(1))
        assert run.result() == tmp_path / "run" / "model"
    assert "validation: expected color photos, got none; training goes on without" in caplog.text


def test_runs_of_one_process_have_their_own_precision(photo_folder: Path, tmp_path: Path) -> None:
    """Runs follow each other in one process, whatever their precision; half of it survives an overflow."""
    found = survey(find_photos(photo_folder), side=96)
    for precision in ("bf16", "no", "fp16"):
        network = create("lite")
        before = network.state_dict()["level4.mix.weight"].clone()
        trainer = Trainer(network, found, tmp_path, _small(2, precision=precision, warmup=0.0))
        if precision == "fp16":
            trainer._scaler = torch.amp.GradScaler(
                "cpu", init_scale=2.0**40, growth_interval=1, backoff_factor=2.0**-36
            )
        trainer.run()
        assert trainer._scaler.get_scale() < 2.0**40
        assert not torch.equal(network.state_dict()["level4.mix.weight"], before)


def test_a_frozen_encoder_stays(photo_folder: Path, tmp_path: Path) -> None:
    """With a frozen encoder only the decoder learns."""
    network = create("lite")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trainer = Trainer(
        network,
        survey(find_photos(photo_folder), side=96),
        tmp_path,
        _small(2, freeze_encoder=True, warmup=0.0),
    )
    assert trainer.run()
    for name, tensor in network.state_dict().items():
        if name.startswith("encoder."):
            torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    assert not torch.equal(network.state_dict()["level4.mix.weight"], before["level4.mix.weight"])


def test_only_hints_may_be_learned(photo_folder: Path, tmp_path: Path) -> None:
    """With hints alone to learn, all that colors without hints pass through stays the same to the bit."""
    network, found = create("lite"), survey(find_photos(photo_folder), side=96)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert Trainer(network, found, tmp_path, _small(2, hints_only=True, warmup=0.0)).run()
    after = network.state_dict()
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert "hints.embed.weight" in changed
    assert "level8.spread.out.weight" in changed
    assert all(name.startswith("hints.") or ".spread." in name for name in changed)

    with pytest.raises(OptionError, match="hints_only: expected False, got True; eccv16"):
        Trainer(create("eccv16"), found, tmp_path, _small(2, hints_only=True))


def test_the_average_follows_the_network(photo_folder: Path, tmp_path: Path) -> None:
    """Without averaging the result is the network itself; with it the result lags behind."""
    found = survey(find_photos(photo_folder), side=96)
    for decay, same in ((0.0, True), (0.9, False)):
        network = create("lite")
        trainer = Trainer(network, found, tmp_path, _small(3, ema=decay, warmup=0.0))
        trainer.run()
        pair = (net.state_dict()["level4.mix.weight"] for net in (network, trainer.average))
        assert torch.equal(*pair) == same


@pytest.mark.parametrize("architecture", ["eccv16", "siggraph17"])
def test_the_other_networks_learn_too(photo_folder: Path, tmp_path: Path, architecture: str) -> None:
    """A few steps on the same few photos lower the loss of the published networks."""
    overfit(architecture, photo_folder, tmp_path, photos=2, steps=8, factor=1.05, size=32)


@pytest.mark.training
@pytest.mark.parametrize("architecture", ["eccv16", "siggraph17"])
def test_the_other_networks_overfit(photo_folder: Path, tmp_path: Path, architecture: str) -> None:
    """On 16 photos of 64 pixels the loss above its floor falls by a factor of 10, and hints lower it."""
    overfit(architecture, photo_folder, tmp_path, photos=16, steps=600, factor=10, size=64)


def overfit(
    architecture: str, photo_folder: Path, out: Path, *, photos: int, steps: int, factor: float, size: int
) -> None:
    """Train on one fixed batch and compare the loss before and after."""
    torch.manual_seed(0)
    found = survey(find_photos(photo_folder)[:photos], side=96)
    options = recipe(architecture, steps=steps, batch_size=photos, size=size, aged=0.0, lr=3e-4)
    network = create(architecture)
    objective = Objective(network, found.counts, options)
    trainer = Trainer(network, found, out, options)
    batch = next(trainer._batches())
    optimizer = torch.optim.Adam([tensor for tensor in network.parameters() if tensor.requires_grad], lr=3e-4)
    figures = []
    for _ in range(steps):
        loss, figure = objective(*batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        figures.append(float(figure))
        if figures[-1] * factor < figures[0]:
            break
    assert figures[-1] * factor < figures[0]
    print(f"{architecture}: {figures[0]:.4f} -> {figures[-1]:.4f} in {len(figures)} steps")
    if architecture == "siggraph17" and factor >= 10:
        light, target, ab, mask = batch
        with torch.no_grad():
            without = objective(light, target, ab * 0, mask * 0)[1]
        print(f"without its hints {without:.4f}")
        assert figures[-1] < without


def test_processes_agree_with_one(photo_folder: Path, tmp_path: Path) -> None:
    """With batch norm frozen, the gradient of a batch of 4 is the mean of those of its halves."""
    found = survey(find_photos(photo_folder), side=96)
    network = create("lite")
    trainer = Trainer(network, found, tmp_path, _small(1, batch_size=4, freeze_norm=True))
    batch = next(trainer._batches())
    parts = [
        Batch(*(None if part is None else part[rows] for part in batch))
        for rows in (slice(4), slice(2), slice(2, 4))
    ]
    gradients = [_gradient(trainer, part) for part in parts]
    mean = (gradients[1] + gradients[2]) / 2
    assert (mean - gradients[0]).norm() < 1e-4 * gradients[0].norm()


def _gradient(trainer: Trainer, batch: Batch) -> torch.Tensor:
    trainer.objective.train()
    trainer.objective.zero_grad()
    trainer.objective(*batch)[0].backward()
    return torch.cat(
        [tensor.grad.flatten() for tensor in trainer.objective.parameters() if tensor.grad is not None]
    )


@pytest.mark.parametrize(("init_from", "finished"), [(None, False), ("imagenet", False), ("lite", True)])
def test_finished_weights_are_taken_as_they_are(init_from: str | None, finished: bool) -> None:
    """A trained network keeps its batch norm, and its encoder does not wait for the decoder."""
    options = recipe("lite", init_from=init_from, steps=1)
    assert (options.freeze_norm, options.encoder_delay == 0) == (finished, finished)


def test_an_unknown_architecture_has_no_recipe() -> None:
    """The error names the networks that can be trained."""
    with pytest.raises(OptionError, match=r"expected one of lite, eccv16, siggraph17, .*got 'vgg'"):
        recipe("vgg")


@pytest.mark.training
def test_two_processes_have_the_gradient_of_one(photo_folder: Path, tmp_path: Path) -> None:
    """One process with batches of 16 and two with 8 under ``accelerate launch`` agree to 1e-4."""
    script = Path(__file__).with_name("first_gradient.py")
    for processes, batch_size in ((1, 16), (2, 8)):
        subprocess.run(
            [
                *(sys.executable, "-m", "accelerate.commands.launch"),
                # The launcher starts several processes for GPUs only; the environment turns them to CPUs.
                *(["--multi_gpu"] if processes > 1 else ["--cpu"]),
                *("--num_processes", str(processes), "--num_machines", "1", "--mixed_precision", "no"),
                *("--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"),
                *(str(script), str(photo_folder), str(batch_size), str(tmp_path / f"{processes}.pt")),
            ],
            check=True,
            env=_environment() | {"ACCELERATE_USE_CPU": "true"},
            timeout=600,
        )
    one, two = (torch.load(tmp_path / f"{processes}.pt", weights_only=True) for processes in (1, 2))
    difference = float((one - two).norm() / one.norm())
    print(f"relative difference {difference:.2e}")
    assert one.norm() > 0
    assert difference < 1e-4


def test_a_full_disk_leaves_the_last_checkpoint_whole(photo_folder: Path, tmp_path: Path) -> None:
    """When the disk is full the run ends in words, and the checkpoint before can be resumed."""
    found = survey(find_photos(photo_folder), side=96)
    trainer = Trainer(create("lite"), found, tmp_path, _small(2))
    trainer.run()
    before = (tmp_path / CHECKPOINT).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            trainer.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert load(tmp_path / CHECKPOINT)["step"] == 2


def test_a_parent_that_is_a_file_is_named(photo_folder: Path, tmp_path: Path) -> None:
    """A run cannot lie in a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"the folder .*file/run' cannot be made"):
        train(photo_folder, tmp_path / "file" / "run", options=_small(1))


def test_photos_without_color_are_an_error(tmp_path: Path) -> None:
    """An empty folder and one of grey photos end in words before anything is trained."""
    (tmp_path / "photos").mkdir()
    with pytest.raises(PhotosError, match="got none"):
        train(tmp_path / "photos", tmp_path / "run", options=_small(1))
    Image.fromarray(data.camera()[::4, ::4]).save(tmp_path / "photos" / "grey.png")
    with pytest.raises(PhotosError, match="1 grey"):
        train(tmp_path / "photos", tmp_path / "run", options=_small(1))


def test_a_wrong_start_is_named(few_photos: list[Path], tmp_path: Path) -> None:
    """Weights that do not exist, are of another network or have no meaning there are named."""
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(WeightsError):
        train(few_photos, tmp_path / "a", init_from=tmp_path / "text.safetensors", options=_small(1))
    with pytest.raises(OptionError, match="imagenet is for lite"):
        train(few_photos, tmp_path / "b", model="eccv16", init_from="imagenet", options=_small(1))
    first = train(few_photos, tmp_path / "c", init_from="none", options=_small(1))
    with pytest.raises(TrainingError, match="init_from: expected weights of eccv16, got those of lite"):
        train(few_photos, tmp_path / "d", model="eccv16", init_from=first, options=_small(1))


def test_a_run_is_not_overwritten(few_photos: list[Path], tmp_path: Path) -> None:
    """A folder that holds a run is left alone unless it is to be resumed; one without cannot be resumed."""
    train(few_photos, tmp_path / "run", init_from="none", options=_small(1))
    with pytest.raises(TrainingError, match="holds a run already"):
        train(few_photos, tmp_path / "run", options=_small(1))
    with pytest.raises(TrainingError, match="found none"):
        train(few_photos, tmp_path / "other", resume=True)


def test_unknown_models_and_lengths_are_refused(photo_folder: Path, tmp_path: Path) -> None:
    """There are three architectures, and a run has a length in steps or in minutes."""
    with pytest.raises(OptionError, match="model: expected one of"):
        train(photo_folder, tmp_path / "run", model="large")
    with pytest.raises(OptionError, match="steps, minutes"):
        TrainingOptions(steps=3, minutes=4)
    with pytest.raises(OptionError, match="expected a length above 0, got 0"):
        TrainingOptions(steps=0)
    with pytest.raises(OptionError, match="precision: expected one of no, bf16, fp16, got 'fp8'"):
        TrainingOptions(steps=1, precision="fp8")  # type: ignore[arg-type]


def test_reports_are_logged(photo_folder: Path, tmp_path: Path) -> None:
    """What the report gives is logged, at the end at the latest, from the averaged network."""
    seen: list[tuple[Network, int]] = []

    def report(network: Network, step: int) -> dict[str, float]:
        seen.append((network, step))
        return {"validation/figure": 0.25}

    trainer = Trainer(
        create("lite"), survey(find_photos(photo_folder), side=96), tmp_path, _small(2), report=report
    )
    trainer.run()
    assert seen == [(trainer.average, 2)]
    assert '"validation/figure": 0.25' in (tmp_path / "log.jsonl").read_text()
    board = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in board.Scalars("validation/figure")] == [(2, 0.25)]


def test_a_full_disk_is_said_in_one_line_of_what_tensorboard_reads(
    few_photos: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """When TensorBoard's file cannot be written, the error names it, and no thread prints a traceback."""
    found = survey([photo for path in few_photos for photo in find_photos(path)], side=96)
    trainer = Trainer(create("lite"), found, tmp_path, _small(1), report=lambda *_: {"figure": 1.0})
    (tmp_path / LOG).symlink_to(os.devnull)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"tfevents.*: cannot be written: the file is too large"):
            trainer._report(1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    # Ten bytes are all that the limit lets through; another test may have left the log of a command on.
    assert capfd.readouterr().err in ("", "colorful: ")
