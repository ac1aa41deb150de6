"""The corpora and programs that speed is measured with."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from tests.benchmarks import names
from tests.benchmarks.corpora import CHARS, ROOT, documents, gather_sentences, write_documents
from tests.benchmarks.peers import PROGRAMS

BENCHMARKS = ROOT / "tests" / "benchmarks"


@pytest.mark.integration
@pytest.mark.parametrize("program", sorted(BENCHMARKS.glob("*.py")), ids=lambda program: program.stem)
def test_each_program_begins_wherever_it_is_called_from(program: Path, tmp_path: Path) -> None:
    begin = f"import runpy; runpy.run_path({str(program)!r}, run_name='begun')"
    subprocess.run([sys.executable, "-P", "-c", begin], cwd=tmp_path, check=True, timeout=120)


def test_no_sentence_comes_again_before_all_others_came() -> None:
    sentences = [f"Satz {number:04} steht hier." for number in range(300)]
    texts = list(documents(sentences, 8))
    assert texts == list(documents(sentences, 8))
    assert all(CHARS <= len(text) < 1.2 * CHARS for text in texts)
    words = [word for text in texts for word in text.split() if len(word) == 4 and word.isdigit()]
    seen = Counter(words)
    assert set(seen) == {f"{number:04}" for number in range(300)}
    assert max(seen.values()) - min(seen.values()) <= 1


def test_without_development_sets_our_own_texts_are_taken(tmp_path: Path) -> None:
    sentences, origin = gather_sentences(tmp_path)
    assert (origin, len(sentences) > 200, len(sentences)) == ("our own goldens", True, len(set(sentences)))


@pytest.mark.integration
@pytest.mark.parametrize("program", ["floor", "obvious"])
def test_a_peer_writes_every_document(program: str, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    write_documents(source, gather_sentences(None)[0], 3)
    subprocess.run([sys.executable, PROGRAMS / f"{program}.py", source, out], check=True, timeout=120)
    assert pl.read_parquet(out / "documents.parquet").height == 3


@pytest.mark.integration
def test_cpu_by_stage_is_told() -> None:
    command = [sys.executable, BENCHMARKS / "peers.py", "--stages", "none", "--documents", "2"]
    said = subprocess.run(command, cwd=ROOT, check=True, timeout=120, capture_output=True, text=True).stdout
    for stage in ("reflow", "identify_language", "split_sentences", "extract_entities", "link_entities"):
        assert f"{stage} " in said


@pytest.mark.integration
def test_the_table_of_names_says_which_material_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, BENCHMARKS / "names.py", "--devsets", tmp_path, "--only", "four types"]
    said = subprocess.run(command, cwd=ROOT, check=True, timeout=300, capture_output=True, text=True).stdout
    assert said.count("not measured: ner/germeval_dev_12.tsv is not there") == len(names.entities.ENGINES)


def test_a_figure_below_its_floor_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in names.rows(tmp_path) if row.what == "values, MONEY")
    today = names.measured(row, None)
    assert today is not None
    assert names.is_held(row, today, 50.0)
    assert not names.is_held(row, today, 101.0)
    assert capsys.readouterr().out.count("below its floor of 101.0") == 1
