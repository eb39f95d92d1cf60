"""Parts of a film that outlive a run which was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from colorful import files
from colorful.video.coding import Coded
from colorful.video.parts import Parts


def test_a_part_that_ends_while_the_run_is_interrupted_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C right after the file that ends a part was written loses nothing of it."""
    write = files.write

    def interrupted(path: Path, data: bytes, **options: Any) -> None:
        write(path, data, **options)
        if path.name == "00000.json":
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "write", interrupted)
    target = tmp_path / "film.mp4"

    def run() -> None:
        with Parts(target, {}) as parts:
            parts.add(Coded(0, 0, True, b"packet"))
            parts.finish(1, b"", None)

    with pytest.raises(KeyboardInterrupt):
        run()
    with Parts(target, {}) as parts:
        assert [coded.data for coded in parts.coded()] == [b"packet"]
        parts.remove()
    assert not list(tmp_path.iterdir())
