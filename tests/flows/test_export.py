"""Every export is opened by the tool it is for, and says what the tables say."""

import csv
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import conllu
import duckdb
import polars as pl
import pytest

from flows.export import FORMS, conllu_sentence, export_tables, tei_document
from stages.errors import UsageError
from stages.tables.schemas import TABLES
from stages.tables.store.snapshots import read_current, read_table

pytestmark = pytest.mark.integration
TEI = {"t": "http://www.tei-c.org/ns/1.0"}


@pytest.fixture(scope="module")
def exported(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All forms, each by the command."""
    folder = tmp_path_factory.mktemp("exported")
    command = Path(sys.executable).with_name("fliesstext")
    for form in FORMS:
        arguments = [command, "export", "--tables", published, "--to", form, "--out", folder / form]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"24 documents in {folder / form}" in done.stdout
    return folder


def table(published: Path, name: str) -> pl.DataFrame:
    return read_table(published, read_current(published), name)


def ask(folder: Path, form: str, query: str) -> list[tuple[object, ...]]:
    if form == "duckdb":
        with duckdb.connect(str(folder / form), read_only=True) as opened:
            return opened.execute(query).fetchall()
    opened = sqlite3.connect(folder / form)
    try:
        return opened.execute(query).fetchall()
    finally:
        opened.close()


@pytest.mark.parametrize("form", ["sqlite", "duckdb"])
def test_a_database_holds_every_row_and_answers_the_usual_questions(exported: Path, published: Path, form: str) -> None:
    for name in TABLES:
        assert ask(exported, form, f"SELECT count(*) FROM {name}") == [(table(published, name).height,)]
    people = table(published, "entities").filter(pl.col("label") == "PER")["name"]
    assert sorted(row[0] for row in ask(exported, form, "SELECT name FROM people")) == sorted(people)
    context = "SELECT count(*) FROM mentions_in_context WHERE instr(sentence, text) > 0"
    assert ask(exported, form, context) == [(table(published, "mentions").height,)]
    named = table(published, "mentions").drop_nulls("entity_id").group_by("entity_id", "doc_id").len()
    assert ask(exported, form, "SELECT count(*), sum(n_mentions) FROM named_in") == [(named.height, named["len"].sum())]
    together = named.join(named, on="doc_id").filter(pl.col("entity_id") != pl.col("entity_id_right"))
    pairs = together.group_by("entity_id", "entity_id_right").len()
    (found,) = ask(exported, form, "SELECT count(*), sum(n_documents) FROM named_together")
    assert found[1] == together.height
    assert int(str(found[0])) <= pairs.height
    by_month = ask(exported, form, "SELECT sum(n_mentions) FROM names_by_month WHERE length(month) = 7")
    assert by_month == [(named["len"].sum(),)]
    assert ask(exported, form, "SELECT count(DISTINCT source_uri) FROM changes") == [(28,)]
    slices = "SELECT count(*) FROM mentions m JOIN documents d USING (doc_id) "
    right = "WHERE substr(d.text, text_start + 1, text_end - text_start) = m.text"
    assert ask(exported, form, slices + right) == [(table(published, "mentions").height,)]


def test_csv_is_one_file_a_table_with_lists_as_json(exported: Path, published: Path) -> None:
    for name in TABLES:
        with (exported / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == table(published, name).height
    with (exported / "csv" / "blocks.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    assert json.loads(first["spans"]) == table(published, "blocks")["spans"][0].to_list()
    assert "text_start" in first


def test_jsonl_is_a_line_a_block_whose_names_can_be_cut_out(exported: Path, published: Path) -> None:
    chunks = [json.loads(line) for line in (exported / "jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({chunk["id"] for chunk in chunks}) == len(chunks) == table(published, "blocks").height
    mentions = [(chunk, m) for chunk in chunks for m in chunk["mentions"]]
    assert len(mentions) == table(published, "mentions").height
    for chunk, m in mentions:
        assert chunk["text"][m["start"] - chunk["start"] : m["end"] - chunk["start"]] == m["text"]


def test_conllu_has_every_sentence_and_ten_columns(exported: Path, published: Path) -> None:
    text = (exported / "conllu").read_text(encoding="utf-8")
    sentences = [part for part in text.split("\n\n") if part.strip()]
    assert len(sentences) == table(published, "sentences").height
    tokens = [line for part in sentences for line in part.split("\n") if line and not line.startswith("#")]
    assert {line.count("\t") for line in tokens} == {9}
    begun = Counter(line.split("NER=B-")[1].split("|")[0] for line in tokens if "NER=B-" in line)
    counted = Counter(table(published, "mentions")["label"])
    assert 0.85 * counted.total() < begun.total() <= counted.total()  # what lies inside a name is not marked again


def test_a_library_reads_conllu_and_every_token_slices_back(exported: Path, published: Path) -> None:
    texts = dict(table(published, "documents").select("doc_id", "text").iter_rows())
    sentences = {(d, n): text for d, n, text in table(published, "sentences")["doc_id", "sentence_no", "text"].rows()}
    with (exported / "conllu").open(encoding="utf-8") as file:
        for sentence in conllu.parse_incr(file):
            doc_id, _, number = sentence.metadata["sent_id"].rpartition("-")
            places = [tuple(map(int, token["misc"]["TokenRange"].split(":"))) for token in sentence]
            assert [texts[doc_id][start:end] for start, end in places] == [token["form"] for token in sentence]
            gaps = ["" if (token["misc"].get("SpaceAfter")) == "No" else " " for token in sentence]
            words = "".join(token["form"] + gap for token, gap in zip(sentence, gaps, strict=True)).rstrip()
            assert words == sentence.metadata["text"] == " ".join(sentences.pop((doc_id, int(number))).split())
    assert sentences == {}


def test_a_sentence_as_conllu() -> None:
    sentence = {"doc_id": "d", "sentence_no": 3, "text": "In Köln, 1933.", "start": 10}
    mentions = [
        {"start": 13, "end": 17, "label": "LOC", "entity_id": "e"},
        {"start": 19, "end": 23, "label": "DATE", "entity_id": None},
    ]
    assert conllu_sentence(sentence, mentions).splitlines()[2:] == [
        "1\tIn\t_\t_\t_\t_\t_\t_\t_\tTokenRange=10:12",
        "2\tKöln\t_\t_\t_\t_\t_\t_\t_\tNER=B-LOC|TokenRange=13:17|Entity=e|SpaceAfter=No",
        "3\t,\t_\t_\t_\t_\t_\t_\t_\tTokenRange=17:18",
        "4\t1933\t_\t_\t_\t_\t_\t_\t_\tNER=B-DATE|TokenRange=19:23|SpaceAfter=No",
        "5\t.\t_\t_\t_\t_\t_\t_\t_\tTokenRange=23:24",
        "",
    ]


def test_tei_is_well_formed_and_says_what_the_document_says(exported: Path, published: Path) -> None:
    documents = table(published, "documents")
    assert {file.stem for file in (exported / "tei").iterdir()} == set(documents["doc_id"])
    for doc_id, text in documents.select("doc_id", "text").iter_rows():
        root = ElementTree.parse(exported / "tei" / f"{doc_id}.xml").getroot()
        body = root.find("t:text/t:body", TEI)
        assert body is not None
        assert (
            "".join("".join(one.itertext()) for one in body.iter() if one.get("n")).split()
            == "".join(text.split("\n\n")).split()
        )
        ids = {one.get("{http://www.w3.org/XML/1998/namespace}id") for one in root.iter()}
        references = {str(one.get("ref"))[1:] for one in root.iter() if one.get("ref")}
        assert references <= ids
        for division in body:
            assert division.tag.endswith("}div")
            assert len(division) > 1 or not division[0].tag.endswith("}head")


def test_what_xml_cannot_hold_does_not_break_it() -> None:
    document = {"title": "<&\x00", "source_uri": 'a"/b', "run_id": "r", "content_sha256": "0", "language": "de"}
    block = {"block_no": 0, "kind": "paragraph", "text": "A \x0b & <b> Huber", "start": 0, "end": 15}
    mention = {"block_no": 0, "start": 10, "end": 15, "label": "PER", "entity_id": "1f", "value": None}
    text = tei_document(document, [block], [mention], {"1f": "Huber & Co"})
    assert ElementTree.fromstring(text.encode()).findtext(".//t:persName", namespaces=TEI) == "Huber"
    assert "A \ufffd &amp; &lt;b&gt; <persName" in text


def test_nothing_is_overwritten_and_nothing_half_is_left(published: Path, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(UsageError, match="is there already"):
        export_tables(published, "csv", tmp_path / "there", lambda *_: None)
    with pytest.raises(UsageError, match="no such folder"):
        export_tables(published, "csv", tmp_path / "no" / "such", lambda *_: None)
    with pytest.raises(UsageError, match="nothing was published"):
        export_tables(tmp_path, "csv", tmp_path / "x", lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
