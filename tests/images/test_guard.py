"""What a host program has set Pillow to, and the photos that are read in it."""

from __future__ import annotations

import io
import threading

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageFile
from sample_files import every_file, photo, save

from colorful import images
from colorful.errors import ImageError, ImageTooLargeError, ImageUnsupportedError
from colorful.images.guard import guarding


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Pillow fill up what pictures lack, as many programs do that show photos."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)


def outcome(data: bytes) -> tuple[type[Exception] | None, bytes]:
    """Read a photo: its pixels, or the error."""
    try:
        return None, images.read(data).pixels.tobytes()
    except ImageError as error:
        return type(error), b""


@pytest.mark.parametrize("name", every_file())
def test_a_photo_that_lacks_pixels_is_refused_where_pillow_would_fill_it_up(
    name: str, request: pytest.FixtureRequest
) -> None:
    """A cut photo is the same error whatever the program has set, and a whole one the same photo."""
    data = every_file()[name]
    files = [data, data[: len(data) * 2 // 3], data[: len(data) * 9 // 10]]
    expected = [outcome(each) for each in files]
    has_more = name == "mpo" or "animated" in name or "pages" in name  # of which the first may be whole
    assert has_more or expected[1][0] is not None
    request.getfixturevalue("lenient")
    assert [outcome(each) for each in files] == expected
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_a_part_that_an_installation_lacks_is_no_fault_of_the_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen program may lack a codec; the photo is not called corrupt for that."""

    def lacking(*args: object, **options: object) -> None:
        raise imagecodecs.DelayedImportError("png_decode")

    monkeypatch.setattr(imagecodecs, "png_decode", lacking)
    with pytest.raises(ImageUnsupportedError, match="bytes: not supported by this installation"):
        images.read(every_file()["png 16 rgb"])


@pytest.mark.usefixtures("lenient")
def test_what_a_program_has_set_holds_for_its_own_threads() -> None:
    """While we read, other threads fill up as before; and so is a PIL image that the program gives us."""
    cut = save(Image.fromarray(photo()), "BMP")[:-1000]
    seen = []

    def load() -> None:
        seen.append(np.asarray(Image.open(io.BytesIO(cut))).shape)

    with guarding("photo"):
        assert not ImageFile.LOAD_TRUNCATED_IMAGES
        other = threading.Thread(target=load)
        other.start()
        other.join()
    assert seen == [photo().shape]
    assert images.read(Image.open(io.BytesIO(cut))).pixels.shape == photo().shape
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize("most", [1, 1000, None])
@pytest.mark.parametrize("name", every_file())
def test_the_limit_that_a_program_has_set_in_pillow(
    name: str, most: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo is read as without that limit, or the error names it: where Pillow itself holds to it."""
    data = every_file()[name]
    expected = images.read(data).pixels
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    # Here Pillow's own reader holds to its limit.
    if most is not None and name.startswith("webp") and photo().size > 3 * 2 * most:
        with pytest.raises(ImageTooLargeError, match=r"MAX_IMAGE_PIXELS, which this program has set to 1$"):
            images.read(data)
        return
    np.testing.assert_array_equal(images.read(data).pixels, expected)
