"""Export the published tables for other tools: ready-made databases, plain files, and the formats of the humanities."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from flows.web_annotations import annotation_page
from stages.errors import UsageError
from stages.tables.schemas import TABLES, empty
from stages.tables.store import Snapshot, Store
from stages.tables.store.choose import open_store
from stages.tables.store.snapshots import prefix_of

FORMS = ("sqlite", "duckdb", "csv", "jsonl", "conllu", "tei", "annotations")
_RENAMED = {"start": "text_start", "end": "text_end", "table": "table_name", "row": "rejected_row"}
"""Columns whose names SQL reserves, as `stages/views.sql` has them too."""
_CONTENT = ("documents", "blocks", "sentences", "mentions", "clusters", "repairs")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TOKEN = re.compile(r"\w+(?:[-'’.]\w+)*|[^\w\s]")
Tell = Callable[[int, int], None]
Frames = Mapping[str, pl.DataFrame]

VIEWS = {
    "dated": """
        SELECT d.doc_id,
            CASE WHEN d.published_at IS NULL THEN substr(CAST(s.modified_at AS VARCHAR), 1, 7)
                WHEN d.published_precision = 'year' THEN substr(CAST(d.published_at AS VARCHAR), 1, 4)
                ELSE substr(CAST(d.published_at AS VARCHAR), 1, 7) END AS month,
            CASE WHEN d.published_at IS NULL THEN 'file' ELSE d.published_precision END AS dated_by
        FROM documents d JOIN sources s ON s.source_uri = d.source_uri""",
    "people": "SELECT * FROM entities WHERE label = 'PER'",
    "mentions_in_context": """
        SELECT m.entity_id, m.text, m.label, m.value, m.role, s.text AS sentence, d.source_uri, d.title, d.language,
            d.published_at, m.doc_id, m.text_start, m.text_end, m.raw_start, m.raw_end, m.page, m.box
        FROM mentions m JOIN sentences s ON s.doc_id = m.doc_id AND s.sentence_no = m.sentence_no
        JOIN documents d ON d.doc_id = m.doc_id""",
    "named_in": """
        SELECT m.entity_id, e.name, e.label, m.doc_id, d.source_uri, d.title, count(*) AS n_mentions
        FROM mentions m JOIN entities e ON e.entity_id = m.entity_id JOIN documents d ON d.doc_id = m.doc_id
        GROUP BY m.entity_id, e.name, e.label, m.doc_id, d.source_uri, d.title""",
    "named_together": """
        SELECT a.name AS name, b.name AS other_name, a.label AS label, b.label AS other_label, count(*) AS n_documents
        FROM named_in a JOIN named_in b ON b.doc_id = a.doc_id AND b.entity_id != a.entity_id
        GROUP BY a.name, b.name, a.label, b.label""",
    "names_by_month": """
        SELECT t.month, t.dated_by, n.entity_id, n.name, n.label,
            count(*) AS n_documents, CAST(sum(n.n_mentions) AS BIGINT) AS n_mentions
        FROM named_in n JOIN dated t ON t.doc_id = n.doc_id
        GROUP BY t.month, t.dated_by, n.entity_id, n.name, n.label""",
    "near_copies": """
        SELECT c.duplicate_cluster, c.similarity, d.doc_id, d.source_uri, d.title, d.published_at
        FROM duplicates c JOIN documents d ON d.doc_id = c.doc_id""",
    "documents_once": """
        SELECT d.* FROM documents d LEFT JOIN duplicates c ON c.doc_id = d.doc_id
        WHERE c.doc_id IS NULL OR c.duplicate_cluster = d.doc_id""",
    "changes": """
        SELECT r.run_id, r.started_at, s.source_uri, s.status, s.reason
        FROM sources s JOIN runs r ON r.run_id = s.last_changed_run""",
}
"""The usual questions, in SQL that SQLite and DuckDB understand: whom documents name together, whom by month (of
publication, else of the file: dated_by), what a mention's sentence says, which sources a run changed, which documents
are nearly the same, and each of these once."""


def export_tables(tables: Path | str, form: str, out: Path, tell: Tell) -> int:
    """Write the published tables to ``out``, which must not be there yet; returns how many documents were written.

    sqlite, duckdb: one file with all tables and `VIEWS`. csv: a folder with a file a table, lists as JSON. jsonl: a
    line a block, with its offsets. conllu: sentences as tokens with names (BIO, in MISC). tei: a folder with a file
    a document. annotations: a folder with two files a document, its text and the W3C Web Annotations of it. Raises
    UsageError where nothing was published or ``out`` is there, and says what to install for duckdb.
    """
    store = open_store(tables)
    snapshot = store.current()
    if snapshot is None:
        raise UsageError(f"{tables}: nothing was published there; name the folder of the tables with --tables")
    if out.exists():
        raise UsageError(f"{out} is there already; name another place, or take it away")
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder; make it, or name another place")
    write = {
        "sqlite": _to_sqlite, "duckdb": _to_duckdb, "csv": _to_csv, "jsonl": _to_jsonl, "conllu": _to_conllu,
        "tei": _to_tei, "annotations": _to_annotations,
    }[form]  # fmt: skip
    new = out.with_name(f".{out.name}.new")
    if new.exists():
        raise UsageError(f"{new} is left from an export that was stopped, or one is at work; take it away")
    write(store, snapshot, new, tell)
    new.rename(out)
    return sum(part.rows for part in snapshot.tables["documents"])


def _parts(store: Store, snapshot: Snapshot, names: Sequence[str], tell: Tell) -> Iterator[Frames]:
    """The rows of some tables, part by part, as much as fits in memory whatever the size of all."""
    prefixes = [prefix_of(part) for part in snapshot.tables["documents"]]
    for number, prefix in enumerate(prefixes):
        tell(number, len(prefixes))
        yield {name: store.scan_parts(snapshot, name, [prefix]).collect() for name in names}
    tell(len(prefixes), len(prefixes))


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows as a plain database or file can hold them: lists and boxes as JSON, dates and times as text."""
    columns = []
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.List):
            lists = [None if one is None else json.dumps(one, ensure_ascii=False) for one in frame[name].to_list()]
            columns.append(pl.Series(name, lists, dtype=pl.String))
        elif isinstance(dtype, pl.Struct):
            columns.append(frame[name].struct.json_encode())
        elif dtype == pl.Date:
            columns.append(frame[name].dt.strftime("%Y-%m-%d"))
        elif isinstance(dtype, pl.Datetime):
            columns.append(frame[name].dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
        else:
            columns.append(frame[name])
    return pl.DataFrame(columns).rename(_RENAMED, strict=False)


def _all_rows(store: Store, snapshot: Snapshot, tell: Tell) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of all tables, piece by piece."""
    for frames in _parts(store, snapshot, _CONTENT, tell):
        yield from frames.items()
    for name in TABLES.keys() - set(_CONTENT):
        yield name, store.read(snapshot, name)


def _to_sqlite(store: Store, snapshot: Snapshot, out: Path, tell: Tell) -> None:
    with closing(sqlite3.connect(out)) as made, made:
        made.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        for name, table in TABLES.items():
            columns = ", ".join(f"{_RENAMED.get(c, c)} {_sqlite_type(d)}" for c, d in table.schema.items())
            key = ", ".join(_RENAMED.get(column, column) for column in table.key)
            made.execute(f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({key})) WITHOUT ROWID")
        for name, frame in _all_rows(store, snapshot, tell):
            marks = ", ".join("?" * frame.width)
            made.executemany(f"INSERT INTO {name} VALUES ({marks})", _flat(frame).iter_rows())
        made.execute("CREATE INDEX mentions_entity ON mentions (entity_id, doc_id)")
        made.execute("CREATE UNIQUE INDEX documents_source ON documents (source_uri)")
        for name, query in VIEWS.items():
            made.execute(f"CREATE VIEW {name} AS {query}")


def _sqlite_type(dtype: pl.DataType) -> str:
    return "INTEGER" if dtype == pl.Int64 else "REAL" if dtype == pl.Float64 else "TEXT"


def _to_duckdb(store: Store, snapshot: Snapshot, out: Path, tell: Tell) -> None:
    try:
        import duckdb
    except ImportError as error:
        raise UsageError("--to duckdb needs DuckDB: pip install 'duckdb>=2,<3'") from error
    with duckdb.connect(str(out)) as made:
        for name in TABLES:
            made.register("piece", empty(name).rename(_RENAMED, strict=False).to_arrow())
            made.execute(f"CREATE TABLE {name} AS FROM piece")
        for name, frame in _all_rows(store, snapshot, tell):
            made.register("piece", frame.select(*TABLES[name].columns).rename(_RENAMED, strict=False).to_arrow())
            made.execute(f"INSERT INTO {name} FROM piece")
        made.unregister("piece")
        for name, query in VIEWS.items():
            made.execute(f"CREATE VIEW {name} AS {query}")


def _to_csv(store: Store, snapshot: Snapshot, out: Path, tell: Tell) -> None:
    out.mkdir()
    begun: set[str] = set()
    for name, frame in _all_rows(store, snapshot, tell):
        with (out / f"{name}.csv").open("ab") as file:
            _flat(frame).write_csv(file, include_header=name not in begun)
        begun.add(name)


def _to_jsonl(store: Store, snapshot: Snapshot, out: Path, tell: Tell) -> None:
    with out.open("w", encoding="utf-8", newline="\n") as file:
        clusters = _clusters(store, snapshot)
        for frames in _parts(store, snapshot, ("documents", "blocks", "mentions"), tell):
            rows = _chunks(frames, clusters)
            file.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)


def _clusters(store: Store, snapshot: Snapshot) -> dict[str, str]:
    """By doc_id the cluster of near-duplicates that a document is in."""
    return dict(store.read(snapshot, "duplicates").select("doc_id", "duplicate_cluster").iter_rows())


_OF_DOCUMENT = ("source_uri", "title", "published_at", "published_precision", "author", "publisher", "section", "url")


def _chunks(frames: Frames, clusters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """One row a block, with what a search or an embedding wants to keep beside it."""
    about = {row["doc_id"]: row for row in frames["documents"].iter_rows(named=True)}
    inside = _grouped(frames["mentions"], "doc_id", "block_no")
    for block in frames["blocks"].sort("doc_id", "block_no").iter_rows(named=True):
        document = about[block["doc_id"]]
        mentions = inside.get((block["doc_id"], block["block_no"]), [])
        yield {
            "id": f"{block['doc_id']}:{block['block_no']}",
            **{name: document[name] for name in _OF_DOCUMENT},
            "duplicate_cluster": clusters.get(block["doc_id"]),
            **{name: block[name] for name in ("kind", "language", "text", "start", "end", "raw_start", "raw_end")},
            **{name: block[name] for name in ("page", "box")},
            "mentions": [{k: m[k] for k in _OF_MENTION} for m in mentions],
        }


_OF_MENTION = ("text", "label", "value", "start", "end", "entity_id", "page", "box")


def _grouped(frame: pl.DataFrame, *keys: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    parts = frame.partition_by(*keys, as_dict=True)
    return {key: part.sort("start").to_dicts() for key, part in parts.items()}


def _to_conllu(store: Store, snapshot: Snapshot, out: Path, tell: Tell) -> None:
    with out.open("w", encoding="utf-8", newline="\n") as file:
        clusters = _clusters(store, snapshot)
        for frames in _parts(store, snapshot, ("documents", "blocks", "sentences", "mentions"), tell):
            pages = frames["blocks"].select("doc_id", "block_no", "page")
            paged = frames["sentences"].join(pages, on=["doc_id", "block_no"], how="left")
            sentences = _grouped(paged, "doc_id")
            mentions = _grouped(frames["mentions"], "doc_id", "sentence_no")
            columns = ("doc_id", "source_uri", "published_at", "published_precision")
            for doc_id, uri, at, precision in frames["documents"].sort("doc_id").select(columns).iter_rows():
                file.write(f"# newdoc id = {doc_id}\n# source_uri = {uri}\n")
                file.write(f"# published_at = {_day(at, precision)}\n" if at else "")
                file.write(f"# duplicate_cluster = {clusters[doc_id]}\n" if doc_id in clusters else "")
                for row in sentences.get((doc_id,), []):
                    file.write(conllu_sentence(row, mentions.get((doc_id, row["sentence_no"]), [])))


def conllu_sentence(sentence: Mapping[str, Any], mentions: Sequence[Mapping[str, Any]]) -> str:
    """Write a sentence as CoNLL-U: its words, where they stand, and the outermost names and values as BIO in MISC.

    There is no lemma, part of speech or tree: those columns are empty.
    """
    lines = [f"# sent_id = {sentence['doc_id']}-{sentence['sentence_no']}", f"# text = {_one_line(sentence['text'])}"]
    if sentence.get("page") is not None:
        lines.insert(1, f"# page = {sentence['page']}")
    tokens = list(_TOKEN.finditer(sentence["text"]))
    for number, token in enumerate(tokens, 1):
        start, end = token.start() + sentence["start"], token.end() + sentence["start"]
        found = next((m for m in mentions if m["start"] < end and start < m["end"]), None)
        about = [f"TokenRange={start}:{end}"]
        if found:
            begins = number == 1 or tokens[number - 2].end() + sentence["start"] <= found["start"]
            about.insert(0, f"NER={'B' if begins else 'I'}-{found['label']}")
            about += [f"Entity={found['entity_id']}"] * bool(found["entity_id"])
        if number < len(tokens) and tokens[number].start() == token.end():
            about.append("SpaceAfter=No")
        lines.append("\t".join((str(number), token.group(), *["_"] * 7, "|".join(about))))
    return "\n".join(lines) + "\n\n"


def _day(at: date, precision: str | None) -> str:
    """A day of publication as far as it is known."""
    return at.isoformat()[: {"month": 7, "year": 4}.get(precision or "day", 10)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _to_tei(store: Store, snapshot: Snapshot, out: Path, tell: Tell) -> None:
    out.mkdir()
    names = dict(store.read(snapshot, "entities").select("entity_id", "name").iter_rows())
    clusters = _clusters(store, snapshot)
    for frames in _parts(store, snapshot, ("documents", "blocks", "mentions"), tell):
        blocks = _grouped(frames["blocks"], "doc_id")
        mentions = _grouped(frames["mentions"], "doc_id")
        for document in frames["documents"].iter_rows(named=True):
            key = (document["doc_id"],)
            row = document | {"duplicate_cluster": clusters.get(document["doc_id"])}
            text = tei_document(row, blocks[key], mentions.get(key, []), names)
            (out / f"{document['doc_id']}.xml").write_text(text, encoding="utf-8", newline="\n")


_ELEMENTS = {
    "title": "head", "heading": "head", "list_item": "p", "paragraph": "p", "teaser": "p", "caption": "p",
    "credit": "p", "boilerplate": "p", "footnote": "note", "table": "p",
    "quote": "quote", "byline": "p", "verse": "l", "code": "p",
}  # fmt: skip
_NAMES = {"PER": "persName", "ORG": "orgName", "LOC": "placeName", "MISC": "name", "DATE": "date", "TIME": "time"}


def tei_document(
    document: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]], mentions: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
) -> str:  # fmt: skip
    """Write a document as TEI P5: blocks as paragraphs, names and values inline, entities listed in the header.

    Characters that XML cannot hold become U+FFFD.
    """
    named = dict.fromkeys(m["entity_id"] for m in mentions if m["entity_id"])
    listed = "".join(f"<item xml:id={quoteattr('e' + one)}>{_xml(names.get(one, one))}</item>" for one in named)
    body = "\n".join(_tei_division(blocks, mentions))
    at = document.get("published_at")
    day = _day(at, document.get("published_precision")) if at else ""
    printed = f'<date type="published" when="{day}">{day}</date>' if day else ""
    cluster = document.get("duplicate_cluster")
    copies = f'<notesStmt><note type="duplicate_cluster">{cluster}</note></notesStmt>\n' if cluster else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0">
<teiHeader>
<fileDesc>
<titleStmt><title>{_xml(document["title"] or document["source_uri"])}</title></titleStmt>
<publicationStmt><p>Made by fliesstext from the tables of run {_xml(document["run_id"])}.</p></publicationStmt>
{copies}<sourceDesc><p>{_xml(document["source_uri"])}, SHA-256 {document["content_sha256"]} {printed}</p></sourceDesc>
</fileDesc>
<profileDesc><langUsage><language ident={quoteattr(document["language"])}/></langUsage></profileDesc>
</teiHeader>
{_tei_pages(blocks, document.get("pages") or ())}<text xml:lang={quoteattr(document["language"])}>
<body>
{body}
</body>
{f'<back><list type="entities">{listed}</list></back>' if listed else ""}
</text>
</TEI>
"""


def _tei_pages(blocks: Sequence[Mapping[str, Any]], sizes: Sequence[Mapping[str, Any]]) -> str:
    """The pages of a document with the boxes of its blocks as zones; nothing where it has no layout.

    A surface has the size that the file gives its page, if any.
    """
    known = [(size["page"], size["width"], size["height"]) for size in sizes if size["width"]]
    measured = {page: f' ulx="0" uly="0" lrx="{width}" lry="{height}"' for page, width, height in known}
    pages: dict[int, list[str]] = {}
    for block in blocks:
        if block.get("box") is not None and block["page"] is not None:
            x0, y0, x1, y1 = (f"{block['box'][name]:.2f}" for name in ("x0", "y0", "x1", "y1"))
            zone = f'<zone xml:id="z{block["block_no"]}" ulx="{x0}" uly="{y0}" lrx="{x1}" lry="{y1}"/>'
            pages.setdefault(block["page"], []).append(zone)
    surfaces = "\n".join(
        f'<surface n="{page}"{measured.get(page, "")}>{"".join(zones)}</surface>'
        for page, zones in sorted(pages.items())
    )
    return f"<facsimile>\n{surfaces}\n</facsimile>\n" if pages else ""


def _tei_division(blocks: Sequence[Mapping[str, Any]], mentions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Divisions: TEI wants a heading to be the first of its division, and something to follow it."""
    inside = _grouped_by_block(mentions)
    is_open = False
    # Kinds may grow: one that is not known here is a paragraph.
    following = [*(_ELEMENTS.get(block["kind"], "p") for block in blocks[1:]), "head"]
    for block, after in zip(blocks, following, strict=True):
        element = _ELEMENTS.get(block["kind"], "p")
        if element == "head" or not is_open:
            yield ("</div>\n" if is_open else "") + "<div>"
            is_open = True
        text = _tei_inline(block, inside.get(block["block_no"], []))
        span = f'n="{block["start"]}:{block["end"]}"'
        span += f' facs="#z{block["block_no"]}"' if block.get("box") is not None and block["page"] is not None else ""
        kind = f'type="{block["kind"]}"' if element in ("head", "note") else f'rend="{block["kind"]}"'
        yield f"<{element} {kind} {span}>{text}</{element}>" + ("<p/>" if element == after == "head" else "")
    if is_open:
        yield "</div>"


def _grouped_by_block(mentions: Iterable[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for mention in sorted(mentions, key=lambda m: (m["start"], -m["end"])):
        found.setdefault(mention["block_no"], []).append(mention)
    return found


def _tei_inline(block: Mapping[str, Any], mentions: Sequence[Mapping[str, Any]]) -> str:
    """The text of a block with its outermost mentions as elements."""
    pieces, at = [], block["start"]
    for m in mentions:
        if m["start"] < at:
            continue
        pieces.append(_xml(block["text"][at - block["start"] : m["start"] - block["start"]]))
        pieces.append(_tei_name(m, _xml(block["text"][m["start"] - block["start"] : m["end"] - block["start"]])))
        at = m["end"]
    return "".join(pieces) + _xml(block["text"][at - block["start"] :])


def _tei_name(mention: Mapping[str, Any], text: str) -> str:
    element = _NAMES.get(mention["label"], "measure")
    about = f" ref={quoteattr('#e' + mention['entity_id'])}" if mention["entity_id"] else ""
    if mention["label"] in ("DATE", "TIME") and mention["value"] and _ISO.fullmatch(mention["value"]):
        about += f" when={quoteattr(mention['value'])}"
    elif mention["label"] == "DATE" and mention.get("value_start") and mention.get("value_end"):
        # Seasons, quarters and ranges: the dates of TEI are those of XML Schema, which knows none of these.
        about += f' from="{mention["value_start"]}" to="{mention["value_end"]}"'
    elif element == "measure":
        about += f" type={quoteattr(mention['label'].lower())}"
    return f"<{element}{about}>{text}</{element}>"


_ISO = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-\d\d)?)?|\d\d:\d\d:\d\d")


def _xml(text: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", text))


def _to_annotations(store: Store, snapshot: Snapshot, out: Path, tell: Tell) -> None:
    out.mkdir()
    entities = {row["entity_id"]: row for row in store.read(snapshot, "entities").iter_rows(named=True)}
    copies = _grouped_copies(store.read(snapshot, "duplicates"))
    for frames in _parts(store, snapshot, ("documents", "blocks", "mentions"), tell):
        blocks, mentions = (_grouped(frames[name], "doc_id") for name in ("blocks", "mentions"))
        for document in frames["documents"].iter_rows(named=True):
            doc_id = document["doc_id"]
            about = (blocks[doc_id,], mentions.get((doc_id,), []), entities, copies.get(doc_id, []))
            page = annotation_page(document, *about)
            (out / f"{doc_id}.jsonld").write_text(page, encoding="utf-8", newline="\n")
            (out / f"{doc_id}.txt").write_text(document["text"], encoding="utf-8", newline="\n")


def _grouped_copies(duplicates: pl.DataFrame) -> dict[str, list[str]]:
    rows = duplicates.select("doc_id", "others").iter_rows()
    return {doc_id: [other["doc_id"] for other in others] for doc_id, others in rows}
