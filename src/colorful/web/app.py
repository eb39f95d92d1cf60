"""A Flask blueprint for other applications, and an application that has nothing else."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from flask import Blueprint, Flask, Response, request, send_file
from werkzeug.exceptions import NotFound, default_exceptions
from werkzeug.security import safe_join

from colorful.colorizer import Colorizer
from colorful.errors import OptionError
from colorful.web.api import add_api
from colorful.web.compression import compress
from colorful.web.limits import Limits
from colorful.web.pages import add_pages
from colorful.web.problems import handler
from colorful.web.scripts import lean
from colorful.web.security import behind_proxy, check_host, check_hosts, check_origin, check_prefix, harden
from colorful.web.store import Folder
from colorful.web.studio import Studio

# Fields of a form beside the photos, and their bytes together: hints are the only long one.
_FIELDS = 32
_FIELD_BYTES = 1 << 20


def create_blueprint(
    *,
    colorizer: Colorizer | Mapping[str, Colorizer] | None = None,
    name: str = "colorful",
    limits: Limits | None = None,
    trusted_hosts: Collection[str] | None = None,
    keep: str | os.PathLike[str] | None = None,
) -> Blueprint:
    """Make a blueprint with the page and its interface, to be registered in a Flask application.

    Args:
        colorizer: One model, or several by the names that visitors choose them by, the default first; the
            default model by default.
        name: Of the blueprint; endpoints are ``<name>.home`` and so on.
        limits: How much is taken in, kept and done at once.
        trusted_hosts: Host names that are answered beside the loopback ones; None leaves that to the
            application around it.
        keep: A folder that gets a copy of every upload and result.

    Returns:
        The blueprint; its ``studio`` can be closed when the application ends.

    Raises:
        OptionError: If *colorizer* is an empty mapping, or a trusted host is no name of one.
        WeightsError: If the default model is needed and cannot be loaded.
    """
    if colorizer is None:
        colorizer = Colorizer.from_pretrained()
    colorizers = colorizer if isinstance(colorizer, Mapping) else {colorizer.name: colorizer}
    if not colorizers:
        raise OptionError("colorizer: expected at least one model, got none")
    limits = limits or Limits()
    hosts = None if trusted_hosts is None else check_hosts(trusted_hosts)
    studio = Studio(colorizers, limits, None if keep is None else Folder(keep))
    blueprint = StudioBlueprint(name, studio)

    @blueprint.before_request
    def guard() -> None:
        if hosts is not None:
            check_host(request, hosts)
        check_origin(request)
        request.max_content_length = limits.request_bytes
        request.max_form_memory_size = _FIELD_BYTES
        request.max_form_parts = limits.photos + _FIELDS

    @blueprint.after_request
    def finish(response: Response) -> Response:
        return compress(request, harden(response))

    blueprint.register_error_handler(Exception, handler(limits))
    for status in default_exceptions:  # else one that the application around it has for a status comes first
        blueprint.register_error_handler(status, handler(limits))
    add_pages(blueprint, studio)
    add_api(blueprint, studio)
    return blueprint


class StudioBlueprint(Blueprint):
    """A blueprint that knows the studio behind it.

    Args:
        name: Of the blueprint.
        studio: What colors the photos.
    """

    def __init__(self, name: str, studio: Studio) -> None:
        super().__init__(
            name, __name__, static_folder="static", static_url_path="/v1/static", template_folder="templates"
        )
        self.studio = studio

    def send_static_file(self, filename: str) -> Response:
        """Send a script lean, and any other file as it is."""
        if not filename.endswith(".js"):
            return super().send_static_file(filename)
        try:
            source = Path(safe_join(str(self.static_folder), filename) or "").read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise NotFound from error
        script = lean(source).encode()
        return send_file(
            io.BytesIO(script),
            mimetype="text/javascript",
            etag=hashlib.sha256(script).hexdigest()[:32],
            max_age=self.get_send_file_max_age(filename),
        )


def studio_of(app: Flask, name: str = "colorful") -> Studio:
    """Return the studio behind the blueprint of that *name* in an application."""
    blueprint = app.blueprints[name]
    if not isinstance(blueprint, StudioBlueprint):
        raise OptionError(f"name: expected a blueprint made by create_blueprint, got {blueprint!r}")
    return blueprint.studio


def create_app(
    *,
    colorizer: Colorizer | Mapping[str, Colorizer] | None = None,
    prefix: str = "",
    limits: Limits | None = None,
    trusted_hosts: Collection[str] = (),
    trust_proxy: bool = False,
    keep: str | os.PathLike[str] | None = None,
) -> Flask:
    """Make a Flask application that is the page and nothing else.

    Args:
        colorizer: One model, or several by the names that visitors choose them by, the default first; the
            default model by default.
        prefix: Path below which everything lives, such as ``/photos``.
        limits: How much is taken in, kept and done at once.
        trusted_hosts: Host names that are answered beside the loopback ones; a leading dot takes in
            everything below.
        trust_proxy: Whether one proxy in front sets ``X-Forwarded-For``, ``-Proto``, ``-Host`` and
            ``-Prefix``; never say so where clients can reach this server without it.
        keep: A folder that gets a copy of every upload and result.

    Returns:
        A WSGI application, for any server that runs those.

    Raises:
        OptionError: If *prefix* is no path, *colorizer* an empty mapping, or a trusted host no name of one.
        WeightsError: If the default model is needed and cannot be loaded.
    """
    prefix, limits, hosts = check_prefix(prefix), limits or Limits(), check_hosts(trusted_hosts)
    app = Flask(__name__, static_folder=None, template_folder=None)
    blueprint = create_blueprint(colorizer=colorizer, limits=limits, trusted_hosts=hosts, keep=keep)
    app.register_blueprint(blueprint, url_prefix=prefix or None)
    # Flask annotates the provider's base class and its own method, both of which are meant to be set.
    app.json.sort_keys = False  # type: ignore[attr-defined]

    # What no route of the blueprint takes (404, 405) is refused and answered in the same way.
    @app.before_request
    def guard() -> None:
        if request.blueprint is None:
            check_host(request, hosts)

    @app.after_request
    def finish(response: Response) -> Response:
        return response if request.blueprint else compress(request, harden(response))

    app.register_error_handler(Exception, handler(limits))
    if trust_proxy:
        app.wsgi_app = behind_proxy(app.wsgi_app)  # type: ignore[method-assign,assignment]
    return app
