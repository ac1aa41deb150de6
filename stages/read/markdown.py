"""Markdown: blocks and their kinds from its marks, which are left out; front matter as facts."""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

from stages.errors import SourceError
from stages.read.facts import named_facts, split_front_matter
from stages.read.pieces import PieceRow, check_length, to_pieces
from stages.read.raw_document import RawDocument
from stages.read.text import decode

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*\Z")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*\Z")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})\Z")
_ITEM = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?=\S)")
_QUOTE = re.compile(r"(?: {0,3}>[ \t]?)+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DEFINITION = re.compile(r" {0,3}\[[^\]\n]{1,200}\]:[ \t]*\S")
_NOTE = re.compile(r" {0,3}\[\^[^\]\n]{1,80}\]:[ \t]*")
_TABLE = re.compile(r"[ \t]*\|.*\|[ \t]*\Z")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*\Z")
_MARKED = re.compile(
    r"^ {0,3}#{1,6}[ \t]+\S|^ {0,3}(?:`{3}|~{3})|\]\((?:https?:|/|#|mailto:)|\*\*\S[^*\n]*\S\*\*"
    r"|^\[[^\]\n]+\]:[ \t]*http",
    re.MULTILINE,
)
# Links, pictures, code, emphasis, escapes, entities and tags; each bounded, so that time is linear.
_INLINE = re.compile(
    r"(?P<image>!\[[^\]\n]{0,300}\]\([^()\n]{0,1000}\))"
    r"|\[(?P<link>(?:[^\[\]\n\\]|\\.){1,500})\]"
    r"(?:\([^()\n]{0,1000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)|\[[^\]\n]{0,200}\])"
    r"|<(?P<address>https?://[^\s<>]{1,1000})>|(?P<tag></?[a-zA-Z][^<>\n]{0,300}>|<!--.{0,2000}?-->)"
    r"|(?P<ticks>`{1,3})(?P<code>[^`\n]{1,500})(?P=ticks)|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<entity>&(?:[a-zA-Z]{2,30}|#\d{1,7});)"
    r"|(?P<emphasis>(?<![\w*_\\])(?:\*{1,3}|_{1,3}|~~)(?=[^\s*_])|(?<=[^\s*_])(?:\*{1,3}|_{1,3}|~~)(?![\w*_]))"
)


class _Line(NamedTuple):
    start: int
    end: int
    text: str


def looks_like_markdown(text: str) -> bool:
    """Tell whether a text uses the marks of Markdown: front matter, headings, links, fences, bold words."""
    return split_front_matter(text)[1] > 0 or len(_MARKED.findall(text[: 1 << 16])) > 0


def read_markdown(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read a Markdown file; the raw text is the file, decoded.

    The title of front matter stands in the text where the file does not repeat it. What defines links is
    ``boilerplate``, each line of fenced code a block, a table one block with its lines. Raises SourceError as
    `stages.read.text.decode` does, ``too_large``, and ``empty`` where there are marks but no text.
    """
    raw = decode(data)
    check_length(len(raw.text), name, max_chars)
    front, begin = split_front_matter(raw.text)
    rows = list(_rows(raw.text, begin))
    title = front.get("title")
    if isinstance(title, str) and title.strip() and not any(role == "title" for *_, role in rows):
        at = raw.text.find(title, 0, begin)
        rows = ([(at, at + len(title), None, True, -1, "title")] if at >= 0 else []) + rows
    if not rows:
        raise SourceError("empty", f"{name} holds no text beside its marks; remove it")
    pieces = to_pieces(rows)
    return RawDocument(raw.text, raw.encoding, raw.encoding_how, pieces, named_facts(front, "front matter"))


def _rows(text: str, begin: int) -> Iterator[PieceRow]:
    titled = False
    for number, (role, lines) in enumerate(_blocks(text, begin)):
        if role == "title":
            role, titled = ("heading", True) if titled else ("title", True)
        for line in lines:
            yield from _inline(text, line, number, role)


def _inline(text: str, line: _Line, block: int, role: str) -> Iterator[PieceRow]:
    if role in ("boilerplate", "code"):
        yield line.start, line.end, None, True, block, role
        return
    breaks = True
    for start, end, shown in _parts(text, line.start, line.end):
        if start < end:
            yield start, end, shown, breaks, block, role
            breaks = False


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int, str | None]]:
    """The stretches of a line as they read: its marks left out."""
    position = start
    for match in _INLINE.finditer(text, start, end):
        yield position, match.start(), None
        position = match.end()
        if match["link"] is not None:
            yield from _parts(text, match.start("link"), match.end("link"))
        elif match["entity"]:
            yield match.start(), match.end(), unescape(match["entity"])
        else:
            kept = next((name for name in ("address", "code", "escaped") if match[name]), None)
            if kept:
                yield match.start(kept), match.end(kept), None
    yield position, end, None


def _blocks(text: str, begin: int) -> Iterator[tuple[str, list[_Line]]]:
    """The blocks of a text, each with its kind and its lines without the marks before them."""
    role, lines, fence = "paragraph", list[_Line](), ""
    for line in _lines(text, begin):
        if fence or (_FENCE.match(line.text)):
            opened = _FENCE.match(line.text)
            if not fence and lines:
                yield role, lines
                lines = []
            if opened and (not fence or opened[1].startswith(fence)):
                if fence:
                    yield from (("code", [line]) for line in lines)
                role, lines, fence = "paragraph", [], "" if fence else opened[1]
            elif line.text.strip():
                lines.append(line)
            continue
        if lines and role == "paragraph" and (under := _SETEXT.match(line.text)):
            yield "title" if under[1][0] == "=" else "heading", lines
            role, lines = "paragraph", []
            continue
        kind, shown = _kind(line, role if lines else "")
        if lines and (kind != role or _begins(line, kind)):
            yield role, lines
            lines = []
        role = kind
        if shown is not None:
            lines.append(shown)
            if kind in ("heading", "title"):
                yield kind, lines
                role, lines = "paragraph", []
    if fence:
        yield from (("code", [line]) for line in lines)
    elif lines:
        yield role, lines


def _lines(text: str, begin: int) -> Iterator[_Line]:
    for match in re.compile(r"[^\n]*\n?").finditer(text, begin):
        line = match[0].rstrip("\r\n")
        if match[0]:
            yield _Line(match.start(), match.start() + len(line), line)


def _begins(line: _Line, kind: str) -> bool:
    return bool(kind == "list_item" and _ITEM.match(line.text)) or bool(kind == "footnote" and _NOTE.match(line.text))


def _kind(line: _Line, role: str) -> tuple[str, _Line | None]:
    """The kind of a line and the line without its mark; None for one that only parts. ``role``: of the block so far."""
    text = line.text
    if not text.strip() or _RULE.match(text) or _TABLE_RULE.fullmatch(text):
        return ("table", None) if role == "table" and text.strip() else ("", None)
    if heading := _ATX.match(text):
        return "title" if len(heading[1]) == 1 else "heading", _part(line, heading.start(2), heading.end(2))
    if note := _NOTE.match(text):
        return "footnote", _part(line, note.end())
    if _DEFINITION.match(text):
        return "boilerplate", line
    if quote := _QUOTE.match(text):
        return "quote", _part(line, quote.end())
    if item := _ITEM.match(text):
        return "list_item", _part(line, len(item[1]))
    if _TABLE.match(text):
        return "table", line
    goes_on = role in ("list_item", "footnote", "quote")
    return role if goes_on else "paragraph", _part(line, len(text) - len(text.lstrip()))


def _part(line: _Line, start: int, end: int | None = None) -> _Line:
    stop = len(line.text.rstrip()) if end is None else end
    return _Line(line.start + start, line.start + stop, line.text[start:stop])
