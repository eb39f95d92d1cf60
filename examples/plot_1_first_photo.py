"""
A first photo
=============

One call colors a photo. It may be an array in grey or in color, of any size, with 8 or 16 bits or floats. The
result has the same size and type.
"""

import matplotlib.pyplot as plt
from skimage import data

import colorful

real = data.coffee()
grey = real.mean(axis=2).astype("uint8")  # stands for a scan of an old print

rgb = colorful.colorize(grey)

# %%
# The colors are plausible, but they are not the lost ones. Compare:

figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
for axis, title, picture in zip(axes, ("grey", "colored", "real"), (grey, rgb, real), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
