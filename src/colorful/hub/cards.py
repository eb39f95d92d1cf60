"""Model cards: the text on a model's page on the Hub."""

from __future__ import annotations

from colorful.models import MODELS, network_class

CARD = "README.md"

_INTRO = """# {title}

A network of architecture `{architecture}` that colors black-and-white photos, for the Python package
[colorful-colorization](https://pypi.org/project/colorful-colorization/):

```python
from colorful import Colorizer

Colorizer.from_pretrained("{model}").colorize_file("old.jpg", "colored.jpg")
```
"""

_LIMITS = """The colors are plausible guesses, not what was there: a photo without color does not say whether
a coat was red or green. Do not take them as evidence. Rare objects, small details and photos unlike those
trained on come out wrong or pale."""


def model_card(
    architecture: str,
    *,
    title: str | None = None,
    model: str = "org/name",
    license: str | None = None,
    source: str | None = None,
    data: str | None = None,
    recipe: str | None = None,
    measures: str | None = None,
    limits: str | None = None,
) -> str:
    """Write a model card. It says "Not stated." where nothing is given.

    Args:
        architecture: Name of the architecture.
        title: Heading.
        model: What to call it in :meth:`~colorful.Colorizer.from_pretrained`.
        license: SPDX identifier of the license of the weights.
        source: Where the weights come from, in Markdown.
        data: What the network was trained on, in Markdown.
        recipe: How, in Markdown.
        measures: How well it does, with the method, in Markdown.
        limits: What it cannot do, in Markdown.

    Returns:
        Markdown with the metadata the Hub reads.
    """
    known = [f"license: {license.lower()}"] if license else []
    header = ["---", *known, "library_name: colorful", "pipeline_tag: image-to-image"]
    header += ["tags:", "- colorization", f"- {architecture}", "---"]
    unstated = "Not stated."
    parts = (
        ("License", license or unstated),
        ("Source of the weights", source or unstated),
        ("Training data", data or unstated),
        ("Recipe", recipe or unstated),
        ("Measures", measures or unstated),
        ("Limits", limits or _LIMITS),
    )
    sections = "".join(f"\n## {name}\n\n{text.strip()}\n" for name, text in parts)
    intro = _INTRO.format(title=title or architecture, architecture=architecture, model=model)
    return "\n".join(header) + "\n\n" + intro + sections


def released_card(name: str, *, model: str, sha256: str) -> str:
    """Write the card of a converted network that its authors released.

    Args:
        name: Its registered name.
        model: As for :func:`model_card`.
        sha256: Checksum of the file it was converted from.
    """
    info = MODELS[name]
    addresses = "\n".join(f"- <{source.url}>" for source in info.sources)
    source = f"Converted, unchanged, from the file with SHA-256 `{sha256}`:\n\n{addresses}"
    card = network_class(info.architecture).card
    told = {} if card is None else card._asdict()
    return model_card(info.architecture, model=model, license=info.license, source=source, **told)
