"""Save a network as the three files of a Hub repo, and push them to the Hub."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from colorful.errors import KindError, WeightsFormatError
from colorful.files import make_folder, writing
from colorful.hub import remote, weights
from colorful.hub.cards import CARD, model_card
from colorful.hub.config import CONFIG, new_config, to_json

if TYPE_CHECKING:
    from colorful.models import Network


def save_pretrained(
    network: Network,
    folder: str | os.PathLike[str],
    *,
    card: str | None = None,
    training: Mapping[str, object] | None = None,
) -> Path:
    """Save a network as ``config.json``, ``model.safetensors`` and ``README.md``.

    Equal networks give equal files. Where the folder holds an older model, a failure leaves that one or the
    new one, never the weights of one beside the config of the other.

    Args:
        network: What to save; its tensors as they are, in whatever dtype.
        folder: Where; made if it is not there.
        card: Text of the model card; :func:`model_card` writes one by default.
        training: How the weights came to be, as JSON has it; kept in ``config.json``.

    Returns:
        The folder.

    Raises:
        KindError: If *network* is no network, for instance a colorizer that holds one.
        OutputError: If the folder cannot be written or the disk is full.
        WeightsFormatError: If the network was changed so that it could not be loaded again, as by ``fuse()``,
            or holds infinite numbers or NaN, as ``half()`` makes of those above 65,504.
    """
    target = Path(folder).expanduser()
    contents = _contents(network, str(target), card, training)
    make_folder(target)
    with ExitStack() as stack:
        # The weights are opened last, so that they get their name first and the config last.
        for name, content in reversed(contents.items()):
            file = stack.enter_context(writing(target / name, overwrite=True))
            file.write(content)
            file.flush()  # a full disk is met here, while the older model is whole
        # Until the new config is there, the weights are read by the one that they carry.
        Path(os.path.realpath(target / CONFIG)).unlink(missing_ok=True)
    return target


def push_to_hub(
    network: Network,
    repo_id: str,
    *,
    token: str | bool | None = None,
    private: bool = False,
    revision: str | None = None,
    card: str | None = None,
    training: Mapping[str, object] | None = None,
    message: str = "Upload a colorful model",
) -> str:
    """Push a network to the Hub in one commit; the repo is made if it is not there.

    Args:
        network: What to push.
        repo_id: ``org/name``.
        token: A token that may write there; the stored one by default.
        private: Whether a new repo is private; one that is there stays as it is.
        revision: The branch; ``main`` by default.
        card: As for :func:`save_pretrained`.
        training: As for :func:`save_pretrained`.
        message: Message of the commit.

    Returns:
        The commit, for ``revision=``.

    Raises:
        KindError: As for :func:`save_pretrained`.
        WeightsAccessError: If the Hub refuses.
        WeightsOfflineError: If the Hub is out of reach or fails.
        WeightsFormatError: As for :func:`save_pretrained`.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    contents = _contents(network, repo_id, card, training)
    api = HfApi(token=token)

    def push() -> str:
        api.create_repo(repo_id, private=private, exist_ok=True)
        # One commit, so that nobody ever loads the new config with the old weights.
        commit = api.create_commit(
            repo_id,
            [CommitOperationAdd(name, content) for name, content in contents.items()],
            commit_message=message,
            revision=revision,
        )
        return str(commit.oid)

    return remote.in_words(push, repo_id, revision=revision)


def _contents(
    network: Network, model: str, card: str | None, training: Mapping[str, object] | None
) -> dict[str, bytes]:
    from colorful.models import Network

    if not isinstance(network, Network):
        raise KindError(f"network: expected a colorful.models.Network, got {type(network).__name__}")
    config = new_config(network.architecture, network.config)
    if training is not None:
        config["training"] = dict(training)
    tensors = network.state_dict()
    expected = weights.unfilled(network.architecture, network.config, tensors).state_dict()
    if complaint := weights.mismatch(expected, tensors):
        raise WeightsFormatError(
            f"network: expected the tensors of a fresh {network.architecture}, got others: {complaint}"
        )
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise WeightsFormatError(f"network: expected finite numbers, got others in {name}")
    if card is None:
        recipe = None if training is None else f"```json\n{json.dumps(training, indent=2)}\n```"
        card = model_card(network.architecture, model=model, recipe=recipe)
    return {
        weights.WEIGHTS: weights.serialize(tensors, config),
        CONFIG: to_json(config),
        CARD: card.encode(),
    }
