"""METS: the articles of an issue, put together from the ALTO files beside it that their blocks stand in.

An article is a member: one ALTO file with its blocks in the order that the METS names, page by page. What is in no
article makes a member for each page. So nothing of a page is lost, and nothing is read twice.
"""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote

from lxml import etree

from stages.discover.containers.feeds import SAFE_XML, local, refuse_entities
from stages.discover.containers.members import Item, Member, Refused, safe_key, safe_path, uniquely_named
from stages.discover.page_formats import HEAD, kind_of
from stages.errors import SourceError

ABOUT = "fliesstext-about"
"""The element of a member that holds, as attributes, what the METS says of an article."""
_ARTICLE = re.compile(r"article|artikel|advertisement|anzeige|obituary", re.IGNORECASE)
_MOST_BYTES = 64 << 20
_HREF = "{http://www.w3.org/1999/xlink}href"
_BESIDE = re.compile(r"(?:file:/{0,2}|\./)?")
Read = Callable[[str], bytes]
"""Reads a file by its path below the folder of the METS; raises SourceError."""
Place = tuple[str, str]
"""A file, by its path below the folder of the METS, and the ID of a block in it."""
Element = Any


class Article(NamedTuple):
    """One article: its ID or number, where its blocks stand, and what is said of it."""

    name: str
    places: list[Place]
    about: dict[str, str]


def articles_of(file: BinaryIO) -> list[Article]:
    """Give the articles that a METS file names by the blocks of files below its folder; none of any other file.

    A reference that leads out of the folder counts for none. Raises SourceError where the file is damaged or declares
    entities.
    """
    file.seek(0)
    if kind_of(file.read(HEAD)) != "mets":
        return []
    file.seek(0)
    data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise SourceError("too_large", f"a METS file of more than {_MOST_BYTES >> 20} MB; split it by issue")
    try:
        root = etree.fromstring(data, etree.XMLParser(**SAFE_XML))
    except etree.XMLSyntaxError as error:
        raise SourceError("damaged", f"its XML is damaged ({error}); fetch it again") from error
    refuse_entities(root)
    files = dict(_files(root))
    said = _descriptions(root)
    whole = next((said[key] for key in said), {})
    found = []
    for number, division in enumerate(_topmost(root), 1):
        places = [place for area in division.iter() if (place := _place(area, files))]
        if places:
            own = {k: v for key in (division.get("DMDID") or "").split() for k, v in said.get(key, {}).items()}
            label = {"title": division.get("LABEL")} if division.get("LABEL") else {}
            issue = {"published": whole["published"]} if "published" in whole else {}
            issue |= {"publisher": whole["title"]} if "title" in whole else {}
            name = safe_key(division.get("ID") or f"{number:04}")
            found.append(Article(name, list(dict.fromkeys(places)), issue | label | own))
    return found


def _files(root: Element) -> Iterator[tuple[str, str]]:
    """The files below the folder of the METS by their IDs."""
    for file in root.iter():
        if isinstance(file.tag, str) and local(file) == "file":
            href = next((place.get(_HREF) for place in file if place.get(_HREF)), "")
            name = unquote(_BESIDE.sub("", href, count=1))
            if not name or "://" in name:
                continue
            try:
                yield file.get("ID", ""), safe_path(name)
            except SourceError:
                continue


def _topmost(root: Element) -> Iterator[Element]:
    """Divisions of the kind of an article that lie in no other such."""
    for division in root.iter():
        if isinstance(division.tag, str) and local(division) == "div" and _is_article(division):
            above = division.iterancestors()
            if not any(_is_article(other) for other in above if local(other) == "div"):
                yield division


def _is_article(division: Element) -> bool:
    return _ARTICLE.fullmatch(division.get("TYPE") or "") is not None


def _place(area: Element, files: dict[str, str]) -> Place | None:
    if not isinstance(area.tag, str) or local(area) != "area" or not area.get("BEGIN"):
        return None
    file = files.get(area.get("FILEID", ""))
    return (file, area.get("BEGIN")) if file else None


_MODS = {"title": "title", "dateissued": "published", "namepart": "author", "languageterm": "language"}


def _descriptions(root: Element) -> dict[str, dict[str, str]]:
    """What MODS says, by the ID of its section; the first of each."""
    found: dict[str, dict[str, str]] = {}
    for section in root.iter():
        if isinstance(section.tag, str) and local(section) == "dmdsec":
            said = found.setdefault(section.get("ID", ""), {})
            for part in section.iter():
                name = _MODS.get(local(part)) if isinstance(part.tag, str) else None
                if name and (part.text or "").strip():
                    said.setdefault(name, " ".join(part.text.split()))
    return found


def open_mets(articles: list[Article], read: Read) -> Iterator[Item]:
    """Give a member for each article, and for each page one of what is in no article.

    An article with a page that cannot be read is `Refused`, with what is wrong with the page.
    """
    return uniquely_named(_members(articles, read))


def _members(articles: list[Article], read: Read) -> Iterator[Item]:
    pages: dict[str, Element | SourceError] = {}
    for name in dict.fromkeys(file for article in articles for file, _ in article.places):
        try:
            pages[name] = _alto(read(name), name)
        except SourceError as error:
            pages[name] = error
    for article in articles:
        wrong = next((page for file, _ in article.places if isinstance(page := pages[file], SourceError)), None)
        name = f"{article.name}.xml"
        yield Refused(name, wrong) if wrong else Member(name, _article(article, pages))
    taken = {place for article in articles for place in article.places}
    for file, page in pages.items():
        if not isinstance(page, SourceError) and _leave(page, {block for name, block in taken if name == file}):
            yield Member(file, etree.tostring(page, encoding="utf-8", xml_declaration=True))


def _alto(data: bytes, name: str) -> Element:
    if kind_of(data[:HEAD]) != "alto":
        raise SourceError("unsupported_format", f"the METS names {name}, which is no ALTO; exclude the METS")
    try:
        root = etree.fromstring(data, etree.XMLParser(**SAFE_XML))
    except etree.XMLSyntaxError as error:
        raise SourceError("damaged", f"the XML of {name} is damaged ({error}); fetch it again") from error
    refuse_entities(root)
    return root


def _article(article: Article, pages: dict[str, Any]) -> bytes:
    """The blocks of an article as an ALTO file of its own, in the order of the METS."""
    first = pages[article.places[0][0]]
    space = first.tag.rpartition("}")[0] + "}" if "}" in first.tag else ""
    root = etree.Element(first.tag, nsmap=first.nsmap)
    etree.SubElement(root, ABOUT, article.about)
    order = etree.SubElement(etree.SubElement(root, f"{space}ReadingOrder"), f"{space}OrderedGroup")
    layout = etree.SubElement(root, f"{space}Layout")
    for file in dict.fromkeys(file for file, _ in article.places):
        source = next((e for e in pages[file].iter() if isinstance(e.tag, str) and local(e) == "page"), None)
        page = etree.SubElement(layout, f"{space}Page", dict(source.attrib) if source is not None else {})
        blocks = {e.get("ID"): e for e in pages[file].iter() if isinstance(e.tag, str) and e.get("ID")}
        for name, block in article.places:
            if name == file and block in blocks:
                page.append(copy.deepcopy(blocks[block]))
        texts: list[Element] = [e for e in page.iter() if isinstance(e.tag, str) and local(e) == "textblock"]
        for text in texts:
            etree.SubElement(order, f"{space}ElementRef", {"REF": text.get("ID", "")})
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def _leave(page: Element, taken: set[str]) -> bool:
    """Take the blocks of articles out of a page; tell whether any words are left."""
    for block in [e for e in page.iter() if isinstance(e.tag, str) and e.get("ID") in taken]:
        if block.getparent() is not None:
            block.getparent().remove(block)
    return any(isinstance(e.tag, str) and local(e) == "string" for e in page.iter())
