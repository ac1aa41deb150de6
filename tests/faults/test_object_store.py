"""Tables and sources on an object store: an S3 server on this machine, throttled, refused, written by two."""

import io
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from flows.check import check_tables
from stages.errors import LockedError, TablesError, UsageError
from stages.tables.store import Snapshot
from stages.tables.store.choose import open_store
from stages.tables.store.delta import DeltaTables
from stages.tables.store.objects import Objects
from tests.faults.harness import COMMAND, ROOT, article, assert_same, published, rows, write_articles
from tests.faults.harness import run_here as run_with
from tests.flows.test_resume import kill_when, read_by, write_long_texts
from tests.object_store import KEY, S3, SECRET, Bucket

pytestmark = pytest.mark.integration
run_here = partial(run_with, engine="fast", wait_seconds=0)


@pytest.fixture
def press(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "press", 4)


def change(folder: Path) -> None:
    (folder / "0.txt").write_text(article(10), encoding="utf-8")
    (folder / "1.txt").unlink()
    (folder / "new.txt").write_text(article(11), encoding="utf-8")


def expected(folder: Path, at: Path) -> dict[str, pl.DataFrame]:
    run_here([folder], at)
    return published(at)


class KilledError(BaseException):
    """Stands for a process that is gone."""


def test_same_rows_as_in_a_folder(bucket: Bucket, press: Path, tmp_path: Path) -> None:
    tables = f"{bucket.url}/a/tables"
    run_here([press], tables)
    assert_same(rows(tables), expected(press, tmp_path / "one"))
    change(press)
    run_here([press], tables)
    assert_same(rows(tables), expected(press, tmp_path / "two"))
    assert not check_tables(tables, [str(press)]).problems
    assert not run_here([press], tables).published
    assert ".writer.json" not in bucket.names()


def test_throttling_is_waited_for(s3: S3, bucket: Bucket, press: Path, tmp_path: Path) -> None:
    s3.refuse(every=4)
    run_here([press], f"{bucket.url}/tables")
    s3.refuse()
    assert_same(rows(f"{bucket.url}/tables"), expected(press, tmp_path / "one"))


def test_a_refusal_is_told_without_secrets(s3: S3, bucket: Bucket, press: Path, tmp_path: Path) -> None:
    s3.refuse(every=1, status=403)
    options = ("--engine", "none", "--languages", "de", "--workers", "0")
    ended = subprocess.run(
        [*COMMAND, "run", str(press), "--tables", f"{bucket.url}/tables", *options],
        cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "check the address, the credentials and the network" in ended.stderr
    assert KEY not in ended.stdout + ended.stderr
    assert SECRET not in ended.stdout + ended.stderr


@pytest.mark.parametrize("at", [3, 9])
def test_killed_between_commits(bucket: Bucket, press: Path, tmp_path: Path, at: int) -> None:
    tables = f"{bucket.url}/tables"
    run_here([press], tables)
    before = rows(tables)
    change(press)
    commits, commit = count(1), DeltaTables._commit

    def dying(self: DeltaTables, table: str, snapshot: Snapshot) -> int:
        if next(commits) == at:
            raise KilledError
        return commit(self, table, snapshot)

    with patch.object(DeltaTables, "_commit", dying), pytest.raises(KilledError):
        run_here([press], tables)
    assert_same(rows(tables), before)
    run_here([press], tables)
    assert_same(rows(tables), expected(press, tmp_path / "fresh"))
    assert not check_tables(tables, [str(press)]).problems


def test_of_two_writers_one_wins_and_the_other_says_so(bucket: Bucket, press: Path, tmp_path: Path) -> None:
    """Both hold what they take for the lease, as happens when one stood still for more than a minute."""
    tables = f"{bucket.url}/tables"
    run_here([press], tables)
    change(press)
    publish = DeltaTables.publish

    def late(self: DeltaTables, *given: object) -> Snapshot:
        with patch.object(DeltaTables, "publish", publish):
            bucket.delete("tables/.writer.json")
            run_here([press], tables)
        (press / "after.txt").write_text(article(40), encoding="utf-8")
        return publish(self, *given)  # type: ignore[arg-type]

    with patch.object(DeltaTables, "publish", late), pytest.raises(LockedError, match="nothing of this one"):
        run_here([press], tables)
    run_here([press], tables)
    assert_same(rows(tables), expected(press, tmp_path / "fresh"))
    assert not check_tables(tables, [str(press)]).problems


def test_who_has_lost_the_lease_clears_nothing(bucket: Bucket, press: Path) -> None:
    """What lies there unnamed is that of the run that took over, which is about to name it."""
    run_here([press], f"{bucket.url}/tables")
    store, theirs = open_store(f"{bucket.url}/tables"), "tables/snapshots/20261128T000000Z-abcdef/started"
    batch = "tables/work/20261128T000000Z-abcdef/batches/batches-00000.zip"
    with store.writing("20261128T000001Z-abcdef"):
        bucket.put(theirs, b"")
        store.clear_leftovers(store.current())
        assert theirs not in bucket.names()
        bucket.put(theirs, b"")
        bucket.put(batch, b"")
        bucket.delete("tables/.writer.json")
        store.clear_leftovers(store.current())
        assert {theirs, batch} <= set(bucket.names())


def test_a_lease_is_respected_and_that_of_a_dead_run_is_taken(bucket: Bucket, press: Path) -> None:
    tables = f"{bucket.url}/tables"
    run_here([press], tables)
    with (
        open_store(tables).writing("20261128T000000Z-aaaaaa"),
        pytest.raises(LockedError, match="20261128T000000Z-aaaaaa"),
    ):
        run_here([press], tables, verify=True)
    bucket.put("tables/.writer.json", '{"run_id": "r", "pid": 1, "host": "elsewhere"}')
    with patch("stages.tables.store.lease._DEAD_AFTER", 1.5):
        change(press)
        assert run_here([press], tables, wait_seconds=20).published


def test_a_foreign_prefix_is_refused(bucket: Bucket, press: Path) -> None:
    bucket.put("mine/thesis.docx", "mine")
    with pytest.raises(UsageError, match=r"thesis\.docx"):
        run_here([press], f"{bucket.url}/mine")
    assert bucket.names("mine") == ["mine/thesis.docx"]


def test_a_damaged_object_is_refused(bucket: Bucket, press: Path) -> None:
    tables = f"{bucket.url}/tables"
    run_here([press], tables)
    name = next(path for path in bucket.names("tables/delta/sources") if path.endswith("part.parquet"))
    data = bucket.get(name)
    bucket.put(name, data[:50] + bytes([data[50] ^ 1]) + data[51:])
    change(press)
    with pytest.raises(TablesError, match="is not what was published"):
        run_here([press], tables)
    assert any("not what was published" in line for line in check_tables(tables).problems)


def test_old_snapshots_go(bucket: Bucket, press: Path) -> None:
    tables = f"{bucket.url}/tables"
    for seed in range(20, 24):
        (press / "0.txt").write_text(article(seed), encoding="utf-8")
        run_here([press], tables, keep_snapshots=2)
    store = open_store(tables)
    current = store.current()
    assert current
    assert len({path.split("/")[2] for path in bucket.names("tables/snapshots")}) == 2
    assert len([path for path in bucket.names("tables/delta/documents") if path.endswith(".parquet")]) == 2


# Batches of a run that died


def saved(bucket: Bucket) -> list[str]:
    return sorted(name for name in bucket.names("tables/work") if name.endswith(".zip"))


def test_a_killed_run_is_resumed_on_another_machine(bucket: Bucket, press: Path, tmp_path: Path) -> None:
    tables, scratch = f"{bucket.url}/tables", tmp_path / "of the machine that died"
    run_here([press], tables)
    before = rows(tables)
    write_long_texts(press)
    scratch.mkdir()
    kill_when(lambda: len(saved(bucket)) >= 4, press, tables, tmp_path, TMPDIR=str(scratch))
    shutil.rmtree(scratch)
    assert_same(rows(tables), before)
    done = [made_of(bucket.get(name)) for name in saved(bucket)]
    assert len(done) < 10, "killed too late"
    # A file of one batch is another one by now, and the archive of another batch is damaged.
    (press / min(done[0])).write_text(article(9_999), encoding="utf-8")
    bucket.put(saved(bucket)[1], bucket.get(saved(bucket)[1])[:-40])
    report, seen = read_by(press, tables, wait_seconds=0)
    assert report.published
    assert seen == {f"{number:02}.txt" for number in range(30)}.difference(*done[2:])
    assert_same(rows(tables), expected(press, tmp_path / "fresh"))
    assert not check_tables(tables, [str(press)]).problems
    assert not bucket.names("tables/work")


def made_of(packed: bytes) -> set[str]:
    """The files that a batch was read from."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        sources = pl.read_parquet(io.BytesIO(archive.read("batch.parquet")))["source_uri"]
    return {uri.partition("/")[2] for uri in sources}


# Sources


def fill(bucket: Bucket) -> None:
    for i in range(3):
        bucket.put(f"in/1997/{i}.txt", article(i))
    bucket.put("in/märz 3.txt", article(3))
    bucket.put("in/.git/config.txt", "hidden")


def test_a_source_is_read_like_a_folder(bucket: Bucket, tmp_path: Path) -> None:
    fill(bucket)
    folder = tmp_path / "press"
    for name in bucket.names("in"):
        file = folder / name.removeprefix("in/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bucket.get(name))
    report = run_here([f"press={bucket.url}/in"], tmp_path / "remote")
    assert report.passed_over == {"press": {"hidden": 1}}
    assert_same(published(tmp_path / "remote"), expected(folder, tmp_path / "local"))
    assert not check_tables(tmp_path / "remote", [f"press={bucket.url}/in"]).problems


def test_only_what_changed_is_read(s3: S3, bucket: Bucket, tmp_path: Path) -> None:
    fill(bucket)
    source = f"press={bucket.url}/in"
    run_here([source], tmp_path / "out")
    time.sleep(3)  # what is as young as the last run is not trusted
    run_here([source], tmp_path / "out", verify=True)
    bucket.put("in/1997/0.txt", article(10))
    bucket.delete("in/1997/1.txt")
    s3.asked()
    report = run_here([source], tmp_path / "out")
    read = {line.split("?")[0].rpartition("/")[2] for line in s3.asked() if line.startswith("GET") and ".txt" in line}
    assert "0.txt" in read
    assert report.counts["n_deleted"] == 1
    assert report.counts["n_written"] == 1
    assert report.counts["n_unchanged"] == 2


def test_new_objects_are_read_side_by_side(s3: S3, bucket: Bucket, tmp_path: Path) -> None:
    """An answer takes its time, so one after the other would be a million times that."""
    for number in range(24):
        bucket.put(f"press/{number:02}.txt", article(number))
    s3.most_at_once()
    s3.answer_slowly(0.1)
    assert run_here([f"press={bucket.url}/press"], tmp_path / "out", engine="none").counts["n_written"] == 24
    assert s3.most_at_once() > 4


def test_a_glob_and_an_archive(bucket: Bucket, tmp_path: Path) -> None:
    fill(bucket)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", article(20))
    bucket.put("in/1997/old.zip", packed.getvalue())
    report = run_here([f"{bucket.url}/in/19*/*"], tmp_path / "out")
    assert sorted(published(tmp_path / "out")["documents"]["source_uri"]) == [
        *(f"in/1997/{i}.txt" for i in range(3)), "in/1997/old.zip!/a.txt",
    ]  # fmt: skip
    assert report.counts["n_written"] == 4


@pytest.mark.parametrize("status", [403, 503])
def test_a_bucket_that_cannot_be_listed_loses_nothing(s3: S3, bucket: Bucket, tmp_path: Path, status: int) -> None:
    fill(bucket)
    source = f"press={bucket.url}/in"
    run_here([source], tmp_path / "out")
    before = published(tmp_path / "out")
    s3.refuse(every=1, matching="list-type", status=status)
    with patch("stages.discover.remote._PATIENCE", timedelta(seconds=0.5)):
        report = run_here([source], tmp_path / "out", confirm_deletions=True)
    assert report.withheld == {"press": 4}
    assert_same({"documents": published(tmp_path / "out")["documents"]}, {"documents": before["documents"]})
    s3.refuse()
    run_here([source], tmp_path / "out")
    assert_same(published(tmp_path / "out"), before)


def test_throttled_reads_are_waited_for_and_what_fails_is_tried_again(s3: S3, bucket: Bucket, tmp_path: Path) -> None:
    fill(bucket)
    s3.refuse(every=3, matching="in/")
    report = run_here([f"press={bucket.url}/in"], tmp_path / "out")
    assert report.counts["n_written"] == 4
    bucket.put("in/late.txt", article(30))
    s3.refuse(every=1, matching="late.txt")
    with (
        patch("stages.discover.remote._PATIENCE", timedelta(seconds=0.5)),
        patch("stages.discover.patience.PAUSES", ()),
    ):
        report = run_here([f"press={bucket.url}/in"], tmp_path / "out")
    assert published(tmp_path / "out")["quarantine"]["rule"].to_list() == ["disk_failed"]
    s3.refuse()
    assert run_here([f"press={bucket.url}/in"], tmp_path / "out").counts["n_written"] == 1


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "nothing answers there, check the address (for s3:// AWS_ENDPOINT",
        ),
        ({}, "there is no such bucket, check its name"),
    ],
    ids=["endpoint", "bucket"],
)
def test_what_is_wrong_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], told: str
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    for place in ("stages.discover.remote._PATIENCE", "stages.tables.store.places._FIRST_PATIENCE"):
        monkeypatch.setattr(place, timedelta(seconds=0.5))
    with pytest.raises(UsageError, match=re.escape(told)):
        run_here(["press=s3://not-there/in"], tmp_path / "out")
    with pytest.raises(TablesError, match=re.escape(told)):
        run_here([tmp_path], "s3://not-there/tables")


def test_credentials_that_may_not_are_told_in_words(s3: S3, bucket: Bucket, tmp_path: Path) -> None:
    s3.refuse(every=1, status=403)
    with pytest.raises(UsageError, match="these credentials may not do that, or are none"):
        run_here([f"press={bucket.url}/in"], tmp_path / "out")


def test_a_profile_reaches_what_the_environment_does_not(
    s3: S3, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources by obstore and tables by deltalake, and no word of the secret anywhere."""
    bucket.put("in/a.txt", article(1))
    for name in s3.environment():
        monkeypatch.delenv(name)
    profile = f"[archive]\naws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n"
    (tmp_path / "profiles").write_text(f"{profile}region=eu-central-1\nendpoint_url={s3.endpoint}\n", encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "profiles"))
    monkeypatch.setenv("AWS_PROFILE", "archive")
    report = run_here([f"press={bucket.url}/in"], f"{bucket.url}/tables")
    assert report.counts["n_written"] == 1
    assert rows(f"{bucket.url}/tables")["documents"].height == 1
    assert SECRET not in repr(report)
    monkeypatch.setenv("AWS_PROFILE", "archiv")
    with pytest.raises(UsageError, match="AWS_PROFILE=archiv: no such profile with keys"):
        run_here([f"press={bucket.url}/in"], f"{bucket.url}/tables")


def test_a_store_that_is_busy_for_seconds_is_waited_for(s3: S3, bucket: Bucket) -> None:
    """Ten tries are over in two seconds, and no outage is."""
    bucket.put("in/a.txt", article(1))
    s3.refuse(every=1)
    timer = threading.Timer(8, s3.refuse)
    timer.start()
    assert [one.path for one in Objects(f"{bucket.url}/in", timedelta(seconds=60)).list()] == ["a.txt"]
    timer.join()


def test_sources_and_tables_on_one_bucket(bucket: Bucket) -> None:
    fill(bucket)
    run_here([f"press={bucket.url}"], f"{bucket.url}/tables", exclude=(".git/",))
    again = run_here([f"press={bucket.url}"], f"{bucket.url}/tables", exclude=(".git/",))
    assert not again.published
    with pytest.raises(UsageError, match="another prefix"):
        run_here([f"press={bucket.url}/tables/delta"], f"{bucket.url}/tables")


# What the documents promise

PAGE = (ROOT / "docs" / "object_stores.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"<!-- recipe: (\w+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("name", ["polars", "pandas", "duckdb"])
def test_the_recipe_reads_the_versions_that_are_named(bucket: Bucket, press: Path, name: str) -> None:
    run_here([press], f"{bucket.url}/tables")
    environment = os.environ | {"ROOT": f"{bucket.url}/tables"}
    done = subprocess.run(
        [sys.executable, "-c", RECIPES[name]], env=environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert {"polars": "PER", "pandas": "press/0.txt", "duckdb": "de"}[name] in done.stdout


def test_every_recipe_is_run() -> None:
    assert set(RECIPES) == {"polars", "pandas", "duckdb"}


def test_the_commands_of_the_readme(bucket: Bucket, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"<!-- recipe: object store -->\n```sh\n(.*?)```", readme, re.DOTALL)[0].splitlines()
    commands = [line.replace("s3://texts", bucket.url).split() for line in lines if line.startswith("fliesstext ")]
    assert len(commands) == 2
    bucket.put("press/a.txt", article(1))
    for _, *words in commands:
        done = subprocess.run(
            [*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
