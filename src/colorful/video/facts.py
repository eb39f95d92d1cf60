"""What a film is: its size, its depth, how its codes become color, and how a player shows it."""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.sidedata.sidedata import Type as SideData

from colorful.errors import VideoError

logger = logging.getLogger(__name__)

FULL_RANGE = 2
"""What FFmpeg calls a film whose grey goes from 0 to the highest code."""

BT709 = 1
_BT601 = 6

LUMA_SHARES = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""What red and blue give to luma, by FFmpeg's number of the matrix (that of ITU-T H.273, table 4)."""

# By H.273, table 3: curves of films that are graded for screens of far more than 100 candela.
_HDR = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}

# What comes first in the frames of these formats is luma, one code a pixel, in the low bits.
_WITH_LUMA = ("yuv4", "yuvj4", "gray", "nv1", "nv2", "yuva4")
_OTHERWISE = ("be", "msble", "f16le", "f32le")  # the bytes turned around, the high bits, or floats


class Color(NamedTuple):
    """How the codes of a film become color: FFmpeg's numbers, which are those of ITU-T H.273.

    Attributes:
        matrix: Of luma and chroma; one of :data:`LUMA_SHARES`.
        primaries: Of red, green and blue.
        transfer: From codes to light.
        range: :data:`FULL_RANGE`, or 1 where black is 16 and white 235 of 255.
    """

    matrix: int
    primaries: int
    transfer: int
    range: int


@dataclass(frozen=True)
class Facts:
    """What a film is.

    Attributes:
        width: Of its frames as they are stored, in pixels.
        height: Likewise.
        depth: Bits of a code that are kept: 8 or 10.
        color: How its codes become color.
        time_base: Unit of its time stamps, in seconds.
        rate: Frames a second on average; 25 where the film does not say.
        aspect: Width of a pixel by its height.
        matrix: How a player turns the frames, nine integers as FFmpeg has them; None if it does not.
        turns: Quarter turns to the left that bring a frame upright.
        interlaced: Whether its frames are two fields, taken one after the other.
        frames: How many there are, as far as the file says; 0 if it does not.
    """

    width: int
    height: int
    depth: int
    color: Color
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    matrix: tuple[int, ...] | None
    turns: int
    interlaced: bool
    frames: int

    @property
    def step(self) -> int:
        """How long a frame is shown on average, in units of the time base, at least 1."""
        return max(1, round(1 / (self.rate * self.time_base)))

    @property
    def upright_size(self) -> tuple[int, int]:
        """Height and width of a frame that is turned upright."""
        return (self.width, self.height) if self.turns % 2 else (self.height, self.width)

    @property
    def upright_shape(self) -> tuple[int, int]:
        """Height and width that a player shows it in, which differ where pixels are not square."""
        height, width = self.height, max(1, round(self.width * self.aspect))
        return (width, height) if self.turns % 2 else (height, width)


def facts_of(stream: av.VideoStream, frame: av.VideoFrame, name: str) -> Facts:
    """Tell what a film is.

    Args:
        stream: Of its pictures.
        frame: The first one, since only frames know what they really are.
        name: For messages.

    Raises:
        VideoError: If its light is for other screens.
    """
    format = frame.format
    depth = format.components[0].bits
    if depth > 10:
        logger.warning("%s: its %d bits are reduced to 10", name, depth)
    if stream.metadata.get("alpha_mode") == "1":  # FFmpeg's decoder of VP9 passes it over
        logger.warning("%s: its alpha is left out", name)
    if frame.color_trc in _HDR:
        raise VideoError(
            f"{name}: expected a film for usual screens, got one in {_HDR[frame.color_trc]}; "
            "have FFmpeg's zscale and tonemap filters turn it into BT.709 first"
        )
    full, matrix = is_full(frame), frame.colorspace
    if is_rgb(format):
        matrix, full = BT709, False
    if matrix not in LUMA_SHARES:
        # What players assume: old standards for small pictures, new ones for large.
        matrix = BT709 if frame.width >= 1280 or frame.height > 576 else _BT601
    # PyAV's annotations lack that side data is found by its type, and which container a stream is of.
    turn = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]
    # Those of BT.2020 would make the colors that are about to be chosen for sRGB more vivid.
    primaries = frame.color_primaries if frame.color_primaries != 9 else 1
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    if not seconds and stream.container.duration:  # type: ignore[attr-defined]
        seconds = stream.container.duration / av.time_base  # type: ignore[attr-defined]
    rate = Fraction(25) if not rate or not 0 < rate <= 1000 else rate
    return Facts(
        width=frame.width,
        height=frame.height,
        depth=8 if depth <= 8 else 10,
        color=Color(matrix, primaries, frame.color_trc, FULL_RANGE if full else 1),
        time_base=stream.time_base or 1 / rate,
        rate=rate,
        aspect=stream.sample_aspect_ratio or Fraction(1),
        matrix=struct.unpack("=9i", bytes(turn)[:36]) if turn is not None else None,
        turns=round(frame.rotation / 90) % 4,
        interlaced=bool(frame.interlaced_frame),
        frames=stream.frames or round(seconds * rate),
    )


def has_luma(format: av.VideoFormat) -> bool:
    """Tell whether the first plane of a frame has luma, one code a pixel, in the low bits."""
    return format.name.startswith(_WITH_LUMA) and not format.name.endswith(_OTHERWISE)


def is_rgb(format: av.VideoFormat) -> bool:
    """Tell whether a frame has no luma of its own, as in RGB and in palettes."""
    of_bits = format.has_palette or format.is_bit_stream
    return format.is_rgb or of_bits or format.name.startswith("xyz")


def is_full(frame: av.VideoFrame) -> bool:
    """Tell whether grey goes from 0 to the highest code; grey that does not say does, as in FFmpeg."""
    name = frame.format.name
    is_grey = name.startswith(("gray", "ya")) and frame.color_range == 0
    return frame.color_range == FULL_RANGE or name.startswith("yuvj") or is_grey


def is_photo(container: Any) -> bool:
    """Tell whether a file holds a photo, by what FFmpeg calls its format, or by its brand."""
    format, brand = container.format.name, container.metadata.get("major_brand")
    return format.endswith("_pipe") or format in ("image2", "ico") or brand in ("avif", "heic", "mif1")
