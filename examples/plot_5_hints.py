"""
Hints, one by one
=================

If you know a color, give a hint: a point of the photo and its color. The network gives this color to the
whole thing that the point belongs to. If it spreads too far, give a second hint with the right color there.
"""

import matplotlib.pyplot as plt
from skimage import data

import colorful

photo = data.coffee()
colorizer = colorful.Colorizer.from_pretrained("lite")
hints = [
    colorful.Hint(x=60, y=330, color="#3a6ea5", radius=8),  # a blue table,
    colorful.Hint(x=215, y=90, color="#e8e4dc", radius=8),  # a white cup
    colorful.Hint(x=130, y=230, color="#8c3b2e", radius=8),  # and a red saucer
]

figure, axes = plt.subplots(1, len(hints) + 1, figsize=(14, 3), layout="constrained")
for count, axis in enumerate(axes):
    axis.imshow(colorizer.colorize(photo, hints=hints[:count]))
    for hint in hints[:count]:
        axis.plot(hint.x, hint.y, "o", color=hint.color, markeredgecolor="white", markersize=8)
    axis.set_title(f"{count} hints" if count != 1 else "1 hint")
    axis.axis("off")
