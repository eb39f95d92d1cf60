from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from colorful.errors import PhotosError
from colorful.evaluation import MEASURES, evaluate
from colorful.models import Network

Guess = Callable[..., Network]


def test_the_result_file_has_all_that_a_figure_depends_on(album: Path, guess: Guess, tmp_path: Path) -> None:
    """JSON without infinities: conditions, counts, versions, digest of parameters, figures, each photo."""
    path = tmp_path / "result.json"
    evaluate(album, model=guess((1.0, 2.0)), size=32, hints=(0, 5)).save(path)
    result = json.loads(path.read_text())
    assert result["complete"] is True
    assert result["conditions"]["size"] == 32
    assert result["photos"]["scored"] == 5
    assert result["photos"]["left out: grey"] == 1
    assert result["photos"]["unreadable"][0]["name"] == "broken.png"
    assert 0 < result["photos"]["occupied_bins"] <= 313
    assert len(result["models"]["lite"]["weights_sha256"]) == 64
    assert result["versions"]["torch"] == torch.__version__
    assert set(result["measures"]) == {"grey", "random", "lite", "real"}
    assert set(result["measures"]["lite"]) <= set(MEASURES)
    assert result["minus_grey"]["lite"]["auc"]["low"] <= result["minus_grey"]["lite"]["auc"]["value"]
    assert len(result["per_photo"]["lite"]["psnr"]) == len(result["per_photo"]["name"]) == 5
    assert set(result["psnr_by_hints"]["lite"]) == {"0", "5"}


def test_the_table_fits_a_terminal_and_names_every_figure(album: Path, guess: Guess) -> None:
    """On 80 columns nothing of a report is cut off."""
    report = evaluate(album, model=guess(), size=32, hints=(0, 1))
    console = Console(width=80, file=io.StringIO())
    with console.capture() as capture:
        console.print(report)
    text = capture.get()
    assert "…" not in text
    assert "5 photos (left out: 1 grey, 1 toned, 1 unreadable)" in text
    for wanted in ("AuC, %", "PSNR, dB", "SSIM", "CIEDE2000", "lite - grey", "hints: PSNR"):
        assert wanted in text
        assert wanted in str(report)


@pytest.mark.parametrize("width", [80, 60])
def test_a_comparison_is_folded_where_it_is_too_wide(album: Path, guess: Guess, width: int) -> None:
    """Long names and intervals of several models go on in the next line; nothing is cut off."""
    models = {"a model with a long name": guess((20.0, 10.0)), "another one with one": guess((-10.0, 20.0))}
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(evaluate(album, models, size=32))
    text = capture.get()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_the_sheet_shows_the_best_and_the_worst(album: Path, guess: Guess) -> None:
    """A row for each kept photo, grey, colored, real; the best by CIEDE2000 first, none of them twice."""
    report = evaluate(album, model=guess((20.0, 0.0)), size=32, examples=2)
    errors = dict(zip(report.names, report.scores.per_photo["lite"]["ciede2000"], strict=True))
    ranked = sorted(errors, key=errors.__getitem__)
    assert [example.name for example in report.best] == ranked[:2]
    assert [example.name for example in report.worst] == ranked[::-1][:2]
    sheet = np.asarray(report.sheet())
    real = report.best[0].real
    windows = np.lib.stride_tricks.sliding_window_view(sheet, real.shape)[..., 0, :, :, :]
    assert (windows == real).all(axis=(2, 3, 4)).any()
    with pytest.raises(PhotosError, match="examples"):
        evaluate(album, model=guess(), size=32, examples=0).sheet()
