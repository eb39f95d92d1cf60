"""Where onnxruntime-web comes from, and what comes of a folder when something fails."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from web_app_site import Site

import colorful.web_app
from colorful import hub
from colorful.cli import cli
from colorful.errors import ExportError, OutputError, OutputExistsError
from colorful.web_app import runtime, write_web_app

NAMES = [name for build in runtime.BUILDS.values() for name in vars(build).values()]


def packed(version: str = runtime.VERSION, name: str = runtime.PACKAGE, leave_out: str = "") -> bytes:
    """Make something like the npm package."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        about = json.dumps({"name": name, "version": version}).encode()
        for path, data in {
            "package.json": about,
            **{f"dist/{part}": part.encode() for part in NAMES},
        }.items():
            if path != leave_out:
                member = tarfile.TarInfo(f"package/{path}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return made.getvalue()


@pytest.fixture
def package_file(tmp_path: Path) -> Path:
    """A small package."""
    path = tmp_path / "package.tgz"
    path.write_bytes(packed())
    return path


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], Site]]:
    """A registry on this machine, which has the package that it is called with."""
    folder = tmp_path / "registry"
    place = folder / runtime.PACKAGE / "-" / f"{runtime.PACKAGE}-{runtime.VERSION}.tgz"
    place.parent.mkdir(parents=True)
    site = Site(folder)
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", site.address)
    packed_once = packed()

    def serve(data: bytes | None = None) -> Site:
        place.write_bytes(packed_once if data is None else data)
        return site

    digest = base64.b64encode(hashlib.sha512(packed_once).digest()).decode()
    monkeypatch.setattr(runtime, "INTEGRITY", f"sha512-{digest}")
    yield serve
    site.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the export, which takes a minute."""
    monkeypatch.setattr(colorful.web_app, "network_file", lambda *_, **__: b"graph")
    monkeypatch.setattr(
        colorful.web_app, "_probe", lambda *_: {"size": [64, 96], "output": [0], "tolerance": 1}
    )


def test_the_package_is_the_one_that_npm_names(package: Path) -> None:
    """The checksum in the code is that of the package as npm has it, and all that is needed is in it."""
    digest = hashlib.sha512(package.read_bytes()).digest()
    assert f"sha512-{base64.b64encode(digest).decode()}" == runtime.INTEGRITY
    found = runtime.load_runtime(package)
    assert (found.version, sorted(found.files)) == (runtime.VERSION, sorted(NAMES))


def test_it_is_fetched_once(registry: Callable[..., Site], tmp_path: Path) -> None:
    """The package comes from the registry, is checked and kept; the list of what is cached has it."""
    site = registry()
    for _ in range(2):
        found = runtime.load_runtime(cache_dir=tmp_path / "cache")
        assert found.files[NAMES[0]] == NAMES[0].encode()
    assert len(site.sent) == 1
    (entry,) = hub.cached(tmp_path / "cache")
    assert (entry.name, entry.whole) == (f"onnxruntime-web-{runtime.VERSION}", True)


def test_an_empty_variable_names_no_registry(
    registry: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If NPM_CONFIG_REGISTRY is empty, the package comes from npm's own registry."""
    site = registry()
    monkeypatch.setattr(runtime, "_REGISTRY", site.address)
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "")
    runtime.load_runtime(cache_dir=tmp_path / "cache")
    assert len(site.sent) == 1


def test_another_content_is_refused(registry: Callable[..., Site], tmp_path: Path) -> None:
    """A package with another checksum is not used, and not kept."""
    registry(packed(version="6.6.6"))
    with pytest.raises(ExportError, match=r"expected SHA-512 .*, got "):
        runtime.load_runtime(cache_dir=tmp_path / "cache")
    assert hub.cached(tmp_path / "cache") == []


def test_without_a_connection_it_says_what_to_type(registry: Callable[..., Site], tmp_path: Path) -> None:
    """The message has the command that fetches the package elsewhere, and the option that takes it."""
    registry().stop()
    with pytest.raises(ExportError, match=r"npm pack onnxruntime-web@.*--runtime onnxruntime-web-.*\.tgz"):
        runtime.load_runtime(cache_dir=tmp_path / "cache")


def test_it_may_be_unpacked(tmp_path: Path, package_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The folder that npm makes will do, and that which it is in; another version is a warning."""
    with tarfile.open(package_file) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    expected = runtime.load_runtime(package_file)
    assert runtime.load_runtime(tmp_path / "unpacked") == expected
    assert runtime.load_runtime(tmp_path / "unpacked" / "package") == expected
    package_file.write_bytes(packed(version="1.2.3"))
    with caplog.at_level(logging.WARNING):
        assert runtime.load_runtime(package_file).version == "1.2.3"
    assert "1.2.3: this was tested with" in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no archive", "not a gzip file"),
        (b"", "empty file"),
        (packed()[: len(packed()) // 2], "end|truncated"),
        (packed(name="left-pad"), "left-pad"),
        (packed(leave_out=f"dist/{NAMES[2]}"), f"it has no dist/{NAMES[2]}"),
        (packed(leave_out="package.json"), "it has no package.json"),
        (None, "No such file"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """Broken archives, other packages and packages without a part are an error that says why."""
    path = tmp_path / "x.tgz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match=rf"expected the npm package onnxruntime-web.*({reason})"):
        runtime.load_runtime(path)


@pytest.mark.usefixtures("quick")
def test_a_folder_appears_whole_or_not_at_all(
    tmp_path: Path, package_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error on the way leaves what was there, and nothing beside it."""
    out = tmp_path / "deep" / "site"
    assert write_web_app(out, runtime=package_file) == out
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {"index.html", "zh.html", "sw.js", "licenses.txt"} <= set(before)
    with pytest.raises(OutputExistsError):
        write_web_app(out, runtime=package_file)
    write = Path.write_bytes

    def fail(path: Path, data: bytes) -> int:
        if path.name == "zh.html":
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    for place in (out, tmp_path / "deep" / "new"):
        with pytest.raises(OutputError, match="the disk is full"):
            write_web_app(place, runtime=package_file, overwrite=True)
    monkeypatch.undo()
    assert [path.name for path in out.parent.iterdir()] == ["site"]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.usefixtures("quick")
def test_only_a_web_app_is_replaced(tmp_path: Path, package_file: Path) -> None:
    """A folder with other files in it stays, whatever is asked; an empty one is taken."""
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match="a folder with other files"):
        write_web_app(tmp_path / "album", runtime=package_file, overwrite=True)
    with pytest.raises(OutputError, match="a file"):
        write_web_app(package_file, runtime=package_file, overwrite=True)
    (tmp_path / "empty").mkdir()
    command = ["web-app", str(tmp_path / "empty"), "--runtime", str(package_file)]
    run = CliRunner().invoke(cli, command)
    assert (run.exit_code, run.stdout.strip()) == (0, str(tmp_path / "empty"))
    (tmp_path / "empty" / "old.js").write_text("")
    assert CliRunner().invoke(cli, command).exit_code == 1
    assert CliRunner().invoke(cli, [*command, "--overwrite"]).exit_code == 0
    assert not (tmp_path / "empty" / "old.js").exists()


@pytest.mark.usefixtures("quick")
def test_every_file_that_is_named_is_there(tmp_path: Path, package_file: Path) -> None:
    """What pages, scripts, styles and the list for days without a connection name is in the folder."""
    out = write_web_app(tmp_path / "site", runtime=package_file)
    named = set()
    for path in out.iterdir():
        if path.suffix in (".html", ".js", ".css"):
            text = path.read_text(encoding="utf-8")
            named |= set(re.findall(r'(?:from|import\(|href=|src=|url\() ?"(?:\./)?([\w.-]+\.\w+)"', text))
    told = json.loads((out / "sw.js").read_text().splitlines()[0].removeprefix("const APP = ").rstrip(";"))
    there = {path.name for path in out.iterdir()}
    assert named <= there
    assert {*told["shell"], *told["large"], "sw.js"} == there
    pages = [(out / name).read_text(encoding="utf-8") for name in ("index.html", "zh.html")]
    texts = [json.loads(page.partition('id="texts">')[2].partition("</script>")[0]) for page in pages]
    assert texts[0].keys() == texts[1].keys()
    asked = {key for path in out.glob("*.js") for key in re.findall(r'\bt\("([\w-]+)"', path.read_text())}
    assert asked <= texts[0].keys()
