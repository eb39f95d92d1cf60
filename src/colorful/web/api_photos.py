"""The interface's routes for a photo that stays for a while: shown, edited, colored at full size, packed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, make_response, request, url_for

from colorful.errors import OptionError
from colorful.web.archive import Archive, open_archive
from colorful.web.asked import (
    checked_object,
    format_of,
    json_object,
    layout_of,
    photos_of_form,
    query,
    region_of,
    side_of,
    wants_exact,
)
from colorful.web.edit import KEYS, number, read_json, whole_number
from colorful.web.studio import Studio
from colorful.web.uploads import Result, Upload, Wish
from colorful.web.visitors import asker_of, greet, owner_of

# Bytes in memory for one of the JSON that asks for an archive, at most: "[1,2]," becomes a tuple of floats.
_UNPACKED = 20


def add_photos(blueprint: Blueprint, studio: Studio) -> None:
    """Add the routes to *blueprint*."""

    @blueprint.post("/v1/photos")
    def api_add_photo() -> tuple[Response, int]:
        query()
        (data, name), *others = photos_of_form(studio.limits)
        if others:
            raise OptionError(f"photo: expected one file, got {1 + len(others)}")
        upload = studio.accept(data, name, owner=owner_of(request), asker=asker_of(request))
        return greet(request, jsonify(_kept_upload(studio, upload))), 201

    @blueprint.delete("/v1/photos/<id>")
    def api_delete_photo(id: str) -> tuple[str, int]:
        studio.forget(id)
        return "", 204

    @blueprint.get("/v1/photos/<id>/before")
    def api_before(id: str) -> Response:
        asked = query("side", "region")
        side, region = side_of(asked.get("side")), region_of(asked.get("region"))
        return _preview(studio, id, None, side, region)

    @blueprint.post("/v1/photos/<id>/preview")
    def api_preview(id: str) -> Response:
        body = json_object("side", "region")
        edit = read_json(body, studio.colorizers)
        return _preview(studio, id, edit, side_of(body.get("side")), region_of(body.get("region")))

    @blueprint.post("/v1/photos/<id>/suggestions")
    def api_suggest(id: str) -> Response:
        upload = studio.store.get(id, Upload)
        body = json_object("x", "y", "count")
        suggestions = studio.suggest(
            upload,
            read_json(body, studio.colorizers),
            x=number("x", body.get("x")),
            y=number("y", body.get("y")),
            count=_count(body, 5),
            asker=asker_of(request),
        )
        return jsonify(
            suggestions=[
                {"color": one.color, "probability": one.probability, "swatch": swatch}
                for one, swatch in suggestions
            ]
        )

    @blueprint.post("/v1/photos/<id>/variants")
    def api_variants(id: str) -> Response:
        upload, body = studio.store.get(id, Upload), json_object("count")
        found = studio.variants(
            upload, read_json(body, studio.colorizers), count=_count(body, 4), asker=asker_of(request)
        )
        return jsonify(variants=[{"hints": [hint.to_json() for hint in hints]} for hints in found])

    @blueprint.post("/v1/photos/<id>/places")
    def api_places(id: str) -> Response:
        upload, body = studio.store.get(id, Upload), json_object("count")
        found = studio.places(
            upload, read_json(body, studio.colorizers), count=_count(body, 3), asker=asker_of(request)
        )
        return jsonify(places=[hint.to_json() for hint in found])

    @blueprint.post("/v1/photos/<id>/results")
    def api_add_result(id: str) -> tuple[Response, int]:
        upload = studio.store.get(id, Upload)
        wish = _wish(studio, json_object("format", "layout"))
        result = studio.colorize(upload, wish, asker=asker_of(request))
        return jsonify(kept_result(studio, upload, wish, result)), 201

    @blueprint.get("/v1/results/<id>")
    def api_result(id: str) -> Response:
        return image_response(studio.store.get(id, Result))

    @blueprint.post("/v1/archives")
    def api_add_archive() -> tuple[Response, int]:
        body = json_object("photos", "name")
        listed, name = body.get("photos"), body.get("name") or "photos"
        if not isinstance(listed, list) or not 1 <= len(listed) <= 1000:
            raise OptionError("photos: expected an array of 1 to 1000 objects")
        if not isinstance(name, str):
            raise OptionError(f"name: expected a text, got {type(name).__name__}")
        items = []
        for order, value in enumerate(listed, start=1):
            item = checked_object(f"photos, entry {order}", value, {*KEYS, "id", "format", "layout"})
            id = str(item.pop("id", ""))
            studio.store.get(id, Upload)  # which must be there
            items.append((id, _wish(studio, item)))
        archive, size = Archive(tuple(items), name), _UNPACKED * len(request.get_data())
        kept = studio.store.put(archive, size, owner_of(request), spare=True)
        return jsonify(id=kept, url=url_for(".api_archive", id=kept), filename=archive.filename), 201

    @blueprint.get("/v1/archives/<id>")
    def api_archive(id: str) -> Response:
        archive = studio.store.get(id, Archive)
        response = Response(open_archive(studio, archive, asker_of(request)), mimetype="application/zip")
        response.headers["Content-Disposition"] = _disposition("attachment", archive.filename)
        return response


def kept_result(studio: Studio, upload: Upload, wish: Wish, result: Result) -> dict[str, Any]:
    """Keep a result for its visitor, and say where it is."""
    id = studio.keep_result(upload, wish, result)
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
        "warnings": upload.warnings,
        "expires_in": int(studio.limits.kept_seconds),
    }


def image_response(result: Result) -> Response:
    """Answer with a colored photo."""
    response = make_response(result.data)
    response.content_type = result.type
    response.headers["Content-Disposition"] = _disposition("inline", result.filename)
    return response


def _kept_upload(studio: Studio, upload: Upload) -> dict[str, Any]:
    id = studio.keep_upload(upload)
    height, width = upload.size
    return {
        "id": id,
        "name": upload.stem,
        "width": width,
        "height": height,
        "format": upload.format,
        "animated": upload.animated,
        "warnings": upload.warnings,
        "before": url_for(".api_before", id=id),
        "preview": url_for(".api_preview", id=id),
        "suggestions": url_for(".api_suggest", id=id),
        "variants": url_for(".api_variants", id=id),
        "places": url_for(".api_places", id=id),
        "results": url_for(".api_add_result", id=id),
        "expires_in": int(studio.limits.kept_seconds),
    }


def _count(body: dict[str, Any], default: int) -> int:
    return default if body.get("count") is None else whole_number("count", body["count"])


def _wish(studio: Studio, body: dict[str, Any]) -> Wish:
    format, layout = format_of(body.get("format")), layout_of(body.get("layout"))
    return Wish(edit=read_json(body, studio.colorizers), format=format, layout=layout)


def _preview(
    studio: Studio, id: str, edit: Any, side: int, region: tuple[int, int, int, int] | None
) -> Response:
    upload = studio.store.get(id, Upload)
    data, type_ = studio.preview(
        upload, edit, side, region=region, exact=wants_exact(), asker=asker_of(request)
    )
    response = make_response(data)
    response.content_type = type_
    response.vary.add("Accept")
    return response


def _disposition(kind: str, filename: str) -> str:
    # A plain name for clients that do not know RFC 8187, and the true one.
    plain = filename.encode("ascii", "replace").decode().replace("?", "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
