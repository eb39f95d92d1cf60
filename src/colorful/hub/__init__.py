"""Find the weights of a model by name, Hub id, folder or file; check them, keep them, load them.

A registered name is looked for in the package, in the cache, in the Hub repo of :data:`NAMESPACE`, at the
address its authors gave and at the mirror of that, and taken only if its checksum is the registered one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorful.errors import (
    OptionError,
    WeightsAccessError,
    WeightsError,
    WeightsFormatError,
    WeightsIntegrityError,
    WeightsNotFoundError,
    WeightsOfflineError,
)
from colorful.hub import files, remote
from colorful.hub.publish import save_pretrained
from colorful.models import ARCHITECTURES, MODELS, ModelInfo, NetworkConfig, WeightSource

if TYPE_CHECKING:
    from colorful.models import Network

__all__ = [
    "NAMESPACE",
    "NAMESPACE_VARIABLE",
    "ModelFiles",
    "cache_folder",
    "fetch",
    "load",
    "save_pretrained",
]

NAMESPACE = "colorful-colorization"
"""Owner of the Hub repos of registered models."""

NAMESPACE_VARIABLE = "COLORFUL_NAMESPACE"
"""Environment variable that replaces :data:`NAMESPACE`, for instance by the name of a copy in your own organization."""

logger = logging.getLogger(__name__)

_BUNDLED = Path(__file__).parent.parent / "models" / "bundled"
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True)
class ModelFiles:
    """A model on disk, found and checked, not yet loaded.

    Args:
        config: What its ``config.json`` says or would say.
        weights: The file of its weights.
        digest: SHA-256 of that file in hex.
        source: Where it came from, for people to read.
    """

    config: Mapping[str, Any]
    weights: Path
    digest: str
    source: str


def load(
    model: str | os.PathLike[str] | ModelInfo,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    architecture: str | None = None,
    namespace: str | None = None,
) -> Network:
    """Load a network with its weights.

    Args:
        model: As for :func:`fetch`, as are all other arguments.
        revision: Branch, tag or commit of a Hub repo.
        cache_dir: Where files are kept.
        token: Token for the Hub.
        local_files_only: Ask no network.
        force_download: Fetch again what is cached.
        architecture: What the network in a lone file is.
        namespace: Owner of the Hub repos of registered models.

    Returns:
        The network in float32, evaluation mode, on the CPU.

    Raises:
        WeightsError: If the weights cannot be found, fetched, trusted or read. Its subclasses tell which.
        OptionError: If an argument has no meaning for such a *model*.
    """
    found = fetch(
        model,
        revision=revision,
        cache_dir=cache_dir,
        token=token,
        local_files_only=local_files_only,
        force_download=force_download,
        architecture=architecture,
        namespace=namespace,
    )
    return files.build(found.config, found.weights, str(getattr(model, "name", model)))


def fetch(
    model: str | os.PathLike[str] | ModelInfo,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    architecture: str | None = None,
    namespace: str | None = None,
) -> ModelFiles:
    """Find a model, bring it to disk and check it.

    Args:
        model: A registered name, a Hub id ``org/name``, a folder, a ``.safetensors`` or ``.pth`` file, or an
            entry as :data:`colorful.models.MODELS` has them, for instance with a source of your own. A string
            is taken for a registered name first, then for what exists on disk, then for a Hub id.
        revision: Branch, tag or commit of a Hub repo. A cached commit asks the network nothing.
        cache_dir: Where files are kept; the folders below ``HF_HOME`` by default.
        token: Token for the Hub, or whether to send the stored one.
        local_files_only: Ask no network.
        force_download: Fetch again what is cached.
        architecture: What the network in a lone file is; needed where the file does not tell.
        namespace: Owner of the Hub repos of registered models; the environment variable
            ``COLORFUL_NAMESPACE`` or else :data:`NAMESPACE` by default.

    Returns:
        Where the model is.

    Raises:
        WeightsError: If it cannot be found, fetched or trusted. The subclasses tell which.
        OptionError: If an argument has no meaning for such a *model*.
    """
    cache = None if cache_dir is None else Path(cache_dir).expanduser()
    if isinstance(model, str) and model in MODELS:
        model = MODELS[model]
    if isinstance(model, ModelInfo):
        _refuse("revision", revision, f"{model.name} is registered with its checksum")
        found = _registered(
            model,
            cache=cache,
            token=token,
            local_files_only=local_files_only,
            force_download=force_download,
            namespace=namespace or os.environ.get(NAMESPACE_VARIABLE) or NAMESPACE,
        )
    else:
        path = Path(model).expanduser()
        if (
            path.exists()
            or not isinstance(model, str)
            or not _REPO_ID.fullmatch(model)
            or path.suffix in _SUFFIXES
        ):
            _refuse("revision", revision, f"{os.fspath(model)} is no Hub id org/name")
            found = _local(path, str(model), architecture, cache)
        else:
            found = _from_hub(model, revision, cache, token, local_files_only, force_download)
    if architecture not in (None, found.config["architecture"]):
        raise OptionError(f"architecture: expected {found.config['architecture']!r}, got {architecture!r}")
    return found


def cache_folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Tell where colorful keeps what it did not get from the Hub: ``HF_HOME/assets/colorful/weights``."""
    from huggingface_hub import constants

    parent = constants.HF_ASSETS_CACHE if cache_dir is None else cache_dir
    return Path(parent).expanduser() / "colorful" / "weights"


def _registered(
    info: ModelInfo,
    *,
    cache: Path | None,
    token: str | bool | None,
    local_files_only: bool,
    force_download: bool,
    namespace: str,
) -> ModelFiles:
    if info.bundled and (_BUNDLED / info.name / files.WEIGHTS).exists():
        return _folder(_BUNDLED / info.name, "the package")
    config = files.describe(info.architecture, info.config)
    repo_id = f"{namespace}/{info.hub_repo}"

    def from_hub(*, cached: bool) -> ModelFiles:
        path, digest = remote.fetch_from_hub(
            repo_id,
            files.WEIGHTS,
            cache_dir=cache,
            token=token,
            local_files_only=cached,
            force_download=force_download and not cached,
            checksum=info.hub_sha256,
        )
        return ModelFiles(config, path, digest, f"{repo_id}@{path.parent.name}")

    if not force_download:
        for source in info.sources:
            if found := _converted(source.sha256, cache):
                return ModelFiles(config, *found, f"the cache, as {source.filename}")
        if info.hub_sha256:
            with suppress(WeightsOfflineError):
                return from_hub(cached=True)
    if local_files_only or remote.is_offline():
        raise WeightsOfflineError(
            f"{info.name}: not cached, and the network is switched off. Once online, run: "
            f"colorful download {info.name}"
        )
    places: list[tuple[str, Callable[[], ModelFiles]]] = []
    if info.hub_sha256:
        places.append((repo_id, lambda: from_hub(cached=False)))
    for source in info.sources:
        places.append((source.url, partial(_from_address, info, source, config, cache, force_download)))
    failures: list[WeightsError] = []
    for place, take in places:
        try:
            return take()
        except (WeightsNotFoundError, WeightsAccessError, WeightsOfflineError, files.WebPageError) as error:
            logger.warning("%s: nothing from %s: %s", info.name, place, error)
            failures.append(error)
    raise _nowhere(info, failures)


def _from_address(
    info: ModelInfo, source: WeightSource, config: Mapping[str, Any], cache: Path | None, force_download: bool
) -> ModelFiles:
    with _lock(source.sha256, cache) as folder:
        # Another process may have brought it while this one waited.
        if not force_download and (found := _converted(source.sha256, cache)):
            return ModelFiles(config, *found, f"the cache, as {source.filename}")
        released = folder / f"{source.sha256[:16]}.{source.filename}"
        if not released.exists() or force_download or files.sha256(released) != source.sha256:
            logger.info("%s: downloading %s", info.name, source.url)
            remote.download(source.url, released, size=source.size, checksum=source.sha256)
        weights, digest = _convert(released, source.sha256, info.name, folder)
        released.unlink()
    return ModelFiles(config, weights, digest, source.url)


def _nowhere(info: ModelInfo, failures: list[WeightsError]) -> WeightsError:
    """Sum up why no source had a model; of the kind that all failures share, if they do."""
    kinds = {type(failure) for failure in failures}
    kind = kinds.pop() if len(kinds) == 1 else WeightsNotFoundError
    filename = info.sources[0].filename if info.sources else files.WEIGHTS
    return kind(
        f"{info.name}: no source has it now. "
        + "".join(f"{failure}. " for failure in failures)
        + f"Try again later, or get {filename} by other means and give its path in place of the name"
    )


def _local(path: Path, name: str, architecture: str | None, cache: Path | None) -> ModelFiles:
    if path.is_dir():
        return _folder(path, str(path))
    if not path.exists():
        raise WeightsNotFoundError(
            f"{name}: expected one of {', '.join(MODELS)}, a Hub id org/name, a folder or a file, got no such thing"
        )
    weights, digest = path, files.sha256(path)
    if files.kind_of(path) == "pickle":
        weights, digest = _converted(digest, cache) or _convert_local(path, digest, cache)
    if files.kind_of(weights) == "pickle":
        shapes = {name: tuple(tensor.shape) for name, tensor in files.read_tensors(weights).items()}
        config = None
    else:
        header, config = files.read_header(weights)
        shapes = {name: shape for name, (_, shape) in header.items()}
        if path.name == files.WEIGHTS and (beside := path.with_name(files.CONFIG)).exists():
            config = files.read_config(beside)
    if config is None:
        known = architecture or files.identify(shapes)
        if known is None:
            raise WeightsFormatError(
                f"{name}: the file does not tell what network it is for. Pass architecture=, one of "
                f"{', '.join(ARCHITECTURES)}, or put the config.json of the model beside it"
            )
        if known not in ARCHITECTURES:
            raise OptionError(f"architecture: expected one of {', '.join(ARCHITECTURES)}, got {known!r}")
        config = files.describe(known, MODELS[known].config if known in MODELS else NetworkConfig())
    return ModelFiles(config, weights, digest, str(path))


def _folder(folder: Path, source: str) -> ModelFiles:
    config = files.read_config(folder / files.CONFIG)
    weights = folder / files.WEIGHTS
    files.read_header(weights)
    return ModelFiles(config, weights, files.sha256(weights), source)


def _from_hub(
    repo_id: str,
    revision: str | None,
    cache: Path | None,
    token: str | bool | None,
    local_files_only: bool,
    force_download: bool,
) -> ModelFiles:
    config_path, _ = remote.fetch_from_hub(
        repo_id,
        files.CONFIG,
        revision=revision,
        cache_dir=cache,
        token=token,
        local_files_only=local_files_only,
        force_download=force_download,
    )
    # The commit, so that config and weights belong together even if somebody pushes in between.
    commit = config_path.parent.name
    weights, digest = remote.fetch_from_hub(
        repo_id,
        files.WEIGHTS,
        revision=commit,
        cache_dir=cache,
        token=token,
        local_files_only=local_files_only,
        force_download=force_download,
    )
    try:
        config = files.read_config(config_path)
        files.read_header(weights)
    except WeightsError:
        remote.discard(config_path)
        remote.discard(weights)
        raise
    return ModelFiles(config, weights, digest, f"{repo_id}@{commit}")


def _converted(source_digest: str, cache: Path | None) -> tuple[Path, str] | None:
    """Find what a released file was converted to; its own checksum is in its name."""
    for path in sorted(cache_folder(cache).glob(f"*.{source_digest[:16]}.*.safetensors")):
        digest = path.name.split(".")[-2]
        if files.sha256(path) == digest:
            return path, digest
        logger.warning("%s: damaged since it was written, discarded", path)
        path.unlink()
    return None


def _convert(source: Path, source_digest: str, name: str, folder: Path) -> tuple[Path, str]:
    data = files.serialize(files.read_tensors(source))
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{name.replace('.', '-')}.{source_digest[:16]}.{digest}.safetensors"
    files.write_atomically(path, data)
    return path, digest


def _convert_local(path: Path, digest: str, cache: Path | None) -> tuple[Path, str]:
    try:
        with _lock(digest, cache) as folder:
            return _converted(digest, cache) or _convert(path, digest, path.stem, folder)
    except (WeightsFormatError, WeightsIntegrityError):
        raise
    except WeightsError as error:
        logger.warning("%s; %s is used without being converted", error, path)
        return path, digest


@contextmanager
def _lock(digest: str, cache: Path | None) -> Iterator[Path]:
    """Hold what belongs to one checksum against other processes; a killed one lets go by itself."""
    from huggingface_hub.utils import WeakFileLock

    folder = cache_folder(cache)
    path = folder / f".{digest[:16]}.lock"
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(WeakFileLock(path))
        except OSError as error:
            raise files.unwritable(path, error) from error
        yield folder


def _refuse(name: str, value: object, reason: str) -> None:
    if value is not None:
        raise OptionError(f"{name}: expected None, since {reason}, got {value!r}")
