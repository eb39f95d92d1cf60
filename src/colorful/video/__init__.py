"""Films: colored frame by frame, and kept steady in time."""

from colorful.errors import MissingExtraError

try:
    import av as _av  # noqa: F401
    import cv2 as _cv2  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtraError("video") from error

from colorful.video.frames import colorize_frames, preview_video
from colorful.video.hints import TimedHint, load_timed_hints
from colorful.video.run import VideoSummary, colorize_video, faster_precision
from colorful.video.scores import FilmScore, evaluate_film

__all__ = [
    "FilmScore",
    "TimedHint",
    "VideoSummary",
    "colorize_frames",
    "colorize_video",
    "evaluate_film",
    "faster_precision",
    "load_timed_hints",
    "preview_video",
]
