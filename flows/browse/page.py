"""Pages that need nothing but themselves, to keep or to send: one document, and the report of a run."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from markupsafe import Markup

from flows.browse import atlas, charts
from flows.browse.app import HERE, environment
from flows.browse.drift import drift_of
from flows.browse.mark_up import mended, prepare, raw
from flows.browse.words import number, words_of
from stages.discover.containers import RowOptions
from stages.discover.sources import NEST, Source
from stages.read.again import read_again, row_options
from stages.tables.store import Snapshot, Store

REPORT = "report.html"
_LOOKED_AT = 300
_SAMPLED = 3
_RUNS_SHOWN = 60
_MOST_PLACES = 400
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


def report_page(store: Store, snapshot: Snapshot, sources: Sequence[Source] = (), language: str = "en") -> str:
    """Give a page that tells what the run of a snapshot did: counts, validation, drift, quarantine, some documents.

    Reads the small tables and the parts that a few hundred of the documents lie in; of ``sources`` the files of the
    documents that are shown before and after.
    """
    read = {name: store.read(snapshot, name) for name in ("runs", "sources", "quarantine", "entities", "drift")}
    runs = read["runs"].sort("started_at", descending=True).head(_RUNS_SHOWN)
    entities = read["entities"].sort("n_documents", "name", descending=[True, False])
    reasons = read["quarantine"].group_by("rule").agg(pl.len().alias("n"), pl.col("reason").min())
    return _filled(
        "page_report.html",
        language,
        script="",
        run=runs.row(0, named=True),
        runs=runs.to_dicts(),
        written=[(f"{at:%Y-%m-%d %H:%M}", n) for at, n in runs.select("started_at", "n_written").rows()[::-1]],
        measures=drift_of(read["drift"].to_dicts(), runs.to_dicts()),
        rows={name: sum(part.rows for part in parts) for name, parts in snapshot.tables.items()},
        statuses=read["sources"].group_by("status").len().sort("status").rows(),
        reasons=reasons.sort("n", "rule", descending=[True, False]).rows(),
        quarantined=read["quarantine"].sort("source_uri").head(50).to_dicts(),
        points=atlas.points_of(entities.filter(pl.col("geonames_id").is_not_null()).head(_MOST_PLACES).to_dicts()),
        named={label: entities.filter(pl.col("label") == label).head(10).to_dicts() for label in ("PER", "ORG", "LOC")},
        samples=_samples(store, snapshot, read["sources"], (sources, row_options(read["runs"]))),
        validation=dict(snapshot.validation),
    )


def _samples(
    store: Store, snapshot: Snapshot, written: pl.DataFrame, again: tuple[Sequence[Source], RowOptions]
) -> list[dict[str, Any]]:
    """Of the first documents that the last run made those that it repaired most, each before and after.

    Members of containers come without their raw text: for one of them all others would be read.
    """
    made = (pl.col("status") == "written") & (pl.col("processed_run") == snapshot.run_id)
    ids = written.filter(made)["doc_id"].sort().head(_LOOKED_AT)
    repairs, documents = (store.scan_documents(snapshot, table, ids).collect() for table in ("repairs", "documents"))
    counted = documents.join(repairs.group_by("doc_id").len("n"), on="doc_id", how="left")
    chosen = counted.sort(pl.col("n").fill_null(0), "doc_id", descending=[True, False]).head(_SAMPLED)
    blocks, kept = (
        store.scan_documents(snapshot, table, chosen["doc_id"]).collect() for table in ("blocks", "raw_texts")
    )
    texts = dict(kept.select("doc_id", "text").iter_rows())
    files = chosen.filter(~pl.col("source_uri").str.contains(NEST, literal=True))
    texts |= read_again(files.join(kept, on="doc_id", how="anti"), *again)
    return [_sample(row, blocks, repairs, texts.get(row["doc_id"])) for row in chosen.to_dicts()]


def _sample(
    document: Mapping[str, Any], blocks: pl.DataFrame, repairs: pl.DataFrame, text: str | None
) -> dict[str, Any]:
    """The beginning of a document, as it was (None where its file is out of reach) and as it is, with its repairs."""
    rows = blocks.filter(pl.col("doc_id") == document["doc_id"]).sort("block_no")
    shown = rows.filter((pl.col("end") <= _CHARS_SHOWN) | (pl.col("block_no") == 0)).to_dicts()
    made = repairs.filter(pl.col("doc_id") == document["doc_id"]).sort("raw_start").to_dicts()
    page = prepare(shown, [], made, (), None)
    is_whole = len(shown) == rows.height
    before = raw(page, text, whole=(True, is_whole)) if text else None
    after = [row | {"html": mended(page, n)} for n, row in enumerate(shown)]
    return {**document, "blocks": after, "raw": before, "repairs": made[:8], "is_whole": is_whole}


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
