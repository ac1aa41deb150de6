"""Read again what was published, by the reader that read it first, to hold offsets against the raw files."""

from collections.abc import Sequence

import polars as pl

from stages.discover.sources import Source, to_path
from stages.errors import SourceError
from stages.read.sources import ReadOptions, read_source

_ANY_LENGTH = ReadOptions(max_chars=1 << 40)


def read_again(documents: pl.DataFrame, sources: Sequence[Source]) -> dict[str, str]:
    """Give the raw text by doc_id of those documents whose file still holds the bytes that were read.

    ``documents`` has the columns doc_id, source_uri, encoding and content_sha256. Empty, so that every offset into
    it is found wrong, where the file no longer decodes as it did.
    """
    roots = {source.name: source.root for source in sources}
    found = {}
    columns = documents.select("doc_id", "source_uri", "encoding", "content_sha256")
    for doc_id, uri, encoding, sha256 in columns.iter_rows():
        if uri.partition("/")[0] not in roots:
            continue
        try:
            raw, read_sha256 = read_source(to_path(uri, roots), _ANY_LENGTH)
        except SourceError:
            continue  # it is no longer there, or no longer what was read
        if read_sha256 == sha256:
            found[doc_id] = raw.text if raw.encoding == encoding else ""
    return found
