"""Feeds: the items of RSS (0.9 to 2.0) and Atom, named by what they call themselves."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, TypeAlias

from lxml import etree

from stages.discover.containers.members import Item, Limits, Member, content_key, safe_key, uniquely_named
from stages.errors import SourceError

BEGINS = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>\s*|<\?xml-stylesheet[^>]*>\s*)*<(?:rss\b|feed\b[^>]*w3\.org/2005/Atom"
    rb"|rdf:RDF\b[^>]*purl\.org/rss)",
    re.DOTALL,
)
_ITEMS = frozenset({"item", "entry"})
_NAMES = ("guid", "id", "link")
_OF_FEED = ("title", "link", "id", "language", "lang")
SAFE_XML: dict[str, Any] = {"resolve_entities": False, "no_network": True, "huge_tree": False}
Element: TypeAlias = Any


def open_feed(file: BinaryIO, limits: Limits) -> Iterator[Item]:
    """Give the items of a feed, each as an XML file of its own with what is said of the whole feed in ``source``.

    An item is named by its guid, id or link, else by its content. Raises SourceError where the XML is damaged
    (``damaged``: what came before stands) or declares entities, as bombs do (``bomb``). ``file`` is only read forward.
    """
    return uniquely_named(_items(file, limits))


def _items(file: BinaryIO, limits: Limits) -> Iterator[Item]:
    about: dict[str, str] = {}
    path: list[Element] = []
    for event, element in _events(file, limits):
        if event == "start":
            path.append(element)
            continue
        path.pop()
        if local(element) in _ITEMS and not any(local(e) in _ITEMS for e in path):
            yield _item(element, about)
            path[-1].remove(element)
        elif len(path) in (1, 2) and local(element) in _OF_FEED:
            about.setdefault(local(element), (element.text or element.get("href") or "").strip())
        if len(path) == 1 and (lang := path[0].get("{http://www.w3.org/XML/1998/namespace}lang")):
            about.setdefault("language", lang)


def _events(file: BinaryIO, limits: Limits) -> Iterator[tuple[str, Element]]:
    try:
        events = etree.iterparse(_Bounded(file, limits), events=("start", "end"), **SAFE_XML)
        for n, (event, element) in enumerate(events):
            if n == 0:
                refuse_entities(element)
            if isinstance(element.tag, str):
                yield event, element
    except etree.XMLSyntaxError as error:
        raise SourceError("damaged", f"its XML is damaged ({error}); fetch the feed again") from error


class _Bounded:
    """A file that may not be longer than one member: what the parser has read of a feed stays in its memory."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self._file, self._left = file, limits.max_member_bytes

    def read(self, n: int) -> bytes:
        data = self._file.read(n)
        self._left -= len(data)
        if self._left < 0:
            raise SourceError("too_large", "a feed too long for one file; split it")
        return data


def refuse_entities(root: Element) -> None:
    """Raise SourceError (``bomb``) where an XML file declares entities of its own.

    Entities are how a few bytes of XML become gigabytes, or read another file; no feed and no office document has any.
    """
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise SourceError("bomb", "its XML declares entities, as XML bombs do; write them out")


def _item(element: Element, about: dict[str, str]) -> Member:
    kept = {name: text for name, text in about.items() if text}
    own = {local(child) for child in element if isinstance(child.tag, str)}
    if kept and "source" not in own:
        source = etree.SubElement(element, "source", {f"feed-{name}": text for name, text in kept.items()})
        source.text = kept.get("title", "")
    element.tail = None
    data = etree.tostring(element, encoding="utf-8", xml_declaration=True)
    return Member((safe_key(_own_name(element)) or content_key(data)) + ".xml", data)


def _own_name(element: Element) -> str:
    for name in _NAMES:
        for child in element:
            if (
                isinstance(child.tag, str)
                and local(child) == name
                and (text := (child.text or child.get("href") or "").strip())
            ):
                return text
    return ""


def local(element: Element) -> str:
    """The name of an element without its namespace, in small letters."""
    return str(element.tag).rpartition("}")[2].lower()
