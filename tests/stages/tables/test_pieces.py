"""Pieces of a table say the same as the whole of it."""

import random
import threading
import time
from collections.abc import Iterator
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.tables import pieces
from stages.tables.pieces import Merged, ahead, stretches

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


@pytest.mark.parametrize("n", [0, 1, 3, 50])
def test_pieces_made_ahead_come_in_their_order_and_no_earlier_than_allowed(n: int) -> None:
    made = 0

    def pieces() -> Iterator[int]:
        nonlocal made
        while made < 20:
            made += 1
            yield made

    for number, piece in enumerate(ahead(pieces(), n), 1):
        until = time.monotonic() + 5
        while made < min(20, number + n) and time.monotonic() < until:
            time.sleep(0.001)
        assert (piece, made) == (number, min(20, number + n))


@pytest.mark.parametrize("n", [0, 2])
def test_a_piece_that_cannot_be_made_is_told_in_its_place(n: int) -> None:
    def pieces() -> Iterator[int]:
        yield from (1, 2, 3)
        raise ValueError("no fourth")

    given: list[int] = []
    with pytest.raises(ValueError, match="no fourth"):
        given.extend(ahead(pieces(), n))
    assert given == [1, 2, 3]


def test_nothing_is_made_for_who_has_gone() -> None:
    made = []

    def pieces() -> Iterator[int]:
        for number in range(1_000):
            made.append(number)
            yield number

    coming = ahead(pieces(), 2)
    assert next(coming) == 0
    coming.close()  # type: ignore[attr-defined]
    assert len(made) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
