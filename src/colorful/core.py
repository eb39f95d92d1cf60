"""Nothing stands here, on purpose: ``import colorful.core`` raises :class:`ModuleNotFoundError`.

PyPI has another package that is imported as ``colorful``, for colors in terminals. ``ray`` looks for it by
``import colorful`` and ``from colorful.core import ColorfulString``, and does without where the second raises
ModuleNotFoundError. It would take this package for that one, and each of its commands would fail.
"""

raise ModuleNotFoundError(
    "colorful.core: expected PyPI's 'colorful', colors for terminals, got the package that colors photos",
    name=__name__,
)
