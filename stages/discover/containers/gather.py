"""Gather what a METS speaks of: its articles, and its pages, as files of ALTO, PAGE or hOCR of their own.

An article is a member: one file with its blocks in the order that the METS names, page by page. What is in no article
makes a member for each page. So nothing of a page is lost, and nothing is read twice.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from lxml import etree

from stages.discover.containers.feeds import SAFE_XML, local, refuse_entities
from stages.discover.containers.members import Item, Limits, Member, Refused, member_too_large, uniquely_named
from stages.discover.containers.mets import Article, Issue
from stages.discover.page_formats import HEAD, kind_of
from stages.errors import SourceError

ABOUT = "fliesstext-about"
"""The element of a member that holds, as attributes, what the METS says of an article."""
ORDERED = "fliesstext-ordered"
"""The class of a page of hOCR whose blocks stand in the order to read them in."""
BY_ARTICLES, BY_PAGES, AS_WHOLE = "articles", "pages", "whole"
"""What of a METS is a document: an article and each page's rest, a page, or all of it."""
Read = Callable[[str], bytes]
"""Reads a file by its path below the folder of the METS; raises SourceError."""
Element = Any
# An article has its blocks on few pages, and the next one begins where it ends.
_PAGES_AT_ONCE = 8
_NAMES = {"alto": "ALTO", "page": "PAGE", "hocr": "hOCR"}
_BEGINS = {
    "alto": b'<?xml version="1.0" encoding="utf-8"?>\n<alto>%b<Layout>',
    "page": b'<?xml version="1.0" encoding="utf-8"?>\n<PcGts>%b',
    "hocr": b'<html><head><meta charset="utf-8"><meta name="ocr-system" content="gathered"></head><body>%b',
}
_ENDS = {"alto": b"</Layout></alto>\n", "page": b"</PcGts>\n", "hocr": b"</body></html>\n"}


class _Page(NamedTuple):
    """A file of recognised text: which format it is of, and its root."""

    kind: str
    root: Element


def open_mets(issue: Issue | None, read: Read, by: str = BY_ARTICLES) -> Iterator[Item] | None:
    """Give a member for each article, and for each page one of what is in none; or one a page, or one of it all.

    ``by``: `BY_ARTICLES`, `BY_PAGES` or `AS_WHOLE`. An article with a page that cannot be read is `Refused`, with what
    is wrong with the page. None where there is no issue.
    """
    return None if issue is None else uniquely_named(_members(issue, read, by))


def _members(issue: Issue, read: Read, by: str) -> Iterator[Item]:
    @lru_cache(maxsize=_PAGES_AT_ONCE)
    def page(name: str) -> _Page:
        return _parsed(read(name), name)

    articles = issue.articles if by == BY_ARTICLES else []
    if by == AS_WHOLE:
        kinds = {".html" if page_kind == "hocr" else ".xml" for page_kind in _kinds(issue.pages[:1], page)}
        whole = ((page(name), None) for name in issue.pages)
        yield _gathered(f"issue{next(iter(kinds), '.xml')}", whole, issue.about)
        return
    for article in articles:
        blocks = _by_page(article)
        yield _gathered(f"{article.name}.xml", ((page(name), blocks[name]) for name in blocks), article.about)
    taken = {place for article in articles for place in article.places}
    for name in issue.pages:
        # Not from those at hand: blocks are taken out of it.
        gone = {block for file, block in taken if file == name}
        try:
            rest = _parsed(read(name), name)
        except SourceError as error:
            if not gone:  # else the articles say so
                yield Refused(name, error)
            continue
        if _leave(rest, gone):
            yield _gathered(name, [(rest, None)], issue.about)


def _kinds(names: Iterable[str], page: Callable[[str], _Page]) -> Iterator[str]:
    for name in names:
        try:
            yield page(name).kind
        except SourceError:
            return


def _by_page(article: Article) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, block in article.places:
        found.setdefault(name, []).append(block)
    return found


def _parsed(data: bytes, name: str) -> _Page:
    kind = kind_of(data[:HEAD], name)
    if kind not in _NAMES:
        reason = f"the METS names {name}, which is no ALTO, PAGE or hOCR; exclude the METS"
        raise SourceError("unsupported_format", reason)
    parser = etree.HTMLParser(recover=True, no_network=True) if kind == "hocr" else etree.XMLParser(**SAFE_XML)
    try:
        root = etree.fromstring(data, parser)
    except etree.LxmlError as error:
        raise SourceError("damaged", f"the markup of {name} is damaged ({error}); fetch it again") from error
    if root is None:
        raise SourceError("damaged", f"{name} has no markup; fetch it again")
    refuse_entities(root)
    return _Page(kind, root)


def _gathered(name: str, parts: Iterable[tuple[_Page, Sequence[str] | None]], about: dict[str, str]) -> Item:
    """Pages, or some blocks of them, as one file."""
    kind, found, size = "", list[bytes](), 0
    try:
        for page, blocks in parts:
            if kind not in ("", page.kind):
                reason = f"its pages are of two formats, {_NAMES[kind]} and {_NAMES[page.kind]}; use --mets pages"
                raise SourceError("unsupported_format", reason)
            kind = page.kind
            found.append(b"".join(_written(part, kind) for part in _parts(page, blocks)))
            size += len(found[-1])
            if size > Limits().max_member_bytes:
                raise member_too_large(Limits())
    except SourceError as error:
        return Refused(name, error)
    said = _written(etree.Element(ABOUT, about), "hocr")
    return Member(name, b"".join([_BEGINS[kind] % said, *found, _ENDS[kind]]))


def _written(element: Element, kind: str) -> bytes:
    # An HTML parser knows no element that is closed at once.
    method = "html" if kind == "hocr" else "xml"
    return bytes(etree.tostring(element, encoding="utf-8", method=method, with_tail=False))


def _parts(page: _Page, blocks: Sequence[str] | None) -> Iterator[Element]:
    """The elements that make a page of the file that is gathered; of ALTO what is to be known of it comes before it."""
    sheets = [e for e in _elements(page.root) if _is_sheet(e, page.kind)]
    if blocks is not None:
        sheets = [_with_blocks(page, sheets[0] if sheets else None, blocks)]
    if page.kind == "alto":
        yield from (e for e in _elements(page.root) if local(e) == "tags")
        yield _order(sheets[0]) if blocks is not None and sheets else _own_order(page)
    yield from sheets or page.root.iterchildren("body")


def _order(sheet: Element) -> Element:
    order = etree.Element("ReadingOrder")
    group = etree.SubElement(order, "OrderedGroup")
    for text in _elements(sheet):
        if local(text) == "textblock":
            etree.SubElement(group, "ElementRef", REF=text.get("ID", ""))
    return order


def _own_order(page: _Page) -> Element:
    """The order that a file gives, an empty one where it gives none: in another file the same IDs mean other blocks."""
    own = next((e for e in _elements(page.root) if local(e) == "readingorder"), None)
    return etree.Element("ReadingOrder") if own is None else own


def _elements(root: Element) -> Iterator[Element]:
    return (e for e in root.iter() if isinstance(e.tag, str))


def _is_sheet(element: Element, kind: str) -> bool:
    if kind == "hocr":
        return "ocr_page" in (element.get("class") or "").split()
    return local(element) == "page"


def _with_blocks(page: _Page, sheet: Element | None, blocks: Sequence[str]) -> Element:
    """A page with some of its blocks, in the order that they are named."""
    name = "div" if page.kind == "hocr" else sheet.tag if sheet is not None else "Page"
    made = etree.Element(name, dict(sheet.attrib) if sheet is not None else {})
    key = {"alto": "ID"}.get(page.kind, "id")
    by_id = {e.get(key): e for e in _elements(page.root) if e.get(key)}
    chosen = [copy.deepcopy(by_id[block]) for block in blocks if block in by_id]
    if page.kind == "page":
        group = etree.SubElement(etree.SubElement(made, "ReadingOrder"), "OrderedGroup")
        for at, block in enumerate(chosen):
            etree.SubElement(group, "RegionRefIndexed", regionRef=block.get("id"), index=str(at))
    if page.kind == "hocr":
        made.set("class", f"ocr_page {ORDERED}")
    made.extend(chosen)
    return made


def _leave(page: _Page, taken: set[str]) -> bool:
    """Take the blocks of articles out of a page; tell whether any words are left, or were there at all."""
    key = {"alto": "ID"}.get(page.kind, "id")
    for block in [e for e in _elements(page.root) if e.get(key) in taken]:
        if block.getparent() is not None:
            block.getparent().remove(block)
    return not taken or any(map(_has_words, _elements(page.root)))


def _has_words(element: Element) -> bool:
    if local(element) == "string":
        return bool((element.get("CONTENT") or "").strip())
    if local(element) == "unicode":
        return bool((element.text or "").strip())
    is_line = any(part.startswith("ocr") for part in (element.get("class") or "").split())
    return is_line and bool("".join(element.itertext()).strip())
