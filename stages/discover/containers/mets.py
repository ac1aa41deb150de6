"""METS: the articles and pages of an issue or a book, by the files of text recognition that it names.

What a METS says is read here; `stages.discover.containers.gather` puts the members together that it speaks of.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import unquote

from lxml import etree

from stages.discover.containers.feeds import SAFE_XML, local, refuse_entities
from stages.discover.containers.members import safe_key, safe_path
from stages.discover.page_formats import HEAD, kind_of
from stages.errors import SourceError

_ARTICLE = re.compile(r"article|artikel|advertisement|anzeige|obituary", re.IGNORECASE)
_PERIODICAL = re.compile(
    r"article|artikel|newspaper|issue|periodical|journal|zeitung|zeitschrift|year|month|day", re.IGNORECASE
)
_MOST_BYTES = 64 << 20
_HREF = "{http://www.w3.org/1999/xlink}href"
_BESIDE = re.compile(r"(?:file:/{0,2}|\./)?")
PAGE_NAMES = (".xml", ".hocr", ".html", ".htm", ".xhtml")
_PAGE_TYPES = re.compile(r"alto|prima\.page|hocr|text/xml|application/xml", re.IGNORECASE)
Place = tuple[str, str]
"""A file, by its path below the folder of the METS, and the ID of a block in it."""
Element = Any


class Article(NamedTuple):
    """One article: its ID or number, where its blocks stand, and what is said of it."""

    name: str
    places: list[Place]
    about: dict[str, str]


class Issue(NamedTuple):
    """What a METS speaks of: articles, pages by their paths below its folder, in order, and what is said of it all."""

    articles: list[Article]
    pages: list[str]
    about: dict[str, str]


def issue_of(file: BinaryIO) -> Issue | None:
    """Give what a METS file names: articles by the blocks of files below its folder, and pages by such files.

    None of any other file, and of a METS that names no file of recognised text below its folder: a reference that
    leads out of it counts for none. Raises SourceError where the file is damaged or declares entities.
    """
    file.seek(0)
    if kind_of(file.read(HEAD)) != "mets":
        return None
    file.seek(0)
    data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise SourceError("too_large", f"a METS file of more than {_MOST_BYTES >> 20} MB; split it by issue")
    try:
        root = etree.fromstring(data, etree.XMLParser(**SAFE_XML))
    except etree.XMLSyntaxError as error:
        raise SourceError("damaged", f"its XML is damaged ({error}); fetch it again") from error
    refuse_entities(root)
    files, said = dict(_files(root)), _descriptions(root)
    about = _of_all(root, said)
    articles = list(_articles(root, files, said, about))
    named = [place[0] for article in articles for place in article.places]
    pages = list(dict.fromkeys([*_pages(root, files), *named]))
    return Issue(articles, pages, about) if pages else None


def _of_all(root: Element, said: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """What is said of the whole: of an issue its title is that of the newspaper."""
    whole = next(iter(said.values()), {})
    types = (element.get("TYPE") or "" for element in root.iter() if isinstance(element.tag, str))
    if "title" in whole and any(map(_PERIODICAL.search, types)):
        return {"publisher": whole["title"], **{k: v for k, v in whole.items() if k in ("published", "language")}}
    return whole


def _articles(
    root: Element, files: Mapping[str, str], said: Mapping[str, dict[str, str]], about: Mapping[str, str]
) -> Iterator[Article]:
    issue = {name: about[name] for name in ("published", "publisher") if name in about}
    for number, division in enumerate(_topmost(root), 1):
        places = [place for area in division.iter() if (place := _place(area, files))]
        if places:
            own = {k: v for key in (division.get("DMDID") or "").split() for k, v in said.get(key, {}).items()}
            label = {"title": division.get("LABEL")} if division.get("LABEL") else {}
            name = safe_key(division.get("ID") or f"{number:04}")
            yield Article(name, list(dict.fromkeys(places)), issue | label | own)


def _files(root: Element) -> Iterator[tuple[str, str]]:
    """The files of recognised text below the folder of the METS by their IDs, as far as name and type tell."""
    for file in root.iter():
        if isinstance(file.tag, str) and local(file) == "file":
            href = next((place.get(_HREF) for place in file if place.get(_HREF)), "")
            name = unquote(_BESIDE.sub("", href, count=1))
            typed = _PAGE_TYPES.search(file.get("MIMETYPE") or "") or name.lower().endswith(PAGE_NAMES)
            if not name or "://" in name or not typed:
                continue
            try:
                yield file.get("ID", ""), safe_path(name)
            except SourceError:
                continue


def _pages(root: Element, files: Mapping[str, str]) -> Iterator[str]:
    """The files of pages in the order of the physical map, else as they are listed; of several of a page one.

    That is the one that is called the full text, else the last: what came of the step before is listed before it.
    """
    full = {file.get("ID") for group in root.iter() if isinstance(group.tag, str) and local(group) == "filegrp"
            if "FULLTEXT" in (group.get("USE") or "").upper() for file in group.iter()}  # fmt: skip
    rank = {key: (key in full, at) for at, key in enumerate(files)}
    maps = (e for e in root.iter() if isinstance(e.tag, str) and local(e) == "structmap")
    physical = next((e for e in maps if (e.get("TYPE") or "").upper() == "PHYSICAL"), None)
    if physical is None:
        yield from files.values()
        return
    for division in physical.iter():
        own = [key for pointer in division for key in _pointed(pointer) if key in files]
        if own:
            yield files[max(own, key=lambda key: rank[key])]


def _pointed(pointer: Element) -> Iterator[str]:
    if isinstance(pointer.tag, str) and local(pointer) == "fptr":
        yield pointer.get("FILEID", "")
        yield from (area.get("FILEID", "") for area in pointer.iter() if area is not pointer)


def _topmost(root: Element) -> Iterator[Element]:
    """Divisions of the kind of an article that lie in no other such."""
    for division in root.iter():
        if isinstance(division.tag, str) and local(division) == "div" and _is_article(division):
            above = division.iterancestors()
            if not any(_is_article(other) for other in above if local(other) == "div"):
                yield division


def _is_article(division: Element) -> bool:
    return _ARTICLE.fullmatch(division.get("TYPE") or "") is not None


def _place(area: Element, files: Mapping[str, str]) -> Place | None:
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


def beside(mets: str, page: str) -> str:
    """The path of a page in the archive that a METS lies in, by their paths there and below it.

    >>> beside("1950/mets.xml", "alto/1.xml"), beside("mets.xml", "1.xml")
    ('1950/alto/1.xml', '1.xml')
    """
    return posixpath.join(posixpath.dirname(mets), page)
