"""Streams and files that hold more than a photo."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from PIL import Image
from sample_files import every_file, gray, save

from colorful import images
from colorful.errors import ImageError, ImageTooLargeError
from colorful.images import sources

PHOTO = Image.fromarray(gray())


class Endless(io.RawIOBase):
    """A photo with no end behind it."""

    def __init__(self, data: bytes, filling: bytes = b"\0") -> None:
        self._data, self._filling, self.given = data, filling, 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "nobody may ask for all of it"
        piece = self._data[self.given : self.given + size]
        self.given += size
        return piece.ljust(size, self._filling)


@pytest.mark.parametrize("name", every_file())
def test_a_stream_gives_the_same_photo(name: str) -> None:
    """From a pipe a photo is what it is from a file."""
    data = every_file()[name]
    assert sources.take(io.BytesIO(data)) == data


@pytest.mark.parametrize("opened", [io.BytesIO, tempfile.TemporaryFile, tempfile.SpooledTemporaryFile])
def test_a_file_without_a_name_is_called_file(opened: Callable[[], IO[bytes]]) -> None:
    """An error names no number of the system, and no None, as for what web frameworks hand on."""
    with opened() as file, pytest.raises(ImageError, match="file: expected a picture, got an empty file"):
        images.read(file)


def test_an_endless_stream_is_refused_at_once_if_it_is_no_photo() -> None:
    """What is no picture is not read on to find that out."""
    stream = Endless(b"")
    with pytest.raises(ImageError, match="file: expected a picture, got a file that begins with zeros"):
        images.read(stream)
    assert stream.given <= 1 << 20
    stream = Endless(b"8BPS\0\1")
    with pytest.raises(ImageError, match=r"Photoshop \(PSD\) is not supported"):
        images.read(stream)
    assert stream.given <= 1 << 20


@pytest.mark.parametrize("format", ["JPEG", "PNG", "JPEG2000"])
def test_an_endless_tail_stays_in_the_stream(format: str) -> None:
    """Behind a photo whose end shows, no more is read than such a photo can have."""
    stream = Endless(save(PHOTO, format))
    assert images.read(stream).size == gray().shape
    assert stream.given <= (64 << 20) + 16 * gray().size


@pytest.mark.parametrize(("format", "most"), [("GIF", 64), ("BMP", 64), ("TIFF", 65), ("WEBP", 65)])
def test_an_endless_stream_of_other_formats_is_refused(format: str, most: int) -> None:
    """Where the end does not show, more bytes than a photo can have are an error that tells how many."""
    stream = Endless(save(PHOTO, format))
    with pytest.raises(ImageTooLargeError, match=r"file: expected at most [\d,]+ bytes of a"):
        images.read(stream, max_pixels=1 << 16)
    assert stream.given <= (most << 20) + 16 * gray().size


def test_a_large_photo_is_refused_by_its_head() -> None:
    """A photo with too many pixels is not read to its end."""
    stream = Endless(save(PHOTO, "PNG"))
    with pytest.raises(ImageTooLargeError, match="expected at most 100 pixels"):
        images.read(stream, max_pixels=100)
    assert stream.given <= 1 << 20


def test_what_is_far_behind_a_photo_is_not_read(tmp_path: Path) -> None:
    """A file may have gigabytes behind its picture, which take no memory."""
    path = tmp_path / "a.jpg"
    path.write_bytes(save(PHOTO, "JPEG"))
    os.truncate(path, 1 << 33)
    with path.open("rb") as file:
        assert len(sources.whole(file, None)) < 65 << 20
    assert images.read(path).size == gray().shape
    assert images.read_rgb(path).shape == (*gray().shape, 3)


def test_a_disk_that_fails_is_not_a_broken_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk or the network fails while a photo is read, the error says so."""

    class Failing(io.BytesIO):
        name = "a.png"

        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(sources, "open_regular", lambda path: Failing())
    for opened in (images.read, images.read_rgb, images.read_size):
        with pytest.raises(ImageError, match=r"a\.png: cannot be read: Input/output error"):
            opened(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png: cannot be read: Input/output error"):
        images.read(Failing())


def test_a_pipe_that_does_not_wait_is_waited_for() -> None:
    """Some programs hand over a pipe that says "nothing yet" instead of waiting; that is not its end."""
    data = save(Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400), np.uint8)), "PNG")
    out, into = os.pipe()
    os.set_blocking(out, False)

    def give() -> None:
        with os.fdopen(into, "wb") as file:
            for start in range(0, len(data), 50_000):
                time.sleep(0.05)
                file.write(data[start : start + 50_000])
                file.flush()

    giver = threading.Thread(target=give)
    giver.start()
    with os.fdopen(out, "rb") as file:
        assert images.read(file).size == (300, 400)
    giver.join()
