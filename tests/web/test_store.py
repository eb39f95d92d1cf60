"""Where photos and results wait to be fetched."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorful.errors import ImageTooLargeError
from colorful.web.store import Folder, GoneError, Owner, Store


def test_gives_back_what_was_put_under_an_unguessable_name() -> None:
    """A name is 192 random bits, and no two are alike."""
    store = Store(max_bytes=100, max_age=60)
    names = [store.put(number, 1) for number in range(50)]
    assert len(set(names)) == 50
    assert all(len(name) == 32 for name in names)
    assert [store.get(name, int) for name in names] == list(range(50))


def test_tells_kinds_apart() -> None:
    """A name of one kind of thing is no name of another."""
    store = Store(max_bytes=100, max_age=60)
    name = store.put("text", 1)
    with pytest.raises(GoneError):
        store.get(name, int)


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=60))
def test_never_keeps_more_bytes_than_allowed(puts: list[tuple[int, bool]]) -> None:
    """Whatever is put and used, the sum of sizes stays within the limit and is that of what is there."""
    store, sizes = Store(max_bytes=100, max_age=60), {}
    for size, use in puts:
        sizes[store.put(size, size)] = size
        if use:
            store.get(next(reversed(sizes)), int)
        kept = [name for name in sizes if _has(store, name)]
        assert store.bytes == sum(sizes[name] for name in kept) <= 100
        assert len(store) == len(kept)


def test_the_least_recently_used_goes_first() -> None:
    """What somebody has just looked at outlives what nobody asked for."""
    store = Store(max_bytes=3, max_age=60)
    used, unused = store.put("used", 1), store.put("unused", 1)
    store.get(used, str)
    store.put("new", 2)
    assert _has(store, used, str)
    assert not _has(store, unused, str)


def test_refuses_what_would_never_fit() -> None:
    """One thing larger than the whole store is an error, and pushes nothing out."""
    store = Store(max_bytes=10, max_age=60)
    name = store.put("small", 1)
    with pytest.raises(ImageTooLargeError, match="at most 10 bytes to keep, got 11"):
        store.put("large", 11)
    assert _has(store, name, str)


def test_forgets_in_time_also_when_nobody_asks() -> None:
    """Old things leave the memory by themselves."""
    store = Store(max_bytes=10, max_age=0.05)
    name = store.put("photo", 1)
    deadline = time.monotonic() + 5
    while len(store) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(store) == 0
    assert store.bytes == 0
    with pytest.raises(GoneError):
        store.get(name, str)


def test_use_keeps_things_longer() -> None:
    """Each use starts the age anew."""
    store = Store(max_bytes=10, max_age=2)
    name = store.put("photo", 1)
    for _ in range(5):
        time.sleep(0.5)  # far from the age: a busy machine may sleep longer
        assert store.get(name, str) == "photo"


def test_delete_and_clear_leave_nothing() -> None:
    """What is deleted is gone at once, and its bytes are free."""
    store = Store(max_bytes=10, max_age=60)
    name = store.put("photo", 4)
    store.delete(name)
    store.delete(name)
    assert (len(store), store.bytes) == (0, 0)
    store.put("photo", 4)
    store.clear()
    assert (len(store), store.bytes) == (0, 0)


def test_folder_keeps_copies_under_generated_names(tmp_path: Path) -> None:
    """Uploads and results go to folders of their own; nothing of the client is in their names."""
    folder = Folder(tmp_path / "kept")
    name = folder.save_upload(b"photo", "jpg")
    folder.save_result(b"first", "png", name)
    folder.save_result(b"second", "png", name)
    assert (tmp_path / "kept" / "uploads" / f"{name}.jpg").read_bytes() == b"photo"
    results = sorted((tmp_path / "kept" / "colorized").iterdir())
    assert {path.read_bytes() for path in results} == {b"first", b"second"}
    assert all(path.name.startswith(name) for path in results)


def _has(store: Store, name: str, kind: type = int) -> bool:
    try:
        store.get(name, kind)
    except GoneError:
        return False
    return True


def test_one_visitors_flood_leaves_others_their_photos() -> None:
    """Whoever brings more and more pushes out their own; what others have less of stays."""
    store = Store(max_bytes=100, max_age=60)
    kept = store.put("mine", 20, Owner("10.0.0.1", "a"))
    neighbor = store.put("neighbor", 20, Owner("10.0.0.2", "b"))
    flood = [store.put("flood", 30, Owner("10.0.0.2", "c")) for _ in range(9)]
    assert _has(store, kept, str)
    assert _has(store, neighbor, str)
    assert [_has(store, name, str) for name in flood] == [False] * 7 + [True] * 2
    many = [store.put("crowd", 30, Owner("10.0.0.3", str(number))) for number in range(9)]
    assert _has(store, kept, str)  # nor do many names from one address help
    assert _has(store, many[-1], str)


def test_what_can_be_made_again_goes_first() -> None:
    """Of one visitor a result goes before a photo, though it was used later."""
    store = Store(max_bytes=10, max_age=60)
    photo, result = store.put("photo", 4), store.put("result", 4, spare=True)
    store.get(result, str)
    store.put("new", 4)
    assert _has(store, photo, str)
    assert not _has(store, result, str)


def test_only_the_owner_reads_what_a_folder_keeps(tmp_path: Path) -> None:
    """Copies of other people's photos are closed to other users of the computer."""
    folder = Folder(tmp_path / "kept")
    name = folder.save_upload(b"photo", "jpg")
    folder.save_result(b"result", "png", name)
    for part in ("uploads", "colorized"):
        place = tmp_path / "kept" / part
        assert place.stat().st_mode & 0o777 == 0o700
        assert [path.stat().st_mode & 0o777 for path in place.iterdir()] == [0o600]
