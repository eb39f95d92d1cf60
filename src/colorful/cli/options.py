"""Groups of options that several commands have, each declared once and handed on as one value."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from colorful.errors import OptionError

if TYPE_CHECKING:
    from colorful.colorizer import Colorizer
    from colorful.loaded import Precision

Command = TypeVar("Command", bound=Callable[..., Any])

_LOOK = (
    click.option("-t", "--temperature", type=float, help="0 vivid .. 1 calm; the model's own by default."),
    click.option("-s", "--saturation", type=float, help="Factor on the chroma; the model's own by default."),
    click.option("--strength", type=float, help="0 grey .. 1 full color, the default."),
)
_SETTINGS = (
    click.option("--network-size", type=int, help="Side at which the network looks; its own by default."),
    click.option(
        "--protocol",
        type=click.Choice(["photo", "released"]),
        default="photo",
        show_default=True,
        help="released does as the released code: 256 x 256, bilinear ab, clipping.",
    ),
)
_MODEL = (
    click.option(
        "-m", "--model", default="lite", show_default=True, help="Name, Hub id, folder or file of a model."
    ),
    click.option("--revision", help="Branch, tag or commit of a model on the Hub."),
    click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps ..."),
    *_SETTINGS,
    click.option(
        "--dtype",
        type=click.Choice(["float32", "bfloat16"]),
        default="float32",
        show_default=True,
        help="bfloat16 is faster where the processor has it.",
    ),
)


def settings_options(command: Command) -> Command:
    """Give a command options of :class:`colorful.look.Settings`; it gets them as *settings*."""
    return gathered(command, _SETTINGS, "settings", dict)


_EXAMPLE = (
    click.option("--like", metavar="REF", type=click.Path(), help="A photo in color whose colors to follow."),
    click.option("--palette", metavar="COLORS", help='Colors to follow, such as "#8a5a3c,#2e5d8a".'),
    click.option(
        "--amount",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Of --like and --palette: 0 nothing .. 1 toned.",
    ),
    click.option(
        "--manner",
        type=click.Choice(["auto", "match", "mood"]),
        default="auto",
        show_default=True,
        help="Of --like: match takes colors where both photos show the same, mood its colors as a whole.",
    ),
)


def example_options(command: Command) -> Command:
    """Give a command the options of :meth:`Colorizer.liking`; it gets what applies them as *follow*."""

    def following(like: str | None, palette: str | None, **options: Any) -> Callable[[Colorizer], Colorizer]:
        if like is not None and palette is not None:
            raise OptionError("like, palette: expected at most one of them, got both")
        colors = None if palette is None else [color.strip() for color in palette.split(",")]
        example = like if colors is None else colors

        def follow(colorizer: Colorizer) -> Colorizer:
            return colorizer if example is None else colorizer.liking(example, **options)

        return follow

    return gathered(command, _EXAMPLE, "follow", following)


def look_options(command: Command) -> Command:
    """Give a command the options of :class:`colorful.look.Look`; it gets them as *look*."""
    return gathered(command, _LOOK, "look", dict)


def model_options(command: Command) -> Command:
    """Give a command the options that choose a model; it gets a function that loads it as *load*."""

    def loader(model: str, **options: Any) -> Callable[[], Colorizer]:
        def load(**settings: Any) -> Colorizer:
            from colorful.colorizer import Colorizer

            return Colorizer.from_pretrained(model, **options, **settings)

        return load

    return gathered(command, _MODEL, "load", loader)


def video_model_options(command: Command) -> Command:
    """Give a command the options that choose a model for films, which is as fast as it can be."""

    def loader(model: str, dtype: Precision | None, **options: Any) -> Callable[[], Colorizer]:
        def load() -> Colorizer:
            from colorful.colorizer import Colorizer
            from colorful.video import faster_precision

            return Colorizer.from_pretrained(model, dtype=dtype or faster_precision(), **options)

        return load

    dtype = click.option(
        "--dtype",
        type=click.Choice(["float32", "bfloat16"]),
        help="What the network computes in; by default what is faster on this machine.",
    )
    return gathered(command, (*_MODEL[:-1], dtype), "load", loader)


def gathered(
    command: Command, options: tuple[Callable[[Command], Command], ...], name: str, gather: Callable[..., Any]
) -> Command:
    """Give a command options that it gets as one argument.

    Args:
        command: The function behind it.
        options: What to add.
        name: Of the argument.
        gather: Makes its value of the options' values.
    """
    names: set[str] = set()

    @wraps(command)
    def run(*args: Any, **given: Any) -> Any:
        mine = {key: given.pop(key) for key in names}
        return command(*args, **{name: gather(**mine)}, **given)

    result: Any = run
    for option in reversed(options):
        result = option(result)
    names.update(parameter.name for parameter in result.__click_params__[-len(options) :])
    return result  # type: ignore[no-any-return]
