"""Check published tables again, as a whole and row by row, against themselves and the raw files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from expectations.evidence import with_evidence
from expectations.part_rows import part_rows
from stages.discover.sources import Source, parse_sources
from stages.errors import TablesError, UsageError
from stages.read.again import read_again, row_options
from stages.tables import verify
from stages.tables.store import Snapshot, Store
from stages.tables.store.choose import open_store
from stages.tables.store.objects import is_url

_WHOLE = ("duplicates", "entities", "sources", "quarantine", "runs", "drift")


@dataclass
class Check:
    """What was looked at; ``problems`` names everything that is wrong."""

    n_files: int = 0
    n_rows: int = 0
    n_documents: int = 0
    n_with_raw: int = 0
    problems: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """Say for people what was looked at, and whether it is right."""
        looked_at = f"{self.n_files:,} files, {self.n_rows:,} rows, {self.n_documents:,} documents"
        compared = f"{self.n_with_raw:,} of them compared with their raw file"
        found = f"{len(self.problems):,} wrong." if self.problems else "all right."
        return f"Checked {looked_at}, {compared}: {found}"


def check_tables(tables: Path | str, specs: Sequence[str] = ()) -> Check:
    """Verify everything CURRENT.json names: hashes, schema, keys, references, offsets, accounting.

    ``specs`` name the sources as for a run; documents whose file is still the one that was read are compared with
    its raw characters too. Nothing is written. Raises UsageError when nothing was published in ``tables``.
    """
    if not (is_url(tables) or Path(tables).is_dir()):
        raise UsageError(f"{tables}: no such folder; name the folder of the published tables with --tables")
    done, store = Check(), open_store(tables)
    try:
        current = store.pointer()
    except TablesError as error:
        done.problems.append(str(error))
        return done
    done.n_files = sum(len(parts) for parts in current.tables.values())
    done.n_rows = sum(part.rows for parts in current.tables.values() for part in parts)
    done.problems += store.verify(current)
    if not done.problems:
        done.problems += _rows(store, current, parse_sources(specs) if specs else [], done)
    return done


def _rows(store: Store, current: Snapshot, sources: Sequence[Source], done: Check) -> Iterator[str]:
    known, clusters = [], []
    options = row_options(store.scan(current, "runs").collect())
    read_by = store.scan(current, "sources").select("doc_id", "read_by").collect()
    for prefix, frames in store.parts(current):
        documents = frames["documents"].join(read_by, on="doc_id", how="left")
        raw = dict(frames["raw_texts"].iter_rows()) | read_again(documents, sources, options)
        done.n_documents += frames["documents"].height
        done.n_with_raw += len(raw)
        yield from verify.verify_part(frames, prefix)
        yield from _broken_rules(frames, raw)
        names = frames["documents"].select("doc_id", "source_uri")
        entities = frames["clusters"].join(names, on="doc_id", how="left")
        clusters.append(entities.select("entity_id", "label", "n_mentions", "source_uri"))
        known.append(names)
    whole = {name: store.scan(current, name).collect() for name in _WHOLE}
    yield from verify.verify_entities(whole["entities"], pl.concat(clusters))
    yield from verify.verify_whole(whole, pl.concat(known), current.run_id)


def _broken_rules(frames: dict[str, pl.DataFrame], raw: dict[str, str]) -> Iterator[str]:
    """The rules that every row kept when it was published; those on raw text only where the raw text is known."""
    unread = set(frames["documents"]["doc_id"]) - raw.keys()
    _, bad = part_rows(with_evidence(frames, raw, unread))
    names = bad.join(frames["documents"].select("doc_id", "source_uri"), on="doc_id", how="left")
    for table, uri, reason, row in names.select("table", "source_uri", "reason", "row").iter_rows():
        yield f"{table} of {uri}: {verify.rejected_row(row)}: {reason}"
