"""Documents made again although their files are as they were: named, by code, outdated, in slices."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows import settings as versions
from flows.cli import main
from flows.report import RunReport
from flows.run import refresh_tables
from flows.settings import Settings
from stages.discover.again import Again
from stages.errors import UsageError
from stages.tables.ids import to_doc_id
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import article, assert_same, fast_gate, published, run_here, write_articles

OPTIONS = {"workers": 0, "languages": ("de",), "engine": "none"}


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = write_articles(tmp_path / "press", 5)
    (folder / "copy.txt").write_text(article(4), encoding="utf-8")  # sorts behind 4.txt
    (folder / "empty.txt").touch()
    run_here([folder], tmp_path / "tables", **OPTIONS)
    return folder


def again(press: Path, choice: Again | None, **settings: object) -> RunReport:
    chosen = Settings.model_validate(OPTIONS | settings)
    return refresh_tables([str(press)], press.parent / "tables", chosen, again=choice)


def table(press: Path, name: str) -> pl.DataFrame:
    tables = press.parent / "tables"
    return read_table(tables, read_current(tables), name)


def made_by(press: Path, run_id: str) -> list[str]:
    return sorted(table(press, "documents").filter(run_id=run_id)["source_uri"])


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function after which a stage is a newer one."""

    def renew() -> None:
        monkeypatch.setattr(versions.split_sentences, "VERSION", "newer")

    return renew


def test_named_documents_are_made_again_and_no_others(press: Path) -> None:
    before = published(press.parent / "tables")
    report = again(press, Again(doc_ids=(to_doc_id("press/1.txt"),), patterns=("press/3*",)))
    assert report.published
    assert made_by(press, report.run_id) == ["press/1.txt", "press/3.txt"]
    assert report.again == {"chosen": 2, "made": 2, "left": 0, "outdated": 0}
    assert_same(published(press.parent / "tables"), before)
    processed = dict(table(press, "sources").select("source_uri", "processed_run").iter_rows())
    assert processed["press/1.txt"] == report.run_id
    assert processed["press/2.txt"] not in (None, report.run_id)
    assert processed["press/copy.txt"] is None, "a duplicate is not read"


def test_of_a_duplicate_the_written_source_is_made_again(press: Path) -> None:
    report = again(press, Again(patterns=("press/copy.txt",)))
    assert made_by(press, report.run_id) == ["press/4.txt"]


def test_what_is_in_quarantine_for_a_code_is_tried_again(press: Path) -> None:
    report = again(press, Again(codes=("empty",)))
    assert report.again == {"chosen": 1, "made": 1, "left": 0, "outdated": 0}
    assert report.counts["n_quarantined"] == 1
    (processed,) = table(press, "sources").filter(source_uri="press/empty.txt")["processed_run"]
    assert processed == report.run_id
    assert again(press, Again(codes=("bomb",))).again["chosen"] == 0


def test_a_doc_id_that_nobody_has_is_refused(press: Path) -> None:
    pointer = (press.parent / "tables" / "CURRENT.json").read_bytes()
    with pytest.raises(UsageError, match="doc_id 0123"):
        again(press, Again(doc_ids=("0123",)))
    assert (press.parent / "tables" / "CURRENT.json").read_bytes() == pointer


def test_outdated_documents_are_made_again_in_slices_that_end(press: Path, newer: Callable[[], None]) -> None:
    newer()
    slices = [again(press, Again(outdated=True, limit=4)) for _ in range(2)]
    # Five texts, and the empty file that another stage might read.
    assert [report.again for report in slices] == [
        {"chosen": 6, "made": 4, "left": 2, "outdated": 2},
        {"chosen": 2, "made": 2, "left": 0, "outdated": 0},
    ]
    assert set(made_by(press, slices[0].run_id)).isdisjoint(made_by(press, slices[1].run_id))
    last = again(press, Again(outdated=True, limit=4))
    assert not last.published
    assert not run_here([press], press.parent / "tables", **OPTIONS).published


def test_slices_leave_what_one_run_leaves(press: Path, newer: Callable[[], None], tmp_path: Path) -> None:
    newer()
    while again(press, Again(outdated=True, limit=2)).again["left"]:
        pass
    run_here([press], tmp_path / "fresh", **OPTIONS)
    assert_same(published(press.parent / "tables"), published(tmp_path / "fresh"))


def test_named_slices_go_on_where_the_last_ended(press: Path) -> None:
    begun = datetime.now(UTC) + timedelta(seconds=1)
    choice = Again(patterns=("press/?.txt",), limit=2)
    made = [made_by(press, again(press, choice).run_id) for _ in range(3)]
    assert made[:2] == [["press/0.txt", "press/1.txt"], ["press/2.txt", "press/3.txt"]]
    assert made[2][-1] == "press/4.txt", "the one left, and the oldest again"
    ended = again(press, choice._replace(before=begun - timedelta(days=1)))
    assert ended.again == {"chosen": 0, "made": 0, "left": 0, "outdated": 0}
    assert not ended.published


def test_a_nightly_run_makes_no_more_again_than_it_may(press: Path, newer: Callable[[], None]) -> None:
    newer()
    (press / "new.txt").write_text(article(9), encoding="utf-8")
    report = again(press, None, max_outdated=0)
    assert made_by(press, report.run_id) == ["press/new.txt"]
    assert report.again == {"chosen": 6, "made": 0, "left": 6, "outdated": 6}
    assert len(made_by(press, again(press, None, max_outdated=3).run_id)) == 3


@pytest.mark.parametrize(
    ("arguments", "said"), [([], "nothing is named"), (["--code", "emtpy"], "emtpy is no code of the table quarantine")]
)
def test_a_choice_of_nothing_is_wrong_usage(
    press: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reprocess", str(press), "--tables", str(press.parent / "tables"), *arguments]) == 2
    assert said in capsys.readouterr().err
