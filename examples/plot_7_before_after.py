"""
Before and after
================

The bundled model with its default settings, on photos that come with scikit-image. They were not selected
for a good result.
"""

import matplotlib.pyplot as plt
from skimage import data

import colorful

photos = {
    "astronaut": data.astronaut(),
    "camera": data.camera(),
    "chelsea": data.chelsea(),
    "coffee": data.coffee(),
    "rocket": data.rocket(),
}

figure, axes = plt.subplots(5, 2, figsize=(9, 15.5), layout="constrained")
for (before, after), (name, photo) in zip(axes, photos.items(), strict=True):
    before.imshow(photo if photo.ndim == 2 else photo.mean(axis=2), cmap="gray")
    before.set_title(name, loc="left")
    after.imshow(colorful.colorize(photo))
    before.axis("off")
    after.axis("off")
