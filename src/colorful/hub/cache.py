"""Our own cache: released ``.pth`` files, converted to safetensors once and kept.

Each file is called ``<name>.<start of the source's SHA-256>.<its own SHA-256>.safetensors``, so that its name
is all it takes to find a conversion and to see whether it is still what was written.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from colorful.errors import WeightsError, WeightsFormatError, WeightsIntegrityError
from colorful.hub import files

logger = logging.getLogger(__name__)


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Tell where colorful keeps what it converted.

    Args:
        cache_dir: The folder the caller chose for all that is fetched; ``HF_HOME/assets`` by default.
    """
    from huggingface_hub import constants

    parent = constants.HF_ASSETS_CACHE if cache_dir is None else cache_dir
    return Path(parent).expanduser() / "colorful" / "weights"


def find(source_digest: str, folder: Path) -> tuple[Path, str] | None:
    """Find what the file of this SHA-256 was converted to, with its own SHA-256; drop it if it is damaged."""
    for path in sorted(folder.glob(f"*.{source_digest[:16]}.*.safetensors")):
        digest = path.name.split(".")[-2]
        if files.sha256(path) == digest:
            return path, digest
        logger.warning("%s: damaged since it was written, discarded", path)
        path.unlink()
    return None


def convert(source: Path, source_digest: str, name: str, folder: Path) -> tuple[Path, str]:
    """Keep *source* as safetensors; the caller holds the lock.

    Returns:
        The new file and its SHA-256 in hex.
    """
    data = files.serialize(files.read_tensors(source))
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{name.replace('.', '-')}.{source_digest[:16]}.{digest}.safetensors"
    files.write_atomically(path, data, elsewhere=files.CACHE_ELSEWHERE)
    return path, digest


def find_or_convert(source: Path, source_digest: str, folder: Path) -> tuple[Path, str]:
    """Convert a file of the user's once; where nothing can be kept, take it as it is."""
    if found := find(source_digest, folder):
        return found
    try:
        with lock(source_digest, folder):
            return find(source_digest, folder) or convert(source, source_digest, source.stem, folder)
    except (WeightsFormatError, WeightsIntegrityError):
        raise
    except WeightsError as error:
        logger.warning("%s; %s is read without being converted", error, source)
        return source, source_digest


@contextmanager
def lock(source_digest: str, folder: Path) -> Iterator[None]:
    """Keep other processes off what belongs to one released file; a killed process lets go by itself."""
    from filelock import FileLock

    path = folder / f".{source_digest[:16]}.lock"
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path))
        except OSError as error:
            raise files.unwritable(path, error) from error
        yield
