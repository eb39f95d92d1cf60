"""The OpenAPI description of the interface: ``openapi.json``, and what depends on the server at hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from colorful import __version__
from colorful.web.limits import Limits


def describe(root: str, models: Sequence[str], limits: Limits) -> dict[str, Any]:
    """Describe the interface as it is served here.

    Args:
        root: The path below which it lives, as clients see it.
        models: The names of the models offered.
        limits: How much is taken in.

    Returns:
        An OpenAPI 3.1 document, ready for JSON.
    """
    text = files("colorful.web").joinpath("openapi.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    document["servers"][0]["url"] = root or "/"
    document["info"]["version"] = __version__
    document["info"]["description"] = (
        f"Takes {limits.request_bytes} bytes a request, {limits.pixels} pixels a photo."
    )
    schemas = document["components"]["schemas"]
    schemas["ModelName"]["enum"] = [*models, None]
    schemas["FormModelName"]["enum"] = list(models)
    schemas["Files"]["maxItems"] = limits.photos
    return document
