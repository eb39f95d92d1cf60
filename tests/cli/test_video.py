from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

import numpy as np
from click.testing import CliRunner
from PIL import Image
from video.conftest import packets_of, pan, planes_of, read_film, write_film

from colorful import Colorizer
from colorful.cli import cli


def run(*args: object) -> tuple[int, str, str]:
    """Run ``colorful video`` in this process: exit status, standard output, standard error."""
    result = CliRunner().invoke(cli, ["video", *map(str, args)], prog_name="colorful")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_a_film_is_colored(tmp_path: Path) -> None:
    """``colorful video FILM TARGET`` writes the film in color and says how fast it was."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 12))
    status, out, err = run(film, tmp_path / "b.mp4")
    assert (status, out) == (0, "")
    assert f"{film} -> {tmp_path / 'b.mp4'}: 12 frames" in err
    assert "frames/s" in err
    assert np.ptp(planes_of(next(read_film(tmp_path / "b.mp4")))[1]) > 0


def test_json_and_options(tmp_path: Path) -> None:
    """Options reach the encoder, and --json tells what became of the film."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 4))
    target = tmp_path / "new" / "b.mkv"
    status, out, _ = run(film, target, "--codec", "ffv1", "--subsampling", "422", "--json", "-t", "0.3")
    assert status == 0
    assert json.loads(out) | {"seconds": 0} == {
        "source": str(film),
        "target": str(target),
        "frames": 4,
        "resumed": 0,
        "damaged": [],
        "seconds": 0,
    }
    assert next(read_film(target)).format.name == "yuv422p"


def test_a_film_follows_an_example(tmp_path: Path) -> None:
    """--palette and --like draw a film's colors to those of the example."""
    frames = pan("coffee", 4)
    film = write_film(tmp_path / "a.mp4", frames)
    Image.fromarray(frames[0]).save(tmp_path / "frame.png")
    ways = {
        "blue": ("--palette", "#4060a0", "--amount", "1"),
        "red": ("--palette", "#a03020", "--amount", "1"),
        "like": ("--like", tmp_path / "frame.png"),
    }
    chroma = {}
    for name, args in ways.items():
        target = tmp_path / f"{name}.mkv"
        assert run(film, target, "--codec", "ffv1", "--dtype", "float32", *args)[0] == 0
        chroma[name] = [float(plane.mean()) for plane in planes_of(next(read_film(target)))[1:]]
    own = [float(plane.mean()) for plane in planes_of(next(read_film(film)))[1:]]
    assert chroma["blue"][0] > chroma["red"][0] + 10
    assert chroma["red"][1] > chroma["blue"][1] + 10
    assert chroma["like"] == pytest.approx(own, abs=6)


def test_a_preview_alone(tmp_path: Path) -> None:
    """--preview without TARGET writes a sheet of ten frames in color, and nothing else."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 40))
    assert run(film, "--preview", tmp_path / "sheet.png")[0] == 0
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.size == (5 * 64, 2 * 48)
    assert np.ptp(np.asarray(sheet.convert("HSV"))[..., 1]) > 30
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "sheet.png"}


def test_a_preview_that_is_there_stays(tmp_path: Path) -> None:
    """A sheet is replaced by --overwrite only; a run that goes on, by the same command, keeps its own."""
    film, sheet = write_film(tmp_path / "a.mp4", pan("coffee", 2)), tmp_path / "sheet.png"
    sheet.write_text("of another film")
    status, _, err = run(film, "--preview", sheet)
    assert (status, "exists already; --overwrite replaces it" in err) == (1, True)
    assert run(film, tmp_path / "b.mp4", "--preview", sheet)[0] == 0
    assert sheet.read_text() == "of another film"
    assert run(film, "--preview", sheet, "--overwrite")[0] == 0
    with Image.open(sheet) as picture:
        assert picture.size == (2 * 64, 48)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["a.mp4"], "TARGET: expected a file to write, or --preview, got neither"),
        (["none.mp4", "b.mp4"], "none.mp4: there is no such file"),
        (["a.mp4", "b.doc"], "--format: expected one of mp4"),
        (["a.mp4", "b.mp4", "--preset", "warp"], "--preset: expected one of ultrafast"),
        (["a.mp4", "b.mp4", "--hints", "none.json"], "cannot read"),
        (["a.mp4", "b.mp4", "--like", "none.png"], "none.png"),
        (["a.mp4", "b.mp4", "--like", "a.png", "--palette", "red"], "--like, --palette: expected at most"),
        (["a.mp4", "b.mp4", "--preview", "s.txt"], "--preview: expected a name ending in"),
        (["a.mp4", "c.mp4"], "--overwrite replaces it"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], words: str
) -> None:
    """What cannot be done is said in one line that names the option, and nothing is written."""
    write_film(tmp_path / "a.mp4", pan("coffee", 2))
    (tmp_path / "c.mp4").touch()
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*args)
    assert status == (2 if ": expected " in words else 1)
    assert words in err
    assert len(err.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "c.mp4"}


def command(*args: object) -> list[str]:
    """Give a command line for a process of its own."""
    return [sys.executable, "-m", "colorful", "video", *map(str, args)]


def test_films_are_scored(tmp_path: Path, quick_model: Path) -> None:
    """``colorful evaluate FILM --video`` prints a row for each way of coloring, and writes the figures."""
    film = write_film(tmp_path / "NaN.mp4", pan("coffee", 8, height=96, width=128))
    args = ["evaluate", str(film), "--video", "-m", str(quick_model), "--json", str(tmp_path / "a.json")]
    result = CliRunner().invoke(cli, args, prog_name="colorful")
    assert result.exit_code == 0, result.stderr
    for way in ("film", "frame by frame", "short wait", "long wait"):
        assert way in result.stdout
    rows = json.loads((tmp_path / "a.json").read_text())
    assert [row["colorfulness"] > 0 for row in rows] == [True] * 4
    assert rows[0]["psnr"] is None
    assert {row["film"] for row in rows} == {str(film)}
    for unused in (["--hints"], ["--size", "64"], ["--no-baselines"]):
        result = CliRunner().invoke(cli, [*args, *unused], prog_name="colorful")
        assert result.exit_code == 2
        assert "--video: expected one model" in result.stderr


@pytest.fixture
def quick_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model, made to look at little."""
    network = Colorizer.from_pretrained("lite").network
    network.config = replace(network.config, network_size=64)
    return Colorizer(network).save_pretrained(tmp_path_factory.mktemp("quick"))


@pytest.mark.slow
def test_a_pipe(tmp_path: Path) -> None:
    """``colorful video - -`` reads a film from standard input and writes Matroska to standard output."""
    film = write_film(tmp_path / "a.mkv", pan("coffee", 30), sound="aac")
    with film.open("rb") as source, (tmp_path / "b.mkv").open("wb") as target:
        subprocess.run(command("-", "-"), stdin=source, stdout=target, check=True)
    assert [f.time for f in read_film(tmp_path / "b.mkv")] == [f.time for f in read_film(film)]
    assert packets_of(tmp_path / "b.mkv", "audio") == packets_of(film, "audio")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_a_signal_ends_a_film_whose_source_pauses(tmp_path: Path, quick_model: Path) -> None:
    """Where no more of a film comes from a pipe that stays open, SIGTERM ends the command all the same."""
    noise = np.random.default_rng(0).integers(0, 255, (80, 120, 160, 3), np.uint8)
    film = write_film(tmp_path / "a.mkv", noise).read_bytes()
    options = ("--model", quick_model, "--preset", "ultrafast")
    with subprocess.Popen(
        command("-", tmp_path / "b.mkv", *options), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(film[: len(film) * 9 // 10])
        process.stdin.flush()
        end = time.monotonic() + 120
        while not list(tmp_path.glob(".b.mkv.*")) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(3)  # until all frames that are there have gone through
        process.terminate()
        assert process.wait(timeout=20) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"colorful: interrupted\n"
    assert {path.name for path in tmp_path.iterdir()} == {"a.mkv"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on(tmp_path: Path, quick_model: Path, kind: signal.Signals) -> None:
    """After kill -9 or Ctrl-C the same command does the rest; the result is that of an undisturbed run."""
    shots = [pan(name, 101) for name in ("coffee", "astronaut", "chelsea")]
    film = write_film(tmp_path / "a.mp4", np.concatenate(shots), sound="aac")
    target, options = tmp_path / "b.mp4", ["--preset", "ultrafast", "--model", quick_model]
    process = subprocess.Popen(command(film, target, *options), stderr=subprocess.PIPE, text=True)
    part = tmp_path / ".b.mp4.parts" / "00000.json"
    end = time.monotonic() + 120
    while not part.exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(process.pid, kind)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if kind == signal.SIGKILL else 130)
    assert part.exists()
    assert not target.exists()
    if kind == signal.SIGINT:
        assert "give the same command to go on" in err.splitlines()[-1]
        assert "Traceback" not in err
    again = subprocess.run(command(film, target, *options), check=True, stderr=subprocess.PIPE, text=True)
    assert re.search(
        r"\b(101|202) of them before", again.stderr
    )  # a busy machine may have done a second part
    subprocess.run(command(film, tmp_path / "c.mp4", *options), check=True)
    assert packets_of(target, "video") == packets_of(tmp_path / "c.mp4", "video")
    assert packets_of(target, "audio") == packets_of(film, "audio")
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4", "c.mp4"}


def test_av1_is_quiet(tmp_path: Path) -> None:
    """The encoder of AV1 writes no pages among the messages; it reads how loud to be once in a process."""
    film = write_film(tmp_path / "a.mp4", pan("coffee", 4, height=96, width=96))
    made = subprocess.run(
        command(film, tmp_path / "b.mkv", "--codec", "av1"), check=True, capture_output=True, text=True
    )
    assert "Svt" not in made.stdout + made.stderr
