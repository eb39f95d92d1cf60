"""The interface for programs, the page's own scripts among them. ``openapi.py`` describes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, make_response, request, url_for
from werkzeug.exceptions import NotAcceptable

from colorful.errors import OptionError, RangeError
from colorful.web.openapi import describe
from colorful.web.studio import TYPES, Edit, NoPhotoError, Result, Studio, Upload

_JSON_BYTES = 1 << 20
_EDIT_KEYS = frozenset({"model", "hints", "temperature", "saturation"})


def sent_photos(studio: Studio) -> Iterator[tuple[bytes, str]]:
    """Go through the photos of the form that was sent, the field ``photo``: bytes and the client's file name.

    Raises:
        NoPhotoError: If there is none.
        OptionError: If there are too many.
    """
    photos = [file for file in request.files.getlist("photo") if file.filename]
    if not photos:
        raise NoPhotoError("photo: expected a file in the form field photo, got none")
    if len(photos) > studio.limits.photos:
        raise OptionError(f"photo: expected at most {studio.limits.photos} files, got {len(photos)}")
    for file in photos:
        yield file.read(), file.filename or ""


def add_api(blueprint: Blueprint, studio: Studio) -> None:
    """Add the interface's routes to *blueprint*."""

    @blueprint.post("/v1/colorize")
    def api_colorize() -> Response:
        wanted = _wanted_type()
        edit = studio.edit(request.form)
        photos = list(sent_photos(studio))
        if wanted == "application/json":
            format = _wanted_format(request.form.get("format"))
            results = [studio.accept_and_colorize(data, name, edit, format)[1] for data, name in photos]
            return jsonify(results=[_keep_result(studio, result) for result in results])
        if len(photos) != 1:
            raise OptionError(
                f"photo: expected one file where an image is asked for, got {len(photos)}; "
                "application/json takes several"
            )
        format = next(name for name, type_ in TYPES.items() if type_ == wanted)
        response = _image(studio.accept_and_colorize(*photos[0], edit, format)[1])
        response.vary.add("Accept")
        return response

    @blueprint.post("/v1/photos")
    def api_add_photo() -> tuple[Response, int]:
        (data, name), *others = sent_photos(studio)
        if others:
            raise OptionError(f"photo: expected one file, got {1 + len(others)}")
        upload = studio.accept(data, name)
        return jsonify(_keep_upload(studio, upload)), 201

    @blueprint.delete("/v1/photos/<id>")
    def api_delete_photo(id: str) -> tuple[str, int]:
        for name in (id, *studio.store.get(id, Upload).results):
            studio.store.delete(name)
        return "", 204

    @blueprint.get("/v1/photos/<id>/before")
    def api_before(id: str) -> Response:
        upload = studio.store.get(id, Upload)
        return _preview(studio.preview(upload, None, _integer("side", request.args.get("side"), 1024)))

    @blueprint.post("/v1/photos/<id>/preview")
    def api_preview(id: str) -> Response:
        upload = studio.store.get(id, Upload)
        edit, more = _edit(studio, "side")
        return _preview(studio.preview(upload, edit, _integer("side", more.get("side"), 1024)))

    @blueprint.post("/v1/photos/<id>/suggestions")
    def api_suggest(id: str) -> Response:
        upload = studio.store.get(id, Upload)
        edit, more = _edit(studio, "x", "y", "count")
        suggestions = studio.suggest(
            upload,
            edit,
            x=_real("x", more.get("x")),
            y=_real("y", more.get("y")),
            count=_integer("count", more.get("count"), 5),
        )
        return jsonify(
            suggestions=[{"color": color, "probability": probability} for color, probability in suggestions]
        )

    @blueprint.post("/v1/photos/<id>/results")
    def api_add_result(id: str) -> tuple[Response, int]:
        upload = studio.store.get(id, Upload)
        edit, more = _edit(studio, "format")
        result = studio.colorize(upload, edit, _wanted_format(more.get("format")))
        studio.store.get(id, Upload)  # if it was deleted meanwhile, nothing that came of it is kept
        kept = _keep_result(studio, result)
        upload.results.append(kept["id"])
        return jsonify(kept), 201

    @blueprint.get("/v1/results/<id>")
    def api_result(id: str) -> Response:
        return _image(studio.store.get(id, Result))

    @blueprint.get("/v1/models")
    def api_models() -> Response:
        return jsonify(models=describe_models(studio))

    @blueprint.get("/healthz")
    def api_health() -> tuple[Response, int]:
        queue = studio.queue
        body = {
            "status": "closing" if queue.closed else "ok",
            "taken": queue.taken,
            "places": queue.places,
        }
        return jsonify(body), 503 if queue.closed else 200

    @blueprint.get("/v1/openapi.json")
    def api_description() -> Response:
        root = url_for(".root").rstrip("/")
        return jsonify(describe(root, list(studio.colorizers), studio.limits))


def describe_models(studio: Studio) -> list[dict[str, Any]]:
    """Say what each model can do, for programs and for the page's scripts."""
    models = []
    for name, colorizer in studio.colorizers.items():
        config = colorizer.config
        models.append(
            {
                "name": name,
                "architecture": colorizer.architecture,
                "default": name == studio.default_model,
                "takes_hints": colorizer.takes_hints,
                "temperature": config.temperature if colorizer.has_temperature else None,
                "saturation": config.saturation,
            }
        )
    return models


def _keep_upload(studio: Studio, upload: Upload) -> dict[str, Any]:
    """Keep a photo for its visitor, and say where it is."""
    id = studio.store.put(upload, upload.bytes)
    height, width = upload.size
    return {
        "id": id,
        "name": upload.stem,
        "width": width,
        "height": height,
        "format": upload.format,
        "before": url_for(".api_before", id=id),
        "preview": url_for(".api_preview", id=id),
        "suggestions": url_for(".api_suggest", id=id),
        "results": url_for(".api_add_result", id=id),
        "expires_in": int(studio.limits.kept_seconds),
    }


def _keep_result(studio: Studio, result: Result) -> dict[str, Any]:
    """Keep a result likewise."""
    id = studio.store.put(result, len(result.data))
    height, width = result.size
    return {
        "id": id,
        "url": url_for(".api_result", id=id),
        "filename": result.filename,
        "type": result.type,
        "width": width,
        "height": height,
        "bytes": len(result.data),
        "model": result.model,
        "expires_in": int(studio.limits.kept_seconds),
    }


def _image(result: Result) -> Response:
    response = make_response(result.data)
    response.content_type = result.type
    # A plain name for clients that do not know RFC 8187, and the true one.
    plain = result.filename.encode("ascii", "replace").decode().replace("?", "_")
    true = quote(result.filename, safe="")
    response.headers["Content-Disposition"] = f"inline; filename=\"{plain}\"; filename*=UTF-8''{true}"
    return response


def _preview(encoded: tuple[bytes, str]) -> Response:
    response = make_response(encoded[0])
    response.content_type = encoded[1]
    return response


def _wanted_type() -> str:
    offered = [*TYPES.values(), "application/json"]
    if not request.accept_mimetypes:
        return offered[0]
    wanted = request.accept_mimetypes.best_match(offered)
    if wanted is None:
        raise NotAcceptable(f"accept: expected one of {', '.join(offered)}")
    return wanted


def _wanted_format(value: object) -> str | None:
    if value is None or value == "":
        return None
    if value not in TYPES:
        raise OptionError(f"format: expected one of {', '.join(TYPES)}, got {str(value)[:80]!r}")
    return str(value)


def _edit(studio: Studio, *more: str) -> tuple[Edit, dict[str, Any]]:
    """Read an edit from the JSON that was sent, and the values named *more* beside it."""
    request.max_content_length = _JSON_BYTES
    try:
        body = request.get_json()
    except RecursionError:
        raise OptionError("body: expected a plain JSON object, got one nested too deeply") from None
    if not isinstance(body, dict):
        raise OptionError(f"body: expected a JSON object, got {type(body).__name__}")
    unknown = sorted(body.keys() - _EDIT_KEYS - set(more))
    if unknown:
        expected = ", ".join(sorted(_EDIT_KEYS | set(more)))
        raise OptionError(f"body: expected the keys {expected}, got {str(unknown)[:80]}")
    return studio.edit(body), body


def _integer(name: str, value: object, default: int) -> int:
    if value is None:
        return default
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        return int(value)
    except ValueError:
        raise RangeError(f"{name}: expected a whole number, got {str(value)[:80]!r}") from None


def _real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RangeError(f"{name}: expected a number, got {str(value)[:80]!r}")
    return float(value)
