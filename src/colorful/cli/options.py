"""Options that belong together, declared once: a command gets each group as one value."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, TypeVar

import click

from colorful.errors import OptionError

if TYPE_CHECKING:
    from colorful.colorizer import Colorizer
    from colorful.hints import Hint
    from colorful.loaded import Precision
    from colorful.prediction import Mask
    from colorful.wishes import Manner

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Command], Command]


def group(name: str, gather: Callable[..., Any], *options: Option[Any]) -> Option[Any]:
    """Make a decorator that gives a command several options as one argument.

    Args:
        name: Of that argument.
        gather: Makes its value; called with the values of the options as keywords.
        *options: As ``click.option`` makes them.
    """

    def decorate(command: Command) -> Command:
        names: set[str] = set()

        @wraps(command)
        def run(*args: Any, **given: Any) -> Any:
            value = gather(**{key: given.pop(key) for key in names})
            return command(*args, **{name: value}, **given)

        decorated: Any = run
        for option in reversed(options):
            decorated = option(decorated)
        names.update(parameter.name for parameter in decorated.__click_params__[-len(options) :])
        return decorated  # type: ignore[no-any-return]

    return decorate


_MODEL = click.option("-m", "--model", default="lite", help="Name, Hub id, folder or file of a model.")
_REVISION = click.option("--revision", help="Branch, tag or commit of a model on the Hub.")
DEVICE = click.option("--device", default="auto", help="cpu, cuda, cuda:1, mps ...")
SETTINGS = (
    click.option(
        "--network-size", type=int, help="Side in pixels of the network's input; its own by default."
    ),
    click.option(
        "--protocol",
        type=click.Choice(["photo", "released"]),
        default="photo",
        help="released does as the released code: 256 x 256, bilinear ab, clipping.",
    ),
)
_DTYPES = click.Choice(["float32", "bfloat16"])
_DTYPE = click.option(
    "--dtype", type=_DTYPES, default="float32", help="bfloat16 is faster where the processor has it."
)
_DTYPE_OF_FILMS = click.option(
    "--dtype", type=_DTYPES, help="What the network computes in; by default what is faster on this machine."
)
_MAX_PIXELS = click.option(
    "--max-pixels",
    type=click.IntRange(0),
    help="Refuse photos with more; 178,956,970 by default, 0 takes any size.",
)
_LOOK = (
    click.option("-t", "--temperature", type=float, help="0 vivid .. 1 calm; the model's own by default."),
    click.option("-s", "--saturation", type=float, help="Factor on the chroma; the model's own by default."),
    click.option("--strength", type=float, help="0 grey .. 1 full color, the default."),
)
_EXAMPLE = (
    click.option("--like", metavar="REF", type=click.Path(), help="A photo in color whose colors to follow."),
    click.option("--palette", metavar="COLORS", help='Colors to follow, such as "#8a5a3c,#2e5d8a".'),
    click.option(
        "--amount",
        type=click.FloatRange(0, 1),
        default=0.5,
        help="How far to follow --like or --palette: 0 not at all .. 1 toned.",
    ),
    click.option(
        "--manner",
        type=click.Choice(["auto", "match", "mood"]),
        default="auto",
        help="How to follow --like: match where both show the same things, mood in its colors as a whole.",
    ),
)


def _loader(
    model: str,
    *,
    max_pixels: int | None = None,
    like: str | None = None,
    palette: str | None = None,
    amount: float = 0.5,
    manner: Manner = "auto",
    **options: Any,
) -> Callable[[], Colorizer]:
    """Make a function that loads the model, tuned as the options say."""
    if like is not None and palette is not None:
        raise OptionError("like, palette: expected at most one of them, got both")
    example = like if palette is None else [color.strip() for color in palette.split(",")]
    if max_pixels is not None:
        options["max_pixels"] = max_pixels or None

    def load() -> Colorizer:
        from colorful.colorizer import Colorizer
        from colorful.look import Look

        look = {name: value for name, value in options.items() if name in Look.__annotations__}
        others = {name: value for name, value in options.items() if name not in look}
        colorizer = Colorizer.from_pretrained(model, **others).tuned(**look)
        return colorizer if example is None else colorizer.liking(example, amount=amount, manner=manner)

    return load


def _film_loader(*, dtype: Precision | None, **options: Any) -> Callable[[], Colorizer]:
    """Make a function that loads the model in the faster precision, unless one was asked for."""

    def load() -> Colorizer:
        from colorful.video import faster_precision

        return _loader(dtype=dtype or faster_precision(), **options)()

    return load


_WHICH = (_MODEL, _REVISION, DEVICE, *SETTINGS)
# A command gets a function that loads the model, so that it can refuse other options before.
model_options = group("load", _loader, *_WHICH, _DTYPE)
asking_model_options = group("load", _loader, *_WHICH, _DTYPE, _MAX_PIXELS)
tuned_model_options = group("load", _loader, *_WHICH, _DTYPE, *_LOOK)
photo_model_options = group("load", _loader, *_WHICH, _DTYPE, _MAX_PIXELS, *_LOOK, *_EXAMPLE)
film_model_options = group("load", _film_loader, *_WHICH, _DTYPE_OF_FILMS, *_LOOK)


class Marks(TypedDict):
    """What a person says of the spots of one photo."""

    hints: list[Hint]
    keep: Mask | None


class MarkFiles(NamedTuple):
    """The files that hold :class:`Marks`."""

    hints: str | None
    keep: str | None

    def read(self, max_pixels: int | None) -> Marks:
        """Read both.

        Args:
            max_pixels: The largest mask that is read; None for any size.
        """
        from colorful import images
        from colorful.hints import load_hints

        mask = None if self.keep is None else images.read(self.keep, max_pixels=max_pixels).unwrap()
        return Marks(hints=[] if self.hints is None else load_hints(self.hints), keep=mask)


mark_options = group(
    "marks",
    MarkFiles,
    click.option(
        "--hints", metavar="FILE.json", type=click.Path(), help="Colors of spots, for a single photo."
    ),
    click.option(
        "--keep",
        metavar="MASK",
        type=click.Path(),
        help="A picture that is white where a single photo stays as it is.",
    ),
)
