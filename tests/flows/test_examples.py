"""The recipes in examples/ run and say what the samples say."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from flows.export import export_tables
from stages.tables.store.choose import open_store
from tests.faults.harness import fast_gate, run_here
from tests.flows.browse.kinds import fill

integration = pytest.mark.integration
ROOT = Path(__file__).parents[2]


def said(*arguments: str | Path) -> list[str]:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=240)
    return done.stdout.splitlines()


@integration
def test_two_names_together(published: Path, tmp_path: Path) -> None:
    export_tables(published, "sqlite", tmp_path / "texts.db", lambda *_: None)
    lines = said("examples/names_together.py", tmp_path / "texts.db", "Haifa", "Görlitz")
    assert lines[0] == "samples/kultur/museum_schmale_spalte.txt: Ein Museum für das Nichts"
    assert "    Wer das neue Stadtmuseum von Görlitz betritt, steht zuerst in einem leeren Raum." in lines


@integration
def test_changes(published: Path) -> None:
    assert len(said("examples/changes.py", published, "2020-01-01")) == 28
    assert said("examples/changes.py", published, "2990-01-01") == []


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of document, beside two that quote people."""
    folder = tmp_path_factory.mktemp("examples")
    fill(folder / "kinds")
    said_so = (
        "„Wir fangen im Herbst an“, sagte Anna Huber am Montag. Später fragte Peter Sommer: „Wer soll das bezahlen?“\n"
    )
    (folder / "kinds" / "zitat.txt").write_text(said_so, encoding="utf-8")
    with fast_gate():
        run_here([folder / "kinds"], folder / "tables", engine="fast", text_column="body", key_column="nr")
    return folder / "tables"


def test_names_over_time_as_a_plot(tables: Path, tmp_path: Path) -> None:
    export_tables(tables, "sqlite", tmp_path / "texts.db", lambda *_: None)
    out = tmp_path / "names.svg"
    lines = said("examples/names_over_time.py", tmp_path / "texts.db", out, "Anna Huber", "Peter Sommer")
    assert lines[0].startswith("Anna Huber: 2024-03 2, ")
    plot = ElementTree.parse(out).getroot()
    lines_drawn = plot.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines_drawn) == 2
    months = len(lines_drawn[0].get("points", "").split())
    assert months == len(lines_drawn[1].get("points", "").split()) > 24


def test_quotes_with_speakers(tables: Path) -> None:
    assert sorted(said("examples/quotes.py", tables)) == [
        "Anna Huber: Wir fangen im Herbst an  (kinds/zitat.txt)",
        "Peter Sommer: Wer soll das bezahlen?  (kinds/zitat.txt)",
    ]


def delta_of_two_runs(text: Path, at: Path) -> Path:
    """Delta tables whose folders hold files that the last version no longer has."""
    (at / "press").mkdir()
    for name in ("first.txt", "second.txt"):
        copied = shutil.copy(text, at / "press" / name)
        with fast_gate():
            run_here([at / "press"], at / "delta", engine="fast", table_format="delta")
        copied.unlink()
    return at / "delta"


@pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed (pip install pyspark)"
)
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java is installed, which Spark needs")
@pytest.mark.parametrize("form", ["parquet", "delta"])
def test_spark_reads_the_tables(tables: Path, tmp_path: Path, form: str) -> None:
    if form == "delta":
        tables = delta_of_two_runs(tables.parent / "kinds" / "zitat.txt", tmp_path)
    store = open_store(tables)
    people = store.read(store.current(), "entities").filter(pl.col("label") == "PER")
    expected = {
        f"{name}: {d} documents, {m} mentions"
        for name, d, m in people.select("name", "n_documents", "n_mentions").rows()
    }
    assert expected
    assert set(said("examples/spark_people.py", tables)) == expected
