"""The ready-made views: every table is there, whole, and no column needs quoting."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here

VIEWS = (Path(__file__).parents[2] / "stages" / "views.sql").read_text(encoding="utf-8")
TEXT = "Am Montag sprach Bürgermeisterin Claudia Alfons in Lindau über den Ha-\nfen. Der Stadtrat tagte in Bregenz.\n"
# DuckDB in a process of its own: in that of the tests it complains at the end of what others keep alive.
ASK = """
import json, sys, duckdb
connection = duckdb.connect()
answers = [connection.execute(query).fetchall() for query in json.load(sys.stdin)]
print(json.dumps(answers, default=str))
"""
Answers = list[list[list[Any]]]


def ask(*queries: str, where: Path | None = None) -> Answers:
    """The rows that DuckDB gives for each query, one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", ASK], input=json.dumps(queries), cwd=where, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answers: Answers = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables in a folder whose name has what SQL makes much of."""
    home = tmp_path_factory.mktemp("it's here")
    (home / "press").mkdir()
    (home / "press" / "a.txt").write_text(TEXT, encoding="utf-8")
    (home / "press" / "again.txt").write_text(f"{TEXT}\n\nMehr davon.", encoding="utf-8")
    (home / "press" / "b.bin").write_bytes(bytes(range(256)))
    with fast_gate():
        run_here([home / "press"], home / "tables")
    return home / "tables"


@pytest.fixture
def ask_views(tables: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answers]:
    """`ask`, after the SQL that the command prints."""
    assert main(["views", "--tables", str(tables)]) == 0
    views = capsys.readouterr().out
    return lambda *queries: ask(views, *queries)[1:]


@pytest.mark.parametrize("name", TABLES)
def test_a_view_is_its_table_without_reserved_words(name: str, tables: Path, ask_views: Callable[..., Answers]) -> None:
    other = {"start": "text_start", "end": "text_end", "table": "table_name", "row": "rejected_row"}
    expected = read_table(tables, read_current(tables), name)
    columns = [other.get(column, column) for column in expected.columns]
    # Written as they are, which a reserved word would not survive.
    rows, described = ask_views(f"SELECT {', '.join(columns)} FROM {name}", f"DESCRIBE {name}")
    assert [column for column, *_ in described] == columns
    assert len(rows) == expected.height
    assert rows or name == "raw_texts", "these texts are files themselves"


def test_offsets_slice_and_no_name_is_quoted(ask_views: Callable[..., Answers]) -> None:
    sliced, kept_out = ask_views(
        "SELECT m.text, d.text[text_start + 1:text_end] AS cut FROM mentions m JOIN documents d USING (doc_id)",
        "SELECT rule FROM quarantine WHERE table_name = 'sources'",
    )
    assert ["Lindau", "Lindau"] in sliced
    assert all(text == cut for text, cut in sliced)
    assert kept_out == [["unsupported_format"]]


def test_the_file_by_itself_looks_where_the_default_is(tables: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tables").symlink_to(tables)
    assert ask(VIEWS, "SELECT count(*) FROM documents", where=tmp_path)[1:] == [[[2]]]


def test_no_tables_no_views(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["views", "--tables", str(tmp_path)]) == 2
    assert f"{tmp_path}: nothing was published there" in capsys.readouterr().err
    (tmp_path / "CURRENT.json").write_text("{")
    assert main(["views", "--tables", str(tmp_path)]) == 1
    assert "CURRENT.json" in capsys.readouterr().err


@pytest.fixture(scope="module")
def reserved() -> set[str]:
    (rows,) = ask("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'")
    return {word for (word,) in rows}


@pytest.mark.parametrize("name", TABLES)
def test_the_dictionary_says_which_columns_are_reserved_words(name: str, project: Path, reserved: set[str]) -> None:
    assert {"end", "table"} <= reserved
    text = (project / "data" / "README.md").read_text(encoding="utf-8")
    section = text.partition(f"### `{name}`\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    for column in reserved & set(TABLES[name].columns):
        assert f'`"{column}"`' in section, f"{name}.{column} is a reserved word"


def test_the_queries_of_the_dictionary_run(tables: Path, project: Path) -> None:
    text = (project / "data" / "README.md").read_text(encoding="utf-8")
    queries = text.partition("## In SQL\n")[2].partition("\n## ")[0].split("```sql\n")[1:]
    duck, spark = (query.partition("```")[0] for query in queries)
    current = read_current(tables)
    assert current
    files = str(tables / current.snapshot / "mentions" / "*.parquet").replace("'", "''")
    assert ask(f"CREATE VIEW mentions AS FROM read_parquet('{files}')", duck)[1]
    assert spark.replace("`", '"') == duck, "the same in Spark, with backticks"
