"""The cache of released ``.pth`` files that were converted to safetensors.

Each file is called ``<name>.<start of the source's SHA-256>.<its own SHA-256>.safetensors``. So its name is
enough to find a conversion and to see whether the file was changed since.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colorful.errors import OutputError, WeightsError, WeightsFormatError, WeightsIntegrityError
from colorful.files import in_words, take_lock, write
from colorful.hub import weights
from colorful.hub.config import CONFIG, read_config
from colorful.hub.inspection import inspect
from colorful.models import MODELS, HubSource

if TYPE_CHECKING:
    from huggingface_hub import CachedRepoInfo

logger = logging.getLogger(__name__)

_REGISTERED = {
    source.repo_id for info in MODELS.values() for source in info.sources if isinstance(source, HubSource)
}


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of the files that colorful converted.

    Args:
        cache_dir: The folder the caller chose for all that is fetched; ``HF_HOME/assets`` by default.

    Returns:
        The folder, which need not exist yet.
    """
    from huggingface_hub import constants

    parent = constants.HF_ASSETS_CACHE if cache_dir is None else cache_dir
    return Path(parent).expanduser() / "colorful" / "weights"


@dataclass(frozen=True)
class CacheEntry:
    """A model in the cache, or what is left of a download that was not finished.

    Args:
        name: A registered name, a Hub id, or the name of the file it was converted from.
        path: The file, or the folder of a Hub repo.
        size: What it takes, in bytes.
        whole: Whether it can be used.
    """

    name: str
    path: Path
    size: int
    whole: bool


def cached(cache_dir: str | os.PathLike[str] | None = None) -> list[CacheEntry]:
    """List what is cached: our conversions, and the Hub repos that hold a colorful model.

    Args:
        cache_dir: As for :func:`fetch`.

    Returns:
        Models and what broken downloads left, by name.
    """
    entries = []
    for path in cache_folder(cache_dir).glob("*.*"):
        with suppress(FileNotFoundError):  # as a download that has just ended
            if path.suffix in (".safetensors", ".partial", ".pth", ".tmp"):
                whole = path.suffix == ".safetensors"
                name = path.name.split(".")[0] if whole else path.name.split(".", 1)[1]
                entries.append(CacheEntry(name, path, path.stat().st_size, whole))
            elif path.suffix == ".tgz":  # what a web app runs on
                entries.append(CacheEntry(path.stem, path, path.stat().st_size, True))
    entries.sort(key=lambda entry: (not entry.whole, entry.name))
    for repo in _hub_repos(cache_dir):
        entries.append(CacheEntry(repo.repo_id, repo.repo_path, repo.size_on_disk, True))
    return entries


def clear(cache_dir: str | os.PathLike[str] | None = None) -> None:
    """Delete all that :func:`cached` lists, and nothing else of the Hub's cache.

    Args:
        cache_dir: As for :func:`fetch`.
    """
    for entry in cached(cache_dir):
        if entry.path.is_dir():
            shutil.rmtree(entry.path)
        else:
            entry.path.unlink(missing_ok=True)


def _hub_repos(cache_dir: str | os.PathLike[str] | None) -> list[CachedRepoInfo]:
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        found = scan_cache_dir(None if cache_dir is None else Path(cache_dir).expanduser())
    except (CacheNotFound, ValueError):  # There is none yet.
        return []
    return sorted((repo for repo in found.repos if _is_ours(repo)), key=lambda repo: repo.repo_id)


def _is_ours(repo: CachedRepoInfo) -> bool:
    if repo.repo_id in _REGISTERED:
        return True
    for file in (file for revision in repo.revisions for file in revision.files):
        with suppress(WeightsError):
            if file.file_name == CONFIG and read_config(file.file_path):
                return True
            # A model of another library is known by its tensors.
            if file.file_name == weights.WEIGHTS and inspect(file.file_path).architecture:
                return True
    return False


def find(source_digest: str, folder: Path) -> tuple[Path, str] | None:
    """Find the conversion of the file with this SHA-256, and its own SHA-256; delete it if it is damaged."""
    for path in sorted(folder.glob(f"*.{source_digest[:16]}.*.safetensors")):
        digest = path.name.split(".")[-2]
        with suppress(OSError):  # As where the cache is read-only, or another process has just cleared it.
            if weights.sha256(path) == digest:
                return path, digest
            logger.warning("%s: deleted, because it was damaged after it was written", path)
            path.unlink()
    return None


def convert(source: Path, source_digest: str, name: str, folder: Path) -> tuple[Path, str]:
    """Write *source* into the cache as safetensors; the caller holds the lock.

    Returns:
        The new file and its SHA-256 in hex.
    """
    whole = weights.kind_of(source) == "safetensors"
    data = source.read_bytes() if whole else weights.serialize(weights.read_tensors(source))
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{name.replace('.', '-')}.{source_digest[:16]}.{digest}.safetensors"
    try:
        write(path, data, overwrite=True)
    except OutputError as error:
        raise unwritable(path, error.__cause__ or error) from error
    return path, digest


def readable(source: Path, digest: str, folder: Path, *, name: str | None = None) -> tuple[Path, str]:
    """Convert a pickle, unless that was done before. If the cache cannot be written, use the pickle itself.

    Args:
        source: The file.
        digest: Its SHA-256 in hex.
        folder: Where conversions are kept.
        name: What the conversion is called; as the file by default.

    Returns:
        A file to read in its place, and the SHA-256 of that.
    """
    if weights.kind_of(source) == "safetensors":
        return source, digest
    if found := find(digest, folder):
        return found
    try:
        with lock(digest, folder):
            return find(digest, folder) or convert(source, digest, name or source.stem, folder)
    except (WeightsFormatError, WeightsIntegrityError):
        raise
    except WeightsError as error:
        logger.warning("%s; %s is read without being converted", error, source)
        return source, digest


def unwritable(path: Path, error: BaseException) -> WeightsError:
    """Make an error that says why *path* could not be written in the cache."""
    if isinstance(error, FileNotFoundError):
        return WeightsError(f"{path}: deleted by another process, as by clearing the cache. Try again")
    return WeightsError(
        f"{path}: cannot be written: {in_words(error)}. Free some space, make it writable, or choose another "
        "place with cache_dir= or the environment variable HF_HOME"
    )


@contextmanager
def lock(source_digest: str, folder: Path) -> Iterator[None]:
    """Let one process at a time work on a released file. Without locks, it is whole in any case.

    Raises:
        WeightsError: Also for an error of the system within, as when another process clears the cache.
    """
    path = folder / f".{source_digest[:16]}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = take_lock(path)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    except WeightsError:
        raise
    except OSError as error:
        raise unwritable(Path(error.filename or path), error) from error
    finally:
        if taken is not None:
            taken.release()
