"""The pages, as a browser without scripts meets them."""

import base64
import gzip
import hashlib
import io
import re
import sys
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from flask.testing import FlaskClient
from PIL import Image
from web_samples import chroma, png

from colorful import Colorizer
from colorful.web import create_app


class Addresses(HTMLParser):
    """Collect everything on a page that leads somewhere or loads something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at a tag."""
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "action", "formaction", "data-photos"):
                self.found.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")


def form(*photos: tuple[bytes, str], **fields: str) -> dict[str, object]:
    """Make a form of photos and fields."""
    return {"photo": [(io.BytesIO(data), name) for data, name in photos], **fields}


def test_the_root_leads_home(client: FlaskClient) -> None:
    """Who types only the host gets to the home page."""
    reply = client.get("/")
    assert reply.status_code == 302
    assert reply.location == "/v1/index"
    home = client.get(reply.location)
    assert home.status_code == 200
    assert '<form class="intake" method="post" enctype="multipart/form-data" action="/v1/index"' in home.text


@pytest.mark.parametrize("address", ["/v1/index", "/colorization"])
def test_a_plain_form_is_answered_by_the_show_page(client: FlaskClient, grey: bytes, address: str) -> None:
    """Two photos sent as a form come back on one page, in color and ready to be downloaded."""
    reply = client.post(address, data=form((grey, "one.png"), (grey, "two.jpg")))
    assert reply.status_code == 200
    downloads = re.findall(r'href="(/v1/results/[\w-]+)" download="([^"]+)"', reply.text)
    assert [name for _, name in downloads] == ["colorized_one.png", "colorized_two.png"]
    for url, name in downloads:
        result = client.get(url)
        assert f'filename="{name}"' in result.headers["Content-Disposition"]
        assert chroma(result.data) > 5
    befores = re.findall(r'class="before" src="([^"]+)"', reply.text)
    assert len(befores) == 2
    for url in befores:
        assert chroma(client.get(url.replace("&amp;", "&")).data) < 0.5


def test_a_broken_photo_is_named_and_the_others_go_on(client: FlaskClient, grey: bytes) -> None:
    """One file that is no photo does not cost the others."""
    reply = client.post("/v1/index", data=form((grey, "good.png"), (b"no photo", "bad.png")))
    assert reply.status_code == 200
    assert "colorized_good.png" in reply.text
    assert "bad.png" in reply.text
    assert "This is not a photo, or it is damaged." in reply.text


def test_only_broken_photos_are_an_error(client: FlaskClient) -> None:
    """If nothing came of the form, the status says so, and the page says it in words."""
    reply = client.post("/v1/index", data=form((b"no photo", "bad.png")))
    assert reply.status_code == 422
    assert reply.mimetype == "text/html"
    assert "This is not a photo, or it is damaged." in reply.text


def test_an_empty_form_is_an_error_in_words(client: FlaskClient) -> None:
    """Pressing the button without a photo says what is missing."""
    for data in ({}, form((b"", ""))):
        reply = client.post("/v1/index", data=data, content_type="multipart/form-data")
        assert reply.status_code == 422
        assert "No photo was chosen." in reply.text


def test_the_form_takes_the_options_of_the_interface(client: FlaskClient, grey: bytes) -> None:
    """A form may carry a model and the settings of its colors."""
    reply = client.post("/v1/index", data=form((grey, "a.png"), model="painter", saturation="0"))
    (url,) = re.findall(r'href="(/v1/results/[\w-]+)"', reply.text)
    assert chroma(client.get(url).data) < 0.5
    assert client.post("/v1/index", data=form((grey, "a.png"), model="nobody")).status_code == 400


def test_loading_a_show_page_again_leads_home(client: FlaskClient) -> None:
    """The address of a show page, typed or loaded again, gives the form instead of an error."""
    assert client.get("/colorization").location == "/v1/index"


def test_names_are_shown_as_text(client: FlaskClient, grey: bytes) -> None:
    """A file name with markup in it is shown, not obeyed."""
    reply = client.post("/v1/index", data=form((grey, "<img src=x onerror=alert(1)>.png")))
    assert "<img src=x" not in reply.text
    assert "&lt;img src=x onerror=alert(1)&gt;" in reply.text


def test_heic_is_named_only_where_it_can_be_read(
    client: FlaskClient, grey: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its decoder the form does not ask for HEIC, and a HEIC file is refused in words."""
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    assert ".heic" in client.get("/v1/index").text
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert ".heic" not in client.get("/v1/index").text
    reply = client.post("/v1/index", data=form((heic, "a.heic")))
    assert reply.status_code == 422
    assert "cannot open photos of this kind" in reply.text


@pytest.mark.parametrize("prefix", ["/base", "base/", "/a/b-c"])
def test_everything_lies_under_the_prefix(painter: Colorizer, grey: bytes, prefix: str) -> None:
    """With a prefix no link, form or script points beside it, and beside it there is nothing."""
    client = create_app(colorizer=painter, prefix=prefix).test_client()
    base = "/" + prefix.strip("/")
    pages = [
        client.get(f"{base}/v1/index").text,
        client.post(f"{base}/v1/index", data=form((grey, "a.png"))).text,
        client.get(f"{base}/nowhere", headers={"Accept": "text/html"}).text,
    ]
    for page in pages:
        addresses = [address for address in Addresses(page).found if not address.startswith("#")]
        assert addresses
        assert all(address.startswith(f"{base}/v1/") for address in addresses)
        for address in addresses:
            if address.startswith(f"{base}/v1/static"):
                with client.get(address) as file:
                    assert file.status_code == 200
    assert client.get(f"{base}/").location == f"{base}/v1/index"
    assert client.get("/v1/index").status_code == 404
    assert client.get(f"{base}nd/v1/index").status_code == 404
    info = client.post(f"{base}/v1/photos", data=form((grey, "a.png"))).json
    assert all(info[key].startswith(f"{base}/v1/") for key in ("before", "preview", "suggestions", "results"))
    assert client.get(f"{base}/v1/openapi.json").json["servers"] == [{"url": base}]


def test_a_trusted_proxy_may_strip_the_prefix(painter: Colorizer) -> None:
    """Behind a proxy that strips a prefix and says so, links carry it; nobody else can make them."""
    header = {"X-Forwarded-Prefix": "/photos"}
    trusting = create_app(colorizer=painter, trust_proxy=True).test_client()
    assert 'action="/photos/v1/index"' in trusting.get("/v1/index", headers=header).text
    wary = create_app(colorizer=painter).test_client()
    assert 'action="/v1/index"' in wary.get("/v1/index", headers=header).text


@pytest.mark.parametrize("forged", ["//evil.example", "/a/../b", "/a b", '/"><script>', "javascript:x"])
def test_a_forged_prefix_is_refused(painter: Colorizer, forged: str) -> None:
    """Whatever a client smuggles through the proxy, links never lead away from this site."""
    client = create_app(colorizer=painter, trust_proxy=True).test_client()
    reply = client.get("/v1/index", headers={"X-Forwarded-Prefix": forged})
    assert reply.status_code == 400 or 'action="/v1/index"' in reply.text
    assert "evil.example" not in reply.text
    assert "<script>" not in reply.text


def test_pages_have_no_inline_code_and_load_nothing_from_elsewhere(client: FlaskClient, grey: bytes) -> None:
    """Scripts and styles are files of this site, as the content policy demands."""
    home = client.get("/v1/index")
    for page in (home.text, client.post("/v1/index", data=form((grey, "a.png"))).text):
        parsed = Addresses(page)
        assert parsed.inline == []
        assert "style" not in parsed.tags or page == home.text
        assert all(address.startswith(("/v1/", "#")) for address in parsed.found)
        for attributes in re.findall(r"<script([^>]*)>", page):
            assert "src=" in attributes or 'type="application/json"' in attributes
    # The one exception is what the policy names by its hash.
    (style,) = re.findall(r"<style>(.*?)</style>", home.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in home.headers["Content-Security-Policy"]


def test_the_first_screen_waits_for_nothing_but_the_page(client: FlaskClient) -> None:
    """Up to the headline it is at most 6 kB as it is sent, and no style or script is fetched for it."""
    page = client.get("/v1/index").text
    before = page[: page.index("</h1>")]
    assert len(gzip.compress(before.encode())) < 6000
    assert "<style>" in before
    assert 'rel="stylesheet"' not in before
    assert set(re.findall(r"<script([^>]*)>", before)) == {
        ' type="module" src="/v1/static/main.js"'  # which runs when all is read
    }
    assert len(gzip.compress(page.encode())) < 12_000


def test_the_whole_script_stays_small() -> None:
    """No framework has crept in: all that the page can do is 54 kB of plain modules, less than one photo."""
    scripts = files("colorful.web").joinpath("static").iterdir()
    assert sum(len(one.read_bytes()) for one in scripts if one.name.endswith(".js")) <= 54_000


def test_a_large_photo_keeps_its_size(client: FlaskClient) -> None:
    """The show page offers the photo at its own size, whatever the preview's."""
    photo = png(Image.linear_gradient("L").resize((1200, 800)))
    reply = client.post("/v1/index", data=form((photo, "large.png")))
    (url,) = re.findall(r'href="(/v1/results/[\w-]+)"', reply.text)
    assert Image.open(io.BytesIO(client.get(url).data)).size == (1200, 800)
