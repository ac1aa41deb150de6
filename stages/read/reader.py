"""Which reader a file has, by what it holds first and by its name where that leaves it open."""

from collections.abc import Callable, Mapping

from stages.discover.containers import HEAD
from stages.discover.containers.rows import MARK
from stages.discover.forms import MARKDOWN_SUFFIXES, file_form
from stages.discover.page_formats import kind_of
from stages.errors import SourceError
from stages.read.feed_item import read_feed_item
from stages.read.html import looks_like_html, read_html
from stages.read.mail import looks_like_mail, read_mail
from stages.read.markdown import looks_like_markdown, read_markdown
from stages.read.ocr import looks_like_picture, read_picture
from stages.read.ocr_xml import read_alto, read_hocr, read_page
from stages.read.office import looks_like_office, read_office
from stages.read.pdf import read_pdf
from stages.read.raw_document import RawDocument
from stages.read.row import read_row
from stages.read.subtitles import looks_like_subtitles, read_subtitles

Reader = Callable[[bytes, str, int], RawDocument]
"""The bytes of a file, its name for messages, and the most characters it may have."""
_FEED_ITEM = (b"<?xml version='1.0' encoding='utf-8'?>\n<item", b"<?xml version='1.0' encoding='utf-8'?>\n<entry")
_OFFICE_NAMES = (".docx", ".docm", ".dotx", ".odt", ".ott", ".epub")
_ROW = MARK.encode()


def reader_of(head: bytes, name: str) -> Reader | None:
    """Give the reader of a file; None for plain text, and for what no reader here knows.

    ``head``: the first `HEAD` bytes, unpacked. What the bytes say holds whatever the name: a page named .txt is read as
    a page, a text named .html as text. Only Markdown, which is plain text first, needs its name, or front matter.

    >>> reader_of(b"<!DOCTYPE html><html><p>Rat</p>", "a.txt").__name__, reader_of(b"Der Rat tagt.", "a.html")
    ('read_html', None)
    """
    head = head[:HEAD]
    if head.startswith(_ROW):
        return read_row
    if head.startswith(_FEED_ITEM):
        return read_feed_item
    if with_pages := _reader_of_pages(head, name):
        return with_pages
    for looks_like, reader in _BY_CONTENT:
        if looks_like(head):
            return reader
    if head.startswith(b"PK\x03\x04") and file_form(name)[1] in _OFFICE_NAMES:
        return read_office
    return read_markdown if _is_markdown(head, name) else None


def _refuse_mets(_data: bytes, _max_chars: int) -> RawDocument:
    raise SourceError(
        "unsupported_format",
        "a METS file that names no ALTO, PAGE or hOCR file below its folder: put it beside its pages, or exclude it, "
        "for example with --exclude '*mets*.xml'",
    )


_WITH_PAGES: Mapping[str, Callable[[bytes, int], RawDocument]] = {
    "pdf": read_pdf,
    "alto": read_alto,
    "page": read_page,
    "hocr": read_hocr,
    "mets": _refuse_mets,
}


def _reader_of_pages(head: bytes, name: str) -> Reader | None:
    read = _WITH_PAGES.get(kind_of(head, name) or "")
    return (lambda data, _, max_chars: read(data, max_chars)) if read else None


_BY_CONTENT: tuple[tuple[Callable[[bytes], bool], Reader], ...] = (
    (looks_like_picture, read_picture),
    (looks_like_office, read_office),
    (looks_like_subtitles, read_subtitles),
    (looks_like_html, read_html),
    (looks_like_mail, read_mail),
)


def _is_markdown(head: bytes, name: str) -> bool:
    suffix = file_form(name)[1]
    named = suffix in MARKDOWN_SUFFIXES
    fenced = head.removeprefix(b"\xef\xbb\xbf").startswith((b"---", b"+++"))
    return (named or (fenced and suffix in ("", ".txt", ".text"))) and looks_like_markdown(
        head.decode("utf-8", "replace") if named or fenced else ""
    )
