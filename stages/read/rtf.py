"""RTF: its paragraphs, its kinds where styles tell them, and what its head says of it."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from stages.errors import SourceError
from stages.read.pieces import TextBlock, build_document
from stages.read.raw_document import Fact, RawDocument

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_UNSEEN = frozenset({
    "fonttbl", "colortbl", "stylesheet", "pict", "object", "header", "headerl", "headerr", "headerf", "footer",
    "footerl", "footerr", "footerf", "themedata", "colorschememapping", "latentstyles", "datastore", "listtable",
    "listoverridetable", "rsidtbl", "generator", "fldinst", "xmlnstbl", "bkmkstart", "bkmkend", "filetbl", "revtbl",
    "annotation", "atnid", "atnauthor", "shppict", "nonshppict", "info",
})  # fmt: skip
_SIGNS = {
    "par": "\n\n", "sect": "\n\n", "page": "\n\n", "line": "\n", "tab": " ", "cell": " | ", "row": "\n",
    "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•",
    "emspace": " ", "enspace": " ",
}  # fmt: skip
_ESCAPED = {b"~": "\u00a0", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n\n", b"\r": "\n\n"}
_CHARSETS = {"ansi": "cp1252", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_STYLE = re.compile(rb"\{(?:\\[*]?[a-z0-9]+ ?)*?\\s(\d+)(?:\\[a-z]+-?\d* ?|\{[^{}]*\})* ?([^{};\\]+);\}")
_HEADING = re.compile(r"heading|überschrift|titre", re.IGNORECASE)
_INFO = re.compile(rb"\{\\(title|author|subject|company)((?:[^{}\\]|\\'[0-9a-fA-F]{2}|\\u-?\d+ ?\??)*)\}")
_DEEPEST = 1000


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds within a pair of braces."""

    seen: bool = True
    skip: int = 1  # characters that stand for one of Unicode, for older readers
    is_note: bool = False


@dataclass(slots=True)
class _Text:
    """What was read so far: paragraphs with their styles, and the notes."""

    paragraphs: list[tuple[str, str]] = field(default_factory=list)
    now: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    style: str = ""
    in_table: bool = False
    was_table: bool = False

    def end(self) -> None:
        """End the paragraph."""
        kind = "table" if self.was_table else self.style
        self.paragraphs.append((kind, _paired("".join(self.now))))
        self.now, self.was_table = [], False


def _paired(text: str) -> str:
    """The text with the two halves of characters beyond the first 65,536 put together."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def read_rtf(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read an RTF file; pictures, headers, footers and field codes are left out, notes stand behind the text.

    Raises SourceError: ``damaged`` (braces nested without end, unknown code page), ``empty``, ``too_large``.
    """
    encoding = _encoding(data)
    text = _Text()
    _read(data, encoding, text)
    text.end()
    styles = {
        number.decode(): style.decode(encoding, "replace").strip() for number, style in _STYLE.findall(data[: 1 << 20])
    }
    blocks = [
        *_blocks(text, styles),
        *(TextBlock("footnote", note) for note in [_paired("".join(text.notes))] if note.strip()),
    ]
    return build_document(blocks, _info(data, encoding), name, max_chars)


def _blocks(text: _Text, styles: dict[str, str]) -> Iterator[TextBlock]:
    rows: list[str] = []
    for style, paragraph in text.paragraphs:
        if style == "table":
            rows.append(paragraph.strip().removesuffix("|").strip())
            continue
        if rows:
            yield TextBlock("table", "\n".join(rows))
            rows = []
        yield TextBlock(_role(styles.get(style, ""), paragraph), paragraph)
    if rows:
        yield TextBlock("table", "\n".join(rows))


def _role(style: str, paragraph: str) -> str:
    if style in ("Title", "Titel"):
        return "title"
    if _HEADING.match(style):
        return "heading"
    return "list_item" if paragraph.lstrip().startswith(("•", "\uf0b7", "◦", "▪")) else "paragraph"


def _encoding(data: bytes) -> str:
    head = data[:4096]
    page = re.search(rb"\\ansicpg(\d{3,5})", head)
    named = next((python for rtf, python in _CHARSETS.items() if f"\\{rtf}".encode() + b"\\" in head), "cp1252")
    encoding = (
        f"cp{int(page[1])}" if page and int(page[1]) not in (0, 65001) else "utf-8" if page and int(page[1]) else named
    )
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise SourceError("damaged", f"the code page {encoding} of the RTF is unknown; save it again") from error
    return encoding


def _read(data: bytes, encoding: str, text: _Text) -> None:
    groups, group, skip, pending = list[_Group](), _Group(), 0, bytearray()
    starred = False
    for match in _TOKEN.finditer(data):
        word, number, byte, escaped, brace, plain = match.groups()
        if byte or plain:  # bytes of one character may stand apart
            part = bytes.fromhex(byte.decode()) if byte else plain
            taken = min(skip, len(part))
            skip -= taken
            pending += part[taken:] if group.seen else b""
            continue
        _put(text, group, pending.decode(encoding, "replace"))
        pending.clear()
        if brace:
            skip = 0
            group = _brace(brace, groups, group)
        elif escaped:
            starred = escaped == b"*"
            _put(text, group, _ESCAPED.get(escaped, ""))
            continue
        elif word:
            group, skip = _word(text, group, word.decode(), number, starred, skip)
        starred = False
    _put(text, group, pending.decode(encoding, "replace"))


def _brace(brace: bytes, groups: list[_Group], group: _Group) -> _Group:
    if brace == b"{":
        if len(groups) >= _DEEPEST:
            raise SourceError("damaged", "braces of the RTF are nested without end; save it again")
        groups.append(group)
        return group
    return groups.pop() if groups else group


def _word(text: _Text, group: _Group, word: str, number: bytes | None, starred: bool, skip: int) -> tuple[_Group, int]:
    if word in _UNSEEN or (starred and word not in ("footnote", "shptxt")):
        return replace(group, seen=False), 0
    if word in ("footnote", "endnote"):
        return replace(group, is_note=True), 0
    if word == "uc":
        return replace(group, skip=int(number or 1)), skip
    if word == "u" and number:
        code = int(number) % 65536
        _put(text, group, chr(code))
        return group, group.skip
    if group.seen and not group.is_note:
        _lay_out(text, word, number)
    elif group.seen and word in _SIGNS:
        text.notes.append(_SIGNS[word])
    return group, skip


def _lay_out(text: _Text, word: str, number: bytes | None) -> None:
    if word == "pard":
        text.style, text.in_table = "", False
    elif word == "s":
        text.style = (number or b"").decode()
    elif word == "intbl":
        text.in_table = True
    elif word == "row" or (word in ("par", "sect", "page") and not text.in_table):
        text.was_table = word == "row"
        text.end()
    elif word in _SIGNS:
        text.now.append(" " if word == "par" else _SIGNS[word])


def _put(text: _Text, group: _Group, characters: str) -> None:
    if characters and group.seen:
        (text.notes if group.is_note else text.now).append(characters)


def _info(data: bytes, encoding: str) -> dict[str, Fact]:
    facts = {}
    for key, value in _INFO.findall(data[: 1 << 18]):
        inner = _Text()
        _read(value.lstrip(), encoding, inner)
        name = {b"title": "title", b"author": "author", b"subject": "subject", b"company": "company"}[key]
        if text := " ".join("".join(inner.now).split()):
            facts[name] = Fact(text, f"info {key.decode()}")
    return facts
