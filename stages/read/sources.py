"""Read: each source becomes a raw document; of a batch of sources, one frame of texts and one of those kept out.

The bytes come from the file itself, or from where `stages.discover.members` has spooled a member of a container.
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from stages.discover.containers import HEAD, Limits
from stages.discover.containers.compressed import compression_of, open_compressed
from stages.discover.decide import IN_PART
from stages.discover.file_kinds import kind_of_name
from stages.discover.forms import TEXT_SUFFIXES, file_form
from stages.discover.path_pattern import path_regex
from stages.discover.remote import Remote
from stages.discover.sources import CHANGED, NEST, chunks, open_source, refused, to_path
from stages.discover.told import read_beside
from stages.errors import SourceError, TooMuchError, printable
from stages.read.facts import in_order, path_facts, read_sidecar, row_facts
from stages.read.ocr import recognise, recognise_rest
from stages.read.raw_document import PIECES, Fact, RawDocument
from stages.read.reader import Reader, reader_of
from stages.read.text import RawText, decode
from stages.tables.schemas import FACT, PAGES

VERSION = "8"

_MOST_CHARS = 1 << 25
MOST_BYTES = 1 << 28
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """``max_chars``: the longest raw text, in characters, that becomes a document.

    ``path_pattern``: what the path below a source tells of a document, as `stages.read.facts.path_regex` has it.
    ``ocr``: the languages in which the text of pictures is recognised (`stages.read.ocr`); none: it is not.
    """

    max_chars: int = 10_000_000
    path_pattern: str | None = None
    ocr: tuple[str, ...] = ()

    @property
    def max_text_bytes(self) -> int:
        """So many bytes a plain text may have: four for each character, and a byte-order mark."""
        return self.max_chars * 4 + 4

    @property
    def max_bytes(self) -> int:
        """So many bytes of any file are looked at; pictures and markup may take more than the text."""
        return max(self.max_text_bytes, MOST_BYTES)


def read_source(path: Path | Remote, options: ReadOptions | None = None) -> tuple[RawDocument, str]:
    """Read one file of a format of `stages.read.reader`, or plain text (.gz of these too), and give its SHA-256.

    Raises SourceError with the reason code of `stages.tables.schemas.REASONS` that fits. No more is read or
    decompressed than `ReadOptions.max_bytes`, so neither a huge file nor a gzip bomb fills the memory.
    """
    options = options or ReadOptions()
    packed, whole, how = bytearray(), hashlib.sha256(), None
    try:
        with open_source(path) as file:
            for chunk in chunks(file):
                how = how or _look_at(chunk, path.name, options)
                whole.update(chunk)
                packed += chunk[: how.limit + 1 - len(packed)]
    except OSError as error:
        raise refused(error) from error
    return _read(bytes(packed), path.name, options, how or _look_at(b"", path.name, options)), whole.hexdigest()


def read_bytes(packed: bytes, name: str, options: ReadOptions) -> RawDocument:
    """Read what a file called ``name`` holds; raises SourceError as `read_source` does."""
    return _read(packed, name, options, _look_at(packed, name, options))


class _How(NamedTuple):
    """How a file is read, as its beginning tells: so many bytes at the most, by this reader; None for plain text."""

    limit: int
    reader: Reader | None


def _read(packed: bytes, name: str, options: ReadOptions, how: _How) -> RawDocument:
    compressed = file_form(name)[0]
    data = decompress(packed, how.limit) if compressed and len(packed) <= how.limit else packed
    if len(data) > how.limit:
        raise _too_large(options)
    # What is unpacked may begin with more than its first piece.
    reader = reader_of(data, name[: -len(".gz")]) if compressed else how.reader
    name = name[: -len(".gz")] if compressed else name
    raw = _read_or_recognise(reader, data, name, options) if reader else _as_document(decode(data))
    if len(raw.text) > options.max_chars:
        raise _too_large(options)
    return raw


def _read_or_recognise(reader: Reader, data: bytes, name: str, options: ReadOptions) -> RawDocument:
    try:
        raw = reader(data, name, options.max_chars)
    except SourceError as error:
        if error.code != "needs_ocr" or not options.ocr:
            raise
        return recognise(data, options.ocr, options.max_chars)
    return recognise_rest(data, options.ocr, options.max_chars) if options.ocr and raw.encoding_how == IN_PART else raw


def _look_at(begins: bytes, name: str, options: ReadOptions) -> _How:
    """Say how a file that begins like this is read; refuses at once what no reader reads, and what holds nothing."""
    if not begins:
        raise SourceError("empty", "the file holds nothing, not one byte; remove it or fetch it again")
    compressed, suffix = file_form(name)
    head = _unpacked(begins) if compressed else begins
    if reader := reader_of(head, name[: -len(".gz")] if compressed else name):
        return _How(options.max_bytes, reader)
    if suffix not in TEXT_SUFFIXES:
        _refuse_damaged(begins)
        _refuse_suffix(suffix)
    return _How(options.max_text_bytes, None)


def _unpacked(begins: bytes) -> bytes:
    """The beginning of what is in gzip data; nothing where that is damaged, which is told where it is read."""
    try:
        return zlib.decompressobj(wbits=31).decompress(begins, HEAD)
    except zlib.error:
        return b""


def _as_document(raw: RawText) -> RawDocument:
    return RawDocument(raw.text, raw.encoding, raw.encoding_how)


def _refuse_damaged(begins: bytes) -> None:
    """Refuse compressed data of which nothing can be unpacked; whether it is an archive nobody can tell then."""
    if kind := compression_of(begins):
        open_compressed(io.BytesIO(begins), kind, Limits()).read(1)


def _refuse_suffix(suffix: str) -> None:
    kind = kind_of_name(suffix)
    reason = (
        f"by its name ({suffix}) {kind.what}; {kind.advice}"
        if kind
        else f"files of type {suffix} are not read; if it is plain text name it .txt, else exclude it from the source"
    )
    raise SourceError("unsupported_format", reason)


def _too_large(options: ReadOptions) -> SourceError:
    return SourceError(
        "too_large", f"longer than {options.max_chars:,} characters; split the file or raise the limit (--max-chars)"
    )


def decompress(packed: bytes, limit: int) -> bytes:
    """Unpack gzip data, up to one byte more than ``limit``; raises SourceError ``broken_archive``."""
    stream: BinaryIO = io.BytesIO(packed)
    try:
        data = bytearray()
        with gzip.open(stream) as file:
            # Not in one go: that would set aside memory for all that is allowed, whatever the file holds.
            while len(data) <= limit and (chunk := file.read(min(_AT_ONCE, limit + 1 - len(data)))):
                data += chunk
        return bytes(data)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError("broken_archive", f"the gzip data is damaged ({error}); fetch the file again") from error


def read_sources(
    batch: pl.DataFrame, roots: dict[str, Path | Remote], options: ReadOptions | None = None, spool: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a batch of sources.

    ``batch`` has the columns source_uri, doc_id and content_sha256; of members of containers also size_bytes and
    spooled_at, their place in the file ``spool``; where there is a sidecar its sidecar_sha256 and sidecar (its
    source_uri) or, of members, sidecar_at and sidecar_bytes; and told, its row of the metadata table as JSON.

    Returns the raw texts (`TEXTS`) and the rejected sources (source_uri, doc_id, stage, code, reason). A source whose
    bytes, or those of its sidecar, are no longer those that were discovered is rejected as ``changed_while_reading``.
    Raises TooMuchError when several texts are together longer than memory is meant to hold, as small archives of long
    texts can be.
    """
    options = options or ReadOptions()
    texts, rejected, n_chars = [], [], 0
    regex = path_regex(options.path_pattern) if options.path_pattern else None
    for row in batch.iter_rows(named=True):
        uri, doc_id, expected = row["source_uri"], row["doc_id"], row["content_sha256"]
        try:
            if NEST in uri:
                raw, sha256 = _read_member(uri, row, spool, options)
            else:
                raw, sha256 = read_source(to_path(uri, roots), options)
            if sha256 != expected:
                raise SourceError("changed_while_reading", CHANGED)
            by_path = path_facts(regex, uri.partition("/")[2]) if regex else {}
            facts = in_order(_table_facts(row), _sidecar_facts(row, roots, spool), by_path, raw.facts)
            texts.append(to_row(uri, doc_id, expected, _storable(replace(raw, facts=facts))))
            n_chars += len(raw.text)
        except SourceError as error:
            rejected.append((uri, doc_id, "read", error.code, error.reason))
        except Exception as error:
            code, reason = _blame(error)
            rejected.append((uri, doc_id, "read", code, reason))
        if n_chars > _MOST_CHARS and batch.height > 1:
            raise TooMuchError(f"the texts of this batch have more than {_MOST_CHARS:,} characters")
    kept_out = pl.DataFrame(rejected, schema=dict.fromkeys(REJECTED, pl.String), orient="row")
    return pl.DataFrame(texts, schema=TEXTS), kept_out


def _read_member(uri: str, row: Mapping[str, Any], spool: Path | None, options: ReadOptions) -> tuple[RawDocument, str]:
    """Read a member of a container from the spool."""
    data = _spooled(spool, row["spooled_at"], row["size_bytes"])
    return read_bytes(data, uri.rpartition(NEST)[2], options), hashlib.sha256(data).hexdigest()


def _spooled(spool: Path | None, at: int | None, n_bytes: int) -> bytes:
    if spool is None or at is None:
        raise SourceError("changed_while_reading", CHANGED)
    with spool.open("rb") as file:
        file.seek(at)
        return file.read(n_bytes)


def _table_facts(row: Mapping[str, Any]) -> dict[str, Fact]:
    return row_facts(json.loads(row["told"])) if row.get("told") else {}


def _sidecar_facts(row: Mapping[str, Any], roots: Mapping[str, Path | Remote], spool: Path | None) -> dict[str, Fact]:
    """Read the facts of the sidecar that was discovered, where there is one."""
    expected, beside, uri = row.get("sidecar_sha256"), row.get("sidecar"), row["source_uri"]
    if not expected:
        return {}
    if beside:
        data = read_beside(to_path(beside, roots), roots[beside.partition("/")[0]])
    else:
        data = _spooled(spool, row["sidecar_at"], row["sidecar_bytes"])
    if hashlib.sha256(data).hexdigest() != expected:
        raise SourceError("changed_while_reading", CHANGED)
    return read_sidecar(data, beside or f"of {uri}")


def _blame(error: Exception) -> tuple[str, str]:
    """The reason code for what a reader raised that it should not, and the sentence."""
    if isinstance(error, MemoryError):
        return "system_failed", "there was no memory to read this file; free some, the next run tries again"
    why = f"{type(error).__name__}: {error}"[:300]
    return "stage_failed", printable(f"reading failed on this file ({why}); please report it with the file")


def _storable(raw: RawDocument) -> RawDocument:
    """Refuse lone surrogates, which no Parquet file and no UTF-8 can hold."""
    try:
        raw.text.encode()
    except UnicodeEncodeError as error:
        raise SourceError(
            "undecodable", f"character {error.start} is half of a UTF-16 pair; save the file again as UTF-8"
        ) from error
    return raw


TEXTS = pl.Schema(
    {
        "source_uri": pl.String(),
        "doc_id": pl.String(),
        "content_sha256": pl.String(),
        "raw": pl.String(),
        "encoding": pl.String(),
        "encoding_how": pl.String(),
        "pieces": pl.List(pl.Struct(dict(PIECES))),
        "facts": pl.List(FACT),
        "in_file": pl.Boolean(),
        "read_by": pl.String(),
        "pages": PAGES,
    }
)
"""A raw text: of what source, the fields of `stages.read.raw_document.RawDocument`."""
REJECTED = ("source_uri", "doc_id", "stage", "code", "reason")


def to_row(uri: str, doc_id: str, sha256: str, raw: RawDocument) -> dict[str, Any]:
    """Give the row of `TEXTS` for a raw document."""
    return {
        "source_uri": uri,
        "doc_id": doc_id,
        "content_sha256": sha256,
        "raw": raw.text,
        "encoding": raw.encoding,
        "encoding_how": raw.encoding_how,
        "pieces": None if raw.pieces is None else raw.pieces.to_dicts(),
        "facts": [{"name": name, "value": fact.value, "found_in": fact.found_in} for name, fact in raw.facts.items()],
        "in_file": raw.in_file,
        "read_by": raw.read_by,
        "pages": [{"page": number, **size._asdict()} for number, size in enumerate(raw.pages, 1)] or None,
    }
