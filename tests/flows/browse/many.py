"""Tables of very many documents, made from those of a few: every row again under other ids, dates and entities."""

from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl

from stages.tables.schemas import CONTENT, TABLES, cast
from stages.tables.store.local import LocalSnapshots
from stages.tables.store.publish import NewRows
from stages.tables.store.snapshots import Snapshot, read_current, read_table

_OTHERS = 400
"""So many copies name other people; what all of a corpus names would be one entity."""
_RUN = "20260101T000000Z-000000"


def multiply(few: Path, tables: Path, times: int) -> Snapshot:
    """Publish every document of ``few`` so many times in new ``tables``, over twenty years."""
    snapshot = read_current(few)
    read = {name: read_table(few, snapshot, name) for name in TABLES}
    ids = read["documents"].select("doc_id", "source_uri").rows()
    rows = [(doc_id, uri, k) for k in range(times) for doc_id, uri in ids]
    again = pl.DataFrame(rows, schema=["doc_id", "_uri", "_k"], orient="row").with_columns(
        _new=pl.Series([_hashed(doc_id, str(k), 20) for doc_id, _, k in rows]),
        _uri=pl.col("_uri") + "." + pl.col("_k").cast(pl.String),
        _at=pl.Series([date(2005, 1, 1) + timedelta(days=k * 7919 % 7300) for _, _, k in rows]),
    )
    names = read["entities"]["entity_id"].to_list()
    others = pl.DataFrame(
        [(one, k, _hashed(one, str(k), 16)) for k in range(min(times, _OTHERS)) for one in names],
        schema=["entity_id", "_k", "_entity"], orient="row",
    )  # fmt: skip
    store = LocalSnapshots(tables)
    with store.writing(_RUN):
        folder = store.work_folder(_RUN)
        for name in CONTENT:
            _copied(name, read[name], again, others).sort("doc_id").write_parquet(folder / f"{name}.parquet")
        new = NewRows({name: folder / f"{name}.parquet" for name in CONTENT}, again["_new"].min(), again["_new"].max())
        made = store.build(None, _RUN, [new], _whole(read, again, others, times), [])
        made = store.add(
            store.add(made, "runs", read["runs"].with_columns(run_id=pl.lit(_RUN))), "drift", read["drift"]
        )
        return store.publish(made, "{}", 1, 0)


def _hashed(one: str, other: str, length: int) -> str:
    return sha256(f"{one} {other}".encode()).hexdigest()[:length]


def _copied(name: str, frame: pl.DataFrame, again: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    joined = frame.join(again, on="doc_id").with_columns(doc_id="_new")
    if name == "documents":
        joined = joined.with_columns(
            source_uri="_uri", published_at="_at", published_precision=pl.lit("day"), run_id=pl.lit(_RUN)
        )
    if "entity_id" in frame.columns:
        joined = joined.with_columns(_k=pl.col("_k") % _OTHERS).join(others, on=["entity_id", "_k"], how="left")
        joined = joined.with_columns(entity_id="_entity")
    return cast(joined, name)


def _whole(
    read: dict[str, pl.DataFrame], again: pl.DataFrame, others: pl.DataFrame, times: int
) -> dict[str, pl.DataFrame]:
    share = max(1, times // _OTHERS)
    entities = read["entities"].join(others, on="entity_id").with_columns(
        entity_id="_entity", name=pl.col("name") + " " + pl.col("_k").cast(pl.String),
        n_documents=pl.col("n_documents") * share, n_mentions=pl.col("n_mentions") * share,
    )  # fmt: skip
    written = read["sources"].filter(pl.col("status") == "written").join(again, on="doc_id")
    groups = read["duplicates"].join(again, on="doc_id").with_columns(
        doc_id="_new",
        duplicate_cluster=pl.concat_str("duplicate_cluster", pl.col("_k").cast(pl.String)).str.tail(20),
        others=pl.concat_list(pl.struct(doc_id="_new", similarity="similarity")),
    )  # fmt: skip
    return {
        "entities": cast(entities, "entities"),
        "duplicates": cast(groups, "duplicates"),
        "sources": cast(written.with_columns(doc_id="_new", source_uri="_uri"), "sources"),
        "quarantine": read["quarantine"],
    }
