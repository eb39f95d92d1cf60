"""The fast forms of two stages: a photo's pixels become L, and L with ab becomes pixels again.

Both work on bands of rows that fit into the cache, on ``torch.get_num_threads()`` threads at once. They go
from the photo's bytes straight to bytes: no copy of the whole photo in floats is made.
"""

from colorful.raster.coloring import Region, Upsampling, bounded, render
from colorful.raster.lightness import light

__all__ = ["Region", "Upsampling", "bounded", "light", "render"]
