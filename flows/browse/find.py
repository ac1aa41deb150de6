"""Look things up in the index: documents by words and filters, entities, where they are named and with whom."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

from flows.browse.query import parse, snippet
from stages.tables.schemas import BLOCK_KINDS

PAGE = 25
_MOST_COUNTED = 10_000
_MOST_WEIGHED = 3_000
"""So many hits are put into order by how well they fit, at 25 microseconds each."""
_MOST_FOR_COMPANY = 3_000
"""In so many documents of an entity its company is counted; those named in more have it by then."""
_SORTS = {
    "date": "d.date DESC, d.no",
    "oldest": "d.date, d.no",
    "name": "d.source_uri",
    "words": "d.n_words DESC, d.no",
}
_RANK = "words.rank"
_ENTITY_SORTS = {
    "documents": "n_documents DESC, name",
    "mentions": "n_mentions DESC, name",
    "name": "name COLLATE NOCASE",
}


@dataclass(frozen=True)
class Search:
    """One view of the search: what was typed, the filters, the order and the page; its fields are those of the URL."""

    q: str = ""
    source: str = ""
    language: str = ""
    since: str = ""
    until: str = ""
    entity: str = ""
    kind: str = ""
    outcome: str = ""
    copies: str = ""
    doubt: str = ""
    sort: str = ""
    page: int = 1

    @classmethod
    def from_url(cls, parameters: Any) -> "Search":
        """Read a view from a URL; what it does not know is left out, what makes no sense counts as not given."""
        given = {one.name: parameters.get(one.name, "").replace("\0", "").strip() for one in fields(cls)}
        asked = given.pop("page")
        page = int(asked) if asked.isascii() and asked.isdigit() else 1
        return cls(**given, page=max(1, min(page, 1_000_000)))

    def url(self, **changed: object) -> str:
        """Write the view, with some fields changed, as the part of a URL after the question mark."""
        values = {one.name: getattr(self, one.name) for one in fields(self)} | {"page": 1} | changed
        return urlencode({name: value for name, value in values.items() if value and (name, value) != ("page", 1)})

    @property
    def is_filtered(self) -> bool:
        """Whether anything but words narrows it."""
        return any(
            (
                self.source,
                self.language,
                self.since,
                self.until,
                self.entity,
                self.kind,
                self.outcome,
                self.copies,
                self.doubt,
            )
        )


@dataclass(frozen=True)
class Hits:
    """One page of documents; ``total`` counts no further than ``more`` says."""

    rows: list[dict[str, Any]]
    total: int
    more: bool

    @property
    def pages(self) -> int:
        """How many pages there are at least."""
        return max(1, -(-self.total // PAGE))


def search(found: sqlite3.Connection, view: Search, last_run: str) -> Hits:
    """Give one page of the documents that a view asks for, each with a place where the words stand."""
    within, values = _where(view, last_run)
    counting = f"SELECT count(*) FROM (SELECT 1 {within} LIMIT {_MOST_COUNTED + 1})"
    total = found.execute(counting, values).fetchone()[0]
    order = _order(view, total)
    within, values = _where(view, last_run, ranked=order == _RANK)
    query = f"SELECT d.* {within} ORDER BY {order} LIMIT ? OFFSET ?"
    rows = found.execute(query, (*values, PAGE, (view.page - 1) * PAGE)).fetchall()
    typed = parse(view.q)
    shown = [dict(row) | {"snippet": snippet(_text(found, row["no"]), typed)} for row in rows]
    return Hits(shown, min(total, _MOST_COUNTED), total > _MOST_COUNTED)


def all_hits(found: sqlite3.Connection, view: Search, last_run: str, most: int) -> Iterator[dict[str, Any]]:
    """Give the documents of all pages of a view, at most so many, with their text."""
    within, values = _where(view, last_run, "JOIN texts t ON t.no = d.no")
    query = f"SELECT d.*, t.text {within} ORDER BY {_order(view, _MOST_COUNTED + 1)} LIMIT ?"
    return (dict(row) for row in found.execute(query, (*values, most)))


def _text(found: sqlite3.Connection, number: int) -> str:
    return str(found.execute("SELECT text FROM texts WHERE no = ?", (number,)).fetchone()[0])


def _order(view: Search, total: int) -> str:
    """By what was asked for, else the best first; of very many, and of those that name one entity, the newest: to weigh
    these, all that have the words would have to be weighed.
    """
    if view.sort in _SORTS:
        return _SORTS[view.sort]
    return _RANK if parse(view.q) and total <= _MOST_WEIGHED and not view.entity else _SORTS["date"]


def _where(view: Search, last_run: str, beside: str = "", *, ranked: bool = False) -> tuple[str, list[object]]:
    tables, conditions, values = ["documents d"], ["1"], list[object]()
    if typed := parse(view.q):
        # Two ways to say the same: to weigh the hits, they have to be joined; all else is faster by the index.
        tables += ["words ON words.rowid = d.no"] * ranked
        within = "d.no IN (SELECT rowid FROM words WHERE words MATCH ?)"
        if view.entity:  # names few of the documents: each is asked
            within = "EXISTS (SELECT 1 FROM words WHERE words MATCH ? AND words.rowid = d.no)"
        conditions.append("words MATCH ?" if ranked else within)
        values.append(typed.to_fts((view.kind,) if view.kind in BLOCK_KINDS else ()))
    if view.entity:
        tables.append("named n ON n.document = d.no")
        conditions.append("n.entity = (SELECT no FROM entities WHERE entity_id = ?)")
        values.append(view.entity)
    for name, column in (("source", "d.source ="), ("language", "d.language ="), ("since", "d.date >=")):
        if value := getattr(view, name):
            conditions.append(f"{column} ?")
            values.append(value)
    if view.until:
        conditions.append("d.date <= ? AND d.date != ''")
        values.append(view.until + "~")  # a month holds its days
    if view.outcome in {"new", "earlier"}:
        conditions.append("d.run_id = ?" if view.outcome == "new" else "d.run_id != ?")
        values.append(last_run)
    if view.copies == "once":
        conditions.append("(d.cluster = '' OR d.cluster = d.doc_id)")
    elif view.copies:
        conditions.append("d.cluster = ?")
        values.append(view.copies)
    if view.doubt:
        conditions.append("d.doubt = ?")
        values.append(view.doubt)
    return f"FROM {' JOIN '.join(tables)} {beside} WHERE {' AND '.join(conditions)}", values


def document(found: sqlite3.Connection, doc_id: str) -> dict[str, Any]:
    """Give what the index holds of a document."""
    return dict(found.execute("SELECT * FROM documents WHERE doc_id = ?", (doc_id,)).fetchone())


def copies(found: sqlite3.Connection, number: int, most: int = 50) -> list[dict[str, Any]]:
    """Give the documents that one is nearly the same as, the most similar first."""
    query = """
    SELECT d.*, c.similarity FROM copies c JOIN documents d ON d.doc_id = c.other_id WHERE c.document = ?
    ORDER BY c.similarity DESC, d.source_uri LIMIT ?
    """
    return [dict(row) for row in found.execute(query, (number, most))]


def same_bytes(found: sqlite3.Connection, source_uri: str, most: int = 50) -> list[str]:
    """List the files with the same bytes as that of a document."""
    query = "SELECT source_uri FROM sources WHERE duplicate_of = ? ORDER BY source_uri LIMIT ?"
    return [uri for (uri,) in found.execute(query, (source_uri, most))]


def evidence(found: sqlite3.Connection, entity: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the reasons why other spellings are of an entity, each with the documents that bear it out."""
    query = "SELECT doc_id, source_uri FROM documents WHERE source_uri IN ({})"
    rows: list[dict[str, Any]] = json.loads(entity["evidence"] or "[]")
    for row in rows:
        uris = row["documents"]
        known = {uri: doc_id for doc_id, uri in found.execute(query.format(", ".join("?" * len(uris))), uris)}
        row["documents"] = [(uri, known.get(uri, "")) for uri in uris]
    return rows


def entities(found: sqlite3.Connection, label: str, q: str, sort: str, page: int) -> tuple[list[dict[str, Any]], int]:
    """Give one page of the entities whose name or alias begins as typed, and how many there are."""
    conditions, values = ["1"], list[object]()
    if label:
        conditions.append("label = ?")
        values.append(label)
    if typed := parse(" ".join(f"{word}*" for word in q.split() if word != "*")):
        conditions.append("no IN (SELECT rowid FROM names WHERE names MATCH ?)")
        values.append(typed.to_fts())
    where = " AND ".join(conditions)
    total = found.execute(f"SELECT count(*) FROM entities WHERE {where}", values).fetchone()[0]
    order = _ENTITY_SORTS.get(sort, _ENTITY_SORTS["documents"])
    query = f"SELECT * FROM entities WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    rows = [dict(row) for row in found.execute(query, (*values, 2 * PAGE, (page - 1) * 2 * PAGE))]
    for row in rows:
        row["months"] = months(found, row["no"])
    return rows, total


def months(found: sqlite3.Connection, entity: int) -> list[tuple[str, int]]:
    """Count the documents that name an entity, by month."""
    query = "SELECT month, n FROM months WHERE entity = ? AND month != '' ORDER BY month"
    return [(month, n) for month, n in found.execute(query, (entity,))]


def entity(found: sqlite3.Connection, entity_id: str) -> dict[str, Any] | None:
    """Give an entity by its id, with its aliases as a list."""
    row = found.execute("SELECT * FROM entities WHERE entity_id = ?", (entity_id,)).fetchone()
    return dict(row) | {"aliases": row["aliases"].split("\n") if row["aliases"] else []} if row else None


def by_name(found: sqlite3.Connection, given: str, label: str) -> list[dict[str, Any]]:
    """Give the entities of a label that have this id, or else this name."""
    query = "SELECT entity_id, name FROM entities WHERE label = ? AND {} LIMIT 2"
    by_id = found.execute(query.format("entity_id = ?"), (label, given)).fetchall()
    return [dict(row) for row in by_id or found.execute(query.format("name = ?"), (label, given))]


def alike(found: sqlite3.Connection, entity: dict[str, Any], most: int = 200) -> list[str]:
    """Give the names of a label that share a word with an entity, as proposals for a merger, then those named most."""
    either = " OR ".join(dict.fromkeys(" ".join([entity["name"], *entity["aliases"][:8]]).split()))
    query = "SELECT name FROM entities WHERE label = ? AND no != ? {} ORDER BY n_documents DESC LIMIT ?"
    within = "AND no IN (SELECT rowid FROM names WHERE names MATCH ?)"
    own, typed = (entity["label"], entity["no"]), parse(either).to_fts() if parse(either) else ""
    near = found.execute(query.format(within), (*own, typed, most)).fetchall() if typed else []
    return list(dict.fromkeys(name for (name,) in (*near, *found.execute(query.format(""), (*own, most)))))


def roles(found: sqlite3.Connection, entity: int) -> list[tuple[str, int]]:
    """Count the roles that stand beside a person's name."""
    query = "SELECT role, count(*) FROM mentions WHERE entity = ? AND role IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    return [(role, n) for role, n in found.execute(query + " LIMIT 12", (entity,))]


def company(found: sqlite3.Connection, entity: int, most: int) -> list[dict[str, Any]]:
    """Give the names that stand most often in the same documents, with how many; places and people alike."""
    query = """
    SELECT e.*, together.n FROM (
        SELECT other.entity, count(*) n FROM (SELECT document FROM named WHERE entity = ? LIMIT ?) own
        CROSS JOIN named other ON other.document = own.document WHERE other.entity != ?
        GROUP BY 1 ORDER BY n DESC LIMIT ?
    ) together JOIN entities e ON e.no = together.entity ORDER BY together.n DESC, e.n_documents, e.name
    """
    return [dict(row) for row in found.execute(query, (entity, _MOST_FOR_COMPANY, entity, most))]


def contexts(found: sqlite3.Connection, entity: int, page: int) -> list[dict[str, Any]]:
    """Give one page of the places that name an entity: the document, and the text before, at and after."""
    query = """
    SELECT d.doc_id, d.title, d.source_uri, d.date, d.dated_by, m.start, m.stop, m.role, t.text FROM (
        SELECT rowid FROM mentions WHERE entity = ? ORDER BY document, start LIMIT ? OFFSET ?
    ) page JOIN mentions m ON m.rowid = page.rowid
    JOIN documents d ON d.no = m.document JOIN texts t ON t.no = m.document ORDER BY m.document, m.start
    """
    rows = found.execute(query, (entity, PAGE, (page - 1) * PAGE))
    return [_with_context(dict(row)) for row in rows]


def _with_context(row: dict[str, Any], around: int = 130) -> dict[str, Any]:
    text, start, stop = row.pop("text"), row["start"], row["stop"]
    before = text[max(0, start - around) : start].rsplit("\n\n", 1)[-1]
    after = text[stop : stop + around].split("\n\n", 1)[0]
    cut_before, cut_after = start - around > 0 and len(before) == around, len(after) == around
    return row | {
        "before": "… " + before.partition(" ")[2] if cut_before else before,
        "named": text[start:stop],
        "after": after.rpartition(" ")[0] + " …" if cut_after else after,
    }


def most_named(found: sqlite3.Connection, label: str, most: int) -> list[dict[str, Any]]:
    """Give the entities of a label that the most documents name."""
    query = "SELECT * FROM entities WHERE label = ? ORDER BY n_documents DESC, name LIMIT ?"
    return [dict(row) for row in found.execute(query, (label, most))]


def places(found: sqlite3.Connection, most: int) -> list[dict[str, Any]]:
    """Give the places that most documents name, of those whose name means one place only."""
    query = "SELECT * FROM entities WHERE geonames_id IS NOT NULL ORDER BY n_documents DESC, name LIMIT ?"
    return [dict(row) for row in found.execute(query, (most,))]


def files(found: sqlite3.Connection, status: str, q: str, page: int) -> tuple[list[dict[str, Any]], int]:
    """Give one page of the files ever seen, by how they ended and by a part of their name."""
    conditions, values = ["1"], list[object]()
    if status:
        conditions.append("status = ?")
        values.append(status)
    if q:
        conditions.append("instr(lower(source_uri), lower(?)) > 0")
        values.append(q)
    where = " AND ".join(conditions)
    total = found.execute(f"SELECT count(*) FROM sources WHERE {where}", values).fetchone()[0]
    query = f"SELECT * FROM sources WHERE {where} ORDER BY source_uri LIMIT ? OFFSET ?"
    return [dict(row) for row in found.execute(query, (*values, 2 * PAGE, (page - 1) * 2 * PAGE))], total


def quarantine(found: sqlite3.Connection, rule: str, page: int) -> tuple[list[dict[str, Any]], int]:
    """Give one page of what was kept out, of one rule or of all."""
    where, values = ("rule = ?", [rule]) if rule else ("1", [])
    total = found.execute(f"SELECT count(*) FROM quarantine WHERE {where}", values).fetchone()[0]
    query = f"SELECT * FROM quarantine WHERE {where} ORDER BY rule, source_uri LIMIT ? OFFSET ?"
    rows = [dict(row) for row in found.execute(query, (*values, 2 * PAGE, (page - 1) * 2 * PAGE))]
    for row in rows:
        row["rejected"] = json.loads(row["rejected_row"])
    return rows, total
