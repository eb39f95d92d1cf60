"""The pages: home, and what came of a plain form. They work without JavaScript, which makes them better."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from colorful.errors import ColorfulError
from colorful.web.api import describe_models, sent_photos
from colorful.web.problems import Problem, respond, wants_page
from colorful.web.studio import Studio
from colorful.web.texts import COOKIE, LANGUAGES, language_of, words


@dataclass(frozen=True)
class _Shown:
    """One photo on the show page: what came of it, or what was wrong with it."""

    name: str
    upload: str = ""
    result: str = ""
    filename: str = ""
    height: int = 0
    width: int = 0
    problem: Problem | None = None


def add_pages(blueprint: Blueprint, studio: Studio) -> None:
    """Add the pages' routes to *blueprint*."""

    @blueprint.get("/")
    def root() -> BaseResponse:
        return redirect(url_for(".home"))

    @blueprint.get("/v1/index")
    def home() -> Response:
        return _page(
            "colorful/home.html",
            limits=studio.limits,
            keeps=studio.keeps,
            models=describe_models(studio),
            # Where HEIC is not named, iPhones send their photos as JPEG.
            heif=find_spec("pillow_heif") is not None,
        )

    @blueprint.get("/colorization")
    def colorization() -> BaseResponse:
        # Whoever loads the address of a show page again gets the form, not an error.
        return redirect(url_for(".home"))

    @blueprint.post("/v1/index", endpoint="show")
    @blueprint.post("/colorization", endpoint="colorization_show")
    def show() -> Response:
        edit = studio.edit(request.form)
        shown = []
        for data, name in sent_photos(studio):
            try:
                upload, result = studio.accept_and_colorize(data, name, edit)
            except ColorfulError as error:
                shown.append(_Shown(name, problem=Problem.of(error)))
                continue
            height, width = result.size
            shown.append(
                _Shown(
                    name,
                    studio.store.put(upload, upload.bytes),
                    studio.store.put(result, len(result.data)),
                    result.filename,
                    height,
                    width,
                )
            )
        problems = [entry.problem for entry in shown if entry.problem]
        if len(problems) == len(shown):
            return respond(problems[0], studio.limits, page=wants_page(request, default=True))
        return _page("colorful/show.html", limits=studio.limits, shown=shown)


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **words(request), **values))
    wish = request.args.get("lang", "")
    if wish in LANGUAGES:
        response.set_cookie(
            COOKIE,
            wish,
            max_age=365 * 86400,
            path=url_for(".root"),
            samesite="Lax",
            httponly=True,
            secure=request.is_secure,
        )
    response.headers["Content-Language"] = language_of(request)
    response.vary.update(["Accept-Language", "Cookie"])
    return response
