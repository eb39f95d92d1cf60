"""From a path, bytes or a stream to a file that can be searched, with no more of it than a photo can have."""

from __future__ import annotations

import contextlib
import io
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from colorful.errors import ImageError, ImageNotFoundError, ImageTooLargeError, KindError
from colorful.files import in_words, open_regular
from colorful.images import jpeg, jpeg2000, png, tiff
from colorful.images.guard import guarding
from colorful.images.others import HEAD, open_image, reader_of

MAX_PIXELS = 178_956_970
"""The default limit, where Pillow, too, stops taking a file for a photo. 13,377 pixels square."""

MOST_A_PIXEL = 16
"""Bytes of the deepest pixels, RGBA of floats."""

_BESIDE = 64 << 20  # bytes that a file may have besides: the film of a phone's moving photo, further frames
_CHUNK = 1 << 20


@contextlib.contextmanager
def opened(source: Any, max_pixels: int | None) -> Iterator[tuple[IO[bytes], str]]:
    """Give a seekable file that begins with the picture, and its name.

    Args:
        source: A path, the bytes of a file, or a binary file object, read from where it stands.
        max_pixels: As for :func:`take`.

    Raises:
        ImageError: If it cannot be opened, or a stream has no picture.
        KindError: If *source* is of another type.
    """
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        raise ImageNotFoundError(
            f"{source}: expected a file; addresses are not fetched, so download it first"
        )
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        with _open_path(path) as file:
            yield file if file.seekable() else _taken(file, path.name, max_pixels), path.name
    elif isinstance(source, bytes | bytearray | memoryview):
        yield io.BytesIO(source), "bytes"
    elif callable(getattr(source, "read", None)):
        name = getattr(source, "name", None)
        name = name if isinstance(name, str) else "file"  # a number, or None, for a file without a name
        yield _taken(source, name, max_pixels), name
    else:
        raise KindError(
            "source: expected a path, bytes, a binary file object, a PIL image or a NumPy array, "
            f"got {type(source).__name__}"
            + "; tensor.permute(1, 2, 0).numpy() makes an array of one (C, H, W)"
            * hasattr(source, "permute")
        )


def whole(file: IO[bytes], max_pixels: int | None) -> bytes:
    """Read a JPEG, PNG or JPEG 2000, except what is far behind its picture.

    Args:
        file: Seekable.
        max_pixels: As for :func:`take`.
    """
    most = None
    if file.seek(0, io.SEEK_END) > _BESIDE:
        file.seek(0)
        most = _most_bytes(file, max_pixels)
    file.seek(0)
    return file.read(-1 if most is None else most)


def take(stream: IO[bytes], *, max_pixels: int | None = MAX_PIXELS) -> bytes:
    """Take a photo out of a stream, such as a pipe, which may have no end.

    Args:
        stream: Binary; read from where it stands.
        max_pixels: The most pixels that the photo may have; None for any number.

    Returns:
        The bytes of the photo. What is far behind the end of a JPEG or PNG may stay in the stream.

    Raises:
        ImageError: If what comes first is of no picture that is read.
        ImageTooLargeError: If more comes than a photo of so many pixels can have.
        KindError: If it gives no bytes.
    """
    data = io.BytesIO()
    if _fill(data, stream, _CHUNK):
        return data.getvalue()
    head = data.getvalue()
    reader_of(head[:HEAD])  # or say at once that it is no picture
    most = _most_bytes(io.BytesIO(head), max_pixels)
    if not _fill(data, stream, most) and not _ends(head):
        raise ImageTooLargeError(
            f"expected at most {most:,} bytes of a photo from a stream, got more; a file may have more"
        )
    return data.getvalue()


def check_size(size: tuple[int, int], max_pixels: int | None) -> None:
    """Refuse a picture without pixels, and one with too many.

    Args:
        size: Width and height.
        max_pixels: The most there may be; None for any number.

    Raises:
        ImageError: If a side is 0.
        ImageTooLargeError: If there are more pixels.
    """
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"expected at least one pixel, got {width} x {height}")
    if max_pixels is not None and width * height > max_pixels:
        raise ImageTooLargeError(f"expected at most {max_pixels:,} pixels, got {width:,} x {height:,}")


def _taken(stream: IO[bytes], name: str, max_pixels: int | None) -> IO[bytes]:
    with guarding(name):
        return io.BytesIO(take(stream, max_pixels=max_pixels))


def _fill(data: io.BytesIO, stream: IO[bytes], most: int | None) -> bool:
    """Read until there are so many bytes in all, or to the end of the stream; tell whether it has ended."""
    while most is None or data.tell() < most:
        chunk = stream.read(_CHUNK if most is None else min(_CHUNK, most - data.tell()))
        if chunk is None:  # a pipe that its owner has set not to wait
            with contextlib.suppress(OSError, TypeError, ValueError):
                select.select([stream], [], [])
                continue
        if not isinstance(chunk, bytes):
            raise KindError(
                f"source: expected a file opened in binary mode, got {type(chunk).__name__} from it"
            )
        if not chunk:
            return True
        data.write(chunk)
    return False


def _ends(head: bytes) -> bool:
    """Tell whether a file is of a format in which the first picture says itself where it ends."""
    return head.startswith((png.SIGNATURE, jpeg.MAGIC, *jpeg2000.MAGIC))


def _most_bytes(file: IO[bytes], max_pixels: int | None) -> int | None:
    """Tell how many bytes a photo can have, by the pixels that its header tells or by the limit of them."""
    size = None
    if file.read(HEAD)[:4] not in tiff.MAGIC:  # which may have many pages
        file.seek(0)
        with contextlib.suppress(Exception):  # it takes more than the head, or is told later what is wrong
            size = open_image(file).size
    if size is not None:
        check_size(size, max_pixels)
        return _BESIDE + MOST_A_PIXEL * size[0] * size[1]
    return None if max_pixels is None else _BESIDE + MOST_A_PIXEL * max_pixels


def _open_path(path: Path) -> IO[bytes]:
    try:
        return open_regular(path)
    except FileNotFoundError:
        raise ImageNotFoundError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: {in_words(error)}") from error
