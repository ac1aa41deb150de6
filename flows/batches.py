"""What happens to one batch, as plain functions over a folder: called in worker processes, handed on as paths.

A batch folder begins with ``batch.parquet`` (source_uri, doc_id, content_sha256) and ends with one Parquet
file for each content table, ``outcomes.parquet``, ``bad_rows.parquet`` and ``parted.parquet``.
"""

import json
import os
import threading
import time
from datetime import datetime
from multiprocessing import connection, parent_process
from pathlib import Path

import polars as pl

from expectations.digests import digest_documents
from expectations.evidence import gather_evidence
from expectations.part_rows import part_rows
from stages.annotate import StageOptions, annotate, isolate
from stages.errors import TooMuchError
from stages.read.text import ReadOptions, read_sources
from stages.tables.account import OUTCOMES
from stages.tables.schemas import empty
from stages.tables.store.publish import CONTENT

_PIECES = 8
_APART = "apart"


def die_with_parent() -> None:
    """End this worker process when the process that started it is gone, even if that was killed."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def size(folder: Path) -> int:
    """Count the sources of a batch."""
    return int(pl.scan_parquet(folder / "batch.parquet", glob=False).select(pl.len()).collect().item())


def n_bytes(folder: Path) -> int:
    """Count the bytes of the sources of a batch."""
    sizes = pl.scan_parquet(folder / "batch.parquet", glob=False).select(pl.col("size_bytes").sum())
    return int(sizes.collect().item())


def is_apart(folder: Path) -> bool:
    """Tell whether this batch has to be taken apart."""
    return (folder / _APART).exists()


def set_apart(folder: Path) -> Path:
    """Note that this batch has to be taken apart: a worker process died of it, or it is too much for memory."""
    (folder / _APART).touch()
    return folder


def take_apart(folder: Path) -> list[Path]:
    """Cut a batch that was set apart into smaller ones, in the same order."""
    rows = pl.read_parquet(folder / "batch.parquet")
    step = -(-rows.height // _PIECES)
    made = []
    for at in range(0, rows.height, step):
        piece = folder / f"{folder.name}-{at:05}"
        piece.mkdir()
        rows[at : at + step].write_parquet(piece / "batch.parquet")
        made.append(piece)
    return made


def give_up(folder: Path) -> Path:
    """Finish a batch of one source that a worker process died of: no rows, and the source in quarantine."""
    for table in CONTENT:
        empty(table).write_parquet(folder / f"{table}.parquet")
    reason = "a worker process died or hung on this file; please report it with the file"
    ended = {"status": "quarantined", "stage": "annotate", "reason_code": "stage_failed", "reason": reason}
    pl.read_parquet(folder / "batch.parquet").select(
        "source_uri",
        *(pl.lit(ended.get(name), pl.String).alias(name) for name in OUTCOMES.names() if name != "source_uri"),
    ).write_parquet(folder / "outcomes.parquet")
    return folder


def read_batch(folder: Path, roots: dict[str, Path], options: ReadOptions) -> Path:
    """Read the sources of a batch: ``batch.parquet`` to ``texts.parquet`` and ``rejected-read.parquet``."""
    since = time.perf_counter()
    try:
        texts, rejected = read_sources(pl.read_parquet(folder / "batch.parquet"), roots, options)
    except TooMuchError:
        return set_apart(folder)
    texts.write_parquet(folder / "texts.parquet")
    rejected.write_parquet(folder / "rejected-read.parquet")
    _note_seconds(folder, "read", {"read": time.perf_counter() - since})
    return folder


def annotate_batch(folder: Path, options: StageOptions, run_id: str, processed_at: datetime) -> Path:
    """Turn ``texts.parquet`` into ``annotated/<table>.parquet`` and ``rejected-annotate.parquet``."""
    texts = pl.read_parquet(folder / "texts.parquet")
    frames, rejected, seconds = isolate(lambda part: annotate(part, options, run_id, processed_at), texts)
    (folder / "annotated").mkdir(exist_ok=True)
    for table, frame in frames.items():
        frame.write_parquet(folder / "annotated" / f"{table}.parquet")
    rejected.write_parquet(folder / "rejected-annotate.parquet")
    _note_seconds(folder, "annotate", seconds)
    return folder


def validate_batch(folder: Path) -> Path:
    """Part good rows from bad; write ``<table>.parquet``, ``bad_rows.parquet`` and ``outcomes.parquet``.

    ``parted.parquet`` keeps a digest of what was found good, for the gate.
    """
    since = time.perf_counter()
    texts = pl.read_parquet(folder / "texts.parquet")
    frames = {table: pl.read_parquet(folder / "annotated" / f"{table}.parquet") for table in CONTENT}
    parted, bad = part_rows(gather_evidence(frames, dict(texts.select("doc_id", "raw").iter_rows())))
    good = {table: parted[table].select(frames[table].columns) for table in CONTENT}
    digest_documents(good).write_parquet(folder / "parted.parquet")
    for table in CONTENT:
        good[table].write_parquet(folder / f"{table}.parquet")
    bad.write_parquet(folder / "bad_rows.parquet")
    _outcomes(folder, texts, good["documents"], bad).write_parquet(folder / "outcomes.parquet")
    _note_seconds(folder, "part", {"validate": time.perf_counter() - since})
    return folder


def _outcomes(folder: Path, texts: pl.DataFrame, documents: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """How each source of the batch ended; exactly one row for each."""
    rejected = pl.concat(
        pl.read_parquet(folder / f"rejected-{stage}.parquet") for stage in ("read", "annotate")
    ).select("source_uri", "stage", status=pl.lit("quarantined"), reason_code=pl.col("code"), reason=pl.col("reason"))
    broken = (
        bad.join(documents.select("doc_id"), on="doc_id", how="anti")
        .group_by("doc_id")
        .agg(rules=pl.col("rule").unique().sort())
    )
    failed = texts.join(broken, on="doc_id").select(
        "source_uri",
        stage=pl.lit("validate"),
        status=pl.lit("quarantined"),
        reason_code=pl.lit("rule_failed"),
        reason=pl.format(
            "rows of the document broke {}; please report it with the file", pl.col("rules").list.join(", ")
        ),
    )
    written = documents.select("source_uri", status=pl.lit("written"))
    found = texts.select("source_uri", "encoding", "encoding_how")
    return (
        pl.concat([rejected, failed, written], how="diagonal")
        .join(found, on="source_uri", how="left")
        .select(pl.col(name).cast(dtype) for name, dtype in OUTCOMES.items())
    )


def _note_seconds(folder: Path, step: str, seconds: dict[str, float]) -> None:
    (folder / f"seconds-{step}.json").write_text(json.dumps(seconds), encoding="utf-8")
