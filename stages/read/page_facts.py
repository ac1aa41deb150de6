"""What a web page says of itself: JSON-LD, OpenGraph, other meta elements, its title and its canonical address."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any

from stages.read.facts import iso_date
from stages.read.markup import Element, Node, Run
from stages.read.raw_document import Fact

_ARTICLES = re.compile(
    r"(?:News|Reportage|Opinion|Analysis|Review|Scholarly|Tech)?Article\Z|BlogPosting|Report\Z|WebPage\Z"
)
_LD = {
    "title": ("headline", "name"),
    "author": ("author", "creator"),
    "published_at": ("datePublished", "dateCreated"),
    "language": ("inLanguage",),
    "url": ("url", "mainEntityOfPage", "@id"),
    "publisher": ("publisher", "sourceOrganization"),
    "section": ("articleSection",),
}
_META = {
    "title": ("og:title", "dc.title", "dcterms.title", "citation_title", "twitter:title", "title"),
    "author": ("author", "article:author", "dc.creator", "dcterms.creator", "citation_author", "byl", "parsely-author"),
    "published_at": (
        *("article:published_time", "og:published_time", "datepublished", "date", "dc.date", "dc.date.issued"),
        *("dcterms.date", "dcterms.issued", "dcterms.created", "citation_publication_date", "citation_date", "pubdate"),
        *("publish-date", "publication_date", "parsely-pub-date", "last-modified-published", "sailthru.date"),
    ),
    "language": ("og:locale", "content-language", "dc.language", "dcterms.language", "language"),
    "url": ("og:url",),
    "publisher": ("og:site_name", "dc.publisher", "dcterms.publisher", "citation_journal_title", "application-name"),
    "section": ("article:section", "section", "parsely-section"),
}
_WITHOUT_SITE = re.compile(r"\s+[|·–—»-]\s+[^|·–—»]{2,40}\Z")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}\b")


def page_facts(source: str, nodes: Iterable[Node]) -> dict[str, Fact]:
    """Give title, author, published_at, language, url, publisher and section as far as a page tells them.

    The first of these that tells one holds: JSON-LD, meta elements (OpenGraph before others), elements of the page
    (canonical link, ``time``, ``rel=author``, ``title`` without the name of the site, ``lang``).
    """
    nodes = list(nodes)
    facts: dict[str, Fact] = {}
    for name, fact in (*_linked_data(source, nodes), *_meta(nodes), *_elements(source, nodes)):
        value = _tidy(name, fact.value)
        if value:
            facts.setdefault(name, Fact(value, fact.found_in))
    return facts


def _tidy(name: str, value: str) -> str | None:
    text = " ".join(unescape(value).split())
    if name == "published_at":
        return iso_date(text)
    if name == "language":
        return match[0].lower() if (match := _LANGUAGE.match(text)) else None
    if name == "url":
        return text if re.match("https?://", text) else None
    if name == "author":
        return None if re.match("https?://", text) else text.removeprefix("Von ").removeprefix("By ") or None
    return text or None


def _linked_data(source: str, nodes: list[Node]) -> Iterator[tuple[str, Fact]]:
    for node in nodes:
        if isinstance(node, Run) and node.element.get("type").lower().startswith("application/ld+json"):
            try:
                told = json.loads(source[node.start : node.end])
            except (ValueError, RecursionError):
                continue  # many pages carry broken ones; what else the page says still holds
            for thing in _things(told):
                yield from _of_thing(thing)


def _things(told: Any) -> list[Mapping[str, Any]]:
    found = told if isinstance(told, list) else [told]
    things = [t for t in found if isinstance(t, dict)]
    things += [t for thing in things if isinstance(g := thing.get("@graph"), list) for t in g if isinstance(t, dict)]
    articles = [t for t in things if any(_ARTICLES.match(str(kind)) for kind in _listed(t.get("@type")))]
    return sorted(articles, key=lambda thing: "WebPage" in _listed(thing.get("@type")))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _of_thing(thing: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    for name, keys in _LD.items():
        for key in keys:
            if value := _name_of(thing.get(key)):
                yield name, Fact(value, f"json-ld {key}")


def _name_of(value: Any) -> str:
    if isinstance(value, dict):
        return _name_of(value.get("name") or value.get("@id"))
    if isinstance(value, list):
        return ", ".join(filter(None, map(_name_of, value)))
    return str(value) if isinstance(value, str | int) else ""


def _meta(nodes: list[Node]) -> Iterator[tuple[str, Fact]]:
    found: dict[str, tuple[str, list[str]]] = {}
    for node in nodes:
        if isinstance(node, Element) and node.name == "meta" and node.get("content"):
            for attribute in ("property", "name", "itemprop", "http-equiv"):
                if key := node.get(attribute).lower():
                    found.setdefault(key, (f"meta[{attribute}={key}]", []))[1].append(node.get("content"))
    for name, keys in _META.items():
        for key in keys:
            if key in found:
                found_in, values = found[key]
                yield name, Fact(", ".join(values) if name == "author" else values[0], found_in)


def _elements(source: str, nodes: list[Node]) -> Iterator[tuple[str, Fact]]:
    for node in nodes:
        if isinstance(node, Run):
            yield from _of_run(source, node)
        elif not isinstance(node, Element):
            continue
        elif node.name == "link" and "canonical" in node.get("rel").lower():
            yield "url", Fact(node.get("href"), "link[rel=canonical]")
        elif node.name == "html" and (node.get("lang") or node.get("xml:lang")):
            yield "language", Fact(node.get("lang") or node.get("xml:lang"), "html[lang]")
        elif node.name == "time" and node.get("datetime"):
            yield "published_at", Fact(node.get("datetime"), "time[datetime]")


def _of_run(source: str, run: Run) -> Iterator[tuple[str, Fact]]:
    element, text = run.element, source[run.start : run.end]
    if element.name == "title" and not any(e.name == "svg" for e in element.line()):
        yield "title", Fact(_WITHOUT_SITE.sub("", " ".join(text.split())), "title")
    elif "author" in (element.get("rel").lower(), element.get("itemprop").lower()):
        yield "author", Fact(text, "rel=author" if element.get("rel") else "itemprop=author")
