"""PNGs whose pixels are sound and whose chunks are not."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import sample_files as samples

from colorful import images
from colorful.errors import ImageError
from colorful.images.log import collecting

HEIGHT, WIDTH = samples.HEIGHT, samples.WIDTH


def png(depth: int, *chunks: tuple[bytes, bytes], packed: bytes | None = None, color: int = 0) -> bytes:
    """Make a gray PNG by hand."""
    values = samples.gray() if depth == 8 else samples.gray().astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, color, 0, 0, 0)
    body = zlib.compress(rows) if packed is None else packed
    return join((b"IHDR", head), *chunks, (b"IDAT", body), (b"IEND", b""))


def join(*chunks: tuple[bytes, bytes]) -> bytes:
    """Make a PNG of its chunks."""
    data = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        data += struct.pack(">I", len(content)) + name + content
        data += struct.pack(">I", zlib.crc32(name + content))
    return data


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, place = [], 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def packed(depth: int) -> bytes:
    """Give the compressed pixels of :func:`png`."""
    data = png(depth)
    return data[data.index(b"IDAT") + 4 : -16]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("damage", ["wrong", "missing", "other header"])
def test_a_wrong_checksum_of_sound_pixels_is_a_warning(depth: int, damage: str) -> None:
    """Where all pixels can be unpacked, the checksum behind them does not refuse them; too few do."""
    whole = packed(depth)
    odd = {"wrong": whole[:-1] + bytes([whole[-1] ^ 1]), "missing": whole[:-4], "other header": whole}[damage]
    with collecting() as warnings:
        picture = images.read(png(depth, packed=odd))
    np.testing.assert_array_equal(picture.pixels, samples.gray() if depth == 8 else samples.gray() * 257.0)
    assert (damage == "wrong") <= ("checksum" in " ".join(warnings))
    with pytest.raises(ImageError):
        images.read(png(depth, packed=whole[: len(whole) // 2]))


@pytest.mark.parametrize("depth", [8, 16])
def test_a_clear_color_that_fits_no_pixel_is_dropped(depth: int) -> None:
    """A tRNS chunk that is too short costs itself and a warning."""
    with collecting() as warnings:
        picture = images.read(png(depth, (b"tRNS", b"\0")))
    assert picture.alpha is None
    assert warnings == ["tRNS dropped: it fits no color of this kind"]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_clear_gray_of_few_bits_is_that_of_libpng(depth: int) -> None:
    """Of a gray PNG of 1, 2 or 4 bits those pixels are clear that libpng makes clear."""
    values = samples.gray() >> (8 - depth)
    bits = np.unpackbits(values[..., np.newaxis], axis=-1)[..., -depth:].reshape(HEIGHT, -1)
    rows = np.insert(np.packbits(bits, axis=1), 0, 0, axis=1).tobytes()
    clear = struct.pack(">H", values[3, 4])
    data = png(8, (b"tRNS", clear), packed=zlib.compress(rows))
    data = join((b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, 0, 0, 0, 0)), *_chunks(data)[1:])
    expected = imagecodecs.png_decode(data)
    picture = images.read(data)
    assert picture.alpha is not None
    assert not picture.alpha[3, 4]
    np.testing.assert_array_equal(np.dstack((picture.pixels, picture.alpha)), expected)


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("is_apart", [True, False])
def test_every_frame_of_an_animation_is_counted(frames: int, is_apart: bool) -> None:
    """A PNG may show programs that know no animation a picture which is not among its frames."""
    control = struct.pack(">IIIIIHHBB", 0, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0)
    head, pixels, end = _chunks(png(8))
    count = (b"acTL", struct.pack(">II", frames, 0))
    told = [(b"fcTL", control), (b"fdAT", bytes(4) + pixels[1])]
    shown = [pixels, *told * frames] if is_apart else [told[0], pixels, *told * (frames - 1)]
    data = join(head, count, *shown, end)
    with collecting() as warnings:
        images.read(data)
    pictures = frames + is_apart
    assert [f"({pictures})" in warning for warning in warnings] == [True] * (pictures > 1)


def test_no_palette_is_said() -> None:
    """A PNG of palette colors without a palette is corrupt, in words."""
    with pytest.raises(ImageError, match="no palette"):
        images.read(png(8, color=3))


def test_the_transfer_function_of_cicp_is_honored() -> None:
    """Linear light is re-encoded as gAMA would have it; light beyond white is a warning."""
    linear = images.read(png(8, (b"cICP", bytes([1, 8, 0, 1])))).pixels
    np.testing.assert_array_equal(linear, images.read(png(8, (b"gAMA", struct.pack(">I", 100_000)))).pixels)
    with collecting() as warnings:
        images.read(png(8, (b"cICP", bytes([9, 16, 0, 1]))))
    assert "HDR" in warnings[0]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("is_dark", [False, True])
def test_rows_that_are_missing_are_never_passed_off_as_black(depth: int, is_dark: bool) -> None:
    """Pixels that are packed soundly, but are too few, are truncated; a photo that ends black is whole."""
    rows = zlib.decompress(packed(depth))
    length = len(rows) // HEIGHT
    if is_dark:
        rows = rows[:-length] + bytes(length)
    assert images.read(png(depth, packed=zlib.compress(rows))).size == (HEIGHT, WIDTH)
    for missing in (1, HEIGHT // 2):
        with pytest.raises(ImageError, match=r"missing at its end|Not enough image data"):
            images.read(png(depth, packed=zlib.compress(rows[: -missing * length])))


def test_rows_that_are_missing_from_an_interlaced_photo_are_no_success() -> None:
    """In an interlaced PNG the last bytes are rows all over the photo; without them it is truncated."""
    passes = (
        (0, 8, 0, 8),
        (4, 8, 0, 8),
        (0, 4, 4, 8),
        (2, 4, 0, 4),
        (0, 2, 2, 4),
        (1, 2, 0, 2),
        (0, 1, 1, 2),
    )
    values = samples.gray()
    rows = [b"\0" + row.tobytes() for x, dx, y, dy in passes for row in values[y::dy, x::dx]]
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 1)

    def interlaced(count: int) -> bytes:
        return join((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows[:count]))), (b"IEND", b""))

    np.testing.assert_array_equal(images.read(interlaced(len(rows))).pixels, values)
    with pytest.raises(ImageError, match="missing at its end"):
        images.read(interlaced(len(rows) - 1))
