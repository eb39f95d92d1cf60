"""Color black-and-white photos.

Public names load on first use, so that ``import colorful`` is instant. The stub ``__init__.pyi`` lists them.
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
