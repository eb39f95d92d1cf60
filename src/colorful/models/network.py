"""The contract that every colourization network keeps, and the settings that differ between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Tell apart networks by data, so that the pipeline needs no special cases.

    Args:
        network_size: Side in pixels of the square the network was made for; the photo's L is brought to it.
        fit: ``stretch`` squeezes the photo into that square, ``keep`` gives it the square's area in its own
            proportions.
        mask_center: What is subtracted from the 0/1 hint mask before it enters the network.
        temperature: Temperature of the annealed mean that is used when none is asked for, in [0, 1].
        saturation: Factor on the chroma of the decoded ab.
    """

    network_size: int = 256
    fit: Literal["stretch", "keep"] = "stretch"
    mask_center: float = 0.0
    temperature: float = 0.38
    saturation: float = 1.0


class Network(nn.Module):
    """Map L, and hints where they are taken, to colour.

    A network knows tensors only: no file, no device picking, no resizing of the user's photo. All values
    are in CIELAB units (L 0..100, ab about -110..110); what the layers see is the network's own affair.
    """

    architecture: ClassVar[str]
    output: ClassVar[Literal["distribution", "regression"]]
    takes_hints: ClassVar[bool]
    stride: ClassVar[int]
    """Side of an output cell in input pixels."""
    multiple: ClassVar[int]
    """Input sides must be multiples of this."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()

    def forward(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Run the network once.

        Args:
            light: L, shape ``(N, 1, H, W)``, 0..100; H and W multiples of ``multiple``.
            ab: Hinted ab, shape ``(N, 2, H, W)``, CIELAB units, 0 where nothing is hinted.
            mask: 1 where *ab* holds a hint, else 0, shape ``(N, 1, H, W)``.

        Returns:
            For a distribution, logits over the 313 bins, shape ``(N, 313, H / stride, W / stride)``; for a
            regression, ab in CIELAB units, shape ``(N, 2, H / stride, W / stride)``.
        """
        raise NotImplementedError

    def decode(self, output: Tensor, *, temperature: float | None = None) -> Tensor:
        """Turn what :meth:`forward` gave into ab, shape ``(N, 2, h, w)``, CIELAB units.

        Args:
            output: The result of :meth:`forward`.
            temperature: Sharpness of the decoding, in [0, 1]; the config's by default. A regression has
                none and leaves it unread.
        """
        raise NotImplementedError
