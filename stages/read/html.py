"""Web pages: text, kinds of blocks and facts from the markup; every piece knows where it stands in the page source."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from stages.errors import SourceError
from stages.read.facts import in_order, named_facts, split_front_matter
from stages.read.main_text import Judged, is_caption, is_note, main_blocks, stands_around
from stages.read.markup import BLOCKS, UNSEEN, Element, End, Node, Run, parse_markup
from stages.read.page_facts import page_facts
from stages.read.pieces import to_pieces
from stages.read.raw_document import Fact, RawDocument
from stages.read.text import RawText, decode
from stages.read.versions import reader_version

_CHARSET = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})|<\?xml[^>]{0,100}encoding=[\"']([\w.-]{2,40})",
    re.IGNORECASE,
)
_TAGS = rb"(?:html|head|body|title|meta|link|div|p|h[1-6]|article|main|section|header|span|table|ul|ol|a|br|script)"
# An element that begins a page or a part of one, and stands for a whole block.
_OPENS = rb"(?:article|main|section|header|nav|aside|figure|table|ul|ol|dl|blockquote|div|p|h[1-6])"
# Either such a beginning, or front matter and then markup, or paragraphs closed with their end tags.
LOOKS_LIKE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*){0,5}"
    rb"(?:<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|<" + _OPENS + rb"(?:\s[^<>]*)?>(?:[^<]|\s*<[a-z]))",
    re.IGNORECASE | re.DOTALL,
)
_FRONT_MATTER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n.*?\n---[ \t]*\r?\n", re.DOTALL)
_CLOSED = re.compile(rb"</" + _TAGS + rb"\s*>", re.IGNORECASE)
_PART = re.compile(
    r"(?P<tag></?[a-z]{1,8}>)|(?P<entity>&(?:#\d{1,8}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});?)"
    r"|(?P<space>[ \t\n\r\f]+)"
)
_QUOTES = {"de": "„“‚‘", "en": "“”‘’", "fr": "«»“”", "it": "«»“”", "es": "«»“”", "nl": "“”‘’", "pl": "„”«»"}
_TEASER = re.compile(r"\b(?:teaser|lead|lede|standfirst|vorspann|abstract|article__?intro|intro)\b", re.IGNORECASE)
_BYLINE = re.compile(r"\b(?:byline|author|autor|autorin)\b", re.IGNORECASE)
_CREDIT = re.compile(r"\b(?:credits?|copyright|dateline)\b", re.IGNORECASE)
_PREFORMATTED = frozenset({"pre", "xmp", "listing"})
# Preformatted text is prose, and stays one block, where so many of its lines run on: so long, in a word, before a small
# letter.
_RUNNING, _LONG = 0.3, 40
_SHORT = 200
# Codecs of Python that are no encodings of files; two of them take quadratic time.
_NO_ENCODINGS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf_7"})
_IN_LAYOUT = frozenset({"div", "ul", "ol", "table", "h1", "h2", "h3", "h4", "article", "section"})
_PARTS_OF_TABLES = frozenset({"td", "th", "tr", "tbody", "thead", "tfoot", "table"})
_LETTERS = re.compile(r"\w+")


class Piece(NamedTuple):
    """A run of text of a block, as `PIECES` describes it, and whether it is of a link."""

    start: int
    end: int
    text: str | None
    breaks: bool
    in_link: bool


@dataclass(slots=True)
class Block:
    """A block of a page: its pieces, and the element that holds it."""

    element: Element
    pieces: list[Piece]
    cell: Element | None = None
    is_code: bool = False

    def text(self, source: str) -> str:
        """How the block reads."""
        return "".join(("\n" if p.breaks else "") + _reads(source, p) for p in self.pieces).strip()


def read_html(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read a web page; its raw text is its source, decoded, so that every mention is found again in it.

    Blocks that are no part of the text (navigation, notices, links to others) have the role ``boilerplate``. Raises
    SourceError: ``too_large``, ``empty`` where there is no text but markup, ``needs_extra`` without trafilatura, and
    as `stages.read.text.decode` does.
    """
    raw = decode_html(data)
    if len(raw.text) > max_chars:
        raise SourceError("too_large", f"{name} has more than {max_chars:,} characters; raise the limit (--max-chars)")
    pieces, facts = html_pieces(raw.text)
    if pieces.is_empty():
        raise SourceError("empty", f"{name} holds markup but no text; fetch the page again, after its scripts have run")
    made_by = reader_version("trafilatura")
    return RawDocument(raw.text, raw.encoding, raw.encoding_how, pieces, facts, read_by=made_by)


def looks_like_html(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a web page or a part of one; a text that speaks of tags is none."""
    body = head[front.end() :] if (front := _FRONT_MATTER.match(head)) else head
    return bool(LOOKS_LIKE.match(body)) and (len(_CLOSED.findall(body)) > 0 or b"<html" in body.lower())


def decode_html(data: bytes) -> RawText:
    """Decode a page: a byte-order mark, else the encoding that the page names where it fits, else as any text."""
    declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        encoding = (declared[1] or declared[2]).decode("ascii", "replace").lower()
        # Browsers read latin-1 as cp1252, and a page of the web that names it means that.
        encoding = "cp1252" if encoding in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii") else encoding
        if encoding not in ("utf-8", "utf8") and not encoding.startswith("utf-16"):
            text = decode_as(data, encoding)
            if text is not None:
                return RawText(text, encoding, "declared")
    return decode(data)


def decode_as(data: bytes, encoding: str) -> str | None:
    """Decode bytes as a page or mail says; None where it is mistaken about itself, or names what no text is kept in."""
    if encoding.lower().replace("-", "_") in _NO_ENCODINGS:
        return None
    try:
        return data.decode(encoding)
    except (LookupError, ValueError):
        return None


def html_pieces(source: str, whole_page: bool = True) -> tuple[pl.DataFrame, dict[str, Fact]]:
    """Give the pieces (columns of `PIECES`) and the facts of a page; empty where it holds no text.

    Where it is no ``whole_page`` but the body of a mail, a feed's item, a book or a row, all but navigation is text.
    """
    front, begin = split_front_matter(source)
    nodes = parse_markup(source, begin)
    facts = in_order(named_facts(front, "front matter"), page_facts(source, nodes))
    blocks = [block for block in _blocks(source, nodes, facts) if block.text(source)]
    known: dict[int, bool] = {}
    around = [stands_around(block.element, known) for block in blocks]
    main = [not a for a in around]
    if blocks and whole_page:
        main = main_blocks(source, [_judged(source, block) for block in blocks], around)
    parts = [(part, own) for block, own in zip(blocks, main, strict=True) for part in _lines_of(source, block)]
    blocks, main = [part for part, _ in parts], [own for _, own in parts]
    roles = _roles(source, blocks, main, facts)
    above = _front_blocks(source[:begin], front, [b.text(source) for b in blocks])
    return _frame([b for b, _ in above] + blocks, [role for _, role in above] + roles), facts


def _judged(source: str, block: Block) -> Judged:
    total = sum(p.end - p.start for p in block.pieces)
    return Judged(block.text(source), sum(p.end - p.start for p in block.pieces if p.in_link) / total, block.element)


def _lines_of(source: str, block: Block) -> list[Block]:
    """Each line of a preformatted block as a block of its own, but for prose; any other block as it is."""
    if not any(e.name in _PREFORMATTED for e in block.element.line()):
        return [block]
    starts = [at for at, piece in enumerate(block.pieces) if piece.breaks or at == 0]
    lines = [Block(block.element, block.pieces[a:b]) for a, b in pairwise([*starts, len(block.pieces)])]
    lines = [line for line in (_trimmed(source, line) for line in lines) if line.pieces]
    texts = [line.text(source) for line in lines]
    running = sum(len(a) >= _LONG and a[-1].isalpha() and b[0].islower() for a, b in pairwise(texts))
    if running >= _RUNNING * len(lines) or len(lines) < 2:
        return [block]
    return [replace(line, is_code=True) for line in lines]


def _front_blocks(front_source: str, front: dict[str, object], texts: list[str]) -> list[tuple[Block, str]]:
    """Title, subtitle and authors of front matter stand in the text, where the page does not repeat them."""
    blocks = []
    for key, role in (("title", "title"), ("subtitle", "teaser"), ("author", "byline"), ("contributor", "byline")):
        value = front.get(key)
        block, end = Block(Element(key, {}, None, 0, 0), []), 0
        for text in value if isinstance(value, list) else [value]:
            start = front_source.find(text) if isinstance(text, str) and text.strip() else -1
            if start < 0 or text in texts:
                continue
            if end and end < start:  # what stands between two names in the source
                block.pieces.append(Piece(end, start, ", ", False, False))
            end = start + len(str(text))
            block.pieces += _parts(front_source, Run(start, end, block.element))
        if block.pieces:
            blocks.append((_trimmed(front_source, block), role))
    return blocks


def _frame(blocks: list[Block], roles: list[str]) -> pl.DataFrame:
    numbered = enumerate(zip(blocks, roles, strict=True))
    return to_pieces((p.start, p.end, p.text, p.breaks, n, role) for n, (b, role) in numbered for p in b.pieces)


def _blocks(source: str, nodes: list[Node], facts: dict[str, Fact]) -> Iterator[Block]:
    """Part the runs of a page into blocks: wherever an element that makes one begins or ends."""
    quotes = _QUOTES.get(facts["language"].value[:2] if "language" in facts else "de", _QUOTES["de"])
    unseen: dict[int, bool] = {}
    marked: dict[int, int] = {}
    tables = _data_tables(nodes)
    block, parted, in_break = Block(Element("", {}, None, 0, 0), []), True, False
    for node in nodes:
        if isinstance(node, Element) and node.name != "q":
            in_break |= node.name == "br"
            parted |= node.name in BLOCKS - _PARTS_OF_TABLES and _table_of(node, tables) is None
            continue
        if isinstance(node, Run) and (_is_unseen(node.element, unseen) or _is_between(source, node, block)):
            continue
        holder = _holder(node if isinstance(node, Element) else node.element)
        home = _table_of(holder, tables) or holder
        if parted or home is not block.element:
            yield _trimmed(source, block)
            block, parted, in_break = Block(home, _mark(holder, marked)), False, False
        if isinstance(node, Run):
            block.pieces += _pieces_of_run(source, node, in_break, _cell(holder), block)
            block.cell, in_break = _cell(holder), False
        else:
            block.pieces.append(Piece(node.start, node.end, _quote(node, quotes), False, False))
    yield _trimmed(source, block)


def _quote(node: Element | End, quotes: str) -> str:
    element = node if isinstance(node, Element) else node.element
    depth = sum(e.name == "q" for e in element.line())
    return quotes[isinstance(node, End) + 2 * (depth % 2 == 0)]


def _mark(holder: Element, marked: dict[int, int]) -> list[Piece]:
    """The mark that is shown before an item of a list: a dash, or its number; ``marked`` counts the items of lists."""
    item = next((e for e in holder.line() if e.name in ("li", "td", "article")), None)
    if item is None or item.name != "li" or id(item) in marked:
        return []
    number = item.parent if item.parent is not None and item.parent.name == "ol" else None
    marked[id(item)] = 0
    if number is None:
        return [Piece(item.start, item.end, "– ", True, False)]
    given = item.get("value") or ("" if id(number) in marked else number.get("start"))
    marked[id(number)] = int(given) if re.fullmatch(r"\d{1,6}", given) else marked.get(id(number), 0) + 1
    return [Piece(item.start, item.end, f"{marked[id(number)]}. ", True, False)]


def _is_between(source: str, run: Run, block: Block) -> bool:
    """Tell whether a run is but the white space between two blocks or two cells."""
    holder = _holder(run.element)
    return not source[run.start : run.end].strip() and (
        not block.pieces or holder is not block.element or _cell(holder).name == "table"
    )


def _trimmed(source: str, block: Block) -> Block:
    """A block without the white space before and behind it."""
    pieces = block.pieces
    while pieces and not _reads(source, pieces[0]).strip():
        del pieces[0]
    while pieces and not _reads(source, pieces[-1]).strip():
        del pieces[-1]
    if len(pieces) == 1 and _is_mark(pieces[0]):
        pieces.clear()
    if pieces and pieces[0].text is None:
        text = _reads(source, pieces[0])
        pieces[0] = pieces[0]._replace(start=pieces[0].end - len(text.lstrip()))
    if pieces and pieces[-1].text is None:
        text = _reads(source, pieces[-1])
        pieces[-1] = pieces[-1]._replace(end=pieces[-1].start + len(text.rstrip()))
    if pieces:
        pieces[0] = pieces[0]._replace(breaks=True)
    return block


def _is_mark(piece: Piece) -> bool:
    return piece.text is not None and piece.text.endswith((". ", "– ")) and piece.end - piece.start > 2


def _reads(source: str, piece: Piece) -> str:
    return source[piece.start : piece.end] if piece.text is None else piece.text


def _is_unseen(element: Element, known: dict[int, bool]) -> bool:
    key = id(element)
    if key not in known:
        above = element.parent is not None and _is_unseen(element.parent, known)
        style = element.get("style").replace(" ", "").lower()
        known[key] = above or element.name in UNSEEN or "hidden" in element.attributes or "display:none" in style
    return known[key]


def _holder(element: Element) -> Element:
    """The nearest element that makes a block."""
    return next((e for e in element.line() if e.name in BLOCKS or e.name == ""), element)


def _data_tables(nodes: list[Node]) -> set[int]:
    """The tables that hold data and lay nothing out: no lists or tables within, and a paragraph a cell at most."""
    cells: dict[int, int] = {}
    found: dict[int, Element] = {}
    for node in nodes:
        if isinstance(node, Element) and node.name in ("td", "th", "p"):
            table = next((e for e in node.line() if e.name == "table"), None)
            if table is not None:
                found[id(table)] = table
                cells[id(table)] = cells.get(id(table), 0) + (-1 if node.name == "p" else 1)
    return {key for key, table in found.items() if cells[key] >= 0 and not table.within & _IN_LAYOUT}


def _table_of(element: Element, tables: set[int]) -> Element | None:
    """The table of data that an element stands in."""
    table = next((e for e in element.line() if e.name == "table"), None)
    return table if table is not None and id(table) in tables else None


def _cell(element: Element) -> Element:
    return next((e for e in element.line() if e.name in ("td", "th", "table")), element)


def _pieces_of_run(source: str, run: Run, in_break: bool, cell: Element, block: Block) -> list[Piece]:
    pieces = list(_parts(source, run))
    if not pieces or not block.pieces:
        return pieces
    if block.element.name == "table" and block.cell is not cell and cell.name in ("td", "th"):
        if block.cell is not None and block.cell.parent is cell.parent:
            return [Piece(cell.start, cell.end, " | ", False, False), *pieces]
        return [pieces[0]._replace(breaks=True), *pieces[1:]]
    return [pieces[0]._replace(breaks=in_break), *pieces[1:]]


def _parts(source: str, run: Run) -> Iterator[Piece]:
    """Part a run where it reads otherwise than it is written: at entities, and at white space that counts as one."""
    kept = any(e.name in _PREFORMATTED for e in run.element.line())
    in_link = any(e.name == "a" and e.get("href") for e in run.element.line())
    position, breaks = run.start, False
    for match in _PART.finditer(source, run.start, run.end):
        text = _reading(match, kept)
        if text is None:
            continue
        if match.start() > position:
            yield Piece(position, match.start(), None, breaks, in_link)
            breaks = False
        position = match.end()
        if text == "\n":
            breaks = True
        else:
            yield Piece(match.start(), match.end(), text, breaks, in_link)
            breaks = False
    if position < run.end:
        yield Piece(position, run.end, None, breaks, in_link)


def _reading(match: re.Match[str], kept: bool) -> str | None:
    """How an entity or white space reads; None where it reads as it is written."""
    if match["tag"]:  # in the values of front matter
        return ""
    if match["entity"]:
        text = unescape(match["entity"])
        return None if text == match["entity"] else text.replace("\u00a0", " ").replace("\u00ad", "")
    if kept:
        return "\n" if "\n" in match["space"] else None
    return None if match["space"] == " " else " "


def _roles(source: str, blocks: list[Block], main: list[bool], facts: dict[str, Fact]) -> list[str]:
    roles = [_role(block, m) for block, m in zip(blocks, main, strict=True)]
    told = " ".join(_LETTERS.findall(facts["title"].value.lower())) if "title" in facts else ""
    headings = [n for n, role in enumerate(roles) if role == "heading" and blocks[n].element.name in ("h1", "h2")]
    texts = {n: " ".join(_LETTERS.findall(blocks[n].text(source).lower())) for n in headings}
    same = [n for n in headings if told and texts[n] and (texts[n] in told or told in texts[n])]
    first = [n for n in headings if blocks[n].element.name == "h1"][:1]
    for n in (same or first)[:1]:
        roles[n] = "title"
    return roles


def _role(block: Block, is_main: bool) -> str:
    if not is_main:
        return "boilerplate"
    line = list(block.element.line())
    names = {e.name for e in line}
    told = " ".join(f"{e.get('class')} {e.get('itemprop')}" for e in line[:2])
    if any(is_note(e) for e in line):
        return "footnote"
    if block.is_code:
        return "code"
    if block.element.name in ("h1", "h2", "h3", "h4", "h5", "h6"):
        return "heading"
    if block.element.name == "table":
        return "table"
    if any(is_caption(e) for e in line):
        return "caption"
    return _role_by_class(block, names, told)


def _role_by_class(block: Block, names: set[str], told: str) -> str:
    length = sum(p.end - p.start for p in block.pieces)
    if length < _SHORT and (_BYLINE.search(told) or _CREDIT.search(told)):
        return "byline" if _BYLINE.search(told) else "credit"
    if _TEASER.search(told):
        return "teaser"
    if names & {"li", "dd", "dt"}:
        return "list_item"
    return "quote" if "blockquote" in names else "paragraph"
