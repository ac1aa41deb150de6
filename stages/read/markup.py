"""The markup of a web page as a light tree: elements, and runs of text that know where they stand."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
})  # fmt: skip
"""Elements without content."""
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
"""Elements that begin and end a block of text."""
UNSEEN = frozenset({
    "script", "style", "noscript", "template", "svg", "math", "head", "title", "iframe", "object", "canvas", "select",
    "option", "datalist", "textarea", "button", "audio", "video", "map", "area", "applet", "frameset", "noframes",
})  # fmt: skip
"""Elements whose text is not read."""
_RAW_TEXT = frozenset({
    "script", "style", "title", "textarea", "noscript", "iframe", "xmp", "noembed", "noframes",
})  # fmt: skip
_CLOSED_BY = {
    "p": BLOCKS - {"html", "body", "caption", "tr", "td", "th", "tbody", "thead", "tfoot", "legend", "summary"},
    "li": {"li"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "option": {"option"},
    "tr": {"tr", "tbody", "tfoot", "thead"}, "td": {"td", "th", "tr", "tbody", "tfoot"},
    "th": {"td", "th", "tr", "tbody", "tfoot"}, "thead": {"tbody", "tfoot"}, "tbody": {"tbody", "tfoot"},
}  # fmt: skip
"""An open element of this name ends where one of those begins."""
_SCOPES = frozenset({"table", "ul", "ol", "dl", "td", "th", "div", "body", "blockquote", "section", "article"})
_DEEPEST = 150
# A quotation mark that never closes would be looked for from every tag to the end of the file: at most so far.
_ATTRIBUTES = r"(?:[^<>\"']|\"[^\"]{0,20000}\"|'[^']{0,20000}')*+"
_TOKEN = re.compile(
    rf"<!--|<!\[CDATA\[|<[!?][^>]*>|<(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]{{0,60}})(?P<attributes>{_ATTRIBUTES})>"
)
_ATTRIBUTE = re.compile(r"([^\s\"'>/=]{1,100})(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'=<>`]+)))?")


@dataclass(slots=True)
class Element:
    """An element: its name in small letters, its attributes, its parent, and where its start tag stands."""

    name: str
    attributes: dict[str, str]
    parent: "Element | None"
    start: int
    end: int
    within: set[str] = field(default_factory=set)
    """Names of the elements below it."""

    def get(self, name: str) -> str:
        """An attribute, or nothing."""
        return self.attributes.get(name, "")

    def line(self) -> Iterator["Element"]:
        """The element and those around it, from within."""
        element: Element | None = self
        while element is not None:
            yield element
            element = element.parent


class Run(NamedTuple):
    """A run of text between two tags: where it stands, and the element that holds it."""

    start: int
    end: int
    element: Element


class End(NamedTuple):
    """The end tag of a quotation, which browsers show as a quotation mark."""

    start: int
    end: int
    element: Element


Node = Element | Run | End


def parse_markup(source: str, begin: int = 0) -> list[Node]:
    """Give the elements and runs of a page in the order of its source; broken markup is read as browsers do, roughly.

    An end tag closes what is open within it and is passed over where nothing of its name is open. Comments are left
    out. Time is linear in the length of the source. What stands before ``begin`` is no markup.
    """
    root = Element("", {}, None, begin, begin)
    nodes: list[Node] = [root]
    open_elements = [root]
    position = begin
    while match := _TOKEN.search(source, position):
        if match.start() > position:
            nodes.append(Run(position, match.start(), open_elements[-1]))
        position = _end_of(source, match)
        if match["name"] is None:
            continue
        name = match["name"].lower()
        if match["close"]:
            if name == "q" and open_elements[-1].name == "q":
                nodes.append(End(match.start(), match.end(), open_elements[-1]))
            _close(open_elements, name)
        else:
            position = _open(source, match, nodes, open_elements, name)
    if position < len(source):
        nodes.append(Run(position, len(source), open_elements[-1]))
    return nodes


def _end_of(source: str, match: re.Match[str]) -> int:
    """The end of a token; a comment that never ends takes the rest."""
    closing = {"<!--": "-->", "<![CDATA[": "]]>"}.get(match[0])
    if closing is None:
        return match.end()
    end = source.find(closing, match.end())
    return len(source) if end < 0 else end + len(closing)


def _open(source: str, match: re.Match[str], nodes: list[Node], open_elements: list[Element], name: str) -> int:
    """Open an element, and give where its content begins, or ends where that is no markup."""
    _close_implied(open_elements, name)
    parent = open_elements[-1]
    element = Element(name, _attributes(match["attributes"]), parent, match.start(), match.end())
    nodes.append(element)
    _tell_above(parent, name)
    if name in VOID or (match["attributes"].endswith("/") and name not in BLOCKS):
        return match.end()
    if name in _RAW_TEXT:
        end = _end_of_raw(source, name, match.end())
        nodes.append(Run(match.end(), end, element))
        return end
    if len(open_elements) < _DEEPEST:
        open_elements.append(element)
    return match.end()


def _tell_above(parent: Element, name: str) -> None:
    """Note a name in all elements above it, up to where it is known already."""
    for element in parent.line():
        if name in element.within:
            return
        element.within.add(name)


def _end_of_raw(source: str, name: str, begin: int) -> int:
    found = re.compile(rf"</{name}[\s/>]", re.IGNORECASE).search(source, begin)
    return found.start() if found else len(source)


def _close_implied(open_elements: list[Element], name: str) -> None:
    for depth in range(len(open_elements) - 1, max(0, len(open_elements) - 12), -1):
        inner = open_elements[depth].name
        if name in _CLOSED_BY.get(inner, ()):
            del open_elements[depth:]
            if name not in ("tr", "tbody", "tfoot", "thead"):
                return
        elif inner in _SCOPES:
            return


def _close(open_elements: list[Element], name: str) -> None:
    for depth in range(len(open_elements) - 1, 0, -1):
        if open_elements[depth].name == name:
            del open_elements[depth:]
            return


def _attributes(source: str) -> dict[str, str]:
    if not source.strip(" /\t\n\r"):
        return {}
    found: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(source):
        found.setdefault(name.lower(), html.unescape("".join(values)))
    return found
