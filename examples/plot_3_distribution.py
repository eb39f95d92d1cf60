"""
The distribution at a pixel
===========================

For each cell of the picture, the network gives a probability for each of the 313 bins of the ab plane. If it
recognizes a thing of a known color, a few bins have nearly all the probability. If many colors are possible,
many bins have a part of it.
"""

import matplotlib.pyplot as plt
import torch
from skimage import data

import colorful
from colorful.lab import lab_to_rgb

photo = data.coffee()
colorizer = colorful.Colorizer.from_pretrained("lite")
prediction = colorizer.predict(photo)

points = {"table": (60, 330), "coffee": (300, 170), "saucer": (180, 300)}
height, width = photo.shape[:2]
centers = prediction.bins.cpu()
swatches = torch.cat((torch.full((313, 1), 60.0), centers), dim=1).T[:, None]  # L = 60, the bin's ab
colors = lab_to_rgb(swatches)[:, 0].T.numpy()

figure, axes = plt.subplots(1, len(points) + 1, figsize=(14, 3.6), layout="constrained")
axes[0].imshow(prediction.rgb())
axes[0].axis("off")
for axis, (name, (x, y)) in zip(axes[1:], points.items(), strict=True):
    axes[0].plot(x, y, "o", color="white", markeredgecolor="black")
    axes[0].text(x + 15, y - 15, name, bbox={"facecolor": "white", "boxstyle": "round"})
    logits = prediction.logits.float().cpu()
    h, w = logits.shape[-2:]
    cell = logits.reshape(313, h, w)[:, y * h // height, x * w // width]
    probability = cell.softmax(dim=0)
    axis.scatter(centers[:, 1], centers[:, 0], s=1500 * probability + 2, c=colors)
    axis.set(title=name, xlabel="b", ylabel="a", xlim=(-115, 115), ylim=(-115, 115), aspect="equal")

# %%
# The likeliest colors at a point, as a page or an editor would offer them:

for color, share in prediction.suggest(x=300, y=170, count=5):
    print(f"{color}  {share:.0%}")
