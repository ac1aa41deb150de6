"""Mails: one message, its subject as title, its headers as facts, its quoted parts marked."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr

from stages.errors import SourceError
from stages.read.facts import iso_date
from stages.read.html import decode_as
from stages.read.pieces import BETWEEN, PieceRow, check_length, line_pieces, to_pieces
from stages.read.raw_document import Fact, RawDocument
from stages.read.text import decode
from stages.read.with_title import document_of

_HEADER = re.compile(rb"^([!-9;-~]{2,60}):[ \t]", re.MULTILINE)
_OF_MAILS = frozenset({
    b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"received", b"mime-version", b"return-path",
    b"delivered-to", b"content-type",
})  # fmt: skip
_MIN_HEADERS = 3
_QUOTED = re.compile(r"(?:>[ \t]?)+")
_SIGNATURE = re.compile(r"-- ?\r?\Z")


def looks_like_mail(head: bytes) -> bool:
    """Tell by its first bytes whether a file is a mail: it begins with headers, three or more those of mails."""
    headers = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    names = {name.lower() for name in _HEADER.findall(headers)}
    return bool(_HEADER.match(headers)) and len(names & _OF_MAILS) >= _MIN_HEADERS and b"from" in names


def read_mail(data: bytes, name: str, max_chars: int) -> RawDocument:
    """Read one message: its plain body, else its HTML; attachments are named in the facts and not read.

    Lines quoted with ``>`` have the role ``quote``, the sign left out; what follows ``-- `` is ``boilerplate``. Raises
    SourceError: ``encrypted``, ``empty`` (nothing but attachments), ``too_large``.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    if message.get_content_type() in ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"):
        raise SourceError("encrypted", f"the mail {name} is encrypted; save it decrypted from the mail program")
    facts = dict(_facts(message))
    title = facts["title"].value if "title" in facts else ""
    part = message.get_body(("plain", "html"))
    body = _text(part) if part is not None else ""
    if not body.strip():
        raise SourceError("empty", f"the mail {name} holds no text beside its attachments; save those as files")
    if part is not None and part.get_content_type() == "text/html":
        return document_of(title, body, facts, name, max_chars, is_html=True)
    return _plain(title, body.replace("\r\n", "\n"), facts, name, max_chars)


def _text(part: MIMEPart) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    text = decode_as(data, part.get_content_charset() or "ascii")
    return decode(data).text if text is None else text


def _facts(message: EmailMessage) -> Iterator[tuple[str, Fact]]:
    sender = parseaddr(_header(message, "From"))
    told = {
        "title": (_header(message, "Subject"), "Subject"),
        "author": (sender[0] or sender[1], "From"),
        "published_at": (iso_date(_header(message, "Date")) or "", "Date"),
        "publisher": (re.sub(r"\s*<[^>]*>\s*\Z", "", _header(message, "List-Id")), "List-Id"),
        "language": (_header(message, "Content-Language")[:2].lower(), "Content-Language"),
        "message_id": (_header(message, "Message-ID").strip("<> "), "Message-ID"),
        "attachments": (", ".join(map(_name_of, message.iter_attachments())), "Content-Disposition"),
    }
    for name, (value, header) in told.items():
        if value := " ".join(value.split()):
            yield name, Fact(value, f"header {header}")


# What the parser of headers raises, beside what it promises, on some that are damaged (Python 3.11).
_HEADER_FAULTS = (IndexError, AttributeError, ValueError, KeyError, TypeError, LookupError)


def _header(message: EmailMessage, name: str) -> str:
    """A header, decoded; as it is written where it is too damaged for that, and nothing where it is not there."""
    try:
        return _storable(str(message.get(name, "")))
    except _HEADER_FAULTS:
        return _storable(next((str(v) for key, v in message.raw_items() if key.lower() == name.lower()), ""))


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _name_of(part: MIMEPart) -> str:
    try:
        return part.get_filename() or part.get_content_type()
    except _HEADER_FAULTS:
        return "an attachment"


def _plain(title: str, body: str, facts: dict[str, Fact], name: str, max_chars: int) -> RawDocument:
    text = f"{title}{BETWEEN}{body}" if title else body
    check_length(len(text), name, max_chars)
    rows: list[PieceRow] = line_pieces(text, 0, len(title), 0, "title")
    start = len(title) + len(BETWEEN) if title else 0
    rows += _body_rows(text, start)
    return RawDocument(text, "utf-8", "utf-8", to_pieces(rows), facts, in_file=False)


def _body_rows(text: str, start: int) -> Iterator[PieceRow]:
    """The lines of a body, parted into blocks at empty lines and where quoting begins, ends or goes deeper."""
    block, before, is_signature = 0, "", False
    for match in re.compile(r"[^\n]*\n?").finditer(text, start):
        line = match[0].removesuffix("\n")
        is_signature |= bool(_SIGNATURE.fullmatch(line))
        quoted = _QUOTED.match(line)
        kind = "boilerplate" if is_signature else f"quote{line[: quoted.end()].count('>')}" if quoted else "paragraph"
        begin = match.start() + (quoted.end() if quoted and not is_signature else 0)
        if kind != before or not text[begin : match.end()].strip():
            block += 1
        before = kind
        yield from line_pieces(text, begin, match.end(), block, kind.rstrip("0123456789"))
