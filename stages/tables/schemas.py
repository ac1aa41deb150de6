"""The contract: every published table with its columns, types, meaning, key and partition.

Stages cast to it, expectations are built from it, `data/README.md` is checked against it and tests make
frames from it. Offsets are zero-based Unicode code points, end exclusive: `start`/`end` count in
`documents.text`, `raw_start`/`raw_end` in the raw text, which is the file's bytes (decompressed, for .gz)
decoded with the recorded encoding, byte-order mark dropped, nothing else changed.
"""

from dataclasses import dataclass

import polars as pl

SCHEMA_VERSION = "2"
"""Raised when a published column changes its name, type or meaning."""

BLOCK_KINDS = (
    "title", "teaser", "heading", "paragraph", "list_item", "caption", "credit", "boilerplate", "footnote", "table",
    "quote", "byline", "verse", "code",
)  # fmt: skip
NAME_LABELS = ("PER", "ORG", "LOC", "MISC")
VALUE_LABELS = ("DATE", "TIME", "DURATION", "MONEY", "PERCENT", "QUANTITY")
LABELS = NAME_LABELS + VALUE_LABELS
MENTION_KINDS = ("name", "part", "deriv", "value")
STATUSES = ("written", "duplicate", "quarantined", "deleted", "opened")
PARTED_BY = ("empty_line", "indent", "outdent", "short_line", "mixed", "none", "layout")
DOUBTS = ("columns",)
DRIFT_VERDICTS = ("unjudged", "usual", "unusual", "failed")
REPAIR_RULES = {
    "hyphen_removed": "a word broken at the line end was joined and its hyphen dropped",
    "hyphen_kept": "a line ended in a hyphen that belongs to the word; the lines were joined without a space",
    "hyphen_kept_space": "a line ended in a suspended hyphen (Ost- und); the lines were joined with a space",
    "page_break": "a page break inside a block was healed",
    "furniture": "a running header, footer or page number was removed",
    "line_sign": "a sign was dropped before a line (mail, comment, heading), or a line of signs (fence, front matter)",
    "columns": "a page printed in two columns side by side was read column by column",
    "note_moved": "a footnote or caption that interrupted a paragraph was put behind it",
    "character": "characters were replaced (mojibake, ligature) or dropped (control, zero-width)",
    "lost_hyphen": "a hyphen that the extractor had swallowed was put back",
}
REASONS = {
    "unsupported_format": "the file is of a format that is not read yet",
    "binary": "the bytes are no text",
    "empty": "the file holds no text",
    "needs_ocr": "the pages are pictures, or their characters have no meaning; text recognition has to come first",
    "encrypted": "the file is locked with a password",
    "damaged": "the file is broken or cut off, so that its format cannot be read",
    "unsafe": "the file holds what could grow without bound when it is read (XML entities)",
    "unreadable": "the operating system refused to read the file",
    "disk_failed": "the disk or network drive failed while the file was read",
    "undecodable": "no known encoding fits the bytes",
    "too_large": "the text is longer than the limit set for one document",
    "broken_archive": "the compressed file is damaged or cut off",
    "bomb": "unpacked the file would be far larger than a file of its size may be",
    "unsafe_path": "the name of a member leads out of its archive",
    "no_text_column": "no column of a table, or more than one, may hold the texts",
    "needs_extra": "a package that reads this format is not installed",
    "changed_while_reading": "the file changed while it was read",
    "not_regular": "the path is no regular file (pipe, device, socket)",
    "link_not_followed": "a symbolic link that leaves the source folder, leads to a folder, or leads nowhere",
    "timed_out": "a worker process took longer over this document than it may",
    "worker_died": "a worker process died of this document (out of memory, or a crash in a library)",
    "system_failed": "memory or disk of the machine failed while the document was processed",
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
_PAGE = Column(_INT, "page of the file that it begins on, from 1; null where the format has no pages", nullable=True)
BOX = pl.Struct(dict.fromkeys(("x0", "y0", "x1", "y1"), pl.Float64))
_BOX = Column(
    BOX,
    "left, top, right and bottom of what stands on that page, in its units from its top left; null without a layout",
    nullable=True,
)
_CONFIDENCE = Column(_FLOAT, "mean confidence of the OCR in its words, 0 to 1, where the file has it", nullable=True)
FACT = pl.Struct({"name": pl.String, "value": pl.String, "found_in": pl.String})
PAGES = pl.List(pl.Struct({"page": pl.Int64(), "width": pl.Float64(), "height": pl.Float64(), "turned": pl.Int64()}))
PRECISIONS = ("day", "month", "year")
_SECONDS = pl.List(pl.Struct({"stage": pl.String, "seconds": pl.Float64}))
_VERSIONS = pl.List(pl.Struct({"name": pl.String, "version": pl.String}))

TABLES: dict[str, Table] = {
    "documents": Table(
        "one mended text per source that was written",
        ("doc_id",),
        {
            "doc_id": _DOC_ID,
            "source_uri": _SOURCE_URI,
            "title": Column(_STR, "text of the first title block", nullable=True),
            "text": Column(_STR, "the mended text: all blocks, joined by one blank line (two line feeds)"),
            "language": Column(_STR, "ISO 639-1 code (zh-cn, zh-tw as langdetect has them), und where nothing tells"),
            "language_confidence": Column(_FLOAT, "probability of that language, 0 to 1"),
            "entity_model": Column(_STR, "trained, transferred, or none: how the name model knows this language"),
            "published_at": Column(
                pl.Date, "when the text was published; the first day where less is known", nullable=True
            ),
            "published_precision": Column(_STR, "what of it is known: one of " + ", ".join(PRECISIONS), nullable=True),
            "author": Column(_STR, "who wrote it, as the source says", nullable=True),
            "publisher": Column(_STR, "newspaper, site or house that published it, as the source says", nullable=True),
            "section": Column(_STR, "section of that publication", nullable=True),
            "url": Column(_STR, "where it was published", nullable=True),
            "metadata": Column(pl.List(FACT), "all that the source says of the document, each with where it was found"),
            "pages": Column(
                PAGES,
                "size of each page in units of the boxes, if the file says it; turned: degrees clockwise from how a "
                "viewer shows it to how its boxes stand; null without pages",
                nullable=True,
            ),
            "encoding": Column(_STR, "encoding the bytes were decoded with (Python codec name)"),
            "content_sha256": Column(_STR, "SHA-256 of the file's bytes, in hex"),
            "sketch": Column(
                pl.List(pl.Int64),
                "25 keys made of its word triples: documents that share one may be nearly the same; none of few words",
            ),
            "n_chars": Column(_INT, "characters in text"),
            "n_words": Column(_INT, "runs of characters between white space in text"),
            "n_blocks": Column(_INT, "rows in blocks"),
            "n_sentences": Column(_INT, "rows in sentences"),
            "n_mentions": Column(_INT, "rows in mentions"),
            "n_joins": Column(_INT, "line ends inside a block that became one space, or none in Chinese and Japanese"),
            "parted_by": Column(_STR, "what parts the paragraphs of the raw text: one of " + ", ".join(PARTED_BY)),
            "doubt": Column(
                _STR,
                "what to look at: columns, where a page seems to be printed in two columns that were not told apart",
                nullable=True,
            ),
            "run_id": _RUN_ID,
            "processed_at": Column(_TIME, "when the row was made (UTC)"),
        },
    ),
    "blocks": Table(
        "one block of a document, in reading order",
        ("doc_id", "block_no"),
        {
            "doc_id": _DOC_ID,
            "block_no": _BLOCK_NO,
            "kind": Column(_STR, "one of " + ", ".join(BLOCK_KINDS)),
            "text": Column(_STR, "the mended block, equal to documents.text[start:end]"),
            "start": _START,
            "end": _END,
            "raw_start": _RAW_START,
            "raw_end": _RAW_END,
            "language": Column(_STR, "language of the block; short blocks inherit the document's"),
            "language_confidence": Column(_FLOAT, "probability of that language, 0 to 1"),
            "spans": Column(SPANS, "exact map: text[start:start+length] of the document is raw[raw_start:+length]"),
            "page": _PAGE,
            "box": _BOX,
            "confidence": _CONFIDENCE,
        },
    ),
    "sentences": Table(
        "one sentence of a block",
        ("doc_id", "sentence_no"),
        {
            "doc_id": _DOC_ID,
            "block_no": _BLOCK_NO,
            "sentence_no": Column(_INT, "number of the sentence in its document, from 0"),
            "text": Column(_STR, "the sentence, equal to documents.text[start:end]"),
            "start": _START,
            "end": _END,
            "raw_start": _RAW_START,
            "raw_end": _RAW_END,
        },
    ),
    "mentions": Table(
        "one name or value found in a sentence",
        ("doc_id", "mention_no"),
        {
            "doc_id": _DOC_ID,
            "block_no": _BLOCK_NO,
            "sentence_no": Column(_INT, "sentence that holds the mention"),
            "mention_no": Column(_INT, "number of the mention in its document, from 0"),
            "text": Column(_STR, "the mention, equal to documents.text[start:end]"),
            "label": Column(_STR, "one of " + ", ".join(LABELS)),
            "kind": Column(_STR, "name, part (a name inside a compound), deriv (derived from a name), value (by rule)"),
            "value": Column(_STR, "normalised value of a date, amount or quantity, where complete", nullable=True),
            "value_derived": Column(
                pl.Boolean, "true where the value comes from the date of publication, not the text"
            ),
            "value_number": Column(_FLOAT, "amount, share, quantity or length of time as a number", nullable=True),
            "value_unit": Column(_STR, "its unit: ISO 4217 currency, %, symbol, or UCUM unit of time", nullable=True),
            "value_start": Column(pl.Date, "first day of a date's value", nullable=True),
            "value_end": Column(pl.Date, "last day of a date's value", nullable=True),
            "start": _START,
            "end": _END,
            "raw_start": _RAW_START,
            "raw_end": _RAW_END,
            "score": Column(_FLOAT, "confidence of the extractor, 0 to 1; 1 for rules"),
            "extractor": Column(_STR, "engine or rule set and its version"),
            "role": Column(_STR, "office or title beside a person's name (US-Vizepräsident)", nullable=True),
            "cluster_no": Column(_INT, "row in clusters that the mention belongs to; null for values", nullable=True),
            "entity_id": Column(_STR, "row in entities that the mention names; null for values", nullable=True),
            "page": _PAGE,
            "box": _BOX,
            "confidence": _CONFIDENCE,
        },
    ),
    "clusters": Table(
        "what one document says of one entity: its mentions that name the same person, organisation, place or thing",
        ("doc_id", "cluster_no"),
        {
            "doc_id": _DOC_ID,
            "cluster_no": Column(_INT, "number of the cluster in its document, from 0"),
            "label": Column(_STR, "one of " + ", ".join(NAME_LABELS)),
            "signature": Column(_STR, "the keys by which it is linked, as JSON"),
            "blocks": Column(pl.List(pl.String), "clusters that share one of these are linked together"),
            "forms": Column(_STR, "spellings and how often each stands in the document, as JSON"),
            "n_mentions": Column(_INT, "mentions in the cluster"),
            "entity_id": Column(_STR, "entity the cluster stands for"),
            "linked_id": Column(_STR, "entity that linking alone found; another one where somebody corrected it"),
        },
    ),
    "repairs": Table(
        "one repair made between raw and clean text (plain line joins are counted in documents.n_joins)",
        ("doc_id", "repair_no"),
        {
            "doc_id": _DOC_ID,
            "repair_no": Column(_INT, "number of the repair in its document, from 0"),
            "rule": Column(_STR, "one of " + ", ".join(REPAIR_RULES)),
            "raw_start": _RAW_START,
            "raw_end": _RAW_END,
            "before": Column(_STR, "the raw characters"),
            "after": Column(_STR, "what stands for them in the clean text"),
        },
    ),
    "raw_texts": Table(
        "the raw text of a document whose file does not hold it as text (PDF, OCR XML); empty for all others",
        ("doc_id",),
        {"doc_id": _DOC_ID, "text": Column(_STR, "the raw text that raw_start and raw_end count in")},
    ),
    "duplicates": Table(
        "one document that others are nearly the same as; documents without such have no row",
        ("doc_id",),
        {
            "doc_id": _DOC_ID,
            "duplicate_cluster": Column(_STR, "the smallest doc_id of all that are alike, directly or through others"),
            "similarity": Column(_FLOAT, "share of word triples in common with the document most like it, from 0.8"),
            "others": Column(
                pl.List(pl.Struct({"doc_id": pl.String, "similarity": pl.Float64})),
                "documents that it was found like, in order of doc_id; of many alike some stand for all",
            ),
        },
    ),
    "entities": Table(
        "one person, organisation, place or thing that documents name",
        ("entity_id",),
        {
            "entity_id": Column(_STR, "hash of the label and the smallest key; knows no order and no date"),
            "name": Column(_STR, "the fullest spelling used most, in its base form"),
            "label": Column(_STR, "one of " + ", ".join(NAME_LABELS)),
            "aliases": Column(pl.List(pl.String), "all other spellings, sorted"),
            "evidence": Column(_STR, "why the aliases are of this entity: rule and documents, as JSON"),
            "n_mentions": Column(_INT, "mentions in all documents"),
            "n_documents": Column(_INT, "documents that name it"),
            "first_document": Column(_STR, "first source_uri that names it, in order of source_uri"),
            "last_document": Column(_STR, "last source_uri that names it, in order of source_uri"),
            "geonames_id": Column(_INT, "GeoNames id of a place whose name means one place only", nullable=True),
            "country": Column(_STR, "ISO 3166-1 alpha-2 code of that place", nullable=True),
            "authority_id": Column(_STR, "id in the authority table that was given, or pinned", nullable=True),
            "corrected": Column(pl.Boolean, "true where somebody merged, split, renamed, retyped or pinned it"),
        },
    ),
    "sources": Table(
        "one input path ever seen below a source, with how it ended",
        ("source_uri",),
        {
            "source_uri": _SOURCE_URI,
            "status": Column(_STR, "written, duplicate, quarantined, deleted (gone), opened (a container)"),
            "doc_id": _DOC_ID,
            "duplicate_of": Column(_STR, "source_uri of the written source with the same bytes", nullable=True),
            "content_sha256": _SHA256,
            "sidecar_sha256": Column(_STR, "SHA-256 of the sidecar of the file, in hex", nullable=True),
            "told_sha256": Column(_STR, "hash of what metadata file and path pattern say of it, in hex", nullable=True),
            "size_bytes": Column(_INT, "size of the file in bytes", nullable=True),
            "modified_at": Column(_TIME, "modification time of the file (UTC, microseconds)", nullable=True),
            "encoding": Column(_STR, "encoding the bytes were decoded with", nullable=True),
            "encoding_how": Column(_STR, "how it was found, or how the file was read", nullable=True),
            "n_raw_chars": Column(_INT, "characters in the raw text; where that is too large, no fewer", nullable=True),
            "read_by": Column(
                _STR, "libraries that read it (PDF, web page, picture), with their versions", nullable=True
            ),
            "reason_code": Column(_STR, "why it was quarantined; one of the reason codes", nullable=True),
            "reason": Column(_STR, "the same as a sentence that says what to do", nullable=True),
            "stages_sha256": Column(_STR, "versions and options of the stages that decided this row"),
            "first_seen_run": Column(_STR, "run that met the path first"),
            "last_changed_run": Column(_STR, "run that last changed status, content or reason"),
            "processed_run": Column(
                _STR, "run that last read it and decided its rows; null where none did", nullable=True
            ),
        },
    ),
    "quarantine": Table(
        "one source or row that was kept out of the other tables, as things stand now",
        ("source_uri", "table", "rule", "row"),
        {
            "run_id": _RUN_ID,
            "source_uri": _SOURCE_URI,
            "doc_id": _DOC_ID,
            "table": Column(_STR, "table the row was kept out of; sources for a whole file"),
            "stage": Column(_STR, "stage that rejected it"),
            "rule": Column(_STR, "reason code, or name of the rule that was broken"),
            "reason": Column(_STR, "a sentence that says what is wrong and what to do"),
            "row": Column(_STR, "the rejected row as JSON; {} for a whole file"),
        },
    ),
    "runs": Table(
        "one run that published",
        ("run_id",),
        {
            "run_id": _RUN_ID,
            "started_at": Column(_TIME, "start of the run (UTC)"),
            "finished_at": Column(_TIME, "when its rows were complete, just before the switch (UTC)"),
            "n_sources": Column(_INT, "sources present = written + unchanged + duplicate + quarantined"),
            "n_written": Column(_INT, "sources whose document was written by this run"),
            "n_unchanged": Column(_INT, "sources whose document stands from an earlier run"),
            "n_duplicate": Column(_INT, "sources with the same bytes as one that was written"),
            "n_quarantined": Column(_INT, "sources kept out, with a reason"),
            "n_deleted": Column(_INT, "sources that went since the last run; not part of n_sources"),
            "seconds": Column(_SECONDS, "wall seconds by stage before publishing, summed over worker processes"),
            "versions": Column(_VERSIONS, "code, stages, models and libraries"),
            "n_expectations": Column(_INT, "expectations evaluated by the gate"),
            "n_rows_rejected": Column(_INT, "rows that broke a rule in this run"),
            "n_corrections": Column(_INT, "rows of the file of corrections that was applied"),
            "n_corrections_without_effect": Column(_INT, "those of them that met nothing"),
            "validation": Column(_STR, "passed, or warned: expectations that failed without being critical"),
        },
    ),
    "drift": Table(
        "one measure of what a run made new of a source, beside the runs before",
        ("run_id", "source", "measure"),
        {
            "run_id": _RUN_ID,
            "source": Column(_STR, "name of the source, the first part of source_uri"),
            "measure": Column(
                _STR,
                "documents, words, quarantine_share, names_per_1000_words, hyphens_per_1000_words, entity_heads (share "
                "of the ten named most), language de (its share)",
            ),
            "observed": Column(_FLOAT, "what it is in the documents that this run made"),
            "n_documents": Column(_INT, "documents of the source that this run made"),
            "n_runs": Column(_INT, "earlier runs that it is compared with"),
            "median": Column(_FLOAT, "median of what it was there; null where there are none", nullable=True),
            "deviation": Column(
                _FLOAT,
                "how far it is from median, 0 to 1: the difference of shares, else relative",
                nullable=True,
            ),
            "verdict": Column(_STR, "one of " + ", ".join(DRIFT_VERDICTS)),
        },
    ),
}


CONTENT = ("documents", "blocks", "sentences", "mentions", "clusters", "repairs", "raw_texts")
"""Tables whose rows belong to written documents and come from batches; the others are given whole."""


def cast(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    """Return the columns of ``table`` in published order and type; other columns are left out.

    Raises polars' ColumnNotFoundError or InvalidOperationError when the frame does not fit: a schema
    mismatch is a bug, not bad data.
    """
    return frame.select(pl.col(name).cast(column.dtype) for name, column in TABLES[table].columns.items())


def empty(table: str) -> pl.DataFrame:
    """Return ``table`` without rows."""
    return pl.DataFrame(schema=TABLES[table].schema)
