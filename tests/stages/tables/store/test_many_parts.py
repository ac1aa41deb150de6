"""With thousands of parts, what is done for each of them must not look at all the others."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import polars as pl

from expectations import candidate
from stages.tables.store.publish import NewRows, _group_batches
from stages.tables.store.snapshots import Part, Snapshot, _holding

PREFIXES = ["".join(digits) for digits in product("0123456789abcdef", repeat=3)]


class NeverWalkedThrough(tuple[Part, ...]):
    """Parts that may be looked up by their place, and not one after the other."""

    def __iter__(self) -> Iterator[Part]:
        raise AssertionError("all 4,096 parts are looked at")


def snapshot_of(length: int) -> Snapshot:
    parts = NeverWalkedThrough(Part(f"documents/part-{prefix}.parquet", 1, 1, "") for prefix in PREFIXES)
    return Snapshot("snapshots/x", "x", "", {"documents": parts}, length, {})


def test_a_part_is_found_by_its_name() -> None:
    wanted = ("fff", "000", "abc0123", "abd", "xyz")
    found = [part.path for part in _holding(snapshot_of(3), "documents", wanted)]
    assert found == [f"documents/part-{prefix}.parquet" for prefix in ("000", "abc", "abd", "fff")]


def test_a_batch_belongs_to_the_parts_from_its_first_to_its_last_document() -> None:
    narrow, wide = NewRows({}, "0a1f", "0a1f"), NewRows({"documents": Path()}, "0a0e", "0a21")
    grouped = _group_batches([narrow, wide], PREFIXES)
    assert {prefix: len(batches) for prefix, batches in grouped.items()} == {"0a0": 1, "0a1": 2, "0a2": 1}
    assert _group_batches([narrow, wide], [""])[""] == [narrow, wide]


def test_small_pieces_are_judged_together(monkeypatch) -> None:
    monkeypatch.setattr(candidate, "_WHOLE_ROWS", 5)
    rows, before = pl.DataFrame({"n": [1, 2]}), pl.DataFrame({"n": [1]})
    chunks = list(candidate._in_chunks([(rows, before)] * 4))
    assert [(rows.height, before.height) for rows, before in chunks] == [(6, 3), (2, 1)]
