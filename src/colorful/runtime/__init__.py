"""How a network is run: on which device, in which precision, by which algorithms."""

from colorful.runtime.eager import Eager, find_device
from colorful.runtime.runner import Description, Runner

__all__ = ["Description", "Eager", "Runner", "find_device"]
