"""Find out whether released weights of eccv16 bring their temperature along.

The last layer averages over the bins what the softmax gives. If its weights are the bin centers, the softmax
alone sets the temperature; if then the softmax is as peaked as one at T = 0.38, that temperature is in the
logits already.

    python benchmarks/temperature.py FILE
"""

from __future__ import annotations

import sys

import skimage.data
import torch

from colorful import hub
from colorful.lab import AbBins
from colorful.raster import light

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


def main(file: str) -> None:
    """Print how far the last layer is from the bin centers, and how peaked the probabilities are."""
    network = hub.load(file)
    decoder = network.state_dict()["model_out.weight"][:, :, 0, 0].T * 110
    apart = (decoder - AbBins().centers).norm(dim=1).max().item()
    print(f"last layer x 110 against the 313 bin centers: at most {apart:.3f} apart")
    batch = torch.cat([light(getattr(skimage.data, name)(), (256, 256)) for name in PHOTOS])
    with torch.inference_mode():
        logits = network(batch)
        for factor in (1.0, 0.38):
            peak = (logits * factor).softmax(dim=1).amax(dim=1).mean().item()
            print(f"mean highest probability with the logits times {factor}: {peak:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
