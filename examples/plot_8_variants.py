"""
Variants to choose from
=======================

One grey photo can be colored in many believable ways. In each variant, things whose color is uncertain have
another color that the network finds likely; everything else keeps its color. The first is the plain picture.
"""

import matplotlib.pyplot as plt
from skimage import data

import colorful

photo = data.coffee()
prediction = colorful.Colorizer.from_pretrained("lite").predict(photo)

figure, axes = plt.subplots(1, 4, figsize=(14, 3), layout="constrained")
for axis, variant in zip(axes, prediction.variants(count=4), strict=True):
    axis.imshow(variant.prediction.rgb())
    for hint in variant.hints:
        axis.plot(hint.x, hint.y, "o", color=hint.color, markeredgecolor="white", markersize=8)
    axis.set_title("other colors at the circles" if variant.hints else "plain")
    axis.axis("off")

# %%
# Where is the network unsure, and where does a hint help most? The numbers are the first three questions.

figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
image = axes[0].imshow(prediction.uncertainty(), cmap="magma")
axes[0].set_title("how far a color may be off")
figure.colorbar(image, ax=axes[0], label="CIELAB units")
axes[1].imshow(prediction.rgb())
for number, place in enumerate(prediction.ask(count=3), start=1):
    axes[1].add_patch(plt.Circle((place.x, place.y), place.radius, fill=False, color="white"))
    side = "left" if place.x < photo.shape[1] / 2 else "right"
    question = f" {number}: {place.suggestions[0].name}? "
    axes[1].text(place.x, place.y - 24, question, ha=side, color="white", backgroundcolor="#00000090")
axes[1].set_title("what to ask")
for axis in axes:
    axis.axis("off")

# %%
# An example: the colors of another photo, with two amounts.

cat = data.chelsea()
figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
axes[0].imshow(cat)
axes[0].set_title("the example")
for axis, amount in zip(axes[1:], (0.5, 1.0), strict=True):
    axis.imshow(prediction.like(cat, amount=amount).rgb())
    axis.set_title(f"amount {amount:g}")
for axis in axes:
    axis.axis("off")
