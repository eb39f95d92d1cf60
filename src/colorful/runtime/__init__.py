"""How a network is run: on which device, in which precision, by which algorithms."""

from colorful.runtime.device import find_device
from colorful.runtime.eager import Eager

__all__ = ["Eager", "find_device"]
