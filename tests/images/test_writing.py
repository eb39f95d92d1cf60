from __future__ import annotations

import io
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
import sample_files as samples
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from colorful import images
from colorful.errors import KindError, OptionError, OutputError, OutputExistsError, RangeError
from colorful.images.log import collecting

FORMATS = ["jpeg", "png", "tiff", "webp", "bmp", "gif", "avif", "heif"]
LOSSLESS = ["png", "tiff", "bmp"]


def colored(*, dtype: npt.DTypeLike = np.uint8, alpha: bool = False) -> images.Picture:
    """Give a picture in color, of any dtype, with or without alpha."""
    channels = np.dstack((samples.photo(), samples.alpha()))[..., : 4 if alpha else 3]
    if np.dtype(dtype) == np.uint8:
        array: npt.NDArray[Any] = channels
    else:
        array = samples.sixteen(channels)
        array = array if np.dtype(dtype) == np.uint16 else np.float32(array / 65535)
    picture = images.read(array)
    return picture.colored(picture.pixels)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_takes_every_picture(format: str, dtype: type[Any], alpha: bool) -> None:
    """8, 16 bits and floats, with alpha or not, go into every format, as exact as it allows."""
    picture = colored(dtype=dtype, alpha=alpha)
    result = images.read(images.encode(picture, format))
    assert result.size == picture.size
    keeps = {"png": np.uint8 if dtype is np.uint8 else np.uint16, "tiff": dtype}.get(format, np.uint8)
    assert result.pixels.dtype == keeps
    assert (result.alpha is not None) == (alpha and format not in ("jpeg", "bmp"))
    eight = picture.channels(np.uint8)
    if result.alpha is not None and format != "gif":
        tolerance = {"avif": 3, "heif": 3}.get(format, 0)
        opacity = picture.channels(keeps)[..., 3].astype(float)
        assert np.abs(result.alpha - opacity).max() <= tolerance
    if format in LOSSLESS and not (alpha and format == "bmp"):
        np.testing.assert_array_equal(result.pixels, picture.channels(keeps)[..., :3])
    elif not alpha:
        assert np.abs(result.pixels - eight[..., :3].astype(float)).mean() < 9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiffs_are_what_others_read(dtype: type[Any]) -> None:
    """Tifffile reads the same pixels and straight alpha; Pillow reads the same at 8 bits."""
    picture = colored(dtype=dtype, alpha=True)
    data = images.encode(picture, "tiff")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        np.testing.assert_array_equal(page.asarray(), picture.channels(dtype))
        assert [int(kind) for kind in page.extrasamples] == [2]
        assert page.photometric == tifffile.PHOTOMETRIC.RGB
        codes = [tag.code for tag in page.tags]
        assert codes == sorted(codes)
    if dtype is np.uint8:
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), picture.channels(np.uint8))


def test_16_bit_pngs_are_what_pillow_reads() -> None:
    """Pillow reads a 16-bit PNG of ours, cut to 8 bits as it does, with alpha and text."""
    picture = colored(dtype=np.uint16, alpha=True)
    image = Image.open(io.BytesIO(images.encode(picture, "png")))
    np.testing.assert_array_equal(np.asarray(image), picture.channels(np.uint16) >> 8)
    assert "Software" in image.text  # type: ignore[attr-defined]


def test_gray_pictures_are_written_gray() -> None:
    """A picture that no model has touched is written as it is."""
    for array in (
        samples.gray(),
        np.dstack((samples.gray(), samples.alpha())),
        samples.sixteen(samples.gray()),
    ):
        for format in ("png", "tiff"):
            again = images.read(images.encode(images.read(array), format))
            np.testing.assert_array_equal(again.channels(array.dtype), array)
    for format in FORMATS:
        assert images.read(images.encode(images.read(samples.gray()), format)).size == (36, 48)


@pytest.mark.parametrize("format", ["jpeg", "bmp"])
def test_formats_without_alpha_lay_the_picture_on_white(
    format: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing is opaque the result is white, and the log says of which file alpha was dropped."""
    array = np.zeros((16, 32, 4), np.uint8)
    array[:, 16:, 3] = 255
    target = tmp_path / f"flat.{format}"
    result = images.read(images.write(images.read(array), target)).pixels
    assert result[:, :15].min() >= 250
    assert result[:, 17:].max() <= 5
    assert f"{target.name}: alpha dropped" in caplog.text


def test_a_system_without_files_in_memory_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses a file in memory, or has none, a JPEG has the same bytes."""

    def refuse(name: str) -> int:
        raise PermissionError(name)

    usual = images.encode(colored(), "jpeg")
    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    assert images.encode(colored(), "jpeg") == usual
    # What is refused later, as by a limit on the size of files.
    monkeypatch.setattr(os, "memfd_create", lambda name: os.open("/dev/full", os.O_RDWR))
    assert images.encode(colored(), "jpeg") == usual
    monkeypatch.delattr(os, "memfd_create")
    assert images.encode(colored(), "jpeg") == usual


@pytest.mark.parametrize("format", ["jpeg", "png", "bmp", "gif", "webp", "avif", "tiff"])
def test_a_limit_on_the_size_of_files_cuts_no_picture(format: str) -> None:
    """Under a limit on the size of files a picture in memory is whole."""
    resource = pytest.importorskip("resource")
    usual = images.encode(colored(), format)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(usual) // 2, limits[1]))
    try:
        cut = images.encode(colored(), format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert cut == usual


@pytest.mark.parametrize("format", ["jpeg", "bmp"])
def test_nothing_is_lost_of_a_picture_that_is_opaque(format: str) -> None:
    """Alpha that is opaque everywhere, as screenshots have it, is left out without a warning."""
    opaque = np.dstack([samples.photo(), np.full(samples.photo().shape[:2], 255, np.uint8)])
    with collecting() as warnings:
        images.encode(images.read(opaque), format)
        assert not warnings
        images.encode(colored(alpha=True), format)
    assert warnings == ["alpha dropped: the format has none; the picture is laid on white"]


def test_gif_keeps_what_is_clear() -> None:
    """In a GIF what was less than half opaque is clear, and the rest is not."""
    with collecting() as warnings:
        result = images.read(images.encode(colored(alpha=True), "gif"))
    np.testing.assert_array_equal(result.alpha, np.where(samples.alpha() < 128, 0, 255))
    assert warnings == ["alpha made all or nothing: the format has no more of it"]


def test_depth_that_nobody_gave_up_is_a_warning() -> None:
    """A JPEG of 12 bits becomes one of 8, which is said; who asks for another format knows what it holds."""
    deep = imagecodecs.jpeg_encode(samples.sixteen(samples.gray()) >> 4, bitspersample=12, level=95)
    picture = images.read(bytes(deep))
    picture = picture.colored(np.stack([picture.pixels] * 3, axis=-1))
    for format, said in (("jpeg", 1), ("webp", 0), ("png", 0), ("tiff", 0)):
        with collecting() as warnings:
            images.encode(picture, format)
        assert warnings == ["saved with 8 bits, of the more that it has; PNG and TIFF keep them"] * said


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "heif"])
def test_quality_buys_size(format: str) -> None:
    """More quality gives a larger file and a smaller error; 100 is lossless in WebP."""
    picture = colored()
    sizes, errors = [], []
    for quality in (20, 60, np.int64(95)):
        data = images.encode(picture, format, quality=quality)
        sizes.append(len(data))
        errors.append(np.abs(images.read(data).pixels.astype(float) - samples.photo()).mean())
    assert sizes == sorted(set(sizes))
    assert errors == sorted(errors, reverse=True)
    if format == "webp":
        exact = images.read(images.encode(colored(alpha=True), format, quality=100))
        np.testing.assert_array_equal(exact.pixels, samples.photo())


@settings(max_examples=50)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(FORMATS))
def test_any_size_can_be_written(height: int, width: int, format: str) -> None:
    """Every format takes pictures down to a single pixel."""
    picture = images.read(np.full((height, width, 3), 70, np.uint8))
    assert images.read(images.encode(picture, format)).size == (height, width)


@pytest.mark.parametrize(("format", "longest"), [("jpeg", 65500), ("webp", 16383), ("gif", 65535)])
def test_what_a_format_cannot_hold_is_said(format: str, longest: int) -> None:
    """A picture that is longer than a format allows is an OutputError that says how long it may be."""
    assert images.encode(images.read(np.zeros((1, longest), np.uint8)), format)
    with pytest.raises(OutputError, match=f"holds at most {longest} pixels a side, got {longest + 1} x 1"):
        images.encode(images.read(np.zeros((1, longest + 1), np.uint8)), format)


def test_options_are_checked() -> None:
    """An unknown format or ending and a quality out of range are refused by name."""
    picture = colored()
    for name in ("psd", "", "jpeg/../png"):
        with pytest.raises(OptionError, match=r"^format: expected one of jpeg, png, "):
            images.encode(picture, name)
    for quality in (0, 101, -5):
        with pytest.raises(RangeError, match=r"^quality: expected 1 to 100, got "):
            images.encode(picture, "jpeg", quality=quality)
    for wrong in (1.5, "90", True):
        with pytest.raises(KindError, match=r"^quality: expected a whole number, got "):
            images.encode(picture, "jpeg", quality=wrong)  # type: ignore[arg-type]
    for path in ("photo", "photo.psd", ".jpg"):
        with pytest.raises(OptionError, match=r"^path: expected a name ending in "):
            images.write(picture, path)


@pytest.mark.parametrize("name", ["JPG", ".jpg", "Jpeg", "jfif", "TIF", "png", "heic"])
def test_formats_have_many_names(name: str) -> None:
    """Formats are named in any case, by name or by extension."""
    assert images.read(images.encode(colored(), name)).size == (36, 48)


def test_the_extension_or_the_argument_says_the_format(tmp_path: Path) -> None:
    """The name's ending chooses the format, unless format= does; the path comes back."""
    for name, options, head in (
        ("a.JPG", {}, b"\xff\xd8\xff"),
        ("a.tif", {}, b"II*\0"),
        ("b.jpg", {"format": "png"}, b"\x89PNG"),
        ("日本 \n.webp", {}, b"RIFF"),
        ("n" * 250 + ".png", {}, b"\x89PNG"),
    ):
        path = images.write(colored(), tmp_path / name, **options)
        assert path == tmp_path / name
        assert path.read_bytes().startswith(head)
    assert len(list(tmp_path.iterdir())) == 5


def test_an_existing_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    """Without overwrite=True a file, or a link to nowhere, stays; with it the file keeps its permissions."""
    path = tmp_path / "photo.png"
    path.write_bytes(b"precious")
    path.chmod(0o640)
    dangling = tmp_path / "link.png"
    dangling.symlink_to("nowhere")
    for target in (path, dangling):
        with pytest.raises(FileExistsError) as caught:
            images.write(colored(), target)
        assert isinstance(caught.value, OutputExistsError)
    assert path.read_bytes() == b"precious"
    images.write(colored(), path, overwrite=True)
    assert images.read(path).size == (36, 48)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(tmp_path.iterdir()) == [dangling, path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """Overwriting through a symbolic link changes the file that it points to."""
    path = tmp_path / "photo.png"
    path.write_bytes(b"old")
    link = tmp_path / "link.png"
    link.symlink_to(path)
    images.write(colored(), link, overwrite=True)
    assert link.is_symlink()
    assert images.read(path).size == (36, 48)


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    """The process's umask decides, as for any file made."""
    before = os.umask(0o027)
    try:
        path = images.write(colored(), tmp_path / "photo.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_made_meanwhile_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process makes the file while ours is encoded, ours gives way."""
    path = tmp_path / "photo.png"
    encode = images.writing.encode

    def slow(*args: Any, **options: Any) -> bytes:
        data = encode(*args, **options)
        path.write_bytes(b"theirs")
        return data

    monkeypatch.setattr(images.writing, "encode", slow)
    with pytest.raises(OutputExistsError):
        images.write(colored(), path)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_is_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hard links are not to be had, as on memory cards, a file is written all the same."""

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = images.write(colored(), tmp_path / "photo.png")
    assert images.read(path).size == (36, 48)
    assert list(tmp_path.iterdir()) == [path]


def test_failures_are_said_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing folder, a folder or device in the way, a full disk: an OutputError, and nothing left."""
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "no" / "a.png", tmp_path / "folder.png", Path("/dev/null"), tmp_path / "a\0.png"):
        with pytest.raises(OutputError) as caught:
            images.write(colored(), path, format="png", overwrite=True)
        assert str(path).split("\0")[0] in str(caught.value)
    assert Path("/dev/null").is_char_device()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    old = tmp_path / "old.png"
    old.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    for path in (tmp_path / "new.png", old):
        with pytest.raises(OutputError, match="the disk is full"):
            images.write(colored(), path, overwrite=True)
    assert old.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.png", "old.png"]


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while writing leaves no temporary file."""

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        images.write(colored(), tmp_path / "photo.png")
    assert list(tmp_path.iterdir()) == []


WRITER = """
import os, sys, time
from pathlib import Path
import numpy as np
from colorful import images

sync = os.fsync
os.fsync = lambda handle: (time.sleep(0.05), sync(handle))  # a slow disk, so that most kills hit a write
folder = Path(sys.argv[1])
noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
pictures = [images.read(noise), images.read(255 - noise)]
images.write(pictures[0], folder / "first.bmp")
print("ready", flush=True)
for turn in range(1_000_000):
    images.write(pictures[turn % 2], folder / "again.bmp", overwrite=True)
    images.write(pictures[turn % 2], folder / f"{turn}.bmp")
"""


def test_kill_9_leaves_the_old_file_or_none(tmp_path: Path) -> None:
    """Killed at random moments while it writes, a process leaves whole files under their names."""
    chance = np.random.default_rng(9)
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    interrupted = 0
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        images.write(images.read(noise), folder / "again.bmp")
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.2))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        for path in folder.iterdir():
            if re.fullmatch(r"\..*\.tmp", path.name):
                interrupted += 1
                continue
            pixels = images.read(path).pixels
            assert np.array_equal(pixels, noise) or np.array_equal(pixels, 255 - noise)
        assert (folder / "again.bmp").exists()
    assert interrupted > 0, "no process was killed while it wrote: the test shows nothing"
