"""Pages that need nothing but themselves, to keep or to send: one document, and the report of a run."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from markupsafe import Markup

from flows.browse import charts
from flows.browse.app import HERE, environment
from flows.browse.mark_up import mended, prepare, raw
from flows.browse.words import number, words_of
from stages.tables.store import Snapshot, Store

REPORT = "report.html"
_LOOKED_AT = 300
_SAMPLED = 3
_CHARS_SHOWN = 2_500
_FONTS = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def document_page(rows: Rows, raw_text: str, language: str = "en") -> str:
    """Give a page with one document, mended beside raw, words linked; ``rows``: those of its tables."""
    unlinked = [dict(row) | {"entity_id": None} for row in rows["mentions"]]  # their pages are not here
    page = prepare(rows["blocks"], unlinked, rows["repairs"], (), None)
    script = (HERE / "assets" / "browse.js").read_text(encoding="utf-8")
    (document,) = rows["documents"]
    blocks = [dict(row) | {"html": mended(page, n)} for n, row in enumerate(rows["blocks"])]
    values = {"document": document, "blocks": blocks, "raw": raw(page, raw_text), "repairs": page.repairs}
    return _filled("page_document.html", language, script=script, **values)


def report_page(store: Store, snapshot: Snapshot, language: str = "en") -> str:
    """Give a page that tells what the run of a snapshot did: counts, validation, drift, quarantine, some documents.

    Reads the small tables and the parts that a few hundred of the documents lie in.
    """
    read = {name: store.read(snapshot, name) for name in ("runs", "sources", "quarantine", "entities")}
    runs = read["runs"].sort("started_at", descending=True).head(12)
    entities = read["entities"].sort("n_documents", "name", descending=[True, False])
    reasons = read["quarantine"].group_by("rule").agg(pl.len().alias("n"), pl.col("reason").min())
    return _filled(
        "page_report.html",
        language,
        script="",
        run=runs.row(0, named=True),
        runs=runs.to_dicts(),
        rows={name: sum(part.rows for part in parts) for name, parts in snapshot.tables.items()},
        statuses=read["sources"].group_by("status").len().sort("status").rows(),
        reasons=reasons.sort("n", "rule", descending=[True, False]).rows(),
        quarantined=read["quarantine"].sort("source_uri").head(50).to_dicts(),
        named={label: entities.filter(pl.col("label") == label).head(10).to_dicts() for label in ("PER", "ORG", "LOC")},
        samples=_samples(store, snapshot, read["sources"]),
        validation=dict(snapshot.validation),
    )


def _samples(store: Store, snapshot: Snapshot, sources: pl.DataFrame) -> list[dict[str, Any]]:
    """Of the first documents those that the last run wrote and repaired most: their text and what was repaired."""
    written = sources.filter(pl.col("status") == "written")["doc_id"].sort().head(_LOOKED_AT)
    repairs, documents = (
        store.scan_documents(snapshot, table, written).collect() for table in ("repairs", "documents")
    )
    counted = documents.join(repairs.group_by("doc_id").len("n"), on="doc_id", how="left")
    is_new = pl.col("run_id") == snapshot.run_id
    chosen = counted.sort(is_new, pl.col("n").fill_null(0), "doc_id", descending=[True, True, False]).head(_SAMPLED)
    return [
        row | {"repairs": repairs.filter(pl.col("doc_id") == row["doc_id"]).head(8).to_dicts()}
        for row in chosen.with_columns(text=pl.col("text").str.head(_CHARS_SHOWN)).to_dicts()
    ]


def _filled(template: str, language: str, script: str, **values: Any) -> str:
    """Fill a template that holds its style and script; a policy in it allows these and nothing else."""
    style = _FONTS.sub("", (HERE / "assets" / "browse.css").read_text(encoding="utf-8"))
    frame = {
        "t": words_of(language), "n": lambda value: number(value, language), "lang": language, "charts": charts,
        "style": Markup(style), "script": Markup(script),  # noqa: S704 - files of ours
        "policy": f"default-src 'none'; style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'",
    }  # fmt: skip
    return environment().get_template(template).render(frame | values)


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
