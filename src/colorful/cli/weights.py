"""``colorful download``, ``convert``, ``inspect`` and ``cache``: the files behind the models."""

from __future__ import annotations

from pathlib import Path

import click

from colorful.cli import shown, tell
from colorful.models import ARCHITECTURES

_cache_dir = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where downloaded files are kept; by default a folder in HF_HOME.",
)


@click.command(short_help="Download a model, to work offline later.")
@click.argument("model")
@click.option("--revision", help="For a Hub id: its branch, tag or commit.")
@_cache_dir
@click.option("-f", "--force", is_flag=True, help="Download again, even if it is in the cache.")
def download(model: str, revision: str | None, cache_dir: Path | None, force: bool) -> None:
    """Download a model, so that it works offline later.

    MODEL is a name as `colorful models` lists them, or a Hub id (org/name). For a private repo log in
    with `hf auth login`, or set HF_TOKEN.
    """
    from colorful.hub import fetch

    found = fetch(model, revision=revision, cache_dir=cache_dir, force_download=force)
    click.echo(found.weights)
    tell(f"from {shown(found.source)}, SHA-256 {found.digest}")


@click.command(short_help="Convert a .pth file to a folder for the Hub.")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--architecture",
    type=click.Choice(list(ARCHITECTURES)),
    help="Architecture of the network, if the file does not say it.",
)
@click.option("--overwrite", is_flag=True, help="Replace what is in FOLDER.")
def convert(file: Path, folder: Path, architecture: str | None, overwrite: bool) -> None:
    """Convert a .pth FILE to a FOLDER of config.json, model.safetensors and README.md.

    The tensors stay exactly as they are. The pickle is read without running any code in it.
    """
    from colorful.files import check_folder
    from colorful.hub import inspect, save_pretrained, weights
    from colorful.hub.cards import released_card

    check_folder(folder, overwrite=overwrite)
    found = inspect(file)
    network = weights.build(found.config_for(architecture), found.path, str(file))
    name = found.released_as
    card = None if name is None else released_card(name, model=str(folder), sha256=found.sha256)
    made = inspect(save_pretrained(network, folder, card=card))
    click.echo(folder)
    tell(f"{made.path.name}: {made.path.stat().st_size} bytes, SHA-256 {made.sha256}")


@click.command(short_help="Write a model for other runtimes, as ONNX.")
@click.argument("model")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--half", is_flag=True, help="Store the weights in half precision, for a file of half the size."
)
@click.option(
    "--whole", is_flag=True, help="Write the whole pipeline, from RGB to RGB, instead of only the network."
)
@click.option("--overwrite", is_flag=True, help="Replace FILE.")
def export(model: str, file: Path, half: bool, whole: bool, overwrite: bool) -> None:
    """Write a MODEL as an ONNX FILE, which runs without torch and in many languages.

    MODEL is a name, a Hub id, a folder or a file of weights. Without --whole, the file holds only the
    network: its input is L, its output a distribution or ab, and `colorful photo.jpg --model FILE` colors
    with it. With --whole, input and output are RGB from 0 to 1.
    """
    from colorful.export import export_onnx
    from colorful.hub import load

    tell("this takes a minute or two")
    made = export_onnx(load(model), file, half=half, whole=whole, overwrite=overwrite)
    click.echo(made)
    tell(f"{made.stat().st_size} bytes")


@click.command("web-app", short_help="Make a page that colors photos in the browser.")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "-m", "--model", default="lite", show_default=True, help="A name, a Hub id, a folder or a file."
)
@click.option(
    "--runtime",
    type=click.Path(path_type=Path),
    help="The npm package onnxruntime-web, as .tgz or unpacked; by default it is downloaded.",
)
@click.option("--overwrite", is_flag=True, help="Replace a web app that is in OUT.")
def web_app(out: Path, model: str, runtime: Path | None, overwrite: bool) -> None:
    """Make a page that colors photos in the browser, without a server that computes.

    The folder OUT gets static files. Copy them to any web space, or try them with
    `python3 -m http.server --directory OUT`. The page sends no photo anywhere, and after the first visit it
    works without a connection. onnxruntime-web, which computes in the browser, is downloaded once from npm's
    registry and checked.
    """
    from colorful.web_app import write_web_app

    tell("this takes a minute or two")
    made = write_web_app(out, model, runtime=runtime, overwrite=overwrite)
    click.echo(made)
    size = sum(file.stat().st_size for file in made.iterdir())
    tell(f"{size} bytes; python3 -m http.server --directory {shown(made)} shows it")


@click.command(short_help="Show what is in a file of weights.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--tensors", is_flag=True, help="List every tensor.")
def inspect(file: Path, tensors: bool) -> None:
    """Show what a FILE of weights is: network, checksum and shapes.

    FILE is a .safetensors or .pth file, or a folder with one. No code in it is run.
    """
    from colorful.hub import inspect as look_into

    found = look_into(file)
    lines = {
        "file": shown(found.path),
        "kind": f"{found.kind}, {found.path.stat().st_size} bytes",
        "sha256": found.sha256,
        "released": f"as {found.released_as}" if found.released_as else "no file that colorful knows",
        "network": found.architecture or "the file does not tell",
        "tensors": f"{len(found.tensors)} of {found.parameters} numbers, "
        + ", ".join(sorted({tensor.dtype for tensor in found.tensors.values()})),
    }
    if found.architecture:
        lines["fits"] = f"no: {found.mismatch}" if found.mismatch else "yes"
    for name, value in ((found.config or {}).get("config") or {}).items():
        lines[name] = shown(value)
    width = max(map(len, lines))
    for name, line in lines.items():
        click.echo(f"{name:{width}}  {line}")
    if tensors:
        for name, tensor in found.tensors.items():
            click.echo(f"{shown(name)}  {tensor.dtype}  {' x '.join(map(str, tensor.shape)) or 'scalar'}")


@click.command(short_help="List the cached models, or --clear them.")
@_cache_dir
@click.option("--clear", "clear_all", is_flag=True, help="Delete all models that are listed.")
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
def cache(cache_dir: Path | None, clear_all: bool, yes: bool) -> None:
    """List the models that are cached, and delete them with --clear.

    The cache of the Hub may hold other repos, too. Only those with a model for colorful are listed and
    deleted.
    """
    from colorful.hub import cache_folder, cached, clear

    entries = cached(cache_dir)
    for entry in entries:
        unfinished = "" if entry.whole else "  (unfinished download)"
        click.echo(f"{entry.size / 1e6:9.1f} MB  {shown(entry.name)}{unfinished}  {shown(entry.path)}")
    if not entries:
        tell(f"nothing is cached in {shown(cache_folder(cache_dir))}")
    elif clear_all:
        total = sum(entry.size for entry in entries) / 1e6
        if not yes:
            click.confirm(f"Delete these {len(entries)}, {total:.1f} MB?", abort=True, err=True)
        clear(cache_dir)
        tell(f"{total:.1f} MB freed")
