"""Office documents and books: DOCX, ODT and EPUB; their paragraphs, kinds by style, notes and properties."""

import io
import lzma
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import polars as pl
from lxml import etree

from stages.discover.containers.feeds import SAFE_XML, refuse_entities
from stages.errors import SourceError
from stages.read.facts import iso_date
from stages.read.html import decode_html, html_pieces
from stages.read.pieces import BETWEEN, TextBlock, build_document, check_length
from stages.read.raw_document import Fact, RawDocument
from stages.read.rtf import read_rtf

_OLE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED_OLE = "EncryptedPackage".encode("utf-16-le")
_BYTES_A_CHAR = 40  # of XML for each character that may be read
_FREE = 8 << 20
_HEADING = re.compile(r"(?:heading|überschrift|titre|kop)\s*\d*\Z", re.IGNORECASE)
_ROLES_BY_STYLE = (
    (re.compile(r"title|titel|titre\Z", re.IGNORECASE), "title"),
    (_HEADING, "heading"),
    (re.compile(r"subtitle|untertitel|lead|teaser|vorspann", re.IGNORECASE), "teaser"),
    (re.compile(r"caption|beschriftung|bildunterschrift|abbildung|illustration", re.IGNORECASE), "caption"),
    (re.compile(r".*\b(?:quote|quotations?|zitat)", re.IGNORECASE), "quote"),
    (re.compile(r"footnote|endnote|fußnote", re.IGNORECASE), "footnote"),
    (re.compile(r"list ?(?:paragraph|bullet|number)|listenabsatz|aufzählung", re.IGNORECASE), "list_item"),
)
# What programs put where an author is missing, as LibreOffice does in books.
_NOBODY = ("Unknown Author", "Unknown", "Unbekannt")
_DUBLIN_CORE = {
    "title": "title",
    "creator": "author",
    "initial-creator": "author",
    "publisher": "publisher",
    "language": "language",
    "subject": "subject",
    "description": "description",
    "source": "source",
    "identifier": "identifier",
    "created": "created",
    "modified": "modified",
    "creation-date": "created",
}
Element = Any


def looks_like_office(head: bytes) -> bool:
    """Tell by its first bytes whether a file is an office document, a book or RTF."""
    zipped = re.match(
        rb"PK\x03\x04.{26}(?:mimetype|\[Content_Types\]|_rels/|word/|docProps/|customXml/|META-INF/)", head, re.DOTALL
    )
    return bool(zipped) or head.startswith((b"{\\rtf", _OLE))


def read_office(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read a DOCX, ODT, EPUB or RTF file; its raw text is built from its paragraphs (EPUB: from its pages' markup).

    Headers, footers, comments, hidden text and deleted revisions are left out, notes stand behind the text. The dates
    of a file are facts of their own and no publication date; that of a book is one. Raises SourceError: ``encrypted``,
    ``damaged``, ``bomb``, ``empty``, ``too_large``, ``unsupported_format`` (the old .doc, tables, slides).
    """
    if data.startswith(b"{\\rtf"):
        return read_rtf(data, name, max_chars)
    if data.startswith(_OLE):
        raise _old_or_encrypted(data, name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_zip(_Parts(archive, max_chars), name, max_chars)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError) as error:
        raise SourceError("damaged", f"{name} is damaged ({error}); fetch the file again") from error
    except RuntimeError as error:
        raise SourceError("encrypted", f"{name} is encrypted ({error}); save it without a password") from error


def _old_or_encrypted(data: bytes, name: str) -> SourceError:
    if _ENCRYPTED_OLE in data:
        return SourceError("encrypted", f"{name} is protected by a password; save it without one")
    advice = "save it as .docx, or convert it with soffice --headless --convert-to docx"
    return SourceError("unsupported_format", f"{name} is of an old binary office format; {advice}")


class _Parts:
    """The parts of a document that is a ZIP archive, each of a bounded size."""

    def __init__(self, archive: zipfile.ZipFile, max_chars: int) -> None:
        self._archive, self._left = archive, _FREE + _BYTES_A_CHAR * max_chars
        self.names = frozenset(archive.namelist())

    def read(self, name: str) -> bytes:
        """The bytes of a part; SourceError (``bomb``) where the parts are together more than their text explains."""
        with self._archive.open(name) as stream:
            data = stream.read(self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise SourceError("bomb", "unpacked it is far larger than the text that may be in it; check the file")
        return data

    def xml(self, name: str) -> Element:
        """The root of a part that is XML."""
        try:
            root = etree.fromstring(self.read(name), etree.XMLParser(**SAFE_XML))
        except (etree.XMLSyntaxError, KeyError) as error:
            raise SourceError("damaged", f"its part {name} is damaged ({error}); fetch the file again") from error
        refuse_entities(root)
        return root


def _read_zip(parts: _Parts, name: str, max_chars: int) -> RawDocument:
    if "word/document.xml" in parts.names:
        return build_document(_docx_blocks(parts), _properties(parts, "docProps/core.xml"), name, max_chars)
    if "META-INF/container.xml" in parts.names:
        return _read_epub(parts, name, max_chars)
    if "content.xml" in parts.names:
        manifest = parts.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in parts.names else b""
        if b"encryption-data" in manifest:
            raise SourceError("encrypted", f"{name} is protected by a password; save it without one")
        body = parts.xml("content.xml")
        if not _found(body, "text"):
            raise _no_text_document(name)
        return build_document(
            _odt_blocks(body, _odt_styles(parts, body)), _properties(parts, "meta.xml"), name, max_chars
        )
    raise _no_text_document(name)


def _no_text_document(name: str) -> SourceError:
    return SourceError("unsupported_format", f"{name} is a table, slides or a drawing; save its text as .docx or .odt")


def _found(body: Element, local_name: str) -> bool:
    office = body.nsmap.get("office", "urn:oasis:names:tc:opendocument:xmlns:office:1.0")
    return body.find(f"{{{office}}}body/{{{office}}}{local_name}") is not None


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def _attribute(element: Element | None, name: str) -> str:
    if element is None:
        return ""
    return next((str(value) for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _properties(parts: _Parts, name: str) -> dict[str, Fact]:
    return _dublin_core(parts.xml(name), name) if name in parts.names else {}


def _dublin_core(root: Element, where: str) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for element in root.iter(etree.Element):
        fact, text = _DUBLIN_CORE.get(_local(element)), " ".join((element.text or "").split())
        if fact and text and not len(element) and not (fact == "author" and text in _NOBODY):
            value = (
                text[:2].lower()
                if fact == "language"
                else (iso_date(text) or "")
                if fact in ("created", "modified")
                else text
            )
            known = facts.get(fact)
            joined = f"{known.value}, {value}" if known and fact == "author" and value not in known.value else value
            if value and (known is None or fact == "author"):
                facts[fact] = Fact(joined, f"{where} {_local(element)}")
    return facts


def _role_of(style: str) -> str:
    return next((role for pattern, role in _ROLES_BY_STYLE if pattern.match(style.strip())), "paragraph")


def _docx_blocks(parts: _Parts) -> Iterator[TextBlock]:
    names = _docx_styles(parts)
    yield from _docx_body(parts.xml("word/document.xml"), names)
    for notes in ("word/footnotes.xml", "word/endnotes.xml"):
        if notes in parts.names:
            for note in parts.xml(notes):
                if _attribute(note, "type") not in ("separator", "continuationSeparator", "continuationNotice"):
                    yield TextBlock("footnote", "\n".join(_docx_text(p) for p in note.iter("{*}p")))


def _docx_styles(parts: _Parts) -> dict[str, str]:
    """The names of styles, which are English where they come with the program, by their ids, which are not."""
    if "word/styles.xml" not in parts.names:
        return {}
    styles = parts.xml("word/styles.xml").iter("{*}style")
    return {_attribute(style, "styleId"): _attribute(style.find("{*}name"), "val") for style in styles}


def _docx_body(root: Element, names: Mapping[str, str]) -> Iterator[TextBlock]:
    """The paragraphs in their order, a table as one block of lines."""
    for element in root.iter("{*}p", "{*}tbl"):
        above = {_local(a) for a in element.iterancestors()}
        if above & {"tbl", "Fallback", "del", "moveFrom"}:
            continue
        if _local(element) == "tbl":
            yield TextBlock("table", _table_text(element, "tr", "tc", lambda cell: cell.iter("{*}p"), _docx_text))
        else:
            yield TextBlock(_docx_role(element, names), _docx_text(element))


def _docx_role(paragraph: Element, names: Mapping[str, str]) -> str:
    style = _attribute(paragraph.find("{*}pPr/{*}pStyle"), "val")
    role = _role_of(names.get(style) or style)
    if role == "paragraph" and paragraph.find("{*}pPr/{*}numPr") is not None:
        return "list_item"
    if role == "paragraph" and paragraph.find("{*}pPr/{*}outlineLvl") is not None:
        return "heading"
    return role


def _table_text(
    table: Element, row: str, cell: str, inner: Callable[[Element], Any], text: Callable[[Element], str]
) -> str:
    """The cells of a table, a line for each row."""
    return "\n".join(
        " | ".join(" ".join(text(p) for p in inner(c)).strip() for c in r.iterchildren("{*}" + cell))
        for r in table.iter("{*}" + row)
    )


_IN_TEXT = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": " "}


def _docx_text(paragraph: Element) -> str:
    return "".join(_docx_runs(paragraph))


def _docx_runs(element: Element) -> Iterator[str]:
    for child in element.iterchildren(etree.Element):
        name = _local(child)
        if name == "t":
            yield child.text or ""
        elif name in _IN_TEXT:
            yield _IN_TEXT[name]
        elif name == "r" and _is_hidden(child):
            continue
        elif name not in ("p", "pPr", "rPr", "del", "moveFrom", "instrText", "delText", "Fallback", "pict", "drawing"):
            yield from _docx_runs(child)


def _is_hidden(run: Element) -> bool:
    """Whether Word neither shows nor prints a run."""
    mark = run.find("{*}rPr/{*}vanish")
    return mark is not None and _attribute(mark, "val") not in ("0", "false", "off")


def _odt_styles(parts: _Parts, body: Element) -> dict[str, str]:
    """The names of the styles that people gave, by those that the program gave, which lean on them."""
    roots = [body, parts.xml("styles.xml")] if "styles.xml" in parts.names else [body]
    styles = [style for root in roots for style in root.iter("{*}style")]
    return {_attribute(s, "name"): _attribute(s, "parent-style-name") or _attribute(s, "name") for s in styles}


_ODT_UNSEEN = frozenset({"tracked-changes", "annotation", "note", "forms", "sequence-decls", "table-of-content"})


def _odt_blocks(body: Element, styles: Mapping[str, str]) -> Iterator[TextBlock]:
    for element in body.iter("{*}h", "{*}p", "{*}table"):
        above = {_local(a) for a in element.iterancestors()}
        if above & (_ODT_UNSEEN | {"table"}) or "text" not in above:
            continue
        if _local(element) == "table":
            cells = _table_text(element, "table-row", "table-cell", lambda c: c.iter("{*}p", "{*}h"), _odt_text)
            yield TextBlock("table", cells)
            continue
        style = _attribute(element, "style-name")
        role = _role_of(styles.get(style, style).replace("_20_", " "))
        if _local(element) == "h":
            role = "title" if role == "title" else "heading"
        elif role == "paragraph":
            role = "list_item" if "list-item" in above else "caption" if "frame" in above else role
        yield TextBlock(role, _odt_text(element))
    for note in body.iter("{*}note-body"):
        yield TextBlock("footnote", "\n".join(_odt_text(p) for p in note.iter("{*}p")))


def _odt_text(element: Element) -> str:
    return "".join(_odt_runs(element))


def _odt_runs(element: Element) -> Iterator[str]:
    # White space counts as in HTML; more of it, tabs and line ends are elements.
    yield re.sub(r"\s+", " ", element.text or "")
    for child in element:
        name = _local(child)
        if name == "s":
            yield " " * min(int(_attribute(child, "c") or 1), 100)
        elif name in ("tab", "line-break"):
            yield " " if name == "tab" else "\n"
        elif name not in _ODT_UNSEEN | {"p", "frame", ""}:
            yield from _odt_runs(child)
        yield re.sub(r"\s+", " ", child.tail or "")


def _read_epub(parts: _Parts, name: str, max_chars: int) -> RawDocument:
    """The pages of a book in reading order; its raw text is their markup, ``page`` their number.

    Pages that it names and does not hold are a fact, and keep their numbers.
    """
    package_name = _attribute(next(parts.xml("META-INF/container.xml").iter("{*}rootfile"), None), "full-path")
    if package_name not in parts.names:
        raise SourceError("damaged", f"the book {name} does not say what is in it; fetch the file again")
    package = parts.xml(package_name)
    facts = _book_facts(package)
    pages = list(_spine(package, posixpath.dirname(package_name)))
    if "META-INF/encryption.xml" in parts.names and _is_locked(parts.xml("META-INF/encryption.xml"), pages):
        raise SourceError("encrypted", f"the book {name} is locked to a reader; use a copy that is not")
    texts: list[str] = []
    frames: list[pl.DataFrame] = []
    position = n_blocks = 0
    missing = [page for page in pages if page not in parts.names]
    if missing:
        facts["pages_missing"] = Fact(", ".join(missing), "package spine")
    for number, page in enumerate(pages, 1):
        if page not in parts.names:
            continue
        text = decode_html(parts.read(page)).text
        pieces = html_pieces(text, whole_page=False)[0].with_columns(
            pl.col("start", "end") + position, pl.col("block") + n_blocks, page=pl.lit(number, pl.Int64)
        )
        n_blocks = int(str(pieces["block"].max())) + 1 if pieces.height else n_blocks
        texts.append(text)
        frames.append(pieces)
        position += len(text) + len(BETWEEN)
        check_length(position, name, max_chars)
    if not n_blocks:
        raise SourceError("empty", f"the book {name} holds no text; fetch the file again")
    return RawDocument(BETWEEN.join(texts), "utf-8", "utf-8", pl.concat(frames), facts, in_file=False)


def _book_facts(package: Element) -> dict[str, Fact]:
    metadata = next(package.iter("{*}metadata"), None)
    if metadata is None:
        return {}
    facts = {name: fact for name, fact in _dublin_core(metadata, "package").items() if name != "modified"}
    date = next((iso_date(e.text or "") for e in metadata.iter("{*}date")), None)
    return facts | ({"published_at": Fact(date, "package date")} if date else {})


def _spine(package: Element, folder: str) -> Iterator[str]:
    items = {_attribute(item, "id"): item for item in package.iter("{*}item")}
    for reference in package.iter("{*}itemref"):
        item = items.get(_attribute(reference, "idref"))
        if item is not None and "nav" not in _attribute(item, "properties").split():
            yield posixpath.normpath(posixpath.join(folder, unquote(_attribute(item, "href"))))


def _is_locked(encryption: Element, pages: list[str]) -> bool:
    """Fonts are often disguised, which locks no text."""
    locked = {unquote(_attribute(reference, "URI")) for reference in encryption.iter("{*}CipherReference")}
    return bool(locked & set(pages))
