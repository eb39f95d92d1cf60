from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colorful import errors, storage
from colorful.storage import URL, location

memory: Any = pytest.importorskip("fsspec.implementations.memory")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give an empty store in memory, and no pauses between tries."""
    monkeypatch.setattr(storage, "_PAUSES", (0, 0))
    yield memory.MemoryFileSystem()
    memory.MemoryFileSystem.store.clear()
    memory.MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("album/a.jpg", Path("album/a.jpg")),
        (Path("a.jpg"), Path("a.jpg")),
        ("file:///tmp/two%20words.jpg", Path("/tmp/two words.jpg")),
        ("https://example.org/a.jpg", Path("https://example.org/a.jpg")),
        ("s3://bucket/album//a.jpg", URL("s3://bucket/album//a.jpg")),
        (URL("gs://bucket/a.jpg"), URL("gs://bucket/a.jpg")),
    ],
)
def test_urls_of_stores_are_told_from_paths(given: Any, expected: Any) -> None:
    """What begins with a scheme is in a store, save files of this machine and pages of the web."""
    assert location(given) == expected


@pytest.mark.parametrize("name", ["a.jpg", ".hidden", "no ending", "two.dots.tif", "b."])
def test_a_url_has_the_parts_of_a_path(name: str) -> None:
    """Name, stem and ending of an object are those that pathlib gives for a path."""
    url, path = URL(f"s3://bucket/album/{name}"), Path("/bucket/album", name)
    assert (url.name, url.parent) == (path.name, URL("s3://bucket/album"))
    if not name.endswith("."):  # of which versions of Python think differently
        assert (url.stem, url.suffix) == (path.stem, path.suffix)
        assert url.with_stem("other").name == path.with_stem("other").name
    assert URL("s3://bucket/album/") / "x" == URL("s3://bucket/album/x")


def test_objects_come_and_go_whole(store: Any) -> None:
    """An object is written by one request, is not written over by accident, and is read as it was written."""
    where = URL("memory://out/a.png")
    assert not storage.exists(where)
    storage.put(where, b"first")
    assert storage.exists(where)
    with pytest.raises(errors.OutputExistsError, match=r"memory://out/a\.png: exists already"):
        storage.put(where, b"second")
    assert storage.fetch(where) == b"first"
    storage.put(where, b"first")  # the same again: what a request does whose answer was lost
    storage.put(where, b"second", overwrite=True)
    assert storage.fetch(where) == b"second"
    with pytest.raises(errors.ImageNotFoundError, match="no such object"):
        storage.fetch(URL("memory://out/b.png"))


def test_a_store_that_refuses_is_asked_again(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that fails twice succeeds in the end; one that always fails is an error in words."""
    write, tries = store.pipe_file, []

    def refuse(self: Any, path: str, value: bytes, mode: str) -> None:
        tries.append(path)
        if len(tries) <= 2:
            raise OSError(16, "please reduce your request rate")
        write(path, value, mode=mode)

    monkeypatch.setattr(memory.MemoryFileSystem, "pipe_file", refuse)
    storage.put(URL("memory://a"), b"a")
    assert len(tries) == 3
    tries[:] = [""] * -100
    monkeypatch.setattr(memory.MemoryFileSystem, "cat_file", lambda *args: 1 / 0)
    with pytest.raises(errors.ImageError, match="memory://a: cannot be read: division by zero"):
        storage.fetch(URL("memory://a"))


def test_objects_are_listed(store: Any) -> None:
    """All objects below a URL, those right in it, or those that a pattern matches."""
    for name in ("b.jpg", "a.jpg", "deep/c.jpg"):
        store.pipe_file(f"/album/{name}", b"")
    album = URL("memory://album")

    def listed(where: URL, *, recursive: bool = True) -> list[str]:
        return [url.text for url in storage.find(where, recursive=recursive)]

    assert listed(album) == ["memory://album/a.jpg", "memory://album/b.jpg", "memory://album/deep/c.jpg"]
    assert listed(album, recursive=False) == ["memory://album/a.jpg", "memory://album/b.jpg"]
    assert listed(URL("memory://album/*.jpg")) == ["memory://album/a.jpg", "memory://album/b.jpg"]
    assert listed(URL("memory://album/a.jpg")) == ["memory://album/a.jpg"]


def test_what_opens_a_store_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheme that nothing opens is named, and so is the extra where fsspec is missing."""
    with pytest.raises(errors.OptionError, match="nowhere://a: expected a store that fsspec can open here"):
        storage.fetch(URL("nowhere://a"))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(errors.MissingExtraError, match=r"colorful-colorization\[cluster\]"):
        storage.fetch(URL("memory://a"))
