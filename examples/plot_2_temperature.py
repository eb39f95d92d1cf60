"""
Temperature
===========

The network says how likely each color is, and the temperature says how to choose among likely colors. A low
temperature gives vivid colors, sometimes with blotches; a high one gives smooth, greyish colors. ``predict``
runs the network once, and each further picture takes little time.
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
