"""Build what the pages look things up in: one SQLite file for a snapshot, beside it or where the user says.

It holds copies alone (texts, names, counts) and a full-text index over them. It is made in one go under another name,
so a half-made one is never opened, and it goes with its snapshot.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl

from stages.errors import UsageError
from stages.tables.schemas import BLOCK_KINDS, TABLES
from stages.tables.store import Snapshot, Store
from stages.tables.store.objects import is_url

VERSION = "3"
"""Raised when the layout below changes: an index of another version is built anew."""
NAME = "browse.sqlite"
_DISK = {"SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE"}
_KEY = 12
Tell = Callable[[int, int], None]
"""Is told how many documents are done, and of how many."""

_KINDS = ", ".join(f'"{kind}"' for kind in BLOCK_KINDS)  # one of them is a word of SQL
_LAYOUT = f"""
CREATE TABLE documents (no INTEGER PRIMARY KEY, doc_id TEXT, source_uri TEXT, source TEXT, title TEXT, language TEXT,
    date TEXT, dated_by TEXT, n_words INTEGER, n_mentions INTEGER, n_repairs INTEGER, run_id TEXT, doubt TEXT,
    cluster TEXT);
CREATE TABLE copies (document INTEGER, other_id TEXT, similarity REAL);
CREATE TABLE texts (no INTEGER PRIMARY KEY, text TEXT);
CREATE VIRTUAL TABLE words USING fts5({_KINDS}, content='', tokenize="unicode61 remove_diacritics 2");
CREATE TABLE entities (no INTEGER PRIMARY KEY, entity_id TEXT, name TEXT, label TEXT, aliases TEXT, n_mentions INTEGER,
    n_documents INTEGER, geonames_id INTEGER, country TEXT, authority_id TEXT, evidence TEXT);
CREATE VIRTUAL TABLE names USING fts5(name, aliases, content='', prefix='2 3',
    tokenize="unicode61 remove_diacritics 2");
CREATE TABLE mentions (entity INTEGER, document INTEGER, start INTEGER, stop INTEGER, role TEXT);
CREATE TABLE sources (source_uri TEXT, source TEXT, status TEXT, doc_id TEXT, duplicate_of TEXT, size_bytes INTEGER,
    modified_at TEXT, reason_code TEXT, reason TEXT, last_changed_run TEXT);
CREATE TABLE quarantine (source_uri TEXT, table_name TEXT, stage TEXT, rule TEXT, reason TEXT, rejected_row TEXT);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT);
"""
_FINISH = """
CREATE UNIQUE INDEX documents_id ON documents (doc_id);
CREATE INDEX documents_date ON documents (date DESC, no);
CREATE INDEX documents_uri ON documents (source_uri);
CREATE INDEX documents_language ON documents (language, date DESC, no);
CREATE INDEX documents_source ON documents (source, date DESC, no);
CREATE INDEX documents_run ON documents (run_id, date DESC, no);
CREATE INDEX documents_cluster ON documents (cluster) WHERE cluster != '';
CREATE INDEX documents_doubt ON documents (doubt) WHERE doubt != '';
CREATE INDEX copies_document ON copies (document, similarity DESC);
CREATE INDEX sources_same ON sources (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE UNIQUE INDEX entities_id ON entities (entity_id);
CREATE INDEX entities_label ON entities (label, n_documents DESC, name);
CREATE INDEX entities_placed ON entities (n_documents DESC, name) WHERE geonames_id IS NOT NULL;
CREATE INDEX entities_all ON entities (n_documents DESC, name);
CREATE INDEX entities_name ON entities (name COLLATE NOCASE);
CREATE INDEX mentions_entity ON mentions (entity, document, start);
CREATE TABLE named (entity INTEGER, document INTEGER, n INTEGER, PRIMARY KEY (entity, document)) WITHOUT ROWID;
INSERT INTO named SELECT entity, document, count(*) FROM mentions GROUP BY 1, 2;
CREATE INDEX named_document ON named (document, entity);
CREATE TABLE months (entity INTEGER, month TEXT, n INTEGER, PRIMARY KEY (entity, month)) WITHOUT ROWID;
INSERT INTO months SELECT entity, substr(date, 1, 7), count(*) FROM named JOIN documents ON no = document GROUP BY 1, 2;
CREATE INDEX sources_status ON sources (status, source_uri);
CREATE INDEX sources_uri ON sources (source_uri);
CREATE INDEX quarantine_rule ON quarantine (rule, source_uri);
ANALYZE;
"""
_COUNTS = {
    "documents": "SELECT count(*), coalesce(sum(n_words), 0), coalesce(sum(n_repairs), 0) FROM documents",
    "months": "SELECT substr(date, 1, 7), count(*) FROM documents WHERE date != '' GROUP BY 1 ORDER BY 1",
    "dated_by": "SELECT dated_by, count(*) FROM documents GROUP BY 1",
    "copies": "SELECT count(*), count(DISTINCT cluster) FROM documents WHERE cluster != ''",
    "doubts": "SELECT doubt, count(*) FROM documents WHERE doubt != '' GROUP BY 1 ORDER BY 1",
    "sources": "SELECT source, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1",
    "languages": "SELECT language, count(*) FROM documents GROUP BY 1 ORDER BY 2 DESC, 1",
    "statuses": "SELECT status, count(*) FROM sources GROUP BY 1 ORDER BY 1",
    "reasons": "SELECT rule, count(*), min(reason) FROM quarantine GROUP BY 1 ORDER BY 2 DESC, 1",
    "labels": "SELECT label, count(*), sum(n_mentions) FROM entities GROUP BY 1 ORDER BY 1",
}


def open_index(store: Store, snapshot: Snapshot, folder: Path | None, tell: Tell) -> Path:
    """Give the index of a snapshot, built now where there is none yet; ``folder``: where, else in the snapshot's own.

    In ``folder`` those of snapshots that are no longer there are removed. Raises UsageError where nothing can be
    written there.
    """
    file = index_file(store, snapshot, folder)
    if not is_whole(file):
        new = file.with_name(f".{file.name}.{os.getpid()}.new")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            build_index(store, snapshot, new, tell)
            new.replace(file)
        except (OSError, sqlite3.OperationalError) as error:
            if isinstance(error, sqlite3.Error) and error.sqlite_errorname.partition("_IOERR")[0] not in _DISK:
                raise
            raise UsageError(
                f"{file}: the index cannot be written there ({error}); name a folder for it with --index DIR"
            ) from error
        finally:
            # A read-only disk refuses even to remove what is not there, and that would be what is told.
            if new.exists():
                new.unlink()
    if folder:
        named = {_name_in_folder(store, one) for one in (snapshot.snapshot, *snapshot.previous)}
        for old in folder.glob(f"{_name_in_folder(store, '')[:_KEY]}*.sqlite"):
            if old.name not in named:
                old.unlink(missing_ok=True)
    return file


def index_file(store: Store, snapshot: Snapshot, folder: Path | None) -> Path:
    """Say where the index of a snapshot lies; that of tables on an object store has to have a ``folder``."""
    assert folder or not is_url(store.where)
    return folder / _name_in_folder(store, snapshot.snapshot) if folder else Path(store.where, snapshot.snapshot, NAME)


def _name_in_folder(store: Store, snapshot: str) -> str:
    """Name an index where those of several tables may lie: by the place of its tables, then by its run."""
    where = store.where if is_url(store.where) else str(Path(store.where).resolve())
    return f"{hashlib.sha256(where.encode()).hexdigest()[:_KEY]}-{snapshot.rpartition('/')[2]}.sqlite"


def is_whole(file: Path) -> bool:
    """Tell whether there is an index of this version."""
    if not file.is_file():
        return False
    with closing(connect(file)) as found:
        try:
            return facts(found).get("version") == VERSION
        except sqlite3.DatabaseError:
            return False


def connect(file: Path) -> sqlite3.Connection:
    """Open an index for reading alone."""
    found = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    found.row_factory = sqlite3.Row
    return found


def facts(found: sqlite3.Connection) -> dict[str, object]:
    """Give the figures that were counted when the index was built."""
    return {name: json.loads(value) for name, value in found.execute("SELECT name, value FROM facts")}


def build_index(store: Store, snapshot: Snapshot, file: Path, tell: Tell) -> None:
    """Write the index of a snapshot to a file that is not there yet."""
    with closing(sqlite3.connect(file)) as out, out:
        out.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _LAYOUT)
        entities = _add_entities(out, store.read(snapshot, "entities"))
        sources = store.read(snapshot, "sources")
        _add_sources(out, sources, store.read(snapshot, "quarantine"))
        dates = _dates(sources)
        clusters = store.read(snapshot, "duplicates")
        total = sum(part.rows for part in snapshot.tables["documents"])
        done = 0
        for prefix in prefixes(snapshot):
            tell(done, total)
            done += _add_part(out, _frames(store, snapshot, prefix) | {"duplicates": clusters}, dates, entities, done)
        tell(total, total)
        out.executescript(_FINISH)
        counted = {name: [list(row) for row in out.execute(query)] for name, query in _COUNTS.items()}
        runs = store.read(snapshot, "runs").sort("started_at", descending=True)
        drift = store.read(snapshot, "drift").filter(pl.col("run_id").is_in(runs["run_id"].head(60).implode()))
        told = {"version": VERSION, "run_id": snapshot.run_id, "runs": _plain(runs.head(60)), "drift": _plain(drift)}
        told |= counted
        out.executemany("INSERT INTO facts VALUES (?, ?)", [(k, json.dumps(v, default=str)) for k, v in told.items()])


def prefixes(snapshot: Snapshot) -> list[str]:
    """Give how the doc_ids of each part of the documents begin, in order."""
    stems = (Path(part.path).stem for part in snapshot.tables["documents"])
    return sorted(stem.removeprefix("part").removeprefix("-") for stem in stems)


def _frames(store: Store, snapshot: Snapshot, prefix: str) -> dict[str, pl.DataFrame]:
    columns = {
        "documents": [name for name in TABLES["documents"].columns if name != "encoding"],
        "blocks": ["doc_id", "kind", "text"],
        "mentions": ["doc_id", "entity_id", "start", "end", "role"],
        "repairs": ["doc_id"],
    }
    return {
        name: store.scan_parts(snapshot, name, [prefix]).select(wanted).collect() for name, wanted in columns.items()
    }


def _plain(frame: pl.DataFrame) -> list[dict[str, object]]:
    return frame.to_dicts()


def _dates(sources: pl.DataFrame) -> pl.DataFrame:
    """The day of each file: when it was last changed."""
    return sources.select("source_uri", date=pl.col("modified_at").dt.strftime("%Y-%m-%d").fill_null(""))


def _add_entities(out: sqlite3.Connection, frame: pl.DataFrame) -> pl.DataFrame:
    """Write the entities; returns their numbers by entity_id."""
    rows = frame.with_columns(aliases=pl.col("aliases").list.join("\n")).select(
        "entity_id",
        "name",
        "label",
        "aliases",
        "n_mentions",
        "n_documents",
        "geonames_id",
        "country",
        "authority_id",
        "evidence",
    )
    _insert(out, "entities", rows.with_row_index("no", 1))
    named = rows.select("name", "aliases").with_row_index("rowid", 1)
    out.executemany("INSERT INTO names (rowid, name, aliases) VALUES (?, ?, ?)", named.iter_rows())
    return rows.select("entity_id").with_row_index("entity", 1)


def _add_sources(out: sqlite3.Connection, sources: pl.DataFrame, quarantine: pl.DataFrame) -> None:
    rows = sources.with_columns(source=_source_name(), modified_at=pl.col("modified_at").dt.strftime("%Y-%m-%d %H:%M"))
    columns = ("source_uri", "source", "status", "doc_id", "duplicate_of", "size_bytes", "modified_at", "reason_code")
    _insert(out, "sources", rows.select(*columns, "reason", "last_changed_run"))
    _insert(out, "quarantine", quarantine.select("source_uri", "table", "stage", "rule", "reason", "row"))


def _source_name() -> pl.Expr:
    return pl.col("source_uri").str.split("/").list.first()


def _add_part(
    out: sqlite3.Connection, frames: dict[str, pl.DataFrame], dates: pl.DataFrame, entities: pl.DataFrame, before: int
) -> int:
    """Write the documents of one part, numbered from ``before`` + 1; returns how many there are."""
    documents = frames["documents"].sort("doc_id").with_row_index("no", before + 1)
    numbers = documents.select("doc_id", document="no")
    clusters = frames["duplicates"].join(numbers, on="doc_id")
    _insert(out, "documents", _document_rows(documents, frames["repairs"], dates, clusters))
    others = clusters.select("document", "others").explode("others").unnest("others")
    _insert(out, "copies", others.select("document", "doc_id", "similarity"))
    _insert(out, "texts", documents.select("no", "text"))
    marks = ", ".join("?" * (len(BLOCK_KINDS) + 1))
    by_kind = _texts_by_kind(frames["blocks"], numbers)
    out.executemany(f"INSERT INTO words (rowid, {_KINDS}) VALUES ({marks})", by_kind.iter_rows())
    found = frames["mentions"].join(numbers, on="doc_id").join(entities, on="entity_id")
    _insert(out, "mentions", found.select("entity", "document", "start", "end", "role"))
    return documents.height


def _document_rows(
    documents: pl.DataFrame, repairs: pl.DataFrame, dates: pl.DataFrame, clusters: pl.DataFrame
) -> pl.DataFrame:
    """Each document with its day: that of publication, else that of its file; ``dated_by`` says how well it is known
    (day, month, year), or that it is the file's.
    """
    counted = repairs.group_by("doc_id").len("n_repairs")
    rows = documents.join(counted, on="doc_id", how="left", maintain_order="left")
    rows = rows.join(dates, on="source_uri", how="left", maintain_order="left")
    alike = clusters.select("doc_id", cluster="duplicate_cluster")
    rows = rows.join(alike, on="doc_id", how="left", maintain_order="left")
    return rows.select(
        "no", "doc_id", "source_uri", _source_name().alias("source"), pl.col("title").fill_null(""), "language",
        pl.coalesce(pl.col("published_at").cast(pl.String), "date").fill_null(""),
        pl.when(pl.col("published_at").is_null()).then(pl.lit("file"))
        .otherwise(pl.col("published_precision").fill_null("day")).alias("dated_by"),
        "n_words", "n_mentions", pl.col("n_repairs").fill_null(0), "run_id", pl.col("doubt").fill_null(""),
        pl.col("cluster").fill_null(""),
    )  # fmt: skip


def _texts_by_kind(blocks: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """One row a document: its number, and for each kind of block the text of all blocks of that kind.

    Blocks of a kind that is not known here, of tables made by a later version, count as paragraphs.
    """
    known = pl.col("kind").is_in(BLOCK_KINDS)
    blocks = blocks.with_columns(kind=pl.when(known).then("kind").otherwise(pl.lit("paragraph")))
    chosen = (pl.col("text").filter(pl.col("kind") == kind).str.join("\n").alias(kind) for kind in BLOCK_KINDS)
    grouped = blocks.group_by("doc_id", maintain_order=True).agg(*chosen)
    return numbers.join(grouped, on="doc_id", how="left", maintain_order="left").select("document", *BLOCK_KINDS)


def _insert(out: sqlite3.Connection, table: str, frame: pl.DataFrame) -> None:
    marks = ", ".join("?" * frame.width)
    out.executemany(f"INSERT INTO {table} VALUES ({marks})", frame.iter_rows())
