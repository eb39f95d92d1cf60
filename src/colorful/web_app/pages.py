"""The pages of a web app: those of the served page, with what is different where there is no server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FunctionLoader

from colorful import __version__
from colorful.models import MODELS

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "zh": "中文"})
SITE: Mapping[str, str] = MappingProxyType({"en": "index.html", "zh": "zh.html"})
"""The page of each language."""

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'"
)
"""Nothing is ever asked of another site."""

_ENCODER = """\
Its encoder began as the EfficientNet-Lite0 that Google trained on ImageNet and published under the
Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0); it was changed by further training.
"""


def page(language: str, facts: Mapping[str, Any]) -> str:
    """Write the page in a language.

    Args:
        language: One of :data:`LANGUAGES`.
        facts: What the scripts have to know.

    Returns:
        HTML.
    """
    environment = Environment(loader=FunctionLoader(_template), autoescape=True)
    megabytes = round((facts["model"]["bytes"] + facts["runtimes"]["cpu"]["wasm"]["bytes"]) / 1e6)
    words = {"megabytes": megabytes, "megapixels": facts["pixels"] // 1_000_000}
    return environment.get_template("web_app/page.html").render(
        t=_texts(language),
        language=language,
        languages=LANGUAGES,
        site="app",
        url_for=lambda endpoint, **values: _address(endpoint, values, language),
        limits={"words": words},
        policy=POLICY,
        has_temperature=facts["network"]["temperature"] is not None,
    )


def licenses(architecture: str, runtime: str) -> str:
    """Say under which licenses the parts of a web app are.

    Args:
        architecture: Of the network.
        runtime: Version of onnxruntime-web.

    Returns:
        Plain text.
    """
    license = MODELS[architecture].license if architecture in MODELS else "see where it comes from"
    return _read("web_app", "static", "licenses.txt").format(
        version=__version__,
        architecture=architecture,
        license=license,
        runtime=runtime,
        model=_ENCODER if architecture == "lite" else "",
    )


def _texts(language: str) -> dict[str, str]:
    """Give the served page's texts, and over them those of a page without a server."""
    shared, own = (json.loads(_read(part, "texts", f"{language}.json")) for part in ("web", "web_app"))
    return {**shared, **own}


def _address(endpoint: str, values: Mapping[str, str], language: str) -> str:
    name = endpoint.rpartition(".")[2]
    if name == "home":
        return SITE[values.get("lang", language)]
    return values["filename"] if name == "static" else {"api_sample": "sample-after.jpg"}[name]


def _template(name: str) -> str:
    """Find ``colorful/...`` among the served page's templates, ``web_app/...`` here."""
    if name.startswith("colorful/"):
        return _read("web", "templates", name)
    return _read("web_app", "templates", name.removeprefix("web_app/"))


def _read(*path: str) -> str:
    return files("colorful").joinpath(*path).read_text(encoding="utf-8")
