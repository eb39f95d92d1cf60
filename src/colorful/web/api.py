"""The interface for programs, the page's own scripts among them. ``openapi.json`` describes it."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from colorful.errors import ColorfulError, OptionError
from colorful.web.api_photos import add_photos, image_response, kept_result
from colorful.web.asked import format_of, layout_of, photos_of_form, query, reply_wanted
from colorful.web.edit import KEYS, LOOK, read_form
from colorful.web.openapi import describe
from colorful.web.problems import Problem
from colorful.web.studio import Studio
from colorful.web.uploads import Wish
from colorful.web.visitors import asker_of, owner_of


def add_api(blueprint: Blueprint, studio: Studio) -> None:
    """Add the interface's routes to *blueprint*."""
    add_photos(blueprint, studio)

    @blueprint.post("/v1/colorize")
    def api_colorize() -> Response:
        query()
        photos = list(photos_of_form(studio.limits, "format", "layout", *KEYS))
        type_, format = reply_wanted(format_of(request.form.get("format")))
        layout = layout_of(request.form.get("layout") or None)
        wish = Wish(edit=read_form(request.form, studio.colorizers), format=format, layout=layout)
        owner, asker = owner_of(request), asker_of(request)
        if type_ != "application/json":
            if len(photos) != 1:
                raise OptionError(
                    f"photo: expected one file where an image is asked for, got {len(photos)}; "
                    "application/json takes several"
                )
            upload, result = studio.accept_and_colorize(*photos[0], wish, owner=owner, asker=asker)
            response = image_response(result)
            response.vary.add("Accept")
            if upload.warnings:  # an image has no place for them
                response.headers["Colorful-Warnings"] = json.dumps(upload.warnings)
            return response
        results, problems, first = [], [], None
        for data, name in photos:
            try:
                upload, result = studio.accept_and_colorize(data, name, wish, owner=owner, asker=asker)
            except ColorfulError as error:
                first = first or error
                problems.append({"photo": name, **Problem.of(error).to_json()})
            else:
                results.append(kept_result(studio, upload, wish, result))
        if first is not None and not results:
            raise first
        return jsonify(results=results, problems=problems)

    @blueprint.get("/v1/sample")
    def api_sample() -> Response:
        response = Response(studio.sample(asker_of(request)), mimetype="image/jpeg")
        response.headers["Cache-Control"] = "private, max-age=3600"
        return response

    @blueprint.get("/v1/models")
    def api_models() -> Response:
        return jsonify(models=describe_models(studio))

    @blueprint.get("/v1/queue")
    def api_queue() -> Response:
        queue = studio.queue
        seconds = queue.seconds(asker_of(request).visitor)
        return jsonify(taken=queue.taken, places=queue.places, seconds=seconds)

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
        look = colorizer.look
        models.append(
            {
                "name": name,
                "architecture": colorizer.architecture,
                "default": name == studio.default_model,
                "takes_hints": colorizer.takes_hints,
                **{key: look.get(key) for key in LOOK},
            }
        )
    return models
