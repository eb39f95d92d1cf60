"""
The 313 bins
============

The ab plane is divided into squares with a side of 10. The bins are the squares that sRGB can show at some
lightness, with a small margin. At one single lightness, far fewer colors can be shown: the outline is the
gamut of sRGB there.
"""

import matplotlib.pyplot as plt
import numpy as np

from colorful.lab import AbBins, lab_to_rgb, rgb_to_lab

centers = AbBins().centers.numpy()
axis_values = np.linspace(-120, 120, 241)
a, b = np.meshgrid(axis_values, axis_values, indexing="ij")

figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
for axis, light in zip(axes, (25, 50, 75), strict=True):
    lab = np.stack((np.full_like(a, light), a, b), axis=-1)
    shown = rgb_to_lab(lab_to_rgb(lab, gamut="clip"))
    outside = np.abs(shown - lab).max(axis=-1)  # 0 where the color exists
    at_center = np.column_stack((np.full(len(centers), float(light)), centers))[None]
    axis.scatter(centers[:, 1], centers[:, 0], c=lab_to_rgb(at_center)[0], marker="s", s=50)
    axis.contour(b, a, outside, levels=[0.5], colors="black")
    axis.set(title=f"L = {light}", xlabel="b", ylabel="a", aspect="equal")
