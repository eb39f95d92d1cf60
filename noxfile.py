"""Every check of the project; CONTRIBUTING.md tells when to run which.

Lists of packages live in pyproject.toml, their versions in constraints.txt.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import nox

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
EXTRAS = ",".join(PROJECT["project"]["optional-dependencies"])
MAX_WHEEL_BYTES = 10_000_000
NO_URLS = "pyproject.toml: [project.urls] is missing; its owner sets the addresses there, once"

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.sessions = ["tests", "parity", "lint", "typing", "docs"]


def install(session: nox.Session, *packages: str, group: str | None = None) -> None:
    """Install packages, and a dependency group, in the pinned versions."""
    grouped = nox.project.dependency_groups(PROJECT, group) if group else ()
    session.install("--constraint", str(ROOT / "constraints.txt"), *packages, *grouped)


def wheel() -> Path:
    """Give the wheel that the session `build` left."""
    return next(DIST.glob("*.whl"))


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist, and the wheel from it, and check both."""
    install(session, group="build")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--no-isolation", "--outdir", str(DIST))
    session.run("twine", "check", "--strict", *map(str, DIST.iterdir()))
    if wheel().stat().st_size > MAX_WHEEL_BYTES:
        session.error(
            f"{wheel().name}: expected at most {MAX_WHEEL_BYTES} bytes, got {wheel().stat().st_size}"
        )
    if "urls" not in PROJECT["project"]:
        session.warn(NO_URLS)


@nox.session(requires=["build"])
def tests(session: nox.Session) -> None:
    """Install the wheel in an empty environment, use it, and run the tests on it."""
    install(session, str(wheel()))
    session.run("pip", "check")
    session.run("colorful", "--version")
    session.run("colorful", "demo", "--out", session.create_tmp(), env={"HF_HUB_OFFLINE": "1"})
    install(session, f"{wheel()}[{EXTRAS}]", group="test")
    session.run("pip", "check")
    coverage = [] if session.posargs else ["--cov", "--cov-report=term", "--durations=15"]
    session.run("python", "-m", "pytest", *coverage, *session.posargs, env={"COLORFUL_WHEEL": str(wheel())})


@nox.session
def least(session: nox.Session) -> None:
    """Run the tests on the oldest versions of the dependencies that are allowed (minutes)."""
    pins = ("--constraint", str(ROOT / "constraints-least.txt"))
    session.install(*pins, f".[{EXTRAS}]", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def parity(session: nox.Session) -> None:
    """Compare the published networks with the PyPI packages that have the authors' modules."""
    install(session, ".", group="parity")
    # These want torchvision, which DDColor's modules do not use: the tests put an empty one in its place.
    install(session, "--no-deps", group="parity-without-torchvision")
    session.run("python", "-m", "pytest", "tests/parity", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, spelling, and that the workflows give away nothing."""
    install(session, group="lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("zizmor", "--offline", "--no-progress", "--quiet", ".github")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types, strictly, and the public API as a caller meets it."""
    install(session, "--editable", f".[{EXTRAS}]", group="typing")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation without a warning, running the gallery, and run every code block in it."""
    install(session, "--editable", f".[{EXTRAS}]", group="docs")
    shutil.rmtree(ROOT / "docs" / "_build", ignore_errors=True)
    session.run("sphinx-build", "-n", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    # The blocks of a page go on from each other.
    in_order = ("-p", "no:randomly")
    session.run(
        "python", "-m", "pytest", *in_order, "docs", "src", "README.md", "README.zh.md", *session.posargs
    )


@nox.session
def fuzz(session: nox.Session) -> None:
    """Run the property tests on a thousand examples each, and what only fuzzing runs (minutes)."""
    install(session, f".[{EXTRAS}]", group="test")
    env = {"HYPOTHESIS_PROFILE": "fuzz"}
    session.run("python", "-m", "pytest", "-m", "hypothesis or fuzz", *session.posargs, env=env)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Time everything against its peers, on an idle machine, and write the page (minutes)."""
    install(session, f".[{EXTRAS}]", group="benchmarks")
    session.run("python", "benchmarks/run_all.py", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """Put the web page under load on this machine (minutes)."""
    install(session, f".[{EXTRAS}]", group="test")
    session.run("python", "-m", "pytest", "-m", "load", *session.posargs)


@nox.session
def training(session: nox.Session) -> None:
    """Train for real, on small sets (minutes)."""
    install(session, f".[{EXTRAS}]", group="test")
    session.run("python", "-m", "pytest", "-m", "training", *session.posargs)


@nox.session
def export(session: nox.Session) -> None:
    """Export every network to ONNX and compare (minutes)."""
    install(session, f".[{EXTRAS}]", group="test")
    session.run("python", "-m", "pytest", "-m", "export", *session.posargs)


@nox.session(requires=["build"])
def frozen(session: nox.Session) -> None:
    """Freeze a program as *Embed in a program* says, and have it color a photo without Python (minutes)."""
    install(session, str(wheel()), group="freeze")
    folder = Path(session.create_tmp()).resolve()
    program = folder / "hello.py"
    program.write_text(
        "import numpy as np, colorful\n"
        "from colorful import images\n"
        "photo = np.add.outer(np.arange(64), np.arange(96)).astype(np.uint8)\n"
        "images.write(images.read(photo), 'photo.tif', overwrite=True)\n"
        "colorizer = colorful.Colorizer.from_pretrained('lite')\n"
        "colored = images.read(colorizer.colorize_file('photo.tif', 'colored.png', overwrite=True))\n"
        "assert np.ptp(colored.pixels.astype(int), axis=2).max() > 1\n"
        "from colorful.cli import cli\n"
        "cli(['info'])\n"
    )
    session.chdir(folder)
    # imagecodecs imports its codecs by their names.
    submodules = [f"--collect-submodules={package}" for package in ("colorful", "imagecodecs")]
    options = ("--noconfirm", "--log-level=WARN", "--collect-data=colorful", *submodules)
    session.run("pyinstaller", *options, str(program))
    session.run(
        str(folder / "dist" / "hello" / "hello"),
        external=True,
        env={"PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
    )


@nox.session(requires=["build"])
def ray(session: nox.Session) -> None:
    """Color by Ray Data, and try what is read where PyPI's colorful was installed over or under ours."""
    install(session, str(wheel()), group="ray")
    tests = ("tests/test_installation.py", *session.posargs)  # the others want packages that are not there
    session.run("python", "-m", "pytest", "-m", "ray", *tests, env={"COLORFUL_WHEEL": str(wheel())})


@nox.session
def integrations(session: nox.Session) -> None:
    """Run the examples for Jupyter, Gradio, FastAPI and Qt with these packages (minutes)."""
    # Not in the pinned versions: Gradio wants an older Pillow.
    session.install(".", *nox.project.dependency_groups(PROJECT, "integrations"))
    # Gradio leaves sockets to the garbage collector.
    options = ("-p", "no:unraisableexception", "-m", "integrations", "tests/test_integrations.py")
    session.run("python", "-m", "pytest", *options, *session.posargs)


@nox.session
def s3(session: nox.Session) -> None:
    """Color photos from S3 to S3, by a server that sometimes refuses (a minute)."""
    install(session, f".[{EXTRAS}]", group="s3")
    session.run("python", "-m", "pytest", "-m", "s3", "tests/test_s3.py", *session.posargs)


@nox.session(requires=["build"])
def release(session: nox.Session) -> None:
    """Check that a release may go out, and say what would be uploaded; the upload itself is a tag's task."""
    version = wheel().name.split("-")[1]
    problems = []
    if not re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.M
    ):
        problems.append(f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD'")
    if "urls" not in PROJECT["project"]:
        problems.append(NO_URLS)
    if _git("status", "--porcelain"):
        problems.append("the work tree has changes that are not committed")
    if f"v{version}" not in _git("tag", "--points-at", "HEAD").split():
        problems.append(f"the commit does not carry the tag v{version}")
    for file in sorted(DIST.iterdir()):
        session.log(f"would upload {file.name}  {file.stat().st_size} bytes  sha256 {_sha256(file)}")
    if problems and os.environ.get("GITHUB_REF_TYPE") == "tag":
        session.error("not ready: " + "; ".join(problems))
    for problem in problems:
        session.warn(f"before a release: {problem}")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
