"""What is told of files beside them (sidecars, a metadata table, paths) stands in the tables, and follows them."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.check import check_tables
from flows.report import RunReport
from flows.run import report_if_unchanged
from flows.settings import Settings
from stages.errors import UsageError
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import article, assert_same, assert_tidy, fast_gate, published, run_here


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    (folder / "lokal").mkdir(parents=True)
    for n, name in enumerate(("a.txt", "b.txt", "lokal/c.txt")):
        (folder / name).write_text(article(n), encoding="utf-8")
    return folder


def run(press: Path, **settings: object) -> RunReport:
    return run_here([press], press.parent / "tables", engine="none", **settings)


def sidecar(path: Path, **facts: object) -> None:
    path.write_text(json.dumps(facts), encoding="utf-8")


def pack(archive: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(archive, "w") as out:
        for name, text in members.items():
            out.writestr(name, text)


def column(press: Path, name: str) -> dict[str, object]:
    tables = press.parent / "tables"
    rows = read_table(tables, read_current(tables), "documents")
    return {uri.removeprefix("press/"): value for uri, value in rows.select("source_uri", name).iter_rows()}


def counts(report: RunReport) -> tuple[int, ...]:
    return tuple(report.counts[f"n_{name}"] for name in ("written", "unchanged", "duplicate", "quarantined", "deleted"))


def assert_like_a_fresh_run(press: Path, **settings: object) -> None:
    run_here([press], press.parent / "fresh", engine="none", **settings)
    assert_same(published(press.parent / "tables"), published(press.parent / "fresh"))
    assert_tidy(press.parent / "tables")


def test_a_sidecar_speaks_of_its_file_and_is_no_source(press: Path) -> None:
    sidecar(press / "a.txt.meta.json", author="Anna Huber", ort="Köln")
    sidecar(press / "lokal" / "c.meta.json", published="5. März 2024")
    report = run(press)
    assert (counts(report), report.passed_over) == ((3, 0, 0, 0, 0), {"press": {"sidecar": 2}})
    assert column(press, "author") == {"a.txt": "Anna Huber", "b.txt": None, "lokal/c.txt": None}
    assert str(column(press, "published_at")["lokal/c.txt"]) == "2024-03-05"
    facts = {fact["name"]: fact for fact in column(press, "metadata")["a.txt"]}  # type: ignore[union-attr]
    assert facts["ort"] == {"name": "ort", "value": "Köln", "found_in": "sidecar ort"}
    settings = Settings(workers=0, languages=("de",), engine="none")
    again = report_if_unchanged([str(press)], press.parent / "tables", settings)
    assert again is None or counts(again) == (0, 3, 0, 0, 0)
    assert not run(press).published


def test_a_sidecar_that_changes_comes_or_goes_makes_its_document_anew_and_no_other(press: Path) -> None:
    sidecar(press / "a.meta.json", author="Anna Huber")
    run(press)
    sidecar(press / "a.meta.json", author="Karin Meier")
    assert counts(run(press)) == (1, 2, 0, 0, 0)
    assert column(press, "author")["a.txt"] == "Karin Meier"
    sidecar(press / "b.meta.json", author="Peter Huber")
    (press / "a.meta.json").unlink()
    assert counts(run(press)) == (2, 1, 0, 0, 0)
    assert column(press, "author") == {"a.txt": None, "b.txt": "Peter Huber", "lokal/c.txt": None}
    assert_like_a_fresh_run(press)


@pytest.mark.parametrize("bad", ["{", "[1, 2]", '{"a": "' + "x" * (1 << 20) + '"}'])
def test_a_damaged_sidecar_keeps_out_its_document_alone(press: Path, bad: str) -> None:
    run(press)
    (press / "a.meta.json").write_text(bad, encoding="utf-8")
    report = run(press)
    assert counts(report) == (0, 2, 0, 1, 0)
    ((uri, code, reason),) = report.quarantined
    assert (uri, code) == ("press/a.txt", "damaged")
    assert reason.startswith("the sidecar press/a.meta.json is ")
    assert not run(press).published
    sidecar(press / "a.meta.json", author="Anna Huber")
    assert counts(run(press)) == (1, 2, 0, 0, 0)
    assert_like_a_fresh_run(press)


def test_a_sidecar_that_leads_out_of_the_source_is_not_followed(press: Path) -> None:
    sidecar(press.parent / "secret.json", author="geheim")
    (press / "a.meta.json").symlink_to(press.parent / "secret.json")
    report = run(press)
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/a.txt", "link_not_followed")]


def test_a_sidecar_counts_whatever_its_file_was_named_by(press: Path) -> None:
    sidecar(press / "a.meta.json", author="Anna Huber")
    for name, sources, settings in (
        ("glob", [f"press={press}/*.txt"], {}),
        ("file", [f"press={press / 'a.txt'}"], {}),
        ("suffix", [press], {"suffixes": (".txt",)}),
        ("include", [press], {"include": ("a.txt",)}),
    ):
        tables = press.parent / name
        run_here(sources, tables, engine="none", **settings)
        rows = read_table(tables, read_current(tables), "documents").filter(pl.col("source_uri") == "press/a.txt")
        assert rows["author"].to_list() == ["Anna Huber"], name
    run(press, exclude=("*.meta.json",))
    assert column(press, "author")["a.txt"] is None


def test_members_have_sidecars_within_their_container(press: Path) -> None:
    members = {"x.txt": article(7), "x.meta.json": '{"author": "Anna Huber"}', "y.txt": article(8)}
    pack(press / "year.zip", members)
    report = run(press)
    assert (counts(report), report.passed_over) == ((5, 0, 0, 0, 0), {"press": {"sidecar": 1}})
    assert column(press, "author")["year.zip!/x.txt"] == "Anna Huber"
    assert not run(press).published
    pack(press / "year.zip", members | {"x.meta.json": '{"author": "Karin Meier"}'})
    assert counts(run(press)) == (1, 4, 0, 0, 0)
    assert column(press, "author")["year.zip!/x.txt"] == "Karin Meier"
    # The row of a table is read together with a sidecar in a container that did not change.
    table = press.parent / "facts.csv"
    table.write_text("file,ressort\nyear.zip!/x.txt,Lokales\nyear.zip,Sport\n", encoding="utf-8")
    assert counts(run(press, metadata=str(table))) == (2, 3, 0, 0, 0)
    assert column(press, "author")["year.zip!/x.txt"] == "Karin Meier"
    assert column(press, "section") == {
        **{"a.txt": None, "b.txt": None, "lokal/c.txt": None},
        **{"year.zip!/x.txt": "Lokales", "year.zip!/y.txt": "Sport"},
    }
    assert_like_a_fresh_run(press, metadata=str(table))
    assert check_tables(press.parent / "tables", [str(press)]).problems == []


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_row_of_the_metadata_that_changes_makes_its_document_anew_and_no_other(press: Path, kind: str) -> None:
    table = press / f"facts.{kind}"  # below the source, and no source

    def write(*rows: tuple[str, str]) -> None:
        frame = pl.DataFrame(rows, schema=["file", "author"], orient="row")
        getattr(frame, {"csv": "write_csv", "jsonl": "write_ndjson", "parquet": "write_parquet"}[kind])(table)

    write(("a.txt", "Anna Huber"), ("press/lokal/c.txt", "Karin Meier"))
    report = run(press, metadata=str(table))
    assert (counts(report), report.passed_over) == ((3, 0, 0, 0, 0), {"press": {"metadata file": 1}})
    assert column(press, "author") == {"a.txt": "Anna Huber", "b.txt": None, "lokal/c.txt": "Karin Meier"}
    assert not run(press, metadata=str(table)).published
    write(("press/lokal/c.txt", "Peter Huber"), ("a.txt", "Anna Huber"), ("z.txt", "Niemand"))
    report = run(press, metadata=str(table))
    assert counts(report) == (1, 2, 0, 0, 0)
    assert report.warnings == [f"{table}: 1 of 3 rows speak of no file of this run, as z.txt"]
    assert_like_a_fresh_run(press, metadata=str(table))


def test_table_before_sidecar_before_path_before_the_file(press: Path) -> None:
    (press / "d.md").write_text(f"---\nauthor: Datei\nsection: Datei\nplace: Datei\nurl: Datei\n---\n\n{article(9)}")
    sidecar(press / "d.meta.json", author="Beiwagen", section="Beiwagen")
    table = press.parent / "facts.csv"
    table.write_text("file;author\nd.md;Tabelle\n", encoding="utf-8")
    run(press, metadata=str(table), path_pattern="{place}.*")
    facts = {fact["name"]: fact["value"] for fact in column(press, "metadata")["d.md"]}  # type: ignore[union-attr]
    assert [facts[name] for name in ("author", "section", "place", "url")] == ["Tabelle", "Beiwagen", "d", "Datei"]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (b"author\nAnna\n", ", row 1: it names no file; a column file is expected, there are author"),
        (b"file,author\na.txt,Anna\n,Karin\n", ", row 2: it names no file"),
        (b"file,author\na.txt,Anna\nb.txt\n", ", row 2: 1 cells where the head has 2"),
        (b"file,author\na.txt,Anna\na.txt,Karin\n", ", row 2: a.txt stands in row 1 too, and otherwise; take one out"),
        (b"PAR1 broken", ": its Parquet is damaged"),
    ],
)
def test_a_damaged_table_refuses_the_run_with_its_row(press: Path, table: bytes, why: str) -> None:
    file = press.parent / ("facts.parquet" if table.startswith(b"PAR1") else "facts.csv")
    file.write_bytes(table)
    with pytest.raises(UsageError) as error:
        run(press, metadata=str(file))
    assert str(error.value).startswith(f"{file}{why}")
    assert str(error.value).endswith("; nothing was changed")
    with pytest.raises(UsageError, match=r"none\.csv: cannot be"):
        run(press, metadata=str(press.parent / "none.csv"))


def test_names_with_signs_and_accents_are_found(press: Path) -> None:
    for name in ("100%.txt", "Bu\u0308rger.txt", "a\nb.txt"):
        (press / name).write_text(article(len(name) + 20), encoding="utf-8")
    table = press.parent / "facts.jsonl"
    named = ("100%.txt", "B\u00fcrger.txt", "./a\nb.txt")
    table.write_text("".join(json.dumps({"file": name, "author": "Anna"}) + "\n" for name in named), encoding="utf-8")
    report = run(press, metadata=str(table))
    assert report.warnings == []
    assert sum(author == "Anna" for author in column(press, "author").values()) == 3


def test_files_of_the_same_bytes_of_which_other_things_are_told_are_two_documents(press: Path) -> None:
    (press / "copy.txt").write_bytes((press / "a.txt").read_bytes())
    assert counts(run(press)) == (3, 0, 1, 0, 0)
    sidecar(press / "copy.meta.json", publisher="Seeblick")
    assert counts(run(press)) == (1, 3, 0, 0, 0)
    assert column(press, "publisher")["copy.txt"] == "Seeblick"
    assert_like_a_fresh_run(press)


def test_a_file_that_moves_takes_its_rows_along_where_the_same_is_told_of_it(press: Path) -> None:
    pattern = "{section}/*"
    sidecar(press / "a.meta.json", author="Anna Huber")
    run(press, path_pattern=pattern)
    (press / "lokal" / "c.txt").rename(press / "lokal" / "d.txt")
    (press / "a.txt").rename(press / "e.txt")
    (press / "a.meta.json").rename(press / "e.meta.json")
    run(press, path_pattern=pattern)
    assert column(press, "author")["e.txt"] == "Anna Huber"
    assert_like_a_fresh_run(press, path_pattern=pattern)
    (press / "sport").mkdir()
    (press / "lokal" / "d.txt").rename(press / "sport" / "d.txt")
    run(press, path_pattern=pattern)
    assert column(press, "section")["sport/d.txt"] == "sport"
    assert_like_a_fresh_run(press, path_pattern=pattern)


def test_the_columns_of_tables_are_those_that_the_user_names(press: Path) -> None:
    rows = [{"nr": f"n{n}", "teil": "x" * 120 + str(n), "worte": article(30 + n), "id": str(n)} for n in range(3)]
    (press / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = run(press)
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/rows.jsonl", "no_text_column")]
    assert counts(run(press, text_column="worte", key_column="nr")) == (3, 3, 0, 0, 0)
    assert "Meldung 30" in str(column(press, "text")["rows.jsonl!/n0"])
    assert not run(press, text_column="worte", key_column="nr").published
    done = check_tables(press.parent / "tables", [str(press)])
    assert (done.problems, done.n_with_raw) == ([], 6)
    rows[1]["worte"] = article(40)
    (press / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert counts(run(press, text_column="worte", key_column="nr")) == (1, 5, 0, 0, 0)
    assert counts(run(press, text_column="worte")) == (3, 3, 0, 0, 3), "other keys, other names"
    assert_like_a_fresh_run(press, text_column="worte")
    report = run(press, text_column="fehlt")
    assert report.quarantined[0][2].startswith("no column 'fehlt'; there are nr, teil, worte, id")
