from __future__ import annotations

import inspect
import operator
import re
import sys
import tomllib
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from docutils.nodes import Node, Text
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

import colorful.models
from colorful.hub.cards import model_card, released_card

project = "colorful"
author = "The colorful developers"
copyright = "2026, the colorful developers"
version = release = installed_version("colorful-colorization")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
smartquotes_action = "qe"  # quotes and ellipses; dashes would spoil the names of options
default_role = "literal"  # single backticks in docstrings and in the help of commands
html_theme = "furo"
html_title = f"colorful {version}"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["gallery.css"]

_project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
_urls = _project.get("urls", {})  # the one place where they are set
if "Source" in _urls:
    html_theme_options = {
        "source_repository": _urls["Source"],
        "source_branch": "main",
        "source_directory": "docs/",
    }

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_preprocess_types = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",  # what does not draw has a how-to of its own
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "min_reported_time": 1_000_000,  # running times differ from machine to machine
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
}

# References into other projects stay plain text: their inventories would have to be downloaded.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(torch|numpy|np|npt|PIL|pathlib|collections|flask|click|contextlib|distributed|logging|_?io|os|types)(\..*)?",
    ),
    # Names as the source abbreviates them, where a type is written inside another.
    (r"py:class", r"(Tensor|NDArray|Image|Image\.Image|Path|Device|nn\.Module|optional)"),
    # Type variables and aliases of ours, which are spelled out where they stand.
    (
        r"py:(class|obj|data)",
        r".*\b(WSGIApplication|Format|Kind|Numbers|Pixels|Gamut|Precision|Upsampling|ProtocolName|Mask|FileLike|PretrainedOptions|FileOptions)",
    ),
    # What a public value holds and its own methods tell about.
    (r"py:class", r".*\b(Decoder|Measure|ScoreTable|TensorInfo)"),
]


def spell_options(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str, returns: Any
) -> Any:
    """Write each option of ``**look: Unpack[Look]`` and its like into the signature."""
    if not signature or "**" not in signature:
        return None
    function = obj.__init__ if isinstance(obj, type) else obj
    for parameter, annotation in inspect.get_annotations(function).items():
        if found := re.fullmatch(r"(?:typing\.)?Unpack\[(.+)\]", str(annotation)):
            options_of = operator.attrgetter(found[1])(sys.modules[function.__module__])
            spelled = ", ".join(f"{key}=..." for key in options_of.__annotations__)
            # The star before them may be there already.
            signature = signature.replace(
                f"**{parameter}", spelled if "*, " in signature else f"*, {spelled}"
            )
    return signature, returns


def spell_overloads(app: Any, domain: str, kind: str, content: Node) -> None:
    """Do so in the signatures of overloads, which come without the event above."""
    for parameter in list(content.parent.findall(addnodes.desc_parameter)):
        if found := re.fullmatch(r"\*\*\w+: Unpack\[(\w+)\]", parameter.astext()):
            names = getattr(colorful, found[1]).__annotations__
            spelled = [
                addnodes.desc_parameter("", "", addnodes.desc_sig_name("", f"{name}=...")) for name in names
            ]
            parameter.parent.replace(parameter, spelled)


def resolve_name(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Resolve a name of ours to the one documented object that ends in it.

    Docstrings say ``ShapeError``, annotations ``colorful.prediction.Prediction``; documented is
    ``colorful.Prediction``, the name users write.
    """
    domain, target = env.get_domain("py"), node.get("reftarget", "")
    if node.get("refdomain") != "py":
        return None
    if target.startswith("colorful."):
        target = target.rpartition(".")[2]
    found = [name for name in domain.objects if name.endswith(f".{target}")]
    if len(found) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", found[0], node, content)


class ModelCard(SphinxDirective):
    """Show the card of a registered model: the bundled file, or what a converted release is saved with."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """Give the card without the metadata at its head, its headings one level down."""
        info = colorful.models.MODELS[self.arguments[0]]
        if info.bundled:
            folder = Path(colorful.models.__file__).parent / "bundled" / info.name
            card = (folder / "README.md").read_text(encoding="utf-8")
        elif isinstance(repo := info.sources[0], colorful.models.HubSource):
            told = colorful.models.network_class(info.architecture).card
            source = f"The authors' repo on the Hugging Face Hub, `{repo.repo_id}`."
            card = model_card(
                info.architecture, model=info.name, license=info.license, source=source, **told._asdict()
            )
        else:
            card = released_card(info.name, model=info.name, sha256=info.sources[0].sha256)
        body = card.split("---\n", 2)[2]
        return self.parse_text_to_nodes(re.sub("^#", "##", body, flags=re.M), allow_section_headings=True)


def part_parameters(app: Any, doctree: Any, name: str) -> None:
    """Put a colon after each parameter, for the two hyphens that Sphinx leaves there."""
    for text in list(doctree.findall(Text)):
        if text == " -- ":
            text.parent.replace(text, Text(": "))


def show_examples(app: Any, ctx: Any, lines: list[str]) -> None:
    """Show the example lines in the help of a command as code, with their columns."""
    shown: list[str] = []
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("| "):
            shown += [] if before.startswith("| ") else [".. code-block:: text", ""]
        shown.append(line.replace("| ", "   ", 1) if line.startswith("| ") else line)
    lines[:] = shown


def setup(app: Any) -> None:
    """Hook the above in."""
    app.connect("doctree-resolved", part_parameters)
    app.connect("autodoc-process-signature", spell_options)
    app.connect("object-description-transform", spell_overloads)
    app.connect("sphinx-click-process-description", show_examples)
    app.add_directive("model-card", ModelCard)
    app.connect("missing-reference", resolve_name)
