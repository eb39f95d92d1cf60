"""The contract that every colorization network keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from colorful.errors import ShapeError, UnsupportedOptionError
from colorful.lab import AbBins, annealed_mean
from colorful.models.config import NetworkConfig

__all__ = ["Network", "NetworkConfig"]


class Network(nn.Module):
    """Map L, and hints where they are taken, to color.

    A network knows tensors only: no file, no device picking, no resizing of the user's photo. All values
    are in CIELAB units (L 0..100, ab about -110..110); what the layers see is the network's own affair.

    Args:
        config: The settings that are data; the class's own by default.
    """

    architecture: ClassVar[str]
    output: ClassVar[Literal["distribution", "regression"]]
    takes_hints: ClassVar[bool]
    stride: ClassVar[int]
    """Side of an output cell in input pixels."""
    multiple: ClassVar[int]
    """Input sides must be multiples of this."""
    float32_layers: ClassVar[tuple[str, ...]] = ()
    """What stays in float32, by name, where the rest is in bfloat16; it is what decode() gets."""
    float32_islands: ClassVar[tuple[str, ...]] = ()
    """What stays in float32, too, but hands on bfloat16: layers whose own rounding shows in the colors."""

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
            For a distribution, logits over the bins, shape ``(N, Q, H / stride, W / stride)``; for a
            regression, ab in CIELAB units, shape ``(N, 2, H / stride, W / stride)``.

        Raises:
            ShapeError: If a shape is not as above.
            UnsupportedOptionError: If hints are given to a network that takes none.
        """
        raise NotImplementedError

    @property
    def bins(self) -> Tensor | None:
        """Centers of the bins in CIELAB units, shape ``(Q, 2)``; None for a regression.

        Of a distribution they are the 313 of :class:`colorful.lab.AbBins` unless a network has its own.
        """
        return AbBins().centers if self.output == "distribution" else None

    def decode(self, output: Tensor, *, temperature: float | None = None) -> Tensor:
        """Turn what :meth:`forward` gave into ab.

        Args:
            output: The result of :meth:`forward`.
            temperature: Sharpness of the decoding, in [0, 1]; the config's by default. A regression has
                none and leaves it unread.

        Returns:
            ab in CIELAB units, shape ``(N, 2, h, w)``; dtype and device of *output*.
        """
        if self.bins is None:
            return output
        chosen = self.config.temperature if temperature is None else temperature
        return annealed_mean(output, self.bins, temperature=chosen)

    def check(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> None:
        """Raise what :meth:`forward` promises, before a layer fails with a message about convolutions.

        Args:
            light: As for :meth:`forward`, like the others.
            ab: Colors of the hints.
            mask: Where they are.

        Raises:
            ShapeError: If a shape is not the one that :meth:`forward` takes.
            UnsupportedOptionError: If there are hints and the network takes none.
        """
        if light.dim() != 4 or light.shape[1] != 1 or any(side % self.multiple for side in light.shape[2:]):
            raise ShapeError(
                f"light: expected shape (N, 1, H, W) with H and W multiples of {self.multiple}, "
                f"got {tuple(light.shape)}"
            )
        for name, hints, channels in (("ab", ab, 2), ("mask", mask, 1)):
            if hints is None:
                continue
            if not self.takes_hints:
                raise UnsupportedOptionError(
                    f"{name}: expected None, since {self.architecture} takes no hints"
                )
            expected = (light.shape[0], channels, *light.shape[2:])
            if hints.shape != expected:
                raise ShapeError(f"{name}: expected shape {expected}, got {tuple(hints.shape)}")


_DRAWS = (nn.init.kaiming_uniform_, nn.init.uniform_, Tensor.normal_, Tensor.uniform_)


class Undrawn(TorchFunctionMode):
    """Leave parameters that layers are made with as memory gives them: they are about to be filled."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] = MappingProxyType({}),
    ) -> Any:
        tensor = args[0] if args else kwargs.get("tensor")
        return tensor if func in _DRAWS and isinstance(tensor, nn.Parameter) else func(*args, **kwargs)
