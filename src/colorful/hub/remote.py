"""Fetch files from the Hub and from plain addresses, with errors that say what went wrong."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from colorful.errors import (
    WeightsAccessError,
    WeightsError,
    WeightsIntegrityError,
    WeightsNotFoundError,
    WeightsOfflineError,
    first_line,
)
from colorful.hub.cache import unwritable
from colorful.hub.weights import is_page, sha256, web_page

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
_PAUSE = 0.5
"""Seconds before the second attempt; doubled before each further one."""

_REFUSALS = (401, 403, 407, 451)
_KINDS = {64: "SHA-256", 128: "SHA-512"}
"""Checksums, by how many hex digits they have."""

_Result = TypeVar("_Result")


def is_offline() -> bool:
    """Tell whether the user has switched the network off with ``HF_HUB_OFFLINE``."""
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


@dataclass(frozen=True)
class Access:
    """How the network and the disk may be used: options of the Hub's client, by its own names.

    Args:
        cache_dir: The Hub's cache; its own place by default.
        token: A token, or whether to send the stored one; sent where there is one by default.
        local_files_only: Look in the cache only.
        force_download: Fetch again what is cached.
    """

    cache_dir: Path | None = None
    token: str | bool | None = None
    local_files_only: bool = False
    force_download: bool = False


def fetch_from_hub(
    repo_id: str,
    filename: str,
    access: Access,
    *,
    revision: str | None = None,
    checksum: str | None = None,
) -> tuple[Path, str]:
    """Fetch one file of a Hub repo into the Hub's own cache and check it.

    Args:
        repo_id: ``org/name``.
        filename: Path of the file in the repo.
        access: How.
        revision: Branch, tag or commit; ``main`` by default.
        checksum: The SHA-256 to check; the one the Hub names for large files by default.

    Returns:
        The file, inside ``snapshots/<commit>/`` of the cache, and its SHA-256 in hex.

    Raises:
        WeightsError: If it cannot be fetched or has the wrong checksum. The subclasses tell which.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    cache_dir = access.cache_dir
    switched_off = access.local_files_only or is_offline()
    if access.force_download and switched_off:
        raise WeightsOfflineError(f"{repo_id}: force_download=True needs the network, which is switched off")
    cached = in_words(
        lambda: try_to_load_from_cache(repo_id, filename, cache_dir=cache_dir, revision=revision), repo_id
    )
    if not isinstance(cached, str) and not switched_off:
        # Without a connection the download below would try for half a minute before it fails.
        url = hf_hub_url(repo_id, filename, revision=revision)
        in_words(
            lambda: get_hf_file_metadata(url, token=access.token),
            repo_id,
            filename=filename,
            revision=revision,
        )
    fetched = in_words(
        lambda: hf_hub_download(repo_id, filename, revision=revision, **asdict(access)),
        repo_id,
        filename=filename,
        revision=revision,
        attempts=_ATTEMPTS,
    )
    path = Path(fetched)
    # A link in the cache points to a blob that is named after its ETag: for a large file, its SHA-256.
    name = _blob(path).name
    promised = checksum or (name if re.fullmatch("[0-9a-f]{64}", name) else None)
    found = sha256(path)
    if promised is not None and promised != found:
        discard(path)
        if access.force_download or switched_off:
            raise wrong_checksum(f"{repo_id}/{filename}", promised, found)
        # Damaged in the cache, or continued by the client from a broken download.
        logger.warning("%s: the checksum of %s is wrong, downloading it again", repo_id, filename)
        again = replace(access, force_download=True)
        return fetch_from_hub(repo_id, filename, again, revision=revision, checksum=checksum)
    return path, found


def discard(path: Path) -> None:
    """Delete a file from the Hub's cache, so that the next attempt fetches it again."""
    for file in (_blob(path), path):
        with suppress(OSError):  # As where the cache is read-only.
            file.unlink()


def in_words(
    call: Callable[[], _Result],
    repo_id: str,
    *,
    filename: str = "",
    revision: str | None = None,
    attempts: int = 1,
) -> _Result:
    """Call the Hub's client, and turn its errors into ours.

    Args:
        call: Calls the client, without arguments.
        repo_id: The repo it is about.
        filename: The file it is about.
        revision: The revision it is about.
        attempts: How often to try when the connection breaks.

    Raises:
        WeightsError: If it fails. The subclasses tell why.
    """
    from huggingface_hub.errors import HfHubHTTPError

    while True:
        attempts -= 1
        try:
            return call()
        except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
            raise _explain(error, repo_id, filename, revision) from error
        except _transport_error() as error:
            if attempts <= 0:
                raise _explain(error, repo_id, filename, revision) from error
            logger.warning("%s: the connection broke (%s), trying again", repo_id, first_line(error))
            time.sleep(_PAUSE)


def download(url: str, target: Path, *, checksum: str) -> None:
    """Download a file from a plain address, or continue a download that broke off.

    Nothing but the plain request is sent: no token. The caller holds a lock on *target*.

    Args:
        url: Where the file is.
        target: Where to put it, whole and checked; ``<target>.partial`` beside it holds what has come so far.
        checksum: Its SHA-256 in hex, or its SHA-512.

    Raises:
        WeightsNotFoundError: If there is no such file.
        WeightsAccessError: If the server refuses.
        WeightsOfflineError: If the server cannot be reached, fails, or the connection keeps breaking.
        WebPageError: If a web page came.
        WeightsIntegrityError: If the checksum is wrong.
        WeightsError: If the file cannot be written.
    """
    partial = target.with_name(target.name + ".partial")
    resumed = _length(partial) > 0
    while True:
        _receive(url, partial)
        found = _checksum(partial, like=checksum)
        if found == checksum:
            partial.replace(target)
            return
        with partial.open("rb") as file:
            page = is_page(file.read(64))
        partial.unlink()
        if not resumed:
            raise web_page(url) if page else wrong_checksum(url, checksum, found)
        logger.warning("%s: the unfinished download does not fit, starting again", url)
        resumed = False


def wrong_checksum(where: str, expected: str, got: str) -> WeightsIntegrityError:
    """Make an error that names both checksums."""
    return WeightsIntegrityError(
        f"{where}: wrong checksum: expected {_KINDS[len(expected)]} {expected}, got {got}. The file was "
        "changed or damaged on its way and has been deleted; nothing of it was loaded. Try again; if it "
        "stays so, report it"
    )


def _receive(url: str, partial: Path) -> None:
    """Complete *partial* from *url*, with new connections as long as each brings some bytes."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    idle = 0
    while True:
        before = _length(partial)
        try:
            _request(url, partial)
        except OfflineModeIsEnabled as error:
            raise WeightsOfflineError(f"{url}: the network is switched off (HF_HUB_OFFLINE)") from error
        except _transport_error() as error:
            idle = 0 if _length(partial) > before else idle + 1
            if _length(partial) == 0 or idle == _ATTEMPTS:
                if _length(partial) == 0:
                    partial.unlink(missing_ok=True)
                reason = f"no connection, or it keeps breaking ({first_line(error)})"
                raise WeightsOfflineError(f"{url}: {reason}") from error
            logger.warning("%s: the connection broke (%s), continuing", url, first_line(error))
            time.sleep(_PAUSE * 2**idle)
        else:
            return


def _request(url: str, partial: Path) -> None:
    """Append the bytes of one connection to *partial*."""
    from huggingface_hub import constants, get_session
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    offset = _length(partial)
    # With compression, lengths and offsets would not be those of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with get_session().stream(
        "GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT, follow_redirects=True
    ) as response:
        if response.headers.get("Content-Range") == f"bytes */{offset}":
            return  # It was whole already.
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
        if offset and (response.status_code == 416 or (response.status_code == 206 and not resumes)):
            partial.unlink()
            _request(url, partial)
            return
        if response.status_code not in (200, 206):
            raise _refused(url, response.status_code)
        if response.status_code == 200:
            offset = 0
        length = response.headers.get("Content-Length")
        total = offset + int(length) if length and "Content-Encoding" not in response.headers else None
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise web_page(url)
        console = Console(stderr=True)
        hidden = not console.is_terminal or constants.HF_HUB_DISABLE_PROGRESS_BARS
        columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
        bar = Progress(*columns, console=console)
        # Not disable=True, for which rich before 14.3 leaves an empty line off a terminal.
        try:
            with nullcontext() if hidden else bar, partial.open("ab" if offset else "wb") as file:
                task = bar.add_task(url.rpartition("/")[2], total=total, completed=offset)
                # As the pieces come: a larger buffer would be lost when the connection breaks.
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    bar.advance(task, len(chunk))
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise unwritable(partial, error) from error


def _refused(url: str, status: int) -> WeightsError:
    if status in (404, 410):
        return WeightsNotFoundError(f"{url}: no such file (HTTP {status})")
    if status in _REFUSALS:
        return WeightsAccessError(f"{url}: refused (HTTP {status})")
    return WeightsOfflineError(f"{url}: the server cannot answer now (HTTP {status})")


def _explain(error: Exception, repo_id: str, filename: str, revision: str | None) -> WeightsError:
    """Turn an error of the Hub's client into one of ours."""
    from huggingface_hub import errors

    cause = error.__cause__
    wrapped = isinstance(error, errors.LocalEntryNotFoundError) or type(error) in (ValueError, RuntimeError)
    if wrapped and isinstance(cause, Exception):
        return _explain(cause, repo_id, filename, revision)
    at = f" at revision {revision!r}" if revision else ""
    if isinstance(error, errors.HfHubHTTPError):
        return _explain_status(error, repo_id, filename, revision)
    if isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled):
        return WeightsOfflineError(f"{repo_id}{at}: not cached, and the network is switched off")
    if isinstance(error, errors.FileMetadataError):
        return WeightsOfflineError(
            f"{repo_id}: what answered is not the Hub. Check HF_ENDPOINT, and whether your network wants "
            "a login"
        )
    if isinstance(error, errors.LocalTokenNotFoundError):
        return WeightsAccessError(
            f"{repo_id}: token=True, but no token is stored. Log in with: hf auth login"
        )
    if isinstance(error, errors.HFValidationError):
        return WeightsNotFoundError(f"{repo_id}: expected a Hub id org/name: {first_line(error)}")
    if isinstance(error, _transport_error()):
        return WeightsOfflineError(
            f"{repo_id}{at}: no connection to the Hub, or it keeps breaking ({first_line(error)})"
        )
    if isinstance(error, OSError) and "Consistency check failed" in str(error):
        return WeightsIntegrityError(
            f"{repo_id}/{filename}: the file came truncated and has been discarded. Try again"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return unwritable(Path(error.filename or repo_id), error)
    return WeightsError(f"{repo_id}: {first_line(error)}")


def _explain_status(error: HfHubHTTPError, repo_id: str, filename: str, revision: str | None) -> WeightsError:
    """Turn an error status of the Hub into one of our errors."""
    from huggingface_hub import errors

    status = error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return WeightsAccessError(
            f"{repo_id}: the repo is gated. Ask for access on its page, then log in with: hf auth login"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        # Without a token the Hub answers 401 for both, so as not to tell which.
        return WeightsNotFoundError(
            f"{repo_id}: expected a repo on the Hub, got none (HTTP {status}). Check the name; if the repo "
            "is private, log in with hf auth login, or pass a token= that may read it"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return WeightsNotFoundError(f"{repo_id}: the Hub has the repo, but no revision {revision!r}")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        at = f" at revision {revision!r}" if revision else ""
        return WeightsNotFoundError(
            f"{repo_id}: the repo has no file {filename!r}{at}: it is no colorful model"
        )
    if status in _REFUSALS:
        return WeightsAccessError(
            f"{repo_id}: the Hub refused (HTTP {status}). The token is wrong, has expired, or may not do "
            "this; get one at https://huggingface.co/settings/tokens and log in with: hf auth login"
        )
    return WeightsOfflineError(f"{repo_id}: the Hub cannot answer now (HTTP {status})")


def _transport_error() -> type[Exception]:
    """Return the base class of the errors of whatever HTTP library the client uses."""
    from huggingface_hub.errors import HfHubHTTPError

    return cast("type[Exception]", HfHubHTTPError.__mro__[1])


def _blob(path: Path) -> Path:
    # One step only: blobs may themselves be links into a store with other names.
    return path.parent / path.readlink() if path.is_symlink() else path


def _checksum(path: Path, *, like: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _KINDS[len(like)].replace("-", "").lower()).hexdigest()


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
