"""What the pages say, and in which language."""

import json
import re
from importlib.resources import files
from string import Formatter

import pytest
from flask.testing import FlaskClient

from colorful.web.pages import PALETTES
from colorful.web.texts import LANGUAGES, texts

WEB = files("colorful.web")


def test_every_language_has_the_same_texts_with_the_same_gaps() -> None:
    """A translation says everything, and has a place for everything that is filled in."""
    gaps = {
        language: {
            key: {name for _, name, _, _ in Formatter().parse(text) if name}
            for key, text in texts(language).items()
        }
        for language in LANGUAGES
    }
    assert gaps["zh"] == gaps["en"]
    assert all(text.strip() for language in LANGUAGES for text in texts(language).values())


def test_every_text_is_used_and_every_used_one_is_there() -> None:
    """Templates and scripts name just the texts that exist."""
    used = set()
    templates = WEB.joinpath("templates", "colorful")
    for file in templates.iterdir():
        used |= set(re.findall(r"\bt\[[\"']([\w-]+)[\"']\]", file.read_text()))
    for file in WEB.joinpath("static").iterdir():
        if file.name.endswith(".js"):
            source = file.read_text()
            used |= set(re.findall(r"\bt\(\"([\w-]+)\"", source))
            used |= set(re.findall(r"\bsay\(\"([\w-]+)\"", source))
            used |= set(re.findall(r"\"(color-[a-z]+)\"", source))
            used |= {f"color-{hue}" for hue in re.findall(r"\d, \"([a-z]+)\"\]", source)}
    used |= {"color-brown", *(f"palette-{name}" for name in PALETTES)}
    codes = set(
        re.findall(r"[345]\d\d, \"([\w-]+)\"|\d\d\d: \"([\w-]+)\"", WEB.joinpath("problems.py").read_text())
    )
    used |= {f"problem-{code}" for pair in codes for code in pair if code}
    used |= {"problem-internal", "problem-login", "problem-offline"}
    assert used == set(texts("en"))


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-TW", "zh-Hans"),
        ("en-GB", "en"),
        ("fr, zh;q=0.5, en;q=0.7", "en"),
        ("fr", "en"),
        ("", "en"),
        ("*;q=oops", "en"),
    ],
)
def test_the_page_speaks_as_the_browser_asks(client: FlaskClient, accept: str, language: str) -> None:
    """The Accept-Language header chooses; who asks for neither gets English."""
    reply = client.get("/v1/index", headers={"Accept-Language": accept})
    assert f'<html lang="{language}">' in reply.text
    assert "Accept-Language" in reply.headers["Vary"]


def test_the_switch_outlives_the_page(client: FlaskClient) -> None:
    """Who switched the language keeps it on every page, whatever the browser asks for."""
    client.get("/v1/index?lang=zh")
    assert "上传图片" in client.get("/v1/index", headers={"Accept-Language": "en"}).text
    assert "回到首页" in client.get("/nowhere", headers={"Accept": "text/html"}).text
    client.get("/v1/index?lang=en")
    assert "Choose photos" in client.get("/v1/index", headers={"Accept-Language": "zh"}).text


def test_the_page_carries_its_texts_to_the_scripts(client: FlaskClient) -> None:
    """The scripts speak the language of the page."""
    page = client.get("/v1/index?lang=zh").text
    block = re.search(r'<script type="application/json" id="texts">(.*?)</script>', page, re.S)
    assert block is not None
    assert json.loads(block[1]) == texts("zh")
