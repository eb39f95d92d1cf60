"""The pages: home, and the results of a plain form. They work without JavaScript, too, but better with it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from colorful.errors import ColorfulError
from colorful.web.api import describe_models
from colorful.web.asked import photos_of_form
from colorful.web.edit import KEYS, read_form
from colorful.web.problems import Problem, respond, wants_page
from colorful.web.studio import Studio
from colorful.web.style import first_style
from colorful.web.texts import COOKIE, LANGUAGES, language_of, words
from colorful.web.uploads import Wish
from colorful.web.visitors import asker_of, greet, owner_of, set_cookie

# Colors that people look for, by what has them.
PALETTES = {
    "skin": "#f0cdb4 #d8a384 #a86f4c #6b4430",
    "sky": "#8fbbe0 #5e93c9 #c9dbe8 #e6a877",
    "wood": "#b98a55 #8a5a32 #5b3b25 #c9a77a",
    "stone": "#a8a197 #8c8578 #b5a58d #7d8286",
    "denim": "#5a7396 #3f5878 #8ba0ba #2f415c",
    "foliage": "#7d9a4a #55763a #a3a95c #b0793a",
}
# What the first screen's script imports, so that the browser fetches it all at once.
SCRIPTS = ("api", "card", "dom", "memory", "photo", "studio", "texts")


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
    warnings: tuple[str, ...] = ()


def add_pages(blueprint: Blueprint, studio: Studio) -> None:
    """Add the pages' routes to *blueprint*."""

    @blueprint.get("/")
    def root() -> BaseResponse:
        return redirect(url_for(".home"))

    @blueprint.get("/v1/index")
    def home() -> Response:
        return _page(
            "colorful/home.html",
            first_style=first_style(),
            limits=studio.limits,
            keeps=studio.keeps,
            models=describe_models(studio),
            palettes=PALETTES,
            scripts=SCRIPTS,
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
        photos = list(photos_of_form(studio.limits, *KEYS))
        wish = Wish(edit=read_form(request.form, studio.colorizers))
        owner, asker = owner_of(request), asker_of(request)
        shown = []
        for data, name in photos:
            try:
                upload, result = studio.accept_and_colorize(data, name, wish, owner=owner, asker=asker)
            except ColorfulError as error:
                shown.append(_Shown(name, problem=Problem.of(error)))
                continue
            height, width = result.size
            shown.append(
                _Shown(
                    name,
                    studio.keep_upload(upload),
                    studio.keep_result(upload, wish, result),
                    result.filename,
                    height,
                    width,
                    warnings=upload.warnings,
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
        set_cookie(request, response, COOKIE, wish, seconds=365 * 86400)
    response.headers["Content-Language"] = language_of(request)
    response.vary.update(["Accept-Language", "Cookie"])
    return greet(request, response)
