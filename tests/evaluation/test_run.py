from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.color
import skimage.data
import skimage.metrics
import torch
from PIL import Image

import colorful
from colorful import Colorizer
from colorful.errors import KindError, OptionError, PhotosError, UnsupportedOptionError
from colorful.evaluation import EvaluationError, evaluate
from colorful.evaluation.run import reveal
from colorful.models import Network

Guess = Callable[..., Network]


def real_photo(path: Path, size: int) -> np.ndarray:
    """Prepare a photo as the protocol says, by Pillow alone."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


def test_every_measure_is_the_mean_of_an_independent_computation(album: Path, guess: Guess) -> None:
    """The figures are those of scikit-image on the pictures that the Colorizer itself makes."""
    colorizer = Colorizer(guess((9.0, 14.0), slope=0.1), device="cpu")
    report = evaluate(album, model=colorizer, size=64)
    expected: dict[str, list[float]] = {name: [] for name in ("psnr", "ssim", "ciede2000", "auc", "psnr_ab")}
    for name in report.names:
        real = real_photo(album / name, 64)
        rgb = colorizer.colorize(real)
        lab, true = skimage.color.rgb2lab(rgb), skimage.color.rgb2lab(real)
        expected["psnr"].append(skimage.metrics.peak_signal_noise_ratio(real, rgb))
        expected["ssim"].append(
            skimage.metrics.structural_similarity(
                real, rgb, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        )
        expected["ciede2000"].append(skimage.color.deltaE_ciede2000(lab, true).mean())
        # What the colorizer resized, found again in its picture: hardly a color was out of the gamut.
        error = true[..., 1:] - lab[..., 1:]
        expected["auc"].append(100 * (1 - np.linalg.norm(error, axis=2) / 150).clip(0).mean())
        expected["psnr_ab"].append(10 * np.log10(255**2 / (error**2).mean()))
    found = report.measures["lite"]
    for name, values in expected.items():
        assert found[name].value == pytest.approx(np.mean(values), rel=1e-2 if "a" in name else 1e-4), name
        low, value, high = found[name].low, found[name].value, found[name].high
        assert low is not None
        assert value is not None
        assert high is not None
        assert min(values) * 0.99 <= low <= value <= high <= max(values) * 1.01


def test_what_is_left_out_is_counted_and_named(album: Path, guess: Guess) -> None:
    """Grey and toned photos are counted, unreadable ones named, the others scored; nothing is lost."""
    report = evaluate(album, model=guess(), size=32)
    assert sorted(report.names) == ["astronaut.png", "cat.png", "cup.png", "face.png", "rocket.png"]
    assert report.left_out == {"grey": 1, "toned": 1}
    assert [name for name, _ in report.unreadable] == ["broken.png"]
    assert report.complete
    assert report.found == 8
    assert repr(report) == "Report(5 photos, models=['lite'])"


def test_a_guess_of_grey_scores_as_the_grey_baseline(album: Path, guess: Guess) -> None:
    """A model that predicts no color is the grey baseline, and colors of another photo are another thing."""
    report = evaluate(album, model=guess(), size=32)
    grey, random = report.measures["grey"], report.measures["random"]
    assert report.measures["lite"] == grey
    assert grey["colorfulness"].value == pytest.approx(0, abs=1e-3)
    assert random["colorfulness_ratio"].value == pytest.approx(1, abs=0.4)
    assert random["auc"].value != grey["auc"].value
    difference = report.difference("lite", "grey")
    assert difference["psnr"] == (0, 0, 0) or difference["psnr"].value == difference["psnr"].high == 0


def test_figures_do_not_depend_on_the_number_of_threads(album: Path, guess: Guess) -> None:
    """Photos are scored side by side, but taken in order; torch has as many threads afterwards as before."""
    before = torch.get_num_threads()
    reports = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            reports.append(
                evaluate(album, model=guess((5.0, 5.0), slope=0.1), size=32, hints=(0, 3)).as_dict()
            )
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert reports[0] == reports[1]


def test_a_network_in_training_is_scored_on_photos_in_memory_and_left_alone(guess: Guess) -> None:
    """Arrays will do for photos, and a network keeps its mode, its device and its gradients."""
    network = guess((3.0, 3.0)).train()
    report = evaluate([skimage.data.coffee()[::8, ::8], skimage.data.astronaut()], model=network, size=32)
    assert sorted(report.names) == ["000000", "000001"]
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_models_and_temperatures_are_compared_on_the_same_photos(album: Path, guess: Guess) -> None:
    """Each model gets a column, at each temperature if it has one, and differences have their intervals."""
    torch.manual_seed(1)
    lite = colorful.models.create("lite")
    report = evaluate(album, {"guess": guess(), "net": lite}, temperatures=(0.0, 1.0), size=32)
    assert list(report.measures) == ["grey", "random", "guess", "net T=0", "net T=1", "real"]
    difference = report.difference("net T=0", "net T=1")
    assert difference["auc"].value == pytest.approx(
        report.measures["net T=0"]["auc"].value - report.measures["net T=1"]["auc"].value
    )
    assert report.models["net T=0"]["weights_sha256"] == report.models["net T=1"]["weights_sha256"]
    assert report.models["guess"]["temperature"] is None


def test_hints_are_simulated_as_in_training(album: Path, guess: Guess) -> None:
    """Patches of 6 x 6 pixels with the mean color there; more of them help a network that follows them."""
    ab = torch.arange(2 * 64 * 48, dtype=torch.float32).view(2, 64, 48)
    few, many = (list(reveal(ab, (0, 1, 40), np.random.default_rng(2)))[index] for index in (1, 2))
    assert few[2].sum() == 36
    top, left = few[2][0].nonzero()[0]
    patch = ab[:, top : top + 6, left : left + 6]
    torch.testing.assert_close(few[1][:, top + 2, left + 3], patch.mean(dim=(1, 2)))
    assert (many[2][few[2] > 0] == 1).all()
    report = evaluate(album, model=guess(), size=64, hints=(100, 0, 10))
    curve = [report.hints["lite"][count].value for count in (0, 10, 100)]
    assert curve == sorted(curve)
    assert curve[2] - curve[0] > 1
    assert curve[0] == pytest.approx(report.measures["lite"]["psnr"].value, abs=0.05)


def test_all_that_colors_depend_on_arrives_and_is_told(album: Path) -> None:
    """An example that a colorizer follows counts with hints, too: none give the plain figure."""
    lite = colorful.Colorizer.from_pretrained("lite")
    blue = lite.tuned(strength=0.5).liking(["#4060a0"])
    report = evaluate(album, {"plain": lite, "blue": blue}, size=32, hints=(0,))
    for name in ("plain", "blue"):
        figure = report.measures[name]["psnr"].value
        assert report.hints[name][0].value == pytest.approx(figure, abs=1e-3)
    assert [report.models[name]["strength"] for name in ("plain", "blue")] == [1.0, 0.5]
    assert report.models["blue"]["digest"] == blue.digest != report.models["plain"]["digest"]


def test_a_classifier_and_features_of_the_caller_give_top_one_and_frechet(album: Path, guess: Guess) -> None:
    """Top-1 is measured for every way and for the real photos, the Frechet distance for every way."""
    labels = {"astronaut.png": 0, "cat.png": 0, "cup.png": 0, "face.png": 0, "rocket.png": 2}
    report = evaluate(
        album,
        model=guess((40.0, 40.0)),
        size=32,
        classifier=lambda rgb: rgb.mean(dim=(2, 3)),
        labels=labels,
        features=lambda rgb: rgb.mean(dim=(2, 3)),
    )
    mean = {name: real_photo(album / name, 32).mean(axis=(0, 1)).argmax() for name in labels}
    share = 100 * np.mean([mean[name] == label for name, label in labels.items()])
    assert report.measures["real"]["top1"].value == pytest.approx(share)
    assert report.measures["lite"]["top1"].value == pytest.approx(80)
    assert report.frechet["lite"] > report.frechet["random"] >= 0
    with pytest.raises(OptionError, match="labels: expected a class for each photo"):
        evaluate(album, model=guess(), size=32, classifier=lambda rgb: rgb, labels={"x": 1})


def test_a_model_that_fails_leaves_what_was_measured(album: Path, guess: Guess) -> None:
    """The error says what failed and carries the report over the photos until then."""
    names = evaluate(album, model=guess(), size=32).names
    light = skimage.color.rgb2lab(real_photo(album / names[3], 32))[..., 0].mean()
    with pytest.raises(EvaluationError, match="failed after 3 photos: RuntimeError: out of luck") as caught:
        evaluate(album, model=guess(fails=lambda its: abs(its.mean() - light) < 0.5), size=32)
    report = caught.value.report
    assert report is not None
    assert report.names == names[:3]
    assert not report.complete
    with pytest.raises(EvaluationError, match="after 0 photos") as caught:
        evaluate(album, model=guess(fails=lambda its: True), size=32)
    assert caught.value.report is None


def test_progress_is_told_and_can_end_it(album: Path, guess: Guess) -> None:
    """The callback hears of every photo; where it returns False, the report covers those until then."""
    told: list[tuple[int, int]] = []
    evaluate(album, model=guess(), size=32, progress=lambda *counts: told.append(counts))
    assert told == [(done, 8) for done in range(9)]
    report = evaluate(album, model=guess(), size=32, progress=lambda done, total: done < 6)
    assert not report.complete
    assert 1 <= len(report.names) < 5


def test_one_photo_is_enough(album: Path, guess: Guess) -> None:
    """A single photo is scored; its interval is the figure itself."""
    report = evaluate(album / "cup.png", model=guess(), size=32)
    auc = report.measures["lite"]["auc"]
    assert auc.value == pytest.approx(auc.low) == pytest.approx(auc.high)
    json.dumps(report.as_dict(), allow_nan=False)


def test_an_array_alone_is_one_photo(guess: Guess) -> None:
    """A single array is scored like a list of one, and NumPy's numbers are as good as Python's."""
    size = np.int64(32)
    report = evaluate(skimage.data.coffee()[::8, ::8], model=guess(), size=size, hints=np.arange(2))  # type: ignore[arg-type]
    assert report.names == ("000000",)
    assert json.loads(json.dumps(report.as_dict()))["conditions"]["hints"] == [0, 1]


def test_its_error_can_be_sent_between_processes() -> None:
    """An error of an evaluation survives pickling, as a process pool does it."""
    error = pickle.loads(pickle.dumps(EvaluationError("model failed", None)))
    assert (str(error), error.report) == ("model failed", None)


def test_what_has_no_meaning_is_refused(album: Path, guess: Guess, tmp_path: Path) -> None:
    """Wrong options, wrong models, empty folders and grey albums are errors in words."""
    with pytest.raises(PhotosError, match="got none in"):
        evaluate(tmp_path, model=guess())
    with pytest.raises(PhotosError, match="expected color photos, got 1 grey, 1 unreadable"):
        evaluate([album / "grey.png", album / "broken.png"], model=guess())
    with pytest.raises(OptionError, match="resize"):
        evaluate(album, model=guess(), resize="fit")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="size"):
        evaluate(album, model=guess(), size=8)
    with pytest.raises(OptionError, match=r"size: expected an integer of at least 16, got 64\.0"):
        evaluate(album, model=guess(), size=64.0)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="hints: expected an integer of at least 0, got -1"):
        evaluate(album, model=guess(), hints=(-1, 3))
    with pytest.raises(KindError, match="temperatures: expected a list"):
        evaluate(album, [guess()], temperatures=0.5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="temperatures: expected at least one"):
        evaluate(album, [guess()], temperatures=())
    with pytest.raises(OptionError, match="labels: expected a classifier"):
        evaluate(album, model=guess(), labels={})
    with pytest.raises(UnsupportedOptionError, match="temperature"):
        evaluate(album, guess(), temperatures=[0.3])
    with pytest.raises(OptionError, match="different names"):
        evaluate(album, [guess(), guess()])
    with pytest.raises(KindError, match="model"):
        evaluate(album, model=3)  # type: ignore[arg-type]
    with pytest.raises(KindError, match="uint8"):
        evaluate([np.zeros((4, 4))], model=guess())  # type: ignore[list-item]
    with pytest.raises(KindError, match="hints: expected a list of numbers, got 5"):
        evaluate(album, model=guess(), hints=5)  # type: ignore[arg-type]
    with pytest.raises(KindError, match="photos: expected paths or patterns, got Tensor"):
        evaluate(torch.zeros(2, 3, 8, 8), model=guess())  # type: ignore[arg-type]
