"""Pieces of a table say the same as the whole of it."""

import random
from unittest.mock import patch

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from stages.tables import pieces
from stages.tables.pieces import Merged, stretches

SCHEMA = pl.Schema({"name": pl.String(), "n": pl.Int64()})


def add_up(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("name").agg(pl.col("n").sum())


@given(st.lists(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 9)), max_size=5)))
def test_what_is_merged_meanwhile_is_what_would_be_merged_at_once(parts: list[list[tuple[str, int]]]) -> None:
    merged = Merged(add_up, SCHEMA)
    with patch.object(pieces, "_ENOUGH", 2):
        for part in parts:
            merged.add(pl.DataFrame(part, schema=SCHEMA, orient="row"))
    whole = pl.DataFrame([row for part in parts for row in part], schema=SCHEMA, orient="row")
    assert merged.rows().sort("name").equals(add_up(whole).sort("name"))


def test_few_more_rows_wait_than_there_are_in_the_end() -> None:
    at_once: list[int] = []

    def counted(rows: pl.DataFrame) -> pl.DataFrame:
        at_once.append(rows.height)
        return add_up(rows)

    merged = Merged(counted, SCHEMA)
    with patch.object(pieces, "_ENOUGH", 100):
        for _ in range(100):
            merged.add(pl.DataFrame({"name": [str(n) for n in range(50)], "n": 1}, schema=SCHEMA))
    assert set(merged.rows()["n"]) == {100}
    assert max(at_once) <= 1.5 * 50 + 100 + 50


def test_every_document_is_in_one_stretch() -> None:
    chance = random.Random(1)
    ids = pl.DataFrame({"doc_id": [f"{chance.getrandbits(80):020x}" for _ in range(1_000)]})
    for n_rows, n_stretches in ((0, 1), (100_000, 1), (100_001, 16), (1 << 40, 16)):
        parts = [ids.filter(stretch) for stretch in stretches(n_rows)]
        assert len(parts) == n_stretches
        assert sorted(pl.concat(parts)["doc_id"]) == sorted(ids["doc_id"])
