"""Ids from a table of known entities: filled, kept while no table is given, and never wrong."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import polars as pl
import pytest

from flows.cli import main
from stages.errors import UsageError
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, one_document_is_enough, run_here

HUBER = "Die Direktorin Anna Huber hat am Montag das neue Museum in Köln eröffnet. Anna Huber dankte.\n"
AUER = "Am Freitag hat Anna Auer in Bonn ein Buch vorgestellt. Anna Auer las eine Stunde lang daraus vor.\n"
BORN = "Die Direktorin Anna Huber, geborene Auer, erhielt am Mittwoch in Wien einen Preis. Anna Huber dankte.\n"
SURNAME = "Am Dienstag haben die Abgeordneten beraten. Auch Ministerin Huber war in Köln dabei und sprach.\n"
SECOND = "Der Geiger Peter Huber spielt am Sonntag in Bonn. Peter Huber kommt aus Wien und wohnt in Hamburg.\n"
ABOUT = {"id": ["P1", "P2"], "label": ["PER", "PER"], "name": ["Anna Huber", "Anna Auer"], "aliases": [None, ["A. A."]]}
SCHEMA = {"id": pl.String, "label": pl.String, "name": pl.String, "aliases": pl.List(pl.String)}


@pytest.fixture(autouse=True)
def _gate() -> Iterator[None]:
    with fast_gate(), one_document_is_enough():
        yield


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The table that knows Anna Huber as P1 and Anna Auer as P2."""
    file = tmp_path / "known.parquet"
    pl.DataFrame(ABOUT, schema=SCHEMA).write_parquet(file)
    return file


def source(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def ids_of(tables: Path) -> dict[str, str | None]:
    entities = read_table(tables, read_current(tables), "entities").filter(label="PER")
    assert entities["name"].is_unique().all()
    return dict(entities.select("name", "authority_id").iter_rows())


def test_ids_come_later_stay_without_the_table_and_go_with_an_empty_one(tmp_path: Path, table: Path) -> None:
    press, tables, nobody = source(tmp_path / "press", a=HUBER), tmp_path / "tables", tmp_path / "nobody.parquet"
    run_here([press], tables)
    assert ids_of(tables) == {"Anna Huber": None}
    assert run_here([press], tables, authority=str(table)).published
    assert ids_of(tables) == {"Anna Huber": "P1"}
    assert not run_here([press], tables, authority=str(table)).published
    assert not run_here([press], tables).published
    assert ids_of(tables) == {"Anna Huber": "P1"}
    pl.DataFrame(schema=SCHEMA).write_parquet(nobody)
    assert run_here([press], tables, authority=str(nobody)).published
    assert ids_of(tables) == {"Anna Huber": None}


def test_another_table_renews_all_ids(tmp_path: Path, table: Path) -> None:
    press, tables = source(tmp_path / "press", a=HUBER, b=AUER), tmp_path / "tables"
    run_here([press], tables, authority=str(table))
    pl.DataFrame({**ABOUT, "id": ["Q1", "Q2"]}, schema=SCHEMA).write_parquet(table)
    assert run_here([press], tables, authority=str(table)).published
    assert ids_of(tables) == {"Anna Huber": "Q1", "Anna Auer": "Q2"}


def test_a_run_of_another_source_keeps_the_ids_and_a_later_table_fills_the_rest(tmp_path: Path, table: Path) -> None:
    press, tables = source(tmp_path / "press", a=HUBER), tmp_path / "tables"
    web = source(tmp_path / "web", b=HUBER.replace("Montag", "Freitag"), c=AUER)
    run_here([press], tables, authority=str(table))
    assert run_here([web], tables).published
    assert ids_of(tables) == {"Anna Huber": "P1", "Anna Auer": None}
    assert run_here([press], tables, authority=str(table)).published
    assert ids_of(tables) == {"Anna Huber": "P1", "Anna Auer": "P2"}


def test_an_entity_that_gets_another_entity_id_keeps_its_authority_id(tmp_path: Path, table: Path) -> None:
    press, tables = source(tmp_path / "press", a=HUBER), tmp_path / "tables"
    run_here([press], tables, authority=str(table))
    before = read_table(tables, read_current(tables), "entities").filter(label="PER")["entity_id"].to_list()
    run_here([source(tmp_path / "web", b=BORN)], tables)
    after = read_table(tables, read_current(tables), "entities").filter(label="PER")["entity_id"].to_list()
    assert before != after
    assert ids_of(tables) == {"Anna Huber": "P1"}


def test_a_renamed_and_an_edited_file_keep_the_authority_id(tmp_path: Path, table: Path) -> None:
    press, tables = source(tmp_path / "press", a=HUBER, b=AUER), tmp_path / "tables"
    run_here([press], tables, authority=str(table))
    (press / "a.txt").rename(press / "z.txt")
    source(press, b=AUER.replace("hat Anna Auer", "hat Sprecherin Anna Auer"))
    run_here([press], tables)
    assert ids_of(tables) == {"Anna Huber": "P1", "Anna Auer": "P2"}


def test_two_entities_with_ids_of_their_own_that_become_one_have_none(tmp_path: Path, table: Path) -> None:
    press, tables = source(tmp_path / "press", a=HUBER, b=AUER), tmp_path / "tables"
    run_here([press], tables, authority=str(table))
    run_here([source(tmp_path / "web", c=BORN)], tables)
    assert ids_of(tables) == {"Anna Huber": None}


def test_an_entity_that_falls_apart_leaves_its_id_to_nobody(tmp_path: Path) -> None:
    press, tables, table = source(tmp_path / "press", a=HUBER, b=AUER, c=BORN), tmp_path / "tables", tmp_path / "one"
    pl.DataFrame(ABOUT, schema=SCHEMA).head(1).write_parquet(table)
    run_here([press], tables, authority=str(table))
    assert ids_of(tables) == {"Anna Huber": "P1"}
    (press / "c.txt").unlink()
    run_here([press], tables)
    assert ids_of(tables) == {"Anna Huber": None, "Anna Auer": None}


def test_a_surname_that_becomes_ambiguous_does_not_take_the_id_along(tmp_path: Path, table: Path) -> None:
    press, tables = source(tmp_path / "press", a=HUBER, b=SURNAME), tmp_path / "tables"
    run_here([press], tables, authority=str(table))
    assert ids_of(tables) == {"Anna Huber": "P1"}
    run_here([source(tmp_path / "web", c=SECOND)], tables)
    assert ids_of(tables) == {"Anna Huber": "P1", "Peter Huber": None, "Huber": None}


def test_a_surname_does_not_take_the_id_to_another_person(tmp_path: Path, table: Path) -> None:
    press, tables = source(tmp_path / "press", a=HUBER, b=SURNAME), tmp_path / "tables"
    run_here([press], tables, authority=str(table))
    source(press, a=SECOND)
    run_here([press], tables)
    assert ids_of(tables) == {"Peter Huber": None}


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[datetime]]:
    """A clock whose time the test sets."""
    now = [datetime.now(UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return now[0].astimezone(tz)

    monkeypatch.setattr("flows.run.datetime", Clock)
    return iter([now])


def test_a_clock_that_was_set_back_makes_nothing_new(
    tmp_path: Path, table: Path, slow_clock: Iterator[list[datetime]]
) -> None:
    now = next(slow_clock)
    press, tables = source(tmp_path / "press", a=HUBER), tmp_path / "tables"
    run_here([press], tables)
    now[0] -= timedelta(days=3)
    assert run_here([press], tables, authority=str(table)).published
    for _ in range(2):
        now[0] += timedelta(minutes=5)
        assert not run_here([press], tables, authority=str(table)).published
    assert ids_of(tables) == {"Anna Huber": "P1"}


def with_row(row: int, **values: object) -> pl.DataFrame:
    rows = pl.DataFrame(ABOUT, schema=SCHEMA).to_dicts()
    rows[row - 1] |= values
    return pl.DataFrame(rows, infer_schema_length=None)


WRONG = {
    "no column": (pl.DataFrame(ABOUT).drop("aliases"), "has no column aliases"),
    "aliases as a string": (pl.DataFrame({**ABOUT, "aliases": [None, "A. A."]}), "row 2: aliases is 'A. A.', a list"),
    "aliases as numbers": (pl.DataFrame({**ABOUT, "aliases": [None, [1]]}), "row 2: aliases is [1], a list of strings"),
    "an alias that is null": (with_row(1, aliases=["A. H.", None]), "row 1: aliases is ['A. H.', None], a list"),
    "an id that is null": (with_row(2, id=None), "row 2: id is None"),
    "a name of blanks": (with_row(1, name=" "), "row 1: name is ' '"),
    "a label that is null": (with_row(2, label=None), "row 2: label is None, one of PER, ORG, LOC, MISC"),
    "a label of others": (with_row(2, label="PERSON"), "row 2: label is 'PERSON', one of PER, ORG, LOC, MISC"),
    "an id twice": (with_row(2, id="P1"), "row 2: id is 'P1', which row 1 has"),
    "an id as a fraction": (pl.DataFrame({**ABOUT, "id": [1.5, 2.5]}), "row 1: id is 1.5"),
}


@pytest.mark.parametrize(("found", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_table_is_refused_with_file_row_and_what_was_expected(
    tmp_path: Path, table: Path, found: pl.DataFrame, said: str
) -> None:
    found.write_parquet(table)
    press, tables = source(tmp_path / "press", a=HUBER), tmp_path / "tables"
    with pytest.raises(UsageError) as refused:
        run_here([press], tables, authority=str(table))
    assert str(table) in str(refused.value)
    assert said in str(refused.value)
    assert read_current(tables) is None


def test_the_command_line_tells_it_before_the_start_of_prefect(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    WRONG["aliases as a string"][0].write_parquet(table)
    # Importing the flow fails, so the message came without it.
    monkeypatch.setitem(sys.modules, "flows.refresh", None)
    assert main(["run", str(source(tmp_path / "press", a=HUBER)), "--authority", str(table)]) == 2
    said = f"fliesstext: {table}, row 2: aliases is 'A. A.', a list of strings, or nothing, is expected\n"
    assert capsys.readouterr().err == said


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, table: Path) -> None:
    table.write_text("id,label,name\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"known\.parquet is no authority table"):
        run_here([source(tmp_path / "press", a=HUBER)], tmp_path / "tables", authority=str(table))


@pytest.mark.parametrize(
    "plain",
    [
        pl.DataFrame({**ABOUT, "aliases": [None, None]}),
        pl.DataFrame({**ABOUT, "aliases": [[], []]}),
        pl.DataFrame(ABOUT).with_columns(pl.col("id", "label", "name").cast(pl.Categorical)),
    ],
    ids=["no aliases", "empty aliases", "categories"],
)
def test_tables_of_other_writers_are_read(tmp_path: Path, table: Path, plain: pl.DataFrame) -> None:
    plain.write_parquet(table)
    run_here([source(tmp_path / "press", a=HUBER)], tmp_path / "tables", authority=str(table))
    assert ids_of(tmp_path / "tables") == {"Anna Huber": "P1"}


def test_ids_that_are_whole_numbers_are_written_as_digits(tmp_path: Path, table: Path) -> None:
    pl.DataFrame({**ABOUT, "id": [118540238, 2]}).write_parquet(table)
    run_here([source(tmp_path / "press", a=HUBER)], tmp_path / "tables", authority=str(table))
    assert ids_of(tmp_path / "tables") == {"Anna Huber": "118540238"}
