"""A page that colors photos wholly in the browser: a folder of static files for any web space."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Unpack

import numpy as np

import colorful
from colorful import files, hub, images
from colorful.colorizer import Colorizer
from colorful.errors import OutputError
from colorful.export import network_file
from colorful.hub import FetchOptions
from colorful.images.xmp import Packet
from colorful.models.network import Network
from colorful.protocols import LONGEST
from colorful.runtime import Description
from colorful.runtime.onnx import open_session
from colorful.web_app.pages import LANGUAGES, POLICY, SITE, licenses, page
from colorful.web_app.runtime import BUILDS, Runtime, load_runtime

__all__ = ["write_web_app"]

PIXELS = 64_000_000
"""In a photo, at most: its pixels are held twice while it is colored, at 4 bytes each."""

_ICONS = ("icon.svg", "handle.svg")
_SHARED = ("card.js", "dom.js", "main.js", "memory.js", "photo.js", "texts.js")
_STYLES = ("style.css", "editor.css", "noscript.css")
_OWN = (
    "editor.js",
    "engine.js",
    "lab.js",
    "marks.js",
    "start.js",
    "studio.js",
    "worker.js",
    "zip.js",
    "look.css",
)
_PROBE = 64  # outputs of the network that a browser's are compared with
_MARK = "sw.js"  # by which a folder is known to be one of these


def write_web_app(
    folder: str | os.PathLike[str],
    model: str | os.PathLike[str] = "lite",
    *,
    runtime: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    **options: Unpack[FetchOptions],
) -> Path:
    """Make a folder of static files that is a page which colors photos in the browser.

    Args:
        folder: The folder to make; it appears whole or not at all.
        model: As for :func:`colorful.hub.fetch`, like the *options*.
        runtime: The npm package onnxruntime-web, as a .tgz file or unpacked. By default the version that this
            was tested with, from the cache or from npm's registry.
        overwrite: Whether a web app that is in *folder* may be replaced.
        **options: Where the weights come from.

    Returns:
        The folder.

    Raises:
        OutputExistsError: If something is in *folder* and *overwrite* is not set.
        OutputError: If it cannot be written, or has something else than a web app in it.
        ExportError: If the network cannot be exported, or onnxruntime-web cannot be had.
        WeightsError: If the weights cannot be found, fetched, trusted or read.
    """
    target = Path(folder)
    _check(target, overwrite=overwrite)  # before the minute that this takes
    engine = load_runtime(runtime, cache_dir=options.get("cache_dir"))
    network = hub.load(model, **options)
    app = _App(network, engine)
    content = app.content()
    with files.making_folder(target, overwrite=overwrite) as made:
        for name, data in content.items():
            (made / name).write_bytes(data)
    return target


def _check(folder: Path, *, overwrite: bool) -> None:
    files.check_folder(folder, overwrite=overwrite)
    if overwrite and folder.exists() and any(folder.iterdir()) and not (folder / _MARK).is_file():
        raise OutputError(f"{folder}: expected a web app to replace, got a folder with other files in it")


@dataclass(frozen=True)
class _App:
    network: Network
    runtime: Runtime

    def content(self) -> dict[str, bytes]:
        """Give every file of the folder by its name."""
        graph = network_file(self.network, half=True, hints=False)
        large = {"model": _packed(f"{self.network.architecture}.onnx", graph)}
        large |= {
            kind: _packed(_name(build.wasm), self.runtime.files[build.wasm]) for kind, build in BUILDS.items()
        }
        code = {
            _name(part): self.runtime.files[part]
            for build in BUILDS.values()
            for part in (build.module, build.glue)
        }
        shell = {name: _read("web", name) for name in (*_ICONS, *_SHARED, *_STYLES)}
        shell |= {name: _read("web_app", name) for name in _OWN}
        shell |= self._samples() | code
        facts = self._facts(graph, large)
        for language in LANGUAGES:
            shell[SITE[language]] = page(language, facts).encode()
        shell["licenses.txt"] = licenses(self.network.architecture, self.runtime.version).encode()
        version = _digest(json.dumps(facts), *shell.values())
        shell["app.js"] = _module(facts, version)
        worker = _read("web_app", "sw.js")
        names = [name for name, _ in large.values()]
        told = {"version": version, "shell": sorted(shell), "large": names, "policy": POLICY}
        return (
            shell | dict(large.values()) | {"sw.js": f"const APP = {json.dumps(told)};\n".encode() + worker}
        )

    def _samples(self) -> dict[str, bytes]:
        before = _read("web", "sample.jpg")
        after = Colorizer(self.network, device="cpu").predict(before).picture()
        return {"sample.jpg": before, "sample-after.jpg": images.encode(after, "jpeg", quality=85)}

    def _facts(self, graph: bytes, large: Mapping[str, tuple[str, bytes]]) -> dict[str, Any]:
        """Collect what the scripts have to know."""
        known = Description.of(self.network)
        config = known.config
        named = {key: {"name": name, "bytes": len(data)} for key, (name, data) in large.items()}
        return {
            "model": named["model"],
            "runtimes": {
                kind: {
                    "module": f"./{_name(build.module)}",
                    "glue": f"./{_name(build.glue)}",
                    "wasm": named[kind],
                }
                for kind, build in BUILDS.items()
            },
            "network": {
                "size": config.network_size,
                "fit": config.fit,
                "multiple": known.multiple,
                "stride": known.stride,
                "longest": LONGEST,
                "temperature": None if known.bins is None else config.temperature,
                "saturation": config.saturation,
                "bins": None if known.bins is None else known.bins.tolist(),
            },
            "probe": _probe(graph, known.multiple),
            "pixels": PIXELS,
            "xmp": _mark(),
        }


def _probe(graph: bytes, multiple: int) -> dict[str, Any]:
    """Tell what the network says of some numbers, so that a browser can compare what it computes."""
    size = (2 * multiple, 3 * multiple)
    light = (np.arange(size[0] * size[1]) * 37 % 101).astype(np.float32).reshape(1, 1, *size)
    output = np.asarray(open_session(graph).run(None, {"light": light})[0]).reshape(-1)
    some = output[:: len(output) // _PROBE][:_PROBE]
    tolerance = 0.02 * max(1.0, float(np.abs(output).max()))
    return {"size": size, "output": [round(float(value), 4) for value in some], "tolerance": tolerance}


def _mark() -> str:
    packet = Packet()
    packet.mark_as_made_by_a_model()
    return packet.to_bytes().decode()


def _packed(name: str, data: bytes) -> tuple[str, bytes]:
    """Compress a file, so that it travels small from any server, and put its content into its name."""
    stem, _, ending = name.partition(".")
    return f"{stem}.{_digest(data)[:8]}.{ending}.gz", gzip.compress(data, 9, mtime=0)


def _name(part: str) -> str:
    """Name a part of onnxruntime for readers; a module ends in .js, since not every web server knows .mjs."""
    return (
        part.replace("ort-wasm-simd-threaded", "onnxruntime")
        .replace("ort.", "onnxruntime-api.")
        .replace(".mjs", ".js")
    )


def _module(facts: Mapping[str, Any], version: str) -> bytes:
    told = json.dumps({**facts, "version": version}, ensure_ascii=True)
    return (
        f"// What {colorful.__name__} {colorful.__version__} knew when it made this page.\n"
        f"export const app = {told};\n"
        'export const cache = `colorful ${new URL("./", import.meta.url).pathname} ${app.version}`;\n'
    ).encode()


def _digest(*parts: str | bytes) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part.encode() if isinstance(part, str) else part)
    return total.hexdigest()[:16]


def _read(part: str, name: str) -> bytes:
    return resources("colorful").joinpath(part, "static", name).read_bytes()
