"""Decoders kept in bounds: what they say, what they raise, and what a host program has set for them."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

from PIL import Image, ImageFile

from colorful.errors import ColorfulError, ImageError, ImageTooLargeError, ImageUnsupportedError
from colorful.files import in_words
from colorful.images.log import naming

_SAYS_UNSUPPORTED = re.compile(
    r"unsupported|not (?:yet )?(?:supported|implemented)|cannot handle|unrecognized|"
    r"unknown (?:raw |image )?(?:mode|compression|pixel)",
    re.IGNORECASE,
)
_wants_all: ContextVar[bool] = ContextVar("wants_all", default=False)


@contextlib.contextmanager
def guarding(name: str, *, whole: bool = True) -> Iterator[None]:
    """Turn whatever a decoder throws at broken input into an :class:`ImageError` that names the photo.

    Args:
        name: Of the photo.
        whole: Whether a picture that lacks pixels is an error even where the host program has told Pillow to
            fill them up (``PIL.ImageFile.LOAD_TRUNCATED_IMAGES``).
    """
    before = _wants_all.set(whole)
    try:
        with _ALONE.setdefault(os.getpid(), _Alone()), naming(name):
            yield
    except ImageError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
    except ColorfulError:
        raise
    except MemoryError as error:
        raise ImageTooLargeError(f"{name}: does not fit into memory") from error
    except Image.DecompressionBombError as error:
        most = f"PIL.Image.MAX_IMAGE_PIXELS, which this program has set to {Image.MAX_IMAGE_PIXELS:,}"
        raise ImageTooLargeError(f"{name}: has more than twice {most}") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # of the disk or the network, and not of a decoder
            raise ImageError(f"{name}: cannot be read: {in_words(error)}") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, ImportError):  # of a frozen program that lacks a part
            raise ImageUnsupportedError(f"{name}: not supported by this installation ({reason})") from error
        # Decoders say so by the kind of error or in words only; a sound file must not be called corrupt.
        if isinstance(error, NotImplementedError) or _SAYS_UNSUPPORTED.search(reason):
            raise ImageUnsupportedError(f"{name}: of a kind that is not supported ({reason})") from error
        raise ImageError(f"{name}: truncated, corrupt, or no picture ({reason})") from error
    finally:
        _wants_all.reset(before)


class _OfHost:
    """What the host program has set Pillow to, for its own threads; for ours it is False."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return bool(self.value) and not _wants_all.get()


class _Alone:
    """Read as if no other program had set anything, and keep the decoders' remarks from the terminal.

    Warning filters and Pillow's settings belong to the whole process. Each thread putting back what it found
    would leave anything, in any order. So the first one in changes them, and the last one out puts them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._is_quiet = False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                if not self._is_quiet:  # once for all: handlers that print nothing
                    for name in ("PIL", "tifffile", "imagecodecs"):
                        logging.getLogger(name).addHandler(logging.NullHandler())
                    self._is_quiet = True
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"(PIL|tifffile|imagecodecs|pillow_heif)\b")
            # By its types a bool. Pillow only asks for its truth, which differs from thread to thread.
            if ImageFile.LOAD_TRUNCATED_IMAGES and not isinstance(ImageFile.LOAD_TRUNCATED_IMAGES, _OfHost):
                ImageFile.LOAD_TRUNCATED_IMAGES = _OfHost(ImageFile.LOAD_TRUNCATED_IMAGES)  # type: ignore[assignment]
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)
                if isinstance(ImageFile.LOAD_TRUNCATED_IMAGES, _OfHost):
                    ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES.value


_ALONE: dict[int, _Alone] = {}  # by process: a fork has none of the threads inside
