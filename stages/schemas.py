"""The contract: every published table with its columns, types, meaning, key and partition.

Stages cast to it, expectations are built from it, `data/README.md` is checked against it and tests make
frames from it. Offsets are zero-based Unicode code points, end exclusive: `start`/`end` count in
`documents.text`, `raw_start`/`raw_end` in the raw text, which is the file's bytes (decompressed, for .gz)
decoded with the recorded encoding, byte-order mark dropped, nothing else changed.
"""

from dataclasses import dataclass

import polars as pl

SCHEMA_VERSION = "1"
"""Raised when a published column changes its name, type or meaning."""

BLOCK_KINDS = ("title", "teaser", "heading", "paragraph", "list_item", "caption", "credit", "boilerplate")
NAME_LABELS = ("PER", "ORG", "LOC", "MISC")
VALUE_LABELS = ("DATE", "TIME", "DURATION", "MONEY", "PERCENT", "QUANTITY")
LABELS = NAME_LABELS + VALUE_LABELS
MENTION_KINDS = ("name", "part", "deriv", "value")
STATUSES = ("written", "duplicate", "quarantined", "deleted")
REPAIR_RULES = {
    "hyphen_removed": "a word broken at the line end was joined and its hyphen dropped",
    "hyphen_kept": "a line ended in a hyphen that belongs to the word; the lines were joined without a space",
    "hyphen_kept_space": "a line ended in a suspended hyphen (Ost- und); the lines were joined with a space",
    "page_break": "a page break inside a block was healed",
    "furniture": "a running header, footer or page number was removed",
    "character": "characters were replaced (mojibake, ligature) or dropped (control, zero-width)",
    "lost_hyphen": "a hyphen that the extractor had swallowed was put back",
}
REASONS = {
    "unsupported_format": "the file is of a format that is not read yet",
    "binary": "the bytes are no text",
    "empty": "the file holds no text",
    "unreadable": "the operating system refused to read the file",
    "undecodable": "no known encoding fits the bytes",
    "too_large": "the text is longer than the limit set for one document",
    "broken_archive": "the compressed file is damaged or cut off",
    "changed_while_reading": "the file changed while it was read",
    "not_regular": "the path is no regular file (pipe, device, socket)",
    "outside_root": "the path is a symbolic link that leaves the source folder",
    "stage_failed": "a stage raised an error on this document",
    "rule_failed": "rows of the document broke a rule of the table contract",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One published column: its polars type, its meaning in one line, and whether it may be null."""

    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One published table: what a row is, the columns that identify it, and its columns in order."""

    meaning: str
    key: tuple[str, ...]
    columns: dict[str, Column]

    @property
    def schema(self) -> pl.Schema:
        """Column names and polars types, in published order."""
        return pl.Schema({name: column.dtype for name, column in self.columns.items()})


_STR, _INT, _FLOAT = pl.String, pl.Int64, pl.Float64
_TIME = pl.Datetime("us", "UTC")
SPANS = pl.List(pl.Struct({"start": pl.Int64, "raw_start": pl.Int64, "length": pl.Int64}))

_DOC_ID = Column(_STR, "document; hash of source_uri, so it is stable while the file keeps its place")
_SOURCE_URI = Column(_STR, "name of the source, a slash, and the path below it (percent-encoded where not printable)")
_BLOCK_NO = Column(_INT, "number of the block in its document, from 0")
_RUN_ID = Column(_STR, "run that wrote the row")
_START = Column(_INT, "first character in documents.text")
_END = Column(_INT, "one past the last character in documents.text")
_RAW_START = Column(_INT, "first character in the raw text")
_RAW_END = Column(_INT, "one past the last character in the raw text")
_SHA256 = Column(_STR, "SHA-256 of the file's bytes, in hex", nullable=True)
