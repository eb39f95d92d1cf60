"""The visual Turing test: can people tell colored photos from real ones? One page, which needs no server."""

from __future__ import annotations

import base64
import io
import json
import logging
import math
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from typing import Unpack, cast

import numpy as np
import torch
from PIL import Image

from colorful.errors import ImageError, OptionError, PhotosError, refuse_unknown
from colorful.evaluation.prepare import (
    Conditions,
    Model,
    Photos,
    Preparation,
    Real,
    in_order,
    load,
    settle,
    ways_of,
)
from colorful.evaluation.scores import Pixels
from colorful.models import DEFAULT_MODEL

logger = logging.getLogger(__name__)


@torch.inference_mode()
def turing_page(
    photos: Photos,
    model: Model = DEFAULT_MODEL,
    *,
    pairs: int = 40,
    seconds: float = 1.0,
    progress: Callable[[int, int], object] | None = None,
    **preparation: Unpack[Preparation],
) -> str:
    """Make a page that shows real and colored photos side by side and counts how often people are fooled.

    The page is a single HTML file that works from the file system and sends nothing anywhere. Each pair is
    seen for a moment, then hidden until it is answered. At the end stands the share of pairs in which the
    colored photo was taken for the real one, with its 95 % interval (Wilson), and a file of all answers.

    Args:
        photos: As for :func:`colorful.evaluate`. Grey, toned and unreadable ones are passed over; a warning
            says how many.
        model: What colors them.
        pairs: How many photos are shown, if there are as many.
        seconds: How long each is shown.
        progress: Called with the numbers of pairs done and of all.
        **preparation: The size at which photos are shown, and the seed of their choice, order and sides.

    Returns:
        HTML.

    Raises:
        PhotosError: If there is no color photo.
        OptionError: If *pairs* or *seconds* is not positive, or not finite.
        ColorfulError: As for :func:`colorful.evaluate`.

    References:
        Zhang, Isola, Efros. Colorful Image Colorization. ECCV 2016, section 3.1.
    """
    if pairs < 1 or not 0 < seconds < math.inf:  # JSON has no infinity
        raise OptionError(f"pairs, seconds: expected positive, finite numbers, got {pairs}, {seconds}")
    refuse_unknown(preparation, Preparation)
    conditions = settle(cast("Conditions", preparation))
    (way,) = ways_of([model], [None])
    random = np.random.default_rng(conditions["seed"])
    shown: list[dict[str, str]] = []
    passed = Counter[str]()
    for photo in in_order(photos, conditions["seed"]):
        try:
            real = load(photo, conditions)
        except ImageError:
            passed["unreadable"] += 1
            continue
        if not isinstance(real, Real):
            passed[real] += 1
            continue
        shown.append(
            {
                "photo": real.name,
                "real_side": "left" if random.random() < 0.5 else "right",
                "real": _data_url(real.pixels),
                "colored": _data_url(way.colorizer.predict(real.pixels).rgb(**way.look)),
            }
        )
        if progress is not None:
            progress(len(shown), pairs)
        if len(shown) == pairs:
            break
    if passed:
        why = ", ".join(f"{count} {kind}" for kind, count in sorted(passed.items()))
        logger.warning("%d pairs; photos passed over: %s", len(shown), why)
    if not shown:
        raise PhotosError("photos: expected color photos, got none")
    about = {name: conditions[name] for name in ("size", "resize", "seed")} | way.facts()
    data = json.dumps({"about": about, "seconds": seconds, "pairs": shown})
    page = files("colorful.evaluation").joinpath("turing.html").read_text(encoding="utf-8")
    # Inside a script element only a closing tag or a comment could end the text early.
    return page.replace("__DATA__", data.replace("<", "\\u003c"))


def _data_url(pixels: Pixels) -> str:
    # The same lossy format for both, with full chroma, so that its traces tell nothing.
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
