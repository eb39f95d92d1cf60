"""Find the device a network runs on."""

from __future__ import annotations

import torch

from colorful.errors import DeviceError, first_line


def find_device(device: str | torch.device) -> torch.device:
    """Find a device, and check that it is there.

    Args:
        device: ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or any device of torch.

    Returns:
        The device, tried out.

    Raises:
        DeviceError: If it is not there.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(1, device=found)
    # Each backend has exceptions of its own for "not compiled in", "no driver", "no such number" ...
    except Exception as error:
        raise DeviceError(
            f"device: expected one that is there, got {str(device)!r}: {first_line(error)}"
        ) from error
    if found.type == "meta":
        raise DeviceError("device: expected one that computes, got 'meta'")
    return found
