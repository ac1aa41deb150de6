import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from stages.errors import UsageError
from stages.extract_entities.names import entity_model, extract_names
from stages.extract_entities.names.others import LONGEST, extractor


def fake_spacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the package: marks every "Anna Blum " as a person, and badly, as models do."""

    def read(text: str) -> SimpleNamespace:
        starts = [i for i in range(len(text)) if text.startswith("Anna Blum", i)]
        spans = [(i - (text[i - 1 : i] == " "), i + 9, "PERSON") for i in starts] + [(i, i + 4, "LOC") for i in starts]
        return SimpleNamespace(ents=[SimpleNamespace(start_char=a, end_char=b, label_=c) for a, b, c in spans])

    module = ModuleType("spacy")
    module.load = lambda _folder: read  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spacy", module)


def test_spans_are_trimmed_mapped_and_kept_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_spacy(monkeypatch)
    text = "Gestern kam Anna Blum. " + "wort " * LONGEST + "Anna Blum"
    engine = f"spacy:{tmp_path}"
    (rows,) = extract_names([[(text, "xx", "paragraph")]], engine)
    assert [(text[n.start : n.end], n.label, n.extractor) for n in rows[0]] == [
        ("Anna Blum", "PER", extractor(engine))
    ] * 2
    assert entity_model("xx", engine) == "trained"


def test_a_missing_folder_is_refused_and_nothing_downloaded() -> None:
    with pytest.raises(UsageError, match="never downloaded"):
        extract_names([[("x", "de", "paragraph")]], "gliner:some/model")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "gliner", None)
    with pytest.raises(UsageError, match="gliner"):
        extract_names([[("x", "de", "paragraph")]], f"gliner:{tmp_path}")


def test_a_real_spacy_pipeline_keeps_the_contract(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy", reason="the extra for spaCy is not installed")
    pipeline = spacy.blank("de")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Anna Blum"}])
    pipeline.to_disk(tmp_path / "model")
    engine = f"spacy:{tmp_path / 'model'}"
    documents = [[("Anna Blum kam.", "de", "paragraph")], [("Niemand kam.", "de", "paragraph")]]
    together = extract_names(documents, engine)
    assert together == [extract_names([one], engine)[0] for one in documents]
    assert [(n.start, n.end, n.label) for n in together[0][0]] == [(0, 9, "PER")]
