"""Containers: files that hold several sources (archives, mailboxes, feeds, tables of rows); each member is a source.

A member is named like its container, ``!/`` and its own name: ``press/2024.zip!/a/b.txt``, ``press/news.jsonl!/17``.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from stages.discover.containers.archives import open_tar, open_zip
from stages.discover.containers.compressed import compression_of, name_within, open_compressed
from stages.discover.containers.feeds import BEGINS as FEED
from stages.discover.containers.feeds import open_feed
from stages.discover.containers.issues import METS_NAME, issues_in, names_mets, with_issues
from stages.discover.containers.mailboxes import BEGINS as MBOX
from stages.discover.containers.mailboxes import open_mbox
from stages.discover.containers.members import Item, Limits, Member, Refused, bomb, size_of
from stages.discover.containers.mets import issue_of
from stages.discover.containers.rows import CSV_NAMES, MARK, RowOptions, open_csv, open_json_lines, open_parquet
from stages.discover.sidecars import is_sidecar
from stages.discover.sources import NEST
from stages.errors import SourceError

__all__ = ["Item", "Limits", "Member", "Refused", "RowOptions", "holds_members", "members_of", "open_container"]

HEAD = 1 << 13
"""So many bytes of a file tell what it is."""
# Office documents and e-books are ZIP archives too, and documents by themselves.
_DOCUMENT_ZIP = re.compile(
    rb"PK\x03\x04.{26}(?:mimetype|\[Content_Types\]|_rels/|word/|xl/|ppt/|docProps/|customXml/|META-INF/container)",
    re.DOTALL,
)
_DOCUMENT_NAMES = (".docx", ".docm", ".dotx", ".odt", ".ott", ".epub", ".xlsx", ".pptx", ".ods", ".odp", ".jar", ".apk")
_TAR = re.compile(rb".{257}ustar[\0 ]", re.DOTALL)
_ROW = MARK.encode()
_OBJECT_LINE = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*\{[ \t]*\"[^\"\n]{1,100}\"[ \t]*:")
_JSON_LINES_NAMES = (".jsonl", ".ndjson", ".jsonlines")


def members_of(
    file: BinaryIO, name: str, limits: Limits | None = None, options: RowOptions | None = None
) -> Iterator[Item] | None:
    """Give the members of a file, and in the place of a container within it that one's members (``a.zip!/b.txt``).

    ``file`` must be seekable. None where the file is no container. A container within that is damaged is `Refused`
    under its own name behind the members that it gave; one that is deeper than ``limits`` permit is `Refused`.
    Raises SourceError where the outermost is damaged or becomes too much; what it gave before stands.
    """
    limits = limits or Limits()
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    items = open_container(file, name, head, limits, options)
    return None if items is None else _counted(_opened(items, 1, limits, options), limits.most_bytes(size_of(file)))


def holds_members(file: BinaryIO, name: str) -> bool:
    """Tell whether a file is a container; False where its beginning is too damaged to say."""
    try:
        return members_of(file, name) is not None or issue_of(file) is not None
    except SourceError:
        return False


def _opened(items: Iterator[Item], depth: int, limits: Limits, options: RowOptions | None) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Refused):
            yield item
        else:
            yield from _opened_member(item, depth, limits, options)


def _opened_member(member: Member, depth: int, limits: Limits, options: RowOptions | None) -> Iterator[Item]:
    try:
        inner = open_container(io.BytesIO(member.data), member.name, member.data[:HEAD], limits, options)
        if inner is None:
            yield member
            return
        if depth >= limits.max_depth:
            raise SourceError("bomb", f"more than {limits.max_depth} containers within one another; unpack it")
        for item in _opened(inner, depth + 1, limits, options):
            yield item._replace(name=f"{member.name}{NEST}{item.name}")
    except SourceError as error:
        yield Refused(member.name, error)


def _counted(items: Iterator[Item], most: int) -> Iterator[Item]:
    total = 0
    for item in items:
        total += len(item.data) if isinstance(item, Member) else 0
        if total > most:
            raise bomb(most)
        yield item


def open_container(
    file: BinaryIO, name: str, head: bytes, limits: Limits, options: RowOptions | None = None
) -> Iterator[Item] | None:
    """Open what a file holds, by its first bytes and, where these leave it open, by its name; None for no container.

    ``file`` stands at its beginning, ``head`` holds its first `HEAD` bytes. Compressed containers are unpacked while
    they are read; a single compressed text is no container.
    """
    kind = compression_of(head)
    inner, inner_head = file, head
    if kind:
        inner = open_compressed(file, kind, limits)
        inner_head = _peek(inner)
    opener = _opener(name_within(name, kind) if kind else name, inner_head, options)
    if kind and opener and inner_head.startswith((b"PK", b"PAR1")):  # both are read from their end
        raise SourceError("unsupported_format", f"a ZIP or Parquet file within .{kind}; unpack the .{kind}")
    if opener in (open_zip, open_tar):
        return _archive(file, kind, opener, limits, options or RowOptions())
    return opener(inner, limits) if opener else None


def _archive(
    file: BinaryIO, kind: str | None, opener: Callable[..., Iterator[Item]], limits: Limits, options: RowOptions
) -> Iterator[Item]:
    """The members of an archive; those that a METS in it speaks for as the METS has them."""

    def opened() -> BinaryIO:
        file.seek(0)
        return open_compressed(file, kind, limits) if kind else file

    # To parse the heads of a TAR takes as long as to read it; to look whether one names a METS, next to nothing.
    may_hold = opener is open_zip or names_mets(opened())
    issues = issues_in(opener(opened(), limits, METS_NAME.match)) if may_hold else {}
    items = opener(opened(), limits)
    yield from with_issues(items, issues, options.mets) if issues else items


def _peek(file: BinaryIO) -> bytes:
    assert isinstance(file, io.BufferedReader)
    return file.peek(HEAD)[:HEAD]


def _opener(name: str, head: bytes, options: RowOptions | None) -> Callable[[BinaryIO, Limits], Iterator[Item]] | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None if _DOCUMENT_ZIP.match(head) or name.lower().endswith(_DOCUMENT_NAMES) else open_zip
    if _TAR.match(head):
        return open_tar
    if MBOX.match(head):
        return open_mbox
    if FEED.match(head.removeprefix(b"\xef\xbb\xbf")):
        return open_feed
    return _row_opener(name.lower(), head, options)


def _row_opener(
    name: str, head: bytes, options: RowOptions | None
) -> Callable[[BinaryIO, Limits], Iterator[Item]] | None:
    if head.startswith(b"PAR1"):
        return lambda file, limits: open_parquet(file, limits, options)
    if name.endswith(CSV_NAMES):
        return lambda file, limits: open_csv(file, limits, options)
    if _is_json_lines(name, head):
        return lambda file, limits: open_json_lines(file, limits, options)
    return None


def _is_json_lines(name: str, head: bytes) -> bool:
    """By name, or where the first line is an object of JSON, and the second begins like one."""
    if head.startswith(_ROW) or is_sidecar(name):
        return False
    if name.endswith(_JSON_LINES_NAMES):
        return True
    first, _, rest = head.partition(b"\n")
    if not _OBJECT_LINE.match(first) or (rest.strip() and not _OBJECT_LINE.match(rest)):
        return False
    if not rest and len(head) >= HEAD:  # a first line that is longer than what is looked at
        return True
    try:
        return isinstance(json.loads(first.removeprefix(b"\xef\xbb\xbf")), dict)
    except (ValueError, RecursionError):
        return False
