"""XMP: packets parsed as XML, joined, rid of what is not true of the result, and written again."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from xml.dom import Node, expatbuilder, minidom
from xml.parsers import expat

from colorful.images.log import warn
from colorful.images.tags import decode_text

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML_NAMES, _XML = "http://www.w3.org/2000/xmlns/", "http://www.w3.org/XML/1998/namespace"
_XMP = "http://ns.adobe.com/xap/1.0/"
_TIFF, _EXIF, _PHOTOSHOP = (f"http://ns.adobe.com/{name}/1.0/" for name in ("tiff", "exif", "photoshop"))
_DC = "http://purl.org/dc/elements/1.1/"
_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'
_WRAPPING = ('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>')
_DEEPEST, _MOST = 100, 100_000
_MOST_PACKETS = 8
_WIDE = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>")
_BARE_AMPERSAND = re.compile(r"&(?!#\w+;|\w+;)")

# What a packet says of the file it came from. None stands for every name of the namespace: gain maps, depth,
# films and pictures beside the photo, and settings by which a raw developer would turn the result grey again.
_FALSE: dict[str, set[str] | None] = {
    _XMP: {"Thumbnails", "PageInfo"},
    "http://ns.adobe.com/xap/1.0/t/pg/": {"NPages", "MaxPageSize", "PlateNames"},
    _PHOTOSHOP: {"ColorMode", "ICCProfile"},
    _TIFF: {
        *("ImageWidth", "ImageLength", "BitsPerSample", "Compression", "PhotometricInterpretation"),
        *("Orientation", "SamplesPerPixel", "PlanarConfiguration", "YCbCrSubSampling", "YCbCrPositioning"),
        *("XResolution", "YResolution", "ResolutionUnit", "TransferFunction", "WhitePoint", "NativeDigest"),
        *("PrimaryChromaticities", "YCbCrCoefficients", "ReferenceBlackWhite"),
    },
    _EXIF: {
        *("ColorSpace", "PixelXDimension", "PixelYDimension", "ComponentsConfiguration", "MakerNote"),
        *("CompressedBitsPerPixel", "NativeDigest", "Gamma"),
    },
    _DC: {"format"},
    "http://cipa.jp/exif/1.0/": {"Gamma", "InteropIndex"},
    "http://ns.adobe.com/xmp/note/": {"HasExtendedXMP"},
    "http://ns.adobe.com/camera-raw-settings/1.0/": None,
    "http://ns.adobe.com/hdr-gain-map/1.0/": None,
    "http://ns.apple.com/HDRGainMap/1.0/": None,
    "http://ns.apple.com/pixeldatainfo/1.0/": None,
    "http://ns.google.com/photos/1.0/camera/": None,
    "http://ns.google.com/photos/1.0/container/": None,
    "http://ns.google.com/photos/1.0/depthmap/": None,
    "http://ns.google.com/photos/1.0/image/": None,
    "http://ns.google.com/photos/1.0/audio/": None,
    "http://ns.google.com/photos/dd/1.0/device/": None,
}

# What lies where in the picture as it is stored: faces, a panorama's part of the sphere, the subject.
_PLACES: dict[str, set[str] | None] = {
    "http://www.metadataworkinggroup.com/schemas/regions/": None,
    "http://ns.microsoft.com/photo/1.2/": {"RegionInfo"},
    "http://ns.google.com/photos/1.0/panorama/": None,
    _EXTENSION: {"ImageRegion"},
    _EXIF: {"SubjectArea", "SubjectLocation"},
}


class XMPError(ValueError):
    """A packet is no XMP, or one that nobody should parse."""


class Packet:
    """The statements of one or more XMP packets, as a tree of XML.

    Args:
        packets: Each as it came; those that are no XMP are left out, and the log says so. What one states a
            later one does not overrule.
    """

    def __init__(self, packets: Iterable[bytes] = ()) -> None:
        self._document: minidom.Document | None = None
        packets = list(packets)
        if len(packets) > _MOST_PACKETS:
            warn(f"XMP in part dropped: of its {len(packets):,} packets {_MOST_PACKETS} are read")
        for packet in packets[:_MOST_PACKETS]:
            try:
                document = _parse(packet)
            except XMPError as error:
                warn(f"XMP dropped: {error}")
                continue
            if self._document is None:
                self._document = document
                continue
            told = {name for statement in self._statements() for name in _names(statement)}
            for statement in list(_elements(_rdf(document))):
                _drop(statement, partial(_is_among, told))
                if any(True for _ in _names(statement)):
                    _keep_names(statement)
                    _rdf(self._document).appendChild(self._document.importNode(statement, deep=True))

    def __bool__(self) -> bool:
        return self._document is not None and any(True for _ in _elements(_rdf(self._document)))

    @property
    def orientation(self) -> int | None:
        """The turn of the photo, 1 to 8, or None where it is not told."""
        told = self.first(_TIFF, "Orientation")
        return int(told) if told in {*"12345678"} else None

    def first(self, space: str, name: str) -> str:
        """Return the text of the first property of that name, empty where there is none."""
        return _text(self._first(space, name))

    def drop_false(self, *, is_turned: bool = False) -> None:
        """Take out what is not true of a result: its layout, profile, pictures inside, and settings.

        Args:
            is_turned: Whether the pixels were turned, so that places in them are other ones.
        """
        for statement in self._statements():
            _drop(statement, partial(_is_of, _FALSE))
            _drop_idle_names(statement)
            if is_turned and _drop(statement, partial(_is_of, _PLACES)):
                warn("places in the picture, such as those of faces, dropped: the photo was turned")

    def add(self, space: str, prefix: str, name: str, texts: list[str], *, kind: str = "") -> bool:
        """State a property that the packet lacks, or values that a bag lacks.

        Args:
            space: Its namespace.
            prefix: The usual prefix of that.
            name: Its name.
            texts: Its value, or values.
            kind: ``Alt``, ``Bag`` or ``Seq`` for a property of several values; else it is a plain one.

        Returns:
            Whether the packet states it now; a value that begins with the text does, since IPTC cuts texts.
        """
        if self._document is None:
            self._document = _parse(_EMPTY.encode())
        document, root = self._document, _rdf(self._document)
        texts = [_legal(text) for text in texts]
        if _text(there := self._first(space, name)):
            container = next(_elements(there), None)
            values = [_text(there)] if container is None else [_text(item) for item in _elements(container)]
            if container is None or kind != "Bag":
                return all(any(value.startswith(text.strip()) for value in values) for text in texts)
            _append(container, [text for text in texts if text.strip() not in values])
            return True
        statement = document.createElementNS(_RDF, "rdf:Description")
        about = next((own.getAttributeNS(_RDF, "about") for own in self._statements()), "")
        statement.setAttributeNS(_XML_NAMES, "xmlns:rdf", _RDF)
        statement.setAttributeNS(_XML_NAMES, f"xmlns:{prefix}", space)
        statement.setAttributeNS(_RDF, "rdf:about", about)
        if not kind:
            statement.setAttributeNS(space, f"{prefix}:{name}", texts[0])
        else:
            holder = document.createElementNS(space, f"{prefix}:{name}")
            container = document.createElementNS(_RDF, f"rdf:{kind}")
            _append(container, texts)
            holder.appendChild(container)
            statement.appendChild(holder)
        root.appendChild(statement)
        return True

    def mark_as_made_by_a_model(self) -> None:
        """State IPTC's digital source type of a composite with trained algorithmic media."""
        for statement in self._statements():
            _drop(statement, partial(_is_among, {(_EXTENSION, "DigitalSourceType")}))
        self.add(_EXTENSION, "Iptc4xmpExt", "DigitalSourceType", [SOURCE_TYPE])

    def to_bytes(self) -> bytes:
        """Write the packet; empty if it states nothing."""
        if not self or self._document is None:
            return b""
        out = io.StringIO()
        root: Any = self._document.documentElement
        root.writexml(out)
        return "".join((_WRAPPING[0], out.getvalue(), _WRAPPING[1])).encode("utf-8", "replace")

    def _first(self, space: str, name: str) -> Any:
        """Give the first property of that name, an attribute or an element, or None."""
        for statement in self._statements():
            if statement.getAttributeNS(space, name):
                return statement.getAttributeNodeNS(space, name)
            for child in _elements(statement):
                if (child.namespaceURI, child.localName) == (space, name):
                    return child
        return None

    def _statements(self) -> list[Any]:
        return [] if self._document is None else list(_elements(_rdf(self._document)))


class _Builder(expatbuilder.ExpatBuilderNS):
    """Build a tree of a document without DOCTYPE, so without entities, neither too deep nor too large."""

    _depth = 0
    _names = 0

    def start_doctype_decl_handler(self, *_: Any) -> None:
        raise XMPError("it has a DOCTYPE, which no XMP has")

    def comment_handler(self, data: str) -> None:
        """Leave comments out: they say nothing, and may be megabytes."""

    def start_element_handler(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        self._names += 1 + len(attributes) // 2
        if self._depth > _DEEPEST or self._names > _MOST:
            raise XMPError(f"it has more than {_MOST:,} names, or is nested more than {_DEEPEST} deep")
        super().start_element_handler(name, attributes)

    def end_element_handler(self, name: str) -> None:
        self._depth -= 1
        super().end_element_handler(name)


def _parse(packet: bytes) -> minidom.Document:
    text = _text_of(packet)
    try:
        try:
            document: minidom.Document = _Builder().parseString(text.encode("utf-8", "replace"))
        except expat.ExpatError:  # some programs forget that "&" has a meaning
            document = _Builder().parseString(_BARE_AMPERSAND.sub("&amp;", text).encode("utf-8", "replace"))
    except (expat.ExpatError, ValueError, LookupError, AttributeError) as error:
        raise error if isinstance(error, XMPError) else XMPError(f"it is no XML ({error})") from error
    _rdf(document)
    return document


def _text_of(packet: bytes) -> str:
    """Decode a packet, in whatever encoding of Unicode, from its first tag to its last."""
    text = decode_text(packet)
    for encoding, unit in _WIDE.items():
        place = packet.find("RDF".encode(encoding))
        if place >= 0 and place % unit == 0:
            text = packet.decode(encoding, "ignore")
    text = _DECLARATION.sub("", _legal(text), count=1)
    return text[text.find("<") : text.rfind(">") + 1]


def _rdf(document: minidom.Document) -> Any:
    roots = [document.documentElement, *_elements(document.documentElement)]
    for root in roots:
        if (root.namespaceURI, root.localName) == (_RDF, "RDF"):
            return root
    raise XMPError("there is no rdf:RDF in it")


def _elements(node: Any) -> Iterator[Any]:
    return (child for child in node.childNodes if child.nodeType == Node.ELEMENT_NODE)


def _texts(node: Any) -> Iterator[str]:
    for child in node.childNodes:
        if child.nodeType in (Node.TEXT_NODE, Node.CDATA_SECTION_NODE):
            yield child.data
        elif child.nodeType == Node.ELEMENT_NODE:
            yield from _texts(child)


def _text(node: Any) -> str:
    return "" if node is None else (node.nodeValue or "".join(_texts(node))).strip()


def _append(container: Any, texts: Iterable[str]) -> None:
    """Put values into an Alt, a Bag or a Seq."""
    document = container.ownerDocument
    for text in texts:
        item = document.createElementNS(_RDF, "rdf:li")
        if container.localName == "Alt":
            item.setAttributeNS(_XML, "xml:lang", "x-default")
        item.appendChild(document.createTextNode(text))
        container.appendChild(item)


def _names(statement: Any) -> Iterator[tuple[str, str]]:
    """Name the properties that are stated, as attributes or as elements."""
    for node in (*statement.attributes.values(), *_elements(statement)):
        if node.namespaceURI not in (_XML_NAMES, _RDF, _XML):
            yield node.namespaceURI, node.localName


def _drop(statement: Any, is_unwanted: Callable[[Any], bool]) -> int:
    """Take properties out of a statement, and tell how many."""
    attributes = [attribute for attribute in statement.attributes.values() if is_unwanted(attribute)]
    children = [child for child in _elements(statement) if is_unwanted(child)]
    for attribute in attributes:
        statement.removeAttributeNode(attribute)
    for child in children:
        statement.removeChild(child)
    return len(attributes) + len(children)


def _is_among(names: Container[tuple[str, str]], node: Any) -> bool:
    return (node.namespaceURI, node.localName) in names


def _is_of(properties: Mapping[str, set[str] | None], node: Any) -> bool:
    names = properties.get(node.namespaceURI or "", set())
    return names is None or node.localName in names


def _keep_names(statement: Any) -> None:
    # Prefixes that are declared above the statement go with it into another packet.
    parent = statement.parentNode
    while parent is not None and parent.nodeType == Node.ELEMENT_NODE:
        for attribute in parent.attributes.values():
            if attribute.namespaceURI == _XML_NAMES and not statement.hasAttribute(attribute.name):
                statement.setAttributeNS(_XML_NAMES, attribute.name, attribute.value)
        parent = parent.parentNode


def _drop_idle_names(statement: Any) -> None:
    # A declared prefix of a namespace that is gone would make a search find what is not there.
    for attribute in list(statement.attributes.values()):
        if attribute.namespaceURI == _XML_NAMES and _FALSE.get(attribute.value, set()) is None:
            statement.removeAttributeNode(attribute)


def _legal(text: str) -> str:
    # XML has no control codes, and no half characters.
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
