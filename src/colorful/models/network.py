"""The contract that every colorization network keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple, Self

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from colorful.errors import KindError, ShapeError, UnsupportedOptionError
from colorful.lab import AbBins, annealed_mean
from colorful.models.config import NetworkConfig

__all__ = ["Card", "Network", "NetworkConfig"]


class Card(NamedTuple):
    """What the page of a model says of the weights that its authors released.

    Attributes:
        title: Heading.
        data: What the network was trained on, in Markdown.
        recipe: How, in Markdown.
        measures: How well it does, with the method, in Markdown.
    """

    title: str
    data: str
    recipe: str
    measures: str


Cells = tuple[slice, slice]
ALL_CELLS: Cells = (slice(None), slice(None))


class Network(nn.Module):
    """Map L, and hints where they are taken, to color.

    A network knows tensors only: no file, no device picking, no resizing of the user's photo. All values
    are in CIELAB units (L 0..100, ab about -110..110); each network scales them for its layers itself.

    Args:
        config: The settings that are data; the class's own by default.

    Raises:
        KindError: If a subclass lacks one of the attributes that follow without a value.
    """

    architecture: ClassVar[str]
    output: ClassVar[Literal["distribution", "regression"]]
    takes_hints: ClassVar[bool]
    stride: ClassVar[int]
    """Side of an output cell in input pixels."""
    multiple: ClassVar[int]
    """Input sides must be multiples of this."""
    float32_layers: ClassVar[tuple[str, ...]] = ()
    """Names of the layers that stay in float32 when the rest is in bfloat16. If the last one is among them,
    the output is in float32, too."""
    float32_islands: ClassVar[tuple[str, ...]] = ()
    """Names of further layers that stay in float32, since their rounding would show, but give bfloat16."""
    local_end: ClassVar[str] = ""
    """Name of the method that does the last part of :meth:`forward`, at full size, if there is one. It takes
    a map of half and one of full size. No pixel of its result depends on rows more than two away, so that it
    can be run on some rows at a time."""
    marks: ClassVar[Mapping[str, tuple[int, ...]]] = MappingProxyType({})
    """Tensors, with their shapes, by which a file that others released is known to hold this architecture."""
    card: ClassVar[Card | None] = None
    """For weights that others released."""
    recipe: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Which options of :class:`colorful.training.TrainingOptions` differ from the defaults; ``crops`` holds
    those of the crops."""
    later_recipe: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Which of them differ again where training goes on from finished weights."""
    imagenet_part: ClassVar[str] = ""
    """Name of the part that training can begin with ImageNet's weights, if there is one."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        self.check_attributes()
        super().__init__()
        self.config = config or NetworkConfig()

    @classmethod
    def check_attributes(cls) -> None:
        """Check that the class tells of itself what the pipeline needs to know.

        Raises:
            KindError: If an attribute is missing.
        """
        for name in ("architecture", "output", "takes_hints", "stride", "multiple"):
            if not hasattr(cls, name):
                raise KindError(f"network: expected a class with the attribute {name!r}, got {cls.__name__}")

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

    def decode(self, output: Tensor) -> Tensor:
        """Turn what :meth:`forward` gave into ab, at the network's own temperature.

        Args:
            output: The result of :meth:`forward`.

        Returns:
            ab in CIELAB units, shape ``(N, 2, h, w)``; dtype and device of *output*.
        """
        bins = self.bins
        return output if bins is None else annealed_mean(output, bins, temperature=self.config.temperature)

    def heads(
        self,
        light: Tensor,
        ab: Tensor | None = None,
        mask: Tensor | None = None,
        *,
        cells: Cells = ALL_CELLS,
    ) -> tuple[Tensor, Tensor | None]:
        """Run the network and give all outputs that training has a loss for.

        Args:
            light: As for :meth:`forward`, like the next two.
            ab: Colors of the hints.
            mask: Where they are.
            cells: Rows and columns of the output that are wanted; a network may save the work on others.

        Returns:
            What :meth:`forward` gives, at *cells*; and the logits of a second head over classes of ab, if
            there is one, at all of its own cells.
        """
        return self(light, ab, mask)[:, :, cells[0], cells[1]], None

    def features(self, light: Tensor) -> Tensor | None:
        """Describe what the network sees in each cell, so that two photos can be compared cell by cell.

        Args:
            light: As for :meth:`forward`.

        Returns:
            A small map from the middle of the network, shape ``(N, C, h, w)``, that does not depend on hints,
            with a cell for 16 x 16 input pixels, for example. None if the network offers none.
        """
        return None

    def hint_parts(self) -> list[nn.Module]:
        """Give the layers that only hints pass through, if they can be told apart."""
        return []

    @property
    def logit_bias(self) -> Tensor | None:
        """The bias of the layer that gives a distribution; a calibration is added to it."""
        return None

    def fuse(self) -> Network:
        """Return the same function with constant layers folded into others, where there are any."""
        return self

    @classmethod
    def sized(cls, shapes: Mapping[str, tuple[int, ...]], config: NetworkConfig | None = None) -> Self:
        """Make a network that a state dict of these shapes fits; most architectures have a single size.

        Args:
            shapes: Of the tensors in the state dict, by name.
            config: As for the class.

        Returns:
            The network, with fresh weights.
        """
        return cls(config)

    @classmethod
    def converted(cls, released: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Bring a state dict as its authors release it into the form of this class.

        Args:
            released: Such a state dict, or one that has this form already.

        Returns:
            A state dict that ``load_state_dict`` takes.
        """
        return released

    def check(self, light: Tensor, ab: Tensor | None = None, mask: Tensor | None = None) -> None:
        """Check the input of :meth:`forward`, before a layer fails with a message about convolutions.

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
    """Skip the random initialization of new layers: their parameters are about to be loaded."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] = MappingProxyType({}),
    ) -> Any:
        tensor = args[0] if args else kwargs.get("tensor")
        return tensor if func in _DRAWS and isinstance(tensor, nn.Parameter) else func(*args, **kwargs)
