"""Pictures laid out on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image


def lay_out(rows: Sequence[Sequence[Image.Image]], *, gap: int = 8) -> Image.Image:
    """Put pictures side by side in rows, and the rows one above the other, on white.

    Args:
        rows: From top to bottom, each from left to right; in RGB, of any sizes.
        gap: Pixels between two pictures.

    Returns:
        The sheet, in RGB.
    """
    heights = [max(picture.height for picture in row) for row in rows]
    width = max(sum(picture.width + gap for picture in row) for row in rows) - gap
    sheet = Image.new("RGB", (width, sum(heights) + gap * (len(rows) - 1)), "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for picture in row:
            sheet.paste(picture, (left, top))
            left += picture.width + gap
        top += height + gap
    return sheet
