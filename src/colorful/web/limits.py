"""How much work and data one server takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is taken in, kept and done at once.

    Args:
        request_bytes: Size of a request's body, photos and all.
        pixels: Width times height of a photo, checked before it is decoded.
        photos: Photos in one request.
        workers: Photos that are colored at the same time.
        waiting: Photos that may wait for that.
        kept_bytes: Photos and results kept for their visitors, together.
        kept_seconds: How long after its last use something is kept.
    """

    request_bytes: int = 64 << 20
    pixels: int = 64_000_000
    photos: int = 32
    workers: int = 2
    waiting: int = 16
    kept_bytes: int = 512 << 20
    kept_seconds: float = 3600

    @property
    def words(self) -> Mapping[str, str]:
        """What the pages say of the largest request and photo."""
        return {
            "megabytes": f"{self.request_bytes / (1 << 20):.6g}",
            "megapixels": f"{self.pixels / 1_000_000:.6g}",
        }
