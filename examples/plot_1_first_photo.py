"""
A first photo
=============

One call colors a photo. The array may be grey or in color, of any size, 8 or 16 bits or floats; what comes
back has the same size and type.
"""

import matplotlib.pyplot as plt
from skimage import data

import colorful

real = data.coffee()
grey = real.mean(axis=2).astype("uint8")  # stands for a scan of an old print

rgb = colorful.colorize(grey)

# %%
# The colors are plausible, not the ones that were lost. Compare:

figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
for axis, title, picture in zip(axes, ("grey", "colored", "real"), (grey, rgb, real), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(title)
    axis.axis("off")
