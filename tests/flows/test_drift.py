"""What a run makes of a source is compared with what the runs before made of it."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.check import check_tables
from flows.report import RunReport, attention, notes
from flows.report_json import as_json
from stages.tables.drift import DriftLimits, compare, measure
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import article, fast_gate, run_here

# Ten words, one hyphen at a line end, one language.
TEXT = "Am Montag hat der Stadtrat von Lindau über die Brü-\ncke {} gesprochen, auch Anna Schmidt war dabei.\n"
ENGLISH = "On Monday the council of the town spoke about bridge {} and the old harbour for a very long time.\n"


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_gate():
        yield


def night(home: Path, number: int, text: str = TEXT, n: int = 4, **settings: object) -> RunReport:
    press = home / "press"
    press.mkdir(exist_ok=True)
    for at in range(n):
        (press / f"{number:02}-{at}.txt").write_text(text.format(f"{number} {at}"), encoding="utf-8")
    options = {"engine": "fast", "languages": ("de", "en"), "drift_documents": 3} | settings
    return run_here([press], home / "tables", **options)


def drift(home: Path) -> pl.DataFrame:
    return read_table(home / "tables", read_current(home / "tables"), "drift")


def test_every_run_measures_what_it_made(tmp_path: Path) -> None:
    (tmp_path / "press").mkdir()
    (tmp_path / "press" / "leer.txt").touch()
    report = night(tmp_path, 0)
    rows = drift(tmp_path)
    assert set(rows["run_id"]) == {report.run_id}
    found = dict(rows.select("measure", "observed").iter_rows())
    # "Brü-cke" is one word again: 18 words a text, of which one hyphen went.
    assert (found["documents"], found["words"], found["language de"]) == (4, 72, 1)
    assert found["hyphens_per_1000_words"] == pytest.approx(1000 * 4 / 72)
    assert found["quarantine_share"] == pytest.approx(1 / 5)
    assert found["names_per_1000_words"] > 0
    assert found["entity_heads"] == 1
    assert set(rows["verdict"]) == {"unjudged"}
    assert report.drift == []


def test_batches_are_counted_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.batch._COUNTED_AT_ONCE", 2)
    night(tmp_path, 0, n=5, batch_size=1)
    found = dict(drift(tmp_path).select("measure", "observed").iter_rows())
    assert (found["documents"], found["words"], found["entity_heads"]) == (5, 90, 1)


def test_another_language_and_no_hyphens_are_told_and_may_fail(tmp_path: Path) -> None:
    for number in range(3):
        assert night(tmp_path, number).drift == []
    usual = night(tmp_path, 3)
    assert usual.drift == []
    assert set(drift(tmp_path).filter(run_id=usual.run_id)["verdict"]) == {"usual"}
    odd = night(tmp_path, 4, ENGLISH)
    unusual = {row["measure"]: (row["observed"], row["median"]) for row in odd.drift}
    assert unusual["language de"] == (0, 1)
    assert unusual["language en"] == (1, 0)
    assert unusual["hyphens_per_1000_words"][0] == 0
    assert not {"documents", "words"} & unusual.keys()
    assert attention(odd, strict=False) is None
    assert any(note.startswith("Drift: language de of press is 0, where the median of 4 runs") for note in notes(odd))
    assert '"measure": "language de"' in as_json(odd)
    failed = night(tmp_path, 5, ENGLISH, drift_fail=0.7)
    wanted = attention(failed, strict=True)
    assert wanted
    assert (wanted.state, wanted.exit_code) == ("Drifted", 6)
    assert failed.published
    assert check_tables(tmp_path / "tables").problems == []


def test_a_run_with_few_documents_is_neither_judged_nor_compared_with(tmp_path: Path) -> None:
    for number in range(4):
        night(tmp_path, number)
    few = night(tmp_path, 4, ENGLISH, n=1)
    assert few.drift == []
    after = night(tmp_path, 5)
    assert after.drift == []
    assert drift(tmp_path).filter(run_id=after.run_id)["n_runs"].unique().to_list() == [4]


def test_a_run_that_only_moves_measures_nothing(tmp_path: Path) -> None:
    night(tmp_path, 0)
    (tmp_path / "press" / "00-0.txt").rename(tmp_path / "press" / "moved.txt")
    moved = run_here([tmp_path / "press"], tmp_path / "tables", engine="fast", languages=("de", "en"))
    assert moved.published
    assert drift(tmp_path).filter(run_id=moved.run_id).is_empty()


def past(*values: float) -> pl.DataFrame:
    rows = [
        (f"2024050{at}T120000Z-abc123", "press", "words", value, 50, 0, None, None, "usual")
        for at, value in enumerate(values)
    ]
    from stages.tables.schemas import TABLES

    return pl.DataFrame(rows, schema=TABLES["drift"].schema, orient="row")


@pytest.mark.parametrize(
    ("value", "verdict", "deviation"),
    [(100.0, "usual", 0.0), (11.0, "usual", 0.89), (9.0, "unusual", 0.91), (1100.0, "unusual", 1 - 100 / 1100)],
)
def test_volumes_may_differ_tenfold(value: float, verdict: str, deviation: float) -> None:
    measured = pl.DataFrame({"source": ["press"], "measure": ["words"], "observed": [value], "n_documents": [50]})
    # The first of the four is too long ago to count.
    rows = compare(measured, past(9_000, 90, 100, 110), "20240601T120000Z-abc123", DriftLimits(runs=3))
    assert rows["median"].to_list() == [100]
    assert rows["verdict"].to_list() == [verdict]
    assert rows["deviation"].to_list() == [pytest.approx(deviation)]


def test_nothing_made_measures_nothing() -> None:
    assert measure([]).is_empty()


def test_what_no_worker_survived_counts_as_quarantined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.batch import Batch

    def fails(*_: object) -> Batch:
        raise MemoryError

    monkeypatch.setattr(Batch, "annotate", fails)
    press = tmp_path / "press"
    press.mkdir()
    for number in range(2):
        (press / f"{number}.txt").write_text(article(number), encoding="utf-8")
    run_here([press], tmp_path / "tables", engine="none", batch_size=1)
    shares = drift(tmp_path).filter(measure="quarantine_share")["observed"].to_list()
    assert shares == [1.0]
