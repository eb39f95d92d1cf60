"""
Temperature
===========

The network says how likely each color is; the temperature decides what becomes of doubt. Low: vivid and
sometimes blotchy. High: smooth and greyish. ``predict`` runs the network once; each decoding after that is
quick.
"""

import matplotlib.pyplot as plt
from skimage import data

import colorful

colorizer = colorful.Colorizer.from_pretrained("lite")
prediction = colorizer.predict(data.astronaut())

temperatures = (0.05, 0.2, 0.38, 0.7, 1.0)
figure, axes = plt.subplots(1, len(temperatures), figsize=(14, 3.2), layout="constrained")
for axis, temperature in zip(axes, temperatures, strict=True):
    axis.imshow(prediction.rgb(temperature=temperature))
    axis.set_title(f"T = {temperature}")
    axis.axis("off")
