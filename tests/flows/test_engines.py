"""Models of other makers by their folder: from the command line and in deployments, checked before anything is read."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from flows.cli import build_parser, main
from flows.settings import Settings
from stages.errors import UsageError
from stages.extract_entities.names import ENGINES, NONE
from stages.extract_entities.names.others import OPENERS
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here

TEXT = "Am Montag sprach Anna Blum in Lindau über den Hafen. Der Stadtrat dankte Anna Blum für ihre Arbeit.\n"
Maker = Callable[[Path, str], str]


@pytest.fixture(scope="session")
def make_model() -> Maker:
    """A function that writes a spaCy model that calls "Anna Blum" by a label, and gives its engine."""
    spacy = pytest.importorskip("spacy", reason="the extra for spaCy is not installed")

    def made(folder: Path, label: str) -> str:
        pipeline = spacy.blank("de")
        pipeline.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": "Anna Blum"}])
        pipeline.to_disk(folder)
        return f"spacy:{folder}"

    return made


@pytest.fixture
def press(tmp_path: Path) -> Path:
    folder = tmp_path / "press"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT, encoding="utf-8")
    return folder


def names_in(tables: Path) -> set[tuple[str, str, str]]:
    mentions = read_table(tables, read_current(tables), "mentions").filter(pl.col("kind") != "value")
    return set(mentions.select("text", "label", pl.col("extractor").str.slice(0, 6)).iter_rows())


@pytest.mark.integration
def test_the_command_line_takes_a_model_by_its_folder(press: Path, tmp_path: Path, make_model: Maker) -> None:
    engine = make_model(tmp_path / "model", "PER")
    command = [Path(sys.executable).with_name("fliesstext"), "run", press, "--tables", "out", "--workers", "1"]
    done = subprocess.run([*command, "--engine", engine], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert names_in(tmp_path / "out") == {("Anna Blum", "PER", "spacy-")}


@pytest.mark.integration
def test_the_command_line_does_without_names(press: Path, tmp_path: Path) -> None:
    (press / "b.txt").write_text("Am 3. Mai 2024 zahlte Anna Blum 90 Euro.\n", encoding="utf-8")
    command = [Path(sys.executable).with_name("fliesstext"), "run", press, "--tables", "out", "--workers", "0"]
    done = subprocess.run([*command, "--engine", "none"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    tables = {
        name: read_table(tmp_path / "out", read_current(tmp_path / "out"), name)
        for name in ("documents", "sentences", "mentions", "clusters", "entities")
    }
    assert tables["documents"].select("language", "entity_model").rows() == [("de", "none")] * 2
    assert tables["sentences"].height == 3
    values = tables["mentions"].sort("text").select("kind", "text", "value").rows()
    assert values == [("value", "3. Mai 2024", "2024-05-03"), ("value", "90 Euro", "90 EUR"), ("value", "Montag", None)]
    assert (tables["clusters"].height, tables["entities"].height) == (0, 0)


def test_names_go_where_a_run_looks_for_none_and_come_back(press: Path, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    with fast_gate():
        run_here([press], tables, engine="fast")
        found = names_in(tables)
        assert {(text, label) for text, label, _ in found} >= {("Anna Blum", "PER")}
        run_here([press], tables, engine="none")
        assert names_in(tables) == set()
        assert read_table(tables, read_current(tables), "entities").is_empty()
        run_here([press], tables, engine="fast")
    assert names_in(tables) == found


def test_show_takes_it_too(press: Path, tmp_path: Path, make_model: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(press / "a.txt"), "--engine", make_model(tmp_path / "model", "PER")]) == 0
    assert "PER: Anna Blum (2)" in capsys.readouterr().out


def test_another_model_in_the_folder_changes_names_and_another_folder_does_not(
    press: Path, tmp_path: Path, make_model: Maker
) -> None:
    model, tables = tmp_path / "model", tmp_path / "tables"
    with fast_gate():
        run_here([press], tables, engine=make_model(model, "PER"))
        assert names_in(tables) == {("Anna Blum", "PER", "spacy-")}
        (model / ".git").mkdir()
        (model / ".git" / "index").write_bytes(b"of no matter")
        moved = model.rename(tmp_path / "moved")
        assert not run_here([press], tables, engine=f"spacy:{moved}").published
        assert run_here([press], tables, engine=make_model(moved, "ORG")).counts["n_written"] == 1
    assert names_in(tables) == {("Anna Blum", "ORG", "spacy-")}


@pytest.mark.parametrize("command", ["run", "show"])
@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("spacy:{}/nowhere", "there is no folder {}/nowhere"),
        ("gliner:{}/press", "needs the package gliner"),
        ("spacy", "--engine: 'spacy' is none of accurate, fast, none, spacy:DIR"),
        ("spacy:", "--engine: 'spacy:' is none of"),
        ("flair:{}", "is none of accurate, fast, none, spacy:DIR, gliner:DIR, transformers:DIR"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_read(
    command: str,
    engine: str,
    said: str,
    press: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "gliner", None)
    file = press if command == "run" else press / "a.txt"
    assert main([command, str(file), "--engine", engine.format(tmp_path)]) == 2
    assert said.format(tmp_path) in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_deployment_is_told_before_anything_is_read(press: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        run_here([press], tmp_path / "tables", engine=f"spacy:{tmp_path / 'nowhere'}")
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_model_that_cannot_be_opened_ends_the_run_and_blames_no_document(
    workers: int, press: Path, tmp_path: Path, make_model: Maker
) -> None:
    model, tables = tmp_path / "model", tmp_path / "tables"
    engine = make_model(model, "PER")
    (model / "config.cfg").write_text("[nlp]\n", encoding="utf-8")
    with fast_gate(), pytest.raises(UsageError, match="spacy cannot open the model in"):
        run_here([press], tables, engine=engine, workers=workers)
    assert read_current(tables) is None


@pytest.mark.parametrize(
    "engine", [*ENGINES, NONE, *(f"{maker}:/models/de" for maker in OPENERS), "spacy:C:\\modelle\\de"]
)
def test_the_schema_that_a_trigger_checks_allows(engine: str) -> None:
    Draft202012Validator(Settings.model_json_schema()).validate({"engine": engine})
    assert Settings(engine=engine).engine == engine


@pytest.mark.parametrize("engine", ["best", "spacy", "spacy:", "fast:DIR", "none:", "Accurate", "", "spacy:a\nb", 3])
def test_the_schema_that_a_trigger_checks_refuses(engine: object) -> None:
    assert not Draft202012Validator(Settings.model_json_schema()).is_valid({"engine": engine})


@pytest.mark.parametrize("command", ["run", "show"])
def test_help_names_every_engine(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for engine in (*ENGINES, NONE, *(f"{maker}:DIR" for maker in OPENERS)):
        assert engine in text
