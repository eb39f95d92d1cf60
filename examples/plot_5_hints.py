"""
Hints, one by one
=================

If you know a color, say so: a hint is a point of the photo and a color. The network spreads it over the thing it
lies on and leaves the rest alone.
"""

import matplotlib.pyplot as plt
from skimage import data

import colorful

photo = data.coffee()
colorizer = colorful.Colorizer.from_pretrained("lite")
hints = [
    colorful.Hint(x=60, y=330, color="#3a6ea5", radius=8),  # a blue table ...
    colorful.Hint(x=420, y=60, color="#3a6ea5", radius=8),  # ... on the far side too
    colorful.Hint(x=180, y=250, color="#d8a0a8", radius=8),  # and a rose saucer
]

figure, axes = plt.subplots(1, len(hints) + 1, figsize=(14, 3), layout="constrained")
for count, axis in enumerate(axes):
    axis.imshow(colorizer.colorize(photo, hints=hints[:count]))
    for hint in hints[:count]:
        axis.plot(hint.x, hint.y, "o", color=hint.color, markeredgecolor="white", markersize=8)
    axis.set_title(f"{count} hints" if count != 1 else "1 hint")
    axis.axis("off")
