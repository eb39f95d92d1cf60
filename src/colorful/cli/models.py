"""``colorful models`` and ``colorful info``: what there is, here and to be had."""

from __future__ import annotations

import json
import platform
from importlib import import_module
from typing import Any

import click

from colorful.errors import WeightsError


@click.command(short_help="List the models, and which are on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def models(as_json: bool) -> None:
    """List the models that have a short name, and tell which are on this machine.

    The option --model of other commands takes one of these names, a Hub id (org/name), a folder or a file.
    """
    from colorful.models import DEFAULT_MODEL, MODELS, network_class

    rows: list[dict[str, Any]] = []
    for name, info in MODELS.items():
        network = network_class(info.architecture)
        rows.append(
            {
                "name": name,
                "default": name == DEFAULT_MODEL,
                "hints": network.takes_hints,
                "temperature": network.output == "distribution",
                "weights": _whereabouts(name),
                "license": info.license,
                "summary": info.summary,
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return

    width = max(map(len, MODELS))
    for row in rows:
        abilities = [ability for ability in ("hints", "temperature") if row[ability]]
        click.echo(f"{row['name']:{width}}  {row['summary']}")
        facts = (row["weights"], " and ".join(abilities), row["license"])
        click.echo(f"{'':{width}}  {'; '.join(filter(None, facts))}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def info(as_json: bool) -> None:
    """Print versions, devices and folders, for a bug report."""
    import torch

    from colorful import __version__, hub
    from colorful.models import DEFAULT_MODEL

    devices = ["cpu"]
    devices += [f"cuda:{n} ({torch.cuda.get_device_name(n)})" for n in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    # Asked themselves: a program that was frozen has no metadata of packages.
    packages = {"torch": "torch", "numpy": "numpy", "pillow": "PIL", "scikit-image": "skimage"}
    packages |= {"huggingface-hub": "huggingface_hub", "safetensors": "safetensors"}
    facts: dict[str, Any] = {
        "colorful": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: import_module(module).__version__ for name, module in packages.items()},
        "devices": devices,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "default model": DEFAULT_MODEL,
        "weights cache": str(hub.cache_folder()),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:{width}}  {', '.join(value) if isinstance(value, list) else value}")


def _whereabouts(name: str) -> str:
    """Tell whether a model's weights are on this machine, without asking any server."""
    from colorful import hub
    from colorful.models import MODELS

    try:
        hub.fetch(name, local_files_only=True)
    except WeightsError:
        return "to be downloaded"
    return "bundled" if MODELS[name].bundled else "downloaded"
