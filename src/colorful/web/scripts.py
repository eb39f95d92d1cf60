"""The scripts of the page as visitors get them: without what only readers of the source need."""

from __future__ import annotations

import re
from functools import lru_cache

_COMMENTS = re.compile(r"^[ ]*(?://|/\*\*).*\n|[ ]+//[ ].*$", re.MULTILINE)
_MARGIN = re.compile(r"^[ ]+|^\n", re.MULTILINE)


@lru_cache(maxsize=32)
def lean(source: str) -> str:
    """Leave out the comments, the blank lines and the indentation of a script of ours.

    Args:
        source: A script in which each comment is on one line, behind code only as `` // words``. No string
            has a line break or such a mark in it.

    Returns:
        The same script for a browser; its lines are those of the source.
    """
    return _MARGIN.sub("", _COMMENTS.sub("", source))
