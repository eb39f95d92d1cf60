"""The fast forms of two stages: a photo's pixels become L, and L with ab becomes pixels again.

Both run over bands of rows that fit the cache, side by side on ``torch.get_num_threads()`` threads, from
the photo's own bytes to bytes again: beside the result, only what the network made is ever held whole.
"""

from colorful.raster.coloring import Region, Upsampling, render
from colorful.raster.lightness import light

__all__ = ["Region", "Upsampling", "light", "render"]
