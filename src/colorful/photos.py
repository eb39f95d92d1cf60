"""Find and read photos in files, folders, globs and tar shards.

A :class:`Photo` is only a place to read from, so a list of a million of them is cheap, can be sent to worker
processes and be read in any order: a member of a tar shard is found by its offset.
"""

from __future__ import annotations

import glob
import hashlib
import logging
import os
import stat
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt
from PIL import Image

from colorful import parallel
from colorful.errors import ImageError, KindError, MissingExtraError, PhotosError, RangeError, ShapeError
from colorful.files import in_words, open_regular
from colorful.images import ENDINGS, UNREAD, read_rgb
from colorful.storage import URL

logger = logging.getLogger(__name__)

ColorKind = Literal["color", "grey", "toned"]
Source = str | os.PathLike[str]
_SOURCES = (str, os.PathLike, URL)

_FOUND = ENDINGS | {".tar"}
# What a NAS, a system or an archiver puts into folders: thumbnails, and files that were deleted.
_STORES = {"@eadir", "@recycle", "#recycle", "$recycle.bin", "lost+found", "__macosx"}
_GREY_CHROMA = 6.0
_LEAST_RESIDUAL = 4.0
_MINIATURE = 16
_NEAR = 4


@dataclass(frozen=True, order=True, slots=True)
class Photo:
    """A place to read one photo from.

    Attributes:
        name: Unique in its set: the member's name in a tar shard, else the path below the given folder.
        path: The file, or the shard that holds it.
        offset: Where its bytes begin in *path*.
        length: How many bytes it has; None for the whole file.
    """

    name: str
    path: Path
    offset: int = 0
    length: int | None = None

    def read(self) -> bytes:
        """Read the encoded bytes.

        Raises:
            ImageError: If the file is gone or cannot be read.
        """
        try:
            with open_regular(self.path) as file:
                file.seek(self.offset)
                return file.read(-1 if self.length is None else self.length)
        except OSError as error:
            raise ImageError(f"{self.name}: cannot be read: {in_words(error)}") from error

    def load(self, *, min_side: int | None = None) -> npt.NDArray[np.uint8]:
        """Decode into upright RGB pixels, as :func:`colorful.images.read_rgb` does.

        Args:
            min_side: The shorter side that is enough; by default every pixel is decoded.

        Returns:
            sRGB, shape ``(H, W, 3)``.

        Raises:
            ImageError: If it is no picture, or a broken one.
        """
        try:
            return read_rgb(self.read(), min_side=min_side, name=self.name)
        except MissingExtraError as error:
            raise ImageError(f"{self.name}: {error}") from error


class Split(NamedTuple):
    """Photos to test on (final figures only), to validate on (to steer by) and to train on."""

    test: list[Photo]
    validation: list[Photo]
    train: list[Photo]


def find_photos(sources: Source | Iterable[Source], *, recursive: bool = True) -> list[Photo]:
    """Find photos in files, folders, globs and tar shards.

    A name of a file is taken as it is, whatever its ending; in folders and shards the ending decides (see
    ``colorful.images.ENDINGS``), and hidden files are passed over. A file that several sources reach is taken
    once.

    Args:
        sources: Paths or glob patterns (``**`` crosses folders).
        recursive: Look into the folders inside a folder, too.

    Returns:
        Photos sorted by name, at least one.

    Raises:
        PhotosError: If a source does not exist, a folder cannot be listed, a shard cannot be read, or nothing
            is found.
    """
    given = as_list(sources)
    found: dict[tuple[Path, int], Photo] = {}
    for source in given:
        try:
            for photo in _from_source(os.fspath(source), recursive):
                found.setdefault((photo.path.absolute(), photo.offset), photo)
        except OSError as error:
            where = error.filename or source
            raise PhotosError(f"photos: {where}: cannot be listed: {in_words(error)}") from error
    if not found:
        where = ", ".join(repr(os.fspath(source)) for source in given) or "an empty list"
        raise PhotosError(
            f"photos: expected files ending in {', '.join(sorted(ENDINGS))}, got none in {where}"
        )
    counts = Counter(photo.name for photo in found.values())
    return sorted(
        replace(
            photo, name=f"{photo.path.as_posix()}/{photo.name}" if photo.offset else photo.path.as_posix()
        )
        if counts[photo.name] > 1
        else photo
        for photo in found.values()
    )


def as_list(sources: object) -> list[Any]:
    """Give sources as a list, be they one or several.

    Args:
        sources: As a caller gave them: paths, patterns, URLs of stores.

    Returns:
        The sources.

    Raises:
        KindError: If it is neither a source nor several.
        PhotosError: If one is empty text.
    """
    given = [sources] if isinstance(sources, _SOURCES) or not isinstance(sources, Iterable) else [*sources]
    for source in given:
        if not isinstance(source, _SOURCES):
            raise KindError(f"photos: expected paths or patterns, got {type(source).__name__}")
        if source == "":  # an unset variable of a shell; as a path it would be the current folder
            raise PhotosError("photos: expected paths or patterns, got an empty one")
    return given


def color_kind(rgb: npt.NDArray[np.uint8]) -> ColorKind:
    """Tell color photos from grey and from toned ones (sepia, blue tone), which have no color to learn.

    The photo is averaged down to about 16 pixels a side, where noise and JPEG's loss of fine chroma vanish.
    Then, with luma Y and the two opponent colors rg = R - G and yb = (R + G) / 2 - B on 0..255, each opponent
    is fitted by a cubic polynomial in Y: that is what toning does to a grey photo. If what the fit leaves
    over, the root mean square of both residuals together, is at least 4, the photo has color of its own.
    Else it is grey where the root mean square of (rg, yb) itself is under 6, and toned where it is not.

    Args:
        rgb: sRGB-encoded pixels, shape ``(H, W, 3)``.

    Returns:
        ``"color"``, ``"grey"`` or ``"toned"``.

    Raises:
        KindError: If *rgb* is no array of uint8.
        ShapeError: If *rgb* is not of that shape.
    """
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8:
        got = rgb.dtype if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise KindError(f"rgb: expected an array of uint8, got {got}")
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ShapeError(f"rgb: expected shape (H, W, 3), got {rgb.shape}")
    small = np.asarray(
        Image.fromarray(rgb).reduce(max(1, min(rgb.shape[:2]) // _MINIATURE)), dtype=np.float64
    )
    red, green, blue = small.reshape(-1, 3).T
    opponents = np.stack((red - green, (red + green) / 2 - blue), axis=1)
    luma = (0.299 * red + 0.587 * green + 0.114 * blue) / 127.5 - 1
    powers = luma[:, None] ** np.arange(4)
    residual = opponents - powers @ np.linalg.lstsq(powers, opponents, rcond=None)[0]
    if _rms(residual) >= _LEAST_RESIDUAL:
        return "color"
    return "grey" if _rms(opponents) < _GREY_CHROMA else "toned"


def split_photos(photos: Sequence[Photo], *, test: float = 0.0522, validation: float = 0.0546) -> Split:
    """Split photos the same way on every machine, by their names alone, without near-duplicates across.

    The SHA-256 of a name, read as a fraction of 1, says where its photo belongs: below *test* it tests, above
    that and below *test* + *validation* it validates, else it is for training. So a photo stays where it is
    when others join, unless one of them is nearly the same: difference hashes (8 x 8, of the photo and of its
    mirror image) are compared, and a held-out photo that differs in at most 4 of 64 bits from one of another
    part goes to training, and so do held-out photos near to it.

    Args:
        photos: With unique names.
        test: Share of the names to test on, in [0, 1].
        validation: Share of the names to validate on, in [0, 1 - *test*].

    Returns:
        The three parts, each in the order of the SHA-256.

    Raises:
        RangeError: If a share is negative, or both together are over 1.
        PhotosError: If two photos have the same name.

    Note:
        All photos are decoded once, small and in threads: about ten seconds for 18,000 of 160 pixels.
    """
    if not (test >= 0 and validation >= 0 and test + validation <= 1):
        raise RangeError(f"test, validation: expected shares of 1, got {test}, {validation}")
    if len({photo.name for photo in photos}) < len(photos):
        raise PhotosError("photos: expected unique names, got one twice")
    # Bytes of a name that are no UTF-8 are surrogates in it; encoded, they are these bytes again.
    digests = {
        photo: hashlib.sha256(photo.name.encode(errors="surrogateescape")).digest() for photo in photos
    }
    ordered = sorted(photos, key=digests.__getitem__)
    places = np.array([int.from_bytes(digests[photo][:8], "big") / 2**64 for photo in ordered])
    part = np.searchsorted([test, test + validation], places, side="right")
    pairs = _near_pairs(ordered, int((part < 2).sum()))
    while (crossing := part[pairs[:, 0]] != part[pairs[:, 1]]).any():
        part[pairs[crossing]] = 2
    return Split(
        *([photo for photo, its in zip(ordered, part, strict=True) if its == which] for which in range(3))
    )


def expand(source: Source, *, endings: AbstractSet[str] = ENDINGS) -> list[Path]:
    """Turn a glob pattern into the folders and photos that it matches; what exists is taken as it is.

    Args:
        source: A path or a pattern (``**`` crosses folders).
        endings: As for :func:`walk`.

    Returns:
        Paths in order; none if the pattern matches nothing.
    """
    if os.path.lexists(source):
        return [Path(source)]
    matches = map(Path, sorted(glob.glob(os.fspath(source), recursive=True)))  # noqa: PTH207 (takes absolute ones)
    asked = Path(source).parts
    return [
        match
        for match in matches
        if (match.is_dir() or _is_candidate(match, endings))
        and _STORES.isdisjoint(part.lower() for part in match.parts if part not in asked)
    ]


def walk(
    folder: Source,
    *,
    endings: AbstractSet[str] = ENDINGS,
    recursive: bool = True,
    leave_out: Source | None = None,
    fail: Callable[[OSError], object] | None = None,
) -> Iterator[Path]:
    """Find the photos in a folder, by their endings.

    Of pictures in formats that are not read, such as raw files of cameras, a warning says how many there are.
    Hidden files and folders are passed over, and those in which a NAS keeps thumbnails and deleted files.
    Links to folders are not followed, and what is no regular file, such as a named pipe, is left alone: to
    open it could mean to wait for ever.

    Args:
        folder: Where to look.
        endings: Endings in lower case, with the dot.
        recursive: Look into the folders inside, too.
        leave_out: A folder that is not looked into, such as that of the results.
        fail: Called with the error of a folder that cannot be listed, which is then passed over.

    Yields:
        Paths that begin with *folder*; those of one folder in order.
    """
    closed = None if leave_out is None else os.path.realpath(leave_out)
    unread: Counter[str] = Counter()
    for parent, folders, names in os.walk(folder, onerror=fail):
        inside = sorted(name for name in folders if recursive and not is_hidden(name))
        folders[:] = [name for name in inside if os.path.realpath(Path(parent, name)) != closed]
        for path in (Path(parent, name) for name in sorted(names) if not is_hidden(name)):
            if _is_candidate(path, endings):
                yield path
            elif (ending := path.suffix.lower()) in UNREAD:
                unread[ending] += 1
    if unread:
        counts = ", ".join(f"{count} {ending}" for ending, count in sorted(unread.items()))
        logger.warning("%s: pictures in formats that are not read are passed over: %s", folder, counts)


def is_hidden(*parts: str) -> bool:
    """Tell whether a file or folder is hidden, or what a NAS or a system keeps: thumbnails, deleted files.

    Args:
        *parts: Names out of its path.

    Returns:
        Whether one of them is such a name.
    """
    return any(part.startswith(".") or part.lower() in _STORES for part in parts)


def _is_candidate(path: Path, endings: AbstractSet[str]) -> bool:
    if path.suffix.lower() not in endings:
        return False
    try:
        kind = path.stat().st_mode
    except OSError:  # a link to nowhere, a share that fails: reading it gives an error that names it
        return True
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        logger.warning("%s: left out, because it is not a regular file", path)
    return stat.S_ISREG(kind)


def _from_source(source: str, recursive: bool) -> Iterator[Photo]:
    path = Path(source)
    if path.is_file():
        yield from _from_file(path, path.name)
        return
    found = expand(source, endings=_FOUND)
    if not found or (found == [path] and not path.is_dir()):
        what = "no such file or folder" if not found else "neither a file nor a folder"
        raise PhotosError(f"photos: {what}: {source!r}")
    # Names are relative to the folder, or to the part of a pattern before its first sign.
    signs = [source.find(sign) for sign in "*?[" if sign in source]
    top = path if found == [path] else Path(source[: min(signs)] + "x").parent
    for match in found:
        inside = walk(match, endings=_FOUND, recursive=recursive, fail=_raise) if match.is_dir() else [match]
        for file in inside:
            yield from _from_file(file, file.relative_to(top).as_posix())


def _raise(error: OSError) -> NoReturn:
    raise error


def _from_file(path: Path, name: str) -> Iterator[Photo]:
    if path.suffix.lower() != ".tar":
        yield Photo(name, path)
        return
    try:
        with tarfile.open(path, "r:") as archive:
            # Of several members with one name the last counts, as when the archive is unpacked.
            members = {member.name: member for member in archive if member.isreg()}
    except (OSError, tarfile.TarError) as error:
        raise PhotosError(f"photos: {str(path)!r} is no readable uncompressed tar file: {error}") from error
    for member in members.values():
        file = Path(member.name)
        if file.suffix.lower() in ENDINGS and not is_hidden(*file.parts):
            yield Photo(member.name, path, member.offset_data, member.size)


def _near_pairs(photos: Sequence[Photo], held: int) -> npt.NDArray[np.intp]:
    """Find positions (i, j) of pictures that are nearly the same, i among the first *held*: (P, 2)."""
    hashes = np.stack([*parallel.ahead(_difference_hash, photos), np.zeros((2, 64), np.float32)])
    plain, mirrored = hashes[:-1, 0], hashes[:-1, 1]
    pairs = [np.empty((0, 2), np.intp)]
    for start in range(0, held, 256):
        # Bits are -1 and 1, so the product of two hashes is 64 less twice the bits that differ.
        block = plain[start : min(start + 256, held)]
        near = np.maximum(block @ plain.T, block @ mirrored.T) >= 64 - 2 * _NEAR
        pairs.append(np.argwhere(near) + np.array([start, 0]))
    return np.concatenate(pairs)


def _difference_hash(photo: Photo) -> npt.NDArray[np.float32]:
    """Signs of the differences of neighbors in a 9 x 8 miniature, of it and its mirror image: (2, 64)."""
    try:
        grey = Image.fromarray(photo.load(min_side=16)).convert("L")
    except ImageError:  # near to nothing; whoever loads it will say so
        return np.zeros((2, 64), np.float32)
    tones = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    flipped = tones[:, ::-1]
    bits = np.stack([(pixels[:, 1:] > pixels[:, :-1]).ravel() for pixels in (tones, flipped)])
    return np.where(bits, np.float32(1), np.float32(-1))


def _rms(opponents: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt((opponents**2).sum(axis=1).mean()))
