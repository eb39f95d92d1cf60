"""Guided against bilinear upsampling: how far from the true colors, everywhere and along edges.

Needs photos that are not in the repository: ``--photos`` takes folders or tar shards, of which the validation
split is read; ``--large`` a folder of photos of 4 megapixels or more, such as those of Debian's packages
lomiri-wallpapers-16.04, lomiri-wallpapers-20.04, mate-backgrounds and plasma-workspace-wallpapers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import make_parser, write
from PIL import Image
from speed import lite
from torch import Tensor
from torch.nn import functional

from colorful import Colorizer
from colorful.lab import lab_to_rgb, rgb_to_lab
from colorful.lab.upsample import guided_upsample, upsample
from colorful.metrics import ciede2000
from colorful.photos import color_kind, find_photos, split_photos

SAMPLE = 100_000
WAYS = ("bilinear", "guided")
# Photographs among the wallpapers; the rest is drawn or rendered.
LARGE = (
    *("Bridge_by", "Dragonfly_by", "Fossa_by", "Infinite-Sea", "Kleiber_by"),
    *("Picture_0B", "Wine_by", "aitzgorri", "free_by", "friends_by"),
    *("greentock", "life_by", "picosdeeuropa", "seeding_by", "sunset_by"),
    *("Aqua", "Garden", "LadyBird", "TwoWings", "Wood.jpg"),
    *("YellowFlower", "Autumn/", "BytheWater/", "FallenLeaf/", "ColorfulCups/"),
)


def widen(ab: Tensor, light: Tensor, way: str) -> Tensor:
    """Bring ab to the size of L."""
    if way == "guided":
        return guided_upsample(ab, light)
    return upsample(ab, (light.shape[-2], light.shape[-1]))


def near_edges(light: Tensor) -> Tensor:
    """Mark what lies within 3 pixels of the tenth of pixels with the steepest L."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])[None, None]
    across, down = (functional.conv2d(light, k, padding=1) for k in (kernel, kernel.mT))
    steep = torch.hypot(across, down)
    strong = steep >= np.quantile(steep.numpy().ravel()[::7], 0.9)
    return functional.max_pool2d(strong.float(), 7, stride=1, padding=3)[0, 0] > 0


def errors(rgb: np.ndarray, cells: dict[str, Tensor], generator: np.random.Generator) -> dict[str, Any]:
    """Give the mean CIEDE2000 of each way for each kind of cells, over the photo and along its edges."""
    lab = rgb_to_lab(torch.from_numpy(rgb / np.float32(255)).permute(2, 0, 1)[None])
    light = lab[:, :1]
    edges = np.flatnonzero(near_edges(light).numpy())
    sample = {
        "everywhere": torch.from_numpy(generator.integers(0, light.numel(), SAMPLE)),
        "edges": torch.from_numpy(generator.choice(edges, SAMPLE)),
    }
    found = {}
    for kind, ab in cells.items():
        for way in WAYS:
            widened = torch.cat((light, widen(ab, light, way)), dim=1).flatten(2)
            for place, some in sample.items():
                difference = ciede2000(widened[:, :, some, None], lab.flatten(2)[:, :, some, None])
                found[f"{kind}, {way}, {place}"] = float(difference.mean())
    return found


def study(photos: list[np.ndarray], colorizer: Colorizer, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Average over photos, and count those on which the guided way is nearer to the truth."""
    generator = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for rgb in photos:
        lab = rgb_to_lab(torch.from_numpy(rgb / np.float32(255)).permute(2, 0, 1)[None])
        cells = {
            f"true ab at {n}": functional.interpolate(lab[:, 1:], size=(n, n), mode="area") for n in sizes
        }
        cells["predicted ab"] = colorizer.predict(rgb).ab()[None]
        rows.append(errors(rgb, cells, generator))
    result: dict[str, Any] = {"photos": len(rows)}
    for key in rows[0]:
        kind, way, place = key.split(", ")
        if way == "bilinear":
            plain, guided = (np.array([row[f"{kind}, {w}, {place}"] for row in rows]) for w in WAYS)
            result[f"{kind}, {place}"] = {
                "bilinear": plain.mean(),
                "guided": guided.mean(),
                "photos_where_guided_is_nearer": int((guided < plain).sum()),
            }
    return result


def sheet(photos: list[np.ndarray], path: Path, colorizer: Colorizer) -> None:
    """Draw crops: the photo, then true ab at 64 x 64 and predicted ab, each bilinear and guided."""
    side, rows = 220, []
    for rgb in photos:
        lab = rgb_to_lab(torch.from_numpy(rgb / np.float32(255)).permute(2, 0, 1)[None])
        light = lab[:, :1]
        true = functional.interpolate(lab[:, 1:], size=(64, 64), mode="area")
        # Where bilinear is farthest off: what there is to see.
        off = (widen(true, light, "bilinear") - lab[:, 1:]).square().sum(1, keepdim=True)
        blocks = functional.avg_pool2d(off, side, stride=side // 2)
        best = int(blocks.argmax())
        top, left = (int(v) * (side // 2) for v in np.unravel_index(best, blocks.shape[-2:]))
        crops = [rgb[top : top + side, left : left + side]]
        for ab in (true, colorizer.predict(rgb).ab()[None]):
            for way in WAYS:
                whole = torch.cat((light, widen(ab, light, way)), dim=1)
                part = lab_to_rgb(whole[..., top : top + side, left : left + side].contiguous())
                crops.append((part[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
        rows.append(np.concatenate(crops, axis=1))
    Image.fromarray(np.concatenate(rows, axis=0)).save(path)


def load_large(folder: Path, most: int) -> tuple[list[str], list[np.ndarray]]:
    """Read the photographs of 4 megapixels or more that are known by name."""
    names, photos = [], []
    for path in sorted(folder.rglob("*.jpg")):
        if path.is_symlink() or "screenshot" in path.name or not any(name in str(path) for name in LARGE):
            continue
        with Image.open(path) as picture:
            if picture.width * picture.height < 4_000_000:
                continue
            picture.thumbnail((4000, 4000), Image.Resampling.BOX)
            photos.append(np.asarray(picture.convert("RGB")))
        names.append(str(path.relative_to(folder)))
        if len(photos) == most:
            break
    return names, photos


def main() -> None:
    """Measure what is given, and draw the sheet."""
    parser = make_parser(__doc__)
    parser.add_argument("--photos", nargs="+", help="folders or tar shards of color photos")
    parser.add_argument("--large", type=Path, help="folder with photos of 4 megapixels or more")
    parser.add_argument("--sheet", type=Path, help="where to draw crops of the large ones, as PNG")
    options = parser.parse_args()
    colorizer = Colorizer(lite(), device="cpu", name="lite")
    results: dict[str, Any] = {}
    if options.photos:
        validation = split_photos(find_photos(options.photos)).validation[: 4 if options.small else 200]
        loaded = [photo.load() for photo in validation]
        small_ones = [rgb for rgb in loaded if color_kind(rgb) == "color"]
        results["validation photos"] = study(small_ones, colorizer, (64,))
    if options.large:
        names, photos = load_large(options.large, 1 if options.small else 12)
        results["photos of 4 megapixels and more"] = study(photos, colorizer, (64, 256)) | {"names": names}
        if options.sheet:
            sheet(photos, options.sheet, colorizer)
    write("guided", results, small=options.small)


if __name__ == "__main__":
    main()
