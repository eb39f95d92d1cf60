"""Scripts as they are sent."""

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
import tree_sitter_javascript
from flask.testing import FlaskClient
from tree_sitter import Language, Node, Parser

from colorful.web.scripts import lean

STATIC = files("colorful.web") / "static"
SCRIPTS = sorted(entry.name for entry in STATIC.iterdir() if entry.name.endswith(".js"))
PARSER = Parser(Language(tree_sitter_javascript.language()))


def tokens(source: str) -> list[str]:
    """Give what a parser of JavaScript reads, without its comments."""
    return [node.text.decode() for node in leaves(PARSER.parse(source.encode()).root_node) if node.text]


def leaves(node: Node) -> Iterator[Node]:
    assert not node.is_error
    assert not node.is_missing
    # Strings and patterns are one token each: what is in them is not for the parser to divide.
    if node.type == "comment":
        return
    if not node.children or node.type in ("string", "template_string", "regex"):
        yield node
    else:
        for child in node.children:
            yield from leaves(child)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_the_same_to_a_parser(client: FlaskClient, name: str) -> None:
    """What is left out are comments and space, as tree-sitter's grammar of JavaScript has them."""
    source = (STATIC / name).read_text(encoding="utf-8")
    with client.get(f"/v1/static/{name}") as reply:
        sent = reply.data.decode()
    assert tokens(sent) == tokens(source)
    assert not any(node.type == "comment" for node in all_of(PARSER.parse(sent.encode()).root_node))


def all_of(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from all_of(child)


def test_the_whole_script_is_small(client: FlaskClient) -> None:
    """Before compression it is at most 40 kB, and it is sent with its type, to be kept like other files."""
    sizes = {}
    for name in SCRIPTS:
        with client.get(f"/v1/static/{name}") as reply:
            assert reply.mimetype == "text/javascript"
            sizes[name] = len(reply.data)
    assert sum(sizes.values()) <= 40_000, sizes


def test_a_script_that_is_not_there(client: FlaskClient) -> None:
    """Names that lead out of the folder, or nowhere, are 404."""
    for name in ("none.js", "../scripts.js", "%2e%2e/app.js", "a%00.js", ".js"):
        assert client.get(f"/v1/static/{name}").status_code == 404


def test_parts_and_copies_are_of_what_is_sent(client: FlaskClient) -> None:
    """A range is one of the lean script, and a copy that is kept is asked about by its own mark."""
    with client.get("/v1/static/editor.js") as whole:
        data, etag = whole.data, whole.headers["ETag"]
    with client.get("/v1/static/editor.js", headers={"Range": "bytes=10-29"}) as some:
        assert (some.status_code, some.data) == (206, data[10:30])
    with client.get("/v1/static/editor.js", headers={"If-None-Match": etag}) as again:
        assert again.status_code == 304
    with client.head("/v1/static/editor.js") as head:
        assert int(head.headers["Content-Length"]) == len(data)


def test_comments_and_margins_go() -> None:
    """Addresses and patterns with two slashes are no comments."""
    source = '/** What it does. */\nfunction go() {\n  // why\n\n  open("https://a.b//c"); // how\n}\n'
    assert lean(source) == 'function go() {\nopen("https://a.b//c");\n}\n'
    assert not re.search(r"(?m)^\s", lean(source))
