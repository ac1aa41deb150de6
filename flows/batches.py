"""What happens to one batch, as plain functions over a folder: called in worker processes, handed on as paths.

A batch folder begins with ``batch.parquet`` (source_uri, doc_id, content_sha256) and ends with one Parquet
file for each content table, ``outcomes.parquet``, ``bad_rows.parquet`` and ``parted.parquet``.
"""

import json
import time
from datetime import datetime
from pathlib import Path

import polars as pl

from expectations.digests import digest_documents
from expectations.evidence import gather_evidence
from expectations.part_rows import part_rows
from stages.annotate import StageOptions, annotate, isolate
from stages.discover.sources import DISK_FAILED
from stages.errors import TooMuchError
from stages.read.text import ReadOptions, read_sources
from stages.tables.account import OUTCOMES
from stages.tables.schemas import empty
from stages.tables.store.publish import CONTENT

_PIECES = 8
_APART = "apart"
PAUSES = (1.0, 4.0)
"""Seconds to wait before files that the disk failed to give are tried once more."""
_GIVEN_UP = {
    "timed_out": "took longer than a worker process may; the next run tries again; split the file or raise the limit "
    "(--max-seconds)",
    "worker_died": "a worker process died of this file, for want of memory or in a library; the next run tries again; "
    "let fewer work side by side (--workers), give more memory, or report it with the file",
    "system_failed": "there was no memory to process this file; the next run tries again; let fewer worker processes "
    "work side by side (--workers) or give more memory",
}


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


def set_apart(folder: Path, code: str = "") -> Path:
    """Note that this batch has to be taken apart: it is too much for memory, or a worker process did not survive it.

    ``code``: the reason code for a document that stands alone in it: timed_out, worker_died or system_failed.
    """
    (folder / _APART).write_text(code, encoding="utf-8")
    return folder


def take_apart(folder: Path) -> list[Path]:
    """Cut a batch that was set apart into smaller ones, in the same order."""
    rows = pl.read_parquet(folder / "batch.parquet", glob=False)
    step = -(-rows.height // _PIECES)
    made = []
    for at in range(0, rows.height, step):
        piece = folder / f"{folder.name}-{at:05}"
        piece.mkdir()
        rows[at : at + step].write_parquet(piece / "batch.parquet")
        made.append(piece)
    return made


def give_up(folder: Path) -> Path:
    """Finish a batch of one source that no worker process survived: no rows, and the source in quarantine."""
    for table in CONTENT:
        empty(table).write_parquet(folder / f"{table}.parquet")
    code = (folder / _APART).read_text(encoding="utf-8")
    ended = {"status": "quarantined", "stage": "annotate", "reason_code": code, "reason": _GIVEN_UP[code]}
    pl.read_parquet(folder / "batch.parquet", glob=False).select(
        "source_uri",
        *(pl.lit(ended.get(name), dtype).alias(name) for name, dtype in OUTCOMES.items() if name != "source_uri"),
    ).write_parquet(folder / "outcomes.parquet")
    return folder


def read_batch(folder: Path, roots: dict[str, Path], options: ReadOptions) -> Path:
    """Read the sources of a batch: ``batch.parquet`` to ``texts.parquet`` and ``rejected-read.parquet``.

    What the disk fails to give is tried again after `PAUSES`.
    """
    since = time.perf_counter()
    try:
        texts, rejected = _read_patiently(pl.read_parquet(folder / "batch.parquet", glob=False), roots, options)
    except TooMuchError:
        return set_apart(folder)
    texts.write_parquet(folder / "texts.parquet")
    too_large = pl.when(pl.col("code") == "too_large").then(options.max_chars + 1)
    rejected.with_columns(n_raw_chars=too_large.cast(pl.Int64)).write_parquet(folder / "rejected-read.parquet")
    _note_seconds(folder, "read", {"read": time.perf_counter() - since})
    return folder


def _read_patiently(
    batch: pl.DataFrame, roots: dict[str, Path], options: ReadOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    texts, rejected = read_sources(batch, roots, options)
    for pause in PAUSES:
        failed = rejected.filter(pl.col("code") == DISK_FAILED)
        if failed.is_empty():
            break
        time.sleep(pause)
        more, still = read_sources(batch.join(failed, on="source_uri", how="semi"), roots, options)
        texts = pl.concat([texts, more]).sort("doc_id")
        rejected = pl.concat([rejected.join(failed, on="source_uri", how="anti"), still])
    return texts, rejected


def annotate_batch(folder: Path, options: StageOptions, run_id: str, processed_at: datetime) -> Path:
    """Turn ``texts.parquet`` into ``annotated/<table>.parquet`` and ``rejected-annotate.parquet``."""
    texts = pl.read_parquet(folder / "texts.parquet", glob=False)
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
    texts = pl.read_parquet(folder / "texts.parquet", glob=False)
    frames = {table: pl.read_parquet(folder / "annotated" / f"{table}.parquet", glob=False) for table in CONTENT}
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
        (pl.read_parquet(folder / f"rejected-{stage}.parquet", glob=False) for stage in ("read", "annotate")),
        how="diagonal",
    ).select(
        *("source_uri", "stage", "reason"),
        status=pl.lit("quarantined"),
        reason_code="code",
        at_least="n_raw_chars",
    )
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
    found = texts.select(
        "source_uri", "encoding", "encoding_how", n_raw_chars=pl.col("raw").str.len_chars().cast(pl.Int64)
    )
    return (
        pl.concat([rejected, failed, written], how="diagonal")
        .join(found, on="source_uri", how="left")
        .with_columns(n_raw_chars=pl.coalesce("n_raw_chars", "at_least"))
        .select(pl.col(name).cast(dtype) for name, dtype in OUTCOMES.items())
    )


def _note_seconds(folder: Path, step: str, seconds: dict[str, float]) -> None:
    (folder / f"seconds-{step}.json").write_text(json.dumps(seconds), encoding="utf-8")
