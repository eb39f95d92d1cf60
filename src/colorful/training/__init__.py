"""Train any of the networks on one's own photos; needs the extra ``train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader as _lazy

if TYPE_CHECKING:
    from colorful.training.options import TrainingOptions
    from colorful.training.session import recipe, train

__all__ = ["TrainingOptions", "recipe", "train"]

__getattr__, __dir__, _ = _lazy.attach(
    __name__,
    submod_attrs={"session": ["recipe", "train"], "options": ["TrainingOptions"]},
)
