"""``colorful serve``: the page, on this computer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from colorful.cli.options import DEVICE, group
from colorful.errors import OptionError

if TYPE_CHECKING:
    from colorful.colorizer import Colorizer
    from colorful.web import Limits


def _loader(models: tuple[str, ...], device: str) -> Callable[[], dict[str, Colorizer]]:
    def load() -> dict[str, Colorizer]:
        from colorful.colorizer import Colorizer
        from colorful.models import DEFAULT_MODEL

        return {
            # Visitors need not know where a model lies on this computer.
            Path(model).name if Path(model).exists() else model: Colorizer.from_pretrained(
                model, device=device
            )
            for model in models or (DEFAULT_MODEL,)
        }

    return load


_models_options = group(
    "load",
    _loader,
    click.option(
        "-m",
        "--model",
        "models",
        multiple=True,
        metavar="NAME",
        help="Model to offer; may be repeated, the first is the default.",
    ),
    DEVICE,
)


def _limits(max_mb: int, max_megapixels: float, threads: int, queue: int) -> Limits:
    from colorful.web import Limits

    if math.isnan(max_megapixels):  # which is in no range, and out of none
        raise OptionError("--max-megapixels: expected a number, got NaN")
    pixels = int(max_megapixels * 1_000_000)
    return Limits(request_bytes=max_mb << 20, pixels=pixels, workers=threads, waiting=queue)


_limit_options = group(
    "limits",
    _limits,
    click.option("--max-mb", default=64, type=click.IntRange(1), help="Largest request in megabytes."),
    click.option(
        "--max-megapixels",
        default=64.0,
        type=click.FloatRange(0.001, 1e6),
        help="Largest photo in megapixels.",
    ),
    click.option(
        "--threads",
        default=2,
        type=click.IntRange(1, 1000),
        help="How many photos are colored at the same time.",
    ),
    click.option(
        "--queue", default=16, type=click.IntRange(0), help="How many more photos may wait for their turn."
    ),
)


@click.command()
@click.option(
    "--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 is for other computers, too."
)
@click.option("--port", default=5000, type=click.IntRange(0, 65535), help="Port; 0 takes a free one.")
@click.option(
    "--prefix", default="", show_default=False, metavar="/BASE", help="Path of the page on the server."
)
@_models_options
@click.option(
    "--trusted-host", "trusted_hosts", multiple=True, metavar="NAME",
    help="Another name of this server besides localhost; may be repeated; .example.org means all below.",
)  # fmt: skip
@click.option(
    "--trust-proxy", is_flag=True, help="Trust the X-Forwarded headers of one proxy in front of the server."
)
@_limit_options
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to keep a copy of every photo and result in.",
)
@click.option("--open", "open_", is_flag=True, help="Open the page in the browser.")
def serve(
    host: str,
    port: int,
    prefix: str,
    load: Callable[[], dict[str, Colorizer]],
    trusted_hosts: tuple[str, ...],
    trust_proxy: bool,
    limits: Limits,
    keep: Path | None,
    open_: bool,
) -> None:
    """Serve a page that colors photos, until Ctrl-C.

    \b
      colorful serve --open
      colorful serve --host 0.0.0.0 --trusted-host studio.lan
    """  # noqa: D301  (\b keeps click from rewrapping)
    import ipaddress
    import webbrowser

    from colorful.web import create_app
    from colorful.web.app import studio_of
    from colorful.web.security import check_hosts, check_prefix
    from colorful.web.server import Server

    prefix, _ = check_prefix(prefix), check_hosts(trusted_hosts)  # before the model is loaded for nothing
    app = create_app(
        colorizer=load(),
        prefix=prefix,
        limits=limits,
        # An address chosen on purpose is answered for; a page elsewhere cannot make a browser send it.
        trusted_hosts=(*trusted_hosts, host),
        trust_proxy=trust_proxy,
        keep=keep,
    )
    server = Server(app, studio_of(app), host=host, port=port, trust_proxy=trust_proxy)
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    name = (trusted_hosts or ("localhost",))[0].removeprefix(".") if everywhere else host
    address = f"http://{f'[{name}]' if ':' in name else name}:{server.port}{prefix}/v1/index"
    click.echo(f"The page is at {address} (Ctrl-C ends it)")
    if everywhere and not trusted_hosts:
        click.echo(
            "Other computers are refused until --trusted-host gives the name that they use for this one.",
            err=True,
        )
    if open_:
        webbrowser.open(address)
    server.run()
