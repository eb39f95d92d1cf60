"""The exceptions of colorful.

Each is a :class:`ColorfulError` *and* the builtin that a caller would expect, so that both
``except ColorfulError`` and ``except ValueError`` work. A message reads ``name: expected X, got Y``.

.. code-block:: text

    ColorfulError
    ├── ShapeError, RangeError              ValueError
    ├── KindError                           TypeError
    ├── OptionError                         ValueError
    │   └── UnsupportedOptionError
    ├── HintError                           ValueError
    ├── DeviceError, ThreadsError           RuntimeError
    ├── ImageError                          ValueError
    │   ├── ImageNotFoundError              FileNotFoundError
    │   └── ImageUnsupportedError, ImageTooLargeError
    ├── OutputError                         OSError
    │   └── OutputExistsError               FileExistsError
    ├── WeightsError                        OSError
    │   ├── WeightsNotFoundError            FileNotFoundError
    │   ├── WeightsOfflineError             ConnectionError
    │   ├── WeightsAccessError              PermissionError
    │   ├── WeightsIntegrityError           ValueError
    │   └── WeightsFormatError              ValueError
    ├── PhotosError                         ValueError
    ├── VideoError                          ValueError
    │   └── VideoNotFoundError              FileNotFoundError
    ├── TrainingError                       RuntimeError
    ├── ExportError                         RuntimeError
    ├── ClusterError                        RuntimeError
    └── MissingExtraError                   ImportError

One more, :exc:`colorful.evaluation.EvaluationError`, carries a report, so it stands beside reports.
"""

import math
from collections.abc import Collection, Mapping
from contextlib import suppress
from numbers import Integral, Real
from typing import TypeGuard

from colorful import installation

# Each part of the library loads this one: so it says in time what an overwritten __init__.py cannot.
installation.check()


def first_line(error: BaseException) -> str:
    """Give the first line of what an error says.

    Args:
        error: The error.

    Returns:
        The line, or the error's kind if it says nothing.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def brief(value: object) -> str:
    """Write a value for a message, in at most 80 signs.

    Args:
        value: As a caller gave it.

    Returns:
        What ``repr`` gives, or words for an integer so long that Python does not write it out.
    """
    try:
        text = repr(value)
    except ValueError:
        return "one that is far too long"
    return text if len(text) <= 80 else text[:77] + "..."


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number: one of Python's or of NumPy's, but no bool.

    Args:
        value: As a caller gave it.

    Returns:
        Whether it is.
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is a number: one of Python's or of NumPy's, but no bool.

    Args:
        value: As a caller gave it.

    Returns:
        Whether it is.
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def finite(value: object) -> float | None:
    """Read a finite number.

    Args:
        value: As a caller gave it.

    Returns:
        The number as a float of Python's; None for anything else.
    """
    if is_number(value):
        with suppress(OverflowError):  # an integer past the range of floats
            return float(value) if math.isfinite(value) else None
    return None


def check_choice(name: str, value: object, offered: Collection[str]) -> None:
    """Refuse a value that is none of those offered.

    Args:
        name: Of the argument.
        value: As a caller gave it.
        offered: What it may be.

    Raises:
        OptionError: If it is something else.
    """
    if not isinstance(value, str) or value not in offered:
        raise OptionError(f"{name}: expected one of {', '.join(offered)}, got {brief(value)}")


def refuse_unknown(given: Mapping[str, object], options: type) -> None:
    """Raise the error that Python raises for a keyword that a function does not take.

    Args:
        given: The keywords of a call.
        options: The typed dict that declares those it takes.

    Raises:
        TypeError: If one is not among them.
    """
    for name in given:
        if name not in options.__annotations__:
            raise TypeError(
                f"got an unexpected keyword argument {name!r}; expected {', '.join(options.__annotations__)}"
            )


class ColorfulError(Exception):
    """Base of every error that colorful raises on purpose."""


class ShapeError(ColorfulError, ValueError):
    """An array or tensor has the wrong rank or size."""


class RangeError(ColorfulError, ValueError):
    """A number is outside the allowed range, or is not finite."""


class KindError(ColorfulError, TypeError):
    """An argument has a type that is not accepted here."""


class OptionError(ColorfulError, ValueError):
    """An option has a value that is not one of those offered."""


class UnsupportedOptionError(OptionError):
    """The model cannot do what was asked; the message names models that can."""


class HintError(ColorfulError, ValueError):
    """A color hint is malformed or lies outside the photo."""


class DeviceError(ColorfulError, RuntimeError):
    """The device that was asked for is not there."""


class ThreadsError(ColorfulError, RuntimeError):
    """The system starts no more threads."""


class ImageError(ColorfulError, ValueError):
    """A picture cannot be read: empty, truncated, corrupt, or no picture at all."""


# OSError's kinds come before ValueError's: its __new__ is the one that makes them. Programs that send errors
# between processes, as Dask does, call that by its name.
class ImageNotFoundError(FileNotFoundError, ImageError):
    """There is no file of that name to read."""


class ImageUnsupportedError(ImageError):
    """A picture may be fine, but colorful does not read its format, or this variety of it."""


class ImageTooLargeError(ImageError):
    """A picture has more pixels than the limit allows."""


class OutputError(ColorfulError, OSError):
    """A result cannot be written."""


class OutputExistsError(OutputError, FileExistsError):
    """The output file exists already, and overwriting was not asked for."""


class WeightsError(ColorfulError, OSError):
    """Weights cannot be found, fetched, trusted or read."""


class WeightsNotFoundError(WeightsError, FileNotFoundError):
    """No source has the weights: unknown name, missing repo, revision or file."""


class WeightsOfflineError(WeightsError, ConnectionError):
    """The weights are not in the cache, and there is no connection, or downloads are forbidden."""


class WeightsAccessError(WeightsError, PermissionError):
    """The server refused the token, or none was given for a private repo."""


class WeightsIntegrityError(WeightsError, ValueError):
    """The file is not the expected one: wrong size or checksum, truncated, or a web page."""


class WeightsFormatError(WeightsError, ValueError):
    """The file is complete but does not fit: wrong tensors or shapes, or an unsafe pickle."""


class PhotosError(ColorfulError, ValueError):
    """A set of photos is empty or none of it can be used."""


class TrainingError(ColorfulError, RuntimeError):
    """Training cannot start or go on."""


class ExportError(ColorfulError, RuntimeError):
    """A network cannot be exported: its graph would not give the network's own colors."""


class ClusterError(ColorfulError, RuntimeError):
    """The machines of a cluster cannot be reached, or do not agree."""


class MissingExtraError(ColorfulError, ImportError):
    """An optional dependency is not installed; the message is the command that installs it."""

    def __init__(self, extra: str) -> None:
        super().__init__(f"this needs the extra {extra!r}: pip install 'colorful-colorization[{extra}]'")
        self.extra = extra

    def __reduce__(self) -> tuple[type["MissingExtraError"], tuple[str]]:
        return type(self), (self.extra,)


class VideoError(ColorfulError, ValueError):
    """A film cannot be read, or cannot be written as asked."""


class VideoNotFoundError(FileNotFoundError, VideoError):
    """There is no film of that name to read."""
