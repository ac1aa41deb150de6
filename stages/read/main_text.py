"""What of a web page is its text and what is around it: navigation, notices, links to other pages."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from stages.errors import SourceError
from stages.read.markup import Element

_AROUND = frozenset({"nav", "aside", "footer", "form", "dialog", "menu"})
_AROUND_ROLES = frozenset({
    "navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog", "menu", "menubar",
    "toolbar", "tablist", "alert",
})  # fmt: skip
_AROUND_WORDS = frozenset({
    "cookie", "cookies", "consent", "gdpr", "cmp", "newsletter", "share", "sharing", "social", "breadcrumb",
    "breadcrumbs", "navigation", "navbar", "nav", "menu", "sidebar", "related", "recommended", "recommendations",
    "footer", "comments", "comment", "disqus", "advert", "advertisement", "ads", "ad", "promo", "subscribe",
    "subscription", "paywall", "pagination", "pager", "skip", "skiplink", "widget", "toolbar", "tags", "taglist",
    "kommentare", "werbung", "teaserliste", "anzeige", "mehr", "meistgelesen", "topbar", "masthead", "modal", "popup",
    "overlay", "login", "signup", "toc",
})  # fmt: skip
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_HOLDS_TEXT = frozenset({"article", "main", "h1"})
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]*")
_LETTERS = re.compile(r"\w+")
_N = 4  # words that follow one another, by which a text is found again
_MIN_KEPT = 0.5
_MOST_LINKS = 0.5


class Judged(NamedTuple):
    """A block as it is judged: its words, the share of them in links, and the element that holds it."""

    text: str
    in_links: float
    element: Element


def stands_around(element: Element, known: dict[int, bool]) -> bool:
    """Tell by markup alone whether an element belongs to what is around the text; ``known`` remembers."""
    key = id(element)
    if key not in known:
        above = element.parent is not None and stands_around(element.parent, known)
        known[key] = above or _is_around(element)
    return known[key]


def _is_around(element: Element) -> bool:
    if element.name in ("html", "body", "main", "article", "") or is_note(element):
        return False
    role = element.get("role").lower()
    if element.name in _AROUND or role in _AROUND_ROLES:
        return element.name == "footer" or not _HOLDS_TEXT & element.within
    if _HOLDS_TEXT & element.within or element.name in _HEADINGS:
        return False
    if element.name == "header":
        return not any(e.name in _HOLDS_TEXT for e in element.line())
    words = _WORD.findall(f"{element.get('class')} {element.get('id')}"[:300])
    return any(word.lower() in _AROUND_WORDS for word in words)


def is_note(element: Element) -> bool:
    """Tell whether an element holds notes to the text."""
    told = f"{element.get('role')} {element.get('epub:type')} {element.get('class')}"
    return bool(re.search(r"\b(?:doc-(?:end|foot)notes?|footnotes?|endnotes?|rearnotes?)(?:$|\s)", told))


def is_caption(element: Element) -> bool:
    """Tell whether an element is what is said of a picture or table."""
    return element.name in ("figcaption", "caption") or bool(
        re.search(r"\b(?:caption|bildunterschrift|bildtext)\b", element.get("class"), re.IGNORECASE)
    )


def main_blocks(source: str, blocks: Sequence[Judged], around: Sequence[bool]) -> list[bool]:
    """Tell of each block of a page whether it is of its text.

    ``around``: what `stands_around` said. Beside that trafilatura judges, which was measured on thousands of pages;
    where it takes a paragraph, the paragraphs beside it in the same element are taken too, unless they are links.
    Raises SourceError (``needs_extra``) where trafilatura is not installed.
    """
    kept = _kept_by_trafilatura(source, blocks)
    if not any(kept):
        return [not a for a in around]
    beside = {id(_home(block.element)) for block, k, a in zip(blocks, kept, around, strict=True) if k and not a}
    return [
        not a
        and (
            k
            or is_note(block.element)
            or is_caption(block.element)
            or (id(_home(block.element)) in beside and block.in_links < _MOST_LINKS)
        )
        for block, k, a in zip(blocks, kept, around, strict=True)
    ]


def _home(element: Element) -> Element:
    """The element that holds a block and its neighbours: of an item of a list or table, what holds the whole."""
    inner = {
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "td",
        "th",
        "tr",
        "tbody",
        "thead",
        "table",
        "p",
        "blockquote",
        "figure",
    }
    inner |= {"figcaption", "section", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
    for above in element.line():
        if above.name in {"div", "article", "main", "body", "html", "", "td"} and above.name not in inner - {"td"}:
            return above
    return element


def _kept_by_trafilatura(source: str, blocks: Sequence[Judged]) -> list[bool]:
    try:
        import trafilatura
    except ImportError as error:
        raise SourceError(
            "needs_extra", "web pages need the package trafilatura: pip install 'fliesstext[html]'"
        ) from error
    found = trafilatura.extract(source, include_comments=False, include_tables=True, favor_recall=True) or ""
    words = _LETTERS.findall(found.lower())
    grams: dict[int, set[tuple[str, ...]]] = {}
    return [_share_found(_LETTERS.findall(block.text.lower()), words, grams) >= _MIN_KEPT for block in blocks]


def _share_found(own: list[str], words: list[str], grams: dict[int, set[tuple[str, ...]]]) -> float:
    """The share of the runs of a few words of a block that stand in a text; ``grams`` keeps those of the text."""
    n = min(_N, len(own))
    if not n:
        return 0.0
    if n not in grams:
        grams[n] = set(zip(*(words[i:] for i in range(n)), strict=False))
    runs = list(zip(*(own[i:] for i in range(n)), strict=False))
    return sum(run in grams[n] for run in runs) / len(runs)
