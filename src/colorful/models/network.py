"""The contract that every colorization network keeps."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn

from colorful.models.config import NetworkConfig

__all__ = ["Network", "NetworkConfig"]


class Network(nn.Module):
    """Map L, and hints where they are taken, to color.

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
