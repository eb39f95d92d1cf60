"""Networks and whole pipeline, side by side with the PyPI package of the authors' networks, rz-colorization.

Weights are random, as they do not matter for time, but scaled to colors as strong as a trained model's.
"""

from __future__ import annotations

import argparse
import copy
import gc
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import (
    forget_peak,
    grey,
    in_own_process,
    make_parser,
    matrix_rate,
    peak,
    peer_pipeline,
    photo,
    resident,
    timed,
    vivid,
    write,
)
from torch.utils.flop_counter import FlopCounterMode

from colorful import Colorizer
from colorful.errors import WeightsError
from colorful.lab import rgb_to_lab
from colorful.metrics import ciede2000
from colorful.models.eccv16 import ECCV16
from colorful.models.lite import Lite
from colorful.models.siggraph17 import SIGGRAPH17
from colorful.runtime import Eager

NETWORKS: dict[str, Callable[[], Any]] = {"eccv16": ECCV16, "siggraph17": SIGGRAPH17, "lite": Lite}
SIZES = {"256": (256, 256), "1 MP": (866, 1155), "12 MP": (3000, 4000), "50 MP": (6124, 8165)}
ROUNDS = {"256": 15, "1 MP": 7, "12 MP": 5, "50 MP": 1}


def peer(name: str, ours: torch.nn.Module) -> torch.nn.Module:
    """Give the peer's network with our weights in it: the names of the layers are the same."""
    import colorizers

    network = getattr(colorizers, name)(pretrained=False).eval()
    network.load_state_dict(ours.state_dict(), strict=False)
    return network


def lite() -> Any:
    """Give the bundled network, or one with random weights if there is none."""
    try:
        return Colorizer.from_pretrained("lite", device="cpu").network
    except WeightsError:
        torch.manual_seed(0)
        return vivid(Lite())


def runner(network: Any, dtype: str) -> Eager:
    """Make the fast form of a copy of *network*."""
    wanted = {"device": torch.device("cpu"), "dtype": getattr(torch, dtype)}
    return Eager(copy.deepcopy(network), **wanted, compile=False, mapped=False)


def networks(small: bool) -> dict[str, Any]:
    """Time the networks alone at 256 x 256, each in a process of its own.

    What one leaves behind in the memory of a process changes what the next one's memory costs there.
    """
    sizes = (512,) if small else (2048, 4096)
    rates = {str(n): matrix_rate(n, repeats=1 if small else 7) for n in sizes}
    halves = matrix_rate(sizes[-1], dtype=torch.bfloat16)
    rows: dict[str, Any] = {}
    for name in NETWORKS:
        rows |= in_own_process(__file__, "--network", name, *(["--small"] if small else []))
    for row in rows.values():
        row["share_of_matrix_rate"] = row["gflop_per_s"] / max(rates.values())
    compared = rows["eccv16, batch 1"]["peer"]["median"]
    rows["lite, batch 1"]["peer_eccv16_over_ours"] = (
        compared / rows["lite, batch 1"]["ours float32"]["median"]
    )
    return {"matrix_gflop_per_s": rates, "matrix_gflop_per_s_bfloat16": halves, "networks": rows}


def network(name: str, small: bool) -> dict[str, Any]:
    """Time one network, ours and the peer's in turn."""
    pixels = photo(256, 256)
    light = rgb_to_lab(torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1)[None])[:, :1]
    torch.manual_seed(0)
    ours = lite() if name == "lite" else vivid(NETWORKS[name]())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        ours(light)
    flops = counter.get_total_flops() / 1e9
    rows: dict[str, Any] = {}
    for batch in (1, 8) if name != "siggraph17" and not small else (1,):
        input_ = light.expand(batch, -1, -1, -1).contiguous()
        runs = {f"ours {dtype}": runner(ours, dtype).run for dtype in ("float32", "bfloat16")}
        if name != "lite":
            runs["peer"] = peer(name, ours)
        with torch.inference_mode():
            took = timed(
                *(lambda net=net, x=input_: net(x) for net in runs.values()),
                repeats=1 if small else max(3, 15 // batch),
            )
        row: dict[str, Any] = dict(zip(runs, took, strict=True))
        seconds = row["ours float32"]["median"]
        row["gflop"] = flops * batch
        row["gflop_per_s"] = flops * batch / seconds
        if "peer" in row:
            row["peer_over_ours"] = row["peer"]["median"] / seconds
            row["peer_over_ours_bfloat16"] = row["peer"]["median"] / row["ours bfloat16"]["median"]
        rows[f"{name}, batch {batch}"] = row
    rows[f"{name}, batch 1"] |= _differences(ours, name, light)
    return rows


def _differences(ours: Any, name: str, light: torch.Tensor) -> dict[str, float]:
    """Tell how far bfloat16, and the peer, are from our float32, in ab and CIEDE2000."""
    with torch.inference_mode():
        outputs = {dtype: runner(ours, dtype).run(light) for dtype in ("float32", "bfloat16")}
        exact, rough = (ours.decode(outputs[dtype]) for dtype in ("float32", "bfloat16"))
        own = torch.nn.functional.interpolate(light, size=exact.shape[-2:], mode="area")
        result = {
            "ab_std": float(exact.std()),
            "bfloat16_ciede2000": float(
                ciede2000(torch.cat((own, rough), 1), torch.cat((own, exact), 1)).mean()
            ),
        }
        if name != "lite":
            theirs = torch.nn.functional.interpolate(
                peer(name, ours)(light), size=exact.shape[-2:], mode="area"
            )
            if name == "siggraph17":  # eccv16's is widened to 256 x 256 within the network
                result["peer_largest_ab_difference"] = float((theirs - exact).abs().max())
        return result


def pipelines(small: bool) -> dict[str, Any]:
    """Time array in, array out: eccv16 in float32, with gamut mapping and guided upsampling, our defaults."""
    torch.manual_seed(0)
    network = vivid(ECCV16())
    theirs = peer("eccv16", network)
    colorizer = Colorizer(network, device="cpu")
    rows = {}
    for label, (height, width) in list(SIZES.items())[: 1 if small else 4]:
        for kind in ("color", "grey") if label != "50 MP" else ("color",):
            pixels = photo(height, width) if kind == "color" else grey(photo(height, width))
            rounds = 1 if small else ROUNDS[label]
            with torch.no_grad():
                prediction = colorizer.predict(pixels)
                ab = theirs(prediction.light[None])
            # Everything but the network: the same call, with the network's answer at hand.
            idle = Colorizer(network, device="cpu")
            idle._runner.run = lambda *_, known=prediction.output[None]: known
            ours, outside, peer_whole, peer_outside = timed(
                lambda p=pixels: colorizer.colorize(p),
                lambda p=pixels, c=idle: c.colorize(p),
                lambda p=pixels: peer_pipeline(theirs, p),
                lambda p=pixels, known=ab: peer_pipeline(theirs, p, ab=known),
                repeats=rounds,
                warm_up=label != "50 MP",
            )
            rows[f"{label}, {kind}"] = {
                "pixels": height * width,
                "ours": ours,
                "ours outside the network": outside,
                "peer": peer_whole,
                "peer outside the network": peer_outside,
                "peer_over_ours": peer_whole["median"] / ours["median"],
                "peer_over_ours_outside": peer_outside["median"] / outside["median"],
            }
            gc.collect()
    return rows


def memory(small: bool) -> dict[str, Any]:
    """Take the peak of each in a process of its own, which gets model and photo from files, as users do."""
    rows = {}
    torch.manual_seed(0)
    network = vivid(ECCV16())
    for label in ("1 MP",) if small else ("12 MP", "50 MP"):
        row: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as folder:
            Colorizer(network, device="cpu").save_pretrained(folder)
            torch.save(network.state_dict(), Path(folder, "eccv16.pth"))
            np.save(Path(folder, "photo.npy"), photo(*SIZES[label]))
            np.save(Path(folder, "warm.npy"), photo(256, 256))
            for who in ("ours", "ours bfloat16", "peer"):
                row[who] = in_own_process(__file__, "--peak", who, folder)
        row["peer_over_ours"] = row["peer"]["peak_bytes"] / row["ours"]["peak_bytes"]
        row["peer_over_ours_bfloat16"] = row["peer"]["peak_bytes"] / row["ours bfloat16"]["peak_bytes"]
        row["peer_over_ours_above_level"] = row["peer"]["bytes_a_pixel"] / row["ours"]["bytes_a_pixel"]
        rows[label] = row
    return rows


def measure_peak(who: str, folder: Path) -> dict[str, float]:
    """Measure the peak of resident memory while one photo is colored, after one of 256 x 256 (Linux only)."""
    pixels, warm = np.load(folder / "photo.npy"), np.load(folder / "warm.npy")
    run: Callable[[np.ndarray], np.ndarray]
    if who == "peer":
        import colorizers

        network = colorizers.eccv16(pretrained=False).eval()
        network.load_state_dict(torch.load(folder / "eccv16.pth"))
        run = partial(peer_pipeline, network)
    else:
        dtype = "bfloat16" if who.endswith("bfloat16") else "float32"
        run = Colorizer.from_pretrained(folder, device="cpu", dtype=dtype).colorize
    run(warm)
    gc.collect()
    level = resident()
    forget_peak()
    result = run(pixels)
    highest = peak()
    return {
        "level_bytes": level,
        "peak_bytes": highest,
        "bytes_a_pixel": (highest - level) / (pixels.shape[0] * pixels.shape[1]),
        "result_bytes_a_pixel": result.nbytes / (pixels.shape[0] * pixels.shape[1]),
    }


def main() -> None:
    """Run what the command line asks for."""
    parser = make_parser(__doc__)
    parser.add_argument("--peak", nargs=2, metavar=("WHO", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--network", choices=NETWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        who, folder = options.peak
        sys.stdout.write(json.dumps(measure_peak(who, Path(folder))))
        return
    if options.network:
        sys.stdout.write(json.dumps(network(options.network, options.small)))
        return
    results = networks(options.small)
    for name, part in (("pipeline", pipelines), ("memory", memory)):
        results[name] = part(options.small)
    write("speed", results, small=options.small)


if __name__ == "__main__":
    main()
