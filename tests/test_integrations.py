from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

import colorful
from colorful import Colorizer

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "integrations.md"

# The packages have warnings of their own.
pytestmark = [pytest.mark.integrations, pytest.mark.filterwarnings("ignore")]


def example(heading: str, **names: Any) -> dict[str, Any]:
    """Run the last block of Python below a heading of the page, and give the names that it defines."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    namespace: dict[str, Any] = {"__name__": "example", **names}
    exec(re.findall(r"```python\n(.*?)```", section, re.DOTALL)[-1], namespace)
    return namespace


@pytest.fixture(scope="module")
def colorizer() -> Colorizer:
    return Colorizer.from_pretrained("lite", device="cpu")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "old.png"
    Image.fromarray(skimage.data.coffee()[::4, ::4]).convert("L").save(path)
    return path


def test_the_slider_of_a_notebook(colorizer: Colorizer) -> None:
    """In a notebook a slider shows the prediction at another temperature."""
    pytest.importorskip("ipywidgets")
    prediction = colorizer.predict(skimage.data.coffee()[::4, ::4])
    widget = example("Jupyter", prediction=prediction)["show"].widget
    before = np.asarray(widget.result)
    widget.children[0].value = 0.1
    expected = prediction.rgb(temperature=0.1)
    assert (np.asarray(widget.result) == expected).all()
    assert (expected != before).any()


def test_gradio_serves_the_photo_in_color(
    colorizer: Colorizer, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of Gradio takes a photo from a client, and gives it back in color."""
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    gradio = pytest.importorskip("gradio")
    client = pytest.importorskip("gradio_client")
    started: list[Any] = []

    def launch(page: Any) -> None:  # by itself it waits until the program is ended
        original(page, prevent_thread_lock=True, quiet=True)
        started.append(page)

    original = gradio.Interface.launch
    monkeypatch.setattr(gradio.Interface, "launch", launch)
    example("Gradio", colorizer=colorizer)
    (page,) = started
    try:
        visitor = client.Client(page.local_url, verbose=False)
        result = visitor.predict(client.handle_file(photo))
    finally:
        page.close()
    expected = np.asarray(colorizer.colorize(photo))
    # Gradio encodes results as WebP.
    assert np.abs(np.asarray(Image.open(result).convert("RGB")).astype(int) - expected).mean() < 4


def test_fastapi_answers_with_the_photo_in_color(colorizer: Colorizer, photo: Path) -> None:
    """A route of FastAPI colors the photo that is posted, and refuses what is none in words."""
    pytest.importorskip("fastapi")
    testing = pytest.importorskip("fastapi.testclient")
    client = testing.TestClient(example("FastAPI", colorful=colorful, colorizer=colorizer)["app"])
    kind = {"Content-Type": "application/octet-stream"}
    reply = client.post("/color", content=photo.read_bytes(), headers=kind)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    colored = np.asarray(Image.open(io.BytesIO(reply.content)))
    assert (colored == np.asarray(colorizer.colorize(photo))).all()
    refused = client.post("/color", content=b"no photo", headers=kind)
    assert refused.status_code == 422
    assert "picture" in refused.json()["detail"]


def test_qt_shows_what_a_worker_predicted(
    colorizer: Colorizer, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of Qt predicts, its signal comes to the window's thread, and the label shows the pixels."""
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    core = pytest.importorskip("PySide6.QtCore")
    widgets = pytest.importorskip("PySide6.QtWidgets")
    gui = pytest.importorskip("PySide6.QtGui")
    application = widgets.QApplication.instance() or widgets.QApplication([])
    names = example("Qt", colorful=colorful, colorizer=colorizer)
    received: list[Any] = []
    loop = core.QEventLoop()

    class Window(core.QObject):  # type: ignore[name-defined,misc]
        def take(self, value: object) -> None:
            received.append((value, core.QThread.currentThread() is application.thread()))
            loop.quit()

    window = Window()

    def outcome(source: Path) -> Any:
        task = names["Predict"](str(source))
        task.signals.predicted.connect(window.take)
        task.signals.failed.connect(window.take)
        core.QThreadPool.globalInstance().start(task)
        core.QTimer.singleShot(30_000, loop.quit)
        loop.exec()
        value, in_window_thread = received.pop()
        assert in_window_thread
        return value

    assert "missing.png" in outcome(photo.with_name("missing.png"))
    prediction = outcome(photo)
    shown = names["image"](prediction, 0.2).convertToFormat(gui.QImage.Format.Format_RGB888)
    label = widgets.QLabel()
    label.setPixmap(gui.QPixmap.fromImage(shown))
    expected = prediction.rgb(temperature=0.2)
    assert (shown.height(), shown.width()) == expected.shape[:2]
    rows = np.frombuffer(shown.constBits(), np.uint8).reshape(shown.height(), shown.bytesPerLine())
    assert (rows[:, : 3 * shown.width()].reshape(expected.shape) == expected).all()
