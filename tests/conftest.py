"""What holds for every test: no network beyond this machine, the same random numbers, few threads."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

# Read when huggingface_hub is imported; a test that wants another setting starts a process of its own.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
import torch
from hypothesis import settings
from PIL import Image
from pytest_socket import socket_allow_hosts
from web_samples import Painter, Plain

from colorful import Colorizer
from colorful.models import NetworkConfig, create

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = os.environ.get("COLORFUL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The parity tests need the reference, which only `nox -s parity` installs.
collect_ignore = [] if importlib.util.find_spec("colorizers") else ["parity"]

settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("fuzz", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

torch.set_num_threads(min(2, os.cpu_count() or 1))

# A shell ignores Ctrl-C in what it runs in the background, nohup that the terminal is closed, and programs
# started here would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Shut the internet off, and leave out what needs a device that is not there."""
    if item.get_closest_marker("gpu") and not torch.accelerator.is_available():
        pytest.skip("there is no accelerator")
    if item.get_closest_marker("network") is None:
        socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _seeds() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium, the only one: there can be no second loop of Playwright's in a thread."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium here: apt-get install chromium, or name one in COLORFUL_CHROMIUM")
        pytest.skip("NO BROWSER, THE PAGE IS NOT TESTED: install chromium, or name one in COLORFUL_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def painter() -> Colorizer:
    """Give a model that predicts a distribution and takes hints."""
    return Colorizer(Painter(NetworkConfig(network_size=64)), device="cpu")


@pytest.fixture(scope="session")
def plain() -> Colorizer:
    """Give a model that predicts ab at once and takes no hints."""
    return Colorizer(Plain(NetworkConfig(network_size=64)), device="cpu")


@pytest.fixture(scope="session")
def lite() -> Colorizer:
    """Give a small real network with weights that answer to every pixel."""
    torch.manual_seed(5)
    return Colorizer(create("lite", NetworkConfig(network_size=64)), device="cpu")


@pytest.fixture(scope="session")
def grey() -> npt.NDArray[np.uint8]:
    """Give a grey photo, 75 x 113."""
    return np.asarray(Image.fromarray(skimage.data.chelsea()).convert("L").resize((113, 75)))
