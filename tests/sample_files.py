"""One small real photo as a file of every kind that is read, made by others than colorful."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pillow_heif
import skimage.data
import tifffile
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

HEIGHT, WIDTH = 36, 48
ADOBE_RGB: bytes = imagecodecs.cms_profile("adobergb")
GRAY_GAMMA_18: bytes = imagecodecs.cms_profile("gray", gamma=1.8)
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="album 7"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


@functools.cache
def photo() -> npt.NDArray[np.uint8]:
    """Give a color photo, (36, 48, 3)."""
    return np.ascontiguousarray(skimage.data.coffee()[10 : 10 + 8 * HEIGHT : 8, 20 : 20 + 8 * WIDTH : 8])


def gray() -> npt.NDArray[np.uint8]:
    """Give a gray photo, (36, 48)."""
    return np.ascontiguousarray(photo()[..., 1])


def alpha() -> npt.NDArray[np.uint8]:
    """Give an opacity that has every value from 0 to 255, (36, 48)."""
    return np.linspace(0, 255, HEIGHT * WIDTH).round().astype(np.uint8).reshape(HEIGHT, WIDTH)


def sixteen(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Give values of 16 bits whose low bytes matter."""
    noise = np.random.default_rng(16).integers(0, 256, values.shape)
    return (values.astype(np.uint16) * 256 + noise).astype(np.uint16)


def exif(orientation: int = 1) -> bytes:
    """Give EXIF with strings, groups and a turn."""
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.Base.Make] = "Agfa"
    tags[ExifTags.Base.Artist] = "Anna Łódź 相片".encode()
    tags[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: "1931:05:02 10:00:00",
        ExifTags.Base.ISOSpeedRatings: 25,
        ExifTags.Base.ExifImageWidth: WIDTH,
        ExifTags.Base.ExifImageHeight: HEIGHT,
    }
    tags[ExifTags.IFD.GPSInfo] = {1: "N", 2: (51.0, 46.0, 12.5)}
    return tags.tobytes()


def save(image: Image.Image, format: str, **options: Any) -> bytes:
    """Save an image by Pillow."""
    buffer = io.BytesIO()
    image.copy().save(buffer, format, **options)  # Pillow leaves traces of a save in the image
    return buffer.getvalue()


def save_tiff(values: npt.NDArray[Any], **options: Any) -> bytes:
    """Save an array by tifffile."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def save_heic(image: Image.Image, **options: Any) -> bytes:
    """Save an image by libheif."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, **options)
    return buffer.getvalue()


def png_with(data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Put chunks into a PNG, after its header."""
    packed = [struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks]
    return data[:33] + b"".join(packed) + data[33:]


def png_text() -> PngImagePlugin.PngInfo:
    """Give text for a PNG: plain, international, and XMP."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "Coffee")
    text.add_itxt("Description", "一杯咖啡", lang="zh")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return text


def turned(upright: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Store an upright photo the way that EXIF calls *orientation*."""
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(undo[orientation](upright))


@functools.cache
def every_file() -> dict[str, bytes]:
    """Give a file of each kind, by a name that starts with the format."""
    rgb, ell, opacity = Image.fromarray(photo()), Image.fromarray(gray()), alpha()
    rgba = Image.fromarray(np.dstack((photo(), opacity)))
    la = Image.fromarray(np.dstack((gray(), opacity)))
    palette = rgb.quantize(64)
    deep, deep_gray = sixteen(photo()), sixteen(gray())
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    about: dict[str, Any] = {"exif": exif(6), "xmp": XMP, "icc_profile": srgb}
    small = rgb.resize((20, 12))
    rgb_tiff: dict[str, Any] = {"photometric": "rgb"}
    return {
        "jpeg": save(rgb, "JPEG", dpi=(300, 200), comment=b"attic", **about),
        "jpeg progressive": save(rgb, "JPEG", progressive=True, optimize=True),
        "jpeg gray": save(ell, "JPEG", exif=exif(3)),
        "jpeg cmyk": save(rgb.convert("CMYK"), "JPEG"),
        "jpeg adobe rgb": save(rgb, "JPEG", icc_profile=ADOBE_RGB),
        "mpo": save(rgb, "MPO", save_all=True, append_images=[small.copy()]),
        "png": save(rgb, "PNG", pnginfo=png_text(), dpi=(300, 200), exif=exif(8), icc_profile=srgb),
        "png gray": save(ell, "PNG"),
        "png bilevel": save(ell.convert("1"), "PNG"),
        "png rgba": save(rgba, "PNG"),
        "png la": save(la, "PNG"),
        "png palette": save(palette, "PNG", transparency=bytes(range(0, 256, 4))),
        "png trns": save(rgb, "PNG", transparency=tuple(int(v) for v in photo()[3, 4])),
        "png animated": save(rgb, "PNG", save_all=True, append_images=[small.resize(rgb.size)]),
        "png 16 gray": imagecodecs.png_encode(deep_gray),
        "png 16 rgb": png_with(imagecodecs.png_encode(deep), (b"tEXt", b"Title\0Coffee")),
        "png 16 rgba": imagecodecs.png_encode(np.dstack((deep, sixteen(opacity)))),
        "png 16 la": imagecodecs.png_encode(np.dstack((deep_gray, sixteen(opacity)))),
        "tiff": save(rgb, "TIFF", dpi=(300, 200), exif=exif(6), icc_profile=srgb),
        "tiff lzw": save(rgb, "TIFF", compression="tiff_lzw"),
        "tiff jpeg": save(rgb, "TIFF", compression="jpeg"),
        "tiff group 4": save(ell.convert("1"), "TIFF", compression="group4"),
        "tiff white is zero": save_tiff(255 - gray(), photometric="miniswhite"),
        "tiff cmyk": save(rgb.convert("CMYK"), "TIFF", compression="packbits"),
        "tiff lab": save(ImageCms.applyTransform(rgb, _rgb_to_lab()), "TIFF"),
        "tiff palette": save(palette, "TIFF", compression="tiff_deflate"),
        "tiff rgba": save(rgba, "TIFF"),
        "tiff pages": save(rgb, "TIFF", save_all=True, append_images=[small.copy()]),
        "tiff 16": save_tiff(deep, **rgb_tiff),
        "tiff 16 gray": save_tiff(deep_gray, photometric="minisblack", byteorder=">"),
        "tiff 16 white is zero": save_tiff(65535 - deep_gray, photometric="miniswhite"),
        "tiff 16 lzw": save_tiff(deep, compression="lzw", predictor=True, **rgb_tiff),
        "tiff 16 tiles": save_tiff(deep, bigtiff=True, tile=(16, 16), compression="zlib", **rgb_tiff),
        "tiff 16 planes": save_tiff(np.moveaxis(deep, 2, 0), planarconfig="separate", **rgb_tiff),
        "tiff 16 rgba": save_tiff(
            np.dstack((deep, sixteen(opacity))), extrasamples=["unassalpha"], compression="zstd", **rgb_tiff
        ),
        "tiff 16 la": save_tiff(
            np.dstack((deep_gray, sixteen(opacity))),
            photometric="minisblack",
            planarconfig="contig",
            extrasamples=["unassalpha"],
        ),
        "tiff float": save_tiff(
            (deep / 65535).astype(np.float32), compression="zlib", predictor=True, **rgb_tiff
        ),
        "webp": save(rgb, "WEBP", **about),
        "webp lossless": save(rgba, "WEBP", lossless=True, exact=True),
        "webp animated": save(rgb, "WEBP", save_all=True, append_images=[small.resize(rgb.size)]),
        "bmp": save(rgb, "BMP", dpi=(300, 200)),
        "bmp palette": save(palette, "BMP"),
        "bmp rgba": save(rgba, "BMP"),
        "gif": save(palette, "GIF", comment=b"attic"),
        "gif animated": save(
            palette, "GIF", save_all=True, append_images=[palette.rotate(180)], transparency=3
        ),
        "avif": save(rgb, "AVIF", **about),
        "avif rgba": save(rgba, "AVIF", quality=100),
        "heif": save_heic(rgb, exif=exif(1)),
        "heif rgba": save_heic(rgba),
        "jpeg2000": save(rgb, "JPEG2000"),
        "ppm": save(rgb, "PPM"),
        "ppm gray": save(ell, "PPM"),
    }


def _rgb_to_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
