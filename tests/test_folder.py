from __future__ import annotations

import errno
import io
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from album_samples import put
from PIL import Image, ImageDraw
from web_samples import Painter, Plain

from colorful import Colorizer, colorize_folder, errors, files
from colorful.folder import _Budget
from colorful.images import sources
from colorful.models import NetworkConfig
from colorful.plan import Outcome


@pytest.fixture(scope="module")
def painter() -> Colorizer:
    """Give a model that colors in no time."""
    return Colorizer(Painter(NetworkConfig(network_size=32)), device="cpu")


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Give a folder that photos can be put into by :func:`put`."""
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


def tree(folder: Path) -> set[str]:
    """Name all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


class TestColorizeFolder:
    def test_a_folder_that_is_not_there_is_an_error(self, painter: Colorizer, album: Path) -> None:
        """A mistyped source alone is no summary of nothing done."""
        with pytest.raises(errors.PhotosError, match=r"got none: .*typo: no such file or folder"):
            colorize_folder(album / "typo", colorizer=painter)

    def test_a_folder_is_colored(self, painter: Colorizer, album: Path, tmp_path: Path) -> None:
        """Every photo has its result, which is what the colorizer gives for it alone."""
        put(album, "a.png", "deep/b.png")
        seen: list[tuple[str, int, int]] = []
        summary = colorize_folder(
            album,
            tmp_path / "out",
            colorizer=painter.tuned(temperature=0.5),
            recursive=True,
            progress=lambda outcome, finished, total: seen.append((outcome.status, finished, total)),
        )
        assert (summary.done, summary.skipped, summary.failed) == (2, 0, [])
        assert seen == [("done", 1, 2), ("done", 2, 2)]
        assert tree(tmp_path / "out") == {"colorized_a.png", "deep/colorized_b.png"}
        with Image.open(tmp_path / "out/deep/colorized_b.png") as result:
            assert np.array_equal(result, painter.colorize(album / "deep/b.png", temperature=0.5))

    def test_broken_photos_do_not_stop_it(self, painter: Colorizer, album: Path) -> None:
        """A broken photo is named with its reason, the others are colored, and nothing half is left."""
        put(album, "a.jpg", "b.jpg", "c.jpg")
        (album / "b.jpg").write_bytes((album / "a.jpg").read_bytes()[:200])
        (album / "empty.png").touch()
        summary = colorize_folder(album, colorizer=painter)
        assert summary.done == 2
        assert {outcome.source.name for outcome in summary.failed} == {"b.jpg", "empty.png"}
        assert all(outcome.error for outcome in summary.failed)
        assert tree(album) == {
            "a.jpg", "b.jpg", "c.jpg", "empty.png", "colorized_a.jpg", "colorized_c.jpg"
        }  # fmt: skip

    def test_what_a_result_lacks_is_in_the_summary(self, painter: Colorizer, album: Path) -> None:
        """A TIFF of several pages is among the warned, with the reason; pages="all" colors all."""
        put(album, "a.png")
        pages = [Image.fromarray(np.full((9, 12), shade, np.uint8)) for shade in (50, 90, 130)]
        pages[0].save(album / "b.tif", save_all=True, append_images=pages[1:])
        summary = colorize_folder(album, album / "out", colorizer=painter)
        assert (summary.done, [outcome.source.name for outcome in summary.warned]) == (2, ["b.tif"])
        assert "more than one picture (3)" in summary.warned[0].warnings[0]
        summary = colorize_folder(album, album / "out", colorizer=painter, pages="all", overwrite=True)
        assert (summary.done, summary.warned) == (2, [])
        with Image.open(album / "out" / "colorized_b.tif") as result:
            assert (result.n_frames, result.mode) == (3, "RGB")
        summary = colorize_folder(
            album / "b.tif", album / "png", colorizer=painter, pages="all", format="png"
        )
        assert "a TIFF holds several pages" in str(summary.failed[0].error)
        assert not list(album.glob("png/*"))

    def test_results_that_are_there(self, painter: Colorizer, album: Path) -> None:
        """A result that is there is an error, or skipped, or replaced, as was asked."""
        put(album, "a.png", "b.png")
        (album / "colorized_a.png").write_bytes(b"mine")
        summary = colorize_folder(album, colorizer=painter)
        (outcome,) = summary.failed
        assert outcome.error == (
            f"'{album}/colorized_a.png' exists already; "
            "skip_existing=True leaves it, overwrite=True replaces it"
        )
        summary = colorize_folder(album, colorizer=painter, skip_existing=True)
        assert (summary.done, summary.skipped) == (1, 1)  # one is no result
        assert (album / "colorized_a.png").read_bytes() == b"mine"
        assert (album / "colorized_a_album.png").exists()
        summary = colorize_folder(album, colorizer=painter, skip_existing=True)
        assert (summary.done, summary.skipped) == (0, 2)
        summary = colorize_folder(album, colorizer=painter, overwrite=True)
        assert (summary.done, summary.skipped) == (2, 0)
        with Image.open(album / "colorized_a.png") as result:
            assert result.mode == "RGB"
        with pytest.raises(errors.OptionError, match=r"skip_existing, overwrite: .* got both"):
            colorize_folder(album, colorizer=painter, skip_existing=True, overwrite=True)

    @pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
    @pytest.mark.parametrize("prefix", ["", "colorized_"])
    def test_a_share_that_fails_makes_no_second_result(
        self, painter: Colorizer, album: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, ending: str
    ) -> None:
        """A photo or a result that the system fails to read is an error, and no reason to color it again."""
        put(album, f"a.{ending}")
        colorize_folder(album, colorizer=painter)
        before, opened, failing = tree(album), files.open_regular, [f"{prefix}a.{ending}"]

        class Failing(io.FileIO):
            def readinto(self, buffer: Any) -> int:
                raise OSError(errno.EIO, os.strerror(errno.EIO), self.name)

        def open_regular(path: Path) -> Any:
            return io.BufferedReader(Failing(path)) if path.name in failing else opened(path)

        monkeypatch.setattr(sources, "open_regular", open_regular)
        summary = colorize_folder(album, colorizer=painter, skip_existing=True)
        assert [os.strerror(errno.EIO) in str(outcome.error) for outcome in summary.failed] == [True]
        failing.clear()
        assert colorize_folder(album, colorizer=painter, skip_existing=True).skipped == 1
        assert tree(album) == before

    def test_what_is_there_is_the_result_of_this_photo(self, painter: Colorizer, tmp_path: Path) -> None:
        """Photos of one name with one folder for the results are each colored once, whichever came first."""
        rows, columns = np.mgrid[:40, :60]
        scans = {}
        for name, pixels in (("x", 4 * rows), ("y", 4 * columns), ("deep/x", 255 - 4 * rows)):
            scans[name] = tmp_path / name / "scan.jpg"
            scans[name].parent.mkdir(parents=True)
            Image.fromarray(pixels.astype(np.uint8)).save(scans[name], quality=95)
        out = tmp_path / "color"
        done = [
            colorize_folder(scans[name], out, colorizer=painter, skip_existing=True).done
            for name in ("x", "y", "deep/x", "y", "x", "deep/x")
        ]
        assert done == [1, 1, 1, 0, 0, 0]
        assert len(tree(out)) == 3
        assert {"colorized_scan.jpg", "colorized_scan_y.jpg"} < tree(out)
        strong = painter.tuned(saturation=4)
        for quality in (20, 100):  # a poor result of strong colors is known as well
            target = tmp_path / f"color{quality}"
            for expected in (1, 0):
                summary = colorize_folder(
                    scans["y"], target, colorizer=strong, skip_existing=True, quality=quality
                )
                assert (summary.done, summary.skipped) == (expected, 1 - expected)

    def test_two_runs_at_once_do_not_fail_each_other(self, painter: Colorizer, album: Path) -> None:
        """A result that another run makes meanwhile counts as there, and each photo has one result."""
        put(album, *(f"{number}.png" for number in range(24)))
        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(colorize_folder, album, colorizer=painter, workers=2, skip_existing=True)
                for _ in range(2)
            ]
            summaries = [run.result() for run in runs]
        assert [summary.failed for summary in summaries] == [[], []]
        assert sum(summary.done for summary in summaries) == 24
        assert len(tree(album)) == 48

    def test_odd_names(self, painter: Colorizer, album: Path) -> None:
        """Spaces, line breaks, other scripts and bytes that are no text in a name do no harm."""
        names = ["two words.png", "line\nbreak.png", "照片.png", "--help.png", os.fsdecode(b"byte\xff.png")]
        put(album, *names)
        summary = colorize_folder(album, colorizer=painter)
        assert (summary.done, summary.failed) == (5, [])
        assert tree(album) == {*names, *(f"colorized_{name}" for name in names)}

    def test_an_interrupt_leaves_whole_results_and_goes_on(self, painter: Colorizer, album: Path) -> None:
        """After Ctrl-C every result is whole, no thread is left, and a second run does the rest."""
        put(album, *(f"{number}.png" for number in range(12)))
        outcomes: list[Outcome] = []

        def interrupt(outcome: Outcome, finished: int, total: int) -> None:
            outcomes.append(outcome)
            if finished == 3:
                raise KeyboardInterrupt

        before = set(threading.enumerate())  # another test's page may live on
        with pytest.raises(KeyboardInterrupt):
            colorize_folder(album, colorizer=painter, workers=2, progress=interrupt)
        assert set(threading.enumerate()) <= before
        results = {path for path in album.iterdir() if path.name.startswith("colorized_")}
        assert {outcome.target for outcome in outcomes} == results
        assert 3 <= len(results) < 12
        for path in results:
            with Image.open(path) as result:
                result.load()
        summary = colorize_folder(album, colorizer=painter, skip_existing=True)
        assert (summary.done, summary.skipped) == (12 - len(results), len(results))

    def test_a_photo_is_never_overwritten(self, painter: Colorizer, album: Path) -> None:
        """A target that leads to its photo, through a link too, is refused even if overwriting is allowed."""
        put(album, "a.png")
        before = (album / "a.png").read_bytes()
        (album / "colorized_a.png").symlink_to("a.png")
        colorize_folder(album / "a.png", colorizer=painter, overwrite=True)
        assert (album / "a.png").read_bytes() == before

    def test_options_without_meaning_stop_it(self, album: Path) -> None:
        """An option that the model has no use for is one error, not one for each photo."""
        put(album, "a.png", "b.png")
        plain = Colorizer(Plain(NetworkConfig(network_size=32)), device="cpu")
        with pytest.raises(errors.OptionError, match="format: expected one of"):
            colorize_folder(album, colorizer=plain, format="svg")
        with pytest.raises(errors.OptionError, match="workers: expected an integer of at least 1, got 0"):
            colorize_folder(album, colorizer=plain, workers=0)
        with pytest.raises(TypeError, match=r"'recursiv'; expected .*recursive"):
            colorize_folder(album, colorizer=plain, recursiv=True)  # type: ignore[call-arg]
        with pytest.raises(errors.OptionError, match="shard: expected a pair of integers, got '1/2'"):
            colorize_folder(album, colorizer=plain, shard="1/2")  # type: ignore[arg-type]
        with pytest.raises(errors.KindError, match="colorizer: expected a Colorizer, got str"):
            colorize_folder(album, colorizer="lite")  # type: ignore[arg-type]
        with pytest.raises(errors.OutputError, match="cannot be made: a file is in its place"):
            colorize_folder(album, album / "a.png", colorizer=plain)
        for wrong in (3, None, [album, 3]):
            with pytest.raises(errors.KindError, match="photos: expected paths or patterns, got"):
                colorize_folder(wrong, colorizer=plain)  # type: ignore[arg-type]
        assert tree(album) == {"a.png", "b.png"}

    def test_there_is_a_photo_at_work_for_each_thread(self, album: Path) -> None:
        """By default there are as many photos at work as torch has threads, and no more."""
        expected = torch.get_num_threads()
        together = threading.Barrier(expected)
        workers: set[str] = set()

        class Meeting(Painter):
            def forward(self, light: Any, ab: Any = None, mask: Any = None) -> Any:
                workers.add(threading.current_thread().name)
                together.wait(timeout=30)
                return super().forward(light, ab, mask)

        put(album, *(f"{number}.png" for number in range(2 * expected)))
        colorizer = Colorizer(Meeting(NetworkConfig(network_size=32)), device="cpu")
        assert colorize_folder(album, colorizer=colorizer).done == 2 * expected
        assert len(workers) == expected

    def test_torchs_threads_are_given_back(self, painter: Colorizer, album: Path) -> None:
        """The number of torch's threads is afterwards what it was."""
        put(album, "a.png", "b.png")
        before = torch.get_num_threads()
        colorize_folder(album, colorizer=painter, workers=2)
        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert [torch.get_num_threads(), *seen] == [before, before]


def test_memory_is_bounded_by_pixels_at_work() -> None:
    """Photos wait until those at work leave room; one above the limit is at work alone."""
    budget = _Budget(100)
    lock, at_work, highest = threading.Lock(), [], []

    def work(pixels: int) -> None:
        with budget.take(pixels):
            with lock:
                at_work.append(pixels)
                highest.append(list(at_work))
            time.sleep(0.005)
            with lock:
                at_work.remove(pixels)

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in (60, 60, 40, 500, 30, 100, 10) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(highest) == 14
    assert all(sum(together) <= 100 or together == [500] for together in highest)
    assert max(map(len, highest)) > 1


def test_a_large_photo_is_not_passed_by() -> None:
    """A photo that waits to be at work alone comes before those that ask later, however small they are."""
    budget, order = _Budget(100), []

    def work(pixels: int) -> None:
        with budget.take(pixels):
            order.append(pixels)

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in (500, 30)]
    with budget.take(60):
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == [500, 30]


def test_the_pixels_of_a_photo_are_known_before_it_is_decoded(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos that together have more pixels than the limit are at work one after the other."""
    put(album, *(f"{number}.{suffix}" for number in range(3) for suffix in ("png", "jpg", "tif")))
    at_work, most = [0], [0]

    class Counting(Painter):
        def forward(self, light: Any, ab: Any = None, mask: Any = None) -> Any:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            time.sleep(0.01)
            result = super().forward(light, ab, mask)
            at_work[0] -= 1
            return result

    colorizer = Colorizer(Counting(NetworkConfig(network_size=32)), device="cpu")
    monkeypatch.setattr("colorful.folder._PIXELS_IN_FLIGHT", 2 * 9 * 12 - 1)
    assert colorize_folder(album, colorizer=colorizer, workers=4).done == 9
    assert most == [1]


def page_of_print(seed: int) -> Image.Image:
    """Draw a page of random words, as a scanner sees it."""
    chance = random.Random(seed)
    page = Image.new("L", (400, 550), 245)
    draw = ImageDraw.Draw(page)
    for top in range(30, 520, 14):
        words = ("".join(chance.choices("abcdefgh", k=chance.randint(2, 8))) for _ in range(9))
        draw.text((25, top), " ".join(words), fill=20)
    return page


def test_pages_of_print_are_told_apart(painter: Colorizer, tmp_path: Path) -> None:
    """Two pages that are white nearly everywhere are two photos; all pages asked for are all to be there."""
    folders = [tmp_path / name for name in ("one", "two")]
    for number, folder in enumerate(folders):
        folder.mkdir()
        page_of_print(number).save(folder / "scan.tif", save_all=True, append_images=[page_of_print(7)])
    out = tmp_path / "out"
    for folder in (*folders, *folders):
        colorize_folder(folder, out, colorizer=painter, skip_existing=True)
    assert len(list(out.iterdir())) == 2
    again = colorize_folder(folders[0], out, colorizer=painter, skip_existing=True, pages="all")
    assert (again.done, again.skipped) == (1, 0)
    again = colorize_folder(folders[0], out, colorizer=painter, skip_existing=True, pages="all")
    assert (again.done, again.skipped) == (0, 1)
