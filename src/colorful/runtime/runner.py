"""The interface between the pipeline and whatever runs a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from colorful.models.config import NetworkConfig
from colorful.models.network import Network


@dataclass(frozen=True, eq=False)
class Description:
    """What is known of a network without running it: data only, so that it can travel alone.

    Attributes:
        architecture: Its name.
        output: Whether :meth:`Runner.run` gives logits over bins or ab.
        takes_hints: Whether it follows hints.
        stride: Side of an output cell in input pixels.
        multiple: Input sides must be multiples of this.
        config: Settings of the pipeline around it.
        bins: Centers of the bins in CIELAB units, float32, on the CPU, shape ``(Q, 2)``; None for a
            regression.
    """

    architecture: str
    output: Literal["distribution", "regression"]
    takes_hints: bool
    stride: int
    multiple: int
    config: NetworkConfig
    bins: Tensor | None

    @classmethod
    def of(cls, network: Network) -> Description:
        """Describe a network.

        Args:
            network: Of any kind.

        Returns:
            What is known of it.
        """
        bins = network.bins
        return cls(
            architecture=network.architecture,
            output=network.output,
            takes_hints=network.takes_hints,
            stride=network.stride,
            multiple=network.multiple,
            config=network.config,
            bins=None if bins is None else bins.detach().float().cpu(),
        )


@runtime_checkable
class Runner(Protocol):
    """A network that is ready to run: by torch (``colorful.runtime.Eager``), or by something else."""

    @property
    def description(self) -> Description:
        """What the network is."""

    def run(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Run the network once. Threads may do so at the same time.

        Args:
            light: L, float32, shape ``(N, 1, H, W)``, 0..100; H and W multiples of ``multiple``.
            ab: Hinted ab, shape ``(N, 2, H, W)``, CIELAB units, 0 where nothing is hinted.
            mask: 1 where *ab* holds a hint, else 0, shape ``(N, 1, H, W)``. Both or neither are given.

        Returns:
            Logits ``(N, Q, H / stride, W / stride)`` or ab ``(N, 2, H / stride, W / stride)``, float32, on
            the device where they were made.
        """

    def features(self, light: Tensor) -> Tensor | None:
        """Describe what the network sees in each cell, so that two photos can be compared cell by cell.

        Args:
            light: As for :meth:`run`.

        Returns:
            Shape ``(N, C, h, w)``, float32; None of a network, or a way of running it, that offers none.
        """
