"""Folders may have any name: signs that mean a pattern elsewhere mean themselves here."""

from pathlib import Path

import pytest

from flows.check import check_tables
from tests.faults.harness import article, assert_same, fast_gate, published, run_here


@pytest.mark.parametrize("name", ["a[1]", "all*", "what?", "{a,b}", "with space", "ü#%41"])
def test_tables_and_sources_may_be_named_like_patterns(tmp_path: Path, name: str) -> None:
    press, tables = tmp_path / name / "press", tmp_path / name / "tables"
    press.mkdir(parents=True)
    for number in range(3):
        (press / f"{number}.txt").write_text(article(number), encoding="utf-8")
    with fast_gate():
        first = run_here([press], tables)
        (press / "0.txt").rename(press / "moved.txt")
        (press / "1.txt").write_text(article(7), encoding="utf-8")
        (press / "2.txt").unlink()
        second = run_here([press], tables)
        run_here([press], tmp_path / "fresh")
    assert (first.counts["n_written"], second.counts["n_written"], second.counts["n_deleted"]) == (3, 2, 2)
    assert_same(published(tables), published(tmp_path / "fresh"))
    assert check_tables(tables, [str(press)]).problems == []
