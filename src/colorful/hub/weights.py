"""Files of weights: ``.safetensors``, and the ``.pth`` and ``.bin`` pickles that others release."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from colorful.errors import (
    WeightsError,
    WeightsFormatError,
    WeightsIntegrityError,
    WeightsNotFoundError,
    first_line,
)
from colorful.files import in_words, open_regular
from colorful.hub.config import parse_config, settings_of
from colorful.models import NetworkConfig, create, network_class

if TYPE_CHECKING:
    from torch import Tensor

    from colorful.models import Network

WEIGHTS = "model.safetensors"
PICKLE = "pytorch_model.bin"
"""The name of the weights in many repos of other libraries."""

# Key of the config in the header of a safetensors file. It is the only key there: safetensors writes several
# in any order, but one network must always have one checksum.
_EMBEDDED = "colorful"

_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip

Kind = Literal["safetensors", "pickle"]


class TensorInfo(NamedTuple):
    """Dtype, as torch calls it, and shape of a tensor that is not loaded."""

    dtype: str
    shape: tuple[int, ...]


class WebPageError(WeightsIntegrityError):
    """A web page was received in place of the weights. Another source may still have the file."""


def web_page(where: str) -> WebPageError:
    """Make an error that says that a web page was received."""
    return WebPageError(
        f"{where}: expected weights, got a web page. Most likely the link is dead, or a login page of your "
        "network answered in its place; fetch the file again by another way"
    )


def is_page(head: bytes) -> bool:
    """Tell whether a file that begins with *head* is HTML or XML, which no file of weights ever is."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def kind_of(path: Path) -> Kind:
    """Tell the format of a file by its first bytes.

    Raises:
        WeightsNotFoundError: If it is not there.
        WebPageError: If it is HTML or XML.
        WeightsIntegrityError: If it is empty, or the pointer that Git LFS leaves in place of a file.
        WeightsFormatError: If it is neither safetensors nor anything torch writes.
        WeightsError: If it cannot be read, or is no regular file.
    """
    try:
        with open_regular(path) as file:
            head = file.read(64)
    except FileNotFoundError:
        raise WeightsNotFoundError(f"{path}: expected a file of weights, got no such file") from None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {in_words(error)}") from error
    if not head:
        raise WeightsIntegrityError(f"{path}: expected weights, got an empty file")
    # This test comes first, since safetensors begin with a length of eight bytes, which may look like the
    # beginning of another format. Only lengths of up to four bytes are possible.
    if head[4:9] == b"\0\0\0\0{":
        return "safetensors"
    if is_page(head):
        raise web_page(str(path))
    if head.startswith(b"version https://git-lfs"):
        raise WeightsIntegrityError(
            f"{path}: expected weights, got the pointer that Git LFS leaves in their place. Run: git lfs pull"
        )
    if head.startswith((b"PK\x03\x04", b"\x80")):
        return "pickle"
    raise WeightsFormatError(f"{path}: expected a .safetensors or .pth file, got something else")


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_header(path: Path) -> tuple[dict[str, TensorInfo], dict[str, Any] | None]:
    """Read names, dtypes and shapes of the tensors in a file; for safetensors without loading torch.

    Returns:
        Its tensors; and the config it carries, if one.
    """
    from safetensors import SafetensorError, safe_open

    if kind_of(path) == "pickle":
        found = read_tensors(path)
        return {name: TensorInfo(str(t.dtype)[6:], tuple(t.shape)) for name, t in found.items()}, None
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            embedded = (file.metadata() or {}).get(_EMBEDDED)
            tensors = {
                name: TensorInfo(_DTYPES.get(part.get_dtype(), part.get_dtype()), tuple(part.get_shape()))
                for name, part in slices.items()
            }
    except SafetensorError as error:
        raise _broken(path, error) from error
    return tensors, None if embedded is None else parse_config(embedded, str(path))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file onto the CPU. Code in a pickle is never run."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if kind_of(path) == "safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise _broken(path, error) from error
        except (MemoryError, RuntimeError) as error:  # the system refuses the memory
            raise WeightsError(f"{path}: cannot be loaded: {error or 'out of memory'}") from error
    try:
        with path.open("rb") as file:  # Given a path, torch would trust in the ending of its name.
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsFormatError(
            f"{path}: expected a dictionary of plain tensors, got a pickle that asks for more or is damaged. "
            "Such a file can run any code, so it was not opened. Ask its maker for .safetensors"
        ) from error
    except Exception as error:  # Nearly any, depending on where the archive breaks.
        raise _broken(path, error) from error
    # Some training code saves {"params": tensors}.
    if isinstance(content, dict) and len(content) == 1 and isinstance(next(iter(content.values())), dict):
        (content,) = content.values()
    if not isinstance(content, dict) or not all(_is_plain(*item) for item in content.items()):
        raise WeightsFormatError(f"{path}: expected a dictionary of tensors, got something else")
    return content


def build(config: Mapping[str, Any], weights: Path, where: str, *, mapped: bool = False) -> Network:
    """Make the network that *config* describes and fill it with *weights*.

    Args:
        config: A checked config.
        weights: A safetensors or ``.pth`` file.
        where: What to call the model in a message.
        mapped: Map a safetensors file into memory and read weights where they are used. Only for a network
            that is soon deleted: it breaks when the file is truncated.

    Returns:
        The network in float32, evaluation mode, on the CPU.

    Raises:
        WeightsFormatError: If a setting is unknown or has no meaning, or if tensors are missing, extra or
            of another shape; the message names them.
    """
    settings = settings_of(config, where)
    tensors = dict(network_class(config["architecture"]).converted(read_tensors(weights)))
    network = unfilled(config["architecture"], settings, tensors)
    expected = network.state_dict()
    for name, tensor in expected.items():
        # A counter of training steps, which files from before torch 0.4.1 do not have.
        if name.endswith(".num_batches_tracked"):
            tensors.setdefault(name, tensor)
    if complaint := mismatch(expected, tensors):
        raise WeightsFormatError(f"{where}: the weights do not fit {config['architecture']}: {complaint}")
    fitting = {name: tensors[name].to(tensor.dtype) for name, tensor in expected.items()}
    network.load_state_dict(fitting, assign=mapped)
    return network.eval()


def unfilled(architecture: str, settings: NetworkConfig, tensors: Mapping[str, Tensor]) -> Network:
    """Make a network of the size that *tensors* have, with weights of no meaning.

    To draw random ones would change the caller's random numbers, and take time and memory.
    """
    import torch

    from colorful.host import unaffected
    from colorful.models.network import Undrawn

    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    with unaffected(), torch.random.fork_rng(devices=[]), Undrawn():
        return create(architecture, settings, shapes=shapes)


def mismatch(expected: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> str:
    """Say which tensors are missing, extra or of another shape; nothing if all fit."""
    missing = [name for name in expected if name not in got]
    extra = [name for name in got if name not in expected]
    misshapen = [
        f"{name} (expected {tuple(tensor.shape)}, got {tuple(got[name].shape)})"
        for name, tensor in expected.items()
        if name in got and got[name].shape != tensor.shape
    ]
    found = (("missing", missing), ("extra", extra), ("of another shape", misshapen))
    return "; ".join(f"{len(names)} {what}: {_some(names)}" for what, names in found if names)


def serialize(tensors: Mapping[str, Tensor], config: Mapping[str, Any] | None = None) -> bytes:
    """Write tensors, and the config if given, into one safetensors file; equal input gives equal bytes."""
    import torch
    from safetensors.torch import save

    own = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return save(own, metadata=None if config is None else {_EMBEDDED: json.dumps(config, sort_keys=True)})


def _is_plain(name: object, value: object) -> bool:
    """Tell whether this is a name and a plain tensor whose data are all in the file."""
    import torch

    return (
        isinstance(name, str)
        and name.isprintable()
        and isinstance(value, torch.Tensor)
        and (value.layout, value.device.type) == (torch.strided, "cpu")
        and not (value.is_nested or value.is_quantized)
        and value.nbytes <= value.untyped_storage().nbytes()
    )


def _some(names: list[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _broken(path: Path, error: Exception) -> WeightsIntegrityError:
    return WeightsIntegrityError(
        f"{path}: the file is truncated or damaged; fetch it again ({first_line(error)})"
    )
