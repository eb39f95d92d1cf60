"""Resizing an axis in stretches, against Pillow."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from colorful.raster.axis import Axis


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["cubic", "linear"]))
def test_weights_in_stretches_are_pillows_resizing(length: int, source: int, kernel: str) -> None:
    """Any axis, resized a stretch at a time, is what Pillow makes of it."""
    cells = np.random.default_rng(length * 41 + source).random((source, 3)).astype(np.float32)
    method = {"cubic": Image.BICUBIC, "linear": Image.BILINEAR}[kernel]
    expected = np.asarray(Image.fromarray(cells).resize((3, length), method))
    axis = Axis(length, source, kernel)
    for start in range(0, length, 5):
        outputs = range(start, min(start + 5, length))
        inputs = axis.inputs(outputs)
        part = np.full((len(outputs), 3), np.nan, np.float32)
        got = axis.resize(cells[inputs.start : inputs.stop], inputs, outputs, part)
        np.testing.assert_allclose(got, expected[outputs.start : outputs.stop], atol=2e-5)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 60), st.integers(1, 90), st.integers(1, 30))
def test_parts_of_rows_that_are_there_add_up(length: int, source: int, rows: int) -> None:
    """Cells that come in bands are added up to what Pillow makes of all of them."""
    cells = np.random.default_rng(length * 91 + source).random((source, 3)).astype(np.float32)
    expected = np.asarray(Image.fromarray(cells).resize((3, length), Image.BICUBIC))
    axis, sums = Axis(length, source, "cubic"), np.zeros((length, 3), np.float32)
    for start in range(0, source, rows):
        inputs = range(start, min(start + rows, source))
        outputs = axis.outputs(inputs)
        part = np.full((len(outputs), 3), np.nan, np.float32)
        axis.resize(cells[inputs.start : inputs.stop], inputs, outputs, part)
        sums[outputs.start : outputs.stop] += part
    np.testing.assert_allclose(sums, expected, atol=2e-5)
