from __future__ import annotations

import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from album_samples import put

from colorful import errors, naming
from colorful.photos import find_photos
from colorful.plan import Plan, make_plan


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Give a folder that photos can be put into."""
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


def targets(plan: Plan) -> dict[str, str]:
    """Pair the names of photos and results."""
    return {job.source.name: job.target.name for job in plan.jobs}


def test_results_lie_beside_the_photos(album: Path) -> None:
    """Without a folder for them, results lie beside the photos, with the photos' own endings."""
    put(album, "a.jpg", "b.png", "c.TIF", "d.gif", "deep/e.jpg", ".hidden.jpg")
    for name in ("f.MPO", "g.hif", "h.j2k"):
        (album / name).touch()
    (album / "notes.txt").write_text("no photo")
    plan = make_plan(album)
    assert {job.target.parent for job in plan.jobs} == {album}
    assert targets(plan) == {
        "a.jpg": "colorized_a.jpg",
        "b.png": "colorized_b.png",
        "c.TIF": "colorized_c.TIF",
        "d.gif": "colorized_d.png",  # the 256 colors of a GIF are too few
        "f.MPO": "colorized_f.jpg",
        "g.hif": "colorized_g.heic",
        "h.j2k": "colorized_h.png",  # which cannot be written
    }


def test_the_tree_is_kept(album: Path, tmp_path: Path) -> None:
    """With a folder for the results, the tree below each source is found again there."""
    put(album, "a.jpg", "1950/b.jpg", "1950/summer/c.jpg", ".trash/d.jpg")
    out = tmp_path / "color"
    plan = make_plan(album, out, recursive=True)
    assert [job.target.relative_to(out).as_posix() for job in plan.jobs] == [
        "1950/colorized_b.jpg",
        "1950/summer/colorized_c.jpg",
        "colorized_a.jpg",
    ]


def test_several_folders_keep_their_names(tmp_path: Path) -> None:
    """Several folders with one folder for the results have their own names there."""
    put(tmp_path, "x/a.jpg", "y/a.jpg")
    plan = make_plan([tmp_path / "x", tmp_path / "y"], tmp_path / "out")
    names = [job.target.relative_to(tmp_path / "out").as_posix() for job in plan.jobs]
    assert names == ["x/colorized_a.jpg", "y/colorized_a.jpg"]


def test_no_target_is_taken_twice(album: Path, tmp_path: Path) -> None:
    """Photos whose results would have one name get different ones, the same in every run."""
    put(album, "a.jpg", "a.png", "deep/a.jpg")
    beside = make_plan(album, format="png")
    assert targets(beside) == {"a.jpg": "colorized_a_jpg.png", "a.png": "colorized_a_png.png"}
    files = [album / "a.jpg", album / "deep/a.jpg", album / "a.jpg"]
    together = [job.target.name for job in make_plan(files, tmp_path / "out").jobs]
    assert together == ["colorized_a.jpg", "colorized_a-2.jpg"]


def test_no_target_is_a_photo(album: Path) -> None:
    """A photo of the plan is no target, not even through a link."""
    put(album, "a.jpg", "b.jpg")
    (album / "colorized_a.jpg").symlink_to("b.jpg")
    assert targets(make_plan(album))["a.jpg"] == "colorized_a-2.jpg"


def test_results_of_earlier_runs_are_passed_over(album: Path) -> None:
    """Results, beside the photos or in a folder inside, are not colored again."""
    put(album, "a.jpg", "colorized_a.jpg", "color/colorized_a.jpg", "color/b.jpg")
    plan = make_plan([album], album / "color", recursive=True)
    assert targets(plan) == {"a.jpg": "colorized_a.jpg"}
    assert targets(make_plan(album / "colorized_a.jpg")) == {"colorized_a.jpg": "colorized_colorized_a.jpg"}


def test_globs_are_expanded(album: Path) -> None:
    """A pattern stands for the photos it matches."""
    put(album, "a.jpg", "b.png", "deep/c.jpg")
    assert set(targets(make_plan(str(album / "**/*.jpg")))) == {"a.jpg", "c.jpg"}


@pytest.mark.parametrize(
    "store",
    [
        "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg",
        "#recycle/old.jpg",
        "1950/$RECYCLE.BIN/S-1-5/$R.jpg",
        "__MACOSX/b.jpg",
    ],
)
def test_what_a_nas_or_a_system_keeps_is_no_photo(album: Path, tmp_path: Path, store: str) -> None:
    """Thumbnails and deleted files are not colored unless you name their folder."""
    put(album, "a.jpg", store)
    assert set(targets(make_plan(album, recursive=True))) == {"a.jpg"}
    assert set(targets(make_plan(str(album / "**/*.jpg")))) == {"a.jpg"}
    folder = (album / store).parent
    assert set(targets(make_plan(folder))) == set(targets(make_plan(f"{folder}/*.jpg"))) == {Path(store).name}
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        shard.add(album, "album")
    assert [photo.name for photo in find_photos(tmp_path / "shard.tar")] == ["album/a.jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(album: Path) -> None:
    """A name with brackets that is there is taken as it is."""
    put(album, "a[1].jpg", "a1.jpg")
    assert set(targets(make_plan(album / "a[1].jpg"))) == {"a[1].jpg"}


def test_links_in_a_circle_end(album: Path) -> None:
    """Links to folders are not followed, so that a circle of them does no harm."""
    put(album, "a.jpg", "deep/b.jpg")
    (album / "deep/loop").symlink_to(album)
    (album / "dangling.jpg").symlink_to("nowhere.jpg")
    assert set(targets(make_plan(album, recursive=True))) == {"a.jpg", "b.jpg", "dangling.jpg"}


def test_a_photo_that_a_list_spells_in_two_ways_is_taken_once(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a list, what `ls` and what `find .` call a photo is one photo."""
    put(album, "a.jpg", "deep/b.jpg")
    monkeypatch.chdir(album)
    names = ["./a.jpg", "a.jpg", "deep/b.jpg", "./deep/./b.jpg", str(album / "a.jpg")]
    plan = make_plan(names, "out", listed=True)
    assert [job.source.resolve() for job in plan.jobs] == [album / "a.jpg", album / "deep/b.jpg"]


def test_what_is_not_there_or_cannot_be_listed_is_a_problem(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing source and a folder that cannot be listed are named, and the rest is planned."""
    put(album, "a.jpg", "locked/b.jpg")
    scandir: Callable[[Any], Any] = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    plan = make_plan([album, album / "none.jpg"], recursive=True)
    assert set(targets(plan)) == {"a.jpg"}
    assert {(problem.source.name, problem.error) for problem in plan.problems} == {
        ("none.jpg", "no such file or folder"),
        ("locked", "cannot be listed: Permission denied"),
    }


def test_nothing_to_color_is_an_error(album: Path) -> None:
    """An empty folder, or one with results only, is an error that says so."""
    with pytest.raises(errors.PhotosError, match=r"got none in .*album'; folders inside"):
        make_plan(album)
    put(album, "colorized_a.jpg", "colorized_b.jpg")
    with pytest.raises(errors.PhotosError, match="only results of earlier runs"):
        make_plan(album)
    with pytest.raises(errors.OptionError, match=r"format: expected one of jpg, .* got 'svg'"):
        make_plan(album, format="svg")


def test_no_name_is_no_folder(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty text, as of a shell's variable that is not set, is not the current folder."""
    put(album, "a.jpg")
    monkeypatch.chdir(album)
    for find in (make_plan, find_photos):
        with pytest.raises(errors.PhotosError, match="photos: expected paths or patterns, got an empty one"):
            find(["a.jpg", ""])


def test_photos_that_have_the_name_of_a_result_are_not_passed_over_in_silence(
    album: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Beside others they are taken for results of an earlier run, which a warning says."""
    put(album, "colorized_a.jpg", "b.jpg")
    assert set(targets(make_plan(sorted(album.iterdir())))) == {"b.jpg"}
    assert caplog.messages == ["results of earlier runs (colorized_...) are not colored again: 1"]


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="nothing is locked for root")
def test_a_photo_in_a_locked_folder_is_not_called_missing(album: Path) -> None:
    """Where a folder may not be entered the reason is that, and not that there is no such photo."""
    put(album, "locked/a.jpg")
    (album / "locked").chmod(0)
    try:
        (problem,) = make_plan(album / "locked/a.jpg").problems
    finally:
        (album / "locked").chmod(0o700)
    assert problem.error == "Permission denied"


def test_a_plan_pickles(album: Path) -> None:
    """A plan, or a part of its jobs, can be sent to another process or machine."""
    put(album, "a.jpg", "b.jpg")
    plan = make_plan(album, existing="skip", format="png", quality=80)
    again = pickle.loads(pickle.dumps(plan))
    assert again == plan
    assert again.options == {"format": "png", "quality": 80}


def test_names_that_are_too_long_are_said_before_the_work(album: Path, tmp_path: Path) -> None:
    """A photo whose result's name the file system would refuse is a problem of the plan; the others go on."""
    longest = os.pathconf(album, "PC_NAME_MAX")
    fits, too_long = "a" * (longest - 14) + ".jpg", "照" * ((longest - 14) // 3 + 1) + ".jpg"
    put(album, fits, too_long)
    plan = make_plan(album, tmp_path / "not" / "yet")
    assert [job.source.name for job in plan.jobs] == [fits]
    (problem,) = plan.problems
    assert problem.source.name == too_long
    assert "the name of its result is too long" in str(problem.error)


def test_planning_takes_time_in_proportion(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos of one name that go into one folder are named by asking for few paths each."""
    asked: list[str] = []
    identity = naming._Files.identity

    def count(files: Any, folder: str, name: str) -> str:
        asked.append(name)
        return identity(files, folder, name)

    monkeypatch.setattr(naming._Files, "identity", count)
    (album / "a.jpg").touch()
    sources = [album / str(number) / "a.jpg" for number in range(500)]
    for source in sources:
        source.parent.mkdir()
        source.touch()
    seen: list[int] = []
    plan = make_plan([album, *sources], album.parent / "out", recursive=True, progress=seen.append)
    assert len({job.target for job in plan.jobs}) == 501
    assert len(asked) <= 4 * 501
    assert seen == list(range(1, 502))
