from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from pkgutil import resolve_name
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

import colorful
from colorful import errors
from colorful.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))

# A directive that documents one name, with the options below it; or the module that later names are in.
DIRECTIVE = re.compile(
    r"^\.\. (?P<kind>currentmodule|auto\w+):: (?P<name>[\w.]+)$(?P<options>(?:\n   :.*)*)", re.MULTILINE
)
SECTIONS = re.compile(
    r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples|References|Note):$\n((?:[ \t]+.*\n?|\n)*)",
    re.MULTILINE,
)


def members(module: ModuleType) -> list[str]:
    """Name what a module offers: what it exports, or what is defined in it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def documented() -> list[str]:
    """List the full names that the reference has, those of modules documented as a whole included."""
    names = []
    for page in PAGES:
        module = ""
        for found in DIRECTIVE.finditer(page.read_text(encoding="utf-8")):
            kind, name = found["kind"], found["name"]
            if kind == "currentmodule":
                module = name
            elif kind == "automodule":
                left_out = re.findall(r":exclude-members: (.*)", found["options"])
                names += [
                    f"{name}.{member}"
                    for member in members(importlib.import_module(name))
                    if member not in ", ".join(left_out).split(", ")
                ]
            else:
                names.append(name if name.startswith("colorful.") else f"{module}.{name}")
    return names


DOCUMENTED = documented()
MODULES = sorted(
    name
    for name in (*colorful.__all__, "cluster", "export", "video", "web")
    if isinstance(getattr(colorful, name), ModuleType) and name != "errors"
)
PUBLIC = [f"colorful.{name}" for name in colorful.__all__ if name not in (*MODULES, "errors")]
PUBLIC += [f"colorful.{module}.{name}" for module in MODULES for name in members(getattr(colorful, module))]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name: str) -> None:
    """What can be imported from colorful, or from one of its public modules, is in the reference."""
    last = f".{name.rpartition('.')[2]}"
    assert any(resolve_name(known) is resolve_name(name) for known in DOCUMENTED if known.endswith(last))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_name_exists(name: str) -> None:
    """What the reference names can be imported under that name, and is documented once."""
    assert resolve_name(name) is not None
    assert DOCUMENTED.count(name) == 1


def callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give every documented function and class, and the public methods of the classes."""
    for name in DOCUMENTED:
        value = resolve_name(name)
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and not issubclass(value, Exception):
            yield name, value
            for member, method in vars(value).items():
                function = getattr(method, "__func__", method)
                if not member.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{member}", function


def sections(function: Callable[..., Any]) -> dict[str, str]:
    """Cut a docstring of Google's style into its sections, and what comes before them."""
    text = inspect.getdoc(function) or ""
    found = {match[1]: inspect.cleandoc("\n" + match[2]) for match in SECTIONS.finditer(text)}
    return {"": text.split("\n\n")[0]} | found


def entries(section: str) -> list[str]:
    """Name the entries of a section, ``name: what it is``, one for each line that is not indented."""
    return re.findall(r"^\*{0,2}([\w.]+)(?:, [\w, ]+)?:(?= |$)", section, re.MULTILINE)


def raised(function: Callable[..., Any]) -> set[str]:
    """Name the exceptions that stand after ``raise`` in a function itself."""
    tree = ast.parse(dedent(inspect.getsource(function)))
    names = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and isinstance(node.exc.func, ast.Name)
        ):
            names.add(node.exc.func.id)
    return {name for name in names if isinstance(getattr(errors, name, None), type)}


def overrides(name: str) -> bool:
    """Tell whether a method is told about in a class of ours that it overrides."""
    owner, _, method = name.rpartition(".")
    above = getattr(resolve_name(owner), "__mro__", ())[1:]
    return any(method in vars(base) for base in above if base.__module__.startswith("colorful."))


CALLABLES = dict(callables())


@pytest.mark.parametrize("name", CALLABLES)
def test_docstrings_are_complete(name: str) -> None:
    """A docstring begins with one line, and tells each argument, the result and the errors raised there."""
    value = CALLABLES[name]
    parts = sections(value)
    assert parts[""]
    assert "\n" not in parts[""]
    if inspect.isclass(value):
        if dataclasses.is_dataclass(value):
            wanted = [field.name for field in dataclasses.fields(value) if field.init]
        elif "__init__" in vars(value) and not getattr(value, "_is_protocol", False):
            wanted = list(inspect.signature(value).parameters)
        else:
            wanted = []
        assert set(wanted) <= set(entries(parts.get("Args", "") + "\n" + parts.get("Attributes", "")))
        return
    if overrides(name):
        return
    signature = inspect.signature(value)
    wanted = [parameter for parameter in signature.parameters if parameter not in ("self", "cls")]
    assert entries(parts.get("Args", "")) == wanted
    if wanted and signature.return_annotation not in ("None", None):
        assert {"Returns", "Yields"} & parts.keys()
    told = tuple(
        getattr(errors, error) for error in entries(parts.get("Raises", "")) if hasattr(errors, error)
    )
    assert all(issubclass(getattr(errors, error), told) for error in raised(value))


def test_the_page_of_the_command_line_has_every_command() -> None:
    """The reference shows the commands in the order of ``colorful --help``."""
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^   :commands: (.*)$", page, re.MULTILINE)
    assert listed.split(", ") == list(COMMANDS)
