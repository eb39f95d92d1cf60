from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from album_samples import put
from PIL import Image
from web_samples import Painter

from colorful import Colorizer, colorize_folder, errors, outcomes
from colorful.models import NetworkConfig
from colorful.storage import URL

memory: Any = pytest.importorskip("fsspec.implementations.memory")


@pytest.fixture(scope="module")
def painter() -> Colorizer:
    """Give a model that colors in no time."""
    return Colorizer(Painter(NetworkConfig(network_size=32)), device="cpu")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Give a folder with three photos, one of which is broken."""
    put(tmp_path / "album", "a.png", "b.png", "deep/c.png")
    (tmp_path / "album" / "b.png").write_bytes(b"\x89PNG")
    return tmp_path / "album"


@pytest.fixture
def stores() -> Iterator[Callable[[str], URL]]:
    """Give a function that names a folder in a store, which is emptied."""
    yield lambda name: URL(f"memory://{name}")
    memory.MemoryFileSystem.store.clear()


def rows(out: Path) -> list[dict[str, Any]]:
    """Read what lies beside the results."""
    return list(outcomes.read(out / outcomes.FOLDER))


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_second_run_goes_on(
    format: outcomes.Format, album: Path, tmp_path: Path, painter: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run leaves out what is written down as done, without a look at the photos; the rest it tries."""
    out = tmp_path / "out"
    first = colorize_folder(album, out, colorizer=painter, recursive=True, outcomes=format)
    assert (first.done, len(first.failed)) == (2, 1)
    found = {row["source"]: row for row in rows(out)}
    assert set(found) == {str(path) for path in album.rglob("*.png")}
    good = found[str(album / "deep/c.png")]
    assert good["target"] == "deep/colorized_c.png"
    assert good["digest"] == hashlib.sha256((out / good["target"]).read_bytes()).hexdigest()
    assert found[str(album / "b.png")]["status"] == "failed"
    assert "b.png" in found[str(album / "b.png")]["error"]

    monkeypatch.setattr("colorful.folder.shows", lambda *args, **options: 1 / 0)
    (out / "colorized_a.png").unlink()  # whoever deletes a result wants it anew
    seen: list[str] = []
    second = colorize_folder(
        album,
        out,
        colorizer=painter,
        recursive=True,
        outcomes=format,
        progress=lambda outcome, finished, total: seen.append(f"{outcome.source.name} {finished}/{total}"),
    )
    assert (second.done, second.skipped, len(second.failed)) == (1, 1, 1)
    assert sorted(seen) == ["a.png 2/3", "b.png 3/3"] or sorted(seen) == ["a.png 3/3", "b.png 2/3"]


def test_what_was_not_written_down_is_found_out(album: Path, tmp_path: Path, painter: Colorizer) -> None:
    """A line that a killed run left torn is passed over, and its result is known by what it shows."""
    out = tmp_path / "out"
    colorize_folder(album, out, colorizer=painter, recursive=True, outcomes="jsonl")
    (file,) = (out / outcomes.FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:40])
    again = colorize_folder(album, out, colorizer=painter, recursive=True, outcomes="jsonl")
    assert (again.done, again.skipped, len(again.failed)) == (0, 2, 1)
    assert {row["status"] for row in rows(out)} == {"skipped", "failed"}
    assert all(row["digest"] for row in rows(out) if row["status"] == "skipped")


def test_what_others_put_there_is_no_outcome(album: Path, tmp_path: Path, painter: Colorizer) -> None:
    """Tables and lines of something else are passed over; a damaged table is an error that names it."""
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "out"
    colorize_folder(album, out, colorizer=painter, outcomes="jsonl")
    before = rows(out)
    (out / outcomes.FOLDER / "notes.txt").write_text("mine")
    (out / outcomes.FOLDER / "x.jsonl").write_text('{"source": "a"}\n[1]\n"x"\n')
    pa.parquet.write_table(pa.table({"source": ["a"]}), out / outcomes.FOLDER / "x.parquet")
    assert rows(out) == before
    (out / outcomes.FOLDER / "y.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(errors.ImageError, match=r"y\.parquet: cannot be read"):
        rows(out)


def test_results_of_another_model_are_not_mixed(album: Path, tmp_path: Path, painter: Colorizer) -> None:
    """A run with another look than the results that are there refuses, unless it replaces them."""
    out = tmp_path / "out"
    colorize_folder(album, out, colorizer=painter, outcomes="jsonl")
    vivid = painter.tuned(saturation=2)
    with pytest.raises(errors.OptionError, match="expected results of this model with these options"):
        colorize_folder(album, out, colorizer=vivid, outcomes="jsonl")
    with pytest.raises(errors.OptionError, match="expected results of this model with these options"):
        colorize_folder(album, out, colorizer=painter, outcomes="jsonl", provenance=False)
    for _ in range(2):
        summary = colorize_folder(album, out, colorizer=vivid, outcomes="jsonl", overwrite=True)
        assert summary.done == 1
    assert colorize_folder(album, out, colorizer=vivid, outcomes="jsonl").skipped == 1


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_from_store_to_store(
    format: outcomes.Format, album: Path, stores: Callable[[str], URL], painter: Colorizer
) -> None:
    """Photos of a store become objects of a store, the same bytes as files; outcomes lie among them."""
    store = memory.MemoryFileSystem()
    for path in album.rglob("*.png"):
        store.pipe_file(f"/in/{path.relative_to(album).as_posix()}", path.read_bytes())
    given = {"colorizer": painter, "recursive": True, "outcomes": format}
    first = colorize_folder(stores("in"), stores("out"), **given)
    assert (first.done, [str(outcome.source) for outcome in first.failed]) == (2, ["memory://in/b.png"])
    plain = colorize_folder(album, album.parent / "plain", colorizer=painter, recursive=True)
    assert plain.done == 2
    for name in ("colorized_a.png", "deep/colorized_c.png"):
        assert store.cat_file(f"/out/{name}") == (album.parent / "plain" / name).read_bytes()
    second = colorize_folder(stores("in"), stores("out"), **given)
    assert (second.done, second.skipped, len(second.failed)) == (0, 2, 1)
    store.rm(f"/out/{outcomes.FOLDER}", recursive=True)
    third = colorize_folder(stores("in"), stores("out"), **given)
    assert (third.done, third.skipped, len(third.failed)) == (0, 2, 1)


def test_outcomes_need_a_folder(album: Path, painter: Colorizer) -> None:
    """Without a folder for the results there is no place beside which outcomes could lie."""
    with pytest.raises(errors.OptionError, match="outcomes: expected a folder for the results"):
        colorize_folder(album, colorizer=painter, outcomes="jsonl")
    with pytest.raises(errors.OptionError, match="outcomes: expected one of jsonl, parquet, got 'csv'"):
        colorize_folder(album, album.parent / "out", colorizer=painter, outcomes="csv")  # type: ignore[arg-type]


def test_shards_together_are_the_whole(album: Path, tmp_path: Path, painter: Colorizer) -> None:
    """Shards give the bytes that one run gives, each photo once, each problem once."""
    rng = np.random.default_rng(3)
    for number in range(9):
        noise = rng.integers(0, 256, (20, 30), np.uint8)
        Image.fromarray(noise).save(album / f"{number % 4}.{('png', 'tif', 'jpg')[number // 4]}")
    sources = [album, tmp_path / "typo"]
    whole = colorize_folder(sources, tmp_path / "whole", colorizer=painter, format="png")
    summaries = [
        colorize_folder(
            sources, tmp_path / "parts", colorizer=painter, format="png", shard=(i, 4), outcomes="jsonl"
        )
        for i in (1, 2, 3, 4)
    ]
    assert sum(summary.done for summary in summaries) == whole.done == 10
    problems = [outcome for summary in summaries for outcome in summary.failed]
    assert {str(outcome.source) for outcome in problems} == {str(tmp_path / "typo"), str(album / "b.png")}
    assert len(problems) == 2

    def content(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.glob("*.png")}

    assert content(tmp_path / "whole") == content(tmp_path / "parts")
    sources_written = [row["source"] for row in rows(tmp_path / "parts")]
    assert len(sources_written) == len(set(sources_written)) == 11
    with pytest.raises(errors.OptionError, match=r"shard: expected I/N with I from 1 to N, got 5/4"):
        colorize_folder(album, tmp_path / "parts", colorizer=painter, shard=(5, 4))
    json.dumps(rows(tmp_path / "parts"))
