"""
A film, frame by frame and steady
=================================

A network sees each frame separately, so its colors flicker. ``colorize_frames`` averages them along the
motion.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import colorful

# A camera moves over an old print, with grain and a changing exposure.
photo = data.coffee().mean(axis=2)
random = np.random.default_rng(0)
frames = []
for number in range(24):
    view = photo[100:300, 3 * number : 3 * number + 300]
    aged = 30 + 0.8 * view * random.uniform(0.9, 1.1) + random.normal(0, 10, view.shape)
    frames.append(aged.clip(0, 255).astype("uint8"))

alone = list(colorful.colorize_frames(frames, steady=0))
steady = list(colorful.colorize_frames(frames, wait="long"))

figure, axes = plt.subplots(1, 3, figsize=(13, 3.2), layout="constrained")
titles = ("a frame", "each frame by itself", "steady")
for axis, title, picture in zip(axes, titles, (frames[-1], alone[-1], steady[-1]), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")

# %%
# One row of pixels over time, the first frame at the top. Where colors flicker, lines have different colors.

figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained")
for axis, title, film in zip(axes, titles[1:], (alone, steady), strict=True):
    rows = np.stack([frame[100] for frame in film])
    axis.imshow(rows.repeat(6, axis=0))
    axis.set_title(title)
    axis.axis("off")
