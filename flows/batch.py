"""Batch: some hundred sources on their way through the steps of a run, as a folder of Parquet files.

The only place that knows these files. A batch is handed on as a path, also to worker processes; there is no frame in
the arguments of a task.

batch.parquet             what is to be done: source_uri, doc_id, content_sha256, size_bytes (copy_of where it moves)
texts.parquet             `read`: the raw texts
annotated/<table>.parquet `annotate`: the rows of every content table; ``met``: the corrections that met something
<table>.parquet           `validate`, `move`, `take_again`: the rows that are good
parted.parquet            `validate`: a digest of what was found good, for the gate
bad_rows.parquet          `validate`: rows that broke a rule
outcomes.parquet          how each source ended
rejected-<step>.parquet   sources that a step kept out
seconds-<step>.json       seconds by stage
failed                    this batch has to be taken apart, and why
"""

import json
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from expectations.digests import digest_documents
from expectations.evidence import with_evidence
from expectations.part_rows import BAD_ROW, part_rows
from flows.execute.memory import give_back
from stages.annotate import NO_CORRECTIONS, StageOptions, annotate, isolate
from stages.correct import MET
from stages.discover.remote import Remote
from stages.errors import TooMuchError
from stages.read.patiently import read_patiently
from stages.read.sources import ReadOptions
from stages.tables.account import OUTCOMES, moved_outcomes, outcomes_of
from stages.tables.drift import COUNTED, tally
from stages.tables.move import copy_documents
from stages.tables.schemas import CONTENT, TABLES, cast, empty
from stages.tables.store import NewRows, Snapshot, Store
from stages.tables.store.publish import n_rows_in

_BATCH_BYTES = 32 << 20
_PIECES = 8
_COUNTED_AT_ONCE = 10  # batches; a few megabytes of rows, and a tenth of the queries
_FAILED, _MADE = "failed", "rejected-annotate"
GIVEN_UP = {
    "timed_out": "took longer than a worker process may; the next run tries again; split the file or raise the limit "
    "(--max-seconds)",
    "worker_died": "a worker process died of this file, for want of memory or in a library; the next run tries again; "
    "let fewer work side by side (--workers), give more memory, or report it with the file",
    "system_failed": "there was no memory to process this file; the next run tries again; let fewer worker processes "
    "work side by side (--workers) or give more memory",
}
"""Reason codes of what no worker process survived, each with the sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Batch:
    """A batch by its folder; steps return the batch they were given, so that they can be chained."""

    folder: Path

    # What is to be done

    @property
    def name(self) -> str:
        """The name that people see."""
        return self.folder.name

    def sources(self) -> pl.DataFrame:
        """Read which sources the batch has; none where its documents were published before."""
        return _read(self.folder / "batch.parquet")

    @property
    def n_sources(self) -> int:
        """Count the sources."""
        return self._sizes().len()

    @property
    def n_bytes(self) -> int:
        """Count the bytes of the sources."""
        return int(self._sizes().sum())

    def _sizes(self) -> pl.Series:
        # By Polars and one column: Arrow, which publishing needs, is not to stand in memory beside the models yet.
        return _read(self.folder / "batch.parquet", ["size_bytes"])["size_bytes"]

    def spooled(self) -> list[tuple[int, int]]:
        """Say where members of containers and their sidecars lie in the spool: first byte, and how many bytes."""
        rows = self.sources()
        places = (("spooled_at", "size_bytes"), ("sidecar_at", "sidecar_bytes"))
        held = (rows.select(pair).drop_nulls().iter_rows() for pair in places if pair[0] in rows.columns)
        return sorted({(at, n_bytes) for pair in held for at, n_bytes in pair})

    # A batch of a run that died

    @property
    def is_annotated(self) -> bool:
        """Tell whether all rows were made, so that only `validate` is left to be done."""
        return (self.folder / f"{_MADE}.parquet").exists() and not self.has_failed

    def rejected(self) -> pl.Series:
        """Read why sources were kept out: codes of `read`, and of `annotate` once that is done."""
        return pl.concat([_read(file)["code"] for file in sorted(self.folder.glob("rejected-*.parquet"))])

    def require_whole(self) -> None:
        """Raise OSError or PolarsError where a file that `validate` reads is not all there."""
        for file in (self.folder / "texts.parquet", *(self.folder / "annotated").glob("*.parquet")):
            _read(file)

    def take_over(self, folder: Path, rows: pl.DataFrame, run_id: str, processed_at: datetime) -> "Batch":
        """Move the batch, as far as `annotate`, to ``folder`` of another run, and make its rows those of that run.

        ``rows``: its sources as that run has them.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.rename(folder)
        batch = Batch(folder)
        batch._write("batch", rows)
        documents = _read(folder / "annotated" / "documents.parquet")
        now = pl.lit(processed_at, documents.schema["processed_at"])
        batch._write("annotated/documents", documents.with_columns(run_id=pl.lit(run_id), processed_at=now))
        return batch

    # A batch that is too much for a worker process

    @property
    def has_failed(self) -> bool:
        """Tell whether this batch has to be taken apart."""
        return (self.folder / _FAILED).exists()

    def fail(self, code: str = "") -> "Batch":
        """Note that this batch has to be taken apart: it is too much for memory, or a worker did not survive it.

        ``code``: the key of `GIVEN_UP` for a document that stands alone in it.
        """
        (self.folder / _FAILED).write_text(code, encoding="utf-8")
        return self

    def split(self) -> "list[Batch]":
        """Cut the batch into smaller ones, in the same order."""
        rows = self.sources()
        step = -(-rows.height // _PIECES)
        return [_make(self.folder / f"{self.name}-{at:05}", rows[at : at + step]) for at in range(0, rows.height, step)]

    def give_up(self) -> "Batch":
        """End a batch of one source that no worker process survived: no rows, and the source in quarantine."""
        self._keep({table: empty(table) for table in CONTENT})
        code = (self.folder / _FAILED).read_text(encoding="utf-8")
        ended = {"status": "quarantined", "stage": "annotate", "reason_code": code, "reason": GIVEN_UP[code]}
        told = (pl.lit(ended.get(name), dtype).alias(name) for name, dtype in OUTCOMES.items() if name != "source_uri")
        self._write("outcomes", self.sources().select("source_uri", *told))
        return self

    # The steps

    def read(self, roots: Mapping[str, Path | Remote], options: ReadOptions, spool: Path | None = None) -> "Batch":
        """Read the sources, members of containers from ``spool``; what the disk fails to give is tried again."""
        since = time.perf_counter()
        try:
            texts, rejected = read_patiently(self.sources(), roots, options, spool)
        except TooMuchError:
            return self.fail()
        self._write("texts", texts)
        too_large = pl.when(pl.col("code") == "too_large").then(options.max_chars + 1)
        self._write("rejected-read", rejected.with_columns(n_raw_chars=too_large.cast(pl.Int64)))
        self._note_seconds("read", {"read": time.perf_counter() - since})
        return self

    def annotate(
        self, options: StageOptions, run_id: str, processed_at: datetime, corrections: Path | None = None
    ) -> "Batch":
        """Turn raw texts into the rows of every content table, with the ``corrections`` in a file applied."""
        texts = _read(self.folder / "texts.parquet")
        said = _read(corrections) if corrections else NO_CORRECTIONS
        frames, rejected, seconds = isolate(lambda part: annotate(part, options, run_id, processed_at, said), texts)
        (self.folder / "annotated").mkdir(exist_ok=True)
        for table, frame in frames.items():
            self._write(f"annotated/{table}", frame)
        self._note_seconds("annotate", seconds)
        self._write(_MADE, rejected)  # last: where it lies, all else does
        give_back()
        return self

    def validate(self) -> "Batch":
        """Part good rows from bad, and account for every source."""
        since = time.perf_counter()
        texts = _read(self.folder / "texts.parquet")
        frames = {table: _read(self.folder / "annotated" / f"{table}.parquet") for table in CONTENT}
        parted, bad = part_rows(with_evidence(frames, dict(texts.select("doc_id", "raw").iter_rows())))
        good = {table: parted[table].select(frames[table].columns) for table in CONTENT}
        self._write("parted", digest_documents(good))
        if bad.is_empty():
            self._take_as_made()
        else:
            self._keep(good)
        self._write("bad_rows", bad)
        rejected = [_read(self.folder / f"rejected-{step}.parquet") for step in ("read", "annotate")]
        self._write("outcomes", outcomes_of(texts, rejected, good["documents"], bad))
        self._note_seconds("part", {"validate": time.perf_counter() - since})
        return self

    def move(self, store: Store, previous: Snapshot | None, run_id: str, at: datetime) -> "Batch":
        """Give the published rows of renamed files their new doc_id."""
        moves = self.sources()
        self._keep(copy_documents(moves, store, previous, run_id, at))
        self._write("outcomes", moved_outcomes(moves, store.read(previous, "sources")))
        return self

    # What it holds

    def rows(self, table: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read the good rows of a content table, all columns or those named."""
        return _read(self.folder / f"{table}.parquet", list(columns) if columns else None)

    def scan(self, table: str) -> pl.LazyFrame:
        """Scan the good rows of a content table."""
        return pl.scan_parquet(self.folder / f"{table}.parquet", schema=TABLES[table].schema, glob=False)

    def replace(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Put other rows in the place of some tables."""
        self._keep({table: cast(frame, table) for table, frame in frames.items()})

    def outcomes(self) -> pl.DataFrame:
        """Read how each source ended: the columns of `stages.tables.account.OUTCOMES`."""
        return _read(self.folder / "outcomes.parquet")

    def bad_rows(self) -> pl.DataFrame | None:
        """Read the rows that broke a rule, where any step looked for such."""
        file = self.folder / "bad_rows.parquet"
        return _read(file) if file.exists() else None

    def met(self) -> pl.DataFrame:
        """Read which corrections of mentions and blocks met something, in which of the good documents."""
        file = self.folder / "annotated" / "met.parquet"
        if not file.exists():
            return pl.DataFrame(schema=MET)
        return _read(file).join(self.rows("documents"), on="doc_id", how="semi")

    def seconds(self) -> dict[str, float]:
        """Read how long each stage took."""
        spent: dict[str, float] = {}
        for noted in self.folder.glob("seconds-*.json"):
            spent.update(json.loads(noted.read_text(encoding="utf-8")))
        return spent

    def new_rows(self) -> NewRows | None:
        """Name the files and the range of doc_ids for publishing; None where no document is left."""
        # A row without an id can be in no range of ids; it will be missed at the gate.
        ids = _read(self.folder / "documents.parquet", ["doc_id"])["doc_id"].drop_nulls().sort()
        if ids.is_empty():
            return None
        return NewRows({table: self.folder / f"{table}.parquet" for table in CONTENT}, ids[0], ids[-1])

    # What it leaves on record for the gate; see `expectations.candidate.Made`

    def digests(self) -> pl.DataFrame | None:
        """Read the digests of the rows as they were parted; None where they were published before."""
        file = self.folder / "parted.parquet"
        return _read(file) if file.exists() else None

    def raw_texts(self) -> dict[str, str]:
        """Read the raw text by doc_id."""
        return dict(_read(self.folder / "texts.parquet", ["doc_id", "raw"]).iter_rows())

    def copies(self) -> pl.DataFrame:
        """Say which document's published rows each document (doc_id) has (copy_of): itself, where only linked anew."""
        moves = self.folder / "batch.parquet"
        if moves.exists():
            return _read(moves, ["doc_id", "copy_of"]).drop_nulls()
        return _read(self.folder / "documents.parquet", ["doc_id"]).with_columns(copy_of="doc_id")

    @property
    def is_new(self) -> bool:
        """Whether it was read from its sources in this run, not only moved or linked anew."""
        return (self.folder / "parted.parquet").exists() or self.has_failed

    def weight(self) -> tuple[int, int]:
        """Count the rows of all content tables, and the characters of the mended texts."""
        rows = sum(n_rows_in(self.folder / f"{table}.parquet") for table in CONTENT)
        return rows, int(_read(self.folder / "documents.parquet", ["n_chars"])["n_chars"].sum())

    def _keep(self, frames: Mapping[str, pl.DataFrame]) -> None:
        for table, frame in frames.items():
            self._write(table, frame)

    def _take_as_made(self) -> None:
        """Put the rows that `annotate` made in their places, byte by byte: to encode them again takes longer."""
        for table in CONTENT:
            new = self.folder / f".{table}.{secrets.token_hex(4)}.new"
            shutil.copyfile(self.folder / "annotated" / f"{table}.parquet", new)
            new.replace(self.folder / f"{table}.parquet")

    def _write(self, name: str, frame: pl.DataFrame) -> None:
        # In one step: a worker that was given up may still be writing the same while another one reads it.
        file = self.folder / f"{name}.parquet"
        new = file.with_name(f".{file.name}.{secrets.token_hex(4)}.new")
        frame.write_parquet(new, compression_level=1)  # it goes when the run ends; other levels take twice the time
        new.replace(file)

    def _note_seconds(self, step: str, seconds: Mapping[str, float]) -> None:
        (self.folder / f"seconds-{step}.json").write_text(json.dumps(seconds), encoding="utf-8")


def _read(file: Path, columns: list[str] | None = None) -> pl.DataFrame:
    # No pattern is looked for in the name of a folder.
    return pl.read_parquet(file, columns=columns, glob=False)


def _make(folder: Path, rows: pl.DataFrame) -> Batch:
    folder.mkdir(parents=True)
    rows.write_parquet(folder / "batch.parquet")
    return Batch(folder)


def cut_batches(rows: pl.DataFrame, parent: Path, size: int) -> list[Batch]:
    """Cut sources into batches of ``size`` at the most, in order of doc_id, so that each touches few parts."""
    rows = rows.sort("doc_id").with_columns(bytes=pl.col("size_bytes").fill_null(0).cum_sum() // _BATCH_BYTES)
    place = pl.int_range(pl.len()) // size
    begins = (place != place.shift(1)) | (pl.col("bytes") != pl.col("bytes").shift(1))
    numbered = rows.with_columns(number=begins.fill_null(False).cum_sum())
    parts = numbered.partition_by("number", maintain_order=True)
    return [_make(parent / f"{parent.name}-{at:05}", part) for at, part in enumerate(parts)]


def take_again(doc_ids: Sequence[str], store: Store, previous: Snapshot | None, folder: Path) -> Batch:
    """Make a batch of published documents whose names mean something else now; it has no sources to read."""
    folder.mkdir(parents=True)
    batch, wanted = Batch(folder), pl.Series("doc_id", doc_ids, dtype=pl.String)
    batch._keep({table: store.scan_documents(previous, table, wanted).collect() for table in CONTENT})
    batch._write("outcomes", pl.DataFrame(schema=OUTCOMES))
    return batch


def concat_rows(batches: Iterable[Batch], table: str, columns: Sequence[str]) -> pl.DataFrame:
    """Bring some columns of a content table together."""
    parts = [empty(table), *(batch.rows(table, columns) for batch in batches)]
    return pl.concat([part.select(columns) for part in parts])


def concat_outcomes(batches: Iterable[Batch]) -> pl.DataFrame:
    """Bring together how the sources of batches ended."""
    return pl.concat([pl.DataFrame(schema=OUTCOMES), *(batch.outcomes() for batch in batches)])


def concat_met(batches: Iterable[Batch]) -> pl.DataFrame:
    """Bring together which corrections met something, in which documents."""
    return pl.concat([pl.DataFrame(schema=MET), *(batch.met() for batch in batches)])


def tallies(batches: Sequence[Batch]) -> Iterator[pl.DataFrame]:
    """Count by source what batches made, for `drift`, some of them at a time."""
    for at in range(0, len(batches), _COUNTED_AT_ONCE):
        some = batches[at : at + _COUNTED_AT_ONCE]
        yield tally(concat_outcomes(some), *(concat_rows(some, table, names) for table, names in COUNTED.items()))


def concat_bad_rows(batches: Iterable[Batch]) -> pl.DataFrame:
    """Bring together the rows that broke a rule."""
    found = [bad for batch in batches if (bad := batch.bad_rows()) is not None]
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(BAD_ROW, pl.String)), *found])
