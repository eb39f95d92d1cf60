"""
Soft encoding and class rebalancing
===================================

For training, each true color is spread over the bins that are nearest to it, and each pixel gets a weight
that depends on how rare its color is.
"""

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import LogNorm
from skimage import data

from colorful.lab import AbBins, rebalancing_weights, rgb_to_lab, smooth_prior

bins = AbBins()
centers = bins.centers

# %%
# One color and the five bins that share it:

ab = torch.tensor([23.0, 34.0]).reshape(2, 1, 1)
indices, weights = bins.soft_encode(ab, neighbors=5)
figure, axis = plt.subplots(figsize=(4.5, 4), layout="constrained")
axis.scatter(centers[:, 1], centers[:, 0], s=12, color="lightgrey")
chosen = centers[indices.flatten()]
axis.scatter(chosen[:, 1], chosen[:, 0], s=600 * weights.flatten(), color="tab:orange", label="shares")
axis.plot(34, 23, "kx", label="true color")
axis.set(xlim=(0, 70), ylim=(-10, 60), xlabel="b", ylabel="a", aspect="equal")
axis.legend()

# %%
# How often each bin occurs in a few photos, and the weights that follow. The rarest colors count most.

counts = torch.zeros(313)
for photo in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket()):
    rgb = torch.from_numpy(photo).permute(2, 0, 1) / 255
    counts += bins.nearest(rgb_to_lab(rgb)[1:]).flatten().bincount(minlength=313)
prior = smooth_prior(counts)
weights = rebalancing_weights(prior)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for axis, values, title in zip(axes, (prior, weights), ("prior, smoothed", "weight"), strict=True):
    norm = LogNorm(vmin=max(float(values.min()), 1e-6))
    points = axis.scatter(centers[:, 1], centers[:, 0], c=values, marker="s", s=50, norm=norm)
    axis.set(title=title, xlabel="b", ylabel="a", aspect="equal")
    figure.colorbar(points, ax=axis)
