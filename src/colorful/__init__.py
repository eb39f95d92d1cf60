"""Color black-and-white photos.

Public names load on first use, so that ``import colorful`` is instant. The stub ``__init__.pyi`` lists them.
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, _, __all__ = _lazy.attach_stub(__name__, __file__)
# Found by its name, but not listed: without its extra, `from colorful import *` and help() would fail.
__all__ = [name for name in __all__ if name != "web"]


def __dir__() -> list[str]:
    return list(__all__)
