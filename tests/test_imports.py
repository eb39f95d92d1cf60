from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import colorful

PACKAGE = Path(colorful.__file__).parent

# What a part may import at its top, or in a function: any part of a lower layer, never one beside it.
LAYERS = (
    {"installation", "core"},
    {"errors"},
    {"files", "heap", "crew"},
    {"parallel"},
    {"host", "storage"},
    {"lab", "images"},
    {"photos", "raster", "naming"},
    {"models", "hints", "look"},
    {"runtime", "hub", "metrics"},
    {"protocols", "wishes"},
    {"export"},
    {"prediction", "loaded"},
    {"colorizer"},
    {"default", "plan", "video"},
    {"outcomes"},
    {"folder", "evaluation"},
    {"training", "web", "web_app", "cluster"},
    {"cli"},
)
LAYER = {part: number for number, layer in enumerate(LAYERS) for part in layer}


def part_of(module: str) -> str:
    """Name the part of the package that a module belongs to: colorful.lab.bins -> lab."""
    return module.split(".")[1]


def imports(file: Path) -> set[str]:
    """Name the modules of colorful that a file imports, wherever in it."""
    found = set()
    package = ["colorful", *file.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            # "from colorful import models" names a part, "from colorful import __version__" does not.
            if module == "colorful":
                found |= {f"colorful.{alias.name}" for alias in node.names if alias.name in LAYER}
            else:
                found.add(module)
    return {module for module in found if module.startswith("colorful.")}


FILES = sorted(
    file for file in PACKAGE.rglob("*.py") if file.parent != PACKAGE or not file.stem.startswith("__")
)


def test_every_part_has_a_layer() -> None:
    """Each module or package right under colorful is in the table of layers, and nothing else is."""
    assert {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in FILES} == set(LAYER)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_imports_run_downwards(file: Path) -> None:
    """A module imports only from layers below its own, inside functions too."""
    part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    wrong = {
        module
        for module in imports(file)
        if part_of(module) != part and LAYER[part_of(module)] >= LAYER[part]
    }
    assert not wrong


def loaded_by(statement: str) -> set[str]:
    """Name the heavy packages that a fresh interpreter has loaded after a statement."""
    heavy = ("torch", "numpy", "skimage", "scipy", "PIL", "huggingface_hub", "flask", "rich", "click")
    program = f"import sys; {statement}; print(*(name for name in {heavy!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import colorful", "import colorful.models", "from colorful import errors"]
)
def test_importing_is_light(statement: str) -> None:
    """Neither torch nor anything else that is slow loads before it is needed."""
    assert loaded_by(statement) == set()


def test_the_version_needs_nothing_else() -> None:
    """``colorful --version`` loads the command line and no science."""
    assert loaded_by("import colorful.cli") <= {"click"}


def test_every_public_name_is_there() -> None:
    """Each name in ``colorful.__all__`` can be had, and ``dir`` lists it; few are no modules."""
    values = [getattr(colorful, name) for name in colorful.__all__]
    assert set(colorful.__all__) <= set(dir(colorful))
    assert sum(not isinstance(value, ModuleType) for value in values) <= 15


def test_it_can_be_imported_from_a_zip(tmp_path: Path) -> None:
    """No file beside the code is needed to import it: frozen into an application or a zip it works."""
    archive = tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for module in PACKAGE.rglob("*.py"):
            file.write(module, Path("colorful", module.relative_to(PACKAGE)).as_posix())
    program = (
        "import colorful; assert '.zip' in colorful.__file__; colorful.Colorizer, colorful.Hint, colorful.lab"
    )
    environment = os.environ | {"PYTHONPATH": str(archive)}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("missing", "attribute", "extra"),
    [
        (("flask", "waitress", "accelerate", "tensorboard", "scipy", "pillow_heif"), "web", "web"),
        (("accelerate",), "training.train", "train"),
        (("av",), "colorize_video", "video"),
        (("distributed",), "cluster", "cluster"),
        (("cv2",), "video", "video"),
    ],
)
def test_extras_are_not_needed_to_look_around(missing: tuple[str, ...], attribute: str, extra: str) -> None:
    """``from colorful import *`` and ``help(colorful)`` work without extras; what needs one names it."""
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"  # None hides a module
        "from colorful import *\n"
        "import colorful, pydoc\n"
        "assert 'colorize_folder' in pydoc.render_doc(colorful)\n"
        f"try: colorful.{attribute}\n"
        f"except ImportError as error: assert 'colorful-colorization[{extra}]' in str(error)\n"
        f"else: raise AssertionError('{extra} was found')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_importing_has_no_effects() -> None:
    """Importing every module prints nothing, starts no thread and leaves random numbers alone."""
    modules = [".".join(("colorful", *file.relative_to(PACKAGE).with_suffix("").parts)) for file in FILES]
    modules = [module.removesuffix(".__init__") for module in modules if not module.endswith("__main__")]
    modules.remove("colorful.core")  # which is not there for whoever imports it
    program = (
        "import importlib, random, threading, numpy, torch\n"
        "def state():\n"
        "    return random.getstate(), str(numpy.random.get_state()), torch.get_rng_state().tolist()\n"
        "before, threads = state(), threading.active_count()\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "assert state() == before\n"
        "assert threading.active_count() == threads\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
