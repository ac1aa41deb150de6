"""One item of a feed (RSS or Atom): its content with its title above it, and what the feed says of itself."""

from collections.abc import Iterator

from lxml import etree

from stages.discover.containers.feeds import SAFE_XML, Element, local, refuse_entities
from stages.errors import SourceError
from stages.read.facts import iso_date
from stages.read.raw_document import Fact, RawDocument
from stages.read.with_title import document_of

_CONTENTS = ("encoded", "content", "description", "summary")
_FACTS = {
    "title": ("title",),
    "author": ("creator", "author"),
    "published_at": ("published", "pubdate", "date", "issued", "updated"),
    "url": ("link", "origlink"),
    "section": ("category",),
    "publisher": ("publisher",),
}


def read_feed_item(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read an item as `stages.discover.containers.feeds` gives it; a summary counts where there is no content.

    Raises SourceError (``damaged``, ``bomb``, ``empty``, ``too_large``).
    """
    try:
        item = etree.fromstring(data, etree.XMLParser(**SAFE_XML))
    except etree.XMLSyntaxError as error:
        raise SourceError("damaged", f"the XML of {name} is damaged ({error}); fetch the feed again") from error
    refuse_entities(item)
    facts: dict[str, Fact] = {}
    for fact, names in _FACTS.items():
        for value, found_in in _values(item, names):
            text = iso_date(value) if fact == "published_at" else " ".join(value.split())
            if text:
                facts.setdefault(fact, Fact(text, f"feed {found_in}"))
    facts |= {name: fact for name, fact in _of_feed(item).items() if name not in facts}
    body = next(_contents(item), "")
    title = facts["title"].value if "title" in facts else ""
    return document_of(title, body, facts, name, max_chars, is_html="<" in body or "&" in body)


def _contents(item: Element) -> Iterator[str]:
    for name in _CONTENTS:
        for child in item.iterchildren(tag=etree.Element):
            if local(child) == name and (text := _inner(child)).strip():
                yield text


def _inner(element: Element) -> str:
    """The text of an element; of XHTML its markup."""
    if not len(element):
        return element.text or ""
    return (element.text or "") + "".join(etree.tostring(child, encoding="unicode", method="html") for child in element)


def _values(item: Element, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        for child in item.iterchildren(tag=etree.Element):
            if local(child) == name and child.get("rel", "alternate") == "alternate":
                inner = [e for e in child.iterchildren(tag=etree.Element) if local(e) == "name"]
                value = (inner[0].text if inner else child.text) or child.get("href") or child.get("term") or ""
                if value.strip():
                    yield value, name


def _of_feed(item: Element) -> dict[str, Fact]:
    for child in item.iterchildren(tag=etree.Element):
        if local(child) == "source":
            title = child.get("feed-title") or (child.text or "").strip()
            title = title or next(
                (e.text or "" for e in child.iterchildren(tag=etree.Element) if local(e) == "title"), ""
            )
            told = {
                "publisher": title,
                "language": (child.get("feed-language") or child.get("feed-lang") or "")[:2].lower(),
            }
            return {name: Fact(value, f"feed {name}") for name, value in told.items() if value}
    return {}
