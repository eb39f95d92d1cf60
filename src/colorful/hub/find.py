"""Find a model by its name, Hub id, folder or file, and bring it to this machine's disk."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from colorful.errors import (
    KindError,
    OptionError,
    WeightsAccessError,
    WeightsError,
    WeightsIntegrityError,
    WeightsNotFoundError,
    WeightsOfflineError,
    check_choice,
    refuse_unknown,
)
from colorful.files import open_regular
from colorful.hub import cache, remote, weights
from colorful.hub.cards import CARD
from colorful.hub.config import CONFIG, ForeignConfigError, new_config, read_config
from colorful.hub.inspection import inspect, weights_in
from colorful.hub.remote import Access
from colorful.models import ARCHITECTURES, MODELS, HubSource, ModelInfo, WeightSource

if TYPE_CHECKING:
    from colorful.models import Network

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
            mapped: Map the file into memory and read weights where they are used. Only for a network that is
                soon deleted: it breaks when the file is truncated.
            checked: Compute the checksum again first, for a file that was found some time ago.

        Returns:
            The network in float32, evaluation mode, on the CPU.

        Raises:
            WeightsError: If the file cannot be read, does not fit, or is another than was found.
        """
        where = str(self.weights)
        if checked:
            weights.kind_of(self.weights)  # raises if the file is gone
            if weights.sha256(self.weights) != self.digest:
                raise WeightsIntegrityError(f"{where}: expected the file that was loaded before, got another")
        return weights.build(self.config, self.weights, where, mapped=mapped)

    def about(self) -> dict[str, Any]:
        """Give the card and the training entry that lie beside the weights, for saving them again."""
        card, training = None, self.config.get("training")
        if self.weights.with_name(CONFIG).exists():  # else a README there may be of anything
            with suppress(OSError, ValueError), open_regular(self.weights.with_name(CARD)) as file:
                card = file.read().decode()
        return {"card": card, "training": training if isinstance(training, dict) else None}


class FetchOptions(TypedDict, total=False):
    """Where weights come from.

    Attributes:
        revision: Branch, tag or commit of a Hub repo. A cached commit asks the network nothing.
        cache_dir: Where files are kept; the folders below ``HF_HOME`` by default.
        token: Token for the Hub, or whether to send the stored one; the one of ``hf auth login`` by default.
        local_files_only: Do not connect to any server.
        force_download: Download again, even if it is in the cache.
        architecture: Architecture of the network, for a single file that does not say it.
    """

    revision: str | None
    cache_dir: str | os.PathLike[str] | None
    token: str | bool | None
    local_files_only: bool
    force_download: bool
    architecture: str | None


def fetch(model: str | os.PathLike[str] | ModelInfo, **options: Unpack[FetchOptions]) -> ModelFiles:
    """Find a model, bring it to disk and check it.

    A registered model is looked for in the package, in the cache, and at its sources, in their order. A
    source that is missing, refuses or is out of reach is passed over with a line in the log; a file with a
    wrong checksum stops the search.

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
    refuse_unknown(options, FetchOptions)
    cache_dir, architecture = options.get("cache_dir"), options.get("architecture")
    revision = options.get("revision")
    access = Access(
        None if cache_dir is None else Path(cache_dir).expanduser(),
        options.get("token"),
        options.get("local_files_only", False),
        options.get("force_download", False),
    )
    if architecture is not None:
        check_choice("architecture", architecture, ARCHITECTURES)
    if isinstance(model, str) and model in MODELS:
        model = MODELS[model]
    if isinstance(model, ModelInfo):
        _refuse_revision(revision, f"{model.name} is registered with its sources")
        _agree(architecture, model.architecture)
        return _registered(model, access)
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
        found = _from_hub(str(model), revision, access, architecture)
    else:
        _refuse_revision(revision, f"{os.fspath(model)} is no Hub id org/name")
        found = _from_disk(path, access, architecture)
    _agree(architecture, found.config["architecture"])
    return found


def _registered(info: ModelInfo, access: Access) -> ModelFiles:
    if info.bundled and (_BUNDLED / info.name).exists():
        return replace(_from_disk(_BUNDLED / info.name, access), source="the package")
    if not access.force_download:
        for source in info.sources:
            if found := _cached(info, source, access):
                return found
    if access.local_files_only or remote.is_offline():
        raise WeightsOfflineError(
            f"{info.name}: not cached, and the network is switched off. {_once_online(info.name)}"
        )
    if not info.sources:
        raise WeightsNotFoundError(
            f"{info.name}: expected to come with the package, but is not there. "
            "Run: pip install --force-reinstall colorful-colorization"
        )
    failures: list[WeightsError] = []
    for source in info.sources:
        try:
            return _from_source(info, source, access)
        except (WeightsNotFoundError, WeightsAccessError, WeightsOfflineError, weights.WebPageError) as error:
            logger.info("%s: trying the next source, because %s", info.name, error)
            failures.append(error)
    kinds = {type(failure) for failure in failures}
    kind = kinds.pop() if len(kinds) == 1 else WeightsNotFoundError
    reasons = "; ".join(map(str, failures))
    raise kind(
        f"{info.name}: not cached, and no source gives it: {reasons}. {_once_online(info.name)}; or get the "
        f"file by other means and give its path in place of the name"
    )


def _cached(info: ModelInfo, source: WeightSource | HubSource, access: Access) -> ModelFiles | None:
    """Find the files that an earlier call fetched from a source, without using the network."""
    config = new_config(info.architecture, info.config)
    if source.sha256 and (found := cache.find(source.sha256, cache.cache_folder(access.cache_dir))):
        return ModelFiles(config, *found, f"the cache, from {source.filename}")
    if isinstance(source, HubSource):
        with suppress(WeightsOfflineError, WeightsIntegrityError):
            return _from_source(info, source, replace(access, local_files_only=True, force_download=False))
    return None


def _from_source(info: ModelInfo, source: WeightSource | HubSource, access: Access) -> ModelFiles:
    """Fetch a registered model from one of its sources. Its config is the registered one."""
    config = new_config(info.architecture, info.config)
    folder = cache.cache_folder(access.cache_dir)
    if isinstance(source, WeightSource):
        return ModelFiles(config, *_download(info.name, source, folder, access.force_download), source.url)
    path, digest = remote.fetch_from_hub(
        source.repo_id, source.filename, access, revision=source.revision, checksum=source.sha256
    )
    where = f"{source.repo_id}@{path.parent.name}"
    return ModelFiles(config, *cache.readable(path, digest, folder, name=info.name), where)


def _download(name: str, source: WeightSource, folder: Path, force_download: bool) -> tuple[Path, str]:
    with cache.lock(source.sha256, folder):
        # Another process may have fetched it while this one waited.
        found = None if force_download else cache.find(source.sha256, folder)
        if found is None:
            released = folder / f"{source.sha256[:16]}.{source.filename}"
            if not released.exists() or weights.sha256(released) != source.sha256:
                logger.info("%s: downloading %s", name, source.url)
                remote.download(source.url, released, checksum=source.sha256)
            found = cache.convert(released, source.sha256, name, folder)
            released.unlink()
    return found


def _from_hub(repo_id: str, revision: str | None, access: Access, architecture: str | None) -> ModelFiles:
    try:
        config, _ = remote.fetch_from_hub(repo_id, CONFIG, access, revision=revision)
        # By the commit, so that config and weights fit even if somebody pushes in between.
        commit = config.parent.name
        path, digest = _weights_from_hub(repo_id, commit, access, config)
    except WeightsOfflineError as error:
        at = f" --revision {revision}" if revision else ""
        raise WeightsOfflineError(f"{error}. {_once_online(repo_id + at)}") from error
    try:
        return _described(path, digest, access, architecture, f"{repo_id}@{commit}")
    except WeightsIntegrityError:  # Damaged files go; whole files of something else may be of use to others.
        remote.discard(config)
        remote.discard(path)
        raise


def _weights_from_hub(repo_id: str, commit: str, access: Access, config: Path) -> tuple[Path, str]:
    try:
        return remote.fetch_from_hub(repo_id, weights.WEIGHTS, access, revision=commit)
    except (WeightsNotFoundError, WeightsOfflineError):
        try:
            read_config(config)
        except ForeignConfigError:  # Others publish pickles.
            return remote.fetch_from_hub(repo_id, weights.PICKLE, access, revision=commit)
        except WeightsIntegrityError:
            remote.discard(config)
            raise
        raise


def _from_disk(path: Path, access: Access, architecture: str | None = None) -> ModelFiles:
    where = str(path)
    if path.is_dir():
        if not (path / CONFIG).exists() and _carries_none(path / weights.WEIGHTS):
            read_config(path / CONFIG)  # which says that it is missing
        path = weights_in(path)
    elif not path.exists():
        raise WeightsNotFoundError(
            f"{path}: expected one of {', '.join(MODELS)}, a Hub id org/name, a folder or a file, "
            "got none of them"
        )
    weights.kind_of(path)  # Raises if it is no regular file, which could not be summed up.
    return _described(path, weights.sha256(path), access, architecture, where)


def _carries_none(path: Path) -> bool:
    """Tell whether weights carry no config, as those do that were not saved by this library."""
    return not path.exists() or weights.read_header(path)[1] is None


def _described(path: Path, digest: str, access: Access, architecture: str | None, source: str) -> ModelFiles:
    """Find the config of a file. A pickle is converted first, and the conversion is read."""
    readable, its_digest = cache.readable(path, digest, cache.cache_folder(access.cache_dir))
    config = inspect(path, converted=readable).config_for(architecture)
    return ModelFiles(config, readable, its_digest, source)


def _refuse_revision(revision: str | None, reason: str) -> None:
    if revision is not None:
        raise OptionError(f"revision: expected None, since {reason}, got {revision!r}")


def _agree(asked: str | None, found: str) -> None:
    if asked not in (None, found):
        raise OptionError(f"architecture: expected {found!r}, got {asked!r}")


def _once_online(what: str) -> str:
    return f"Once online, run: colorful download {what}"
