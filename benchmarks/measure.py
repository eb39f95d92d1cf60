"""What the benchmarks share: the clock, the photos, the peer's pipeline, the JSON with its circumstances."""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

RESULTS = Path(__file__).parent / "results"
_PACKAGES = (
    *("colorful-colorization", "torch", "numpy", "scikit-image", "opencv-python-headless", "kornia"),
    *("pillow", "rz-colorization"),
)


def make_parser(doc: str | None) -> argparse.ArgumentParser:
    """Make a parser of the command line, with the option that every benchmark has."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="try out that it runs; the figures mean nothing")
    return parser


def timed(
    *calls: Callable[[], object], repeats: int, warm_up: bool = True, spend: float = 30.0
) -> list[dict[str, float]]:
    """Time calls in turn, so that a change of the machine's pace meets all of them alike.

    Args:
        calls: What to run.
        repeats: Rounds, after one that does not count.
        warm_up: Whether to run that one.
        spend: Seconds after which no further round is begun.
    """
    took: list[list[float]] = [[] for _ in calls]
    if warm_up:
        for call in calls:
            call()
    begun = time.perf_counter()
    for round_number in range(repeats):
        if round_number and time.perf_counter() - begun > spend:
            break
        for call, seconds in zip(calls, took, strict=True):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    return [quartiles(seconds) for seconds in took]


def quartiles(values: Sequence[float]) -> dict[str, float]:
    """Give the quartiles, and of how many values."""
    q1, median, q3 = np.percentile(values, (25, 50, 75)).tolist()
    return {"q1": q1, "median": median, "q3": q3, "rounds": len(values)}


def promised(what: str, figure: str, *, met: bool) -> None:
    """Say whether a promise is kept."""
    print(f"{'met    ' if met else 'NOT MET'}  {what}: {figure}", flush=True)


def in_own_process(script: str, *arguments: object) -> Any:
    """Run a part of a benchmark in a process of its own; give the JSON that it prints."""
    command = [sys.executable, script, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def resident() -> int:
    """Give how many bytes of memory this process holds (Linux only)."""
    return _status("VmRSS")


def peak() -> int:
    """Give the most it has held since :func:`forget_peak`; unlike ``ru_maxrss``, without its parent's."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Set the peak back to the present."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


@contextmanager
def serving(
    model: str = "lite", environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``colorful serve`` until the block ends; give its address, and the process."""
    command = [sys.executable, "-m", "colorful", "serve", "--port", "0", "--model", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://[^/\s]+", server.stdout.readline())
            if found is None:
                raise RuntimeError("the server did not start")
            yield found[0], server
        finally:
            server.kill()


def matrix_rate(size: int, *, dtype: torch.dtype = torch.float32, repeats: int = 7) -> float:
    """Measure the best GFLOP/s of a square matrix product."""
    a, b = torch.rand(size, size).to(dtype), torch.rand(size, size).to(dtype)
    best = float("inf")
    a @ b
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def photo(height: int, width: int, name: str = "coffee") -> np.ndarray:
    """Give a color photo that comes with scikit-image, at any size, with grain so as not to be too smooth."""
    import skimage.data

    picture = Image.fromarray(getattr(skimage.data, name)()[..., :3])
    large = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    large += np.random.default_rng(0).integers(-6, 7, large.shape[:2], np.int16)[..., None]
    return large.clip(0, 255).astype(np.uint8)


def grey(rgb: np.ndarray) -> np.ndarray:
    """Give the photo in 8-bit grey."""
    return np.asarray(Image.fromarray(rgb).convert("L"))


def jpeg(pixels: np.ndarray) -> bytes:
    """Encode as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def vivid(network: Any) -> Any:
    """Scale random weights until ab varies by a standard deviation of 15 to 25, and give the network back.

    As they are, random weights say one grey everywhere, and mapping into the gamut would be had for nothing.
    """
    light = torch.from_numpy(photo(128, 128)[..., 1])[None, None] / 2.55
    # The last layer that can be scaled, and what forward() does to its output.
    layer, finish = {
        "eccv16": lambda: (network.model8[-1], lambda x: x * 0.38),
        "siggraph17": lambda: (network.model_out[0], lambda x: x.tanh() * 110),
        "lite": lambda: (network.head, lambda x: x),
    }[network.architecture]()
    raw: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: raw.append(output.clone()))
    network.eval()
    with torch.no_grad():
        network(light)
        hook.remove()
        mean = raw[0].mean(dim=(0, 2, 3))
        low, high = 1.0, 1e7
        for _ in range(40):
            factor = (low * high) ** 0.5
            scaled = (raw[0] - mean[:, None, None]) * factor
            spread = float(network.decode(finish(scaled)).std(dim=(0, 2, 3)).mean())
            if 15 <= spread <= 25:
                layer.weight.mul_(factor)
                layer.bias.sub_(mean).mul_(factor)
                return network
            low, high = (factor, high) if spread < 15 else (low, factor)
    raise RuntimeError(f"the spread of ab did not settle: {spread:.1f}")


def peer_pipeline(network: torch.nn.Module, rgb: np.ndarray, *, ab: torch.Tensor | None = None) -> np.ndarray:
    """Color as the demo of rz-colorization does, though without recording gradients."""
    from colorizers import postprocess_tens, preprocess_img

    if rgb.ndim == 2:
        rgb = np.repeat(rgb[..., None], 3, axis=2)
    with torch.no_grad():
        whole, small = preprocess_img(rgb, HW=(256, 256))
        return postprocess_tens(whole, network(small) if ab is None else ab)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table, the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def write(name: str, results: dict[str, Any], *, small: bool) -> None:
    """Put results, and what they were measured on and with, into ``results/NAME.json``."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    document = {
        "benchmark": name,
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "commit": _git("rev-parse", "--short", "HEAD")
        + ("+" if _git("status", "--porcelain", "../src") else ""),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "system": platform.platform(),
            "load": round(os.getloadavg()[0], 2),
        },
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": found,
        "smoke_run": small,
        "results": results,
    }
    folder = RESULTS / "smoke" if small else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    sys.stdout.write(json.dumps(results, indent=1) + "\n")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
