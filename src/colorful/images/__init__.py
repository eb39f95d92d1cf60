"""Pictures in, pictures out: any file, image or array to a :class:`Picture` and back, with nothing lost."""

from colorful.images.formats import ENDINGS, EXTENSIONS, UNREAD, result_ending
from colorful.images.metadata import Metadata
from colorful.images.others import FORMATS
from colorful.images.picture import Picture
from colorful.images.reading import Source, read, read_pages, read_rgb, read_size
from colorful.images.sources import MAX_PIXELS, take
from colorful.images.writing import Saving, encode, encode_as, write

__all__ = [
    "ENDINGS",
    "EXTENSIONS",
    "FORMATS",
    "MAX_PIXELS",
    "UNREAD",
    "Metadata",
    "Picture",
    "Saving",
    "Source",
    "encode",
    "encode_as",
    "read",
    "read_pages",
    "read_rgb",
    "read_size",
    "result_ending",
    "take",
    "write",
]
