"""A model that kills its worker at photos of one shade, to be told from others by its digest alone."""

from __future__ import annotations

import os
import signal
from typing import Any

from web_samples import Painter

DEADLY = 0.9
"""Lightness, as a share, above which a photo kills the process that colors it."""


class Killer(Painter):
    """A painter that a nearly white photo kills with signal 9."""

    def forward(self, light: Any, ab: Any = None, mask: Any = None) -> Any:
        if float(light.mean()) > 100 * DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(light, ab, mask)
