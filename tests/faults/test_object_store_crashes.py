"""What test_crashes and test_readers promise of a folder, of an object store: whoever is cut off at any request that
writes leaves the tables as they were or as they will be, torn answers are no texts, and readers see one version.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from flows.check import check_tables
from stages.errors import FliesstextError
from stages.tables.store.objects import access
from tests.faults import long_form
from tests.faults.harness import article, assert_same, published, rows, write_articles
from tests.faults.harness import run_here as run_with
from tests.faults.test_readers import read_beside_a_writer
from tests.object_store import S3, Bucket

pytestmark = pytest.mark.integration
run_here = partial(run_with, engine="none", wait_seconds=30)
SECONDS = long_form.choose(short=6.0, long=60.0)
EVERY = long_form.choose(short=9, long=1)
"""Cut off at each so many of the requests that write."""
done = long_form.Tally("object store")


@pytest.fixture
def press(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "press", 4)


def change(folder: Path, n: int) -> None:
    (folder / "0.txt").write_text(article(10 + n), encoding="utf-8")
    (folder / "1.txt").unlink(missing_ok=True)
    (folder / f"new-{n}.txt").write_text(article(1_000 + n), encoding="utf-8")


def test_cut_off_at_any_request_that_writes(
    s3: S3, bucket: Bucket, press: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.tables.store.lease._DEAD_AFTER", 1.0)  # its holder lives on, in this process
    tables = f"{bucket.url}/tables"
    run_here([press], tables)
    change(press, 0)
    s3.asked()
    run_here([press], tables)
    n_writes = sum(not line.startswith(("GET", "HEAD")) for line in s3.asked())
    assert n_writes > 20
    ended = {"as before": 0, "as after": 0}
    for n, at in enumerate(range(1, n_writes, EVERY), 1):
        before = rows(tables)
        change(press, n)
        s3.cut_off(at)
        try:
            run_here([press], tables)
        except (FliesstextError, OSError):
            pass
        else:
            assert at > n_writes - 12, "only what clears away may be missed"
        s3.refuse()
        run_with([press], tmp_path / f"fresh-{n}", engine="none")
        after, found = published(tmp_path / f"fresh-{n}"), rows(tables)
        is_new = found["documents"].equals(after["documents"])
        assert_same(found, after if is_new else before)
        ended["as after" if is_new else "as before"] += 1
        run_here([press], tables)
        assert_same(rows(tables), after)
        assert not check_tables(tables, [str(press)]).problems
        assert [name for name in bucket.names() if "/work/" in name or name.endswith(".writer.json")] == []
        done.add("runs cut off")
    assert ended["as before"] > 0


def fill(bucket: Bucket, n: int = 4) -> None:
    for i in range(n):
        bucket.put(f"in/{i}.txt", article(i))


def test_an_answer_that_breaks_off_is_asked_again(s3: S3, bucket: Bucket, press: Path, tmp_path: Path) -> None:
    fill(bucket)
    s3.tear(every=3, matching="/in/")
    run_here([f"press={bucket.url}/in"], tmp_path / "out")
    s3.refuse()
    run_here([press], tmp_path / "here")
    assert_same(published(tmp_path / "out"), published(tmp_path / "here"))


def test_answers_that_all_break_off_are_no_text(
    s3: S3, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.discover.remote._PATIENCE", timedelta(seconds=0.5))
    monkeypatch.setattr("stages.discover.patience.PAUSES", ())
    fill(bucket)
    s3.tear(every=1, matching="/in/2.txt")
    report = run_here([f"press={bucket.url}/in"], tmp_path / "out")
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/2.txt", "disk_failed")]
    s3.refuse()
    assert run_here([f"press={bucket.url}/in"], tmp_path / "out").counts["n_written"] == 1


def test_an_object_that_is_replaced_between_two_ranges_is_not_read(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of two versions would be nobody's."""
    monkeypatch.setattr("stages.discover.remote._RANGE", 200)
    fill(bucket, 2)
    from stages.tables.store.objects import Objects

    pieces = Objects.pieces

    def replaced(self: Objects, path: str, *given: Any) -> Any:
        for n, piece in enumerate(pieces(self, path, *given)):
            yield piece
            if n == 0 and path == "1.txt":
                bucket.put("in/1.txt", article(7))

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Objects, "pieces", replaced)
        report = run_here([f"press={bucket.url}/in"], tmp_path / "out")
    assert [(uri, code) for uri, code, _ in report.quarantined] == [("press/1.txt", "changed_while_reading")]
    assert run_here([f"press={bucket.url}/in"], tmp_path / "out").counts["n_written"] == 1


# Readers

Read = Callable[[DeltaTable, str], list[Any]]


def with_polars(table: DeltaTable, column: str) -> list[Any]:
    found = pl.scan_delta(table.table_uri, version=table.version(), storage_options=access("s3://x"))
    return found.select(column).collect()[column].to_list()


def with_pandas(table: DeltaTable, column: str) -> list[Any]:
    return list(table.to_pandas(columns=[column])[column])


def with_duckdb(table: DeltaTable, column: str) -> list[Any]:
    with duckdb.connect() as connection:
        connection.register("found", table.to_pyarrow_dataset())
        return [row[0] for row in connection.execute(f"SELECT {column} FROM found").fetchall()]


READERS: dict[str, Read] = {"polars": with_polars, "pandas": with_pandas, "duckdb": with_duckdb}


def read_until(bucket: Bucket, read: Read, stop: Event) -> int:
    """Read all tables again and again, twice at least; each time all of them are of the run that CURRENT.json names."""
    n = 0
    while n < 2 or not stop.is_set():
        current = json.loads(bucket.get("tables/CURRENT.json"))
        at = {
            name: DeltaTable(f"{bucket.url}/tables/delta/{name}", about["version"], storage_options=access("s3://x"))
            for name, about in current["tables"].items()
        }
        texts = {name: read(at[name], "text") for name in ("documents", "blocks", "sentences")}
        found = {name: [text for text in those if "Ausgabe" in text] for name, those in texts.items()}
        assert {name: len(those) for name, those in found.items()} == dict.fromkeys(found, 5)
        editions = {text.partition("Ausgabe ")[2][:6] for those in found.values() for text in those}
        assert len(editions) == 1, editions
        assert set(read(at["documents"], "run_id")) == {current["run_id"]}
        assert len(read(at["runs"], "run_id")) == int(editions.pop()) + 1
        n += 1
    return n


def test_readers_see_one_version_beside_a_writer(bucket: Bucket, tmp_path: Path) -> None:
    readers = {name: partial(read_until, bucket, read) for name, read in READERS.items()}
    snapshots, counts = read_beside_a_writer(tmp_path / "press", f"{bucket.url}/tables", readers, SECONDS)
    assert not check_tables(f"{bucket.url}/tables", [str(tmp_path / "press")]).problems
    done.add("snapshots published", snapshots)
    for name, n in counts.items():
        done.add(f"reads with {name}", n)
