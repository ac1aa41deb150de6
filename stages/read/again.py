"""Read again what was published, by the reader that read it first, to hold offsets against the raw files."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import polars as pl

from stages.discover.containers import Member, RowOptions
from stages.discover.forms import file_form
from stages.discover.members import CONTAINER, read_members
from stages.discover.remote import Remote
from stages.discover.sources import NEST, Source, open_source, to_path
from stages.errors import SourceError
from stages.read.raw_document import RawDocument
from stages.read.sources import MOST_BYTES, ReadOptions, decompress, read_bytes, read_source

_ANY_LENGTH = ReadOptions(max_chars=1 << 40)


def row_options(runs: pl.DataFrame) -> RowOptions:
    """Say how the last of some `runs` read tables."""
    last = runs.sort("started_at").tail(1).explode("versions").unnest("versions")
    said = dict(last.select("name", "version").iter_rows())
    return RowOptions(**{field.name: said[field.name] for field in fields(RowOptions) if field.name in said})


def read_again(documents: pl.DataFrame, sources: Sequence[Source], options: RowOptions | None = None) -> dict[str, str]:
    """Give the raw text by doc_id of those documents whose file still holds the bytes that were read.

    ``documents`` has the columns doc_id, source_uri, encoding and content_sha256, and may have ``read_by``, as in
    `sources`: a text that its file does not hold is left out where another version of a library would give it now, or
    where it was recognised. ``options`` say how tables are read (`row_options`). Empty, so that every offset into it is
    found wrong, where the file no longer decodes as it did.
    """
    roots = {source.name: source.root for source in sources}
    found = {}
    told = pl.col("read_by") if "read_by" in documents.columns else pl.lit(None, pl.String)
    columns = ("doc_id", "source_uri", "encoding", "content_sha256")
    named = documents.select(*columns, read_by=told, container=CONTAINER)
    ours = named.filter(pl.col("source_uri").str.split("/").list.first().is_in(list(roots)))
    for (container,), rows in ours.group_by("container", maintain_order=True):
        read = dict(_read_all(str(container), set(rows["source_uri"]), roots, options))
        for doc_id, uri, encoding, expected, read_by in rows.drop("container").iter_rows():
            raw, read_sha256 = read.get(uri, (None, ""))
            as_then = raw is not None and (raw.in_file or read_by in (None, raw.read_by))
            if raw and as_then and read_sha256 == expected:
                found[doc_id] = raw.text if raw.encoding == encoding else ""
    return found


def bytes_again(
    uri: str, sha256_then: str, sources: Sequence[Source], options: RowOptions | None = None
) -> bytes | None:
    """Give the bytes of a document, unpacked, if its file or its member of a container is still the one that was read.

    None where it is gone, has changed, is none of these ``sources``, or is longer than any file that is read.
    """
    roots = {source.name: source.root for source in sources}
    container, _, member = uri.partition(NEST)
    if uri.partition("/")[0] not in roots:
        return None
    with suppress(SourceError, OSError):
        if member:
            found = (item for name, item in read_members(container, roots, options) if name == uri)
            packed = next((item.data for item in found if isinstance(item, Member)), b"")
        else:
            with open_source(to_path(uri, roots)) as file:
                packed = file.read(MOST_BYTES)
        if sha256(packed).hexdigest() == sha256_then:
            is_gzip = file_form(member or container)[0]
            return decompress(packed, MOST_BYTES) if is_gzip else packed
    return None


def _read_all(
    container: str, uris: Collection[str], roots: Mapping[str, Path | Remote], options: RowOptions | None
) -> Iterator[tuple[str, tuple[RawDocument, str]]]:
    """Read a file, or those of its members that are wanted; what is no longer there, or not readable, is left out."""
    with suppress(SourceError):
        if container in uris:
            yield container, read_source(to_path(container, roots), _ANY_LENGTH)
            return
        for uri, item in read_members(container, roots, options):
            if uri in uris and isinstance(item, Member):
                with suppress(SourceError):
                    raw = read_bytes(item.data, uri.rpartition(NEST)[2], _ANY_LENGTH)
                    yield uri, (raw, sha256(item.data).hexdigest())
