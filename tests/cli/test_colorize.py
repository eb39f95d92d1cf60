from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import run
from PIL import Image
from web_samples import chroma


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the current folder, with two photos and a broken one."""
    monkeypatch.chdir(tmp_path)
    ramp = np.tile(np.arange(40, 200, 5, dtype=np.uint8), (24, 1))
    for name in ("a.png", "b.png"):
        Image.fromarray(ramp).save(name)
    Path("broken.png").write_bytes(Path("a.png").read_bytes()[:45])
    return tmp_path


def test_a_photo_is_colored_beside_itself(here: Path, model: str) -> None:
    """``colorful photo.png`` writes ``colorized_photo.png`` and says so."""
    result = run("a.png", "-m", model)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "a.png -> colorized_a.png\n")
    with Image.open("colorized_a.png") as picture:
        assert chroma(picture) > 1


def test_all_pages_of_a_tiff_are_colored_on_request(here: Path, model: str) -> None:
    """``--pages all`` makes one TIFF of all pages; without it one is colored, and a warning says so."""
    with Image.open("a.png") as page:
        page.save("scan.tif", save_all=True, append_images=[page.transpose(Image.Transpose.ROTATE_180)] * 2)
    result = run("scan.tif", "a.png", "-m", model, "--out", "first")
    assert "has more than one picture (3)" in result.stderr
    assert "2 of 2 photos colored, 1 with warnings" in result.stderr
    result = run("scan.tif", "-m", model, "-o", "all.tif", "--pages", "all")
    assert (result.exit_code, result.stderr) == (0, "scan.tif -> all.tif\n")
    stdout = run("-", "-m", model, "--pages", "all", stdin=Path("scan.tif").read_bytes()).stdout_bytes
    for file in (Path("all.tif"), io.BytesIO(stdout)):
        with Image.open(file) as picture:
            assert picture.n_frames == 3
            picture.seek(2)
            assert chroma(picture) > 1


@pytest.mark.parametrize(("closed", "name"), [("<&-", "input"), (">&-", "output")])
def test_a_closed_stream_is_told_in_words(closed: str, name: str, here: Path, model: str) -> None:
    """Started with a closed standard input or output that it needs, the command says so."""
    other = "< a.png" if name == "output" else "> /dev/null"
    command = f"{sys.executable} -m colorful - -m {model} {other} {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"colorful: standard {name}: expected it to be open, got it closed\n"


@pytest.mark.parametrize(
    ("command", "status", "stdout", "stderr"),
    [
        ("{colorful} - < pages.tif 2>&-", 0, b"II*", ""),  # what is told of it goes nowhere, not into it
        ("{colorful} a.png -o new.png 2>/dev/full && cat new.png", 0, b"\x89PNG", ""),
        ("{colorful} a.png -o new.png <&- >&- 2>&-; cat new.png", 0, b"\x89PNG", ""),
        ("{colorful} - < a.png > /dev/full", 1, b"", "colorful: No space left on device\n"),
        ("{colorful} --help > /dev/full", 1, b"", "colorful: No space left on device\n"),
        ("{colorful} a.png -o /dev/stdout", 0, b"\x89PNG", ""),
        ("cat a.png | {colorful} /dev/stdin", 0, b"\x89PNG", ""),
        ("{colorful} /dev/stdin < a.png", 0, b"\x89PNG", ""),
        ("exec 3< a.png; {colorful} /dev/fd/3", 0, b"\x89PNG", ""),
        ("{colorful} <(cat a.png) -o new.png && cat new.png", 0, b"\x89PNG", "-> new.png\n"),
        ("cp b.png c.png; {colorful} - -o c.png --skip-existing < a.png", 1, b"", "result of this photo\n"),
        ("mkfifo h.json; {colorful} a.png --hints h.json", 1, b"", "expected a file, got a named pipe\n"),
        ("mkdir x; cd x; rmdir ../x; {colorful} ../a.png", 1, b"", "colorful: the current folder is gone\n"),
    ],
)
def test_streams_and_pipes_of_any_kind(
    here: Path, model: str, command: str, status: int, stdout: bytes, stderr: str
) -> None:
    """Closed or full streams, pipes of the shell and a folder that is gone: the photo, or words."""
    with Image.open("a.png") as page:
        page.save("pages.tif", save_all=True, append_images=[page])
        page.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save("b.png")
    colorful = f"{sys.executable} -m colorful"
    line = command.format(colorful=colorful + (f" colorize -m {model}" if "--help" not in command else ""))
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout[: len(stdout)]) == (status, stdout), done.stderr
    assert done.stderr.decode().endswith(stderr)
    assert b"Traceback" not in done.stderr
    if stdout:
        with Image.open(io.BytesIO(done.stdout)) as picture:
            assert chroma(picture) > 1


def test_the_limit_of_pixels_is_an_option(here: Path, model: str) -> None:
    """``--max-pixels`` refuses larger photos, a larger number lets them in, and 0 takes any size."""
    Image.new("1", (20_000, 9_000)).save("map.png")
    assert "expected at most 178,956,970 pixels" in run("map.png", "-m", model).stderr
    assert "expected at most 100 pixels" in run("a.png", "-m", model, "--max-pixels", "100").stderr
    assert run("a.png", "-m", model, "--max-pixels", "0").exit_code == 0


def test_a_broken_photo_is_named_and_the_others_go_on(here: Path, model: str) -> None:
    """With a broken photo the others are colored, and the status is 1."""
    result = run("-m", model, ".", "none.png")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert "colorful: none.png: no such file or folder" in lines
    assert any(line.startswith("colorful: broken.png: ") and line.count("broken.png") == 1 for line in lines)
    assert lines[-1].startswith("2 of 3 photos colored, 2 failed in ")
    assert {path.name for path in here.glob("colorized_*")} == {"colorized_a.png", "colorized_b.png"}


def test_json_has_a_line_for_each_photo(here: Path, model: str) -> None:
    """With ``--json`` standard output has an object a photo and one for all; the reference has each field."""
    Path("line\nbreak.png").write_bytes(Path("a.png").read_bytes())
    result = run(".", "-m", model, "--json", "-o", "out")
    *photos, last = map(json.loads, result.stdout.splitlines())
    assert {(photo["source"], photo["status"]) for photo in photos} == {
        ("a.png", "done"), ("b.png", "done"), ("line\nbreak.png", "done"), ("broken.png", "failed")
    }  # fmt: skip
    assert all(Path(photo["target"]).is_file() for photo in photos if photo["status"] == "done")
    assert last["summary"].items() >= {"done": 3, "skipped": 0, "failed": 1, "interrupted": False}.items()
    page = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert [field for field in photos[0] | last["summary"] if f"`{field}`" not in page] == []


def test_a_second_run_skips_or_replaces(here: Path, model: str) -> None:
    """A second run fails on what is there, skips it, or replaces it, as it was told."""
    run("a.png", "-m", model)
    again = run("a.png", "-m", model)
    assert again.exit_code == 1
    assert again.stderr == (
        "colorful: a.png: 'colorized_a.png' exists already; "
        "--skip-existing leaves it, --overwrite replaces it\n"
    )
    skipped = run("a.png", "-m", model, "--skip-existing")
    assert (skipped.exit_code, skipped.stderr) == (0, "colorized_a.png exists, skipped\n")
    assert run("a.png", "-m", model, "--overwrite").exit_code == 0


def test_standard_input_goes_to_standard_output(here: Path, model: str) -> None:
    """``-`` reads a photo and writes the picture, in its own format or another, and nothing else."""
    data = Path("a.png").read_bytes()
    for options, format in (((), "PNG"), (("--format", "jpeg"), "JPEG")):
        result = run("-", "-m", model, *options, stdin=data)
        assert (result.exit_code, result.stderr) == (0, "")
        with Image.open(io.BytesIO(result.stdout_bytes)) as picture:
            assert (picture.format, picture.size) == (format, (32, 24))
    assert run("a.png", "-m", model, "-o", "-").stdout_bytes.startswith(b"\x89PNG")


def test_standard_input_goes_to_a_file(here: Path, model: str) -> None:
    """``--out`` is for standard input what it is for a photo: folders are made, files are left alone."""
    data = Path("a.png").read_bytes()
    options = ("-", "-m", model, "-o", "new/from.webp")
    result = run(*options, stdin=data)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "- -> new/from.webp\n")
    with Image.open("new/from.webp") as picture:
        assert picture.format == "WEBP"
    again = run(*options, stdin=data)
    assert (again.exit_code, again.stderr) == (
        1, "colorful: 'new/from.webp' exists already; --skip-existing leaves it, --overwrite replaces it\n"
    )  # fmt: skip
    skipped = run(*options, "--skip-existing", stdin=data)
    assert (skipped.exit_code, skipped.stderr) == (0, "new/from.webp exists, skipped\n")
    assert run(*options, "--overwrite", stdin=data).exit_code == 0
    assert run("-", "-m", model, "-o", "noname", "--format", "png", stdin=data).exit_code == 0
    assert Path("noname").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("stdin", "words"), [(b"", "empty"), (b"nonsense", "not a picture")], ids=["empty", "text"]
)
def test_nonsense_on_standard_input_is_told_in_words(
    here: Path, model: str, stdin: bytes, words: str
) -> None:
    """No picture on standard input is one line, and nothing goes to standard output."""
    result = run("-", "-m", model, stdin=stdin)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_terminal_is_no_picture(here: Path) -> None:
    """``colorful -`` on a terminal says what it waits for instead of waiting."""
    terminal, its_other_end = pytest.importorskip("pty").openpty()
    command = [sys.executable, "-m", "colorful", "-", "-o", "new.png"]
    with os.fdopen(terminal, "rb", buffering=0), os.fdopen(its_other_end, "rb", buffering=0) as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        "colorful: PHOTO: expected a file or a pipe for -, since a terminal cannot send a picture\n"
    )


def test_errors_stand_above_the_bar(here: Path, model: str) -> None:
    """On a terminal what failed has a line of its own, above the bar that is drawn anew below it."""
    terminal, its_other_end = pytest.importorskip("pty").openpty()
    command = [sys.executable, "-m", "colorful", ".", "-m", model]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60", "OMP_NUM_THREADS": "1"}
    shown = b""
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        with os.fdopen(its_other_end, "wb", buffering=0) as stderr:
            process = subprocess.Popen(command, stderr=stderr, env=environment)
        with process, contextlib.suppress(OSError):  # as Linux ends the reading of a terminal that is gone
            while piece := screen.read(1024):
                shown += piece
    assert process.returncode == 1
    rows = [row.rpartition("\r\x1b[2K")[2] for row in shown.decode().split("\r\n")]
    rows = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", row) for row in rows]
    assert [row.startswith("colorful: broken.png: ") for row in rows if "colorful:" in row] == [True]
    assert any("photos/s" in row for row in rows)


def test_an_error_leaves_the_cursor(here: Path) -> None:
    """A bar hides the cursor of a terminal; it is there again after whatever ends the command."""
    terminal, its_other_end = pytest.importorskip("pty").openpty()
    command = [sys.executable, "-m", "colorful", ".", "-m", "nowhere.pth"]
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        with os.fdopen(its_other_end, "wb", buffering=0) as stderr:
            process = subprocess.Popen(command, stderr=stderr, env={**os.environ, "TERM": "xterm"})
        shown = b""
        with process, contextlib.suppress(OSError):  # as Linux ends the reading of a terminal that is gone
            while piece := screen.read(1024):
                shown += piece
    assert b"nowhere.pth: expected one of" in shown
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1


def test_hints_and_a_mask_for_a_single_photo(here: Path, model: str) -> None:
    """``--hints`` and ``--keep`` act on the one photo given."""
    Path("hints.json").write_text('[{"x": 16, "y": 12, "color": "#c03020", "radius": 12}]')
    keep = np.zeros((24, 32), np.uint8)
    keep[:, :10] = 255
    Image.fromarray(keep).save("keep.png")
    run("a.png", "-m", model, "-o", "plain.png")
    result = run("a.png", "-m", model, "-o", "hinted.png", "--hints", "hints.json", "--keep", "keep.png")
    assert result.exit_code == 0, result.stderr
    with Image.open("plain.png") as plain, Image.open("hinted.png") as hinted, Image.open("a.png") as photo:
        before, after, grey = (np.asarray(picture.convert("RGB")) for picture in (plain, hinted, photo))
    assert np.array_equal(after[:, :10], grey[:, :10])
    assert not np.array_equal(after[:, 10:], before[:, 10:])


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["a.png", "-t", "2"], 2, "--temperature: expected a number in [0, 1], got 2.0"),
        (["a.png", "--device", "cuda:99"], 1, "device: expected one that is there, got 'cuda:99'"),
        (["a.png", "b.png", "--hints", "none.json"], 2, "expected a single photo"),
        (["a.png", "--hints", "none.json"], 1, "--hints: cannot read 'none.json'"),
        (["a.png", "b.png", "-o", "out.png"], 2, "--out: expected a folder for several photos"),
        (["a.png", "-o", "a.png", "--overwrite"], 1, "'a.png' is the photo itself"),
        (["a.png", "-o", "out.jp2"], 2, "--out: expected a folder, or a name ending in .jpg"),
        (["a.png", "-o", "out.jxl"], 2, "--out: expected a folder, or a name ending in .jpg"),
        (["-", "-o", "folder"], 2, "--out: expected a file for the photo from standard input"),
        (["a.png", "--format", "svg"], 2, "format: expected one of"),
        (["-", "a.png"], 2, "expected a single photo"),
        (["-", "--json"], 2, "--json: expected a result in a file"),
        (["a.png", "--skip-existing", "--overwrite"], 2, "--skip-existing, --overwrite: expected at most"),
        (["https://example.org/a.jpg"], 1, "colorful does not download photos"),
        (["colorzie"], 2, "did you mean the command 'colorize'?"),
        (["evalute", "."], 2, "did you mean the command 'evaluate'?"),
        (["a.png", "--temperature", "7"], 2, "--temperature: expected a number in [0, 1]"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line(here: Path, model: str, args: list[str], status: int, words: str) -> None:
    """Every wrong use is one line that says what was expected, and no file is written.

    The status is 2 for options that are wrong, whatever is in the files, and else 1.
    """
    before = {path: path.read_bytes() for path in here.iterdir()}
    result = run(*args, "-m", model)
    assert result.exit_code == status
    assert words in result.stderr
    assert result.stderr.startswith("colorful: ")
    assert result.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in here.iterdir()} == before


def test_a_pattern_like_a_command_is_a_pattern(here: Path, model: str) -> None:
    """``colorful "demo*"`` colors the photos with such names."""
    Path("a.png").rename("demo1.png")
    assert run("demo*", "-m", model).exit_code == 0
    assert Path("colorized_demo1.png").exists()


def test_an_unknown_model_is_told_in_words(here: Path) -> None:
    """A model that is not there is one line of words."""
    result = run("a.png", "-m", "./none")
    assert result.exit_code == 1
    assert result.stderr.startswith("colorful: ")
    assert "none" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_run_goes_on(tmp_path: Path, model: str, signal_number: signal.Signals) -> None:
    """However a run is stopped, each result is whole, and the same command does the rest."""
    album, out = tmp_path / "album", tmp_path / "out"
    album.mkdir()
    count = 90
    noise = np.random.default_rng(0).integers(0, 255, (300, 400), np.uint8)
    for number in range(count):
        Image.fromarray(noise).save(album / f"{number}.png", compress_level=0)
    command = [sys.executable, "-m", "colorful", str(album), "-o", str(out), "-m", model, "--skip-existing"]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        deadline = time.monotonic() + 120
        while len(list(out.glob("colorized_*"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal_number)
        time.sleep(0.02)
        process.send_signal(signal_number)  # as where a terminal sends it, and who started the program, too
        assert process.stderr is not None
        words = process.stderr.read().decode()
    done = list(out.glob("colorized_*"))
    assert 3 <= len(done) < count
    for path in done:
        with Image.open(path) as picture:
            picture.load()
    if signal_number != signal.SIGKILL:
        assert process.returncode in {130, -signal_number}  # a shell has 130 for both
        assert f"{len(done)} of {count} photos colored" in words
        assert "give the same command with --skip-existing to go on" in words
        assert "Traceback" not in words
        assert len(list(out.iterdir())) == len(done)
    rest = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert f"{count - len(done)} of {count} photos colored, {len(done)} skipped" in rest.stderr
    assert len(list(out.glob("colorized_*"))) == count
