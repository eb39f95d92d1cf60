from __future__ import annotations

import importlib.util
import os
import runpy
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colorful import colorize_folder, installation

ROOT = Path(__file__).parent.parent
OURS = "colorful-colorization"
THEIRS = "colorful"

Python = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_core_is_not_there_for_ray() -> None:
    """What Ray probes for raises the one error after which Ray does without, and says why."""
    with pytest.raises(ModuleNotFoundError, match="got the package that colors photos"):
        importlib.import_module("colorful.core")


def test_files_of_the_other_package_are_named(tmp_path: Path) -> None:
    """Files of PyPI's colorful under ours are listed, with what to type."""
    (tmp_path / "terminal.py").touch()
    (tmp_path / "data").mkdir()
    with pytest.warns(UserWarning, match=r"lie in .*: terminal\.py, data\. .* pip uninstall --yes colorful "):
        installation.warn_of_others(str(tmp_path))


@pytest.fixture
def environment(tmp_path: Path, request: pytest.FixtureRequest) -> Python:
    """Give a Python with all that this one has but for the two packages, which are done to it as asked."""
    wheel = os.environ.get("COLORFUL_WHEEL")
    if wheel is None or importlib.util.find_spec("ray") is None:
        pytest.skip("nox -s ray builds the wheel and installs Ray")
    others = tmp_path / "others"
    others.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(("colorful", "_colorful", "__pycache__")):
            (others / entry.name).symlink_to(entry)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "others.pth").write_text(f"{others}\n")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(python)]
    for step in request.param:
        action, name = step.split()
        if action == "install":
            arguments = ["install", "--no-deps", "--no-cache-dir", wheel if name == OURS else name]
        else:
            arguments = ["uninstall", "--yes", name]
        subprocess.run([*pip, *arguments], check=True, capture_output=True)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        command = [python, *arguments]
        return subprocess.run(command, env=clean, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


COMMAND = ("-m", "colorful", "--version")
LIBRARY = ("-c", "import colorful; print(colorful.Colorizer.__module__)")
PART = ("-c", "from colorful.lab import rgb_to_lab")
RAY = ("-c", "from ray.scripts.scripts import main; main()", "--version")
UNDER = "PyPI's 'colorful', lie in"
DAMAGED = "colorful: the package that colors photos is damaged"
REPAIR = "pip uninstall --yes colorful colorful-colorization; pip install colorful-colorization"


@pytest.mark.ray
@pytest.mark.parametrize(
    ("environment", "said", "works"),
    [
        ([f"install {OURS}"], "", True),
        ([f"install {THEIRS}", f"install {OURS}"], UNDER, True),
        ([f"install {OURS}", f"install {THEIRS}"], DAMAGED, False),
        ([f"install {THEIRS}", f"install {OURS}", f"uninstall {THEIRS}"], DAMAGED, False),
        ([f"install {OURS}", f"install {THEIRS}", f"uninstall {THEIRS}"], DAMAGED, False),
    ],
    ids=["ours", "ours over theirs", "theirs over ours", "theirs under ours gone", "theirs over ours gone"],
    indirect=["environment"],
)
def test_each_state_of_installation_is_told(environment: Python, said: str, works: bool) -> None:
    """Ray's command always works; ours works, or says which file is wrong and what to type."""
    ray = environment(*RAY)
    assert (ray.returncode, ", version " in ray.stdout) == (0, True), ray.stderr
    script = environment("-c", "from colorful.cli import main; main()", "--version")
    for result in (script, environment(*PART)):
        assert (result.returncode == 0) == works
        assert said in result.stderr
        assert (REPAIR in result.stderr) == bool(said)
        if not said:
            assert result.stderr == ""
    assert "Traceback" not in script.stderr
    if works:
        assert environment(*LIBRARY).stdout == "colorful.colorizer\n"


@pytest.mark.ray
@pytest.mark.parametrize(
    "environment",
    [
        [f"install {THEIRS}", f"install {OURS}", f"uninstall {OURS}"],
        [f"install {OURS}", f"install {THEIRS}", f"uninstall {OURS}"],
    ],
    indirect=True,
)
def test_ray_works_after_ours_has_gone(environment: Python) -> None:
    """Uninstalling ours takes files of PyPI's along; Ray's command does without them."""
    ray = environment(*RAY)
    assert (ray.returncode, ray.stderr) == (0, "")


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_the_recipe_for_ray_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example gives the bytes that the folder command gives, and a second run has nothing to do."""
    ray: Any = pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])))
    rng = np.random.default_rng(0)
    for number in range(20):
        path = tmp_path / "album" / str(number % 2) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 30), np.uint8)).save(path)
    (tmp_path / "album" / "broken.png").write_bytes(b"\x89PNG")
    plain = colorize_folder(tmp_path / "album", tmp_path / "plain", recursive=True)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        recipe = runpy.run_path(str(ROOT / "examples" / "ray_data.py"))["colorize"]
        first = recipe(str(tmp_path / "album"), str(tmp_path / "out"))
        second = recipe(str(tmp_path / "album"), str(tmp_path / "out"))
    finally:
        ray.shutdown()
    assert first == {"done": plain.done, "skipped": 0, "failed": 1} == {"done": 20, "skipped": 0, "failed": 1}
    assert second == {"done": 0, "skipped": 20, "failed": 1}

    def tree(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("colorized_*")
        }

    assert tree(tmp_path / "out") == tree(tmp_path / "plain")
