from pathlib import Path

import polars as pl
import pytest

from flows.run import run
from flows.settings import Settings
from stages.errors import UsageError
from stages.tables.store.snapshots import read_current, read_table


def ids_of(tables: Path) -> dict[str, str | None]:
    current = read_current(tables)
    assert current is not None
    return dict(read_table(tables, current, "entities").select("name", "authority_id").iter_rows())


def test_an_authority_table_fills_ids_and_may_come_later_and_go_again(tmp_path: Path) -> None:
    press, tables, table = tmp_path / "press", tmp_path / "tables", tmp_path / "known.parquet"
    press.mkdir()
    (press / "a.txt").write_text("Bürgermeisterin Claudia Alfons sprach am Montag in Lindau.\n", encoding="utf-8")
    pl.DataFrame(
        {"id": ["P7"], "label": ["PER"], "name": ["Claudia Alfons"], "aliases": [["C. Alfons"]]}
    ).write_parquet(table)
    run([str(press)], tables, Settings())
    assert ids_of(tables)["Claudia Alfons"] is None
    assert run([str(press)], tables, Settings(authority=str(table))).published
    assert ids_of(tables)["Claudia Alfons"] == "P7"
    assert not run([str(press)], tables, Settings(authority=str(table))).published
    assert run([str(press)], tables, Settings()).published
    assert ids_of(tables)["Claudia Alfons"] is None


def test_a_table_without_the_columns_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "press").mkdir()
    (tmp_path / "press" / "a.txt").write_text("Ein Satz aus Lindau.\n", encoding="utf-8")
    pl.DataFrame({"id": ["P7"]}).write_parquet(tmp_path / "known.parquet")
    with pytest.raises(UsageError, match="no authority table"):
        run([str(tmp_path / "press")], tmp_path / "tables", Settings(authority=str(tmp_path / "known.parquet")))
