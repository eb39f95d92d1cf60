"""Options that belong together, declared once: a command gets each group as one value."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, TypeVar

import click

from colorful.errors import OptionError, OutputExistsError
from colorful.files import check_target, make_folder

if TYPE_CHECKING:
    from colorful.colorizer import Colorizer
    from colorful.hints import Hint
    from colorful.loaded import Precision
    from colorful.prediction import Mask
    from colorful.storage import Location
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


_MODEL = click.option(
    "-m", "--model", default="lite", help="A name from `colorful models`, a Hub id, a folder or a file."
)
_REVISION = click.option("--revision", help="For a model on the Hub: its branch, tag or commit.")
DEVICE = click.option(
    "--device", default="auto", help="cpu, cuda, cuda:1, mps ...; auto uses a GPU if there is one."
)
SETTINGS = (
    click.option(
        "--network-size",
        type=int,
        help="Side in pixels at which the network sees a photo; by default the one it was made for.",
    ),
    click.option(
        "--protocol",
        type=click.Choice(["photo", "released"]),
        default="photo",
        help="released follows the code of the papers: 256 x 256 pixels, bilinear ab, clipped colors.",
    ),
)
_DTYPES = click.Choice(["float32", "bfloat16"])
_DTYPE = click.option(
    "--dtype",
    type=_DTYPES,
    default="float32",
    help="Number type of the network; bfloat16 is faster on processors that have it.",
)
_DTYPE_OF_FILMS = click.option(
    "--dtype", type=_DTYPES, help="Number type of the network; by default the faster one on this machine."
)
_MAX_PIXELS = click.option(
    "--max-pixels",
    type=click.IntRange(0),
    help="Refuse photos with more pixels; 178,956,970 by default, 0 means no limit.",
)
_LOOK = (
    click.option(
        "-t",
        "--temperature",
        type=float,
        help="Choose among likely colors, from 0 (vivid) to 1 (calm); by default the model's own value.",
    ),
    click.option(
        "-s",
        "--saturation",
        type=float,
        help="Multiply how colorful the result is; by default the model's own value.",
    ),
    click.option(
        "--strength", type=float, help="How much color to add, from 0 (grey) to 1 (all, the default)."
    ),
)
_EXAMPLE = (
    click.option("--like", metavar="REF", type=click.Path(), help="Follow the colors of this color photo."),
    click.option("--palette", metavar="COLORS", help='Follow these colors, such as "#8a5a3c,#2e5d8a".'),
    click.option(
        "--amount",
        type=click.FloatRange(0, 1),
        help="How far to follow --like or --palette, from 0 (not at all) to 1 (the whole photo is toned); "
        "0.5 by default.",
    ),
    click.option(
        "--manner",
        type=click.Choice(["auto", "match", "mood"]),
        help="How to follow --like: match where both photos show the same things, mood for the colors as a "
        "whole, auto (the default) chooses for each place.",
    ),
)


# Between colors, not within rgb(138, 90, 60).
_COMMA = re.compile(r",(?![^(]*\))")


def _loader(
    model: str,
    *,
    max_pixels: int | None = None,
    like: str | None = None,
    palette: str | None = None,
    amount: float | None = None,
    manner: Manner | None = None,
    **options: Any,
) -> Callable[[], Colorizer]:
    """Make a function that loads the model, tuned as the options say."""
    if like is not None and palette is not None:
        raise OptionError("like, palette: expected at most one of them, got both")
    how: dict[str, Any] = {"amount": amount, "manner": manner}
    how = {name: value for name, value in how.items() if value is not None}
    if how and like is None and palette is None:
        raise OptionError(f"--{next(iter(how))}: expected --like or --palette, which it is about")
    example = like if palette is None else [color.strip() for color in _COMMA.split(palette)]
    if max_pixels is not None:
        options["max_pixels"] = max_pixels or None

    def load() -> Colorizer:
        from colorful.colorizer import Colorizer
        from colorful.look import Look

        look = {name: value for name, value in options.items() if name in Look.__annotations__}
        others = {name: value for name, value in options.items() if name not in look}
        colorizer = Colorizer.from_pretrained(model, **others).tuned(**look)
        if example is None:
            return colorizer
        try:
            return colorizer.liking(example, **how)
        except OptionError as error:  # by the names that they have here
            named, _, said = str(error).partition(": ")
            ours = {"reference": f"like: {like}", "like": "like" if like else "palette", "match": "manner"}
            raise OptionError(f"{ours.get(named, named)}: {said}") from error

    return load


def _film_loader(*, dtype: Precision | None, **options: Any) -> Callable[[], Colorizer]:
    """Make a function that loads the model in the faster precision, unless one was asked for."""
    load_in = partial(_loader, **options)
    load_in(dtype="float32")  # so that options that do not go together are refused at once

    def load() -> Colorizer:
        from colorful.video import faster_precision

        return load_in(dtype=dtype or faster_precision())()

    return load


_WHICH = (_MODEL, _REVISION, DEVICE, *SETTINGS)
# A command gets a function that loads the model, so that it can refuse other options before.
model_options = group("load", _loader, *_WHICH, _DTYPE)
asking_model_options = group("load", _loader, *_WHICH, _DTYPE, _MAX_PIXELS)
tuned_model_options = group("load", _loader, *_WHICH, _DTYPE, *_LOOK)
photo_model_options = group("load", _loader, *_WHICH, _DTYPE, _MAX_PIXELS, *_LOOK, *_EXAMPLE)
film_model_options = group("load", _film_loader, *_WHICH, _DTYPE_OF_FILMS, *_LOOK, *_EXAMPLE)


def spare_inputs(*targets: Location) -> None:
    """Refuse to replace a file that the command at work reads, be it a photo, an example or a mask."""
    from colorful.naming import identity
    from colorful.storage import location

    given = click.get_current_context().params
    named = [*given.get("photos", ()), *map(given.get, ("photo", "film", "like", "keep", "hints"))]
    # Its name leads to the file that a shell has opened for the program.
    read = {
        identity(location("/dev/stdin" if name == "-" else name))
        for name in named
        if isinstance(name, str) and name
    }
    for target in targets:
        if identity(target) in read:
            raise OutputExistsError(f"{str(target)!r} is read here: expected another file to write")


def check_result(path: Path, *, overwrite: bool) -> None:
    """Check that a file of this name can be written, before the long work for it; make its folder."""
    make_folder(path.parent)
    check_target(path, overwrite=overwrite)
    spare_inputs(path)


def check_picture(option: str, path: Path, *, overwrite: bool) -> None:
    """Check that a name is one of a picture, and as :func:`check_result` does."""
    from colorful.images import EXTENSIONS

    if path.suffix.lower() not in EXTENSIONS:
        expected = " ".join(EXTENSIONS)
        raise OptionError(f"{option}: expected a name ending in {expected}, got {str(path)!r}")
    check_result(path, overwrite=overwrite)


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
        "--hints", metavar="FILE.json", type=click.Path(), help="For a single photo: known colors of spots."
    ),
    click.option(
        "--keep",
        metavar="MASK",
        type=click.Path(),
        help="For a single photo: a picture that is white where the photo stays as it is.",
    ),
)
