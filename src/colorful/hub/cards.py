"""Model cards: what the page of a model on the Hub says of it."""

from __future__ import annotations

from colorful.models import MODELS

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

_RELEASED = {
    "eccv16": {
        "title": "Colorful Image Colorization (ECCV 2016)",
        "data": "The photos of ImageNet, without their labels, as the paper has it.",
        "recipe": """\
As published: class-rebalanced cross-entropy over 313 ab bins; batches of 40 crops of 176 of 256
pixels, mirrored; Adam with betas 0.9 and 0.99, weight decay 0.001, learning rate 3e-5, divided by
10 every 225 000 of 500 000 iterations.""",
        "measures": """\
As published in table 1 of the paper, on 10 000 photos of ImageNet: AuC 89.5 %, rebalanced AuC 67.3
%, VGG top-1 accuracy 56.0 %, taken for real by people 32.3 %. These are figures of the authors'
Caffe model, not measured anew on this file.

Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016.""",
    },
    "siggraph17": {
        "title": "Real-Time User-Guided Image Colorization (SIGGRAPH 2017)",
        "data": "The photos of ImageNet, near-grey ones left out, without their labels.",
        "recipe": """\
As published: simulated color hints, a geometric number of patches of 1 to 9 pixels; batches of 25
crops of 176 pixels; Adam with betas 0.9 and 0.999; classification first, then regression, learning
rate 1e-5, then 1e-6.""",
        "measures": """\
As published by the authors, on 1000 photos of ImageNet, PSNR by number of hints: 24.4 dB with none,
25.4 with 1, 27.4 with 5, 28.4 with 10, 30.4 with 50. Not measured anew on this file.

Zhang, Zhu, Isola, Geng, Lin, Yu, Efros. Real-Time User-Guided Image Colorization with Learned Deep
Priors. SIGGRAPH 2017.""",
    },
}


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
    """Write a model card; what is not given is said to be not stated.

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
    """Write the card of a network that its authors released, converted.

    Args:
        name: Its registered name.
        model: As for :func:`model_card`.
        sha256: Checksum of the file it was converted from.
    """
    info = MODELS[name]
    addresses = "\n".join(f"- <{source.url}>" for source in info.sources)
    source = f"Converted, unchanged, from the file with SHA-256 `{sha256}`:\n\n{addresses}"
    return model_card(info.architecture, model=model, license=info.license, source=source, **_RELEASED[name])
