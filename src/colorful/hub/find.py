"""Find a model by name, Hub id, folder or file, and bring it to disk."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from colorful.errors import (
    KindError,
    OptionError,
    WeightsAccessError,
    WeightsError,
    WeightsFormatError,
    WeightsIntegrityError,
    WeightsNotFoundError,
    WeightsOfflineError,
)
from colorful.hub import cache, files, remote
from colorful.models import ARCHITECTURES, MODELS, ModelInfo, NetworkConfig, WeightSource, identify

if TYPE_CHECKING:
    from colorful.models import Network

NAMESPACE = "colorful-colorization"
"""Owner of the Hub repos of the registered models."""

NAMESPACE_VARIABLE = "COLORFUL_NAMESPACE"
"""Environment variable that replaces :data:`NAMESPACE`, for instance by an organization with copies."""

logger = logging.getLogger(__name__)

_BUNDLED = Path(__file__).parent.parent / "models" / "bundled"
_REPO_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
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

    def build(self, *, mapped: bool = False, checked: bool = False) -> Network:
        """Load the network; see :func:`colorful.hub.load`.

        Args:
            mapped: Leave the weights in the file, to be read where they are used. Only for a network that is
                soon let go: it breaks when the file is cut.
            checked: Sum the file up again first, if it was found long ago.

        Returns:
            The network in float32, evaluation mode, on the CPU.

        Raises:
            WeightsError: If the file cannot be read, does not fit, or is another than was found.
        """
        where = str(self.weights)
        if checked:
            files.kind_of(self.weights)  # raises if the file is gone
            if files.sha256(self.weights) != self.digest:
                raise WeightsIntegrityError(f"{where}: expected the file that was loaded before, got another")
        return files.build(self.config, self.weights, where, mapped=mapped)


@dataclass(frozen=True)
class _Access:
    """How the caller wants the network and the disk used."""

    cache_dir: Path | None
    token: str | bool | None
    local_files_only: bool
    force_download: bool


class FetchOptions(TypedDict, total=False):
    """Where weights come from.

    Attributes:
        revision: Branch, tag or commit of a Hub repo. A cached commit asks the network nothing.
        cache_dir: Where files are kept; the folders below ``HF_HOME`` by default.
        token: Token for the Hub, or whether to send the stored one; the one of ``hf auth login`` by default.
        local_files_only: Ask no network.
        force_download: Fetch again what is cached.
        architecture: What the network in a lone file is; needed where the file does not tell.
        namespace: Owner of the Hub repos of registered models; the environment variable
            ``COLORFUL_NAMESPACE`` or else :data:`NAMESPACE` by default.
    """

    revision: str | None
    cache_dir: str | os.PathLike[str] | None
    token: str | bool | None
    local_files_only: bool
    force_download: bool
    architecture: str | None
    namespace: str | None


def fetch(model: str | os.PathLike[str] | ModelInfo, **options: Unpack[FetchOptions]) -> ModelFiles:
    """Find a model, bring it to disk and check it.

    A registered model is looked for in the package, in the cache, in the Hub repo of *namespace*, at the
    address its authors gave and at the mirror of that. What is missing, refused or out of reach is passed
    over with a line in the log; a file with a wrong checksum stops the search.

    Args:
        model: A registered name, a Hub id ``org/name``, a folder, a ``.safetensors`` or ``.pth`` file, or an
            entry as :data:`colorful.models.MODELS` has them, for instance with a source of your own. A string
            is taken for a registered name first, then for what exists on disk, then for a Hub id.
        **options: Where its weights come from.

    Returns:
        Where the model is.

    Raises:
        WeightsError: If it cannot be found, fetched or trusted. The subclasses tell which.
        OptionError: If an argument has no meaning for such a *model*.
        KindError: If *model* is of another type.
    """
    cache_dir, architecture = options.get("cache_dir"), options.get("architecture")
    revision = options.get("revision")
    access = _Access(
        None if cache_dir is None else Path(cache_dir).expanduser(),
        options.get("token"),
        options.get("local_files_only", False),
        options.get("force_download", False),
    )
    if architecture is not None and architecture not in ARCHITECTURES:
        raise OptionError(f"architecture: expected one of {', '.join(ARCHITECTURES)}, got {architecture!r}")
    if isinstance(model, str) and model in MODELS:
        model = MODELS[model]
    if isinstance(model, ModelInfo):
        _refuse_revision(revision, f"{model.name} is registered with its checksum")
        _agree(architecture, model.architecture)
        namespace = options.get("namespace") or os.environ.get(NAMESPACE_VARIABLE) or NAMESPACE
        return _registered(model, access, namespace)
    if not isinstance(model, str | os.PathLike):
        raise KindError(f"model: expected a name, a Hub id or a path, got {type(model).__name__}")
    if isinstance(model, str) and model.startswith(("http://", "https://")):
        raise WeightsNotFoundError(
            f"{model}: expected one of {', '.join(MODELS)}, a Hub id org/name, a folder or a file, got an "
            "address; download what is there, and give its path"
        )
    try:
        path = Path(model).expanduser()
        is_there = path.exists()
    except (OSError, RuntimeError) as error:  # As of a name too long, or a home that is not there.
        raise WeightsNotFoundError(f"{os.fspath(model)}: cannot be looked up: {error}") from error
    is_id = isinstance(model, str) and _REPO_ID.fullmatch(model) and path.suffix not in _SUFFIXES
    if is_id and not is_there:
        found = _from_hub(str(model), revision, access)
    else:
        _refuse_revision(revision, f"{os.fspath(model)} is no Hub id org/name")
        found = _from_disk(path, architecture, cache.cache_folder(access.cache_dir))
    _agree(architecture, found.config["architecture"])
    return found


def _registered(info: ModelInfo, access: _Access, namespace: str) -> ModelFiles:
    if info.bundled and (_BUNDLED / info.name / files.WEIGHTS).exists():
        return _folder(_BUNDLED / info.name, "the package")
    folder = cache.cache_folder(access.cache_dir)
    if not access.force_download:
        for source in info.sources:
            if found := cache.find(source.sha256, folder):
                return ModelFiles(_config(info), *found, f"the cache, from {source.filename}")
        if info.hub_sha256:
            with suppress(WeightsOfflineError, WeightsIntegrityError):
                return _pinned(info, replace(access, local_files_only=True), namespace)
    if access.local_files_only or remote.is_offline():
        raise WeightsOfflineError(
            f"{info.name}: not cached, and the network is switched off. {_once_online(info.name)}"
        )
    takes: list[Callable[[], ModelFiles]] = []
    if info.hub_sha256:
        takes.append(partial(_pinned, info, access, namespace))
    takes.extend(
        partial(_from_address, info, source, folder, access.force_download) for source in info.sources
    )
    if not takes:
        raise WeightsNotFoundError(
            f"{info.name}: expected to come with the package, but is not there. "
            "Run: pip install --force-reinstall colorful-colorization"
        )
    failures: list[WeightsError] = []
    for take in takes:
        try:
            return take()
        except (WeightsNotFoundError, WeightsAccessError, WeightsOfflineError, files.WebPageError) as error:
            logger.info("%s: looking further, since %s", info.name, error)
            failures.append(error)
    kinds = {type(failure) for failure in failures}
    kind = kinds.pop() if len(kinds) == 1 else WeightsNotFoundError
    reasons = "; ".join(map(str, failures))
    raise kind(
        f"{info.name}: not cached, and no source gives it: {reasons}. {_once_online(info.name)}; or get the "
        f"file by other means and give its path in place of the name"
    )


def _pinned(info: ModelInfo, access: _Access, namespace: str) -> ModelFiles:
    """Take a registered model from the Hub; its config is the registered one."""
    repo_id = f"{namespace}/{info.hub_repo}"
    path, digest = remote.fetch_from_hub(
        repo_id,
        files.WEIGHTS,
        cache_dir=access.cache_dir,
        token=access.token,
        local_files_only=access.local_files_only,
        force_download=access.force_download and not access.local_files_only,
        checksum=info.hub_sha256,
    )
    return ModelFiles(_config(info), path, digest, f"{repo_id}@{path.parent.name}")


def _from_address(info: ModelInfo, source: WeightSource, folder: Path, force_download: bool) -> ModelFiles:
    with cache.lock(source.sha256, folder):
        # Another process may have brought it while this one waited.
        found = None if force_download else cache.find(source.sha256, folder)
        if found is None:
            released = folder / f"{source.sha256[:16]}.{source.filename}"
            if not released.exists() or files.sha256(released) != source.sha256:
                logger.info("%s: downloading %s", info.name, source.url)
                remote.download(source.url, released, size=source.size, checksum=source.sha256)
            found = cache.convert(released, source.sha256, info.name, folder)
            released.unlink()
    return ModelFiles(_config(info), *found, source.url)


def _from_hub(repo_id: str, revision: str | None, access: _Access) -> ModelFiles:
    def bring(filename: str, revision: str | None) -> tuple[Path, str]:
        return remote.fetch_from_hub(
            repo_id,
            filename,
            revision=revision,
            cache_dir=access.cache_dir,
            token=access.token,
            local_files_only=access.local_files_only,
            force_download=access.force_download,
        )

    try:
        config_path, _ = bring(files.CONFIG, revision)
        # The commit, so that config and weights belong together even if somebody pushes in between.
        commit = config_path.parent.name
        weights, digest = bring(files.WEIGHTS, commit)
    except WeightsOfflineError as error:
        at = f" --revision {revision}" if revision else ""
        raise WeightsOfflineError(f"{error}. {_once_online(repo_id + at)}") from error
    try:
        config = files.read_config(config_path)
        files.survey(weights)
    except WeightsIntegrityError:  # What is whole but means nothing here is the user's to keep.
        remote.discard(config_path)
        remote.discard(weights)
        raise
    return ModelFiles(config, weights, digest, f"{repo_id}@{commit}")


def _from_disk(path: Path, architecture: str | None, folder: Path) -> ModelFiles:
    if path.is_dir():
        return _folder(path, str(path))
    if not path.exists():
        raise WeightsNotFoundError(
            f"{path}: expected one of {', '.join(MODELS)}, a Hub id org/name, a folder or a file, "
            "got none of them"
        )
    kind = files.kind_of(path)
    weights, digest = path, files.sha256(path)
    if kind == "pickle":
        weights, digest = cache.find_or_convert(path, digest, folder)
    return ModelFiles(describe_file(path, architecture, weights), weights, digest, str(path))


def describe_file(path: Path, architecture: str | None = None, weights: Path | None = None) -> dict[str, Any]:
    """Find the config of a lone file: beside it, in it, or by the tensors it holds.

    Args:
        path: The file.
        architecture: What it is, where it does not tell.
        weights: Where its tensors are if not there: the file it was converted to.

    Raises:
        WeightsFormatError: If it does not tell and *architecture* is not given.
    """
    tensors, config = files.survey(weights or path)
    beside = path.with_name(files.CONFIG)
    if path.name == files.WEIGHTS and beside.exists():
        config = files.read_config(beside)
    if config is not None:
        return config
    known = architecture or identify({name: tensor.shape for name, tensor in tensors.items()})
    if known is None:
        raise WeightsFormatError(
            f"{path}: the file does not tell what network it is for. Pass architecture= (in a shell once: "
            f"colorful convert --architecture), one of {', '.join(ARCHITECTURES)}, or put the config.json of "
            "the model beside it"
        )
    return files.describe(known, MODELS[known].config if known in MODELS else NetworkConfig())


def _folder(folder: Path, source: str) -> ModelFiles:
    config = files.read_config(folder / files.CONFIG)
    weights = folder / files.WEIGHTS
    files.survey(weights)
    return ModelFiles(config, weights, files.sha256(weights), source)


def _refuse_revision(revision: str | None, reason: str) -> None:
    if revision is not None:
        raise OptionError(f"revision: expected None, since {reason}, got {revision!r}")


def _agree(asked: str | None, found: str) -> None:
    if asked not in (None, found):
        raise OptionError(f"architecture: expected {found!r}, got {asked!r}")


def _config(info: ModelInfo) -> dict[str, Any]:
    return files.describe(info.architecture, info.config)


def _once_online(what: str) -> str:
    return f"Once online, run: colorful download {what}"
