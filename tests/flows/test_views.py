"""The ready-made views: every table is there, whole, and no column needs quoting."""

from pathlib import Path

import duckdb
import pytest

from flows.cli import main
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here

VIEWS = Path(__file__).parents[2] / "stages" / "views.sql"
TEXT = "Am Montag sprach Bürgermeisterin Claudia Alfons in Lindau über den Ha-\nfen. Der Stadtrat tagte in Bregenz.\n"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables in a folder whose name has what SQL and globs make much of."""
    home = tmp_path_factory.mktemp("it's here")
    (home / "press").mkdir()
    (home / "press" / "a.txt").write_text(TEXT, encoding="utf-8")
    (home / "press" / "b.bin").write_bytes(bytes(range(256)))
    with fast_gate():
        run_here([home / "press"], home / "tables")
    return home / "tables"


@pytest.fixture
def viewed(tables: Path, capsys: pytest.CaptureFixture[str]) -> duckdb.DuckDBPyConnection:
    assert main(["views", "--tables", str(tables)]) == 0
    connection = duckdb.connect()
    connection.execute(capsys.readouterr().out)
    return connection


@pytest.mark.parametrize("name", TABLES)
def test_a_view_is_its_table_without_reserved_words(name: str, tables: Path, viewed: duckdb.DuckDBPyConnection) -> None:
    found = viewed.sql(f"FROM {name}").pl()
    other = {"start": "text_start", "end": "text_end", "table": "table_name", "row": "rejected_row"}
    expected = read_table(tables, read_current(tables), name)
    assert found.columns == [other.get(column, column) for column in expected.columns]
    assert found.height == expected.height > 0
    for column in found.columns:
        viewed.sql(f"SELECT {column} FROM {name} ORDER BY {column}")


def test_the_views_need_no_quotes_where_the_tables_do(viewed: duckdb.DuckDBPyConnection) -> None:
    sliced = "SELECT m.text, d.text[text_start + 1:text_end] AS cut FROM mentions m JOIN documents d USING (doc_id)"
    rows = viewed.sql(sliced).fetchall()
    assert ("Lindau", "Lindau") in rows
    assert all(text == cut for text, cut in rows)
    kept_out = viewed.sql("SELECT rule FROM quarantine WHERE table_name = 'sources'").fetchall()
    assert kept_out == [("unsupported_format",)]


def test_the_file_by_itself_looks_where_the_default_is(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tables.parent / "data").mkdir(exist_ok=True)
    (tables.parent / "data" / "tables").symlink_to(tables)
    monkeypatch.chdir(tables.parent)
    connection = duckdb.connect()
    connection.execute(VIEWS.read_text(encoding="utf-8"))
    assert connection.sql("SELECT count(*) FROM documents").fetchall() == [(1,)]


def test_no_tables_no_views(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["views", "--tables", str(tmp_path)]) == 1
    assert "CURRENT.json" in capsys.readouterr().err


def reserved(connection: duckdb.DuckDBPyConnection) -> set[str]:
    words = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    return {word for (word,) in connection.sql(words).fetchall()}


@pytest.mark.parametrize("name", TABLES)
def test_the_dictionary_says_which_columns_are_reserved_words(name: str, project: Path) -> None:
    text = (project / "data" / "README.md").read_text(encoding="utf-8")
    section = text.partition(f"### `{name}`\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    for column in reserved(duckdb.connect()) & set(TABLES[name].columns):
        assert f'`"{column}"`' in section, f"{name}.{column} is a reserved word"


def test_the_queries_of_the_dictionary_run(tables: Path, project: Path) -> None:
    text = (project / "data" / "README.md").read_text(encoding="utf-8")
    queries = text.partition("## In SQL\n")[2].partition("\n## ")[0].split("```sql\n")[1:]
    connection = duckdb.connect()
    for name in TABLES:
        frame = read_table(tables, read_current(tables), name)
        connection.register(name, frame.to_arrow())
    duck, spark = (query.partition("```")[0] for query in queries)
    assert connection.sql(duck).fetchall()
    assert spark.replace("`", '"') == duck, "the same in Spark, with backticks"
