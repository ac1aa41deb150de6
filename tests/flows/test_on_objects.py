"""What lies beside files and tables works on an object store, and with Delta tables, as it does in folders.

Each is done as people do it: a run, an edit, a second run.
"""

import json
import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest

from flows.check import check_tables
from flows.cli import main
from flows.prune import prune_tables
from flows.report import RunReport
from stages.correct import COLUMNS, read_corrections, write_corrections
from stages.errors import UsageError
from stages.tables.store.choose import open_store
from tests.faults.harness import article, assert_same, rows, run_here
from tests.object_store import Bucket

pytestmark = pytest.mark.integration


@pytest.fixture(params=["folder", "bucket"])
def tables(request: pytest.FixtureRequest, bucket: Bucket, tmp_path: Path) -> str:
    """Delta tables in a folder, and on an object store."""
    return str(tmp_path / "tables") if request.param == "folder" else f"{bucket.url}/tables"


def read(tables: str, name: str) -> pl.DataFrame:
    store = open_store(tables)
    return store.read(store.current(), name)


def run(press: Path | str, tables: str, **settings: object) -> RunReport:
    return run_here([press], tables, table_format="delta", engine="fast", **settings)


def author(tables: str, uri: str) -> str:
    return str(read(tables, "documents").filter(pl.col("source_uri") == uri)["author"].item())


# Sidecars


def test_a_sidecar_on_an_object_store_makes_its_document_anew_and_no_other(bucket: Bucket, tmp_path: Path) -> None:
    for name in ("a", "b"):
        bucket.put(f"in/{name}.txt", article(ord(name)))
    bucket.put("in/a.txt.meta.json", json.dumps({"author": "Anna Huber"}))
    source, tables = f"press={bucket.url}/in", f"{bucket.url}/tables"
    assert run(source, tables).counts["n_written"] == 2
    assert author(tables, "press/a.txt") == "Anna Huber"
    assert not run(source, tables).published
    bucket.put("in/a.txt.meta.json", json.dumps({"author": "Karin Meier"}))
    again = run(source, tables)
    assert (again.counts["n_written"], again.counts["n_unchanged"]) == (1, 1)
    assert author(tables, "press/a.txt") == "Karin Meier"
    bucket.delete("in/a.txt.meta.json")
    assert run(source, tables).counts["n_written"] == 1
    bucket.put("in/b.txt.meta.json", "{damaged")
    assert [code for _, code, _ in run(source, tables).quarantined] == ["damaged"]
    bucket.delete("in/b.txt.meta.json")
    run(source, tables)
    fresh = str(tmp_path / "fresh")
    run(source, fresh)
    assert_same(rows(tables), rows(fresh))
    assert check_tables(tables, [source]).problems == []


def test_the_metadata_table_and_the_known_entities_may_lie_on_an_object_store(bucket: Bucket) -> None:
    """The table of metadata below the source itself, so that it has to be passed over."""
    for name in ("a", "b"):
        bucket.put(f"in/{name}.txt", f"Gestern hat Anna Huber in Köln aus {name.upper()} gelesen.\n")
    bucket.put("in/facts.csv", "file,author\na.txt,Karin Meier\n")
    known = {"id": ["Q1"], "label": ["PER"], "name": ["Anna Huber"], "aliases": [["Anna Huber"]]}
    written = BytesIO()
    pl.DataFrame(known).write_parquet(written)
    bucket.put("known.parquet", written.getvalue())
    source, tables = f"press={bucket.url}/in", f"{bucket.url}/tables"
    told = {"metadata": f"{bucket.url}/in/facts.csv", "authority": f"{bucket.url}/known.parquet"}
    first = run(source, tables, **told)
    assert (first.counts["n_written"], first.passed_over) == (2, {"press": {"metadata file": 1}})
    assert author(tables, "press/a.txt") == "Karin Meier"
    assert read(tables, "entities").filter(pl.col("name") == "Anna Huber")["authority_id"].to_list() == ["Q1"]
    assert not run(source, tables, **told).published
    bucket.put("in/facts.csv", "file,author\na.txt,Jonas Beck\n")
    assert run(source, tables, **told).counts["n_written"] == 1
    assert author(tables, "press/a.txt") == "Jonas Beck"
    for setting in told:
        with pytest.raises(UsageError, match=f"{bucket.url}/missing"):
            run(source, tables, **told | {setting: f"{bucket.url}/missing.csv"})


# Corrections


def lay(bucket: Bucket, tables: str, text: str) -> None:
    """Write corrections.csv beside the tables, as an editor or ``aws s3 cp`` would."""
    if tables.startswith("s3"):
        bucket.put("tables/corrections.csv", text)
    else:
        (Path(tables) / "corrections.csv").write_text(text, encoding="utf-8")


def test_corrections_beside_delta_tables_are_applied_and_taken_back(
    bucket: Bucket, tables: str, tmp_path: Path
) -> None:
    press = tmp_path / "press"
    press.mkdir()
    (press / "a.txt").write_text(
        "Gestern hat Anna Huber in Köln gelesen. Anna Huber kommt aus Wien.\n", encoding="utf-8"
    )
    (press / "b.txt").write_text(article(7), encoding="utf-8")
    run(press, tables)
    before = rows(tables)
    assert "Anna Huber" in set(read(tables, "entities")["name"])
    (own,) = read(tables, "entities").filter(pl.col("name") == "Anna Huber")["entity_id"]
    line = {"action": "rename", "entity_id": own, "name": "Anna Huber", "label": "PER", "value": "Anna Maria Huber"}
    text = ",".join(COLUMNS) + "\n" + ",".join(line.get(column, "") for column in COLUMNS) + "\n"
    assert read_corrections(text).height == 1
    lay(bucket, tables, text)
    done = run(press, tables)
    assert (done.published, done.n_corrections, done.without_effect) == (True, 1, [])
    assert "Anna Maria Huber" in set(read(tables, "entities")["name"])
    assert not run(press, tables).published
    store = open_store(tables)
    assert store.read_file(store.current(), "corrections.csv") == write_corrections(read_corrections(text))
    lay(bucket, tables, "nothing,of,ours\n")
    with pytest.raises(UsageError, match=r"corrections\.csv"):
        run(press, tables)
    lay(bucket, tables, ",".join(COLUMNS) + "\n")
    assert run(press, tables).published
    assert_same(rows(tables), before)


# Reports, snapshots


def test_every_snapshot_of_delta_tables_has_its_report_which_goes_with_it(
    tables: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    press = tmp_path / "press"
    press.mkdir()
    seen = []
    for number in range(3):
        (press / f"{number}.txt").write_text(article(number), encoding="utf-8")
        run(press, tables)
        store = open_store(tables)
        current = store.current()
        assert current
        seen.append(current)
        page = store.read_file(current, "report.html")
        assert page
        assert current.run_id in page
        assert f"press/{number}.txt" in page or "Meldung" in page
    assert main(["prune", "--tables", tables, "--keep-snapshots", "2"]) == 0
    assert "Removed 1 snapshot and" in capsys.readouterr().out
    store = open_store(tables)
    assert [store.read_file(snapshot, "report.html") is None for snapshot in seen] == [True, False, False]
    assert prune_tables(tables, keep_snapshots=1).snapshots == 1
    assert check_tables(tables, [str(press)]).problems == []
    (press / "9.txt").write_text(article(9), encoding="utf-8")
    assert run(press, tables).counts["n_written"] == 1
    fresh = str(tmp_path / "fresh")
    run(press, fresh)
    assert_same(rows(tables), rows(fresh))


# Other tools


def test_exports_of_delta_tables_are_those_of_parquet_and_views_are_refused_in_a_sentence(
    tables: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    press, plain = tmp_path / "press", str(tmp_path / "plain")
    press.mkdir()
    for number in range(3):
        (press / f"{number}.txt").write_text(article(number), encoding="utf-8")
    run(press, tables)
    run_here([press], plain, engine="fast")
    for where, name in ((tables, "ours"), (plain, "theirs")):
        for form in ("jsonl", "sqlite"):
            assert main(["export", "--tables", where, "--to", form, "--out", str(tmp_path / f"{name}.{form}")]) == 0
    assert (tmp_path / "ours.jsonl").read_bytes() == (tmp_path / "theirs.jsonl").read_bytes() != b""
    ours, theirs = (sqlite3.connect(tmp_path / f"{name}.sqlite") for name in ("ours", "theirs"))
    with closing(ours), closing(theirs):
        for name in ("mentions", "named_together"):
            found, wanted = (sorted(made.execute(f"SELECT * FROM {name}"), key=repr) for made in (ours, theirs))
            assert (found == wanted, bool(wanted)) == (True, True), name
    capsys.readouterr()
    assert main(["views", "--tables", tables]) == 2
    told = capsys.readouterr()
    assert (told.out, f"{tables} holds Delta tables. Export them" in told.err) == ("", True)


# Tables that are given whole


def test_drift_and_duplicates_of_delta_tables_are_those_of_parquet(tables: str, tmp_path: Path) -> None:
    press, plain = tmp_path / "press", str(tmp_path / "plain")
    press.mkdir()
    limits = {"drift_documents": 2, "drift_runs": 3}
    for night in range(4):
        for at in range(3):
            text = article(night * 10 + at, 30)
            (press / f"{night}-{at}.txt").write_text(text, encoding="utf-8")
        (press / f"{night}-alike.txt").write_text(
            text.replace("Verkehr", "Umgehung", 1) + "\nEnde.\n", encoding="utf-8"
        )
        if night == 3:
            (press / "2-alike.txt").unlink()
        ours = run(press, tables, **limits)
        theirs = run_here([press], plain, engine="fast", **limits)
        assert [row["measure"] for row in ours.drift] == [row["measure"] for row in theirs.drift]
    key = ["source", "measure", "observed", "n_runs", "median", "verdict"]
    for name, columns in (("drift", key), ("duplicates", read(plain, "duplicates").columns)):
        found, wanted = (read(where, name).select(columns).sort(columns) for where in (tables, plain))
        assert wanted.height >= (3 if name == "duplicates" else 20)
        assert found.drop("run_id", strict=False).equals(wanted.drop("run_id", strict=False)), name
    assert_same(rows(tables), rows(plain))
