"""The OpenAPI description of the interface."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from colorful.web.studio import BEFORE_SIDES, PREVIEW_SIDES, TYPES, Limits

_PROBLEM = {"$ref": "#/components/responses/Problem"}
_BUSY = {"$ref": "#/components/responses/Busy"}


def describe(root: str, models: Sequence[str], limits: Limits) -> dict[str, Any]:
    """Describe the interface as it is served here.

    Args:
        root: The path below which it lives, as clients see it.
        models: The names of the models offered.
        limits: How much is taken in.

    Returns:
        An OpenAPI 3.1 document, ready for JSON.
    """
    edit = {
        "model": {
            "type": "string",
            "enum": list(models),
            "description": "One of those that /v1/models names.",
        },
        "temperature": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 1,
            "description": "1 is calm and greyish, 0 vivid and blotchy; only for models that have one.",
        },
        "saturation": {"type": ["number", "null"], "minimum": 0, "description": "Factor on the chroma."},
    }
    hints = {
        "type": "array",
        "maxItems": 1000,
        "items": {"$ref": "#/components/schemas/Hint"},
        "description": "Colors that spots of the photo have; only for models that take hints.",
    }
    photo = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    photos = {"type": "array", "items": photo, "minItems": 1, "maxItems": limits.photos}
    form = {
        **edit,
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "saturation": {"type": "number", "minimum": 0},
        "hints": {"type": "string", "contentMediaType": "application/json", "contentSchema": hints},
    }
    page = {"text/html": {"schema": {"type": "string"}}}
    images = {type_: {"schema": {"type": "string", "format": "binary"}} for type_ in TYPES.values()}
    format_ = {"type": ["string", "null"], "enum": [*TYPES, None], "description": "By default what came in."}
    identifier = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    post_form = {
        "summary": "Color the photos of a plain form",
        "requestBody": _multipart({"photo": photos, **form}),
        "responses": {
            "200": _reply("The page that shows them.", page),
            **_errors(400, 403, 413, 422),
            "503": _BUSY,
        },
    }
    paths: dict[str, Any] = {
        "/": {"get": {"summary": "Lead to the home page", "responses": {"302": _reply("Found.", page)}}},
        "/v1/index": {
            "get": {"summary": "Show the home page", "responses": {"200": _reply("The page.", page)}},
            "post": {**post_form, "operationId": "show"},
        },
        "/colorization": {
            "get": {"summary": "Lead to the home page", "responses": {"302": _reply("Found.", page)}},
            "post": {**post_form, "operationId": "colorization"},
        },
        "/v1/colorize": {
            "post": {
                "operationId": "colorize",
                "summary": "Color a photo and get it back, or several and get their addresses",
                "description": "Accept chooses: an image for one photo, application/json for one or several.",
                "requestBody": _multipart(
                    {"photo": photos, "format": {**format_, "type": "string", "enum": [*TYPES]}, **form}
                ),
                "responses": {
                    "200": _reply(
                        "The colored photo, or where the colored photos are.",
                        {**images, **_json({"results": {"type": "array", "items": _ref("Result")}})},
                    ),
                    **_errors(400, 403, 406, 413, 422),
                    "503": _BUSY,
                },
            }
        },
        "/v1/photos": {
            "post": {
                "operationId": "addPhoto",
                "summary": "Leave a photo here to edit it",
                "requestBody": _multipart({"photo": photo}),
                "responses": {
                    "201": _reply("It is kept for a while.", {"application/json": {"schema": _ref("Photo")}}),
                    **_errors(400, 403, 413, 422),
                    "503": _BUSY,
                },
            }
        },
        "/v1/photos/{id}": {
            "parameters": [identifier],
            "delete": {
                "operationId": "deletePhoto",
                "summary": "Forget a photo and its results",
                "responses": {"204": {"description": "It is forgotten."}, **_errors(403, 404)},
            },
        },
        "/v1/photos/{id}/before": {
            "parameters": [identifier],
            "get": {
                "operationId": "before",
                "summary": "Show a photo as it came, at display size",
                "parameters": [{"name": "side", "in": "query", "schema": _side(BEFORE_SIDES)}],
                "responses": {"200": _reply("The photo.", images), **_errors(400, 404), "503": _BUSY},
            },
        },
        "/v1/photos/{id}/preview": {
            "parameters": [identifier],
            "post": {
                "operationId": "preview",
                "summary": "Color a photo at display size",
                "requestBody": _object({**edit, "hints": hints, "side": _side(PREVIEW_SIDES)}),
                "responses": {
                    "200": _reply("The colored photo.", images),
                    **_errors(400, 403, 404, 413, 415),
                    "503": _BUSY,
                },
            },
        },
        "/v1/photos/{id}/suggestions": {
            "parameters": [identifier],
            "post": {
                "operationId": "suggest",
                "summary": "Name the colors that are likely at a point",
                "requestBody": _object(
                    {
                        **edit,
                        "hints": hints,
                        "x": {"type": "number", "minimum": 0, "description": "Pixels from the left edge."},
                        "y": {"type": "number", "minimum": 0, "description": "Pixels from the top edge."},
                        "count": {"type": "integer", "minimum": 1, "maximum": 16, "default": 5},
                    },
                    "x",
                    "y",
                ),
                "responses": {
                    "200": _reply(
                        "The likeliest first.",
                        _json({"suggestions": {"type": "array", "items": _ref("Suggestion")}}),
                    ),
                    **_errors(400, 403, 404, 413, 415),
                    "503": _BUSY,
                },
            },
        },
        "/v1/photos/{id}/results": {
            "parameters": [identifier],
            "post": {
                "operationId": "addResult",
                "summary": "Color a photo at full size",
                "requestBody": _object({**edit, "hints": hints, "format": format_}),
                "responses": {
                    "201": _reply("Where it is.", {"application/json": {"schema": _ref("Result")}}),
                    **_errors(400, 403, 404, 413, 415),
                    "503": _BUSY,
                },
            },
        },
        "/v1/results/{id}": {
            "parameters": [identifier],
            "get": {
                "operationId": "result",
                "summary": "Fetch a colored photo",
                "responses": {"200": _reply("The colored photo.", images), **_errors(404)},
            },
        },
        "/v1/models": {
            "get": {
                "operationId": "models",
                "summary": "Name the models and what they can do",
                "responses": {
                    "200": _reply("The models.", _json({"models": {"type": "array", "items": _ref("Model")}}))
                },
            }
        },
        "/healthz": {
            "get": {
                "operationId": "health",
                "summary": "Tell whether the server is well",
                "responses": {
                    "200": _reply("It is.", {"application/json": {"schema": _ref("Health")}}),
                    "503": _reply("It is closing.", {"application/json": {"schema": _ref("Health")}}),
                },
            }
        },
        "/v1/openapi.json": {
            "get": {
                "operationId": "description",
                "summary": "Describe the interface",
                "responses": {
                    "200": _reply("This document.", {"application/json": {"schema": {"type": "object"}}})
                },
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "colorful",
            "version": version("colorful-colorization"),
            "summary": "Color black-and-white photos",
            "description": f"Takes {limits.request_bytes} bytes a request, {limits.pixels} pixels a photo.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": root or "/"}],
        "paths": paths,
        "components": {"schemas": _schemas(), "responses": _responses()},
    }


def _schemas() -> dict[str, Any]:
    string, number, integer = {"type": "string"}, {"type": "number"}, {"type": "integer"}
    address = {"type": "string", "format": "uri-reference"}
    size = {"width": {**integer, "minimum": 1}, "height": {**integer, "minimum": 1}}
    color = {"type": "string", "pattern": "^#[0-9a-f]{6}$"}
    schemas: dict[str, dict[str, Any]] = {
        "Photo": {
            "id": string,
            "name": string,
            **size,
            "format": {**string, "enum": list(TYPES)},
            "before": address,
            "preview": address,
            "suggestions": address,
            "results": address,
            "expires_in": integer,
        },
        "Result": {
            "id": string,
            "url": address,
            "filename": string,
            "type": {**string, "enum": list(TYPES.values())},
            **size,
            "bytes": {**integer, "minimum": 1},
            "model": string,
            "expires_in": integer,
        },
        "Suggestion": {"color": color, "probability": {**number, "minimum": 0, "maximum": 1}},
        "Model": {
            "name": string,
            "architecture": string,
            "default": {"type": "boolean"},
            "takes_hints": {"type": "boolean"},
            "temperature": {"type": ["number", "null"], "description": "Its own; null if it has none."},
            "saturation": {**number, "description": "Its own."},
        },
        "Health": {"status": {**string, "enum": ["ok", "closing"]}, "taken": integer, "places": integer},
        "Problem": {
            "type": address,
            "title": string,
            "status": integer,
            "detail": string,
            "code": {**string, "description": "A short stable name of the kind of problem."},
        },
    }
    described: dict[str, Any] = {
        name: {
            "type": "object",
            "properties": members,
            "required": list(members),
            "additionalProperties": False,
        }
        for name, members in schemas.items()
    }
    described["Hint"] = {
        "type": "object",
        "properties": {
            "x": {**number, "minimum": 0, "description": "Pixels from the left edge of the upright photo."},
            "y": {**number, "minimum": 0, "description": "Pixels from its top edge."},
            "color": {**color, "description": "Only its a and b count."},
            "radius": {"type": ["number", "null"], "minimum": 0, "description": "In pixels of the photo."},
        },
        "required": ["x", "y", "color"],
        "additionalProperties": False,
    }
    return described


def _responses() -> dict[str, Any]:
    content = {
        "application/problem+json": {"schema": _ref("Problem")},
        "text/html": {"schema": {"type": "string"}},
    }
    return {
        "Problem": {
            "description": "What is wrong (RFC 9457), or a page that says it, by Accept.",
            "content": content,
        },
        "Busy": {
            "description": "The queue is full, or the server is closing.",
            "headers": {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
            "content": content,
        },
    }


def _errors(*codes: int) -> dict[str, Any]:
    return {str(code): _PROBLEM for code in codes}


def _reply(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": content}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(members: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": members, "required": list(members)}
    return {"application/json": {"schema": schema}}


def _side(limits: tuple[int, int]) -> dict[str, Any]:
    return {
        "type": "integer",
        "minimum": limits[0],
        "maximum": limits[1],
        "default": 1024,
        "description": "Pixels of the longer side that the display has room for.",
    }


def _multipart(members: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": members, "required": ["photo"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _object(members: dict[str, Any], *required: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": members, "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    return {"required": True, "content": {"application/json": {"schema": schema}}}
