"""onnxruntime-web, which computes in the browser: from npm's registry, or a package that somebody has."""

from __future__ import annotations

import base64
import json
import logging
import os
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from colorful.errors import ExportError, WeightsError, WeightsIntegrityError
from colorful.files import in_words
from colorful.hub.cache import cache_folder, lock
from colorful.hub.remote import download

logger = logging.getLogger(__name__)

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""As npm states it: ``npm view onnxruntime-web@1.30.0 dist.integrity``."""

_REGISTRY = "https://registry.npmjs.org"
_LARGEST = 100_000_000


@dataclass(frozen=True)
class Build:
    """One of the ways in which onnxruntime was compiled for browsers: the names of its parts in the package.

    Attributes:
        module: What a program imports.
        glue: What that imports.
        wasm: What computes.
    """

    module: str
    glue: str
    wasm: str


BUILDS: Mapping[str, Build] = MappingProxyType(
    {
        "cpu": Build("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
        # The smallest of those for graphics processors.
        "gpu": Build(
            "ort.jspi.min.mjs", "ort-wasm-simd-threaded.jspi.mjs", "ort-wasm-simd-threaded.jspi.wasm"
        ),
    }
)


@dataclass(frozen=True)
class Runtime:
    """What a web app needs of the package.

    Attributes:
        version: Of the package.
        files: The parts of all :data:`BUILDS`, by name.
    """

    version: str
    files: Mapping[str, bytes]


def load_runtime(
    package: str | os.PathLike[str] | None = None, *, cache_dir: str | os.PathLike[str] | None = None
) -> Runtime:
    """Read onnxruntime-web.

    Args:
        package: The package as npm has it: a file (.tgz), or the folder it was unpacked to. By default the
            version that this was tested with, from the cache or from npm's registry.
        cache_dir: As for :func:`colorful.hub.fetch`.

    Returns:
        What is needed of it.

    Raises:
        ExportError: If it cannot be fetched, or is not that package.
    """
    where = _fetched(cache_dir) if package is None else Path(package)
    names = ["package.json", *(f"dist/{name}" for build in BUILDS.values() for name in vars(build).values())]
    try:
        found = _in_folder(where, names) if where.is_dir() else _in_archive(where, names)
        about = json.loads(found.pop("package.json"))
        if about["name"] != PACKAGE:
            raise ValueError(f"it is the package {about['name']!r}")
        version = str(about["version"])
    except (OSError, EOFError, KeyError, TypeError, ValueError, tarfile.TarError, zlib.error) as error:
        reason = f"it has no {error.args[0]}" if isinstance(error, KeyError) else in_words(error)
        raise ExportError(
            f"{where}: expected the npm package {PACKAGE}, as a .tgz file or unpacked: {reason}"
        ) from error
    if version != VERSION:
        logger.warning("%s %s: this was tested with %s", PACKAGE, version, VERSION)
    return Runtime(version, {name.removeprefix("dist/"): data for name, data in found.items()})


def _fetched(cache_dir: str | os.PathLike[str] | None) -> Path:
    """Give the package in the cache, and fetch it if it is not there."""
    folder = cache_folder(cache_dir)
    path = folder / f"{PACKAGE}-{VERSION}.tgz"
    registry = (os.environ.get("NPM_CONFIG_REGISTRY") or _REGISTRY).rstrip("/")
    checksum = base64.b64decode(INTEGRITY.removeprefix("sha512-")).hex()
    try:
        with lock(checksum, folder):
            if not path.exists():
                download(f"{registry}/{PACKAGE}/-/{path.name}", path, checksum=checksum)
    except WeightsIntegrityError as error:
        raise ExportError(f"{PACKAGE} {VERSION} cannot be fetched: {error}") from error
    except WeightsError as error:
        raise ExportError(
            f"{PACKAGE} {VERSION} cannot be fetched: {error}. Where there is a connection, type: "
            f"npm pack {PACKAGE}@{VERSION}; then give the file that it makes: --runtime {path.name}"
        ) from error
    return path


def _in_folder(folder: Path, names: list[str]) -> dict[str, bytes]:
    for inside in ("", "package", f"node_modules/{PACKAGE}"):
        if (folder / inside / "package.json").is_file():
            folder = folder / inside
            break
    return {name: (folder / name).read_bytes() for name in names}


def _in_archive(path: Path, names: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = member.name.removeprefix("package/")
            if name not in names or not member.isreg():
                continue
            if member.size > _LARGEST:
                raise ValueError(f"{name} is larger than {_LARGEST} bytes")
            if (file := archive.extractfile(member)) is not None:
                found[name] = file.read()
    return {name: found[name] for name in names}
